//! Parts, and the looks before an append.

use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use landfall_commit::Part;
use landfall_s3::{Backoff, ErrorKind, ObjectOptions, StoreError};
use tokio_util::sync::CancellationToken;

use super::Io;
use super::scratch::sum;
use crate::effect::{Failed, FileId, Outcome, Segment};
use crate::engine::plan::TOKEN_METADATA;

/// What a part says when its bytes are not on scratch any more.
pub(crate) const SCRATCH_LOST: &str = "ScratchLost";
const ABORT_ATTEMPTS: u32 = 6;
const ABORT_BACKOFF: Backoff = Backoff { base_ms: 200, cap_ms: 10_000 };

fn scratch_lost() -> Failed {
    Failed { code: SCRATCH_LOST.to_owned(), message: "no scratch".to_owned() }
}

impl From<StoreError> for Failed {
    fn from(error: StoreError) -> Self {
        Self { code: error.code.clone(), message: error.to_string() }
    }
}

impl Io {
    pub(super) async fn create_upload(
        &self,
        file: FileId,
        cancelled: &CancellationToken,
        bucket: &str,
        key: &str,
        options: &ObjectOptions,
    ) {
        let inner = &self.inner;
        // As for parts: a slot an attempt.
        let request = || async {
            let _slot = inner.file_slots.acquire().await;
            inner.parts.store.create_upload(bucket, key, options).await
        };
        let result = tokio::select! {
            biased;
            result = inner.patience.until_answered(request) => result,
            () = cancelled.cancelled() => return,
        };
        if cancelled.is_cancelled() {
            // Nobody will ever name it.
            if let Ok(upload_id) = &result {
                self.abort(bucket, key, upload_id).await;
            }
            return;
        }
        self.send(Outcome::UploadCreated { file, result: result.map_err(Into::into) });
    }

    pub(super) async fn upload_part(
        &self,
        file: FileId,
        cancelled: &CancellationToken,
        (bucket, key, upload_id): (&str, &str, &str),
        number: u32,
        segments: Vec<Segment>,
    ) {
        let inner = &self.inner;
        let size_bytes = segments.iter().map(Segment::len_bytes).sum();
        let upload = async {
            // A slot an attempt: a bucket that is down must not hold the slots of the others while it is waited for. What
            // lies on scratch is read with the slot in hand and given back with it: many files that close at once
            // bring back no more than fits.
            let lost: Mutex<Option<Failed>> = Mutex::new(None);
            let request = || async {
                let _slot = inner.parts.upload_slots.acquire().await;
                match self.bytes_of(file, &segments).await {
                    Ok(chunks) => inner.parts.store.upload_part(bucket, key, upload_id, number, chunks).await.map(Some),
                    Err(failed) => {
                        *lost.lock().unwrap_or_else(PoisonError::into_inner) = Some(failed);
                        Ok(None)
                    }
                }
            };
            match inner.patience.until_answered(request).await.map_err(Failed::from)? {
                Some(receipt) => Ok(receipt),
                None => Err(lost.lock().unwrap_or_else(PoisonError::into_inner).take().unwrap_or_else(scratch_lost)),
            }
        };
        let result = tokio::select! {
            result = upload => result,
            () = cancelled.cancelled() => return,
        };
        let empty = Part { number, etag: String::new(), size_bytes, crc64nvme: String::new() };
        let (part, result) = match result {
            Ok(receipt) => {
                let crc64nvme = receipt.crc64nvme;
                (Part { number, etag: receipt.etag, size_bytes, crc64nvme }, Ok(()))
            }
            Err(failed) => (empty, Err(failed)),
        };
        self.send(Outcome::PartUploaded { file, part, result });
    }

    async fn bytes_of(&self, file: FileId, segments: &[Segment]) -> Result<Vec<Bytes>, Failed> {
        let parts = &self.inner.parts;
        let mut chunks = Vec::with_capacity(segments.len());
        for segment in segments {
            chunks.push(match (segment, &parts.scratch) {
                (Segment::Memory(bytes), _) => bytes.clone(),
                (Segment::Scratch { start, len_bytes, crc64nvme }, Some(scratch)) => {
                    let read = scratch.read(&parts.scratch_name(file), *start, *len_bytes).await;
                    let read = read.map_err(|e| Failed { code: SCRATCH_LOST.to_owned(), message: e.to_string() })?;
                    if sum(&read) != *crc64nvme {
                        let message = format!("scratch holds other bytes than were written at {start}");
                        return Err(Failed { code: SCRATCH_LOST.to_owned(), message });
                    }
                    read
                }
                (Segment::Scratch { .. }, None) => return Err(scratch_lost()),
            });
        }
        Ok(chunks)
    }

