use std::path::PathBuf;

use super::{JSON, World, call};

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

#[tokio::test]
async fn the_documents_examples_are_taken_as_they_are() {
    let world = World::new();
    let api = world.api();
    let document = call(&api, "GET", "/openapi.json", &[], "").await.expect(200).json;
    let examples = |path: &str, method: &str, media: &str| -> Vec<String> {
        let examples = &document["paths"][path][method]["requestBody"]["content"][media]["examples"];
        examples.as_object().unwrap().values().map(|example| example["value"].to_string()).collect()
    };
    for example in examples("/v1/jobs/validate", "post", "application/json") {
        let answer = call(&api, "POST", "/v1/jobs/validate", &[JSON], &example).await.expect(200);
        assert_eq!(answer.json["valid"], true, "{example}: {}", answer.text);
    }
    let send = async |method: &str, path: &str, media: &str, status: u16| {
        for example in examples(path, &method.to_lowercase(), media) {
            let path = path.replace("{name}", "bids");
            call(&api, method, &path, &[&format!("content-type: {media}")], &example).await.expect(status);
        }
    };
    send("POST", "/v1/jobs", "application/json", 201).await;
    send("PUT", "/v1/jobs/{name}", "application/yaml", 200).await;
    send("PATCH", "/v1/jobs/{name}", "application/merge-patch+json", 200).await;
    send("POST", "/v1/jobs/{name}/clone", "application/json", 201).await;
    world.produce("bids", 0, 1_000);
    call(&api, "POST", "/v1/jobs/bids/stop", &[], "").await.expect(202);
    send("PUT", "/v1/jobs/{name}/offsets", "application/json", 200).await;
}

#[tokio::test]
async fn the_document_has_every_kind_of_problem() {
    let world = World::new();
    let document = call(&world.api(), "GET", "/openapi.json", &[], "").await.expect(200).json;
    let kinds = document["x-problem-types"].as_array().unwrap();
    assert_eq!(kinds.len(), crate::problem::Kind::ALL.len());
    let answer = call(&world.api(), "GET", "/v1/jobs/none", &[], "").await.expect(404).json;
    let told = kinds.iter().find(|kind| kind["type"] == answer["type"]).unwrap();
    assert_eq!((&told["status"], &told["title"]), (&answer["status"], &answer["title"]));
}

#[tokio::test]
async fn the_documents_page_is_open_to_everybody_under_the_dashboards_policy() {
    let world = World::new();
    let mut parts = world.parts();
    parts.auth = crate::Authenticator::tokens(Vec::new());
    let api = crate::router(crate::ApiState::new(parts));
    let page = call(&api, "GET", "/docs", &[], "").await.expect(200);
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    let dashboard = call(&api, "GET", "/", &["accept: text/html"], "").await.expect(200);
    assert_eq!(page.header("content-security-policy"), dashboard.header("content-security-policy"));
    // What it needs is in the binary.
    for part in page.text.split('"').filter(|part| part.starts_with("/dashboard/")) {
        call(&api, "GET", part, &[], "").await.expect(200);
    }
}
