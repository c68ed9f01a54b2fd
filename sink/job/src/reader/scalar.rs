//! Reading one value: what a type accepts and how it says no.

use super::{Node, Number};

/// Why a value was not accepted: a phrase that follows the value, and the mending.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What is wrong, e.g. `is not a size`.
    pub problem: String,
    /// What to write instead.
    pub fix: String,
}

impl Refusal {
    /// A refusal from its two phrases.
    pub fn new(problem: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { problem: problem.into(), fix: fix.into() }
    }

    /// The refusal of a value of the wrong kind.
    pub fn kind(node: &Node, wanted: &str) -> Self {
        match node {
            Node::Null => Self::new("is no value", format!("write {wanted}, or leave the key out")),
            other => Self::new(format!("is {}", other.kind()), format!("write {wanted}")),
        }
    }
}

/// A type that can be read from one value of a document.
pub trait FromNode: Sized {
    /// Reads the value or says what is wrong with it.
    ///
    /// # Errors
    /// The value is of the wrong kind or breaks a rule of the type.
    fn from_node(node: &Node) -> Result<Self, Refusal>;
}

impl FromNode for String {
    fn from_node(node: &Node) -> Result<Self, Refusal> {
        match node {
            Node::Text(text) => Ok(text.clone()),
            Node::Number(_) | Node::Bool(_) => {
                Err(Refusal::new(format!("is {}", node.kind()), format!("put it in quotes: \"{}\"", node.shown())))
            }
            Node::Null | Node::List(_) | Node::Map(_) => Err(Refusal::kind(node, "a string")),
        }
    }
}

impl FromNode for bool {
    fn from_node(node: &Node) -> Result<Self, Refusal> {
        match node {
            Node::Bool(value) => Ok(*value),
            other => Err(Refusal::kind(other, "true or false")),
        }
    }
}

impl FromNode for u64 {
    fn from_node(node: &Node) -> Result<Self, Refusal> {
        whole(node, "a whole number of 0 or more")
    }
}

impl FromNode for u32 {
    fn from_node(node: &Node) -> Result<Self, Refusal> {
        whole(node, "a whole number of 0 or more, below 4294967296")
    }
}

impl FromNode for i64 {
    fn from_node(node: &Node) -> Result<Self, Refusal> {
        whole(node, "a whole number")
    }
}

impl FromNode for f64 {
    fn from_node(node: &Node) -> Result<Self, Refusal> {
        match node {
            Node::Number(Number::Float(value)) => Ok(*value),
            // A whole number in a document is small; one beyond 2^53 loses digits here, as in any JSON reader.
            #[allow(clippy::cast_precision_loss)]
            Node::Number(Number::Int(value)) => Ok(*value as f64),
            other => Err(Refusal::kind(other, "a number")),
        }
    }
}

fn whole<T: TryFrom<i128>>(node: &Node, wanted: &str) -> Result<T, Refusal> {
    match node {
        Node::Number(Number::Int(value)) => {
            T::try_from(*value).map_err(|_| Refusal::new("is out of range", format!("write {wanted}")))
        }
        Node::Number(Number::Float(_)) => Err(Refusal::new("is not a whole number", format!("write {wanted}"))),
        other => Err(Refusal::kind(other, wanted)),
    }
}

/// Checks that a value lies between two bounds, both inclusive.
///
/// # Errors
/// The value is below `least` or above `most`.
#[allow(clippy::needless_pass_by_value)] // small values, and calls read better without &
pub fn within<T: PartialOrd + std::fmt::Display>(value: T, least: T, most: T) -> Result<T, Refusal> {
    if value < least {
        return Err(Refusal::new("is too small", format!("write at least {least}")));
    }
    if value > most {
        return Err(Refusal::new("is too large", format!("write at most {most}")));
    }
    Ok(value)
}

/// Reads text that must say something.
///
/// # Errors
/// The value is not text, or is blank.
pub fn nonempty_text(node: &Node) -> Result<String, Refusal> {
    let text = String::from_node(node)?;
    if text.trim().is_empty() {
        return Err(Refusal::new("is empty", "write a value, or leave the key out"));
    }
    Ok(text)
}
