//! The dashboard and the page of the API's documentation: one bundle of files in the binary, under a policy that lets a
//! page reach nothing but this API.

use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, header};

use crate::problem::{Kind, Problem};

const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; \
     form-action 'none'; base-uri 'none'; frame-ancestors 'none'",
);

macro_rules! files {
    ($($name:literal),+ $(,)?) => {
        &[$(($name, include_bytes!(concat!("../../dashboard/", $name)))),+]
    };
}

const PAGE: &str = "index.html";
const DOCS: &str = "docs.html";
const FILES: &[(&str, &[u8])] = files![
    "index.html",
    "docs.html",
    "style.css",
    "docs.css",
    "actions.js",
    "api.js",
    "badge.js",
    "chart.js",
    "clone.js",
    "copy.js",
    "create.js",
    "create_connector.js",
    "create_document.js",
    "create_form.js",
    "create_outcome.js",
    "create_text.js",
    "dialog.js",
    "docs.js",
    "docs_operation.js",
    "docs_read.js",
    "docs_schema.js",
    "dom.js",
    "format.js",
    "history.js",
    "job.js",
    "job_ddl.js",
    "job_documents.js",
    "job_head.js",
    "job_letters.js",
    "job_lists.js",
    "job_offsets.js",
    "job_tables.js",
    "link.js",
    "live.js",
    "main.js",
    "offsets_confirm.js",
    "offsets_move.js",
    "overview.js",
    "overview_jobs.js",
    "overview_workers.js",
    "panel.js",
    "problem.js",
    "raw.js",
    "sign_in.js",
    "sse.js",
    "table.js",
    "time.js",
];

fn kind(name: &str) -> HeaderValue {
    HeaderValue::from_static(match name.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        _ => "text/javascript; charset=utf-8",
    })
}

/// The page at `/`.
pub(crate) fn page() -> Response {
    file(PAGE).unwrap_or_else(IntoResponse::into_response)
}

/// The page at `/docs`, which shows `/openapi.json`.
pub(crate) async fn docs() -> Response {
    file(DOCS).unwrap_or_else(IntoResponse::into_response)
}

pub(crate) async fn asset(Path(name): Path<String>) -> Response {
    file(&name).unwrap_or_else(IntoResponse::into_response)
}

fn file(name: &str) -> Result<Response, Problem> {
    let found = FILES.iter().find(|(known, _)| *known == name);
    let (_, bytes) =
        found.ok_or_else(|| Problem::new(Kind::NotFound, format!("the dashboard has no file {name:?}")))?;
    let mut response = (*bytes).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, kind(name));
    headers.insert(header::CONTENT_SECURITY_POLICY, POLICY);
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    // A new version of the binary brings new files under the same names.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    Ok(response)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_bundle_is_in_the_binary() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("dashboard");
        let mut there: Vec<_> =
            std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        let mut known: Vec<_> = FILES.iter().map(|(name, _)| (*name).to_owned()).collect();
        there.sort_unstable();
        known.sort_unstable();
        assert_eq!(there, known);
    }
}
