//! What a new document means for a running job: nothing, a change in place, a change at the next file boundary, or no.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::Value;

use crate::spec::{JobSpec, Topics};
use crate::{FieldError, FieldErrors};

/// What a change of a job asks of its workers. Fields are dotted paths in alphabetical order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "change", rename_all = "snake_case")]
#[allow(clippy::enum_variant_names)] // `NoChange` says what it is where `Change` is not in sight
pub enum Change {
    /// Both documents mean the same.
    NoChange,
    /// Nothing about files changes: labels, team, pool, number of workers.
    InPlace {
        /// What changes.
        fields: Vec<String>,
    },
    /// Open files are closed and landed as they began, new ones begin by the new document.
    AtFileBoundary {
        /// What changes.
        fields: Vec<String>,
    },
}

const IN_PLACE: &[&str] = &["team", "labels", "pool", "max_workers"];

/// Fields that the log of a job rests on, with the reason why they stay as they are.
const FIXED: &[(&str, &str, &str)] = &[
    ("name", "is the job's identity", "create a job of the new name"),
    ("source.cluster", "is fixed, the log counts offsets of that cluster", NEW_JOB),
    ("source.start", "was resolved when the job was created", GENERATION),
    ("source.stop", "was resolved when the job was created", GENERATION),
    ("source.group", "is fixed, the job's offsets are committed there", NEW_JOB),
    ("source.isolation", "is fixed, the log has declared aborted records absent or not by it", GENERATION),
    ("sink.bucket", "is fixed, the job's log names it for every object", NEW_JOB),
    ("delivery", "is fixed", NEW_JOB),
];
const GENERATION: &str = "keep it, or stop the job and create a new generation of it";
const NEW_JOB: &str = "keep it, or create a job of another name";

/// Judges the step from one document of a job to the next.
///
/// # Errors
/// A field changes that must not, each with what to do instead.
pub fn validate_update(old: &JobSpec, new: &JobSpec) -> Result<Change, FieldErrors> {
    let mut errors = Vec::new();
    let mut changed = BTreeSet::new();
    match (serde_json::to_value(filled(old)), serde_json::to_value(filled(new))) {
        (Ok(before), Ok(after)) => differences(&before, &after, "", &mut changed),
        (Err(error), _) | (_, Err(error)) => {
            return Err(FieldErrors(vec![FieldError::new("document", format!("cannot be written: {error}"), "")]));
        }
    }
    for (field, problem, fix) in FIXED {
        if changed.iter().any(|path| under(path, field)) {
            errors.push(FieldError::new(*field, *problem, *fix));
        }
    }
    if !keeps_topics(&old.source.topics, &new.source.topics) {
        let field = if matches!(new.source.topics, Topics::Named(_)) { "source.topics" } else { "source.topics_regex" };
        let fix = "keep every topic, or create a job of another name for the rest";
        errors.push(FieldError::new(field, "no longer covers every topic of the job", fix));
    }
    if !errors.is_empty() {
        return Err(FieldErrors(errors));
    }
    let fields: Vec<String> = changed.into_iter().collect();
    Ok(match fields.iter().all(|path| IN_PLACE.iter().any(|field| under(path, field))) {
        _ if fields.is_empty() => Change::NoChange,
        true => Change::InPlace { fields },
        false => Change::AtFileBoundary { fields },
    })
}

/// The document with what is not written put in words, so that writing a default is no change.
fn filled(spec: &JobSpec) -> JobSpec {
    let mut spec = spec.clone();
    spec.source.start = Some(spec.source.effective_start());
    spec.source.group = Some(spec.group_id());
    // Left out rather than filled in: it follows from format and compression, whose change tells it.
    let usual = spec.sink.usual_extension();
    spec.sink.extension.take_if(|written| written == usual);
    spec
}

/// A pattern's topics are known only to Kafka: a new pattern is taken only where it replaces names that it matches.
fn keeps_topics(old: &Topics, new: &Topics) -> bool {
    match (old, new) {
        (Topics::Named(names), new) => names.iter().all(|name| new.contains(name)),
        (Topics::Matching(before), Topics::Matching(after)) => before == after,
        (Topics::Matching(_), Topics::Named(_)) => false,
    }
}

fn under(path: &str, field: &str) -> bool {
    path.strip_prefix(field).is_some_and(|tail| tail.is_empty() || tail.starts_with('.'))
}

fn differences(before: &Value, after: &Value, path: &str, changed: &mut BTreeSet<String>) {
    match (before, after) {
        (Value::Object(left), Value::Object(right)) => {
            for key in left.keys().chain(right.keys()) {
                let inner = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                let (left, right) = (left.get(key).unwrap_or(&Value::Null), right.get(key).unwrap_or(&Value::Null));
                differences(left, right, &inner, changed);
            }
        }
        (left, right) if left != right => {
            changed.insert(path.to_owned());
        }
        _ => {}
    }
}
