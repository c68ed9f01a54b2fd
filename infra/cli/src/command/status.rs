//! The status document for people: what the job does, what it waits for, partition by partition, file by file.

use landfall_store::{DeliveryMode, StatusDocument};

use super::wait::state_word;
use crate::output::{bytes, grouped, or_dash, table};

pub(super) fn told(status: &StatusDocument) -> String {
    let mut text = head(status);
    text.push('\n');
    text.push_str(&partitions(status));
    if !status.open_files.is_empty() {
        text.push('\n');
        let rows = status.open_files.iter().map(|file| {
            let due = file.due_at.map(|at| format!("{at:.0}"));
            vec![file.key.clone(), grouped(file.records), bytes(file.bytes), file.next_trigger.clone(), or_dash(due)]
        });
        text.push_str(&table(&["open file", "records", "bytes", "closes by", "due"], rows));
    }
    if !status.errors.is_empty() {
        text.push('\n');
        let rows = status.errors.iter().map(|error| {
            let place = error
                .topic
                .as_ref()
                .map(|topic| format!("{topic}/{}/{}", or_dash(error.partition), or_dash(error.offset)));
            vec![format!("{:.0}", error.at), error.stage.clone(), or_dash(place), error.message.clone()]
        });
        text.push_str(&table(&["error at", "stage", "record", "message"], rows));
    }
    text
}

fn head(status: &StatusDocument) -> String {
    let mut lines = vec![
        format!("job         {} (uid {}, version {})", status.name, status.uid, status.config_version),
        format!("state       {}{}", state_word(status.state), if status.drained { ", drained" } else { "" }),
    ];
    let delivery = match status.delivery.mode {
        DeliveryMode::ExactlyOnce => "exactly_once".to_owned(),
        DeliveryMode::AtLeastOnce => format!("at_least_once, because: {}", status.delivery.degraded_because.join("; ")),
    };
    lines.push(format!("delivery    {delivery}"));
    let seconds = status.lag.seconds.map(|seconds| format!("{seconds:.1} s"));
    lines.push(format!("lag         {} records, {}", or_dash(status.lag.records.map(grouped)), or_dash(seconds)));
    let rate = &status.throughput;
    lines.push(format!("throughput  {:.0} records/s, {:.0} bytes/s", rate.records_per_second, rate.bytes_per_second));
    let reasons: Vec<String> =
        status.dead_letters.by_reason.iter().map(|(reason, count)| format!("{reason} {}", grouped(*count))).collect();
    let reasons = if reasons.is_empty() { String::new() } else { format!(" ({})", reasons.join(", ")) };
    lines.push(format!("letters     {}{reasons}", grouped(status.dead_letters.total)));
    if let Some(entry) = &status.last_entry {
        lines.push(format!("last entry  {} at {:.0}", entry.seq, entry.at));
    }
    if let Some(waits) = &status.waiting_for {
        lines.push(format!("waiting     for {} since {:.0}", waits.what, waits.since));
    }
    if let Some(failed) = &status.failed {
        lines.push(format!("failed      {} at {:.0}: {}", failed.code, failed.at, failed.message));
    }
    for gap in &status.gaps {
        let range = format!("{}..{}", gap.from_offset, gap.to_offset);
        lines.push(format!("gap         {}/{}/{} offsets {range}", gap.cluster, gap.topic, gap.partition));
    }
    lines.join("\n") + "\n"
}

/// Also what `lag` shows.
pub(super) fn partitions(status: &StatusDocument) -> String {
    let rows = status.partitions.iter().map(|at| {
        let worker = match (&at.worker, at.stale) {
            (Some(worker), false) => worker.clone(),
            (Some(worker), true) => format!("{worker} (gone)"),
            (None, _) => "-".to_owned(),
        };
        vec![
            format!("{}/{}/{}", at.cluster, at.topic, at.partition),
            or_dash(at.position),
            or_dash(at.end_offset),
            or_dash(at.landed_offset),
            or_dash(at.committed_offset),
            or_dash(at.lag),
            worker,
        ]
    });
    table(&["partition", "position", "end", "landed", "committed", "lag", "worker"], rows)
}
