//! The OpenAPI document, made from the handlers. A copy is checked in, so that a change of the API is a visible diff.
//!
//! What the layers before a handler may answer is the same everywhere and is added here, so that no handler can forget
//! it: no token, a token that may not, too many requests, a dependency away, no answer in time.

use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{Content, OpenApi as Document, Ref, RefOr, Response, ResponseBuilder};
use utoipa::{Modify, OpenApi};

use crate::handlers::{actions, change, ddl, docs, jobs, landed, offsets, status, watch};
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
        jobs::clone,
        actions::act,
        status::get,
        watch::status_stream,
        ddl::get,
        landed::events,
        landed::objects,
        landed::letters,
        offsets::get,
        offsets::set,
        watch::overview,
        watch::overview_stream,
        health::livez,
        health::readyz,
        health::healthz,
        health::metrics,
        docs::openapi,
    ),
    modifiers(&Layers)
)]
struct ApiDoc;

const BEARER: &str = "bearer";
/// Open to everybody: probes, and this document.
const OPEN: [&str; 4] = ["/livez", "/readyz", "/healthz", "/openapi.json"];
/// Status, name among the components, description.
const SHARED: [(&str, &str, &str); 7] = [
    ("400", "InvalidRequest", "the request cannot be read: path, query, a header or the body"),
    ("401", "Unauthenticated", "no known token was sent, and api.auth.mode asks for one"),
    ("403", "Forbidden", "the token's role does not allow it, or the request comes from another origin or host"),
    ("429", "TooManyRequests", "you ask too often; see retry-after"),
    ("500", "Internal", "something went wrong on our side; the log has it under the request id"),
    ("503", "Unavailable", "too many requests at once, or Kafka or S3 did not answer as it should; see retry-after"),
    ("504", "TimedOut", "no answer in time; what was begun may still take effect"),
];

/// What is true of every route behind authentication.
struct Layers;

impl Modify for Layers {
    fn modify(&self, document: &mut Document) {
        let components = document.components.get_or_insert_default();
        let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some(
            "A token whose SHA-256 is in api.auth.tokens, or a JWT of the issuer (api.auth.mode oidc). With mode alb the load \
             balancer brings it; with mode none, on loopback only, none is needed.",
        ));
        components.add_security_scheme(BEARER, SecurityScheme::Http(bearer.build()));
        for (_, name, description) in SHARED {
            components.responses.insert(name.to_owned(), problem(description).into());
        }
        document.security = Some(vec![SecurityRequirement::new(BEARER, Vec::<String>::new())]);
        for (path, item) in &mut document.paths.paths {
            let open = OPEN.contains(&path.as_str());
            for operation in operations(item) {
                if open {
                    operation.security = Some(Vec::new());
                    continue;
                }
                for (status, name, _) in SHARED {
                    let shared = RefOr::Ref(Ref::from_response_name(name));
                    operation.responses.responses.entry(status.to_owned()).or_insert(shared);
                }
            }
        }
    }
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    let PathItem { get, put, post, delete, patch, .. } = item;
    [get, put, post, delete, patch].into_iter().flatten()
}

fn problem(description: &str) -> Response {
    let body = Content::new(Some(Ref::from_schema_name("Problem")));
    ResponseBuilder::new().description(description).content("application/problem+json", body).build()
}

/// The document as served.
#[must_use]
pub fn document() -> Document {
    ApiDoc::openapi()
}
