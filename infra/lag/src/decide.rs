//! The decision about a pool, from a look and what was decided before, and its record for the next one.

use std::collections::BTreeMap;

use jiff::Timestamp;
use landfall_scale::{History, Limits, Plan, PoolSample, plan};
use landfall_store::{SCALING_FORMAT, ScalingChange, ScalingError, ScalingRecord, ScalingStore, StoredScaling};

use crate::look::SeenPool;

/// How many workers a pool should have, and the figures that an operator watches.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Decision {
    pub pool: String,
    /// Workers wanted.
    pub desired: u32,
    /// Workers alive.
    pub alive: u32,
    /// Why, in words.
    pub because: String,
    /// What stands out of single jobs, by their names.
    pub about_jobs: String,
    /// Records behind over all running jobs that were measured.
    pub lag_records: u64,
    /// Age of the oldest record not yet consumed. `None` where records wait and no age could be read.
    pub lag_seconds: Option<f64>,
    /// How long ago the running job that was not measured for longest was measured; 0 where all were now.
    pub sample_age_seconds: f64,
}

/// What is kept of a pool between two decisions.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Memory {
    history: History,
    said: Option<u32>,
    changes: Vec<ScalingChange>,
    /// Who decided, and when.
    by: Option<(String, Timestamp)>,
    etag: Option<String>,
}

impl Memory {
    /// Reads what was decided last.
    ///
    /// # Errors
    /// The store gave no answer. A record that cannot be read is none: nothing is scaled in for a while.
    pub async fn read(store: &ScalingStore, pool: &str) -> Result<Self, ScalingError> {
        let Some(StoredScaling { record, etag }) = store.read(pool).await? else { return Ok(Self::default()) };
        let said = record.as_ref().map(|record| record.desired);
        let by = record.as_ref().map(|record| (record.scaler.clone(), record.at));
        let (history, changes) = record.map_or_else(Default::default, |record| (record.history, record.changes));
        let history: Option<History> = serde_json::from_value(history).ok();
        if history.is_none() {
            tracing::warn!(pool, "what was decided before cannot be read: the decision begins anew, and is patient");
        }
        Ok(Self { history: history.unwrap_or_default(), said, changes, by, etag: Some(etag) })
    }

    /// Who else decided less than so long ago, if somebody did.
    #[must_use]
    pub fn another(&self, scaler: &str, now: Timestamp, within_seconds: f64) -> Option<&str> {
        let (who, at) = self.by.as_ref().filter(|(who, _)| who != scaler)?;
        let age_ms = now.as_millisecond().saturating_sub(at.as_millisecond());
        #[allow(clippy::cast_precision_loss)] // seconds
        let young = (age_ms as f64) < within_seconds * 1_000.0;
        young.then_some(who.as_str())
    }
}

/// Decides about a pool. `asked`: how many workers are asked for now, where somebody knows; else it is what was said
/// last, else those that are alive. Returns also the record to keep.
///
/// # Errors
/// The memory cannot be written as JSON.
pub fn decide(
    pool: &str,
    seen: &SeenPool,
    limits: &Limits,
    memory: &Memory,
    asked: Option<u32>,
    scaler: &str,
    now: Timestamp,
) -> Result<(Decision, ScalingRecord), ScalingError> {
    let now_ms = now.as_millisecond();
    let alive = u32::try_from(seen.workers.len()).unwrap_or(u32::MAX);
    let before = asked.or(memory.said).unwrap_or(alive);
    let sample = PoolSample { now_ms, desired: before, workers: seen.workers.clone(), jobs: Some(seen.jobs.clone()) };
    let Plan { desired, because, about_jobs, history } = plan(&sample, limits, &memory.history);
    let (lag_records, lag_seconds) = lag(seen);
    let sample_age_seconds = sample_age_seconds(&seen.unmeasured, &memory.history, now_ms);
    let failed = |error: serde_json::Error| ScalingError::Encode { pool: pool.to_owned(), message: error.to_string() };
    let mut record = ScalingRecord {
        format: SCALING_FORMAT,
        pool: pool.to_owned(),
        at: now,
        desired,
        because: because.clone(),
        about_jobs: Some(about_jobs.clone()),
        changes: Vec::new(),
        lag_records,
        lag_seconds,
        scaler: scaler.to_owned(),
        history: serde_json::to_value(&history).map_err(failed)?,
    };
    record.follow(memory.changes.clone(), before, memory.said);
    let pool = pool.to_owned();
    Ok((Decision { pool, desired, alive, because, about_jobs, lag_records, lag_seconds, sample_age_seconds }, record))
}

/// Writes what was decided over exactly what [`Memory::read`] found.
///
/// # Errors
/// Another scaler wrote in between, or the store gave no answer.
pub async fn keep(store: &ScalingStore, record: &ScalingRecord, memory: Memory) -> Result<(), ScalingError> {
    store.write(record, memory.etag).await
}

fn lag(seen: &SeenPool) -> (u64, Option<f64>) {
    let measured = seen.jobs.iter().filter(|job| job.phase.counts()).filter_map(|job| job.lag.as_ref());
    let (mut records, mut oldest, mut waiting) = (0_u64, None::<f64>, false);
    for partition in measured.flat_map(|lag| &lag.partitions).filter(|partition| partition.lag() > 0) {
        records = records.saturating_add(partition.lag());
        waiting = true;
        oldest = [oldest, partition.age_seconds].into_iter().flatten().reduce(f64::max);
    }
    (records, if waiting { oldest } else { Some(0.0) })
}

