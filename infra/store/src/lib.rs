//! What a fleet shares through its state bucket: job records, changed only by compare-and-swap, the heartbeat
//! document of every worker, and the status document that is merged from both.
//!
//! Nothing here knows Kafka or HTTP. Every `*_offset` and every `end` is exclusive (the next offset) unless its
//! name is `start_offset`, which is the first offset to read. Times are UTC instants, sizes are bytes.
//!
//! Layout under the state prefix: `jobs/<name>.json`, `workers/<worker id>.json`, `scaling/<pool>.json`. The commit logs lie beside them
//! under the job's uid; their keys belong to `landfall-commit`.

pub mod heartbeat;
pub mod heartbeats;
pub mod jobs;
pub mod lag;
pub mod location;
pub mod log;
pub mod neighbours;
pub mod participation;
pub mod record;
mod retry;
pub mod scaling;
pub mod status;
mod status_merge;
mod why;

pub use heartbeat::{
    DeadLetterCounts, Delivery, DeliveryMode, GapBeat, Heartbeat, JobBeat, JobState, LastEntry, MemoryBeat,
    OpenFileBeat, PartitionBeat, RecordError, Throughput, WaitingFor,
};
pub use heartbeats::{HeartbeatStore, LiveWorkers, SeenHeartbeat};
pub use jobs::{Broken, Changes, JobStore, JobStoreError, Stored, UpdateError};
pub use lag::LagReport;
pub use location::StateLocation;
pub use log::{Closing, LogError, LogStore};
pub use neighbours::Neighbours;
pub use participation::participates;
pub use record::{Connector, Desired, End, EventKind, Failure, IdempotencyMark, JobEvent, JobRecord, Origin};
pub use scaling::{
    SCALING_FORMAT, ScalingChange, ScalingDecision, ScalingError, ScalingRecord, ScalingStore, StoredScaling,
};
pub use status::{KafkaOffsets, LogView, PartitionId, PartitionOffsets, State, StatusDocument, StatusInputs};

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests;
