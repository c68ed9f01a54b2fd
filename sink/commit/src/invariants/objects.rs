//! I4 to I6: what can be read, against what the log says.

use std::collections::{BTreeMap, BTreeSet};

use super::{Violation, violation};
use crate::entry::{Entry, FileRef, Part};
use crate::ids::{SourcePartition, Token};
use crate::state::LogState;

/// A visible object under the job's keys, as an observer saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    pub key: String,
    pub token: Option<String>,
    pub bytes: u64,
    /// Where the content was read and counted.
    pub records: Option<u64>,
}

/// I4 and I6: what is visible is what the log names. `overwritten`: files whose key a later entry took over.
#[must_use]
pub fn i4_i6_visible(entries: &[Entry], seen: &[Seen]) -> Vec<Violation> {
    let mut named: BTreeMap<&str, Vec<Named<'_>>> = BTreeMap::new();
    // By file: its key, what it holds by now, and the attempt that counts.
    let mut latest: BTreeMap<FileRef, (&str, u64, u32)> = BTreeMap::new();
    for entry in entries {
        for (index, file) in (0u32..).zip(&entry.files) {
            latest.insert(FileRef { seq: entry.seq, file: index }, (&file.key, file.records, 0));
            let name = Named { token: &file.token, parts: &file.parts, bytes: file.bytes, records: file.records };
            named.entry(&file.key).or_default().push(name);
        }
    }
    for entry in entries {
        for rebuilt in &entry.rebuilt {
            // The first entry for an attempt wins; nobody completes the upload of another.
            if let Some((key, records, attempt)) = latest.get_mut(&rebuilt.file_ref())
                && attempt.checked_add(1) == Some(rebuilt.attempt)
            {
                *attempt = rebuilt.attempt;
                *records = records.saturating_sub(rebuilt.missing_records());
                let (token, parts, bytes) = (&rebuilt.token, &rebuilt.parts, rebuilt.bytes);
                named.entry(key).or_default().push(Named { token, parts, bytes, records: *records });
            }
        }
    }
    let mut found = Vec::new();
    for object in seen {
        let names = named.get(object.key.as_str()).map_or(&[][..], Vec::as_slice);
        let Some(name) = names.iter().find(|name| Some(name.token.as_str()) == object.token.as_deref()) else {
            let token = object.token.as_deref().unwrap_or("none");
            found.push(violation("I4", format!("{} is visible with token {token}, which no entry names", object.key)));
            continue;
        };
        let parts_bytes: u64 = name.parts.iter().map(|part| part.size_bytes).sum();
        if object.bytes != name.bytes || parts_bytes != name.bytes {
            let (bytes, said) = (object.bytes, name.bytes);
            let what = format!("{} has {bytes} bytes, its entry says {said}, its parts {parts_bytes}", object.key);
            found.push(violation("I6", what));
        }
        if let Some(counted) = object.records
            && counted != name.records
        {
            let what = format!("{} has {counted} records, its entry says {}", object.key, name.records);
            found.push(violation("I6", what));
        }
    }
    found
}

struct Named<'a> {
    token: &'a Token,
    parts: &'a [Part],
    bytes: u64,
    records: u64,
}

