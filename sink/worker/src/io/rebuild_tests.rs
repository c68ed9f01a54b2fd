#![allow(clippy::unwrap_used)]

use std::ops::Range;

use landfall_commit::recover::Facts;
use landfall_job::JobSpec;

use super::*;
use crate::effect::Found;
use crate::io::Facted;

/// One partition with a log start, holes, and the id its topic has now.
#[derive(Debug)]
struct Partition {
    log_start: u64,
    holes: Vec<u64>,
    topic_id: &'static str,
}

impl KafkaPort for Partition {
    fn facts(&self, partitions: &[TopicPartition]) -> Result<Facted, String> {
        let found = |tp: &TopicPartition| Found {
            topic_partition: tp.clone(),
            source: source("id"),
            facts: Facts { committed: None, log_start: self.log_start, end: 100 },
        };
        Ok((partitions.iter().map(found).collect(), Vec::new()))
    }

    fn topic_ids(&self, topics: &[String]) -> Result<BTreeMap<String, String>, String> {
        Ok(topics.iter().map(|topic| (topic.clone(), self.topic_id.to_owned())).collect())
    }

    fn read_range(
        &self,
        partition: &TopicPartition,
        from: i64,
        end: i64,
        visit: &mut dyn FnMut(RecordRef<'_>) -> bool,
    ) -> Result<(), RangeError> {
        if u64::try_from(from).unwrap() < self.log_start {
            let (topic, message) = (partition.topic.to_string(), "out of range".to_owned());
            return Err(RangeError::Gone { topic, partition: partition.partition, offset: from, message });
        }
        for offset in (from..end).filter(|offset| !self.holes.contains(&u64::try_from(*offset).unwrap())) {
            let value = format!("{{\"n\":{offset}}}");
            let record = RecordRef {
                slot: 0,
                offset,
                timestamp_ms: 0,
                key: None,
                value: Some(value.as_bytes()),
                headers: Headers::none(),
            };
            if !visit(record) {
                break;
            }
        }
        Ok(())
    }
}

fn source(topic_id: &str) -> SourcePartition {
    SourcePartition { cluster: "main".into(), topic: "bids".into(), topic_id: topic_id.into(), partition: 0 }
}

/// Rebuilds a file of these offsets; answers what was read, and the lines.
fn rebuild(kafka: Partition, offsets: Range<u64>) -> (Result<Read, String>, usize) {
    let document = serde_json::json!({
        "name": "bids",
        "source": {"cluster": "main", "topics": ["bids"]},
        "sink": {"bucket": "lake", "compression": "none"},
    });
    let plan = JobPlan::compile(JobSpec::parse(&document.to_string()).unwrap(), 1).unwrap();
    let sets = BTreeMap::from([(source("id"), Offsets::from_range(offsets))]);
    let (kind, job) = (FileKind::Data, "bids".to_owned());
    let reading = Reading { kafka: Arc::new(kafka), sets, plan: Arc::new(plan), kind, job };
    let (sender, mut receiver) = mpsc::channel(64);
    let read = reading.run(&sender);
    drop(sender);
    let mut lines = 0;
    while let Ok(piece) = receiver.try_recv() {
        lines += piece.iter().filter(|byte| **byte == b'\n').count();
    }
    (read, lines)
}

#[test]
fn what_kafka_still_has_is_rebuilt_and_only_the_rest_is_missing() {
    let kafka = Partition { log_start: 13, holes: vec![17], topic_id: "id" };
    let (read, lines) = rebuild(kafka, 10..20);
    let read = read.unwrap();
    assert_eq!((read.records, lines), (6, 6));
    assert_eq!(read.missing[&source("id")], [10, 11, 12, 17].into_iter().collect());
}

#[test]
fn a_file_that_is_there_whole_misses_nothing() {
    let (read, lines) = rebuild(Partition { log_start: 0, holes: vec![], topic_id: "id" }, 10..20);
    assert_eq!((read.unwrap().missing.len(), lines), (0, 10));
}

#[test]
fn the_records_of_another_topic_of_the_same_name_are_not_taken() {
    let (read, _) = rebuild(Partition { log_start: 0, holes: vec![], topic_id: "created-again" }, 10..20);
    assert!(read.is_err_and(|error| error.contains("is not the one")));
}
