//! What is assumed of workers, of Fargate and of its prices, with the sources.

/// Of Fargate, Linux on ARM, us-east-1, on demand, in dollars an hour.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Prices {
    pub vcpu_hour: f64,
    pub gb_hour: f64,
}

/// The world outside the scaling rule.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameters {
    pub seed: u64,
    /// The least time that is looked at.
    pub step_seconds: u32,
    /// How far a minute's load is off its curve, as a part of it, either way.
    pub noise: f64,
    /// What a worker really consumes a second.
    pub worker_records_per_second: f64,
    pub vcpus: f64,
    pub memory_gb: f64,
    pub prices: Prices,
    /// From a start to a worker that consumes, the least and the most.
    pub start_seconds: (f64, f64),
    /// From a decision to its effect: a metric, one evaluation of its alarm.
    pub alarm_seconds: u32,
    /// A worker that is told to leave lands its files so long, paid for and without consuming.
    pub leave_seconds: u32,
    /// Nobody consumes for so long when a worker comes or goes.
    pub rebalance_seconds: u32,
    /// Kafka's commits trail the positions by up to a rotation.
    pub rotate_seconds: u32,
    /// CPU of a worker that has nothing to do, as a part of 1.
    pub idle_cpu: f64,
}

impl Default for Parameters {
    /// A worker is a task of 0.25 vCPU and 1 GB. Its rate is computed, not measured on Fargate: 28.17 CPU-s/GB at 650 B
    /// (JSONL zstd into 996 paths by a field, commit b7cbe9b; since then docs/evidence/bench-2026-11-27.md has 25.5 without
    /// scratch and 16.3 with it, so that workers are faster than this) are 54,600 records a vCPU-second, a quarter
    /// of it is 13,650. Prices: AWS Fargate price list, Linux/ARM, us-east-1, as of 2026.
    fn default() -> Self {
        Self {
            seed: 20_261_127,
            step_seconds: 5,
            noise: 0.05,
            worker_records_per_second: 13_650.0,
            vcpus: 0.25,
            memory_gb: 1.0,
            prices: Prices { vcpu_hour: 0.032_38, gb_hour: 0.003_56 },
            start_seconds: (30.0, 60.0),
            alarm_seconds: 60,
            leave_seconds: 60,
            rebalance_seconds: 5,
            rotate_seconds: 600,
            idle_cpu: 0.03,
        }
    }
}

impl Parameters {
    /// Dollars of one worker for an hour.
    #[must_use]
    pub fn worker_hour(&self) -> f64 {
        self.vcpus * self.prices.vcpu_hour + self.memory_gb * self.prices.gb_hour
    }
}
