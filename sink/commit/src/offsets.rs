//! A set of Kafka offsets of one source partition: a compressed bitmap, written in JSON as half-open runs
//! (`"0..100,105..106"`) or, where that is shorter, as the portable roaring format in base64 (`"roaring:..."`).

use std::fmt;
use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use roaring::RoaringTreemap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Runs beyond this are written as a bitmap instead of text.
const MAX_TEXT_RUNS: usize = 512;
const ROARING: &str = "roaring:";
/// The largest offset of a set, inclusive: Kafka counts in 63 bits, and an exclusive end is one more.
pub const MAX_OFFSET: u64 = u64::MAX / 2 - 1;
/// The most offsets that a set read from text may have: a run costs 1 MiB of memory for each 2^30 of them, and a damaged
/// one must not take all there is.
const MAX_OFFSETS_READ: u64 = 1 << 38;

/// A set of offsets.
#[derive(Clone, PartialEq, Default)]
pub struct Offsets(RoaringTreemap);

/// Sets of integers: equal or not, never in between.
impl Eq for Offsets {}

impl Offsets {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The offsets of a half-open range; empty when `end <= start`.
    #[must_use]
    pub fn from_range(range: Range<u64>) -> Self {
        let mut set = Self::new();
        set.insert_range(range);
        set
    }

    pub fn insert(&mut self, offset: u64) -> bool {
        self.0.insert(offset)
    }

    /// A half-open range; nothing when `end <= start`.
    pub fn insert_range(&mut self, range: Range<u64>) {
        self.0.insert_range(range);
    }

    /// A half-open range; nothing when `end <= start`.
    pub fn remove_range(&mut self, range: Range<u64>) {
        self.0.remove_range(range);
    }

    #[must_use]
    pub fn contains(&self, offset: u64) -> bool {
        self.0.contains(offset)
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many offsets the set holds.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.0.len()
    }

    #[must_use]
    pub fn min(&self) -> Option<u64> {
        self.0.min()
    }

    #[must_use]
    pub fn max(&self) -> Option<u64> {
        self.0.max()
    }

    #[must_use]
    pub fn is_disjoint(&self, other: &Self) -> bool {
        self.0.is_disjoint(&other.0)
    }

    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        Self(&self.0 & &other.0)
    }

    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        Self(&self.0 - &other.0)
    }

    pub fn union_with(&mut self, other: &Self) {
        self.0 |= &other.0;
    }

    pub fn subtract(&mut self, other: &Self) {
        self.0 -= &other.0;
    }

    /// Rewrites dense stretches as runs; worth calling before a set is kept or written.
    pub fn optimize(&mut self) {
        self.0.optimize();
    }

    /// How large the bitmap is as it is laid out now.
    #[cfg(test)]
    pub(crate) fn room_bytes(&self) -> usize {
        self.0.serialized_size()
    }

    /// The first offset at or above `from` that is not in the set.
    #[must_use]
    pub fn first_missing(&self, from: u64) -> u64 {
        let mut next = from;
        for run in self.runs_from(from) {
            if run.start > next {
                break;
            }
            next = next.max(run.end);
        }
        next
    }

    /// Maximal runs, half-open, ascending.
    pub fn runs(&self) -> impl Iterator<Item = Range<u64>> + '_ {
        self.runs_from(0)
    }

    /// Maximal runs of the offsets at or above `from`.
    pub fn runs_from(&self, from: u64) -> impl Iterator<Item = Range<u64>> + '_ {
        let (from_high, from_low) = split(from);
        let mut pieces =
            self.0.bitmaps().filter(move |(high, _)| *high >= from_high).flat_map(move |(high, bitmap)| {
                let base = u64::from(high) << 32;
                let mut iter = if high == from_high { bitmap.range(from_low..) } else { bitmap.iter() };
                std::iter::from_fn(move || {
                    iter.next_range().map(|r| base + u64::from(*r.start())..base + u64::from(*r.end()) + 1)
                })
            });
        // A run may cross the 2^32 borders between the bitmaps: join what touches.
        let mut pending: Option<Range<u64>> = None;
        std::iter::from_fn(move || {
            for piece in pieces.by_ref() {
                match pending.as_mut() {
                    Some(run) if run.end == piece.start => run.end = piece.end,
                    Some(_) => return pending.replace(piece),
                    None => pending = Some(piece),
                }
            }
            pending.take()
        })
    }

    fn to_text(&self) -> Option<String> {
        let mut text = String::new();
        for (count, run) in self.runs().enumerate() {
            if count == MAX_TEXT_RUNS {
                return None;
            }
            if count > 0 {
                text.push(',');
            }
            text.push_str(&format!("{}..{}", run.start, run.end));
        }
        Some(text)
    }

    /// Reads what [`Serialize`] writes.
    pub fn parse(text: &str) -> Result<Self, BadOffsets> {
        if let Some(encoded) = text.strip_prefix(ROARING) {
            let bytes = STANDARD.decode(encoded).map_err(|e| BadOffsets(e.to_string()))?;
            let set = RoaringTreemap::deserialize_from(bytes.as_slice()).map_err(|e| BadOffsets(e.to_string()))?;
            return match set.max() {
                Some(max) if max > MAX_OFFSET => Err(beyond_kafka(max)),
                Some(_) | None => Ok(Self(set)),
            };
        }
        let mut set = Self::new();
        for run in parse_runs(text)? {
            set.insert_range(run);
        }
        Ok(set)
    }
}

