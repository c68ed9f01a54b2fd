//! A whole worker on the embedded Kafka and the embedded S3: what lands, once, through crashes and rebalances.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::time::{Duration, Instant};

use common::{House, event};
use landfall_job::JobSpec;
use landfall_s3::{ErrorKind, Operation, Outage};
use landfall_store::record::{Desired, JobRecord};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bounded_job_lands_every_record_once_and_finishes() {
    let house = House::new(3).await;
    for n in 0..5_000u64 {
        house.produce(&event(n));
    }
    house.produce("{\"id\": 1");
    house.produce("not json");
    house.flush();
    house.create_job(|_| {}).await;
    let worker = house.start_worker("w1");
    house.wait_finished(Duration::from_secs(60)).await;
    worker.stop().await;
    let landed = house.landed().await;
    assert_eq!(landed.ids.len(), 5_000, "every id landed");
    assert_eq!(landed.records, 5_000, "none twice");
    assert_eq!(landed.letters, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_dies_in_the_middle_leaves_nothing_missing_and_nothing_twice() {
    let house = House::new(4).await;
    for n in 0..20_000u64 {
        house.produce(&event(n));
    }
    house.flush();
    house.create_job(|job| job["sink"]["rotate"] = serde_json::json!({"records": 700, "age": "1s"})).await;
    for life in 0..4 {
        let worker = house.start_worker(&format!("w{life}"));
        tokio::time::sleep(Duration::from_millis(1_500 + 700 * life)).await;
        worker.kill();
    }
    let worker = house.start_worker("last");
    house.wait_finished(Duration::from_secs(90)).await;
    worker.stop().await;
    let landed = house.landed().await;
    assert_eq!((landed.ids.len(), landed.records), (20_000, 20_000));
}

fn unbounded(record: &mut JobRecord) -> Result<(), std::convert::Infallible> {
    record.ends = None;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_topic_of_which_no_record_is_wanted_does_not_have_an_entry_every_other_second() {
    let house = House::new(1).await;
    house.create_job(|job| job["decode"] = serde_json::json!({"null_value": "skip"})).await;
    house.jobs.update("bids", unbounded).await.unwrap();
    let worker = house.start_worker("w1");
    // The first ones are declared without delay.
    (0..5).for_each(|_| house.produce(""));
    house.wait_accounted(5).await;
    let (declared, before) = (Instant::now(), house.log().await.next_seq());
    while declared.elapsed() < Duration::from_secs(6) {
        house.produce("");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(house.log().await.next_seq(), before);
    worker.stop().await;
    assert!(house.accounted().await > 5, "who leaves says what is left to say");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_several_workers_have_to_declare_is_declared() {
    let mut house = House::new(2).await;
    // As it is outside of tests: nothing else makes a worker read the log.
    house.tail_poll_ms = 10_000;
    house.create_job(|job| job["decode"] = serde_json::json!({"null_value": "skip"})).await;
    house.jobs.update("bids", unbounded).await.unwrap();
    let workers = [house.start_worker("w1"), house.start_worker("w2")];
    for offsets in [20, 40] {
        (0..20).for_each(|_| house.produce(""));
        house.wait_accounted(offsets).await;
    }
    for worker in workers {
        worker.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_dead_worker_appended_becomes_visible_although_the_job_is_to_stop() {
    let house = House::new(2).await;
    (0..300).for_each(|n| house.produce(&event(n)));
    house.flush();
    house.create_job(|_| {}).await;
    house.deny_completes(true);
    let worker = house.start_worker("w1");
    house.wait_appended(300).await;
    worker.kill();
    assert_eq!(house.landed().await.records, 0);

    house.deny_completes(false);
    let stop = |record: &mut JobRecord| -> Result<(), std::convert::Infallible> {
        record.desired = Desired::Stopped;
        Ok(())
    };
    house.jobs.update("bids", stop).await.unwrap();
    let worker = house.start_worker("w2");
    house.wait_landed(300).await;
    worker.stop().await;
    assert_eq!(house.landed().await.ids.len(), 300);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_whose_upload_is_lost_is_rebuilt_by_the_document_it_was_written_under() {
    let house = House::new(2).await;
    (0..300).for_each(|n| house.produce(&event(n)));
    house.produce("no json");
    house.flush();
    house.create_job(|_| {}).await;
    house.deny_completes(true);
    let worker = house.start_worker("w1");
    house.wait_appended(300).await;
    worker.kill();
    // 3 countries over 2 partitions, and one file of dead letters.
    assert_eq!(house.lose_open_uploads().await, 7);

    house.deny_completes(false);
    let change = |record: &mut JobRecord| -> Result<(), std::convert::Infallible> {
        let mut document = serde_json::to_value(&record.spec).unwrap();
        document["sink"]["compression"] = "gzip".into();
        document["sink"]["envelope"] = serde_json::json!(["offset"]);
        record.replace_spec(JobSpec::parse(&document.to_string()).unwrap());
        Ok(())
    };
    house.jobs.update("bids", change).await.unwrap();
    let worker = house.start_worker("w2");
    house.wait_finished(Duration::from_secs(60)).await;
    worker.stop().await;
    let landed = house.landed().await;
    assert_eq!((landed.ids.len(), landed.records, landed.letters), (300, 300, 1));
    assert!(landed.objects.iter().all(|key| key.ends_with(".jsonl.zst")), "{:?}", landed.objects);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_begins_to_ignore_conditions_takes_the_promise_away_and_that_is_said() {
    let house = House::new(1).await;
    house.produce(&event(1));
    house.flush();
    house.create_job(|_| {}).await;
    // The job stays at work.
    house.deny_completes(true);
    let worker = house.start_worker("w1");
    house.wait_degraded(<[String]>::is_empty).await;
    house.faults.set_ignores_conditions(true);
    house.wait_degraded(|reasons| reasons.iter().any(|reason| reason.starts_with("second_conditional_put: "))).await;
    house.faults.set_ignores_conditions(false);
    house.wait_degraded(<[String]>::is_empty).await;
    worker.stop().await;
}

/// No upload can be begun, as the probe of every start tries to.
fn uploads_are(kind: ErrorKind) -> Option<Outage> {
    Some(Outage { kind, operations: vec![Operation::CreateUpload], key_contains: String::new() })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_at_first_contact_fails_the_job_with_its_code() {
    let house = House::new(1).await;
    house.produce(&event(1));
    house.flush();
    house.create_job(|_| {}).await;
    house.faults.set_outages(uploads_are(ErrorKind::AccessDenied));
    let worker = house.start_worker("w1");
    let failure = house.wait_failed().await;
    assert_eq!(failure.code, "AccessDenied");
    assert!(failure.message.contains("AccessDenied"), "{failure:?}");
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_does_not_answer_at_first_contact_is_waited_for() {
    let house = House::new(1).await;
    house.produce(&event(1));
    house.flush();
    house.create_job(|_| {}).await;
    house.faults.set_outages(uploads_are(ErrorKind::Timeout));
    let worker = house.start_worker("w1");
    house.wait_waiting("Timeout").await;
    house.faults.set_outages(None);
    house.wait_finished(Duration::from_secs(60)).await;
    worker.stop().await;
    assert_eq!(house.landed().await.records, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_served_a_job_before_is_waited_for_when_it_refuses_a_worker_that_starts() {
    let house = House::new(2).await;
    (0..300).for_each(|n| house.produce(&event(n)));
    house.flush();
    house.create_job(|_| {}).await;
    house.deny_completes(true);
    let worker = house.start_worker("w1");
    house.wait_appended(300).await;
    worker.kill();
    house.faults.set_outages(uploads_are(ErrorKind::AccessDenied));
    let worker = house.start_worker("w2");
    house.wait_waiting("AccessDenied").await;
    house.faults.set_outages(None);
    house.wait_finished(Duration::from_secs(60)).await;
    worker.stop().await;
    assert_eq!(house.landed().await.ids.len(), 300);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_is_not_failed_while_its_log_cannot_be_asked_whether_it_worked_before() {
    let house = House::new(1).await;
    house.produce(&event(1));
    house.flush();
    house.create_job(|_| {}).await;
    // Nobody knows whether the job is new: its log may not be listed either.
    let log_is_hidden =
        Outage { kind: ErrorKind::AccessDenied, operations: vec![Operation::List], key_contains: "/log/".to_owned() };
    house.faults.set_outages(uploads_are(ErrorKind::AccessDenied).into_iter().chain([log_is_hidden]));
    let worker = house.start_worker("w1");
    house.wait_waiting("AccessDenied").await;
    house.faults.set_outages(None);
    house.wait_finished(Duration::from_secs(60)).await;
    worker.stop().await;
    assert_eq!(house.landed().await.records, 1);
}
