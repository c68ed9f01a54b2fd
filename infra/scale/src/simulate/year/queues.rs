//! Partitions through the year: records wait, are consumed into an open file, and land with it.

use std::collections::VecDeque;

use super::super::view::Seen;

/// When, and how many records of then.
type Batch = (u32, f64);

#[derive(Debug, Clone, Default)]
pub(crate) struct Queue {
    waiting: VecDeque<Batch>,
    /// Consumed, in a file that is not visible yet.
    open: VecDeque<Batch>,
    backlog: f64,
    arrived: f64,
    consumed: f64,
    landed: f64,
}

impl Queue {
    pub(crate) fn arrive(&mut self, now: u32, records: f64) {
        self.waiting.push_back((now, records));
        self.backlog += records;
        self.arrived += records;
    }

    pub(crate) fn backlog(&self) -> f64 {
        self.backlog
    }

    pub(crate) fn seen(&self) -> Seen {
        let Self { arrived, consumed, landed: committed, .. } = *self;
        Seen { arrived, consumed, committed, oldest: self.waiting.front().map(|(at, _)| *at) }
    }

    /// Consumes `wanted` records, the oldest first.
    pub(crate) fn consume(&mut self, mut wanted: f64) {
        while let Some((at, left)) = self.waiting.front_mut() {
            let part = left.min(wanted);
            self.open.push_back((*at, part));
            self.consumed += part;
            self.backlog -= part;
            wanted -= part;
            if part < *left - 1e-9 {
                *left -= part;
                return;
            }
            self.waiting.pop_front();
        }
        // Nothing waits: no crumbs of arithmetic.
        (self.backlog, self.consumed) = (0.0, self.arrived);
    }

    /// The open file becomes visible: tells of each part of it when it arrived.
    pub(crate) fn land(&mut self, mut tell: impl FnMut(u32, f64)) {
        for (at, records) in self.open.drain(..) {
            tell(at, records);
        }
        self.landed = self.consumed;
    }

    /// The worker was lost: what was in its open file is read from Kafka again.
    pub(crate) fn lose(&mut self) {
        while let Some((at, records)) = self.open.pop_back() {
            self.backlog += records;
            self.waiting.push_front((at, records));
        }
        self.consumed = self.landed;
    }
}
