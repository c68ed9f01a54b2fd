//! The loads of the evidence page.

use super::curve::{Curve, Load};

const MINUTE: u32 = 60;
const HOUR: u32 = 3_600;
const BILLION: f64 = 1e9;

fn curve(name: &str, about: &str, hours: u32, partitions: usize, load: Load) -> Curve {
    let seconds = hours * HOUR;
    Curve { name: name.to_owned(), about: about.to_owned(), seconds, partitions, load, drawn: (0, seconds) }
}

impl Curve {
    /// Only a part of it is drawn: where something happens.
    fn drawn(self, from_minute: u32, until_minute: u32) -> Self {
        Self { drawn: (from_minute * MINUTE, until_minute * MINUTE), ..self }
    }

    /// The loads that the fleet is made for.
    #[must_use]
    pub fn all() -> Vec<Self> {
        vec![
            curve(
                "day",
                "1 billion records a day, 2.4 times as many at noon as at midnight, 96 partitions",
                24,
                96,
                Load::Day { per_day: BILLION, swing: 2.4 },
            ),
            curve(
                "peak",
                "50,000 records/s, for three hours 250,000, reached within five minutes, 5,000 partitions",
                8,
                5_000,
                Load::Peak { low: 50_000.0, high: 250_000.0, from: 2 * HOUR, until: 5 * HOUR, ramp: 5 * MINUTE },
            )
            .drawn(90, 330),
            curve(
                "business",
                "100, 200 and 300 million records on three days, hours 8 to 20, silent nights, 24 partitions",
                72,
                24,
                Load::Business { first: 1e8, last: 3e8, days: 3 },
            ),
            curve(
                "outage",
                "1 billion a day; the supplier's Kafka does not answer from hour 6 to 12, then its backlog is there",
                24,
                96,
                Load::Outage { per_day: BILLION, swing: 2.4, from: 6 * HOUR, until: 12 * HOUR },
            )
            .drawn(690, 810),
            curve(
                "hot",
                "10,000 records/s in 96 partitions, one of which gets 20,000 more for an hour: more than a worker does",
                6,
                96,
                Load::Hot { steady: 10_000.0, hot: 20_000.0, from: HOUR, until: 2 * HOUR },
            ),
            curve(
                "skewed",
                "40,000 records/s in 96 partitions, a fifth of them in one: less than a worker does alone",
                6,
                96,
                Load::Skewed { rate: 40_000.0, part: 0.2 },
            ),
            curve(
                "flapping",
                "60,000 records/s for ten minutes, none for ten minutes, and so on, 96 partitions",
                12,
                96,
                Load::Flapping { high: 60_000.0, half: 10 * MINUTE },
            )
            .drawn(0, 240),
        ]
    }

    /// Rises of many heights and lengths, so that nothing is made for one of them: 30,000 records/s, and two hours of a
    /// multiple of it.
    #[must_use]
    pub fn rises() -> Vec<Self> {
        let all = [2.0, 3.0, 5.0, 8.0].into_iter().flat_map(|times| [1, 2, 5, 10, 20, 40].map(|ramp| (times, ramp)));
        all.map(|(times, ramp)| {
            let (low, high) = (30_000.0, 30_000.0 * times);
            let load = Load::Peak { low, high, from: HOUR, until: 3 * HOUR, ramp: ramp * MINUTE };
            curve(&format!("{times} x in {ramp} min"), "a rise", 5, 96, load)
        })
        .collect()
    }
}
