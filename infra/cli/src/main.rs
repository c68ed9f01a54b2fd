//! The `landfall` binary. `main` is the runbook of every start: read the command line, log, run the command, end with
//! the exit code that scripts rely on.
//!
//! Exit codes: 0 done, 1 failed or a check found something, 2 usage or invalid configuration, 3 not found, 4 a condition
//! was not met in time.

mod audit;
mod cli;
mod client;
mod command;
mod dev;
mod exit;
mod fleet;
mod logging;
mod output;
mod scaler;
mod signals;

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;

use crate::cli::Cli;
use crate::exit::{Failure, Outcome};

/// What still blocks a thread after a command has ended is left behind this much later.
const LEAVE_BEHIND_AFTER: Duration = Duration::from_secs(5);

fn main() -> ExitCode {
    landfall_worker::allocator::give_memory_back();
    let cli = Cli::parse();
    exit::report(start(cli))
}

fn start(cli: Cli) -> Outcome {
    logging::start(cli.command.chatter()).map_err(Failure::Usage)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("landfall-io")
        .build()
        .map_err(|error| anyhow::anyhow!("the runtime did not start: {error}"))?;
    // Boxed: the future of the largest command would not fit the main thread's stack well.
    let outcome = runtime.block_on(Box::pin(command::run(cli)));
    runtime.shutdown_timeout(LEAVE_BEHIND_AFTER);
    outcome
}
