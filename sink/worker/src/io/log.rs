//! The log's objects: sidecar, append, read, fold, checkpoint.

use bytes::Bytes;
use landfall_commit::decide::{AppendAnswer, Existing};
use landfall_commit::{Checkpoint, Entry, Lane, LogState, Seq, Token};
use landfall_s3::{Condition, ErrorKind, ListRequest, ObjectOptions, PutRequest, StoreError};

use super::Io;
use super::patient::waiting_text;
use crate::effect::{Fatal, Outcome, Tail};

/// Entries read at once while the log is loaded.
const READ_AHEAD: usize = 16;
const SIDECAR_LEVEL: i32 = 3;
/// Looks at a log with a hole before it is called damaged.
const MAX_HOLES: u32 = 5;
const HOLE_AGAIN_MS: u64 = 1_000;

fn fatal(error: &StoreError) -> Fatal {
    Fatal { code: error.code.clone(), message: error.to_string() }
}

fn bad_log(message: impl std::fmt::Display) -> Fatal {
    Fatal { code: "bad_log".to_owned(), message: message.to_string() }
}

impl Io {
    fn put_request(&self, key: &str, body: Bytes, condition: Condition, content_type: &str) -> PutRequest {
        PutRequest {
            bucket: self.inner.parts.state_bucket.clone(),
            key: key.to_owned(),
            body,
            condition,
            options: ObjectOptions { content_type: Some(content_type.to_owned()), ..ObjectOptions::default() },
        }
    }

    /// The sidecar's name carries the entry's token: writing it twice writes the same. It is conditional like the rest
    /// of the log, which may be all that the bucket policy allows.
    pub(super) async fn put_sidecar(&self, key: String, json: Vec<u8>) {
        let Ok(compressed) = zstd::bulk::compress(&json, SIDECAR_LEVEL) else { return };
        let body = Bytes::from(compressed);
        let request = || {
            let request = self.put_request(&key, body.clone(), Condition::IfAbsent, "application/zstd");
            self.inner.parts.store.put(request)
        };
        loop {
            match self.inner.patience.until_answered(request).await {
                Ok(_) => break,
                Err(error) if error.kind == ErrorKind::PreconditionFailed => break,
                Err(error) => {
                    // Refused for good: nobody can go on without it, so say so and try again.
                    let ticket = self.inner.patience.ticket();
                    self.inner.patience.pause_for(ticket, 6, &error).await;
                    self.inner.patience.resume(ticket);
                }
            }
        }
        self.send(Outcome::SidecarPut { key });
    }

    /// One attempt: what the answer means is the protocol's to decide.
    pub(super) async fn append(&self, key: String, seq: Seq, token: Token, body: Bytes) {
        let request = self.put_request(&key, body, Condition::IfAbsent, "application/json");
        let (answer, error) = match self.inner.parts.store.put(request).await {
            Ok(_) => (AppendAnswer::Created, None),
            Err(error) => {
                let answer = match error.kind {
                    ErrorKind::PreconditionFailed => AppendAnswer::Exists,
                    kind if kind.fate_unknown() => AppendAnswer::Unknown,
                    _ => AppendAnswer::Refused,
                };
                (answer, Some(waiting_text(&error)))
            }
        };
        let outcome = match answer {
            AppendAnswer::Created => "created",
            AppendAnswer::Exists => "exists",
            AppendAnswer::Unknown => "unknown",
            AppendAnswer::Refused => "refused",
        };
        let parts = &self.inner.parts;
        let labels = [("job", parts.job.clone()), ("pool", parts.pool.clone()), ("outcome", outcome.to_owned())];
        metrics::counter!("landfall_commit_appends_total", &labels).increment(1);
        self.send(Outcome::Appended { seq, token, answer, error });
    }

    pub(super) async fn read_entry(&self, seq: Seq, token: Token) {
        let key = self.inner.paths.entry(seq);
        let (existing, error) = match self.inner.parts.store.get(&self.inner.parts.state_bucket, &key).await {
            Ok(object) => match Entry::from_json(&object.body) {
                Ok(entry) => (Existing::Entry(Box::new(entry)), None),
                Err(bad) => (Existing::Bad(bad), None),
            },
            Err(error) if error.kind == ErrorKind::NoSuchKey => (Existing::Missing, None),
            Err(error) => (Existing::Unknown, Some(waiting_text(&error))),
        };
        self.send(Outcome::EntryRead { seq, token, existing, error });
    }

    async fn get(&self, key: &str) -> Result<Bytes, StoreError> {
        let parts = &self.inner.parts;
        let request = || parts.store.get(&parts.state_bucket, key);
        self.inner.patience.until_read(request).await.map(|object| object.body)
    }

    /// One page of keys, and where the next one begins.
    async fn list(
        &self,
        prefix: &str,
        start_after: Option<String>,
        continuation: Option<String>,
        max_keys: u32,
    ) -> Result<(Vec<String>, Option<String>), StoreError> {
        let request = ListRequest {
            bucket: self.inner.parts.state_bucket.clone(),
            prefix: prefix.to_owned(),
            start_after,
            continuation,
            max_keys,
            ..ListRequest::default()
        };
        let page = self.inner.patience.until_read(|| self.inner.parts.store.list(request.clone())).await?;
        Ok((page.objects.into_iter().map(|object| object.key).collect(), page.continuation))
    }