/// I5: the group's committed offset (exclusive) never runs ahead of what is visible.
#[must_use]
pub fn i5_commit_not_ahead(
    state: &LogState,
    visible: &BTreeSet<FileRef>,
    committed: &BTreeMap<SourcePartition, u64>,
) -> Vec<Violation> {
    committed
        .iter()
        .filter(|(partition, _)| state.partitions().contains_key(*partition))
        .filter_map(|(partition, committed)| {
            let low = state.visible_low(partition, visible);
            (*committed > low).then(|| {
                violation("I5", format!("{partition}: committed offset {committed} is above the visible low {low}"))
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{Seen, i4_i6_visible, i5_commit_not_ahead};
    use crate::entry::{Entry, FileRef, Rebuilt};
    use crate::ids::{Seq, SourcePartition};
    use crate::invariants::fixture::{bids, empty, file, holding, part, state_of, told, zero};
    use crate::offsets::Offsets;
    use std::collections::{BTreeMap, BTreeSet};

    const NOTHING: [&str; 0] = [];

    fn object(token: &str, bytes: u64, records: Option<u64>) -> Seen {
        Seen { key: "k-a".into(), token: Some(token.into()), bytes, records }
    }

    /// A file of ten records of which a rebuild no longer found three.
    fn log() -> [Entry; 3] {
        let rebuilt = |token: &str| Rebuilt {
            seq: Seq(1),
            file: 0,
            attempt: 1,
            token: token.into(),
            upload_id: "u".into(),
            parts: vec![part(4)],
            bytes: 4,
            missing: BTreeMap::from([(bids(), Offsets::from_range(0..3))]),
        };
        let again = Entry { rebuilt: vec![rebuilt("again"), rebuilt("late")], ..empty(2) };
        [zero(), holding(1, 0..10, vec![file("a", 10)]), again]
    }

    #[test]
    fn i4_an_object_is_visible_only_with_the_token_of_its_file_or_of_the_rebuild_that_won() {
        let found = |object: Seen| told(&i4_i6_visible(&log(), &[object]));
        assert_eq!(found(object("a", 5, None)), NOTHING);
        assert_eq!(found(object("again", 4, None)), NOTHING);
        let unnamed = |key: &str, token: &str| format!("I4: {key} is visible with token {token}, which no entry names");
        assert_eq!(found(object("late", 4, None)), [unnamed("k-a", "late")]);
        assert_eq!(found(Seen { token: None, ..object("a", 5, None) }), [unnamed("k-a", "none")]);
        assert_eq!(found(Seen { key: "k-b".into(), ..object("a", 5, None) }), [unnamed("k-b", "a")]);
    }

    #[test]
    fn i6_an_object_has_the_bytes_of_its_parts_and_the_records_that_its_file_names() {
        let found = |object: Seen| told(&i4_i6_visible(&log(), &[object]));
        assert_eq!(found(object("a", 5, Some(10))), NOTHING);
        assert_eq!(found(object("again", 4, Some(7))), NOTHING);
        assert_eq!(found(object("a", 6, None)), ["I6: k-a has 6 bytes, its entry says 5, its parts 5"]);
        assert_eq!(found(object("again", 4, Some(10))), ["I6: k-a has 10 records, its entry says 7"]);
        let mut other_parts = log();
        other_parts[1].files[0].parts = vec![part(2)];
        let found = i4_i6_visible(&other_parts, &[object("a", 5, Some(10))]);
        assert_eq!(told(&found), ["I6: k-a has 5 bytes, its entry says 5, its parts 2"]);
    }

    #[test]
    fn i5_a_commit_is_at_most_the_low_of_what_is_visible() {
        let state = state_of(&log());
        let all = BTreeSet::from([FileRef { seq: Seq(1), file: 0 }]);
        let found = |partition: SourcePartition, offset, visible: &BTreeSet<FileRef>| {
            told(&i5_commit_not_ahead(&state, visible, &BTreeMap::from([(partition, offset)])))
        };
        assert_eq!(found(bids(), 9, &all), NOTHING);
        assert_eq!(found(bids(), 10, &all), NOTHING);
        let ahead = "I5: main/bids/id/3: committed offset 11 is above the visible low 10";
        assert_eq!(found(bids(), 11, &all), [ahead]);
        let ahead = "I5: main/bids/id/3: committed offset 1 is above the visible low 0";
        assert_eq!(found(bids(), 1, &BTreeSet::new()), [ahead]);
        let unknown = SourcePartition { topic: "clicks".into(), ..bids() };
        assert_eq!(found(unknown, 5, &all), NOTHING);
    }
}