#[allow(clippy::cast_precision_loss)] // seconds
fn sample_age_seconds(unmeasured: &BTreeMap<String, i64>, history: &History, now_ms: i64) -> f64 {
    let since = |(name, created_at_ms): (&String, &i64)| {
        history.jobs.get(name.as_str()).map_or(*created_at_ms, |job| job.sampled_at_ms)
    };
    let oldest_ms = unmeasured.iter().map(since).min();
    oldest_ms.map_or(0.0, |at_ms| now_ms.saturating_sub(at_ms).max(0) as f64 / 1_000.0)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::float_cmp)]
mod tests {
    use std::sync::Arc;

    use landfall_scale::{JobLag, JobSample, PartitionKey, PartitionSample, Phase};

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    fn job(name: &str, now: Timestamp, lags: &[(i64, Option<f64>)]) -> JobSample {
        let one = |(number, (lag, age_seconds)): (usize, &(i64, Option<f64>))| PartitionSample {
            key: PartitionKey { cluster: "main".into(), topic: "t".into(), partition: i32::try_from(number).unwrap() },
            first_offset: 0,
            end_offset: *lag,
            position: None,
            committed_offset: Some(0),
            age_seconds: *age_seconds,
        };
        JobSample {
            name: Arc::from(name),
            phase: Phase::Running,
            max_workers: 8,
            lag: Some(JobLag {
                sampled_at_ms: now.as_millisecond(),
                live_workers: 0,
                unlanded: false,
                partitions: lags.iter().enumerate().map(one).collect(),
            }),
        }
    }

    #[test]
    fn lag_wakes_a_pool_at_zero_and_the_figures_are_those_of_the_running_jobs() {
        let lags = [(7_000_000, Some(90.0)), (0, None), (3_000_000, Some(400.0))];
        let mut paused = job("b", at(0), &[(1_000, None)]);
        paused.phase = Phase::Paused;
        let seen = SeenPool { jobs: vec![job("a", at(0), &lags), paused], ..SeenPool::default() };
        let (decision, record) =
            decide("p", &seen, &Limits::default(), &Memory::default(), Some(0), "s", at(0)).unwrap();
        assert!(decision.desired > 0, "{decision:?}");
        assert_eq!((decision.lag_records, decision.lag_seconds), (10_000_000, Some(400.0)));
        assert_eq!((decision.alive, decision.sample_age_seconds), (0, 0.0));
        assert_eq!((record.desired, record.because.as_str()), (decision.desired, decision.because.as_str()));
    }

    #[test]
    fn a_job_without_a_sample_keeps_the_pool_as_it_is_and_its_age_is_told() {
        let limits = Limits::default();
        let seen = SeenPool { jobs: vec![job("a", at(0), &[(0, None)])], ..SeenPool::default() };
        let (_, record) = decide("p", &seen, &limits, &Memory::default(), Some(3), "s", at(0)).unwrap();
        let history = serde_json::from_value(record.history).unwrap();
        let memory = Memory { history, said: Some(record.desired), ..Memory::default() };
        let mut silent = seen.clone();
        silent.jobs[0].lag = None;
        silent.unmeasured.insert("a".to_owned(), at(-5_000).as_millisecond());
        let (decision, _) = decide("p", &silent, &limits, &memory, None, "s", at(240)).unwrap();
        assert_eq!((decision.desired, decision.sample_age_seconds), (record.desired, 240.0));
        // Of a job that was never measured the age counts from its creation.
        let (decision, _) = decide("p", &silent, &limits, &Memory::default(), Some(2), "s", at(0)).unwrap();
        assert_eq!((decision.desired, decision.sample_age_seconds), (2, 5_000.0));
    }

    #[test]
    fn a_change_is_remembered_with_its_reason_and_what_stays_is_none() {
        let seen = SeenPool { jobs: vec![job("a", at(0), &[(7_000_000, Some(90.0))])], ..SeenPool::default() };
        let mut memory = Memory { said: Some(0), ..Memory::default() };
        let (_, first) = decide("p", &seen, &Limits::default(), &memory, None, "s", at(0)).unwrap();
        let change = first.changes[0].clone();
        assert_eq!((change.at, change.by.as_str(), change.from, change.to), (at(0), "s", 0, first.desired));
        assert_eq!(change.because, first.because);
        memory.said = Some(first.desired);
        memory.history = serde_json::from_value(first.history).unwrap();
        memory.changes = first.changes;
        let (_, second) = decide("p", &seen, &Limits::default(), &memory, None, "s", at(10)).unwrap();
        assert_eq!((second.desired, second.changes), (first.desired, vec![change.clone()]));
        // A pool that flaps does not grow its record.
        memory.changes = vec![change; 500];
        let (_, third) =
            decide("p", &SeenPool::default(), &Limits::default(), &memory, Some(3), "s", at(9_000)).unwrap();
        assert_eq!((third.changes.len(), third.changes[19].to), (20, third.desired));
    }

    #[test]
    fn waiting_records_of_unknown_age_are_not_told_as_no_age() {
        let seen = SeenPool { jobs: vec![job("a", at(0), &[(5, None)])], ..SeenPool::default() };
        assert_eq!(lag(&seen), (5, None));
        assert_eq!(lag(&SeenPool::default()), (0, Some(0.0)));
    }
}
