//! What the log says and what lies in the bucket, compared with each other and counted.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read};

use anyhow::{Context, ensure};
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use landfall_commit::{Entry, FileEntry, FileKind, JobUid, Lane, Paths, SourcePartition};
use landfall_s3::{ListRequest, Listed, SharedStore};
use landfall_store::StateLocation;
use landfall_store::record::JobRecord;
use parquet::file::reader::FileReader;
use parquet::file::serialized_reader::SerializedFileReader;

use super::{Compression, Format, LandArgs, job};
use crate::place::BUCKET;

const READS_AT_ONCE: usize = 4;
const LINE_BUFFER_BYTES: usize = 1 << 20;

/// What was found; everything that must agree is an error where it does not.
#[derive(Debug, Default)]
pub struct Found {
    pub entries: u64,
    /// Of the data files in the log's entries.
    pub records: u64,
    /// Held by the log's entries, each once.
    pub offsets: u64,
    pub objects: u64,
    pub object_bytes: u64,
    /// Lines or rows read from the objects.
    pub rows: u64,
    /// Of the lines without their ends; none where the objects hold columns.
    pub value_bytes: Option<u64>,
    /// When the last entry with a file was written.
    pub last_file_at_ms: i64,
}

pub async fn check(
    store: &SharedStore,
    state: &StateLocation,
    record: &JobRecord,
    args: &LandArgs,
) -> anyhow::Result<Found> {
    let entries = read_log(store, state, record).await?;
    let mut found = Found { entries: u64::try_from(entries.len())?, ..Found::default() };
    let mut files: BTreeMap<String, FileEntry> = BTreeMap::new();
    let mut held: BTreeMap<SourcePartition, landfall_commit::Offsets> = BTreeMap::new();
    for entry in entries {
        ensure!(entry.lost.is_empty() && entry.skipped.is_empty(), "entry {} declares a loss or a skip", entry.seq.0);
        if !entry.files.is_empty() {
            found.last_file_at_ms = found.last_file_at_ms.max(entry.written_at_ms);
        }
        for (partition, offsets) in entry.held {
            let before = held.entry(partition.clone()).or_default();
            ensure!(before.is_disjoint(&offsets), "entry {} holds offsets of {partition} a second time", entry.seq.0);
            before.union_with(&offsets);
        }
        for file in entry.files {
            ensure!(file.kind == FileKind::Data, "{} holds dead letters", file.key);
            found.records += file.records;
            let key = file.key.clone();
            ensure!(files.insert(key.clone(), file).is_none(), "{key} is in the log twice");
        }
    }
    found.offsets = held.values().map(landfall_commit::Offsets::len).sum();

    let listed = list(store, &job::prefix(&record.uid)).await?;
    let foreign: BTreeSet<&str> =
        listed.iter().map(|object| object.key.as_str()).filter(|key| !files.contains_key(*key)).collect();
    ensure!(foreign.is_empty(), "objects that the log does not name: {foreign:?}");
    found.objects = u64::try_from(listed.len())?;
    ensure!(listed.len() == files.len(), "{} objects are visible, {} are in the log", listed.len(), files.len());

    let counts: Vec<(u64, u64, u64)> =
        futures::stream::iter(files.values().map(|file| count(store, file, args.format, args.compression)))
            .buffer_unordered(READS_AT_ONCE)
            .try_collect()
            .await?;
    found.object_bytes = counts.iter().map(|(_, _, bytes)| bytes).sum();
    found.rows = counts.iter().map(|(rows, _, _)| rows).sum();
    let value_bytes = counts.iter().map(|(_, bytes, _)| bytes).sum();
    found.value_bytes = (args.format == Format::Jsonl).then_some(value_bytes);
    Ok(found)
}

