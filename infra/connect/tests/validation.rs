//! The shapes that Connect's clients read, and that whatever is written ends in answers.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::disallowed_methods)]

mod common;

use std::collections::BTreeSet;

use common::{aiven, confluent, defaults};
use landfall_connect::{Plugin, config_definitions, translate, validate};
use proptest::prelude::*;
use serde_json::json;

#[test]
fn every_key_is_defined_once_and_described() {
    for plugin in Plugin::ALL {
        let definitions = config_definitions(plugin);
        let names: BTreeSet<&str> = definitions.iter().map(|definition| definition.name.as_str()).collect();
        assert_eq!(names.len(), definitions.len());
        assert!(definitions.iter().all(|definition| definition.documentation.ends_with('.')));
        assert!(definitions.iter().all(|definition| definition.order_in_group >= 1));
        assert!(definitions.iter().all(|definition| !definition.required || definition.default_value.is_none()));
    }
}

#[test]
fn a_definition_has_the_fields_that_clients_read() {
    let definitions = serde_json::to_value(config_definitions(Plugin::Confluent)).unwrap();
    let flush = definitions.as_array().unwrap().iter().find(|definition| definition["name"] == "flush.size").unwrap();
    let expected = json!({
        "name": "flush.size", "type": "INT", "required": true, "default_value": null, "importance": "HIGH",
        "documentation": "How many records a file holds.", "group": "Connector", "order_in_group": 2, "width": "SHORT",
        "display_name": "flush.size", "dependents": [],
    });
    assert_eq!(*flush, expected);
}

#[test]
fn a_validation_tells_each_mistake_beside_its_key() {
    let config =
        confluent(&[("name", "sink"), ("flush.size", "x"), ("nope", "1"), ("aws.secret.access.key", "hunter2")]);
    let validation = validate(Plugin::Confluent, &config, &defaults());
    assert_eq!(validation.error_count, 3);
    let of = |key: &str| validation.configs.iter().find(|config| config.value.name == key).unwrap();
    assert_eq!(of("flush.size").value.errors, ["\"x\" is not a whole number; write 1 to 2147483647"]);
    assert_eq!(of("flush.size").value.value.as_deref(), Some("x"));
    assert_eq!(of("nope").definition.group, "Others");
    assert_eq!(of("nope").value.errors.len(), 1);
    assert_eq!(of("aws.secret.access.key").value.value.as_deref(), Some("[hidden]"));
    assert_eq!(of("topics.dir").value.value.as_deref(), Some("topics"));
    assert_eq!(of("errors.tolerance").value.recommended_values, ["none", "all"]);
    assert!(!serde_json::to_string(&validation).unwrap().contains("hunter2"));
    let url = validate(Plugin::Confluent, &confluent(&[("store.url", "http://u:hunter2@h/")]), &defaults());
    assert!(!serde_json::to_string(&url).unwrap().contains("hunter2"));
    assert_eq!(validation.groups[0], "Common");
}

#[test]
fn a_good_config_has_no_errors_and_an_empty_one_names_what_is_missing() {
    for (plugin, config) in [(Plugin::Confluent, confluent(&[("name", "s")])), (Plugin::Aiven, aiven(&[("name", "s")]))]
    {
        assert_eq!(validate(plugin, &config, &defaults()).error_count, 0);
        let empty = validate(plugin, &common::Config::new(), &defaults());
        let missing: Vec<&str> = empty
            .configs
            .iter()
            .filter(|config| !config.value.errors.is_empty())
            .map(|config| config.value.name.as_str())
            .collect();
        assert!(
            missing.contains(&"topics") && missing.contains(&"name") && missing.contains(&"value.converter"),
            "{missing:?}"
        );
    }
}

fn key() -> impl Strategy<Value = String> {
    let known: Vec<String> =
        Plugin::ALL.into_iter().flat_map(config_definitions).map(|definition| definition.name).collect();
    prop_oneof![
        6 => prop::sample::select(known),
        1 => "(consumer|producer|admin)\\.override\\.[a-z.]{0,20}",
        1 => "(transforms|predicates)\\.[ab]\\.(type|predicate|negate|x)",
        1 => "(key|value|header)\\.converter\\.[a-z.]{0,20}",
        1 => "\\PC{0,30}",
    ]
}

fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(String::new()),
        "-?[0-9]{1,25}",
        prop::sample::select(vec![
            "true",
            "false",
            "none",
            "all",
            "gzip",
            "a,b",
            "a",
            "UTC",
            "{{topic}}-{{partition}}-{{start_offset}}.gz",
            "org.apache.kafka.connect.json.JsonConverter",
            "org.apache.kafka.connect.transforms.Filter",
            "org.apache.kafka.connect.transforms.predicates.RecordIsTombstone",
            "'d'=dd",
            "${x}",
            "http://u:p@h",
            "io.confluent.connect.storage.partitioner.TimeBasedPartitioner",
            "RecordField",
            "latest",
            "csv",
            "jsonl",
        ])
        .prop_map(str::to_owned),
        "\\PC{0,40}",
        "[ -~]{200,2000}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn every_key_ends_in_exactly_one_finding_and_a_job_is_made_exactly_where_none_is_refused(
        changes in prop::collection::btree_map(key(), value(), 0..12), of_aiven in any::<bool>(), name in "[a-zA-Z0-9_.-]{0,20}",
    ) {
        let mut config = if of_aiven { aiven(&[]) } else { confluent(&[]) };
        config.extend(changes);
        let translation = translate(&name, &config, &defaults());
        let mut keys: Vec<&str> = translation.findings.iter().map(|finding| finding.key.as_str()).collect();
        let all = keys.len();
        keys.dedup();
        prop_assert_eq!(all, keys.len());
        for key in config.keys() {
            prop_assert!(keys.contains(&key.as_str()), "{} has no finding", key);
        }
        prop_assert_eq!(translation.job.is_some(), translation.errors().next().is_none());
        if let Some(job) = &translation.job {
            let spec = landfall_job::JobSpec::parse(&job.to_string()).unwrap();
            prop_assert!(landfall_format::Plan::compile(&spec).is_ok());
        }
        let missing = translation.findings.iter().filter(|finding| !config.contains_key(&finding.key));
        for finding in missing {
            prop_assert!(finding.error().is_some());
        }
    }
}
