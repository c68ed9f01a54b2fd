//! What callers write and read: the names of the configuration, the sample and the answer.

use landfall_scale::{Figures, History, Limits, PoolSample, plan};
use serde_json::json;

fn sample() -> serde_json::Value {
    json!({
        "now_ms": 1_800_000_060_000_i64,
        "desired": 1,
        "workers": [{"records_per_second": 900.0}],
        "jobs": [{
            "name": "bids",
            "phase": "running",
            "max_workers": 8,
            "lag": {
                "sampled_at_ms": 1_800_000_055_000_i64,
                "live_workers": 1,
                "unlanded": true,
                "partitions": [{
                    "key": {"cluster": "main", "topic": "bids", "partition": 0},
                    "first_offset": 0, "end_offset": 1_200, "position": 1_000, "committed_offset": 400, "age_seconds": 2.5
                }]
            }
        }]
    })
}

#[test]
fn a_sample_is_read_and_its_figures_are_told() {
    let sample: PoolSample = serde_json::from_value(sample()).unwrap();
    let figures = Figures { lag_records: Some(200), lag_seconds: Some(2.5), lag_sample_age_seconds: Some(5.0) };
    assert_eq!(sample.figures(), figures);
    assert_eq!(serde_json::to_value(&sample).unwrap(), self::sample());
}

#[test]
fn figures_that_leave_a_job_out_are_not_told() {
    let mut sample: PoolSample = serde_json::from_value(sample()).unwrap();
    let mut dark = sample.jobs.as_ref().unwrap()[0].clone();
    dark.lag = None;
    sample.jobs.as_mut().unwrap().push(dark);
    assert_eq!(sample.figures().lag_records, None);
    sample.jobs = None;
    assert_eq!(sample.figures().lag_sample_age_seconds, None);
}

#[test]
fn the_answer_has_a_number_a_reason_and_what_to_hand_in_the_next_time() {
    let sample: PoolSample = serde_json::from_value(sample()).unwrap();
    let answer = serde_json::to_value(plan(&sample, &Limits::default(), &History::default())).unwrap();
    assert_eq!(answer["desired"], 1);
    assert!(answer["because"].as_str().unwrap().starts_with("1 worker as before."), "{answer}");
    assert!(answer["history"].is_object());
    assert_eq!(answer["about_jobs"], "");
    assert_eq!(answer.as_object().unwrap().len(), 4);
}

#[test]
fn limits_are_read_by_our_names_and_by_those_of_keda_and_unknown_ones_are_refused() {
    let ours = json!({"min_workers": 1, "max_workers": 30, "polling_interval_seconds": 30.0, "cooldown_period_seconds": 300.0,
        "lag_threshold": 1000, "activation_lag_threshold": 5, "limit_to_partitions_with_lag": false,
        "exclude_persistent_lag": false, "allow_idle_consumers": true, "ensure_even_distribution_of_partitions": true});
    let theirs = json!({"minReplicaCount": 1, "maxReplicaCount": 30, "pollingInterval": 30.0, "cooldownPeriod": 300.0,
        "lagThreshold": 1000, "activationLagThreshold": 5, "limitToPartitionsWithLag": false,
        "excludePersistentLag": false, "allowIdleConsumers": true, "ensureEvenDistributionOfPartitions": true});
    let ours: Limits = serde_json::from_value(ours).unwrap();
    assert_eq!(ours, serde_json::from_value(theirs).unwrap());
    assert_eq!(ours.validate(), Ok(()));
    let refused = serde_json::from_value::<Limits>(json!({"max_wrokers": 3})).unwrap_err();
    assert!(refused.to_string().contains("max_wrokers"), "{refused}");
}

#[test]
fn limits_that_make_no_sense_are_refused_by_name() {
    let wrong = [
        (json!({"min_workers": 5, "max_workers": 4}), "min_workers"),
        (json!({"lag_threshold": 0}), "lag_threshold"),
        (json!({"target_drain_seconds": 100.0}), "target_drain_seconds"),
        (json!({"target_utilization": 0.99}), "target_utilization"),
        (json!({"cooldown_period_seconds": -1.0}), "cooldown_period_seconds"),
        (json!({"polling_interval_seconds": 600.0}), "sample_stale_after_seconds"),
    ];
    for (limits, named) in wrong {
        let limits: Limits = serde_json::from_value(limits).unwrap();
        let refused = limits.validate().unwrap_err().to_string();
        assert!(refused.contains(named), "{refused}");
    }
}
