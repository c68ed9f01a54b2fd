//! The state's part of a run: loaded before, saved now and then and at the end.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use landfall_commit::Checkpoint;
use landfall_store::JobRecord;

use super::super::Options;
use super::super::kept::{self, Header, Kept, KeptEntry, KeptLane};
use super::{LaneRun, Run};

const SAVE_EVERY: Duration = Duration::from_secs(30);

pub(super) fn load(record: &JobRecord, options: &Options) -> anyhow::Result<Option<Kept>> {
    let Some(path) = options.state.as_ref().filter(|_| !options.full) else { return Ok(None) };
    let Some(kept) = kept::load(path)? else { return Ok(None) };
    let header = &kept.header;
    if header.uid != record.uid {
        let (path, job, uid) = (path.display(), &header.job, &header.uid);
        anyhow::bail!(
            "the state {path} is of job {job} with uid {uid}, and {} has uid {}: give another --state, or --full",
            record.name,
            record.uid
        );
    }
    Ok(Some(kept))
}

impl Run<'_> {
    pub(super) fn save_now_and_then(&mut self) -> anyhow::Result<()> {
        if self.saved.elapsed() < SAVE_EVERY {
            return Ok(());
        }
        self.save()
    }

    pub(super) fn save(&mut self) -> anyhow::Result<()> {
        self.saved = Instant::now();
        save(self.options, &self.target.record, &self.lanes, &self.others)
    }
}

/// Writes the state, where there shall be one. A lane with damage stays as it was kept before, so that the damage is
/// found again.
fn save(
    options: &Options,
    record: &JobRecord,
    lanes: &[LaneRun],
    others: &BTreeMap<String, Box<str>>,
) -> anyhow::Result<()> {
    let Some(path) = &options.state else { return Ok(()) };
    let mut kept = Vec::new();
    let mut entries: Vec<&KeptEntry> = Vec::new();
    for lane in lanes {
        if lane.damaged() || !lane.changed.is_empty() {
            if let Some((before, marks)) = &lane.before {
                entries.extend(marks);
                let KeptLane { lane, entries, absent, .. } = *before;
                let (skipped, folded) = (before.skipped.clone(), before.folded.clone());
                kept.push(KeptLane { lane, entries, skipped, absent, folded });
            }
        } else if let Some(state) = &lane.ledger.state {
            let folded = String::from_utf8(Checkpoint::to_json(state)?)?;
            kept.push(KeptLane {
                lane: lane.ledger.lane().0,
                entries: lane.ledger.entries,
                skipped: lane.ledger.skipped.clone(),
                absent: lane.ledger.absent,
                folded: serde_json::value::RawValue::from_string(folded)?,
            });
            entries.extend(&lane.marks);
        }
    }
    let header = Header::new(&record.name, &record.uid, jiff::Timestamp::now().as_millisecond(), kept);
    let rows = lanes.iter().flat_map(|lane| {
        // Rows that an interrupted reading of the log has not come to yet are not forgotten.
        let missing = lane.earlier_rows.values();
        lane.ledger.rows.iter().chain(missing)
    });
    kept::save(path, &header, entries.into_iter(), rows, others)
}
