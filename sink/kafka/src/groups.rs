//! What groups have committed, read and written without joining them. These requests go to a group's coordinator,
//! which moves; they are repeated within the time limit until it stands still.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::consumer::BaseConsumer;
use rdkafka::error::RDKafkaErrorCode as Code;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use crate::admin::{ClusterClient, GroupOffset, list_of};
use crate::cluster_error::ClusterError;
use crate::context::Context;
use crate::events::ListEntry;
use crate::lists::commit_list;
use crate::native_admin::{self, NativeError};
use crate::settings::check_topic_name;
use crate::source::{CommitOffset, TopicPartition};

/// The pause before a coordinator that is moving is asked again.
const COORDINATOR_PAUSE: Duration = Duration::from_millis(200);

impl ClusterClient {
    /// What the group has committed for these partitions, without joining it; partitions without a commit are
    /// missing from the answer.
    ///
    /// # Errors
    /// See [`ClusterError`].
    pub fn committed(&self, group: &str, partitions: &[TopicPartition]) -> Result<Vec<GroupOffset>, ClusterError> {
        if partitions.is_empty() {
            return Ok(Vec::new());
        }
        let list = list_of(partitions.iter().map(|p| (p, Offset::Invalid)))?;
        self.group_offsets(group, Some(&list))
    }

    /// Everything the group has committed. The mock cluster answers with nothing.
    ///
    /// # Errors
    /// See [`ClusterError`].
    pub fn all_committed(&self, group: &str) -> Result<Vec<GroupOffset>, ClusterError> {
        self.group_offsets(group, None)
    }

    /// Commits for a group that has no running member.
    ///
    /// # Errors
    /// [`ClusterError::GroupActive`] if it has; else see [`ClusterError`].
    pub fn commit(&self, group: &str, offsets: &[CommitOffset]) -> Result<(), ClusterError> {
        if offsets.is_empty() {
            return Ok(());
        }
        for commit in offsets {
            check_topic_name(&commit.partition.topic)?;
        }
        let request = format!("commit of offsets of group {group}");
        let list = commit_list(offsets).map_err(|error| ClusterError::Refused {
            request: request.clone(),
            code: error.code,
            message: error.message,
        })?;
        let answer = self.ask_coordinator(|client, left| native_admin::set_group_offsets(client, group, &list, left));
        let failure = match answer {
            Err(error) => Some(error),
            Ok(entries) => entries.iter().find_map(|entry| entry.error).map(|code| (code, code.to_string())),
        };
        match failure {
            None => Ok(()),
            Some((
                Code::UnknownMemberId
                | Code::IllegalGeneration
                | Code::RebalanceInProgress
                | Code::NonEmptyGroup
                | Code::StaleMemberEpoch
                | Code::GroupSubscribedToTopic,
                _,
            )) => Err(ClusterError::GroupActive { group: group.to_owned() }),
            Some(error) => Err(self.failed(&request, error)),
        }
    }

    fn group_offsets(
        &self,
        group: &str,
        partitions: Option<&TopicPartitionList>,
    ) -> Result<Vec<GroupOffset>, ClusterError> {
        let request = format!("offsets of group {group}");
        let entries = self.ask_coordinator(|client, left| native_admin::group_offsets(client, group, partitions, left));
        let entries = entries.map_err(|error| self.failed(&request, error))?;
        entries
            .into_iter()
            .filter(|entry| entry.error.is_some() || entry.offset >= 0)
            .map(|entry| {
                let entry = self.check(entry, &request)?;
                Ok(GroupOffset {
                    partition: TopicPartition { topic: Arc::from(entry.topic), partition: entry.partition },
                    offset: entry.offset,
                    metadata: entry.metadata.unwrap_or_default(),
                })
            })
            .collect()
    }

    /// One request to the coordinator of a group, again while the coordinator is moving, within the time limit.
    /// librdkafka's admin requests go on asking the broker that was the coordinator once; a new client asks anew.
    fn ask_coordinator(
        &self,
        ask: impl Fn(&BaseConsumer<Context>, Duration) -> Result<Vec<ListEntry>, NativeError>,
    ) -> Result<Vec<ListEntry>, NativeError> {
        let deadline = Instant::now() + self.timeout();
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let answer = ask(&self.client(), left.max(COORDINATOR_PAUSE));
            let code = match &answer {
                Err((code, _)) => Some(*code),
                Ok(entries) => entries.iter().find_map(|entry| entry.error),
            };
            let moving = match code {
                Some(Code::NotCoordinator) => true,
                Some(Code::CoordinatorNotAvailable | Code::CoordinatorLoadInProgress) => false,
                _ => return answer,
            };
            if Instant::now() + COORDINATOR_PAUSE >= deadline {
                return answer;
            }
            if moving && let Ok(client) = self.fresh_client() {
                self.replace_client(client);
            }
            std::thread::sleep(COORDINATOR_PAUSE);
        }
    }
}
