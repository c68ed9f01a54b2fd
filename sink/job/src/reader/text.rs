//! Text to tree: YAML or JSON, with limits that keep hostile documents small in time and memory.

use std::cell::RefCell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

use super::node::shown_key;
use super::{Node, Number, Problems};
use crate::FieldError;

/// The longest document, in bytes.
pub const MAX_DOCUMENT_BYTES: usize = 256 * 1024;
/// The deepest nesting of lists and maps.
pub const MAX_DEPTH: usize = 32;
/// The most values of one document, aliases counted at every place they stand for.
pub const MAX_NODES: usize = 50_000;
/// The most opening brackets: a YAML scanner's time grows with the square of their depth.
const MAX_BRACKETS: usize = 20_000;

/// Reads a document, JSON if it begins with `{` and is JSON, else YAML. Duplicate keys are noted in `problems` with their path.
///
/// # Errors
/// The text is too long, too deep, too large, empty, or neither JSON nor YAML.
pub fn parse_text(text: &str, problems: &Problems) -> Result<Node, FieldError> {
    if text.len() > MAX_DOCUMENT_BYTES {
        let problem = format!("is {} bytes long, more than {MAX_DOCUMENT_BYTES}", text.len());
        return Err(FieldError::new("document", problem, "split it, or leave out what is default"));
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.trim().is_empty() {
        return Err(FieldError::new("document", "is empty", "write a YAML or JSON document"));
    }
    if text.bytes().filter(|byte| matches!(byte, b'[' | b'{')).count() > MAX_BRACKETS {
        return Err(FieldError::new("document", format!("has more than {MAX_BRACKETS} brackets"), "make it smaller"));
    }
    let walk = Walk { state: RefCell::new(State::default()), problems };
    // A flow mapping of YAML begins like JSON, so a text that is no JSON gets its second chance as YAML.
    let json = text.trim_start().starts_with('{').then(|| {
        let mut reader = serde_json::Deserializer::from_str(text);
        let node = NodeSeed { walk: &walk, depth: 0 }.deserialize(&mut reader);
        node.and_then(|node| reader.end().map(|()| node))
    });
    match json {
        Some(Ok(node)) => Ok(node),
        Some(Err(error)) if !error.is_syntax() || walk.state.borrow().limit_hit => Err(syntax("JSON", &error)),
        Some(Err(json_error)) => yaml(text, problems).map_err(|error| match looks_like_json(text) {
            true => syntax("JSON", &json_error),
            false => error,
        }),
        None => yaml(text, problems),
    }
}

fn yaml(text: &str, problems: &Problems) -> Result<Node, FieldError> {
    let walk = Walk { state: RefCell::new(State::default()), problems };
    let reader = serde_yaml_ng::Deserializer::from_str(text);
    NodeSeed { walk: &walk, depth: 0 }.deserialize(reader).map_err(|error| syntax("YAML", &error))
}

/// Whether the first key is in quotes, as in every JSON object and hardly any YAML.
fn looks_like_json(text: &str) -> bool {
    text.trim_start().trim_start_matches('{').trim_start().starts_with('"')
}

fn syntax(language: &str, error: &dyn fmt::Display) -> FieldError {
    FieldError::new("document", format!("cannot be read as {language}"), error.to_string().trim_end_matches('.'))
}

/// A default written in a table, as the node it would be in a document.
pub fn literal(text: &str) -> Node {
    match text {
        "true" => return Node::Bool(true),
        "false" => return Node::Bool(false),
        _ => {}
    }
    if let Ok(value) = text.parse::<i128>() {
        return Node::Number(Number::Int(value));
    }
    let numeric = text.starts_with(|c: char| c.is_ascii_digit());
    match text.parse::<f64>() {
        Ok(value) if numeric && value.is_finite() => Node::Number(Number::Float(value)),
        _ => Node::Text(text.to_owned()),
    }
}

#[derive(Default)]
struct State {
    nodes: usize,
    path: Vec<String>,
    limit_hit: bool,
}

struct Walk<'p> {
    state: RefCell<State>,
    problems: &'p Problems,
}

