//! A whole log, entry by entry, against a model of plain sets: what overlaps, what is accounted, what may be committed.

use std::collections::{BTreeMap, BTreeSet};

use landfall_commit::{
    Checkpoint, Entry, FileEntry, FileKind, FileRef, Lane, LogState, Lost, Offsets, Origins, Part, Rebuilt, Seq,
    SkipReason, SourcePartition, invariants,
};

use crate::Answer;
use crate::input::Input;

const PARTITIONS: usize = 3;
const MAX_ENTRIES: usize = 24;

fn partition(number: usize) -> SourcePartition {
    let partition = i32::try_from(number).unwrap();
    SourcePartition { cluster: "main".into(), topic: "bids".into(), topic_id: "id".into(), partition }
}

/// What a plain reader of the log would keep.
#[derive(Default)]
struct Model {
    accounted: BTreeMap<usize, BTreeSet<u64>>,
    /// Files not yet complete, with the attempt, and the lowest offset of their entry by partition.
    pending: BTreeMap<FileRef, u32>,
    floors: BTreeMap<Seq, BTreeMap<usize, u64>>,
    lost_files: u64,
    records: u64,
    closed: bool,
}

impl Model {
    fn low(&self, number: usize) -> u64 {
        (0..).find(|offset| !self.accounted[&number].contains(offset)).unwrap()
    }

    fn visible_low(&self, number: usize, visible: &BTreeSet<FileRef>) -> u64 {
        let open = self.pending.keys().filter(|file| !visible.contains(file));
        let floors = open.filter_map(|file| self.floors.get(&file.seq)?.get(&number).copied());
        floors.fold(self.low(number), u64::min)
    }

    /// True where the entry may be appended.
    fn admits(&self, claims: &[(usize, BTreeSet<u64>)]) -> bool {
        let mut all: BTreeMap<usize, BTreeSet<u64>> = self.accounted.clone();
        claims.iter().all(|(number, offsets)| {
            let all = all.get_mut(number).unwrap();
            offsets.iter().all(|offset| all.insert(*offset))
        })
    }
}

fn file(input: &mut Input<'_>, name: String) -> FileEntry {
    let records = u64::from(input.byte());
    let kind = if input.flag() { FileKind::Data } else { FileKind::DeadLetter };
    FileEntry {
        key: name.clone(),
        bucket: "lake".into(),
        token: name.as_str().into(),
        upload_id: name,
        parts: vec![Part { number: 1, etag: "e".into(), size_bytes: records, crc64nvme: "c".into() }],
        bytes: records,
        records,
        kind,
        min_timestamp_ms: 0,
        max_timestamp_ms: 0,
    }
}

fn stretch(input: &mut Input<'_>) -> (usize, BTreeSet<u64>) {
    let number = input.below(PARTITIONS);
    let start = u64::from(input.byte() % 128);
    (number, (start..start + input.below(12) as u64).collect())
}

fn set(offsets: &BTreeSet<u64>) -> Offsets {
    offsets.iter().copied().collect()
}

fn some_file(input: &mut Input<'_>) -> FileRef {
    FileRef { seq: Seq(u64::from(input.byte() % 16)), file: u32::from(input.byte() % 3) }
}

const REASONS: [SkipReason; 5] = [
    SkipReason::Gap,
    SkipReason::Declared,
    SkipReason::NullValue,
    SkipReason::DeadLetterTopic,
    SkipReason::BeforeOrigin,
];

