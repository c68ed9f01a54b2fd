//! What must be true, all the time and at the end.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use futures::executor::block_on;
use landfall_commit::{Entry, FileRef, LogState, PendingFile, invariants};
use landfall_s3::{ListRequest, Store};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::RowAccessor;

use super::world::{BUCKET, World, paths};

/// Records that still come after a mark is passed, until throttling or a pause takes hold. The most that was seen in 200
/// seeds is 39.
const SLACK_RECORDS: u64 = 64;
/// What a record, or the letter about it, takes in a buffer at most.
const RECORD_BYTES: u64 = 250;

impl World {
    pub fn keys(&self, prefix: &str) -> Vec<String> {
        let request = ListRequest { bucket: BUCKET.into(), prefix: prefix.into(), ..ListRequest::default() };
        let (mut keys, mut request) = (Vec::new(), request);
        loop {
            let page = block_on(self.store.inner().list(request.clone())).unwrap();
            keys.extend(page.objects.into_iter().map(|object| object.key));
            request.continuation = page.continuation;
            if request.continuation.is_none() {
                return keys;
            }
        }
    }

    pub fn entries(&self) -> Vec<Entry> {
        let paths = paths();
        let keys = self.keys(&paths.log_prefix()).into_iter().filter(|key| paths.entry_seq(key).is_some());
        keys.map(|key| Entry::from_json(&block_on(self.store.inner().get(BUCKET, &key)).unwrap().body).unwrap())
            .collect()
    }

    /// The records of an object, in its order. What it is written in, its own version of the job tells by the name.
    pub fn records_of(&self, key: &str) -> Vec<(i32, i64)> {
        let body = block_on(self.store.inner().get(BUCKET, key)).unwrap().body;
        if key.ends_with(".parquet") {
            return rows(body);
        }
        let (mut text, mut gzip) = (Vec::new(), flate2::read::MultiGzDecoder::new(body.as_ref()));
        let read = match key.rsplit('.').next() {
            Some("zst") => zstd::stream::copy_decode(body.as_ref(), &mut text),
            Some("gz") => std::io::copy(&mut gzip, &mut text).map(drop),
            _ => std::io::copy(&mut body.as_ref(), &mut text).map(drop),
        };
        read.unwrap_or_else(|e| panic!("{key} is not what its name says: {e}\n{}", self.tell()));
        let number = |line: &serde_json::Value, short: &str, long: &str| {
            let found = line.get(short).or_else(|| line.get(long)).and_then(serde_json::Value::as_i64);
            found.unwrap_or_else(|| panic!("{key} has a line {line}"))
        };
        String::from_utf8(text)
            .unwrap_or_else(|_| panic!("{key} is not what its name says\n{}", self.tell()))
            .lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
            .map(|line| {
                // A record, in an envelope or not, or a letter about one.
                let line = if line["value"].is_object() { line["value"].clone() } else { line };
                let partition = i32::try_from(number(&line, "p", "partition")).unwrap();
                (partition, number(&line, "o", "offset"))
            })
            .collect()
    }

    /// What is visible never changes, and what a reader took away never comes back.
    pub fn watch(&mut self) {
        for key in self.keys("data/") {
            let etag = block_on(self.store.inner().head(BUCKET, &key)).unwrap().etag;
            assert!(!self.taken.contains_key(&key), "{key} came back\n{}", self.tell());
            let before = self.seen.entry(key.clone()).or_insert_with(|| etag.clone());
            assert_eq!(*before, etag, "{key} changed");
        }
    }

    /// A reader deletes what the log calls completed, and only that.
    pub fn take_an_object(&mut self) {
        let entries = self.entries();
        let completed: BTreeSet<FileRef> = entries.iter().flat_map(|entry| entry.completed.iter().copied()).collect();
        let named =
            entries.iter().flat_map(|entry| (0u32..).zip(&entry.files).map(|(index, file)| (entry.seq, index, file)));
        let key = named
            .filter(|(seq, index, _)| completed.contains(&FileRef { seq: *seq, file: *index }))
            .map(|(_, _, file)| file.key.clone())
            .find(|key| key.starts_with("data/") && !self.taken.contains_key(key));
        if let Some(key) = key
            && block_on(self.store.inner().head(BUCKET, &key)).is_ok()
        {
            let held = self.records_of(&key);
            block_on(self.store.inner().delete(BUCKET, &key)).unwrap();
            self.taken.insert(key, held);
            self.count("reader took an object");
        }
    }

