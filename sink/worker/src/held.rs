//! The offsets one open file holds of one partition, cheap to add to: consecutive offsets extend a run, a broken run
//! goes into the compressed set.

use std::ops::Range;

use landfall_commit::Offsets;

/// Offsets in the order they were read, so ascending.
#[derive(Debug, Clone, Default)]
pub struct Held {
    set: Offsets,
    run: Option<Range<u64>>,
}

impl Held {
    /// Adds an offset above all others.
    pub fn push(&mut self, offset: u64) {
        match self.run.as_mut() {
            Some(run) if run.end == offset => run.end += 1,
            Some(run) => {
                self.set.insert_range(run.clone());
                *run = offset..offset + 1;
            }
            None => self.run = Some(offset..offset + 1),
        }
    }

    /// The highest offset.
    #[must_use]
    pub fn last(&self) -> Option<u64> {
        self.run.as_ref().map(|run| run.end - 1)
    }

    /// The lowest offset.
    #[must_use]
    pub fn first(&self) -> Option<u64> {
        self.set.min().or(self.run.as_ref().map(|run| run.start))
    }

    /// All of them.
    #[must_use]
    pub fn offsets(&self) -> Offsets {
        let mut set = self.set.clone();
        if let Some(run) = &self.run {
            set.insert_range(run.clone());
        }
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_holds_what_was_pushed(offsets in prop::collection::btree_set(0u64..300, 0..200)) {
            let mut held = Held::default();
            for offset in &offsets {
                held.push(*offset);
            }
            prop_assert_eq!(held.offsets(), offsets.iter().copied().collect::<Offsets>());
            prop_assert_eq!((held.first(), held.last()), (offsets.first().copied(), offsets.last().copied()));
        }
    }
}
