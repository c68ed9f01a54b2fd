//! The input: bid events of an ad exchange, about 650 bytes and 21 fields each, of nested values, lists and nulls.
//! Event `n` is the same in every run and on every machine.

use std::fmt::Write;

/// The columns a Parquet job takes of an event: every field, typed.
pub const COLUMNS: &[(&str, &str, Option<&str>)] = &[
    ("event_id", "string", None),
    ("ts", "timestamp(ms)", None),
    ("type", "string", None),
    ("exchange", "string", None),
    ("auction_id", "string", None),
    ("user_id", "string", None),
    ("device", "struct<os: string, model: string, lang: string>", None),
    ("country", "string", Some("geo.country")),
    ("region", "string", Some("geo.region")),
    ("city", "string", Some("geo.city")),
    ("lat", "double", Some("geo.lat")),
    ("lon", "double", Some("geo.lon")),
    ("site", "string", None),
    ("referrer", "string", None),
    ("slot", "string", None),
    ("size", "list<int32>", None),
    ("floor", "decimal(9,4)", None),
    ("bid", "decimal(9,4)", None),
    ("currency", "string", None),
    ("campaign", "string", None),
    ("creative", "string", None),
    ("segments", "list<string>", None),
    ("deal", "string", None),
    ("won", "boolean", None),
    ("latency_ms", "int32", None),
];

/// Well mixed bits of `n` (the finalizer of SplitMix64).
pub fn mixed(n: u64) -> u64 {
    let n = n.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    n ^ (n >> 31)
}

fn pick<'a>(from: &[&'a str], bits: u64) -> &'a str {
    usize::try_from(bits).ok().and_then(|bits| from.get(bits % from.len())).copied().unwrap_or_default()
}

/// 36 characters.
struct Uuid(u64, u64);

impl std::fmt::Display for Uuid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self(high, low) = self;
        let parts =
            (high >> 32, (high >> 16) & 0xffff, high & 0xfff, (low >> 48) & 0x3fff | 0x8000, low & 0xffff_ffff_ffff);
        write!(f, "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}", parts.0, parts.1, parts.2, parts.3, parts.4)
    }
}

/// Writes event `n` over `out`; `campaign` has `campaigns` different values, spread evenly.
pub fn write_event(out: &mut String, n: u64, campaigns: u32) {
    out.clear();
    let (a, b, c) = (mixed(n), mixed(n ^ 0x5555_5555_5555_5555), mixed(n ^ 0x3333_3333_3333_3333));
    let nullable =
        |wanted: bool, value: std::fmt::Arguments<'_>| if wanted { format!("\"{value}\"") } else { "null".to_owned() };
    let user = nullable(!a.is_multiple_of(5), format_args!("{}", Uuid(b, c)));
    let city = nullable(
        !b.is_multiple_of(3),
        format_args!("{}", pick(&["Leipzig", "München", "Lyon", "Porto", "Kraków"], b >> 7)),
    );
    let referrer = nullable(c.is_multiple_of(2), format_args!("https://www.example.org/search?q={:x}", c >> 40));
    let deal = nullable(a.is_multiple_of(4), format_args!("deal-{:07}", a >> 42));
    // Writing to a string never fails.
    let _ = write!(
        out,
        concat!(
            r#"{{"event_id":"{}","ts":{},"type":"bid","exchange":"exchange-{}","auction_id":"{}","user_id":{},"#,
            r#""device":{{"os":"{}","model":"{}","lang":"{}"}},"#,
            r#""geo":{{"country":"{}","region":"R{:02}","city":{},"lat":{}.{:04},"lon":{}.{:04}}},"#,
            r#""site":"https://news{}.example.com/{}/2026/03/story-{}","referrer":{},"slot":"leaderboard-{}","size":[{}],"#,
            r#""floor":0.{:02},"bid":1.{:04},"currency":"{}","campaign":"cmp-{:05}","creative":"creative-{:08}","#,
            r#""segments":["s{}","s{}","s{}"],"deal":{},"won":{},"latency_ms":{}}}"#
        ),
        Uuid(a, b),
        1_774_877_654_321 + n / 10,
        a % 9,
        Uuid(c, a),
        user,
        pick(&["android", "ios", "windows", "macos"], a >> 3),
        pick(&["Pixel 9", "iPhone17,3", "SM-S938B", "PC"], a >> 3),
        pick(&["en-GB", "de-DE", "fr-FR", "pt-PT"], b >> 5),
        pick(&["DE", "FR", "GB", "PT", "PL", "US"], b >> 9),
        b % 40,
        city,
        a % 80,
        c % 10_000,
        b % 90,
        a % 10_000,
        a % 300,
        pick(&["politics", "sport", "business", "weather"], c >> 11),
        b % 100_000,
        referrer,
        a % 4,
        pick(&["728,90", "300,250", "160,600", "320,50"], a % 4),
        a % 90 + 10,
        b % 10_000,
        pick(&["EUR", "USD", "GBP"], c >> 13),
        // The low bits of `n` choose the partition: this must not follow them.
        mixed(n) % u64::from(campaigns.max(1)),
        b % 100_000_000,
        a % 500,
        b % 500,
        c % 500,
        deal,
        a.is_multiple_of(7),
        c % 300,
    );
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn events(count: u64, campaigns: u32) -> Vec<String> {
        let mut all = vec![String::new(); usize::try_from(count).unwrap()];
        for (n, event) in (0..).zip(&mut all) {
            write_event(event, n, campaigns);
        }
        all
    }

    #[test]
    fn events_have_about_650_bytes_and_exactly_21_fields() {
        let events = events(5_000, 996);
        let bytes: usize = events.iter().map(String::len).sum();
        let mean = bytes / events.len();
        assert!((640..=660).contains(&mean), "{mean} bytes: {}", events[1]);
        for event in &events {
            let value: serde_json::Value = serde_json::from_str(event).unwrap();
            assert_eq!(value.as_object().unwrap().len(), 21, "{event}");
        }
    }

    #[test]
    fn the_same_events_come_each_time() {
        assert_eq!(events(100, 7), events(100, 7));
        assert_ne!(events(2, 7)[0], events(2, 7)[1]);
    }

    #[test]
    fn campaigns_are_as_many_as_asked_for_in_each_partition() {
        let all: BTreeSet<String> = events(20_000, 50)
            .iter()
            .step_by(12)
            .map(|event| serde_json::from_str::<serde_json::Value>(event).unwrap()["campaign"].to_string())
            .collect();
        assert_eq!(all.len(), 50);
    }

    #[test]
    fn every_column_reads_from_a_field_of_the_event() {
        let event: serde_json::Value = serde_json::from_str(&events(1, 1)[0]).unwrap();
        let mut fields = BTreeSet::new();
        for (name, _, path) in COLUMNS {
            let path = path.unwrap_or(name);
            let value = path.split('.').try_fold(&event, |value, step| value.get(step));
            assert!(value.is_some(), "{path} is in {event}");
            fields.insert(path.split('.').next().unwrap().to_owned());
        }
        assert_eq!(fields.len(), 21, "nothing is left for the column of the rest");
    }
}
