//! The verdict: pure, from what was seen to findings, by the invariants of the commit log.

use std::collections::{BTreeMap, BTreeSet};

use landfall_commit::invariants::{OpenUpload, i5_commit_not_ahead, i8_no_forgotten_upload};
use landfall_commit::{FileKind, FileRef, LogState, Offsets, Seq, SourcePartition};
use landfall_store::JobRecord;

use super::content::Flaw;
use super::kafka::KafkaPartition;
use super::kind::{Kind, NoteKind};
use super::ledger::{Ledger, told};
use super::objects::Visible;
use super::report::{Finding, PartitionRow, Placed, Report};
use super::rows::{Fate, FileRow};

/// What is wrong with the object of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Trouble {
    Gone,
    /// Another object stands in its place; what it says of itself.
    Overwritten(String),
    /// It says that it is ours, and is not what the log says.
    Changed(String),
    /// By its ETag, or by an earlier reading, it is not what was found right; reading it tells.
    Unproven(String),
    /// By reading it.
    Flawed(Vec<Flaw>),
    TooLarge(String),
}

/// What was seen of the object of a file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Looked {
    /// The attempt that was visible when it was last seen to be one of ours.
    pub(super) attempt: Option<u32>,
    /// By HEAD, where it was asked.
    pub(super) bytes: u64,
    pub(super) trouble: Option<Trouble>,
}

/// What the audit makes of things that are no damage by themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rules {
    pub(super) now_ms: i64,
    /// Nobody deletes objects of this job.
    pub(super) expect_all: bool,
    pub(super) pending_after_ms: u64,
    /// An open upload that nobody names is an orphan from this age on.
    pub(super) orphan_after_ms: u64,
    /// Others may write what looks like the job's objects under its prefixes.
    pub(super) shared_prefix: bool,
}

/// A file against its object. Answers the attempt that is visible.
pub(super) fn look(row: &FileRow, seen: Option<&Visible>) -> Result<u32, Trouble> {
    let Some(seen) = seen else { return Err(Trouble::Gone) };
    let Some((number, attempt)) =
        row.attempt_of(seen.token.as_deref()).and_then(|number| Some((number, row.attempt(number)?)))
    else {
        return Err(overwritten(seen));
    };
    if seen.bytes != attempt.bytes {
        return Err(Trouble::Changed(format!("it has {} bytes, its entry says {}", seen.bytes, attempt.bytes)));
    }
    // A rebuild that no longer found all records says so in the log; its metadata may tell of all of them.
    match seen.told_records {
        Some(told) if told != attempt.records && attempt.without.is_none() => {
            Err(Trouble::Changed(format!("its metadata tells {told} records, its entry says {}", attempt.records)))
        }
        _ => Ok(number),
    }
}

/// What earlier audits make of an object that is right by HEAD.
pub(super) fn unproven(row: &FileRow, etag: &str) -> Option<Trouble> {
    let at = |at_ms: i64| jiff::Timestamp::from_millisecond(at_ms).unwrap_or_default();
    match (&row.seen, &row.flawed) {
        (Some(seen), _) if *seen.etag == *etag => None,
        (_, Some(flawed)) => Some(Trouble::Unproven(format!(
            "{}, when it was read at {:.0}; --deep tells whether it is mended",
            flawed.what,
            at(flawed.at_ms)
        ))),
        (Some(seen), None) => Some(Trouble::Unproven(format!(
            "its etag was {} at {:.0} and is {etag}; --deep tells whether its bytes are the same",
            seen.etag,
            at(seen.at_ms)
        ))),
        (None, None) => None,
    }
}

/// An object that the store's client does not read: what was wrong with it before stays.
pub(super) fn unread(before: Option<Trouble>, why: String) -> Trouble {
    match before {
        Some(Trouble::Unproven(what)) => Trouble::Changed(format!("{what}; it was not read: {why}")),
        Some(before) => before,
        None => Trouble::TooLarge(why),
    }
}

pub(super) fn overwritten(seen: &Visible) -> Trouble {
    let whose = match (&seen.job, &seen.token) {
        (Some(job), Some(token)) => format!("an object of job {job} with token {token}"),
        (None, Some(token)) => format!("an object with token {token}"),
        (_, None) => "an object without our token".to_owned(),
    };
    Trouble::Overwritten(format!("{whose}, {} bytes", seen.bytes))
}

