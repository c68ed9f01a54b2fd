//! `--watch`: the same again every few seconds, in place on a terminal, one after the other anywhere else.

use std::io::IsTerminal;
use std::time::Duration;

use clap::Args;
use landfall_job::DurationMs;

use crate::cli::duration;
use crate::exit::{Failure, Outcome, report};
use crate::output::{self, Format};
use crate::signals;

/// Home, and everything below is cleared.
const CLEAR: &str = "\x1b[H\x1b[J";

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Show it again and again, every 2 seconds or as often as given, until interrupted
    #[arg(long, value_name = "INTERVAL", num_args = 0..=1, default_missing_value = "2s", value_parser = duration)]
    watch: Option<DurationMs>,
}

impl Arguments {
    /// Prints what `look` answers; with `--watch` until the process is told to stop.
    pub(crate) async fn each(&self, format: Format, look: impl AsyncFn() -> Result<String, Failure>) -> Outcome {
        let Some(interval) = self.watch else { return Ok(output::print(&look().await?)?) };
        watch(Duration::from_millis(interval.millis()), format, look).await
    }
}

pub(crate) async fn watch(
    interval: Duration,
    format: Format,
    look: impl AsyncFn() -> Result<String, Failure>,
) -> Outcome {
    let in_place = format == Format::Table && std::io::stdout().is_terminal();
    let stop = signals::listen()?;
    let mut seen = false;
    loop {
        match look().await {
            Ok(text) => output::print(&if in_place { format!("{CLEAR}{text}") } else { text })?,
            // An API that is restarted meanwhile is looked at again.
            Err(failure) if seen && matches!(failure, Failure::Failed(_)) => {
                report(Err(failure));
            }
            Err(failure) => return Err(failure),
        }
        seen = true;
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            () = tokio::time::sleep(interval) => {}
        }
    }
}
