//! The share of dead letters among the last records: what tells a few bad records from a misconfigured job.

use std::collections::VecDeque;

use landfall_job::{RATIO_AFTER_RECORDS, RATIO_WINDOW_RECORDS};

#[derive(Debug)]
pub struct Ratio {
    max: f64,
    window: VecDeque<bool>,
    bad: u64,
    seen: u64,
}

impl Ratio {
    pub fn new(max: f64) -> Self {
        Self { max, window: VecDeque::new(), bad: 0, seen: 0 }
    }

    pub fn set_max(&mut self, max: f64) {
        self.max = max;
    }

    /// Counts one record. Answers the ratio when it is above what is allowed.
    pub fn count(&mut self, bad: bool) -> Option<f64> {
        if self.max >= 1.0 {
            return None;
        }
        self.seen += 1;
        self.window.push_back(bad);
        self.bad += u64::from(bad);
        if self.window.len() as u64 > RATIO_WINDOW_RECORDS {
            self.bad -= u64::from(self.window.pop_front().unwrap_or(false));
        }
        if !bad || self.seen < RATIO_AFTER_RECORDS {
            return None;
        }
        #[allow(clippy::cast_precision_loss)] // both are at most 10,000
        let ratio = self.bad as f64 / self.window.len() as f64;
        (ratio > self.max).then_some(ratio)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_judged_before_a_thousand_records() {
        let mut ratio = Ratio::new(0.1);
        assert!((0..999).all(|_| ratio.count(true).is_none()));
        assert_eq!(ratio.count(true), Some(1.0));
    }

    #[test]
    fn only_the_last_ten_thousand_records_count() {
        let mut ratio = Ratio::new(0.5);
        for _ in 0..20_000 {
            assert_eq!(ratio.count(false), None);
        }
        let judged: Vec<bool> = (0..6_000).map(|_| ratio.count(true).is_some()).collect();
        assert_eq!(judged.iter().position(|over| *over), Some(5_000));
    }

    #[test]
    fn a_ratio_of_one_never_stops() {
        let mut ratio = Ratio::new(1.0);
        assert!((0..20_000).all(|_| ratio.count(true).is_none()));
    }
}
