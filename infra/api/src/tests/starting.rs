//! Where a job starts and ends: what its isolation sees, times that have not come, topics that come later, and commits of
//! others in its group.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use axum::Router;
use landfall_kafka::{
    ClusterError, CommitOffset, GroupOffset, Isolation, NewTopicSpec, TopicDescription, TopicPartition, Topics,
    Watermarks,
};
use landfall_s3::{ErrorKind, Fault, Operation, PlannedFault};
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use serde_json::{Value, json};

use super::{Answer, JSON, World, call, create, job, job_with};
use crate::ports::{Cluster, KafkaCluster};
use crate::state::ApiState;

/// First offset, last stable offset and high watermark of each partition of a topic.
type Marks = (i64, i64, i64);

/// A cluster whose topics have lost their beginning and have a transaction open at their end.
#[derive(Debug)]
struct Aged {
    inner: KafkaCluster,
    marks: BTreeMap<&'static str, Marks>,
}

impl Aged {
    fn end(&self, partition: &TopicPartition, isolation: Isolation) -> (i64, i64) {
        let (start, stable, high) = self.marks.get(&*partition.topic).copied().unwrap_or_default();
        (start, if isolation == Isolation::ReadCommitted { stable } else { high })
    }
}

#[async_trait]
impl Cluster for Aged {
    async fn cluster_id(&self) -> Result<Option<String>, ClusterError> {
        self.inner.cluster_id().await
    }

    async fn topics(&self, topics: Topics) -> Result<BTreeMap<String, TopicDescription>, ClusterError> {
        self.inner.topics(topics).await
    }

    async fn watermarks(
        &self,
        partitions: Vec<TopicPartition>,
        isolation: Isolation,
    ) -> Result<Vec<(TopicPartition, Watermarks)>, ClusterError> {
        let marks = |partition: TopicPartition| {
            let (start, end) = self.end(&partition, isolation);
            (partition, Watermarks { start, end })
        };
        Ok(partitions.into_iter().map(marks).collect())
    }

    /// The time of a record is its offset.
    async fn offsets_at(
        &self,
        partitions: Vec<TopicPartition>,
        timestamp_ms: i64,
        isolation: Isolation,
    ) -> Result<Vec<(TopicPartition, Option<i64>)>, ClusterError> {
        let at = |partition: TopicPartition| {
            let (start, end) = self.end(&partition, isolation);
            (partition, Some(timestamp_ms.max(start)).filter(|offset| *offset < end))
        };
        Ok(partitions.into_iter().map(at).collect())
    }

    async fn committed(&self, group: &str, partitions: Vec<TopicPartition>) -> Result<Vec<GroupOffset>, ClusterError> {
        self.inner.committed(group, partitions).await
    }

    async fn commit(&self, group: &str, offsets: Vec<CommitOffset>) -> Result<(), ClusterError> {
        self.inner.commit(group, offsets).await
    }

    async fn create_topic(&self, topic: NewTopicSpec) -> Result<(), ClusterError> {
        self.inner.create_topic(topic).await
    }
}

const BIDS: Marks = (0, 10, 14);
const CLICKS: Marks = (1_000, 1_500, 1_700);

/// `bids` with three partitions, `clicks` and `views` with one.
fn aged(world: &World) -> Router {
    for topic in ["clicks", "views"] {
        world.kafka.create_topic(topic, 1).unwrap();
    }
    let marks = BTreeMap::from([("bids", BIDS), ("clicks", CLICKS), ("views", (7, 9, 9))]);
    let cluster = Aged { inner: KafkaCluster::new(Arc::new(world.client())), marks };
    let mut parts = world.parts();
    parts.clusters = BTreeMap::from([("main".to_owned(), Arc::new(cluster) as Arc<dyn Cluster>)]);
    crate::router(ApiState::new(parts))
}

fn offsets(answer: &Answer, list: &str, offset: &str) -> Vec<(String, i64)> {
    let one = |of: &Value| (of["topic"].as_str().unwrap().to_owned(), of[offset].as_i64().unwrap());
    answer.json[list].as_array().unwrap().iter().map(one).collect()
}

