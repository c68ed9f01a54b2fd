//! Where a partition starts after an assignment. The log decides; Kafka's committed offset is a hint that can only
//! reveal an operator's reset.

use crate::ids::{JobUid, SourcePartition};
use crate::offset_set::OffsetSet;
use crate::offsets::Offsets;
use crate::state::LogState;

/// What Kafka and the operator say about one partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// The group's committed offset (exclusive) and its metadata.
    pub committed: Option<(u64, String)>,
    /// The first offset the topic still has (inclusive).
    pub log_start: u64,
    /// The end of the topic (exclusive), by the job's isolation.
    pub end: u64,
}

/// What to do with the partition.
#[derive(Debug, Clone, PartialEq)]
pub enum Start {
    /// Consume from `offset` (inclusive); `gap` are offsets that Kafka no longer has and nobody holds: to be declared
    /// in the next entry, or to stop at, by the job's `on_gap`.
    At {
        offset: u64,
        gap: Offsets,
    },
    Stop(Stop),
}

/// Why the job must not go on with this partition.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Stop {
    #[error(
        "topic of {partition} was deleted and re-created (the log knows it under {known}): its offsets mean other records now; create a new generation of the job"
    )]
    Recreated { partition: SourcePartition, known: SourcePartition },
    #[error(
        "{partition} ends at offset {end}, below offset {low} up to which the job has landed it: the topic was truncated or created again; create a new generation of the job"
    )]
    Truncated { partition: SourcePartition, end: u64, low: u64 },
    #[error(
        "the group's committed offset of {partition} was set to {committed}, above {low} where the job stands; going forward is a declared skip, ask for it through the api"
    )]
    OffsetReset { partition: SourcePartition, committed: u64, low: u64 },
}

/// Where the job begins (inclusive) in a partition the log has not met. `origin`: what was resolved for it after the job
/// was created. A new partition of a topic the log knows begins at 0; in a topic it does not know the job begins with
/// what is there at first sight: what was gone before was never its to land.
#[must_use]
pub fn first_offset(state: &LogState, partition: &SourcePartition, facts: &Facts, origin: Option<u64>) -> u64 {
    let topic_known = || {
        let same = |known: &SourcePartition| known.cluster == partition.cluster && known.topic == partition.topic;
        state.partitions().keys().any(same)
    };
    match origin {
        _ if state.partitions().contains_key(partition) => 0,
        Some(origin) => origin,
        None if topic_known() => 0,
        None => facts.log_start,
    }
}

/// Decides from the folded log. `held` are the worker's own offsets of that partition that are not in the log yet,
/// `first` is [`first_offset`] and means nothing for a partition that the log knows.
#[must_use]
pub fn start(state: &LogState, partition: &SourcePartition, facts: &Facts, held: &Offsets, first: u64) -> Start {
    if let Some(known) = state.other_incarnation(partition) {
        return Start::Stop(Stop::Recreated { partition: partition.clone(), known: known.clone() });
    }
    let known = state.partitions().get(partition).cloned();
    let accounted = known.unwrap_or_else(|| OffsetSet::starting_at(first));
    let low = accounted.low();
    if facts.end < low {
        return Start::Stop(Stop::Truncated { partition: partition.clone(), end: facts.end, low });
    }
    if let Some((committed, metadata)) = &facts.committed
        && *committed > low
        // Nobody can have reset what the job never read: a commit of whoever had the group before.
        && (state.partitions().contains_key(partition) || metadata == state.job_uid().as_str())
        && ours_or_nobodys(metadata, state.job_uid())
    {
        return Start::Stop(Stop::OffsetReset { partition: partition.clone(), committed: *committed, low });
    }
    let mut gap = Offsets::from_range(low..facts.log_start);
    gap.subtract(accounted.above());
    gap.subtract(held);
    Start::At { offset: accounted.above().first_missing(low.max(facts.log_start)), gap }
}

