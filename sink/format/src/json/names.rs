//! Finds names among a fixed list, however many there are and however often a record asks for one that is not there.

use std::ops::Range;
use std::sync::Arc;

/// So many names after the last hit are looked at one by one, and as many in a short list.
const NEAR: usize = 8;

/// Which names of a list come first in the alphabet. The list itself is its owner's.
#[derive(Debug, Clone, Default)]
pub(crate) struct NameIndex(Arc<[usize]>);

impl NameIndex {
    /// `names` are distinct.
    pub(crate) fn new<'n>(names: impl Iterator<Item = &'n str>) -> Self {
        let mut order: Vec<(&str, usize)> = names.enumerate().map(|(at, name)| (name, at)).collect();
        order.sort_unstable();
        Self(order.into_iter().map(|(_, at)| at).collect())
    }

    /// Where `wanted` is in the list, whose names `name` tells by their places. Records of one topic mostly keep their
    /// order, so the search begins at `hint`, which is left after the hit.
    #[inline]
    pub(crate) fn find<'n>(&self, wanted: &str, hint: &mut usize, name: impl Fn(usize) -> &'n str) -> Option<usize> {
        let length = self.0.len();
        let among = |mut range: Range<usize>| range.find(|at| name(*at) == wanted);
        let at = match among(*hint..length.min(*hint + NEAR)) {
            Some(at) => at,
            None if length <= NEAR => among(0..length.min(*hint))?,
            None => *self.0.get(self.0.binary_search_by(|at| name(*at).cmp(wanted)).ok()?)?,
        };
        *hint = at + 1;
        Some(at)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::cell::Cell;

    #[test]
    fn every_name_is_found_from_every_place() {
        let all = ["id", "at", "user", "a", "", "é", "zz", "b", "c", "d", "e", "f"];
        for names in [&all[..3], &all[..8], &all[..9], &all] {
            let index = NameIndex::new(names.iter().copied());
            for (place, name) in names.iter().enumerate() {
                for from in 0..=names.len() + 1 {
                    let mut hint = from;
                    assert_eq!(index.find(name, &mut hint, |at| names[at]), Some(place));
                    assert_eq!(hint, place + 1);
                }
            }
            assert_eq!(index.find("no", &mut 3, |at| names[at]), None);
        }
        assert_eq!(NameIndex::default().find("no", &mut 0, |_| ""), None);
    }

    #[test]
    fn a_name_that_is_not_there_costs_few_looks_among_thousands() {
        let names: Vec<String> = (0..2_000).map(|n| format!("column{n:04}")).collect();
        let index = NameIndex::new(names.iter().map(String::as_str));
        let looks = Cell::new(0);
        let name = |at: usize| {
            looks.set(looks.get() + 1);
            names[at].as_str()
        };
        assert_eq!(index.find("columnabcd", &mut 0, name), None);
        assert!(looks.get() <= 20, "{} looks", looks.get());
    }
}
