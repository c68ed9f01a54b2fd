//! Many jobs and many writers.

use axum::Router;
use landfall_s3::{Condition, ObjectOptions, PutRequest, Store};
use serde_json::{Value, json};

use super::{World, call, create, job};
use crate::state::ApiState;

const MERGE: &str = "content-type: application/merge-patch+json";

#[tokio::test]
async fn a_list_of_jobs_that_did_not_change_reads_none_of_them_again() {
    let world = World::new();
    let api = world.api();
    create(&api, &job("a0000")).await.expect(201);
    let record = world.jobs().get("a0000").await.unwrap().record;
    for n in 1..600 {
        let mut record = record.clone();
        record.name = format!("a{n:04}");
        record.uid = format!("{n:032x}");
        world.jobs().create(record, None).await.unwrap();
    }
    let page =
        async |query: &str| call(&api, "GET", &format!("/v1/jobs?limit=500{query}"), &[], "").await.expect(200).json;
    let first = page("").await;
    assert_eq!(first["jobs"].as_array().unwrap().len(), 500);
    let before = world.store.requests();
    let rest = page(&format!("&cursor={}", first["next_cursor"].as_str().unwrap())).await;
    assert_eq!(rest["jobs"].as_array().unwrap().len(), 100);
    assert_eq!(world.store.requests() - before, 1, "one LIST, and no GET of a job that has not changed");
    world
        .jobs()
        .update("a0500", |record| {
            record.restarts += 1;
            Ok::<(), ()>(())
        })
        .await
        .unwrap();
    let before = world.store.requests();
    assert_eq!(page("").await["jobs"][499]["restarts"], 0);
    assert_eq!(world.store.requests() - before, 2, "a LIST, and a GET of the one that has changed");
}

#[tokio::test]
async fn pages_show_every_job_once_in_order_and_leave_out_what_is_no_job() {
    let world = World::new();
    let api = world.api();
    create(&api, &job("a")).await.expect(201);
    let record = world.jobs().get("a").await.unwrap().record;
    let mut names: Vec<String> = (0..23).map(|n| format!("job-{n:02}")).collect();
    names.extend(["a-b".to_owned(), "a.b".to_owned()]);
    for name in &names {
        let mut record = record.clone();
        record.name.clone_from(name);
        record.closed = ["job-03", "job-22"].contains(&name.as_str());
        world.jobs().create(record, None).await.unwrap();
    }
    names.retain(|name| !["job-03", "job-22"].contains(&name.as_str()));
    names.push("a".to_owned());
    names.sort_unstable();
    for key in ["_landfall/jobs/notes.txt", "_landfall/jobs/deep/er.json"] {
        let request = PutRequest {
            bucket: "lake".into(),
            key: key.into(),
            body: "{}".into(),
            condition: Condition::None,
            options: ObjectOptions::default(),
        };
        world.store.put(request).await.unwrap();
    }
    for limit in [1, 2, 7, 24, 100] {
        let (mut seen, mut cursor) = (Vec::new(), String::new());
        loop {
            let path = format!("/v1/jobs?limit={limit}{cursor}");
            let page = call(&api, "GET", &path, &[], "").await.expect(200).json;
            let jobs = page["jobs"].as_array().unwrap();
            assert!(jobs.len() <= limit);
            seen.extend(jobs.iter().map(|job| job["name"].as_str().unwrap().to_owned()));
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        assert_eq!(seen, names, "limit {limit}");
    }
}

/// Adds one to a label, as a careful client does it; true when it was written.
async fn add_one(api: &Router) -> bool {
    let seen = call(api, "GET", "/v1/jobs/bids", &[], "").await.expect(200);
    let count: u64 = seen.json["spec"]["labels"]["count"].as_str().unwrap().parse().unwrap();
    let if_match = format!("if-match: {}", seen.header("etag"));
    let body = json!({"labels": {"count": (count + 1).to_string()}}).to_string();
    let answer = call(api, "PATCH", "/v1/jobs/bids", &[MERGE, &if_match], &body).await;
    assert!([200, 409, 412].contains(&answer.status.as_u16()), "{}", answer.text);
    answer.status == 200
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_processes_that_edit_at_once_lose_no_edit() {
    const EACH: u64 = 8;
    let world = World::new();
    let mut body: Value = serde_json::from_str(&job("bids")).unwrap();
    body["labels"] = json!({"count": "0"});
    create(&world.api(), &body.to_string()).await.expect(201);
    let processes: Vec<_> = (0..3)
        .map(|_| {
            let api = world.api();
            tokio::spawn(async move {
                let mut written = 0;
                while written < EACH {
                    written += u64::from(add_one(&api).await);
                }
            })
        })
        .collect();
    for process in processes {
        process.await.unwrap();
    }
    let job = call(&world.api(), "GET", "/v1/jobs/bids", &[], "").await.json;
    assert_eq!(job["spec"]["labels"]["count"], (3 * EACH).to_string());
    assert_eq!(job["config_version"], 1 + 3 * EACH);
}

#[tokio::test]
async fn a_principal_that_asks_too_often_waits_and_probes_do_not() {
    let world = World::new();
    let mut parts = world.parts();
    (parts.limits.requests_per_second, parts.limits.requests_burst) = (1, 2);
    let api = crate::router(ApiState::new(parts));
    let ask = async || call(&api, "GET", "/v1/jobs", &[], "").await;
    ask().await.expect(200);
    ask().await.expect(200);
    let refused = ask().await.expect(429);
    assert_eq!(refused.header("retry-after"), "1");
    assert_eq!(refused.json["type"], "/problems/too-many-requests");
    let as_connect = call(&api, "GET", "/connectors", &[], "").await.expect(429);
    assert_eq!(as_connect.json["error_code"], 429);
    for _ in 0..5 {
        call(&api, "GET", "/livez", &[], "").await.expect(200);
    }
}
