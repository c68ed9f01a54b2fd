//! What is accounted for in one source partition: everything below `low`, and a compressed set above it.
//!
//! Invariant: `above` holds no offset below or at `low` (so `low` itself is never accounted).

use serde::{Deserialize, Serialize};

use crate::offsets::Offsets;

/// The accounted offsets of one source partition.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(try_from = "Stored")]
pub struct OffsetSet {
    /// Exclusive: every offset below it is accounted for, this one is not.
    low: u64,
    above: Offsets,
}

/// The same as read, before its invariant was looked at.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    low: u64,
    above: Offsets,
}

impl TryFrom<Stored> for OffsetSet {
    type Error = String;

    fn try_from(stored: Stored) -> Result<Self, Self::Error> {
        match stored.above.min() {
            Some(min) if min <= stored.low => Err(format!("offset {min} is not above low {}", stored.low)),
            Some(_) | None => Ok(Self { low: stored.low, above: stored.above }),
        }
    }
}

impl OffsetSet {
    /// Nothing accounted from `origin` on; what lies below it is none of the job's business.
    #[must_use]
    pub fn starting_at(origin: u64) -> Self {
        Self { low: origin, above: Offsets::new() }
    }

    /// Exclusive: everything below is accounted for.
    #[must_use]
    pub fn low(&self) -> u64 {
        self.low
    }

    /// The accounted offsets above `low`.
    #[must_use]
    pub fn above(&self) -> &Offsets {
        &self.above
    }

    /// One more than the highest accounted offset: from here on nothing is accounted.
    #[must_use]
    pub fn frontier(&self) -> u64 {
        self.above.max().map_or(self.low, |max| max.saturating_add(1))
    }

    #[must_use]
    pub fn contains(&self, offset: u64) -> bool {
        offset < self.low || self.above.contains(offset)
    }

    /// The part of `offsets` that is already accounted.
    #[must_use]
    pub fn overlap(&self, offsets: &Offsets) -> Offsets {
        let mut overlap = self.above.intersection(offsets);
        if let Some(min) = offsets.min()
            && min < self.low
        {
            let mut below = offsets.clone();
            below.remove_range(self.low..u64::MAX);
            overlap.union_with(&below);
        }
        overlap
    }

    /// Accounts for `offsets`; what was accounted already stays so.
    pub fn insert(&mut self, offsets: &Offsets) {
        self.above.union_with(offsets);
        self.settle();
    }

    /// Accounts for a half-open range.
    pub fn insert_range(&mut self, range: std::ops::Range<u64>) {
        self.above.insert_range(range);
        self.settle();
    }

    fn settle(&mut self) {
        self.low = self.above.first_missing(self.low);
        self.above.remove_range(0..self.low);
    }

    pub fn optimize(&mut self) {
        self.above.optimize();
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    #[test]
    fn low_moves_only_when_the_offset_at_low_is_accounted() {
        let mut set = OffsetSet::starting_at(10);
        set.insert_range(11..20);
        assert_eq!((set.low(), set.frontier()), (10, 20));
        set.insert_range(10..11);
        assert_eq!((set.low(), set.frontier()), (20, 20));
        assert!(set.above().is_empty());
    }

    #[test]
    fn offsets_below_the_origin_count_as_accounted() {
        let set = OffsetSet::starting_at(5);
        assert_eq!(set.overlap(&Offsets::from_range(3..7)), Offsets::from_range(3..5));
    }

    #[test]
    fn a_set_that_breaks_its_invariant_is_not_read() {
        let read = |text: &str| serde_json::from_str::<OffsetSet>(text).map_err(|e| e.to_string());
        assert_eq!(read(r#"{"low":10,"above":"11..12"}"#).map(|set| (set.low(), set.frontier())), Ok((10, 12)));
        for above in ["10..12", "3..5", "0..1,11..12"] {
            let error = read(&format!(r#"{{"low":10,"above":"{above}"}}"#)).unwrap_err();
            assert!(error.contains("is not above low 10"), "{error}");
        }
    }

    #[test]
    fn the_frontier_is_behind_the_highest_offset() {
        let mut set = OffsetSet::starting_at(3);
        assert_eq!(set.frontier(), 3);
        set.insert_range(7..9);
        assert_eq!(set.frontier(), 9);
    }

    #[test]
    fn optimizing_makes_what_is_above_low_smaller() {
        let mut set = OffsetSet::starting_at(3);
        set.insert(&(5..1_000).collect());
        let before = set.clone();
        set.optimize();
        assert!(set.above().room_bytes() < before.above().room_bytes());
        assert_eq!(set, before);
    }

    proptest! {
        #[test]
        fn it_behaves_like_a_plain_set_of_offsets(origin in 0u64..50, inserts in prop::collection::vec((0u64..200, 0u64..20), 0..40), probe in prop::collection::btree_set(0u64..250, 0..50)) {
            let mut model: BTreeSet<u64> = (0..origin).collect();
            let mut set = OffsetSet::starting_at(origin);
            let mut last_low = set.low();
            for (start, len) in inserts {
                model.extend(start..start + len);
                set.insert(&Offsets::from_range(start..start + len));
                prop_assert!(set.low() >= last_low, "low never goes back");
                last_low = set.low();
            }
            prop_assert_eq!(Some(set.low()), (0..).find(|o| !model.contains(o)));
            prop_assert!(!set.above().contains(set.low()));
            for offset in 0..250 {
                prop_assert_eq!(set.contains(offset), model.contains(&offset));
            }
            let probe_set: Offsets = probe.iter().copied().collect();
            let expected: Offsets = probe.intersection(&model).copied().collect();
            prop_assert_eq!(set.overlap(&probe_set), expected);
        }
    }
}
