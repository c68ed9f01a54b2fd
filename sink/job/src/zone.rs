//! Time zones by IANA name, from the database built into the program: every worker reads the same rules, and no file.

use std::fmt;
use std::sync::LazyLock;

use jiff::tz::{TimeZone, TimeZoneDatabase};
use serde::{Serialize, Serializer};

use crate::reader::{FromNode, Node, Refusal, closest};

static BUNDLED: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// A time zone known by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone {
    name: String,
    zone: TimeZone,
}

impl Zone {
    /// Coordinated universal time.
    pub fn utc() -> Self {
        Self { name: "UTC".to_owned(), zone: TimeZone::UTC }
    }

    /// The IANA name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The rules.
    pub fn time_zone(&self) -> &TimeZone {
        &self.zone
    }

    /// Finds a zone by its IANA name.
    ///
    /// # Errors
    /// There is no such zone.
    pub fn parse(name: &str) -> Result<Self, Refusal> {
        if name == "UTC" {
            return Ok(Self::utc());
        }
        if let Ok(zone) = BUNDLED.get(name) {
            return Ok(Self { name: zone.iana_name().unwrap_or(name).to_owned(), zone });
        }
        let known: Vec<String> = BUNDLED.available().map(|known| known.as_str().to_owned()).collect();
        let lower: Vec<String> = known.iter().map(|known| known.to_ascii_lowercase()).collect();
        let near = closest(name, lower.iter().map(String::as_str))
            .and_then(|near| lower.iter().position(|known| known == near))
            .and_then(|at| known.get(at));
        let fix = match near {
            Some(near) => format!("did you mean {near}?"),
            None => "write an IANA name such as UTC or Europe/Berlin".to_owned(),
        };
        Err(Refusal::new("is not a time zone", fix))
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl Serialize for Zone {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.name)
    }
}

impl FromNode for Zone {
    fn from_node(node: &Node) -> Result<Self, Refusal> {
        Self::parse(&String::from_node(node)?)
    }
}
