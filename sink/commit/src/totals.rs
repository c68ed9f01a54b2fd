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
