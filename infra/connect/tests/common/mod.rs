//! Configs that tests change a key of, and what they look at.
#![allow(dead_code)]

use std::collections::BTreeMap;

use landfall_connect::{Class, ConnectDefaults, Finding, Translation, translate};
use landfall_job::JobSpec;

pub type Config = BTreeMap<String, String>;

/// Values for `REMOVED` take a key out of a config.
pub const REMOVED: &str = "\u{0}";

pub fn defaults() -> ConnectDefaults {
    ConnectDefaults {
        cluster: "main".to_owned(),
        pool: "shared".to_owned(),
        team: "ads".to_owned(),
        endpoint: Some("http://s3.local:9000".to_owned()),
    }
}

fn config(base: &[(&str, &str)], changes: &[(&str, &str)]) -> Config {
    let mut config = Config::new();
    for (key, value) in base.iter().chain(changes) {
        match *value {
            REMOVED => config.remove(*key),
            value => config.insert((*key).to_owned(), value.to_owned()),
        };
    }
    config
}

/// The smallest config of Confluent's sink, with changes.
pub fn confluent(changes: &[(&str, &str)]) -> Config {
    let base = [
        ("connector.class", "io.confluent.connect.s3.S3SinkConnector"),
        ("storage.class", "io.confluent.connect.s3.storage.S3Storage"),
        ("format.class", "io.confluent.connect.s3.format.json.JsonFormat"),
        ("value.converter", "org.apache.kafka.connect.json.JsonConverter"),
        ("value.converter.schemas.enable", "false"),
        ("topics", "bids"),
        ("s3.bucket.name", "lake"),
        ("flush.size", "1000"),
    ];
    config(&base, changes)
}

/// The smallest config of Aiven's sink, with changes.
pub fn aiven(changes: &[(&str, &str)]) -> Config {
    let base = [
        ("connector.class", "io.aiven.kafka.connect.s3.AivenKafkaConnectS3SinkConnector"),
        ("value.converter", "org.apache.kafka.connect.converters.ByteArrayConverter"),
        ("format.output.type", "csv"),
        ("format.output.fields", "value"),
        ("format.output.fields.value.encoding", "none"),
        ("topics", "bids"),
        ("aws.s3.bucket.name", "lake"),
    ];
    config(&base, changes)
}

pub fn translated(config: &Config) -> Translation {
    translate("sink", config, &defaults())
}

/// The job of a config that has no mistakes.
pub fn job(config: &Config) -> JobSpec {
    let translation = translated(config);
    let errors: Vec<String> = translation.errors().map(ToString::to_string).collect();
    assert!(errors.is_empty(), "refused: {errors:#?}\nof {config:#?}");
    let document = translation.job.expect("a job where nothing is refused");
    JobSpec::parse(&document.to_string()).expect("the job document is one that the fleet takes")
}

/// A field of the job document, with every default filled.
pub fn field(config: &Config, path: &str) -> serde_json::Value {
    let document = serde_json::to_value(job(config)).unwrap();
    path.split('.').fold(document, |value, step| value.get(step).cloned().unwrap_or(serde_json::Value::Null))
}

pub fn finding(translation: &Translation, key: &str) -> Finding {
    let found: Vec<&Finding> = translation.findings.iter().filter(|finding| finding.key == key).collect();
    assert_eq!(found.len(), 1, "findings of {key}: {found:#?}");
    found[0].clone()
}

/// The keys that are refused.
pub fn refused(config: &Config) -> Vec<String> {
    let translation = translated(config);
    let keys: Vec<String> = translation.errors().map(|finding| finding.key.clone()).collect();
    assert_eq!(translation.job.is_none(), !keys.is_empty(), "a job exactly where nothing is refused: {keys:?}");
    keys
}

pub fn is_idle(finding: &Finding) -> bool {
    matches!(finding.class, Class::NotNeeded { .. })
}

pub fn is_mapped(finding: &Finding) -> bool {
    matches!(finding.class, Class::Mapped { .. })
}