async fn read_log(store: &SharedStore, state: &StateLocation, record: &JobRecord) -> anyhow::Result<Vec<Entry>> {
    let paths = Paths::new(&state.prefix, &JobUid(record.uid.clone()), Lane(0));
    let keys = list(store, &paths.log_prefix()).await?;
    let mut entries = Vec::new();
    for key in keys.iter().map(|object| &object.key).filter(|key| paths.entry_seq(key).is_some()) {
        let object = store.get(&state.bucket, key).await?;
        entries.push(Entry::from_json(&object.body).with_context(|| key.clone())?);
    }
    Ok(entries)
}

async fn list(store: &SharedStore, prefix: &str) -> anyhow::Result<Vec<Listed>> {
    let (mut objects, mut continuation) = (Vec::new(), None);
    loop {
        let request = ListRequest {
            bucket: BUCKET.to_owned(),
            prefix: prefix.to_owned(),
            continuation,
            ..ListRequest::default()
        };
        let page = store.list(request).await?;
        objects.extend(page.objects);
        continuation = page.continuation;
        if continuation.is_none() {
            return Ok(objects);
        }
    }
}

/// Rows, bytes of their values and size of one object; its head and content must be as the log says.
async fn count(
    store: &SharedStore,
    file: &FileEntry,
    format: Format,
    compression: Compression,
) -> anyhow::Result<(u64, u64, u64)> {
    let head = store.head(&file.bucket, &file.key).await?;
    ensure!(
        head.length_bytes == file.bytes,
        "{} has {} bytes, the log says {}",
        file.key,
        head.length_bytes,
        file.bytes
    );
    let body = store.get(&file.bucket, &file.key).await?.body;
    let counted = tokio::task::spawn_blocking(move || rows_of(body, format, compression)).await?;
    let (rows, value_bytes) = counted.with_context(|| file.key.clone())?;
    ensure!(rows == file.records, "{} has {rows} records, the log says {}", file.key, file.records);
    Ok((rows, value_bytes, head.length_bytes))
}

fn rows_of(body: Bytes, format: Format, compression: Compression) -> anyhow::Result<(u64, u64)> {
    if format == Format::Parquet {
        let rows = SerializedFileReader::new(body)?.metadata().file_metadata().num_rows();
        return Ok((u64::try_from(rows)?, 0));
    }
    match compression {
        Compression::None => lines_of(body.as_ref()),
        Compression::Zstd => lines_of(zstd::stream::read::Decoder::new(body.as_ref())?),
        Compression::Gzip => lines_of(flate2::read::MultiGzDecoder::new(body.as_ref())),
    }
}

fn lines_of(content: impl Read) -> anyhow::Result<(u64, u64)> {
    let mut content = BufReader::with_capacity(LINE_BUFFER_BYTES, content);
    let (mut lines, mut bytes) = (0, 0);
    let mut line = Vec::new();
    while content.read_until(b'\n', &mut line)? > 0 {
        ensure!(line.last() == Some(&b'\n'), "the last line has no end");
        lines += 1;
        bytes += u64::try_from(line.len() - 1)?;
        line.clear();
    }
    Ok((lines, bytes))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_counted_through_several_frames_and_members() {
        let frames =
            [zstd::encode_all(&b"{}\n[1]\n"[..], 1).unwrap(), zstd::encode_all(&b"2\n"[..], 1).unwrap()].concat();
        assert_eq!(rows_of(frames.into(), Format::Jsonl, Compression::Zstd).unwrap(), (3, 6));
        assert_eq!(rows_of(Bytes::from_static(b"{}\n"), Format::Jsonl, Compression::None).unwrap(), (1, 2));
    }

    #[test]
    fn an_object_that_was_cut_off_is_an_error() {
        assert!(rows_of(Bytes::from_static(b"{}\n{"), Format::Jsonl, Compression::None).is_err());
        let frame = zstd::encode_all(&b"{}\n"[..], 1).unwrap();
        let cut = Bytes::copy_from_slice(&frame[..frame.len() - 1]);
        assert!(rows_of(cut, Format::Jsonl, Compression::Zstd).is_err());
    }
}
