//! One entry of the log: what a worker claims in one append. The JSON of format 1 is a contract with every older and
//! newer worker and with people's own tools; unknown fields and unknown formats are refused, never skipped over.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::ids::{JobUid, Lane, Seq, SourcePartition, Token};
use crate::offsets::Offsets;

/// The only format this version writes and reads.
pub const FORMAT: u32 = 1;

/// One part of a finished multipart upload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// 1-based.
    pub number: u32,
    pub etag: String,
    pub size_bytes: u64,
    /// Base64 of the part's CRC64NVME.
    pub crc64nvme: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileKind {
    Data,
    DeadLetter,
}

/// A finished, still invisible upload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileEntry {
    pub key: String,
    pub bucket: String,
    /// Written into the object's metadata at creation: HEAD shows whose object it is.
    pub token: Token,
    pub upload_id: String,
    pub parts: Vec<Part>,
    pub bytes: u64,
    pub records: u64,
    pub kind: FileKind,
    /// Of the job's timestamp source, ms since the epoch, both inclusive.
    pub min_timestamp_ms: i64,
    pub max_timestamp_ms: i64,
}

/// A file of the log: the `file`-th (0-based) of entry `seq`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileRef {
    pub seq: Seq,
    pub file: u32,
}

/// A file whose upload was gone before it became visible, uploaded again under the same key from the same offsets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rebuilt {
    pub seq: Seq,
    pub file: u32,
    /// 1 for the first rebuild.
    pub attempt: u32,
    pub token: Token,
    pub upload_id: String,
    pub parts: Vec<Part>,
    pub bytes: u64,
    /// Offsets of the file that Kafka no longer had: a declared loss, and not in the rebuilt object.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub missing: BTreeMap<SourcePartition, Offsets>,
}

impl Rebuilt {
    /// How many records it has less than the file it replaces.
    #[must_use]
    pub fn missing_records(&self) -> u64 {
        self.missing.values().map(Offsets::len).sum()
    }

    #[must_use]
    pub fn file_ref(&self) -> FileRef {
        FileRef { seq: self.seq, file: self.file }
    }
}

/// A file that can never be rebuilt: Kafka no longer has its offsets. A declared loss.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lost {
    pub seq: Seq,
    pub file: u32,
    pub reason: String,
}

impl Lost {
    #[must_use]
    pub fn file_ref(&self) -> FileRef {
        FileRef { seq: self.seq, file: self.file }
    }
}

/// Why offsets were passed over on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SkipReason {
    /// The topic's log starts above them: retention was shorter than the outage.
    Gap,
    /// An operator moved the job forward.
    Declared,
    /// Records without a value, by `decode.null_value: skip`.
    NullValue,
    /// By their headers: `decode.skip_with_header`, `decode.skip_without_header`.
    Filtered,
    /// Malformed records whose letters went to the dead-letter topic only, acknowledged before this entry.
    DeadLetterTopic,
    /// Below where the job begins in a topic that it met after it was created.
    BeforeOrigin,
}

impl SkipReason {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Gap => "gap",
            Self::Declared => "declared",
            Self::NullValue => "null_value",
            Self::Filtered => "filtered",
            Self::DeadLetterTopic => "dead_letter_topic",
            Self::BeforeOrigin => "before_origin",
        }
    }
}

/// Where a job begins: written in entry 0 and never changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Origins {
    /// The first offset (inclusive) the job wants of each partition known at creation. One that appears later begins at 0.
    pub start: BTreeMap<SourcePartition, u64>,
    pub bucket: String,
    pub lanes: u32,
    pub created_at_ms: i64,
}

/// One object of the log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    pub format: u32,
    pub job_uid: JobUid,
    /// Which version of the job's document the files were written under.
    pub config_version: u64,
    pub lane: Lane,
    pub seq: Seq,
    pub token: Token,
    /// Who appended it; for people, never for decisions.
    pub worker: String,
    pub written_at_ms: i64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<FileEntry>,
    /// The union of the files' offsets, by source partition.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub held: BTreeMap<SourcePartition, Offsets>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub skipped: BTreeMap<SourcePartition, BTreeMap<SkipReason, Offsets>>,
    /// Where the log has no record to give: outside the disjointness check.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub absent: BTreeMap<SourcePartition, Offsets>,
    /// How many dead letters this entry accounts for, in its files and to the topic, by reason. For people.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub dead_letters: BTreeMap<String, u64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub completed: Vec<FileRef>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rebuilt: Vec<Rebuilt>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lost: Vec<Lost>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub closing: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origins: Option<Origins>,
}

/// An entry that this version must not act on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadEntry {
    #[error(
        "an object of the commit log has format {found}, this version reads format {FORMAT}: a newer landfall wrote it; upgrade this process"
    )]
    UnknownFormat { found: u64 },
    #[error("an object of the commit log is damaged or not one of ours: {0}")]
    Malformed(String),
}

