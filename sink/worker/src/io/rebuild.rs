//! A committed file whose upload is gone: read exactly its offsets again, upload the same records under the same key.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use landfall_commit::{FileKind, FileRef, FileSets, Offsets, Part, PendingFile, SourcePartition, Token};
use landfall_dlq::Letter;
use landfall_format::{FileEncoder, HeaderView, Record, Scratch, Verdict};
use landfall_kafka::{Headers, RangeError, RecordRef, TopicPartition};
use tokio::sync::mpsc;

use super::Io;
use super::kafka::KafkaPort;
use crate::effect::{Outcome, Rebuild};
use crate::engine::plan::JobPlan;

/// Encoded pieces between the reading and the uploading side.
const PIECES: usize = 16;
const CHUNK_BYTES: usize = 1 << 20;

struct Lazy<'a>(Headers<'a>);

impl HeaderView for Lazy<'_> {
    fn to_vec(&self) -> Vec<(String, Option<Vec<u8>>)> {
        self.0.to_vec()
    }

    fn total_bytes(&self) -> usize {
        self.0.total_bytes()
    }
}

impl Io {
    pub(super) async fn rebuild(&self, file_ref: FileRef, pending: PendingFile, token: Token, plan: Arc<JobPlan>) {
        let attempt = pending.attempt + 1;
        let result = match self.sets_of(file_ref, &pending).await {
            Ok(sets) => self.rebuild_from(&pending, sets, token, plan).await,
            Err(error) => Rebuild::Failed(error),
        };
        self.send(Outcome::Rebuilt { file_ref, attempt, result });
    }

    /// The file's own offsets, from the sidecar of its entry.
    async fn sets_of(
        &self,
        file_ref: FileRef,
        pending: &PendingFile,
    ) -> Result<BTreeMap<SourcePartition, Offsets>, String> {
        let parts = &self.inner.parts;
        let key = self.inner.paths.sidecar(file_ref.seq, &pending.entry_token);
        let request = || parts.store.get(&parts.state_bucket, &key);
        let object = self.inner.patience.until_answered(request).await.map_err(|e| e.to_string())?;
        let json = zstd::decode_all(object.body.as_ref()).map_err(|e| format!("{key}: {e}"))?;
        let sets = FileSets::from_json(&json).map_err(|e| format!("{key}: {e}"))?;
        let index = usize::try_from(file_ref.file).unwrap_or(usize::MAX);
        sets.files.into_iter().nth(index).ok_or_else(|| format!("{key} does not list file {index}"))
    }

    async fn rebuild_from(
        &self,
        pending: &PendingFile,
        sets: BTreeMap<SourcePartition, Offsets>,
        token: Token,
        plan: Arc<JobPlan>,
    ) -> Rebuild {
        let (file, parts) = (&pending.file, &self.inner.parts);
        let options = plan.object_options(file.kind, &token, Some(file.records));
        let create = || parts.store.create_upload(&file.bucket, &file.key, &options);
        let upload_id = match self.inner.patience.until_answered(create).await {
            Ok(upload_id) => upload_id,
            Err(error) => return Rebuild::Failed(error.to_string()),
        };
        let (sender, receiver) = mpsc::channel(PIECES);
        let (done, read) = futures::channel::oneshot::channel();
        let job = Reading { kafka: Arc::clone(&parts.kafka), sets, plan, kind: file.kind, job: parts.job.clone() };
        parts.spawner.blocking(Box::new(move || {
            let _ = done.send(job.run(&sender));
        }));
        let uploaded = self.upload_pieces(&file.bucket, &file.key, &upload_id, receiver).await;
        let outcome = match (read.await, uploaded) {
            (Ok(Ok(records)), Ok(uploaded)) if records == file.records => {
                let bytes = uploaded.iter().map(|part| part.size_bytes).sum();
                return Rebuild::Done { token, upload_id, parts: uploaded, bytes };
            }
            (Ok(Ok(records)), Ok(_)) => Rebuild::Lost(format!("kafka gives {records} of its {} records", file.records)),
            (Ok(Err(Stopped::Gone(reason))), _) => Rebuild::Lost(reason),
            (Ok(Err(Stopped::Failed(error))), _) | (_, Err(error)) => Rebuild::Failed(error),
            (Err(_), _) => Rebuild::Failed("the worker ends".to_owned()),
        };
        self.abort(&file.bucket, &file.key, &upload_id).await;
        outcome
    }

