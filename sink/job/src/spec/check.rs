//! Rules that span sections of a job, each judged on the sections that could be read: a mistake in one does not hide
//! those of the others.

use super::{DeadLetterSpec, DecodeFormat, DecodeSpec, NullValue, SinkFormat, SinkSpec, SourceSpec, Topics};
use crate::FieldError;
use crate::names::JobName;
use crate::reader::{Node, Problems};
use crate::template::TemplatePart;

/// What of a document could be read.
pub(super) struct Read<'a> {
    pub(super) name: Option<&'a JobName>,
    pub(super) source: Option<&'a SourceSpec>,
    pub(super) decode: Option<&'a DecodeSpec>,
    pub(super) sink: Option<&'a SinkSpec>,
    pub(super) dead_letter: Option<&'a DeadLetterSpec>,
}

pub(super) fn across_sections(read: &Read<'_>, problems: &Problems) {
    if let (Some(decode), Some(sink)) = (read.decode, read.sink) {
        null_values(decode, sink, problems);
    }
    if let (Some(source), Some(sink)) = (read.source, read.sink) {
        key_and_topics(source, sink, problems);
    }
    if let (Some(letters), Some(source)) = (read.dead_letter, read.source) {
        letters_come_back(letters, source, problems);
    }
    if let (Some(letters), Some(sink), Some(name)) = (read.dead_letter, read.sink, read.name) {
        letters_among_data(letters, sink, name, read.source, problems);
    }
}

fn null_values(decode: &DecodeSpec, sink: &SinkSpec, problems: &Problems) {
    let DecodeFormat::Json = decode.format;
    let bare_lines = sink.format == SinkFormat::Jsonl && sink.envelope.is_empty();
    if decode.null_value == NullValue::Keep && bare_lines {
        let fix = "write sink.envelope: [key], or null_value: dead_letter or skip";
        problems.add(shown(
            "decode.null_value",
            "keep",
            "has nothing to keep in a jsonl file without an envelope",
            fix,
        ));
    }
}

fn key_and_topics(source: &SourceSpec, sink: &SinkSpec, problems: &Problems) {
    let key = &sink.key;
    if source.topics.may_be_several()
        && let Some(refusal) = key.mixes_topics()
    {
        problems.add(shown("sink.key", key.as_str(), &refusal.problem, &refusal.fix));
    }
    // Of a pattern's topics nothing is known.
    let Topics::Named(names) = &source.topics else { return };
    let Some(longest) = names.iter().max_by_key(|name| name.len()) else { return };
    if let Some(excess) = key.key_length(longest, sink.extension()).excess() {
        let problem = format!("makes keys of the topic {longest} with {excess}");
        problems.add(shown(
            "sink.key",
            key.as_str(),
            &problem,
            "shorten the template, or leave {topic} out of its longest segment",
        ));
    }
}

fn letters_come_back(letters: &DeadLetterSpec, source: &SourceSpec, problems: &Problems) {
    let same_cluster = letters.cluster == source.cluster;
    if let Some(topic) = letters.topic.as_deref().filter(|topic| same_cluster && source.topics.contains(topic)) {
        let problem = "is a topic the job reads, and a dead letter would come back for ever";
        problems.add(shown("dead_letter.topic", topic, problem, "name another topic"));
    }
}

fn letters_among_data(
    letters: &DeadLetterSpec,
    sink: &SinkSpec,
    name: &JobName,
    source: Option<&SourceSpec>,
    problems: &Problems,
) {
    let Some(prefix) = letters.s3.as_ref().map(|prefix| prefix.render(name)) else { return };
    let literal = sink.key.literal_prefix();
    let folder = literal.rfind('/').map_or("", |end| literal.get(..=end).unwrap_or_default());
    let first_segment = prefix.split('/').next().unwrap_or_default();
    // A pattern such as `.*` matches the folder's name too; it is the topics that exist which count, and they are not known here.
    let named = source.is_some_and(
        |source| matches!(&source.topics, Topics::Named(names) if names.iter().any(|name| name == first_segment)),
    );
    let among_topics = named && sink.key.parts().first() == Some(&TemplatePart::Topic);
    let inside =
        if folder.is_empty() { !literal.is_empty() && prefix.starts_with(literal) } else { prefix.starts_with(folder) };
    if among_topics || inside || (!literal.is_empty() && literal.starts_with(&prefix)) {
        let problem = "lies where the data lands, and readers of the data would find dead letters in it";
        problems.add(shown("dead_letter.s3", &prefix, problem, "write a folder outside the key's prefix"));
    }
}

fn shown(field: &str, value: &str, problem: &str, fix: &str) -> FieldError {
    FieldError::new(field, problem, fix).with_value(Node::Text(value.to_owned()).shown())
}
