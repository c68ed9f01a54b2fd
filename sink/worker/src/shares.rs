//! How `worker.memory`, the one limit of the process, is shared out.

const MIB: u64 = 1 << 20;
/// Code, threads, TLS and clients: a worker without a job was measured at 28 MiB resident, API and worker with one idle
/// job at 54 MiB, the embedded parts of `dev` included.
const PROCESS_BYTES: u64 = 56 * MIB;
/// What allocators keep between allocations and what grows with the work done at once, in percent of the limit.
const SLACK_PERCENT: u64 = 15;
/// librdkafka's fetch queues, in percent of what is left, and their bounds: below, a consumer cannot keep its fetches
/// going; above, it gains nothing.
const FETCH_PERCENT: u64 = 20;
const MIN_FETCH_BYTES: u64 = 4 * MIB;
const MAX_FETCH_BYTES: u64 = 256 * MIB;

/// The shares of one limit; together with the process itself they stay below it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shares {
    /// Everything the worker accounts for: buffers of records and parts, and the fetch queues.
    pub accounted_bytes: u64,
    /// Of these, the fetch queues of all jobs.
    pub fetch_bytes: u64,
}

impl Shares {
    /// Splits a limit of at least 128 MiB.
    #[must_use]
    pub fn of(limit_bytes: u64) -> Self {
        let kept = PROCESS_BYTES + limit_bytes / 100 * SLACK_PERCENT;
        let accounted_bytes = limit_bytes.saturating_sub(kept).max(16 * MIB);
        let fetch_bytes = (accounted_bytes / 100 * FETCH_PERCENT).clamp(MIN_FETCH_BYTES, MAX_FETCH_BYTES);
        Self { accounted_bytes, fetch_bytes }
    }

    /// What buffers of records and parts may take.
    #[must_use]
    pub fn buffer_bytes(self) -> u64 {
        self.accounted_bytes.saturating_sub(self.fetch_bytes)
    }

    /// Uploads of the whole process at once: half of the buffers may be parts under way.
    #[must_use]
    pub fn upload_slots(self, part_bytes: u64) -> usize {
        let slots = self.buffer_bytes() / 2 / part_bytes.max(1);
        usize::try_from(slots.clamp(2, 64)).unwrap_or(2)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{MIB, PROCESS_BYTES, Shares};

    #[test]
    fn half_a_gibibyte_leaves_three_quarters_to_the_records() {
        let shares = Shares::of(512 * MIB);
        assert!(shares.accounted_bytes > 370 * MIB && shares.accounted_bytes < 390 * MIB, "{shares:?}");
        assert!(shares.fetch_bytes > 70 * MIB && shares.fetch_bytes < 80 * MIB, "{shares:?}");
        assert_eq!(shares.upload_slots(16 * MIB), 9);
    }

    proptest! {
        #[test]
        fn the_shares_and_the_process_stay_below_every_limit(limit_mib in 128_u64..1_048_576) {
            let limit = limit_mib * MIB;
            let shares = Shares::of(limit);
            prop_assert!(shares.accounted_bytes + PROCESS_BYTES <= limit);
            prop_assert!(shares.fetch_bytes * 2 <= shares.accounted_bytes);
            prop_assert!(shares.buffer_bytes() >= 16 * MIB, "a part of 5 MiB and its successor fit");
            prop_assert!(shares.upload_slots(5 * MIB) >= 2);
        }
    }
}
