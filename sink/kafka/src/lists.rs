//! Native lists of partitions, made so that rdkafka cannot panic on them.

use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use crate::source::{CommitOffset, SourceError, TopicPartition};

/// A native list; topic names are checked, as rdkafka panics on a NUL.
pub(crate) fn list_of<'a>(
    partitions: impl IntoIterator<Item = (&'a TopicPartition, Option<i64>)>,
) -> Result<TopicPartitionList, SourceError> {
    let mut list = TopicPartitionList::new();
    for (partition, offset) in partitions {
        if partition.topic.contains('\0') {
            return Err(SourceError::refused(format!("{:?} is no topic name", partition.topic)));
        }
        let mut element = list.add_partition(&partition.topic, partition.partition);
        if let Some(offset) = offset {
            element.set_offset(Offset::Offset(offset)).map_err(|error| SourceError::from_kafka(&error, "offset"))?;
        }
    }
    Ok(list)
}

pub(crate) fn commit_list(offsets: &[CommitOffset]) -> Result<TopicPartitionList, SourceError> {
    let list = list_of(offsets.iter().map(|commit| (&commit.partition, Some(commit.offset))))?;
    for (element, commit) in list.elements().iter_mut().zip(offsets) {
        if !commit.metadata.is_empty() {
            element.set_metadata(&commit.metadata);
        }
    }
    Ok(list)
}
