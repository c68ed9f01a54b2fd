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

#[tokio::test]
async fn the_document_says_what_the_layers_before_a_handler_answer() {
    let world = World::new();
    let mut parts = world.parts();
    parts.auth = crate::Authenticator::tokens(Vec::new());
    let api = crate::router(crate::ApiState::new(parts));
    let document = call(&api, "GET", "/openapi.json", &[], "").await.expect(200).json;
    assert_eq!(document["components"]["securitySchemes"]["bearer"]["scheme"], "bearer");
    assert_eq!(document["security"][0]["bearer"], serde_json::json!([]));
    let mut behind = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            // Without a token the router itself tells which routes are behind authentication.
            let asked = path.replace("{name}", "a").replace("{action}", "stop");
            let answer = call(&api, &method.to_uppercase(), &asked, &[], "").await;
            let open = answer.status.as_u16() != 401;
            assert_eq!(operation["security"] == serde_json::json!([]), open, "{method} {path}");
            if open {
                continue;
            }
            behind += 1;
            for status in ["401", "403", "500", "503", "504"] {
                let response = &operation["responses"][status]["$ref"];
                let name = response.as_str().and_then(|at| at.strip_prefix("#/components/responses/"));
                let name = name.unwrap_or_else(|| panic!("{method} {path} has no shared {status}: {response}"));
                assert!(document["components"]["responses"][name]["content"]["application/problem+json"].is_object());
            }
        }
    }
    assert!(behind >= 10, "{behind}");
}
