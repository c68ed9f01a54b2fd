//! How far an audit is: on a terminal a bar on stderr, elsewhere a line now and then.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::output::grouped;

const TELL_EVERY: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(super) struct Progress {
    bar: Option<ProgressBar>,
    shown: bool,
    what: &'static str,
    done: u64,
    total: u64,
    told: Instant,
}

impl Progress {
    /// `shown`: false where somebody else has the terminal.
    pub(super) fn new(shown: bool) -> Self {
        let terminal = shown && std::io::IsTerminal::is_terminal(&std::io::stderr());
        let template = "{msg:<8} {wide_bar} {human_pos}/{human_len}  {eta}";
        let bar = terminal.then(|| {
            let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr());
            bar.with_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()))
        });
        Self { bar, shown, what: "", done: 0, total: 0, told: Instant::now() }
    }

    /// The next stretch of work, of so many steps.
    pub(super) fn begin(&mut self, what: &'static str, total: u64) {
        (self.what, self.done, self.total, self.told) = (what, 0, total, Instant::now());
        if let Some(bar) = &self.bar {
            bar.reset();
            bar.set_length(total);
            bar.set_message(what);
        }
    }

    pub(super) fn add(&mut self, steps: u64) {
        self.done += steps;
        match &self.bar {
            Some(bar) => bar.set_position(self.done),
            None if self.shown && self.told.elapsed() >= TELL_EVERY => {
                self.told = Instant::now();
                eprintln!("audit: {} {} of {}", self.what, grouped(self.done), grouped(self.total));
            }
            None => {}
        }
    }

    pub(super) fn clear(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