    async fn upload_pieces(
        &self,
        bucket: &str,
        key: &str,
        upload_id: &str,
        mut pieces: mpsc::Receiver<Bytes>,
    ) -> Result<Vec<Part>, String> {
        let (mut parts, mut waiting, mut waiting_bytes) = (Vec::new(), Vec::new(), 0);
        loop {
            let piece = pieces.recv().await;
            let last = piece.is_none();
            if let Some(piece) = piece {
                waiting_bytes += piece.len() as u64;
                waiting.push(piece);
            }
            if waiting_bytes >= self.inner.parts.part_size_bytes || (last && waiting_bytes > 0) {
                let chunks: Vec<Bytes> = std::mem::take(&mut waiting);
                let number = u32::try_from(parts.len() + 1).map_err(|e| e.to_string())?;
                let request = || self.inner.parts.store.upload_part(bucket, key, upload_id, number, chunks.clone());
                let receipt = self.inner.patience.until_answered(request).await.map_err(|e| e.to_string())?;
                parts.push(super::complete::part(receipt));
                waiting_bytes = 0;
            }
            if last {
                return Ok(parts);
            }
        }
    }
}

enum Stopped {
    Gone(String),
    Failed(String),
}

/// The reading side, on a blocking thread.
struct Reading {
    kafka: Arc<dyn KafkaPort>,
    sets: BTreeMap<SourcePartition, Offsets>,
    plan: Arc<JobPlan>,
    kind: FileKind,
    job: String,
}

impl Reading {
    /// Answers how many records were encoded.
    fn run(&self, out: &mpsc::Sender<Bytes>) -> Result<u64, Stopped> {
        let mut writer = Writer::new(self).map_err(Stopped::Failed)?;
        for (partition, offsets) in &self.sets {
            let (Some(first), Some(last)) = (offsets.min(), offsets.max()) else { continue };
            let topic_partition =
                TopicPartition { topic: partition.topic.as_str().into(), partition: partition.partition };
            let bounds = i64::try_from(first).ok().zip(i64::try_from(last + 1).ok());
            let Some((from, end)) = bounds else { continue };
            let mut failed = None;
            let mut visit = |record: RecordRef<'_>| {
                let wanted = u64::try_from(record.offset).is_ok_and(|offset| offsets.contains(offset));
                if wanted && let Err(error) = writer.add(partition, &record, out) {
                    failed = Some(error);
                }
                failed.is_none()
            };
            self.kafka.read_range(&topic_partition, from, end, &mut visit).map_err(|e| match e {
                RangeError::Gone { .. } => Stopped::Gone(e.to_string()),
                RangeError::TimedOut { .. } | RangeError::Settings(_) | RangeError::Kafka(_) => {
                    Stopped::Failed(e.to_string())
                }
            })?;
            if let Some(error) = failed {
                return Err(Stopped::Failed(error));
            }
        }
        writer.finish(out).map_err(Stopped::Failed)
    }
}

struct Writer<'a> {
    reading: &'a Reading,
    scratch: Scratch,
    chunk: landfall_format::ChunkBuffer,
    encoder: FileEncoder,
    letters: Vec<u8>,
    records: u64,
}

