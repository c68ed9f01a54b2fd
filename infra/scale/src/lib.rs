//! How many workers a pool needs, and why: a pure decision, and a simulator that replays load curves through it.
//!
//! [`plan()`] takes what was seen of a pool's jobs ([`PoolSample`]), what the operator allows ([`Limits`]) and what it
//! said before ([`History`]), and answers with a number and a sentence ([`Plan`]). The same function serves the lag
//! Lambda, `landfall plan`, the local scaler and the simulator, so that what was simulated is what runs.
//!
//! Invariants: the answer is never above `max_workers` nor above what the jobs' partitions can use, never below
//! `min_workers`; zero only after everything was drained and quiet for a whole window; more lag never means fewer
//! workers; what is not known keeps what is. Times are milliseconds since the epoch, given by the caller; rates are
//! records a second; offsets are exclusive (the next offset). A *worker* as a unit of demand is one worker kept busy.
//!
//! The way of a decision: [`trace`] says what became of each partition since it was last seen, [`trend`] where the load is
//! going, [`rate`] what a worker does, [`weigh`] and [`spread`] how many workers that keeps busy, [`demand`] what of it one
//! job may ask for, [`plan`](mod@plan) puts the jobs together with patience and bounds, [`reason`] says it in words.
//!
//! A caller keeps the history as it is and hands it in again:
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use landfall_scale::{History, Limits, PoolSample, plan};
//!
//! # let (kept, measured) = ("{}", r#"{"now_ms": 0, "desired": 2, "workers": [], "jobs": []}"#);
//! let limits: Limits = serde_json::from_str(r#"{"max_workers": 40, "lagThreshold": 100000}"#)?;
//! limits.validate()?;
//! let history: History = serde_json::from_str(kept).unwrap_or_default();
//! let sample: PoolSample = serde_json::from_str(measured)?;
//! let answer = plan(&sample, &limits, &history);
//! println!("{} workers wanted. {}", answer.desired, answer.because);
//! let to_keep = serde_json::to_string(&answer.history)?;
//! # assert_eq!(answer.desired, 1, "{to_keep}");
//! # Ok(()) }
//! ```
#![warn(missing_docs)]
#![allow(rustdoc::private_intra_doc_links)] // the map of the crate is for those who read it

mod demand;
mod figures;
mod history;
mod limits;
mod number;
mod plan;
mod rate;
mod reason;
mod sample;
#[allow(missing_docs)] // fields that are their names, such as `records_per_day`
pub mod simulate;
mod spread;
mod trace;
mod trend;
mod weigh;

pub use figures::Figures;
pub use history::{History, JobHistory, PartitionTrace, Recommendation, Workers};
pub use limits::{Limits, LimitsError};
pub use plan::{Plan, plan};
pub use sample::{JobLag, JobSample, PartitionKey, PartitionSample, Phase, PoolSample, WorkerSample};
pub use trend::Trend;
