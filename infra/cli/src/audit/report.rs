//! What an audit found, as scripts and people read it. Offsets are exclusive but for `origin` and `log_start`.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::output::{bytes, grouped, or_dash, table};

/// What kind of thing does not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    /// Records that are in no visible object although the log accounts for them.
    Missing,
    /// Records that are visible or claimed twice.
    Doubled,
    /// An object where or like one of the job's that the log does not name.
    Foreign,
    /// An object whose size or number of records is not what the log says.
    WrongContent,
    /// A file of the log that is not visible yet.
    Uncompleted,
    /// An open upload that nobody will complete.
    OrphanUpload,
    /// Kafka's committed offset is beyond what is visible.
    CommittedAhead,
    /// The topic's offsets do not fit the log.
    Source,
    /// The log itself does not fit together.
    Log,
    /// The generator's count and the audit's do not agree.
    Tally,
}

impl Kind {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Doubled => "doubled",
            Self::Foreign => "foreign",
            Self::WrongContent => "wrong content",
            Self::Uncompleted => "uncompleted",
            Self::OrphanUpload => "orphan upload",
            Self::CommittedAhead => "committed ahead",
            Self::Source => "source",
            Self::Log => "log",
            Self::Tally => "tally",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Finding {
    pub(crate) kind: Kind,
    pub(crate) what: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key: Option<String>,
    /// How many records are concerned, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) records: Option<u64>,
}

/// Every record of the log, by where it is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub(crate) struct Tally {
    /// Visible in data objects.
    pub(crate) landed: u64,
    pub(crate) objects: u64,
    pub(crate) bytes: u64,
    /// Visible in dead-letter objects.
    pub(crate) dead_letters: u64,
    pub(crate) dead_letter_objects: u64,
    /// Passed over, by declared reason.
    pub(crate) skipped: BTreeMap<&'static str, u64>,
    /// Offsets that hold no record.
    pub(crate) absent: u64,
    /// Declared lost.
    pub(crate) lost: u64,
    pub(crate) missing: u64,
    pub(crate) doubled: u64,
    /// In Kafka and not in the log: still to be landed.
    pub(crate) unlanded: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct PartitionRow {
    pub(crate) partition: String,
    pub(crate) origin: u64,
    /// Everything below it is accounted for.
    pub(crate) landed: u64,
    /// Everything below it is visible.
    pub(crate) visible: u64,
    pub(crate) committed: Option<u64>,
    pub(crate) log_start: Option<u64>,
    pub(crate) end: Option<u64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Report {
    pub(crate) job: String,
    pub(crate) uid: String,
    pub(crate) generation: u32,
    pub(crate) clean: bool,
    pub(crate) findings: Vec<Finding>,
    pub(crate) tally: Tally,
    pub(crate) partitions: Vec<PartitionRow>,
    pub(crate) entries: u64,
    /// True when every object was read.
    pub(crate) deep: bool,
    /// Objects under the job's prefixes that are none of its business.
    pub(crate) other_objects: u64,
    /// Uploads under the job's prefixes that are open and not old; `None` where the store does not tell.
    pub(crate) open_uploads: Option<u64>,
}

impl Report {
    /// Nothing was seen, nothing found.
    pub(crate) fn empty() -> Self {
        Self {
            job: String::new(),
            uid: String::new(),
            generation: 1,
            clean: true,
            findings: Vec::new(),
            tally: Tally::default(),
            partitions: Vec::new(),
            entries: 0,
            deep: false,
            other_objects: 0,
            open_uploads: None,
        }
    }

    pub(crate) fn add(&mut self, finding: Finding) {
        self.clean = false;
        self.findings.push(finding);
    }

    pub(crate) fn told(&self) -> String {
        let mut text = format!(
            "job {} (uid {}, generation {}), {} entries\n\n",
            self.job,
            self.uid,
            self.generation,
            grouped(self.entries)
        );
        let rows = self.partitions.iter().map(|row| {
            vec![
                row.partition.clone(),
                row.origin.to_string(),
                row.landed.to_string(),
                row.visible.to_string(),
                or_dash(row.committed),
                or_dash(row.log_start),
                or_dash(row.end),
            ]
        });
        text.push_str(&table(&["partition", "origin", "landed", "visible", "committed", "log start", "end"], rows));
        text.push('\n');
        text.push_str(&self.tally_lines());
        text.push('\n');
        text.push_str(&self.verdict());
        text
    }

    pub(crate) fn tally_lines(&self) -> String {
        let tally = &self.tally;
        let mut lines = vec![
            format!(
                "landed        {} records in {} objects, {}",
                grouped(tally.landed),
                grouped(tally.objects),
                bytes(tally.bytes)
            ),
            format!(
                "dead letters  {} records in {} objects",
                grouped(tally.dead_letters),
                grouped(tally.dead_letter_objects)
            ),
        ];
        for (reason, count) in &tally.skipped {
            lines.push(format!("skipped       {} records: {reason}", grouped(*count)));
        }
        for (name, count) in [("absent", tally.absent), ("lost", tally.lost), ("unlanded", tally.unlanded)] {
            if count > 0 {
                lines.push(format!("{name:<13} {} offsets", grouped(count)));
            }
        }
        lines.push(format!("missing       {}", grouped(tally.missing)));
        lines.push(format!("doubled       {}", grouped(tally.doubled)));
        if self.other_objects > 0 {
            lines.push(format!("others        {} objects of somebody else", grouped(self.other_objects)));
        }
        match self.open_uploads {
            Some(0) => {}
            Some(count) => lines.push(format!("uploads       {} open", grouped(count))),
            None => lines.push("uploads       this store does not list them".to_owned()),
        }
        lines.join("\n") + "\n"
    }

    pub(crate) fn verdict(&self) -> String {
        if self.findings.is_empty() {
            return "audit: clean\n".to_owned();
        }
        let mut lines = vec![format!("audit: {} findings", self.findings.len())];
        lines.extend(self.findings.iter().map(|finding| format!("  {}: {}", finding.kind.word(), finding.what)));
        lines.join("\n") + "\n"
    }
}
