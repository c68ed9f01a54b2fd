//! A field as the record's time: the first byte says how it is read, the rest is its text.

use std::sync::LazyLock;

use landfall_format::{Plan, Scratch, Verdict};

use super::{Owned, accepted, confined, plan};
use crate::Answer;

/// The years 1970 to 9999, in every time zone.
const MAX_TIME_MS: i64 = 253_402_207_199_999;

static PLANS: LazyLock<Vec<Plan>> = LazyLock::new(|| {
    let readers = [
        "unit: s",
        "unit: ms",
        "unit: us",
        "unit: ns",
        "unit: rfc3339",
        "format: '%Y-%m-%d %H:%M:%S'",
        "format: '%d/%b/%Y:%T %z'",
        "format: '%Y%m%d'",
        "format: '%s'",
        "format: '%a, %d %b %Y %H:%M:%S%.f'",
    ];
    let plan = |reader: &&str| {
        let sink = format!(
            "  timestamp: {{from: field, path: ts, {reader}}}\n  time_zone: Australia/Lord_Howe\n  key: 'd/{{timestamp:%Y-%m-%d/%H%M}}/{{unique}}.{{ext}}'\n  rotate: {{event_time: 90s}}"
        );
        plan(&sink, "")
    };
    readers.iter().map(plan).collect()
});
const MS_PER_UNIT: [(i128, i128); 4] = [(1_000, 1), (1, 1), (1, 1_000), (1, 1_000_000)];

pub(crate) fn event_time(data: &[u8]) -> Answer {
    let Some((which, text)) = data.split_first() else { return Answer::Refused };
    let Ok(text) = std::str::from_utf8(text) else { return Answer::Refused };
    let reader = usize::from(which >> 1) % PLANS.len();
    let (plan, quoted) = (&PLANS[reader], which & 1 == 1);
    let value = match quoted {
        true => format!("{{\"ts\":{}}}", serde_json::Value::from(text)),
        false => format!("{{\"ts\":{text}}}"),
    };
    let record = Owned {
        partition: 0,
        offset: 0,
        timestamp_ms: -1,
        key: None,
        value: Some(value.into_bytes()),
        headers: Vec::new(),
    };
    let mut scratch = Scratch::new(plan);
    let verdict = accepted(plan, &mut scratch, &record.record(), 0);
    let whole = text.parse::<i128>().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()));
    let expected = whole.and_then(|whole| {
        let (times, per) = MS_PER_UNIT.get(reader)?;
        // A number of JSON has no leading zero.
        let number = quoted || text == "0" || !text.starts_with('0');
        let ms = whole.checked_mul(*times)? / per;
        (number && (0..=i128::from(MAX_TIME_MS)).contains(&ms)).then_some(ms)
    });
    match verdict {
        Verdict::Route { .. } => {
            let at_ms = scratch.event_time_ms();
            assert!((0..=MAX_TIME_MS).contains(&at_ms), "{text:?} is {at_ms}");
            if whole.is_some() && reader < MS_PER_UNIT.len() {
                assert_eq!(Some(i128::from(at_ms)), expected, "{text:?}");
            }
            confined(scratch.group_key(), 0, plan.ext());
            Answer::Accepted
        }
        verdict => {
            assert_eq!(expected, None, "{text:?} is a time and was not read: {verdict:?}");
            Answer::Refused
        }
    }
}
