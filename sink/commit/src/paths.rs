//! The only place that builds a key of the commit log.
//!
//! Checkpoints are named by `u64::MAX - seq`, so that a LIST shows the newest first.

use crate::ids::{JobUid, Lane, Seq, Token};

/// The keys of one lane of one job, under the fleet's state prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paths {
    root: String,
    lane: Lane,
}

impl Paths {
    /// `state_prefix` ends with `/` or is empty (`_landfall/`).
    #[must_use]
    pub fn new(state_prefix: &str, job_uid: &JobUid, lane: Lane) -> Self {
        Self { root: format!("{state_prefix}{job_uid}/"), lane }
    }

    /// Where everything of the job lies.
    #[must_use]
    pub fn root(&self) -> &str {
        &self.root
    }

    #[must_use]
    pub fn log_prefix(&self) -> String {
        format!("{}log/{}/", self.root, self.lane)
    }

    #[must_use]
    pub fn entry(&self, seq: Seq) -> String {
        format!("{}{:020}.json", self.log_prefix(), seq.0)
    }

    /// The offsets of each single file of an entry.
    #[must_use]
    pub fn sidecar(&self, seq: Seq, token: &Token) -> String {
        format!("{}{:020}-{token}.sets.zst", self.log_prefix(), seq.0)
    }

    #[must_use]
    pub fn checkpoint_prefix(&self) -> String {
        format!("{}checkpoint/{}/", self.root, self.lane)
    }

    /// `seq` is the last entry folded into the checkpoint.
    #[must_use]
    pub fn checkpoint(&self, seq: Seq) -> String {
        format!("{}{:020}.json", self.checkpoint_prefix(), u64::MAX - seq.0)
    }

    /// The key a LIST of entries at or after `seq` starts after (exclusive).
    #[must_use]
    pub fn list_entries_from(&self, seq: Seq) -> String {
        // '-' and '.' sort before any longer name of the same seq, and below the digits of the next.
        format!("{}{:020}", self.log_prefix(), seq.0)
    }

    /// The seq of an entry's key; `None` for sidecars and for anything that is not ours.
    #[must_use]
    pub fn entry_seq(&self, key: &str) -> Option<Seq> {
        let digits = key.strip_prefix(&self.log_prefix())?.strip_suffix(".json")?;
        parse_20(digits).map(Seq)
    }

    /// The last folded seq of a checkpoint's key.
    #[must_use]
    pub fn checkpoint_seq(&self, key: &str) -> Option<Seq> {
        let digits = key.strip_prefix(&self.checkpoint_prefix())?.strip_suffix(".json")?;
        parse_20(digits).map(|inverted| Seq(u64::MAX - inverted))
    }
}

fn parse_20(digits: &str) -> Option<u64> {
    (digits.len() == 20 && digits.bytes().all(|b| b.is_ascii_digit())).then(|| digits.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths() -> Paths {
        Paths::new("_landfall/", &"uid1".into(), Lane(2))
    }

    #[test]
    fn entries_lie_where_the_contract_says() {
        assert_eq!(paths().entry(Seq(7)), "_landfall/uid1/log/2/00000000000000000007.json");
        assert_eq!(paths().sidecar(Seq(7), &"t".into()), "_landfall/uid1/log/2/00000000000000000007-t.sets.zst");
        assert_eq!(paths().checkpoint(Seq(0)), "_landfall/uid1/checkpoint/2/18446744073709551615.json");
    }

    #[test]
    fn newer_checkpoints_list_first_and_entries_list_in_order() {
        assert!(paths().checkpoint(Seq(10)) < paths().checkpoint(Seq(9)));
        assert!(paths().entry(Seq(9)) < paths().entry(Seq(10)));
    }

    #[test]
    fn a_list_from_a_seq_starts_with_that_entry_and_skips_the_one_before() {
        let from = paths().list_entries_from(Seq(10));
        assert!(paths().entry(Seq(9)) < from && paths().sidecar(Seq(9), &"zz".into()) < from);
        assert!(paths().entry(Seq(10)) > from);
    }

    #[test]
    fn a_seq_reads_back_from_its_key_and_nothing_else_does() {
        let p = paths();
        assert_eq!(p.entry_seq(&p.entry(Seq(12))), Some(Seq(12)));
        assert_eq!(p.checkpoint_seq(&p.checkpoint(Seq(12))), Some(Seq(12)));
        assert_eq!(p.entry_seq(&p.sidecar(Seq(12), &"t".into())), None);
        assert_eq!(p.entry_seq("_landfall/uid1/log/2/12.json"), None);
        assert_eq!(p.entry_seq("other/00000000000000000012.json"), None);
    }

    #[test]
    fn everything_of_a_job_lies_under_its_root() {
        let p = paths();
        assert_eq!(p.root(), "_landfall/uid1/");
        for key in [p.entry(Seq(1)), p.sidecar(Seq(1), &"t".into()), p.checkpoint(Seq(1))] {
            assert!(key.starts_with(p.root()), "{key}");
        }
        assert_eq!(p.checkpoint_seq(&p.entry(Seq(1))), None);
        assert_eq!(p.entry_seq(&format!("{}0000000000000000001a.json", p.log_prefix())), None);
    }
}
