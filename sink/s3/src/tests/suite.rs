//! The conformance suite against every store there is.

use std::sync::Arc;

use super::{BUCKET, memory, served, settings};
use crate::conformance::{Subject, run};
use crate::embedded::{Backend, Durability, FolderMedium, LocalStore};
use crate::{AwsSettings, AwsStore, PayloadSigning, SharedStore, Store};

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

/// Bodies outside the signature go out as several frames, as they do over TLS.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn unsigned_bodies_over_http_conform() {
    let (_, handle) = served(memory()).await;
    let (_, second) = served(memory()).await;
    let unsigned = AwsSettings { payload_signing: PayloadSigning::Never, ..settings(&second.endpoint()) };
    let store = AwsStore::connect(unsigned).await.unwrap();
    conforms("unsigned over http", Arc::new(store), BUCKET).await;
    handle.shutdown().await;
    second.shutdown().await;
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
    let signed = AwsSettings::local(&endpoint, &access_key, &secret_key);
    let unsigned = AwsSettings { payload_signing: PayloadSigning::Never, ..signed.clone() };
    for settings in [signed, unsigned] {
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
