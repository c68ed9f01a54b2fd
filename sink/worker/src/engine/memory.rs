//! The engine's share of the process's memory: what it holds, and what it does when there is too much.
//!
//! Steps, by the fill of the whole process's budget: spill to scratch (where there is one), seal the file that holds
//! most, stop taking records. Membership of the group is never at stake: the consumer is polled all the while.

use landfall_format::rotate::Trigger;

use super::Engine;
use super::file::{Phase as FilePhase, Upload};
use crate::budget::Use;
use crate::effect::{Effect, FileId, Segment};

const SPILL_AT_PERCENT: u64 = 50;
const SEAL_AT_PERCENT: u64 = 70;
const STOP_AT_PERCENT: u64 = 90;
const GO_ON_AT_PERCENT: u64 = 75;
/// A throttle that lasts longer than this pauses the partitions at the consumer too.
const PAUSE_AFTER_MS: i64 = 2_000;
/// An engine with less than this part of the budget is not throttled for the others' sake.
const SMALL_SHARE: u64 = 32;
/// How long scratch is left alone after it was full or failed.
const SCRATCH_AGAIN_MS: i64 = 30_000;
/// What one rebuild holds: its consumer's queue, a part being filled and one being sent, pieces between them.
const REBUILD_BYTES: u64 = 64 << 20;

#[derive(Debug)]
pub struct Memory {
    /// Raw bytes added to open files since the last exact count.
    open_bytes: u64,
    encoding_bytes: u64,
    /// Row groups at hand, as last counted.
    encoder_bytes: u64,
    scratch: bool,
    /// After an error on scratch it is left alone until then.
    scratch_again_ms: i64,
    throttled_since_ms: Option<i64>,
    pub paused: bool,
    record_bytes: u64,
}

impl Memory {
    pub fn new(scratch: bool) -> Self {
        Self {
            open_bytes: 0,
            encoding_bytes: 0,
            encoder_bytes: 0,
            scratch,
            scratch_again_ms: i64::MIN,
            throttled_since_ms: None,
            paused: false,
            record_bytes: 1_000,
        }
    }

    pub fn open_grew(&mut self, bytes: u64) {
        self.open_bytes += bytes;
    }

    /// A slow average, for how many records a poll may take.
    pub fn saw_record(&mut self, bytes: u64) {
        self.record_bytes = (self.record_bytes * 15 + bytes) / 16;
    }

    pub fn sealed(&mut self, bytes: u64) {
        self.open_bytes = self.open_bytes.saturating_sub(bytes);
        self.encoding_bytes += bytes;
    }

    pub fn encoded(&mut self, bytes: u64) {
        self.encoding_bytes = self.encoding_bytes.saturating_sub(bytes);
    }
}

impl Engine {
    /// How many records the next poll may take: about 2 MiB of them.
    #[must_use]
    pub fn poll_batch(&self) -> usize {
        usize::try_from(((2 << 20) / self.memory.record_bytes.max(1)).clamp(1, 4_000)).unwrap_or(1)
    }

    /// What this job's buffers hold. A rebuild is bounded by itself and charged with what it may take at most.
    #[must_use]
    pub fn held_bytes(&self) -> u64 {
        self.account.buffered_bytes().saturating_sub(self.account.get(Use::Rebuild))
    }

    /// True while no record should be taken: memory is short, or letters to the topic pile up.
    #[must_use]
    pub fn throttled(&self) -> bool {
        self.memory.throttled_since_ms.is_some()
    }

    /// True when the consumer's partitions are paused, so that a poll brings only the group's events.
    #[must_use]
    pub fn polls_although_throttled(&self) -> bool {
        self.memory.paused
    }

    /// Charges what is held; called before each poll.
    pub fn account(&mut self) {
        self.account.set(Use::OpenFiles, self.memory.open_bytes);
        self.account.set(Use::Encoding, self.memory.encoding_bytes + self.memory.encoder_bytes);
        self.account.set(Use::Letters, self.letters.memory_bytes());
        // A job that holds little is not made to wait for one that cannot let go of much.
        let small = self.account.buffered_bytes() < self.account.budget().room_bytes() / SMALL_SHARE;
        let percent = self.account.budget().percent();
        let budget = if small && percent < 100 { 0 } else { percent };
        let crowded = self.letters.crowded(self.account.budget().room_bytes()) || self.far_ahead();
        match self.memory.throttled_since_ms {
            None if budget >= STOP_AT_PERCENT || crowded => {
                self.memory.throttled_since_ms = Some(self.now.mono_ms);
            }
            Some(_) if budget < GO_ON_AT_PERCENT && !crowded => {
                self.memory.throttled_since_ms = None;
                self.memory.paused = false;
            }
            Some(since) if self.now.mono_ms >= since + PAUSE_AFTER_MS => self.memory.paused = true,
            None | Some(_) => {}
        }
    }

