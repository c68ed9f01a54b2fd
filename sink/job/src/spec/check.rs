//! Rules that span sections of a job.

use super::{
    Compression, DecodeFormat, EnvelopeField, JobSpec, NullValue, REST_COLUMN, Rest, SinkFormat, Start, Topics,
};
use crate::FieldError;
use crate::reader::Problems;
use crate::template::TemplatePart;

pub(super) fn across_fields(spec: &JobSpec, problems: &Problems) {
    compression(spec, problems);
    columns(spec, problems);
    envelope(spec, problems);
    null_values(spec, problems);
    key(spec, problems);
    start(spec, problems);
    dead_letters(spec, problems);
}

fn compression(spec: &JobSpec, problems: &Problems) {
    let later = matches!(spec.sink.compression, Compression::Snappy | Compression::Lz4);
    if spec.sink.format == SinkFormat::Jsonl && later {
        let problem = "is not supported yet with format: jsonl";
        problems.add(shown("sink.compression", spec.sink.compression.as_str(), problem, "write none, gzip or zstd"));
    }
}

fn columns(spec: &JobSpec, problems: &Problems) {
    let sink = &spec.sink;
    if sink.format != SinkFormat::Parquet {
        return;
    }
    if sink.columns.len() > 2_000 {
        problems.add(FieldError::new(
            "sink.columns",
            "has more than 2000 columns",
            "use json columns for the rare fields",
        ));
    }
    let mut taken: Vec<String> = sink.envelope.iter().map(|field| field.column_name().to_owned()).collect();
    if sink.rest == Some(Rest::Column) {
        taken.push(REST_COLUMN.to_owned());
    }
    let mut taken: std::collections::BTreeSet<String> = taken.into_iter().collect();
    for (at, column) in sink.columns.iter().enumerate() {
        if !taken.insert(column.name.to_lowercase()) {
            let problem = "is the name of another column";
            let fix = "rename one, query engines ignore upper and lower case";
            problems.add(shown(&format!("sink.columns[{at}].name"), &column.name, problem, fix));
        }
    }
}

fn envelope(spec: &JobSpec, problems: &Problems) {
    let mut seen: Vec<EnvelopeField> = Vec::new();
    for field in &spec.sink.envelope {
        if seen.contains(field) {
            let problem = format!("names {field} twice");
            problems.add(FieldError::new("sink.envelope", problem, "name each field once"));
        }
        seen.push(*field);
    }
}

fn null_values(spec: &JobSpec, problems: &Problems) {
    let DecodeFormat::Json = spec.decode.format;
    let bare_lines = spec.sink.format == SinkFormat::Jsonl && spec.sink.envelope.is_empty();
    if spec.decode.null_value == NullValue::Keep && bare_lines {
        let fix = "write sink.envelope: [key], or null_value: dead_letter or skip";
        problems.add(shown(
            "decode.null_value",
            "keep",
            "has nothing to keep in a jsonl file without an envelope",
            fix,
        ));
    }
}

fn key(spec: &JobSpec, problems: &Problems) {
    let key = &spec.sink.key;
    let shared = spec.source.topics.may_be_several() && key.is_deterministic_name() && !key.has(&TemplatePart::Topic);
    if shared {
        let problem = "has no {topic}, and files of two topics would have one name";
        problems.add(shown("sink.key", key.as_str(), problem, "add {topic} or {unique}"));
    }
}

fn start(spec: &JobSpec, problems: &Problems) {
    if let Some(Start::Offsets(offsets)) = &spec.source.start {
        for topic in offsets.keys().filter(|topic| !spec.source.topics.contains(topic)) {
            let problem = format!("names the topic {topic}, which the job does not read");
            problems.add(FieldError::new("source.start.offsets", problem, "name topics of the source only"));
        }
    }
    let ends = match spec.source.stop {
        super::Stop::Timestamp(end) => Some(end),
        super::Stop::Never | super::Stop::End => None,
    };
    if let (Some(Start::Timestamp(start)), Some(end)) = (&spec.source.start, ends)
        && *start >= end
    {
        let problem = format!("is not after source.start.timestamp, {start}");
        problems.add(shown("source.stop.timestamp", &end.to_string(), &problem, "write a later time"));
    }
}

fn dead_letters(spec: &JobSpec, problems: &Problems) {
    let letters = &spec.dead_letter;
    let same_cluster = letters.cluster == spec.source.cluster;
    if let Some(topic) = letters.topic.as_deref().filter(|topic| same_cluster && spec.source.topics.contains(topic)) {
        let problem = "is a topic the job reads, and a dead letter would come back for ever";
        problems.add(shown("dead_letter.topic", topic, problem, "name another topic"));
    }
    let Some(prefix) = spec.dead_letter_prefix() else { return };
    let literal = spec.sink.key.literal_prefix();
    let folder = literal.rfind('/').map_or("", |end| literal.get(..=end).unwrap_or_default());
    let first_segment = prefix.split('/').next().unwrap_or_default();
    // A pattern such as `.*` matches the folder's name too; it is the topics that exist which count, and they are not known here.
    let named = matches!(&spec.source.topics, Topics::Named(names) if names.iter().any(|name| name == first_segment));
    let among_topics = named && spec.sink.key.parts().first() == Some(&TemplatePart::Topic);
    let inside =
        if folder.is_empty() { !literal.is_empty() && prefix.starts_with(literal) } else { prefix.starts_with(folder) };
    if among_topics || inside || (!literal.is_empty() && literal.starts_with(&prefix)) {
        let problem = "lies where the data lands, and readers of the data would find dead letters in it";
        problems.add(shown("dead_letter.s3", &prefix, problem, "write a folder outside the key's prefix"));
    }
}

fn shown(field: &str, value: &str, problem: &str, fix: &str) -> FieldError {
    FieldError::new(field, problem, fix).with_value(crate::reader::Node::Text(value.to_owned()).shown())
}
