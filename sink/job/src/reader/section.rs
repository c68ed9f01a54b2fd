//! Reading the fields of one section by its table.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use super::node::shown_key;
use super::{FromNode, Inner, Node, Preset, Refusal, Table, closest, literal};
use crate::FieldError;

/// How many mistakes of one document are told; more would only bury the first.
const MAX_PROBLEMS: usize = 100;

/// The mistakes found so far.
#[derive(Debug, Default)]
pub struct Problems {
    list: RefCell<Vec<FieldError>>,
    any: Cell<bool>,
    /// Fields about which everything is said.
    closed: RefCell<Vec<String>>,
}

impl Problems {
    /// Notes one mistake.
    pub fn add(&self, problem: FieldError) {
        self.any.set(true);
        let mut list = self.list.borrow_mut();
        let closed = self.closed.borrow().contains(&problem.field);
        if list.len() < MAX_PROBLEMS && !closed && !list.contains(&problem) {
            list.push(problem);
        }
    }

    /// Notes a mistake that makes every other one of the same field idle.
    pub fn add_last(&self, problem: FieldError) {
        let field = problem.field.clone();
        self.add(problem);
        let mut closed = self.closed.borrow_mut();
        if closed.len() < MAX_PROBLEMS {
            closed.push(field);
        }
    }

    /// Whether nothing was found.
    pub fn is_empty(&self) -> bool {
        !self.any.get()
    }

    /// Everything found, in the order of finding.
    pub fn into_vec(self) -> Vec<FieldError> {
        self.list.into_inner()
    }
}

/// One section of a document under reading. Every key of its table is asked for once; [`Section::finish`] refuses the rest.
#[derive(Debug)]
pub struct Section<'a> {
    path: String,
    table: &'static Table,
    entries: &'a [(String, Node)],
    asked: Vec<&'static str>,
    problems: &'a Problems,
    /// The section itself was wrong: what it lacks is not told on top.
    broken: bool,
}

impl<'a> Section<'a> {
    /// The outermost section of a document.
    pub fn root(node: &'a Node, table: &'static Table, problems: &'a Problems) -> Self {
        Self::at(String::new(), Some(node), table, problems)
    }

    /// A section at a path; absent means empty.
    pub fn at(path: String, node: Option<&'a Node>, table: &'static Table, problems: &'a Problems) -> Self {
        let (entries, broken): (&[(String, Node)], bool) = match node {
            Some(Node::Map(entries)) => (entries, false),
            None => (&[], false),
            Some(other) => {
                let field = if path.is_empty() { "document" } else { &path };
                let refusal = Refusal::kind(other, &format!("a map with {}", names(table)));
                problems.add(FieldError::new(field, refusal.problem, refusal.fix).with_value(other.shown()));
                (&[], true)
            }
        };
        Self { path, table, entries, asked: Vec::new(), problems, broken }
    }

    /// The full path of a key of this section.
    pub fn path_of(&self, name: &str) -> String {
        let name = shown_key(name);
        if self.path.is_empty() { name } else { format!("{}.{name}", self.path) }
    }

    /// Whether the key is written.
    pub fn has(&self, name: &str) -> bool {
        self.entries.iter().any(|(key, _)| key == name)
    }

    /// Whether the key holds a list of nothing.
    pub fn is_empty_list(&self, name: &str) -> bool {
        self.entries.iter().any(|(key, node)| key == name && matches!(node, Node::List(items) if items.is_empty()))
    }

