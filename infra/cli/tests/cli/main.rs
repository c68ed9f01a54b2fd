//! The built binary as its users meet it: exit codes, messages, and whole runs on the embedded Kafka and S3.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod audit;
mod dev;
mod documents;
mod fleet;
mod support;
mod usage;
