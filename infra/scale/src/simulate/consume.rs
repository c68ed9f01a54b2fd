//! Partitions as queues of what arrived in each step, and workers that take from them.

use std::collections::VecDeque;

use super::outcome::Delays;
use super::view::Seen;

/// Of a step's rate in what a heartbeat tells.
const SMOOTHING: f64 = 0.2;

/// One partition.
#[derive(Debug, Clone, Default)]
pub(crate) struct Queue {
    /// When, and how many records of then are left; the oldest first.
    waiting: VecDeque<(u32, f64)>,
    pub backlog: f64,
    pub arrived: f64,
    pub consumed: f64,
    pub committed: f64,
}

impl Queue {
    /// When the oldest waiting record arrived.
    pub(crate) fn oldest(&self) -> Option<u32> {
        self.waiting.front().map(|(at, _)| *at)
    }

    pub(crate) fn seen(&self) -> Seen {
        let Self { arrived, consumed, committed, .. } = *self;
        Seen { arrived, consumed, committed, oldest: self.oldest() }
    }

    fn take_all(&mut self, now: u32, readable_since: u32, delays: &mut Delays) -> f64 {
        self.take(now, f64::INFINITY, readable_since, delays)
    }

    /// Takes up to `wanted` records and tells how long each waited.
    fn take(&mut self, now: u32, mut wanted: f64, readable_since: u32, delays: &mut Delays) -> f64 {
        let mut taken = 0.0;
        while wanted > 0.0 {
            let Some((at, left)) = self.waiting.front_mut() else { break };
            let part = left.min(wanted);
            delays.add(now - (*at).max(readable_since), part);
            *left -= part;
            wanted -= part;
            taken += part;
            if *left <= 1e-9 {
                self.waiting.pop_front();
            }
        }
        self.backlog = if self.waiting.is_empty() { 0.0 } else { (self.backlog - taken).max(0.0) };
        self.consumed = if self.waiting.is_empty() { self.arrived } else { self.consumed + taken };
        taken
    }
}

/// All partitions of the job.
#[derive(Debug)]
pub(crate) struct Partitions {
    pub queues: Vec<Queue>,
    arrived_at: u32,
    /// Since when the cluster answers: no rule can do anything about what records waited before.
    readable_since: u32,
    /// Records a second of each worker, as a heartbeat would tell them: smoothed over about half a minute.
    pub rates: Vec<f64>,
}

impl Partitions {
    pub(crate) fn new(partitions: usize) -> Self {
        Self { queues: vec![Queue::default(); partitions], arrived_at: 0, readable_since: 0, rates: Vec::new() }
    }

    pub(crate) fn answers_since(&mut self, second: u32) {
        self.readable_since = second;
    }

    pub(crate) fn arrive(&mut self, now: u32, records: f64, share: impl Fn(usize) -> f64) {
        if records <= 0.0 {
            return;
        }
        self.arrived_at = now;
        for (partition, queue) in self.queues.iter_mut().enumerate() {
            let own = records * share(partition);
            queue.waiting.push_back((now, own));
            queue.backlog += own;
            queue.arrived += own;
        }
    }

    /// `capacity`: records a second of a worker. Answers with what was consumed.
    pub(crate) fn consume(&mut self, now: u32, step: u32, workers: u32, capacity: f64, delays: &mut Delays) -> f64 {
        let workers = workers as usize;
        self.rates.resize(workers, 0.0);
        let mut consumed = 0.0;
        for worker in 0..workers {
            let own = self.work(now, worker, workers, capacity * f64::from(step), delays);
            self.rates[worker] += SMOOTHING * (own / f64::from(step) - self.rates[worker]);
            consumed += own;
        }
        consumed
    }

    /// One worker's step: partitions take turns, and what one leaves over is the others'.
    fn work(&mut self, now: u32, worker: usize, workers: usize, capacity: f64, delays: &mut Delays) -> f64 {
        if capacity <= 0.0 {
            return 0.0;
        }
        let mut own: Vec<usize> = (worker..self.queues.len()).step_by(workers).collect();
        let waiting: f64 = own.iter().map(|partition| self.queues[*partition].backlog).sum();
        if waiting <= capacity {
            // Nobody has to take turns.
            return own
                .iter()
                .map(|partition| self.queues[*partition].take_all(now, self.readable_since, delays))
                .sum();
        }
        own.sort_by(|a, b| self.queues[*a].backlog.total_cmp(&self.queues[*b].backlog));
        let mut left = capacity;
        for (done, partition) in own.iter().enumerate() {
            let turn = left / (own.len() - done) as f64;
            left -= self.queues[*partition].take(now, turn, self.readable_since, delays);
        }
        capacity - left
    }

    /// Commits follow the positions once a rotation, and at once where nothing arrives any more or nobody is left.
    pub(crate) fn commit(&mut self, now: u32, serving: u32, rotate_seconds: u32) {
        let idle = now.saturating_sub(self.arrived_at) > 120;
        if now.is_multiple_of(rotate_seconds) || idle || serving == 0 {
            for queue in &mut self.queues {
                queue.committed = queue.consumed;
            }
        }
    }

    pub(crate) fn backlog(&self) -> f64 {
        self.queues.iter().map(|queue| queue.backlog).sum()
    }

    /// Age of the oldest waiting record.
    pub(crate) fn age(&self, now: u32) -> u32 {
        self.queues.iter().filter_map(Queue::oldest).map(|at| now - at).max().unwrap_or(0)
    }

    /// The same, but for the time in which nobody could read it.
    pub(crate) fn wait(&self, now: u32, readable: bool) -> u32 {
        if readable { self.age(now).min(now - self.readable_since) } else { 0 }
    }

    /// Everything left, as if it were consumed now: what waits at the end is not forgotten.
    pub(crate) fn give_up(&mut self, now: u32, delays: &mut Delays) {
        for queue in &mut self.queues {
            queue.take_all(now, self.readable_since, delays);
        }
    }
}
