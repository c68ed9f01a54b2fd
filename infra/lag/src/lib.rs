//! How far jobs are behind, asked of Kafka without joining their groups, and how many workers a pool needs for it. The
//! lag Lambda, the local scaler and `landfall plan` all go this way: [`look`] at the fleet, [`decide`](mod@decide) by
//! [`landfall_scale::plan()`], keep what was decided.
//!
//! Lag is the end offset minus the position where a live worker covers the partition, else minus the committed
//! offset: records that wait in an open file are consumed, and no lag. All offsets are exclusive (the next offset)
//! except a partition's start, which is its first offset. The computation itself is [`landfall_store::lag`], the same
//! that the status document is made by.

pub mod decide;
pub mod look;
pub mod measure;
pub mod rested;
pub mod sample;

pub use decide::{Decision, Memory, decide, keep};
pub use landfall_store::lag::{Age, LagReport, PartitionFacts, PartitionLag, Reached};
pub use look::{LookError, Lookout, Seen, SeenPool};
pub use measure::{MeasureError, Request, measure};
pub use rested::Rested;
