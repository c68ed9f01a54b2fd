//! A new document for a job that exists: judged against the old one, checked against the real parts, then written by
//! compare-and-swap. The workers apply it at a file boundary.

use landfall_job::{Change, FieldError, JobName, JobSpec, validate_update};
use landfall_store::{Connector, Desired, EventKind, JobRecord, JobStoreError, Stored};

use super::{BackendError, access, check, create, group};
use crate::auth::Principal;
use crate::state::ApiState;

#[derive(Debug)]
pub(crate) struct Replaced {
    pub(crate) stored: Stored,
    pub(crate) change: Change,
    pub(crate) warnings: Vec<String>,
}

/// `if_match`: the ETags of the record that may be replaced; none: whichever there is. `connector`: the Kafka Connect
/// config that the document comes from, for a job that was made from one; it has no other documents.
pub(crate) async fn replace(
    state: &ApiState,
    principal: &Principal,
    name: &str,
    spec: JobSpec,
    connector: Option<Connector>,
    if_match: Option<&[String]>,
) -> Result<Replaced, BackendError> {
    let current = access::visible(state, principal, name).await?;
    // Judged again by the write; here, so that a replacement of another record makes no dead-letter topic.
    if if_match.is_some_and(|etags| !etags.contains(&current.etag)) {
        return Err(JobStoreError::Conflict { name: name.to_owned() }.into());
    }
    ensure_same_origin(&current.record, connector.is_some())?;
    access::ensure_own_team(principal, &spec)?;
    ensure_same_name(name, &spec)?;
    let mut change = judge(&current, &spec)?;
    let plan = match change {
        Change::NoChange => check::Plan::default(),
        Change::InPlace { .. } | Change::AtFileBoundary { .. } => {
            check::changed_job(state, &current.record, &spec).await?
        }
    };
    create::make_dead_letter_topic(state, &spec, &plan).await?;
    group::put_back(state, &spec, &current.record.uid, &plan.ahead, "stop the job, then change it").await?;
    let stored = state
        .jobs
        .update_if(name, if_match, |record| {
            access::ensure_visible(principal, record)?;
            if record.desired == Desired::Deleted {
                return Err(being_deleted(name));
            }
            // Another generation: what was resolved is not for its topics.
            if record.uid != current.record.uid {
                return Err(JobStoreError::Conflict { name: name.to_owned() }.into());
            }
            change = validate_update(&record.spec, &spec)?;
            // Keys that mean nothing to the job are given back, too.
            record.connector.clone_from(&connector);
            if change == Change::NoChange {
                return Ok(());
            }
            plan.add_to(record);
            record.replace_spec(spec.clone());
            let detail = format!("version {}: {}", record.config_version, fields(&change));
            record.changed(state.environment.now(), &principal.name, EventKind::Changed, detail);
            Ok(())
        })
        .await?;
    if change != Change::NoChange {
        tracing::info!(job = name, config_version = stored.record.config_version, by = principal.name, "job replaced");
    }
    Ok(Replaced { stored, change, warnings: plan.warnings })
}

/// RFC 7396 on the stored document with all its defaults, then a replacement.
pub(crate) async fn patch(
    state: &ApiState,
    principal: &Principal,
    name: &str,
    patch: &serde_json::Value,
    if_match: Option<&[String]>,
) -> Result<Replaced, BackendError> {
    let current = access::visible(state, principal, name).await?;
    let unreadable = |error: serde_json::Error| {
        BackendError::InvalidJob(vec![FieldError::new("document", format!("cannot be patched: {error}"), "use PUT")])
    };
    let mut document = serde_json::to_value(&current.record.spec).map_err(unreadable)?;
    merge(&mut document, patch);
    let spec = JobSpec::parse(&serde_json::to_string(&document).map_err(unreadable)?)?;
    // The patch was worked out on this record: another one in its place is a conflict, unless the caller named one.
    let seen = [current.etag];
    replace(state, principal, name, spec, None, Some(if_match.unwrap_or(&seen))).await
}

fn fields(change: &Change) -> String {
    match change {
        Change::NoChange => String::new(),
        Change::InPlace { fields } | Change::AtFileBoundary { fields } => fields.join(", "),
    }
}

fn judge(current: &Stored, spec: &JobSpec) -> Result<Change, BackendError> {
    if current.record.desired == Desired::Deleted {
        return Err(being_deleted(&current.record.name));
    }
    Ok(validate_update(&current.record.spec, spec)?)
}

pub(crate) fn being_deleted(name: &str) -> BackendError {
    BackendError::WrongState {
        name: name.to_owned(),
        state: "being deleted".to_owned(),
        fix: "wait until it is gone, then create it anew",
    }
}

fn ensure_same_origin(record: &JobRecord, connector: bool) -> Result<(), BackendError> {
    let (state, fix) = match (record.connector.is_some(), connector) {
        (true, false) => ("made from a connector's config", "change that: PUT /connectors/{name}/config"),
        (false, true) => ("made from a job document", "change that: PUT /v1/jobs/{name}"),
        (true, true) | (false, false) => return Ok(()),
    };
    Err(BackendError::WrongState { name: record.name.clone(), state: state.to_owned(), fix })
}

fn ensure_same_name(name: &str, spec: &JobSpec) -> Result<(), BackendError> {
    if JobName::as_str(&spec.name) == name {
        return Ok(());
    }
    let mistake = FieldError::new("name", format!("is not the job of the path, {name}"), format!("write name: {name}"));
    Err(BackendError::InvalidJob(vec![mistake.with_value(format!("{:?}", spec.name.as_str()))]))
}

/// RFC 7396: null removes, objects merge, everything else replaces.
fn merge(target: &mut serde_json::Value, patch: &serde_json::Value) {
    let serde_json::Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = serde_json::Value::Object(serde_json::Map::new());
    }
    let serde_json::Value::Object(target) = target else { return };
    for (key, value) in patch {
        if value.is_null() {
            target.remove(key);
        } else {
            merge(target.entry(key.clone()).or_insert(serde_json::Value::Null), value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_merge_patch_does_what_the_rfc_says() {
        // The examples of RFC 7396, appendix A.
        for (original, patch, result) in [
            (json!({"a":"b"}), json!({"a":"c"}), json!({"a":"c"})),
            (json!({"a":"b"}), json!({"b":"c"}), json!({"a":"b","b":"c"})),
            (json!({"a":"b"}), json!({"a":null}), json!({})),
            (json!({"a":"b","b":"c"}), json!({"a":null}), json!({"b":"c"})),
            (json!({"a":["b"]}), json!({"a":"c"}), json!({"a":"c"})),
            (json!({"a":"c"}), json!({"a":["b"]}), json!({"a":["b"]})),
            (json!({"a":{"b":"c"}}), json!({"a":{"b":"d","c":null}}), json!({"a":{"b":"d"}})),
            (json!({"a":[{"b":"c"}]}), json!({"a":[1]}), json!({"a":[1]})),
            (json!(["a", "b"]), json!(["c", "d"]), json!(["c", "d"])),
            (json!({"a":"b"}), json!(["c"]), json!(["c"])),
            (json!({"a":"foo"}), json!(null), json!(null)),
            (json!({"e":null}), json!({"a":1}), json!({"e":null,"a":1})),
            (json!([1, 2]), json!({"a":"b","c":null}), json!({"a":"b"})),
            (json!({}), json!({"a":{"bb":{"ccc":null}}}), json!({"a":{"bb":{}}})),
        ] {
            let mut target = original.clone();
            merge(&mut target, &patch);
            assert_eq!(target, result, "{original} patched with {patch}");
        }
    }
}
