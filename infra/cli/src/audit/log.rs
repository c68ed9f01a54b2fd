//! The whole log of a job: every entry and its sidecar, not a checkpoint, since a checkpoint is a conclusion.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context;
use futures::{StreamExt, TryStreamExt};
use landfall_commit::{Entry, FileSets, JobUid, Lane, Paths};
use landfall_s3::error::{ErrorKind, StoreError};
use landfall_s3::store::ListRequest;

use super::Target;
use super::evidence::LaneLog;

const READ_CONCURRENCY: usize = 16;
/// A sidecar of 200 files with a million scattered offsets is some MB.
const MAX_SIDECAR_BYTES: usize = 1 << 30;

/// Every lane of the job with this uid.
pub(super) async fn read(target: &Target, uid: &str) -> anyhow::Result<Vec<LaneLog>> {
    let mut lanes = Vec::new();
    for lane in (0..target.record.lanes).map(Lane) {
        let paths = Paths::new(&target.location.prefix, &JobUid::from(uid), lane);
        lanes.push(read_lane(target, lane, &paths).await?);
    }
    Ok(lanes)
}

async fn read_lane(target: &Target, lane: Lane, paths: &Paths) -> anyhow::Result<LaneLog> {
    let mut log = LaneLog { lane, ..LaneLog::default() };
    let keys: Vec<String> = keys(target, &paths.log_prefix()).await?;
    let entry_keys = keys.into_iter().filter(|key| paths.entry_seq(key).is_some());
    let mut reads = futures::stream::iter(entry_keys)
        .map(|key| async move {
            let body = target.store.get(&target.location.bucket, &key).await;
            (key, body)
        })
        .buffered(READ_CONCURRENCY);
    while let Some((key, body)) = reads.next().await {
        match Entry::from_json(&body?.body) {
            Ok(entry) => log.entries.push(entry),
            Err(bad) => log.damage.push(format!("{key}: {bad}")),
        }
    }
    drop(reads);
    let with_files = log.entries.iter().filter(|entry| !entry.files.is_empty());
    let sidecars: Vec<_> = with_files.map(|entry| (entry.seq, paths.sidecar(entry.seq, &entry.token))).collect();
    let mut reads = futures::stream::iter(sidecars)
        .map(|(seq, key)| async move {
            let sets = sidecar(target, &key).await;
            (seq, key, sets)
        })
        .buffered(READ_CONCURRENCY);
    let mut damage = Vec::new();
    while let Some((seq, key, sets)) = reads.next().await {
        match sets? {
            Ok(sets) => {
                log.sets.insert(seq, sets);
            }
            Err(problem) => damage.push(format!("{key}: {problem}; the files of entry {seq} cannot be rebuilt")),
        }
    }
    drop(reads);
    log.damage.extend(damage);
    Ok(log)
}

/// The outer error is the store's, the inner one what is wrong with the object.
async fn sidecar(target: &Target, key: &str) -> Result<Result<FileSets, String>, StoreError> {
    let body = match target.store.get(&target.location.bucket, key).await {
        Ok(object) => object.body,
        Err(error) if error.kind == ErrorKind::NoSuchKey => return Ok(Err("is gone".to_owned())),
        Err(error) => return Err(error),
    };
    let json = zstd::bulk::decompress(&body, MAX_SIDECAR_BYTES).or_else(|_| {
        // Written as a stream, the frame does not tell its size.
        let mut json = Vec::new();
        zstd::stream::copy_decode(body.as_ref(), &mut json).map(|()| json)
    });
    Ok(match json {
        Ok(json) => FileSets::from_json(&json).map_err(|bad| bad.to_string()),
        Err(error) => Err(format!("cannot be decompressed: {error}")),
    })
}

async fn keys(target: &Target, prefix: &str) -> Result<Vec<String>, StoreError> {
    let mut keys = Vec::new();
    let mut continuation = None;
    loop {
        let request = ListRequest {
            bucket: target.location.bucket.clone(),
            prefix: prefix.to_owned(),
            continuation,
            ..ListRequest::default()
        };
        let page = target.store.list(request).await?;
        keys.extend(page.objects.into_iter().map(|object| object.key));
        continuation = page.continuation;
        if continuation.is_none() {
            return Ok(keys);
        }
    }
}

/// Every token that another log under the state prefix names: other jobs', and older generations' of this one.
pub(super) async fn tokens_of_others(target: &Target) -> anyhow::Result<BTreeSet<String>> {
    let mut uids = BTreeSet::new();
    let mut continuation = None;
    loop {
        let request = ListRequest {
            bucket: target.location.bucket.clone(),
            prefix: target.location.prefix.clone(),
            delimiter: Some("/".to_owned()),
            continuation,
            ..ListRequest::default()
        };
        let page = target.store.list(request).await?;
        for folder in page.common_prefixes {
            let name = folder.strip_prefix(&target.location.prefix).unwrap_or(&folder).trim_end_matches('/');
            if !matches!(name, "jobs" | "workers" | "probe") && name != target.record.uid {
                uids.insert(name.to_owned());
            }
        }
        continuation = page.continuation;
        if continuation.is_none() {
            break;
        }
    }
    let tokens: BTreeMap<String, BTreeSet<String>> = futures::stream::iter(uids)
        .map(|uid| async move {
            let paths = Paths::new(&target.location.prefix, &JobUid::from(uid.as_str()), Lane(0));
            let tokens = tokens_of(target, &paths).await.with_context(|| format!("the log of {uid} cannot be read"))?;
            Ok::<_, anyhow::Error>((uid, tokens))
        })
        .buffer_unordered(4)
        .try_collect()
        .await?;
    Ok(tokens.into_values().flatten().collect())
}

async fn tokens_of(target: &Target, paths: &Paths) -> Result<BTreeSet<String>, StoreError> {
    let mut tokens = BTreeSet::new();
    for key in keys(target, &paths.log_prefix()).await? {
        if paths.entry_seq(&key).is_none() {
            continue;
        }
        let body = target.store.get(&target.location.bucket, &key).await?.body;
        // An entry that this version cannot read is that job's business.
        if let Ok(entry) = Entry::from_json(&body) {
            tokens.extend(entry.files.iter().map(|file| file.token.to_string()));
            tokens.extend(entry.rebuilt.iter().map(|rebuilt| rebuilt.token.to_string()));
        }
    }
    Ok(tokens)
}
