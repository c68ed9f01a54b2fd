use std::convert::Infallible;

use landfall_commit::{JobUid, Lane, LogState, Paths, Seq};
use landfall_s3::{ErrorKind, Fault, Operation, PlannedFault, Store};
use landfall_store::{Desired, Failure};
use serde_json::json;

use super::{Answer, JSON, World, call, create, job, job_with};

async fn entry_zero(world: &World, uid: &str) -> LogState {
    let key = Paths::new("_landfall/", &JobUid::from(uid), Lane(0)).entry(Seq(0));
    let object = world.store.inner().get("lake", &key).await.unwrap();
    LogState::open(&landfall_commit::Entry::from_json(&object.body).unwrap()).unwrap()
}

fn starts(answer: &Answer) -> Vec<i64> {
    answer.json["origins"].as_array().unwrap().iter().map(|origin| origin["start_offset"].as_i64().unwrap()).collect()
}

#[tokio::test]
async fn a_new_job_has_its_record_its_log_and_its_start_in_the_group() {
    let world = World::new();
    let api = world.api();
    let created = create(&api, &job("bids")).await.expect(201);
    assert_eq!(created.header("location"), "/v1/jobs/bids");
    assert_eq!(created.json["spec"]["sink"]["format"], "jsonl", "defaults are shown");
    assert_eq!((created.json["config_version"].as_u64(), created.json["generation"].as_u64()), (Some(1), Some(1)));
    assert_eq!(starts(&created), [0, 0, 0]);
    assert!(created.json["warnings"].is_null(), "{}", created.text);

    let uid = created.json["uid"].as_str().unwrap();
    let log = entry_zero(&world, uid).await;
    assert_eq!((log.origins().start.len(), log.origins().bucket.as_str(), log.origins().lanes), (3, "lake", 1));
    let committed = world.committed("landfall-bids");
    assert_eq!(committed.len(), 3);
    assert!(committed.iter().all(|commit| commit.metadata == uid && commit.offset == 0));

    let got = call(&api, "GET", "/v1/jobs/bids", &[], "").await.expect(200);
    assert_eq!(got.header("etag"), created.header("etag"));
    assert_eq!(got.json["spec"], created.json["spec"]);
}

#[tokio::test]
async fn yaml_says_the_same_as_json() {
    let world = World::new();
    let api = world.api();
    let yaml = "name: bids\nsource: {cluster: main, topics: [bids]}\nsink: {bucket: lake}\n";
    let from_yaml =
        call(&api, "POST", "/v1/jobs", &["content-type: application/yaml; charset=utf-8"], yaml).await.expect(201);
    let other = World::new();
    let from_json = create(&other.api(), &job("bids")).await.expect(201);
    assert_eq!(from_yaml.json["spec"], from_json.json["spec"]);
}

