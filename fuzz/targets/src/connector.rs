//! Kafka Connect configs, and the tables of jobs.

use std::collections::BTreeMap;

use landfall_connect::{ConnectDefaults, Plugin, translate, validate};
use landfall_ddl::{Options, ddl};
use landfall_job::JobSpec;

use crate::Answer;

/// A config as a JSON object of texts: every key ends in a finding, what comes out is a job, and a secret is in no answer.
pub(crate) fn config(data: &[u8]) -> Answer {
    let Ok(config) = serde_json::from_slice::<BTreeMap<String, String>>(data) else { return Answer::Refused };
    let defaults = ConnectDefaults {
        cluster: "main".to_owned(),
        pool: "shared".to_owned(),
        team: "default".to_owned(),
        endpoint: Some("http://127.0.0.1:9000".to_owned()),
    };
    let name = config.get("name").map_or("sink", String::as_str);
    let translation = translate(name, &config, &defaults);
    for key in config.keys() {
        assert!(translation.findings.iter().any(|finding| finding.key == *key), "{key:?} ends in no finding");
    }
    let told = serde_json::to_string(&translation).unwrap();
    for key in ["aws.secret.access.key", "s3.proxy.password"] {
        if let Some(secret) = config.get(key).filter(|secret| secret.len() > 12) {
            assert!(!told.contains(secret.as_str()), "{key} is told: {told}");
        }
    }
    assert_eq!(translation.job.is_none(), translation.errors().count() > 0, "{told}");
    assert_eq!(translation.refusal().is_some(), translation.job.is_none(), "{told}");
    for plugin in Plugin::ALL {
        let checked = validate(plugin, &config, &defaults);
        let counted: usize = checked.configs.iter().map(|config| config.value.errors.len()).sum();
        assert_eq!(checked.error_count, counted);
    }
    let Some(job) = translation.job else { return Answer::Refused };
    JobSpec::parse(&job.to_string()).unwrap_or_else(|e| panic!("{job}\n{e}"));
    Answer::Accepted
}

/// The table of a job, where it has one: the statement's quotes balance, and it is one statement.
pub(crate) fn table(data: &[u8]) -> Answer {
    let Ok(text) = std::str::from_utf8(data) else { return Answer::Refused };
    let Ok(spec) = JobSpec::parse(text) else { return Answer::Refused };
    let Ok(table) = ddl(&spec, &Options::default()) else { return Answer::Refused };
    let code: String = table.statement.lines().filter(|line| !line.trim_start().starts_with("--")).collect();
    assert_eq!(code.matches('`').count() % 2, 0, "{}", table.statement);
    let quotes = code.replace("\\\\", "").replace("\\'", "");
    assert_eq!(quotes.matches('\'').count() % 2, 0, "{}", table.statement);
    Answer::Accepted
}
