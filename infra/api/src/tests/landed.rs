//! History, objects, dead letters, offsets, copies, the list's filters and the streams.

use axum::Router;
use axum::body::Body;
use futures::StreamExt;
use http::Request;
use landfall_commit::{
    Entry, FileEntry, FileKind, JobUid, Lane, Offsets, Paths, Seq, SkipReason, SourcePartition, Token,
};
use landfall_s3::{Condition, Fault, ObjectOptions, Operation, PlannedFault, PutRequest, Store};
use serde_json::{Value, json};
use tower::ServiceExt;

use super::status::write_heartbeat;
use super::{Answer, JSON, World, call, create, job, job_with};

async fn get(api: &Router, path: &str) -> Answer {
    call(api, "GET", path, &[], "").await
}

async fn put(world: &World, key: String, body: Vec<u8>) {
    let request = PutRequest {
        bucket: "lake".into(),
        key,
        body: body.into(),
        condition: Condition::None,
        options: ObjectOptions::default(),
    };
    world.store.put(request).await.unwrap();
}

fn file(key: &str, kind: FileKind, bytes: u64) -> FileEntry {
    FileEntry {
        key: key.into(),
        bucket: "lake".into(),
        token: Token::from("t"),
        upload_id: "u".into(),
        parts: Vec::new(),
        bytes,
        records: 10,
        kind,
        min_timestamp_ms: 1_000,
        max_timestamp_ms: 2_000,
    }
}

/// An entry with one file that holds ten offsets from `first` on, and is complete where `completes` says so later.
async fn append(world: &World, uid: &str, seq: u64, first: u64, file: FileEntry, complete: bool) {
    let job_uid = JobUid::from(uid);
    let token = Token::from(format!("t{seq}").as_str());
    let at_ms = jiff::Timestamp::now().as_millisecond();
    let mut entry = Entry::empty(job_uid.clone(), Lane(0), Seq(seq), token, "w-1", at_ms);
    let topics = get(&world.api(), "/v1/jobs/bids").await.json["origins"][0]["topic_id"].clone();
    let partition = SourcePartition {
        cluster: "main".into(),
        topic: "bids".into(),
        topic_id: topics.as_str().unwrap_or_default().into(),
        partition: 0,
    };
    entry.held.insert(partition, Offsets::from_range(first..first + 10));
    entry.files.push(file);
    if complete {
        entry.completed.push(landfall_commit::FileRef { seq: Seq(seq - 1), file: 0 });
    }
    let key = Paths::new("_landfall/", &job_uid, Lane(0)).entry(Seq(seq));
    put(world, key, entry.to_json().unwrap()).await;
}

