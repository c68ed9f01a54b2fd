//! The OpenAPI document, made from the handlers. A copy is checked in, so that a change of the API is a visible diff.

use utoipa::OpenApi;
use utoipa::openapi::OpenApi as Document;

use crate::handlers::{actions, change, docs, jobs, status};
use crate::health;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Landfall",
        description = "Sink jobs that land Kafka topics in S3 exactly once. Errors are RFC 9457 problems.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
        version = "1"
    ),
    paths(
        jobs::create,
        jobs::list,
        jobs::validate,
        jobs::get,
        change::replace,
        change::patch,
        change::delete,
        actions::act,
        status::get,
        health::livez,
        health::readyz,
        health::healthz,
        health::metrics,
        docs::openapi,
    )
)]
struct ApiDoc;

/// The document as served.
#[must_use]
pub fn document() -> Document {
    ApiDoc::openapi()
}
