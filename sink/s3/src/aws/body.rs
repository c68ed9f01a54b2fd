//! Several chunks as one request body of known length, without copying them together.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use aws_sdk_s3::primitives::{ByteStream, SdkBody};
use bytes::{Bytes, BytesMut};
use http_body::{Body, Frame, SizeHint};

/// The SDK signs only a body that lies in memory as one piece; anything else goes out unsigned.
pub(super) fn part_body(mut chunks: Vec<Bytes>, signed: bool) -> ByteStream {
    chunks.retain(|chunk| !chunk.is_empty());
    match chunks.len() {
        0 => ByteStream::from(Bytes::new()),
        1 => ByteStream::from(chunks.remove(0)),
        _ if signed => ByteStream::from(joined(&chunks)),
        _ => ByteStream::new(SdkBody::from_body_1_x(ChunkedBody::new(chunks))),
    }
}

pub(super) fn joined(chunks: &[Bytes]) -> Bytes {
    let mut whole = BytesMut::with_capacity(chunks.iter().map(Bytes::len).sum());
    for chunk in chunks {
        whole.extend_from_slice(chunk);
    }
    whole.freeze()
}

struct ChunkedBody {
    chunks: VecDeque<Bytes>,
    remaining_bytes: u64,
}

impl ChunkedBody {
    fn new(chunks: Vec<Bytes>) -> Self {
        let remaining_bytes = chunks.iter().map(|chunk| chunk.len() as u64).sum();
        Self { chunks: chunks.into(), remaining_bytes }
    }
}

impl Body for ChunkedBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let next = self.chunks.pop_front();
        if let Some(chunk) = &next {
            self.remaining_bytes -= chunk.len() as u64;
        }
        Poll::Ready(next.map(|chunk| Ok(Frame::data(chunk))))
    }

    fn is_end_stream(&self) -> bool {
        self.chunks.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.remaining_bytes)
    }
}
