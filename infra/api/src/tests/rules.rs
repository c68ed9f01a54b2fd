//! What the operator's configuration forbids is refused wherever a document comes in.

use landfall_s3::{ListRequest, Store};
use serde_json::{Value, json};

use super::{Answer, JSON, Rules, World, call, create, job};
use crate::state::ApiState;

const YAML: &str = "content-type: application/yaml";
const MERGE: &str = "content-type: application/merge-patch+json";

/// Documents, each with the lines that refuse it: what the configuration's own tests hold it to.
fn refused_jobs() -> Vec<(String, Vec<String>)> {
    let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/../config/tests/golden/refused-jobs.txt");
    let text = std::fs::read_to_string(golden).unwrap();
    let cases = text.split("\n\n").map(str::trim).filter(|case| !case.is_empty());
    let lines = |case: &str| case.lines().map(|line| line.trim().to_owned()).collect::<Vec<_>>();
    cases.map(lines).map(|mut lines| (lines.remove(0), lines)).collect()
}

/// The mistakes of an answer as the configuration writes them.
fn told(answer: &Answer) -> Vec<String> {
    let line = |error: &Value| {
        let text = |name: &str| error[name].as_str().unwrap_or_default();
        let value = error["value"].as_str().map(|value| format!("{value} ")).unwrap_or_default();
        format!("{}: {value}{}; {}", text("field"), text("problem"), text("fix"))
    };
    answer.json["errors"].as_array().unwrap().iter().map(line).collect()
}

async fn keys(world: &World) -> Vec<String> {
    let request = ListRequest { bucket: "lake".into(), ..ListRequest::default() };
    world.store.inner().list(request).await.unwrap().objects.into_iter().map(|object| object.key).collect()
}

#[tokio::test]
async fn a_job_that_the_configuration_refuses_is_neither_valid_nor_created() {
    let world = World::new();
    for topic in ["t", "_landfall", "_"] {
        world.kafka.create_topic(topic, 1).unwrap();
    }
    let mut parts = world.parts();
    parts.rules = Rules::with_buckets("lake: {expected_owner: '123456789012'}");
    let api = crate::router(ApiState::new(parts));
    let cases = refused_jobs();
    assert!(cases.len() >= 9, "{cases:?}");
    for (document, lines) in cases {
        let refused = call(&api, "POST", "/v1/jobs", &[YAML], &document).await.expect(422);
        assert_eq!(refused.json["type"], "/problems/check-failed", "{document}");
        assert_eq!(told(&refused), lines, "{document}");
        let dry = call(&api, "POST", "/v1/jobs/validate", &[YAML], &document).await.expect(200);
        assert_eq!((&dry.json["valid"], told(&dry)), (&json!(false), lines), "{document}");
    }
    // Nor did the probe of the bucket leave anything where the job may not write.
    let left = keys(&world).await;
    assert!(left.iter().all(|key| key.starts_with("_landfall/probe/")), "{left:?}");
}

#[tokio::test]
async fn no_job_is_changed_into_what_the_configuration_refuses() {
    let world = World::new();
    let api = world.api();
    let created = create(&api, &job("bids")).await.expect(201);
    for (change, field) in [
        (json!({"sink": {"key": "_landfall/workers/{topic}-{unique}.{ext}"}}), "sink.key"),
        (json!({"sink": {"expected_bucket_owner": "000000000000"}}), "sink.expected_bucket_owner"),
        (json!({"dead_letter": {"s3": "_landfall/workers/"}}), "dead_letter.s3"),
        (json!({"dead_letter": {"cluster": "other", "topic": "letters"}}), "dead_letter.cluster"),
    ] {
        let patched = call(&api, "PATCH", "/v1/jobs/bids", &[MERGE], &change.to_string()).await.expect(422);
        let mut document: Value = serde_json::from_str(&job("bids")).unwrap();
        for (section, fields) in change.as_object().unwrap() {
            for (name, value) in fields.as_object().unwrap() {
                document[section][name] = value.clone();
            }
        }
        let put = call(&api, "PUT", "/v1/jobs/bids", &[JSON], &document.to_string()).await.expect(422);
        let dry = call(&api, "POST", "/v1/jobs/validate", &[JSON], &document.to_string()).await.expect(200);
        assert_eq!(dry.json["valid"], false, "{change}");
        for answer in [patched, put, dry] {
            let fields: Vec<String> = answer.errors().into_iter().map(|(field, _)| field).collect();
            assert_eq!(fields, [field], "{change}: {}", answer.text);
        }
    }
    let got = call(&api, "GET", "/v1/jobs/bids", &[], "").await.expect(200);
    assert_eq!((&got.json["config_version"], got.header("etag")), (&json!(1), created.header("etag")));
}
