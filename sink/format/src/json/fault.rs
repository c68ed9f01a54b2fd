//! What can be wrong with a document, said with its place.

use std::fmt;

use super::scan::MAX_DEPTH;

/// What is wrong with a document, and at which byte (counted from 0).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JsonError {
    pub(crate) fault: Fault,
    pub(crate) at: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    Empty,
    End,
    Expected(&'static str),
    SecondDocument,
    ByteOrderMark,
    ControlCharacter,
    Escape,
    LoneSurrogate,
    Number,
    TooDeep,
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.fault {
            Fault::Empty => f.write_str("the value is empty"),
            Fault::End => write!(f, "the document ends early, at byte {}", self.at),
            Fault::Expected(what) => write!(f, "expected {what} at byte {}", self.at),
            Fault::SecondDocument => write!(f, "the document ends at byte {} but more follows", self.at),
            Fault::ByteOrderMark => f.write_str("the document begins with a byte order mark"),
            Fault::ControlCharacter => write!(f, "a raw control character in a string at byte {}", self.at),
            Fault::Escape => write!(f, "an invalid escape in a string at byte {}", self.at),
            Fault::LoneSurrogate => write!(f, "half of a surrogate pair in a string at byte {}", self.at),
            Fault::Number => write!(f, "an invalid number at byte {}", self.at),
            Fault::TooDeep => write!(f, "nested deeper than {MAX_DEPTH} levels at byte {}", self.at),
        }
    }
}

impl std::error::Error for JsonError {}
