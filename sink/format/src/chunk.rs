//! The records of one open file that were not encoded yet.

use crate::accept::Scratch;
use crate::columns::RowBuffer;
use crate::lines::append_line;
use crate::plan::{Plan, Shape};
use crate::reason::{Reason, Rejection, Stage};
use crate::record::Record;

#[derive(Debug)]
pub(crate) enum Content {
    /// Lines, each ending in a line feed.
    Lines(Vec<u8>),
    Rows(RowBuffer),
}

/// Records as they come in, growing until sealed.
#[derive(Debug)]
pub struct ChunkBuffer {
    content: Content,
    empty_rows: Option<RowBuffer>,
    records: u64,
    bytes: usize,
}

/// A sealed piece of a file, on its way to an encoder.
#[derive(Debug)]
pub struct Chunk {
    pub(crate) content: Content,
    records: u64,
    bytes: usize,
}

impl ChunkBuffer {
    pub(crate) fn new(plan: &Plan) -> Self {
        let (content, empty_rows) = match &plan.shape {
            Shape::Lines { .. } => (Content::Lines(Vec::new()), None),
            Shape::Columns(columns) => {
                let rows = RowBuffer::new(columns);
                (Content::Rows(rows.clone()), Some(rows))
            }
        };
        Self { content, empty_rows, records: 0, bytes: 0 }
    }

    /// Appends a record that [`crate::accept`] routed just before with the same scratch (otherwise it is read again).
    /// Answers what it added to [`Self::len_bytes`]. On an error nothing was added.
    ///
    /// # Errors
    /// The record does not fit the job's columns, its row would take far more memory than the record may, or the chunk
    /// can hold no more.
    pub fn append(&mut self, plan: &Plan, scratch: &mut Scratch, record: &Record<'_>) -> Result<usize, Rejection> {
        let added = match (&mut self.content, &plan.shape) {
            (Content::Lines(lines), Shape::Lines { envelope, .. }) => {
                let line_breaks = scratch.line_breaks(plan, record)?;
                let before = lines.len();
                append_line(lines, envelope, record, line_breaks);
                lines.len() - before
            }
            (Content::Rows(rows), Shape::Columns(columns)) => {
                let text = scratch.recall(plan, record)?;
                let (captures, row_scratch) = scratch.parts();
                let row_bytes = rows.append(columns, &plan.tree, text, captures, record, row_scratch)?;
                record.payload_bytes().max(row_bytes)
            }
            (Content::Lines(_), Shape::Columns(_)) | (Content::Rows(_), Shape::Lines { .. }) => {
                let message = "the chunk belongs to another version of the job";
                return Err(Rejection::new(Stage::Encode, Reason::Encode, message));
            }
        };
        self.records += 1;
        self.bytes += added;
        Ok(added)
    }

    /// Uncompressed bytes since the last seal: of lines, or of the records that became rows, each counted as its row
    /// where that takes more memory.
    pub fn len_bytes(&self) -> usize {
        self.bytes
    }

    /// Memory held, used or not. Costs a look at every column.
    pub fn memory_bytes(&self) -> usize {
        self.content.memory_bytes()
    }

    /// Records since the last seal.
    pub fn records(&self) -> u64 {
        self.records
    }

    /// Takes the content out and leaves an empty buffer that holds next to no memory.
    pub fn seal(&mut self) -> Chunk {
        let empty = match &self.empty_rows {
            Some(rows) => Content::Rows(rows.clone()),
            None => Content::Lines(Vec::new()),
        };
        Chunk {
            content: std::mem::replace(&mut self.content, empty),
            records: std::mem::take(&mut self.records),
            bytes: std::mem::take(&mut self.bytes),
        }
    }
}

impl Content {
    fn memory_bytes(&self) -> usize {
        match self {
            Self::Lines(lines) => lines.capacity(),
            Self::Rows(rows) => rows.memory_bytes(),
        }
    }

    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Lines(_) => "lines",
            Self::Rows(_) => "rows",
        }
    }
}

impl Chunk {
    /// How many records it holds.
    pub fn records(&self) -> u64 {
        self.records
    }

    /// Uncompressed bytes, as [`ChunkBuffer::len_bytes`] counts them.
    pub fn len_bytes(&self) -> usize {
        self.bytes
    }

    /// Memory held, used or not.
    pub fn memory_bytes(&self) -> usize {
        self.content.memory_bytes()
    }
}
