//! Where partitions begin and end, and where in them a time is. What the end is depends on the reader: its last stable
//! offset for one of committed records, which an open transaction holds back, its high watermark for any other. So each
//! question says for whom it is asked.

use std::collections::BTreeMap;
use std::sync::Arc;

use rdkafka::consumer::Consumer;
use rdkafka::error::RDKafkaErrorCode as Code;
use rdkafka::topic_partition_list::Offset;

use crate::admin::{ClusterClient, list_of};
use crate::cluster_error::ClusterError;
use crate::events::read_partition_list;
use crate::settings::Isolation;
use crate::source::TopicPartition;

/// Where a partition begins (inclusive) and ends (exclusive, by the isolation that was asked for).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Watermarks {
    pub start: i64,
    pub end: i64,
}

impl ClusterClient {
    /// First and end offset of each partition, by two requests a broker.
    ///
    /// # Errors
    /// See [`ClusterError`].
    pub fn watermarks(
        &self,
        partitions: &[TopicPartition],
        isolation: Isolation,
    ) -> Result<Vec<(TopicPartition, Watermarks)>, ClusterError> {
        let starts = self.offsets_for(partitions.iter().map(|p| (p, Offset::Beginning)), isolation, "first offsets")?;
        let ends = self.offsets_for(partitions.iter().map(|p| (p, Offset::End)), isolation, "end offsets")?;
        let mut ends: BTreeMap<_, _> = ends.into_iter().collect();
        let missing = |p: &TopicPartition| {
            self.failed("end offsets", (Code::Partial, format!("{p:?} is missing from the answer")))
        };
        starts
            .into_iter()
            .map(|(partition, start)| match ends.remove(&partition) {
                Some(end) => Ok((partition, Watermarks { start, end })),
                None => Err(missing(&partition)),
            })
            .collect()
    }

    /// For each partition the first offset whose record is not older than the given time in milliseconds since the
    /// epoch; `None` where all records that this isolation shows are older.
    ///
    /// # Errors
    /// See [`ClusterError`].
    pub fn offsets_at(
        &self,
        times_ms: &[(TopicPartition, i64)],
        isolation: Isolation,
    ) -> Result<Vec<(TopicPartition, Option<i64>)>, ClusterError> {
        let wanted = times_ms.iter().map(|(partition, time_ms)| (partition, Offset::Offset((*time_ms).max(0))));
        let answer = self.offsets_for(wanted, isolation, "offsets for a time")?;
        Ok(answer.into_iter().map(|(partition, offset)| (partition, (offset >= 0).then_some(offset))).collect())
    }

    fn offsets_for<'a>(
        &self,
        wanted: impl Iterator<Item = (&'a TopicPartition, Offset)>,
        isolation: Isolation,
        request: &str,
    ) -> Result<Vec<(TopicPartition, i64)>, ClusterError> {
        let list = list_of(wanted)?;
        if list.count() == 0 {
            return Ok(Vec::new());
        }
        let answer = self.reader(isolation)?.offsets_for_times(list, self.timeout());
        let answer = answer.map_err(|error| self.failed_kafka(request, &error))?;
        self.drain();
        read_partition_list(&answer)
            .into_iter()
            .map(|entry| {
                let entry = self.check(entry, request)?;
                Ok((TopicPartition { topic: Arc::from(entry.topic), partition: entry.partition }, entry.offset))
            })
            .collect()
    }
}
