//! The offsets of each single file of one entry, kept beside it: read only to rebuild a lost upload and to audit.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::entry::{BadEntry, FORMAT, read_stored};
use crate::ids::SourcePartition;
use crate::offsets::Offsets;

/// One map a file, in the order of the entry's `files`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileSets {
    pub format: u32,
    pub files: Vec<BTreeMap<SourcePartition, Offsets>>,
}

impl FileSets {
    #[must_use]
    pub fn new(files: Vec<BTreeMap<SourcePartition, Offsets>>) -> Self {
        Self { format: FORMAT, files }
    }

    /// JSON, to be compressed by whoever stores it.
    pub fn to_json(&self) -> Result<Vec<u8>, BadEntry> {
        serde_json::to_vec(self).map_err(|e| BadEntry::Malformed(e.to_string()))
    }

    pub fn from_json(bytes: &[u8]) -> Result<Self, BadEntry> {
        read_stored(bytes)
    }
}
