//! What a file holds: bytes or JSON of values, a line each; every other shape is refused.

use super::either;
use crate::draft::Draft;
use crate::input::Input;

const TYPE: &str = "format.output.type";
const FIELDS: &str = "format.output.fields";
const ENCODING: &str = "format.output.fields.value.encoding";
const ENVELOPE: &str = "format.output.envelope";

/// How a file is compressed, and the suffix that Aiven's default name gives it.
#[derive(Clone, Copy)]
pub(super) struct Suffix {
    pub(super) of_default_name: &'static str,
}

pub(super) fn read(input: &mut Input<'_>, draft: &mut Draft) -> Suffix {
    draft.set("sink.format", "jsonl", TYPE);
    match input.get(TYPE).unwrap_or("csv").to_ascii_lowercase().as_str() {
        "csv" => bytes(input),
        "jsonl" => lines(input),
        "json" => refuse(input, "is not supported yet: a file would be one JSON array"),
        "avro" | "parquet" => refuse(input, "is not supported yet: it needs records with a schema"),
        _ => refuse(input, "is not a format of the sink"),
    }
    input.mapped(TYPE, &["sink.format"]);
    fields(input);
    compression(input, draft)
}

fn refuse(input: &mut Input<'_>, problem: &str) {
    input.refuse(TYPE, problem, "write jsonl with format.output.envelope: false");
    for key in [ENCODING, ENVELOPE] {
        input.idle(key, "the format is not supported");
    }
}

/// Passing bytes through is the one shape of CSV that lands: values alone, not encoded.
fn bytes(input: &mut Input<'_>) {
    input.idle(ENVELOPE, "the format has none");
    match input.get(ENCODING).map(str::to_ascii_lowercase).as_deref() {
        Some("none") => input.mapped(ENCODING, &["sink.format"]),
        Some("base64") => input.refuse(ENCODING, "is not supported yet", "write none: values land as they are"),
        None => input.refuse(
            ENCODING,
            "is missing and means base64, not supported yet",
            "write none: values land as they are",
        ),
        Some(_) => input.refuse(ENCODING, "is not an encoding", "write none"),
    }
}

fn lines(input: &mut Input<'_>) {
    input.idle(ENCODING, "JSON values are not encoded");
    match (input.get(ENVELOPE), input.boolean(ENVELOPE, true)) {
        (Some(_), Some(false)) => input.mapped(ENVELOPE, &["sink.format"]),
        (Some(_), Some(true)) => {
            input.refuse(ENVELOPE, "is not supported: lines would have another shape", "write false");
        }
        (None, _) => {
            input.refuse(
                ENVELOPE,
                "is missing and means true, lines of another shape",
                "write false: values land as they are",
            );
        }
        (Some(_), None) => {}
    }
}

fn fields(input: &mut Input<'_>) {
    let key = either(input, FIELDS, "output_fields").map_or(FIELDS, |(key, _)| key);
    let fields = input.list(key);
    match fields.iter().all(|field| field.eq_ignore_ascii_case("value")) {
        true => input.mapped(key, &["sink.envelope"]),
        false => {
            let fix = "write value, or a job of its own with sink.envelope";
            input.refuse(key, "is not supported: lines would have another shape", fix);
        }
    }
}

fn compression(input: &mut Input<'_>, draft: &mut Draft) -> Suffix {
    let (key, written) =
        either(input, "file.compression.type", "output_compression").unwrap_or(("file.compression.type", "gzip"));
    let (compression, suffix) = match written.to_ascii_lowercase().as_str() {
        "gzip" => ("gzip", "gz"),
        "none" => ("none", ""),
        "zstd" => ("zstd", "zst"),
        "snappy" => {
            input.refuse(key, "is not supported yet", "write gzip, zstd or none");
            ("none", "")
        }
        _ => {
            input.refuse(key, "is not a compression of the sink", "write gzip, zstd or none");
            ("none", "")
        }
    };
    draft.set("sink.compression", compression, key);
    input.mapped(key, &["sink.compression"]);
    Suffix { of_default_name: suffix }
}
