//! What landed in time in a year, what did not, and what that is put down to.

use super::assumptions::Assumptions;
use super::faults::{Cause, YEAR};
use super::queues::Queue;
use super::service::Service;

/// A year's result.
#[derive(Debug, Clone, PartialEq)]
pub struct Year {
    pub records: f64,
    pub late_records: f64,
    /// Minutes, counted by arrival, of which some record was late.
    pub late_minutes: u32,
    /// The longest time from a record's arrival to its visibility.
    pub worst_seconds: u32,
    /// Late records and late minutes by cause, in the order of [`Cause::ALL`]; a minute counts for each of its causes.
    pub late: [(f64, u32); 7],
    /// How often it happened, in the order of [`Cause::ALL`].
    pub times: [u32; 7],
    pub worker_hours: f64,
}

impl Year {
    /// Part of the records that were visible in time.
    #[must_use]
    pub fn of_records(&self) -> f64 {
        1.0 - self.late_records / self.records
    }

    /// Part of the minutes of which every record was visible in time.
    #[must_use]
    pub fn of_minutes(&self) -> f64 {
        1.0 - f64::from(self.late_minutes) / f64::from(YEAR / 60)
    }
}

#[derive(Debug)]
pub(crate) struct Ledger {
    promise_seconds: u32,
    land_seconds: u32,
    records: f64,
    late_records: [f64; 7],
    /// By minute of arrival: causes of lateness as bits.
    late: Vec<u8>,
    worst_seconds: u32,
    blamed: Cause,
    /// A long fault is not forgotten for a short one in the middle of it.
    held_until: u32,
}

impl Ledger {
    pub(crate) fn new(assumptions: &Assumptions) -> Self {
        Self {
            promise_seconds: assumptions.promise_seconds,
            land_seconds: assumptions.land_seconds,
            records: 0.0,
            late_records: [0.0; 7],
            late: vec![0; (YEAR / 60) as usize],
            worst_seconds: 0,
            blamed: Cause::Nothing,
            held_until: 0,
        }
    }

    /// What lands late from now on is put down to this, until `until` whatever else happens.
    pub(crate) fn blame(&mut self, cause: Cause, now: u32, until: u32) {
        if now >= self.held_until {
            (self.blamed, self.held_until) = (cause, until);
        }
    }

    pub(crate) fn land(&mut self, queue: &mut Queue, now: u32) {
        let cause = self.blamed as usize;
        queue.land(|arrived, records| {
            let seconds = now + self.land_seconds - arrived;
            self.records += records;
            self.worst_seconds = self.worst_seconds.max(seconds);
            if seconds > self.promise_seconds {
                self.late_records[cause] += records;
                self.late[(arrived / 60) as usize] |= 1 << cause;
            }
        });
    }

    pub(crate) fn finish(self, service: &Service) -> Year {
        let minutes = |cause: Cause| self.late.iter().filter(|bits| **bits & (1 << cause as u8) != 0).count();
        Year {
            records: self.records,
            late_records: self.late_records.iter().sum(),
            late_minutes: crate::number::count_u32(self.late.iter().filter(|bits| **bits != 0).count()),
            worst_seconds: self.worst_seconds,
            late: Cause::ALL.map(|cause| (self.late_records[cause as usize], crate::number::count_u32(minutes(cause)))),
            times: Cause::ALL.map(|cause| service.counts[cause as usize]),
            worker_hours: service.task_seconds / 3_600.0,
        }
    }
}
