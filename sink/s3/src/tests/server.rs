//! The embedded server itself: who may come in, how it ends, what plain HTTP clients see.

use std::sync::Arc;

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{BUCKET, keys, loopback, memory, served};
use crate::embedded::{Failure, Hook, serve};
use crate::{Condition, ErrorKind, LifecycleRule, ObjectOptions, Operation, PutRequest, Store};

async fn raw(addr: std::net::SocketAddr, request: &str) -> String {
    let mut socket = TcpStream::connect(addr).await.unwrap();
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn requests_without_a_signature_are_denied() {
    let (addr, handle) = serve(memory(), loopback(), &keys()).await.unwrap();
    let answer = raw(addr, "GET /lake?list-type=2 HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
    handle.shutdown().await;
}

#[tokio::test]
async fn only_loopback_is_served() {
    let error = serve(memory(), "0.0.0.0:0".parse().unwrap(), &keys()).await.unwrap_err();
    assert!(error.to_string().contains("loopback"), "{error}");
}

#[tokio::test]
async fn after_a_shutdown_nobody_listens() {
    let (store, handle) = served(memory()).await;
    store.head_bucket(BUCKET).await.unwrap();
    let addr = handle.addr();
    handle.shutdown().await;
    assert!(TcpStream::connect(addr).await.is_err());
    assert_eq!(store.head_bucket(BUCKET).await.unwrap_err().kind, ErrorKind::Connection);
}

#[derive(Debug)]
struct Denies(Operation);

impl Hook for Denies {
    fn before(&self, operation: Operation, _bucket: &str, _key: &str) -> Option<Failure> {
        (operation == self.0).then(|| Failure::new("SlowDown", 503, "please reduce your request rate"))
    }
}

#[derive(Debug)]
struct LosesAnswers;

impl Hook for LosesAnswers {
    fn after(&self, operation: Operation, _bucket: &str, _key: &str) -> Option<Failure> {
        (operation == Operation::Put).then(|| Failure::new("InternalError", 500, "lost"))
    }
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
async fn a_hook_disturbs_below_http() {
    let backend = memory();
    let (store, handle) = served(Arc::clone(&backend)).await;
    backend.set_hook(Some(Arc::new(Denies(Operation::Put))));
    let error = store.put(put("a")).await.unwrap_err();
    assert_eq!((error.kind, error.code.as_str(), error.status), (ErrorKind::SlowDown, "SlowDown", Some(503)));
    backend.set_hook(Some(Arc::new(LosesAnswers)));
    assert_eq!(store.put(put("a")).await.unwrap_err().kind, ErrorKind::Server);
    backend.set_hook(None);
    assert_eq!(store.put(put("a")).await.unwrap_err().kind, ErrorKind::PreconditionFailed);
    handle.shutdown().await;
}

#[tokio::test]
async fn lifecycle_rules_travel_as_they_were_set() {
    let backend = memory();
    let (store, handle) = served(Arc::clone(&backend)).await;
    let error = store.lifecycle(BUCKET).await.unwrap_err();
    assert_eq!((error.kind, error.code.as_str()), (ErrorKind::NotImplemented, "NoSuchLifecycleConfiguration"));
    let rules = vec![
        LifecycleRule {
            id: "tmp".to_owned(),
            prefix: "tmp/".to_owned(),
            expires_objects: true,
            abort_incomplete_uploads_after_days: None,
        },
        LifecycleRule {
            id: "uploads".to_owned(),
            prefix: String::new(),
            expires_objects: false,
            abort_incomplete_uploads_after_days: Some(7),
        },
    ];
    backend.set_lifecycle(BUCKET, rules.clone());
    assert_eq!(store.lifecycle(BUCKET).await.unwrap(), rules);
    handle.shutdown().await;
}
