//! The status document for people: what the job does, what it waits for, partition by partition, file by file.

use landfall_store::status::{Lag, PartitionStatus};
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
    lines.push(format!("lag         {}", lag(&status.lag)));
    let rate = &status.throughput;
    lines.push(format!("throughput  {:.0} records/s, {:.0} bytes/s", rate.records_per_second, rate.bytes_per_second));
    let reasons: Vec<String> =
        status.dead_letters.by_reason.iter().map(|(reason, count)| format!("{reason} {}", grouped(*count))).collect();
    let reasons = if reasons.is_empty() { String::new() } else { format!(" ({})", reasons.join(", ")) };
    lines.push(format!("letters     {}{reasons}", grouped(status.dead_letters.total)));
    if let Some(entry) = &status.last_entry {
        lines.push(format!("last entry  {} at {:.0}", entry.seq, entry.at));
    }
    for (index, reason) in status.reasons.iter().enumerate() {
        lines.push(format!("{}{reason}", if index == 0 { "why         " } else { "            " }));
    }
    for gap in &status.gaps {
        let range = format!("{}..{}", gap.from_offset, gap.to_offset);
        lines.push(format!("gap         {}/{}/{} offsets {range}", gap.cluster, gap.topic, gap.partition));
    }
    lines.join("\n") + "\n"
}

/// `14 records, about 12.3 s`: what was worked out from the rate says so.
pub(super) fn lag(lag: &Lag) -> String {
    let about = if lag.seconds_estimated { "about " } else { "" };
    let seconds = lag.seconds.map(|seconds| format!("{about}{seconds:.1} s"));
    format!("{} records, {}", or_dash(lag.records.map(grouped)), or_dash(seconds))
}

/// Who works on a partition: what is told of one whose worker is gone may be old.
fn worker(at: &PartitionStatus) -> String {
    match &at.worker {
        Some(worker) => worker.clone(),
        None if at.stale => "gone".to_owned(),
        None => "-".to_owned(),
    }
}

/// Also what `lag` shows.
pub(super) fn partitions(status: &StatusDocument) -> String {
    let rows = status.partitions.iter().map(|at| {
        vec![
            format!("{}/{}/{}", at.cluster, at.topic, at.partition),
            or_dash(at.position),
            or_dash(at.end_offset),
            or_dash(at.landed_offset),
            or_dash(at.committed_offset),
            or_dash(at.lag),
            worker(at),
        ]
    });
    table(&["partition", "position", "end", "landed", "committed", "lag", "worker"], rows)
}

#[cfg(test)]
mod tests {
    use landfall_store::status::{Lag, PartitionStatus};

    use super::{lag, worker};

    #[test]
    fn seconds_that_are_estimated_say_so() {
        let told = |records, seconds, seconds_estimated| {
            lag(&Lag { records, seconds, seconds_estimated, unknown_partitions: 0 })
        };
        assert_eq!(told(Some(1_400), Some(12.34), true), "1,400 records, about 12.3 s");
        assert_eq!(told(Some(1_400), Some(12.34), false), "1,400 records, 12.3 s");
        assert_eq!(told(None, None, false), "- records, -");
    }

    #[test]
    fn a_partition_whose_worker_is_gone_is_told_apart_from_one_that_nobody_had() {
        let at = |name: Option<&str>, stale| PartitionStatus {
            cluster: "main".into(),
            topic: "bids".into(),
            partition: 0,
            worker: name.map(str::to_owned),
            stale,
            end_offset: None,
            position: None,
            landed_offset: Some(5),
            committed_offset: None,
            lag: None,
        };
        assert_eq!(worker(&at(Some("w1"), false)), "w1");
        assert_eq!(worker(&at(None, false)), "-");
        assert_eq!(worker(&at(None, true)), "gone");
    }
}
