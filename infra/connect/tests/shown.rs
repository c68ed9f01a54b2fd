//! What someone reads who brings the config of a real connector: the job that it becomes and every warning, or every
//! refusal. The files are looked at by people whenever they change.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::disallowed_methods)]

mod common;

use std::path::Path;

use common::{Config, defaults};
use landfall_connect::translate;

fn shown(config: &Config) -> String {
    let translation = translate(&config["name"], config, &defaults());
    let warnings: Vec<String> = translation.warnings().map(|warning| format!("warning: {warning}\n")).collect();
    match (&translation.job, translation.refusal()) {
        (Some(job), None) => format!("{}\n\n{}", serde_json::to_string_pretty(job).unwrap(), warnings.concat()),
        (None, Some(refusal)) => format!("{refusal}\n"),
        other => panic!("a job or a refusal: {other:?}"),
    }
}

#[test]
fn configs_of_real_connectors_are_shown_as_jobs_with_warnings_or_as_refusals() {
    for name in ["confluent", "aiven", "refused"] {
        let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
        let config = std::fs::read_to_string(golden.join(format!("{name}.json"))).unwrap();
        let text = shown(&serde_json::from_str(&config).unwrap());
        assert!(!text.contains("hunter2"), "a secret is told: {text}");
        let path = golden.join(format!("{name}.txt"));
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(&path, &text).unwrap();
        }
        let expected = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text, expected, "{} differs; look at the change, then run with UPDATE_GOLDEN=1", path.display());
    }
}
