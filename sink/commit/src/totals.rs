//! What a log adds up to in numbers: the same on every worker, whoever counted first. For the status and for audits;
//! no decision rests on it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::entry::{Entry, FileKind, SkipReason};
use crate::ids::SourcePartition;
use crate::offsets::Offsets;

/// Sums over all entries folded so far.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Totals {
    /// Records in data files, visible or on their way.
    pub records: u64,
    /// Dead letters, to S3 or to a topic, by reason.
    pub dead_letters: BTreeMap<String, u64>,
    /// Files that can never be rebuilt.
    pub lost_files: u64,
    /// Records of these files, and those that a rebuild no longer found in Kafka.
    pub lost_records: u64,
    /// Offsets that Kafka no longer had when the job came for them.
    #[serde(with = "crate::state::pairs")]
    pub gaps: BTreeMap<SourcePartition, Offsets>,
}

impl Totals {
    pub(crate) fn add(&mut self, entry: &Entry) {
        let data = entry.files.iter().filter(|file| file.kind == FileKind::Data);
        self.records = data.fold(self.records, |sum, file| sum.saturating_add(file.records));
        for (reason, letters) in &entry.dead_letters {
            let sum = self.dead_letters.entry(reason.clone()).or_default();
            *sum = sum.saturating_add(*letters);
        }
        for (partition, reasons) in &entry.skipped {
            if let Some(gap) = reasons.get(&SkipReason::Gap) {
                self.gaps.entry(partition.clone()).or_default().union_with(gap);
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::entry::FileEntry;
    use crate::ids::{Lane, Seq};

    #[test]
    fn only_records_of_data_files_are_records_and_only_gaps_are_gaps() {
        let file = |kind, records| FileEntry {
            key: "k".into(),
            bucket: "b".into(),
            token: "t".into(),
            upload_id: "u".into(),
            parts: Vec::new(),
            bytes: 0,
            records,
            kind,
            min_timestamp_ms: 0,
            max_timestamp_ms: 0,
        };
        let partition: SourcePartition = "main/bids/id/3".parse().unwrap();
        let mut entry = Entry::empty("uid".into(), Lane(0), Seq(1), "t".into(), "w", 0);
        entry.files = vec![file(FileKind::Data, 5), file(FileKind::DeadLetter, 7), file(FileKind::Data, 11)];
        entry.dead_letters.insert("encode".into(), 7);
        let skipped =
            [(SkipReason::NullValue, Offsets::from_range(0..2)), (SkipReason::Gap, Offsets::from_range(5..8))];
        entry.skipped.insert(partition.clone(), BTreeMap::from(skipped));
        let mut totals = Totals::default();
        totals.add(&entry);
        totals.add(&entry);
        assert_eq!((totals.records, totals.dead_letters["encode"]), (32, 14));
        assert_eq!(totals.gaps, BTreeMap::from([(partition, Offsets::from_range(5..8))]));
    }
}