/// A file that was looked at. `held`: its offsets, where they are known.
pub(super) fn add_file(
    report: &mut Report,
    row: &FileRow,
    looked: &Looked,
    held: BTreeMap<SourcePartition, Offsets>,
    rules: &Rules,
) {
    // What a rebuild no longer found is lost wherever the rest of it is.
    report.tally.lost += row.records(looked.attempt).1;
    match &looked.trouble {
        None => add_visible(report, row, looked.attempt),
        Some(trouble) => {
            if matches!(trouble, Trouble::TooLarge(_)) {
                add_visible(report, row, looked.attempt);
            }
            add_trouble(report, row, looked.attempt, trouble, held, rules);
        }
    }
}

fn add_visible(report: &mut Report, row: &FileRow, attempt: Option<u32>) {
    let Some(attempt) = row.attempt_or_last(attempt) else { return };
    let tally = &mut report.tally;
    match row.kind {
        FileKind::Data => {
            tally.landed += attempt.records;
            tally.objects += 1;
            tally.bytes += attempt.bytes;
        }
        FileKind::DeadLetter => {
            tally.dead_letters += attempt.records;
            tally.dead_letter_objects += 1;
        }
    }
}

fn add_trouble(
    report: &mut Report,
    row: &FileRow,
    attempt: Option<u32>,
    trouble: &Trouble,
    held: BTreeMap<SourcePartition, Offsets>,
    rules: &Rules,
) {
    let (key, seq, (records, _)) = (&*row.key, row.seq, row.records(attempt));
    let of = match row.kind {
        FileKind::Data => "records",
        FileKind::DeadLetter => "dead letters",
    };
    let mut add = |kind: Kind, what: String, held: BTreeMap<SourcePartition, Offsets>| {
        let finding = Finding { kind, what, key: Some(key.to_owned()), records: Some(records) };
        report.add(Placed::at(finding, Seq(seq)).holding(held));
    };
    match trouble {
        Trouble::Gone => match row.fate {
            Fate::Lost => report.tally.lost += records,
            Fate::Completed if rules.expect_all => {
                add(Kind::Missing, format!("{key} with {records} {of} of entry {seq} was visible and is gone"), held);
                report.tally.missing += records;
            }
            Fate::Completed => {
                let what = format!(
                    "{key} with {records} {of} of entry {seq} was visible and is gone; no damage where readers delete \
                     what they have read, a finding with --expect-all"
                );
                report.note(NoteKind::Deleted, what, Some(key.to_owned()), Some(records));
                report.tally.deleted += records;
            }
            Fate::Pending => {
                let age_ms = age_ms(rules.now_ms, row.written_at_ms);
                let what =
                    format!("{key} with {records} {of} is not visible, {} after entry {seq} named it", span(age_ms));
                if age_ms >= rules.pending_after_ms {
                    add(Kind::Uncompleted, what, held);
                } else {
                    report.note(NoteKind::Pending, what, Some(key.to_owned()), Some(records));
                }
                report.tally.pending += records;
            }
        },
        Trouble::Overwritten(whose) => {
            let what = format!("{key} of entry {seq} is not ours: {whose} stands in the place of {records} {of}");
            add(Kind::Overwritten, what, held);
            report.tally.missing += records;
        }
        Trouble::Changed(what) | Trouble::Unproven(what) => {
            add(Kind::Changed, format!("{key} of entry {seq}: {what}"), held);
        }
        Trouble::Flawed(flaws) => {
            let (kind, what, offsets) = told_of_flaws(row, attempt, flaws);
            if kind == Kind::Doubled {
                report.tally.doubled += offsets.values().map(Offsets::len).sum::<u64>();
            }
            let finding = Finding {
                kind,
                what: format!("{key} of entry {seq}: {what}"),
                key: Some(key.to_owned()),
                records: None,
            };
            let held = if offsets.is_empty() { held } else { offsets };
            let records = if held.is_empty() { records } else { held.values().map(Offsets::len).sum() };
            report.add(Placed::at(Finding { records: Some(records), ..finding }, Seq(seq)).holding(held));
        }
        Trouble::TooLarge(why) => {
            let what = format!("{key} of entry {seq} was not read: {why}");
            report.note(NoteKind::Unread, what, Some(key.to_owned()), Some(records));
        }
    }
}

