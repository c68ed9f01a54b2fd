//! What is published beside the number of workers.

use serde::{Deserialize, Serialize};

use crate::sample::{JobLag, JobSample, PoolSample};

/// Figures over all jobs that count, for metrics and tables. `None` where something was not measured: no figure is better
/// than one that leaves a job out, and missing data raises the alarm that is meant for it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// Records waiting, with those of stuck partitions. `LagRecords`.
    pub lag_records: Option<u64>,
    /// Age of the oldest of them, in seconds; 0 without lag, `None` where no age is known. `LagSeconds`.
    pub lag_seconds: Option<f64>,
    /// Age of the oldest sample, in seconds; 0 without jobs that count. `LagSampleAge`.
    pub lag_sample_age_seconds: Option<f64>,
}

impl PoolSample {
    /// The figures of this moment.
    #[must_use]
    pub fn figures(&self) -> Figures {
        let counting = |job: &&JobSample| job.phase.counts();
        let lags: Option<Vec<&JobLag>> =
            self.jobs.as_ref().and_then(|jobs| jobs.iter().filter(counting).map(|job| job.lag.as_ref()).collect());
        let Some(lags) = lags else {
            return Figures { lag_records: None, lag_seconds: None, lag_sample_age_seconds: None };
        };
        let waiting = || lags.iter().flat_map(|lag| &lag.partitions).filter(|partition| partition.lag() > 0);
        let ages = || waiting().filter_map(|partition| partition.age_seconds).filter(|age| age.is_finite());
        let sample_ages = lags.iter().map(|lag| lag.age_seconds(self.now_ms));
        Figures {
            lag_records: Some(waiting().map(crate::PartitionSample::lag).fold(0, u64::saturating_add)),
            lag_seconds: if waiting().next().is_none() { Some(0.0) } else { ages().reduce(f64::max) },
            lag_sample_age_seconds: Some(sample_ages.fold(0.0, f64::max)),
        }
    }
}