    pub(super) async fn spill(&self, file: FileId, cancelled: &CancellationToken, segments: Vec<Bytes>) {
        let parts = &self.inner.parts;
        let result = match &parts.scratch {
            Some(scratch) => scratch.write(&parts.scratch_name(file), &segments).await.map_err(|e| e.to_string()),
            None => Err("no scratch".to_owned()),
        };
        let result = match result {
            Ok(starts) => {
                let placed = starts.into_iter().zip(&segments).map(|(start, bytes)| Segment::Scratch {
                    start,
                    len_bytes: bytes.len() as u64,
                    crc64nvme: sum(bytes),
                });
                Ok(placed.collect())
            }
            Err(error) => Err((segments, error)),
        };
        if cancelled.is_cancelled() {
            if let Some(scratch) = &parts.scratch {
                scratch.remove(&parts.scratch_name(file)).await;
            }
            return;
        }
        self.send(Outcome::Spilled { file, result });
    }

    /// Removes what a file left behind, once its requests have ended.
    pub(super) async fn forget(&self, file: FileId, abort: Option<(String, String, String)>) {
        if let Some(scratch) = &self.inner.parts.scratch {
            scratch.remove(&self.inner.parts.scratch_name(file)).await;
        }
        if let Some((bucket, key, upload_id)) = abort {
            self.abort(&bucket, &key, &upload_id).await;
        }
    }

    /// A few attempts: nothing rests on it. An upload that is denied is as good as aborted, one that stays is ended by
    /// the bucket's lifecycle rule.
    pub(super) async fn abort(&self, bucket: &str, key: &str, upload_id: &str) {
        let timer = &self.inner.parts.timer;
        for attempt in 0..ABORT_ATTEMPTS {
            let slot = self.inner.file_slots.acquire().await;
            let aborted = self.inner.parts.store.abort_upload(bucket, key, upload_id).await;
            drop(slot);
            match aborted {
                Ok(()) => return,
                Err(error) if error.kind == ErrorKind::NoSuchUpload => return,
                Err(error) if error.kind.fate_unknown() && attempt + 1 < ABORT_ATTEMPTS => {
                    timer.sleep_ms(ABORT_BACKOFF.delay_ms(attempt, timer.random())).await;
                }
                Err(error) => {
                    let parts = &self.inner.parts;
                    tracing::warn!(job = %parts.job, job_uid = %parts.uid, key, error = %error, "an upload could not be aborted; the bucket's lifecycle rule ends it");
                    return;
                }
            }
        }
    }

    pub(super) async fn look_at_key(&self, file: FileId, bucket: &str, key: &str) {
        let request = || async {
            let _slot = self.inner.file_slots.acquire().await;
            self.inner.parts.store.head(bucket, key).await
        };
        let found = match self.inner.patience.until_answered(request).await {
            Ok(head) => Some((head.metadata.get(TOKEN_METADATA).cloned(), head.etag)),
            Err(error) => {
                // A missing key is what is hoped for; any other refusal shows at the Complete, which is conditional.
                if error.kind != ErrorKind::NoSuchKey {
                    tracing::warn!(job = %self.inner.parts.job, key, error = %error, "could not look at the key");
                }
                None
            }
        };
        self.send(Outcome::KeyLooked { file, found });
    }

    pub(super) async fn check_upload(&self, file: FileId, bucket: &str, key: &str, upload_id: &str, parts: &[Part]) {
        let request = || self.inner.parts.store.list_parts(bucket, key, upload_id);
        let intact = match self.inner.patience.until_answered(request).await {
            Ok(there) => parts.iter().all(|part| {
                there.iter().any(|shown| shown.number == part.number && shown.size_bytes == part.size_bytes)
            }),
            Err(_) => false,
        };
        self.send(Outcome::UploadChecked { file, intact });
    }
}
