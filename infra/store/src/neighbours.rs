//! What a worker keeps of the others between two beats, so that a fleet of n workers does not read n documents each n
//! times a beat: one LIST tells who has written since, and a document is read when it is new or was not looked at for
//! a while.

use std::collections::BTreeMap;

use futures::StreamExt;
use jiff::Timestamp;
use landfall_s3::ErrorKind;

use crate::heartbeat::Heartbeat;
use crate::heartbeats::{HeartbeatError, HeartbeatStore, LiveWorkers, READ_CONCURRENCY, SeenHeartbeat};

/// A document that changes all the time is read once in so long.
const READ_AGAIN_MS: i64 = 15_000;

#[derive(Debug)]
struct Known {
    etag: String,
    /// When its ETag was seen to change, by this process's clock: a sign of life that no other clock has a say in.
    changed_ms: i64,
    read_ms: i64,
    seen: SeenHeartbeat,
}

/// By key.
#[derive(Debug, Default)]
pub struct Neighbours {
    known: BTreeMap<String, Known>,
}

impl Neighbours {
    fn wants(&mut self, key: &str, etag: &str, now_ms: i64) -> bool {
        let Some(known) = self.known.get_mut(key) else { return true };
        if known.etag == etag {
            return false;
        }
        known.etag = etag.to_owned();
        known.changed_ms = now_ms;
        now_ms.saturating_sub(known.read_ms) >= READ_AGAIN_MS
    }

    /// As of now: what was read last, aged by the last sign of life.
    fn live(&self, now_ms: i64) -> LiveWorkers {
        let aged = |known: &Known| SeenHeartbeat {
            heartbeat: known.seen.heartbeat.clone(),
            age_ms: u64::try_from(now_ms.saturating_sub(known.changed_ms)).unwrap_or(0),
        };
        let mut seen: Vec<SeenHeartbeat> = self.known.values().map(aged).collect();
        seen.sort_by(|a, b| a.heartbeat.worker.cmp(&b.heartbeat.worker));
        LiveWorkers { seen, broken: Vec::new() }
    }
}

impl HeartbeatStore {
    /// Everybody, as [`HeartbeatStore::read`] sees them, but for documents that may be some seconds old: which jobs a
    /// worker has is known late, whether it is there is not.
    ///
    /// # Errors
    /// The LIST, or a GET of what it named, failed; what is known stays.
    pub async fn look(&self, neighbours: &mut Neighbours, now: Timestamp) -> Result<LiveWorkers, HeartbeatError> {
        let listed = self.list(now).await?;
        let now_ms = now.as_millisecond();
        neighbours.known.retain(|key, _| listed.iter().any(|object| object.key == *key));
        let wanted: Vec<_> =
            listed.into_iter().filter(|object| neighbours.wants(&object.key, &object.etag, now_ms)).collect();
        let mut reads = futures::stream::iter(wanted)
            .map(|object| async move {
                let answer = self.get(&object.key).await;
                (object, answer)
            })
            .buffer_unordered(READ_CONCURRENCY);
        while let Some((object, answer)) = reads.next().await {
            let found = match answer {
                Ok(found) => found,
                Err(error) if error.kind == ErrorKind::NoSuchKey => continue,
                Err(error) => return Err(error.into()),
            };
            // What cannot be read is somebody's to mend, and `read` tells of it: nobody lives by it.
            let Ok(heartbeat) = Heartbeat::decode(&found.body) else { continue };
            let seen = SeenHeartbeat::new(heartbeat, found.head.last_modified_ms, now);
            let changed_ms = now_ms.saturating_sub(i64::try_from(seen.age_ms).unwrap_or(i64::MAX));
            let known = Known { etag: object.etag, changed_ms, read_ms: now_ms, seen };
            neighbours.known.insert(object.key, known);
        }
        Ok(neighbours.live(now_ms))
    }
}
