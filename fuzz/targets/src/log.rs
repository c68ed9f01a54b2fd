//! What lies in the log: entries, checkpoints, sidecars.

use landfall_commit::entry::BadEntry;
use landfall_commit::{
    Checkpoint, Entry, FileSets, FoldError, JobUid, Lane, LogState, Paths, Seq, SourcePartition, invariants,
};
use serde_json::Value;

use crate::Answer;
use crate::offsets::too_many;

/// A document of another format is told apart from damage, whatever else is in it.
fn check_refusal(data: &[u8], bad: &BadEntry) -> Answer {
    let format = serde_json::from_slice::<Value>(data).ok().and_then(|json| json.get("format")?.as_u64());
    let once = data.windows(8).filter(|window| *window == b"\"format\"").count() == 1;
    match (bad, format) {
        (BadEntry::UnknownFormat { found }, _) => {
            assert_ne!(*found, 1);
            assert!(bad.to_string().contains(&format!("has format {found}")), "{bad}");
        }
        (BadEntry::Malformed(what), Some(format)) if once => {
            assert_eq!(format, 1, "another format is called damage: {what}");
            assert!(!what.is_empty());
        }
        (BadEntry::Malformed(what), _) => assert!(!what.is_empty()),
    }
    Answer::Refused
}

/// What a state read from anywhere must do without a panic, and how it goes on.
fn use_state(state: &LogState) {
    let nothing = std::collections::BTreeSet::new();
    for (partition, accounted) in state.partitions() {
        assert!(!accounted.contains(accounted.low()), "{partition}: low itself is accounted");
        assert!(accounted.above().min().is_none_or(|min| min > accounted.low()), "{partition}");
        assert!(state.visible_low(partition, &nothing) <= accounted.low());
        assert_eq!(partition.to_string().parse::<SourcePartition>().unwrap(), *partition);
    }
    let mut next = Entry::empty(state.job_uid().clone(), state.lane(), state.next_seq(), "next".into(), "w", 0);
    next.completed = state.pending().keys().copied().collect();
    let mut after = state.clone();
    match after.fold(&next) {
        Ok(()) => assert!(after.pending().is_empty() && after.last_token().as_str() == "next"),
        Err(FoldError::AfterClosing { .. }) => assert!(state.closing()),
        Err(other) => panic!("an entry that claims nothing is refused: {other}"),
    }
}

pub(crate) fn entry(data: &[u8]) -> Answer {
    if too_many(data) {
        return Answer::Refused;
    }
    let entry = match Entry::from_json(data) {
        Ok(entry) => entry,
        Err(bad) => return check_refusal(data, &bad),
    };
    let json = entry.to_json().unwrap();
    let again = Entry::from_json(&json).unwrap_or_else(|e| panic!("{}: {e}", String::from_utf8_lossy(&json)));
    assert_eq!(again, entry);
    assert_eq!(again.to_json().unwrap(), json, "written twice, the same bytes");
    match LogState::open(&entry) {
        Ok(mut state) => {
            assert_eq!(state.last_seq(), Seq(0));
            use_state(&state);
            let mut second = entry;
            second.seq = state.next_seq();
            let before = state.clone();
            match state.fold(&second) {
                Ok(()) => {
                    let read = Checkpoint::to_json(&state).unwrap();
                    let read = Checkpoint::from_json(&read, state.job_uid(), state.lane()).unwrap();
                    assert_eq!(read, state, "a checkpoint is the state");
                    assert_eq!(invariants::i1_i2_cover(&[second], &state), vec![]);
                    use_state(&state);
                }
                Err(_) => assert_eq!(state, before, "what is refused changes nothing"),
            }
        }
        Err(FoldError::NoOrigins) => assert!(entry.origins.is_none()),
        Err(FoldError::NotDense { .. }) => assert_ne!(entry.seq, Seq(0)),
        Err(other) => panic!("an entry 0 is refused with {other}"),
    }
    Answer::Accepted
}

pub(crate) fn checkpoint(data: &[u8]) -> Answer {
    if too_many(data) {
        return Answer::Refused;
    }
    let document = serde_json::from_slice::<Value>(data).unwrap_or_default();
    let of = |name: &str| document.get("state").and_then(|state| state.get(name));
    let uid = JobUid::from(of("job_uid").and_then(Value::as_str).unwrap_or_default());
    let lane = Lane(of("lane").and_then(Value::as_u64).and_then(|lane| u32::try_from(lane).ok()).unwrap_or_default());
    let state = match Checkpoint::from_json(data, &uid, lane) {
        Ok(state) => state,
        Err(FoldError::Bad(bad)) => return check_refusal(data, &bad),
        Err(FoldError::ForeignJob { .. } | FoldError::ForeignLane { .. }) => return Answer::Refused,
        Err(other) => panic!("a checkpoint is refused with {other}"),
    };
    let json = Checkpoint::to_json(&state).unwrap();
    let again = Checkpoint::from_json(&json, &uid, lane).unwrap();
    assert_eq!(again, state);
    assert_eq!(Checkpoint::to_json(&again).unwrap(), json, "written twice, the same bytes");
    let foreign = JobUid(format!("{uid}x"));
    assert!(Checkpoint::from_json(&json, &foreign, lane).is_err(), "another job's checkpoint is taken");
    let paths = Paths::new("_landfall/", &uid, lane);
    assert_eq!(paths.checkpoint_seq(&paths.checkpoint(state.last_seq())), Some(state.last_seq()));
    use_state(&state);
    Answer::Accepted
}

/// As JSON, or compressed as it lies in the log.
pub(crate) fn sidecar(data: &[u8]) -> Answer {
    const MAX_BYTES: usize = 1 << 20;
    const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
    if data.starts_with(&ZSTD) {
        return match zstd::bulk::decompress(data, MAX_BYTES) {
            Ok(json) => sidecar_json(&json),
            Err(_) => Answer::Refused,
        };
    }
    sidecar_json(data)
}

fn sidecar_json(data: &[u8]) -> Answer {
    if too_many(data) {
        return Answer::Refused;
    }
    let sets = match FileSets::from_json(data) {
        Ok(sets) => sets,
        Err(bad) => return check_refusal(data, &bad),
    };
    let json = sets.to_json().unwrap();
    let compressed = zstd::bulk::compress(&json, 3).unwrap();
    let read = zstd::decode_all(compressed.as_slice()).unwrap();
    assert_eq!(read, json);
    assert_eq!(FileSets::from_json(&read).unwrap(), sets);
    Answer::Accepted
}