/// The runs of a text, looked at before room is made for any of them.
fn parse_runs(text: &str) -> Result<Vec<Range<u64>>, BadOffsets> {
    let mut runs = Vec::new();
    let (mut floor, mut offsets) = (0, 0_u64);
    for run in text.split(',').filter(|run| !run.is_empty()) {
        let bounds = run.split_once("..").and_then(|(a, b)| Some((a.parse::<u64>().ok()?, b.parse::<u64>().ok()?)));
        let Some((start, end)) = bounds else {
            return Err(BadOffsets(format!("{run:?} is not a run start..end")));
        };
        if end <= start || start < floor {
            return Err(BadOffsets(format!("run {run:?} is empty or out of order")));
        }
        if end > MAX_OFFSET + 1 {
            return Err(beyond_kafka(end));
        }
        offsets = offsets.saturating_add(end - start);
        if offsets > MAX_OFFSETS_READ {
            return Err(BadOffsets(format!("it has more than {MAX_OFFSETS_READ} offsets up to {run:?}")));
        }
        floor = end;
        runs.push(start..end);
    }
    Ok(runs)
}

fn split(offset: u64) -> (u32, u32) {
    // Both halves fit by construction.
    (u32::try_from(offset >> 32).unwrap_or(u32::MAX), u32::try_from(offset & 0xffff_ffff).unwrap_or(u32::MAX))
}

fn beyond_kafka(offset: u64) -> BadOffsets {
    BadOffsets(format!("{offset} is beyond what kafka counts to"))
}

/// A set that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a set of offsets: {0}")]
pub struct BadOffsets(pub String);

impl fmt::Debug for Offsets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{")?;
        for (count, run) in self.runs().enumerate() {
            if count == 16 {
                write!(f, " ... {} offsets", self.len())?;
                break;
            }
            write!(f, "{}{}..{}", if count > 0 { "," } else { "" }, run.start, run.end)?;
        }
        write!(f, "}}")
    }
}

impl FromIterator<u64> for Offsets {
    fn from_iter<I: IntoIterator<Item = u64>>(offsets: I) -> Self {
        Self(offsets.into_iter().collect())
    }
}

