//! Dotted paths into a record: `device.geo.country`.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::reader::{FromNode, Node, Refusal};

/// The deepest path, in steps.
const MAX_STEPS: usize = 32;
/// The longest path as written, in bytes.
const MAX_BYTES: usize = 1_024;

/// The way to a field of a record: at least one name, each an object key. A dot or backslash inside a name is written `\.` or `\\`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FieldPath(Vec<String>);

impl FieldPath {
    /// The path of one top-level field, whatever its characters.
    pub fn top(name: impl Into<String>) -> Self {
        Self(vec![name.into()])
    }

    /// The names from the outside in; never empty.
    pub fn steps(&self) -> &[String] {
        &self.0
    }

    /// Reads `a.b.c`.
    ///
    /// # Errors
    /// The path is empty, has an empty name, a lone backslash, or is too long or deep.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        const FIX: &str = "write names with dots between them, such as device.geo.country";
        if text.len() > MAX_BYTES {
            return Err(Refusal::new(format!("is longer than {MAX_BYTES} bytes"), FIX));
        }
        let mut steps = vec![String::new()];
        let mut chars = text.chars();
        while let Some(c) = chars.next() {
            let next = match c {
                '.' => {
                    steps.push(String::new());
                    continue;
                }
                '\\' => match chars.next() {
                    Some(escaped @ ('.' | '\\')) => escaped,
                    _ => {
                        let fix = "write \\. for a dot and \\\\ for a backslash inside a name";
                        return Err(Refusal::new("has a lone backslash", fix));
                    }
                },
                other => other,
            };
            if let Some(step) = steps.last_mut() {
                step.push(next);
            }
        }
        if steps.iter().any(String::is_empty) {
            return Err(Refusal::new("has an empty name", FIX));
        }
        if steps.len() > MAX_STEPS {
            return Err(Refusal::new(format!("has more than {MAX_STEPS} names"), FIX));
        }
        Ok(Self(steps))
    }
}

impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, step) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str(".")?;
            }
            f.write_str(&step.replace('\\', "\\\\").replace('.', "\\."))?;
        }
        Ok(())
    }
}

impl Serialize for FieldPath {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl FromNode for FieldPath {
    fn from_node(node: &Node) -> Result<Self, Refusal> {
        Self::parse(&String::from_node(node)?)
    }
}
