//! The job's document, its record and entry zero of its log, as the API writes them.

use std::sync::Arc;

use anyhow::Context;
use jiff::Timestamp;
use landfall_commit::{Origins, SourcePartition};
use landfall_job::JobSpec;
use landfall_s3::{SharedStore, SystemTimer};
use landfall_store::record::{Desired, End, JobRecord, Origin, RECORD_FORMAT};
use landfall_store::{JobStore, LogStore, StateLocation};
use serde_json::{Value, json};

use super::{Compression, Format, LandArgs};
use crate::place::{BUCKET, Topic};
use crate::shape::Shape;

pub const CLUSTER: &str = "main";
const NAME: &str = "bench";

/// Objects of the job lie below it, and nothing else.
pub fn prefix(uid: &str) -> String {
    format!("data/{uid}/")
}

/// The document of a job, read as a worker reads it.
pub fn spec(format: Format, compression: Compression, shape: Shape, by_campaign: bool) -> anyhow::Result<JobSpec> {
    let args = LandArgs {
        topic: "bids".to_owned(),
        format,
        compression,
        shape,
        by_campaign,
        memory_mib: 0,
        scratch: None,
        within: 0,
    };
    JobSpec::parse(&document(&args, "0").to_string()).context("the job's document")
}

fn document(args: &LandArgs, uid: &str) -> Value {
    let key = if args.by_campaign {
        "campaign={field:campaign}/{unique}.{ext}"
    } else {
        "{topic}/dt={timestamp:%Y-%m-%d}/hour={timestamp:%H}/{topic}+{partition}+{first_offset}-{unique}.{ext}"
    };
    let mut sink = json!({"bucket": BUCKET, "key": format!("{}{key}", prefix(uid))});
    match args.format {
        Format::Jsonl => sink["compression"] = args.compression.name().into(),
        Format::Parquet => {
            let column = |(name, kind, path): &(&str, &str, Option<&str>)| match path {
                Some(path) => json!({"name": name, "type": kind, "path": path}),
                None => json!({"name": name, "type": kind}),
            };
            sink["format"] = "parquet".into();
            sink["columns"] = args.shape.columns().iter().map(column).collect();
        }
    }
    json!({
        "name": NAME,
        "source": {"cluster": CLUSTER, "topics": [args.topic], "start": "earliest", "stop": "end",
                   "group": format!("landfall-bench-{uid}")},
        "sink": sink,
    })
}

/// Creates the job over what is in the topic now.
pub async fn create(
    store: &SharedStore,
    state: &StateLocation,
    uid: &str,
    args: &LandArgs,
    topic: &Topic,
) -> anyhow::Result<JobRecord> {
    let spec = JobSpec::parse(&document(args, uid).to_string()).context("the job's document")?;
    let now = Timestamp::now();
    let origins = topic.partitions.iter().map(|(partition, start, _)| Origin {
        cluster: CLUSTER.to_owned(),
        topic: partition.topic.to_string(),
        topic_id: topic.id.clone(),
        partition: partition.partition,
        start_offset: *start,
    });
    let ends = topic.partitions.iter().map(|(partition, _, end)| End {
        cluster: CLUSTER.to_owned(),
        topic: partition.topic.to_string(),
        partition: partition.partition,
        end_offset: *end,
    });
    let record = JobRecord {
        format: RECORD_FORMAT,
        name: NAME.to_owned(),
        uid: uid.to_owned(),
        generation: 1,
        config_version: 1,
        spec,
        earlier: Vec::new(),
        desired: Desired::Running,
        restarts: 0,
        origins: origins.collect(),
        ends: Some(ends.collect()),
        lanes: 1,
        created_at: now,
        changed_at: now,
        changed_by: "bench".to_owned(),
        failed: None,
        finished_at: None,
        closed: false,
        idempotency: None,
        connector: None,
        events: Vec::new(),
        write_token: String::new(),
    };
    let mut start = std::collections::BTreeMap::new();
    for (partition, first, _) in &topic.partitions {
        let source = SourcePartition {
            cluster: CLUSTER.to_owned(),
            topic: partition.topic.to_string(),
            topic_id: topic.id.clone().unwrap_or_default(),
            partition: partition.partition,
        };
        start.insert(source, u64::try_from(*first)?);
    }
    let origins = Origins { start, bucket: BUCKET.to_owned(), lanes: 1, created_at_ms: now.as_millisecond() };
    let log = LogStore::new(Arc::clone(store), state.clone(), Arc::new(SystemTimer), "bench".to_owned());
    log.write_origins(&record, &origins).await?;
    let jobs = JobStore::new(Arc::clone(store), state.clone(), Arc::new(SystemTimer));
    Ok(jobs.create(record, None).await?.record)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn args(format: Format, compression: Compression, by_campaign: bool) -> LandArgs {
        LandArgs {
            topic: "t".to_owned(),
            format,
            compression,
            shape: Shape::Bid,
            by_campaign,
            memory_mib: 512,
            scratch: None,
            within: 1,
        }
    }

    #[test]
    fn each_document_is_a_job() {
        for by_campaign in [false, true] {
            for compression in [Compression::None, Compression::Zstd, Compression::Gzip] {
                let args = args(Format::Jsonl, compression, by_campaign);
                let spec = JobSpec::parse(&document(&args, "0").to_string()).unwrap();
                assert_eq!(spec.sink.compression.as_str(), compression.name());
            }
        }
        let args = args(Format::Parquet, Compression::Zstd, false);
        let spec = JobSpec::parse(&document(&args, "0").to_string()).unwrap();
        assert_eq!(spec.sink.columns.len(), Shape::Bid.columns().len());
    }
}
