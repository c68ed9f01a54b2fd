//! Encoded bytes beyond the memory budget, on local disk. What is lost there in a crash is read again from Kafka.
//!
//! One file an open object, removed with it; the folder is emptied when the worker starts.

use std::collections::HashMap;
use std::io::SeekFrom;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use tokio::fs::{self, OpenOptions};
use tokio::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};

/// What a piece was written with, and must be read with: a folder that somebody tidies up under a running worker may hold
/// other bytes at the same place.
pub(super) fn sum(bytes: &[u8]) -> u64 {
    crc_fast::checksum(crc_fast::CrcAlgorithm::Crc64Nvme, bytes)
}

/// Where encoded bytes wait outside memory. Injected, so that a simulation loses them.
#[async_trait]
pub trait ScratchPort: Send + Sync + std::fmt::Debug {
    /// Appends segments to a scratch file; answers where each begins. Only one caller at a time may write to a name.
    async fn write(&self, name: &str, segments: &[Bytes]) -> std::io::Result<Vec<u64>>;
    async fn read(&self, name: &str, start: u64, len_bytes: u64) -> std::io::Result<Bytes>;
    /// Removes a scratch file, if there is one.
    async fn remove(&self, name: &str);
}

/// A folder with a limit, shared by the jobs of a process.
#[derive(Debug, Clone)]
pub struct Scratch {
    dir: PathBuf,
    limit_bytes: u64,
    used: Arc<AtomicU64>,
    /// What each file is charged with: it goes with the file, also where somebody else removed that.
    charged: Arc<Mutex<HashMap<String, u64>>>,
    prefixes: Arc<AtomicU64>,
}

impl Scratch {
    /// Empties and creates `dir`.
    pub fn open(dir: &Path, limit_bytes: u64) -> std::io::Result<Self> {
        let dir = dir.join("landfall-scratch");
        match std::fs::remove_dir_all(&dir) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(e),
            Ok(()) | Err(_) => {}
        }
        std::fs::create_dir_all(&dir)?;
        Ok(Self { dir, limit_bytes, used: Arc::default(), charged: Arc::default(), prefixes: Arc::default() })
    }

    #[must_use]
    pub fn used_bytes(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.join(format!("{name}.part"))
    }

    /// A prefix for the names of one engine's files: no other engine of this process, of the same job or not, has it.
    #[must_use]
    pub fn fresh_prefix(&self, job: &str) -> String {
        format!("{job}-{}", self.prefixes.fetch_add(1, Ordering::Relaxed))
    }
}

#[async_trait]
impl ScratchPort for Scratch {
    async fn write(&self, name: &str, segments: &[Bytes]) -> std::io::Result<Vec<u64>> {
        let total: u64 = segments.iter().map(|s| s.len() as u64).sum();
        let before = self.used.fetch_add(total, Ordering::Relaxed);
        if before + total > self.limit_bytes {
            self.used.fetch_sub(total, Ordering::Relaxed);
            return Err(std::io::Error::other(format!(
                "worker.scratch.limit of {} bytes is reached",
                self.limit_bytes
            )));
        }
        let path = self.path(name);
        let length = || async { fs::metadata(&path).await.map_or(0, |metadata| metadata.len()) };
        let there = length().await;
        let placed = append(&path, segments).await;
        let mut written = total;
        if placed.is_err() {
            // What was written in spite of the error is counted until the file is removed.
            written = length().await.saturating_sub(there).min(total);
            self.used.fetch_sub(total - written, Ordering::Relaxed);
        }
        let mut charged = self.charged.lock().unwrap_or_else(PoisonError::into_inner);
        *charged.entry(name.to_owned()).or_default() += written;
        placed
    }

    async fn read(&self, name: &str, start: u64, len_bytes: u64) -> std::io::Result<Bytes> {
        let mut input = fs::File::open(self.path(name)).await?;
        input.seek(SeekFrom::Start(start)).await?;
        let mut bytes = vec![0; usize::try_from(len_bytes).map_err(std::io::Error::other)?];
        input.read_exact(&mut bytes).await?;
        Ok(Bytes::from(bytes))
    }

    async fn remove(&self, name: &str) {
        let charged = self.charged.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
        if let Some(charged) = charged {
            let _ = fs::remove_file(self.path(name)).await;
            self.used.fetch_sub(charged, Ordering::Relaxed);
        }
    }
}

async fn append(path: &Path, segments: &[Bytes]) -> std::io::Result<Vec<u64>> {
    let mut out = OpenOptions::new().create(true).append(true).open(path).await?;
    let mut start = out.seek(SeekFrom::End(0)).await?;
    let mut starts = Vec::with_capacity(segments.len());
    for segment in segments {
        out.write_all(segment).await?;
        starts.push(start);
        start += segment.len() as u64;
    }
    out.flush().await?;
    Ok(starts)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_was_written_is_read_back_and_the_limit_holds() {
        let dir = tempfile::tempdir().unwrap();
        let scratch = Scratch::open(dir.path(), 10).unwrap();
        let first = scratch.write("j-1", &[Bytes::from_static(b"abc"), Bytes::from_static(b"de")]).await.unwrap();
        let second = scratch.write("j-1", &[Bytes::from_static(b"fgh")]).await.unwrap();
        for (start, expected) in first.iter().chain(&second).zip(["abc", "de", "fgh"]) {
            assert_eq!(scratch.read("j-1", *start, expected.len() as u64).await.unwrap(), expected);
        }
        assert!(scratch.write("j-2", &[Bytes::from_static(b"xyz")]).await.is_err());
        assert_eq!(scratch.used_bytes(), 8);
        scratch.remove("j-1").await;
        assert_eq!(scratch.used_bytes(), 0);
    }

    #[tokio::test]
    async fn a_file_that_somebody_tidied_away_takes_no_room() {
        let dir = tempfile::tempdir().unwrap();
        let scratch = Scratch::open(dir.path(), 10).unwrap();
        scratch.write("j-1", &[Bytes::from_static(b"abc")]).await.unwrap();
        std::fs::remove_file(scratch.path("j-1")).unwrap();
        scratch.remove("j-1").await;
        assert_eq!(scratch.used_bytes(), 0);
    }

    #[tokio::test]
    async fn two_engines_of_one_job_never_share_a_name() {
        let dir = tempfile::tempdir().unwrap();
        let scratch = Scratch::open(dir.path(), 10).unwrap();
        assert_ne!(scratch.fresh_prefix("j"), scratch.clone().fresh_prefix("j"));
    }

    #[tokio::test]
    async fn a_write_that_failed_leaves_nothing_counted() {
        let dir = tempfile::tempdir().unwrap();
        let scratch = Scratch::open(dir.path(), 10).unwrap();
        assert!(scratch.write("no/such/folder", &[Bytes::from_static(b"abc")]).await.is_err());
        assert_eq!(scratch.used_bytes(), 0);
    }
}
