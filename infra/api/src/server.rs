//! The listener: HTTP/1.1 with bounds on connections, heads and time, and an orderly end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};

use crate::state::{ApiState, Limits};
use crate::tls::{self, Tls};

/// The head of a request: request line and all headers. An Application Load Balancer passes on up to 64 K of it
/// (AWS, "HTTP headers and Application Load Balancers").
const MAX_HEAD_BYTES: usize = 64 * 1024;
const MAX_HEADERS: usize = 64;
/// Between two failed accepts (out of file descriptors), so that the loop does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    #[error("auth.mode none is refused on {address}: listen on a loopback address, or set auth.mode: token")]
    OpenToTheNetwork { address: SocketAddr },
    #[error("the listening socket cannot be used: {0}")]
    Socket(#[from] std::io::Error),
}

/// Serves the API until `shutdown`, then drains. Not ready from the signal on.
///
/// # Errors
/// The listener is open to the network although nobody is authenticated, or cannot be used.
pub async fn serve(
    listener: TcpListener,
    state: ApiState,
    tls: Option<Tls>,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), ServeError> {
    let address = listener.local_addr()?;
    if state.auth.mode() == "none" && !address.ip().is_loopback() {
        return Err(ServeError::OpenToTheNetwork { address });
    }
    let health = state.health.clone();
    let limits = state.limits.clone();
    let warming = state.clone();
    tokio::spawn(async move { warming.auth.warm_up().await });
    let shutdown = async move {
        shutdown.await;
        health.drain();
    };
    let permits = state.permits();
    serve_router(listener, crate::router::router(state), tls, &limits, shutdown).await?;
    // Changes whose clients have gone meanwhile.
    let all = u32::try_from(limits.concurrent_requests).unwrap_or(u32::MAX);
    if tokio::time::timeout(limits.drain, permits.acquire_many(all)).await.is_err() {
        tracing::warn!(after_s = limits.drain.as_secs(), "requests were still under way at the end and are cut");
    }
    Ok(())
}

/// Serves any router with the same bounds; a worker serves its health so.
///
/// # Errors
/// The listener cannot be used.
pub async fn serve_router(
    listener: TcpListener,
    router: Router,
    tls: Option<Tls>,
    limits: &Limits,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), ServeError> {
    let permits = Arc::new(Semaphore::new(limits.connections));
    let (ending, _) = watch::channel(false);
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        // A permit first: beyond the bound, connections wait in the kernel's backlog.
        let accepted = tokio::select! {
            () = &mut shutdown => break,
            accepted = async {
                let permit = Arc::clone(&permits).acquire_owned().await;
                (listener.accept().await, permit)
            } => accepted,
        };
        let (Ok((stream, _)), Ok(permit)) = accepted else {
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let (router, ending, head) = (router.clone(), ending.subscribe(), limits.request_head);
        let acceptor = tls.as_ref().map(Tls::acceptor);
        tokio::spawn(async move {
            // Answers are small and whole: waiting for more to send only delays them.
            let _ = stream.set_nodelay(true);
            match acceptor {
                None => connection(stream, router, head, ending).await,
                Some(acceptor) => match tls::handshake(acceptor, stream, head).await {
                    Ok(stream) => connection(stream, router, head, ending).await,
                    Err(error) => tracing::debug!(%error, "no TLS handshake"),
                },
            }
            drop(permit);
        });
    }
    drop(listener);
    ending.send_replace(true);
    let all = u32::try_from(limits.connections).unwrap_or(u32::MAX);
    if tokio::time::timeout(limits.drain, permits.acquire_many(all)).await.is_err() {
        tracing::warn!(after_s = limits.drain.as_secs(), "connections were still open at the end and are cut");
    }
    Ok(())
}

async fn connection<S>(stream: S, router: Router, head_limit: Duration, mut ending: watch::Receiver<bool>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(head_limit)
        .max_buf_size(MAX_HEAD_BYTES)
        .max_headers(MAX_HEADERS)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    let mut connection = std::pin::pin!(connection);
    let ended = async move { drop(ending.wait_for(|ending| *ending).await) };
    let done = tokio::select! {
        done = connection.as_mut() => done,
        () = ended => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = done {
        tracing::debug!(%error, "connection ended");
    }
}
