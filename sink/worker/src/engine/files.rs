//! The table of files: find by group, open, close by trigger, drop.

use landfall_commit::{FileKind, Token};
use landfall_format::rotate::{self, FileClock, Trigger};
use landfall_format::{Record, Rejection};
use rustc_hash::FxHashMap;

use super::Engine;
use super::file::{Content, Encoding, File, Phase, Upload};
use super::plan::LETTERS_EXT;
use crate::effect::{Effect, FileId};
use crate::now::Now;

#[derive(Debug, Default)]
pub struct Files {
    table: FxHashMap<FileId, File>,
    /// Open ones only.
    by_group: FxHashMap<Box<str>, FileId>,
    next: u64,
    /// In the order they became ready.
    pub ready: Vec<FileId>,
}

impl Files {
    pub fn get(&self, id: FileId) -> Option<&File> {
        self.table.get(&id)
    }

    pub fn get_mut(&mut self, id: FileId) -> Option<&mut File> {
        self.table.get_mut(&id)
    }

    /// The open file of a group; `hint` is where the partition's last record went.
    pub fn find(&self, hint: Option<FileId>, group: &str) -> Option<FileId> {
        if let Some(id) = hint
            && self.table.get(&id).is_some_and(|file| file.phase == Phase::Open && *file.group == *group)
        {
            return Some(id);
        }
        self.by_group.get(group).copied()
    }

    pub fn iter(&self) -> impl Iterator<Item = &File> {
        self.table.values()
    }

    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut File> {
        self.table.values_mut()
    }

    pub fn len(&self) -> usize {
        self.table.len()
    }

    pub fn open_count(&self) -> usize {
        self.by_group.len()
    }

    pub fn insert(&mut self, file: File) {
        self.by_group.insert(file.group.clone(), file.id);
        self.table.insert(file.id, file);
    }

    pub fn next_id(&mut self) -> FileId {
        self.next += 1;
        FileId(self.next)
    }

    /// No more records for its group go there.
    pub fn unlist(&mut self, id: FileId) {
        if let Some(file) = self.table.get(&id)
            && self.by_group.get(&file.group) == Some(&id)
        {
            self.by_group.remove(&file.group);
        }
    }

    pub fn remove(&mut self, id: FileId) -> Option<File> {
        self.unlist(id);
        self.ready.retain(|ready| *ready != id);
        self.table.remove(&id)
    }

    /// After a long sleep: what was ready looks at its upload first.
    pub fn recheck_ready(&mut self) {
        let ready = std::mem::take(&mut self.ready);
        for id in ready {
            match self.table.get_mut(&id) {
                Some(file) if file.must_check_upload => file.phase = Phase::Closing,
                Some(_) => self.ready.push(id),
                None => {}
            }
        }
    }

    /// In a fixed order, so that a run can be repeated.
    pub fn ids(&self) -> Vec<FileId> {
        let mut ids: Vec<FileId> = self.table.keys().copied().collect();
        ids.sort_unstable();
        ids
    }
}

impl Engine {
    /// Opens the file of the group in the scratch, for its first record.
    pub(super) fn open_data_file(&mut self, record: &Record<'_>) -> Result<FileId, Rejection> {
        let unique = self.ids.unique();
        let group = self.scratch.group_key();
        let key = landfall_format::finish_key(group, record.offset, &unique)?;
        let group: Box<str> = group.into();
        let content = Content::Records(Box::new(self.plan.format.new_chunk()));
        let encoding = if self.plan.format.chunks_are_independent() {
            Encoding::Independent { done: std::collections::BTreeMap::new(), next: 0 }
        } else {
            let encoder = self.plan.format.new_encoder().map_err(|e| {
                Rejection::new(landfall_format::Stage::Encode, landfall_format::Reason::Encode, e.to_string())
            })?;
            Encoding::InOrder { encoder: Some(Box::new(encoder)), queue: Vec::new(), finished: false }
        };
        Ok(self.open_file(FileKind::Data, group, key, content, encoding))
    }

