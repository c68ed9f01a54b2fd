//! A year of one pool, with all that befalls it: what part of the records landed in time.
//!
//! Steps of ten seconds. [`crate::plan()`] decides once a simulated minute, from what it would see. Where the model is
//! coarse it is coarse to the service's disadvantage: any coming or going holds up all partitions; while S3 is away nothing
//! is consumed either; what a lost worker had in open files is read again.

mod assumptions;
mod faults;
mod ledger;
mod queues;
mod report;
mod run;
mod service;

pub use assumptions::Assumptions;
pub use faults::Cause;
pub use ledger::Year;
pub use report::{assumed, causes, summary};
pub use run::year;
