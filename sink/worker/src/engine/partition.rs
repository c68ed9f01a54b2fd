//! One assigned partition: where it stands, what was learnt of it, what is to be declared.

use std::collections::BTreeMap;
use std::sync::Arc;

use landfall_commit::{Offsets, SkipReason, SourcePartition};
use landfall_kafka::TopicPartition;

use crate::effect::FileId;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Assigned; the log and Kafka's offsets are being read.
    Recovering,
    /// To be started (again) at this offset (inclusive).
    Starting {
        at: u64,
        not_before_ms: i64,
    },
    Consuming,
    /// The group wants it back; what can be appended until the deadline is.
    Revoking {
        deadline_ms: i64,
    },
}

#[derive(Debug)]
pub struct Partition {
    pub topic_partition: TopicPartition,
    /// With the topic id, once recovery told it.
    pub source: Arc<SourcePartition>,
    pub phase: Phase,
    /// The next offset expected (exclusive end of what was read).
    pub position: u64,
    /// Set while a jump of the position proves that nothing lies between: consecutive deliveries of one generation,
    /// with no consumer error in between.
    pub unbroken: bool,
    /// Offsets at or above are neither accounted nor held: no look-up needed.
    pub fresh_from: u64,
    /// What own files held of it when this generation started.
    pub held_before: Offsets,
    /// Learnt and not yet in the log.
    pub absent: Offsets,
    /// To be declared.
    pub skipped: BTreeMap<SkipReason, Offsets>,
    /// Records whose letters are on their way to the topic and nowhere else: neither to be read again nor declared yet.
    pub in_letters: Offsets,
    /// Letters to the topic only that no entry accounts for yet, by reason.
    pub topic_letters: BTreeMap<&'static str, Offsets>,
    /// Exclusive; where a bounded job ends.
    pub stop_at: Option<u64>,
    pub end_offset: Option<u64>,
    pub last_file: Option<FileId>,
    pub committed: Option<u64>,
    pub committed_at_ms: i64,
    pub paused: bool,
    /// Its position is so far above `low` that it waits for what is closed to be appended.
    pub far_ahead: bool,
    /// The last recovery asked for it; answers to older ones are not heard.
    pub asked_epoch: u64,
    pub recover_not_before_ms: i64,
    pub missing_looks: u32,
    /// The timestamp of the last record read (ms since the epoch, negative where it has none).
    pub last_timestamp_ms: i64,
    /// When it was last seen read to its end, by the wall clock.
    pub caught_up_wall_ms: Option<i64>,
}

impl Partition {
    pub fn new(topic_partition: TopicPartition, cluster: &str) -> Self {
        let source = Arc::new(SourcePartition {
            cluster: cluster.to_owned(),
            topic: topic_partition.topic.to_string(),
            topic_id: String::new(),
            partition: topic_partition.partition,
        });
        Self {
            topic_partition,
            source,
            phase: Phase::Recovering,
            position: 0,
            unbroken: false,
            fresh_from: 0,
            held_before: Offsets::new(),
            absent: Offsets::new(),
            skipped: BTreeMap::new(),
            in_letters: Offsets::new(),
            topic_letters: BTreeMap::new(),
            stop_at: None,
            end_offset: None,
            last_file: None,
            committed: None,
            committed_at_ms: i64::MIN / 2,
            paused: false,
            far_ahead: false,
            asked_epoch: 0,
            recover_not_before_ms: i64::MIN,
            missing_looks: 0,
            last_timestamp_ms: -1,
            caught_up_wall_ms: None,
        }
    }

    /// Asks for a (re)start; an earlier wish for a lower offset stays. Never forward: a partition that is itself reading
    /// again, below `at`, still owes what lies between.
    pub fn want_start(&mut self, at: u64, not_before_ms: i64) {
        match &mut self.phase {
            Phase::Starting { at: wanted, .. } => *wanted = (*wanted).min(at),
            Phase::Consuming => self.phase = Phase::Starting { at: at.min(self.position), not_before_ms },
            Phase::Recovering | Phase::Revoking { .. } => {}
        }
        self.unbroken = false;
    }

    pub fn skip(&mut self, reason: SkipReason, offset: u64) {
        self.skipped.entry(reason).or_default().insert(offset);
    }

    pub fn owned(&self) -> bool {
        !matches!(self.phase, Phase::Revoking { .. })
    }

    /// When the oldest record not yet read was made, if there is one, as far as can be told without reading it: not
    /// before the one in front of it, and not before the partition was last seen read to its end. `None` without any of
    /// these. A paused partition hears of no new end: whether there is such a record is for others to say.
    pub fn oldest_unread_ms(&self) -> Option<i64> {
        let last = Some(self.last_timestamp_ms).filter(|ms| *ms >= 0);
        last.max(self.caught_up_wall_ms)
    }

    /// True when it was read to its bound or to its end as last heard.
    pub fn at_end(&self) -> bool {
        match (self.stop_at, self.end_offset) {
            (Some(stop), _) => self.position >= stop,
            (None, Some(end)) => self.position >= end,
            (None, None) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_restart_never_goes_forward_over_what_is_still_owed() {
        let mut partition = Partition::new(TopicPartition { topic: "bids".into(), partition: 0 }, "main");
        (partition.phase, partition.position) = (Phase::Consuming, 201);
        partition.want_start(289, 0);
        assert_eq!(partition.phase, Phase::Starting { at: 201, not_before_ms: 0 });
        partition.want_start(180, 0);
        assert_eq!(partition.phase, Phase::Starting { at: 180, not_before_ms: 0 });
    }
}
