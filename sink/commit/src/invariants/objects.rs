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
            let what = format!("{} has {} bytes, its entry says {}", object.key, object.bytes, name.bytes);
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
