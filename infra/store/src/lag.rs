//! How far a job is behind. No clock, no I/O: facts in, report out.
//!
//! Lag is the end offset minus the position where a live worker covers the partition, else minus the committed offset:
//! records that wait in an open file are consumed, and no lag. Offsets are exclusive but for `start_offset` and `origin`.

use serde::Serialize;

/// What is known of one partition of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionFacts {
    pub cluster: String,
    pub topic: String,
    pub partition: i32,
    /// First offset that the broker still has.
    pub start_offset: i64,
    /// Exclusive; the last stable offset for a job that reads committed records.
    pub end_offset: i64,
    /// Where the job began, if the group never committed: its origin, or 0 for a partition that appeared later.
    pub origin: i64,
    /// Exclusive end of a bounded job; nothing behind it is waited for.
    pub stop_offset: Option<i64>,
    /// The position that a live heartbeat tells. `None` where no live worker covers the partition.
    pub position: Option<i64>,
    /// The group's committed offset, if it is this job's.
    pub committed: Option<i64>,
    /// Timestamp of the first record not yet consumed, in milliseconds since the epoch, where it could be read.
    pub oldest_unconsumed_ms: Option<i64>,
}

/// What the lag of a partition is counted from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reached {
    /// The position of a live worker.
    Position,
    /// The group's commit: no live worker covers the partition.
    Committed,
    /// Where the job began: nothing was ever committed.
    Origin,
}

/// How old something is.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Age {
    pub seconds: f64,
    /// True when it was reckoned from the rate of consumption, not read from a record.
    pub estimated: bool,
}

/// One partition's lag.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PartitionLag {
    pub cluster: String,
    pub topic: String,
    pub partition: i32,
    pub end_offset: i64,
    pub position: Option<i64>,
    pub committed_offset: Option<i64>,
    /// Offsets between what was reached and the end.
    pub lag: u64,
    pub counted_from: Reached,
    /// Offsets that were never consumed and are not there any more: a gap, and no lag.
    pub gone: u64,
    /// Age of the oldest record not yet consumed; `None` if it is not known. 0 without lag.
    pub age: Option<Age>,
}

/// A job's lag.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct LagReport {
    /// Sum over all partitions.
    pub records: u64,
    /// The oldest partition's age; `None` when a partition lags and no age is known.
    pub age: Option<Age>,
    pub partitions: Vec<PartitionLag>,
}

impl PartitionFacts {
    /// The offset reached, and who says so. A worker's word beats the commit, which is always behind it.
    #[must_use]
    pub fn reached(&self) -> (i64, Reached) {
        match (self.position, self.committed) {
            (Some(position), _) => (position, Reached::Position),
            (None, Some(committed)) => (committed, Reached::Committed),
            (None, None) => (self.origin, Reached::Origin),
        }
    }

    /// The first offset still to be consumed, and how many before it are gone for ever.
    #[must_use]
    pub fn next(&self) -> (i64, u64) {
        let (reached, _) = self.reached();
        (reached.max(self.start_offset), distance(reached, self.start_offset))
    }

    /// Exclusive: what the job wants to reach.
    #[must_use]
    pub fn wanted(&self) -> i64 {
        self.stop_offset.map_or(self.end_offset, |stop| stop.min(self.end_offset))
    }

    /// How many offsets are still to be consumed.
    #[must_use]
    pub fn lag(&self) -> u64 {
        distance(self.next().0, self.wanted())
    }
}

/// The report over all partitions. `now_ms` is in milliseconds since the epoch; `records_per_second` is the job's
/// rate, from which an age is reckoned where no record could be read.
#[must_use]
pub fn report(facts: &[PartitionFacts], now_ms: i64, records_per_second: Option<f64>) -> LagReport {
    let records = facts.iter().fold(0_u64, |sum, facts| sum.saturating_add(facts.lag()));
    let mut partitions: Vec<_> = facts.iter().map(|facts| partition(facts, now_ms)).collect();
    partitions.sort_by(|a, b| (&a.cluster, &a.topic, a.partition).cmp(&(&b.cluster, &b.topic, b.partition)));
    LagReport { records, age: age(&partitions, records, records_per_second), partitions }
}

fn partition(facts: &PartitionFacts, now_ms: i64) -> PartitionLag {
    let lag = facts.lag();
    let age = if lag == 0 {
        Some(Age { seconds: 0.0, estimated: false })
    } else {
        facts.oldest_unconsumed_ms.map(|oldest_ms| Age { seconds: seconds(now_ms, oldest_ms), estimated: false })
    };
    PartitionLag {
        cluster: facts.cluster.clone(),
        topic: facts.topic.clone(),
        partition: facts.partition,
        end_offset: facts.end_offset,
        position: facts.position,
        committed_offset: facts.committed,
        lag,
        counted_from: facts.reached().1,
        gone: facts.next().1,
        age,
    }
}

/// The oldest age that was read; where a lagging partition's could not be read, what the rate says, if that is more.
fn age(partitions: &[PartitionLag], records: u64, records_per_second: Option<f64>) -> Option<Age> {
    let read = partitions.iter().filter_map(|partition| partition.age).map(|age| age.seconds).fold(0.0, f64::max);
    if partitions.iter().all(|partition| partition.age.is_some()) {
        return Some(Age { seconds: read, estimated: false });
    }
    match records_per_second.filter(|rate| *rate > 0.0) {
        Some(rate) => Some(Age { seconds: (as_f64(records) / rate).max(read), estimated: true }),
        // A part of the truth is still a lower bound when there is one.
        None if read > 0.0 => Some(Age { seconds: read, estimated: true }),
        None => None,
    }
}