    /// The open dead-letter file of the day, made at need.
    pub(super) fn dead_letter_file(&mut self, slot: u32, offset: u64) -> FileId {
        let prefix = self.plan.letters_prefix.clone().unwrap_or_default();
        let day = jiff::Timestamp::from_millisecond(self.now.wall_ms)
            .map_or_else(|_| "unknown".to_owned(), |at| at.strftime("%Y-%m-%d").to_string());
        let group = format!("\u{1}{prefix}dt={day}");
        if let Some(id) = self.files.find(None, &group) {
            let rereads = self.files.get(id).is_some_and(|file| file.last_of(slot).is_some_and(|last| last >= offset));
            if !rereads {
                return id;
            }
            self.close_file(id, Trigger::Reread);
        }
        let key = format!("{prefix}dt={day}/{}.{LETTERS_EXT}", self.ids.unique());
        let encoding = Encoding::Independent { done: std::collections::BTreeMap::new(), next: 0 };
        self.open_file(FileKind::DeadLetter, group.into(), key, Content::Letters(Vec::new()), encoding)
    }

    fn open_file(
        &mut self,
        kind: FileKind,
        group: Box<str>,
        key: String,
        content: Content,
        encoding: Encoding,
    ) -> FileId {
        if self.files.open_count() >= self.settings.max_open_files
            && let Some(id) = self
                .files
                .iter()
                .filter(|f| f.phase == Phase::Open)
                .min_by_key(|f| (f.clock.last_record_ms, f.id))
                .map(|f| f.id)
        {
            self.close_file(id, Trigger::Memory);
        }
        let id = self.files.next_id();
        let file = File {
            id,
            kind,
            group,
            key,
            token: Token(self.ids.token()),
            plan: std::sync::Arc::clone(&self.plan),
            phase: Phase::Open,
            closed_by: None,
            clock: FileClock::open(self.now.mono_ms),
            held: Vec::new(),
            records: 0,
            content,
            encoding,
            next_chunk: 0,
            chunks_at_work: 0,
            at_work_bytes: std::collections::BTreeMap::new(),
            waiting: std::collections::VecDeque::new(),
            waiting_bytes: 0,
            spilling: false,
            upload: Upload::None,
            parts: Vec::new(),
            next_part: 1,
            parts_at_work: 0,
            part_bytes_at_work: 0,
            encoded_bytes: 0,
            in_progress_bytes: 0,
            raw_encoded_bytes: 0,
            letters: std::collections::BTreeMap::new(),
            letters_out: 0,
            looked_at_key: false,
            closed_mono_ms: 0,
            must_check_upload: false,
            replaces: None,
        };
        self.files.insert(file);
        id
    }

    /// After a record went in: seal a full chunk, close a full file.
    pub(super) fn after_append(&mut self, id: FileId, seal: bool) {
        let due =
            self.files.get(id).and_then(|file| rotate::due(&file.plan.spec.sink.rotate, &file.clock, self.now.mono_ms));
        if let Some(trigger) = due {
            self.close_file(id, trigger);
        } else if seal {
            self.seal(id);
            self.advance_file(id);
        }
    }

    /// Closes what is due by the clock; on idle partitions too.
    pub(super) fn rotate_files(&mut self) {
        let now_ms = self.now.mono_ms;
        let open = || self.files.iter().filter(|file| file.phase == Phase::Open);
        // How far event time has come is a matter of the whole job: each hour's files lie in a place of their own.
        let reached = rotate::Reached::by(open().map(|file| &*file.group));
        let due: Vec<(FileId, Trigger)> = open()
            .filter_map(|file| {
                let passed = reached.is_past(&file.group);
                Some((file.id, rotate::due_among(&file.plan.spec.sink.rotate, &file.clock, passed, now_ms)?))
            })
            .collect();
        for (id, trigger) in due {
            self.close_file(id, trigger);
        }
    }

    pub(super) fn close_file(&mut self, id: FileId, trigger: Trigger) {
        let Some(file) = self.files.get_mut(id) else { return };
        if file.phase != Phase::Open {
            return;
        }
        file.phase = Phase::Closing;
        file.closed_by = Some(trigger);
        self.files.unlist(id);
        self.seal(id);
        self.advance_file(id);
    }

