//! The probe finds what is there, and says what is not.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use bytes::Bytes;

use super::{BUCKET, memory, served};
use crate::embedded::{Backend, Failure, Hook, LocalStore, MemoryMedium};
use crate::{
    CheckName, Condition, ErrorKind, Fault, FaultPlan, FaultyStore, LifecycleRule, ListRequest, ObjectOptions,
    Operation, PlannedFault, ProbeSettings, PutRequest, Store, probe,
};

fn settings() -> ProbeSettings {
    ProbeSettings {
        state_bucket: BUCKET.to_owned(),
        state_prefix: "_landfall/".to_owned(),
        data_bucket: BUCKET.to_owned(),
        data_prefix: "bids/".to_owned(),
        upload_lifetime_ms: None,
        max_open_ms: 600_000,
        unique: "u1".to_owned(),
    }
}

async fn keys(store: &dyn Store) -> Vec<String> {
    let page = store.list(ListRequest { bucket: BUCKET.to_owned(), ..ListRequest::default() }).await.unwrap();
    page.objects.into_iter().map(|object| object.key).collect()
}

/// Refuses one operation under one part of a key.
#[derive(Debug)]
struct Refuses {
    operation: Operation,
    key_contains: &'static str,
    failure: Failure,
}

impl Hook for Refuses {
    fn before(&self, operation: Operation, _bucket: &str, key: &str) -> Option<Failure> {
        (operation == self.operation && key.contains(self.key_contains)).then(|| self.failure.clone())
    }
}

#[tokio::test]
async fn a_store_that_keeps_its_word_passes_and_is_left_clean() {
    let (store, handle) = served(memory()).await;
    let report = probe(&store, settings()).await.unwrap();
    assert_eq!(report.degraded().count(), 0, "{report:#?}");
    assert_eq!(report.refused(), None);
    assert_eq!(report.findings.len(), 11);
    let denied = report.of(CheckName::LogDeleteDenied).unwrap();
    assert!(!denied.ok && denied.detail.contains("not denied"), "{denied:?}");
    assert_eq!(keys(&store).await, Vec::<String>::new());
    assert_eq!(store.list_uploads(BUCKET, "").await.unwrap(), []);
    handle.shutdown().await;
}

#[tokio::test]
async fn the_first_contact_answers_with_the_stores_own_code() {
    let store = LocalStore::memory(&[BUCKET]);
    let error = probe(&store, ProbeSettings { state_bucket: "gone".to_owned(), ..settings() }).await.unwrap_err();
    assert_eq!((error.kind, error.code.as_str()), (ErrorKind::NoSuchBucket, "NoSuchBucket"));
    let error = probe(&store, ProbeSettings { data_bucket: "gone".to_owned(), ..settings() }).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::NoSuchBucket);
    for operation in [Operation::List, Operation::Put] {
        store.backend().set_hook(Some(Arc::new(Refuses {
            operation,
            key_contains: "",
            failure: Failure::new("AccessDenied", 403, "no"),
        })));
        assert_eq!(probe(&store, settings()).await.unwrap_err().kind, ErrorKind::AccessDenied, "{operation:?}");
    }
}

#[tokio::test]
async fn a_denied_delete_under_the_log_is_what_we_want() {
    let store = LocalStore::memory(&[BUCKET]);
    store.backend().set_hook(Some(Arc::new(Refuses {
        operation: Operation::Delete,
        key_contains: "/log/",
        failure: Failure::new("AccessDenied", 403, "no"),
    })));
    for _ in 0..2 {
        let report = probe(&store, settings()).await.unwrap();
        assert!(report.of(CheckName::LogDeleteDenied).unwrap().ok);
    }
    assert_eq!(keys(&store).await, ["_landfall/probe/log/0/delete-me.json"], "one object however often");
}

#[tokio::test]
async fn a_head_that_is_403_for_a_missing_key_degrades() {
    let store = LocalStore::memory(&[BUCKET]);
    store.backend().set_hook(Some(Arc::new(Refuses {
        operation: Operation::Head,
        key_contains: "never-written",
        failure: Failure::new("AccessDenied", 403, "no"),
    })));
    let report = probe(&store, settings()).await.unwrap();
    let degraded: Vec<CheckName> = report.degraded().map(|finding| finding.check).collect();
    assert_eq!(degraded, [CheckName::MissingKeyIsNotFound]);
    assert!(report.of(CheckName::MissingKeyIsNotFound).unwrap().detail.contains("s3:ListBucket"));
}

#[tokio::test]
async fn a_rule_that_expires_the_log_is_refused() {
    for prefix in ["", "_land", "_landfall/jobs/"] {
        let store = LocalStore::memory(&[BUCKET]);
        let rule = |id: &str, prefix: &str, expires_objects, days| LifecycleRule {
            id: id.to_owned(),
            prefix: prefix.to_owned(),
            expires_objects,
            abort_incomplete_uploads_after_days: days,
        };
        store.backend().set_lifecycle(BUCKET, vec![rule("old", prefix, true, None), rule("up", "", false, Some(3))]);
        let report = probe(&store, settings()).await.unwrap();
        let refused = report.refused().unwrap();
        assert!(refused.detail.contains("\"old\""), "{refused:?}");
        store.backend().set_lifecycle(BUCKET, vec![rule("old", "elsewhere/", true, None)]);
        assert_eq!(probe(&store, settings()).await.unwrap().refused(), None);
    }
}

