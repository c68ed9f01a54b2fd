//! The verdict: pure, from evidence to report, by the invariants of the commit log.

use std::collections::{BTreeMap, BTreeSet};

use landfall_commit::invariants::{
    Seen, Violation, i1_i2_cover, i3_disjoint_and_dense, i4_i6_visible, i5_commit_not_ahead,
};
use landfall_commit::{Entry, FileEntry, FileKind, FileRef, LogState, Offsets, SourcePartition};
use landfall_store::JobRecord;

use super::evidence::{Evidence, LaneLog, Place, Visible};
use super::report::{Finding, Kind, PartitionRow, Report, Tally};

/// An open upload younger than this, on top of the age a file may reach, may still be written or recovered.
const ORPHAN_AFTER_MS: u64 = 24 * 3_600 * 1_000;

pub(super) fn judge(record: &JobRecord, evidence: &Evidence) -> Report {
    let mut report = Report {
        job: record.name.clone(),
        uid: record.uid.clone(),
        generation: record.generation,
        other_objects: evidence.other_objects,
        ..Report::empty()
    };
    let mut named: BTreeSet<Place> = BTreeSet::new();
    let mut tokens: BTreeMap<&str, &FileEntry> = BTreeMap::new();
    let mut pending_uploads: BTreeSet<String> = BTreeSet::new();
    for lane in &evidence.lanes {
        for entry in &lane.entries {
            for file in &entry.files {
                named.insert((file.bucket.clone(), file.key.clone()));
                tokens.insert(file.token.as_str(), file);
            }
        }
        if let Some(state) = judge_lane(&mut report, lane, record, evidence) {
            pending_uploads.extend(state.pending().values().map(|pending| pending.file.upload_id.clone()));
        }
    }
    for (place, seen) in evidence.objects.iter().filter(|(place, _)| !named.contains(*place)) {
        stranger(&mut report, place, seen, &tokens);
    }
    judge_uploads(&mut report, record, evidence, &pending_uploads);
    report.findings.sort_by(|a, b| (a.kind, &a.key, &a.what).cmp(&(b.kind, &b.key, &b.what)));
    report
}

fn judge_lane(report: &mut Report, lane: &LaneLog, record: &JobRecord, evidence: &Evidence) -> Option<LogState> {
    report.entries += count(lane.entries.len());
    for damage in &lane.damage {
        report.add(plain(Kind::Log, damage.clone()));
    }
    let (state, violations) = i3_disjoint_and_dense(&lane.entries, &lane.sets);
    report_all(report, violations);
    let Some(state) = state else {
        let what = format!("lane {} has no entry: its log was deleted or expired; do not start it over", lane.lane);
        report.add(plain(Kind::Log, what));
        return None;
    };
    report_all(report, i1_i2_cover(&lane.entries, &state));
    report.tally.missing += uncovered(&lane.entries, &state);
    let seen = seen_at_named_keys(&lane.entries, evidence);
    report_all(report, i4_i6_visible(&lane.entries, &seen));
    let visible = judge_files(report, &lane.entries, &state, evidence);
    tally_claims(&mut report.tally, &lane.entries);
    judge_partitions(report, &state, &visible, record, evidence);
    Some(state)
}

fn report_all(report: &mut Report, violations: Vec<Violation>) {
    for violation in violations {
        let kind = match violation.invariant {
            "I1" => Kind::Missing,
            "I2" => Kind::Doubled,
            "I4" => Kind::Foreign,
            "I5" => Kind::CommittedAhead,
            "I6" => Kind::WrongContent,
            _ => Kind::Log,
        };
        report.add(plain(kind, violation.what));
    }
}

fn plain(kind: Kind, what: String) -> Finding {
    Finding { kind, what, key: None, records: None }
}

fn count(items: usize) -> u64 {
    u64::try_from(items).unwrap_or(u64::MAX)
}

/// Offsets below `low` that no entry accounts for; 0 unless I1 is broken.
fn uncovered(entries: &[Entry], state: &LogState) -> u64 {
    let mut missing = 0;
    for (partition, accounted) in state.partitions() {
        let origin = state.origins().start.get(partition).copied().unwrap_or(0);
        let mut wanted = Offsets::from_range(origin..accounted.low());
        for entry in entries {
            let claimed = entry.claimed().chain(&entry.absent).filter(|(claimed, _)| *claimed == partition);
            claimed.for_each(|(_, offsets)| wanted.subtract(offsets));
        }
        missing += wanted.len();
    }
    missing
}

