//! One Parquet file, written row group by row group, its bytes taken out as soon as a row group is done.

use bytes::Bytes;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::errors::ParquetError;

use super::rows::RowBuffer;
use super::schema::ColumnsPlan;
use crate::reason::EncodeError;

/// A row group is closed at about this many encoded bytes: large enough to scan well, small enough to hold in memory
/// and to leave as one part.
const ROW_GROUP_BYTES: usize = 16 << 20;
/// Rows encoded at a time: the values of so many rows of a column stay in the processor's cache.
const STEP_ROWS: usize = 1_024;

#[derive(Debug)]
pub(crate) struct ParquetFile {
    writer: ArrowWriter<Vec<u8>>,
    rows: u64,
}

impl ParquetFile {
    pub(crate) fn new(plan: &ColumnsPlan) -> Result<Self, EncodeError> {
        let options = ArrowWriterOptions::new().with_properties(plan.properties.clone()).with_skip_arrow_metadata(true);
        let writer = ArrowWriter::try_new_with_options(Vec::new(), plan.schema.clone(), options)
            .map_err(|cause| EncodeError::Parquet { records: 0, cause })?;
        Ok(Self { writer, rows: 0 })
    }

    fn failed(&self) -> impl Fn(ParquetError) -> EncodeError + use<> {
        let records = self.rows;
        move |cause| EncodeError::Parquet { records, cause }
    }

    /// Encodes rows; answers the bytes that may leave.
    pub(crate) fn write(&mut self, plan: &ColumnsPlan, rows: RowBuffer) -> Result<Vec<Bytes>, EncodeError> {
        let batch = rows.into_batch(plan)?;
        let failed = self.failed();
        let mut from = 0;
        while from < batch.num_rows() {
            let length = STEP_ROWS.min(batch.num_rows() - from);
            self.writer.write(&batch.slice(from, length)).map_err(&failed)?;
            from += length;
            if self.writer.in_progress_size() >= ROW_GROUP_BYTES {
                self.writer.flush().map_err(&failed)?;
            }
        }
        self.rows += u64::try_from(batch.num_rows()).unwrap_or(u64::MAX);
        Ok(self.take())
    }

    /// Closes the row group at hand; answers the bytes that may leave.
    pub(crate) fn flush(&mut self) -> Result<Vec<Bytes>, EncodeError> {
        let failed = self.failed();
        self.writer.flush().and_then(|()| Ok(self.writer.sync()?)).map_err(failed)?;
        Ok(self.take())
    }

    /// Writes what is left and the footer.
    pub(crate) fn finish(mut self) -> Result<Vec<Bytes>, EncodeError> {
        let failed = self.failed();
        self.writer.finish().map_err(&failed)?;
        self.writer.sync().map_err(|error| failed(error.into()))?;
        Ok(self.take())
    }

    /// What the row group at hand will be about, in bytes of the file.
    pub(crate) fn in_progress_bytes(&self) -> usize {
        self.writer.in_progress_size()
    }

    /// Memory held: the encoded pages of the row group at hand, and what was not taken out.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.writer.memory_size() + self.writer.inner().capacity()
    }

    fn take(&mut self) -> Vec<Bytes> {
        let mut bytes = std::mem::take(self.writer.inner_mut());
        if bytes.is_empty() {
            return Vec::new();
        }
        bytes.shrink_to_fit();
        vec![Bytes::from(bytes)]
    }
}
