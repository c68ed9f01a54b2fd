//! One pass over a document: validates all of it and notes where the wanted fields lie.
//!
//! Recursion follows the [`PathTree`], never the document, so its depth is the job's. A name that occurs twice counts
//! as its last occurrence, whole. Time and memory are bounded by the document's length, whatever it repeats: every
//! occurrence of a known name gets a number, what an occurrence holds bears its number, and what a later occurrence has
//! replaced is told by that at the end, once. Of what no column takes, [`MAX_LOOSE`] members are noted.

use super::fault::JsonError;
use super::scan::{Kind, Scanner, Span};
use super::text::unescape_into;
use super::tree::{NodeId, PathTree};

/// The most members without a column that one document may have, inclusive: noting one takes more memory than writing
/// one.
pub(crate) const MAX_LOOSE: usize = 100_000;

/// Counts occurrences of known names, over all documents; 0 is none.
type Occurrence = u64;

/// A member no column takes, or one a column inside of it cannot be found in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Loose {
    /// The object it is a member of.
    parent: NodeId,
    node: Option<NodeId>,
    /// Its own if it has a node, else its object's.
    occurrence: Occurrence,
    pub(crate) name: Span,
    pub(crate) value: Span,
    /// A column's path leads through this member, but it is neither object nor null.
    pub(crate) misfit: bool,
}

/// Where a node was last seen.
#[derive(Debug, Clone, Copy, Default)]
struct Seen {
    /// In which occurrence of its parent.
    within: Occurrence,
    own: Occurrence,
}

/// Where the wanted fields of one document lie; reused from record to record.
#[derive(Debug, Default)]
pub(crate) struct Captures {
    values: Vec<Option<Span>>,
    /// By object, then as they lie in the document.
    loose: Vec<Loose>,
    /// There are more than [`MAX_LOOSE`].
    overfull: bool,
    seen: Vec<Seen>,
    last: Occurrence,
    /// A known name occurred twice in one object.
    repeated: bool,
    live: Vec<bool>,
    name: String,
}

impl Captures {
    pub(crate) fn value(&self, slot: usize) -> Option<Span> {
        self.values.get(slot).copied().flatten()
    }

    /// The members of an object that no column takes, as they lie in the document.
    pub(crate) fn loose_in(&self, parent: usize) -> &[Loose] {
        let from = self.loose.partition_point(|loose| loose.parent < parent);
        let until = self.loose.partition_point(|loose| loose.parent <= parent);
        self.loose.get(from..until).unwrap_or_default()
    }

    pub(crate) fn has_loose(&self) -> bool {
        !self.loose.is_empty()
    }

    /// The first member in the document that no column takes.
    pub(crate) fn first_loose(&self) -> Option<&Loose> {
        self.loose.iter().min_by_key(|loose| loose.name.start)
    }

    /// Makes every field missing: what a record without a value holds.
    pub(crate) fn clear(&mut self, tree: &PathTree) {
        self.begin(tree);
    }

    /// Gives back what an unusually large document made this grow to.
    pub(crate) fn trim(&mut self) {
        if self.loose.capacity() > 4_096 {
            self.loose = Vec::new();
        }
        if self.name.capacity() > 65_536 {
            self.name = String::new();
        }
    }

    fn begin(&mut self, tree: &PathTree) {
        self.values.clear();
        self.values.resize(tree.slots(), None);
        self.loose.clear();
        self.overfull = false;
        self.repeated = false;
        self.seen.resize(tree.nodes.len(), Seen::default());
        let document = self.next();
        if let Some(root) = self.seen.first_mut() {
            root.own = document;
        }
    }

    fn next(&mut self) -> Occurrence {
        self.last += 1;
        self.last
    }

    /// Notes that a node occurs in this occurrence of its parent; answers its own.
    #[inline]
    fn occur(&mut self, id: NodeId, within: Occurrence) -> Occurrence {
        let own = self.next();
        let seen = &mut self.seen[id];
        self.repeated |= seen.within == within;
        *seen = Seen { within, own };
        own
    }

    #[inline]
    fn note_loose(&mut self, loose: Loose) {
        if self.loose.len() < MAX_LOOSE {
            self.loose.push(loose);
        } else {
            self.overfull = true;
        }
    }

