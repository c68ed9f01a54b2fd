//! What one job asks of its pool. Each job is looked at alone, and asks for no more than it can use itself: a job that
//! cannot be measured, does not move or never catches up costs the others nothing.

use std::sync::Arc;

use crate::history::{JobHistory, Workers};
use crate::limits::Limits;
use crate::number::{as_f64, count_u32, seconds_between};
use crate::sample::{JobSample, Phase};
use crate::trace::{Followed, follow};
use crate::weigh::{Weight, weigh};

/// Why a job's demand is what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Basis {
    Measured,
    /// No sample, or one that is too old: as it was last seen.
    Held,
    /// Never seen: nothing is known of it.
    Unknown,
}

/// One job's part in the decision.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Demand {
    pub name: Arc<str>,
    pub basis: Basis,
    /// To keep up with what arrives.
    pub steady: Workers,
    /// The same with its backlog.
    pub busy: Workers,
    /// The most workers it can use.
    pub places: u32,
    /// Something is left to do, or may be.
    pub active: bool,
    /// It is a reason to leave zero.
    pub wakes: bool,
    /// Records that arrive a second.
    pub inflow: f64,
    /// The part by which more is expected once workers have started.
    pub ahead: f64,
    /// Records waiting, without those of stuck partitions.
    pub lag: f64,
    /// Age of the oldest of them.
    pub age_seconds: Option<f64>,
    pub behind: bool,
    pub stuck_partitions: u32,
}

/// A job that counts, followed from its last sample to this one.
#[derive(Debug)]
pub(crate) struct Watched<'a> {
    job: &'a JobSample,
    before: Option<&'a JobHistory>,
    /// None without a sample that is fresh enough.
    now: Option<(Followed, bool)>,
    age_seconds: Option<f64>,
    behind_since_ms: Option<i64>,
}

impl<'a> Watched<'a> {
    /// `None` for a job that counts nothing.
    pub(crate) fn new(
        job: &'a JobSample,
        before: Option<&'a JobHistory>,
        limits: &Limits,
        now_ms: i64,
    ) -> Option<Self> {
        if !job.phase.counts() && job.phase != Phase::Deleting {
            return None;
        }
        let fresh = job.lag.as_ref().filter(|lag| lag.age_seconds(now_ms) <= limits.sample_stale_after_seconds);
        let now = fresh.map(|lag| (follow(lag, before, limits), lag.unlanded));
        let age_seconds = now.as_ref().and_then(|(followed, _)| {
            let waiting = followed.moments.iter().filter(|moment| moment.lag > 0.0 && !moment.stuck);
            waiting.filter_map(|moment| moment.age_seconds).reduce(f64::max)
        });
        let since = before.and_then(|job| job.behind_since_ms);
        let least = if since.is_some() { limits.target_lag_seconds / 4.0 } else { limits.target_lag_seconds };
        let behind_since_ms = age_seconds.filter(|age| *age > least).map(|_| since.unwrap_or(now_ms));
        Some(Self { job, before, now, age_seconds, behind_since_ms })
    }

    /// Its workers have been at a backlog for long enough to show what they can.
    pub(crate) fn saturated(&self, limits: &Limits, now_ms: i64) -> bool {
        let long = |since| seconds_between(since, now_ms) >= limits.start_delay_seconds;
        let moved = |followed: &Followed| followed.moments.iter().any(|moment| moment.moved && moment.lag > 0.0);
        self.behind_since_ms.is_some_and(long) && self.now.as_ref().is_some_and(|(followed, _)| moved(followed))
    }

    /// The demand, and what to remember of it. `rate`: records a second of a worker.
    pub(crate) fn demand(self, rate: f64, limits: &Limits, now_ms: i64) -> (Demand, JobHistory) {
        let Some((followed, unlanded)) = &self.now else { return self.held() };
        let counts = self.job.phase.counts();
        let Weight { steady, busy, inflow, lag, working, stuck } =
            weigh(followed, rate, self.behind_since_ms, limits, now_ms);
        let partitions = count_u32(followed.moments.len());
        let useful = if limits.limit_to_partitions_with_lag { working } else { partitions.saturating_sub(stuck) };
        let most = f64::from(self.job.max_workers.min(useful));
        let capped = |workers: Workers| match counts {
            true => Workers { least: workers.least.min(most), most: workers.most.min(most) },
            false => Workers::default(),
        };
        let (steady, busy) = (capped(steady), capped(busy));
        let old = self.age_seconds.is_some_and(|age| lag > 0.0 && age > limits.activation_lag_seconds);
        let enough = lag > as_f64(limits.activation_lag_threshold);
        // Stuck means that a worker was there: another one does not help.
        let wakes = (counts && (enough || old)) || (*unlanded && stuck == 0);
        let places = match limits.allow_idle_consumers {
            true => self.job.max_workers,
            false => self.job.max_workers.min(partitions),
        };
        let demand = Demand {
            name: Arc::clone(&self.job.name),
            basis: Basis::Measured,
            steady,
            busy,
            places,
            active: *unlanded || (counts && (lag > 0.0 || inflow > 0.0 || stuck > 0)),
            wakes,
            inflow,
            ahead: followed.ahead,
            lag,
            age_seconds: self.age_seconds,
            behind: self.behind_since_ms.is_some() && counts,
            stuck_partitions: stuck,
        };
        let memory = JobHistory {
            sampled_at_ms: followed.sampled_at_ms,
            behind_since_ms: self.behind_since_ms,
            steady,
            busy,
            places,
            trend: followed.trend,
            partitions: followed.traces.clone(),
        };
        (demand, memory)
    }

    /// What it asked for when it was last seen, and no less.
    fn held(self) -> (Demand, JobHistory) {
        let before = self.before.cloned().unwrap_or_default();
        let places = if self.before.is_some() { before.places } else { self.job.max_workers };
        let demand = Demand {
            name: Arc::clone(&self.job.name),
            basis: if self.before.is_some() { Basis::Held } else { Basis::Unknown },
            steady: before.steady,
            busy: before.busy,
            places,
            active: true,
            wakes: false,
            inflow: 0.0,
            ahead: 0.0,
            lag: 0.0,
            age_seconds: None,
            behind: false,
            stuck_partitions: 0,
        };
        // One that was never seen is remembered only once it is.
        (demand, before)
    }
}