    /// The exact count, and relief where it is needed.
    pub(super) fn check_memory(&mut self) {
        let (mut open, mut encoders, mut waiting, mut parts) = (0, 0, 0, 0);
        for file in self.files.iter() {
            open += file.content.memory_bytes() as u64;
            encoders += file.encoder_memory_bytes();
            waiting += file.waiting_memory_bytes();
            parts += file.part_bytes_at_work;
        }
        self.memory.open_bytes = open;
        self.account.set(Use::OpenFiles, open);
        self.memory.encoder_bytes = encoders;
        self.account.set(Use::Encoding, self.memory.encoding_bytes + encoders);
        self.account.set(Use::Waiting, waiting);
        self.account.set(Use::Parts, parts);
        self.account.set(Use::Rebuild, if self.completions.rebuilding() { REBUILD_BYTES } else { 0 });
        let budget = self.account.budget();
        let limit = budget.room_bytes();
        let mark = |percent: u64| limit / 100 * percent;
        let used = budget.buffered_bytes();
        if used > mark(SPILL_AT_PERCENT) && self.scratch_usable() {
            self.spill(used - mark(SPILL_AT_PERCENT));
        }
        if used > mark(SEAL_AT_PERCENT) {
            self.relieve(used - mark(SEAL_AT_PERCENT));
        }
    }

    /// True while appends do not keep up (the state bucket is away, say): more closed files than one should have to
    /// read again.
    fn far_ahead(&self) -> bool {
        self.files.len().saturating_sub(self.files.open_count()) > self.settings.max_unappended_files
    }

    fn spill(&mut self, excess_bytes: u64) {
        let mut candidates: Vec<(u64, FileId)> = self
            .files
            .iter()
            .filter(|file| !file.spilling)
            .map(|file| (file.waiting_memory_bytes(), file.id))
            .filter(|(bytes, _)| *bytes >= self.settings.min_spill_bytes)
            .collect();
        candidates.sort_unstable_by(|a, b| b.cmp(a));
        let mut freed = 0;
        for (bytes, id) in candidates {
            if freed >= excess_bytes {
                return;
            }
            if let Some(file) = self.files.get_mut(id) {
                file.spilling = true;
                let segments = file.waiting.iter().filter_map(|s| match s {
                    Segment::Memory(bytes) => Some(bytes.clone()),
                    Segment::Scratch { .. } => None,
                });
                self.effects.push(Effect::Spill { file: id, segments: segments.collect() });
                freed += bytes;
            }
        }
    }

    /// The segments that were in memory when the spill began are now on scratch, in the same places; what came after
    /// them stays.
    pub(super) fn on_spilled(&mut self, id: FileId, result: Result<Vec<Segment>, (Vec<bytes::Bytes>, String)>) {
        let Some(file) = self.files.get_mut(id) else { return };
        file.spilling = false;
        match result {
            Ok(spilled) => {
                let mut spilled = spilled.into_iter();
                for segment in &mut file.waiting {
                    if matches!(segment, Segment::Memory(_)) {
                        let Some(on_scratch) = spilled.next() else { break };
                        *segment = on_scratch;
                    }
                }
            }
            Err((_, error)) => {
                self.memory.scratch_again_ms = self.now.mono_ms + SCRATCH_AGAIN_MS;
                self.note_error("upload", format!("scratch cannot be used, files are sealed early: {error}"), None);
            }
        }
        self.advance_file(id);
    }

    /// Scratch is there and took what it was given last.
    fn scratch_usable(&self) -> bool {
        self.memory.scratch && self.now.mono_ms >= self.memory.scratch_again_ms
    }

    /// Seals the files that hold most, until enough is on its way out. A file stays open where its encoded bytes can
    /// leave memory, to its upload or to scratch.
    fn relieve(&mut self, excess_bytes: u64) {
        let leaving: u64 = self
            .files
            .iter()
            .filter(|file| file.phase != FilePhase::Open)
            .map(|file| file.memory_bytes() + file.part_bytes_at_work)
            .sum::<u64>()
            + self.memory.encoding_bytes / 2;
        let mut wanted = excess_bytes.saturating_sub(leaving);
        let mut open: Vec<(u64, FileId)> = self
            .files
            .iter()
            .filter(|file| file.phase == FilePhase::Open)
            .map(|file| (file.memory_bytes(), file.id))
            .collect();
        open.sort_unstable_by(|a, b| b.cmp(a));
        for (bytes, id) in open {
            if wanted == 0 || bytes == 0 {
                return;
            }
            // Then it only needs its raw records encoded.
            let scratch = self.scratch_usable();
            let rows = self.files.get(id).map_or(0, super::file::File::encoder_memory_bytes);
            if self.files.get(id).is_some_and(|file| {
                (scratch || file.upload != Upload::None) && file.waiting_memory_bytes() + rows < bytes / 2
            }) {
                self.seal(id);
                self.advance_file(id);
            } else {
                self.counters.sealed_early += 1;
                self.close_file(id, Trigger::Memory);
            }
            wanted = wanted.saturating_sub(bytes);
        }
    }
}