/// One finding an object, by the most telling flaw; the others stand beside it.
pub(super) fn told_of_flaws(
    row: &FileRow,
    attempt: Option<u32>,
    flaws: &[Flaw],
) -> (Kind, String, BTreeMap<SourcePartition, Offsets>) {
    let mut kind = Kind::Changed;
    let mut offsets = BTreeMap::new();
    let mut words = Vec::new();
    let mut parts = Vec::new();
    let attempt = row.attempt_or_last(attempt);
    let (bytes, records) = attempt.map_or((0, 0), |attempt| (attempt.bytes, attempt.records));
    for flaw in flaws {
        match flaw {
            Flaw::Bytes { found } => words.push(format!("it has {found} bytes, its entry says {bytes}")),
            Flaw::Part { number } => parts.push(number.to_string()),
            Flaw::Unreadable(problem) => words.push(format!("it cannot be read: {problem}")),
            Flaw::Records { found } => words.push(format!("it has {found} records, its entry says {records}")),
            Flaw::Twice(again) => {
                kind = Kind::Doubled;
                words.push(format!("it holds twice {}", told(again)));
                offsets.clone_from(again);
            }
            Flaw::Lacks(lacking) => {
                words.push(format!("it lacks {}", told(lacking)));
                if kind != Kind::Doubled {
                    offsets.clone_from(lacking);
                }
            }
            Flaw::Strange(what) => words.push(format!("it holds what its entry does not name: {what}")),
        }
    }
    if !parts.is_empty() {
        let all = attempt.map_or(0, |attempt| attempt.parts.len());
        words.insert(0, format!("the checksum of part {} of {all} is not its entry's", parts.join(", ")));
    }
    (kind, words.join("; "), offsets)
}

/// What of the job's own group Kafka has; a commit of another job or generation says nothing of this one.
pub(super) fn own_commits(
    record: &JobRecord,
    state: &LogState,
    kafka: &BTreeMap<(String, i32), KafkaPartition>,
) -> BTreeMap<SourcePartition, u64> {
    let own = |partition: &SourcePartition| {
        let (offset, metadata) = kafka.get(&(partition.topic.clone(), partition.partition))?.committed.as_ref()?;
        (metadata.is_empty() || *metadata == record.uid).then_some(*offset)
    };
    state.partitions().keys().filter_map(|partition| Some((partition.clone(), own(partition)?))).collect()
}

/// The partitions of one lane. `visible`: pending files whose objects are there; `whole`: all of them were looked for.
pub(super) fn judge_partitions(
    report: &mut Report,
    ledger: &Ledger,
    visible: &BTreeSet<FileRef>,
    committed: &BTreeMap<SourcePartition, u64>,
    kafka: &BTreeMap<(String, i32), KafkaPartition>,
    whole: bool,
) {
    let Some(state) = &ledger.state else { return };
    for (partition, accounted) in state.partitions() {
        let at = kafka.get(&(partition.topic.clone(), partition.partition)).cloned().unwrap_or_default();
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
            committed: committed.get(partition).copied(),
            log_start: at.log_start,
            end: at.end,
        });
    }
    if !whole {
        return;
    }
    for violation in i5_commit_not_ahead(state, visible, committed) {
        if ledger.blind {
            let what = format!("{}; what the damaged log held below it is not known", violation.what);
            report.note(NoteKind::NotJudged, what, None, None);
        } else {
            report.add(plain(Kind::CommittedAhead, violation.what));
        }
    }
}

/// I8 for an open upload that neither a pending file nor a live worker names.
pub(super) fn judge_upload(report: &mut Report, key: &str, id: &str, initiated_ms: i64, rules: &Rules) -> bool {
    let upload = [OpenUpload { key: key.to_owned(), upload_id: id.to_owned(), initiated_ms }];
    let forgotten = i8_no_forgotten_upload(&upload, &BTreeSet::new(), rules.now_ms, rules.orphan_after_ms);
    for _ in &forgotten {
        let age = span(age_ms(rules.now_ms, initiated_ms));
        let what = format!("upload {id} of {key} is open for {age}, and no entry and no live worker names it");
        report.add(of_key(Kind::OrphanUpload, what, key, None));
    }
    !forgotten.is_empty()
}

fn plain(kind: Kind, what: String) -> Finding {
    Finding { kind, what, key: None, records: None }
}

pub(super) fn of_key(kind: Kind, what: String, key: &str, records: Option<u64>) -> Finding {
    Finding { kind, what, key: Some(key.to_owned()), records }
}

fn age_ms(now_ms: i64, then_ms: i64) -> u64 {
    u64::try_from(now_ms.saturating_sub(then_ms)).unwrap_or(0)
}

/// `40 s`, `12 min`, `31 h`.
fn span(ms: u64) -> String {
    match ms / 1_000 {
        seconds @ 0..=119 => format!("{seconds} s"),
        seconds @ 120..=7_199 => format!("{} min", seconds / 60),
        seconds => format!("{} h", seconds / 3_600),
    }
}

#[cfg(test)]
#[path = "judge_tests.rs"]
mod tests;
