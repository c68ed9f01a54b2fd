//! Sets of offsets: their two stored forms, and their algebra against a plain set of numbers.

use std::collections::BTreeSet;
use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use landfall_commit::offsets::MAX_OFFSET;
use landfall_commit::{OffsetSet, Offsets};

use crate::Answer;
use crate::input::Input;

/// A bitmap of so many offsets costs what a fuzzer cannot spend on one input.
const MANY: u64 = 1 << 24;

/// The runs of a text, if it is one: read in another way than by the product.
fn runs_of(text: &str) -> Option<Vec<Range<u64>>> {
    let mut runs: Vec<Range<u64>> = Vec::new();
    for run in text.split(',').filter(|run| !run.is_empty()) {
        let (start, end) = run.split_once("..")?;
        let number = |digits: &str| -> Option<u64> {
            let digits = digits.strip_prefix('+').unwrap_or(digits);
            let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
            plain.then(|| digits.parse().ok()).flatten()
        };
        let run = number(start)?..number(end)?;
        let in_order = runs.last().is_none_or(|before| before.end <= run.start);
        if run.is_empty() || !in_order || run.end > MAX_OFFSET + 1 {
            return None;
        }
        runs.push(run);
    }
    Some(runs)
}

/// Whether a text, JSON or not, names runs too long for one input: digits, two dots, digits.
pub(crate) fn too_many(data: &[u8]) -> bool {
    let text = String::from_utf8_lossy(data);
    let pieces: Vec<&str> = text.split("..").collect();
    let digits = |text: &str, at_end: bool| {
        let digit = |c: &char| c.is_ascii_digit();
        let found: String = match at_end {
            true => text.chars().rev().take_while(digit).collect::<Vec<_>>().into_iter().rev().collect(),
            false => text.trim_start_matches('+').chars().take_while(digit).collect(),
        };
        found.parse::<u64>().unwrap_or(0)
    };
    let spans = pieces.windows(2).map(|pair| digits(pair[1], false).saturating_sub(digits(pair[0], true)));
    spans.fold(0, u64::saturating_add) > MANY
}

/// What holds for every set, however it was made.
fn check(set: &Offsets) {
    let runs: Vec<Range<u64>> = set.runs().collect();
    assert!(runs.iter().all(|run| run.start < run.end), "an empty run");
    assert!(runs.windows(2).all(|pair| pair[0].end < pair[1].start), "runs that touch");
    assert_eq!(set.len(), runs.iter().map(|run| run.end - run.start).sum::<u64>());
    assert_eq!(set.is_empty(), runs.is_empty());
    assert_eq!(set.min(), runs.first().map(|run| run.start));
    assert_eq!(set.max(), runs.last().map(|run| run.end - 1));
    for run in runs.iter().take(64) {
        assert!(set.contains(run.start) && set.contains(run.end - 1) && !set.contains(run.end));
        assert_eq!(set.first_missing(run.start), run.end);
        assert_eq!(set.first_missing(run.end), run.end);
    }
    let mut again = Offsets::new();
    for run in &runs {
        again.insert_range(run.clone());
    }
    assert_eq!(*set, again, "its runs are the set");
    let json = serde_json::to_string(set).unwrap();
    let read: Offsets = serde_json::from_str(&json).unwrap();
    assert_eq!(read, *set, "{json}");
    assert_eq!(serde_json::to_string(&read).unwrap(), json, "written twice, the same text");
    let mut optimized = set.clone();
    optimized.optimize();
    assert_eq!(optimized, *set);
}

fn answer(parsed: Result<Offsets, landfall_commit::offsets::BadOffsets>) -> Answer {
    match parsed {
        Ok(set) => {
            check(&set);
            Answer::Accepted
        }
        Err(error) => {
            assert!(error.to_string().starts_with("not a set of offsets: "), "{error}");
            Answer::Refused
        }
    }
}

/// The form for people: `0..100,105..106`.
pub(crate) fn text(data: &[u8]) -> Answer {
    let Ok(text) = std::str::from_utf8(data) else { return Answer::Refused };
    if too_many(data) {
        return Answer::Refused;
    }
    let parsed = Offsets::parse(text);
    if !text.starts_with("roaring:") {
        match runs_of(text) {
            Some(runs) => {
                let set = parsed.as_ref().unwrap_or_else(|e| panic!("{text:?}: {e}"));
                assert_eq!(set.len(), runs.iter().map(|run| run.end - run.start).sum::<u64>(), "{text:?}");
                assert!(runs.iter().all(|run| set.contains(run.start) && set.contains(run.end - 1)), "{text:?}");
            }
            None => assert!(parsed.is_err(), "{text:?} was accepted"),
        }
    }
    answer(parsed)
}