pub(crate) fn fold(data: &[u8]) -> Answer {
    let mut input = Input::new(data);
    let mut model = Model::default();
    let mut start = BTreeMap::new();
    for number in 0..PARTITIONS {
        let origin = input.below(8) as u64;
        model.accounted.insert(number, (0..origin).collect());
        // The last one is met later, and begins at 0.
        if number + 1 < PARTITIONS {
            start.insert(partition(number), origin);
        } else {
            model.accounted.insert(number, BTreeSet::new());
        }
    }
    let origins = Origins { start, bucket: "lake".into(), lanes: 1, created_at_ms: 0 };
    let zero = Entry::zero("uid".into(), Lane(0), "t0".into(), "w", origins);
    let mut state = LogState::open(&zero).unwrap();
    let mut log = vec![zero];
    let mut taken = false;
    for turn in 0..MAX_ENTRIES {
        if input.is_empty() {
            break;
        }
        let token = format!("t{turn}");
        let mut entry = Entry::empty("uid".into(), Lane(0), state.next_seq(), token.as_str().into(), "w", 0);
        let what = input.byte();
        let mut claims: Vec<(usize, BTreeSet<u64>)> = Vec::new();
        if what & 1 != 0 {
            for index in 0..input.below(3) {
                entry.files.push(file(&mut input, format!("{turn}-{index}")));
            }
            let (number, offsets) = stretch(&mut input);
            entry.held.insert(partition(number), set(&offsets));
            claims.push((number, offsets));
        }
        if what & 2 != 0 {
            let (number, offsets) = stretch(&mut input);
            let reason = REASONS[input.below(REASONS.len())];
            entry.skipped.insert(partition(number), BTreeMap::from([(reason, set(&offsets))]));
            claims.push((number, offsets));
        }
        let mut absent = None;
        if what & 4 != 0 {
            let (number, offsets) = stretch(&mut input);
            entry.absent.insert(partition(number), set(&offsets));
            absent = Some((number, offsets));
        }
        if what & 8 != 0 {
            entry.completed.push(some_file(&mut input));
        }
        if what & 16 != 0 {
            let (at, attempt) = (some_file(&mut input), u32::from(input.byte() % 3));
            entry.rebuilt.push(Rebuilt {
                seq: at.seq,
                file: at.file,
                attempt,
                token: format!("again-{turn}").as_str().into(),
                upload_id: "u".into(),
                parts: vec![],
                bytes: 1,
                missing: BTreeMap::new(),
            });
        }
        if what & 32 != 0 {
            let at = some_file(&mut input);
            entry.lost.push(Lost { seq: at.seq, file: at.file, reason: "gone".into() });
        }
        entry.closing = what == 255;

        let admitted = model.admits(&claims);
        assert_eq!(state.overlaps(&entry).is_empty(), admitted, "entry {} against {state:?}", entry.seq);
        let before = state.clone();
        let folded = state.fold(&entry);
        assert_eq!(folded.is_ok(), admitted && !model.closed, "{folded:?}");
        if folded.is_err() {
            assert_eq!(state, before, "what is refused changes nothing");
            continue;
        }
        taken = true;
        for (number, offsets) in claims.into_iter().chain(absent) {
            model.accounted.get_mut(&number).unwrap().extend(offsets);
        }
        take_files(&mut model, &entry);
        model.closed = entry.closing;
        log.push(Entry::from_json(&entry.to_json().unwrap()).unwrap());
        compare(&model, &state, &mut input);
        if what & 64 != 0 {
            let json = Checkpoint::to_json(&state).unwrap();
            let restored = Checkpoint::from_json(&json, &"uid".into(), Lane(0)).unwrap();
            assert_eq!(restored, state);
            state = restored;
        }
    }
    let (folded, broken) = invariants::i3_disjoint_and_dense(&log, &BTreeMap::new());
    assert_eq!((folded.as_ref(), broken), (Some(&state), vec![]));
    assert_eq!(invariants::i1_i2_cover(&log, &state), vec![]);
    if taken { Answer::Accepted } else { Answer::Refused }
}

fn take_files(model: &mut Model, entry: &Entry) {
    if !entry.files.is_empty() {
        let number = |partition: &SourcePartition| usize::try_from(partition.partition).unwrap();
        let lowest = entry.held.iter().filter_map(|(partition, set)| Some((number(partition), set.min()?))).collect();
        model.floors.insert(entry.seq, lowest);
    }
    for (index, file) in (0u32..).zip(&entry.files) {
        model.pending.insert(FileRef { seq: entry.seq, file: index }, 0);
        if file.kind == FileKind::Data {
            model.records += file.records;
        }
    }
    for file in &entry.completed {
        model.pending.remove(file);
    }
    for rebuilt in &entry.rebuilt {
        if let Some(attempt) = model.pending.get_mut(&rebuilt.file_ref())
            && *attempt + 1 == rebuilt.attempt
        {
            *attempt = rebuilt.attempt;
        }
    }
    for lost in &entry.lost {
        model.lost_files += u64::from(model.pending.remove(&lost.file_ref()).is_some());
    }
}

fn compare(model: &Model, state: &LogState, input: &mut Input<'_>) {
    let pending: BTreeMap<FileRef, u32> = state.pending().iter().map(|(at, file)| (*at, file.attempt)).collect();
    assert_eq!(pending, model.pending);
    for file in state.pending().values() {
        assert_eq!(file.earlier.len(), usize::try_from(file.attempt).unwrap(), "one earlier attempt a rebuild");
    }
    assert_eq!(state.totals().lost_files, model.lost_files);
    assert_eq!(state.totals().records, model.records);
    assert_eq!(state.closing(), model.closed);
    let chosen = input.byte();
    let visible: BTreeSet<FileRef> =
        model.pending.keys().enumerate().filter(|(at, _)| chosen >> (at % 8) & 1 == 1).map(|(_, file)| *file).collect();
    for number in 0..PARTITIONS {
        let accounted = state.accounted(&partition(number));
        assert_eq!(accounted.low(), model.low(number));
        for offset in 0..150 {
            assert_eq!(accounted.contains(offset), model.accounted[&number].contains(&offset), "offset {offset}");
        }
        assert_eq!(state.visible_low(&partition(number), &visible), model.visible_low(number, &visible));
    }
    for seq in model.floors.keys() {
        let open = model.pending.keys().any(|file| file.seq == *seq);
        assert_eq!(state.partitions_of(*seq).is_some(), open, "floors are kept while a file of theirs is pending");
    }
}
