//! Dead letters on their way: into a file of the log (exactly once), and to the topic (acknowledged before the append).

use std::collections::BTreeMap;

use landfall_commit::SkipReason;
use landfall_dlq::Letter;
use landfall_format::{Record, Rejection};

use super::Engine;
use super::file::Content;
use crate::effect::{Effect, FileId};

/// Letters are produced in batches of at most so many ...
const BATCH: usize = 500;
/// ... and at most so many batches at once; beyond it consumption is throttled.
const MAX_BATCHES: usize = 8;

#[derive(Debug, Clone, Copy)]
struct Origin {
    file: Option<FileId>,
    slot: u32,
    offset: u64,
}

/// Letters for the topic.
#[derive(Debug, Default)]
pub struct Letters {
    pending: Vec<(Letter, Origin)>,
    at_work: BTreeMap<u64, Vec<Origin>>,
    next_batch: u64,
}

impl Letters {
    pub fn push(&mut self, letter: Letter, file: Option<FileId>, slot: u32, offset: u64) {
        self.pending.push((letter, Origin { file, slot, offset }));
    }

    pub fn idle(&self) -> bool {
        self.pending.is_empty() && self.at_work.is_empty()
    }

    pub fn crowded(&self) -> bool {
        self.at_work.len() >= MAX_BATCHES || self.pending.len() >= BATCH * MAX_BATCHES
    }

    /// Nothing of a job that stopped itself is produced any more.
    pub fn forget_pending(&mut self) {
        self.pending.clear();
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
    pub(super) fn append_letter(&mut self, slot: u32, offset: u64, letter: &Letter) -> FileId {
        let id = self.dead_letter_file(slot, offset);
        let now_ms = self.now.mono_ms;
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
        file.clock.note(now_ms, letter.timestamp_ms.max(0), 0);
        file.clock.bytes = file.estimated_bytes();
        self.memory.open_grew(grown);
        self.after_append(id, seal);
        id
    }

    pub(super) fn flush_letters(&mut self) {
        while !self.letters.pending.is_empty() && self.letters.at_work.len() < MAX_BATCHES {
            let take = self.letters.pending.len().min(BATCH);
            let (letters, origins): (Vec<Letter>, Vec<Origin>) = self.letters.pending.drain(..take).unzip();
            self.letters.next_batch += 1;
            let batch = self.letters.next_batch;
            self.letters.at_work.insert(batch, origins);
            self.effects.push(Effect::ProduceLetters { batch, letters });
        }
    }

    pub(super) fn on_letters_acked(&mut self, batch: u64) {
        for origin in self.letters.at_work.remove(&batch).unwrap_or_default() {
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
