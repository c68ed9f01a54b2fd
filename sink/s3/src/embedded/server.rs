//! The backend over HTTP on loopback, with SigV4: `landfall dev`'s S3 server, and the tests'.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::backend::Backend;
use super::medium::Medium;
use super::service::Service;
use crate::aws::StaticCredentials;

/// More clients wait in the listener's queue.
const MAX_CONNECTIONS: usize = 512;
/// A client that sends no whole request head in this time is left.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// Requests in flight at a shutdown get this long to end.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);

/// A running server. Dropped, it stops at once; [`ServerHandle::shutdown`] lets requests in flight end.
#[derive(Debug)]
pub struct ServerHandle {
    addr: SocketAddr,
    stop: CancellationToken,
    task: Option<JoinHandle<()>>,
}

impl ServerHandle {
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// As it goes into `s3.endpoint`.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Stops listening, lets requests in flight end within a few seconds, then returns.
    pub async fn shutdown(mut self) {
        self.stop.cancel();
        if let Some(task) = self.task.take()
            && let Err(error) = task.await
        {
            tracing::warn!(%error, "embedded s3 server ended badly");
        }
    }
}

impl Drop for ServerHandle {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Serves a backend; port 0 takes a free one. Only the given credentials are let in.
///
/// # Errors
/// The address is not loopback (this server is made for one machine), or cannot be bound.
pub async fn serve<M: Medium>(
    backend: Arc<Backend<M>>,
    listen: SocketAddr,
    credentials: &StaticCredentials,
) -> io::Result<(SocketAddr, ServerHandle)> {
    if !listen.ip().is_loopback() {
        let message = format!("the embedded s3 server listens on loopback only, not on {listen}: use 127.0.0.1");
        return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
    }
    let mut builder = S3ServiceBuilder::new(Service::new(backend));
    builder.set_auth(SimpleAuth::from_single(credentials.access_key.clone(), credentials.secret_key.clone()));
    let service = builder.build();
    let listener = TcpListener::bind(listen).await?;
    let addr = listener.local_addr()?;
    let stop = CancellationToken::new();
    let task = tokio::spawn(accept(listener, service, stop.clone()));
    Ok((addr, ServerHandle { addr, stop, task: Some(task) }))
}

async fn accept(listener: TcpListener, service: S3Service, stop: CancellationToken) {
    let slots = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let connections = TaskTracker::new();
    loop {
        let Ok(slot) = Arc::clone(&slots).acquire_owned().await else { break };
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((socket, _)) => {
                let (service, stop) = (service.clone(), stop.clone());
                connections.spawn(async move {
                    answer(socket, service, stop).await;
                    drop(slot);
                });
            }
            Err(error) => {
                // Out of file descriptors, mostly: wait for some to close.
                tracing::warn!(%error, "embedded s3 server could not accept");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
    drop(listener);
    connections.close();
    if tokio::time::timeout(DRAIN_TIMEOUT, connections.wait()).await.is_err() {
        tracing::warn!("embedded s3 server left requests that did not end in time");
    }
}

async fn answer(socket: TcpStream, service: S3Service, stop: CancellationToken) {
    if let Err(error) = socket.set_nodelay(true) {
        tracing::debug!(%error, "embedded s3 server could not set nodelay");
    }
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT);
    let connection = builder.serve_connection(TokioIo::new(socket), service);
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            match tokio::time::timeout(DRAIN_TIMEOUT, connection).await {
                Ok(ended) => ended,
                Err(_) => return,
            }
        }
    };
    if let Err(error) = ended {
        tracing::debug!(error, "embedded s3 connection ended early");
    }
}
