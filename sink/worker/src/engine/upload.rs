//! From a sealed chunk to parts in S3: encode (elsewhere), put back in order, send; then the last looks before the
//! append.

use bytes::Bytes;
use landfall_commit::Part;

use super::Engine;
use super::file::{Content, Encoding, File, Phase, Sealed, Upload};
use crate::effect::{Effect, Failed, FileId, Segment};
use crate::io::SCRATCH_LOST;

/// Refusals for good of a create or a part, in a row, before the job stops.
const MAX_REFUSALS: u32 = 8;
/// S3's limit.
const MAX_PARTS: u32 = 10_000;

impl Engine {
    /// Takes the unsealed content to the encoder.
    pub(super) fn seal(&mut self, id: FileId) {
        let Some(file) = self.files.get_mut(id) else { return };
        let raw_bytes = file.content.len_bytes() as u64;
        if file.content.is_empty() {
            return;
        }
        let sealed = match &mut file.content {
            Content::Records(chunk) => Sealed::Records(chunk.seal()),
            Content::Letters(lines) => Sealed::Letters(std::mem::take(lines)),
        };
        let number = file.next_chunk;
        file.next_chunk += 1;
        self.memory.sealed(raw_bytes);
        match (&mut file.encoding, sealed) {
            (Encoding::InOrder { queue, .. }, Sealed::Records(chunk)) => {
                file.at_work_bytes.insert(number, raw_bytes);
                queue.push(chunk);
            }
            (_, sealed) => {
                file.at_work_bytes.insert(number, raw_bytes);
                file.chunks_at_work += 1;
                let plan = std::sync::Arc::clone(&file.plan);
                self.effects.push(Effect::Encode { file: id, number, chunk: sealed, plan });
            }
        }
    }

    /// Does whatever a file is ready for.
    pub(super) fn advance_file(&mut self, id: FileId) {
        self.encode_in_order(id);
        self.send_parts(id);
        self.finish_closing(id);
    }

    fn encode_in_order(&mut self, id: FileId) {
        let Some(file) = self.files.get_mut(id) else { return };
        let closing = file.phase == Phase::Closing;
        let Encoding::InOrder { encoder, queue, finished } = &mut file.encoding else { return };
        let finish = closing && !*finished;
        if queue.is_empty() && !finish {
            return;
        }
        let Some(encoder) = encoder.take() else { return };
        let chunks = std::mem::take(queue);
        file.chunks_at_work += 1;
        self.effects.push(Effect::EncodeInOrder { file: id, encoder, chunks, finish });
    }

    pub(super) fn on_encoded(&mut self, id: FileId, number: u64, bytes: Result<Vec<Bytes>, String>) {
        let Some(file) = self.files.get_mut(id) else { return };
        file.chunks_at_work -= 1;
        let raw = file.at_work_bytes.remove(&number).unwrap_or(0);
        file.raw_encoded_bytes += raw;
        self.memory.encoded(raw);
        let bytes = match bytes {
            Ok(bytes) => bytes,
            Err(e) => return self.encoder_failed(id, &e),
        };
        let Encoding::Independent { done, next } = &mut file.encoding else { return };
        done.insert(number, bytes);
        let mut ready = Vec::new();
        while let Some(bytes) = done.remove(next) {
            ready.extend(bytes);
            *next += 1;
        }
        self.put_waiting(id, ready);
        self.advance_file(id);
    }

    pub(super) fn on_encoded_in_order(
        &mut self,
        id: FileId,
        encoder: Option<Box<landfall_format::FileEncoder>>,
        bytes: Result<Vec<Bytes>, String>,
        now_finished: bool,
    ) {
        let Some(file) = self.files.get_mut(id) else { return };
        file.chunks_at_work -= 1;
        // All chunks that were sealed before this call went with it or before it.
        let Encoding::InOrder { encoder: home, finished, queue } = &mut file.encoding else { return };
        file.in_progress_bytes = encoder.as_ref().map_or(0, |encoder| encoder.in_progress_bytes() as u64);
        *home = encoder;
        *finished = now_finished;
        let still_queued = queue.len();
        let settled = file.at_work_bytes.len().saturating_sub(still_queued);
        let raw: u64 = (0..settled).filter_map(|_| file.at_work_bytes.pop_first()).map(|(_, bytes)| bytes).sum();
        file.raw_encoded_bytes += raw;
        self.memory.encoded(raw);
        match bytes {
            Ok(bytes) => {
                self.put_waiting(id, bytes);
                self.advance_file(id);
            }
            Err(e) => self.encoder_failed(id, &e),
        }
    }

