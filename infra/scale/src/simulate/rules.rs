//! The scaling rules that are compared.

use crate::limits::Limits;
use crate::number::workers_for;

/// A rule with its settings.
#[derive(Debug, Clone, PartialEq)]
pub enum Policy {
    /// [`crate::plan()`], once a minute.
    Plan(Box<Limits>),
    Cpu(CpuTracking),
    /// So many workers always: what freshness could be had at most.
    Fixed(u32),
    Keda(KedaRule),
}

/// Target tracking of the mean CPU, as ECS does it and MSK Connect in its way.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CpuTracking {
    /// It cannot leave zero: without workers there is no CPU to measure.
    pub min_workers: u32,
    pub max_workers: u32,
    /// Part of 1 that is aimed at.
    pub target: f64,
    /// Minutes above the target before there are more workers.
    pub out_minutes: u32,
    /// Minutes below nine tenths of it before there are fewer.
    pub in_minutes: u32,
    /// Between two changes outwards. ECS's default is 300; less is in favour of this rule.
    pub out_cooldown_seconds: u32,
    pub in_cooldown_seconds: u32,
}

impl Default for CpuTracking {
    fn default() -> Self {
        Self {
            min_workers: 1,
            max_workers: 80,
            target: 0.7,
            out_minutes: 3,
            in_minutes: 15,
            out_cooldown_seconds: 180,
            in_cooldown_seconds: 300,
        }
    }
}

/// Which lag a rule is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LagSource {
    /// End minus commit, as KEDA reads it: records in open files count.
    Commits,
    /// End minus position.
    Positions,
}

/// Lag divided by a threshold, polled, with Kubernetes' patience on the way in.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct KedaRule {
    pub max_workers: u32,
    /// Records of lag a worker.
    pub lag_threshold: f64,
    pub lag_source: LagSource,
    pub poll_seconds: u32,
    /// The largest of so many seconds counts.
    pub stabilization_seconds: u32,
    /// Without lag for so long: zero.
    pub cooldown_seconds: u32,
}

impl KedaRule {
    /// With KEDA's and Kubernetes' defaults, and a threshold of `lag_threshold` records a worker.
    #[must_use]
    pub fn new(lag_threshold: f64, lag_source: LagSource) -> Self {
        let (poll_seconds, stabilization_seconds, cooldown_seconds) = (30, 300, 300);
        Self { max_workers: 80, lag_threshold, lag_source, poll_seconds, stabilization_seconds, cooldown_seconds }
    }
}

impl Policy {
    /// For tables and plots.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Plan(_) => "plan",
            Self::Cpu(_) => "CPU tracking",
            Self::Fixed(_) => "fixed",
            Self::Keda(KedaRule { lag_source: LagSource::Commits, .. }) => "KEDA-style, commits",
            Self::Keda(KedaRule { lag_source: LagSource::Positions, .. }) => "KEDA-style, positions",
        }
    }

    /// What the pool has at the beginning: what this rule would have for a load that needs so many workers, so that none is
    /// measured by a beginning that it did not choose.
    pub(crate) fn first_workers(&self, needed: f64) -> u32 {
        match self {
            Self::Plan(limits) => workers_for(needed / limits.target_utilization).max(1),
            Self::Cpu(rule) => workers_for(needed / rule.target).max(1),
            Self::Keda(_) => workers_for(needed).max(1),
            Self::Fixed(workers) => *workers,
        }
    }
}
