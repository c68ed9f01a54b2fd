use landfall_s3::{ErrorKind, Fault, Operation, PlannedFault, faulty::Outage};

use super::{JSON, World, call, create, job, job_with};

/// Method, path, headers, body, status, words that the answer must have.
type Case<'a> = (&'a str, &'a str, &'a [&'a str], String, u16, &'a [&'a str]);

#[tokio::test]
async fn every_bad_request_is_answered_with_its_status_and_words_that_help() {
    let world = World::new();
    let api = world.api();
    create(&api, &job("there")).await.expect(201);
    let long = format!(r#"{{"name":"long","labels":{{"a":"{}"}}}}"#, "x".repeat(300 * 1024));
    let cases: Vec<Case<'_>> = vec![
        ("GET", "/v1/job", &[], String::new(), 404, &["/v1/job", "/openapi.json"]),
        ("DELETE", "/v1/jobs", &[], String::new(), 405, &["takes no DELETE"]),
        ("GET", "/v1/jobs/validate", &[], String::new(), 405, &["takes no GET"]),
        ("GET", "/v1/jobs/absent", &[], String::new(), 404, &["job \"absent\" does not exist"]),
        ("GET", "/v1/jobs/..%2Fworkers", &[], String::new(), 404, &["does not exist"]),
        ("GET", "/v1/jobs/%FF", &[], String::new(), 400, &["UTF-8"]),
        ("POST", "/v1/jobs/absent/pause", &[], String::new(), 404, &["does not exist"]),
        ("POST", "/v1/jobs/there/jump", &[], String::new(), 404, &["\"jump\"", "pause, resume, stop, restart"]),
        ("POST", "/v1/jobs", &[], job("a"), 415, &["no content type", "application/json or application/yaml"]),
        (
            "POST",
            "/v1/jobs",
            &["content-type: application/x-www-form-urlencoded"],
            job("a"),
            415,
            &["x-www-form-urlencoded", "application/json"],
        ),
        ("PATCH", "/v1/jobs/there", &[JSON], "{}".into(), 415, &["application/merge-patch+json"]),
        (
            "PATCH",
            "/v1/jobs/there",
            &["content-type: application/merge-patch+json"],
            "[1]".into(),
            400,
            &["JSON object"],
        ),
        ("PATCH", "/v1/jobs/there", &["content-type: application/merge-patch+json"], "{".into(), 400, &["not JSON"]),
        ("POST", "/v1/jobs", &[JSON], long.clone(), 413, &["262144 bytes"]),
        ("POST", "/v1/jobs", &[JSON], String::new(), 422, &["document", "is empty"]),
        ("POST", "/v1/jobs", &[JSON], "{\"name\":".into(), 422, &["cannot be read as JSON"]),
        (
            "POST",
            "/v1/jobs",
            &[JSON],
            "{}".into(),
            422,
            &["name", "source.cluster", "source.topics", "sink.bucket", "4 fields"],
        ),
        ("POST", "/v1/jobs", &[JSON], job("Bids"), 422, &["is not a job name"]),
        ("POST", "/v1/jobs", &[JSON], job("validate"), 422, &["is reserved"]),
        ("POST", "/v1/jobs", &[JSON], job("there"), 409, &["exists already", "PUT"]),
        ("POST", "/v1/jobs", &[JSON, "idempotency-key: "], job("a"), 400, &["idempotency-key", "UUID"]),
        ("PUT", "/v1/jobs/there", &[JSON], job("other"), 422, &["is not the job of the path, there", "name: there"]),
        ("PUT", "/v1/jobs/absent", &[JSON], job("absent"), 404, &["does not exist"]),
        ("PUT", "/v1/jobs/there", &[JSON, "if-match: abc"], job("there"), 400, &["if-match"]),
        ("PUT", "/v1/jobs/there", &[JSON, "if-match: \"abc\""], job("there"), 412, &["changed by somebody else"]),
        ("DELETE", "/v1/jobs/there", &["if-match: W/\"abc\""], String::new(), 412, &["changed by somebody else"]),
        ("GET", "/v1/jobs?limit=0", &[], String::new(), 400, &["limit 0 is not between 1 and 500"]),
        ("GET", "/v1/jobs?limit=many", &[], String::new(), 400, &["limit"]),
        ("GET", "/v1/jobs?page=2", &[], String::new(), 400, &["page", "label"]),
        ("GET", "/v1/jobs?cursor=%2A", &[], String::new(), 400, &["cursor", "next_cursor"]),
        ("GET", "/metrics", &[], String::new(), 404, &["keeps no metrics"]),
        ("GET", "/v1/jobs", &["host: evil.example"], String::new(), 403, &["evil.example", "127.0.0.1"]),
        (
            "POST",
            "/v1/jobs/there/stop",
            &["host: 127.0.0.1:8080", "origin: http://evil.example"],
            String::new(),
            403,
            &["origin"],
        ),
    ];
    for (method, path, headers, body, status, words) in cases {
        let answer = call(&api, method, path, headers, &body).await;
        let case = format!("{method} {path} {headers:?} {}: {}", &body[..body.len().min(80)], answer.text);
        assert_eq!(answer.status.as_u16(), status, "{case}");
        for word in words {
            assert!(answer.text.contains(&word.replace('"', "\\\"")), "{word:?} is missing: {case}");
        }
        assert_eq!(answer.header("content-type"), "application/problem+json", "{case}");
        let problem = &answer.json;
        assert_eq!(problem["status"], status, "{case}");
        assert!(problem["type"].as_str().unwrap().starts_with("/problems/"), "{case}");
        assert!(problem["title"].as_str().is_some_and(|title| !title.is_empty()), "{case}");
        assert_eq!(problem["instance"], path.split('?').next().unwrap(), "{case}");
        assert_eq!(problem["request_id"], answer.header("x-request-id"), "{case}");
    }
}

#[tokio::test]
async fn a_job_that_does_not_fit_cluster_or_bucket_is_refused_field_by_field_and_nothing_is_left() {
    let world = World::new();
    world.commit("landfall-taken", "bids", 1, 7, "");
    let api = world.api();
    let with = |name: &str, edit: &dyn Fn(&mut serde_json::Value)| {
        let mut document: serde_json::Value = serde_json::from_str(&job(name)).unwrap();
        edit(&mut document);
        document.to_string()
    };
    let cases: Vec<(String, Vec<(&str, &str)>)> = vec![
        (
            with("a", &|d| d["source"]["cluster"] = "mian".into()),
            vec![("source.cluster", "is not a registered cluster; did you mean main?")],
        ),
        (
            with("a", &|d| d["source"]["topics"] = serde_json::json!(["bids", "clicks", "views"])),
            vec![
                ("source.topics[1]", "does not exist on cluster main; create the topic"),
                ("source.topics[2]", "does not exist"),
            ],
        ),
        (
            with("a", &|d| d["sink"]["bucket"] = "laek".into()),
            vec![("sink.bucket", "is not a registered bucket; did you mean lake?")],
        ),
        (with("a", &|d| d["sink"]["bucket"] = "nowhere".into()), vec![("sink.bucket", "NoSuchBucket")]),
        (
            with("taken", &|_| {}),
            vec![("source.start", "group landfall-taken has committed offsets already (topic bids partition 1: 7)")],
        ),
        (job_with("a", r#","start":"committed""#), vec![("source.start", "group landfall-a has committed no offset")]),
        (
            job_with("a", r#","start":"committed","group":"landfall-taken""#),
            vec![(
                "source.start",
                "leads beyond the end of topic bids partition 1: group landfall-taken committed 7, the end is 0",
            )],
        ),
        (
            job_with("a", r#","start":{"offsets":{"bids":{"0":5,"9":0}}}"#),
            vec![
                ("source.start.offsets.bids.0", "is outside what the partition has; write an offset from 0 to 0"),
                ("source.start.offsets.bids.9", "is not a partition of the topic"),
            ],
        ),
        (
            with("a", &|d| d["dead_letter"] = serde_json::json!({"topic": "bids-dlq"})),
            vec![(
                "dead_letter.topic",
                "does not exist on cluster main; create the topic, or write dead_letter.create: true",
            )],
        ),
        // Cluster and bucket are both looked at.
        (
            with("a", &|d| {
                d["source"]["topics"] = serde_json::json!(["no"]);
                d["sink"]["bucket"] = "nowhere".into();
            }),
            vec![("source.topics[0]", "does not exist"), ("sink.bucket", "NoSuchBucket")],
        ),
    ];
    for (document, expected) in cases {
        let answer = create(&api, &document).await;
        assert_eq!(answer.status.as_u16(), 422, "{document}: {}", answer.text);
        assert_eq!(answer.json["type"], "/problems/check-failed", "{document}");
        let errors = answer.errors();
        assert_eq!(errors.len(), expected.len(), "{document}: {errors:?}");
        for ((field, words), (is_field, is_words)) in expected.iter().zip(&errors) {
            assert_eq!(field, is_field, "{document}");
            assert!(is_words.contains(words), "{document}: {words:?} is not in {is_words:?}");
        }
        // A dry run says the same.
        let dry = call(&api, "POST", "/v1/jobs/validate", &[JSON], &document).await.expect(200);
        assert_eq!((dry.json["valid"].as_bool(), dry.errors()), (Some(false), errors), "{document}");
    }
    let list = call(&api, "GET", "/v1/jobs", &[], "").await.expect(200);
    assert_eq!(list.json["jobs"], serde_json::json!([]));
}

#[tokio::test]
async fn kafka_or_s3_out_of_reach_is_no_mistake_of_the_job() {
    let world = World::new();
    let api = world.api();
    world.store.add(PlannedFault::on(Operation::List, Fault::Before(ErrorKind::SlowDown)));
    let answer = create(&api, &job("a")).await.expect(503);
    assert_eq!(answer.json["type"], "/problems/dependency-unavailable");
    assert!(
        answer.text.contains("bucket lake cannot be reached") && answer.text.contains("SlowDown"),
        "{}",
        answer.text
    );
    assert_eq!(answer.header("retry-after"), "2");

    world.store.set_outages(Some(Outage {
        kind: ErrorKind::AccessDenied,
        operations: vec![Operation::Get],
        key_contains: String::new(),
    }));
    let answer = call(&api, "GET", "/v1/jobs/a", &[], "").await.expect(503);
    assert!(answer.text.contains("the state bucket answered AccessDenied to GetObject"), "{}", answer.text);
    world.store.set_outages(None);

    world.kafka.set_reachable(false).unwrap();
    let answer = create(&api, &job("a")).await.expect(503);
    assert!(answer.text.contains("kafka cluster main"), "{}", answer.text);
}

#[tokio::test]
async fn checks_that_take_too_long_end_by_name() {
    let world = World::new();
    let mut parts = world.parts();
    parts.limits.checks = std::time::Duration::from_millis(50);
    let api = crate::router(crate::ApiState::new(parts));
    world.store.add(PlannedFault::on(Operation::List, Fault::Delay { ms: 60_000 }));
    let answer = create(&api, &job("a")).await.expect(504);
    assert_eq!(answer.json["type"], "/problems/timed-out");
    assert!(answer.text.contains("did not answer within"), "{}", answer.text);
}

#[tokio::test]
async fn more_requests_than_allowed_are_refused_at_once_but_health_is_not() {
    let world = World::new();
    let mut parts = world.parts();
    parts.limits.concurrent_requests = 0;
    let api = crate::router(crate::ApiState::new(parts));
    let answer = call(&api, "GET", "/v1/jobs", &[], "").await.expect(503);
    assert_eq!((&answer.json["type"], answer.header("retry-after")), (&"/problems/overloaded".into(), "1"));
    call(&api, "GET", "/livez", &[], "").await.expect(200);
    call(&api, "GET", "/readyz", &[], "").await.expect(200);
}

#[tokio::test]
async fn a_plain_request_id_is_kept_and_any_other_is_replaced() {
    let world = World::new();
    let api = world.api();
    let kept = call(&api, "GET", "/v1/jobs/none", &["x-request-id: abc-1"], "").await;
    assert_eq!((kept.header("x-request-id"), &kept.json["request_id"]), ("abc-1", &"abc-1".into()));
    let long = format!("x-request-id: {}", "a".repeat(129));
    for odd in ["x-request-id: <script>", long.as_str()] {
        let replaced = call(&api, "GET", "/v1/jobs/none", &[odd], "").await;
        assert_eq!(replaced.header("x-request-id").len(), 32, "{odd}");
    }
}
