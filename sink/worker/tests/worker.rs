//! A whole worker on the embedded Kafka and the embedded S3: what lands, once, through crashes and rebalances.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::time::Duration;

use common::{House, event};

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
