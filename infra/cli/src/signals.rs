//! The end from outside: the first SIGTERM or SIGINT asks for an orderly end, the second one ends at once. The handlers
//! are explicit, since the kernel ignores signals without one for a process that is PID 1.

use std::io::Read;

use anyhow::Context;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Answers a token that the first signal cancels. Must be called within the runtime.
pub(crate) fn listen() -> anyhow::Result<CancellationToken> {
    let terminate = signal(SignalKind::terminate()).context("SIGTERM cannot be handled")?;
    let interrupt = signal(SignalKind::interrupt()).context("SIGINT cannot be handled")?;
    let token = CancellationToken::new();
    tokio::spawn(wait(terminate, interrupt, token.clone()));
    Ok(token)
}

/// Cancels the token when standard input ends: whoever holds its other end is gone, or asks for the end.
pub(crate) fn end_with_stdin(token: CancellationToken) -> anyhow::Result<()> {
    // A thread of its own: a read of standard input cannot be given up.
    let watch = move || {
        let mut byte = [0];
        while matches!(std::io::stdin().read(&mut byte), Ok(1..)) {}
        tracing::info!("standard input has ended: ending in order");
        token.cancel();
    };
    std::thread::Builder::new().name("stdin".to_owned()).spawn(watch).context("standard input cannot be watched")?;
    Ok(())
}

async fn wait(mut terminate: Signal, mut interrupt: Signal, token: CancellationToken) {
    let name = next(&mut terminate, &mut interrupt).await;
    tracing::info!(signal = name, "ending in order; the same signal again ends at once");
    token.cancel();
    let name = next(&mut terminate, &mut interrupt).await;
    tracing::warn!(signal = name, "second signal: ending at once; what is not landed is read again later");
    std::process::exit(1);
}

async fn next(terminate: &mut Signal, interrupt: &mut Signal) -> &'static str {
    tokio::select! {
        _ = terminate.recv() => "SIGTERM",
        _ = interrupt.recv() => "SIGINT",
    }
}
