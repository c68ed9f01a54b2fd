//! A medium in memory: for tests and the simulation. Nothing here waits, and nothing depends on chance.

use std::collections::BTreeMap;
use std::io;
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::{Bytes, BytesMut};

use super::medium::{Cursor, Medium, ObjectMeta, ObjectReader, PartMeta, UploadMeta};

#[derive(Debug, Default)]
struct Bucket {
    objects: BTreeMap<String, (ObjectMeta, Vec<Bytes>)>,
    uploads: BTreeMap<String, Upload>,
}

#[derive(Debug)]
struct Upload {
    meta: UploadMeta,
    parts: BTreeMap<u32, (PartMeta, Vec<Bytes>)>,
}

#[derive(Debug, Default)]
pub struct MemoryMedium {
    buckets: Mutex<BTreeMap<String, Bucket>>,
}

impl MemoryMedium {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn buckets(&self) -> MutexGuard<'_, BTreeMap<String, Bucket>> {
        self.buckets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with<T>(&self, bucket: &str, read: impl FnOnce(&mut Bucket) -> io::Result<T>) -> io::Result<T> {
        match self.buckets().get_mut(bucket) {
            Some(found) => read(found),
            None => Err(io::Error::other(format!("bucket {bucket} vanished"))),
        }
    }

    fn with_upload<T>(&self, bucket: &str, id: &str, read: impl FnOnce(&mut Upload) -> T) -> io::Result<T> {
        self.with(bucket, |found| match found.uploads.get_mut(id) {
            Some(upload) => Ok(read(upload)),
            None => Err(io::Error::other(format!("upload {id} vanished"))),
        })
    }
}

impl Medium for MemoryMedium {
    const BLOCKING: bool = false;

    fn create_bucket(&self, bucket: &str) -> io::Result<()> {
        self.buckets().entry(bucket.to_owned()).or_default();
        Ok(())
    }

    fn has_bucket(&self, bucket: &str) -> io::Result<bool> {
        Ok(self.buckets().contains_key(bucket))
    }

    fn buckets(&self) -> io::Result<Vec<String>> {
        Ok(self.buckets().keys().cloned().collect())
    }

    fn admit(&self, _bucket: &str, _key: &str) -> io::Result<()> {
        Ok(())
    }

    fn object(&self, bucket: &str, key: &str) -> io::Result<Option<ObjectMeta>> {
        self.with(bucket, |found| Ok(found.objects.get(key).map(|(meta, _)| meta.clone())))
    }

    fn open(&self, bucket: &str, key: &str) -> io::Result<Option<(ObjectMeta, Box<dyn ObjectReader>)>> {
        self.with(bucket, |found| {
            Ok(found.objects.get(key).map(|(meta, chunks)| {
                let reader: Box<dyn ObjectReader> = Box::new(ChunkReader { chunks: chunks.clone() });
                (meta.clone(), reader)
            }))
        })
    }

    fn put(&self, bucket: &str, key: &str, chunks: &[Bytes], meta: &ObjectMeta) -> io::Result<()> {
        self.with(bucket, |found| {
            found.objects.insert(key.to_owned(), (meta.clone(), chunks.to_vec()));
            Ok(())
        })
    }

    fn remove(&self, bucket: &str, key: &str) -> io::Result<()> {
        self.with(bucket, |found| {
            found.objects.remove(key);
            Ok(())
        })
    }

    fn keys(&self, bucket: &str, prefix: &str, cursor: &Cursor, limit: usize) -> io::Result<Vec<String>> {
        let start = if cursor.after.as_str() >= prefix {
            Bound::Excluded(cursor.after.as_str())
        } else {
            Bound::Included(prefix)
        };
        self.with(bucket, |found| {
            let keys = found.objects.range::<str, _>((start, Bound::Unbounded)).map(|(key, _)| key);
            let below = keys.take_while(|key| key.starts_with(prefix));
            Ok(below.filter(|key| cursor.admits(key)).take(limit).cloned().collect())
        })
    }

    fn create_upload(&self, bucket: &str, upload: &UploadMeta) -> io::Result<()> {
        self.with(bucket, |found| {
            let fresh = Upload { meta: upload.clone(), parts: BTreeMap::new() };
            found.uploads.insert(upload.upload_id.clone(), fresh);
            Ok(())
        })
    }

    fn upload(&self, bucket: &str, upload_id: &str) -> io::Result<Option<UploadMeta>> {
        self.with(bucket, |found| Ok(found.uploads.get(upload_id).map(|upload| upload.meta.clone())))
    }

    fn uploads(&self, bucket: &str) -> io::Result<Vec<UploadMeta>> {
        self.with(bucket, |found| Ok(found.uploads.values().map(|upload| upload.meta.clone()).collect()))
    }

    fn put_part(&self, bucket: &str, upload_id: &str, part: &PartMeta, chunks: &[Bytes]) -> io::Result<()> {
        self.with_upload(bucket, upload_id, |upload| {
            upload.parts.insert(part.number, (part.clone(), chunks.to_vec()));
        })
    }

    fn parts(&self, bucket: &str, upload_id: &str) -> io::Result<Vec<PartMeta>> {
        self.with_upload(bucket, upload_id, |upload| upload.parts.values().map(|(part, _)| part.clone()).collect())
    }

    fn complete(&self, bucket: &str, upload: &UploadMeta, parts: &[PartMeta], meta: &ObjectMeta) -> io::Result<()> {
        self.with(bucket, |found| {
            let Some(open) = found.uploads.remove(&upload.upload_id) else {
                return Err(io::Error::other(format!("upload {} vanished", upload.upload_id)));
            };
            let chunks = parts.iter().filter_map(|part| open.parts.get(&part.number)).flat_map(|(_, chunks)| chunks);
            let chunks: Vec<Bytes> = chunks.cloned().collect();
            found.objects.insert(upload.key.clone(), (meta.clone(), chunks));
            Ok(())
        })
    }

    fn remove_upload(&self, bucket: &str, upload_id: &str) -> io::Result<()> {
        self.with(bucket, |found| {
            found.uploads.remove(upload_id);
            Ok(())
        })
    }
}

struct ChunkReader {
    chunks: Vec<Bytes>,
}

impl ObjectReader for ChunkReader {
    fn read_at(&mut self, offset_bytes: u64, length_bytes: usize) -> io::Result<Bytes> {
        let mut skip = usize::try_from(offset_bytes).map_err(io::Error::other)?;
        let mut wanted = length_bytes;
        let mut read = BytesMut::new();
        for chunk in &self.chunks {
            if wanted == 0 {
                break;
            }
            if skip >= chunk.len() {
                skip -= chunk.len();
                continue;
            }
            let end = chunk.len().min(skip.saturating_add(wanted));
            read.extend_from_slice(&chunk[skip..end]);
            wanted -= end - skip;
            skip = 0;
        }
        Ok(read.freeze())
    }
}
