//! Encoded bytes beyond the memory budget, on local disk. What is lost there in a crash is read again from Kafka.
//!
//! One file an open object, removed with it; the folder is emptied when the worker starts.

use std::io::SeekFrom;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use tokio::fs::{self, OpenOptions};
use tokio::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};

use crate::effect::{FileId, Segment};

/// A folder with a limit, shared by the jobs of a process.
#[derive(Debug, Clone)]
pub struct Scratch {
    dir: PathBuf,
    limit_bytes: u64,
    used: Arc<AtomicU64>,
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
        Ok(Self { dir, limit_bytes, used: Arc::new(AtomicU64::new(0)) })
    }

    #[must_use]
    pub fn used_bytes(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    fn path(&self, job: &str, file: FileId) -> PathBuf {
        self.dir.join(format!("{job}-{}.part", file.0))
    }

    /// Appends segments to a file's scratch file.
    pub async fn write(&self, job: &str, file: FileId, segments: &[Bytes]) -> std::io::Result<Vec<Segment>> {
        let total: u64 = segments.iter().map(|s| s.len() as u64).sum();
        let before = self.used.fetch_add(total, Ordering::Relaxed);
        if before + total > self.limit_bytes {
            self.used.fetch_sub(total, Ordering::Relaxed);
            return Err(std::io::Error::other(format!(
                "worker.scratch.limit of {} bytes is reached",
                self.limit_bytes
            )));
        }
        let mut out = OpenOptions::new().create(true).append(true).open(self.path(job, file)).await?;
        let mut start = out.seek(SeekFrom::End(0)).await?;
        let mut placed = Vec::with_capacity(segments.len());
        for segment in segments {
            out.write_all(segment).await?;
            placed.push(Segment::Scratch { start, len_bytes: segment.len() as u64 });
            start += segment.len() as u64;
        }
        out.flush().await?;
        Ok(placed)
    }

    pub async fn read(&self, job: &str, file: FileId, start: u64, len_bytes: u64) -> std::io::Result<Bytes> {
        let mut input = fs::File::open(self.path(job, file)).await?;
        input.seek(SeekFrom::Start(start)).await?;
        let mut bytes = vec![0; usize::try_from(len_bytes).map_err(std::io::Error::other)?];
        input.read_exact(&mut bytes).await?;
        Ok(Bytes::from(bytes))
    }

    /// Removes a file's scratch file, if it has one.
    pub async fn remove(&self, job: &str, file: FileId) {
        let path = self.path(job, file);
        if let Ok(metadata) = fs::metadata(&path).await
            && fs::remove_file(&path).await.is_ok()
        {
            self.used.fetch_sub(metadata.len(), Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_was_written_is_read_back_and_the_limit_holds() {
        let dir = tempfile::tempdir().unwrap();
        let scratch = Scratch::open(dir.path(), 10).unwrap();
        let first =
            scratch.write("j", FileId(1), &[Bytes::from_static(b"abc"), Bytes::from_static(b"de")]).await.unwrap();
        let second = scratch.write("j", FileId(1), &[Bytes::from_static(b"fgh")]).await.unwrap();
        for (segment, expected) in first.iter().chain(&second).zip(["abc", "de", "fgh"]) {
            let Segment::Scratch { start, len_bytes } = segment else { unreachable!() };
            assert_eq!(scratch.read("j", FileId(1), *start, *len_bytes).await.unwrap(), expected);
        }
        assert!(scratch.write("j", FileId(2), &[Bytes::from_static(b"xyz")]).await.is_err());
        assert_eq!(scratch.used_bytes(), 8);
        scratch.remove("j", FileId(1)).await;
        assert_eq!(scratch.used_bytes(), 0);
    }
}