/// What the invariants look at: the counted records, else those the object tells of itself.
fn seen_at_named_keys(entries: &[Entry], evidence: &Evidence) -> Vec<Seen> {
    let places: BTreeSet<Place> =
        entries.iter().flat_map(|entry| &entry.files).map(|file| (file.bucket.clone(), file.key.clone())).collect();
    let at = |place: Place| {
        let seen = evidence.objects.get(&place)?;
        let counted = seen.counted.as_ref().and_then(|counted| counted.as_ref().ok()).copied();
        let records = counted.or(seen.told_records);
        Some(Seen { key: place.1, token: seen.token.clone(), bytes: seen.bytes, records })
    };
    places.into_iter().filter_map(at).collect()
}

/// Each file of the log against its object. Answers the files that are visible.
fn judge_files(report: &mut Report, entries: &[Entry], state: &LogState, evidence: &Evidence) -> BTreeSet<FileRef> {
    let mut visible = BTreeSet::new();
    let mut rebuilt: BTreeMap<FileRef, Vec<&str>> = BTreeMap::new();
    let mut lost: BTreeMap<FileRef, &str> = BTreeMap::new();
    for entry in entries {
        for again in &entry.rebuilt {
            rebuilt.entry(again.file_ref()).or_default().push(again.token.as_str());
        }
        lost.extend(entry.lost.iter().map(|lost| (lost.file_ref(), lost.reason.as_str())));
    }
    for entry in entries {
        for (index, file) in (0_u32..).zip(&entry.files) {
            let file_ref = FileRef { seq: entry.seq, file: index };
            let place = (file.bucket.clone(), file.key.clone());
            let seen = evidence.objects.get(&place).filter(|seen| {
                let token = seen.token.as_deref().unwrap_or_default();
                token == file.token.as_str() || rebuilt.get(&file_ref).is_some_and(|tokens| tokens.contains(&token))
            });
            match seen {
                Some(seen) => {
                    visible.insert(file_ref);
                    add_to_tally(&mut report.tally, file, seen);
                    if let Some(Err(problem)) = &seen.counted {
                        let what = format!("{} cannot be read: {problem}", file.key);
                        report.add(of_file(Kind::WrongContent, what, file));
                    }
                }
                None if lost.contains_key(&file_ref) => report.tally.lost += file.records,
                None => {
                    let pending = state.pending().contains_key(&file_ref);
                    let there = evidence.objects.contains_key(&place);
                    let finding = not_visible(entry, file, pending, there, evidence.now_ms);
                    if finding.kind == Kind::Missing {
                        report.tally.missing += file.records;
                    }
                    report.add(finding);
                }
            }
        }
    }
    visible
}

fn of_file(kind: Kind, what: String, file: &FileEntry) -> Finding {
    Finding { kind, what, key: Some(file.key.clone()), records: Some(file.records) }
}

fn not_visible(entry: &Entry, file: &FileEntry, pending: bool, overwritten: bool, now_ms: i64) -> Finding {
    let (key, seq, records) = (&file.key, entry.seq, file.records);
    let age_s = now_ms.saturating_sub(entry.written_at_ms) / 1_000;
    if overwritten {
        let what = format!("{records} records of {key} (entry {seq}): another object stands in its place");
        of_file(Kind::Missing, what, file)
    } else if pending {
        let what = format!(
            "{key} with {records} records is not visible, {age_s} s after entry {seq} named it; a worker of the job will complete or rebuild it"
        );
        of_file(Kind::Uncompleted, what, file)
    } else {
        let what = format!(
            "{records} records of {key}: entry {seq} named it and the log calls it completed, yet it is not there; somebody deleted it"
        );
        of_file(Kind::Missing, what, file)
    }
}

fn add_to_tally(tally: &mut Tally, file: &FileEntry, seen: &Visible) {
    match file.kind {
        FileKind::Data => {
            tally.landed += file.records;
            tally.objects += 1;
            tally.bytes += seen.bytes;
        }
        FileKind::DeadLetter => {
            tally.dead_letters += file.records;
            tally.dead_letter_objects += 1;
        }
    }
}

