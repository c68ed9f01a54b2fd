//! Rules between the fields of the sink, each judged on the fields that could be read: a mistake in one does not hide
//! those of the others.

use std::collections::BTreeSet;

use super::sink_words::{Compression, EnvelopeField, REST_COLUMN, Rest, SinkFormat};
use crate::column::Column;
use crate::reader::{Node, Refusal, Section};

/// What of the sink could be read; `None` where there was a mistake.
pub(super) struct Draft<'a> {
    pub(super) format: Option<SinkFormat>,
    pub(super) compression: Option<Compression>,
    pub(super) extension: Option<&'a str>,
    pub(super) rest: Option<Option<Rest>>,
    pub(super) columns: &'a [Option<Column>],
    pub(super) envelope: Option<&'a [EnvelopeField]>,
}

impl Draft<'_> {
    pub(super) fn check(&self, section: &Section<'_>) {
        match self.format {
            Some(SinkFormat::Jsonl) => self.lines(section),
            Some(SinkFormat::Parquet) => self.columns(section),
            None => {}
        }
        self.envelope(section);
        self.suffix(section);
    }

    /// Whoever reads a file trusts its suffix.
    fn suffix(&self, section: &Section<'_>) {
        let (Some(format), Some(compression), Some(extension)) = (self.format, self.compression, self.extension) else {
            return;
        };
        let wanted = match (format, compression) {
            (SinkFormat::Parquet, _) => Some("parquet"),
            (SinkFormat::Jsonl, Compression::Gzip) => Some("gz"),
            (SinkFormat::Jsonl, Compression::Zstd) => Some("zst"),
            (SinkFormat::Jsonl, _) => None,
        };
        let last = extension.rsplit('.').next().unwrap_or_default();
        let told = ["parquet", "gz", "zst"].into_iter().find(|suffix| *suffix == last);
        if told != wanted {
            let fix = match wanted {
                Some(wanted) => format!("let it end in {wanted}, or leave it out"),
                None => "write another, such as json, or leave it out".to_owned(),
            };
            let problem = format!("does not tell what is in a file of {format} with compression {compression}");
            section.refuse("extension", &Node::Text(extension.to_owned()), Refusal::new(problem, fix));
        }
    }

    fn lines(&self, section: &Section<'_>) {
        for name in ["columns", "rest"].into_iter().filter(|name| section.has(name)) {
            section.conflict(name, "has no meaning with format: jsonl", "write format: parquet, or leave it out");
        }
        if let Some(later @ (Compression::Snappy | Compression::Lz4)) = self.compression {
            let refusal = Refusal::new("is not supported yet with format: jsonl", "write none, gzip or zstd");
            section.refuse("compression", &Node::Text(later.as_str().to_owned()), refusal);
        }
    }

    fn columns(&self, section: &Section<'_>) {
        if !section.has("columns") || section.is_empty_list("columns") {
            let fix = "write columns: [{name: id, type: int64}], one for each field of the record";
            section.conflict("columns", "is missing, and format: parquet needs it", fix);
        }
        if self.columns.len() > 2_000 {
            section.conflict("columns", "has more than 2000 columns", "use json columns for the rare fields");
        }
        let envelope = self.envelope.unwrap_or_default().iter().map(|field| field.column_name());
        let rest = matches!(self.rest, Some(None | Some(Rest::Column))).then_some(REST_COLUMN);
        let mut taken: BTreeSet<String> = envelope.chain(rest).map(str::to_owned).collect();
        for (at, column) in self.columns.iter().enumerate() {
            let Some(column) = column else { continue };
            if !taken.insert(column.name.to_lowercase()) {
                let fix = "rename one, query engines ignore upper and lower case";
                let path = section.path_of(&format!("columns[{at}].name"));
                let refusal = Refusal::new("is the name of another column", fix);
                section.refuse_at(path, &Node::Text(column.name.clone()), refusal);
            }
        }
    }

    fn envelope(&self, section: &Section<'_>) {
        let mut seen = BTreeSet::new();
        for field in self.envelope.unwrap_or_default().iter().filter(|field| !seen.insert(**field)) {
            section.conflict("envelope", &format!("names {field} twice"), "name each field once");
        }
    }
}
