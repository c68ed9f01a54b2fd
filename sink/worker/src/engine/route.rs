//! A record's way into a file: pass over, reject or route. The hot path: no allocation for a record that lands.

use landfall_commit::SkipReason;
use landfall_format::rotate::Trigger;
use landfall_format::{HeaderView, Record, Rejection, Verdict};
use landfall_kafka::{Headers, RecordRef, SourceErrorKind, SourceEvent};

use super::partition::Phase;
use super::{Engine, drive};
use crate::now::Now;

struct Lazy<'a>(Headers<'a>);

impl HeaderView for Lazy<'_> {
    fn to_vec(&self) -> Vec<(String, Option<Vec<u8>>)> {
        self.0.to_vec()
    }

    fn total_bytes(&self) -> usize {
        self.0.total_bytes()
    }
}

impl Engine {
    /// Takes one event of the consumer.
    pub fn on_source(&mut self, event: SourceEvent<'_>, now: Now) {
        match event {
            SourceEvent::Record(record) => self.on_record(&record, now),
            SourceEvent::EndOfPartition { slot, offset } => self.on_end(slot, offset),
            SourceEvent::Assigned(partitions) => self.group.push(drive::GroupEvent::Assigned(partitions)),
            SourceEvent::Revoked(partitions) => self.group.push(drive::GroupEvent::Revoked(partitions)),
            SourceEvent::Lost(partitions) => self.group.push(drive::GroupEvent::Lost(partitions)),
            SourceEvent::Committed { result, offsets } => self.on_committed(result.err(), &offsets),
            SourceEvent::Error { slot, error } => self.on_source_error(slot, &error),
        }
    }

    fn on_end(&mut self, slot: u32, offset: i64) {
        let Ok(end) = u64::try_from(offset) else { return };
        let now_ms = self.now.mono_ms;
        let Some(partition) = self.partition_mut(slot) else { return };
        if partition.phase != Phase::Consuming {
            return;
        }
        partition.end_offset = Some(partition.end_offset.unwrap_or(0).max(end));
        if end > partition.position && partition.unbroken {
            partition.absent.insert_range(partition.position..end);
            partition.position = end;
        } else if end > partition.position {
            // After an error the way up to the end proves nothing: go back and look again.
            let at = partition.position;
            partition.want_start(at, now_ms + 1_000);
        }
    }

    fn on_record(&mut self, record: &RecordRef<'_>, now: Now) {
        let Ok(offset) = u64::try_from(record.offset) else { return };
        let Some(partition) = self.partitions.get_mut(record.slot as usize).and_then(Option::as_mut) else { return };
        // Records of an older generation, or of a partition that is being given back: somebody reads them again.
        if partition.phase != Phase::Consuming || offset < partition.position {
            return;
        }
        if offset > partition.position {
            if !partition.unbroken {
                // A jump after a consumer error is no absence: go back and look again.
                let at = partition.position;
                partition.want_start(at, self.now.mono_ms + 1_000);
                return;
            }
            partition.absent.insert_range(partition.position..offset);
        }
        partition.unbroken = true;
        partition.position = offset + 1;
        partition.last_timestamp_ms = record.timestamp_ms;
        if partition.stop_at.is_some_and(|stop| offset >= stop) {
            return;
        }
        self.counters.records_consumed += 1;
        let size = record.key.map_or(0, <[u8]>::len) + record.value.map_or(0, <[u8]>::len);
        self.counters.bytes_consumed += size as u64;
        self.memory.saw_record(size as u64);
        if offset < partition.fresh_from
            && (partition.held_before.contains(offset)
                || partition.in_letters.contains(offset)
                || partition.skipped.values().any(|set| set.contains(offset))
                || self.log.as_ref().is_none_or(|log| {
                    log.partitions().get(&partition.source).is_some_and(|accounted| accounted.contains(offset))
                }))
        {
            return;
        }
        let topic = std::sync::Arc::clone(&partition.topic_partition.topic);
        let headers = Lazy(record.headers);
        let plan = std::sync::Arc::clone(&self.plan);
        let view = Record {
            cluster: &plan.spec.source.cluster,
            topic: &topic,
            partition: partition.topic_partition.partition,
            offset: record.offset,
            timestamp_ms: record.timestamp_ms,
            key: record.key,
            value: record.value,
            headers: &headers,
        };
        let verdict = landfall_format::accept(&plan.format, &mut self.scratch, &view, now.wall_ms);
        let rejection = match verdict {
            Verdict::Route { .. } => self.append_record(record.slot, offset, &view).err(),
            Verdict::Skip(reason) => {
                let reason = match reason {
                    landfall_format::SkipReason::NullValue => SkipReason::NullValue,
                    landfall_format::SkipReason::Filtered => SkipReason::Filtered,
                };
                if let Some(partition) = self.partition_mut(record.slot) {
                    partition.skip(reason, offset);
                }
                None
            }
            Verdict::Reject(rejection) => Some(rejection),
        };
        let over = self.ratio.count(rejection.is_some());
        if let Some(rejection) = rejection {
            self.dead_letter(record.slot, offset, &view, &rejection);
        }
        if let Some(ratio) = over {
            let max = self.plan.spec.dead_letter.max_ratio;
            self.fail(
                "max_ratio",
                format!(
                    "{:.1} % of the last records were dead letters, dead_letter.max_ratio is {max}: mend the job or the producer, then restart the job; nothing was lost",
                    ratio * 100.0
                ),
            );
        }
    }

