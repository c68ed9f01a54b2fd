//! The progress line: on a terminal one line that is renewed, elsewhere a log line now and then.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use landfall_store::StatusDocument;

use super::generator::Counts;
use super::parts::Landed;
use crate::output::{grouped, or_dash};

const LOG_EVERY: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(super) struct Progress {
    bar: Option<ProgressBar>,
    started: Instant,
    logged: Instant,
    last: (Instant, u64),
}

impl Progress {
    pub(super) fn new() -> Self {
        let now = Instant::now();
        let terminal = std::io::IsTerminal::is_terminal(&std::io::stderr());
        let bar = terminal.then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            bar.with_style(ProgressStyle::with_template("{msg}").unwrap_or_else(|_| ProgressStyle::default_spinner()))
        });
        Self { bar, started: now, logged: now, last: (now, 0) }
    }

    pub(super) fn show(&mut self, counts: &Counts, status: &StatusDocument, landed: &Landed) {
        let now = Instant::now();
        let (before, records) = self.last;
        let span_ms = u64::try_from((now - before).as_millis()).unwrap_or(u64::MAX).max(1);
        let rate = counts.records.saturating_sub(records).saturating_mul(1_000) / span_ms;
        self.last = (now, counts.records);
        if let Some(bar) = &self.bar {
            let waits = if counts.waiting { ", generator waits for the sink" } else { "" };
            let stuck =
                status.waiting_for.as_ref().map(|waits| format!(", waiting for {}", waits.what)).unwrap_or_default();
            bar.set_message(format!(
                "{:>4} s  {} events/s  lag {}  landed {} of {}  {} objects  {} dead letters  {} open files{waits}{stuck}",
                (now - self.started).as_secs(),
                grouped(rate),
                or_dash(status.lag.records.map(grouped)),
                grouped(landed.records),
                grouped(counts.records),
                grouped(landed.objects),
                grouped(status.dead_letters.total),
                status.open_files_total,
            ));
        } else if now - self.logged >= LOG_EVERY {
            self.logged = now;
            tracing::info!(
                job = status.name,
                produced = counts.records,
                events_per_second = rate,
                lag = status.lag.records,
                landed = landed.records,
                objects = landed.objects,
                dead_letters = status.dead_letters.total,
                open_files = status.open_files_total,
                generator_waits = counts.waiting,
                "progress"
            );
        }
    }

    /// A last word that stays while the rest goes on.
    pub(super) fn note(&self, text: &str) {
        if let Some(bar) = &self.bar {
            bar.set_message(text.to_owned());
        }
    }

    pub(super) fn clear(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
