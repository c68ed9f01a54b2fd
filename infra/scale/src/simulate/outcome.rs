//! What came out: how long records waited, what it cost, how restless it was.

use super::consume::Partitions;
use super::curve::Curve;
use super::fleet::Fleet;
use super::parameters::Parameters;
use super::rules::Policy;

/// Points of a plot.
const POINTS: u32 = 360;

/// How long records waited, weighed by their number; index is seconds.
#[derive(Debug, Default)]
pub(crate) struct Delays(Vec<f64>);

/// One moment of a run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    pub second: u32,
    pub lag_records: f64,
    /// The longest that a waiting record could have been read by then, since the point before.
    pub lag_seconds: f64,
    /// Workers that consume.
    pub workers: f64,
    /// Dollars so far.
    pub dollars: f64,
}

/// A run's result. Freshness is what a record waits from the moment when it could first be read until it is consumed.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    pub curve: String,
    pub policy: &'static str,
    pub p50_seconds: f64,
    pub p99_seconds: f64,
    pub max_seconds: f64,
    pub worker_hours: f64,
    pub dollars: f64,
    /// Of the desired number of workers.
    pub changes: u32,
    /// Changes against the direction of the one before.
    pub reversals: u32,
    /// Most workers at once.
    pub peak_workers: u32,
    /// After an outage: seconds until the oldest waiting record was younger than a minute.
    pub drain_seconds: Option<f64>,
    /// Records nobody had consumed at the end; they count as consumed then.
    pub left_records: f64,
    pub points: Vec<Point>,
}

impl Delays {
    pub(crate) fn add(&mut self, seconds: u32, records: f64) {
        let index = seconds as usize;
        if self.0.len() <= index {
            self.0.resize(index + 1, 0.0);
        }
        self.0[index] += records;
    }

    /// The least delay that `part` of all records do not exceed.
    fn quantile(&self, part: f64) -> f64 {
        let wanted = self.0.iter().sum::<f64>() * part;
        let mut sum = 0.0;
        let found = self.0.iter().position(|records| {
            sum += records;
            sum >= wanted - 1e-6
        });
        found.unwrap_or(self.0.len().saturating_sub(1)) as f64
    }
}

#[derive(Debug)]
pub(crate) struct Recorder {
    pub delays: Delays,
    outcome: Outcome,
    every: u32,
    drawn: (u32, u32),
    /// Since the last point.
    longest_wait: u32,
    worker_hour: f64,
    backlog_at: Option<u32>,
}

impl Recorder {
    pub(crate) fn new(curve: &Curve, policy: &Policy, parameters: &Parameters) -> Self {
        let step = parameters.step_seconds.max(1);
        Self {
            delays: Delays::default(),
            outcome: Outcome {
                curve: curve.name.clone(),
                policy: policy.name(),
                p50_seconds: 0.0,
                p99_seconds: 0.0,
                max_seconds: 0.0,
                worker_hours: 0.0,
                dollars: 0.0,
                changes: 0,
                reversals: 0,
                peak_workers: 0,
                drain_seconds: None,
                left_records: 0.0,
                points: Vec::new(),
            },
            every: ((curve.drawn.1 - curve.drawn.0) / POINTS / step).max(1) * step,
            drawn: curve.drawn,
            longest_wait: 0,
            worker_hour: parameters.worker_hour(),
            backlog_at: curve.load.backlog_at(),
        }
    }

    pub(crate) fn step(&mut self, now: u32, step: u32, partitions: &Partitions, fleet: &Fleet, readable: bool) {
        self.outcome.peak_workers = self.outcome.peak_workers.max(fleet.serving());
        if let Some(at) = self.backlog_at.filter(|at| now >= *at && self.outcome.drain_seconds.is_none())
            && partitions.age(now) < 60
        {
            self.outcome.drain_seconds = Some(f64::from(now + step - at));
        }
        self.longest_wait = self.longest_wait.max(partitions.wait(now, readable));
        if now.is_multiple_of(self.every) && (self.drawn.0..=self.drawn.1).contains(&now) {
            self.outcome.points.push(Point {
                second: now,
                lag_records: partitions.backlog(),
                lag_seconds: f64::from(std::mem::take(&mut self.longest_wait)),
                workers: f64::from(fleet.serving()),
                dollars: fleet.hours(now) * self.worker_hour,
            });
        }
    }

    pub(crate) fn finish(mut self, now: u32, partitions: &mut Partitions, fleet: &Fleet) -> Outcome {
        let left_records = partitions.backlog();
        partitions.give_up(now, &mut self.delays);
        let worker_hours = fleet.hours(now);
        Outcome {
            p50_seconds: self.delays.quantile(0.5),
            p99_seconds: self.delays.quantile(0.99),
            max_seconds: self.delays.quantile(1.0),
            worker_hours,
            dollars: worker_hours * self.worker_hour,
            changes: fleet.changes,
            reversals: fleet.reversals,
            left_records,
            ..self.outcome
        }
    }
}
