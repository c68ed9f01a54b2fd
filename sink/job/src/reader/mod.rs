//! A strict reader of YAML and JSON documents, driven by tables.
//!
//! Text becomes a [`Node`] tree with hard limits on size, depth and number of values. Tables ([`Table`], [`Field`]) name every
//! key with its type, default and meaning; [`Section`] reads values by those tables. Invariants:
//!
//! - all mistakes are collected, none stops the reading of the others;
//! - a key that no code asked for is a mistake, so nothing is accepted and ignored;
//! - a default is read from the table by the same code as a written value, so the reference cannot differ from the truth.

mod node;
mod reference;
mod scalar;
mod section;
mod suggest;
mod table;
mod text;
mod words;

pub(crate) use node::shown_key;
pub use node::{Node, Number};
pub use reference::markdown;
pub use scalar::{FromNode, Refusal, nonempty_text, within};
pub use section::{Problems, Section};
pub use suggest::closest;
pub use table::{Field, Inner, Preset, Refused, Table};
pub(crate) use text::deserialize_node;
pub use text::{MAX_DEPTH, MAX_DOCUMENT_BYTES, MAX_NODES, literal, parse_text};
pub use words::refuse_word;
