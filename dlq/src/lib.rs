//! Dead letters: a record that could not land, set aside with its bytes as they were and the reason why.
//!
//! Invariants: key, value and header values are the original bytes, null stays null and empty stays empty; a letter
//! names its source (cluster, topic, partition, offset), so that whoever reads letters can tell repeats apart.
//! Offsets are Kafka's; times are milliseconds since the epoch.

mod headers;
mod letter;
mod topic;

pub use headers::headers;
pub use letter::{Letter, ParseError};
pub use topic::{DlqError, TopicWriter};
