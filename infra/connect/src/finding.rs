//! What became of one key of a config.

use std::fmt;

use landfall_job::FieldError;
use landfall_job::reader::Refusal;
use serde::Serialize;

/// What became of one key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "class", rename_all = "snake_case")]
pub enum Class {
    /// It says something of the job.
    Mapped {
        /// The fields of the job document, as dotted paths.
        fields: Vec<String>,
        /// Where the job differs from what the connector does.
        #[serde(skip_serializing_if = "Option::is_none")]
        note: Option<String>,
    },
    /// It changes nothing about what lands: a warning.
    NotNeeded {
        /// Why.
        why: String,
    },
    /// It asks for something that would not happen: an error.
    Refused {
        /// What was written, as short JSON; absent where nothing was written or where it may be a secret.
        #[serde(skip_serializing_if = "Option::is_none")]
        value: Option<String>,
        /// What is wrong, a phrase that reads on after the value.
        problem: String,
        /// What to do about it.
        fix: String,
    },
}

/// One key of a config, or one that is missing from it, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The key as written in the config.
    pub key: String,
    /// What became of it.
    #[serde(flatten)]
    pub class: Class,
}

/// Where a job differs from what the connector does, though no key of the config says so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Remark {
    /// The fields of the job document, as dotted paths.
    pub fields: Vec<String>,
    /// How it differs.
    pub text: String,
}

impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.fields.join(", "), self.text)
    }
}

impl Finding {
    /// The finding as an error of the field, if it is one.
    pub fn error(&self) -> Option<FieldError> {
        let Class::Refused { value, problem, fix } = &self.class else { return None };
        let error = FieldError::new(&self.key, problem, fix);
        Some(match value {
            Some(value) => error.with_value(value),
            None => error,
        })
    }
}

/// What is wrong with a config whose names become a template that is no good. A template may be as long as a config.
pub(crate) fn unfit(template: &str, refusal: &Refusal) -> String {
    let told: String = template.chars().take(200).collect();
    let dots = if told.len() < template.len() { "…" } else { "" };
    let problem: String = refusal.problem.chars().take(400).collect();
    format!("becomes the key template {told}{dots}, which {problem}")
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.class, self.error()) {
            (_, Some(error)) => write!(f, "{error}"),
            (Class::Mapped { fields, note: Some(note) }, None) => {
                write!(f, "{}: becomes {}; {note}", self.key, fields.join(", "))
            }
            (Class::Mapped { fields, note: None }, None) => write!(f, "{}: becomes {}", self.key, fields.join(", ")),
            (Class::NotNeeded { why }, None) => write!(f, "{}: not needed, {why}", self.key),
            (Class::Refused { .. }, None) => Ok(()),
        }
    }
}
