//! How many records an object holds, read by its suffix.

use std::io::{self, BufReader, Read};

use bytes::Bytes;
use flate2::bufread::MultiGzDecoder;
use parquet::file::reader::{FileReader, SerializedFileReader};

const BUFFER_BYTES: usize = 1 << 16;

/// `None` for a suffix that says nothing of records; the inner error says why the content is damaged.
pub(super) fn records(key: &str, body: Bytes) -> Option<Result<u64, String>> {
    let counted = if key.ends_with(".jsonl") {
        lines(body.as_ref())
    } else if key.ends_with(".jsonl.gz") {
        lines(MultiGzDecoder::new(body.as_ref()))
    } else if key.ends_with(".jsonl.zst") {
        zstd::stream::Decoder::new(body.as_ref()).and_then(lines)
    } else if key.ends_with(".parquet") {
        return Some(rows(body));
    } else {
        return None;
    };
    Some(counted.map_err(|error| error.to_string()))
}

/// Lines; the last one must be whole.
fn lines(input: impl Read) -> io::Result<u64> {
    let mut input = BufReader::with_capacity(BUFFER_BYTES, input);
    let mut buffer = vec![0; BUFFER_BYTES];
    let (mut count, mut last) = (0, b'\n');
    loop {
        let read = input.read(&mut buffer)?;
        let chunk = &buffer[..read];
        let Some(end) = chunk.last() else { break };
        last = *end;
        count += chunk.iter().map(|byte| u64::from(*byte == b'\n')).sum::<u64>();
    }
    if last == b'\n' { Ok(count) } else { Err(io::Error::other("the last line has no end")) }
}

fn rows(body: Bytes) -> Result<u64, String> {
    let reader = SerializedFileReader::new(body).map_err(|error| error.to_string())?;
    let groups = reader.metadata().row_groups();
    let rows: i64 = groups.iter().map(parquet::file::metadata::RowGroupMetaData::num_rows).sum();
    let told = reader.metadata().file_metadata().num_rows();
    if rows != told {
        return Err(format!("its footer tells {told} rows, its row groups hold {rows}"));
    }
    u64::try_from(rows).map_err(|_| format!("its row groups hold {rows} rows"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::io::Write;

    use bytes::Bytes;

    use super::records;

    #[test]
    fn lines_are_counted_through_every_compression_and_over_frames() {
        let text = b"{\"a\":1}\n{\"a\":2}\n{\"a\":3}\n";
        let (head, tail) = text.split_at(8);
        let frames = [zstd::encode_all(head, 1).unwrap(), zstd::encode_all(tail, 1).unwrap()].concat();
        let gzip = |part: &[u8]| {
            let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            out.write_all(part).unwrap();
            out.finish().unwrap()
        };
        let members = [gzip(head), gzip(tail)].concat();
        assert_eq!(records("a.jsonl", Bytes::from_static(text)), Some(Ok(3)));
        assert_eq!(records("a.jsonl.zst", frames.into()), Some(Ok(3)));
        assert_eq!(records("a.jsonl.gz", members.into()), Some(Ok(3)));
        assert_eq!(records("a.jsonl", Bytes::new()), Some(Ok(0)));
    }

    #[test]
    fn what_is_cut_off_or_damaged_is_told() {
        let whole = zstd::encode_all(&b"{\"a\":1}\n"[..], 1).unwrap();
        assert!(records("a.jsonl.zst", Bytes::from(whole[..whole.len() - 2].to_vec())).unwrap().is_err());
        assert!(records("a.jsonl", Bytes::from_static(b"{\"a\":1}")).unwrap().is_err());
        assert!(records("a.parquet", Bytes::from_static(b"PAR1")).unwrap().is_err());
        assert_eq!(records("a.csv", Bytes::new()), None);
    }
}
