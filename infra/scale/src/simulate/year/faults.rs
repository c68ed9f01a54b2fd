//! When what goes wrong: drawn once, before the year begins, so that nothing that is decided changes the weather.

use super::super::random::Random;
use super::assumptions::Assumptions;

pub(crate) const DAY: u32 = 86_400;
pub(crate) const YEAR: u32 = 365 * DAY;

/// What a late record is put down to: what befell the service last before it landed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    Nothing,
    ZoneLoss,
    Crash,
    SpotReclaim,
    BrokerRestart,
    S3BrownOut,
    Deploy,
}

impl Cause {
    pub const ALL: [Self; 7] = [
        Self::ZoneLoss,
        Self::Crash,
        Self::SpotReclaim,
        Self::BrokerRestart,
        Self::S3BrownOut,
        Self::Deploy,
        Self::Nothing,
    ];

    /// For tables.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Nothing => "nothing of these: load and scaling",
            Self::ZoneLoss => "loss of a zone",
            Self::Crash => "loss of a worker",
            Self::SpotReclaim => "Spot reclaim",
            Self::BrokerRestart => "broker restart",
            Self::S3BrownOut => "S3 brown-out",
            Self::Deploy => "deploy",
        }
    }
}

/// Something that befalls the whole service.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Fault {
    ZoneLoss { zone: u32, until: u32 },
    BrokerRestart,
    S3BrownOut { until: u32 },
    Deploy,
}

/// A waiting time whose mean is `mean`.
pub(crate) fn exponential(random: &mut Random, mean: f64) -> f64 {
    -(1.0 - random.next()).ln() * mean
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
pub(crate) fn seconds(value: f64) -> u32 {
    value.clamp(0.0, f64::from(u32::MAX)) as u32
}

/// Moments at random, so many in a year on average.
fn moments(random: &mut Random, per_year: f64) -> Vec<u32> {
    let mut all = Vec::new();
    if per_year <= 0.0 {
        return all;
    }
    let mean = f64::from(YEAR) / per_year;
    let mut at = exponential(random, mean);
    while at < f64::from(YEAR) {
        all.push(seconds(at));
        at += exponential(random, mean);
    }
    all
}

/// Everything that befalls the service in a year, in order.
pub(crate) fn schedule(assumptions: &Assumptions, seed: u64) -> Vec<(u32, Fault)> {
    let mut random = Random::new(seed ^ 0x5eed_fa17);
    let a = assumptions;
    let mut all = Vec::new();
    for at in moments(&mut random, a.zone_losses_per_year) {
        let zone = seconds(random.next() * f64::from(a.zones)).min(a.zones.saturating_sub(1));
        all.push((at, Fault::ZoneLoss { zone, until: at + a.zone_loss_seconds }));
    }
    all.extend(moments(&mut random, a.broker_restarts_per_year).into_iter().map(|at| (at, Fault::BrokerRestart)));
    let mean = f64::from(YEAR) * a.s3_away_part / a.s3_brown_outs_per_year.max(1e-9);
    for at in moments(&mut random, a.s3_brown_outs_per_year) {
        let length = seconds(exponential(&mut random, mean).ceil());
        all.push((at, Fault::S3BrownOut { until: at.saturating_add(length) }));
    }
    // At ten in the morning, spread over the week.
    for week in 0..52 {
        let every = |number| week * 7 * DAY + number * (7 * DAY / a.deploys_per_week) + 36_000;
        all.extend((0..a.deploys_per_week).map(|number| (every(number), Fault::Deploy)));
    }
    all.sort_by_key(|(at, _)| *at);
    all
}
