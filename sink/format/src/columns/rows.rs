//! The rows of an open chunk, appended record by record.

use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;
use landfall_job::Rest;

use super::buffer::{ColumnBuffer, Full, Heap, Values};
use super::envelope::EnvelopeBuffer;
use super::rest::write_rest;
use super::schema::{ColumnsPlan, MAX_ROW_FACTOR};
use super::value::{Misfit, Tools};
use crate::json::{Captures, Kind, PathTree};
use crate::reason::{Reason, Rejection, Stage};
use crate::record::Record;

/// Reused from record to record.
#[derive(Debug, Default)]
pub(crate) struct RowScratch {
    tools: Tools,
    kept: Vec<bool>,
    rest: Vec<u8>,
}

#[derive(Debug, Clone)]
pub(crate) struct RowBuffer {
    rows: usize,
    columns: Vec<ColumnBuffer>,
    rest: Option<ColumnBuffer>,
    envelope: Vec<EnvelopeBuffer>,
}

impl RowBuffer {
    pub(crate) fn new(plan: &ColumnsPlan) -> Self {
        Self {
            rows: 0,
            columns: plan.buffers(),
            rest: (plan.rest == Rest::Column).then(|| ColumnBuffer::with(Values::Text(Heap::default()))),
            envelope: plan.envelope.iter().map(|field| EnvelopeBuffer::new(*field)).collect(),
        }
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        let columns: usize = self.columns.iter().chain(&self.rest).map(ColumnBuffer::memory_bytes).sum();
        columns + self.envelope.iter().map(EnvelopeBuffer::memory_bytes).sum::<usize>()
    }

    /// Appends one record whose value `text` was read into `captures` (empty where there is none). Answers the memory
    /// that its values took, in bytes. On an error nothing was appended.
    pub(crate) fn append(
        &mut self,
        plan: &ColumnsPlan,
        tree: &PathTree,
        text: &str,
        captures: &Captures,
        record: &Record<'_>,
        scratch: &mut RowScratch,
    ) -> Result<usize, Rejection> {
        scratch.tools.left_bytes = plan.max_row_bytes;
        let appended = self
            .fields(plan, tree, text, captures, scratch)
            .and_then(|()| self.envelope.iter_mut().try_for_each(|column| column.push(record)).map_err(|Full| full()));
        match appended {
            Ok(()) => self.rows += 1,
            Err(ref rejection) => self.undo(rejection.reason == Reason::TooLarge),
        }
        if scratch.rest.capacity() > 1 << 20 {
            scratch.rest = Vec::new();
        }
        if scratch.tools.unescaped.capacity() > 1 << 20 {
            scratch.tools.unescaped = String::new();
        }
        appended.map(|()| plan.max_row_bytes - scratch.tools.left_bytes)
    }

    /// Takes back what was begun of a row. What a large one made the columns grow to is given back too.
    fn undo(&mut self, large: bool) {
        for column in self.columns.iter_mut().chain(&mut self.rest) {
            column.truncate(self.rows);
            if large {
                column.shrink();
            }
        }
        self.envelope.iter_mut().for_each(|column| column.truncate(self.rows));
    }

    fn fields(
        &mut self,
        plan: &ColumnsPlan,
        tree: &PathTree,
        text: &str,
        captures: &Captures,
        scratch: &mut RowScratch,
    ) -> Result<(), Rejection> {
        let keeps = self.rest.is_some();
        if !keeps && let Some(loose) = captures.first_loose() {
            let name = loose.name.inside(text);
            let what = if loose.misfit { "is not an object, as its columns need" } else { "has no column" };
            return Err(mismatch(format!("the field {name} {what}; add a column or write rest: _rest")));
        }
        scratch.kept.clear();
        scratch.kept.resize(tree.slots(), false);
        for (column, described) in self.columns.iter_mut().zip(&plan.columns) {
            let Some(span) = captures.value(described.slot).filter(|span| span.kind != Kind::Null) else {
                column.push_null();
                continue;
            };
            scratch.tools.unnamed = false;
            let problem = match column.push(text, span, &mut scratch.tools) {
                Ok(()) if scratch.tools.unnamed => "has a field its type does not name",
                Ok(()) => continue,
                Err(Misfit::Full) => return Err(full()),
                Err(Misfit::TooMuch) => return Err(too_much(plan.max_row_bytes)),
                Err(Misfit::Is(problem)) => {
                    column.truncate(self.rows);
                    column.push_null();
                    problem
                }
            };
            if !keeps {
                let (name, ty) = (&described.name, &described.ty);
                return Err(mismatch(format!("the column {name} is {ty}, and the value {problem}")));
            }
            scratch.kept[described.slot] = true;
        }
        let Some(rest) = &mut self.rest else {
            return Ok(());
        };
        if !write_rest(tree, text, captures, &scratch.kept, &mut scratch.rest) {
            rest.push_null();
        } else if let Values::Text(heap) = &mut rest.values {
            heap.push(&scratch.rest).map_err(|Full| full())?;
            rest.valid.push(true);
        }
        Ok(())
    }

    /// The rows as one Arrow batch.
    pub(crate) fn into_batch(self, plan: &ColumnsPlan) -> Result<RecordBatch, ArrowError> {
        let mut arrays = Vec::with_capacity(plan.schema.fields().len());
        for column in self.columns.into_iter().chain(self.rest) {
            arrays.push(column.into_array()?);
        }
        for column in self.envelope {
            arrays.push(column.into_array()?);
        }
        RecordBatch::try_new(plan.schema.clone(), arrays)
    }
}

fn mismatch(message: String) -> Rejection {
    Rejection::new(Stage::Encode, Reason::SchemaMismatch, message)
}

fn too_much(max_row_bytes: usize) -> Rejection {
    let message = format!(
        "the row would take more than {max_row_bytes} bytes, {MAX_ROW_FACTOR} times source.max_record_bytes; use a json column for its largest list or object, or raise source.max_record_bytes"
    );
    Rejection::new(Stage::Encode, Reason::TooLarge, message)
}

fn full() -> Rejection {
    Rejection::new(
        Stage::Encode,
        Reason::TooLarge,
        "a column of one chunk would hold more than 2 GiB; seal chunks earlier",
    )
}
