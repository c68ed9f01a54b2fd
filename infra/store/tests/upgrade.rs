//! Two versions beside one another: what this one makes of a log that a newer one has written to.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use landfall_commit::entry::BadEntry;
use landfall_commit::state::FoldError;
use landfall_commit::{Checkpoint, JobUid, Lane, LogState, Origins, Paths, Seq};
use landfall_job::JobSpec;
use landfall_s3::embedded::LocalStore;
use landfall_s3::{Condition, ObjectOptions, PutRequest, SharedStore, SystemTimer};
use landfall_store::record::RECORD_FORMAT;
use landfall_store::{Closing, Desired, JobRecord, LogError, LogStore, StateLocation};
use serde_json::Value;

fn record() -> JobRecord {
    let document = r#"{"name":"bids","source":{"cluster":"main","topics":["bids"]},"sink":{"bucket":"lake"}}"#;
    let now = Timestamp::UNIX_EPOCH;
    JobRecord {
        format: RECORD_FORMAT,
        name: "bids".into(),
        uid: "5f0c".into(),
        generation: 1,
        config_version: 1,
        spec: JobSpec::parse(document).unwrap(),
        earlier: Vec::new(),
        desired: Desired::Deleted,
        restarts: 0,
        origins: Vec::new(),
        ends: None,
        lanes: 1,
        created_at: now,
        changed_at: now,
        changed_by: "test".into(),
        failed: None,
        finished_at: None,
        closed: false,
        idempotency: None,
        connector: None,
        events: Vec::new(),
        write_token: String::new(),
    }
}

async fn checkpoint_of(store: &SharedStore, state: &LogState, change: impl Fn(&mut Value)) {
    let mut json: Value = serde_json::from_slice(&Checkpoint::to_json(state).unwrap()).unwrap();
    change(&mut json);
    let request = PutRequest {
        bucket: "lake".into(),
        key: Paths::new("_landfall/", &JobUid::from("5f0c"), Lane(0)).checkpoint(Seq(0)),
        body: Bytes::from(serde_json::to_vec(&json).unwrap()),
        condition: Condition::None,
        options: ObjectOptions::default(),
    };
    store.put(request).await.unwrap();
}

#[tokio::test]
async fn a_log_whose_checkpoint_a_newer_version_wrote_is_not_given_up_with_its_job() {
    let store: SharedStore = Arc::new(LocalStore::memory(&["lake"]));
    let location = StateLocation::new("lake", "_landfall/");
    let logs = LogStore::new(Arc::clone(&store), location, Arc::new(SystemTimer), "api".into());
    let origins = Origins { start: BTreeMap::new(), bucket: "lake".into(), lanes: 1, created_at_ms: 0 };
    logs.write_origins(&record(), &origins).await.unwrap();
    let state = logs.read_lane(&record(), Lane(0)).await.unwrap();

    checkpoint_of(&store, &state, |json| {
        json["format"] = 2.into();
        json["state"]["later_field"] = true.into();
    })
    .await;
    let newer = |error: &LogError| {
        matches!(error, LogError::Fold { source: FoldError::Bad(BadEntry::UnknownFormat { found: 2 }), .. })
    };
    let closing = logs.close(&record(), Timestamp::UNIX_EPOCH).await;
    assert!(closing.as_ref().is_err_and(newer), "{closing:?}");
    let message = closing.unwrap_err().to_string();
    assert!(message.contains("/checkpoint/"), "the message does not name the object: {message}");
    let damage = logs.damage(&record()).await;
    assert!(damage.as_ref().is_err_and(newer), "{damage:?}");

    // The same change without a number of its own looks like damage, and the job could be deleted over it.
    checkpoint_of(&store, &state, |json| json["state"]["later_field"] = true.into()).await;
    let closing = logs.close(&record(), Timestamp::UNIX_EPOCH).await;
    assert!(matches!(closing, Ok(Closing::Unusable(_))), "{closing:?}");
}
