//! What the operator allows a pool. Knobs that KEDA has are also read under KEDA's own spelling.

use serde::{Deserialize, Serialize};

/// The scaling configuration of a pool. Unknown keys are refused; what is left out has its default.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Workers, inclusive. Default 0: the pool may be empty. KEDA: `minReplicaCount`.
    #[serde(alias = "minReplicaCount")]
    pub min_workers: u32,
    /// Workers, inclusive. Default 20. KEDA: `maxReplicaCount`.
    #[serde(alias = "maxReplicaCount")]
    pub max_workers: u32,
    /// How often the caller asks. The decision itself works with any times between samples, regular or not. Default 60.
    /// KEDA: `pollingInterval`.
    #[serde(alias = "pollingInterval")]
    pub polling_interval_seconds: f64,
    /// One worker for so many waiting records whose age is not known. Default 500,000. KEDA: `lagThreshold`.
    #[serde(alias = "lagThreshold")]
    pub lag_threshold: u64,
    /// An empty pool wakes when a job has more waiting records than this. Default 0. KEDA: `activationLagThreshold`.
    #[serde(alias = "activationLagThreshold")]
    pub activation_lag_threshold: u64,
    /// An empty pool wakes for fewer records, too, once one is older: a remainder is not left for ever. Default 900.
    pub activation_lag_seconds: f64,
    /// Only partitions that have something to do (records waiting or arriving) count as places for a worker. Default
    /// true. KEDA: `limitToPartitionsWithLag`.
    #[serde(alias = "limitToPartitionsWithLag")]
    pub limit_to_partitions_with_lag: bool,
    /// A partition that does not move for `persistent_lag_seconds` while the job has live workers asks for none. Default
    /// true. KEDA: `excludePersistentLag`.
    #[serde(alias = "excludePersistentLag")]
    pub exclude_persistent_lag: bool,
    /// Default 600.
    pub persistent_lag_seconds: f64,
    /// Workers beyond the number of partitions are allowed: to stand by, no more. Default false. KEDA:
    /// `allowIdleConsumers`.
    #[serde(alias = "allowIdleConsumers")]
    pub allow_idle_consumers: bool,
    /// Prefer a number of workers that divides the partitions of the largest job. Default false. KEDA:
    /// `ensureEvenDistributionOfPartitions`.
    #[serde(alias = "ensureEvenDistributionOfPartitions")]
    pub ensure_even_distribution_of_partitions: bool,
    /// A job is behind when its oldest waiting record is older, and no longer once it is younger than a quarter of it.
    /// Default 60.
    pub target_lag_seconds: f64,
    /// A job that is behind gets workers to have caught up in this time. Default 600.
    pub target_drain_seconds: f64,
    /// Fewer workers only when none of the recommendations of so long asked for more. Default 900.
    pub scale_in_stabilization_seconds: f64,
    /// The same for the workers that a backlog or a rise asked for: it has an end, so they need not wait as long.
    /// Default 120.
    pub drain_stabilization_seconds: f64,
    /// Zero workers only after everything was drained and quiet for so long. Default 900. KEDA: `cooldownPeriod`.
    #[serde(alias = "cooldownPeriod")]
    pub cooldown_period_seconds: f64,
    /// How busy workers should be, above 0 and up to 1. Default 0.85 ...
    pub target_utilization: f64,
    /// ... and how far they may be off on either side before their number changes. Default 0.07.
    pub utilization_tolerance: f64,
    /// What a worker consumes a second, until it is known from its heartbeats. What is measured is believed between a
    /// tenth and ten times of it. Default 50,000: a worker of one vCPU.
    pub worker_records_per_second: f64,
    /// From a decision to a worker that consumes: the part of `target_drain_seconds` in which nothing is drained yet.
    /// Default 180.
    pub start_delay_seconds: f64,
    /// A sample that is off by more, into the past or the future, is as good as none. Default 180.
    pub sample_stale_after_seconds: f64,
}

impl Default for Limits {
    /// A worker's rate is that of one vCPU that routes records of 650 B into many files of compressed JSON lines: 28.17
    /// CPU-s/GB (measured on commit b7cbe9b; docs/evidence/bench-2026-11-27.md has less since) are 54,600 records/s, rounded down.
    fn default() -> Self {
        Self {
            min_workers: 0,
            max_workers: 20,
            polling_interval_seconds: 60.0,
            lag_threshold: 500_000,
            activation_lag_threshold: 0,
            activation_lag_seconds: 900.0,
            limit_to_partitions_with_lag: true,
            exclude_persistent_lag: true,
            persistent_lag_seconds: 600.0,
            allow_idle_consumers: false,
            ensure_even_distribution_of_partitions: false,
            target_lag_seconds: 60.0,
            target_drain_seconds: 600.0,
            scale_in_stabilization_seconds: 900.0,
            cooldown_period_seconds: 900.0,
            drain_stabilization_seconds: 120.0,
            target_utilization: 0.85,
            utilization_tolerance: 0.07,
            worker_records_per_second: 50_000.0,
            start_delay_seconds: 180.0,
            sample_stale_after_seconds: 180.0,
        }
    }
}

