//! Ad-bid events as an exchange sends them: about 650 bytes of JSON, 21 fields, nested, with lists and nulls. The same
//! seed makes the same events, apart from their time.

use std::fmt::Write;

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};

const EXCHANGES: &[&str] = &["adx", "openx", "rubicon", "pubmatic", "index"];
const COUNTRIES: &[(&str, &str)] =
    &[("US", "CA"), ("US", "NY"), ("DE", "BE"), ("FR", "IDF"), ("GB", "LND"), ("JP", "13"), ("BR", "SP"), ("IN", "MH")];
const CITIES: &[&str] = &["Berlin", "Paris", "São Paulo", "New York", "東京", "Mumbai", "London"];
const SYSTEMS: &[&str] = &["iOS", "Android", "Windows", "macOS", "Linux"];
const KINDS: &[&str] = &["phone", "tablet", "desktop", "ctv"];
const DOMAINS: &[&str] = &["news.example", "sports.example", "cooking.example", "games.example", "maps.example"];
const CATEGORIES: &[&str] = &["IAB1", "IAB2-3", "IAB9", "IAB12-1", "IAB17", "IAB19-6"];
const SEGMENTS: &[&str] = &["auto-intender", "traveller", "gamer", "parent", "student", "sports-fan", "foodie"];
/// Events arrive up to so late, in ms.
const LATEST_MS: i64 = 1_500;

/// Makes events.
#[derive(Debug)]
pub(super) struct Events {
    rng: StdRng,
}

impl Events {
    pub(super) fn seeded(seed: u64) -> Self {
        Self { rng: StdRng::seed_from_u64(seed) }
    }

    /// For decisions that belong to the same replay.
    pub(super) fn rng(&mut self) -> &mut StdRng {
        &mut self.rng
    }

    /// Writes one event into `out`, replacing what was there.
    pub(super) fn write(&mut self, now_ms: i64, out: &mut String) {
        out.clear();
        let rng = &mut self.rng;
        let ts = now_ms - rng.random_range(0..=LATEST_MS);
        let (id, auction, user) = (uuid(rng), uuid(rng), uuid(rng));
        let (country, region) = pick(rng, COUNTRIES, ("US", "CA"));
        let domain = pick(rng, DOMAINS, "news.example");
        let price = rng.random_range(1..=25_000_u32);
        let floor = price / 2;
        let won = rng.random_ratio(1, 8);
        // Writing to a string never fails.
        let _ = write!(
            out,
            r#"{{"id":"{id}","ts":{ts},"auction_id":"{auction}","exchange":"{}","#,
            pick(rng, EXCHANGES, "adx")
        );
        let _ = write!(
            out,
            r#""imp":{},"bidder":"bidder-{:02}","campaign_id":{},"#,
            rng.random_range(1..=4),
            rng.random_range(0..24),
            rng.random_range(1_000..9_999)
        );
        let _ = write!(
            out,
            r#""creative_id":"cr-{:06}","price":{}.{:04},"#,
            rng.random_range(0..1_000_000),
            price / 10_000,
            price % 10_000
        );
        let _ = write!(out, r#""floor":{}.{:04},"currency":"USD","won":{won},"#, floor / 10_000, floor % 10_000);
        match rng.random_ratio(1, 3) {
            true => out.push_str(r#""user_id":null,"#),
            false => {
                let _ = write!(out, r#""user_id":"{user}","#);
            }
        }
        let _ = write!(
            out,
            r#""device":{{"type":"{}","os":"{}","geo":{{"country":"{country}","region":"{region}","city":"#,
            pick(rng, KINDS, "phone"),
            pick(rng, SYSTEMS, "iOS")
        );
        match rng.random_ratio(1, 4) {
            true => out.push_str("null"),
            false => {
                let _ = write!(out, r#""{}""#, pick(rng, CITIES, "Berlin"));
            }
        }
        let _ = write!(
            out,
            r#","lat":{:.4},"lon":{:.4}}},"#,
            rng.random_range(-60.0..70.0),
            rng.random_range(-180.0..180.0)
        );
        let _ = write!(out, r#""ip":"203.0.113.{}"}},"#, rng.random_range(1..255));
        let _ = write!(
            out,
            r#""site":{{"domain":"{domain}","page":"https://{domain}/a/{}","cat":"#,
            rng.random_range(1..100_000)
        );
        list(rng, CATEGORIES, 1..=3, out);
        out.push_str(r#"},"segments":"#);
        list(rng, SEGMENTS, 0..=3, out);
        let _ = write!(
            out,
            r#","latency_ms":{},"sizes":[[300,250],[{},{}]],"#,
            rng.random_range(2..180),
            rng.random_range(160..1_000),
            rng.random_range(50..600)
        );
        match rng.random_ratio(4, 5) {
            true => out.push_str(r#""deal_id":null,"#),
            false => {
                let _ = write!(out, r#""deal_id":"deal-{:05}","#, rng.random_range(0..100_000));
            }
        }
        let _ = write!(out, r#""adomain":["brand-{}.example"],"test":false}}"#, rng.random_range(0..500));
    }
}

fn pick<T: Copy>(rng: &mut StdRng, from: &[T], otherwise: T) -> T {
    from.choose(rng).copied().unwrap_or(otherwise)
}

fn list(rng: &mut StdRng, from: &[&str], lengths: std::ops::RangeInclusive<usize>, out: &mut String) {
    let length = rng.random_range(lengths);
    out.push('[');
    for at in 0..length {
        if at > 0 {
            out.push(',');
        }
        let _ = write!(out, r#""{}""#, pick(rng, from, ""));
    }
    out.push(']');
}

/// A random (version 4) UUID.
fn uuid(rng: &mut StdRng) -> String {
    let bits: u128 = rng.random();
    let bits = (bits & !(0xf << 76) & !(0x3 << 62)) | (0x4 << 76) | (0x2 << 62);
    let hex = format!("{bits:032x}");
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::Events;

    #[test]
    fn events_are_json_of_about_650_bytes_with_21_fields() {
        let mut events = Events::seeded(7);
        let mut text = String::new();
        let (mut total, mut longest) = (0, 0);
        for _ in 0..1_000 {
            events.write(1_767_225_600_000, &mut text);
            let value: serde_json::Value = serde_json::from_str(&text).unwrap();
            assert_eq!(value.as_object().unwrap().len(), 21, "{text}");
            assert_eq!(value["id"].as_str().unwrap().as_bytes()[14], b'4', "a version 4 uuid");
            let ts = value["ts"].as_i64().unwrap();
            assert!((1_767_225_598_500..=1_767_225_600_000).contains(&ts));
            total += text.len();
            longest = longest.max(text.len());
        }
        assert!((600..700).contains(&(total / 1_000)), "mean {}", total / 1_000);
        assert!(longest <= super::super::generator::MAX_EVENT_BYTES, "{longest}");
    }

    #[test]
    fn the_same_seed_makes_the_same_events() {
        let made = |seed| {
            let mut events = Events::seeded(seed);
            let mut text = String::new();
            (0..5)
                .map(|_| {
                    events.write(0, &mut text);
                    text.clone()
                })
                .collect::<Vec<_>>()
        };
        assert_eq!(made(1), made(1));
        assert_ne!(made(1), made(2));
    }
}