fn distance(from: i64, to: i64) -> u64 {
    u64::try_from(to.saturating_sub(from)).unwrap_or(0)
}

/// A record from the future is no negative age.
#[allow(clippy::cast_precision_loss)]
fn seconds(now_ms: i64, then_ms: i64) -> f64 {
    now_ms.saturating_sub(then_ms).max(0) as f64 / 1_000.0
}

/// Exact up to 2^53, which is more than an estimate needs.
#[allow(clippy::cast_precision_loss)]
fn as_f64(records: u64) -> f64 {
    records as f64
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::float_cmp)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn facts() -> PartitionFacts {
        PartitionFacts {
            cluster: "main".into(),
            topic: "bids".into(),
            partition: 0,
            start_offset: 0,
            end_offset: 100,
            origin: 0,
            stop_offset: None,
            position: None,
            committed: None,
            oldest_unconsumed_ms: None,
        }
    }

    #[test]
    fn records_in_an_open_file_are_no_lag() {
        let covered = PartitionFacts { position: Some(100), committed: Some(10), ..facts() };
        assert_eq!((covered.lag(), covered.reached().1), (0, Reached::Position));
    }

    #[test]
    fn without_a_live_worker_the_commit_counts_and_without_a_commit_the_origin() {
        let left = PartitionFacts { committed: Some(10), ..facts() };
        assert_eq!((left.lag(), left.reached().1), (90, Reached::Committed));
        let new = PartitionFacts { origin: 40, ..facts() };
        assert_eq!((new.lag(), new.reached().1), (60, Reached::Origin));
    }

    #[test]
    fn offsets_below_the_log_start_are_gone_and_no_lag() {
        let late = PartitionFacts { committed: Some(10), start_offset: 70, ..facts() };
        assert_eq!((late.lag(), late.next()), (30, (70, 60)));
        let emptied = PartitionFacts { committed: Some(10), start_offset: 100, ..facts() };
        assert_eq!((emptied.lag(), emptied.next().1), (0, 90));
    }

    #[test]
    fn a_bounded_job_waits_for_nothing_behind_its_end() {
        let bounded = PartitionFacts { stop_offset: Some(60), position: Some(50), ..facts() };
        assert_eq!(bounded.lag(), 10);
        assert_eq!(PartitionFacts { position: Some(60), ..bounded }.lag(), 0);
    }

    #[test]
    fn an_end_that_is_older_than_the_position_is_no_negative_lag() {
        assert_eq!(PartitionFacts { position: Some(120), ..facts() }.lag(), 0);
    }

    #[test]
    fn the_age_is_that_of_the_oldest_record_not_yet_consumed() {
        let old = PartitionFacts { position: Some(90), oldest_unconsumed_ms: Some(1_000), ..facts() };
        let young = PartitionFacts { partition: 1, oldest_unconsumed_ms: Some(9_000), ..old.clone() };
        let done = PartitionFacts { partition: 2, position: Some(100), ..facts() };
        let report = report(&[young, old, done], 10_000, None);
        assert_eq!(report.age, Some(Age { seconds: 9.0, estimated: false }));
        assert_eq!(report.records, 20);
        assert_eq!(report.partitions[2].age, Some(Age { seconds: 0.0, estimated: false }));
    }

    #[test]
    fn where_a_record_could_not_be_read_the_age_is_reckoned_from_the_rate_and_marked() {
        let unread = PartitionFacts { position: Some(0), ..facts() };
        let read = PartitionFacts { partition: 1, position: Some(90), oldest_unconsumed_ms: Some(9_000), ..facts() };
        let age = |rate| report(&[unread.clone(), read.clone()], 10_000, rate).age;
        assert_eq!(age(Some(10.0)), Some(Age { seconds: 11.0, estimated: true }));
        assert_eq!(age(None), Some(Age { seconds: 1.0, estimated: true }));
        assert_eq!(age(Some(0.0)), Some(Age { seconds: 1.0, estimated: true }));
        assert_eq!(report(std::slice::from_ref(&unread), 10_000, None).age, None);
        assert_eq!(report(&[], 10_000, None).age, Some(Age { seconds: 0.0, estimated: false }));
    }

    #[test]
    fn the_report_is_written_with_the_names_of_the_status_document() {
        let report = report(&[PartitionFacts { position: Some(90), ..facts() }], 0, None);
        assert_eq!(
            serde_json::to_value(&report.partitions[0]).unwrap(),
            serde_json::json!({
                "cluster": "main", "topic": "bids", "partition": 0, "end_offset": 100, "position": 90,
                "committed_offset": null, "lag": 10, "counted_from": "position", "gone": 0, "age": null
            })
        );
    }

    proptest! {
        #[test]
        fn lag_never_exceeds_what_the_broker_still_has_and_no_number_overflows(
            start_offset in any::<i64>(), end_offset in any::<i64>(), origin in any::<i64>(),
            stop_offset in any::<Option<i64>>(), position in any::<Option<i64>>(), committed in any::<Option<i64>>(),
            oldest_unconsumed_ms in any::<Option<i64>>(), now_ms in any::<i64>(), rate in any::<Option<f64>>(),
        ) {
            let facts = PartitionFacts {
                start_offset, end_offset, origin, stop_offset, position, committed, oldest_unconsumed_ms, ..facts()
            };
            prop_assert!(facts.lag() <= distance(start_offset, end_offset));
            let report = report(&[facts.clone(), facts], now_ms, rate);
            if let Some(age) = report.age {
                prop_assert!(age.seconds >= 0.0);
            }
        }
    }
}
