//! Which request fails and how: data, written by hand or drawn from a seed.

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::error::{ErrorKind, Operation};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Fails before any effect.
    Before(ErrorKind),
    /// Takes effect; the answer is replaced by this error.
    LostAnswer(ErrorKind),
    /// Times out now; takes effect when `apply_late` is called.
    Late,
    /// Waits, then goes on as if nothing had been.
    Delay { ms: u64 },
    /// Answers success and has no effect (Complete, DELETE, abort; elsewhere no fault).
    HollowSuccess,
    /// As [`Self::HollowSuccess`], but takes effect when `apply_late` is called.
    LateSuccess,
    /// Reaches the store twice, as when something in between repeats it; the second answer is the one that comes.
    Twice,
}

/// Fires once: on the request after `skip` others that match it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedFault {
    pub operation: Operation,
    /// Empty: any key.
    pub key_contains: String,
    pub skip: u32,
    pub fault: Fault,
}

impl PlannedFault {
    #[must_use]
    pub fn on(operation: Operation, fault: Fault) -> Self {
        Self { operation, key_contains: String::new(), skip: 0, fault }
    }

    #[must_use]
    pub fn key_contains(mut self, part: &str) -> Self {
        part.clone_into(&mut self.key_contains);
        self
    }

    #[must_use]
    pub fn after(mut self, skip: u32) -> Self {
        self.skip = skip;
        self
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FiredFault {
    pub operation: Operation,
    pub bucket: String,
    pub key: String,
    pub fault: Fault,
}

/// Faults still to come. At most one fires a request: the first that is due.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FaultPlan {
    pub faults: Vec<PlannedFault>,
}

impl FaultPlan {
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    #[must_use]
    pub fn of(faults: Vec<PlannedFault>) -> Self {
        Self { faults }
    }

    /// `count` faults on the operations that write, each within the first `horizon` requests of its operation.
    /// The same seed gives the same plan.
    #[must_use]
    pub fn seeded(seed: u64, count: usize, horizon: u32) -> Self {
        const OPERATIONS: [Operation; 5] = [
            Operation::Put,
            Operation::CreateUpload,
            Operation::UploadPart,
            Operation::CompleteUpload,
            Operation::Head,
        ];
        const KINDS: [ErrorKind; 5] =
            [ErrorKind::Timeout, ErrorKind::Server, ErrorKind::SlowDown, ErrorKind::Connection, ErrorKind::Conflict];
        let mut chance = StdRng::seed_from_u64(seed);
        let faults = (0..count).map(|_| {
            let operation = OPERATIONS[chance.random_range(0..OPERATIONS.len())];
            let kind = KINDS[chance.random_range(0..KINDS.len())];
            let fault = match chance.random_range(0..5u8) {
                0 => Fault::Before(kind),
                1 => Fault::LostAnswer(kind),
                2 => Fault::Late,
                3 => Fault::Delay { ms: chance.random_range(1..2_000) },
                _ if operation == Operation::CompleteUpload => Fault::HollowSuccess,
                _ => Fault::LostAnswer(ErrorKind::Timeout),
            };
            PlannedFault::on(operation, fault).after(chance.random_range(0..horizon.max(1)))
        });
        Self { faults: faults.collect() }
    }

    pub(super) fn draw(&mut self, operation: Operation, key: &str) -> Option<Fault> {
        let mut due = None;
        for (index, planned) in self.faults.iter_mut().enumerate() {
            if planned.operation != operation || !key.contains(&planned.key_contains) {
                continue;
            }
            if planned.skip == 0 {
                due = due.or(Some(index));
            } else {
                planned.skip -= 1;
            }
        }
        due.map(|index| self.faults.remove(index).fault)
    }
}

/// The code and status that such an error comes with.
pub(super) fn shape(kind: ErrorKind) -> (&'static str, Option<u16>) {
    match kind {
        ErrorKind::NoSuchKey => ("NoSuchKey", Some(404)),
        ErrorKind::NoSuchBucket => ("NoSuchBucket", Some(404)),
        ErrorKind::NoSuchUpload => ("NoSuchUpload", Some(404)),
        ErrorKind::PreconditionFailed => ("PreconditionFailed", Some(412)),
        ErrorKind::Conflict => ("ConditionalRequestConflict", Some(409)),
        ErrorKind::InvalidPart => ("InvalidPart", Some(400)),
        ErrorKind::EntityTooSmall => ("EntityTooSmall", Some(400)),
        ErrorKind::BadDigest => ("BadDigest", Some(400)),
        ErrorKind::AccessDenied => ("AccessDenied", Some(403)),
        ErrorKind::Credentials => ("ExpiredToken", Some(400)),
        ErrorKind::SlowDown => ("SlowDown", Some(503)),
        ErrorKind::Server => ("InternalError", Some(500)),
        ErrorKind::Timeout => ("Timeout", None),
        ErrorKind::Connection => ("ConnectionReset", None),
        ErrorKind::NotImplemented => ("NotImplemented", Some(501)),
        ErrorKind::Rejected => ("InvalidRequest", Some(400)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_fires_once_on_the_request_it_was_planned_for() {
        let mut plan =
            FaultPlan::of(vec![PlannedFault::on(Operation::Put, Fault::Late).key_contains("/log/").after(1)]);
        assert_eq!(plan.draw(Operation::Get, "x/log/1"), None);
        assert_eq!(plan.draw(Operation::Put, "x/data/1"), None);
        assert_eq!(plan.draw(Operation::Put, "x/log/1"), None);
        assert_eq!(plan.draw(Operation::Put, "x/log/2"), Some(Fault::Late));
        assert_eq!(plan.draw(Operation::Put, "x/log/3"), None);
        assert!(plan.faults.is_empty());
    }

    #[test]
    fn the_same_seed_gives_the_same_plan_and_another_another() {
        assert_eq!(FaultPlan::seeded(7, 20, 50), FaultPlan::seeded(7, 20, 50));
        assert_ne!(FaultPlan::seeded(7, 20, 50), FaultPlan::seeded(8, 20, 50));
    }
}