    /// Where mistakes go.
    pub fn problems(&self) -> &'a Problems {
        self.problems
    }

    /// The bare value of a key, for shapes that no helper here reads.
    pub fn node(&mut self, name: &'static str) -> Option<&'a Node> {
        debug_assert!(self.table.field(name).is_some(), "{name} is read but not in the table");
        self.asked.push(name);
        self.entries.iter().find(|(key, _)| key == name).map(|(_, node)| node)
    }

    /// Notes that the value of a key is wrong.
    pub fn refuse(&self, name: &str, node: &Node, refusal: Refusal) {
        self.refuse_at(self.path_of(name), node, refusal);
    }

    /// Notes that a value at a full path is wrong.
    pub fn refuse_at(&self, path: String, node: &Node, refusal: Refusal) {
        self.problems.add(FieldError::new(path, refusal.problem, refusal.fix).with_value(node.shown()));
    }

    /// Notes that a key is missing.
    pub fn missing(&self, name: &str, fix: impl Into<String>) {
        if !self.broken {
            self.problems.add(FieldError::new(self.path_of(name), "is missing", fix));
        }
    }

    /// Notes that a key is at odds with the rest of the section.
    pub fn conflict(&self, name: &str, problem: &str, fix: &str) {
        self.problems.add(FieldError::new(self.path_of(name), problem, fix));
    }

    /// Notes that an entry of a map under a key is wrong, without repeating its value.
    pub fn conflict_below(&self, name: &str, entry: &str, problem: &str, fix: &str) {
        self.problems.add(FieldError::new(format!("{}.{}", self.path_of(name), shown_key(entry)), problem, fix));
    }

    /// Notes that the section's own name, chosen by the user, is wrong.
    pub fn refuse_self(&self, refusal: &Refusal) {
        self.problems.add(FieldError::new(self.path.as_str(), refusal.problem.as_str(), refusal.fix.as_str()));
    }

    /// A value by its type's own rule; `None` after a mistake was noted.
    pub fn read<T: FromNode>(&mut self, name: &'static str) -> Option<T> {
        self.read_with(name, T::from_node)
    }

    /// A value by a given rule; `None` after a mistake was noted.
    pub fn read_with<T>(&mut self, name: &'static str, rule: impl Fn(&Node) -> Result<T, Refusal>) -> Option<T> {
        if let Some(node) = self.node(name) {
            return rule(node).map_err(|refusal| self.refuse(name, node, refusal)).ok();
        }
        match self.table.field(name).map(|field| (field.preset, field.ty)) {
            Some((Preset::Value(text), _)) => {
                let node = literal(text);
                rule(&node).map_err(|refusal| self.refuse(name, &node, refusal)).ok()
            }
            Some((Preset::Required, ty)) => {
                self.missing(name, format!("write {ty}"));
                None
            }
            Some((Preset::Optional(_), _)) | None => None,
        }
    }

    /// A value that may be left out: `Some(None)` where it is, `None` after a mistake was noted.
    pub fn read_optional<T: FromNode>(&mut self, name: &'static str) -> Option<Option<T>> {
        self.read_optional_with(name, T::from_node)
    }

    /// A value that may be left out, by a given rule.
    pub fn read_optional_with<T>(
        &mut self,
        name: &'static str,
        rule: impl Fn(&Node) -> Result<T, Refusal>,
    ) -> Option<Option<T>> {
        match self.node(name) {
            None => Some(None),
            Some(node) => rule(node).map_err(|refusal| self.refuse(name, node, refusal)).ok().map(Some),
        }
    }

    /// A list, each item by a rule; absent is empty. `None` after a mistake was noted.
    pub fn list_with<T>(&mut self, name: &'static str, rule: impl Fn(&Node) -> Result<T, Refusal>) -> Option<Vec<T>> {
        let Some(node) = self.node(name) else { return Some(Vec::new()) };
        let Node::List(items) = node else {
            self.refuse(name, node, Refusal::kind(node, "a list, such as [a, b]"));
            return None;
        };
        let read: Vec<Option<T>> = items
            .iter()
            .enumerate()
            .map(|(at, item)| {
                let path = format!("{}[{at}]", self.path_of(name));
                rule(item).map_err(|refusal| self.refuse_at(path, item, refusal)).ok()
            })
            .collect();
        read.into_iter().collect()
    }

    /// A map from text to values, each by a rule of (key, value); absent is empty. `None` after a mistake was noted.
    pub fn map_with<T>(
        &mut self,
        name: &'static str,
        rule: impl Fn(&str, &Node) -> Result<T, Refusal>,
    ) -> Option<BTreeMap<String, T>> {
        let Some(node) = self.node(name) else { return Some(BTreeMap::new()) };
        let Node::Map(entries) = node else {
            self.refuse(name, node, Refusal::kind(node, "a map, such as {a: b}"));
            return None;
        };
        let read: Vec<Option<(String, T)>> = entries
            .iter()
            .map(|(key, item)| {
                let path = format!("{}.{}", self.path_of(name), shown_key(key));
                let value = rule(key, item).map_err(|refusal| self.refuse_at(path, item, refusal)).ok()?;
                Some((key.clone(), value))
            })
            .collect();
        read.into_iter().collect()
    }

    /// The section under a key; absent means empty.
    pub fn section(&mut self, name: &'static str) -> Section<'a> {
        let node = self.node(name);
        let mut inner = Section::at(self.path_of(name), node, self.inner(name), self.problems);
        inner.broken |= self.broken;
        inner
    }

    /// The sections of a list under a key; absent means none.
    pub fn sections(&mut self, name: &'static str) -> Vec<Section<'a>> {
        let table = self.inner(name);
        let Some(node) = self.node(name) else { return Vec::new() };
        let Node::List(items) = node else {
            self.refuse(name, node, Refusal::kind(node, "a list of maps"));
            return Vec::new();
        };
        let path = |at| format!("{}[{at}]", self.path_of(name));
        items.iter().enumerate().map(|(at, item)| Section::at(path(at), Some(item), table, self.problems)).collect()
    }

    /// The sections of a map under a key, with their names; absent means none.
    pub fn named(&mut self, name: &'static str) -> Vec<(&'a str, Section<'a>)> {
        let table = self.inner(name);
        let Some(node) = self.node(name) else { return Vec::new() };
        let Node::Map(entries) = node else {
            self.refuse(name, node, Refusal::kind(node, "a map of names, each with its own fields"));
            return Vec::new();
        };
        let at = |key: &str| format!("{}.{}", self.path_of(name), shown_key(key));
        entries
            .iter()
            .map(|(key, item)| (key.as_str(), Section::at(at(key), Some(item), table, self.problems)))
            .collect()
    }

    /// Refuses every key that nobody asked for.
    pub fn finish(self) {
        debug_assert!(
            self.table.fields.iter().all(|field| self.asked.contains(&field.name)),
            "a field of the table is never read: {:?} of {}",
            self.table.fields.iter().map(|field| field.name).find(|name| !self.asked.contains(name)),
            names(self.table)
        );
        for (key, _) in self.entries.iter().filter(|(key, _)| !self.asked.contains(&key.as_str())) {
            let path = self.path_of(key);
            if let Some(refused) = self.table.refused.iter().find(|refused| refused.name == key) {
                self.problems.add(FieldError::new(path, refused.problem, refused.fix));
                continue;
            }
            let fix = match closest(key, self.table.fields.iter().map(|field| field.name)) {
                Some(name) => format!("did you mean {}?", self.path_of(name)),
                None => format!("known here: {}", names(self.table)),
            };
            self.problems.add(FieldError::new(path, "is not a known field", fix));
        }
    }

    fn inner(&self, name: &str) -> &'static Table {
        const NONE: &Table = &Table { fields: &[], refused: &[] };
        match self.table.field(name).map(|field| field.inner) {
            Some(Inner::Section(table) | Inner::Named(table) | Inner::Each(table)) => table,
            Some(Inner::Value) | None => NONE,
        }
    }
}

fn names(table: &Table) -> String {
    table.fields.iter().map(|field| field.name).collect::<Vec<_>>().join(", ")
}