#[tokio::test]
async fn the_start_is_resolved_once_to_explicit_offsets() {
    let world = World::new();
    for (partition, count) in [(0, 3), (1, 5)] {
        world.produce("bids", partition, count);
    }
    world.commit("takeover", "bids", 1, 2, "somebody");
    world.commit("another", "bids", 1, 2, "somebody");
    let api = world.api();
    for (name, source, expected) in [
        ("earliest", "", [0, 0, 0]),
        ("latest", r#","start":"latest""#, [3, 5, 0]),
        ("committed", r#","start":"committed","group":"takeover""#, [0, 2, 0]),
        ("offsets", r#","start":{"offsets":{"bids":{"1":4}}}"#, [0, 4, 0]),
        ("after-commits", r#","start":"earliest","group":"another""#, [0, 0, 0]),
    ] {
        let created = create(&api, &job_with(name, source)).await.expect(201);
        assert_eq!(starts(&created), expected, "{name}");
        let log = entry_zero(&world, created.json["uid"].as_str().unwrap()).await;
        let in_log: Vec<u64> = log.origins().start.values().copied().collect();
        assert_eq!(in_log, expected.map(|offset| u64::try_from(offset).unwrap()), "{name}");
    }
    let bounded = create(&api, &job_with("bounded", r#","stop":"end""#)).await.expect(201);
    world.produce("bids", 2, 4);
    let ends: Vec<_> =
        bounded.json["ends"].as_array().unwrap().iter().map(|end| end["end_offset"].as_i64().unwrap()).collect();
    assert_eq!(ends, [3, 5, 0]);
    let got = call(&api, "GET", "/v1/jobs/bounded", &[], "").await.expect(200);
    assert_eq!(got.json["ends"], bounded.json["ends"], "later records do not move the end");
}

#[tokio::test]
async fn a_pattern_takes_the_topics_that_match_and_may_match_none_yet() {
    let world = World::new();
    for topic in ["clicks-eu", "clicks-us", "views"] {
        world.kafka.create_topic(topic, 1).unwrap();
    }
    let api = world.api();
    let regex = |name: &str, pattern: &str| {
        job(name).replace(r#""topics":["bids"]"#, &format!(r#""topics_regex":"{pattern}""#))
    };
    let created = create(&api, &regex("clicks", "^clicks-.*$")).await.expect(201);
    let topics: Vec<_> =
        created.json["origins"].as_array().unwrap().iter().map(|o| o["topic"].as_str().unwrap()).collect();
    assert_eq!(topics, ["clicks-eu", "clicks-us"]);
    let none = create(&api, &regex("later", "^later-.*$")).await.expect(201);
    assert!(none.text.contains("no topic of cluster main matches"), "{}", none.text);
    assert_eq!(none.json["origins"], json!([]));
}

#[tokio::test]
async fn a_dry_run_shows_the_job_and_leaves_nothing_behind() {
    let world = World::new();
    let api = world.api();
    let dry = call(&api, "POST", "/v1/jobs/validate", &[JSON], &job("bids")).await.expect(200);
    assert_eq!((dry.json["valid"].as_bool(), starts(&dry)), (Some(true), vec![0, 0, 0]));
    assert_eq!(dry.json["spec"]["sink"]["compression"], "zstd");
    call(&api, "GET", "/v1/jobs/bids", &[], "").await.expect(404);
    assert!(world.committed("landfall-bids").is_empty());
    // Of a job that exists it judges the change, not a second creation.
    create(&api, &job("bids")).await.expect(201);
    let same = call(&api, "POST", "/v1/jobs/validate", &[JSON], &job("bids")).await.expect(200);
    assert_eq!(same.json["valid"], true, "{}", same.text);
    let moved = job("bids").replace(r#""bucket":"lake""#, r#""bucket":"other""#);
    let moved = call(&api, "POST", "/v1/jobs/validate", &[JSON], &moved).await.expect(200);
    assert_eq!((moved.json["valid"].as_bool(), moved.errors()[0].0.as_str()), (Some(false), "sink.bucket"));
    let invalid = call(&api, "POST", "/v1/jobs/validate", &[JSON], r#"{"nmae":"x"}"#).await.expect(200);
    assert_eq!(invalid.json["valid"], false);
    assert!(invalid.text.contains("did you mean name"), "{}", invalid.text);
}

#[tokio::test]
async fn the_same_idempotency_key_and_document_get_the_same_job() {
    let world = World::new();
    let api = world.api();
    let key = "idempotency-key: 5f0c";
    let first = call(&api, "POST", "/v1/jobs", &[JSON, key], &job("bids")).await.expect(201);
    let again = call(&api, "POST", "/v1/jobs", &[JSON, key], &job("bids")).await.expect(201);
    assert_eq!((first.header("idempotency-replayed"), again.header("idempotency-replayed")), ("", "true"));
    assert_eq!(first.json["uid"], again.json["uid"]);
    // The same job in other words.
    let yaml = "{name: bids, source: {cluster: main, topics: [bids]}, sink: {bucket: lake, format: jsonl}}";
    let worded = call(&api, "POST", "/v1/jobs", &["content-type: application/yaml", key], yaml).await.expect(201);
    assert_eq!(worded.json["uid"], first.json["uid"]);
    let other = job_with("bids", r#","start":"latest""#);
    let mismatch = call(&api, "POST", "/v1/jobs", &[JSON, key], &other).await.expect(422);
    assert_eq!(mismatch.json["type"], "/problems/idempotency-mismatch");
    call(&api, "POST", "/v1/jobs", &[JSON, "idempotency-key: other"], &job("bids")).await.expect(409);
    create(&api, &job("bids")).await.expect(409);
}

#[tokio::test]
async fn of_two_processes_that_create_at_once_one_wins() {
    let world = World::new();
    let (one, two) = (world.api(), world.api());
    let body = job("bids");
    let (a, b) = tokio::join!(create(&one, &body), create(&two, &body));
    let mut statuses = [a.status.as_u16(), b.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409], "{} {}", a.text, b.text);
    let list = call(&one, "GET", "/v1/jobs", &[], "").await.expect(200);
    assert_eq!(list.json["jobs"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn two_processes_that_change_a_job_at_once_lose_no_update() {
    let world = World::new();
    let apis = [world.api(), world.api()];
    create(&apis[0], &job("bids")).await.expect(201);
    let merge = "content-type: application/merge-patch+json";
    let mut tasks = Vec::new();
    for (n, api) in apis.iter().cloned().enumerate() {
        tasks.push(tokio::spawn(async move {
            for i in 0..10 {
                // Without if-match a patch that met another is repeated by its sender.
                loop {
                    let label = json!({"labels": {format!("p{n}-{i}"): "x"}}).to_string();
                    let answer = call(&api, "PATCH", "/v1/jobs/bids", &[merge], &label).await;
                    match answer.status.as_u16() {
                        200 => break,
                        412 | 409 => tokio::task::yield_now().await,
                        other => panic!("{other}: {}", answer.text),
                    }
                }
                call(&api, "POST", "/v1/jobs/bids/restart", &[], "").await.expect(202);
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    let got = call(&apis[0], "GET", "/v1/jobs/bids", &[], "").await.expect(200);
    assert_eq!(got.json["spec"]["labels"].as_object().unwrap().len(), 20);
    assert_eq!((got.json["config_version"].as_u64(), got.json["restarts"].as_u64()), (Some(21), Some(20)));
}

#[tokio::test]
async fn a_replacement_is_judged_versioned_and_guarded_by_its_etag() {
    let world = World::new();
    world.kafka.create_topic("clicks", 1).unwrap();
    let api = world.api();
    let created = create(&api, &job("bids")).await.expect(201);
    let etag = format!("if-match: {}", created.header("etag"));
    let mut document: serde_json::Value = serde_json::from_str(&job("bids")).unwrap();

    let same = call(&api, "PUT", "/v1/jobs/bids", &[JSON, &etag], &document.to_string()).await.expect(200);
    assert_eq!(
        (same.json["change"]["change"].as_str(), same.header("etag")),
        (Some("no_change"), created.header("etag"))
    );

    document["sink"]["rotate"] = json!({"records": 10});
    document["source"]["topics"] = json!(["bids", "clicks"]);
    let changed = call(&api, "PUT", "/v1/jobs/bids", &[JSON, &etag], &document.to_string()).await.expect(200);
    assert_eq!(changed.json["change"]["change"], "at_file_boundary", "{}", changed.text);
    assert_eq!(changed.json["config_version"], 2);
    let (origins, before) = (changed.json["origins"].as_array().unwrap(), created.json["origins"].as_array().unwrap());
    assert_eq!((&origins[..3], &origins[3]["topic"]), (before.as_slice(), &json!("clicks")), "{}", changed.text);
    call(&api, "PUT", "/v1/jobs/bids", &[JSON, &etag], &document.to_string()).await.expect(412);

    document["source"]["topics"] = json!(["bids", "clicks", "absent"]);
    let refused = call(&api, "PUT", "/v1/jobs/bids", &[JSON], &document.to_string()).await.expect(422);
    assert_eq!(refused.errors()[0].0, "source.topics[2]");
    document["source"]["topics"] = json!(["clicks"]);
    document["sink"]["bucket"] = "other".into();
    let refused = call(&api, "PUT", "/v1/jobs/bids", &[JSON], &document.to_string()).await.expect(422);
    assert_eq!(refused.json["type"], "/problems/invalid-job");
    let fields: Vec<_> = refused.errors().into_iter().map(|(field, _)| field).collect();
    assert_eq!(fields, ["sink.bucket", "source.topics"]);
    let got = call(&api, "GET", "/v1/jobs/bids", &[], "").await.expect(200);
    assert_eq!(got.json["config_version"], 2);
}

#[tokio::test]
async fn a_patch_changes_what_it_names_and_null_goes_back_to_the_default() {
    let world = World::new();
    let api = world.api();
    create(&api, &job("bids")).await.expect(201);
    let merge = "content-type: application/merge-patch+json";
    let patched =
        call(&api, "PATCH", "/v1/jobs/bids", &[merge], r#"{"max_workers":3,"labels":{"a":"b"}}"#).await.expect(200);
    assert_eq!(patched.json["change"], json!({"change": "in_place", "fields": ["labels.a", "max_workers"]}));
    assert_eq!(patched.json["spec"]["max_workers"], 3);
    let twice = r#"{"labels":{"a":"c"},"labels":{}}"#;
    let refused = call(&api, "PATCH", "/v1/jobs/bids", &[merge], twice).await.expect(422);
    assert_eq!(refused.errors()[0].0, "labels", "{}", refused.text);
    let back = call(&api, "PATCH", "/v1/jobs/bids", &[merge], r#"{"max_workers":null}"#).await.expect(200);
    assert_eq!((&back.json["spec"]["max_workers"], &back.json["spec"]["labels"]), (&json!(8), &json!({"a": "b"})));
    let bad = call(&api, "PATCH", "/v1/jobs/bids", &[merge], r#"{"sink":{"fromat":"parquet"}}"#).await.expect(422);
    assert!(bad.text.contains("did you mean sink.format"), "{}", bad.text);
}

#[tokio::test]
async fn actions_change_what_is_desired_and_say_why_not() {
    let world = World::new();
    let api = world.api();
    create(&api, &job("bids")).await.expect(201);
    let act = async |action: &str| call(&api, "POST", &format!("/v1/jobs/bids/{action}"), &[], "").await;
    assert_eq!(act("pause").await.expect(202).json["state"], "paused");
    let etag = act("pause").await.expect(202).header("etag").to_owned();
    assert_eq!(act("pause").await.header("etag"), etag, "what is in effect already writes nothing");
    assert_eq!(act("stop").await.expect(202).json["state"], "stopped");
    assert!(act("pause").await.expect(409).text.contains("is stopped: resume it first"));
    assert!(act("restart").await.expect(409).text.contains("resume it instead"));
    let resumed = call(&api, "PUT", "/v1/jobs/bids/resume", &[], "").await.expect(202);
    assert_eq!((&resumed.json["state"], &resumed.json["restarts"]), (&json!("running"), &json!(1)));

    let fail = |record: &mut landfall_store::JobRecord| {
        record.failed = Some(Failure {
            at: jiff::Timestamp::UNIX_EPOCH,
            code: "max_ratio".into(),
            message: "too many dead letters".into(),
        });
        Ok::<(), Infallible>(())
    };
    world.jobs().update("bids", fail).await.unwrap();
    let failed = call(&api, "GET", "/v1/jobs/bids", &[], "").await.expect(200);
    assert_eq!((&failed.json["state"], &failed.json["failed"]["code"]), (&json!("failed"), &json!("max_ratio")));
    let restarted = act("restart").await.expect(202);
    assert_eq!((&restarted.json["state"], &restarted.json["restarts"]), (&json!("running"), &json!(2)));
    assert!(restarted.json["failed"].is_null());

    // A worker that has not seen the failure yet must see that it was resumed.
    world.jobs().update("bids", fail).await.unwrap();
    let resumed = act("resume").await.expect(202);
    assert_eq!((&resumed.json["state"], &resumed.json["restarts"]), (&json!("running"), &json!(3)));
    assert!(resumed.json["failed"].is_null());
    act("pause").await.expect(202);
    let resumed = act("resume").await.expect(202);
    assert_eq!(resumed.json["restarts"], 3, "a paused job goes on in its place");

    let finish = |record: &mut landfall_store::JobRecord| {
        record.finished_at = Some(jiff::Timestamp::UNIX_EPOCH);
        Ok::<(), Infallible>(())
    };
    world.jobs().update("bids", finish).await.unwrap();
    assert!(act("resume").await.expect(409).text.contains("is finished"));
    let stale = call(&api, "POST", "/v1/jobs/bids/stop", &["if-match: \"old\""], "").await;
    stale.expect(412);
}

#[tokio::test]
async fn a_job_that_nobody_runs_is_deleted_at_once_and_its_name_is_free() {
    let world = World::new();
    let api = world.api();
    let created = create(&api, &job("bids")).await.expect(201);
    // The answer to the closing entry gets lost on the way.
    let fault = PlannedFault::on(Operation::Put, Fault::LostAnswer(ErrorKind::Timeout)).key_contains("/log/");
    world.store.add(fault);
    call(&api, "DELETE", "/v1/jobs/bids", &[], "").await.expect(204);
    assert!(world.store.unfired().is_empty());
    call(&api, "GET", "/v1/jobs/bids", &[], "").await.expect(404);
    call(&api, "DELETE", "/v1/jobs/bids", &[], "").await.expect(404);
    // The log stays, closed.
    entry_zero(&world, created.json["uid"].as_str().unwrap()).await;

    // The group still has the first generation's commits: the second must say what it wants.
    let refused = create(&api, &job("bids")).await.expect(422);
    assert_eq!(refused.errors()[0].0, "source.start");
    let second = create(&api, &job_with("bids", r#","start":"earliest""#)).await.expect(201);
    assert_eq!(second.json["generation"], 2);
    assert_ne!(second.json["uid"], created.json["uid"]);
}

#[tokio::test]
async fn a_job_that_a_worker_runs_is_deleting_until_the_worker_has_closed_it() {
    let world = World::new();
    let api = world.api();
    let created = create(&api, &job("bids")).await.expect(201);
    let uid = created.json["uid"].as_str().unwrap();
    super::status::write_heartbeat(&world, "w1", uid, &[]).await;
    let deleting = call(&api, "DELETE", "/v1/jobs/bids", &[], "").await.expect(202);
    assert_eq!(deleting.json["state"], "deleting");
    assert_eq!(call(&api, "GET", "/v1/jobs/bids", &[], "").await.expect(200).json["state"], "deleting");
    let status = call(&api, "GET", "/v1/jobs/bids/status", &[], "").await.expect(200);
    assert_eq!(status.json["state"], "deleting");
    for action in ["pause", "resume", "stop", "restart"] {
        let refused = call(&api, "POST", &format!("/v1/jobs/bids/{action}"), &[], "").await.expect(409);
        assert!(refused.text.contains("is being deleted"), "{}", refused.text);
    }
    call(&api, "PUT", "/v1/jobs/bids", &[JSON], &job("bids")).await.expect(409);
    create(&api, &job("bids")).await.expect(409);
    let close = |record: &mut landfall_store::JobRecord| {
        assert_eq!(record.desired, Desired::Deleted);
        record.closed = true;
        Ok::<(), Infallible>(())
    };
    world.jobs().update("bids", close).await.unwrap();
    call(&api, "GET", "/v1/jobs/bids", &[], "").await.expect(404);
}

#[tokio::test]
async fn pages_show_every_job_once() {
    let world = World::new();
    let api = world.api();
    for n in 0..7 {
        create(&api, &job(&format!("job-{n}"))).await.expect(201);
    }
    let (mut names, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = call(&api, "GET", &format!("/v1/jobs?limit=3{cursor}"), &[], "").await.expect(200);
        let jobs = page.json["jobs"].as_array().unwrap();
        assert!(jobs.len() <= 3);
        names.extend(jobs.iter().map(|job| job["name"].as_str().unwrap().to_owned()));
        match page.json["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    let expected: Vec<_> = (0..7).map(|n| format!("job-{n}")).collect();
    assert_eq!(names, expected);
}

#[tokio::test]
async fn a_dead_letter_topic_that_exists_is_taken_and_one_that_the_job_reads_is_not() {
    let world = World::new();
    world.kafka.create_topic("bids-dlq", 1).unwrap();
    let api = world.api();
    let with = |name: &str, topic: &str| {
        let mut document: serde_json::Value = serde_json::from_str(&job(name)).unwrap();
        document["dead_letter"] = json!({"topic": topic});
        document.to_string()
    };
    create(&api, &with("a", "bids-dlq")).await.expect(201);
    let own = create(&api, &with("b", "bids")).await;
    assert_eq!(own.status.as_u16(), 422, "{}", own.text);
    assert!(own.errors()[0].0.starts_with("dead_letter.topic"), "{}", own.text);
}