#[tokio::test]
async fn uploads_that_die_before_an_outage_ends_degrade_by_rule_or_by_the_operators_word() {
    let hours = |hours: u64| hours * 3_600_000;
    for (rule_days, declared_hours, open_hours, ok) in [
        (None, None, 1, true),
        (Some(3), None, 1, true),
        (Some(1), None, 23, true),
        (Some(1), None, 24, false),
        (None, Some(24), 1, true),
        (None, Some(1), 1, false),
        (Some(3), Some(1), 1, false),
        (Some(1), Some(1_000), 24, false),
    ] {
        let store = LocalStore::memory(&[BUCKET]);
        let rule = |days| LifecycleRule {
            id: "up".to_owned(),
            prefix: String::new(),
            expires_objects: false,
            abort_incomplete_uploads_after_days: Some(days),
        };
        store.backend().set_lifecycle(BUCKET, rule_days.map(rule).into_iter().collect());
        let settings = ProbeSettings {
            upload_lifetime_ms: declared_hours.map(hours),
            max_open_ms: hours(open_hours),
            ..settings()
        };
        let report = probe(&store, settings).await.unwrap();
        let found = report.of(CheckName::UploadLifetime).unwrap();
        assert_eq!(found.ok, ok, "{rule_days:?} days, {declared_hours:?} h declared, {open_hours} h open: {found:?}");
        assert_eq!(report.degraded().count(), usize::from(!ok));
    }
}

/// Stores without conditional writes overwrite, or answer success and do nothing: both must show.
#[tokio::test]
async fn a_store_that_ignores_conditions_degrades() {
    #[derive(Debug)]
    struct Ignores(LocalStore<MemoryMedium>);
    #[async_trait::async_trait]
    impl Store for Ignores {
        async fn put(&self, mut request: PutRequest) -> Result<String, crate::StoreError> {
            request.condition = Condition::None;
            self.0.put(request).await
        }
        async fn get(&self, bucket: &str, key: &str) -> Result<crate::Object, crate::StoreError> {
            self.0.get(bucket, key).await
        }
        async fn head(&self, bucket: &str, key: &str) -> Result<crate::ObjectHead, crate::StoreError> {
            self.0.head(bucket, key).await
        }
        async fn delete(&self, bucket: &str, key: &str) -> Result<(), crate::StoreError> {
            self.0.delete(bucket, key).await
        }
        async fn list(&self, request: ListRequest) -> Result<crate::ListPage, crate::StoreError> {
            self.0.list(request).await
        }
        async fn create_upload(
            &self,
            bucket: &str,
            key: &str,
            _options: &ObjectOptions,
        ) -> Result<String, crate::StoreError> {
            // Drops the metadata.
            self.0.create_upload(bucket, key, &ObjectOptions::default()).await
        }
        async fn upload_part(
            &self,
            bucket: &str,
            key: &str,
            upload_id: &str,
            number: u32,
            chunks: Vec<Bytes>,
        ) -> Result<crate::PartReceipt, crate::StoreError> {
            self.0.upload_part(bucket, key, upload_id, number, chunks).await
        }
        async fn upload_part_declaring(
            &self,
            bucket: &str,
            key: &str,
            upload_id: &str,
            number: u32,
            body: Bytes,
            _crc64nvme: &str,
        ) -> Result<crate::PartReceipt, crate::StoreError> {
            self.0.upload_part(bucket, key, upload_id, number, vec![body]).await
        }
        async fn list_parts(
            &self,
            bucket: &str,
            key: &str,
            upload_id: &str,
        ) -> Result<Vec<crate::PartReceipt>, crate::StoreError> {
            self.0.list_parts(bucket, key, upload_id).await
        }
        async fn complete_upload(
            &self,
            bucket: &str,
            key: &str,
            upload_id: &str,
            parts: &[crate::PartReceipt],
            _condition: Condition,
        ) -> Result<String, crate::StoreError> {
            self.0.complete_upload(bucket, key, upload_id, parts, Condition::None).await
        }
        async fn abort_upload(&self, bucket: &str, key: &str, upload_id: &str) -> Result<(), crate::StoreError> {
            self.0.abort_upload(bucket, key, upload_id).await
        }
        async fn list_uploads(&self, bucket: &str, prefix: &str) -> Result<Vec<crate::OpenUpload>, crate::StoreError> {
            self.0.list_uploads(bucket, prefix).await
        }
        async fn lifecycle(&self, bucket: &str) -> Result<Vec<LifecycleRule>, crate::StoreError> {
            self.0.lifecycle(bucket).await
        }
        async fn head_bucket(&self, bucket: &str) -> Result<(), crate::StoreError> {
            self.0.head_bucket(bucket).await
        }
    }
    let report = probe(&Ignores(LocalStore::memory(&[BUCKET])), settings()).await.unwrap();
    let degraded: Vec<CheckName> = report.degraded().map(|finding| finding.check).collect();
    assert_eq!(
        degraded,
        [
            CheckName::SecondConditionalPut,
            CheckName::ConcurrentConditionalPuts,
            CheckName::WrongChecksumRefused,
            CheckName::HeadShowsToken,
            CheckName::ConditionalComplete,
        ]
    );
}

