//! The time as the engine sees it: given from outside with every call.

/// One instant, on two clocks. Rotation ages, time-outs and backoff use `mono_ms`, which never jumps; `wall_ms` goes
/// into keys, entries and documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub wall_ms: i64,
    /// Milliseconds since an arbitrary start, never going back.
    pub mono_ms: i64,
}

impl Now {
    /// The wall time of an instant on the monotonic clock, as seen from now.
    #[must_use]
    pub fn wall_of(self, mono_ms: i64) -> i64 {
        self.wall_ms.saturating_add(mono_ms.saturating_sub(self.mono_ms))
    }
}
