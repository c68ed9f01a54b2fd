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
        let mut sets = sets.files.into_iter().nth(index).ok_or_else(|| format!("{key} does not list file {index}"))?;
        for (partition, missing) in &pending.missing {
            if let Some(offsets) = sets.get_mut(partition) {
                offsets.subtract(missing);
            }
        }
        Ok(sets)
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
            (Ok(Ok(read)), Ok(uploaded)) if read.records > 0 => {
                let missing_records: u64 = read.missing.values().map(Offsets::len).sum();
                let bytes = uploaded.iter().map(|part| part.size_bytes).sum();
                if read.records + missing_records == file.records {
                    return Rebuild::Done { token, upload_id, parts: uploaded, bytes, missing: read.missing };
                }
                // Nothing is declared lost on a count that does not add up.
                let (read, all) = (read.records, file.records);
                Rebuild::Failed(format!("{read} records were read and {missing_records} are gone, the file had {all}"))
            }
            (Ok(Ok(_)), Ok(_)) => Rebuild::Lost(format!("kafka has none of its {} records any more", file.records)),
            (Ok(Err(error)), _) | (_, Err(error)) => Rebuild::Failed(error),
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
                let request = || async {
                    let _slot = self.inner.parts.upload_slots.acquire().await;
                    self.inner.parts.store.upload_part(bucket, key, upload_id, number, chunks.clone()).await
                };
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

/// What was found of a file in Kafka.
#[derive(Debug)]
struct Read {
    records: u64,
    missing: BTreeMap<SourcePartition, Offsets>,
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
    fn run(&self, out: &mpsc::Sender<Bytes>) -> Result<Read, String> {
        let mut writer = Writer::new(self)?;
        let mut missing = BTreeMap::new();
        for (partition, offsets) in &self.sets {
            let mut found = Offsets::new();
            self.read_partition(partition, offsets, &mut writer, &mut found, out)?;
            let gone = offsets.difference(&found);
            if !gone.is_empty() {
                missing.insert(partition.clone(), gone);
            }
        }
        // Afterwards: a topic that was created again meanwhile has given other records.
        self.same_topics()?;
        let records = writer.finish(out)?;
        Ok(Read { records, missing })
    }

    /// Retention may have taken the beginning of the range, compaction anything in it: what is left is read.
    fn read_partition(
        &self,
        partition: &SourcePartition,
        offsets: &Offsets,
        writer: &mut Writer<'_>,
        found: &mut Offsets,
        out: &mpsc::Sender<Bytes>,
    ) -> Result<(), String> {
        let (Some(mut first), Some(last)) = (offsets.min(), offsets.max()) else { return Ok(()) };
        let topic_partition = TopicPartition { topic: partition.topic.as_str().into(), partition: partition.partition };
        loop {
            let Some((from, end)) = i64::try_from(first).ok().zip(i64::try_from(last + 1).ok()) else { return Ok(()) };
            let mut failed = None;
            let mut visit = |record: RecordRef<'_>| {
                if let Some(offset) = u64::try_from(record.offset).ok().filter(|offset| offsets.contains(*offset)) {
                    match writer.add(partition, &record, out) {
                        Ok(()) => {
                            found.insert(offset);
                        }
                        Err(error) => failed = Some(error),
                    }
                }
                failed.is_none()
            };
            let read = self.kafka.read_range(&topic_partition, from, end, &mut visit);
            if let Some(error) = failed {
                return Err(error);
            }
            match read {
                Ok(()) => return Ok(()),
                // Retention took the beginning, perhaps while we read: what was added stays, the rest is read on.
                Err(RangeError::Gone { .. }) => {
                    let (there, _) = self.kafka.facts(std::slice::from_ref(&topic_partition))?;
                    let start = there.first().map_or(u64::MAX, |found| found.facts.log_start);
                    if start <= first || start > last {
                        return Ok(());
                    }
                    first = start.max(found.max().map_or(0, |at| at + 1));
                }
                Err(error) => return Err(error.to_string()),
            }
        }
    }

    fn same_topics(&self) -> Result<(), String> {
        let wanted: BTreeMap<&str, &str> = self
            .sets
            .keys()
            .map(|p| (p.topic.as_str(), p.topic_id.as_str()))
            .filter(|(_, id)| !id.is_empty())
            .collect();
        if wanted.is_empty() {
            return Ok(());
        }
        let now = self.kafka.topic_ids(&wanted.keys().map(|topic| (*topic).to_owned()).collect::<Vec<_>>())?;
        match wanted.iter().find(|(topic, id)| now.get(**topic).is_none_or(|now| now != *id)) {
            None => Ok(()),
            Some((topic, _)) => Err(format!("topic {topic} is not the one the file was read from")),
        }
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

#[cfg(test)]
#[path = "rebuild_tests.rs"]
mod tests;
