//! A job as the engine works by it: the specification of one version, compiled.

use std::collections::BTreeMap;
use std::sync::Arc;

use landfall_commit::{FileKind, Token};
use landfall_format::{Plan, PlanError};
use landfall_job::JobSpec;
use landfall_s3::ObjectOptions;

/// One version of a job. Files keep the plan they were opened under.
#[derive(Debug)]
pub struct JobPlan {
    pub spec: JobSpec,
    pub config_version: u64,
    pub format: Plan,
    /// Folder of the dead letters in the sink's bucket, ending in `/`.
    pub letters_prefix: Option<String>,
    /// True when no other attempt can have rendered the same key.
    pub unique_names: bool,
    /// Earlier versions of the document, by config version: a file is rebuilt by the one it was written under.
    earlier: Vec<(u64, JobSpec)>,
}

impl JobPlan {
    pub fn compile(spec: JobSpec, config_version: u64) -> Result<Self, PlanError> {
        let format = Plan::compile(&spec)?;
        let letters_prefix = spec.dead_letter_prefix();
        let unique_names = !spec.sink.key.is_deterministic_name();
        Ok(Self { spec, config_version, format, letters_prefix, unique_names, earlier: Vec::new() })
    }

    /// For a worker whose memory allows no record larger than `share_bytes`.
    #[must_use]
    pub fn within(self, share_bytes: u64) -> Self {
        Self { format: self.format.within(share_bytes), ..self }
    }

    /// Adds what the job was before.
    #[must_use]
    pub fn with_earlier(self, earlier: Vec<(u64, JobSpec)>) -> Self {
        Self { earlier, ..self }
    }

    /// The plan a file of this version was written under, to write it again: a record that one worker's memory allowed
    /// is allowed. The present document's for a version that is not known any more.
    ///
    /// # Errors
    /// The document does not compile under this build.
    pub fn of_version(&self, config_version: u64) -> Result<Arc<Self>, PlanError> {
        let earlier = self.earlier.iter().find(|(version, _)| *version == config_version);
        let (version, spec) = earlier.map_or((self.config_version, &self.spec), |(version, spec)| (*version, spec));
        let mut spec = spec.clone();
        // The file holds its records: none of them was filtered, whatever the document says of others by now.
        spec.decode.skip_with_header.clear();
        spec.decode.skip_without_header.clear();
        Self::compile(spec, version).map(Arc::new)
    }

    /// What an object is created with. The token is what HEAD tells our objects by. Metadata is fixed when the upload is
    /// created: `records` is known there for a file that was closed before its first part, and left out otherwise.
    #[must_use]
    pub fn object_options(&self, kind: FileKind, token: &Token, records: Option<u64>) -> ObjectOptions {
        let sink = &self.spec.sink;
        let content_type = match kind {
            FileKind::Data => self.format.content_type().to_owned(),
            FileKind::DeadLetter => LETTERS_CONTENT_TYPE.to_owned(),
        };
        let mut metadata = BTreeMap::from([
            ("landfall-job".to_owned(), self.spec.name.to_string()),
            (TOKEN_METADATA.to_owned(), token.to_string()),
        ]);
        if let Some(records) = records {
            metadata.insert("landfall-records".to_owned(), records.to_string());
        }
        ObjectOptions {
            content_type: Some(content_type),
            storage_class: sink.storage_class.as_ref().map(|class| class.as_str().to_owned()),
            sse: sink.sse.as_ref().map(|sse| sse.kind.as_str().to_owned()),
            sse_kms_key_id: sink.sse.as_ref().and_then(|sse| sse.kms_key_id.clone()),
            tags: sink.tags.clone(),
            metadata,
        }
    }
}

/// The metadata name of a file's token.
pub const TOKEN_METADATA: &str = "landfall-token";
/// Dead letters are JSON lines in zstd frames.
pub const LETTERS_EXT: &str = "jsonl.zst";
const LETTERS_CONTENT_TYPE: &str = "application/zstd";

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_the_job_says_of_its_objects_travels_with_every_upload() {
        let document = serde_json::json!({
            "name": "bids",
            "source": {"cluster": "main", "topics": ["bids"]},
            "sink": {"bucket": "lake", "storage_class": "STANDARD_IA", "tags": {"team": "ads"},
                     "sse": {"type": "aws:kms", "kms_key_id": "key-1"}},
        });
        let plan = JobPlan::compile(JobSpec::parse(&document.to_string()).unwrap(), 1).unwrap();
        for kind in [FileKind::Data, FileKind::DeadLetter] {
            let options = plan.object_options(kind, &Token("t1".to_owned()), Some(7));
            assert_eq!(options.storage_class.as_deref(), Some("STANDARD_IA"));
            assert_eq!((options.sse.as_deref(), options.sse_kms_key_id.as_deref()), (Some("aws:kms"), Some("key-1")));
            assert_eq!(options.tags, BTreeMap::from([("team".to_owned(), "ads".to_owned())]));
            let told = |name: &str| options.metadata.get(name).map(String::as_str);
            assert_eq!(
                (told("landfall-job"), told(TOKEN_METADATA), told("landfall-records")),
                (Some("bids"), Some("t1"), Some("7"))
            );
        }
    }
}
