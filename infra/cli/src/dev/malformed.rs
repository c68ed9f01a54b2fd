//! The ways in which real topics are malformed; each makes a good event a bad one that must be set aside with its bytes.

use rand::Rng;
use rand::rngs::StdRng;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// A producer that died in the middle.
    Truncated,
    /// Latin-1 in what should be UTF-8.
    InvalidUtf8,
    /// A byte order mark, as some editors write it.
    ByteOrderMark,
    /// Two documents in one record.
    TwoDocuments,
    /// A log line on the wrong topic.
    NotJson,
}

impl Fault {
    pub(super) const ALL: [Self; 5] =
        [Self::Truncated, Self::InvalidUtf8, Self::ByteOrderMark, Self::TwoDocuments, Self::NotJson];

    pub(super) fn any(rng: &mut StdRng) -> Self {
        Self::ALL[rng.random_range(0..Self::ALL.len())]
    }

    /// The bad record that takes the place of `event`.
    pub(super) fn of(self, event: &str) -> Vec<u8> {
        let bytes = event.as_bytes();
        match self {
            Self::Truncated => bytes[..bytes.len() / 2].to_vec(),
            Self::InvalidUtf8 => [br#"{"city":"D"#.as_slice(), &[0xfc], br#"sseldorf","of":"#, bytes, b"}"].concat(),
            Self::ByteOrderMark => ["\u{feff}".as_bytes(), bytes].concat(),
            Self::TwoDocuments => [bytes, br#"{"and":"another"}"#.as_slice()].concat(),
            Self::NotJson => b"WARN bidder-07 timed out after 120 ms, no bid sent".to_vec(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Fault;

    #[test]
    fn each_fault_makes_a_record_that_is_no_json_document() {
        for fault in Fault::ALL {
            let bad = fault.of(r#"{"id":"a","ts":1}"#);
            assert!(serde_json::from_slice::<serde_json::Value>(&bad).is_err(), "{fault:?}");
            assert_eq!(std::str::from_utf8(&bad).is_err(), fault == Fault::InvalidUtf8, "{fault:?}");
        }
    }
}
