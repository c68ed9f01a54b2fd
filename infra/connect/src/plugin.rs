//! The connectors whose configs are known.

use crate::definition::{Definition, Group};
use crate::input::Input;
use crate::keys;

/// A connector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plugin {
    /// Confluent's S3 sink.
    Confluent,
    /// Aiven's S3 sink.
    Aiven,
}

impl Plugin {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Confluent, Self::Aiven];

    /// The connector of a class, or of an alias that Connect knows it by.
    pub fn parse(class: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|plugin| {
            let simple = plugin.class().rsplit('.').next().unwrap_or_default();
            class == plugin.class() || class == simple || Some(class) == simple.strip_suffix("Connector")
        })
    }

    /// The class.
    pub const fn class(self) -> &'static str {
        match self {
            Self::Confluent => "io.confluent.connect.s3.S3SinkConnector",
            Self::Aiven => "io.aiven.kafka.connect.s3.AivenKafkaConnectS3SinkConnector",
        }
    }

    pub(crate) fn groups(self) -> impl Iterator<Item = &'static Group> {
        let own: &[Group] = match self {
            Self::Confluent => keys::CONFLUENT,
            Self::Aiven => keys::AIVEN,
        };
        keys::COMMON.iter().chain(own)
    }

    pub(crate) fn definition(self, key: &str) -> Option<&'static Definition> {
        self.groups().flat_map(|group| group.keys).find(|definition| definition.name == key)
    }
}

/// Which connector a config is of.
pub(crate) fn of(input: &mut Input<'_>) -> Option<Plugin> {
    const KEY: &str = "connector.class";
    let fix = format!("write {} or {}", Plugin::Confluent.class(), Plugin::Aiven.class());
    let Some(class) = input.get(KEY) else {
        input.refuse(KEY, "is missing", &fix);
        return None;
    };
    let plugin = Plugin::parse(class);
    match plugin {
        Some(_) => input.mapped(KEY, &["decode", "sink"]),
        None => input.refuse(KEY, "is not a connector that is known here", &fix),
    }
    plugin
}
