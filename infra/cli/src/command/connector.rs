//! Kafka Connect configs where a job document is expected: told apart, and shown as the job they become.

use std::collections::BTreeMap;

use landfall_config::{ConnectConfig, FleetConfig};
use landfall_connect::{ConnectDefaults, Translation, translate};
use landfall_job::JobSpec;
use serde_json::{Map, Value};

use crate::exit::Failure;

/// A connector's name and config, as files and the REST API of Connect have them: `{"name": ..., "config": {...}}`, or
/// the config alone.
#[derive(Debug)]
pub(crate) struct Connector {
    name: String,
    config: BTreeMap<String, String>,
}

/// `None` where the text is no Connect config; then it is read as a job document, which names its own mistakes.
pub(crate) fn parse(text: &str) -> Option<Connector> {
    let document: Map<String, Value> = serde_json::from_str(text).ok()?;
    let named = document.get("name").and_then(Value::as_str);
    let config = match document.get("config") {
        Some(Value::Object(config)) => config,
        _ => &document,
    };
    config.get("connector.class")?;
    let name = config.get("name").and_then(Value::as_str).or(named).unwrap_or_default().to_owned();
    // Connect takes numbers and booleans as their text.
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    };
    Some(Connector { name, config: config.iter().map(|(key, value)| (key.clone(), text(value))).collect() })
}

impl Connector {
    /// The job it becomes; warnings go to standard error.
    pub(crate) fn job(&self, fleet: Option<&FleetConfig>) -> Result<JobSpec, Failure> {
        let translation = translate(&self.name, &self.config, &defaults(fleet));
        for warning in translation.warnings() {
            eprintln!("warning: {warning}");
        }
        let Translation { job: Some(job), .. } = &translation else {
            let errors: Vec<String> = translation.errors().map(ToString::to_string).collect();
            return Err(Failure::Usage(format!("the connector cannot become a job:\n{}", errors.join("\n"))));
        };
        JobSpec::parse(&job.to_string()).map_err(|errors| Failure::Usage(errors.to_string()))
    }
}

pub(crate) fn defaults(fleet: Option<&FleetConfig>) -> ConnectDefaults {
    let ConnectConfig { cluster, pool, team } = fleet.map(|fleet| fleet.connect.clone()).unwrap_or_default();
    ConnectDefaults { cluster, pool, team, endpoint: fleet.and_then(|fleet| fleet.s3.endpoint.clone()) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const CONFIG: &str =
        r#""connector.class": "io.confluent.connect.s3.S3SinkConnector", "tasks.max": 1, "topics": "bids""#;

    #[test]
    fn both_forms_of_a_config_are_told_from_a_job() {
        let plain = parse(&format!(r#"{{"name": "bids", {CONFIG}}}"#)).unwrap();
        let wrapped = parse(&format!(r#"{{"name": "bids", "config": {{{CONFIG}}}}}"#)).unwrap();
        assert_eq!((plain.name.as_str(), wrapped.name.as_str()), ("bids", "bids"));
        assert_eq!(wrapped.config["tasks.max"], "1");
        assert!(parse(r#"{"name": "bids", "source": {"cluster": "main", "topics": ["bids"]}}"#).is_none());
        assert!(parse("name: bids").is_none());
    }
}
