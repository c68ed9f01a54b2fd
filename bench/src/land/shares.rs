//! How `landfall worker` shares out `worker.memory`; the same figures, so that the limit tested here is the one that
//! holds there (`infra/cli`, fleet/memory).

const MIB: u64 = 1 << 20;
const PROCESS_BYTES: u64 = 56 * MIB;
const SLACK_PERCENT: u64 = 15;
const FETCH_PERCENT: u64 = 20;
const MIN_FETCH_BYTES: u64 = 4 * MIB;
const MAX_FETCH_BYTES: u64 = 256 * MIB;

#[derive(Debug, Clone, Copy)]
pub struct Shares {
    /// Everything the worker accounts for, the fetch queues included.
    pub accounted_bytes: u64,
    pub fetch_bytes: u64,
}

impl Shares {
    pub fn of(limit_bytes: u64) -> Self {
        let kept = PROCESS_BYTES + limit_bytes / 100 * SLACK_PERCENT;
        let accounted_bytes = limit_bytes.saturating_sub(kept).max(16 * MIB);
        let fetch_bytes = (accounted_bytes / 100 * FETCH_PERCENT).clamp(MIN_FETCH_BYTES, MAX_FETCH_BYTES);
        Self { accounted_bytes, fetch_bytes }
    }

    pub fn buffer_bytes(self) -> u64 {
        self.accounted_bytes.saturating_sub(self.fetch_bytes)
    }

    pub fn upload_slots(self, part_bytes: u64) -> usize {
        let slots = self.buffer_bytes() / 2 / part_bytes.max(1);
        usize::try_from(slots.clamp(2, 64)).unwrap_or(2)
    }
}
