//! Reading objects back, several at once, within a bound of bytes: what is in memory is at most [`READ_MEMORY_KIB`], or
//! one object where that alone is larger.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context;
use futures::{StreamExt, TryStreamExt};
use landfall_commit::{FileKind, FileSets, Lane, Offsets, Seq, SourcePartition, Token};
use landfall_job::{EnvelopeField, JobSpec};
use landfall_s3::error::{ErrorKind, StoreError};
use tokio::sync::{OnceCell, Semaphore};
use tokio_util::sync::CancellationToken;

use super::Target;
use super::content::{self, Checked, Told};
use super::ledger::SidecarSeen;
use super::log;
use super::objects::{Visible, visible};
use super::requests::Counted;
use super::rows::FileRow;

/// Bodies at work at once, in KiB.
const READ_MEMORY_KIB: u32 = 256 << 10;
/// Sidecars kept: files of one entry are read one after another.
const SIDECARS_KEPT: usize = 32;

/// What became of reading one object.
#[derive(Debug)]
pub(super) enum Read {
    /// `attempt` is the one whose token the object carries.
    Checked {
        visible: Visible,
        attempt: u32,
        checked: Checked,
    },
    /// It carries a token that is not the file's.
    Overwritten(Visible),
    Gone,
    /// The store's client does not read objects of this size.
    TooLarge(String),
}

/// Asked for once, by whichever file of the entry comes first; `None` where it cannot be read.
type Sidecar = OnceCell<Option<Arc<FileSets>>>;

/// What the readers share.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    target: &'a Target,
    store: &'a Counted,
    memory: Semaphore,
    sidecars: Mutex<BTreeMap<(u32, u64), Arc<Sidecar>>>,
    told: BTreeMap<u64, Told>,
    /// Lane and number of entries whose sidecar is a finding already.
    untrusted: &'a BTreeSet<(u32, u64)>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(target: &'a Target, store: &'a Counted, untrusted: &'a BTreeSet<(u32, u64)>) -> Self {
        let record = &target.record;
        let mut told: BTreeMap<u64, Told> =
            record.earlier_specs().into_iter().map(|(version, spec)| (version, envelope(&spec))).collect();
        told.insert(record.config_version, envelope(&record.spec));
        Self {
            target,
            store,
            memory: Semaphore::new(usize::try_from(READ_MEMORY_KIB).unwrap_or(usize::MAX)),
            sidecars: Mutex::new(BTreeMap::new()),
            told,
            untrusted,
        }
    }

    /// Reads the objects of these files, each with its length by HEAD, as far as the audit gets before it is cancelled.
    pub(super) async fn read_all<'r, Id: Copy>(
        &self,
        rows: impl Iterator<Item = (Id, &'r FileRow, u64)>,
        parallel: usize,
        cancel: &CancellationToken,
    ) -> anyhow::Result<Vec<(Id, Read)>> {
        futures::stream::iter(rows)
            .map(|(id, row, length_bytes)| async move { self.read(row, length_bytes).await.map(|read| (id, read)) })
            .buffer_unordered(parallel)
            .take_until(cancel.cancelled())
            .try_collect()
            .await
    }

    async fn read(&self, row: &FileRow, length_bytes: u64) -> anyhow::Result<Read> {
        let sets = self.sets(row).await?;
        let _room =
            self.memory.acquire_many(room_kib(row, length_bytes)).await.context("the room for bodies is closed")?;
        let object = match self.store.get(&row.bucket, &row.key).await {
            Ok(object) => object,
            Err(error) if error.kind == ErrorKind::NoSuchKey => return Ok(Read::Gone),
            Err(error) if error.code == "EntityTooLarge" => return Ok(Read::TooLarge(error.message)),
            Err(error) => return Err(error.into()),
        };
        let seen = visible(&object.head);
        let Some((number, attempt)) =
            row.attempt_of(seen.token.as_deref()).and_then(|number| Some((number, row.attempt(number)?.clone())))
        else {
            return Ok(Read::Overwritten(seen));
        };
        let (key, told) = (row.key.clone(), self.told_of(row));
        let index = usize::try_from(row.file).unwrap_or(usize::MAX);
        let checking = tokio::task::spawn_blocking(move || {
            let own = sets.as_ref().and_then(|sets| sets.files.get(index));
            content::check(&key, &object.body, &attempt, told, own)
        });
        let checked = checking.await.context("reading an object ended badly")?;
        Ok(Read::Checked { visible: seen, attempt: number, checked })
    }

    fn told_of(&self, row: &FileRow) -> Told {
        match row.kind {
            // A letter names its topic, partition and offset.
            FileKind::DeadLetter => Told::ByEnvelope { topic: true },
            FileKind::Data => self.told.get(&row.config_version).copied().unwrap_or(Told::Not),
        }
    }

    /// The sidecar of the file's entry, where the object has something to compare with it. One that cannot be read is a
    /// finding of the log.
    async fn sets(&self, row: &FileRow) -> anyhow::Result<Option<Arc<FileSets>>> {
        if self.told_of(row) == Told::Not || self.untrusted.contains(&(row.lane, row.seq)) {
            return Ok(None);
        }
        let sidecar = {
            let mut kept = self.sidecars.lock().unwrap_or_else(PoisonError::into_inner);
            while kept.len() >= SIDECARS_KEPT {
                kept.pop_first();
            }
            Arc::clone(kept.entry((row.lane, row.seq)).or_default())
        };
        let read = || async {
            let token = Token::from(&*row.entry_token);
            let read = log::sidecar(self.target, self.store, Lane(row.lane), Seq(row.seq), &token).await?;
            let sets = match read {
                SidecarSeen::There(sets) => Some(Arc::new(sets)),
                SidecarSeen::NotWanted | SidecarSeen::Bad(_) => None,
            };
            Ok::<_, StoreError>(sets)
        };
        Ok(sidecar.get_or_try_init(read).await?.clone())
    }
}

