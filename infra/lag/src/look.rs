//! One look at the pools of a fleet: which jobs there are, what their workers tell, and how far each is behind.
//!
//! Clusters are asked side by side and each by few at once. One that does not answer costs its own jobs their samples
//! and nobody else's: after its first silence it is not asked again in this look.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use landfall_kafka::{ClusterClient, ClusterError, Isolation, TopicPartition, TopicPattern, Topics};
use landfall_scale::{JobSample, Phase, WorkerSample};
use landfall_store::heartbeats::HeartbeatError;
use landfall_store::{Desired, HeartbeatStore, JobRecord, JobStore, JobStoreError, LagReport, LiveWorkers, Stored};
use landfall_store::{State, StatusDocument, StatusInputs};
use tokio::sync::Semaphore;

use crate::measure::{MeasureError, Request, measure};
use crate::rested::Rested;
use crate::sample;

/// Jobs of one cluster that are measured at once.
const JOBS_AT_ONCE: usize = 8;

/// Why nothing can be decided: what there is to decide about is not known.
#[derive(Debug, thiserror::Error)]
pub enum LookError {
    #[error("the jobs cannot be listed: {0}")]
    Jobs(#[from] JobStoreError),
    #[error("the workers' heartbeats cannot be read: {0}")]
    Workers(#[from] HeartbeatError),
}

/// What is looked at.
#[derive(Debug)]
pub struct Lookout {
    pub jobs: JobStore,
    pub heartbeats: HeartbeatStore,
    /// Shared by all looks of a process.
    pub rested: Arc<Rested>,
    /// By registered name.
    pub clusters: BTreeMap<String, Arc<ClusterClient>>,
    /// The longest that measuring may take; what is not measured by then has no sample.
    pub patience: Duration,
}

/// A pool as it was seen.
#[derive(Debug, Clone, Default)]
pub struct SeenPool {
    pub workers: Vec<WorkerSample>,
    pub jobs: Vec<JobSample>,
    /// When jobs without a sample were created, in milliseconds since the epoch, by name.
    pub unmeasured: BTreeMap<String, i64>,
}

/// What one look saw.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// By name; every pool that has a job or a live worker.
    pub pools: BTreeMap<String, SeenPool>,
    /// Jobs whose record cannot be read: which pool they are of is not known, so they may be of any.
    pub unreadable: Vec<String>,
}

impl SeenPool {
    /// Takes in a job of which nothing is known but that it is there: it asks for what it asked for last.
    pub fn add_unknown(&mut self, name: &str, created_at_ms: i64) {
        let unknown = JobSample { name: Arc::from(name), phase: Phase::Running, max_workers: 1, lag: None };
        self.jobs.push(unknown);
        self.unmeasured.insert(name.to_owned(), created_at_ms);
    }
}

/// One cluster and whether it was silent.
#[derive(Debug)]
struct Asked {
    name: String,
    client: Arc<ClusterClient>,
    turns: Semaphore,
    silent: AtomicBool,
}

impl Lookout {
    /// Looks at every pool that has a job or a live worker, by its name.
    ///
    /// # Errors
    /// The list of jobs or the heartbeats cannot be read. What is wrong with a single job or cluster is no error.
    pub async fn look(&self, now: Timestamp) -> Result<Seen, LookError> {
        let nothing = HashMap::new();
        let (changes, workers) = tokio::join!(self.jobs.changes(&nothing), self.heartbeats.read(now));
        let (changes, workers) = (changes?, Arc::new(workers?));
        for broken in &changes.broken {
            tracing::error!(job = broken.name, reason = %broken.reason, "a job's record cannot be read: no pool is made smaller");
        }
        for (key, reason) in &workers.broken {
            tracing::warn!(key, %reason, "a heartbeat cannot be read: its worker counts as absent");
        }
        let mut pools: BTreeMap<String, SeenPool> = BTreeMap::new();
        for seen in workers.seen.iter().filter(|seen| seen.live()) {
            let rates = seen.heartbeat.jobs.iter().filter(|job| !job.past).map(|job| job.throughput.records_per_second);
            let worker = WorkerSample { records_per_second: rates.fold(0.0, |sum, rate| sum + rate) };
            pools.entry(seen.heartbeat.pool.clone()).or_default().workers.push(worker);
        }
        let mut records: Vec<Stored> = changes.changed.into_iter().filter(|stored| !stored.record.closed).collect();
        self.rested.keep_only(&records);
        // Where there is no time for all of them, it is not always the same ones that go without.
        let first = usize::try_from(now.as_millisecond()).unwrap_or(0).checked_rem(records.len());
        records.rotate_left(first.unwrap_or(0));
        let deadline = tokio::time::Instant::now() + self.patience;
        let asked = self.asked();
        let measuring: Vec<_> = records
            .into_iter()
            .map(|stored| {
                let record = &stored.record;
                let told = (record.spec.pool.clone(), record.name.clone(), record.created_at.as_millisecond());
                let (cluster, workers) = (asked.get(&record.spec.source.cluster).cloned(), Arc::clone(&workers));
                let rested = Arc::clone(&self.rested);
                (told, tokio::spawn(async move { one(&stored, &rested, cluster, &workers, now, deadline).await }))
            })
            .collect();
        for ((pool, name, created_at_ms), measured) in measuring {
            let pool = pools.entry(pool).or_default();
            match measured.await {
                Ok(sample) => {
                    if sample.phase.counts() && sample.lag.is_none() {
                        pool.unmeasured.insert(name, created_at_ms);
                    }
                    pool.jobs.push(sample);
                }
                // A task that panicked has said so.
                Err(_) => pool.add_unknown(&name, created_at_ms),
            }
        }
        Ok(Seen { pools, unreadable: changes.broken.into_iter().map(|broken| broken.name).collect() })
    }

