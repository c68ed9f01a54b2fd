//! One audit from beginning to end, in the order that keeps a running job from looking wrong, with its state saved now
//! and then.

mod looking;
mod reading;
mod reading_log;
mod saving;
mod settling;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Instant;

use landfall_commit::{FileRef, LogState};
use tokio_util::sync::CancellationToken;

use super::judge::{self, Looked, Rules};
use super::kafka::{self, KafkaPartition};
use super::kept::{Kept, KeptEntry, KeptLane};
use super::kind::NoteKind;
use super::ledger::Ledger;
use super::log::LaneListing;
use super::objects::{self, Shown, Visible};
use super::progress::Progress;
use super::report::{Placed, Report, Scope};
use super::requests::Counted;
use super::rows::{Fate, FileRow};
use super::{ORPHAN_AFTER_MS, Options, Target};

/// Lane and place in its rows.
type At = (usize, usize);

/// One lane as the run goes through it.
#[derive(Debug)]
struct LaneRun {
    ledger: Ledger,
    listing: LaneListing,
    /// Of the entries read so far, for the state.
    marks: Vec<KeptEntry>,
    /// What an earlier audit kept; it stays in the state while the lane is damaged.
    before: Option<(KeptLane, Vec<KeptEntry>)>,
    /// Earlier rows that wait for their entry to be read again.
    earlier_rows: HashMap<(u64, u32), FileRow>,
    /// What has changed in the log since, by number.
    changed: BTreeMap<u64, String>,
    damage: Vec<Placed>,
    /// The entry up to which files of earlier ones were settled.
    settled_to: Option<u64>,
}

impl LaneRun {
    fn damaged(&self) -> bool {
        !self.ledger.findings.is_empty() || self.ledger.in_hole() || !self.damage.is_empty()
    }
}

struct Run<'a> {
    target: &'a Target,
    options: &'a Options,
    cancel: &'a CancellationToken,
    store: Counted,
    rules: Rules,
    progress: Progress,
    lanes: Vec<LaneRun>,
    /// Rows whose object was asked for, or known from the state.
    looked: HashMap<At, Looked>,
    /// Rows pending in the log as it was read, whose object is gone or not ours: what was seen of it.
    unsettled: Vec<(At, Option<Visible>)>,
    shown: BTreeMap<String, Shown>,
    /// Key and ETag of objects that are none of the job's business.
    others: BTreeMap<String, Box<str>>,
    saved: Instant,
    report: Report,
}

pub(super) async fn run(target: &Target, options: &Options, cancel: &CancellationToken) -> anyhow::Result<Report> {
    let started = Instant::now();
    let now = jiff::Timestamp::now();
    let record = &target.record;
    let orphan_after_ms =
        options.orphan_after_ms.unwrap_or(ORPHAN_AFTER_MS.saturating_add(record.spec.sink.rotate.age.millis()));
    let kept = saving::load(record, options)?;
    let mut run = Run {
        target,
        options,
        cancel,
        store: Counted::new(target.store.clone()),
        rules: Rules {
            now_ms: now.as_millisecond(),
            expect_all: options.expect_all,
            pending_after_ms: options.pending_after_ms,
            orphan_after_ms,
            shared_prefix: options.shared_prefix,
        },
        progress: Progress::new(options.progress),
        lanes: Vec::new(),
        looked: HashMap::new(),
        unsettled: Vec::new(),
        shown: BTreeMap::new(),
        others: BTreeMap::new(),
        saved: Instant::now(),
        report: Report {
            job: record.name.clone(),
            uid: record.uid.clone(),
            generation: record.generation,
            scope: Scope {
                from_seq: options.from_seq,
                since: options.since,
                expect_all: options.expect_all,
                pending_after_ms: options.pending_after_ms,
                orphan_after_ms,
            },
            ..Report::empty()
        },
    };
    let done = run.go(kept).await;
    run.progress.clear();
    done?;
    let mut report = run.report;
    report.work.requests = run.store.sent();
    report.work.took_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    report.sort();
    Ok(report)
}

