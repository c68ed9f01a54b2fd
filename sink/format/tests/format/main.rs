//! The crate as its users meet it: a job document in, records through, files out, read back by other code.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod allocations;
mod hostile;
mod lines;
mod parquet;
mod poison;
mod support;
