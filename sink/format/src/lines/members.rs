//! Compression in independent pieces: gzip members and zstd frames of at most [`MAX_MEMBER_BYTES`] of lines each.
//!
//! Both formats allow any number of pieces one after another, so the chunks of one file can be compressed by different
//! threads and no codec state lives with an open file. A piece ends at a line's end wherever a line does not exceed it.

use std::cell::RefCell;

use bytes::Bytes;
use libdeflater::{CompressionLvl, Compressor as Gzip};
use zstd::bulk::Compressor as Zstd;
use zstd::zstd_safe::CParameter;

use crate::reason::EncodeError;

/// Uncompressed bytes of one gzip member or zstd frame, inclusive.
pub(crate) const MAX_MEMBER_BYTES: usize = 1 << 20;
/// The fastest level of either codec: higher ones cost several times the CPU for a few per cent.
const LEVEL: i32 = 1;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Codec {
    None,
    Gzip,
    Zstd,
}

/// A thread's codecs, kept because making them costs as much as compressing a small chunk: about 3 MiB a thread.
#[derive(Default)]
struct Workbench {
    gzip: Option<Gzip>,
    zstd: Option<Zstd<'static>>,
    out: Vec<u8>,
}

thread_local! {
    static WORKBENCH: RefCell<Workbench> = RefCell::default();
}

/// Compresses `lines` into pieces that are whole by themselves, each of its exact size.
pub(crate) fn compress(codec: Codec, mut lines: Vec<u8>) -> Result<Vec<Bytes>, EncodeError> {
    if lines.is_empty() {
        return Ok(Vec::new());
    }
    if codec == Codec::None {
        lines.shrink_to_fit();
        return Ok(vec![Bytes::from(lines)]);
    }
    WORKBENCH.with_borrow_mut(|bench| {
        let mut pieces = Vec::with_capacity(lines.len().div_ceil(MAX_MEMBER_BYTES));
        let mut rest = lines.as_slice();
        while !rest.is_empty() {
            let (piece, after) = rest.split_at(piece_end(rest));
            let written = match codec {
                Codec::Gzip => bench.gzip(piece)?,
                Codec::Zstd | Codec::None => bench.zstd(piece)?,
            };
            pieces.push(Bytes::copy_from_slice(bench.out.get(..written).unwrap_or_default()));
            rest = after;
        }
        Ok(pieces)
    })
}

/// Where the first piece of `lines` ends, exclusive: after the last line that fits, else in the middle of one.
fn piece_end(lines: &[u8]) -> usize {
    match lines.get(..MAX_MEMBER_BYTES) {
        None => lines.len(),
        Some(window) => window.iter().rposition(|byte| *byte == b'\n').map_or(MAX_MEMBER_BYTES, |at| at + 1),
    }
}

impl Workbench {
    fn gzip(&mut self, piece: &[u8]) -> Result<usize, EncodeError> {
        let gzip = self.gzip.get_or_insert_with(|| Gzip::new(CompressionLvl::new(LEVEL).unwrap_or_default()));
        let bound = gzip.gzip_compress_bound(piece.len());
        if self.out.len() < bound {
            self.out.resize(bound, 0);
        }
        gzip.gzip_compress(piece, &mut self.out).map_err(|cause| EncodeError::Gzip { bytes: piece.len(), cause })
    }

    fn zstd(&mut self, piece: &[u8]) -> Result<usize, EncodeError> {
        let failed = |cause| EncodeError::Zstd { bytes: piece.len(), cause };
        let zstd = match &mut self.zstd {
            Some(zstd) => zstd,
            none => {
                let mut zstd = Zstd::new(LEVEL).map_err(failed)?;
                zstd.set_parameter(CParameter::ChecksumFlag(true)).map_err(failed)?;
                none.insert(zstd)
            }
        };
        let bound = zstd::zstd_safe::compress_bound(piece.len());
        if self.out.len() < bound {
            self.out.resize(bound, 0);
        }
        zstd.compress_to_buffer(piece, self.out.as_mut_slice()).map_err(failed)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::io::Read as _;

    fn lines(count: usize) -> Vec<u8> {
        (0..count).flat_map(|n| format!("{{\"n\":{n},\"text\":\"{:x}\"}}\n", n * 2_654_435_761).into_bytes()).collect()
    }

    fn unzstd(pieces: &[Bytes]) -> Vec<u8> {
        let mut back = Vec::new();
        zstd::stream::read::Decoder::new(pieces.concat().as_slice()).unwrap().read_to_end(&mut back).unwrap();
        back
    }

    /// Every member by itself; libdeflate decodes one at a time.
    fn ungzip(pieces: &[Bytes]) -> Vec<u8> {
        let mut back = Vec::new();
        for piece in pieces {
            let length = u32::from_le_bytes(*piece.last_chunk::<4>().unwrap());
            let mut out = vec![0; usize::try_from(length).unwrap()];
            let written = libdeflater::Decompressor::new().gzip_decompress(piece, &mut out).unwrap();
            assert_eq!(written, out.len());
            back.extend_from_slice(&out);
        }
        back
    }

    #[test]
    fn every_codec_gives_the_lines_back() {
        for count in [1, 10, 100_000] {
            let lines = lines(count);
            assert_eq!(compress(Codec::None, lines.clone()).unwrap().concat(), lines);
            assert_eq!(unzstd(&compress(Codec::Zstd, lines.clone()).unwrap()), lines);
            assert_eq!(ungzip(&compress(Codec::Gzip, lines.clone()).unwrap()), lines);
        }
    }

    #[test]
    fn pieces_are_bounded_and_end_with_their_lines() {
        let lines = lines(100_000);
        assert!(lines.len() > 3 * MAX_MEMBER_BYTES);
        let pieces = compress(Codec::Gzip, lines.clone()).unwrap();
        assert_eq!(pieces.len(), lines.len().div_ceil(MAX_MEMBER_BYTES));
        for piece in &pieces {
            let member = ungzip(std::slice::from_ref(piece));
            assert!(member.len() <= MAX_MEMBER_BYTES);
            assert_eq!(member.last(), Some(&b'\n'));
        }
    }

    #[test]
    fn a_line_longer_than_a_piece_is_cut_and_comes_back_whole() {
        let mut line = vec![b'x'; 3 * MAX_MEMBER_BYTES + 17];
        line.push(b'\n');
        let pieces = compress(Codec::Zstd, line.clone()).unwrap();
        assert_eq!(pieces.len(), 4);
        assert_eq!(unzstd(&pieces), line);
    }

    #[test]
    fn a_piece_holds_no_more_memory_than_its_bytes() {
        let mut lines = Vec::with_capacity(10 << 20);
        lines.extend_from_slice(b"{}\n");
        let piece = compress(Codec::None, lines).unwrap().remove(0);
        assert_eq!(piece.try_into_mut().unwrap().capacity(), 3);
    }

    #[test]
    fn no_lines_give_no_piece() {
        for codec in [Codec::None, Codec::Gzip, Codec::Zstd] {
            assert!(compress(codec, Vec::new()).unwrap().is_empty());
        }
    }
}