/// The form of many runs: base64 of a bitmap, here of any bytes.
pub(crate) fn bitmap(data: &[u8]) -> Answer {
    // A run takes four bytes and may hold 65,536 offsets: a short input can name more than a model can hold.
    answer(Offsets::parse(&format!("roaring:{}", STANDARD.encode(data))))
}

/// Where the pieces of a bitmap meet, and where Kafka's offsets end.
const BASES: [u64; 5] = [0, (1 << 16) - 100, (1 << 32) - 100, (1 << 40) - 100, MAX_OFFSET - 300];

/// Any sequence of operations does to a set of offsets what it does to a plain set.
pub(crate) fn algebra(data: &[u8]) -> Answer {
    let mut input = Input::new(data);
    let base = BASES[input.below(BASES.len())];
    let origin = base + input.below(64) as u64;
    let mut sets = [(Offsets::new(), BTreeSet::new()), (Offsets::new(), BTreeSet::new())];
    let mut accounted = OffsetSet::starting_at(origin);
    // Below the base everything is accounted, and nothing is ever asked.
    let mut of_accounted: BTreeSet<u64> = (base..origin).collect();
    let mut steps = 0;
    while !input.is_empty() && steps < 200 {
        steps += 1;
        let operation = input.byte();
        let start = base + u64::from(input.byte());
        let range = start..start + input.below(24) as u64;
        let [(left, left_model), (right, right_model)] = &mut sets;
        let (set, model) = if operation & 0x80 == 0 { (left, left_model) } else { (right, right_model) };
        match operation & 0x0f {
            0 => assert_eq!(set.insert(start), model.insert(start)),
            1 => {
                set.insert_range(range.clone());
                model.extend(range);
            }
            2 => {
                set.remove_range(range.clone());
                model.retain(|offset| !range.contains(offset));
            }
            3 => {
                let ([(left, left_model), (right, right_model)], mut union) = (&mut sets, Offsets::new());
                union.union_with(left);
                union.union_with(right);
                let both = left_model.union(right_model).copied().collect();
                assert_eq!(union, both, "union");
                left.union_with(right);
                *left_model = left_model.union(right_model).copied().collect();
            }
            4 => {
                let [(left, left_model), (right, right_model)] = &mut sets;
                assert_eq!(left.difference(right), left_model.difference(right_model).copied().collect());
                right.subtract(left);
                *right_model = right_model.difference(left_model).copied().collect();
            }
            5 => {
                let [(left, left_model), (right, right_model)] = &mut sets;
                let common: Offsets = left_model.intersection(right_model).copied().collect();
                assert_eq!(left.intersection(right), common);
                assert_eq!(left.is_disjoint(right), common.is_empty());
            }
            6 => {
                accounted.insert(set);
                of_accounted.extend(model.iter().copied());
            }
            7 => {
                accounted.insert_range(range.clone());
                of_accounted.extend(range);
            }
            8 => {
                let overlap = model.iter().filter(|offset| of_accounted.contains(offset)).copied().collect();
                assert_eq!(accounted.overlap(set), overlap);
            }
            9 => {
                let wanted = (start..).find(|offset| !model.contains(offset)).unwrap();
                assert_eq!(set.first_missing(start), wanted);
            }
            10 => set.optimize(),
            11 => accounted.optimize(),
            12 => {
                let from: BTreeSet<u64> = set.runs_from(start).flatten().collect();
                assert_eq!(from, model.range(start..).copied().collect());
            }
            _ => {
                check(set);
                assert_eq!(*set, model.iter().copied().collect());
            }
        }
        let low = (base..).find(|offset| !of_accounted.contains(offset)).unwrap();
        assert_eq!(accounted.low(), low);
        assert_eq!(*accounted.above(), of_accounted.range(low..).copied().collect());
        assert_eq!(accounted.frontier(), of_accounted.last().map_or(low, |last| last + 1).max(low));
        assert!(accounted.contains(low.saturating_sub(1)) || low == 0);
        assert!(!accounted.contains(low));
    }
    Answer::Accepted
}