fn tally_claims(tally: &mut Tally, entries: &[Entry]) {
    let mut absent: BTreeMap<&SourcePartition, Offsets> = BTreeMap::new();
    for entry in entries {
        for (reason, offsets) in entry.skipped.values().flatten() {
            *tally.skipped.entry(reason.as_str()).or_default() += offsets.len();
        }
        for (partition, offsets) in &entry.absent {
            absent.entry(partition).or_default().union_with(offsets);
        }
    }
    tally.absent += absent.values().map(Offsets::len).sum::<u64>();
}

fn judge_partitions(
    report: &mut Report,
    state: &LogState,
    visible: &BTreeSet<FileRef>,
    record: &JobRecord,
    evidence: &Evidence,
) {
    let mut committed: BTreeMap<SourcePartition, u64> = BTreeMap::new();
    for (partition, accounted) in state.partitions() {
        let at = evidence.kafka.get(&(partition.topic.clone(), partition.partition)).cloned().unwrap_or_default();
        // A commit of another job or generation says nothing of this one.
        let own = at.committed.filter(|(_, metadata)| metadata.is_empty() || *metadata == record.uid);
        if let Some((offset, _)) = &own {
            committed.insert(partition.clone(), *offset);
        }
        let low = accounted.low();
        if let Some(end) = at.end
            && end < low
        {
            let what = format!(
                "{partition} ends at {end}, below {low} up to which the job has landed it: the topic was truncated or created again"
            );
            report.add(plain(Kind::Source, what));
        }
        if let Some(id) = &at.topic_id
            && !partition.topic_id.is_empty()
            && *id != partition.topic_id
        {
            let what = format!(
                "{partition}: the topic was created again (its id is now {id}); the log's offsets mean other records"
            );
            report.add(plain(Kind::Source, what));
        }
        let above = accounted.above().len();
        report.tally.unlanded += at.end.unwrap_or(low).saturating_sub(low).saturating_sub(above);
        report.partitions.push(PartitionRow {
            partition: partition.to_string(),
            origin: state.origins().start.get(partition).copied().unwrap_or(0),
            landed: low,
            visible: state.visible_low(partition, visible),
            committed: own.map(|(offset, _)| offset),
            log_start: at.log_start,
            end: at.end,
        });
    }
    report_all(report, i5_commit_not_ahead(state, visible, &committed));
}

/// An object at a key that the log does not name, and which says that it is this job's.
fn stranger(report: &mut Report, (bucket, key): &Place, seen: &Visible, tokens: &BTreeMap<&str, &FileEntry>) {
    let known = seen.token.as_deref().and_then(|token| tokens.get(token));
    let finding = match known {
        Some(file) => {
            report.tally.doubled += file.records;
            let what =
                format!("{bucket}/{key} is a copy of {}: its {} records are visible twice", file.key, file.records);
            Finding { kind: Kind::Doubled, what, key: Some(key.clone()), records: Some(file.records) }
        }
        None => {
            let token = seen.token.as_deref().unwrap_or("none");
            let what = format!("{bucket}/{key} says it is of this job, and no entry names its token {token}");
            Finding { kind: Kind::Foreign, what, key: Some(key.clone()), records: seen.told_records }
        }
    };
    report.add(finding);
}

fn judge_uploads(report: &mut Report, record: &JobRecord, evidence: &Evidence, pending: &BTreeSet<String>) {
    let Some(uploads) = &evidence.uploads else { return };
    let old_after_ms = ORPHAN_AFTER_MS.saturating_add(record.spec.sink.rotate.age.millis());
    let mut open = 0;
    for upload in uploads.iter().filter(|upload| !pending.contains(&upload.upload_id)) {
        let age_ms = u64::try_from(evidence.now_ms.saturating_sub(upload.initiated_ms)).unwrap_or(0);
        if age_ms <= old_after_ms {
            open += 1;
            continue;
        }
        let what = format!(
            "upload {} of {} is open for {} h and no entry names it; abort it, and let a lifecycle rule do so",
            upload.upload_id,
            upload.key,
            age_ms / 3_600_000
        );
        report.add(Finding { kind: Kind::OrphanUpload, what, key: Some(upload.key.clone()), records: None });
    }
    report.open_uploads = Some(open);
}

#[cfg(test)]
#[path = "judge_tests.rs"]
mod tests;
