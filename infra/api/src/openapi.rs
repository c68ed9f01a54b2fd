//! The OpenAPI document, made from the handlers. A copy is checked in, so that a change of the API is a visible diff.
//!
//! What the layers before a handler may answer is the same everywhere and is added here, so that no handler can forget
//! it: no token, a token that may not, too many requests, a dependency away, no answer in time.

mod examples;

use serde_json::{Value, json};
use utoipa::openapi::extensions::Extensions;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{Content, OpenApi as Document, Ref, RefOr, Response, ResponseBuilder};
use utoipa::{Modify, OpenApi};

use self::examples::Examples;
use crate::handlers::{actions, change, ddl, docs, jobs, landed, offsets, status, validate, watch};
use crate::health;
use crate::problem::Kind;

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
        validate::validate,
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
    modifiers(&Layers, &Problems, &Examples)
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
             balancer brings it; with mode none, on loopback only, none is needed. With mode token it may also be the password of Basic, with any user.",
        ));
        components.add_security_scheme(BEARER, SecurityScheme::Http(bearer.build()));
        for (_, name, description) in SHARED {
            components.responses.insert(name.to_owned(), problem(description).into());
        }
        document.security = Some(vec![SecurityRequirement::new(BEARER, Vec::<String>::new())]);
        for (path, item) in &mut document.paths.paths {
            let open = OPEN.contains(&path.as_str());
            for (_, operation) in operations(item) {
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

/// Each with its method.
fn operations(item: &mut PathItem) -> impl Iterator<Item = (&'static str, &mut Operation)> {
    let PathItem { get, put, post, delete, patch, .. } = item;
    let all = [("get", get), ("put", put), ("post", post), ("delete", delete), ("patch", patch)];
    all.into_iter().filter_map(|(method, operation)| Some((method, operation.as_mut()?)))
}

/// Every kind of problem, for whoever branches on its `type`: a status may stand for several.
struct Problems;

impl Modify for Problems {
    fn modify(&self, document: &mut Document) {
        let shown = |kind: Kind| {
            let (slug, title, status) = kind.facts();
            json!({"type": format!("/problems/{slug}"), "status": status.as_u16(), "title": title})
        };
        let kinds: Vec<Value> = Kind::ALL.into_iter().map(shown).collect();
        document.extensions = Some(Extensions::from_iter([("x-problem-types", kinds)]));
    }
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