    /// The pending files whose objects are there.
    fn visible(&self, state: &LogState) -> BTreeSet<FileRef> {
        let there = |pending: &PendingFile| block_on(self.store.inner().head(BUCKET, &pending.file.key)).is_ok();
        state.pending().iter().filter(|(_, pending)| there(pending)).map(|(file, _)| *file).collect()
    }

    /// By partition: everything below is accounted for and visible.
    pub fn visible_lows(&self) -> BTreeMap<i32, u64> {
        let entries = self.entries();
        let Some(state) = folded(&entries) else { return BTreeMap::new() };
        let visible = self.visible(&state);
        let low = |source: &landfall_commit::SourcePartition| state.visible_low(source, &visible);
        state.partitions().keys().map(|source| (source.partition, low(source))).collect()
    }

    pub fn at_rest(&self) -> bool {
        let broker = self.broker.lock().unwrap();
        let committed = broker
            .numbers()
            .all(|p| broker.committed.get(&p).is_some_and(|(offset, _)| *offset == broker.partition(p).end));
        committed
            && self.workers.iter().all(|w| {
                w.frozen_until_ms == 0 && w.ends_at_ms.is_none() && w.engine.snapshot().uncompleted_entries == 0
            })
    }

    /// The schedule and the log, for whoever repeats a seed that failed.
    pub fn tell(&self) -> String {
        let mut text = format!("{:?}\n{}", self.setup, self.log.join("\n"));
        for entry in self.entries() {
            let files: Vec<_> = entry.files.iter().map(|f| (&f.key, &f.token.0[..6], f.records)).collect();
            text += &format!(
                "\nseq {} by {} at {}: {files:?} held {:?} absent {:?} skipped {:?} completed {:?} rebuilt {:?} lost {:?}",
                entry.seq,
                entry.worker,
                entry.written_at_ms - 1_770_000_000_000,
                entry.held,
                entry.absent,
                entry.skipped,
                entry.completed.iter().map(|c| (c.seq.0, c.file)).collect::<Vec<_>>(),
                entry.rebuilt.iter().map(|r| (r.seq.0, r.file, r.attempt)).collect::<Vec<_>>(),
                entry.lost,
            );
        }
        for fired in self.store.fired() {
            text += &format!("\nfault {:?} {} {:?}", fired.operation, fired.key, fired.fault);
        }
        text
    }

    /// Every record landed once, but for those that Kafka let go first; every bad one is a letter.
    pub fn check(&mut self) {
        let mut landed: BTreeSet<(i32, i64)> = BTreeSet::new();
        let visible = self.keys("data/").into_iter().map(|key| (self.records_of(&key), key));
        let taken = self.taken.iter().map(|(key, held)| (held.clone(), key.clone()));
        for (records, key) in visible.chain(taken).collect::<Vec<_>>() {
            let mut last: BTreeMap<i32, i64> = BTreeMap::new();
            for (p, o) in records {
                assert!(landed.insert((p, o)), "{p}/{o} landed twice, the second time in {key}\n{}", self.tell());
                assert!(last.insert(p, o).is_none_or(|before| before < o), "{key} is out of order at {p}/{o}");
            }
        }
        self.compare("landed", &landed, true);
        let mut letters = BTreeSet::new();
        if self.setup.letters_to_s3 {
            for key in self.keys("_landfall-dlq/") {
                for letter in self.records_of(&key) {
                    assert!(letters.insert(letter), "letter {letter:?} twice\n{}", self.tell());
                }
            }
            self.compare("letters", &letters, false);
        }
        if self.setup.letters_to_topic {
            // At least once: repeats are allowed.
            let produced = self.broker.lock().unwrap().letters.iter().copied().collect();
            self.compare("letters in the topic", &produced, false);
        }
        self.check_log();
        let rebuilt: usize = self.entries().iter().map(|entry| entry.rebuilt.len()).sum();
        *self.faults.entry("rebuilt").or_default() += rebuilt as u64;
        for fired in self.store.fired() {
            *self.faults.entry(name_of(fired.fault)).or_default() += 1;
        }
        self.log.push(format!("{} rest {:?}", self.clock.now_ms(), self.faults));
    }

    fn compare(&self, what: &str, found: &BTreeSet<(i32, i64)>, good: bool) {
        let of_kind = |at: &(i32, i64)| self.records.get(at) == Some(&good);
        let foreign: Vec<_> = found.iter().filter(|at| !of_kind(at)).collect();
        assert!(foreign.is_empty(), "{what}: {foreign:?} should not be there\n{}", self.tell());
        let wanted = self.records.iter().filter(|(at, kind)| **kind == good && !self.vanished.contains(*at));
        let missing: Vec<_> = wanted.map(|(at, _)| at).filter(|at| !found.contains(*at)).collect();
        assert!(missing.is_empty(), "{what}: {missing:?} are missing\n{}", self.tell());
    }

