//! Between the backend's types and s3s's: failures, ETags, times, bodies.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use futures::{StreamExt, stream};
use s3s::dto::{ETag, ETagCondition, StreamingBlob, Timestamp};
use s3s::{S3Error, S3ErrorCode};

use super::backend::{Backend, Preconditions};
use super::failure::Failure;
use super::local::on_backend;
use super::medium::{Medium, ObjectReader};
use crate::checksum::unquoted;

/// The largest body that one request may bring: it is held in memory until it is checked.
pub(super) const MAX_BODY_BYTES: usize = 512 << 20;
/// An object is sent in pieces of this size.
const PIECE_BYTES: u64 = 1 << 20;

impl From<Failure> for S3Error {
    fn from(failure: Failure) -> Self {
        let code = S3ErrorCode::from_bytes(failure.code.as_bytes()).unwrap_or(S3ErrorCode::InternalError);
        let mut error = S3Error::with_message(code, failure.message);
        if let Ok(status) = http::StatusCode::from_u16(failure.status) {
            error.set_status_code(status);
        }
        error
    }
}

pub(super) fn etag(quoted: &str) -> ETag {
    ETag::Strong(unquoted(quoted).to_owned())
}

pub(super) fn timestamp(ms: i64) -> Timestamp {
    let since = Duration::from_millis(u64::try_from(ms).unwrap_or_default());
    Timestamp::from(UNIX_EPOCH.checked_add(since).unwrap_or_else(SystemTime::now))
}

pub(super) fn length(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

pub(super) fn number(value: u32) -> i32 {
    i32::try_from(value).unwrap_or(i32::MAX)
}

/// S3 knows `If-None-Match` on a write only as `*`.
pub(super) fn preconditions(
    if_match: Option<ETagCondition>,
    if_none_match: Option<&ETagCondition>,
) -> Result<Preconditions, Failure> {
    let absent = match if_none_match {
        None => false,
        Some(ETagCondition::Any) => true,
        Some(ETagCondition::ETag(_)) => {
            return Err(Failure::new("NotImplemented", 501, "If-None-Match on a write knows only *"));
        }
    };
    let matches = if_match.map(|condition| match condition {
        ETagCondition::Any => "*".to_owned(),
        ETagCondition::ETag(etag) => etag.into_value(),
    });
    Ok(Preconditions { absent, matches })
}

/// The whole body in the pieces it came in.
pub(super) async fn collect(body: Option<StreamingBlob>, declared_length: Option<i64>) -> Result<Vec<Bytes>, Failure> {
    let mut chunks = Vec::new();
    let mut total = 0usize;
    if let Some(mut body) = body {
        while let Some(piece) = body.next().await {
            let piece = piece.map_err(|error| Failure::new("IncompleteBody", 400, error.to_string()))?;
            total = total.saturating_add(piece.len());
            if total > MAX_BODY_BYTES {
                return Err(Failure::new("EntityTooLarge", 400, format!("a body of more than {MAX_BODY_BYTES} bytes")));
            }
            if !piece.is_empty() {
                chunks.push(piece);
            }
        }
    }
    match declared_length.map(usize::try_from) {
        Some(declared) if declared != Ok(total) => {
            Err(Failure::new("IncompleteBody", 400, format!("{total} bytes came, another length was declared")))
        }
        _ => Ok(chunks),
    }
}

/// Bytes `from..to` of an opened object as a stream.
pub(super) fn stream_of<M: Medium>(
    backend: &Arc<Backend<M>>,
    reader: Box<dyn ObjectReader>,
    from: u64,
    to: u64,
) -> StreamingBlob {
    let backend = Arc::clone(backend);
    let pieces = stream::try_unfold((reader, from), move |(mut reader, at)| {
        let backend = Arc::clone(&backend);
        async move {
            if at >= to {
                return Ok(None);
            }
            let wanted = usize::try_from((to - at).min(PIECE_BYTES)).unwrap_or_default();
            let (reader, piece) = on_backend(&backend, move |_| {
                let piece = reader.read_at(at, wanted)?;
                Ok((reader, piece))
            })
            .await?;
            if piece.is_empty() {
                return Err(Failure::internal("the object ended before its length"));
            }
            let next = at + piece.len() as u64;
            Ok::<_, Failure>(Some((piece, (reader, next))))
        }
    });
    StreamingBlob::wrap(pieces)
}
