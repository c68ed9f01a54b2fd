//! The conformance suite against every store there is.

use std::sync::Arc;

use bytes::Bytes;

use super::{BUCKET, memory, served, settings};
use crate::conformance::{Subject, run};
use crate::embedded::{Backend, Durability, FolderMedium, LocalStore};
use crate::{AwsSettings, AwsStore, Condition, ObjectOptions, PayloadSigning, PutRequest, SharedStore, Store};

async fn conforms(name: &str, store: SharedStore, bucket: &str) {
    let unique = format!("{:08x}", rand::random::<u32>());
    let results = run(&Subject { store, bucket: bucket.to_owned(), unique }).await;
    assert!(results.len() > 20, "the suite is not empty");
    let failed: Vec<String> = results
        .into_iter()
        .filter_map(|result| result.failure.map(|failure| format!("  {}: {failure}", result.name)))
        .collect();
    assert!(failed.is_empty(), "{name} fails:\n{}", failed.join("\n"));
}

fn folder(root: &std::path::Path) -> Arc<Backend<FolderMedium>> {
    let backend = Backend::new(FolderMedium::open(root, Durability::Process).unwrap());
    backend.create_bucket(BUCKET).unwrap();
    Arc::new(backend)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn memory_in_process_conforms() {
    conforms("memory", Arc::new(LocalStore::new(memory())), BUCKET).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_folder_in_process_conforms() {
    let dir = tempfile::tempdir().unwrap();
    conforms("folder", Arc::new(LocalStore::new(folder(dir.path()))), BUCKET).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_synced_folder_conforms() {
    let dir = tempfile::tempdir().unwrap();
    let backend = Backend::new(FolderMedium::open(dir.path(), Durability::Machine).unwrap());
    backend.create_bucket(BUCKET).unwrap();
    conforms("synced folder", Arc::new(LocalStore::new(Arc::new(backend))), BUCKET).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn memory_over_http_conforms() {
    let (store, handle) = served(memory()).await;
    conforms("memory over http", Arc::new(store), BUCKET).await;
    handle.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_folder_over_http_conforms() {
    let dir = tempfile::tempdir().unwrap();
    let (store, handle) = served(folder(dir.path())).await;
    conforms("folder over http", Arc::new(store), BUCKET).await;
    handle.shutdown().await;
}

/// Bodies inside the signature go out as one piece; without, as several frames.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn signed_bodies_over_http_conform() {
    let (_, handle) = served(memory()).await;
    let signed = AwsSettings { payload_signing: PayloadSigning::Always, ..settings(&handle.endpoint()) };
    let store = AwsStore::connect(signed).await.unwrap();
    conforms("signed over http", Arc::new(store), BUCKET).await;
    handle.shutdown().await;
}

/// Only where the server has real keys: `LANDFALL_TEST_S3_KMS_KEY` names one.
#[tokio::test]
async fn the_server_named_by_the_environment_keeps_object_options() {
    let (Ok(endpoint), Ok(kms_key)) =
        (std::env::var("LANDFALL_TEST_S3_ENDPOINT"), std::env::var("LANDFALL_TEST_S3_KMS_KEY"))
    else {
        println!("not run: LANDFALL_TEST_S3_KMS_KEY is not set, it comes with MinIO");
        return;
    };
    let access_key = std::env::var("LANDFALL_TEST_S3_ACCESS_KEY").unwrap();
    let secret_key = std::env::var("LANDFALL_TEST_S3_SECRET_KEY").unwrap();
    let bucket = "landfall-options";
    let store = AwsStore::connect(AwsSettings::local(&endpoint, &access_key, &secret_key)).await.unwrap();
    store.ensure_bucket(bucket).await.unwrap();
    for (sse, key_id) in [("AES256", None), ("aws:kms", Some(kms_key))] {
        let options = ObjectOptions {
            storage_class: Some("REDUCED_REDUNDANCY".to_owned()),
            sse: Some(sse.to_owned()),
            sse_kms_key_id: key_id.clone(),
            tags: [("cost center".to_owned(), "bids/1".to_owned())].into(),
            ..ObjectOptions::default()
        };
        let (put, uploaded) = (format!("put-{sse}"), format!("upload-{sse}"));
        let body = Bytes::from_static(b"the same bytes");
        let request = PutRequest {
            bucket: bucket.to_owned(),
            key: put.clone(),
            body: body.clone(),
            condition: Condition::None,
            options: options.clone(),
        };
        store.put(request).await.unwrap();
        let id = store.create_upload(bucket, &uploaded, &options).await.unwrap();
        let first = store.upload_part(bucket, &uploaded, &id, 1, vec![body.clone()]).await.unwrap();
        let again = store.upload_part(bucket, &uploaded, &id, 1, vec![body.clone()]).await.unwrap();
        assert_eq!(first.crc64nvme, again.crc64nvme);
        if sse == "aws:kms" {
            assert_ne!(first.etag, again.etag, "under KMS equal bytes have different etags");
        }
        // The late part is found again by its number, size and checksum, under its new etag.
        let listed = store.list_parts(bucket, &uploaded, &id).await.unwrap();
        assert_eq!(listed[0].etag, again.etag);
        store.complete_upload(bucket, &uploaded, &id, &listed, Condition::None).await.unwrap();
        for key in [put, uploaded] {
            let object = store.get(bucket, &key).await.unwrap();
            assert_eq!(object.body, body);
            let head = store.head(bucket, &key).await.unwrap();
            assert_eq!(head.sse.as_deref(), Some(sse), "{key}");
            assert!(key_id.is_none() || head.sse_kms_key_id.is_some(), "{key}");
            assert_eq!(head.storage_class.as_deref(), Some("REDUCED_REDUNDANCY"), "{key}");
            let tags = store.client().get_object_tagging().bucket(bucket).key(&key).send().await.unwrap();
            let tags: Vec<_> = tags.tag_set().iter().map(|tag| (tag.key(), tag.value())).collect();
            assert_eq!(tags, [("cost center", "bids/1")], "{key}");
        }
    }
}

/// versitygw, MinIO or any other server that is already running, named by the environment.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_server_named_by_the_environment_conforms() {
    let Ok(endpoint) = std::env::var("LANDFALL_TEST_S3_ENDPOINT") else {
        assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "LANDFALL_TEST_S3_ENDPOINT is not set");
        println!("not run: LANDFALL_TEST_S3_ENDPOINT is not set");
        return;
    };
    let access_key = std::env::var("LANDFALL_TEST_S3_ACCESS_KEY").unwrap();
    let secret_key = std::env::var("LANDFALL_TEST_S3_SECRET_KEY").unwrap();
    let bucket = std::env::var("LANDFALL_TEST_S3_BUCKET").unwrap_or_else(|_| "landfall-conformance".to_owned());
    for payload_signing in [PayloadSigning::Always, PayloadSigning::Never] {
        let settings = AwsSettings { payload_signing, ..AwsSettings::local(&endpoint, &access_key, &secret_key) };
        let store = AwsStore::connect(settings).await.unwrap();
        store.ensure_bucket(&bucket).await.unwrap();
        conforms(&endpoint, Arc::new(store), &bucket).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_probe_finds_the_server_named_by_the_environment_fit() {
    let Ok(endpoint) = std::env::var("LANDFALL_TEST_S3_ENDPOINT") else {
        assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "LANDFALL_TEST_S3_ENDPOINT is not set");
        println!("not run: LANDFALL_TEST_S3_ENDPOINT is not set");
        return;
    };
    let access_key = std::env::var("LANDFALL_TEST_S3_ACCESS_KEY").unwrap();
    let secret_key = std::env::var("LANDFALL_TEST_S3_SECRET_KEY").unwrap();
    let bucket = "landfall-probed";
    let store = AwsStore::connect(AwsSettings::local(&endpoint, &access_key, &secret_key)).await.unwrap();
    store.ensure_bucket(bucket).await.unwrap();
    let settings = crate::ProbeSettings {
        state_bucket: bucket.to_owned(),
        state_prefix: "_landfall/".to_owned(),
        data_bucket: bucket.to_owned(),
        data_prefix: String::new(),
        upload_lifetime_ms: None,
        max_open_ms: 600_000,
        unique: format!("{:08x}", rand::random::<u32>()),
    };
    let report = crate::probe(&store, settings).await.unwrap();
    for finding in &report.findings {
        println!("{}: ok {} ({})", finding.check.name(), finding.ok, finding.detail);
    }
    assert_eq!(report.degraded().collect::<Vec<_>>(), Vec::<&crate::Finding>::new());
    assert_eq!(report.refused(), None);
    store.head_bucket(bucket).await.unwrap();
}
