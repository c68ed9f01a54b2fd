//! Reading the log: every entry and its sidecar, not a checkpoint, since a checkpoint is a conclusion. Entries stream
//! through the ledger; at most [`READ_CONCURRENCY`] of them are in memory at once.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context;
use futures::StreamExt;
use landfall_commit::entry::BadEntry;
use landfall_commit::{Entry, FileSets, JobUid, Lane, Paths, Seq, Token};
use landfall_s3::error::{ErrorKind, StoreError};
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use super::Target;
use super::ledger::{EntrySeen, SidecarSeen, Slot};
use super::requests::Counted;

pub(super) const READ_CONCURRENCY: usize = 16;
/// A sidecar of 200 files with a million scattered offsets is some MB.
const MAX_SIDECAR_BYTES: u64 = 1 << 30;

/// ETag (without quotes) and bytes.
pub(super) type Mark = (Box<str>, u64);

/// What is listed at one number of a lane.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Listed {
    pub(super) entry: Option<Mark>,
    /// By the tokens in their names; an append that lost leaves its own behind.
    pub(super) sidecars: Vec<(Box<str>, Mark)>,
}

/// What is listed of one lane.
#[derive(Debug, Clone, Default)]
pub(super) struct LaneListing {
    pub(super) slots: BTreeMap<u64, Listed>,
    /// The last entry that the newest checkpoint has folded.
    pub(super) checkpoint: Option<Seq>,
}

impl LaneListing {
    /// The number of the last entry.
    pub(super) fn last(&self) -> Option<u64> {
        self.slots.iter().rev().find(|(_, listed)| listed.entry.is_some()).map(|(seq, _)| *seq)
    }
}

pub(super) fn paths(target: &Target, lane: Lane) -> Paths {
    Paths::new(&target.location.prefix, &JobUid::from(target.record.uid.as_str()), lane)
}

pub(super) async fn list(target: &Target, store: &Counted, lane: Lane) -> Result<LaneListing, StoreError> {
    let paths = paths(target, lane);
    let bucket = &target.location.bucket;
    // Before the log: what it has folded by then is listed after it.
    let newest = store.first(bucket, &paths.checkpoint_prefix()).await?;
    let checkpoint = newest.and_then(|object| paths.checkpoint_seq(&object.key));
    let mut listing = LaneListing { checkpoint, ..LaneListing::default() };
    let prefix = paths.log_prefix();
    let mut pages = store.pages(bucket, &prefix);
    while let Some(page) = pages.next().await? {
        for object in page {
            let mark: Mark = (object.etag.trim_matches('"').into(), object.size_bytes);
            if let Some(seq) = paths.entry_seq(&object.key) {
                listing.slots.entry(seq.0).or_default().entry = Some(mark);
            } else if let Some((seq, token)) = sidecar_name(&prefix, &object.key) {
                listing.slots.entry(seq).or_default().sidecars.push((token.into(), mark));
            }
        }
    }
    Ok(listing)
}

/// `<seq, 20 digits>-<token>.sets.zst`.
fn sidecar_name<'k>(prefix: &str, key: &'k str) -> Option<(u64, &'k str)> {
    let (digits, token) = key.strip_prefix(prefix)?.strip_suffix(".sets.zst")?.split_once('-')?;
    (digits.len() == 20).then_some(())?;
    Some((digits.parse().ok()?, token))
}

/// Reads what lies at one number. `wanted`: whether the sidecar of this entry is of interest.
pub(super) async fn slot(
    target: &Target,
    store: &Counted,
    lane: Lane,
    seq: u64,
    listed: &Listed,
    wanted: impl Fn(&Entry) -> bool,
) -> anyhow::Result<Slot> {
    let paths = paths(target, lane);
    let seq = Seq(seq);
    // Asked for although it was not listed: a page of the listing may have been older than the next one.
    let entry = match store.get(&target.location.bucket, &paths.entry(seq)).await {
        Ok(object) => match Entry::from_json(&object.body) {
            Ok(entry) => EntrySeen::There(Box::new(entry)),
            // No damage: a newer version wrote it, and this one cannot judge it.
            Err(bad @ BadEntry::UnknownFormat { .. }) => return Err(bad).context(format!("entry {seq}")),
            Err(bad) => EntrySeen::Unreadable(bad.to_string()),
        },
        Err(error) if error.kind == ErrorKind::NoSuchKey => EntrySeen::Gone,
        Err(error) => return Err(error.into()),
    };
    let token = match &entry {
        EntrySeen::There(entry) if !entry.files.is_empty() && wanted(entry) => Some(entry.token.clone()),
        EntrySeen::There(_) => None,
        // Its token is not known; a single sidecar is its own, of several only one is.
        EntrySeen::Unreadable(_) | EntrySeen::Gone => match listed.sidecars.as_slice() {
            [(token, _)] => Some(Token::from(&**token)),
            _ => None,
        },
    };
    let sidecar = match token {
        Some(token) => sidecar(target, store, lane, seq, &token).await?,
        None => SidecarSeen::NotWanted,
    };
    Ok(Slot { seq, entry, sidecar })
}

