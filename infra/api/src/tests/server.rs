use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use landfall_s3::{ErrorKind, faulty::Outage};
use metrics_exporter_prometheus::PrometheusBuilder;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use super::{World, call};
use crate::health::{HealthCheck, HealthState, Readiness, health_router};
use crate::server::{ServeError, serve, serve_router};
use crate::state::{ApiState, Limits};

#[tokio::test]
async fn the_api_is_not_ready_while_its_state_bucket_is_away() {
    let world = World::new();
    world.store.set_outages(Some(Outage {
        kind: ErrorKind::AccessDenied,
        operations: vec![],
        key_contains: String::new(),
    }));
    let api = world.api();
    let report = call(&api, "GET", "/readyz", &[], "").await.expect(503).json;
    assert_eq!(report["checks"][0]["name"], "state_bucket");
    assert!(report["checks"][0]["detail"].as_str().unwrap().contains("AccessDenied"));
    call(&api, "GET", "/livez", &[], "").await.expect(200);
}

#[derive(Debug)]
struct Fine;

#[async_trait]
impl Readiness for Fine {
    async fn check(&self) -> Vec<HealthCheck> {
        vec![HealthCheck { name: "fine".into(), ok: true, detail: String::new() }]
    }
}

#[tokio::test]
async fn a_worker_serves_health_and_metrics_and_is_not_ready_once_it_drains() {
    let recorder = PrometheusBuilder::new().build_recorder();
    metrics::with_local_recorder(&recorder, || metrics::gauge!("landfall_open_files").set(3.0));
    let health = HealthState::new("1.2.3", Arc::new(Fine), Some(recorder.handle()));
    let router = health_router(health.clone());
    let metrics = call(&router, "GET", "/metrics", &[], "").await.expect(200);
    assert!(metrics.text.contains("landfall_open_files 3") && metrics.header("content-type").starts_with("text/plain"));
    assert_eq!(call(&router, "GET", "/healthz", &[], "").await.expect(200).json["version"], "1.2.3");
    health.drain();
    assert_eq!(call(&router, "GET", "/readyz", &[], "").await.expect(503).json["status"], "not_ready");
    call(&router, "GET", "/livez", &[], "").await.expect(200);
}

#[derive(Debug, Default)]
struct Starting {
    ready: AtomicBool,
}

#[async_trait]
impl Readiness for Starting {
    async fn check(&self) -> Vec<HealthCheck> {
        vec![HealthCheck { name: "starting".into(), ok: self.ready.load(Ordering::Relaxed), detail: String::new() }]
    }
}

#[tokio::test]
async fn who_waits_for_a_process_to_start_hears_of_it_soon() {
    let starting = Arc::new(Starting::default());
    let router = health_router(HealthState::new("1.2.3", Arc::clone(&starting) as Arc<dyn Readiness>, None));
    call(&router, "GET", "/readyz", &[], "").await.expect(503);
    starting.ready.store(true, Ordering::Relaxed);
    tokio::time::sleep(Duration::from_millis(150)).await;
    call(&router, "GET", "/readyz", &[], "").await.expect(200);
}

#[tokio::test]
async fn an_api_that_trusts_everybody_does_not_listen_to_the_network() {
    let world = World::new();
    let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
    let refused = serve(listener, ApiState::new(world.parts()), None, std::future::ready(())).await;
    let Err(ServeError::OpenToTheNetwork { address }) = refused else { panic!("{refused:?}") };
    assert!(!address.ip().is_loopback());
}

#[tokio::test]
async fn a_client_gets_its_answer_over_the_wire_and_the_server_ends_when_told() {
    let world = World::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let server = tokio::spawn(serve(listener, ApiState::new(world.parts()), None, async move {
        drop(stopped.await);
    }));
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let answer = client.get(format!("http://{address}/v1/jobs")).send().await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.text().await.unwrap().contains("\"jobs\"")), (200, true));
    // The client keeps its connection open; the server ends all the same.
    stop.send(()).unwrap();
    server.await.unwrap().unwrap();
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn heads_that_are_too_large_or_never_end_are_cut() {
    let limits = Limits { request_head: Duration::from_millis(100), ..Limits::default() };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let server = tokio::spawn(async move {
        let health = HealthState::new("1", Arc::new(Fine), None);
        serve_router(listener, health_router(health), None, &limits, async move { drop(stopped.await) }).await
    });
    let talk = async |head: String| {
        let mut stream = TcpStream::connect(address).await.unwrap();
        // The server may close before it has read everything.
        let _ = stream.write_all(head.as_bytes()).await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        String::from_utf8_lossy(&answer).into_owned()
    };
    let huge = format!("GET /livez HTTP/1.1\r\nhost: x\r\nx: {}\r\n\r\n", "a".repeat(128 * 1024));
    assert!(talk(huge).await.starts_with("HTTP/1.1 431"));
    let slow = "GET /livez HTTP/1.1\r\nhost: x\r\n".to_owned();
    assert!(!talk(slow).await.contains("200"), "a head that never ends gets no success and the connection ends");
    stop.send(()).unwrap();
    server.await.unwrap().unwrap();
}

/// A certificate of this machine that nobody signed, and its key.
fn certificate(folder: &std::path::Path) {
    let made = std::process::Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"])
        .args(["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE", "-keyout"])
        .args([folder.join("key.pem").as_os_str(), "-out".as_ref(), folder.join("certificate.pem").as_os_str()])
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}

#[tokio::test]
async fn the_api_speaks_tls_with_a_certificate_from_files_and_refuses_what_is_none() {
    let folder = tempfile::tempdir().unwrap();
    certificate(folder.path());
    let (cert, key) = (folder.path().join("certificate.pem"), folder.path().join("key.pem"));
    let missing = folder.path().join("missing.pem");
    for (a, b, says) in [(&key, &key, "no certificate"), (&cert, &cert, "private key"), (&missing, &key, "missing.pem")]
    {
        let refused = crate::Tls::open(a, b).unwrap_err().to_string();
        assert!(refused.contains(says), "{says} is not said: {refused}");
    }
    let tls = crate::Tls::open(&cert, &key).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let world = World::new();
    let (stop, stopped) = oneshot::channel::<()>();
    let server = tokio::spawn(serve(listener, ApiState::new(world.parts()), Some(tls), async move {
        drop(stopped.await);
    }));
    let trusted = reqwest::Certificate::from_pem(&std::fs::read(&cert).unwrap()).unwrap();
    let client = reqwest::Client::builder().no_proxy().add_root_certificate(trusted).build().unwrap();
    let answer = client.get(format!("https://{address}/livez")).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    // Plain HTTP gets no answer, and keeps nobody out.
    assert!(client.get(format!("http://{address}/livez")).send().await.is_err());
    assert_eq!(client.get(format!("https://{address}/livez")).send().await.unwrap().status(), 200);
    stop.send(()).unwrap();
    server.await.unwrap().unwrap();
}
