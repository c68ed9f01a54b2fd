//! Dead letters on their way: into a file of the log (exactly once), and to the topic (acknowledged before the append).

use std::collections::{BTreeMap, VecDeque};

use landfall_commit::SkipReason;
use landfall_dlq::Letter;
use landfall_format::{Record, Rejection};

use super::Engine;
use super::file::Content;
use crate::effect::{Effect, FileId};

/// Letters are produced in batches of at most so many, and about so many bytes ...
const BATCH: usize = 500;
const BATCH_BYTES: u64 = 1 << 20;
/// ... and at most so many batches at once; beyond it consumption is throttled.
const MAX_BATCHES: usize = 8;
/// All of them together, with the producer's copies, take at most this part of the buffers' room.
const SHARE: u64 = 8;
/// What a letter weighs beyond its bytes.
const OVERHEAD_BYTES: u64 = 400;

#[derive(Debug, Clone, Copy)]
struct Origin {
    file: Option<FileId>,
    slot: u32,
    offset: u64,
    bytes: u64,
}

/// Letters for the topic.
#[derive(Debug, Default)]
pub struct Letters {
    pending: VecDeque<(Letter, Origin)>,
    pending_bytes: u64,
    at_work: BTreeMap<u64, Vec<Origin>>,
    at_work_bytes: u64,
    next_batch: u64,
}

impl Letters {
    pub fn push(&mut self, letter: Letter, file: Option<FileId>, slot: u32, offset: u64) {
        let bytes = letter.memory_bytes() as u64 + OVERHEAD_BYTES;
        self.pending_bytes += bytes;
        self.pending.push_back((letter, Origin { file, slot, offset, bytes }));
    }

    pub fn idle(&self) -> bool {
        self.pending.is_empty() && self.at_work.is_empty()
    }

    /// What is at work lies in the producer's queue once more.
    pub fn memory_bytes(&self) -> u64 {
        self.pending_bytes + 2 * self.at_work_bytes
    }

    pub fn crowded(&self, room_bytes: u64) -> bool {
        self.at_work.len() >= MAX_BATCHES
            || self.pending.len() >= BATCH * MAX_BATCHES
            || self.memory_bytes() >= room_bytes / SHARE
    }

    /// Nothing of a job that stopped itself is produced any more.
    pub fn forget_pending(&mut self) {
        self.pending.clear();
        self.pending_bytes = 0;
    }

    /// The next letters to produce; one at least, however large.
    fn next_batch(&mut self) -> (Vec<Letter>, Vec<Origin>) {
        let (mut letters, mut origins, mut bytes) = (Vec::new(), Vec::new(), 0);
        while letters.len() < BATCH
            && bytes < BATCH_BYTES
            && let Some((letter, origin)) = self.pending.pop_front()
        {
            bytes += origin.bytes;
            letters.push(letter);
            origins.push(origin);
        }
        self.pending_bytes = self.pending_bytes.saturating_sub(bytes);
        self.at_work_bytes += bytes;
        (letters, origins)
    }
}

impl Engine {
    pub(super) fn letter(&self, record: &Record<'_>, rejection: &Rejection) -> Letter {
        Letter {
            job: self.identity.job.clone(),
            cluster: record.cluster.to_owned(),
            topic: record.topic.to_owned(),
            partition: record.partition,
            offset: record.offset,
            timestamp_ms: record.timestamp_ms,
            key: record.key.map(<[u8]>::to_vec),
            value: record.value.map(<[u8]>::to_vec),
            headers: record.headers.to_vec(),
            stage: rejection.stage.as_str().to_owned(),
            reason: rejection.reason.as_str().to_owned(),
            error: rejection.message.clone(),
            at_ms: self.now.wall_ms,
        }
    }

    /// Adds a letter to the dead-letter file; answers which.
    pub(super) fn append_letter(&mut self, slot: u32, offset: u64, letter: &Letter, reason: &'static str) -> FileId {
        let id = self.dead_letter_file(slot, offset);
        let (now_ms, wall_ms) = (self.now.mono_ms, self.now.wall_ms);
        let chunk_bytes = self.settings.chunk_bytes;
        let to_topic = self.plan.spec.dead_letter.topic.is_some();
        let Some(file) = self.files.get_mut(id) else { return id };
        let Content::Letters(lines) = &mut file.content else { return id };
        let before = lines.len();
        letter.to_json_line(lines);
        let grown = (lines.len() - before) as u64;
        let seal = lines.len() >= chunk_bytes;
        if let Some(Some(partition)) = self.partitions.get(slot as usize) {
            file.hold(slot, &partition.source, offset);
        }
        file.letters_out += u32::from(to_topic);
        *file.letters.entry(reason).or_default() += 1;
        // Letters of one day share a file, whatever their records' times: `rotate.event_time` is not about them.
        file.clock.note(now_ms, wall_ms, 0);
        file.clock.bytes = file.estimated_bytes();
        self.memory.open_grew(grown);
        self.after_append(id, seal);
        id
    }

    pub(super) fn flush_letters(&mut self) {
        while !self.letters.pending.is_empty() && self.letters.at_work.len() < MAX_BATCHES {
            let (letters, origins) = self.letters.next_batch();
            self.letters.next_batch += 1;
            let batch = self.letters.next_batch;
            self.letters.at_work.insert(batch, origins);
            self.effects.push(Effect::ProduceLetters { batch, letters: letters.into() });
        }
    }

    /// `too_large`: letters that the topic does not take. Where the same letter lies in a file of the log nothing is
    /// lost by going on; where the topic is the only place, the job stops before it passes the record over.
    pub(super) fn on_letters_acked(&mut self, batch: u64, too_large: &[(usize, String)]) {
        let origins = self.letters.at_work.remove(&batch).unwrap_or_default();
        for origin in &origins {
            self.letters.at_work_bytes = self.letters.at_work_bytes.saturating_sub(origin.bytes);
        }
        for (index, origin) in origins.into_iter().enumerate() {
            if let Some((_, error)) = too_large.iter().find(|(number, _)| *number == index) {
                self.note_error("dead_letter", error.clone(), None);
                if origin.file.is_none() {
                    let fix = "or let dead_letter.s3 take the letters too, then restart the job; nothing was lost";
                    self.fail("letter_too_large", format!("{error}, {fix}"));
                    continue;
                }
            }
            match origin.file {
                Some(id) => {
                    if let Some(file) = self.files.get_mut(id) {
                        file.letters_out = file.letters_out.saturating_sub(1);
                        self.advance_file(id);
                    }
                }
                None => {
                    if let Some(partition) = self.partition_mut(origin.slot)
                        && partition.in_letters.contains(origin.offset)
                    {
                        partition.in_letters.remove_range(origin.offset..origin.offset + 1);
                        partition.skip(SkipReason::DeadLetterTopic, origin.offset);
                    }
                }
            }
        }
    }

    /// True when a job's letters to the topic only are all acknowledged.
    pub(super) fn letters_settled(&self) -> bool {
        self.letters.idle()
    }
}
