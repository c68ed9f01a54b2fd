//! `job wait`: until a job is in a state, or time is up.

use std::time::{Duration, Instant};

use anyhow::anyhow;
use clap::{Args, ValueEnum};
use landfall_job::DurationMs;
use landfall_store::{JobState, State, StatusDocument};

use crate::cli::duration;
use crate::client::Client;
use crate::exit::{Failure, Outcome};
use crate::output::{self, Format};

const POLL_EVERY: Duration = Duration::from_millis(500);

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The job
    name: String,
    /// What to wait for
    #[arg(long, value_enum)]
    until: Until,
    /// For how long, as 90s or 10m
    #[arg(long, value_parser = duration, default_value = "60s")]
    timeout: DurationMs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Until {
    /// A live worker runs it
    Running,
    /// Nothing consumed is unlanded and lag is 0
    Drained,
    /// A bounded job has landed everything up to its stop
    Finished,
    /// Everything open is landed and nothing is consumed
    Paused,
    /// Everything open is landed and the group is left
    Stopped,
}

impl Until {
    fn word(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Drained => "drained",
            Self::Finished => "finished",
            Self::Paused => "paused",
            Self::Stopped => "stopped",
        }
    }

    fn reached(self, status: &StatusDocument) -> bool {
        match self {
            // A job that is to pause still runs until all is landed; that is not what is waited for.
            Self::Running => {
                status.state == State::Running
                    && status.desired == "running"
                    && status.workers.iter().any(|worker| !worker.stale && worker.state == JobState::Running)
            }
            Self::Drained => status.drained,
            Self::Finished => status.state == State::Finished,
            Self::Paused => status.state == State::Paused,
            Self::Stopped => status.state == State::Stopped,
        }
    }
}

pub(crate) async fn run(client: &Client, arguments: &Arguments, format: Format) -> Outcome {
    let (name, until) = (&arguments.name, arguments.until);
    let status = reach(client, name, until, arguments.timeout.as_duration()).await?;
    Ok(output::show(format, &status, || format!("job {name} is {}", until.word()))?)
}

/// Polls until the job is there.
///
/// # Errors
/// Not in time, or it has failed and will not get there by itself.
pub(crate) async fn reach(
    client: &Client,
    name: &str,
    until: Until,
    timeout: Duration,
) -> Result<StatusDocument, Failure> {
    let deadline = Instant::now() + timeout;
    loop {
        let status = client.status(name).await?;
        if until.reached(&status) {
            return Ok(status);
        }
        if let (State::Failed, Some(failed)) = (status.state, &status.failed) {
            return Err(anyhow!(
                "job {name} has failed and will not be {}: {} ({})",
                until.word(),
                failed.message,
                failed.code
            )
            .into());
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            let waits = status.waiting_for.map(|waits| format!(", waiting for {}", waits.what)).unwrap_or_default();
            let (state, lag) = (state_word(status.state), output::or_dash(status.lag.records));
            return Err(Failure::NotInTime(format!(
                "job {name} is not {} after {} ms: it is {state}, lag {lag}, {} open files{waits}",
                until.word(),
                timeout.as_millis(),
                status.open_files_total
            )));
        }
        tokio::time::sleep(POLL_EVERY.min(left)).await;
    }
}

/// As the status document writes it.
pub(crate) fn state_word(state: State) -> &'static str {
    match state {
        State::Running => "running",
        State::Paused => "paused",
        State::Stopped => "stopped",
        State::Failed => "failed",
        State::Finished => "finished",
        State::Deleting => "deleting",
        State::Deleted => "deleted",
    }
}
