//! One pass over a document: validates all of it and notes where the wanted fields lie.
//!
//! A [`PathTree`] holds every path a job needs, for its key and for its columns. Recursion follows the tree, never the
//! document, so its depth is the job's. A name that occurs twice counts as its last occurrence, whole.

use std::ops::Range;

use super::fault::JsonError;
use super::scan::{Kind, Scanner, Span};
use super::text::unescape_into;

/// Which node of the tree; the root is 0. Nodes are numbered in depth-first order, so a subtree is a range.
type NodeId = usize;

#[derive(Debug)]
pub(crate) struct PathTree {
    nodes: Vec<Node>,
    slots: usize,
}

#[derive(Debug, Default)]
struct Node {
    children: Vec<(Box<str>, NodeId)>,
    /// One past the last node of this subtree.
    end: NodeId,
    slot: Option<usize>,
    slots: Range<usize>,
    /// A column takes this very value.
    column: bool,
    /// A column takes this value or something inside it.
    holds_column: bool,
    /// A column takes this value or one around it, so nothing in it is left over.
    covered: bool,
}

/// A member no column takes, or one a column inside of it cannot be found in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Loose {
    /// The object it is a member of.
    parent: NodeId,
    node: Option<NodeId>,
    pub(crate) name: Span,
    pub(crate) value: Span,
    /// A column's path leads through this member, but it is neither object nor null.
    pub(crate) misfit: bool,
}

/// Where the wanted fields of one document lie; reused from record to record.
#[derive(Debug, Default)]
pub(crate) struct Captures {
    values: Vec<Option<Span>>,
    pub(crate) loose: Vec<Loose>,
    seen: Vec<u64>,
    generation: u64,
    name: String,
}

impl Captures {
    pub(crate) fn value(&self, slot: usize) -> Option<Span> {
        self.values.get(slot).copied().flatten()
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
        self.values.resize(tree.slots, None);
        self.loose.clear();
        if self.seen.len() != tree.nodes.len() {
            self.seen.clear();
            self.seen.resize(tree.nodes.len(), self.generation);
        }
        self.generation += 1;
    }

    /// Forgets an earlier occurrence of `node`.
    fn forget(&mut self, tree: &PathTree, id: NodeId, node: &Node) {
        for value in self.values.get_mut(node.slots.clone()).unwrap_or_default() {
            *value = None;
        }
        let inside = id..node.end;
        self.loose.retain(|l| !inside.contains(&l.parent) && l.node.is_none_or(|at| !inside.contains(&at)));
        for (at, seen) in self.seen.iter_mut().enumerate().take(tree.nodes.len()) {
            if inside.contains(&at) {
                *seen = 0;
            }
        }
    }
}

/// What was read: the document's own kind, and whether it spans several lines.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Document {
    pub(crate) kind: Kind,
    pub(crate) line_breaks: bool,
}

struct Growing {
    name: Box<str>,
    children: Vec<Growing>,
    users: Vec<usize>,
}

impl PathTree {
    /// A tree of `paths`; `is_column` says which of them are columns (the others are for routing). Also tells each
    /// path's slot, in the order given; equal paths share one.
    pub(crate) fn build(paths: &[(&[String], bool)]) -> (Self, Vec<usize>) {
        let mut root = Growing { name: "".into(), children: Vec::new(), users: Vec::new() };
        for (user, (path, _)) in paths.iter().enumerate() {
            let mut at = &mut root;
            for name in *path {
                let index = match at.children.iter().position(|child| *child.name == **name) {
                    Some(index) => index,
                    None => {
                        let name = name.as_str().into();
                        at.children.push(Growing { name, children: Vec::new(), users: Vec::new() });
                        at.children.len() - 1
                    }
                };
                at = &mut at.children[index];
            }
            at.users.push(user);
        }
        let mut tree = Self { nodes: Vec::new(), slots: 0 };
        let mut slots = vec![0; paths.len()];
        tree.plant(&root, paths, false, &mut slots);
        (tree, slots)
    }