    fn encoder_failed(&mut self, id: FileId, error: &str) {
        let key = self.files.get(id).map(|file| file.key.clone()).unwrap_or_default();
        self.drop_file(id, "encoder failed");
        self.fail("encode", format!("{key} could not be encoded: {error}"));
    }

    fn put_waiting(&mut self, id: FileId, bytes: Vec<Bytes>) {
        let Some(file) = self.files.get_mut(id) else { return };
        for bytes in bytes.into_iter().filter(|bytes| !bytes.is_empty()) {
            file.encoded_bytes += bytes.len() as u64;
            file.waiting_bytes += bytes.len() as u64;
            file.waiting.push_back(Segment::Memory(bytes));
        }
        file.clock.bytes = file.estimated_bytes();
    }

    fn send_parts(&mut self, id: FileId) {
        let settings = (self.settings.part_size_bytes, self.settings.parts_in_flight_per_file);
        let Some(file) = self.files.get_mut(id) else { return };
        loop {
            if file.spilling || file.parts_at_work >= settings.1 || file.waiting.is_empty() {
                return;
            }
            let target = settings.0 << (file.next_part / 1_000).min(8);
            let last = file.phase != Phase::Open && file.all_encoded();
            if file.waiting_bytes < target && !last {
                return;
            }
            let upload_id = match &file.upload {
                Upload::Open(id) => id.clone(),
                Upload::Creating => return,
                Upload::None => {
                    file.upload = Upload::Creating;
                    self.effects.push(Effect::CreateUpload {
                        file: id,
                        bucket: file.plan.spec.sink.bucket.clone(),
                        key: file.key.clone(),
                        options: file.plan.object_options(
                            file.kind,
                            &file.token,
                            (file.phase != Phase::Open).then_some(file.records),
                        ),
                    });
                    return;
                }
            };
            if file.next_part > MAX_PARTS {
                // Not reachable: parts double every thousand; rotation by bytes and age comes long before.
                let key = file.key.clone();
                return self.fail("too_many_parts", format!("{key} needs more than {MAX_PARTS} parts"));
            }
            let (segments, bytes) = take_part(file, target);
            let number = file.next_part;
            file.next_part += 1;
            file.parts_at_work += 1;
            file.part_bytes_at_work += bytes;
            self.effects.push(Effect::UploadPart {
                file: id,
                bucket: file.plan.spec.sink.bucket.clone(),
                key: file.key.clone(),
                upload_id,
                number,
                segments,
            });
        }
    }

    pub(super) fn on_upload_created(&mut self, id: FileId, result: Result<String, Failed>) {
        let Some(file) = self.files.get_mut(id) else {
            // Dropped meanwhile: nobody will name this upload, the I/O side aborts it.
            return;
        };
        match result {
            Ok(upload_id) => {
                file.upload = Upload::Open(upload_id);
                self.advance_file(id);
            }
            Err(failed) => self.upload_refused(id, &failed),
        }
    }

    pub(super) fn on_part(&mut self, id: FileId, part: Part, result: Result<(), Failed>) {
        let Some(file) = self.files.get_mut(id) else { return };
        file.parts_at_work -= 1;
        file.part_bytes_at_work = file.part_bytes_at_work.saturating_sub(part.size_bytes);
        match result {
            Ok(()) => {
                self.counters.bytes_uploaded += part.size_bytes;
                file.parts.push(part);
                self.upload_refusals = 0;
                self.advance_file(id);
            }
            Err(failed) => self.upload_refused(id, &failed),
        }
    }

