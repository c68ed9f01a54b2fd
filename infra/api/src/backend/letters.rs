//! A look at a job's dead letters as they lie in S3, with their raw records: the newest object first.

use std::io::{self, BufRead, BufReader, Read};

use axum::body::Bytes;
use landfall_commit::{FileEntry, FileKind, FileRef, Seq};
use landfall_s3::ErrorKind;
use serde_json::Value;

use super::objects::LANE;
use super::{BackendError, access, status};
use crate::auth::Principal;
use crate::state::ApiState;
use crate::view::LetterList;

/// Entries looked through for one page.
const ENTRIES_A_PAGE: usize = 200;
/// A larger object of letters is named and not read.
const MAX_OBJECT_BYTES: u64 = 32 << 20;
/// Read of an object when it is decompressed.
const MAX_DECODED_BYTES: u64 = 64 << 20;
/// Letters of one answer, as JSON: a page ends after the one that exceeds it.
const MAX_PAGE_BYTES: usize = 4 << 20;

/// Where the next page goes on: at this line (0-based) of this file of this entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) seq: u64,
    pub(crate) file: u32,
    pub(crate) line: u64,
}

impl Place {
    /// Reads what [`Self::text`] wrote.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut numbers = text.split('.');
        let place = Self {
            seq: numbers.next()?.parse().ok()?,
            file: numbers.next()?.parse().ok()?,
            line: numbers.next()?.parse().ok()?,
        };
        numbers.next().is_none().then_some(place)
    }

    fn text(self) -> String {
        format!("{}.{}.{}", self.seq, self.file, self.line)
    }
}

pub(crate) async fn letters(
    state: &ApiState,
    principal: &Principal,
    name: &str,
    reason: Option<&str>,
    from: Option<Place>,
    limit: usize,
) -> Result<LetterList, BackendError> {
    let record = access::visible(state, principal, name).await?.record;
    let counts = status::status(state, principal, name).await?.dead_letters;
    let mut list = LetterList {
        total: counts.total,
        by_reason: counts.by_reason,
        letters: Vec::new(),
        unread: Vec::new(),
        next_cursor: None,
    };
    let log = state.logs.read_lane(&record, LANE).await?;
    let end = from.map_or(log.next_seq(), |place| Seq(place.seq.saturating_add(1).min(log.next_seq().0)));
    let entries = state.logs.entries_before(&record, LANE, end, ENTRIES_A_PAGE).await?;
    let mut page_bytes = 0;
    for entry in &entries {
        for (index, file) in (0u32..).zip(&entry.files).filter(|(_, file)| file.kind == FileKind::DeadLetter) {
            let here = from.filter(|place| place.seq == entry.seq.0);
            if here.is_some_and(|place| index < place.file) {
                continue;
            }
            if log.pending().contains_key(&FileRef { seq: entry.seq, file: index }) {
                continue;
            }
            let begin = here.filter(|place| place.file == index).map_or(0, |place| place.line);
            let Some(body) = body(state, file, &mut list.unread).await? else { continue };
            for (line, text) in (0u64..).zip(lines(&body)).skip_while(|(line, _)| *line < begin) {
                let text = match text {
                    Ok(text) => text,
                    Err(error) => {
                        list.unread.push(format!("{} from line {} on: {error}", file.key, line + 1));
                        break;
                    }
                };
                if list.letters.len() >= limit || page_bytes > MAX_PAGE_BYTES {
                    list.next_cursor = Some(Place { seq: entry.seq.0, file: index, line }.text());
                    return Ok(list);
                }
                let Ok(Value::Object(mut letter)) = serde_json::from_slice::<Value>(&text) else {
                    list.unread.push(format!("{} line {}", file.key, line + 1));
                    continue;
                };
                if reason.is_none_or(|reason| letter.get("reason").and_then(Value::as_str) == Some(reason)) {
                    page_bytes += text.len();
                    letter.insert("object".to_owned(), Value::String(file.key.clone()));
                    list.letters.push(Value::Object(letter));
                }
            }
        }
    }
    let oldest = entries.last().map_or(0, |entry| entry.seq.0);
    list.next_cursor = oldest.checked_sub(1).map(|seq| Place { seq, file: 0, line: 0 }.text());
    Ok(list)
}

/// The object; none where it is too large, or gone.
async fn body(state: &ApiState, file: &FileEntry, unread: &mut Vec<String>) -> Result<Option<Bytes>, BackendError> {
    if file.bytes > MAX_OBJECT_BYTES {
        unread.push(format!("{} is too large to be shown: {} bytes", file.key, file.bytes));
        return Ok(None);
    }
    match state.buckets.get(&file.bucket, &file.key).await {
        Ok(object) => Ok(Some(object.body)),
        Err(error) if error.kind == ErrorKind::NoSuchKey => {
            unread.push(format!("{} is gone from the bucket", file.key));
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

/// The lines of a zstd file; an error is the last one.
fn lines(body: &Bytes) -> impl Iterator<Item = io::Result<Vec<u8>>> + '_ {
    let decoded = zstd::stream::read::Decoder::new(body.as_ref());
    let mut reader = decoded.map(|decoded| BufReader::new(decoded.take(MAX_DECODED_BYTES)));
    let mut left_bytes = MAX_DECODED_BYTES;
    std::iter::from_fn(move || {
        let mut line = Vec::new();
        let read = match &mut reader {
            Ok(reader) => reader.read_until(b'\n', &mut line),
            Err(error) => return Some(Err(io::Error::new(error.kind(), error.to_string()))),
        };
        match read {
            Ok(0) if left_bytes == 0 => Some(Err(io::Error::other(format!("more than {MAX_DECODED_BYTES} bytes")))),
            Ok(0) => None,
            Ok(read) => {
                left_bytes = left_bytes.saturating_sub(u64::try_from(read).unwrap_or(u64::MAX));
                Some(Ok(line))
            }
            Err(error) => Some(Err(error)),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_as_it_was_written_and_nothing_else_is_one() {
        let place = Place { seq: 7, file: 1, line: 20 };
        assert_eq!(Place::parse(&place.text()), Some(place));
        for wrong in ["", "7", "7.1", "7.1.20.3", "7.1.-2", "a.b.c", "7.1."] {
            assert_eq!(Place::parse(wrong), None, "{wrong}");
        }
    }
}
