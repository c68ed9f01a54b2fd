//! The dashboard: one bundle of files in the binary, under a policy that lets the page reach nothing but this API.

use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, header};

use crate::problem::{Kind, Problem};

const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; \
     form-action 'none'; base-uri 'none'; frame-ancestors 'none'",
);

macro_rules! files {
    ($($name:literal as $kind:literal),+ $(,)?) => {
        &[$(($name, $kind, include_bytes!(concat!("../../dashboard/", $name)))),+]
    };
}

const PAGE: &str = "index.html";
const FILES: &[(&str, &str, &[u8])] = files![
    "index.html" as "text/html; charset=utf-8",
];

/// The page at `/`.
pub(crate) fn page() -> Response {
    file(PAGE).unwrap_or_else(IntoResponse::into_response)
}

pub(crate) async fn asset(Path(name): Path<String>) -> Response {
    file(&name).unwrap_or_else(IntoResponse::into_response)
}

fn file(name: &str) -> Result<Response, Problem> {
    let found = FILES.iter().find(|(known, ..)| *known == name);
    let (_, kind, bytes) =
        found.ok_or_else(|| Problem::new(Kind::NotFound, format!("the dashboard has no file {name:?}")))?;
    let mut response = (*bytes).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CONTENT_SECURITY_POLICY, POLICY);
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    // A new version of the binary brings new files under the same names.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    Ok(response)
}
