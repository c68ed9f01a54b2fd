//! Secrets and the references that stand for them: `${env:NAME}`, `${file:PATH}` and `${secretsmanager:ARN#key}`.

use std::fmt;

use landfall_job::reader::{FromNode, Node, Refusal};
use serde::{Serialize, Serializer};

use crate::load::Outside;

/// A value that must not be seen: `Debug`, `Display` and the serialized form are `***`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Keeps a value from being seen.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The value, for the client that needs it and nothing else.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("***")
    }
}

/// Why a secret could not be had. Never holds the value.
pub(crate) struct Unresolved {
    pub(crate) problem: String,
    pub(crate) fix: String,
}

impl Unresolved {
    fn new(problem: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { problem: problem.into(), fix: fix.into() }
    }
}

/// Reads a scalar as text and puts what they stand for in the place of references. What a reference brings is taken as it
/// is: a `${` in it is text.
pub(crate) fn resolve(node: &Node, outside: &Outside<'_>) -> Result<Secret, Unresolved> {
    let text = match node {
        Node::Text(text) => text.clone(),
        Node::Bool(_) | Node::Number(_) => node.shown(),
        other => {
            let Refusal { fix, .. } =
                String::from_node(other).err().unwrap_or_else(|| Refusal::kind(other, "a string"));
            return Err(Unresolved::new(format!("is {}", other.kind()), fix));
        }
    };
    let mut resolved = String::new();
    let mut rest = text.as_str();
    while let Some((before, reference)) = rest.split_once("${") {
        resolved.push_str(before);
        let Some((reference, after)) = reference.split_once('}') else {
            return Err(Unresolved::new("has a ${ that is never closed", "write ${env:NAME} or ${file:PATH}"));
        };
        resolved.push_str(&look_up(reference, outside)?);
        rest = after;
    }
    resolved.push_str(rest);
    Ok(Secret(resolved))
}

fn look_up(reference: &str, outside: &Outside<'_>) -> Result<String, Unresolved> {
    const FIX: &str = "write ${env:NAME}, ${file:PATH} or ${secretsmanager:ARN#key}";
    match reference.split_once(':') {
        Some(("env", name)) => match (outside.variable)(name) {
            Some(value) if !value.is_empty() => Ok(value),
            Some(_) => {
                Err(Unresolved::new(format!("needs the variable {name}, which is empty"), format!("set {name}")))
            }
            None => Err(Unresolved::new(format!("needs the variable {name}, which is not set"), format!("set {name}"))),
        },
        Some(("file", path)) => match (outside.file)(path) {
            // An editor's last newline is not part of a password.
            Ok(text) => {
                let text =
                    text.strip_suffix('\n').map_or(text.as_str(), |text| text.strip_suffix('\r').unwrap_or(text));
                match text.is_empty() {
                    true => Err(Unresolved::new(
                        format!("needs the file {path}, which is empty"),
                        "write the secret into it",
                    )),
                    false => Ok(text.to_owned()),
                }
            }
            Err(error) => {
                let problem = format!("needs the file {path}, which cannot be read: {error}");
                Err(Unresolved::new(problem, "mount it, and let the process read it"))
            }
        },
        Some(("secretsmanager", name)) => match (outside.secret)(name) {
            Ok(value) if !value.is_empty() => Ok(value),
            Ok(_) => Err(Unresolved::new("needs a secret that is empty in AWS Secrets Manager", "put a value into it")),
            Err(error) => {
                let problem = format!("needs a secret that AWS Secrets Manager does not give: {error}");
                Err(Unresolved::new(problem, "allow secretsmanager:GetSecretValue, or mend its ARN"))
            }
        },
        Some((scheme, _)) => Err(Unresolved::new(format!("has the unknown reference ${{{scheme}:...}}"), FIX)),
        None => Err(Unresolved::new("has a reference without a kind", FIX)),
    }
}