fn starts(answer: &Answer) -> Vec<(String, i64)> {
    offsets(answer, "origins", "start_offset")
}

fn ends(answer: &Answer) -> Vec<(String, i64)> {
    offsets(answer, "ends", "end_offset")
}

fn bids(offset: i64) -> Vec<(String, i64)> {
    vec![("bids".to_owned(), offset); 3]
}

/// The document with other topics.
fn over(document: &str, topics: &[&str]) -> String {
    let mut document: Value = serde_json::from_str(document).unwrap();
    document["source"]["topics"] = json!(topics);
    document.to_string()
}

async fn put(api: &Router, name: &str, document: &str) -> Answer {
    call(api, "PUT", &format!("/v1/jobs/{name}"), &[JSON], document).await
}

#[tokio::test]
async fn a_stop_that_has_not_come_is_refused_and_one_that_has_passed_is_an_offset() {
    let world = World::new();
    let api = aged(&world);
    let later = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(1);
    let body = job_with("later", &format!(r#","stop":{{"timestamp":"{later:.0}"}}"#));
    for path in ["/v1/jobs", "/v1/jobs/validate"] {
        let refused = call(&api, "POST", path, &[JSON], &body).await;
        assert_eq!(refused.status.as_u16(), if path.ends_with("validate") { 200 } else { 422 }, "{}", refused.text);
        let error = &refused.json["errors"][0];
        assert_eq!(
            (&error["field"], &error["value"]),
            (&json!("source.stop.timestamp"), &json!(format!("{later:.0}")))
        );
        assert!(error["problem"].as_str().unwrap().starts_with("is in the future, it is "), "{error}");
        assert!(error["fix"].as_str().unwrap().starts_with("write a time that has passed, or never"), "{error}");
    }
    call(&api, "GET", "/v1/jobs/later", &[], "").await.expect(404);
    let past = create(&api, &job_with("past", r#","stop":{"timestamp":"1970-01-01T00:00:00.008Z"}"#)).await.expect(201);
    assert_eq!(ends(&past), bids(8));
    let all = create(&api, &job_with("all", r#","stop":{"timestamp":"1970-01-01T00:01:00Z"}"#)).await.expect(201);
    assert_eq!(ends(&all), bids(10), "all records are older");
}

#[tokio::test]
async fn a_start_that_has_not_come_is_told_of() {
    let world = World::new();
    let later = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(1);
    let body = job_with("bids", &format!(r#","start":{{"timestamp":"{later:.0}"}}"#));
    let created = create(&aged(&world), &body).await.expect(201);
    assert_eq!(starts(&created), bids(10));
    let warning = created.json["warnings"][0].as_str().unwrap();
    assert!(warning.starts_with(&format!("source.start.timestamp: {later:.0} is in the future")), "{warning}");
}

#[tokio::test]
async fn bounds_are_those_that_the_jobs_isolation_sees() {
    let world = World::new();
    let api = aged(&world);
    for (isolation, end) in [("read_committed", 10), ("read_uncommitted", 14)] {
        let with = |what: &str, more: &str| {
            job_with(&format!("{what}-{isolation}").replace('_', "-"), &format!(r#","isolation":"{isolation}",{more}"#))
        };
        let created = create(&api, &with("stop", r#""stop":"end""#)).await.expect(201);
        assert_eq!(ends(&created), bids(end), "{isolation}");
        let created = create(&api, &with("latest", r#""start":"latest""#)).await.expect(201);
        assert_eq!(starts(&created), bids(end), "{isolation}");
        let created =
            create(&api, &with("time", r#""stop":{"timestamp":"1970-01-01T00:00:00.012Z"}"#)).await.expect(201);
        assert_eq!(ends(&created), bids(end.min(12)), "{isolation}");
        let explicit = create(&api, &with("explicit", r#""start":{"offsets":{"bids":{"0":13}}}"#)).await;
        assert_eq!(explicit.status.as_u16(), if end > 13 { 201 } else { 422 }, "{isolation}: {}", explicit.text);
    }
}

#[tokio::test]
async fn topics_that_are_added_start_by_the_jobs_own_rule() {
    let world = World::new();
    let api = aged(&world);
    let clicks = |offset: i64| [bids(0), vec![("clicks".to_owned(), offset)]].concat();
    for (name, source, before, added) in [
        ("default", "", 0, 1_000),
        ("earliest", r#","start":"earliest""#, 0, 1_000),
        ("latest", r#","start":"latest""#, 10, 1_500),
        ("uncommitted", r#","start":"latest","isolation":"read_uncommitted""#, 14, 1_700),
        ("time", r#","start":{"timestamp":"1970-01-01T00:00:01.200Z"}"#, 10, 1_200),
        ("offsets", r#","start":{"offsets":{"bids":{"0":0,"1":0,"2":0}}}"#, 0, 1_000),
    ] {
        let body = job_with(name, source);
        let created = create(&api, &body).await.expect(201);
        assert_eq!(starts(&created), bids(before), "{name}");
        let wider = over(&body, &["bids", "clicks"]);
        let dry = call(&api, "POST", "/v1/jobs/validate", &[JSON], &wider).await.expect(200);
        assert_eq!(starts(&dry), [("clicks".to_owned(), added)], "{name}");
        let replaced = put(&api, name, &wider).await.expect(200);
        let mut expected = clicks(added);
        expected[..3].clone_from_slice(&bids(before));
        assert_eq!(starts(&replaced), expected, "{name}: what was there stays");
        // Once more: nothing is added twice, and nothing moves.
        assert_eq!(starts(&put(&api, name, &wider).await.expect(200)), expected, "{name}");
        let record = world.jobs().get(name).await.unwrap().record;
        assert_eq!((record.origins.len(), record.ends), (4, None), "{name}");
    }
}

#[tokio::test]
async fn a_pattern_that_takes_the_place_of_names_brings_the_origins_of_what_it_adds() {
    let world = World::new();
    let api = aged(&world);
    create(&api, &job_with("bids", r#","start":"latest""#)).await.expect(201);
    let mut document: Value = serde_json::from_str(&job_with("bids", r#","start":"latest""#)).unwrap();
    document["source"].as_object_mut().unwrap().remove("topics");
    document["source"]["topics_regex"] = json!("^(bids|views)$");
    document["sink"]["key"] = json!("{topic}/{partition}+{first_offset}-{unique}.{ext}");
    let replaced = put(&api, "bids", &document.to_string()).await.expect(200);
    assert_eq!(starts(&replaced), [bids(10), vec![("views".to_owned(), 9)]].concat());
}

#[tokio::test]
async fn a_bounded_job_has_ends_for_topics_that_are_added() {
    let world = World::new();
    let api = aged(&world);
    let body = job_with("bids", r#","stop":"end""#);
    create(&api, &body).await.expect(201);
    let replaced = put(&api, "bids", &over(&body, &["bids", "clicks"])).await.expect(200);
    assert_eq!(ends(&replaced), [bids(10), vec![("clicks".to_owned(), 1_500)]].concat());
}

#[tokio::test]
async fn of_two_changes_that_add_the_same_topic_the_first_decides_its_start() {
    let world = World::new();
    let api = aged(&world);
    let body = job_with("bids", r#","start":"latest""#);
    create(&api, &body).await.expect(201);
    let wider = over(&body, &["bids", "clicks"]);
    let with_label = |label: &str| {
        let mut document: Value = serde_json::from_str(&wider).unwrap();
        document["labels"] = json!({ "by": label });
        document.to_string()
    };
    let (one, two) = (with_label("one"), with_label("two"));
    let (a, b) = tokio::join!(put(&api, "bids", &one), put(&api, "bids", &two));
    a.expect(200);
    b.expect(200);
    let got = call(&api, "GET", "/v1/jobs/bids", &[], "").await.expect(200);
    assert_eq!(starts(&got), [bids(10), vec![("clicks".to_owned(), 1_500)]].concat());
}

#[tokio::test]
async fn a_commit_of_another_consumer_ahead_of_the_start_is_put_back_before_the_job_is_there() {
    let world = World::new();
    world.produce("bids", 1, 9);
    world.commit("takeover", "bids", 0, 0, "");
    world.commit("takeover", "bids", 1, 7, "");
    world.commit("takeover", "bids", 2, 3, "an older job's uid");
    let body = job_with("bids", r#","start":"earliest","group":"takeover""#);
    let api = world.api();
    let dry = call(&api, "POST", "/v1/jobs/validate", &[JSON], &body).await.expect(200);
    let warning = "group takeover has committed ahead of where the job starts (topic bids partition 1: 7, the job starts at 0): it is put back";
    assert_eq!(dry.json["warnings"], json!([warning]));
    let offsets = || world.committed("takeover").into_iter().map(|commit| commit.offset).collect::<Vec<_>>();
    assert_eq!(offsets(), [0, 7, 3], "a dry run commits nothing");

    // The record is refused by the store, as if the API had died before it: the group is safe already.
    world.store.add(PlannedFault::on(Operation::Put, Fault::Before(ErrorKind::AccessDenied)).key_contains("/jobs/"));
    assert!(create(&api, &body).await.status.is_server_error());
    assert!(world.store.unfired().is_empty());
    call(&api, "GET", "/v1/jobs/bids", &[], "").await.expect(404);
    let committed = world.committed("takeover");
    assert_eq!((offsets(), committed[1].metadata.len()), (vec![0, 0, 3], 32));

    // The same request again: what was put back does not stand in its way, and the group gets the job's own commits.
    let created = create(&api, &body).await.expect(201);
    assert!(created.json["warnings"].is_null(), "{}", created.text);
    let uid = created.json["uid"].as_str().unwrap();
    assert!(world.committed("takeover").iter().all(|commit| commit.offset == 0 && commit.metadata == uid));
}

#[tokio::test]
async fn a_group_that_runs_elsewhere_and_is_ahead_of_the_start_is_refused() {
    let world = World::new();
    world.produce("bids", 1, 9);
    world.commit("takeover", "bids", 1, 7, "");
    let member: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", world.kafka.bootstrap_servers().unwrap())
        .set("group.id", "takeover")
        .create()
        .unwrap();
    member.subscribe(&["bids"]).unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    while member.assignment().unwrap().count() == 0 {
        assert!(Instant::now() < deadline, "the member got no partition");
        member.poll(Duration::from_millis(100));
    }
    let api = world.api();
    let refused = create(&api, &job_with("bids", r#","start":"earliest","group":"takeover""#)).await.expect(422);
    let (field, told) = &refused.errors()[0];
    assert_eq!(field, "source.group");
    assert_eq!(
        told,
        "has running members, and a commit ahead of where the job starts; stop its members, or name another group in source.group"
    );
    call(&api, "GET", "/v1/jobs/bids", &[], "").await.expect(404);
    // A job that goes on where the group stands takes nothing back.
    create(&api, &job_with("bids", r#","start":"committed","group":"takeover""#)).await.expect(201);
}

#[tokio::test]
async fn a_topic_that_is_added_has_no_commit_of_others_ahead_of_its_start() {
    let world = World::new();
    let api = aged(&world);
    let group = "landfall-bids";
    create(&api, &job("bids")).await.expect(201);
    world.commit(group, "clicks", 0, 1_400, "");
    put(&api, "bids", &over(&job("bids"), &["bids", "clicks"])).await.expect(200);
    let clicks = TopicPartition { topic: "clicks".into(), partition: 0 };
    let committed = world.client().committed(group, &[clicks]).unwrap();
    let uid = world.jobs().get("bids").await.unwrap().record.uid;
    assert_eq!((committed[0].offset, &committed[0].metadata), (1_000, &uid));
}
