//! How far a job is behind: a pure computation ([`lag`]) and the questions to Kafka that feed it ([`measure`]).
//!
//! Lag is the end offset minus the position where a live worker covers the partition, else minus the committed
//! offset: records that wait in an open file are consumed, and no lag. All offsets are exclusive (the next offset)
//! except a partition's start, which is its first offset.

pub mod lag;
pub mod measure;

pub use lag::{Age, LagReport, PartitionFacts, PartitionLag, Reached};
pub use measure::{MeasureError, Request, measure};
