//! The Kafka adapters of Landfall: the [`Source`] port and librdkafka behind it, the questions asked of a cluster
//! (topics, ids, offsets, groups), and the mock cluster of the embedded mode. Offsets are `i64` as in Kafka; every
//! "end" and "committed" is exclusive.
//!
//! Invariants: a record of a partition that was not started is never delivered, nor one of an older generation;
//! offsets within a generation rise; every wait has an end. Three modules talk to librdkafka's C interface and are the
//! only ones with unsafe code: `events` for the consumer's queue, `native_admin` for the requests and `sasl` for the
//! tokens that rdkafka does not offer (`docs/decisions/0002-own-event-poll.md`).

mod admin;
mod cluster_error;
mod connection;
mod consumer;
mod context;
mod error;
mod events;
mod group;
mod groups;
mod lists;
mod mock;
mod native_admin;
mod offsets;
mod pattern;
mod peek;
mod range;
mod rebalance;
mod sasl;
mod settings;
mod slots;
pub mod source;
mod state;

pub use admin::{ClusterClient, GroupOffset, NewTopicSpec, TopicDescription};
pub use cluster_error::ClusterError;
pub use connection::Connection;
pub use consumer::KafkaSource;
pub use mock::{EmbeddedKafka, EmbeddedKafkaError};
pub use offsets::Watermarks;
pub use pattern::{PatternError, TopicPattern};
pub use range::{RangeError, read_range};
pub use sasl::{SignedIn, Token, TokenSource, Tokens};
pub use settings::{GroupProtocol, Isolation, SettingsError, SourceSettings, Topics};
pub use source::{
    CommitOffset, CommittedOffsets, HeaderSource, Headers, RecordRef, Source, SourceError, SourceErrorKind,
    SourceEvent, TopicPartition,
};
