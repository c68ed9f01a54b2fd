//! What a year is assumed to bring, each with where the figure is from.

use crate::limits::Limits;

/// The service, and what befalls it.
#[derive(Debug, Clone, PartialEq)]
pub struct Assumptions {
    pub records_per_day: f64,
    /// The busiest moment of a day as a multiple of its quietest.
    pub swing: f64,
    pub partitions: usize,
    pub zones: u32,
    pub limits: Limits,
    /// What a worker consumes a second.
    pub worker_records_per_second: f64,
    /// Tasks that are not Spot, the first ones; all others are.
    pub on_demand_tasks: u32,
    /// A file is closed at this age at the latest.
    pub rotate_seconds: u32,
    /// From the end of a file to its visibility: the last part, the log's entry, the completion.
    pub land_seconds: u32,
    /// A record is late when it is visible only after more.
    pub promise_seconds: u32,
    /// Nobody consumes for so long when a worker comes or goes on purpose.
    pub rebalance_seconds: f64,
    /// Nobody consumes for so long after a worker was lost without a word, the least and the most.
    pub lost_worker_seconds: (f64, f64),
    /// From a start to a worker that consumes, the least and the most.
    pub start_seconds: (f64, f64),
    /// The same while a zone is lost and everybody else starts tasks, too.
    pub rushed_start_seconds: (f64, f64),
    /// From a decision of `plan` to its effect.
    pub alarm_seconds: u32,
    /// Of one task: days between losses without a word.
    pub crash_days: f64,
    /// Of one Spot task: days between reclaims, and the part of them after which there is no Spot capacity for a while.
    pub reclaim_days: f64,
    pub dry_part: f64,
    pub dry_seconds: u32,
    /// Zones lost in a year, and for how long each.
    pub zone_losses_per_year: f64,
    pub zone_loss_seconds: u32,
    /// Restarts of brokers in a year, planned or not, and how long its partitions then have no leader.
    pub broker_restarts_per_year: f64,
    pub leader_seconds: f64,
    /// S3 answers nothing for this part of the year, in so many brown-outs of exponentially distributed length.
    pub s3_away_part: f64,
    pub s3_brown_outs_per_year: f64,
    pub deploys_per_week: u32,
}

impl Default for Assumptions {
    fn default() -> Self {
        let parameters = super::super::Parameters::default();
        Self {
            records_per_day: 1e9,
            swing: 2.4,
            partitions: 12,
            zones: 3,
            limits: Limits { min_workers: 2, worker_records_per_second: 12_500.0, ..Limits::default() },
            worker_records_per_second: parameters.worker_records_per_second,
            on_demand_tasks: 1,
            rotate_seconds: 60,
            land_seconds: 5,
            promise_seconds: 300,
            rebalance_seconds: f64::from(parameters.rebalance_seconds),
            lost_worker_seconds: (9.0, 13.0),
            start_seconds: parameters.start_seconds,
            rushed_start_seconds: (120.0, 600.0),
            alarm_seconds: parameters.alarm_seconds,
            crash_days: 30.0,
            reclaim_days: 5.0,
            dry_part: 0.05,
            dry_seconds: 1_800,
            zone_losses_per_year: 1.0,
            zone_loss_seconds: 7_200,
            broker_restarts_per_year: 39.0,
            leader_seconds: 10.0,
            s3_away_part: 1e-4,
            s3_brown_outs_per_year: 12.0,
            deploys_per_week: 2,
        }
    }
}