#[tokio::test]
async fn a_hollow_complete_of_an_unknown_upload_is_noted_and_not_judged() {
    // The third Complete of a probe is the one of the unknown upload.
    let hollow = PlannedFault::on(Operation::CompleteUpload, Fault::HollowSuccess).after(2);
    let store = FaultyStore::new(LocalStore::memory(&[BUCKET]), FaultPlan::of(vec![hollow]));
    let report = probe(&store, settings()).await.unwrap();
    let invented = report.of(CheckName::InventedUpload).unwrap();
    assert!(!invented.ok && invented.detail.contains("hollow"), "{invented:?}");
    assert_eq!(report.degraded().count(), 0);
}

#[tokio::test]
async fn a_store_that_fails_in_the_middle_is_an_error_and_no_finding() {
    let fault = PlannedFault::on(Operation::CreateUpload, Fault::Before(ErrorKind::SlowDown));
    let store = FaultyStore::new(LocalStore::memory(&[BUCKET]), FaultPlan::of(vec![fault]));
    assert_eq!(probe(&store, settings()).await.unwrap_err().kind, ErrorKind::SlowDown);
    assert_eq!(keys(&store).await, Vec::<String>::new(), "what it wrote is taken away all the same");
}

#[tokio::test]
async fn what_a_killed_probe_left_is_taken_away_by_a_later_one_and_a_running_probes_object_is_not() {
    let clock = Arc::new(AtomicI64::new(0));
    let told = Arc::clone(&clock);
    let backend = Backend::with_sources(
        MemoryMedium::new(),
        Arc::new(move || told.load(Ordering::Relaxed)),
        Arc::new(rand::random),
    );
    backend.create_bucket(BUCKET).unwrap();
    let store = LocalStore::new(Arc::new(backend));
    let leave = |key: &str| PutRequest {
        bucket: BUCKET.to_owned(),
        key: key.to_owned(),
        body: Bytes::from_static(b"{}"),
        condition: Condition::IfAbsent,
        options: ObjectOptions::default(),
    };
    store.put(leave("bids/_landfall-probe/killed/object.json")).await.unwrap();
    store.put(leave("bids/old.jsonl")).await.unwrap();
    clock.store(2 * 3_600_000, Ordering::Relaxed);
    store.put(leave("bids/_landfall-probe/running/object.json")).await.unwrap();
    clock.fetch_add(60_000, Ordering::Relaxed);
    probe(&store, settings()).await.unwrap();
    assert_eq!(keys(&store).await, ["bids/_landfall-probe/running/object.json", "bids/old.jsonl"]);
}

#[tokio::test]
async fn a_probe_that_broke_off_leaves_no_upload() {
    let fault = PlannedFault::on(Operation::UploadPart, Fault::Before(ErrorKind::SlowDown));
    let store = FaultyStore::new(LocalStore::memory(&[BUCKET]), FaultPlan::of(vec![fault]));
    assert_eq!(probe(&store, settings()).await.unwrap_err().kind, ErrorKind::SlowDown);
    assert_eq!(store.fired().len(), 1);
    assert_eq!(store.list_uploads(BUCKET, "").await.unwrap(), []);
}

#[tokio::test]
async fn two_conflicts_at_once_are_no_word_about_the_store() {
    let conflict = || PlannedFault::on(Operation::Put, Fault::Before(ErrorKind::Conflict)).key_contains("pair.json");
    let store = FaultyStore::new(LocalStore::memory(&[BUCKET]), FaultPlan::of(vec![conflict(), conflict()]));
    let report = probe(&store, settings()).await.unwrap();
    assert_eq!((store.fired().len(), report.degraded().count()), (2, 0), "{report:#?}");
}

#[tokio::test]
async fn a_probe_that_meets_another_begins_again_and_not_for_ever() {
    let conflict = || PlannedFault::on(Operation::Put, Fault::Before(ErrorKind::Conflict)).key_contains("delete-me");
    let store = FaultyStore::new(LocalStore::memory(&[BUCKET]), FaultPlan::of(vec![conflict()]));
    assert_eq!(probe(&store, settings()).await.unwrap().degraded().count(), 0);
    assert_eq!((store.fired().len(), keys(&store).await), (1, Vec::new()));

    let store = FaultyStore::new(LocalStore::memory(&[BUCKET]), FaultPlan::of((0..9).map(|_| conflict()).collect()));
    assert_eq!(probe(&store, settings()).await.unwrap_err().kind, ErrorKind::Conflict);
    assert_eq!((store.fired().len(), keys(&store).await), (5, Vec::new()));
}