impl Run<'_> {
    async fn go(&mut self, kept: Option<Kept>) -> anyhow::Result<()> {
        let commits = kafka::commits(self.target).await?;
        let topics: BTreeSet<String> = commits.known.keys().map(|(topic, _)| topic.clone()).collect();
        self.shown = objects::list(self.target, &self.store, &topics).await?;
        self.report.work.objects_listed = self.shown.len() as u64;
        self.begin(kept).await?;
        for lane in 0..self.lanes.len() {
            self.read_log(lane).await?;
        }
        let kafka = kafka::ends(self.target, commits).await?;
        if !self.cancel.is_cancelled() {
            self.judge_log_ends(&kafka).await?;
            self.look_at_files().await?;
            self.settle().await?;
        }
        if !self.cancel.is_cancelled() {
            self.look_at_strangers().await?;
            self.look_at_uploads(&topics).await?;
        }
        if self.target.deep && !self.cancel.is_cancelled() {
            self.read_files().await?;
        }
        self.save()?;
        self.conclude(&kafka).await
    }

    fn rows(&self) -> impl Iterator<Item = (At, &FileRow)> {
        let of = |(at, lane): (usize, &'_ LaneRun)| (at, lane.ledger.rows.len());
        self.lanes
            .iter()
            .enumerate()
            .map(of)
            .flat_map(|(lane, rows)| (0..rows).map(move |row| (lane, row)))
            .filter_map(|at| Some((at, self.row(at)?)))
    }

    fn row(&self, (lane, row): At) -> Option<&FileRow> {
        self.lanes.get(lane)?.ledger.rows.get(row)
    }

    fn state_of(&self, (lane, _): At) -> Option<&LogState> {
        self.lanes.get(lane)?.ledger.state.as_ref()
    }

    fn row_mut(&mut self, (lane, row): At) -> Option<&mut FileRow> {
        self.lanes.get_mut(lane)?.ledger.rows.get_mut(row)
    }

    /// What the listing shows of a file, where its bucket and prefix were listed.
    fn shown(&self, row: &FileRow) -> Option<&Shown> {
        (*row.bucket == *self.target.record.spec.sink.bucket).then(|| self.shown.get(&*row.key)).flatten()
    }

    /// The object is by ETag and size the one that was found right.
    fn unchanged(&self, row: &FileRow) -> bool {
        let (Some(seen), Some(shown)) = (&row.seen, self.shown(row)) else { return false };
        shown.etag == seen.etag && row.attempt(seen.attempt).is_some_and(|attempt| attempt.bytes == shown.bytes)
    }

    async fn conclude(&mut self, kafka: &BTreeMap<(String, i32), KafkaPartition>) -> anyhow::Result<()> {
        let interrupted = self.cancel.is_cancelled();
        self.report.complete = !interrupted;
        if interrupted {
            let kept = match &self.options.state {
                Some(path) => {
                    format!("what was found right is in {}; the same command goes on from there", path.display())
                }
                None => "nothing is kept without --state".to_owned(),
            };
            self.report.note(NoteKind::Interrupted, kept, None, None);
        }
        let mut report = std::mem::replace(&mut self.report, Report::empty());
        let mut offsets = self.offsets_of_troubled().await?;
        let mut visible: Vec<BTreeSet<FileRef>> = vec![BTreeSet::new(); self.lanes.len()];
        for (at, row) in self.rows() {
            let Some(looked) = self.looked.get(&at) else { continue };
            judge::add_file(&mut report, row, looked, offsets.remove(&at).unwrap_or_default(), &self.rules);
            // What was visible keeps nothing back, whatever became of it; nor what a later entry has decided.
            if (looked.attempt.is_some() || row.fate != Fate::Pending)
                && let Some(of_lane) = visible.get_mut(at.0)
                && self.state_of(at).is_some_and(|state| state.pending().contains_key(&row.file_ref()))
            {
                of_lane.insert(row.file_ref());
            }
        }
        for (lane, visible) in self.lanes.iter_mut().zip(&visible) {
            report.entries += lane.ledger.entries;
            report.tally.absent += lane.ledger.absent;
            report.tally.doubled += lane.ledger.doubled;
            for (reason, records) in &lane.ledger.skipped {
                *report.tally.skipped.entry(reason.clone()).or_default() += records;
            }
            let committed = match &lane.ledger.state {
                Some(state) => judge::own_commits(&self.target.record, state, kafka),
                None => BTreeMap::new(),
            };
            judge::judge_partitions(&mut report, &lane.ledger, visible, &committed, kafka, !interrupted);
            lane.ledger.findings.drain(..).chain(lane.damage.drain(..)).for_each(|found| report.add(found));
        }
        self.report = report;
        Ok(())
    }
}

fn in_scope(options: &Options, seq: u64, written_at_ms: i64) -> bool {
    options.from_seq.is_none_or(|from| seq >= from)
        && options.since.is_none_or(|since| written_at_ms >= since.as_millisecond())
}
