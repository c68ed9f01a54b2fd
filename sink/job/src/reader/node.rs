//! The tree a document is read into before its types are known.

use std::fmt;

/// A number as it was written: whole or not.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Number {
    /// A whole number.
    Int(i128),
    /// Any other number; never NaN or infinite.
    Float(f64),
}

/// A value of a document. Keys of a map keep their order and occur once.
#[derive(Clone, Debug, PartialEq)]
pub enum Node {
    /// `null`, `~`, or a YAML key with nothing after it.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number.
    Number(Number),
    /// A string.
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// A map with text keys.
    Map(Vec<(String, Node)>),
}

/// How many characters of a value a message repeats.
const SHOWN_CHARS: usize = 80;

impl Node {
    /// The value as short JSON for a message; long text is cut and maps are only named.
    pub fn shown(&self) -> String {
        match self {
            Self::Null => "null".to_owned(),
            Self::Bool(value) => value.to_string(),
            Self::Number(Number::Int(value)) => value.to_string(),
            Self::Number(Number::Float(value)) => value.to_string(),
            // An address may hold a user and a password.
            Self::Text(text) if text.contains("://") => "(an address)".to_owned(),
            Self::Text(text) => quoted(text),
            Self::List(items) if items.iter().all(Self::is_scalar) && items.len() <= 8 => {
                let shown: Vec<String> = items.iter().map(Self::shown).collect();
                format!("[{}]", shown.join(", "))
            }
            Self::List(items) => format!("a list of {} values", items.len()),
            Self::Map(entries) => {
                let keys: Vec<String> = entries.iter().take(8).map(|(key, _)| shown_key(key)).collect();
                format!("{{{}}}", keys.join(", "))
            }
        }
    }

    /// What kind of value this is, with its article.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Number(_) => "a number",
            Self::Text(_) => "a string",
            Self::List(_) => "a list",
            Self::Map(_) => "a map",
        }
    }

    /// The value of a key, if this is a map that has it.
    pub fn get(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Map(entries) => entries.iter().find(|(name, _)| name == key).map(|(_, node)| node),
            _ => None,
        }
    }

    fn is_scalar(&self) -> bool {
        !matches!(self, Self::List(_) | Self::Map(_))
    }
}

/// A key as part of a path: control characters escaped, cut to a length fit for a message, and never without a name.
pub(crate) fn shown_key(key: &str) -> String {
    if key.is_empty() {
        return "\"\"".to_owned();
    }
    let cut: String = key.chars().take(SHOWN_CHARS).collect();
    let dots = if cut.len() < key.len() { "…" } else { "" };
    format!("{}{dots}", Escaped(&cut))
}

/// Text in JSON quotes, control characters escaped, cut to a length fit for a message.
fn quoted(text: &str) -> String {
    let cut: String = text.chars().take(SHOWN_CHARS).collect();
    let dots = if cut.len() < text.len() { "…" } else { "" };
    format!("\"{}{dots}\"", Escaped(&cut))
}

struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '"' | '\\' => write!(f, "\\{c}")?,
                c if c.is_control() => write!(f, "\\u{:04x}", u32::from(c))?,
                c => write!(f, "{c}")?,
            }
        }
        Ok(())
    }
}
