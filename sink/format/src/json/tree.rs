//! Every path a job needs, for its key and for its columns, as one tree that is walked beside a document.

use super::names::NameIndex;

/// Which node of the tree; the root is 0. Nodes are numbered in depth-first order: a parent comes before its children.
pub(super) type NodeId = usize;

#[derive(Debug)]
pub(crate) struct PathTree {
    pub(super) nodes: Vec<Node>,
    slots: usize,
}

#[derive(Debug, Default)]
pub(super) struct Node {
    pub(super) parent: NodeId,
    children: Vec<(Box<str>, NodeId)>,
    index: NameIndex,
    pub(super) slot: Option<usize>,
    /// A column takes this very value.
    pub(super) column: bool,
    /// A column takes this value or something inside it.
    pub(super) holds_column: bool,
    /// A column takes this value or one around it, so nothing in it is left over.
    pub(super) covered: bool,
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
        tree.plant(&root, paths, 0, false, &mut slots);
        (tree, slots)
    }

    fn plant(
        &mut self,
        from: &Growing,
        paths: &[(&[String], bool)],
        parent: NodeId,
        covered: bool,
        slots: &mut [usize],
    ) -> NodeId {
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
            children.push((child.name.clone(), self.plant(child, paths, id, covered, slots)));
        }
        let holds_column = column || children.iter().any(|(_, child)| self.nodes[*child].holds_column);
        let index = NameIndex::new(children.iter().map(|(name, _)| &**name));
        self.nodes[id] = Node { parent, children, index, slot, column, holds_column, covered };
        id
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
        self.nodes.get(id).is_some_and(Node::has_children)
    }

    pub(crate) fn slots(&self) -> usize {
        self.slots
    }
}

impl Node {
    pub(super) fn has_children(&self) -> bool {
        !self.children.is_empty()
    }

    /// Finds a child by name; `hint` is where the last one was found.
    #[inline]
    pub(super) fn child(&self, name: &str, hint: &mut usize) -> Option<NodeId> {
        let at = self.index.find(name, hint, |at| self.children.get(at).map_or("", |(name, _)| &**name))?;
        self.children.get(at).map(|(_, child)| *child)
    }
}
