//! "Why is nothing written?", answered in words from what the status knows. The first sentence is the one that matters.

use jiff::Timestamp;

use crate::record::{EventKind, JobRecord};
use crate::scaling::ScalingDecision;
use crate::status::{State, StatusDocument};

/// At least one sentence, without a full stop; no sentence claims what is not in the document.
pub(crate) fn why(
    status: &StatusDocument,
    record: &JobRecord,
    scaling: Option<&ScalingDecision>,
    now: Timestamp,
) -> Vec<String> {
    let mut told = Vec::new();
    if let Some(standstill) = standstill(status, record, now) {
        told.push(standstill);
    }
    if let Some(waiting) = &status.waiting_for {
        told.push(format!("waiting for {} for {}", waiting.what, ago(now, waiting.since)));
    }
    if let (true, Some(decided)) = (no_worker(status), scaling) {
        told.push(pool(decided, now));
    }
    if let Some(uncompleted) = status.uncompleted_entries.filter(|entries| *entries > 0) {
        told.push(format!(
            "{} of the commit log not confirmed to be visible yet",
            count(uncompleted, "entry", "entries")
        ));
    }
    if let Some(open) = open_files(status, now) {
        told.push(open);
    }
    if status.state == State::Running && status.waiting_for.is_none() {
        told.push(reading(status));
    }
    if !status.delivery.degraded_because.is_empty() {
        told.push(format!("exactly once is not promised now: {}", status.delivery.degraded_because.join("; ")));
    }
    told
}

/// True of a job that wants a worker and has none.
fn no_worker(status: &StatusDocument) -> bool {
    matches!(status.state, State::Running | State::Deleting) && status.workers.iter().all(|worker| worker.stale)
}

/// Why a pool has no worker, as far as its scaler knows.
fn pool(decided: &ScalingDecision, now: Timestamp) -> String {
    let (pool, when, because) = (&decided.pool, ago(now, decided.at), &decided.because);
    let because = because.trim_end_matches('.');
    match decided.desired {
        0 => format!("pool {pool} is at zero, as decided {when} ago: {because}"),
        wanted => {
            let workers = count(u64::from(wanted), "worker", "workers");
            format!(
                "pool {pool} shall have {workers} and none of them has the job yet, as decided {when} ago: {because}"
            )
        }
    }
}

/// Why a job that is not running does not run, and by whom.
fn standstill(status: &StatusDocument, record: &JobRecord, now: Timestamp) -> Option<String> {
    let by = |kind: EventKind| {
        let event = record.last_event(kind)?;
        Some(format!(" by {} {} ago", event.by, ago(now, event.at)))
    };
    let landing = |what: &str, kind: EventKind| {
        let still = if status.state == State::Running { ", its open files are landing" } else { "" };
        format!("{what}{}{still}", by(kind).unwrap_or_default())
    };
    if let Some(failed) = &status.failed {
        let (since, code) = (ago(now, failed.at), &failed.code);
        return Some(format!("failed {since} ago ({code}): {}; restart it when that is mended", failed.message));
    }
    match (status.state, status.desired.as_str()) {
        (State::Failed, _) => Some("every worker of the job has failed: see errors".to_owned()),
        (State::Finished, _) => Some("finished: everything up to its stop has landed".to_owned()),
        (State::Deleting | State::Deleted, _) => Some(landing("being deleted", EventKind::Deleting)),
        (_, "paused") => Some(landing("paused", EventKind::Paused)),
        (_, "stopped") => Some(landing("stopped", EventKind::Stopped)),
        (State::Running | State::Paused | State::Stopped, _) => None,
    }
}

/// What is open, and the file that closes first.
fn open_files(status: &StatusDocument, now: Timestamp) -> Option<String> {
    if status.open_files_total == 0 {
        return None;
    }
    let open = count(status.open_files_total, "file is open", "files are open");
    let next = status.open_files.iter().filter_map(|file| Some((file.due_at?, file))).min_by_key(|(due, _)| *due);
    Some(match next {
        Some((due, file)) if due > now => format!(
            "{open}: the next closes by {} in {} ({} in it)",
            file.next_trigger,
            ago(due, now),
            count(file.records, "record", "records")
        ),
        Some((_, file)) => format!("{open}: one is closing by {}", file.next_trigger),
        None => format!("{open}: none has a time by which it closes"),
    })
}

fn reading(status: &StatusDocument) -> String {
    let speed = status.throughput.records_per_second;
    match (status.lag.records, status.partitions.is_empty()) {
        (_, true) => "no partition is known yet: the topics may not exist yet".to_owned(),
        (None, _) => "how many records wait in kafka is not known now".to_owned(),
        (Some(0), _) if status.lag.unknown_partitions == 0 && status.open_files_total == 0 => {
            "no new records: everything that was produced has landed or was accounted for".to_owned()
        }
        (Some(0), _) if speed < 0.05 => "no new records in kafka".to_owned(),
        (Some(0), _) => format!("records are read as they come, {speed:.0} a second"),
        (Some(lag), _) if speed < 0.05 => {
            format!("{} wait in kafka, and none is read now", count(lag, "record", "records"))
        }
        (Some(lag), _) => {
            format!("{} wait in kafka, read at {speed:.0} a second", count(lag, "record", "records"))
        }
    }
}

fn count(number: u64, one: &str, more: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { more })
}

/// From the earlier to the later, in its largest unit: `34 s`, `3 min`, `2 h`, `5 d`.
fn ago(later: Timestamp, earlier: Timestamp) -> String {
    let seconds = later.as_second().saturating_sub(earlier.as_second()).max(0);
    match seconds {
        0..=119 => format!("{seconds} s"),
        120..=7_199 => format!("{} min", seconds / 60),
        7_200..=172_799 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_told_in_its_largest_unit() {
        let at = |second| Timestamp::from_second(second).unwrap_or_default();
        for (seconds, told) in [(0, "0 s"), (119, "119 s"), (120, "2 min"), (7_200, "2 h"), (172_800, "2 d")] {
            assert_eq!(ago(at(1_000 + seconds), at(1_000)), told);
        }
        assert_eq!(ago(at(0), at(5)), "0 s");
    }
}