    fn check_log(&self) {
        let entries = self.entries();
        let (state, mut broken) = invariants::i3_disjoint_and_dense(&entries, &BTreeMap::new());
        let state = state.unwrap();
        broken.extend(invariants::i1_i2_cover(&entries, &state));
        let broker = self.broker.lock().unwrap();
        let end = |source: &landfall_commit::SourcePartition| u64::try_from(broker.partition(source.partition).end);
        let ends = state.partitions().keys().map(|source| (source.clone(), end(source).unwrap())).collect();
        broken.extend(invariants::i7_all_landed(&state, &self.visible(&state), &ends));
        drop(broker);
        assert_eq!(broken, vec![], "{}", self.tell());
    }

    /// I5 and I9, after a turn of a worker.
    pub fn check_worker(&mut self, index: usize) {
        // The looks cost more than the turn.
        self.turns += 1;
        if self.turns.is_multiple_of(8) {
            self.check_limits(index);
        }
        let commits = self.broker.lock().unwrap().commits;
        if commits > self.commits_seen + 16 {
            self.commits_seen = commits;
            self.check_commits();
        }
    }

    fn check_commits(&self) {
        let entries = self.entries();
        let Some(state) = folded(&entries) else { return };
        let broker = self.broker.lock().unwrap();
        let committed = |source: &landfall_commit::SourcePartition| broker.committed.get(&source.partition);
        let of = |source: &landfall_commit::SourcePartition| u64::try_from(committed(source)?.0).ok();
        let committed = state.partitions().keys().filter_map(|source| Some((source.clone(), of(source)?))).collect();
        drop(broker);
        let broken = invariants::i5_commit_not_ahead(&state, &self.visible(&state), &committed);
        assert_eq!(broken, vec![], "{}", self.tell());
    }

    fn check_limits(&mut self, index: usize) {
        let worker = &self.workers[index];
        let snapshot = worker.engine.snapshot();
        let holding = invariants::Holding {
            memory_bytes: worker.engine.held_bytes(),
            open_files: snapshot.open_files_total,
            span: worker.engine.widest_hold(),
        };
        // The tables of a Parquet writer alone are more than the small budget.
        let own_bytes = if self.setup.format == "parquet" { 64 << 20 } else { 0 };
        let limits = invariants::Limits {
            memory_bytes: self.setup.budget_bytes + own_bytes + SLACK_RECORDS * RECORD_BYTES,
            open_files: self.settings.max_open_files as u64,
            span: self.settings.max_span.saturating_mul(2) + SLACK_RECORDS,
        };
        let broken = invariants::i9_within_limits(&holding, &limits);
        assert_eq!(broken, vec![], "{holding:?}\n{}", self.tell());
        *self.faults.entry("limit of open files met").or_default() +=
            u64::from(holding.open_files == limits.open_files);
        *self.faults.entry("limit of the span met").or_default() += u64::from(holding.span > self.settings.max_span);
    }
}

fn folded(entries: &[Entry]) -> Option<LogState> {
    let mut state = LogState::open(entries.first()?).ok()?;
    for entry in &entries[1..] {
        state.fold(entry).ok()?;
    }
    Some(state)
}

fn rows(body: Bytes) -> Vec<(i32, i64)> {
    let reader = SerializedFileReader::new(body).unwrap();
    let rows = reader.get_row_iter(None).unwrap();
    rows.map(|row| {
        let row = row.unwrap();
        (row.get_int(0).unwrap(), row.get_long(1).unwrap())
    })
    .collect()
}

fn name_of(fault: landfall_s3::Fault) -> &'static str {
    match fault {
        landfall_s3::Fault::Before(landfall_s3::ErrorKind::InvalidPart) => "store: invalid part",
        landfall_s3::Fault::Before(landfall_s3::ErrorKind::Conflict) => "store: 409",
        landfall_s3::Fault::Before(_) => "store: refused",
        landfall_s3::Fault::LostAnswer(_) => "store: answer lost",
        landfall_s3::Fault::Late => "store: effect late",
        landfall_s3::Fault::Delay { .. } => "store: delayed",
        landfall_s3::Fault::HollowSuccess => "store: hollow success",
        landfall_s3::Fault::LateSuccess => "store: shown late",
        landfall_s3::Fault::Twice => "store: arrives twice",
    }
}
