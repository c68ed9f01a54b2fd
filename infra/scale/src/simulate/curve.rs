//! The loads: how many records arrive when, and in which partitions.

/// A load to replay.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    pub name: String,
    pub about: String,
    pub seconds: u32,
    pub partitions: usize,
    pub load: Load,
    /// The part that is drawn, in seconds from the beginning.
    pub drawn: (u32, u32),
}

/// Records a second over time; times are seconds from the beginning.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Load {
    /// A sine over 24 hours: `per_day` records, the busiest moment `swing` times the quietest.
    Day { per_day: f64, swing: f64 },
    /// `low`, and `high` from `from` until `until`, reached within `ramp` seconds.
    Peak { low: f64, high: f64, from: u32, until: u32, ramp: u32 },
    /// Days of which hours 8 to 20 have all the records: `first` on the first day, growing to `last` on the last of `days`.
    Business { first: f64, last: f64, days: u32 },
    /// A day's sine; from `from` until `until` the supplier's Kafka does not answer and goes on filling.
    Outage { per_day: f64, swing: f64, from: u32, until: u32 },
    /// `steady` over all partitions, and `hot` more in partition 0 from `from` until `until`.
    Hot { steady: f64, hot: f64, from: u32, until: u32 },
    /// `rate` all the time, `part` of it, as a part of 1, in partition 0.
    Skewed { rate: f64, part: f64 },
    /// `high` for `half` seconds, then nothing for as long, and again.
    Flapping { high: f64, half: u32 },
    /// The same all the time.
    Constant { rate: f64 },
}

const DAY: f64 = 86_400.0;

fn day(per_day: f64, swing: f64, second: f64) -> f64 {
    let mean = per_day / DAY;
    let height = mean * (swing - 1.0) / (swing + 1.0);
    mean - height * (second / DAY * std::f64::consts::TAU).cos()
}

impl Load {
    /// Records that arrive from `second` on in `step` seconds.
    pub(crate) fn arrivals(self, second: u32, step: u32) -> f64 {
        self.rate(second) * f64::from(step)
    }

    /// Records a second.
    #[must_use]
    pub fn rate(self, second: u32) -> f64 {
        let t = f64::from(second);
        match self {
            Self::Day { per_day, swing } | Self::Outage { per_day, swing, .. } => day(per_day, swing, t),
            Self::Peak { low, high, from, until, ramp } => {
                let up = (t - f64::from(from)) / f64::from(ramp.max(1));
                let down = (f64::from(until) - t) / f64::from(ramp.max(1));
                low + (high - low) * up.min(down).clamp(0.0, 1.0)
            }
            Self::Business { first, last, days } => {
                let grown = (t / DAY).floor() / f64::from(days.saturating_sub(1).max(1));
                let hour = (t % DAY) / 3_600.0;
                if (8.0..20.0).contains(&hour) { (first + (last - first) * grown) / 43_200.0 } else { 0.0 }
            }
            Self::Hot { steady, hot, from, until } => steady + if (from..until).contains(&second) { hot } else { 0.0 },
            Self::Flapping { high, half } => {
                if (second / half.max(1)).is_multiple_of(2) {
                    high
                } else {
                    0.0
                }
            }
            Self::Constant { rate } | Self::Skewed { rate, .. } => rate,
        }
    }

    /// The part of what arrives at `second` that goes to a partition.
    pub(crate) fn share(self, second: u32, partition: usize, partitions: usize) -> f64 {
        let even = 1.0 / partitions as f64;
        match self {
            Self::Hot { steady, hot, from, until } if (from..until).contains(&second) => {
                let own = if partition == 0 { hot } else { 0.0 };
                (steady * even + own) / (steady + hot)
            }
            Self::Skewed { part, .. } if partition == 0 => part,
            Self::Skewed { part, .. } => (1.0 - part) / partitions.saturating_sub(1).max(1) as f64,
            _ => even,
        }
    }

    /// Whether the supplier's Kafka answers.
    pub(crate) fn readable(self, second: u32) -> bool {
        !matches!(self, Self::Outage { from, until, .. } if (from..until).contains(&second))
    }

    /// When a backlog began that is to be drained, if there is one.
    pub(crate) fn backlog_at(self) -> Option<u32> {
        match self {
            Self::Outage { until, .. } => Some(until),
            _ => None,
        }
    }
}