    /// Routes an accepted record to its file.
    fn append_record(&mut self, slot: u32, offset: u64, record: &Record<'_>) -> Result<(), Rejection> {
        let hint = self.partition(slot).and_then(|p| p.last_file);
        let group = self.scratch.group_key();
        let mut id = self.files.find(hint, group);
        // Records of one partition are in offset order within a file: a record read again opens another one.
        let event_ms = self.scratch.event_time_ms();
        if let Some(open) = id
            && self.files.get(open).and_then(|file| file.last_of(slot)).is_some_and(|last| last >= offset)
        {
            self.close_file(open, Trigger::Reread);
            id = None;
        }
        let id = match id {
            Some(id) => id,
            None => self.open_data_file(record)?,
        };
        let Some(file) = self.files.get_mut(id) else { return Ok(()) };
        let first = file.records == 0;
        let super::file::Content::Records(chunk) = &mut file.content else { return Ok(()) };
        match chunk.append(&self.plan.format, &mut self.scratch, record) {
            Ok(raw_bytes) => {
                self.memory.open_grew(raw_bytes as u64);
                if let Some(Some(partition)) = self.partitions.get(slot as usize) {
                    file.hold(slot, &partition.source, offset);
                }
                file.clock.note(self.now.mono_ms, event_ms, 0);
                file.clock.bytes = file.estimated_bytes();
                let seal = file.content.len_bytes() >= self.settings.chunk_bytes;
                if let Some(partition) = self.partition_mut(slot) {
                    partition.last_file = Some(id);
                }
                self.after_append(id, seal);
                Ok(())
            }
            Err(rejection) => {
                if first {
                    // The name's first record must be in the file: this one opened it and is not.
                    self.files.remove(id);
                }
                Err(rejection)
            }
        }
    }

    /// Puts a rejected record where the job's dead letters go.
    fn dead_letter(&mut self, slot: u32, offset: u64, record: &Record<'_>, rejection: &Rejection) {
        self.counters.count_dead_letter(rejection.reason.as_str());
        let counted = self.counters.dead_letters;
        if counted <= 10 || counted.is_multiple_of(1_000) {
            let where_to = (record.topic, record.partition, record.offset);
            self.note_error(rejection.stage.as_str(), rejection.message.clone(), Some(where_to));
        }
        let letter = self.letter(record, rejection);
        let reason = rejection.reason.as_str();
        let in_file = self.plan.letters_prefix.is_some().then(|| self.append_letter(slot, offset, &letter, reason));
        if self.plan.spec.dead_letter.topic.is_some() {
            self.letters.push(letter, in_file, slot, offset);
            if in_file.is_none()
                && let Some(partition) = self.partition_mut(slot)
            {
                partition.in_letters.insert(offset);
                partition.topic_letters.entry(reason).or_default().insert(offset);
            }
        }
    }

    fn on_source_error(&mut self, slot: Option<u32>, error: &landfall_kafka::SourceError) {
        let at = slot.and_then(|slot| self.partition(slot)).map(|p| p.topic_partition.clone());
        let place = at.as_ref().map(|tp| (tp.topic.as_ref(), tp.partition, -1));
        self.note_error("source", error.to_string(), place);
        let now_ms = self.now.mono_ms;
        if let Some(partition) = slot.and_then(|slot| self.partition_mut(slot)) {
            // Whatever happened, a jump from here on proves nothing.
            partition.unbroken = false;
        }
        match error.kind {
            SourceErrorKind::OffsetOutOfRange => {
                if let Some(slot) = slot {
                    self.recover_again(slot);
                }
            }
            SourceErrorKind::Corrupt => {
                if let Some(partition) = slot.and_then(|slot| self.partition_mut(slot)) {
                    let at = partition.position;
                    partition.want_start(at, now_ms + 5_000);
                }
            }
            SourceErrorKind::UnknownTopic => {
                if let Some(slot) = slot {
                    self.recover_again(slot);
                }
            }
            SourceErrorKind::Authorization | SourceErrorKind::Authentication => self.on_refused_by_kafka(error),
            SourceErrorKind::Fatal => self.fail("kafka_fatal", error.to_string()),
            SourceErrorKind::Transient | SourceErrorKind::Other => {}
        }
    }
}
