//! The job document as it grows, and which key of the config each of its fields is from.

use std::collections::BTreeMap;

use landfall_job::{DurationMs, JobSpec};
use serde_json::{Map, Value};

use crate::input::Input;

#[derive(Default)]
pub(crate) struct Draft {
    document: Map<String, Value>,
    origins: BTreeMap<String, String>,
}

impl Draft {
    /// Sets a field by its dotted path. `key` is blamed for what is wrong with it, whether it is written or left to its default.
    pub(crate) fn set(&mut self, field: &str, value: impl Into<Value>, key: &str) {
        let mut steps: Vec<&str> = field.split('.').collect();
        let Some(last) = steps.pop() else { return };
        let mut section = &mut self.document;
        for step in steps {
            let inner = section.entry(step).or_insert_with(|| Value::Object(Map::new()));
            let Value::Object(inner) = inner else { return };
            section = inner;
        }
        section.insert(last.to_owned(), value.into());
        self.origins.insert(field.to_owned(), key.to_owned());
    }

    /// Sets a span of time, written with its unit as people would; `ms` is above zero.
    pub(crate) fn set_span(&mut self, field: &str, ms: i64, key: &str) {
        let span = DurationMs(u64::try_from(ms).unwrap_or_default());
        self.set(field, span.to_string(), key);
    }

    /// The document, where it is a job; what is wrong with it is put to the keys it is from.
    pub(crate) fn finish(self, input: &mut Input<'_>) -> Option<Value> {
        let document = Value::Object(self.document);
        let refused_before = input.any_refused();
        let errors = match JobSpec::parse(&document.to_string()) {
            Ok(_) => return (!refused_before).then_some(document),
            Err(errors) => errors.0,
        };
        for error in errors {
            let problem = format!("becomes {} of the job, which {}", error.field, error.problem);
            match origin(&self.origins, &error.field) {
                Some(key) => input.refuse(key, &problem, &error.fix),
                // A section that a refused key would have filled is missing: that has been told.
                None if refused_before => {}
                None => input.refuse("connector.class", &problem, &error.fix),
            }
        }
        None
    }
}

/// The key that a field, or the nearest field above it, is from.
fn origin<'a>(origins: &'a BTreeMap<String, String>, field: &str) -> Option<&'a str> {
    let covers = |path: &str| {
        field.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('.') || rest.starts_with('['))
    };
    let nearest = origins.iter().filter(|(path, _)| covers(path)).max_by_key(|(path, _)| path.len());
    nearest.map(|(_, key)| key.as_str())
}