impl Serialize for Offsets {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if let Some(text) = self.to_text() {
            return serializer.serialize_str(&text);
        }
        let mut bitmap = self.0.clone();
        bitmap.optimize();
        let mut bytes = Vec::with_capacity(bitmap.serialized_size());
        bitmap.serialize_into(&mut bytes).map_err(serde::ser::Error::custom)?;
        serializer.serialize_str(&format!("{ROARING}{}", STANDARD.encode(bytes)))
    }
}

impl<'de> Deserialize<'de> for Offsets {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    #[test]
    fn runs_cross_the_32_bit_border_unbroken() {
        let border = 1u64 << 32;
        let set = Offsets::from_range(border - 3..border + 3);
        assert_eq!(set.runs().collect::<Vec<_>>(), vec![border - 3..border + 3]);
        assert_eq!(set.first_missing(border - 1), border + 3);
        assert_eq!(
            Offsets::parse(&serde_json::from_str::<String>(&serde_json::to_string(&set).unwrap()).unwrap()),
            Ok(set)
        );
    }

    #[test]
    fn text_that_is_no_set_is_refused() {
        for text in
            ["1", "1..", "5..5", "9..3", "5..6,1..2", "0..5,4..6", "roaring:!!", "roaring:AAAA", "-1..3", "a..b"]
        {
            assert!(Offsets::parse(text).is_err(), "{text:?} was accepted");
        }
        assert_eq!(Offsets::parse("").unwrap(), Offsets::new());
    }

    #[test]
    fn offsets_that_kafka_cannot_have_are_refused_in_either_form() {
        let last = format!("{}..{}", MAX_OFFSET, MAX_OFFSET + 1);
        assert_eq!(Offsets::parse(&last).unwrap().max(), Some(MAX_OFFSET));
        for text in [format!("{}..{}", MAX_OFFSET, MAX_OFFSET + 2), format!("0..1,5..{}", u64::MAX)] {
            let error = Offsets::parse(&text).unwrap_err().to_string();
            assert!(error.contains("beyond what kafka counts to"), "{error}");
        }
        // The next offset is still a signed 64-bit number.
        assert_eq!(i64::try_from(MAX_OFFSET + 1), Ok(i64::MAX));
        for (offset, is_read) in [(MAX_OFFSET, true), (MAX_OFFSET + 1, false), (u64::MAX, false)] {
            let mut bytes = Vec::new();
            RoaringTreemap::from_iter([offset]).serialize_into(&mut bytes).unwrap();
            let text = format!("{ROARING}{}", STANDARD.encode(bytes));
            assert_eq!(Offsets::parse(&text).is_ok(), is_read, "{offset}");
        }
    }

    #[test]
    fn a_damaged_run_does_not_take_all_memory() {
        for text in [format!("0..{}", MAX_OFFSETS_READ + 1), format!("0..1,5..{}", 5 + MAX_OFFSETS_READ)] {
            let error = Offsets::parse(&text).unwrap_err().to_string();
            assert!(error.contains("more than 274877906944 offsets"), "{error}");
        }
        let most = 5..5 + MAX_OFFSETS_READ;
        assert_eq!(parse_runs(&format!("{}..{}", most.start, most.end)), Ok(vec![most]));
    }

    #[test]
    fn runs_begin_where_they_are_asked_for() {
        let border = 1u64 << 32;
        let mut set = Offsets::from_range(5..10);
        set.insert_range(border - 2..border + 2);
        set.insert_range(3 * border..3 * border + 1);
        assert_eq!(set.runs_from(7).collect::<Vec<_>>(), [7..10, border - 2..border + 2, 3 * border..3 * border + 1]);
        assert_eq!(set.runs_from(border + 1).collect::<Vec<_>>(), [border + 1..border + 2, 3 * border..3 * border + 1]);
        assert_eq!(set.runs_from(2 * border).count(), 1);
        assert_eq!((set.first_missing(3 * border), set.first_missing(2 * border)), (3 * border + 1, 2 * border));
    }

