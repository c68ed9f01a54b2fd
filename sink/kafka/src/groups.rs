//! What groups have committed, read and written without joining them. These requests go to a group's coordinator,
//! which moves; they are repeated within the time limit until it stands still.
//!
//! Each group is asked by a client that bears its name and never subscribes. One client with librdkafka's admin
//! requests would do, but those to a coordinator touch freed memory when one fails late, which ends the process
//! (<https://github.com/confluentinc/librdkafka/issues/4605>).

use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::topic_partition_list::Offset;

use crate::admin::{ClusterClient, GroupOffset, drain, list_of};
use crate::cluster_error::ClusterError;
use crate::context::Context;
use crate::events::{ListEntry, read_partition_list};
use crate::lists::commit_list;
use crate::native_admin::{NativeError, commit_for_group};
use crate::sasl;
use crate::settings::{SettingsError, check_topic_name};
use crate::source::{CommitOffset, TopicPartition};

/// The pause before a coordinator that is moving is asked again.
const COORDINATOR_PAUSE: Duration = Duration::from_millis(200);
/// Groups whose client is kept; each is a few threads and connections.
const GROUP_CLIENTS: usize = 4;

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
        let request = format!("offsets of group {group}");
        let entries = self.ask_coordinator(group, |client, left| {
            let answer = client.committed_offsets(list.clone(), left);
            answer.map(|list| read_partition_list(&list)).map_err(|error| native(&error))
        });
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
        let answer = self.ask_coordinator(group, |client, left| commit_for_group(client, &list, left));
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

    /// One request to the coordinator of a group, again while the coordinator is moving, within the time limit. A
    /// client whose request failed is not kept: what it knows or still waits for goes with it.
    fn ask_coordinator(
        &self,
        group: &str,
        ask: impl Fn(&BaseConsumer<Context>, Duration) -> Result<Vec<ListEntry>, NativeError>,
    ) -> Result<Vec<ListEntry>, NativeError> {
        let deadline = Instant::now() + self.timeout();
        loop {
            let client = self.take_group_client(group).map_err(|error| (Code::InvalidArgument, error.to_string()))?;
            let left = deadline.saturating_duration_since(Instant::now());
            let answer = ask(&client, left.max(COORDINATOR_PAUSE));
            drain(&client);
            let code = match &answer {
                Err((code, _)) => Some(*code),
                Ok(entries) => entries.iter().find_map(|entry| entry.error),
            };
            match code {
                None => self.keep_group_client(group, client),
                Some(Code::NotCoordinator | Code::CoordinatorNotAvailable | Code::CoordinatorLoadInProgress)
                    if Instant::now() + COORDINATOR_PAUSE < deadline =>
                {
                    end(client);
                    std::thread::sleep(COORDINATOR_PAUSE);
                    continue;
                }
                Some(_) => end(client),
            }
            return answer;
        }
    }

    /// The group's client for this caller alone, or a new one.
    fn take_group_client(&self, group: &str) -> Result<BaseConsumer<Context>, SettingsError> {
        let mut kept = self.group_clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(index) = kept.iter().position(|(name, _)| name == group) {
            let client = kept.remove(index).1;
            drop(kept);
            // What happened since the last request explains nothing of this one.
            drain(&client);
            sasl::sign_in(&client);
            return Ok(client);
        }
        drop(kept);
        self.client_of_group(group)
    }

    /// Keeps the client for the group's next request in the place of the one that was not asked for longest.
    fn keep_group_client(&self, group: &str, client: BaseConsumer<Context>) {
        let mut kept = self.group_clients.lock().unwrap_or_else(PoisonError::into_inner);
        let before = kept.iter().position(|(name, _)| name == group).map(|index| kept.remove(index).1);
        kept.push((group.to_owned(), client));
        let left_out = (kept.len() > GROUP_CLIENTS).then(|| kept.remove(0).1);
        drop(kept);
        before.into_iter().chain(left_out).for_each(end);
    }
}

/// A client that waits for an answer to a commit ends only when that is given up: nobody waits for it here.
fn end(client: BaseConsumer<Context>) {
    let ending = std::thread::Builder::new().name("kafka-close".to_owned()).spawn(move || drop(client));
    if let Err(error) = ending {
        tracing::warn!(%error, "a client of a group was ended in place");
    }
}

fn native(error: &KafkaError) -> NativeError {
    (error.rdkafka_error_code().unwrap_or(Code::Fail), error.to_string())
}