/// Limits that make no sense together.
#[allow(missing_docs)] // the messages are their documentation
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum LimitsError {
    #[error("min_workers ({min}) is above max_workers ({max}): raise the one or lower the other")]
    MinAboveMax { min: u32, max: u32 },
    #[error("polling_interval_seconds is {value}: give seconds, 1 or more")]
    PollingInterval { value: f64 },
    #[error("{knob} is {value}: give a number above 0")]
    NotPositive { knob: &'static str, value: f64 },
    #[error("{knob} is {value}: give seconds, 0 or more")]
    Negative { knob: &'static str, value: f64 },
    #[error("target_utilization ({target}) with utilization_tolerance ({tolerance}) leaves the range above 0 up to 1")]
    Utilization { target: f64, tolerance: f64 },
    #[error(
        "target_drain_seconds ({drain}) is not above start_delay_seconds ({start}): workers would come too late to help"
    )]
    DrainBeforeStart { drain: f64, start: f64 },
    #[error(
        "sample_stale_after_seconds ({stale}) is below polling_interval_seconds ({polling}): every sample would be stale \
         before the next one"
    )]
    StaleBeforeNext { stale: f64, polling: f64 },
}

impl Limits {
    /// # Errors
    /// The first thing that is wrong. [`crate::plan()`] answers with any limits, but keeps its promises only with these.
    pub fn validate(&self) -> Result<(), LimitsError> {
        if self.min_workers > self.max_workers {
            return Err(LimitsError::MinAboveMax { min: self.min_workers, max: self.max_workers });
        }
        let positive = [
            ("lag_threshold", crate::number::as_f64(self.lag_threshold)),
            ("target_lag_seconds", self.target_lag_seconds),
            ("target_drain_seconds", self.target_drain_seconds),
            ("worker_records_per_second", self.worker_records_per_second),
            ("sample_stale_after_seconds", self.sample_stale_after_seconds),
        ];
        if let Some((knob, value)) = positive.into_iter().find(|(_, value)| !(value.is_finite() && *value > 0.0)) {
            return Err(LimitsError::NotPositive { knob, value });
        }
        let polling = self.polling_interval_seconds;
        if !(polling.is_finite() && polling >= 1.0) {
            return Err(LimitsError::PollingInterval { value: polling });
        }
        let seconds = [
            ("activation_lag_seconds", self.activation_lag_seconds),
            ("persistent_lag_seconds", self.persistent_lag_seconds),
            ("scale_in_stabilization_seconds", self.scale_in_stabilization_seconds),
            ("cooldown_period_seconds", self.cooldown_period_seconds),
            ("drain_stabilization_seconds", self.drain_stabilization_seconds),
            ("start_delay_seconds", self.start_delay_seconds),
            ("utilization_tolerance", self.utilization_tolerance),
        ];
        if let Some((knob, value)) = seconds.into_iter().find(|(_, value)| !(value.is_finite() && *value >= 0.0)) {
            return Err(LimitsError::Negative { knob, value });
        }
        let (target, tolerance) = (self.target_utilization, self.utilization_tolerance);
        if !(target - tolerance > 0.0 && target + tolerance <= 1.0) {
            return Err(LimitsError::Utilization { target, tolerance });
        }
        let (drain, start) = (self.target_drain_seconds, self.start_delay_seconds);
        if drain <= start {
            return Err(LimitsError::DrainBeforeStart { drain, start });
        }
        let (stale, polling) = (self.sample_stale_after_seconds, self.polling_interval_seconds);
        if stale < polling {
            return Err(LimitsError::StaleBeforeNext { stale, polling });
        }
        Ok(())
    }

    /// As busy as workers may be before there are more of them.
    pub(crate) fn highest_utilization(&self) -> f64 {
        self.target_utilization + self.utilization_tolerance
    }

    /// As idle as workers may be before there are fewer of them.
    pub(crate) fn lowest_utilization(&self) -> f64 {
        self.target_utilization - self.utilization_tolerance
    }
}
