//! The objects' part of a run: each file of the log by HEAD, then what the log does not name.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use anyhow::Context;

use super::super::judge::{self, Looked};
use super::super::kind::{Kind, NoteKind};
use super::super::log;
use super::super::objects::{self, OpenFiles, Visible};
use super::super::report::{Placed, Report};
use super::super::rows::{Fate, Seen};
use super::super::strangers::{KnownTokens, Stranger, judge_stranger};
use super::settling::unsettled;
use super::{At, Run, in_scope};

/// Objects between two looks at the clock.
const HEADS_A_BATCH: usize = 2_048;

impl Run<'_> {
    pub(super) async fn look_at_files(&mut self) -> anyhow::Result<()> {
        let (mut wanted, mut known, mut left_out) = (Vec::new(), Vec::new(), 0);
        for (at, row) in self.rows() {
            if self.unchanged(row) {
                known.extend(row.seen.as_ref().map(|seen| (at, seen.at_ms, seen.attempt)));
            // What is pending says how far everything is visible, and is little.
            } else if row.fate == Fate::Pending || in_scope(self.options, row.seq, row.written_at_ms) {
                wanted.push(at);
            } else {
                left_out += 1;
            }
        }
        self.report.work.objects_out_of_scope = left_out;
        self.report.work.objects_from_state = known.len() as u64;
        if let Some(state) = &mut self.report.state {
            let oldest = known.iter().map(|(_, at_ms, _)| *at_ms).min();
            state.oldest_look_at = oldest.and_then(|at_ms| jiff::Timestamp::from_millisecond(at_ms).ok());
        }
        for (at, _, attempt) in known {
            self.looked.insert(at, Looked { attempt: Some(attempt), ..Looked::default() });
            if let Some(row) = self.row_mut(at) {
                row.flawed = None;
            }
        }
        self.progress.begin("objects", wanted.len() as u64);
        for batch in wanted.chunks(HEADS_A_BATCH) {
            let rows = batch.iter().filter_map(|at| Some((*at, self.row(*at)?)));
            let places = rows.map(|(at, row)| (at, &*row.bucket, &*row.key));
            let seen = objects::look(&self.store, places, self.cancel).await?;
            self.progress.add(seen.len() as u64);
            self.report.work.objects_looked_at += seen.len() as u64;
            for (at, visible) in seen {
                self.looked_at(at, visible.as_ref());
            }
            self.save_now_and_then()?;
            if self.cancel.is_cancelled() {
                break;
            }
        }
        Ok(())
    }

    pub(super) fn looked_at(&mut self, at: At, visible: Option<&Visible>) {
        let now_ms = self.rules.now_ms;
        let before = self.looked.remove(&at).unwrap_or_default();
        let Some(row) = self.row_mut(at) else { return };
        let attempt = visible.and_then(|visible| row.attempt_of(visible.token.as_deref()));
        let trouble =
            judge::look(row, visible).err().or_else(|| visible.and_then(|seen| judge::unproven(row, &seen.etag)));
        if let (None, Some(visible), Some(attempt)) = (&trouble, visible, attempt) {
            row.found_right(Seen { etag: visible.etag.clone(), at_ms: now_ms, attempt, deep_ms: None });
        }
        let unsettled = unsettled(row, trouble.as_ref());
        let bytes = visible.map_or(0, |visible| visible.bytes);
        self.looked.insert(at, Looked { attempt: attempt.or(before.attempt), bytes, trouble });
        if unsettled {
            self.unsettled.push((at, visible.cloned()));
        }
    }

    /// Objects that lie among the job's and that no entry names.
    pub(super) async fn look_at_strangers(&mut self) -> anyhow::Result<()> {
        let bucket = self.target.record.spec.sink.bucket.clone();
        let named: HashSet<&str> =
            self.rows().filter(|(_, row)| *row.bucket == *bucket).map(|(_, row)| &*row.key).collect();
        let mut strangers: Vec<String> = Vec::new();
        let mut others = BTreeMap::new();
        for (key, shown) in self.shown.iter().filter(|(key, _)| !named.contains(key.as_str())) {
            match self.others.get(key) {
                Some(etag) if *etag == shown.etag => {
                    others.insert(key.clone(), etag.clone());
                }
                _ => strangers.push(key.clone()),
            }
        }
        drop(named);
        self.progress.begin("others", strangers.len() as u64);
        let mut seen: Vec<(String, Visible)> = Vec::new();
        for batch in strangers.chunks(HEADS_A_BATCH) {
            let places = batch.iter().map(|key| (key, bucket.as_str(), key.as_str()));
            let heads = objects::look(&self.store, places, self.cancel).await?;
            self.progress.add(heads.len() as u64);
            seen.extend(heads.into_iter().filter_map(|(key, visible)| Some((key.clone(), visible?))));
        }
        let mut report = std::mem::replace(&mut self.report, Report::empty());
        let job = self.target.record.name.as_str();
        let (mut own, mut others_tokens) = (BTreeMap::new(), BTreeSet::new());
        let claims = |visible: &Visible| visible.job.as_deref() == Some(job);
        if seen.iter().any(|(_, visible)| claims(visible)) {
            for (_, row) in self.rows() {
                own.extend(row.attempts.iter().map(|attempt| (&*attempt.token, (&*row.key, attempt.records))));
            }
            let unknown = |visible: &Visible| {
                let token = visible.token.as_deref().filter(|token| claims(visible) && !own.contains_key(token));
                token.map(str::to_owned)
            };
            let wanted: BTreeSet<String> = seen.iter().filter_map(|(_, visible)| unknown(visible)).collect();
            others_tokens = log::tokens_of_others(self.target, &self.store, wanted, self.cancel).await?;
            if self.cancel.is_cancelled() {
                // Not every log was searched.
                seen.retain(|(_, visible)| unknown(visible).is_none_or(|token| others_tokens.contains(&token)));
            }
        }
        let damage =
            |found: &Placed| matches!(found.finding.kind, Kind::Hole | Kind::BadEntry | Kind::LostTail | Kind::NoLog);
        let log = KnownTokens {
            job,
            own,
            others: others_tokens,
            damaged: self.lanes.iter().any(|lane| lane.ledger.findings.iter().chain(&lane.damage).any(damage)),
            since_ms: self
                .lanes
                .iter()
                .filter_map(|lane| Some(lane.ledger.state.as_ref()?.origins().created_at_ms))
                .min()
                .unwrap_or(i64::MAX),
        };
        let mut excused = 0;
        for (key, visible) in seen {
            let Some(shown) = self.shown.get(&key) else { continue };
            match judge_stranger(&mut report, &bucket, (&key, shown, &visible), &log, &self.rules) {
                Stranger::Told => {}
                // Not kept in the state: a later audit may be asked for more.
                Stranger::Excused => excused += 1,
                Stranger::Other => {
                    others.insert(key, visible.etag);
                }
            }
        }
        report.other_objects = others.len() as u64 + excused;
        self.report = report;
        self.others = others;
        Ok(())
    }

    pub(super) async fn look_at_uploads(&mut self, topics: &BTreeSet<String>) -> anyhow::Result<()> {
        let Some(uploads) = objects::uploads(self.target, &self.store, topics).await? else {
            let what = "this store does not list open uploads, or denies it".to_owned();
            self.report.note(NoteKind::Uploads, what, None, None);
            return Ok(());
        };
        if uploads.cut {
            let what = format!("only the first {} open uploads of a prefix were listed", objects::MAX_UPLOADS_LISTED);
            self.report.note(NoteKind::Uploads, what, None, None);
        }
        let Self { target, lanes, report, rules, .. } = self;
        let states = lanes.iter().filter_map(|lane| lane.ledger.state.as_ref());
        let named: HashSet<&str> =
            states.flat_map(|state| state.pending().values()).map(|pending| pending.file.upload_id.as_str()).collect();
        // Asked only where an upload is old enough to be called an orphan.
        let old = |initiated_ms: i64| {
            u64::try_from(rules.now_ms.saturating_sub(initiated_ms)).unwrap_or(0) >= rules.orphan_after_ms
        };
        let unnamed = || uploads.open.iter().filter(|upload| !named.contains(upload.upload_id.as_str()));
        let open = match unnamed().any(|upload| old(upload.initiated_ms)) {
            true => objects::open_files(target).await.context("the workers' heartbeats cannot be read")?,
            false => OpenFiles::default(),
        };
        let mut count = 0;
        let mut withheld = 0;
        for upload in unnamed() {
            let unlisted = !open.keys.contains(&upload.key);
            let orphan = match open.untold {
                0 => {
                    unlisted && judge::judge_upload(report, &upload.key, &upload.upload_id, upload.initiated_ms, rules)
                }
                _ => {
                    withheld += u64::from(unlisted && old(upload.initiated_ms));
                    false
                }
            };
            count += u64::from(!orphan);
        }
        if withheld > 0 {
            let what = format!(
                "{withheld} open uploads are old enough to be orphans and were not judged: live workers have {} files \
                 open beyond those that their heartbeats list",
                open.untold
            );
            report.note(NoteKind::Uploads, what, None, None);
        }
        report.open_uploads = Some(count);
        Ok(())
    }
}
