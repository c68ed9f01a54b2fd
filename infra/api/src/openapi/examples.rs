//! What a request may look like, where its schema alone does not say: job documents and what changes them. The page at
//! `/docs` makes its curl commands of them.

use serde_json::{Value, json};
use utoipa::Modify;
use utoipa::openapi::example::ExampleBuilder;
use utoipa::openapi::path::Parameter;
use utoipa::openapi::{Content, OpenApi as Document, RefOr, Schema};

use super::operations;

/// Of the parameters that every operation on a job has.
const PARAMETERS: [(&str, &str); 2] = [("name", "bids"), ("action", "pause")];

pub(super) struct Examples;

impl Modify for Examples {
    fn modify(&self, document: &mut Document) {
        let bodies = bodies();
        for (path, item) in &mut document.paths.paths {
            for (method, operation) in operations(item) {
                for parameter in operation.parameters.iter_mut().flatten() {
                    if let RefOr::T(parameter) = parameter {
                        of_parameter(parameter);
                    }
                }
                let known = bodies.iter().find(|(of, _)| *of == (method, path.as_str()));
                let (Some((_, examples)), Some(RefOr::T(body))) = (known, &mut operation.request_body) else {
                    continue;
                };
                for content in body.content.values_mut() {
                    if let RefOr::T(content) = content {
                        of_body(content, examples);
                    }
                }
            }
        }
    }
}

fn of_parameter(parameter: &mut Parameter) {
    let known = PARAMETERS.iter().find(|(name, _)| *name == parameter.name);
    if let (Some((_, example)), Some(RefOr::T(Schema::Object(schema)))) = (known, &mut parameter.schema) {
        schema.examples = vec![(*example).into()];
    }
}

fn of_body(content: &mut Content, examples: &[(&str, Value)]) {
    let named = |(name, value): &(&str, Value)| {
        ((*name).to_owned(), RefOr::T(ExampleBuilder::new().value(Some(value.clone())).build()))
    };
    content.examples = examples.iter().map(named).collect();
}

/// Method and path.
type Operation = (&'static str, &'static str);

/// They are as small as they may be; the reference of a job document has every field.
fn bodies() -> [(Operation, Vec<(&'static str, Value)>); 6] {
    let job = json!({
        "name": "bids",
        "source": {"cluster": "main", "topics": ["bids"]},
        "sink": {"bucket": "lake", "format": "jsonl", "compression": "zstd", "rotate": {"age": "10m"}},
    });
    let connector = json!({
        "name": "bids",
        "config": {
            "connector.class": "io.confluent.connect.s3.S3SinkConnector",
            "topics": "bids",
            "s3.bucket.name": "lake",
            "flush.size": "1000",
            "format.class": "io.confluent.connect.s3.format.json.JsonFormat",
            "storage.class": "io.confluent.connect.s3.storage.S3Storage",
            "value.converter": "org.apache.kafka.connect.json.JsonConverter",
            "value.converter.schemas.enable": "false",
        },
    });
    let patch = json!({"max_workers": 4, "sink": {"rotate": {"age": "5m"}}});
    let offsets = json!({"offsets": [{"topic": "bids", "partition": 0, "offset": 1000}]});
    let copy = json!({"name": "bids-again", "start": {"timestamp": "2026-01-31T12:00:00Z"}});
    [
        (("post", "/v1/jobs"), vec![("Job document", job.clone())]),
        (("post", "/v1/jobs/validate"), vec![("Job document", job.clone()), ("Kafka Connect config", connector)]),
        (("put", "/v1/jobs/{name}"), vec![("Job document", job)]),
        (("patch", "/v1/jobs/{name}"), vec![("Merge patch", patch)]),
        (("put", "/v1/jobs/{name}/offsets"), vec![("One partition", offsets)]),
        (("post", "/v1/jobs/{name}/clone"), vec![("From a time on", copy)]),
    ]
}
