//! How long keys get: bounds that every store keeps, and what a template takes of them before a record is seen.

use super::strftime::check_strftime;
use super::{TemplatePart, TemplatePart as P};

/// The longest object key, in bytes, inclusive.
pub const MAX_KEY_BYTES: usize = 1_024;
/// The longest segment of a key between slashes, in bytes, inclusive: a file name on common file systems.
pub const MAX_SEGMENT_BYTES: usize = 255;
/// What is reserved for `{unique}` when a key's length is judged, in bytes.
pub const MAX_UNIQUE_BYTES: usize = 40;
/// `{first_offset}` is zero-padded to this many digits, and to no more by `{first_offset:DIGITS}`.
pub const FIRST_OFFSET_DIGITS: usize = 20;
/// What is reserved for `{partition}`, in bytes: no topic has 100,000 partitions.
const PARTITION_DIGITS: usize = 5;

/// Bytes of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyLength {
    /// Of the whole key.
    pub whole: usize,
    /// Of its longest segment.
    pub segment: usize,
}

impl KeyLength {
    /// What is too long, as a phrase after "a key" or "the key".
    pub fn excess(self) -> Option<String> {
        if self.segment > MAX_SEGMENT_BYTES {
            return Some(format!("a segment of {} bytes, more than {MAX_SEGMENT_BYTES}", self.segment));
        }
        (self.whole > MAX_KEY_BYTES).then(|| format!("{} bytes, more than {MAX_KEY_BYTES}", self.whole))
    }
}

/// The length that keys of a template reach with this topic and suffix, whatever the record holds: values of the
/// record count one byte each.
pub(super) fn of_keys(parts: &[TemplatePart], topic: &str, ext: &str) -> KeyLength {
    let (mut whole, mut segment, mut longest) = (0, 0, 0);
    for part in parts {
        let bytes = match part {
            P::Literal(text) => {
                whole += text.len();
                for (at, text) in text.split('/').enumerate() {
                    if at > 0 {
                        segment = 0;
                    }
                    segment += text.len();
                    longest = segment.max(longest);
                }
                continue;
            }
            P::Topic => topic.len(),
            P::Partition => PARTITION_DIGITS,
            P::FirstOffset(_) => FIRST_OFFSET_DIGITS,
            P::Unique => MAX_UNIQUE_BYTES,
            P::Ext => ext.len(),
            P::Timestamp(format) | P::WallClock(format) => check_strftime(format).map_or(1, |text| text.len()),
            P::Field(_) | P::Header(_) | P::Key => 1,
        };
        whole += bytes;
        segment += bytes;
        longest = segment.max(longest);
    }
    KeyLength { whole, segment: longest }
}