    /// Newest checkpoint, then the tail.
    pub(super) async fn load_log(&self) {
        let result = self.load().await.map(Box::new);
        self.send(Outcome::LogLoaded { result });
    }

    async fn load(&self) -> Result<LogState, Fatal> {
        let paths = &self.inner.paths;
        let (newest, _) = self.list(&paths.checkpoint_prefix(), None, None, 1).await.map_err(|e| fatal(&e))?;
        let mut state = None;
        if let Some(key) = newest.first() {
            let body = self.get(key).await.map_err(|e| fatal(&e))?;
            let folded = Checkpoint::from_json(&body, &self.inner.parts.uid, Lane(0))
                .map_err(|e| bad_log(format!("{key}: {e}")))?;
            self.stands_on_its_log(&folded).await?;
            state = Some(folded);
        }
        loop {
            let tail = self.tail(state.as_ref().map_or(Seq(0), LogState::next_seq)).await?;
            for entry in &tail.entries {
                match state.as_mut() {
                    Some(state) => state.fold(entry).map_err(bad_log)?,
                    None => state = Some(LogState::open(entry).map_err(bad_log)?),
                }
            }
            if !tail.more {
                return state.ok_or_else(|| self.empty_log());
            }
        }
    }

    fn empty_log(&self) -> Fatal {
        Fatal {
            code: "empty_log".to_owned(),
            message: format!(
                "the commit log under {} is empty: it was expired or deleted; starting over would land every record twice. restore the objects, or create a new generation of the job",
                self.inner.paths.log_prefix()
            ),
        }
    }

    /// A checkpoint is a conclusion from the log: one whose last entry is gone, or is another, concludes nothing.
    async fn stands_on_its_log(&self, state: &LogState) -> Result<(), Fatal> {
        let (parts, key) = (&self.inner.parts, self.inner.paths.entry(state.last_seq()));
        let request = || parts.store.get(&parts.state_bucket, &key);
        let body = match self.inner.patience.until_answered(request).await {
            Ok(object) => object.body,
            Err(error) if error.kind == ErrorKind::NoSuchKey => return Err(self.empty_log()),
            Err(error) => return Err(fatal(&error)),
        };
        let entry = Entry::from_json(&body).map_err(|e| bad_log(format!("{key}: {e}")))?;
        if entry.token == *state.last_token() {
            return Ok(());
        }
        Err(bad_log(format!("{key} is not the entry that the newest checkpoint was written after")))
    }

    /// The entries from `from` (inclusive) on that one page of a LIST names; the first page that names any.
    pub(super) async fn tail(&self, from: Seq) -> Result<Tail, Fatal> {
        let paths = &self.inner.paths;
        let (mut holes, mut page) = (0, None);
        let (listed, more) = loop {
            let after = Some(paths.list_entries_from(from));
            let (keys, next) = self.list(&paths.log_prefix(), after, page, 0).await.map_err(|e| fatal(&e))?;
            let mut listed: Vec<(Seq, String)> = keys
                .into_iter()
                .filter_map(|key| Some((paths.entry_seq(&key)?, key)))
                .filter(|(seq, _)| *seq >= from)
                .collect();
            listed.sort_unstable();
            // Sidecars of entries that never came may fill a page.
            page = next;
            if listed.is_empty() && page.is_some() {
                continue;
            }
            let hole = listed.iter().zip(from.0..).find(|((seq, _), at)| seq.0 != *at);
            let Some(((seq, key), _)) = hole else { break (listed, page.is_some()) };
            page = None;
            // A LIST that is no snapshot may miss one of two entries appended meanwhile: look again before the verdict.
            holes += 1;
            if holes > MAX_HOLES {
                return Err(bad_log(format!("a log entry below {seq} is missing although {key} exists")));
            }
            self.inner.parts.timer.sleep_ms(HOLE_AGAIN_MS).await;
        };
        let mut entries = Vec::with_capacity(listed.len());
        for window in listed.chunks(READ_AHEAD) {
            let bodies = futures::future::join_all(window.iter().map(|(_, key)| self.get(key))).await;
            for ((_, key), body) in window.iter().zip(bodies) {
                let body = body.map_err(|e| fatal(&e))?;
                entries.push(Entry::from_json(&body).map_err(|e| bad_log(format!("{key}: {e}")))?);
            }
        }
        Ok(Tail { entries, more })
    }

    /// Only speeds up a later recovery: an error costs nothing but that.
    pub(super) async fn put_checkpoint(&self, key: String, body: Vec<u8>) {
        let request = self.put_request(&key, Bytes::from(body), Condition::IfAbsent, "application/json");
        if let Err(error) = self.inner.parts.store.put(request).await
            && error.kind != ErrorKind::PreconditionFailed
        {
            tracing::warn!(job = %self.inner.parts.job, error = %error, "checkpoint was not written");
        }
    }
}
