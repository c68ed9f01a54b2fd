//! Bucket, format, compression, encryption and tags of objects.

use serde_json::{Map, Value};

use crate::draft::Draft;
use crate::input::Input;
use crate::translate::ConnectDefaults;

const TAGGING: &str = "s3.object.tagging";
const PAIRS: &str = "s3.object.tagging.key.value.pairs";

pub(super) fn read(input: &mut Input<'_>, draft: &mut Draft, defaults: &ConnectDefaults) {
    bucket("s3.bucket.name", input, draft);
    endpoint("store.url", input, defaults);
    format(input, draft);
    encryption(input, draft);
    tags(input, draft);
    compression(input, draft);
}

fn bucket(key: &str, input: &mut Input<'_>, draft: &mut Draft) {
    match input.get(key) {
        Some(bucket) => {
            draft.set("sink.bucket", bucket, key);
            input.mapped(key, &["sink.bucket"]);
        }
        None => input.refuse(key, "is missing", "name the bucket that objects land in"),
    }
}

/// An endpoint is the operator's; a config may repeat it.
pub(crate) fn endpoint(key: &str, input: &mut Input<'_>, defaults: &ConnectDefaults) {
    let Some(url) = input.get(key) else { return input.idle(key, "it is empty") };
    let plain = |url: &str| url.trim_end_matches('/').to_ascii_lowercase();
    let registered = defaults.endpoint.as_deref().map(plain);
    let named = if url.contains("://") { plain(url) } else { plain(&format!("https://{url}")) };
    match registered.is_some_and(|registered| registered == named) {
        true => input.idle(key, "it is the endpoint that the operator set"),
        false => {
            let fix = "leave it out: the operator sets the S3 endpoint";
            input.refuse_hidden(key, "is not the endpoint that the operator set", fix);
        }
    }
}

fn format(input: &mut Input<'_>, draft: &mut Draft) {
    const KEY: &str = "format.class";
    let class = input.get(KEY);
    let json = "write io.confluent.connect.s3.format.json.JsonFormat";
    match class.map(|class| class.rsplit('.').next().unwrap_or(class)) {
        None => input.refuse(KEY, "is missing", json),
        Some("JsonFormat") => {
            draft.set("sink.format", "jsonl", KEY);
            let note = "a record lands as the bytes it came with, where the sink would write it anew";
            input.noted(KEY, &["sink.format"], note);
        }
        Some("ParquetFormat") => {
            let fix = "write JsonFormat, or a job of its own with sink.format: parquet and sink.columns";
            input.refuse(KEY, "is not supported yet: its columns come from a schema, and records have none", fix);
        }
        Some("AvroFormat" | "ByteArrayFormat") => input.refuse(KEY, "is not supported yet", json),
        Some(_) => input.refuse(KEY, "is not a format that is known here", json),
    }
}

fn compression(input: &mut Input<'_>, draft: &mut Draft) {
    const KEY: &str = "s3.compression.type";
    let gzip = match input.get(KEY).map(str::to_ascii_lowercase).as_deref() {
        None | Some("none") => false,
        Some("gzip") => true,
        Some(_) => {
            input.refuse(KEY, "is not a compression of the sink", "write none or gzip");
            false
        }
    };
    let (compression, extension) = if gzip { ("gzip", "json.gz") } else { ("none", "json") };
    draft.set("sink.compression", compression, KEY);
    draft.set("sink.extension", extension, KEY);
    input.mapped(KEY, &["sink.compression", "sink.extension"]);
}

fn encryption(input: &mut Input<'_>, draft: &mut Draft) {
    const KEY: &str = "s3.ssea.name";
    const KMS: &str = "s3.sse.kms.key.id";
    let algorithm = input.get(KEY);
    match algorithm {
        Some(algorithm) => {
            draft.set("sink.sse.type", algorithm, KEY);
            input.mapped(KEY, &["sink.sse.type"]);
        }
        None => input.idle(KEY, "it is empty, and the bucket's default holds"),
    }
    match (input.get(KMS), algorithm) {
        (Some(id), Some("aws:kms")) => {
            draft.set("sink.sse.kms_key_id", id, KMS);
            input.mapped(KMS, &["sink.sse.kms_key_id"]);
        }
        _ => input.idle(KMS, "it is used with s3.ssea.name: aws:kms only"),
    }
}

fn tags(input: &mut Input<'_>, draft: &mut Draft) {
    if input.boolean(TAGGING, false) == Some(true) {
        let fix = format!("leave it out; what {PAIRS} lists becomes tags without it");
        input.refuse(TAGGING, "is not supported: tags of offsets and counts differ from file to file", &fix);
    }
    input.idle(TAGGING, "it is off");
    let mut tags = Map::new();
    for pair in input.list(PAIRS) {
        match pair.split_once(':') {
            Some((name, value)) => {
                tags.insert(name.trim().to_owned(), Value::from(value.trim()));
            }
            None => input.refuse(PAIRS, "is not a list of tags", "write key:value pairs with commas between them"),
        }
    }
    if tags.is_empty() {
        return input.idle(PAIRS, "it is empty");
    }
    draft.set("sink.tags", tags, PAIRS);
    let note = "objects are tagged, which the sink does with s3.object.tagging: true only";
    input.noted(PAIRS, &["sink.tags"], note);
}