/// Reads an object of the log. The format is looked at before anything else: a newer one may have any other shape.
pub(crate) fn read_stored<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Result<T, BadEntry> {
    #[derive(Deserialize)]
    struct Envelope {
        format: u64,
    }
    let malformed = |e: serde_json::Error| BadEntry::Malformed(e.to_string());
    let envelope: Envelope = serde_json::from_slice(bytes).map_err(malformed)?;
    if envelope.format != u64::from(FORMAT) {
        return Err(BadEntry::UnknownFormat { found: envelope.format });
    }
    serde_json::from_slice(bytes).map_err(malformed)
}

impl Entry {
    /// An entry that claims nothing, at `seq`.
    #[must_use]
    pub fn empty(job_uid: JobUid, lane: Lane, seq: Seq, token: Token, worker: &str, written_at_ms: i64) -> Self {
        Self {
            format: FORMAT,
            job_uid,
            config_version: 0,
            lane,
            seq,
            token,
            worker: worker.to_owned(),
            written_at_ms,
            files: Vec::new(),
            held: BTreeMap::new(),
            skipped: BTreeMap::new(),
            absent: BTreeMap::new(),
            dead_letters: BTreeMap::new(),
            completed: Vec::new(),
            rebuilt: Vec::new(),
            lost: Vec::new(),
            closing: false,
            origins: None,
        }
    }

    /// The first entry of a lane, written when the job is created.
    #[must_use]
    pub fn zero(job_uid: JobUid, lane: Lane, token: Token, worker: &str, origins: Origins) -> Self {
        let written_at_ms = origins.created_at_ms;
        Self { origins: Some(origins), ..Self::empty(job_uid, lane, Seq(0), token, worker, written_at_ms) }
    }

    /// True when appending it would say nothing.
    #[must_use]
    pub fn says_nothing(&self) -> bool {
        self.files.is_empty()
            && self.skipped.is_empty()
            && self.absent.is_empty()
            && self.completed.is_empty()
            && self.rebuilt.is_empty()
            && self.lost.is_empty()
            && !self.closing
            && self.origins.is_none()
    }

    /// The bytes to PUT.
    pub fn to_json(&self) -> Result<Vec<u8>, BadEntry> {
        serde_json::to_vec(self).map_err(|e| BadEntry::Malformed(e.to_string()))
    }

    /// Reads an entry. An unknown format is told apart from damage, so that the message can say what to do.
    pub fn from_json(bytes: &[u8]) -> Result<Self, BadEntry> {
        read_stored(bytes)
    }

