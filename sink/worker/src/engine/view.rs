//! What the engine says of itself.

use super::Engine;
use super::file::Phase as FilePhase;
use super::partition::Phase;
use crate::snapshot::{ErrorView, OpenFile, PartitionView, Snapshot};
use landfall_commit::OffsetSet;
use landfall_format::rotate;

/// Errors kept, the latest ones.
const ERRORS: usize = 20;
/// Open files listed, the oldest ones.
const OPEN_FILES: usize = 50;

impl Engine {
    pub(super) fn note_error(&mut self, stage: &str, message: String, place: Option<(&str, i32, i64)>) {
        let at_wall_ms = self.now.wall_ms;
        tracing::warn!(job = %self.identity.job, stage, topic = place.map(|p| p.0), partition = place.map(|p| p.1),
            offset = place.map(|p| p.2), error = %message, "problem");
        let errors = &mut self.counters.errors;
        if errors.len() == ERRORS {
            errors.pop_front();
        }
        errors.push_back(ErrorView {
            at_wall_ms,
            stage: stage.to_owned(),
            message,
            topic: place.map(|p| p.0.to_owned()),
            partition: place.map(|p| p.1),
            offset: place.map(|p| p.2).filter(|offset| *offset >= 0),
        });
    }

    /// The whole state, for the heartbeat; a few times a second at most.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let mut open: Vec<_> = self.files.iter().filter(|file| file.phase == FilePhase::Open).collect();
        let total = open.len() as u64;
        open.sort_unstable_by_key(|file| (file.clock.opened_ms, file.id));
        let open_files = open
            .into_iter()
            .take(OPEN_FILES)
            .map(|file| {
                let (trigger, due_ms) =
                    rotate::next_trigger(&file.plan.spec.sink.rotate, &file.clock, self.now.mono_ms);
                OpenFile {
                    key: file.key.clone(),
                    records: file.records,
                    bytes: file.encoded_bytes + file.content.len_bytes() as u64,
                    opened_wall_ms: self.wall_of(file.clock.opened_ms),
                    next_trigger: trigger.as_str(),
                    due_wall_ms: Some(self.wall_of(due_ms)),
                }
            })
            .collect();
        let log = self.log.as_ref();
        let partitions = self
            .partitions
            .iter()
            .flatten()
            .map(|p| PartitionView {
                topic: p.topic_partition.topic.to_string(),
                partition: p.topic_partition.partition,
                end_offset: p.end_offset,
                position: (!matches!(p.phase, Phase::Recovering)).then_some(p.position),
                landed_offset: log.and_then(|log| log.partitions().get(&p.source)).map(OffsetSet::low),
                committed_offset: p.committed,
                at_end: p.at_end(),
            })
            .collect();
        let uncompleted =
            log.map_or(0, |log| log.pending().keys().filter(|file| !self.completions.visible().contains(file)).count());
        let landed = self.all_landed();
        let at_end = self.partitions.iter().flatten().all(|p| p.phase == Phase::Consuming && p.at_end());
        Snapshot {
            phase: self.phase(),
            config_version: self.plan.config_version,
            partitions,
            open_files,
            open_files_total: total,
            waiting_for: self.waits.oldest(),
            gaps: self.counters.gaps.clone(),
            last_entry: log.map(|log| (log.last_seq().0, log.last_written_at_ms())),
            uncompleted_entries: uncompleted as u64,
            lost_files: log.map_or(0, landfall_commit::LogState::lost_files),
            drained: landed && at_end,
            counters: self.counters.clone(),
        }
    }
}
