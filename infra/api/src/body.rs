//! Reading a job document from a request: JSON or YAML by its content type, bounded in size.

use axum::body::to_bytes;
use axum::extract::Request;
use http::{HeaderMap, header};

use crate::problem::{Kind, Problem};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Media {
    Json,
    Yaml,
    MergePatch,
}

fn media(headers: &HeaderMap) -> Option<Media> {
    let value = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    let essence = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match essence.as_str() {
        "application/json" => Some(Media::Json),
        "application/yaml" | "application/x-yaml" | "text/yaml" | "text/x-yaml" => Some(Media::Yaml),
        "application/merge-patch+json" => Some(Media::MergePatch),
        _ => None,
    }
}

/// The body as text, its media type being one of `accepted`.
pub(crate) async fn text(request: Request, accepted: &[Media], limit_bytes: usize) -> Result<String, Problem> {
    if !media(request.headers()).is_some_and(|media| accepted.contains(&media)) {
        let given = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let names = match accepted {
            [Media::MergePatch, ..] => "application/merge-patch+json",
            _ => "application/json or application/yaml",
        };
        let detail = match given {
            Some(given) => format!("content type {given:?} is not read here: send {names}"),
            None => format!("the request has no content type: send {names}"),
        };
        return Err(Problem::new(Kind::UnsupportedMediaType, detail));
    }
    let bytes = bytes(request, limit_bytes).await?;
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        Problem::new(Kind::InvalidRequest, format!("the body is not UTF-8: byte {at} is wrong"))
    })
}

async fn bytes(request: Request, limit_bytes: usize) -> Result<Vec<u8>, Problem> {
    let too_large = || {
        let detail = format!("a job document has at most {limit_bytes} bytes: leave out what equals the defaults");
        Problem::new(Kind::PayloadTooLarge, detail)
    };
    let declared = request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    if declared.and_then(|length| length.parse::<usize>().ok()).is_some_and(|length| length > limit_bytes) {
        return Err(too_large());
    }
    match to_bytes(request.into_body(), limit_bytes).await {
        Ok(bytes) => Ok(bytes.to_vec()),
        Err(error) if error.to_string().contains("length limit") => Err(too_large()),
        Err(_) => Err(Problem::new(Kind::InvalidRequest, "the body ended before all of it had come")),
    }
}
