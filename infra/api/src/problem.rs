//! RFC 9457 problem documents: the one shape of every answer that is not a success.
//!
//! A problem's slug fixes its title and status; detail, errors and instance tell the case. Nothing here shows an
//! internal message that was not written for the caller.

use std::fmt;

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, StatusCode, header};
use landfall_job::FieldError;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Every kind of problem; `docs/problems.md` says of each what user and operator do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    InvalidRequest,
    InvalidJob,
    CheckFailed,
    Unauthenticated,
    Forbidden,
    NotFound,
    MethodNotAllowed,
    JobExists,
    WrongState,
    Contended,
    PreconditionFailed,
    PayloadTooLarge,
    UnsupportedMediaType,
    IdempotencyMismatch,
    Internal,
    DependencyUnavailable,
    Overloaded,
    TooManyRequests,
    TimedOut,
}

impl Kind {
    pub(crate) const ALL: [Self; 19] = [
        Self::InvalidRequest,
        Self::InvalidJob,
        Self::CheckFailed,
        Self::Unauthenticated,
        Self::Forbidden,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::JobExists,
        Self::WrongState,
        Self::Contended,
        Self::PreconditionFailed,
        Self::PayloadTooLarge,
        Self::UnsupportedMediaType,
        Self::IdempotencyMismatch,
        Self::Internal,
        Self::DependencyUnavailable,
        Self::Overloaded,
        Self::TooManyRequests,
        Self::TimedOut,
    ];

    /// Slug, title and status; the only place that pairs them.
    #[must_use]
    pub fn facts(self) -> (&'static str, &'static str, StatusCode) {
        match self {
            Self::InvalidRequest => ("invalid-request", "the request cannot be read", StatusCode::BAD_REQUEST),
            Self::InvalidJob => ("invalid-job", "the job document has mistakes", StatusCode::UNPROCESSABLE_ENTITY),
            Self::CheckFailed => {
                ("check-failed", "the job does not fit the cluster or the bucket", StatusCode::UNPROCESSABLE_ENTITY)
            }
            Self::Unauthenticated => ("unauthenticated", "a valid token is needed", StatusCode::UNAUTHORIZED),
            Self::Forbidden => ("forbidden", "this token may not do that", StatusCode::FORBIDDEN),
            Self::NotFound => ("not-found", "there is no such thing", StatusCode::NOT_FOUND),
            Self::MethodNotAllowed => {
                ("method-not-allowed", "the method is not allowed here", StatusCode::METHOD_NOT_ALLOWED)
            }
            Self::JobExists => ("job-exists", "a job of this name exists", StatusCode::CONFLICT),
            Self::WrongState => ("wrong-state", "the job is in another state", StatusCode::CONFLICT),
            Self::Contended => ("contended", "too many change this job at once", StatusCode::CONFLICT),
            Self::PreconditionFailed => {
                ("precondition-failed", "the job was changed meanwhile", StatusCode::PRECONDITION_FAILED)
            }
            Self::PayloadTooLarge => ("payload-too-large", "the body is too large", StatusCode::PAYLOAD_TOO_LARGE),
            Self::UnsupportedMediaType => {
                ("unsupported-media-type", "the content type is not supported here", StatusCode::UNSUPPORTED_MEDIA_TYPE)
            }
            Self::IdempotencyMismatch => (
                "idempotency-mismatch",
                "the idempotency key was used with another body",
                StatusCode::UNPROCESSABLE_ENTITY,
            ),
            Self::Internal => ("internal", "something went wrong on our side", StatusCode::INTERNAL_SERVER_ERROR),
            Self::DependencyUnavailable => (
                "dependency-unavailable",
                "kafka or the object store did not answer as it should",
                StatusCode::SERVICE_UNAVAILABLE,
            ),
            Self::Overloaded => ("overloaded", "too many requests at once", StatusCode::SERVICE_UNAVAILABLE),
            Self::TooManyRequests => ("too-many-requests", "you ask too often", StatusCode::TOO_MANY_REQUESTS),
            Self::TimedOut => ("timed-out", "the request took too long", StatusCode::GATEWAY_TIMEOUT),
        }
    }
}

