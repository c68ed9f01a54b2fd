//! Any template with any records: the first line is the template, the rest are two records.

use landfall_format::{Plan, Scratch, Verdict};
use landfall_job::{JobSpec, TemplatePart};

use super::{Owned, accepted, confined};
use crate::Answer;
use crate::input::Input;

pub(crate) fn key_render(data: &[u8]) -> Answer {
    let end = data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len());
    let (line, rest) = data.split_at(end);
    let Ok(template) = std::str::from_utf8(line) else { return Answer::Refused };
    let mut input = Input::new(rest.get(1..).unwrap_or_default());
    let document = serde_json::json!({
        "name": "bids",
        "source": {"cluster": "main", "topics": ["bids"]},
        "sink": {"bucket": "lake", "key": template, "time_zone": "America/St_Johns"},
    });
    let Ok(spec) = JobSpec::parse(&document.to_string()) else { return Answer::Refused };
    // A format may be written and yet not at the first or last second of time.
    let Ok(plan) = Plan::compile(&spec) else { return Answer::Refused };
    let mut scratch = Scratch::new(&plan);
    let mut names: Vec<(i32, i64, String)> = Vec::new();
    for offset in 0..2 {
        let record = Owned::read(&mut input, offset);
        let now_ms = 1_774_884_854_321 + input.number() % 1_000_000_000;
        if !matches!(accepted(&plan, &mut scratch, &record.record(), now_ms), Verdict::Route { .. }) {
            continue;
        }
        let key = confined(scratch.group_key(), offset, plan.ext());
        let literal = spec.sink.key.literal_prefix();
        assert!(key.starts_with(literal), "{key:?} is not below {literal:?}");
        let slash = |part: &TemplatePart| match part {
            TemplatePart::Literal(text) => text.matches('/').count(),
            _ => 0,
        };
        let slashes: usize = spec.sink.key.parts().iter().map(slash).sum();
        assert_eq!(key.matches('/').count(), slashes, "{key:?} has other segments than {template:?}");
        names.push((record.partition, offset, key));
    }
    if names.is_empty() {
        return Answer::Refused;
    }
    if let [(_, _, first), (_, _, second)] = names.as_slice() {
        let same = first == second;
        assert!(!same || !spec.sink.key.is_deterministic_name(), "two files have the name {first:?} by {template:?}");
    }
    Answer::Accepted
}