    fn plant(&mut self, from: &Growing, paths: &[(&[String], bool)], covered: bool, slots: &mut [usize]) -> NodeId {
        let id = self.nodes.len();
        self.nodes.push(Node::default());
        let first_slot = self.slots;
        let column = from.users.iter().any(|user| paths.get(*user).is_some_and(|(_, column)| *column));
        let covered = covered || column;
        let slot = (!from.users.is_empty()).then(|| {
            self.slots += 1;
            first_slot
        });
        for user in &from.users {
            slots[*user] = first_slot;
        }
        let mut children = Vec::with_capacity(from.children.len());
        for child in &from.children {
            children.push((child.name.clone(), self.plant(child, paths, covered, slots)));
        }
        let holds_column = column || children.iter().any(|(_, child)| self.nodes[*child].holds_column);
        let (end, slots) = (self.nodes.len(), first_slot..self.slots);
        self.nodes[id] = Node { children, end, slot, slots, column, holds_column, covered };
        id
    }

    /// Reads `text`, which must be UTF-8 checked, as one document. `keep_loose` also notes every member that no
    /// column takes.
    pub(crate) fn read(&self, text: &str, captures: &mut Captures, keep_loose: bool) -> Result<Document, JsonError> {
        let mut scanner = Scanner::new(text);
        captures.begin(self);
        scanner.begin()?;
        let kind = if scanner.at_object() && (keep_loose || self.slots > 0) {
            self.object(0, &mut scanner, text, captures, keep_loose)?;
            Kind::Object
        } else {
            scanner.value()?.kind
        };
        scanner.finish()?;
        Ok(Document { kind, line_breaks: scanner.line_breaks() })
    }

    fn object(
        &self,
        parent: NodeId,
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
            let Some(id) = here.child(name, text, &mut hint, &mut captures.name) else {
                let value = scanner.value()?;
                if keep_loose {
                    captures.loose.push(Loose { parent, node: None, name, value, misfit: false });
                }
                continue;
            };
            let node = &self.nodes[id];
            if captures.seen[id] == captures.generation {
                captures.forget(self, id, node);
            }
            captures.seen[id] = captures.generation;
            let inner = !node.children.is_empty() && scanner.at_object();
            let value = if inner { self.object(id, scanner, text, captures, keep_loose)? } else { scanner.value()? };
            if let Some(slot) = node.slot {
                captures.values[slot] = Some(value);
            }
            // Left over: a member only routing looks at, or one that should be an object to look into and is not.
            let looked_into = inner || (value.kind == Kind::Null && node.holds_column);
            if keep_loose && !node.column && !looked_into {
                let misfit = node.holds_column;
                captures.loose.push(Loose { parent, node: Some(id), name, value, misfit });
            }
        }
        Ok(Span { start, end: scanner.position(), kind: Kind::Object })
    }

    /// The members of an object that a rest object may need: name, node, and the slot if a column takes it.
    pub(crate) fn members(&self, id: usize) -> impl Iterator<Item = (&str, usize, Option<usize>)> {
        let children: &[(Box<str>, NodeId)] = self.nodes.get(id).map_or(&[], |node| &node.children);
        children.iter().map(|(name, child)| {
            let node = &self.nodes[*child];
            (&**name, *child, node.slot.filter(|_| node.column))
        })
    }

    /// Whether there is anything to look for inside this node.
    pub(crate) fn has_members(&self, id: usize) -> bool {
        self.nodes.get(id).is_some_and(|node| !node.children.is_empty())
    }

    pub(crate) fn slots(&self) -> usize {
        self.slots
    }
}

impl Loose {
    pub(crate) fn is_in(&self, parent: usize) -> bool {
        self.parent == parent
    }
}

impl Node {
    /// Finds a child by name. Records of one topic mostly keep their order, so the search begins after the last hit.
    #[inline]
    fn child(&self, name: Span, text: &str, hint: &mut usize, unescaped: &mut String) -> Option<NodeId> {
        let plain = name.inside(text);
        let wanted = if name.kind == (Kind::String { escaped: true }) {
            unescaped.clear();
            unescape_into(plain, unescaped);
            unescaped.as_str()
        } else {
            plain
        };
        let (before, after) = self.children.split_at((*hint).min(self.children.len()));
        let found = |children: &[(Box<str>, NodeId)]| children.iter().position(|(child, _)| **child == *wanted);
        let index = match found(after) {
            Some(index) => index + before.len(),
            None => found(before)?,
        };
        *hint = index + 1;
        Some(self.children[index].1)
    }
}

#[cfg(test)]
#[path = "walk_tests.rs"]
mod tests;
