//! The crate's tests against real parts: the embedded server over HTTP, folders on disk, servers that others wrote.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod aws;
mod canned;
mod faults;
mod folder;
mod killed;
mod probing;
mod retrying;
mod server;
mod suite;

use std::net::SocketAddr;
use std::sync::Arc;

use crate::embedded::{Backend, Medium, MemoryMedium, ServerHandle, serve};
use crate::{AwsSettings, AwsStore, StaticCredentials};

const BUCKET: &str = "lake";

fn loopback() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

fn keys() -> StaticCredentials {
    ("landfall".to_owned(), "secret-of-the-tests".to_owned()).into()
}

fn memory() -> Arc<Backend<MemoryMedium>> {
    let backend = Backend::new(MemoryMedium::new());
    backend.create_bucket(BUCKET).unwrap();
    Arc::new(backend)
}

fn settings(endpoint: &str) -> AwsSettings {
    let keys = keys();
    AwsSettings::local(endpoint, &keys.access_key, &keys.secret_key)
}

async fn served<M: Medium>(backend: Arc<Backend<M>>) -> (AwsStore, ServerHandle) {
    let (_, handle) = serve(backend, loopback(), &keys()).await.unwrap();
    let store = AwsStore::connect(settings(&handle.endpoint())).await.unwrap();
    (store, handle)
}
