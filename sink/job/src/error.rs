//! What is wrong with one field of a document, said so that a person can mend it.

use std::fmt::{self, Write as _};

use serde::Serialize;

/// One mistake in a document: which field, what was written there, what is wrong with it, and what to write instead.
///
/// Shown as `sink.rotate.bytes: "12 parsecs" is not a size; write a number of bytes or a size such as 128 MiB`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FieldError {
    /// Dotted path of the field, list items as `[0]`; `document` when the text as a whole is at fault.
    pub field: String,
    /// What was written, as JSON and shortened; absent where nothing was written or where it may be a secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// What is wrong, a phrase that reads on after the value.
    pub problem: String,
    /// What to do about it.
    pub fix: String,
}

impl FieldError {
    /// A mistake in which no value takes part, such as a missing field.
    pub fn new(field: impl Into<String>, problem: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { field: field.into(), value: None, problem: problem.into(), fix: fix.into() }
    }

    /// The same mistake with the value that was written, already shown as JSON.
    #[must_use]
    pub fn with_value(mut self, shown: impl Into<String>) -> Self {
        self.value = Some(shown.into());
        self
    }
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.field)?;
        if let Some(value) = &self.value {
            write!(f, "{value} ")?;
        }
        plain(f, &self.problem)?;
        if !self.fix.is_empty() {
            f.write_str("; ")?;
            plain(f, &self.fix)?;
        }
        Ok(())
    }
}

/// Writes a text that may repeat what a document says: on one line, and nothing that a terminal would obey.
fn plain(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    for c in text.chars() {
        match c.is_control() {
            true => write!(f, "\\u{:04x}", u32::from(c))?,
            false => f.write_char(c)?,
        }
    }
    Ok(())
}

impl std::error::Error for FieldError {}

/// Every mistake found in a document, one a line; never empty.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
#[serde(transparent)]
pub struct FieldErrors(pub Vec<FieldError>);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_document_says_never_reaches_a_terminal_as_a_command() {
        let error = FieldError::new("sink.key", "has the unknown placeholder {\u{1b}[2J}", "write\nanother");
        assert_eq!(error.to_string(), "sink.key: has the unknown placeholder {\\u001b[2J}; write\\u000aanother");
    }
}