/// A commit without metadata is what Kafka's own tools write when an operator resets a group; one with another uid is
/// of an older generation and says nothing.
fn ours_or_nobodys(metadata: &str, job_uid: &JobUid) -> bool {
    metadata.is_empty() || metadata == job_uid.as_str()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::{Entry, Origins};
    use crate::ids::{Lane, Seq};
    use std::collections::BTreeMap;

    fn partition(topic_id: &str) -> SourcePartition {
        SourcePartition { cluster: "main".into(), topic: "bids".into(), topic_id: topic_id.into(), partition: 0 }
    }

    fn state(origin: u64, held: std::ops::Range<u64>) -> LogState {
        let origins = Origins {
            start: BTreeMap::from([(partition("id"), origin)]),
            bucket: "b".into(),
            lanes: 1,
            created_at_ms: 0,
        };
        let zero = Entry::zero("uid".into(), Lane(0), "t0".into(), "w", origins);
        let mut state = LogState::open(&zero).unwrap_or_else(|e| unreachable!("{e}"));
        if held.start < held.end {
            let mut entry = Entry::empty("uid".into(), Lane(0), Seq(1), "t1".into(), "w", 0);
            entry.held.insert(partition("id"), Offsets::from_range(held));
            assert_eq!(state.fold(&entry), Ok(()));
        }
        state
    }

    fn facts(committed: Option<(u64, &str)>, log_start: u64, end: u64) -> Facts {
        Facts { committed: committed.map(|(o, m)| (o, m.to_owned())), log_start, end }
    }

    fn at(offset: u64) -> Start {
        Start::At { offset, gap: Offsets::new() }
    }

    #[test]
    fn the_log_decides_and_a_commit_behind_it_changes_nothing() {
        let state = state(10, 10..20);
        for committed in [None, Some((0, "uid")), Some((15, "uid")), Some((20, "uid")), Some((15, ""))] {
            assert_eq!(start(&state, &partition("id"), &facts(committed, 0, 30), &Offsets::new(), 0), at(20));
        }
    }

    #[test]
    fn a_commit_of_another_generation_is_ignored_and_an_operators_reset_stops() {
        let state = state(0, 0..20);
        let decide = |committed| start(&state, &partition("id"), &facts(Some(committed), 0, 100), &Offsets::new(), 0);
        assert_eq!(decide((50, "older-uid")), at(20));
        assert!(matches!(decide((50, "uid")), Start::Stop(Stop::OffsetReset { committed: 50, low: 20, .. })));
        assert!(matches!(decide((50, "")), Start::Stop(Stop::OffsetReset { .. })));
    }

    #[test]
    fn what_retention_took_is_a_gap_less_what_is_accounted_or_held() {
        let state = state(0, 5..8);
        let held = Offsets::from_range(10..12);
        let Start::At { offset, gap } = start(&state, &partition("id"), &facts(None, 20, 30), &held, 0) else {
            unreachable!("a gap does not stop by itself")
        };
        assert_eq!(offset, 20);
        assert_eq!(gap, (0..5).chain(8..10).chain(12..20).collect());
    }

    #[test]
    fn a_topic_created_again_or_truncated_stops_the_job() {
        let state = state(0, 0..20);
        let recreated = start(&state, &partition("other-id"), &facts(None, 0, 30), &Offsets::new(), 0);
        assert!(matches!(recreated, Start::Stop(Stop::Recreated { .. })));
        let truncated = start(&state, &partition("id"), &facts(None, 0, 19), &Offsets::new(), 0);
        assert!(matches!(truncated, Start::Stop(Stop::Truncated { end: 19, low: 20, .. })));
    }

    #[test]
    fn a_partition_the_log_has_not_met_begins_at_its_log_start_with_the_rest_a_gap() {
        let state = state(0, 0..0);
        let mut new = partition("id");
        new.partition = 7;
        assert_eq!(
            start(&state, &new, &facts(None, 3, 30), &Offsets::new(), 0),
            Start::At { offset: 3, gap: Offsets::from_range(0..3) }
        );
    }
    #[test]
    fn a_topic_met_later_begins_where_it_was_resolved_or_with_what_is_there_at_first_sight() {
        let state = state(0, 0..5);
        let new = |topic: &str, number| SourcePartition { topic: topic.into(), partition: number, ..partition("id") };
        let first = |at: &SourcePartition, origin| first_offset(&state, at, &facts(None, 1_000, 2_000), origin);
        assert_eq!(first(&partition("id"), Some(7)), 0, "the log knows it");
        assert_eq!(first(&new("bids", 7), None), 0, "a new partition of a known topic");
        assert_eq!(first(&new("clicks", 0), None), 1_000);
        assert_eq!(first(&new("clicks", 0), Some(1_500)), 1_500);
        let begun = start(&state, &new("clicks", 0), &facts(None, 1_000, 2_000), &Offsets::new(), 1_500);
        assert_eq!(begun, at(1_500));
        let taken_over = start(&state, &new("clicks", 0), &facts(Some((1_800, "")), 0, 2_000), &Offsets::new(), 0);
        assert_eq!(taken_over, at(0), "a commit of whoever had the group before is no reset");
    }

    #[test]
    fn a_topic_of_that_name_on_another_cluster_is_another_topic() {
        let state = state(0, 0..5);
        let elsewhere = SourcePartition { cluster: "edge".into(), partition: 7, ..partition("id") };
        assert_eq!(first_offset(&state, &elsewhere, &facts(None, 1_000, 2_000), None), 1_000);
    }

    #[test]
    fn the_bounds_are_met_exactly_without_a_stop() {
        let state = state(0, 0..20);
        let decide = |facts: Facts| start(&state, &partition("id"), &facts, &Offsets::new(), 0);
        assert_eq!(decide(facts(None, 0, 20)), at(20), "the topic ends where the job stands");
        assert_eq!(decide(facts(None, 20, 30)), at(20), "nothing was taken that the job has not");
        assert!(matches!(decide(facts(Some((21, "uid")), 0, 30)), Start::Stop(Stop::OffsetReset { .. })));
    }

    #[test]
    fn a_commit_of_this_very_job_above_a_partition_that_its_log_never_met_stops_it() {
        let state = state(0, 0..5);
        let new = SourcePartition { partition: 7, ..partition("id") };
        let decide = |committed| start(&state, &new, &facts(Some(committed), 0, 100), &Offsets::new(), 10);
        assert!(matches!(decide((50, "uid")), Start::Stop(Stop::OffsetReset { committed: 50, low: 10, .. })));
        assert_eq!(decide((50, "")), at(10));
        assert_eq!(decide((10, "uid")), at(10));
    }

    #[test]
    fn consuming_begins_behind_what_is_accounted_at_the_first_offset() {
        let mut state = state(0, 5..8);
        let mut entry = Entry::empty("uid".into(), Lane(0), Seq(2), "t2".into(), "w", 0);
        entry.held.insert(partition("id"), Offsets::from_range(20..25));
        assert_eq!(state.fold(&entry), Ok(()));
        let Start::At { offset, gap } = start(&state, &partition("id"), &facts(None, 20, 30), &Offsets::new(), 0)
        else {
            unreachable!("a gap does not stop by itself")
        };
        assert_eq!((offset, gap), (25, (0..5).chain(8..20).collect()));
    }
}
