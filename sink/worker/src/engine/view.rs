//! What the engine says of itself.

use super::Engine;
use super::file::Phase as FilePhase;
use super::partition::Phase;
use crate::snapshot::{ErrorView, GapView, OpenFile, PartitionView, Snapshot};
use std::collections::BTreeMap;

use landfall_commit::{LogState, OffsetSet, Offsets, SkipReason, SourcePartition};
use landfall_format::rotate;

/// Errors kept, the latest ones.
const ERRORS: usize = 20;
/// Gaps listed of one partition, the first ones.
const GAPS: usize = 100;
/// Open files listed, the oldest ones.
const OPEN_FILES: usize = 50;

impl Engine {
    pub(super) fn note_error(&mut self, stage: &str, message: String, place: Option<(&str, i32, i64)>) {
        let at_wall_ms = self.now.wall_ms;
        tracing::warn!(job = %self.identity.job, job_uid = %self.identity.uid, stage, topic = place.map(|p| p.0), partition = place.map(|p| p.1),
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
                    bytes: file.encoded_bytes + file.in_progress_bytes + file.content.len_bytes() as u64,
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
                oldest_unread_ms: p.oldest_unread_ms(),
            })
            .collect();
        let invisible = || {
            let pending = log.into_iter().flat_map(LogState::pending);
            pending.filter(|(file, _)| !self.completions.visible().contains(file)).map(|(_, pending)| pending)
        };
        let oldest_uncompleted_wall_ms = invisible().map(|pending| pending.written_at_ms).min();
        let oldest_open = self.files.iter().map(|file| self.wall_of(file.clock.opened_ms)).min();
        let totals = log.map(LogState::totals);
        let landed = self.all_landed();
        let at_end = self.partitions.iter().flatten().all(|p| p.phase == Phase::Consuming && p.at_end());
        Snapshot {
            phase: self.phase(),
            config_version: self.plan.config_version,
            partitions,
            open_files,
            open_files_total: total,
            widest_span: self.widest_span,
            waiting_for: self.waits.oldest(),
            alarms: self.waits.alarms() as u64,
            gaps: self.gaps(),
            letters_in_log: totals.map(|totals| totals.dead_letters.clone()).unwrap_or_default(),
            letters_open: self.letters_open(),
            last_entry: log.map(|log| (log.last_seq().0, log.last_written_at_ms())),
            uncompleted_entries: invisible().count() as u64,
            lost_files: totals.map_or(0, |totals| totals.lost_files),
            lost_records: totals.map_or(0, |totals| totals.lost_records),
            oldest_unlanded_wall_ms: oldest_open.into_iter().chain(oldest_uncompleted_wall_ms).min(),
            oldest_uncompleted_wall_ms,
            drained: landed && at_end,
            counters: self.counters.clone(),
        }
    }
    fn gaps(&self) -> Vec<GapView> {
        let declared = self.log.iter().flat_map(|log| &log.totals().gaps);
        let pending =
            self.partitions.iter().flatten().filter_map(|p| Some((&*p.source, p.skipped.get(&SkipReason::Gap)?)));
        let view = |(source, gap): (&SourcePartition, &Offsets)| -> Vec<GapView> {
            let runs = gap.runs().take(GAPS);
            let of = |run: std::ops::Range<u64>| GapView {
                topic: source.topic.clone(),
                partition: source.partition,
                from_offset: run.start,
                to_offset: run.end,
            };
            runs.map(of).collect()
        };
        declared.chain(pending).flat_map(view).collect()
    }

    fn letters_open(&self) -> BTreeMap<String, u64> {
        let mut open = BTreeMap::new();
        let in_files = self.files.iter().flat_map(|file| &file.letters).map(|(reason, letters)| (*reason, *letters));
        let to_topic = self.partitions.iter().flatten().flat_map(|p| &p.topic_letters);
        for (reason, letters) in in_files.chain(to_topic.map(|(reason, set)| (*reason, set.len()))) {
            if letters > 0 {
                *open.entry(reason.to_owned()).or_default() += letters;
            }
        }
        open
    }
}
