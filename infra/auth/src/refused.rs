//! Why nobody was let in.

/// What kind of answer a refusal is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusedKind {
    /// 401: it is not known who asks.
    Unauthenticated,
    /// 403: it is known, and they may not.
    Forbidden,
    /// 503: it cannot be found out now; asking again later may help.
    Unavailable,
}

/// A refusal. Its reason is for the caller's eyes: it never repeats a token or a claim's value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Refused {
    /// What kind of answer it is.
    pub kind: RefusedKind,
    /// A phrase with the fix, where there is one.
    pub reason: String,
}

impl Refused {
    pub(crate) fn unauthenticated(reason: impl Into<String>) -> Self {
        Self { kind: RefusedKind::Unauthenticated, reason: reason.into() }
    }

    pub(crate) fn forbidden(reason: impl Into<String>) -> Self {
        Self { kind: RefusedKind::Forbidden, reason: reason.into() }
    }

    pub(crate) fn unavailable(reason: impl Into<String>) -> Self {
        Self { kind: RefusedKind::Unavailable, reason: reason.into() }
    }
}
