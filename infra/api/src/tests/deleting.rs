//! A job whose log was lost can be deleted all the same, and what is in the way of a deletion hides no job.

use landfall_commit::{JobUid, Lane, Paths, Seq};
use landfall_s3::{Condition, ErrorKind, Fault, ObjectOptions, Operation, PlannedFault, PutRequest, Store};
use landfall_store::JobState;

use super::status::write_beat;
use super::{World, call, create, job, job_with};

fn entry_key(uid: &str, seq: u64) -> String {
    Paths::new("_landfall/", &JobUid::from(uid), Lane(0)).entry(Seq(seq))
}

async fn put(world: &World, key: String, body: &'static str) {
    let request = PutRequest {
        bucket: "lake".into(),
        key,
        body: body.into(),
        condition: Condition::None,
        options: ObjectOptions::default(),
    };
    world.store.inner().put(request).await.unwrap();
}

#[tokio::test]
async fn a_job_whose_log_is_gone_or_damaged_is_deleted_and_its_name_is_free() {
    let world = World::new();
    let api = world.api();
    for (name, damaged) in [("gone", false), ("damaged", true)] {
        let created = create(&api, &job(name)).await.expect(201);
        let uid = created.json["uid"].as_str().unwrap();
        world.store.inner().delete("lake", &entry_key(uid, 0)).await.unwrap();
        if damaged {
            put(&world, entry_key(uid, 0), "{\"format\":1}").await;
        }
        call(&api, "DELETE", &format!("/v1/jobs/{name}"), &[], "").await.expect(204);
        call(&api, "GET", &format!("/v1/jobs/{name}"), &[], "").await.expect(404);
        let again = create(&api, &job_with(name, r#","start":"earliest""#)).await.expect(201);
        assert_eq!(again.json["generation"], 2);
    }
}

#[tokio::test]
async fn a_worker_that_starts_a_lost_log_over_and_over_holds_no_deletion_back() {
    let world = World::new();
    let api = world.api();
    let created = create(&api, &job("bids")).await.expect(201);
    let uid = created.json["uid"].as_str().unwrap();
    write_beat(&world, "w1", uid, JobState::Starting, &[]).await;
    call(&api, "DELETE", "/v1/jobs/bids", &[], "").await.expect(202);
    world.store.inner().delete("lake", &entry_key(uid, 0)).await.unwrap();
    // One that has begun holds records: it is waited for.
    write_beat(&world, "w1", uid, JobState::Running, &[]).await;
    call(&api, "GET", "/v1/jobs/bids", &[], "").await.expect(200);
    write_beat(&world, "w1", uid, JobState::Starting, &[]).await;
    call(&api, "GET", "/v1/jobs/bids", &[], "").await.expect(404);
}

#[tokio::test]
async fn a_job_is_shown_as_deleting_while_its_deletion_does_not_get_on() {
    let world = World::new();
    let api = world.api();
    let created = create(&api, &job("bids")).await.expect(201);
    let uid = created.json["uid"].as_str().unwrap();
    // A newer version has written to the log: its workers will close it.
    put(&world, entry_key(uid, 1), "{\"format\":99}").await;
    let deleting = call(&api, "DELETE", "/v1/jobs/bids", &[], "").await.expect(202);
    assert_eq!(deleting.json["state"], "deleting");
    assert_eq!(call(&api, "GET", "/v1/jobs/bids", &[], "").await.expect(200).json["state"], "deleting");

    // The state bucket refuses the look at the workers.
    let fault = PlannedFault::on(Operation::List, Fault::Before(ErrorKind::AccessDenied)).key_contains("workers/");
    world.store.add(fault);
    assert_eq!(call(&api, "GET", "/v1/jobs/bids", &[], "").await.expect(200).json["state"], "deleting");
    assert!(world.store.unfired().is_empty());
}
