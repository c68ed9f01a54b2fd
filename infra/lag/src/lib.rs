//! How far a job is behind, asked of Kafka without joining its group. The computation itself is
//! [`landfall_store::lag`], the same that the status document is made by.
//!
//! Lag is the end offset minus the position where a live worker covers the partition, else minus the committed
//! offset: records that wait in an open file are consumed, and no lag. All offsets are exclusive (the next offset)
//! except a partition's start, which is its first offset.

pub mod measure;

pub use landfall_store::lag::{Age, LagReport, PartitionFacts, PartitionLag, Reached};
pub use measure::{MeasureError, Request, measure};
