//! How a record becomes bytes of a file: decode, route, encode. Pure CPU: no I/O, no clock, no threads; times come as
//! arguments, in milliseconds since 1970-01-01T00:00:00Z.
//!
//! The way of a record, on the polling thread: [`accept`] reads its value once, checking all of it and noting the
//! fields the job needs, and renders its group key; [`ChunkBuffer::append`] copies it once into the open chunk of its
//! file. A sealed [`Chunk`] crosses to another thread, where [`encode_independent`] or a [`FileEncoder`] makes the
//! bytes that leave. [`rotate`] says when a file is closed.
//!
//! Invariants:
//! - every record is routed, skipped or rejected with a [`Reason`]; no input panics, hangs or exhausts a stack;
//! - work and memory of a record are in proportion to its length, whatever it holds;
//! - [`ChunkBuffer::append`] adds a record whole or not at all;
//! - a JSON record lands as the bytes it came with, except that line breaks between tokens become spaces;
//! - no allocation per record for JSON lines without headers in key or envelope, beside the growth of buffers;
//! - a key has the segments of its template, whatever the record holds (see [`finish_key`]).

mod accept;
mod chunk;
mod columns;
mod encode;
mod json;
mod lines;
mod plan;
mod reason;
mod record;
pub mod rotate;
mod route;

pub use accept::{Scratch, Verdict, accept};
pub use chunk::{Chunk, ChunkBuffer};
pub use encode::{FileEncoder, encode_independent};
pub use json::{JsonError, MAX_DEPTH};
pub use plan::{Plan, PlanError};
pub use reason::{EncodeError, MAX_MESSAGE_BYTES, Reason, Rejection, SkipReason, Stage};
pub use record::{HeaderView, NoHeaders, Record};
pub use route::{
    FIRST_OFFSET_DIGITS, FIRST_OFFSET_MARK, MAX_KEY_BYTES, MAX_SEGMENT_BYTES, MAX_UNIQUE_BYTES, STRETCH_MARK,
    UNIQUE_MARK, finish_key,
};
