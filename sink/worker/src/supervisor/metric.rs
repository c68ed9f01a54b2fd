//! Counters and gauges of the metrics contract, from snapshots.

use landfall_store::record::JobRecord;
use metrics::{counter, gauge};

use super::{Running, WorkerParts};
use crate::budget::Use;
use crate::snapshot::{Counters, Snapshot};

/// What was counted already.
#[derive(Debug, Default)]
pub(super) struct Told {
    counters: Counters,
}

#[allow(clippy::cast_precision_loss)] // gauges are floating point by contract
fn float(value: u64) -> f64 {
    value as f64
}

/// Tells what is new of one job.
pub(super) fn job(told: &mut Told, record: &JobRecord, snapshot: &Snapshot) {
    let labels = [("job", record.name.clone()), ("pool", record.spec.pool.clone())];
    let (before, now) = (&told.counters, &snapshot.counters);
    let plain = [
        ("landfall_records_consumed_total", before.records_consumed, now.records_consumed),
        ("landfall_records_landed_total", before.records_landed, now.records_landed),
        ("landfall_bytes_consumed_total", before.bytes_consumed, now.bytes_consumed),
        ("landfall_bytes_uploaded_total", before.bytes_uploaded, now.bytes_uploaded),
        ("landfall_kafka_rebalances_total", before.rebalances, now.rebalances),
    ];
    for (name, before, now) in plain {
        counter!(name, &labels).increment(now.saturating_sub(before));
    }
    let labelled = [
        ("landfall_records_dead_lettered_total", "reason", &before.dead_letters_by_reason, &now.dead_letters_by_reason),
        ("landfall_objects_completed_total", "trigger", &before.landed_by_trigger, &now.landed_by_trigger),
        ("landfall_recovery_total", "action", &before.recoveries, &now.recoveries),
    ];
    for (name, label, before, now) in labelled {
        for (value, count) in now {
            let mut labels = labels.to_vec();
            labels.push((label, (*value).to_owned()));
            counter!(name, &labels).increment(count.saturating_sub(before.get(value).copied().unwrap_or(0)));
        }
    }
    let lag: u64 = snapshot.partitions.iter().filter_map(|p| Some(p.end_offset?.saturating_sub(p.position?))).sum();
    gauge!("landfall_lag_records", &labels).set(float(lag));
    gauge!("landfall_open_files", &labels).set(float(snapshot.open_files_total));
    gauge!("landfall_widest_span_offsets", &labels).set(float(snapshot.widest_span));
    let now_ms = jiff::Timestamp::now().as_millisecond();
    let age = |since_ms: Option<i64>| {
        since_ms.map_or(0.0, |since| float(u64::try_from(now_ms - since).unwrap_or(0)) / 1_000.0)
    };
    gauge!("landfall_lag_seconds", &labels).set(age(snapshot
        .partitions
        .iter()
        .filter(|p| !p.at_end)
        .filter_map(|p| p.oldest_unread_ms)
        .min()));
    gauge!("landfall_oldest_unlanded_age_seconds", &labels).set(age(snapshot.oldest_unlanded_wall_ms));
    gauge!("landfall_oldest_uncompleted_entry_age_seconds", &labels).set(age(snapshot.oldest_uncompleted_wall_ms));
    gauge!("landfall_lost_records", &labels).set(float(snapshot.lost_records));
    told.counters = now.clone();
}

/// What somebody must mend. A failed job says so in its state; one that waits or is tried again would go unnoticed.
pub(super) fn alarms(running: &Running) {
    let record = &running.record;
    let labels = [("job", record.name.clone()), ("pool", record.spec.pool.clone())];
    let waits = running.runner.as_ref().filter(|runner| !runner.ended()).map_or(0, |runner| runner.snapshot().alarms);
    let refused = running.start_failed.as_ref().is_some_and(|failed| failed.refused && !running.ended_told);
    gauge!("landfall_alarms", &labels).set(float(waits + u64::from(refused)));
}

/// What is true of a job only while it runs here; afterwards it is nothing.
pub(super) fn job_left(record: &JobRecord) {
    let labels = [("job", record.name.clone()), ("pool", record.spec.pool.clone())];
    for name in [
        "landfall_alarms",
        "landfall_lag_records",
        "landfall_lag_seconds",
        "landfall_lost_records",
        "landfall_open_files",
        "landfall_widest_span_offsets",
        "landfall_oldest_unlanded_age_seconds",
        "landfall_oldest_uncompleted_entry_age_seconds",
    ] {
        gauge!(name, &labels).set(0.0);
    }
}

/// Tells what is true of the process.
pub(super) fn process(parts: &WorkerParts) {
    for what in Use::ALL {
        gauge!("landfall_memory_bytes", "use" => what.as_str()).set(float(parts.budget.used_by(what)));
    }
    if let Some(resident) = crate::resident::resident_bytes() {
        gauge!("landfall_memory_bytes", "use" => "process").set(float(resident));
    }
    gauge!("landfall_memory_limit_bytes").set(float(parts.memory_bytes));
    gauge!("landfall_build_info", "version" => parts.version.clone()).set(1.0);
}