    fn upload_refused(&mut self, id: FileId, failed: &Failed) {
        self.note_error("upload", format!("{}: {}", failed.code, failed.message), None);
        self.upload_refusals += 1;
        // An upload that is gone (swept, or its bucket was made anew) or scratch that is lost says nothing against the
        // next attempt.
        let passing = matches!(failed.code.as_str(), "NoSuchUpload" | SCRATCH_LOST);
        if self.upload_refusals >= MAX_REFUSALS && !passing {
            return self.fail(&failed.code, format!("uploads are refused again and again: {}", failed.message));
        }
        self.drop_file(id, &failed.code);
        // Read again, but not at once.
        let not_before_ms = self.now.mono_ms + 1_000 * i64::from(self.upload_refusals.min(MAX_REFUSALS));
        for partition in self.partitions.iter_mut().flatten() {
            if let super::partition::Phase::Starting { not_before_ms: wait, .. } = &mut partition.phase {
                *wait = (*wait).max(not_before_ms);
            }
        }
    }

    /// Once everything left: look at the key, at the upload after a long sleep, then to the committer.
    fn finish_closing(&mut self, id: FileId) {
        let Some(file) = self.files.get_mut(id) else { return };
        let done = file.phase == Phase::Closing
            && file.all_encoded()
            && file.waiting.is_empty()
            && file.parts_at_work == 0
            && !file.parts.is_empty()
            && file.letters_out == 0;
        let Some(upload_id) = file.upload_id().map(str::to_owned) else { return };
        if !done {
            return;
        }
        let (bucket, key) = (file.plan.spec.sink.bucket.clone(), file.key.clone());
        if file.must_check_upload {
            file.phase = Phase::Checking;
            let parts = file.parts.clone();
            self.effects.push(Effect::CheckUpload { file: id, bucket, key, upload_id, parts });
        } else if !file.plan.unique_names && file.kind == landfall_commit::FileKind::Data && !file.looked_at_key {
            file.phase = Phase::Checking;
            self.effects.push(Effect::LookAtKey { file: id, bucket, key });
        } else {
            file.phase = Phase::Ready;
            file.closed_mono_ms = self.now.mono_ms;
            self.files.ready.push(id);
        }
    }

    pub(super) fn on_upload_checked(&mut self, id: FileId, intact: bool) {
        let Some(file) = self.files.get_mut(id) else { return };
        file.must_check_upload = false;
        file.phase = Phase::Closing;
        if intact {
            self.advance_file(id);
        } else {
            self.drop_file(id, "its upload is gone after a long sleep");
        }
    }

    /// Something lies under the key of a name without a unique part. Our own log may have put it there meanwhile:
    /// a lost race, which the fold before the append shows; anything else is a foreign object.
    pub(super) fn on_key_looked(&mut self, id: FileId, found: Option<(Option<String>, String)>) {
        let Some(file) = self.files.get_mut(id) else { return };
        file.phase = Phase::Closing;
        file.looked_at_key = true;
        let Some((token, etag)) = found else { return self.advance_file(id) };
        let key = file.key.clone();
        match file.plan.spec.sink.on_existing_object {
            landfall_job::ExistingObject::Overwrite => {
                file.replaces = Some(etag);
                self.advance_file(id);
            }
            landfall_job::ExistingObject::Fail => {
                // First fold again: the verdict is passed with the tail in hand.
                file.looked_at_key = false;
                file.phase = Phase::Checking;
                self.appender.doubt_key(id, key, token);
            }
        }
    }
}

/// Takes segments for one part of about `target` bytes.
fn take_part(file: &mut File, target: u64) -> (Vec<Segment>, u64) {
    let (mut segments, mut bytes) = (Vec::new(), 0);
    while bytes < target
        && let Some(segment) = file.waiting.pop_front()
    {
        bytes += segment.len_bytes();
        segments.push(segment);
    }
    file.waiting_bytes = file.waiting_bytes.saturating_sub(bytes);
    (segments, bytes)
}
