//! A new job with another one's document, from a start of its own.

use landfall_job::{ExistingObject, FieldError, JobSpec};
use serde_json::Value;

use super::create::{self, Created, NewJob};
use super::{BackendError, access, offsets};
use crate::auth::Principal;
use crate::state::ApiState;

/// `name` and `start` as a job document has them.
pub(crate) async fn clone(
    state: &ApiState,
    principal: &Principal,
    of: &str,
    name: Value,
    start: Value,
    idempotency_key: Option<&str>,
) -> Result<Created, BackendError> {
    let stored = access::visible(state, principal, of).await?;
    if stored.record.spec.sink.on_existing_object == ExistingObject::Overwrite {
        let problem = format!("is overwrite: a copy would write over what {of} has landed");
        let fix = "create a job from its document, with another sink.key";
        return Err(BackendError::CheckFailed(vec![FieldError::new("sink.on_existing_object", problem, fix)]));
    }
    let unreadable = |error: serde_json::Error| {
        let problem = format!("cannot be copied: {error}");
        BackendError::InvalidJob(vec![FieldError::new("document", problem, "create the job from its document")])
    };
    let mut document = serde_json::to_value(&stored.record.spec).map_err(unreadable)?;
    document["name"] = name;
    if let Value::Object(source) = &mut document["source"] {
        // A group of its own, by its name.
        source.remove("group");
        source.insert("start".to_owned(), start);
    }
    let spec = JobSpec::parse(&document.to_string())?;
    let mark = idempotency_key.and_then(|key| create::idempotency_mark(principal, key, &spec));
    let new = NewJob { note: format!("a copy of {of}"), ..NewJob::of(spec) };
    let mut created = create::create(state, principal, new, mark).await?;
    created.warnings.extend(offsets::meets_old_objects(&created.stored.record));
    Ok(created)
}