    pub(super) fn close_all(&mut self, trigger: Trigger) {
        for id in self.files.ids() {
            self.close_file(id, trigger);
        }
    }

    /// Drops a file that is in no entry: its records of own partitions are owed, its upload is aborted.
    pub(super) fn drop_file(&mut self, id: FileId, why: &str) {
        let Some(file) = self.files.remove(id) else { return };
        tracing::info!(job = %self.identity.job, job_uid = %self.identity.uid, key = %file.key, records = file.records, why, "file dropped");
        self.counters.files_dropped += 1;
        // What is at the encoder comes back to nobody.
        self.memory.encoded(file.at_work_bytes.values().sum());
        let abort =
            file.upload_id().map(|upload| (file.plan.spec.sink.bucket.clone(), file.key.clone(), upload.to_owned()));
        self.effects.push(Effect::Forget { file: id, abort });
        for of in &file.held {
            self.owe(of.slot, &of.held.offsets());
        }
    }

    /// These offsets of a partition must be read again, unless they are accounted or not ours any more.
    pub(super) fn owe(&mut self, slot: u32, offsets: &landfall_commit::Offsets) {
        let now_ms = self.now.mono_ms;
        let Some(Some(partition)) = self.partitions.get_mut(slot as usize) else { return };
        let mut owed = offsets.clone();
        if let Some(accounted) = self.log.as_ref().and_then(|log| log.partitions().get(&partition.source)) {
            owed.subtract(&accounted.overlap(offsets));
        }
        if let Some(first) = owed.min() {
            partition.want_start(first, now_ms);
        }
    }

    pub(super) fn drop_all_unappended(&mut self) {
        for id in self.files.ids() {
            if self.files.get(id).is_some_and(|file| file.phase != Phase::Appending) {
                self.drop_file(id, "job stopped");
            }
        }
    }

    /// What a partition's own files hold of it.
    pub(super) fn held_of(&self, slot: u32) -> landfall_commit::Offsets {
        let source = self.partition(slot).map(|partition| &partition.source);
        let mut all = landfall_commit::Offsets::new();
        for file in self.files.iter() {
            for of in file.held.iter().filter(|of| of.slot == slot && source.is_some_and(|source| of.source == *source))
            {
                all.union_with(&of.held.offsets());
            }
        }
        all
    }

    /// Records of one partition that are in its files and in no entry yet, of the partition where they are most. Walks all
    /// files: for checks.
    #[must_use]
    pub fn widest_hold(&self) -> u64 {
        let slots = 0..u32::try_from(self.partitions.len()).unwrap_or(u32::MAX);
        slots.map(|slot| self.held_of(slot).len()).max().unwrap_or(0)
    }

    /// A partition far ahead of its `low`: close the file that holds it back; twice as far, take no more of it.
    pub(super) fn limit_span(&mut self) {
        let Some(log) = &self.log else { return };
        let mut to_close = Vec::new();
        self.widest_span = 0;
        for (slot, partition) in (0u32..).zip(&mut self.partitions) {
            let Some(partition) = partition else { continue };
            let low = log.partitions().get(&partition.source).map_or(0, landfall_commit::OffsetSet::low);
            let span = partition.position.saturating_sub(low);
            self.widest_span = self.widest_span.max(span);
            // Where what is closed cannot be appended, closing more does not help: it waits.
            partition.far_ahead = span > self.settings.max_span.saturating_mul(2);
            if span > self.settings.max_span {
                let coldest = self
                    .files
                    .iter()
                    .filter(|file| file.phase == Phase::Open)
                    .filter_map(|file| {
                        let first = file.held.iter().find(|of| of.slot == slot)?.held.first()?;
                        Some((first, file.id))
                    })
                    .min();
                to_close.extend(coldest.map(|(_, id)| id));
            }
        }
        for id in to_close {
            self.close_file(id, Trigger::Span);
        }
    }

    pub(super) fn wall_of(&self, mono_ms: i64) -> i64 {
        let now: Now = self.now;
        now.wall_of(mono_ms)
    }
}