    #[test]
    fn a_set_is_written_as_runs_as_long_as_they_are_few() {
        let runs = |count: u64| -> Offsets { (0..count).map(|n| n * 2).collect() };
        for (count, prefix) in [(512, "\"0..1,2..3,"), (513, "\"roaring:")] {
            let json = serde_json::to_string(&runs(count)).unwrap();
            assert!(json.starts_with(prefix), "{count} runs: {json:.20}");
            assert_eq!(serde_json::from_str::<Offsets>(&json).unwrap(), runs(count));
        }
    }

    #[test]
    fn a_debug_shows_some_runs_and_how_many_offsets_there_are() {
        let set: Offsets = (0..20).map(|n| n * 2).collect();
        let shown = format!("{set:?}");
        assert!(shown.starts_with("{0..1,2..3,") && shown.ends_with("30..31 ... 20 offsets}"), "{shown}");
        assert_eq!(format!("{:?}", Offsets::from_range(3..9)), "{3..9}");
    }

    #[test]
    fn a_dense_stretch_takes_less_room_as_a_run() {
        let scattered: Offsets = (0..1_000).collect();
        let mut optimized = scattered.clone();
        optimized.optimize();
        assert!(optimized.room_bytes() < scattered.room_bytes(), "{} bytes", optimized.room_bytes());
        assert_eq!(optimized, scattered);
    }

    #[test]
    fn operations_do_what_they_are_called() {
        let (left, right) = (Offsets::from_range(0..10), Offsets::from_range(5..15));
        assert_eq!(left.difference(&right), Offsets::from_range(0..5));
        assert_eq!(left.intersection(&right), Offsets::from_range(5..10));
        assert!(!left.is_disjoint(&right) && left.is_disjoint(&Offsets::from_range(10..15)));
        let mut set = left.clone();
        assert!(set.insert(10) && !set.insert(10) && set.contains(10) && !set.contains(11));
        set.subtract(&right);
        assert_eq!((set.clone(), set.len(), set.min(), set.max()), (Offsets::from_range(0..5), 5, Some(0), Some(4)));
        set.remove_range(1..3);
        set.remove_range(0..0);
        assert_eq!(set.runs().collect::<Vec<_>>(), [0..1, 3..5]);
        set.insert_range(8..8);
        let (high, low) = (9, 2);
        set.insert_range(high..low);
        set.remove_range(high..low);
        assert_eq!(set.runs().collect::<Vec<_>>(), [0..1, 3..5], "what ends before it begins is empty");
        assert_eq!((set.max(), set.is_empty(), Offsets::new().is_empty()), (Some(4), false, true));
    }

    proptest! {
        #[test]
        fn every_set_reads_back_from_its_json(offsets in prop::collection::btree_set(0u64..4000, 0..1500), base in prop::sample::select(vec![0u64, (1 << 32) - 2000, 1 << 40])) {
            let set: Offsets = offsets.iter().map(|o| o + base).collect();
            let json = serde_json::to_string(&set).unwrap();
            prop_assert_eq!(serde_json::from_str::<Offsets>(&json).unwrap(), set);
        }

        #[test]
        fn runs_are_maximal_ascending_and_cover_the_set_exactly(offsets in prop::collection::btree_set(0u64..500, 0..300)) {
            let set: Offsets = offsets.iter().copied().collect();
            let runs: Vec<_> = set.runs().collect();
            for pair in runs.windows(2) {
                prop_assert!(pair[0].end < pair[1].start);
            }
            let back: BTreeSet<u64> = runs.into_iter().flatten().collect();
            prop_assert_eq!(back, offsets);
        }

        #[test]
        fn the_first_missing_offset_is_what_a_naive_search_finds(offsets in prop::collection::btree_set(0u64..100, 0..80), from in 0u64..110) {
            let set: Offsets = offsets.iter().copied().collect();
            let naive = (from..).find(|o| !offsets.contains(o)).unwrap();
            prop_assert_eq!(set.first_missing(from), naive);
        }
    }
}