impl<'a> Writer<'a> {
    fn new(reading: &'a Reading) -> Result<Self, String> {
        let format = &reading.plan.format;
        Ok(Self {
            reading,
            scratch: Scratch::new(format),
            chunk: format.new_chunk(),
            encoder: format.new_encoder().map_err(|e| e.to_string())?,
            letters: Vec::new(),
            records: 0,
        })
    }

    fn add(
        &mut self,
        partition: &SourcePartition,
        record: &RecordRef<'_>,
        out: &mpsc::Sender<Bytes>,
    ) -> Result<(), String> {
        let plan = &self.reading.plan;
        let headers = Lazy(record.headers);
        let view = Record {
            cluster: &partition.cluster,
            topic: &partition.topic,
            partition: partition.partition,
            offset: record.offset,
            timestamp_ms: record.timestamp_ms,
            key: record.key,
            value: record.value,
            headers: &headers,
        };
        let now_ms = jiff::Timestamp::now().as_millisecond();
        let verdict = landfall_format::accept(&plan.format, &mut self.scratch, &view, now_ms);
        let rejection = match verdict {
            Verdict::Route { .. } => self.chunk_append(&view),
            Verdict::Reject(rejection) => Some(rejection),
            Verdict::Skip(_) => {
                return Err(format!("offset {} of {partition} is skipped under the present document", record.offset));
            }
        };
        match (self.reading.kind, rejection) {
            (FileKind::Data, None) => {}
            (FileKind::DeadLetter, Some(rejection)) => {
                let letter = Letter {
                    job: self.reading.job.clone(),
                    cluster: view.cluster.to_owned(),
                    topic: view.topic.to_owned(),
                    partition: view.partition,
                    offset: view.offset,
                    timestamp_ms: view.timestamp_ms,
                    key: view.key.map(<[u8]>::to_vec),
                    value: view.value.map(<[u8]>::to_vec),
                    headers: headers.to_vec(),
                    stage: rejection.stage.as_str().to_owned(),
                    reason: rejection.reason.as_str().to_owned(),
                    error: rejection.message,
                    at_ms: now_ms,
                };
                letter.to_json_line(&mut self.letters);
            }
            (FileKind::Data, Some(rejection)) => {
                return Err(format!(
                    "offset {} of {partition} is rejected under the present document: {rejection:?}",
                    record.offset
                ));
            }
            (FileKind::DeadLetter, None) => {
                return Err(format!(
                    "offset {} of {partition} is no dead letter under the present document",
                    record.offset
                ));
            }
        }
        self.records += 1;
        if self.chunk.len_bytes() + self.letters.len() >= CHUNK_BYTES {
            self.flush(out)?;
        }
        Ok(())
    }

    fn chunk_append(&mut self, view: &Record<'_>) -> Option<landfall_format::Rejection> {
        if self.reading.kind == FileKind::DeadLetter {
            return None;
        }
        self.chunk.append(&self.reading.plan.format, &mut self.scratch, view).err()
    }

    fn flush(&mut self, out: &mpsc::Sender<Bytes>) -> Result<(), String> {
        if !self.letters.is_empty() {
            let frame = zstd::bulk::compress(&std::mem::take(&mut self.letters), 1).map_err(|e| e.to_string())?;
            send(out, vec![Bytes::from(frame)])?;
        }
        if self.chunk.records() > 0 {
            let bytes = self.encoder.encode(self.chunk.seal()).map_err(|e| e.to_string())?;
            send(out, bytes)?;
        }
        Ok(())
    }

    fn finish(mut self, out: &mpsc::Sender<Bytes>) -> Result<u64, String> {
        self.flush(out)?;
        if self.reading.kind == FileKind::Data {
            send(out, self.encoder.finish().map_err(|e| e.to_string())?)?;
        }
        Ok(self.records)
    }
}

fn send(out: &mpsc::Sender<Bytes>, pieces: Vec<Bytes>) -> Result<(), String> {
    for piece in pieces {
        out.blocking_send(piece).map_err(|_| "the upload ended".to_owned())?;
    }
    Ok(())
}
