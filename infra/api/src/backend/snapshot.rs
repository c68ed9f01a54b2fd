//! Every job record and heartbeat at one moment, kept between requests: a list of thousands of jobs costs one LIST and
//! a GET of what has changed, and any number of watchers share one look.
//!
//! A look that began after a request came is as good as one of its own: a request sees every write that was
//! acknowledged before it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use landfall_store::{Broken, LiveWorkers, Stored};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::BackendError;
use crate::state::ApiParts;

/// Living jobs by name, and records that cannot be read.
#[derive(Debug, Clone, Default)]
pub(crate) struct Jobs {
    pub(crate) living: Arc<BTreeMap<String, Arc<Stored>>>,
    pub(crate) broken: Arc<BTreeMap<String, Broken>>,
}

#[derive(Debug, Default)]
struct SeenJobs {
    began: Option<Instant>,
    etags: HashMap<String, String>,
    jobs: Jobs,
}

#[derive(Debug, Default)]
struct SeenWorkers {
    began: Option<Instant>,
    workers: Arc<LiveWorkers>,
}

#[derive(Debug, Default)]
pub(crate) struct Snapshots {
    jobs: Mutex<SeenJobs>,
    workers: Mutex<SeenWorkers>,
}

/// True when a look that began then is good enough for a request that came at `asked` and takes what is `max_age` old.
fn fresh(began: Option<Instant>, asked: Instant, max_age: Duration) -> bool {
    began.is_some_and(|began| began + max_age >= asked)
}

impl Snapshots {
    /// `max_age`: zero for what must show every write so far.
    pub(crate) async fn jobs(&self, parts: &ApiParts, max_age: Duration) -> Result<Jobs, BackendError> {
        let asked = Instant::now();
        let mut seen = self.jobs.lock().await;
        if fresh(seen.began, asked, max_age) {
            return Ok(seen.jobs.clone());
        }
        let began = Instant::now();
        let changes = parts.jobs.changes(&seen.etags).await?;
        let mut living = BTreeMap::clone(&seen.jobs.living);
        let mut broken = BTreeMap::clone(&seen.jobs.broken);
        for name in &changes.removed {
            living.remove(name);
            broken.remove(name);
        }
        for stored in changes.changed {
            let name = stored.record.name.clone();
            broken.remove(&name);
            if stored.record.closed {
                living.remove(&name);
            } else {
                living.insert(name, Arc::new(stored));
            }
        }
        for found in changes.broken {
            living.remove(&found.name);
            broken.insert(found.name.clone(), found);
        }
        seen.etags = changes.etags;
        seen.jobs = Jobs { living: Arc::new(living), broken: Arc::new(broken) };
        seen.began = Some(began);
        Ok(seen.jobs.clone())
    }

    pub(crate) async fn workers(&self, parts: &ApiParts, max_age: Duration) -> Result<Arc<LiveWorkers>, BackendError> {
        let asked = Instant::now();
        let mut seen = self.workers.lock().await;
        if fresh(seen.began, asked, max_age) {
            return Ok(Arc::clone(&seen.workers));
        }
        let began = Instant::now();
        seen.workers = Arc::new(parts.heartbeats.read(parts.environment.now()).await?);
        seen.began = Some(began);
        Ok(Arc::clone(&seen.workers))
    }
}
