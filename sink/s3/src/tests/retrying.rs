//! Retries where they are right and nowhere else; counts of every attempt.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;

use super::BUCKET;
use crate::embedded::LocalStore;
use crate::{
    Condition, ErrorKind, Fault, FaultPlan, FaultyStore, ListRequest, MeteredStore, ObjectOptions, Operation,
    PlannedFault, PutRequest, RetryPolicy, RetryingStore, Store, Timer,
};

/// Writes down the waits and waits for none.
#[derive(Debug, Default)]
struct Waits(Mutex<Vec<u64>>);

#[async_trait]
impl Timer for Waits {
    async fn sleep_ms(&self, duration_ms: u64) {
        self.0.lock().unwrap().push(duration_ms);
    }

    fn random(&self) -> u64 {
        u64::MAX - 1
    }
}

type Faulty = FaultyStore<LocalStore<crate::embedded::MemoryMedium>>;

fn failing(operation: Operation, kind: ErrorKind, times: usize) -> Faulty {
    let faults = (0..times).map(|_| PlannedFault::on(operation, Fault::Before(kind))).collect();
    FaultyStore::new(LocalStore::memory(&[BUCKET]), FaultPlan::of(faults))
}

fn retrying(store: &Faulty, policy: RetryPolicy) -> (RetryingStore<Faulty>, Arc<Waits>) {
    let waits = Arc::new(Waits::default());
    (RetryingStore::with_timer(store.clone(), policy, Arc::clone(&waits) as Arc<dyn Timer>), waits)
}

fn put(condition: Condition) -> PutRequest {
    PutRequest {
        bucket: BUCKET.to_owned(),
        key: "k".to_owned(),
        body: Bytes::from_static(b"x"),
        condition,
        options: ObjectOptions::default(),
    }
}

#[tokio::test]
async fn a_plain_call_is_tried_again_until_it_succeeds() {
    let store = failing(Operation::List, ErrorKind::SlowDown, 3);
    let (retrying, waits) = retrying(&store, RetryPolicy::default());
    retrying.list(ListRequest { bucket: BUCKET.to_owned(), ..ListRequest::default() }).await.unwrap();
    assert_eq!(store.fired().len(), 3);
    assert_eq!(waits.0.lock().unwrap().len(), 3);
}

#[tokio::test]
async fn attempts_and_waits_are_bounded() {
    let store = failing(Operation::Get, ErrorKind::Server, 100);
    let (few, _) = retrying(&store, RetryPolicy { max_attempts: 4, ..RetryPolicy::default() });
    assert_eq!(few.get(BUCKET, "k").await.unwrap_err().kind, ErrorKind::Server);
    assert_eq!(store.fired().len(), 4);

    let (short, waits) =
        retrying(&store, RetryPolicy { max_attempts: 1_000, max_wait_ms: 500, ..RetryPolicy::default() });
    short.get(BUCKET, "k").await.unwrap_err();
    assert!(waits.0.lock().unwrap().iter().sum::<u64>() <= 500);
    assert!(store.fired().len() < 60);
}

#[tokio::test]
async fn an_answer_that_will_not_change_is_not_asked_again() {
    let store = failing(Operation::Head, ErrorKind::AccessDenied, 5);
    let (retrying, waits) = retrying(&store, RetryPolicy::default());
    assert_eq!(retrying.head(BUCKET, "k").await.unwrap_err().kind, ErrorKind::AccessDenied);
    assert_eq!((store.fired().len(), waits.0.lock().unwrap().len()), (1, 0));
}

#[tokio::test]
async fn an_unconditional_put_is_tried_again_and_a_conditional_one_is_not() {
    let store = failing(Operation::Put, ErrorKind::Timeout, 2);
    let (retrying, _) = retrying(&store, RetryPolicy::default());
    assert_eq!(retrying.put(put(Condition::IfAbsent)).await.unwrap_err().kind, ErrorKind::Timeout);
    assert_eq!(store.fired().len(), 1);
    retrying.put(put(Condition::None)).await.unwrap();
    assert_eq!(store.fired().len(), 2);
}

#[tokio::test]
async fn parts_and_completes_pass_through_untouched() {
    let store = failing(Operation::UploadPart, ErrorKind::Server, 1);
    store.add(PlannedFault::on(Operation::CompleteUpload, Fault::Before(ErrorKind::Server)));
    let (retrying, waits) = retrying(&store, RetryPolicy::default());
    let id = retrying.create_upload(BUCKET, "k", &ObjectOptions::default()).await.unwrap();
    let body = || vec![Bytes::from_static(b"x")];
    assert_eq!(retrying.upload_part(BUCKET, "k", &id, 1, body()).await.unwrap_err().kind, ErrorKind::Server);
    let part = retrying.upload_part(BUCKET, "k", &id, 1, body()).await.unwrap();
    let complete = || retrying.complete_upload(BUCKET, "k", &id, std::slice::from_ref(&part), Condition::IfAbsent);
    assert_eq!(complete().await.unwrap_err().kind, ErrorKind::Server);
    complete().await.unwrap();
    assert!(waits.0.lock().unwrap().is_empty());
}

#[test]
fn every_attempt_is_counted_by_operation_and_outcome() {
    let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    metrics::with_local_recorder(&recorder, || {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let store = failing(Operation::Get, ErrorKind::SlowDown, 2);
            store.put(put(Condition::None)).await.unwrap();
            let metered = MeteredStore::new(store);
            let retrying = RetryingStore::with_timer(metered, RetryPolicy::default(), Arc::new(Waits::default()));
            retrying.get(BUCKET, "k").await.unwrap();
            retrying.head(BUCKET, "missing").await.unwrap_err();
        });
    });
    let shown = handle.render();
    for wanted in [
        r#"landfall_s3_requests_total{operation="GetObject",outcome="slow_down"} 2"#,
        r#"landfall_s3_requests_total{operation="GetObject",outcome="ok"} 1"#,
        r#"landfall_s3_requests_total{operation="HeadObject",outcome="no_such_key"} 1"#,
        r#"landfall_s3_request_seconds_count{operation="GetObject"} 3"#,
    ] {
        assert!(shown.contains(wanted), "{wanted} is not in\n{shown}");
    }
}