impl Kind {
    /// What a client needs beside the body: how to authenticate, or when to come again (in seconds).
    fn header(self) -> Option<(HeaderName, &'static str)> {
        match self {
            Self::Unauthenticated => Some((header::WWW_AUTHENTICATE, "Bearer")),
            Self::Overloaded | Self::TooManyRequests => Some((header::RETRY_AFTER, "1")),
            Self::Contended | Self::DependencyUnavailable => Some((header::RETRY_AFTER, "2")),
            Self::InvalidRequest
            | Self::InvalidJob
            | Self::CheckFailed
            | Self::Forbidden
            | Self::NotFound
            | Self::MethodNotAllowed
            | Self::JobExists
            | Self::WrongState
            | Self::PreconditionFailed
            | Self::PayloadTooLarge
            | Self::UnsupportedMediaType
            | Self::IdempotencyMismatch
            | Self::Internal
            | Self::TimedOut => None,
        }
    }
}

/// One mistake: which field, what stands there, what is wrong with it and how to mend it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProblemField {
    /// Dotted path in the job document, `document` for the whole of it.
    pub field: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    pub problem: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub fix: String,
}

impl From<FieldError> for ProblemField {
    fn from(error: FieldError) -> Self {
        Self { field: error.field, value: error.value, problem: error.problem, fix: error.fix }
    }
}

/// The body of `application/problem+json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// `/problems/<slug>`: a stable name of the kind of problem.
    #[serde(rename = "type")]
    #[schema(value_type = String)]
    pub kind_uri: Box<str>,
    #[schema(value_type = String)]
    pub title: Box<str>,
    pub status: u16,
    pub detail: String,
    /// The path that was asked for.
    #[serde(default, skip_serializing_if = "str::is_empty")]
    #[schema(value_type = String)]
    pub instance: Box<str>,
    /// The same as the answer's `x-request-id`.
    #[serde(default, skip_serializing_if = "str::is_empty")]
    #[schema(value_type = String)]
    pub request_id: Box<str>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<ProblemField>,
    /// None in a problem that was read from an answer.
    #[serde(skip)]
    kind: Option<Kind>,
}

impl Problem {
    #[must_use]
    pub fn new(kind: Kind, detail: impl Into<String>) -> Self {
        let (slug, title, status) = kind.facts();
        Self {
            kind_uri: format!("/problems/{slug}").into(),
            title: title.into(),
            status: status.as_u16(),
            detail: detail.into(),
            instance: Box::default(),
            request_id: Box::default(),
            errors: Vec::new(),
            kind: Some(kind),
        }
    }

    #[must_use]
    pub fn with_errors(mut self, errors: Vec<FieldError>) -> Self {
        self.errors = errors.into_iter().map(ProblemField::from).collect();
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}): {}", self.title, self.status, self.detail)?;
        for error in &self.errors {
            write!(f, "\n  {}: {}", error.field, error.problem)?;
            if !error.fix.is_empty() {
                write!(f, "; {}", error.fix)?;
            }
        }
        Ok(())
    }
}

/// Carried beside the body, so that the edge can add instance and request id.
#[derive(Debug, Clone)]
pub(crate) struct Carried(pub(crate) Problem);

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(&self)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some((name, value)) = self.kind.and_then(Kind::header) {
            headers.insert(name, HeaderValue::from_static(value));
        }
        response.extensions_mut().insert(Carried(self));
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_its_own_slug_and_an_error_status() {
        let mut slugs = std::collections::BTreeSet::new();
        for kind in Kind::ALL {
            let (slug, title, status) = kind.facts();
            assert!(slugs.insert(slug), "{slug} is used twice");
            assert!(status.is_client_error() || status.is_server_error(), "{slug}");
            assert!(!title.ends_with('.') && title.starts_with(char::is_lowercase), "{title}");
        }
    }
}
