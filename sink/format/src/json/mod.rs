//! Strict JSON over bytes already known to be UTF-8: one forward pass, no recursion, no allocation.
//!
//! Accepts exactly RFC 8259 with two bounds: a document nests at most [`MAX_DEPTH`] levels, and `\u` escapes must form
//! Unicode scalar values (a lone surrogate is refused, because readers such as DuckDB refuse the whole file for it).
//! No byte order mark, no second document, no trailing comma, no comment, no NaN. A number may be of any size: it is
//! text here. Property tests hold this equal to what serde_json accepts.

mod fault;
mod names;
mod number;
mod scan;
mod text;
mod tree;
mod walk;

pub use fault::JsonError;
pub(crate) use names::NameIndex;
pub(crate) use number::parse_number;
pub use scan::MAX_DEPTH;
pub(crate) use scan::{Kind, Scanner, Span};
pub(crate) use text::{unescape_into, write_string};
pub(crate) use tree::PathTree;
pub(crate) use walk::{Captures, Document, MAX_LOOSE};