async fn uid(api: &Router) -> String {
    get(api, "/v1/jobs/bids").await.expect(200).json["uid"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn objects_and_letters_are_told_the_newest_first_page_by_page() {
    let world = World::new();
    let api = world.api();
    create(&api, &job("bids")).await.expect(201);
    let uid = uid(&api).await;
    let letters: Vec<u8> = (0..3)
        .map(|n| json!({"offset": n, "reason": if n == 1 { "too_large" } else { "malformed_json" }, "value": "AA=="}))
        .flat_map(|letter| format!("{letter}\n").into_bytes())
        .collect();
    let letters = zstd::encode_all(letters.as_slice(), 1).unwrap();
    append(&world, &uid, 1, 0, file("dt=1/a &", FileKind::Data, 5), false).await;
    append(&world, &uid, 2, 10, file("letters", FileKind::DeadLetter, 50), true).await;
    put(&world, "letters".into(), letters).await;
    append(&world, &uid, 3, 20, file("c", FileKind::Data, 7), true).await;

    let all = get(&api, "/v1/jobs/bids/objects").await.expect(200).json;
    let keys = |page: &Value| -> Vec<String> {
        page["objects"].as_array().unwrap().iter().map(|o| o["key"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(keys(&all), ["c", "letters", "dt=1/a &"]);
    assert_eq!(all["next_cursor"], Value::Null);
    let visible: Vec<_> = all["objects"].as_array().unwrap().iter().map(|o| o["visible"].as_bool().unwrap()).collect();
    assert_eq!(visible, [false, true, true]);
    assert_eq!(all["objects"][0]["partitions"][0]["to_offset"], 30);
    let urls: Vec<_> = all["objects"].as_array().unwrap().iter().map(|o| o["url"].as_str()).collect();
    let console = |key| Some(format!("https://console.aws.amazon.com/s3/object/lake?prefix={key}"));
    assert_eq!(urls, [None, console("letters").as_deref(), console("dt%3D1%2Fa%20%26").as_deref()]);

    let first = get(&api, "/v1/jobs/bids/objects?limit=1").await.expect(200).json;
    assert_eq!(keys(&first), ["c"]);
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = get(&api, &format!("/v1/jobs/bids/objects?limit=1&cursor={cursor}")).await.expect(200).json;
    assert_eq!(keys(&second), ["letters"]);
    let of_offset = get(&api, "/v1/jobs/bids/objects?topic=bids&partition=0&offset=3").await.expect(200).json;
    assert_eq!(keys(&of_offset), ["dt=1/a &"]);
    assert_eq!(keys(&get(&api, "/v1/jobs/bids/objects?until=2020-01-01T00:00:00Z").await.json), [""; 0]);
    for bad in ["cursor=x", "limit=0", "since=noon", "colour=1", "offset=-1"] {
        get(&api, &format!("/v1/jobs/bids/objects?{bad}")).await.expect(400);
    }

    let told = get(&api, "/v1/jobs/bids/dead-letters?limit=2").await.expect(200).json;
    assert_eq!(told["letters"].as_array().unwrap().len(), 2);
    assert_eq!(told["letters"][0]["object"], "letters");
    let cursor = told["next_cursor"].as_str().unwrap();
    let rest = get(&api, &format!("/v1/jobs/bids/dead-letters?cursor={cursor}")).await.expect(200).json;
    assert_eq!(rest["letters"].as_array().unwrap().len(), 1);
    assert_eq!(rest["letters"][0]["offset"], 2);
    let of_reason = get(&api, "/v1/jobs/bids/dead-letters?reason=too_large").await.expect(200).json;
    assert_eq!(of_reason["letters"].as_array().unwrap().len(), 1);
    get(&api, "/v1/jobs/bids/dead-letters?cursor=1").await.expect(400);
    get(&api, "/v1/jobs/none/dead-letters").await.expect(404);
    // One that is damaged tells how far it could be read.
    put(&world, "letters".into(), b"no zstd".to_vec()).await;
    let damaged = get(&api, "/v1/jobs/bids/dead-letters").await.expect(200).json;
    assert!(damaged["unread"][0].as_str().unwrap().starts_with("letters from line 1 on"), "{damaged}");
    // An object that somebody deleted is named.
    world.store.delete("lake", "letters").await.unwrap();
    let gone = get(&api, "/v1/jobs/bids/dead-letters").await.expect(200).json;
    assert!(gone["unread"][0].as_str().unwrap().contains("gone"));
}

#[tokio::test]
async fn offsets_are_set_while_nobody_works_and_a_skip_is_in_the_log() {
    let world = World::new();
    world.produce("bids", 0, 30);
    let api = world.api();
    create(&api, &job("bids")).await.expect(201);
    let set = async |offset: i64| {
        let body = json!({"offsets": [{"topic": "bids", "partition": 0, "offset": offset}]});
        call(&api, "PUT", "/v1/jobs/bids/offsets", &[JSON], &body.to_string()).await
    };
    assert!(set(5).await.expect(409).text.contains("stop it first"));
    call(&api, "POST", "/v1/jobs/bids/stop", &[], "").await.expect(202);
    let uid = uid(&api).await;
    write_heartbeat(&world, "w-1", &uid, &[]).await;
    assert!(set(5).await.expect(409).text.contains("wait until its workers have landed"));
    world.store.delete("lake", "_landfall/workers/w-1.json").await.unwrap();
    assert_eq!(set(31).await.expect(422).errors()[0].0, "offsets[0].offset");
    // Records at rest that are not complete are a worker's to complete.
    append(&world, &uid, 1, 10, file("a", FileKind::Data, 5), false).await;
    assert!(set(5).await.expect(409).text.contains("not landed to the end"));
    let completes = Paths::new("_landfall/", &JobUid::from(uid.as_str()), Lane(0)).entry(Seq(2));
    let mut entry = Entry::empty(JobUid::from(uid.as_str()), Lane(0), Seq(2), Token::from("t2"), "w-1", 0);
    entry.completed.push(landfall_commit::FileRef { seq: Seq(1), file: 0 });
    put(&world, completes, entry.to_json().unwrap()).await;
    set(25).await.expect(200);
    // What had landed in between is not skipped.
    let key = Paths::new("_landfall/", &JobUid::from(uid.as_str()), Lane(0)).entry(Seq(3));
    let skip = Entry::from_json(&world.store.get("lake", &key).await.unwrap().body).unwrap();
    let skipped: Vec<_> = skip.skipped.values().flat_map(|by| by.values()).flat_map(Offsets::runs).collect();
    assert_eq!(skipped, [0..10, 20..25]);
    let told = get(&api, "/v1/jobs/bids/offsets").await.expect(200).json;
    assert_eq!(told["offsets"][0]["landed_offset"], 25);
    assert_eq!(told["offsets"][0]["end_offset"], 30);
    let events = get(&api, "/v1/jobs/bids/events").await.json;
    assert_eq!(events["events"][0]["what"], "offsets_set");
    // Again: nothing to do, nothing appended.
    set(25).await.expect(200);
    // Back: the old log is closed, the new one begins there.
    let back = set(3).await.expect(200);
    assert_eq!(back.json["generation"], 2);
    assert_eq!(back.json["origins"][0]["start_offset"], 3);
    assert_eq!(back.json["origins"][0]["topic_id"], get(&api, "/v1/jobs/bids").await.json["origins"][0]["topic_id"]);
    let closing = Paths::new("_landfall/", &JobUid::from(uid.as_str()), Lane(0)).entry(Seq(4));
    assert!(Entry::from_json(&world.store.get("lake", &closing).await.unwrap().body).unwrap().closing);
    // A move that was cut short after it closed the log: the next one, forward too, leaves that log and appends nothing.
    let record = world.jobs().get("bids").await.unwrap().record;
    let logs = world.parts().logs;
    logs.close(&record, jiff::Timestamp::now()).await.unwrap();
    let skip = logs.skip(&record, &std::collections::BTreeMap::new(), jiff::Timestamp::now()).await;
    assert!(matches!(skip, Err(landfall_store::LogError::Closed { .. })), "{skip:?}");
    let moved = set(9).await.expect(200);
    assert_eq!((&moved.json["generation"], &moved.json["origins"][0]["start_offset"]), (&json!(3), &json!(9)));
    assert_ne!(moved.json["uid"], record.uid.as_str());
}

#[tokio::test]
async fn what_a_writer_appends_while_a_job_moves_back_is_the_new_logs_start() {
    let world = World::new();
    world.produce("bids", 0, 30);
    world.produce("bids", 1, 30);
    let api = world.api();
    let key = "{topic}/{topic}+{partition}+{first_offset}.{ext}";
    let mut body: Value = serde_json::from_str(&job("bids")).unwrap();
    body["sink"]["key"] = key.into();
    create(&api, &body.to_string()).await.expect(201);
    call(&api, "POST", "/v1/jobs/bids/stop", &[], "").await.expect(202);
    let uid = uid(&api).await;
    let topic_id = get(&api, "/v1/jobs/bids").await.json["origins"][0]["topic_id"].clone();
    let advance = |seq: u64, partition: i32, to: u64| {
        let source = SourcePartition {
            cluster: "main".into(),
            topic: "bids".into(),
            topic_id: topic_id.as_str().unwrap_or_default().into(),
            partition,
        };
        let token = Token::from(format!("z{seq}").as_str());
        let mut entry = Entry::empty(JobUid::from(uid.as_str()), Lane(0), Seq(seq), token, "zombie", 0);
        entry.skipped.insert(source, [(SkipReason::NullValue, Offsets::from_range(0..to))].into());
        let key = Paths::new("_landfall/", &JobUid::from(uid.as_str()), Lane(0)).entry(Seq(seq));
        put(&world, key, entry.to_json().unwrap())
    };
    advance(1, 0, 20).await;
    // The move has read the log, and its closing entry is on the way when a worker that woke up appends in its place.
    let closing = PlannedFault::on(Operation::Put, Fault::Delay { ms: 500 });
    world.store.add(closing.key_contains("/log/"));
    let body = json!({"offsets": [{"topic": "bids", "partition": 0, "offset": 3}]}).to_string();
    let moving = call(&api, "PUT", "/v1/jobs/bids/offsets", &[JSON], &body);
    let appending = async {
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        advance(2, 1, 7).await;
    };
    let (moved, ()) = tokio::join!(moving, appending);
    let moved = moved.expect(200);
    let starts: Vec<_> = moved.json["origins"].as_array().unwrap().iter().map(|o| o["start_offset"].clone()).collect();
    assert_eq!(starts, [json!(3), json!(7), json!(0)]);
    let warned = moved.json["warnings"].to_string();
    assert!(warned.contains("has no {unique}"), "{warned}");
}

#[tokio::test]
async fn a_copy_has_a_start_and_a_group_of_its_own() {
    let world = World::new();
    world.produce("bids", 1, 10);
    let api = world.api();
    create(&api, &job_with("bids", r#","group":"mine""#)).await.expect(201);
    let body = json!({"name": "again", "start": {"offsets": {"bids": {"1": 4}}}});
    let made = call(&api, "POST", "/v1/jobs/bids/clone", &[JSON], &body.to_string()).await.expect(201);
    assert_eq!(made.header("location"), "/v1/jobs/again");
    assert_eq!(made.json["origins"][1]["start_offset"], 4);
    assert_eq!(made.json["spec"]["source"]["group"], Value::Null);
    let again = call(&api, "POST", "/v1/jobs/bids/clone", &[JSON], &body.to_string()).await;
    again.expect(409);
    // A client that did not hear the answer asks once more.
    let once = json!({"name": "once", "start": "latest"}).to_string();
    let with_key = [JSON, "idempotency-key: k-1"];
    let first = call(&api, "POST", "/v1/jobs/bids/clone", &with_key, &once).await.expect(201);
    let second = call(&api, "POST", "/v1/jobs/bids/clone", &with_key, &once).await.expect(201);
    assert_eq!((second.header("idempotency-replayed"), &second.json["uid"]), ("true", &first.json["uid"]));
    for bad in
        [json!({"name": "x"}), json!({"name": "x", "start": "yesterday"}), json!({"name": "X/", "start": "latest"})]
    {
        let answer = call(&api, "POST", "/v1/jobs/bids/clone", &[JSON], &bad.to_string()).await;
        assert!([400, 422].contains(&answer.status.as_u16()), "{}", answer.text);
    }
}

#[tokio::test]
async fn a_list_is_filtered_and_sees_every_write_before_it() {
    let world = World::new();
    let (api, other) = (world.api(), world.api());
    for (name, pool, label) in [("a", "shared", "x"), ("b", "big", "x"), ("c", "shared", "y")] {
        let mut body: Value = serde_json::from_str(&job(name)).unwrap();
        body["pool"] = pool.into();
        body["labels"] = json!({"env": label});
        create(&api, &body.to_string()).await.expect(201);
    }
    call(&other, "POST", "/v1/jobs/c/pause", &[], "").await.expect(202);
    let names = async |query: &str| -> Vec<String> {
        let page = get(&api, &format!("/v1/jobs?{query}")).await.expect(200).json;
        page["jobs"].as_array().unwrap().iter().map(|job| job["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names("").await, ["a", "b", "c"]);
    assert_eq!(names("state=paused").await, ["c"]);
    assert_eq!(names("pool=shared").await, ["a", "c"]);
    assert_eq!(names("label=env=x").await, ["a", "b"]);
    assert_eq!(names("label=env=x,team=none").await, [""; 0]);
    assert_eq!(names("team=default&limit=1").await, ["a"]);
    get(&api, "/v1/jobs?state=asleep").await.expect(400);
    get(&api, "/v1/jobs?label=env").await.expect(400);
    call(&other, "DELETE", "/v1/jobs/a", &[], "").await.expect(204);
    assert_eq!(names("").await, ["b", "c"]);
    let seen = get(&api, "/v1/overview").await.expect(200).json;
    assert_eq!(seen["jobs"].as_array().unwrap().len(), 2);
    assert_eq!(seen["jobs"][1]["desired"], "paused");
}

#[tokio::test]
async fn a_stream_tells_again_and_again_until_the_job_is_gone() {
    let world = World::new();
    let mut parts = world.parts();
    parts.limits.stream_interval = std::time::Duration::from_millis(20);
    parts.limits.streams = 1;
    let api = crate::router(crate::state::ApiState::new(parts));
    create(&api, &job("bids")).await.expect(201);
    get(&api, "/v1/jobs/none/status/stream").await.expect(404);
    let request = Request::builder().uri("/v1/jobs/bids/status/stream").body(Body::empty()).unwrap();
    let response = api.clone().oneshot(request).await.unwrap();
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let mut events = response.into_body().into_data_stream();
    for _ in 0..2 {
        let event = String::from_utf8(events.next().await.unwrap().unwrap().to_vec()).unwrap();
        assert!(event.starts_with("event: status\ndata: {"), "{event}");
        assert!(event.contains("a live worker of pool shared"), "{event}");
    }
    get(&api, "/v1/overview/stream").await.expect(503);
    call(&api, "DELETE", "/v1/jobs/bids", &[], "").await.expect(204);
    let mut last = String::new();
    while let Some(event) = events.next().await {
        last = String::from_utf8(event.unwrap().to_vec()).unwrap();
    }
    assert!(last.starts_with("event: gone"), "{last}");
    let request = Request::builder().uri("/v1/overview/stream").body(Body::empty()).unwrap();
    assert_eq!(api.oneshot(request).await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_jobs_table_is_told_for_athena_and_for_glue() {
    let world = World::new();
    let api = world.api();
    create(&api, &job("bids")).await.expect(201);
    let statement = get(&api, "/v1/jobs/bids/ddl?columns=id:%20int64&since=2019-01-01&database=ads").await.expect(200);
    assert!(statement.header("content-type").starts_with("application/sql"));
    for part in ["CREATE EXTERNAL TABLE", "ads", "`id` bigint", "s3://lake/bids/", "2019-01-01"] {
        assert!(statement.text.contains(part), "{part} is missing: {}", statement.text);
    }
    let glue = get(&api, "/v1/jobs/bids/ddl?as=glue").await.expect(200).json;
    assert_eq!(glue["StorageDescriptor"]["Location"], "s3://lake/bids/");
    get(&api, "/v1/jobs/bids/ddl?as=hive").await.expect(400);
    get(&api, "/v1/jobs/bids/ddl?since=noon").await.expect(400);
    get(&api, "/v1/jobs/bids/ddl?columns=id").await.expect(422);
    get(&api, "/v1/jobs/none/ddl").await.expect(404);
}

#[tokio::test]
async fn how_the_pool_was_scaled_since_the_job_is_there_is_part_of_its_history() {
    let world = World::new();
    let api = world.api();
    create(&api, &job("bids")).await.expect(201);
    let change =
        |at: &str, to: u32| json!({"at": at, "by": "lag-lambda-1", "from": 0, "to": to, "because": "There is work."});
    let decided = json!({"format": 1, "pool": "shared", "at": "2099-01-01T00:01:00Z", "desired": 2, "because": "There is work.",
        "about_jobs": "Behind: another-teams-job.", "lag_records": 5, "history": {},
        "changes": [change("2020-01-01T00:00:00Z", 7), change("2099-01-01T00:00:00Z", 2)]});
    put(&world, "_landfall/scaling/shared.json".into(), decided.to_string().into_bytes()).await;
    let told = get(&api, "/v1/jobs/bids/events").await.expect(200);
    assert!(!told.text.contains("another-teams-job"), "{}", told.text);
    let events = told.json["events"].as_array().unwrap().clone();
    let scaled = json!({"at": "2099-01-01T00:00:00Z", "by": "lag-lambda-1", "what": "scaled",
        "detail": "pool shared, 0 to 2: There is work."});
    assert_eq!((events.len(), &events[0]), (2, &scaled), "{events:?}");
    assert_eq!(events[1]["what"], "created");
}
