use std::collections::HashMap;
use std::convert::Infallible;

use landfall_s3::{Condition, ErrorKind, Fault, ObjectOptions, Operation, PlannedFault, PutRequest, Store};

use super::{faulty, process, record};
use crate::jobs::{JobStoreError, UpdateError};
use crate::record::{DecodeError, Desired};

fn bump(record: &mut crate::JobRecord) -> Result<(), Infallible> {
    record.restarts += 1;
    Ok(())
}

#[tokio::test]
async fn a_record_reads_back_as_it_was_written() {
    let store = faulty();
    let jobs = process(&store, 1);
    let written = jobs.create(record("bids"), None).await.unwrap();
    let read = jobs.get("bids").await.unwrap();
    assert_eq!(read, written);
    assert!(read.record.same_but_for_token(&record("bids")));
}

#[tokio::test]
async fn of_two_creators_one_wins_and_the_other_is_told() {
    let store = faulty();
    process(&store, 1).create(record("bids"), None).await.unwrap();
    let second = process(&store, 2).create(record("bids"), None).await;
    assert_eq!(second, Err(JobStoreError::AlreadyExists { name: "bids".into() }));
}

#[tokio::test]
async fn two_processes_that_update_at_once_lose_no_update() {
    let store = faulty();
    process(&store, 1).create(record("bids"), None).await.unwrap();
    let writers = (0..2_u64).map(|n| {
        let jobs = process(&store, 10 + n);
        tokio::spawn(async move {
            for _ in 0..50 {
                jobs.update("bids", bump).await.unwrap();
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
    assert_eq!(process(&store, 3).get("bids").await.unwrap().record.restarts, 100);
}

#[tokio::test]
async fn a_writer_that_was_overtaken_applies_its_change_to_the_newer_record() {
    let store = faulty();
    let (ours, theirs) = (process(&store, 1), process(&store, 2));
    ours.create(record("bids"), None).await.unwrap();
    let mut runs = 0;
    // The other process writes between our read and our write, once.
    let stored = ours
        .update("bids", |record| {
            runs += 1;
            if runs == 1 {
                futures::executor::block_on(theirs.update("bids", |record| {
                    record.desired = Desired::Paused;
                    Ok::<(), Infallible>(())
                }))
                .unwrap();
            }
            bump(record)
        })
        .await
        .unwrap();
    assert_eq!((runs, stored.record.restarts, stored.record.desired), (2, 1, Desired::Paused));
}

#[tokio::test]
async fn an_update_that_changes_nothing_writes_nothing() {
    let store = faulty();
    let jobs = process(&store, 1);
    let before = jobs.create(record("bids"), None).await.unwrap();
    let after = jobs.update("bids", |_| Ok::<(), Infallible>(())).await.unwrap();
    assert_eq!(before.etag, after.etag);
    assert_eq!(before, jobs.get("bids").await.unwrap());
}

#[tokio::test]
async fn a_stale_etag_is_a_conflict_and_a_refused_change_is_handed_back() {
    let store = faulty();
    let jobs = process(&store, 1);
    let first = jobs.create(record("bids"), None).await.unwrap();
    let second = jobs.update_if("bids", Some(std::slice::from_ref(&first.etag)), bump).await.unwrap();
    let conflict = JobStoreError::Conflict { name: "bids".into() };
    assert_eq!(
        jobs.update_if("bids", Some(std::slice::from_ref(&first.etag)), bump).await,
        Err(UpdateError::Store(conflict.clone()))
    );
    assert_eq!(jobs.replace(record("bids"), &first.etag).await, Err(conflict));
    assert_eq!(jobs.update("bids", |_| Err("no")).await, Err(UpdateError::Refused("no")));
    assert_eq!(jobs.get("bids").await.unwrap(), second);
}

#[tokio::test]
async fn an_answer_that_was_lost_is_decided_by_reading_again() {
    for fault in [
        Fault::LostAnswer(ErrorKind::Timeout),
        Fault::LostAnswer(ErrorKind::Server),
        Fault::LostAnswer(ErrorKind::Conflict),
        Fault::Before(ErrorKind::SlowDown),
        Fault::Before(ErrorKind::Connection),
        Fault::Late,
    ] {
        let store = faulty();
        let jobs = process(&store, 1);
        store.add(PlannedFault::on(Operation::Put, fault));
        jobs.create(record("bids"), None).await.unwrap_or_else(|error| panic!("{fault:?} at create: {error}"));
        store.add(PlannedFault::on(Operation::Put, fault));
        jobs.update("bids", bump).await.unwrap_or_else(|error| panic!("{fault:?} at update: {error}"));
        store.apply_late().await;
        assert_eq!(jobs.get("bids").await.unwrap().record.restarts, 1, "{fault:?}: applied exactly once");
        assert!(store.unfired().is_empty());
    }
}

#[tokio::test]
async fn a_store_that_stays_away_ends_the_attempt_and_a_refusal_ends_it_at_once() {
    let store = faulty();
    let jobs = process(&store, 1);
    let outage = |kind| Some(landfall_s3::faulty::Outage { kind, operations: vec![], key_contains: String::new() });
    store.set_outages(outage(ErrorKind::SlowDown));
    let error = jobs.create(record("bids"), None).await.unwrap_err();
    assert!(matches!(error, JobStoreError::Store(error) if error.kind == ErrorKind::SlowDown));
    store.set_outages(outage(ErrorKind::AccessDenied));
    let error = jobs.get("bids").await.unwrap_err();
    assert!(matches!(error, JobStoreError::Store(error) if error.kind == ErrorKind::AccessDenied));
}

#[tokio::test]
async fn a_tombstone_frees_the_name_and_the_next_job_of_it_takes_its_place_by_compare_and_swap() {
    let store = faulty();
    let jobs = process(&store, 1);
    jobs.create(record("bids"), None).await.unwrap();
    let close = |record: &mut crate::JobRecord| {
        record.closed = true;
        Ok::<(), Infallible>(())
    };
    let tombstone = jobs.update("bids", close).await.unwrap();
    let gone = JobStoreError::NotFound { name: "bids".into() };
    assert_eq!(jobs.get("bids").await, Err(gone.clone()));
    assert_eq!(jobs.update("bids", close).await, Err(UpdateError::Store(gone)));

    let next = jobs.create(record("bids"), Some(tombstone.etag.clone())).await.unwrap();
    assert_eq!(jobs.get("bids").await.unwrap(), next);
    let late = jobs.create(record("bids"), Some(tombstone.etag)).await;
    assert_eq!(late, Err(JobStoreError::AlreadyExists { name: "bids".into() }));
}

#[tokio::test]
async fn a_poll_reads_only_what_changed_and_tells_what_is_gone_or_broken() {
    let store = faulty();
    let jobs = process(&store, 1);
    for name in ["a", "b", "c"] {
        jobs.create(record(name), None).await.unwrap();
    }
    let first = jobs.changes(&HashMap::new()).await.unwrap();
    assert_eq!(names(&first), ["a", "b", "c"]);
    // From here on a GET of an unchanged record would fail the poll.
    for name in ["a", "c"] {
        let fault = Fault::Before(ErrorKind::AccessDenied);
        store.add(PlannedFault::on(Operation::Get, fault).key_contains(&format!("jobs/{name}.json")));
    }
    let idle = jobs.changes(&first.etags).await.unwrap();
    assert!(idle.changed.is_empty() && idle.removed.is_empty() && idle.broken.is_empty());

    jobs.update("b", bump).await.unwrap();
    put(&store, "_landfall/jobs/d.json", r#"{"format":2}"#).await;
    store.inner().delete("lake", "_landfall/jobs/c.json").await.unwrap();
    let second = jobs.changes(&idle.etags).await.unwrap();
    assert_eq!(names(&second), ["b"]);
    assert_eq!(second.removed, ["c"]);
    assert_eq!(second.broken.len(), 1);
    assert_eq!((second.broken[0].name.as_str(), &second.broken[0].reason), ("d", &DecodeError::UnknownFormat(2)));
    let third = jobs.changes(&second.etags).await.unwrap();
    assert!(third.changed.is_empty() && third.broken.is_empty(), "a broken record is told once, until it changes");
}

/// Pages are asked for beside each other, at names known from before: what came or went since is at their edges too. As
/// keys `x-.json` comes before `x.json`, as names it is the other way round.
#[tokio::test]
async fn a_poll_of_many_pages_misses_nothing_wherever_it_is() {
    let store = faulty();
    let jobs = process(&store, 1);
    let all: Vec<String> = (0..1_250).flat_map(|n| [format!("x{n:04}"), format!("x{n:04}-")]).collect();
    for name in &all {
        jobs.create(record(name), None).await.unwrap();
    }
    let first = jobs.changes(&HashMap::new()).await.unwrap();
    assert_eq!(first.changed.len(), all.len());
    // The last and the first of each page, and around them.
    let gone: Vec<&str> = ["x0000-", "x0499", "x0500-", "x0999", "x1249"].to_vec();
    for name in &gone {
        store.inner().delete("lake", &format!("_landfall/jobs/{name}.json")).await.unwrap();
    }
    jobs.update("x0500", bump).await.unwrap();
    jobs.update("x0999-", bump).await.unwrap();
    let new: Vec<String> = (0..1_100).map(|n| format!("x0499-{n:04}")).chain(["a".into(), "z".into()]).collect();
    for name in &new {
        jobs.create(record(name), None).await.unwrap();
    }
    let second = jobs.changes(&first.etags).await.unwrap();
    let mut expected: Vec<&str> = new.iter().map(String::as_str).chain(["x0500", "x0999-"]).collect();
    expected.sort_unstable();
    assert_eq!(names(&second), expected);
    assert_eq!(second.removed, gone);
    assert_eq!(second.etags.len(), all.len() - gone.len() + new.len());
    let third = jobs.changes(&second.etags).await.unwrap();
    assert!(third.changed.is_empty() && third.removed.is_empty());
    assert_eq!(third.etags, second.etags);
}

#[tokio::test]
async fn a_name_that_would_leave_its_folder_reads_and_writes_nothing() {
    let store = faulty();
    let jobs = process(&store, 1);
    put(&store, "_landfall/jobs/x/y.json", "{}").await;
    assert_eq!(jobs.lookup("x/y").await, Ok(None));
    assert_eq!(jobs.lookup("").await, Ok(None));
    let mut foreign = record("bids");
    foreign.name = "../workers/w".into();
    assert!(matches!(jobs.create(foreign, None).await, Err(JobStoreError::Encode { .. })));
}

fn names(changes: &crate::Changes) -> Vec<&str> {
    changes.changed.iter().map(|stored| stored.record.name.as_str()).collect()
}

async fn put(store: &super::Faulty, key: &str, body: &str) {
    let request = PutRequest {
        bucket: "lake".into(),
        key: key.into(),
        body: body.to_owned().into(),
        condition: Condition::None,
        options: ObjectOptions::default(),
    };
    store.inner().put(request).await.unwrap();
}
