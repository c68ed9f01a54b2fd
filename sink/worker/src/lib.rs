//! The worker: one engine a job, its I/O, and the supervisor that runs the jobs of a pool.
//!
//! The way of a record: source → decode → route → encode → upload → commit. An [`engine::Engine`] owns all state of one
//! job and is driven by one thread: it takes events (records, answers) and the time, and gives out effects. It does no
//! I/O, knows no clock and starts nothing, so that the same code runs on threads in production ([`runner`], [`io`]) and
//! on one deterministic executor in a simulation. What crosses threads is a sealed chunk or an answer, never a record.

pub mod allocator;
pub mod budget;
pub mod effect;
pub mod engine;
pub mod held;
pub mod ids;
pub mod io;
pub mod now;
pub mod resident;
pub mod runner;
pub mod settings;
pub mod shares;
pub mod snapshot;
pub mod supervisor;
pub mod wait;
