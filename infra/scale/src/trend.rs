//! Where the load is going: a worker that is asked for now works only when it has started, and is to be enough then.

use serde::{Deserialize, Serialize};

use crate::limits::Limits;

/// A rise by less than this part of what arrived before is noise.
const LEAST_RISE: f64 = 0.1;
/// However steep the rise, no more than this part of what arrives is added to it.
const MOST_AHEAD: f64 = 1.0;

/// What arrived at a job between its last two samples, and by how much that was more than before.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Trend {
    /// Records that arrived a second; `None` before there were two samples.
    pub records_per_second: Option<f64>,
    /// How fast that rose, in records a second per second; 0 where it fell, or rose by no more than noise.
    pub rise_per_second: f64,
}

impl Trend {
    /// The trend with the next sample, `seconds` after the last one.
    pub(crate) fn next(self, records_per_second: f64, seconds: f64) -> Self {
        let rise = self.records_per_second.map_or(0.0, |before| match records_per_second - before {
            rise if rise > before * LEAST_RISE && seconds > 0.0 => rise / seconds,
            _ => 0.0,
        });
        Self { records_per_second: Some(records_per_second), rise_per_second: rise }
    }

    /// By which part more is to be expected once workers have started than arrived up to now. Only what rose twice in a
    /// row is expected to go on, by the mean of the two rises: a step is over when it is seen.
    pub(crate) fn ahead(self, next: Self, seconds: f64, limits: &Limits) -> f64 {
        let Some(now) = next.records_per_second.filter(|now| *now > 0.0) else { return 0.0 };
        if self.rise_per_second <= 0.0 || next.rise_per_second <= 0.0 {
            return 0.0;
        }
        let rise = f64::midpoint(self.rise_per_second, next.rise_per_second);
        // What arrived is a mean over the time between the samples, and so half of it old.
        let seconds = limits.start_delay_seconds + seconds / 2.0;
        (rise * seconds / now).clamp(0.0, MOST_AHEAD)
    }
}

#[cfg(test)]
#[allow(clippy::float_cmp)]
mod tests {
    use super::*;

    /// Samples a minute apart; workers start in three.
    fn ahead(rates: &[f64]) -> f64 {
        let (mut trend, mut ahead) = (Trend::default(), 0.0);
        for rate in rates {
            let next = trend.next(*rate, 60.0);
            ahead = trend.ahead(next, 60.0, &Limits::default());
            trend = next;
        }
        ahead
    }

    #[test]
    fn a_rise_is_expected_to_go_on_once_it_was_seen_twice() {
        assert_eq!(ahead(&[1_000.0, 1_200.0]), 0.0);
        assert_eq!(ahead(&[1_000.0, 1_200.0, 1_400.0]), 200.0 * 3.5 / 1_400.0);
        assert_eq!(ahead(&[1_000.0, 1_200.0, 1_800.0]), 400.0 * 3.5 / 1_800.0);
        assert_eq!(ahead(&[1_000.0, 10_000.0, 30_000.0]), 1.0, "no more than as much again");
    }

    #[test]
    fn a_step_noise_and_a_first_sight_are_no_rise() {
        assert_eq!(ahead(&[0.0, 1_000.0, 1_040.0]), 0.0);
        assert_eq!(ahead(&[1_000.0, 1_090.0, 1_180.0, 1_270.0]), 0.0);
        assert_eq!(ahead(&[1_000.0, 2_000.0, 1_000.0]), 0.0);
        assert_eq!(ahead(&[5_000.0]), 0.0);
    }
}
