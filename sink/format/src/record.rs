//! A record as the polling thread sees it: borrowed from the fetch, copied once by [`crate::ChunkBuffer::append`].

/// A record's headers, read only by jobs that need them.
pub trait HeaderView {
    /// All headers in their order; a header's value may be null. Names may repeat.
    fn to_vec(&self) -> Vec<(String, Option<Vec<u8>>)>;

    /// Bytes of all names and values together, counted for every record: an implementation should not copy for it.
    fn total_bytes(&self) -> usize;
}

/// A record without headers.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoHeaders;

impl HeaderView for NoHeaders {
    fn to_vec(&self) -> Vec<(String, Option<Vec<u8>>)> {
        Vec::new()
    }

    fn total_bytes(&self) -> usize {
        0
    }
}

impl HeaderView for Vec<(String, Option<Vec<u8>>)> {
    fn to_vec(&self) -> Vec<(String, Option<Vec<u8>>)> {
        self.clone()
    }

    fn total_bytes(&self) -> usize {
        self.iter().map(|(name, value)| name.len() + value.as_ref().map_or(0, Vec::len)).sum()
    }
}

/// One Kafka record, borrowed.
#[derive(Clone, Copy)]
pub struct Record<'a> {
    /// The registered cluster's name.
    pub cluster: &'a str,
    pub topic: &'a str,
    pub partition: i32,
    /// This record's own offset.
    pub offset: i64,
    /// Milliseconds since 1970-01-01T00:00:00Z; negative where the record has none.
    pub timestamp_ms: i64,
    pub key: Option<&'a [u8]>,
    /// `None` is a tombstone. Read it by [`Record::content`], but for a dead letter, which keeps it as it came.
    pub value: Option<&'a [u8]>,
    pub headers: &'a dyn HeaderView,
}

impl std::fmt::Debug for Record<'_> {
    /// Names the record; never prints key, value or headers.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}/{}/{}", self.cluster, self.topic, self.partition, self.offset)
    }
}

impl<'a> Record<'a> {
    /// The value to decode: `None` for a tombstone and for an empty value, which are the same to `decode.null_value`.
    #[inline]
    pub fn content(&self) -> Option<&'a [u8]> {
        self.value.filter(|value| !value.is_empty())
    }

    /// Bytes of key and value together.
    pub fn payload_bytes(&self) -> usize {
        self.key.map_or(0, <[u8]>::len) + self.value.map_or(0, <[u8]>::len)
    }
}
