//! The faults do what their names say.

use bytes::Bytes;

use super::BUCKET;
use crate::embedded::LocalStore;
use crate::faulty::Outage;
use crate::{
    Condition, ErrorKind, Fault, FaultPlan, FaultyStore, ListRequest, ObjectOptions, Operation, PlannedFault,
    PutRequest, Store,
};

fn store(faults: Vec<PlannedFault>) -> FaultyStore<LocalStore<crate::embedded::MemoryMedium>> {
    FaultyStore::new(LocalStore::memory(&[BUCKET]), FaultPlan::of(faults))
}

fn put(key: &str) -> PutRequest {
    PutRequest {
        bucket: BUCKET.to_owned(),
        key: key.to_owned(),
        body: Bytes::from_static(b"x"),
        condition: Condition::IfAbsent,
        options: ObjectOptions::default(),
    }
}

#[tokio::test]
async fn a_fault_before_leaves_no_effect_and_a_lost_answer_does() {
    let store = store(vec![
        PlannedFault::on(Operation::Put, Fault::Before(ErrorKind::Server)).key_contains("a"),
        PlannedFault::on(Operation::Put, Fault::LostAnswer(ErrorKind::Timeout)).key_contains("b"),
    ]);
    assert_eq!(store.put(put("a")).await.unwrap_err().kind, ErrorKind::Server);
    assert_eq!(store.inner().head(BUCKET, "a").await.unwrap_err().kind, ErrorKind::NoSuchKey);
    assert_eq!(store.put(put("b")).await.unwrap_err().kind, ErrorKind::Timeout);
    store.inner().head(BUCKET, "b").await.unwrap();
    assert_eq!(store.put(put("b")).await.unwrap_err().kind, ErrorKind::PreconditionFailed);
    let fired: Vec<_> = store.fired().into_iter().map(|fired| fired.key).collect();
    assert_eq!(fired, ["a", "b"]);
    assert!(store.unfired().is_empty());
}

#[tokio::test]
async fn a_late_put_loses_to_whoever_came_first() {
    let store = store(vec![PlannedFault::on(Operation::Put, Fault::Late)]);
    assert_eq!(store.put(put("log/1")).await.unwrap_err().kind, ErrorKind::Timeout);
    store.inner().head(BUCKET, "log/1").await.unwrap_err();
    let etag = store.put(put("log/1")).await.unwrap();
    assert_eq!(store.apply_late().await, 1);
    assert_eq!(store.inner().head(BUCKET, "log/1").await.unwrap().etag, etag);
    assert_eq!(store.apply_late().await, 0);
}

#[tokio::test]
async fn a_late_put_takes_effect_where_nobody_came() {
    let store = store(vec![PlannedFault::on(Operation::Put, Fault::Late)]);
    store.put(put("log/1")).await.unwrap_err();
    store.apply_late().await;
    store.inner().head(BUCKET, "log/1").await.unwrap();
}

#[tokio::test]
async fn a_hollow_complete_answers_success_and_makes_no_object() {
    let store = store(vec![PlannedFault::on(Operation::CompleteUpload, Fault::HollowSuccess)]);
    let id = store.create_upload(BUCKET, "k", &ObjectOptions::default()).await.unwrap();
    let part = store.upload_part(BUCKET, "k", &id, 1, vec![Bytes::from_static(b"x")]).await.unwrap();
    let complete = || store.complete_upload(BUCKET, "k", &id, std::slice::from_ref(&part), Condition::IfAbsent);
    complete().await.unwrap();
    assert_eq!(store.head(BUCKET, "k").await.unwrap_err().kind, ErrorKind::NoSuchKey);
    complete().await.unwrap();
    store.head(BUCKET, "k").await.unwrap();
}

#[tokio::test]
async fn an_outage_lasts_until_it_is_lifted() {
    let store = store(Vec::new());
    store.set_outages(Some(Outage {
        kind: ErrorKind::SlowDown,
        operations: vec![Operation::Put],
        key_contains: String::new(),
    }));
    for _ in 0..3 {
        assert_eq!(store.put(put("a")).await.unwrap_err().kind, ErrorKind::SlowDown);
    }
    store.list(ListRequest { bucket: BUCKET.to_owned(), ..ListRequest::default() }).await.unwrap();
    store.set_outages(None);
    store.put(put("a")).await.unwrap();
}

#[tokio::test]
async fn a_fault_that_is_never_met_is_told() {
    let store = store(vec![PlannedFault::on(Operation::Put, Fault::Late).after(5)]);
    store.put(put("a")).await.unwrap();
    assert_eq!(store.unfired().len(), 1);
}

#[tokio::test]
async fn a_request_that_arrives_twice_is_answered_by_its_second_arrival() {
    let store = store(vec![PlannedFault::on(Operation::Put, Fault::Twice)]);
    assert_eq!(store.put(put("log/1")).await.unwrap_err().kind, ErrorKind::PreconditionFailed);
    store.inner().head(BUCKET, "log/1").await.unwrap();
}

#[tokio::test]
async fn a_complete_may_answer_before_its_object_shows() {
    let store = store(vec![PlannedFault::on(Operation::CompleteUpload, Fault::LateSuccess)]);
    let id = store.create_upload(BUCKET, "a", &ObjectOptions::default()).await.unwrap();
    let part = store.upload_part(BUCKET, "a", &id, 1, vec![Bytes::from_static(b"x")]).await.unwrap();
    store.complete_upload(BUCKET, "a", &id, &[part], Condition::IfAbsent).await.unwrap();
    assert_eq!(store.head(BUCKET, "a").await.unwrap_err().kind, ErrorKind::NoSuchKey);
    assert!(store.apply_one_late(7).await);
    store.head(BUCKET, "a").await.unwrap();
    assert!(!store.apply_one_late(0).await);
}
