//! Where records come from: cluster, topics, start and stop, and what to do when Kafka and the log disagree.

use serde::Serialize;

use super::start::{self, Start, Stop};
use super::topics::{TopicPattern, Topics};
use crate::names::{group_name, plain_name, topic_name};
use crate::reader::{Field, FromNode, Node, Refusal, Refused, Section, Table, within};
use crate::units::ByteSize;

crate::word_enum! {
    /// What a reader sees of transactions.
    pub enum Isolation as "an isolation level" {
        /// Records of committed transactions only.
        ReadCommitted = "read_committed",
        /// Every record.
        ReadUncommitted = "read_uncommitted",
    }
}

crate::word_enum! {
    /// What happens when somebody moved the group's committed offset ahead of what has landed.
    pub enum OnOffsetReset as "a policy for reset offsets" {
        /// The job stops and says so.
        Stop = "stop",
        /// What lies between is declared skipped.
        Skip = "skip",
        /// The commit log decides; the committed offset is put back.
        Ignore = "ignore",
    }
}

crate::word_enum! {
    /// What happens when the topic no longer has records that have not landed.
    pub enum OnGap as "a policy for gaps" {
        /// The gap is declared and the job goes on.
        Continue = "continue",
        /// The job stops and says so.
        Stop = "stop",
    }
}

/// Where records come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SourceSpec {
    /// A cluster that the operator registered.
    pub cluster: String,
    /// Its topics.
    #[serde(flatten)]
    pub topics: Topics,
    /// Where to begin; `None` where the document does not say, which means earliest unless the group has commits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start: Option<Start>,
    /// Where to end.
    pub stop: Stop,
    /// What is seen of transactions.
    pub isolation: Isolation,
    /// The consumer group, if not the default one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// When somebody moved the group's offsets ahead.
    pub on_offset_reset: OnOffsetReset,
    /// When records are gone before they landed.
    pub on_gap: OnGap,
    /// A longer record (key, value and headers) is a dead letter.
    pub max_record_bytes: ByteSize,
}

pub(super) static TABLE: Table = Table {
    fields: &[
        Field::required("cluster", "the name of a registered cluster", "the cluster to read from"),
        Field::optional("topics", "list of topics", "`topics_regex` is given", "the topics to read, 1 to 1000"),
        Field::optional(
            "topics_regex",
            "pattern",
            "`topics` is given",
            "every topic whose whole name matches, also later ones; letters, digits, `. _ - * + ? |`, groups, classes, counts",
        ),
        Field::optional(
            "start",
            "`earliest`, `latest`, `committed`, `{timestamp: RFC 3339}` or `{offsets: {topic: {partition: offset}}}`",
            "`earliest`, and the job is refused if its group has commits",
            "where to begin; resolved once, when the job is created, and for a topic that is added later when it is added",
        ),
        Field::preset(
            "stop",
            "`never`, `end` or `{timestamp: RFC 3339}`",
            "never",
            "where to end; `end` is the end as it is when the job is created, and a timestamp must have passed by then",
        ),
        Field::preset(
            "isolation",
            "`read_committed` or `read_uncommitted`",
            "read_committed",
            "what is seen of transactions",
        ),
        Field::optional("group", "name", "`landfall-<job>`", "the consumer group"),
        Field::preset(
            "on_offset_reset",
            "`stop`, `skip` or `ignore`",
            "stop",
            "when the group's committed offset was moved ahead of what has landed",
        ),
        Field::preset(
            "on_gap",
            "`continue` or `stop`",
            "continue",
            "when the topic no longer has records that have not landed; a gap is declared in the log",
        ),
        Field::preset(
            "max_record_bytes",
            "size, 1 KiB to 128 MiB",
            "16 MiB",
            "a longer record is a dead letter with the reason `too_large`",
        ),
    ],
    refused: &[
        Refused {
            name: "bootstrap_servers",
            problem: "is not part of a job",
            fix: "the operator registers clusters; name one in source.cluster",
        },
        Refused {
            name: "properties",
            problem: "is not part of a job",
            fix: "the operator sets client properties with the cluster",
        },
        Refused { name: "topic", problem: "is not a known field", fix: "write source.topics: [name]" },
        Refused::later("partitions"),
        Refused::later("schema_registry"),
    ],
};

impl SourceSpec {
    /// Where the job begins, the default filled in.
    pub fn effective_start(&self) -> Start {
        self.start.clone().unwrap_or(Start::Earliest)
    }

    pub(super) fn read(job: &mut Section<'_>) -> Option<Self> {
        if let Some(node @ Node::List(_)) = job.node("source") {
            job.refuse(
                "source",
                node,
                Refusal::new("is not supported yet: a job reads one source", "write one source as a map"),
            );
            return None;
        }
        let mut section = job.section("source");
        let cluster = section.read_with("cluster", plain_name);
        let topics = topics(&mut section);
        let start = section.read_optional_with("start", start::start);
        let stop = section.read_with("stop", start::stop);
        let isolation = section.read("isolation");
        let group = section.read_optional_with("group", group_name);
        let on_offset_reset = section.read("on_offset_reset");
        let on_gap = section.read("on_gap");
        let max_record_bytes = section.read_with("max_record_bytes", |node| {
            within(ByteSize::from_node(node)?, ByteSize::kib(1), ByteSize::mib(128))
        });
        start::check(&section, topics.as_ref(), start.as_ref().and_then(Option::as_ref), stop);
        section.finish();
        Some(Self {
            cluster: cluster?,
            topics: topics?,
            start: start?,
            stop: stop?,
            isolation: isolation?,
            group: group?,
            on_offset_reset: on_offset_reset?,
            on_gap: on_gap?,
            max_record_bytes: max_record_bytes?,
        })
    }
}

fn topics(section: &mut Section<'_>) -> Option<Topics> {
    let named = section.list_with("topics", topic_name);
    let pattern = section.read_optional::<TopicPattern>("topics_regex");
    match (section.has("topics"), section.has("topics_regex")) {
        (true, true) => {
            section.conflict("topics_regex", "is given beside topics", "keep one of them");
            None
        }
        (false, false) => {
            section.missing("topics", "write topics: [name] or topics_regex: \"name-.*\"");
            None
        }
        (false, true) => pattern?.map(Topics::Matching),
        (true, false) => {
            let named = named?;
            if named.is_empty() || named.len() > 1_000 {
                section.conflict("topics", "must name 1 to 1000 topics", "name each topic, or use topics_regex");
            }
            let mut seen = std::collections::BTreeSet::new();
            for twice in named.iter().filter(|name| !seen.insert(name.as_str())) {
                section.conflict("topics", &format!("names {twice} twice"), "name each topic once");
            }
            Some(Topics::Named(named))
        }
    }
}
