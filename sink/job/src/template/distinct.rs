//! Whether a name tells which file it is of, where it has no `{unique}`.
//!
//! No two files hold the same offset, so a name is a file's own if topic, partition and first offset can be read back
//! from it. No rendered value holds a `/`, so segments can always be told apart. Within a segment a placeholder can be
//! read back if it alone varies in length, or if everything up to it can, from one end or the other: each placeholder
//! on the way is either of a fixed length, or lies at the segment's end, or next to fixed text with a character that it
//! cannot hold itself.

use std::mem::discriminant;

use super::{TemplatePart, TemplatePart as P};

/// No offset has more digits: padded to as many, every offset is as long.
const OFFSET_DIGITS: usize = 19;

/// One part of a segment; text is never empty.
enum Piece<'a> {
    Text(&'a str),
    Part(&'a TemplatePart),
}

/// Whether `wanted` can be read back from every name.
pub(super) fn tells(parts: &[TemplatePart], wanted: &TemplatePart) -> bool {
    segments(parts).iter().any(|segment| {
        let plain = segment.iter().filter(|piece| varies(piece)).count() <= 1;
        let mut places = segment.iter().enumerate().filter(|(_, piece)| is(piece, wanted));
        places.any(|(at, _)| plain || reads_forwards(segment, at) || reads_backwards(segment, at))
    })
}

/// The placeholder that `wanted` cannot be told from: the nearest before it in its segment, else the nearest after it.
pub(super) fn hidden_by<'a>(parts: &'a [TemplatePart], wanted: &TemplatePart) -> Option<&'a TemplatePart> {
    segments(parts).iter().find_map(|segment| {
        let at = segment.iter().position(|piece| is(piece, wanted))?;
        let placeholder = |piece: &Piece<'a>| match piece {
            Piece::Part(part) if discriminant(*part) != discriminant(wanted) => Some(*part),
            Piece::Part(_) | Piece::Text(_) => None,
        };
        let before = segment.iter().take(at).rev().find_map(placeholder);
        before.or_else(|| segment.iter().skip(at + 1).find_map(placeholder))
    })
}

fn is(piece: &Piece<'_>, wanted: &TemplatePart) -> bool {
    // However many digits it is written with.
    matches!(piece, Piece::Part(part) if discriminant(*part) == discriminant(wanted))
}

fn varies(piece: &Piece<'_>) -> bool {
    matches!(piece, Piece::Part(part) if !matches!(part, P::FirstOffset(OFFSET_DIGITS..) | P::Ext | P::Literal(_)))
}

fn segments(parts: &[TemplatePart]) -> Vec<Vec<Piece<'_>>> {
    let mut segments = vec![Vec::new()];
    for part in parts {
        let P::Literal(text) = part else {
            segments.last_mut().into_iter().for_each(|segment| segment.push(Piece::Part(part)));
            continue;
        };
        for (at, text) in text.split('/').enumerate() {
            if at > 0 {
                segments.push(Vec::new());
            }
            if !text.is_empty() {
                segments.last_mut().into_iter().for_each(|segment| segment.push(Piece::Text(text)));
            }
        }
    }
    segments
}

fn reads_forwards(segment: &[Piece<'_>], until: usize) -> bool {
    segment
        .iter()
        .take(until + 1)
        .enumerate()
        .all(|(at, piece)| ends(piece, segment.get(at + 1), |text| text.chars().next()))
}

fn reads_backwards(segment: &[Piece<'_>], from: usize) -> bool {
    let before = |at: usize| at.checked_sub(1).and_then(|before| segment.get(before));
    segment.iter().enumerate().skip(from).all(|(at, piece)| ends(piece, before(at), |text| text.chars().next_back()))
}

/// Whether it is plain where `piece` ends, seeing its neighbour; `touching` takes the neighbour's character next to it.
fn ends(piece: &Piece<'_>, neighbour: Option<&Piece<'_>>, touching: impl Fn(&str) -> Option<char>) -> bool {
    let Piece::Part(part) = piece else { return true };
    !varies(piece)
        || match neighbour {
            None => true,
            Some(Piece::Text(text)) => touching(text).is_some_and(|c| !may_hold(part, c)),
            Some(Piece::Part(_)) => false,
        }
}

/// Whether a placeholder, rendered, may hold a character that fixed text may be of.
fn may_hold(part: &TemplatePart, c: char) -> bool {
    match part {
        P::Partition | P::FirstOffset(_) => c.is_ascii_digit(),
        P::Topic => c.is_ascii_alphanumeric() || "-_.".contains(c),
        P::Unique => c.is_ascii_alphanumeric() || "-_".contains(c),
        // All else is percent-encoded.
        P::Field(_) | P::Header(_) | P::Key => c.is_ascii_alphanumeric() || "-_.~+@,".contains(c),
        // A format writes what it likes.
        P::Timestamp(_) | P::WallClock(_) => true,
        P::Ext | P::Literal(_) => false,
    }
}