impl Walk<'_> {
    fn limit<E: serde::de::Error>(&self, what: String) -> E {
        self.state.borrow_mut().limit_hit = true;
        E::custom(what)
    }

    fn count<E: serde::de::Error>(&self) -> Result<(), E> {
        self.state.borrow_mut().nodes += 1;
        if self.state.borrow().nodes > MAX_NODES {
            return Err(self.limit(format!("more than {MAX_NODES} values, aliases counted where they stand")));
        }
        Ok(())
    }

    fn enter<E: serde::de::Error>(&self, depth: usize) -> Result<usize, E> {
        if depth >= MAX_DEPTH {
            return Err(self.limit(format!("nested deeper than {MAX_DEPTH} levels")));
        }
        Ok(depth + 1)
    }

    fn duplicate(&self, key: &str) {
        let mut path = self.state.borrow().path.clone();
        path.push(shown_key(key));
        self.problems.add(FieldError::new(path.join("."), "is written twice", "keep one"));
    }
}

#[derive(Clone, Copy)]
struct NodeSeed<'w, 'p> {
    walk: &'w Walk<'p>,
    depth: usize,
}

impl<'de> DeserializeSeed<'de> for NodeSeed<'_, '_> {
    type Value = Node;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        self.walk.count()?;
        deserializer.deserialize_any(self)
    }
}

/// The key under which `serde_json` hands over a number in full precision.
const JSON_NUMBER: &str = "$serde_json::private::Number";

impl<'de> Visitor<'de> for NodeSeed<'_, '_> {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map, a list, a string, a number, true, false or null, without a YAML tag")
    }

    fn visit_bool<E: serde::de::Error>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Bool(value))
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Number(Number::Int(value.into())))
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Node, E> {
        Ok(Node::Number(Number::Int(value.into())))
    }

    fn visit_i128<E: serde::de::Error>(self, value: i128) -> Result<Node, E> {
        Ok(Node::Number(Number::Int(value)))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Node, E> {
        if value.is_finite() {
            Ok(Node::Number(Number::Float(value)))
        } else {
            Err(E::custom("a number that is not finite"))
        }
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<Node, E> {
        Ok(Node::Text(value.to_owned()))
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_none<E: serde::de::Error>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Node, A::Error> {
        let depth = self.walk.enter(self.depth)?;
        let mut list = Vec::new();
        while let Some(node) = items.next_element_seed(NodeSeed { walk: self.walk, depth })? {
            list.push(node);
        }
        Ok(Node::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Node, A::Error> {
        let depth = self.walk.enter(self.depth)?;
        let mut map: Vec<(String, Node)> = Vec::new();
        let mut seen = std::collections::BTreeSet::new();
        while let Some(key) = entries.next_key_seed(KeySeed)? {
            if key == JSON_NUMBER && map.is_empty() {
                return number(&entries.next_value::<String>()?);
            }
            self.walk.state.borrow_mut().path.push(shown_key(&key));
            let node = entries.next_value_seed(NodeSeed { walk: self.walk, depth })?;
            self.walk.state.borrow_mut().path.pop();
            if seen.insert(key.clone()) {
                map.push((key, node));
            } else {
                self.walk.duplicate(&key);
            }
        }
        Ok(Node::Map(map))
    }
}

fn number<E: serde::de::Error>(digits: &str) -> Result<Node, E> {
    if let Ok(value) = digits.parse::<i128>() {
        return Ok(Node::Number(Number::Int(value)));
    }
    match digits.parse::<f64>() {
        Ok(value) if value.is_finite() => Ok(Node::Number(Number::Float(value))),
        _ => Err(E::custom("a number that is out of range")),
    }
}

/// A key: text, or a whole number as in `{0: 42}`, which YAML allows and JSON writes in quotes.
struct KeySeed;

impl<'de> DeserializeSeed<'de> for KeySeed {
    type Value = String;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<String, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Visitor<'_> for KeySeed {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key that is text or a whole number")
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<String, E> {
        Ok(value.to_owned())
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<String, E> {
        Ok(value.to_string())
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<String, E> {
        Ok(value.to_string())
    }
}

/// A tree from any deserializer, for types that are stored inside other documents.
pub(crate) fn deserialize_node<'de, D: Deserializer<'de>>(reader: D, problems: &Problems) -> Result<Node, D::Error> {
    let walk = Walk { state: RefCell::new(State::default()), problems };
    let node = NodeSeed { walk: &walk, depth: 0 }.deserialize(reader)?;
    match problems.is_empty() {
        true => Ok(node),
        false => Err(D::Error::custom("a key is written twice")),
    }
}
