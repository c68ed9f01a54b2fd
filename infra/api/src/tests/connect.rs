//! Kafka Connect's REST API: what its clients rely on. `tests/e2e` compares it with a real Connect.

use axum::Router;
use landfall_store::JobState;
use serde_json::{Value, json};

use super::status::{write_beat, write_heartbeat};
use super::{Answer, JSON, World, call, create, job};

fn config(topic: &str) -> Value {
    json!({
        "connector.class": "io.confluent.connect.s3.S3SinkConnector", "tasks.max": 2, "topics": topic,
        "flush.size": "100", "s3.bucket.name": "lake", "s3.region": "us-east-1", "s3.compression.type": "gzip",
        "format.class": "io.confluent.connect.s3.format.json.JsonFormat",
        "storage.class": "io.confluent.connect.s3.storage.S3Storage",
        "value.converter": "org.apache.kafka.connect.json.JsonConverter", "value.converter.schemas.enable": false,
    })
}

async fn post(api: &Router, name: &str, more: Value) -> Answer {
    let mut body = json!({"name": name, "config": config("bids")});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    call(api, "POST", "/connectors", &[JSON], &body.to_string()).await
}

async fn get(api: &Router, path: &str) -> Answer {
    call(api, "GET", path, &[], "").await
}

async fn uid(api: &Router, name: &str) -> String {
    get(api, &format!("/v1/jobs/{name}")).await.expect(200).json["uid"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_config_comes_back_as_it_was_submitted_with_its_values_as_text() {
    let world = World::new();
    let api = world.api();
    let made = post(&api, "bids", json!({})).await.expect(201);
    assert_eq!(made.header("location"), "/connectors/bids");
    assert_eq!((&made.json["type"], &made.json["tasks"]), (&json!("sink"), &json!([])));
    let mut submitted = config("bids");
    submitted["name"] = "bids".into();
    submitted["tasks.max"] = "2".into();
    submitted["value.converter.schemas.enable"] = "false".into();
    assert_eq!(get(&api, "/connectors/bids/config").await.expect(200).json, submitted);
    assert_eq!(get(&api, "/connectors/bids/").await.expect(200).json["config"], submitted);
    assert_eq!(get(&api, "/connectors/").await.expect(200).json, json!(["bids"]));
    // The job is one as any other, and takes over from the connector's group.
    let job = get(&api, "/v1/jobs/bids").await.expect(200).json;
    assert_eq!(job["spec"]["source"]["group"], "connect-bids");
    assert_eq!(job["connector"], submitted);
    // Nothing was committed in the group: the first records, as a sink begins.
    assert_eq!(job["origins"][0]["start_offset"], 0);
    post(&api, "bids", json!({})).await.expect(409);
}

#[tokio::test]
async fn what_a_config_cannot_mean_is_refused_in_connects_shape() {
    let world = World::new();
    let api = world.api();
    create(&api, &job("plain")).await.expect(201);
    let refused = |answer: Answer, code: u16, says: &str| {
        let answer = answer.expect(code);
        assert_eq!(answer.json["error_code"], code, "{}", answer.text);
        assert!(answer.json["message"].as_str().unwrap().contains(says), "{}", answer.text);
        assert_eq!(answer.json.as_object().unwrap().len(), 2);
        assert_eq!(answer.header("content-type"), "application/json");
    };
    let send = async |method: &str, path: &str, body: &str| call(&api, method, path, &[JSON], body).await;
    refused(send("POST", "/connectors", "{").await, 400, "not JSON");
    refused(send("POST", "/connectors", "[]").await, 400, "not a JSON object");
    refused(send("POST", "/connectors", "{}").await, 400, "name is missing");
    refused(send("POST", "/connectors", r#"{"name":"x"}"#).await, 400, "config is missing");
    refused(post(&api, "x", json!({"colour": 1})).await, 400, "\"colour\" is not known here");
    refused(post(&api, "x", json!({"initial_state": "ASLEEP"})).await, 400, "none of RUNNING");
    refused(post(&api, "x", json!({"config": {"connector.class": "x.Y"}})).await, 400, "following");
    refused(post(&api, "x", json!({"config": {"topics": null}})).await, 400, "null");
    refused(post(&api, "x", json!({"config": config("missing")})).await, 400, "does not exist");
    refused(post(&api, "UPPER/../x", json!({})).await, 400, "name");
    let mut secret = config("bids");
    secret["aws.secret.access.key"] = "geheim".into();
    let told = post(&api, "x", json!({"config": secret})).await.expect(400);
    assert!(told.text.contains("aws.secret.access.key") && !told.text.contains("geheim"), "{}", told.text);
    refused(send("PUT", "/connectors/x/config", r#"{"name":"y"}"#).await, 400, "doesn't match");
    // A job with a document of its own is no connector, and keeps its name.
    refused(get(&api, "/connectors/plain").await, 404, "not found");
    refused(send("PUT", "/connectors/plain/config", &config("bids").to_string()).await, 409, "already exists");
    refused(get(&api, "/connectors/none/status").await, 404, "Connector none not found");
    refused(send("PUT", "/connectors/none/pause", "").await, 404, "not found");
    refused(send("DELETE", "/connectors/none", "").await, 404, "not found");
    refused(send("POST", "/connectors/none", "").await, 405, "takes no POST");
    refused(call(&api, "POST", "/connectors", &["content-type: text/plain"], "x").await, 415, "content type");
    assert_eq!(get(&api, "/connectors").await.expect(200).json, json!([]));
}

#[tokio::test]
async fn a_config_is_replaced_and_patched_and_its_document_is_changed_in_no_other_way() {
    let world = World::new();
    let api = world.api();
    let put = async |body: Value| call(&api, "PUT", "/connectors/bids/config", &[JSON], &body.to_string()).await;
    put(config("bids")).await.expect(201);
    let mut changed = config("bids");
    changed["flush.size"] = 500.into();
    let answer = put(changed.clone()).await.expect(200);
    assert_eq!(answer.json["config"]["flush.size"], "500");
    assert_eq!(get(&api, "/v1/jobs/bids").await.json["spec"]["sink"]["rotate"]["records"], 500);
    // Unchanged, or changed in a key that means nothing to the job: 200, and given back.
    put(changed.clone()).await.expect(200);
    changed["s3.part.retries"] = "7".into();
    put(changed).await.expect(200);
    let patch = async |body: Value| call(&api, "PATCH", "/connectors/bids/config", &[JSON], &body.to_string()).await;
    let answer = patch(json!({"flush.size": "50", "s3.part.retries": null})).await.expect(200);
    assert_eq!(answer.json["config"]["flush.size"], "50");
    assert_eq!(answer.json["config"]["s3.part.retries"], Value::Null);
    assert!(patch(json!({"name": "other"})).await.expect(400).text.contains("keeps its name"));
    patch(json!({"flush.size": null})).await.expect(400);
    // The document follows the config.
    let document = get(&api, "/v1/jobs/bids").await.json["spec"].to_string();
    let refused = call(&api, "PUT", "/v1/jobs/bids", &[JSON], &document).await.expect(409);
    assert!(refused.text.contains("PUT /connectors/{name}/config"), "{}", refused.text);
    let events = get(&api, "/v1/jobs/bids/events").await.expect(200).json;
    let what: Vec<&str> = events["events"].as_array().unwrap().iter().filter_map(|e| e["what"].as_str()).collect();
    assert_eq!(what, ["changed", "changed", "created"]);
}

#[tokio::test]
async fn states_are_connects_and_tasks_are_the_workers() {
    let world = World::new();
    let api = world.api();
    post(&api, "bids", json!({"initial_state": "paused"})).await.expect(201);
    let status = async || get(&api, "/connectors/bids/status").await.expect(200).json;
    let state = async || status().await["connector"]["state"].clone();
    let act = async |path: &str| {
        let method = if path.contains("restart") { "POST" } else { "PUT" };
        call(&api, method, &format!("/connectors/bids/{path}"), &[], "").await
    };
    assert_eq!(state().await, "PAUSED");
    act("resume").await.expect(202);
    let job_uid = uid(&api, "bids").await;
    write_heartbeat(&world, "w-1", &job_uid, &[(0, 9, 3, 3)]).await;
    write_heartbeat(&world, "w-2", &job_uid, &[(1, 9, 0, 0)]).await;
    // Seen within the half second that looks are shared.
    tokio::time::sleep(std::time::Duration::from_millis(600)).await;
    let told = status().await;
    let tasks: Vec<_> =
        told["tasks"].as_array().unwrap().iter().map(|t| (&t["id"], &t["state"], &t["worker_id"])).collect();
    assert_eq!(tasks, [(&json!(0), &json!("RUNNING"), &json!("w-1")), (&json!(1), &json!("RUNNING"), &json!("w-2"))]);
    assert_eq!(get(&api, "/connectors/bids/tasks/1/status").await.expect(200).json["worker_id"], "w-2");
    get(&api, "/connectors/bids/tasks/2/status").await.expect(404);
    get(&api, "/connectors/bids/tasks/x/status").await.expect(404);
    assert_eq!(get(&api, "/connectors/bids/tasks").await.json[1]["id"], json!({"connector": "bids", "task": 1}));
    let both = get(&api, "/connectors?expand=status&expand=info&expand=colour").await.expect(200).json;
    assert_eq!(both["bids"]["status"]["connector"]["state"], "RUNNING");
    assert_eq!(both["bids"]["info"]["config"]["topics"], "bids");
    act("restart").await.expect(204);
    assert_eq!(act("restart?includeTasks=true&onlyFailed=false").await.expect(202).json["name"], "bids");
    act("pause").await.expect(202);
    act("pause/").await.expect(202);
    assert_eq!(state().await, "PAUSED");
    act("stop").await.expect(204);
    assert_eq!(state().await, "STOPPED");
    assert_eq!(status().await["tasks"], json!([]));
    act("restart").await.expect(204);
    assert_eq!(state().await, "STOPPED", "a restart leaves it stopped");
    act("pause").await.expect(202);
    assert_eq!(state().await, "PAUSED");
    act("resume").await.expect(202);
    write_beat(&world, "w-1", &job_uid, JobState::Failed, &[]).await;
    tokio::time::sleep(std::time::Duration::from_millis(600)).await;
    assert_eq!(status().await["tasks"][0]["state"], "FAILED");
    call(&api, "DELETE", "/connectors/bids", &[], "").await.expect(204);
    get(&api, "/connectors/bids").await.expect(404);
    assert_eq!(get(&api, "/connectors").await.json, json!([]));
}

#[tokio::test]
async fn offsets_are_moved_only_while_it_is_stopped() {
    let world = World::new();
    world.produce("bids", 0, 10);
    let api = world.api();
    post(&api, "bids", json!({})).await.expect(201);
    let alter = async |partition: i32, offset: Value| {
        let one = json!({"partition": {"kafka_topic": "bids", "kafka_partition": partition}, "offset": offset});
        call(&api, "PATCH", "/connectors/bids/offsets", &[JSON], &json!({"offsets": [one]}).to_string()).await
    };
    assert!(alter(0, json!({"kafka_offset": 5})).await.expect(400).text.contains("STOPPED"));
    call(&api, "PUT", "/connectors/bids/stop", &[], "").await.expect(204);
    assert!(alter(7, json!({"kafka_offset": 5})).await.expect(400).text.contains("not one of the job's"));
    assert!(alter(0, json!({"kafka_offset": 11})).await.expect(400).text.contains("from 0 to 10"));
    assert!(alter(0, json!({"kafka_offset": "x"})).await.expect(400).text.contains("kafka_offset"));
    call(&api, "PATCH", "/connectors/bids/offsets", &[JSON], "{}").await.expect(400);
    // Forward is a skip of the same generation; numbers may be text.
    let before = uid(&api, "bids").await;
    assert!(alter(0, json!({"kafka_offset": "7"})).await.expect(200).text.contains("skipped"));
    assert_eq!(uid(&api, "bids").await, before);
    let told = get(&api, "/connectors/bids/offsets").await.expect(200).json;
    let partition = json!({"kafka_topic": "bids", "kafka_partition": 0});
    assert_eq!(told, json!({"offsets": [{"partition": partition, "offset": {"kafka_offset": 7}}]}));
    assert_eq!(get(&api, "/connectors/bids/topics").await.json, json!({"bids": {"topics": ["bids"]}}));
    // Back is another generation, which begins there.
    assert!(alter(0, json!({"kafka_offset": 2})).await.expect(200).text.contains("new generation"));
    let after = get(&api, "/v1/jobs/bids").await.json;
    assert_ne!(after["uid"], before.as_str());
    assert_eq!((&after["generation"], &after["state"]), (&json!(2), &json!("stopped")));
    assert_eq!(after["origins"][0]["start_offset"], 2);
    assert_eq!(world.committed("connect-bids").iter().find(|c| c.partition.partition == 0).unwrap().offset, 2);
    let copy = json!({"name": "copy", "start": "earliest"}).to_string();
    let refused = call(&api, "POST", "/v1/jobs/bids/clone", &[JSON], &copy).await.expect(422);
    assert_eq!(refused.errors()[0].0, "sink.on_existing_object", "its objects have the names of the connector's");
    call(&api, "DELETE", "/connectors/bids/offsets", &[], "").await.expect(200);
    assert_eq!(get(&api, "/v1/jobs/bids").await.json["origins"][0]["start_offset"], 0);
    call(&api, "DELETE", "/connectors/bids/offsets", &[], "").await.expect(200);
}

#[tokio::test]
async fn plugins_are_told_and_configs_are_checked_key_by_key() {
    let world = World::new();
    let api = world.api();
    let class = "io.confluent.connect.s3.S3SinkConnector";
    let plugins = get(&api, "/connector-plugins").await.expect(200).json;
    assert_eq!(plugins[0]["class"], class);
    assert_eq!(plugins.as_array().unwrap().len(), 2);
    let all = get(&api, "/connector-plugins?connectorsOnly=false").await.expect(200).json;
    assert!(all.as_array().unwrap().iter().any(|plugin| plugin["type"] == "predicate"));
    let keys = get(&api, "/connector-plugins/S3SinkConnector/config").await.expect(200).json;
    assert!(keys.as_array().unwrap().iter().any(|key| key["name"] == "flush.size" && key["required"] == true));
    get(&api, "/connector-plugins/x.Y/config").await.expect(404);
    let path = format!("/connector-plugins/{class}/config/validate");
    let check = async |body: Value| call(&api, "PUT", &path, &[JSON], &body.to_string()).await;
    let mut good = config("bids");
    good["name"] = "bids".into();
    assert_eq!(check(good.clone()).await.expect(200).json["error_count"], 0);
    good["flush.size"] = "many".into();
    let told = check(good).await.expect(200).json;
    let flush = told["configs"].as_array().unwrap().iter().find(|c| c["value"]["name"] == "flush.size").unwrap();
    assert_eq!(flush["value"]["errors"].as_array().unwrap().len(), 1);
    check(json!({"topics": "bids"})).await.expect(400);
    check(json!({"connector.class": "x.Y"})).await.expect(400);
}

#[tokio::test]
async fn what_clients_ask_first_is_answered_and_a_browser_gets_the_dashboard() {
    let world = World::new();
    let api = world.api();
    let root = get(&api, "/").await.expect(200).json;
    assert_eq!(root["version"], "4.3.1");
    assert!(root.as_object().unwrap().contains_key("kafka_cluster_id"));
    let page = call(&api, "GET", "/", &["accept: text/html,*/*"], "").await.expect(200);
    assert!(page.header("content-type").starts_with("text/html"));
    assert!(page.header("content-security-policy").contains("default-src 'none'"));
    call(&api, "GET", "/dashboard/..%2FCargo.toml", &[], "").await.expect(404);
    assert_eq!(get(&api, "/health").await.expect(200).json["status"], "healthy");
    let loggers = get(&api, "/admin/loggers").await.expect(200).json;
    assert!(loggers["root"]["level"].is_string());
    get(&api, "/admin/loggers/x").await.expect(404);
    call(&api, "PUT", "/admin/loggers/root", &[JSON], r#"{"level":"DEBUG"}"#).await.expect(400);
}

#[tokio::test]
async fn a_config_is_checked_as_the_job_it_becomes_and_nothing_is_made() {
    let world = World::new();
    let api = world.api();
    let check = async |body: &Value| call(&api, "POST", "/v1/jobs/validate", &[JSON], &body.to_string()).await;
    let nested = json!({"name": "bids", "config": config("bids")});
    let mut flat = config("bids");
    flat["name"] = "bids".into();
    for body in [&nested, &flat] {
        let answer = check(body).await.expect(200).json;
        assert_eq!((&answer["valid"], &answer["errors"]), (&json!(true), &json!([])), "{answer}");
        assert_eq!(answer["spec"]["source"]["group"], "connect-bids");
        // Nothing was committed in the group: the first records, as a sink begins.
        assert_eq!(answer["origins"].as_array().unwrap().len(), 3);
        let warnings: Vec<&str> =
            answer["warnings"].as_array().unwrap().iter().map(|warning| warning.as_str().unwrap()).collect();
        for told in
            ["s3.region: not needed, ", "flush.size: becomes sink.rotate.records", "source.start, source.group: "]
        {
            assert!(warnings.iter().any(|warning| warning.starts_with(told)), "{told} is not among {warnings:?}");
        }
    }
    // Every key that is wrong, and what does not fit the cluster; the warnings stay.
    let mut wrong = nested.clone();
    wrong["config"]["flush.size"] = "many".into();
    wrong["config"]["flush.sise"] = "5".into();
    let answer = check(&wrong).await.expect(200);
    let fields: Vec<String> = answer.errors().into_iter().map(|(field, _)| field).collect();
    assert_eq!((fields, &answer.json["valid"]), (vec!["flush.sise".to_owned(), "flush.size".into()], &json!(false)));
    assert!(answer.json["warnings"].to_string().contains("s3.region"));
    let answer = check(&json!({"name": "bids", "config": config("missing")})).await.expect(200);
    assert_eq!(answer.errors()[0].0, "source.topics[0]", "{}", answer.text);
    // Its form is judged as that of Connect's own paths.
    check(&config("bids")).await.expect(400);
    check(&json!({"name": "other", "config": flat})).await.expect(400);
    check(&json!({"name": "bids", "config": {"connector.class": "x", "topics": ["bids"]}})).await.expect(400);
    // What has no class is a job document with mistakes of its own.
    assert!(check(&json!({"name": "bids", "config": {}})).await.expect(200).text.contains("config"));
    assert_eq!(get(&api, "/connectors").await.expect(200).json, json!([]));
}
