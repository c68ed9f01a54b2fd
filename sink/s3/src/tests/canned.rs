//! A server that answers one canned text a request and keeps what it was sent.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

pub(super) struct Canned {
    pub(super) endpoint: String,
    /// The heads of the requests, lower case.
    pub(super) heads: Arc<Mutex<Vec<String>>>,
    pub(super) bodies: Arc<Mutex<Vec<String>>>,
}

/// Every connection: one request read to its end, one answer, closed. An empty answer is a reset.
pub(super) async fn answering(answer: &str) -> Canned {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let heads = Arc::new(Mutex::new(Vec::new()));
    let bodies = Arc::new(Mutex::new(Vec::new()));
    let (kept, kept_bodies, answer) = (Arc::clone(&heads), Arc::clone(&bodies), answer.to_owned());
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let (kept, kept_bodies, answer) = (Arc::clone(&kept), Arc::clone(&kept_bodies), answer.clone());
            tokio::spawn(async move {
                let mut read = Vec::new();
                let mut buffer = vec![0; 64 * 1024];
                loop {
                    let got = socket.read(&mut buffer).await.unwrap_or(0);
                    if got == 0 {
                        return;
                    }
                    read.extend_from_slice(&buffer[..got]);
                    if let Some(end) = read.windows(4).position(|four| four == b"\r\n\r\n") {
                        let head = String::from_utf8_lossy(&read[..end]).to_lowercase();
                        let length = head
                            .lines()
                            .find_map(|line| line.strip_prefix("content-length:"))
                            .and_then(|value| value.trim().parse::<usize>().ok())
                            .unwrap_or(0);
                        if read.len() >= end + 4 + length {
                            kept.lock().unwrap().push(head);
                            let body = String::from_utf8_lossy(&read[end + 4..]).into_owned();
                            kept_bodies.lock().unwrap().push(body);
                            break;
                        }
                    }
                }
                if answer == "never" {
                    std::future::pending::<()>().await;
                }
                let _ = socket.write_all(answer.as_bytes()).await;
                let _ = socket.shutdown().await;
            });
        }
    });
    Canned { endpoint, heads, bodies }
}

pub(super) fn xml(status: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/xml\r\nx-amz-request-id: R1\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}
