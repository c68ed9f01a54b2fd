//! CPU work: chunks into bytes.

use bytes::Bytes;
use landfall_format::{Chunk, FileEncoder, encode_independent};

use crate::effect::{FileId, Outcome};
use crate::engine::Sealed;
use crate::engine::plan::JobPlan;

/// Dead letters are rare: small frames, the fast level.
const LETTERS_LEVEL: i32 = 1;

pub(super) fn independent(file: FileId, number: u64, chunk: Sealed, plan: &JobPlan) -> Outcome {
    let bytes = match chunk {
        Sealed::Records(chunk) => encode_independent(&plan.format, chunk).map_err(|e| e.to_string()),
        Sealed::Letters(lines) => {
            zstd::bulk::compress(&lines, LETTERS_LEVEL).map(|frame| vec![Bytes::from(frame)]).map_err(|e| e.to_string())
        }
    };
    Outcome::Encoded { file, number, bytes }
}

pub(super) fn in_order(file: FileId, mut encoder: Box<FileEncoder>, chunks: Vec<Chunk>, finish: bool) -> Outcome {
    let mut all = Vec::new();
    for chunk in chunks {
        match encoder.encode(chunk) {
            Ok(bytes) => all.extend(bytes),
            Err(e) => {
                return Outcome::EncodedInOrder { file, encoder: None, bytes: Err(e.to_string()), finished: false };
            }
        }
    }
    if !finish {
        return Outcome::EncodedInOrder { file, encoder: Some(encoder), bytes: Ok(all), finished: false };
    }
    let bytes = encoder.finish().map(|footer| {
        all.extend(footer);
        all
    });
    Outcome::EncodedInOrder { file, encoder: None, bytes: bytes.map_err(|e| e.to_string()), finished: true }
}
