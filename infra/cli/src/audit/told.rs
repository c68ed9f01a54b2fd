//! The report as people read it: the partitions, a table of what was counted, then findings and notes.

use super::report::{FromState, Placed, Report};
use crate::output::{bytes, grouped, or_dash, table};

/// Findings, and notes, that are told; `--json` tells more.
const MAX_SHOWN: usize = 50;
const WIDTH: usize = 13;

impl Report {
    pub(crate) fn told(&self) -> String {
        let mut text = format!(
            "job {} (uid {}, generation {}), {} entries\n\n",
            self.job,
            self.uid,
            self.generation,
            grouped(self.entries)
        );
        let rows = self.partitions.iter().map(|row| {
            vec![
                row.partition.clone(),
                row.origin.to_string(),
                row.landed.to_string(),
                row.visible.to_string(),
                or_dash(row.committed),
                or_dash(row.log_start),
                or_dash(row.end),
            ]
        });
        text.push_str(&table(&["partition", "origin", "landed", "visible", "committed", "log start", "end"], rows));
        text.push('\n');
        text.push_str(&self.tally_lines());
        text.push_str(&self.work_lines());
        text.push('\n');
        text.push_str(&self.verdict());
        text.push_str(&self.note_lines());
        text
    }

    pub(crate) fn tally_lines(&self) -> String {
        let tally = &self.tally;
        let in_objects = |records, objects| format!("{} records in {} objects", grouped(records), grouped(objects));
        let mut lines = vec![
            line("landed", &format!("{}, {}", in_objects(tally.landed, tally.objects), bytes(tally.bytes))),
            line("dead letters", &in_objects(tally.dead_letters, tally.dead_letter_objects)),
        ];
        for (reason, count) in &tally.skipped {
            lines.push(line("skipped", &format!("{} records: {reason}", grouped(*count))));
        }
        for (name, count, of) in [
            ("absent", tally.absent, "offsets"),
            ("lost", tally.lost, "records"),
            ("deleted", tally.deleted, "records"),
            ("pending", tally.pending, "records"),
            ("unlanded", tally.unlanded, "offsets"),
        ] {
            if count > 0 {
                lines.push(line(name, &format!("{} {of}", grouped(count))));
            }
        }
        lines.push(line("missing", &grouped(tally.missing)));
        lines.push(line("doubled", &grouped(tally.doubled)));
        if self.other_objects > 0 {
            lines.push(line("others", &format!("{} objects of somebody else", grouped(self.other_objects))));
        }
        match self.open_uploads {
            Some(0) => {}
            Some(count) => lines.push(line("uploads", &format!("{} open", grouped(count)))),
            None => lines.push(line("uploads", "this store does not list them")),
        }
        lines.join("\n") + "\n"
    }

    fn work_lines(&self) -> String {
        let work = &self.work;
        let mut lines = vec![line(
            "looked at",
            &format!("{} objects of {} listed", grouped(work.objects_looked_at), grouped(work.objects_listed)),
        )];
        if work.objects_out_of_scope > 0 {
            lines.push(line("left out", &format!("{} objects out of scope", grouped(work.objects_out_of_scope))));
        }
        if work.objects_read > 0 || work.deep_from_state > 0 {
            let compared = match work.offsets_compared {
                0 => String::new(),
                compared => format!(", offsets compared in {}", grouped(compared)),
            };
            let read = format!("{} objects, {}{compared}", grouped(work.objects_read), bytes(work.bytes_read));
            lines.push(line("read", &read));
        }
        if let Some(state) = &self.state {
            lines.extend(self.state_lines(state));
        }
        lines.join("\n") + "\n"
    }

    /// What this run did not see with its own eyes.
    fn state_lines(&self, state: &FromState) -> Vec<String> {
        let Some(saved_at) = state.saved_at else {
            return vec![line("state", &format!("{} is new", state.file))];
        };
        let at = |time: Option<jiff::Timestamp>| time.map_or_else(|| "-".to_owned(), |time| format!("{time:.0}"));
        let mut lines = vec![
            line("state", &format!("{}, saved {saved_at:.0}", state.file)),
            line(
                "from state",
                &format!(
                    "{} entries and {} objects are by etag and size as they were; the oldest was looked at {}",
                    grouped(state.entries),
                    grouped(self.work.objects_from_state),
                    at(state.oldest_look_at)
                ),
            ),
        ];
        if self.work.deep_from_state > 0 {
            let read = format!(
                "{} objects were read by earlier audits, the oldest {}",
                grouped(self.work.deep_from_state),
                at(state.oldest_deep_at)
            );
            lines.push(line("", &read));
        }
        lines
    }

    pub(crate) fn verdict(&self) -> String {
        let whole = if self.complete { "" } else { ", interrupted" };
        if self.clean {
            return format!("audit: clean{whole}\n");
        }
        let all: u64 = self.found.values().sum();
        let mut lines = vec![format!("audit: {}{whole}", counted(all, "finding"))];
        for placed in self.findings.iter().take(MAX_SHOWN) {
            lines.push(finding(placed));
            lines.push(format!("    {}", placed.finding.kind.remedy()));
        }
        lines.extend(left_out(all));
        lines.join("\n") + "\n"
    }

    fn note_lines(&self) -> String {
        if self.notes.is_empty() {
            return String::new();
        }
        let all: u64 = self.noted.values().sum();
        let mut lines = vec![format!("\n{}", counted(all, "note"))];
        let told = self.notes.iter().take(MAX_SHOWN);
        lines.extend(told.map(|note| format!("  {}: {}", note.kind.word(), note.what)));
        lines.extend(left_out(all));
        lines.join("\n") + "\n"
    }
}

fn line(name: &str, what: &str) -> String {
    format!("{name:<WIDTH$} {what}")
}

fn finding(placed: &Placed) -> String {
    let kind = placed.finding.kind;
    let invariant = kind.invariant().map(|invariant| format!(" [{invariant}]")).unwrap_or_default();
    format!("  {}: {}{invariant}", kind.word(), placed.finding.what)
}

fn counted(count: u64, what: &str) -> String {
    format!("{} {what}{}", grouped(count), if count == 1 { "" } else { "s" })
}

fn left_out(all: u64) -> Option<String> {
    let more = all.saturating_sub(MAX_SHOWN as u64);
    (more > 0).then(|| format!("  ... and {} more; --json tells up to 1,000 of each kind", grouped(more)))
}
