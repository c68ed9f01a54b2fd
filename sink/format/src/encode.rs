//! Sealed chunks into the bytes of a file. Runs on threads made for computing, never on the polling thread.

use std::sync::Arc;

use bytes::Bytes;

use crate::chunk::{Chunk, Content};
use crate::columns::{ColumnsPlan, ParquetFile};
use crate::lines::{Codec, compress};
use crate::plan::{Plan, Shape};
use crate::reason::EncodeError;

/// Encodes a chunk whose plan says [`Plan::chunks_are_independent`]: any thread, any order, as long as the outputs of
/// one file are put together in the order of its chunks. Every piece is a gzip member or zstd frame of its own.
///
/// # Errors
/// The codec failed, or the chunks of this plan depend on each other.
// A chunk is used up: its memory is free when this returns.
#[allow(clippy::needless_pass_by_value)]
pub fn encode_independent(plan: &Plan, chunk: Chunk) -> Result<Vec<Bytes>, EncodeError> {
    match (&plan.shape, chunk.content) {
        (Shape::Lines { codec, .. }, Content::Lines(lines)) => compress(*codec, lines),
        (Shape::Lines { .. }, content) => Err(EncodeError::WrongChunk { chunk: content.name(), encoder: "lines" }),
        (Shape::Columns(_), content) => {
            Err(EncodeError::WrongChunk { chunk: content.name(), encoder: "one whole file" })
        }
    }
}

/// The encoder of one open file.
#[derive(Debug)]
pub struct FileEncoder {
    file: File,
}

#[derive(Debug)]
enum File {
    Lines(Codec),
    Columns { plan: Arc<ColumnsPlan>, file: Box<ParquetFile> },
}

impl FileEncoder {
    pub(crate) fn new(plan: &Plan) -> Result<Self, EncodeError> {
        let file = match &plan.shape {
            Shape::Lines { codec, .. } => File::Lines(*codec),
            Shape::Columns(columns) => {
                File::Columns { plan: Arc::clone(columns), file: Box::new(ParquetFile::new(columns)?) }
            }
        };
        Ok(Self { file })
    }

    /// Encodes the next chunk of the file; answers the bytes that may leave, which for Parquet are none until a row
    /// group is done.
    ///
    /// # Errors
    /// The codec or the Parquet writer failed; the file cannot be finished.
    pub fn encode(&mut self, chunk: Chunk) -> Result<Vec<Bytes>, EncodeError> {
        match (&mut self.file, chunk.content) {
            (File::Lines(codec), Content::Lines(lines)) => compress(*codec, lines),
            (File::Columns { plan, file }, Content::Rows(rows)) => file.write(plan, rows),
            (File::Lines(_), content) => Err(EncodeError::WrongChunk { chunk: content.name(), encoder: "lines" }),
            (File::Columns { .. }, content) => Err(EncodeError::WrongChunk { chunk: content.name(), encoder: "rows" }),
        }
    }

    /// Makes leave what is held back, at the price of a small row group; for use under memory pressure.
    ///
    /// # Errors
    /// The Parquet writer failed; the file cannot be finished.
    pub fn flush(&mut self) -> Result<Vec<Bytes>, EncodeError> {
        match &mut self.file {
            File::Lines(_) => Ok(Vec::new()),
            File::Columns { file, .. } => file.flush(),
        }
    }

    /// The last bytes of the file: what was held back, and the footer.
    ///
    /// # Errors
    /// The Parquet writer failed.
    pub fn finish(self) -> Result<Vec<Bytes>, EncodeError> {
        match self.file {
            File::Lines(_) => Ok(Vec::new()),
            File::Columns { file, .. } => file.finish(),
        }
    }

    /// What will leave, about, of the records that were encoded and have not left: the row group at hand, in bytes of
    /// the file. Zero for lines, which leave at once, and right after a row group left.
    pub fn in_progress_bytes(&self) -> usize {
        match &self.file {
            File::Lines(_) => 0,
            File::Columns { file, .. } => file.in_progress_bytes(),
        }
    }

    /// Memory held back: the row group at hand. Zero for lines.
    pub fn memory_bytes(&self) -> usize {
        match &self.file {
            File::Lines(_) => 0,
            File::Columns { file, .. } => file.memory_bytes(),
        }
    }
}
