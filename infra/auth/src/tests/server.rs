//! A small HTTP server on loopback whose documents a test changes at will.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

#[derive(Clone)]
pub(super) struct Page {
    pub(super) status: u16,
    pub(super) body: String,
    pub(super) location: Option<String>,
    pub(super) delay_ms: u64,
}

impl From<String> for Page {
    fn from(body: String) -> Self {
        Self { status: 200, body, location: None, delay_ms: 0 }
    }
}

#[derive(Default)]
struct Shared {
    pages: HashMap<String, Page>,
    asked: Vec<String>,
}

pub(super) struct Server {
    pub(super) base: String,
    shared: Arc<Mutex<Shared>>,
    task: JoinHandle<()>,
}

impl Server {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let shared = Arc::new(Mutex::new(Shared::default()));
        let of_task = Arc::clone(&shared);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, Arc::clone(&of_task)));
            }
        });
        Self { base, shared, task }
    }

    pub(super) fn put(&self, path: &str, page: impl Into<Page>) {
        self.shared.lock().unwrap().pages.insert(path.to_owned(), page.into());
    }

    /// The paths that were asked for so far.
    pub(super) fn asked(&self) -> Vec<String> {
        self.shared.lock().unwrap().asked.clone()
    }

    /// From here on nobody answers.
    pub(super) async fn stop(self) {
        self.task.abort();
        let _ = self.task.await;
    }
}

async fn answer(mut stream: TcpStream, shared: Arc<Mutex<Shared>>) {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte).await.unwrap_or(0) == 0 {
            return;
        }
        head.push(byte[0]);
    }
    let path = String::from_utf8_lossy(&head).split(' ').nth(1).unwrap_or_default().to_owned();
    let page = {
        let mut shared = shared.lock().unwrap();
        shared.asked.push(path.clone());
        shared.pages.get(&path).cloned().unwrap_or(Page { status: 404, ..String::new().into() })
    };
    tokio::time::sleep(Duration::from_millis(page.delay_ms)).await;
    let location = page.location.map(|to| format!("location: {to}\r\n")).unwrap_or_default();
    // No length: the body ends with the connection, so that its reader must count for itself.
    let text = format!("HTTP/1.1 {} x\r\n{location}connection: close\r\n\r\n{}", page.status, page.body);
    let _ = stream.write_all(text.as_bytes()).await;
    let _ = stream.shutdown().await;
}
