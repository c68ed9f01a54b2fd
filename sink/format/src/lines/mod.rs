//! JSON lines: one record a line, and chunks of lines as independent gzip members or zstd frames.

mod line;
mod members;

pub(crate) use line::append_line;
pub(crate) use members::{Codec, compress};
