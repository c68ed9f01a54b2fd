//! The job document, typed and with every default filled. What is read here is sound: a [`JobSpec`] that breaks a rule of
//! its fields cannot be made from text. It serializes in the shape it is written in.

mod check;
mod dead_letter;
mod decode;
mod object;
mod rotate;
mod sink;
mod sink_rules;
mod sink_words;
mod source;
mod start;
mod timestamp;
mod topics;
mod walk;

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};

use crate::names::{JobName, plain_name};
use crate::reader::{Field, FromNode, Node, Problems, Refused, Section, Table, parse_text, within};
use crate::{FieldError, FieldErrors};

pub use dead_letter::{DeadLetterPrefix, DeadLetterSpec, RATIO_AFTER_RECORDS, RATIO_WINDOW_RECORDS};
pub use decode::{DecodeFormat, DecodeSpec, NullValue};
pub use object::{Sse, SseType, StorageClass, account_id};
pub use rotate::RotateSpec;
pub use sink::SinkSpec;
pub use sink_words::{Compression, EnvelopeField, ExistingObject, MissingField, REST_COLUMN, Rest, SinkFormat};
pub use source::{Isolation, OnGap, OnOffsetReset, SourceSpec};
pub use start::{Start, Stop};
pub use timestamp::{TimestampEncoding, TimestampSource, TimestampUnit};
pub use topics::{TopicPattern, Topics};

crate::word_enum! {
    /// What a job promises of its records.
    pub enum Delivery as "a delivery guarantee" {
        /// Every record in exactly one visible object, or declared.
        ExactlyOnce = "exactly_once",
    }
    later { "at_least_once", "at_most_once" }
}

/// A sink job: which topics land where and how.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct JobSpec {
    /// Its name, unique in the fleet.
    pub name: JobName,
    /// The team it belongs to.
    pub team: String,
    /// Free labels for people and tools.
    pub labels: BTreeMap<String, String>,
    /// Where records come from.
    pub source: SourceSpec,
    /// How a record's bytes are read.
    pub decode: DecodeSpec,
    /// Where and how records land.
    pub sink: SinkSpec,
    /// Where records go that cannot land.
    pub dead_letter: DeadLetterSpec,
    /// What is promised.
    pub delivery: Delivery,
    /// The pool of workers that runs it.
    pub pool: String,
    /// The most workers that take part in it at once, at least 1.
    pub max_workers: u32,
}

/// The fields of the job document.
pub static TABLE: Table = Table {
    fields: &[
        Field::required("name", "a job name: lower-case letters, digits, - _ .", "name of the job, at most 200 bytes"),
        Field::preset("team", "name", "default", "the team the job belongs to"),
        Field::optional("labels", "map of strings", "none", "free labels for people and tools, at most 50"),
        Field::section("source", &source::TABLE, "where records come from"),
        Field::section("decode", &decode::TABLE, "how the bytes of a record are read"),
        Field::section("sink", &sink::TABLE, "where and how records land"),
        Field::section("dead_letter", &dead_letter::TABLE, "where records go that cannot land"),
        Field::preset("delivery", "`exactly_once`", "exactly_once", "what is promised of every record"),
        Field::preset("pool", "name", "shared", "the pool of workers that runs the job"),
        Field::preset("max_workers", "1 to 1000", "8", "the most workers that take part in the job at once"),
    ],
    refused: &[
        Refused { name: "sources", problem: "is not supported yet", fix: "write one source; a job reads one cluster" },
        Refused {
            name: "clusters",
            problem: "is not part of a job",
            fix: "the operator registers clusters; name one in source.cluster",
        },
        Refused { name: "schema_registry", problem: "is not supported yet", fix: "leave it out" },
        Refused {
            name: "connection",
            problem: "is not part of a job",
            fix: "name a registered cluster in source.cluster",
        },
    ],
};

impl JobSpec {
    /// Reads a YAML or JSON document and fills every default.
    ///
    /// # Errors
    /// Every mistake found in the document.
    pub fn parse(text: &str) -> Result<Self, FieldErrors> {
        let problems = Problems::default();
        let spec = match parse_text(text, &problems) {
            Ok(node) => Self::read(&node, &problems),
            Err(error) => {
                problems.add(error);
                None
            }
        };
        match (spec, problems.is_empty()) {
            (Some(spec), true) => Ok(spec),
            (None, true) => {
                Err(FieldErrors(vec![FieldError::new("document", "cannot be read", "write a job document")]))
            }
            (_, false) => Err(FieldErrors(problems.into_vec())),
        }
    }

    /// Reads a document that is already a tree.
    ///
    /// # Errors
    /// Every mistake found in the document.
    pub fn from_node(node: &Node) -> Result<Self, FieldErrors> {
        let problems = Problems::default();
        match (Self::read(node, &problems), problems.is_empty()) {
            (Some(spec), true) => Ok(spec),
            (None, true) => {
                Err(FieldErrors(vec![FieldError::new("document", "cannot be read", "write a job document")]))
            }
            (_, false) => Err(FieldErrors(problems.into_vec())),
        }
    }

    /// The consumer group of the job in Kafka.
    pub fn group_id(&self) -> String {
        self.source.group.clone().unwrap_or_else(|| format!("landfall-{}", self.name))
    }

    /// The folder of the job's dead letters in the sink's bucket, ending in `/`; `None` where they do not go to S3.
    pub fn dead_letter_prefix(&self) -> Option<String> {
        self.dead_letter.s3.as_ref().map(|prefix| prefix.render(&self.name))
    }

    fn read(node: &Node, problems: &Problems) -> Option<Self> {
        walk::refuse_addresses_and_secrets(node, problems);
        let mut section = Section::root(node, &TABLE, problems);
        let name = section.read::<JobName>("name");
        let team = section.read_with("team", plain_name);
        let labels = section.map_with("labels", object::label);
        if labels.as_ref().is_some_and(|labels| labels.len() > 50) {
            problems.add(FieldError::new("labels", "has more than 50 labels", "keep at most 50"));
        }
        let source = SourceSpec::read(&mut section);
        let decode = DecodeSpec::read(section.section("decode"));
        let sink = SinkSpec::read(section.section("sink"));
        let cluster = source.as_ref().map(|source| source.cluster.clone());
        let dead_letter = DeadLetterSpec::read(section.section("dead_letter"), cluster);
        let delivery = section.read::<Delivery>("delivery");
        let pool = section.read_with("pool", plain_name);
        let max_workers = section.read_with("max_workers", |node| within(u32::from_node(node)?, 1, 1_000));
        section.finish();
        let read = check::Read {
            name: name.as_ref(),
            source: source.as_ref(),
            decode: decode.as_ref(),
            sink: sink.as_ref(),
            dead_letter: dead_letter.as_ref(),
        };
        check::across_sections(&read, problems);
        Some(Self {
            name: name?,
            team: team?,
            labels: labels?,
            source: source?,
            decode: decode?,
            sink: sink?,
            dead_letter: dead_letter?,
            delivery: delivery?,
            pool: pool?,
            max_workers: max_workers?,
        })
    }
}

impl<'de> Deserialize<'de> for JobSpec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let problems = Problems::default();
        let node = crate::reader::deserialize_node(deserializer, &problems)?;
        Self::from_node(&node).map_err(|errors| serde::de::Error::custom(errors.to_string()))
    }
}
