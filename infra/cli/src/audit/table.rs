//! A Parquet object, read as a whole: every column of every row group, a batch at a time.

use bytes::Bytes;
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::{ByteArray, DataType};
use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader, RowGroupReader, SerializedFileReader};

use super::content::{Records, Told};

const BATCH_ROWS: usize = 4_096;

pub(super) fn records(body: Bytes, told: Told) -> Result<Records, String> {
    read(body, told).map_err(|error| error.to_string())
}

fn read(body: Bytes, told: Told) -> Result<Records, ParquetError> {
    let reader = SerializedFileReader::new(body)?;
    let mut records = Records::default();
    for at in 0..reader.num_row_groups() {
        let group = reader.get_row_group(at)?;
        let rows = group.metadata().num_rows();
        for column in 0..group.num_columns() {
            let read = drain(group.get_column_reader(column)?)?;
            if i64::try_from(read) != Ok(rows) {
                let name = group.metadata().column(column).column_path().string();
                return Err(general(format!("row group {at} has {rows} rows, column {name} {read}")));
            }
        }
        if let Told::ByEnvelope { topic } = told {
            places(group.as_ref(), topic, &mut records)?;
        }
        records.count += u64::try_from(rows).map_err(|_| general(format!("row group {at} has {rows} rows")))?;
    }
    let footer = reader.metadata().file_metadata().num_rows();
    if i64::try_from(records.count) != Ok(footer) {
        return Err(general(format!("its footer tells {footer} rows, its row groups hold {}", records.count)));
    }
    Ok(records)
}

fn general(what: String) -> ParquetError {
    ParquetError::General(what)
}

/// Reads a column to its end; answers the rows.
fn drain(reader: ColumnReader) -> Result<usize, ParquetError> {
    match reader {
        ColumnReader::BoolColumnReader(reader) => drain_typed(reader),
        ColumnReader::Int32ColumnReader(reader) => drain_typed(reader),
        ColumnReader::Int64ColumnReader(reader) => drain_typed(reader),
        ColumnReader::Int96ColumnReader(reader) => drain_typed(reader),
        ColumnReader::FloatColumnReader(reader) => drain_typed(reader),
        ColumnReader::DoubleColumnReader(reader) => drain_typed(reader),
        ColumnReader::ByteArrayColumnReader(reader) => drain_typed(reader),
        ColumnReader::FixedLenByteArrayColumnReader(reader) => drain_typed(reader),
    }
}

fn drain_typed<T: DataType>(mut reader: ColumnReaderImpl<T>) -> Result<usize, ParquetError> {
    let mut rows = 0;
    let (mut definitions, mut repetitions, mut values) = (Vec::new(), Vec::new(), Vec::new());
    loop {
        definitions.clear();
        repetitions.clear();
        values.clear();
        let (read, ..) =
            reader.read_records(BATCH_ROWS, Some(&mut definitions), Some(&mut repetitions), &mut values)?;
        if read == 0 {
            return Ok(rows);
        }
        rows += read;
    }
}

/// The columns of the envelope, batch by batch side by side.
fn places(group: &dyn RowGroupReader, topic: bool, records: &mut Records) -> Result<(), ParquetError> {
    let column = |name: &str| {
        let columns = group.metadata().columns();
        let at = columns.iter().position(|column| column.column_path().string() == name);
        let at = at.ok_or_else(|| general(format!("it has no column {name}, which the job's envelope asks for")))?;
        group.get_column_reader(at)
    };
    let (ColumnReader::Int32ColumnReader(mut partitions), ColumnReader::Int64ColumnReader(mut offsets)) =
        (column("_partition")?, column("_offset")?)
    else {
        return Err(general("its columns _partition and _offset are not int32 and int64".to_owned()));
    };
    let mut topics = match topic.then(|| column("_topic")).transpose()? {
        Some(ColumnReader::ByteArrayColumnReader(reader)) => Some(reader),
        Some(_) => return Err(general("its column _topic is no string".to_owned())),
        None => None,
    };
    loop {
        let (partition, offset) = (batch(&mut partitions)?, batch(&mut offsets)?);
        let names: Vec<ByteArray> = topics.as_mut().map(batch).transpose()?.unwrap_or_default();
        if partition.len() != offset.len() || (topic && names.len() != offset.len()) {
            return Err(general("its columns _topic, _partition and _offset have nulls".to_owned()));
        }
        if offset.is_empty() {
            return Ok(());
        }
        for (at, (partition, offset)) in partition.iter().zip(&offset).enumerate() {
            let name = names.get(at).map(ByteArray::as_utf8).transpose()?.unwrap_or_default();
            let offset = u64::try_from(*offset).map_err(|_| general(format!("it has an offset {offset}")))?;
            records.add(name, *partition, offset);
        }
    }
}

fn batch<T: DataType>(reader: &mut ColumnReaderImpl<T>) -> Result<Vec<T::T>, ParquetError> {
    let (mut definitions, mut values) = (Vec::new(), Vec::new());
    reader.read_records(BATCH_ROWS, Some(&mut definitions), None, &mut values)?;
    Ok(values)
}