    fn asked(&self) -> BTreeMap<String, Arc<Asked>> {
        let one = |(name, client): (&String, &Arc<ClusterClient>)| {
            let asked = Asked {
                name: name.clone(),
                client: Arc::clone(client),
                turns: Semaphore::new(JOBS_AT_ONCE),
                silent: AtomicBool::new(false),
            };
            (name.clone(), Arc::new(asked))
        };
        self.clusters.iter().map(one).collect()
    }
}

async fn one(
    stored: &Stored,
    rested: &Rested,
    cluster: Option<Arc<Asked>>,
    workers: &LiveWorkers,
    now: Timestamp,
    deadline: tokio::time::Instant,
) -> JobSample {
    let record = &stored.record;
    let own: Vec<_> = workers.seen.iter().filter(|seen| seen.job(&record.uid).is_some()).cloned().collect();
    let inputs = StatusInputs { record, workers: &own, kafka: None, log: None, at_its_word: false, scaling: None, now };
    let mut status = StatusDocument::merge(&inputs);
    if status.state == State::Running && matches!(record.desired, Desired::Paused | Desired::Stopped) {
        // It wants a worker for its last files, and none for what waits in Kafka.
        let landing = LagReport::default();
        let report = match rested.unfinished(stored, workers.anyone_runs(&record.uid), deadline).await {
            Some(true) => Some(&landing),
            Some(false) => {
                status.state = if record.desired == Desired::Paused { State::Paused } else { State::Stopped };
                None
            }
            None => None,
        };
        let mut sample = sample::measured(&status, record.spec.max_workers, report, now.as_millisecond());
        sample.lag.iter_mut().for_each(|lag| lag.unlanded = true);
        return sample;
    }
    let wanted = matches!(status.state, State::Running | State::Deleting);
    let report = match (wanted, cluster, request(record, &status)) {
        (false, ..) => None,
        (true, None, _) => {
            let cluster = &record.spec.source.cluster;
            tracing::error!(job = record.name, cluster, "the job's cluster is not registered here: it has no sample");
            None
        }
        (true, Some(_), None) => None,
        (true, Some(asked), Some(request)) => {
            let report = tokio::time::timeout_at(deadline, ask(&asked, request, &record.name, now)).await;
            report.unwrap_or_else(|_| {
                tracing::warn!(
                    job = record.name,
                    cluster = asked.name,
                    "measuring took too long: the job has no sample"
                );
                None
            })
        }
    };
    let mut sample = sample::measured(&status, record.spec.max_workers, report.as_ref(), now.as_millisecond());
    // Only a worker says that a bounded job is finished, and completes what a job that is deleted still has open.
    let unfinished = record.ends.is_some() && record.finished_at.is_none() && status.state == State::Running;
    if let Some(lag) = &mut sample.lag {
        lag.unlanded |= unfinished || status.state == State::Deleting;
    }
    sample
}

async fn ask(asked: &Arc<Asked>, request: Request, job: &str, now: Timestamp) -> Option<LagReport> {
    let _turn = asked.turns.acquire().await.ok()?;
    if asked.silent.load(Ordering::Relaxed) {
        tracing::warn!(job, cluster = asked.name, "the cluster gave no answer: the job has no sample");
        return None;
    }
    let (client, pattern) = (Arc::clone(&asked.client), matches!(request.topics, Topics::Pattern(_)));
    let measured = tokio::task::spawn_blocking(move || measure(&client, &request, now.as_millisecond())).await;
    match measured.ok()? {
        Ok(report) => Some(report),
        // A pattern may match nothing yet: nothing waits.
        Err(MeasureError::NoTopics { .. }) if pattern => Some(LagReport::default()),
        Err(error) => {
            if matches!(error, MeasureError::Cluster(ClusterError::Unreachable { .. })) {
                asked.silent.store(true, Ordering::Relaxed);
            }
            tracing::warn!(job, cluster = asked.name, %error, "the job has no sample");
            None
        }
    }
}

/// `None` for a pattern of topics that this build cannot read.
fn request(record: &JobRecord, status: &StatusDocument) -> Option<Request> {
    let source = &record.spec.source;
    let topics = match &source.topics {
        landfall_job::Topics::Named(names) => Topics::Names(names.clone()),
        landfall_job::Topics::Matching(pattern) => Topics::Pattern(TopicPattern::parse(pattern.as_str()).ok()?),
    };
    let isolation = match source.isolation {
        landfall_job::Isolation::ReadCommitted => Isolation::ReadCommitted,
        landfall_job::Isolation::ReadUncommitted => Isolation::ReadUncommitted,
    };
    let at = |topic: &str, partition: i32| TopicPartition { topic: Arc::from(topic), partition };
    let told = status.partitions.iter().filter(|told| told.worker.is_some() && !told.stale);
    Some(Request {
        cluster: source.cluster.clone(),
        group: record.spec.group_id(),
        topics,
        isolation,
        job_uid: Some(record.uid.clone()),
        positions: told.filter_map(|told| Some((at(&told.topic, told.partition), told.position?))).collect(),
        origins: record.origins.iter().map(|o| (at(&o.topic, o.partition), o.start_offset)).collect(),
        ends: record.ends.iter().flatten().map(|e| (at(&e.topic, e.partition), e.end_offset)).collect(),
        records_per_second: Some(status.throughput.records_per_second).filter(|rate| *rate > 0.0),
        read_ages: true,
    })
}