    /// Every offset the entry claims for itself (held and skipped): what the disjointness check is about.
    pub fn claimed(&self) -> impl Iterator<Item = (&SourcePartition, &Offsets)> {
        let skipped =
            self.skipped.iter().flat_map(|(partition, reasons)| reasons.values().map(move |set| (partition, set)));
        self.held.iter().chain(skipped)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn entry() -> Entry {
        Entry::empty("uid".into(), Lane(0), Seq(3), "t".into(), "w", 7)
    }

    #[test]
    fn an_unknown_format_is_told_apart_from_damage() {
        let mut json: serde_json::Value = serde_json::from_slice(&entry().to_json().unwrap()).unwrap();
        json["format"] = 2.into();
        json["something_new"] = true.into();
        let newer = serde_json::to_vec(&json).unwrap();
        assert_eq!(Entry::from_json(&newer), Err(BadEntry::UnknownFormat { found: 2 }));
        assert!(matches!(Entry::from_json(b"{\"format\":1}"), Err(BadEntry::Malformed(_))));
        assert!(matches!(Entry::from_json(b""), Err(BadEntry::Malformed(_))));
    }

    #[test]
    fn an_unknown_field_is_refused_not_skipped_over() {
        let mut json: serde_json::Value = serde_json::from_slice(&entry().to_json().unwrap()).unwrap();
        json["extra"] = 1.into();
        assert!(matches!(Entry::from_json(&serde_json::to_vec(&json).unwrap()), Err(BadEntry::Malformed(_))));
    }

    #[test]
    fn an_entry_reads_back_from_its_json() {
        let partition: SourcePartition = "main/bids/id/3".parse().unwrap();
        let part = Part { number: 1, etag: "e".into(), size_bytes: 9, crc64nvme: "c".into() };
        let mut full = entry();
        full.files.push(FileEntry {
            key: "k".into(),
            bucket: "b".into(),
            token: "ft".into(),
            upload_id: "u".into(),
            parts: vec![part.clone()],
            bytes: 9,
            records: 2,
            kind: FileKind::DeadLetter,
            min_timestamp_ms: 1,
            max_timestamp_ms: 2,
        });
        full.held.insert(partition.clone(), Offsets::from_range(0..2));
        full.skipped.insert(partition.clone(), BTreeMap::from([(SkipReason::Gap, Offsets::from_range(5..7))]));
        full.absent.insert(partition.clone(), Offsets::from_range(3..4));
        full.dead_letters.insert("malformed_json".into(), 2);
        full.completed.push(FileRef { seq: Seq(1), file: 0 });
        full.rebuilt.push(Rebuilt {
            seq: Seq(2),
            file: 1,
            attempt: 1,
            token: "r".into(),
            upload_id: "u2".into(),
            parts: vec![part],
            bytes: 9,
            missing: BTreeMap::from([(partition.clone(), Offsets::from_range(0..1))]),
        });
        full.lost.push(Lost { seq: Seq(2), file: 0, reason: "retention".into() });
        full.closing = true;
        assert_eq!(Entry::from_json(&full.to_json().unwrap()).unwrap(), full);
    }

    #[test]
    fn an_entry_says_something_as_soon_as_one_field_does() {
        let partition: SourcePartition = "main/bids/id/3".parse().unwrap();
        assert!(entry().says_nothing());
        // Letters and held offsets come with files or skips; alone they are nothing to append.
        let counted = Entry { dead_letters: BTreeMap::from([("encode".into(), 1)]), ..entry() };
        assert!(counted.says_nothing());
        let file = FileEntry {
            key: "k".into(),
            bucket: "b".into(),
            token: "t".into(),
            upload_id: "u".into(),
            parts: Vec::new(),
            bytes: 0,
            records: 0,
            kind: FileKind::Data,
            min_timestamp_ms: 0,
            max_timestamp_ms: 0,
        };
        let rebuilt = Rebuilt {
            seq: Seq(1),
            file: 2,
            attempt: 1,
            token: "t".into(),
            upload_id: "u".into(),
            parts: Vec::new(),
            bytes: 0,
            missing: BTreeMap::from([(partition.clone(), Offsets::from_range(3..7))]),
        };
        let lost = Lost { seq: Seq(4), file: 5, reason: "r".into() };
        assert_eq!((rebuilt.missing_records(), rebuilt.file_ref()), (4, FileRef { seq: Seq(1), file: 2 }));
        assert_eq!(lost.file_ref(), FileRef { seq: Seq(4), file: 5 });
        let origins = Origins { start: BTreeMap::new(), bucket: "b".into(), lanes: 1, created_at_ms: 9 };
        for saying in [
            Entry { files: vec![file], ..entry() },
            Entry { skipped: BTreeMap::from([(partition.clone(), BTreeMap::new())]), ..entry() },
            Entry { absent: BTreeMap::from([(partition.clone(), Offsets::new())]), ..entry() },
            Entry { completed: vec![FileRef { seq: Seq(1), file: 0 }], ..entry() },
            Entry { rebuilt: vec![rebuilt], ..entry() },
            Entry { lost: vec![lost], ..entry() },
            Entry { closing: true, ..entry() },
            Entry { origins: Some(origins.clone()), ..entry() },
        ] {
            assert!(!saying.says_nothing(), "{saying:?}");
        }
        let zero = Entry::zero("uid".into(), Lane(4), "t".into(), "api", origins);
        assert_eq!((zero.seq, zero.lane, zero.written_at_ms, zero.worker.as_str()), (Seq(0), Lane(4), 9, "api"));
    }

    #[test]
    fn an_entry_claims_what_it_holds_and_every_skip() {
        let at = |number: i32| format!("main/bids/id/{number}").parse::<SourcePartition>().unwrap();
        let mut claiming = entry();
        claiming.held.insert(at(0), Offsets::from_range(0..1));
        let reasons = [(SkipReason::Gap, Offsets::from_range(5..6)), (SkipReason::Declared, Offsets::from_range(7..8))];
        claiming.skipped.insert(at(1), BTreeMap::from(reasons));
        claiming.absent.insert(at(2), Offsets::from_range(9..10));
        let claims: Vec<String> = claiming.claimed().map(|(partition, set)| format!("{partition} {set:?}")).collect();
        assert_eq!(claims, ["main/bids/id/0 {0..1}", "main/bids/id/1 {5..6}", "main/bids/id/1 {7..8}"]);
    }

    #[test]
    fn a_reason_is_called_as_it_is_stored() {
        for reason in [
            SkipReason::Gap,
            SkipReason::Declared,
            SkipReason::NullValue,
            SkipReason::Filtered,
            SkipReason::DeadLetterTopic,
            SkipReason::BeforeOrigin,
        ] {
            assert_eq!(serde_json::to_value(reason).unwrap(), reason.as_str());
        }
    }
}