/// The offsets of each file of an entry.
pub(super) async fn sidecar(
    target: &Target,
    store: &Counted,
    lane: Lane,
    seq: Seq,
    token: &Token,
) -> Result<SidecarSeen, StoreError> {
    let key = paths(target, lane).sidecar(seq, token);
    let body = match store.get(&target.location.bucket, &key).await {
        Ok(object) => object.body,
        Err(error) if error.kind == ErrorKind::NoSuchKey => return Ok(SidecarSeen::Bad("is gone".to_owned())),
        Err(error) => return Err(error),
    };
    let json = zstd::stream::Decoder::new(body.as_ref()).and_then(|decoder| {
        let mut json = Vec::new();
        std::io::Read::read_to_end(&mut std::io::Read::take(decoder, MAX_SIDECAR_BYTES), &mut json).map(|_| json)
    });
    Ok(match json {
        Ok(json) => match FileSets::from_json(&json) {
            Ok(sets) => SidecarSeen::There(sets),
            Err(bad) => SidecarSeen::Bad(format!("cannot be read: {bad}")),
        },
        Err(error) => SidecarSeen::Bad(format!("cannot be decompressed: {error}")),
    })
}

/// Which of the tokens another log under the state prefix names: other jobs', and older generations' of this one. Reads
/// no further once all are found, or the audit is cancelled.
pub(super) async fn tokens_of_others(
    target: &Target,
    store: &Counted,
    mut tokens: BTreeSet<String>,
    cancel: &CancellationToken,
) -> anyhow::Result<BTreeSet<String>> {
    let mut uids = BTreeSet::new();
    for folder in store.folders(&target.location.bucket, &target.location.prefix).await? {
        let name = folder.strip_prefix(&target.location.prefix).unwrap_or(&folder).trim_end_matches('/');
        if !matches!(name, "jobs" | "workers" | "probe") && name != target.record.uid {
            uids.insert(name.to_owned());
        }
    }
    let wanted = tokens.clone();
    for uid in uids {
        if tokens.is_empty() || cancel.is_cancelled() {
            break;
        }
        let paths = Paths::new(&target.location.prefix, &JobUid::from(uid.as_str()), Lane(0));
        let searched = search(target, store, &paths, &mut tokens, cancel).await;
        searched.with_context(|| format!("the log of {uid} cannot be read"))?;
    }
    Ok(&wanted - &tokens)
}

/// Takes from the tokens those that this log names.
async fn search(
    target: &Target,
    store: &Counted,
    paths: &Paths,
    tokens: &mut BTreeSet<String>,
    cancel: &CancellationToken,
) -> Result<(), StoreError> {
    let bucket = &target.location.bucket;
    let prefix = paths.log_prefix();
    let mut pages = store.pages(bucket, &prefix);
    while let Some(page) = pages.next().await? {
        let keys = page.into_iter().map(|object| object.key).filter(|key| paths.entry_seq(key).is_some());
        let mut reads = futures::stream::iter(keys)
            .map(|key| async move { store.get(bucket, &key).await })
            .buffer_unordered(READ_CONCURRENCY);
        while let Some(read) = reads.next().await {
            // An entry that this version cannot read is that job's business.
            if let Ok(entry) = Entry::from_json(&read?.body) {
                let of_files = entry.files.iter().map(|file| &file.token);
                for token in of_files.chain(entry.rebuilt.iter().map(|rebuilt| &rebuilt.token)) {
                    tokens.remove(token.as_str());
                }
            }
            if tokens.is_empty() || cancel.is_cancelled() {
                return Ok(());
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::sidecar_name;

    #[test]
    fn a_sidecar_is_told_from_everything_else_under_the_log() {
        let name = "log/0/00000000000000000012-a-b.sets.zst";
        assert_eq!(sidecar_name("log/0/", name), Some((12, "a-b")));
        for other in ["log/0/00000000000000000012.json", "log/0/12-a.sets.zst", "elsewhere"] {
            assert_eq!(sidecar_name("log/0/", other), None, "{other}");
        }
    }
}
