//! A log whose end is gone: what says so, and what the sidecars say that it held.

use std::collections::BTreeMap;

use landfall_commit::{Entry, FileSets, Offsets, Seq, SourcePartition, Token};

use super::kind::Kind;
use super::ledger::{Ledger, told, union};
use super::report::{Finding, Placed};

/// What says that entries are gone from the end of a log.
#[derive(Debug, Clone, Default)]
pub(super) struct TailEvidence {
    /// Folded by the newest checkpoint.
    pub(super) checkpoint: Option<Seq>,
    /// Read by an earlier audit.
    pub(super) state: Option<Seq>,
    /// Sidecars at numbers after the last entry. One is ordinary: it is written before its entry is.
    pub(super) sidecars: Vec<(Seq, Token, FileSets)>,
}

/// Where the end of a log is gone: says so, and accounts in the state for what the sidecars say that it held.
pub(super) fn lost_tail(
    ledger: &mut Ledger,
    evidence: &TailEvidence,
    committed: &BTreeMap<SourcePartition, u64>,
) -> Option<Placed> {
    let Some(state) = &mut ledger.state else { return None };
    let last = state.last_seq();
    let mut why = Vec::new();
    if let Some(seq) = evidence.checkpoint.filter(|seq| *seq > last) {
        why.push(format!("a checkpoint has folded entry {seq}"));
    }
    if let Some(seq) = evidence.state.filter(|seq| *seq > last) {
        why.push(format!("an earlier audit has read entry {seq}"));
    }
    let mut held: BTreeMap<SourcePartition, Offsets> = BTreeMap::new();
    for (seq, _, sets) in &evidence.sidecars {
        let sets = union(sets);
        // The worker commits to Kafka only what is in the log.
        let committed_into = sets.iter().any(|(partition, offsets)| {
            let above = committed.get(partition).is_some_and(|committed| *committed > state.accounted(partition).low());
            above && offsets.contains(state.accounted(partition).low())
        });
        if !committed_into && why.is_empty() {
            continue;
        }
        if committed_into {
            why.push(format!("Kafka's committed offset lies beyond the log and within the sidecar of entry {seq}"));
        }
        while state.next_seq() < *seq {
            let uid = state.job_uid().clone();
            let between = Entry::empty(uid, state.lane(), state.next_seq(), Token::from(""), "", 0);
            if state.fold(&between).is_err() {
                break;
            }
        }
        let mut entry = Entry::empty(state.job_uid().clone(), state.lane(), *seq, Token::from(""), "", 0);
        entry.held.clone_from(&sets);
        if state.fold(&entry).is_ok() {
            for (partition, offsets) in sets {
                held.entry(partition).or_default().union_with(&offsets);
            }
        }
    }
    if why.is_empty() {
        return None;
    }
    why.dedup();
    let first = last.next();
    let by_sidecar = if held.is_empty() { String::new() } else { format!("; by its sidecars it held {}", told(&held)) };
    let what = format!(
        "the log of lane {} ends with entry {last}, and went on from entry {first}: {}{by_sidecar}",
        ledger.lane(),
        why.join(", ")
    );
    ledger.blind |= held.is_empty();
    let records = (!held.is_empty()).then(|| held.values().map(Offsets::len).sum());
    Some(Placed::at(Finding { kind: Kind::LostTail, what, key: None, records }, first).holding(held))
}
