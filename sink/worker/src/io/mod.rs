//! The I/O side of one job: carries out effects, answers with outcomes. Nothing here decides; a plain request (a part,
//! a LIST, a sidecar) is repeated until it succeeds, the requests of the protocol are made once.
//!
//! Where things run is injected ([`Spawner`]): on tokio, a CPU pool and blocking threads in production, on one
//! deterministic executor in a simulation.

mod complete;
mod encode;
mod kafka;
mod log;
mod patient;
mod rebuild;
mod scratch;
mod spawn;
mod upload;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use crossbeam_channel::Sender;
use landfall_commit::{JobUid, Lane, Paths};
use landfall_s3::{SharedStore, Timer};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

pub use kafka::{ClusterPort, Facted, KafkaPort, LetterPort};
pub use patient::Patience;
pub use scratch::{Scratch, ScratchPort};
pub use spawn::{Spawner, Threads};
pub(crate) use upload::SCRATCH_LOST;

use crate::effect::{Effect, FileId, Outcome};
use crate::wait::Waits;

/// What the I/O of one job is made of.
#[derive(Debug, Clone)]
pub struct IoParts {
    pub job: String,
    pub pool: String,
    pub uid: JobUid,
    pub store: SharedStore,
    pub state_bucket: String,
    pub state_prefix: String,
    pub kafka: Arc<dyn KafkaPort>,
    pub letters: Option<Arc<dyn LetterPort>>,
    pub scratch: Option<Arc<dyn ScratchPort>>,
    /// Of this engine's files on scratch; see [`Scratch::fresh_prefix`].
    pub scratch_prefix: String,
    pub timer: Arc<dyn Timer>,
    pub spawner: Arc<dyn Spawner>,
    /// Uploads of the whole process at once.
    pub upload_slots: Arc<Semaphore>,
    pub waits: Waits,
    /// The store passed the probe of a conditional Complete.
    pub conditional_complete: bool,
    pub part_size_bytes: u64,
}

impl IoParts {
    pub(crate) fn scratch_name(&self, file: FileId) -> String {
        format!("{}-{}", self.scratch_prefix, file.0)
    }
}

/// Carries out effects.
#[derive(Clone)]
pub struct Io {
    inner: Arc<Inner>,
}

struct Inner {
    parts: IoParts,
    paths: Paths,
    outcomes: Sender<Outcome>,
    /// Requests of a file end with it.
    files: Mutex<HashMap<FileId, CancellationToken>>,
    patience: Patience,
    /// Small requests about files at once: thousands of files may close in one turn.
    file_slots: Semaphore,
}

/// At 50 ms an answer, more than a thousand a second of one job.
const FILE_REQUESTS: usize = 64;

impl fmt::Debug for Io {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Io").field("job", &self.inner.parts.job).finish_non_exhaustive()
    }
}

impl Io {
    /// The channel is unbounded and yet bounded: an effect has at most one outcome, and the engine bounds its effects
    /// by memory and by the requests it allows at once.
    #[must_use]
    pub fn new(parts: IoParts, outcomes: Sender<Outcome>) -> Self {
        let paths = Paths::new(&parts.state_prefix, &parts.uid, Lane(0));
        let patience = Patience::new(parts.waits.clone(), Arc::clone(&parts.timer));
        Self {
            inner: Arc::new(Inner {
                parts,
                paths,
                outcomes,
                files: Mutex::default(),
                patience,
                file_slots: Semaphore::new(FILE_REQUESTS),
            }),
        }
    }

    /// Starts one effect.
    pub fn run(&self, effect: Effect) {
        let io = self.clone();
        let spawner = Arc::clone(&self.inner.parts.spawner);
        match effect {
            Effect::Encode { file, number, chunk, plan } => {
                spawner.cpu(Box::new(move || io.send(encode::independent(file, number, chunk, &plan))));
            }
            Effect::EncodeInOrder { file, encoder, chunks, finish } => {
                spawner.cpu(Box::new(move || io.send(encode::in_order(file, encoder, chunks, finish))));
            }
            Effect::Forget { file, abort } => {
                self.cancel(file);
                spawner.task(Box::pin(async move { io.forget(file, abort).await }));
            }
            Effect::Rebuild { file_ref, pending, token, plan } => {
                spawner.task(Box::pin(async move { io.rebuild(file_ref, *pending, token, plan).await }));
            }
            other => {
                // Taken before the task runs: a file that is forgotten in the same turn must find it.
                let cancelled = other.file().map(|file| self.token_of(file)).unwrap_or_default();
                spawner.task(Box::pin(async move { io.carry_out(other, &cancelled).await }));
            }
        }
    }

    async fn carry_out(&self, effect: Effect, cancelled: &CancellationToken) {
        match effect {
            Effect::CreateUpload { file, bucket, key, options } => {
                self.create_upload(file, cancelled, &bucket, &key, &options).await;
            }
            Effect::UploadPart { file, bucket, key, upload_id, number, segments } => {
                self.upload_part(file, cancelled, (&bucket, &key, &upload_id), number, segments).await;
            }
            Effect::Spill { file, segments } => self.spill(file, cancelled, segments).await,
            Effect::LookAtKey { file, bucket, key } => self.look_at_key(file, &bucket, &key).await,
            Effect::CheckUpload { file, bucket, key, upload_id, parts } => {
                self.check_upload(file, &bucket, &key, &upload_id, &parts).await;
            }
            Effect::Abort { bucket, key, upload_id } => self.abort(&bucket, &key, &upload_id).await,
            Effect::PutSidecar { key, json } => self.put_sidecar(key, json).await,
            Effect::VerifyTopics { seq, token, ids } => self.verify_topics(seq, token, ids).await,
            Effect::Append { key, seq, token, body } => self.append(key, seq, token, body).await,
            Effect::ReadEntry { seq, token } => self.read_entry(seq, token).await,
            Effect::LoadLog => self.load_log().await,
            Effect::FoldTail { from } => {
                let tail = self.tail(from).await;
                self.send(Outcome::Tail { tail });
            }
            Effect::PutCheckpoint { key, body } => self.put_checkpoint(key, body).await,
            Effect::Complete { file_ref, pending, step, replaces, last_seq, known } => {
                self.complete(file_ref, &pending, step, replaces, last_seq, known).await;
            }
            Effect::Recover { epoch, partitions, from } => self.recover(epoch, partitions, from).await,
            Effect::ProduceLetters { batch, letters } => self.produce_letters(batch, letters).await,
            Effect::Encode { .. } | Effect::EncodeInOrder { .. } | Effect::Forget { .. } | Effect::Rebuild { .. } => {}
        }
    }

    fn send(&self, outcome: Outcome) {
        // The engine may have ended: then nobody waits for it.
        let _ = self.inner.outcomes.send(outcome);
    }

    fn token_of(&self, file: FileId) -> CancellationToken {
        let mut files = self.inner.files.lock().unwrap_or_else(PoisonError::into_inner);
        files.entry(file).or_default().clone()
    }

    fn cancel(&self, file: FileId) {
        let mut files = self.inner.files.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(token) = files.remove(&file) {
            token.cancel();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn future_bytes<F: Future>(_made_by: impl FnOnce(Io, Effect) -> F) -> usize {
        size_of::<F>()
    }

    /// Ten thousand of them may wait at once.
    #[test]
    fn an_effect_that_waits_is_small() {
        let bytes = future_bytes(|io, effect| async move { io.carry_out(effect, &CancellationToken::new()).await });
        assert!(bytes <= 4 << 10, "{bytes} bytes");
    }
}