/// What the body takes of [`READ_MEMORY_KIB`]: an object that is not the log's may be longer than the log says.
fn room_kib(row: &FileRow, length_bytes: u64) -> u32 {
    let told_bytes = row.attempts.iter().map(|attempt| attempt.bytes).max().unwrap_or(0);
    let room_kib = u32::try_from(u64::max(told_bytes, length_bytes).div_ceil(1 << 10)).unwrap_or(u32::MAX);
    room_kib.clamp(1, READ_MEMORY_KIB)
}

/// The file's own offsets, for a finding.
pub(super) async fn offsets_of(
    target: &Target,
    store: &Counted,
    row: &FileRow,
) -> anyhow::Result<BTreeMap<SourcePartition, Offsets>> {
    let token = Token::from(&*row.entry_token);
    let read = log::sidecar(target, store, Lane(row.lane), Seq(row.seq), &token).await?;
    let SidecarSeen::There(sets) = read else { return Ok(BTreeMap::new()) };
    let index = usize::try_from(row.file).unwrap_or(usize::MAX);
    Ok(sets.files.into_iter().nth(index).unwrap_or_default())
}

fn envelope(spec: &JobSpec) -> Told {
    let has = |field: EnvelopeField| spec.sink.envelope.contains(&field);
    match has(EnvelopeField::Partition) && has(EnvelopeField::Offset) {
        true => Told::ByEnvelope { topic: has(EnvelopeField::Topic) },
        false => Told::Not,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::{READ_MEMORY_KIB, room_kib};
    use crate::audit::rows::FileRow;

    #[test]
    fn an_object_is_charged_by_its_own_length_and_at_most_with_all_there_is() {
        let row: FileRow = serde_json::from_value(serde_json::json!({
            "lane": 0, "seq": 1, "file": 0, "entry_token": "e", "bucket": "lake", "key": "a.jsonl", "kind": "data",
            "config_version": 1, "written_at_ms": 0, "fate": "Pending",
            "attempts": [{"token": "t", "bytes": 2048, "records": 1, "parts": []}],
        }))
        .unwrap();
        for (length_bytes, kib) in [(0, 2), (2_048, 2), (2_049, 3), (64 << 20, 64 << 10), (1 << 40, READ_MEMORY_KIB)] {
            assert_eq!(room_kib(&row, length_bytes), kib, "{length_bytes} bytes");
        }
    }
}