    /// Takes out what later occurrences have replaced, in one pass.
    #[cold]
    fn drop_replaced(&mut self, tree: &PathTree) {
        self.live.clear();
        for (id, (node, seen)) in tree.nodes.iter().zip(&self.seen).enumerate() {
            let parent_is = self.live.get(node.parent).copied().unwrap_or_default();
            let live = id == 0 || (parent_is && self.seen.get(node.parent).is_some_and(|at| at.own == seen.within));
            self.live.push(live);
            if let Some(value) = node.slot.filter(|_| !live).and_then(|slot| self.values.get_mut(slot)) {
                *value = None;
            }
        }
        let (seen, live) = (&self.seen, &self.live);
        self.loose.retain(|loose| {
            let holder = loose.node.unwrap_or(loose.parent);
            live.get(holder) == Some(&true) && seen.get(holder).is_some_and(|at| at.own == loose.occurrence)
        });
    }
}

/// What was read: the document's own kind, and whether it spans several lines.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Document {
    pub(crate) kind: Kind,
    pub(crate) line_breaks: bool,
    /// More than [`MAX_LOOSE`] members have no column; those beyond were not noted.
    pub(crate) overfull: bool,
}

impl PathTree {
    /// Reads `text`, which must be UTF-8 checked, as one document. `keep_loose` also notes every member that no
    /// column takes.
    pub(crate) fn read(&self, text: &str, captures: &mut Captures, keep_loose: bool) -> Result<Document, JsonError> {
        let mut scanner = Scanner::new(text);
        captures.begin(self);
        scanner.begin()?;
        let kind = if scanner.at_object() && (keep_loose || self.slots() > 0) {
            self.object(0, captures.last, &mut scanner, text, captures, keep_loose)?;
            Kind::Object
        } else {
            scanner.value()?.kind
        };
        scanner.finish()?;
        if captures.repeated {
            captures.drop_replaced(self);
        }
        if !captures.loose.is_sorted_by_key(|loose| loose.parent) {
            captures.loose.sort_unstable_by_key(|loose| (loose.parent, loose.name.start));
        }
        Ok(Document { kind, line_breaks: scanner.line_breaks(), overfull: captures.overfull })
    }

    fn object(
        &self,
        parent: NodeId,
        within: Occurrence,
        scanner: &mut Scanner<'_>,
        text: &str,
        captures: &mut Captures,
        keep_loose: bool,
    ) -> Result<Span, JsonError> {
        let start = scanner.position();
        scanner.enter()?;
        let here = &self.nodes[parent];
        let keep_loose = keep_loose && !here.covered;
        let (mut first, mut hint) = (true, 0);
        while let Some(name) = scanner.member(first)? {
            first = false;
            let plain = name.inside(text);
            let child = if name.kind == (Kind::String { escaped: true }) {
                captures.name.clear();
                unescape_into(plain, &mut captures.name);
                here.child(&captures.name, &mut hint)
            } else {
                here.child(plain, &mut hint)
            };
            let Some(id) = child else {
                let value = scanner.value()?;
                if keep_loose {
                    let (node, occurrence, misfit) = (None, within, false);
                    captures.note_loose(Loose { parent, node, occurrence, name, value, misfit });
                }
                continue;
            };
            let node = &self.nodes[id];
            let own = captures.occur(id, within);
            let inner = node.has_children() && scanner.at_object();
            let value =
                if inner { self.object(id, own, scanner, text, captures, keep_loose)? } else { scanner.value()? };
            if let Some(slot) = node.slot {
                captures.values[slot] = Some(value);
            }
            // Left over: a member only routing looks at, or one that should be an object to look into and is not.
            let looked_into = inner || (value.kind == Kind::Null && node.holds_column);
            if keep_loose && !node.column && !looked_into {
                let (node, misfit) = (Some(id), node.holds_column);
                captures.note_loose(Loose { parent, node, occurrence: own, name, value, misfit });
            }
        }
        Ok(Span { start, end: scanner.position(), kind: Kind::Object })
    }
}

#[cfg(test)]
#[path = "walk_tests.rs"]
mod tests;
