//! Where the fleet keeps its own objects: jobs, commit logs, heartbeats.

use landfall_job::names::bucket_name;
use landfall_job::reader::{Field, FromNode, Refusal, Section, Table};
use serde::Serialize;

/// Where the fleet keeps its own objects.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StateConfig {
    /// The bucket.
    pub bucket: String,
    /// A folder in it, relative and ending in `/`.
    pub prefix: String,
}

pub(crate) static TABLE: Table = Table {
    fields: &[
        Field::required("bucket", "the name of a bucket", "the bucket for jobs, commit logs and heartbeats"),
        Field::preset("prefix", "folder that ends in `/`", "_landfall/", "the folder in it, for this fleet alone"),
    ],
    refused: &[],
};

impl StateConfig {
    pub(crate) fn read(mut section: Section<'_>) -> Option<Self> {
        let bucket = section.read_with("bucket", bucket_name);
        let prefix = section.read_with("prefix", |node| {
            let text = String::from_node(node)?;
            check_prefix(&text).map(|()| text)
        });
        section.finish();
        Some(Self { bucket: bucket?, prefix: prefix? })
    }
}

fn check_prefix(text: &str) -> Result<(), Refusal> {
    const FIX: &str = "write a folder such as _landfall/";
    let Some(folder) = text.strip_suffix('/') else { return Err(Refusal::new("does not end in /", FIX)) };
    if folder.split('/').any(|segment| matches!(segment, "" | "." | "..")) {
        return Err(Refusal::new("begins with / or has an empty segment, . or ..", FIX));
    }
    let allowed = |c: char| c.is_ascii_alphanumeric() || "/!-_.*'()=+@".contains(c);
    match text.len() <= 200 && text.chars().all(allowed) {
        true => Ok(()),
        false => Err(Refusal::new("is longer than 200 bytes or has odd characters", FIX)),
    }
}
