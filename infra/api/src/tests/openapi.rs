use std::path::PathBuf;

use super::{World, call};

fn golden() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/openapi.json")
}

#[test]
fn the_openapi_document_is_the_one_checked_in() {
    let mut made = serde_json::to_string_pretty(&crate::openapi::document()).unwrap();
    made.push('\n');
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(golden(), &made).unwrap();
    }
    let checked_in = std::fs::read_to_string(golden()).unwrap_or_default();
    assert!(
        made == checked_in,
        "the API changed: run the test with UPDATE_GOLDEN=1 and look at the diff of docs/openapi.json"
    );
}

#[tokio::test]
async fn the_document_names_every_route_and_is_served() {
    let world = World::new();
    let api = world.api();
    let document = call(&api, "GET", "/openapi.json", &[], "").await.expect(200).json;
    assert_eq!(document["openapi"].as_str().map(|version| &version[..3]), Some("3.1"));
    for (path, methods) in [
        ("/v1/jobs", &["get", "post"][..]),
        ("/v1/jobs/{name}", &["get", "put", "patch", "delete"]),
        ("/v1/jobs/validate", &["post"]),
        ("/v1/jobs/{name}/{action}", &["post"]),
        ("/v1/jobs/{name}/status", &["get"]),
        ("/livez", &["get"]),
        ("/readyz", &["get"]),
        ("/healthz", &["get"]),
        ("/metrics", &["get"]),
        ("/openapi.json", &["get"]),
    ] {
        for method in methods {
            assert!(document["paths"][path][method].is_object(), "{method} {path} is missing");
        }
    }
    for schema in ["Problem", "JobView", "JobList", "Validation", "StatusDocument"] {
        assert!(document["components"]["schemas"][schema].is_object(), "{schema} is missing");
    }
}
