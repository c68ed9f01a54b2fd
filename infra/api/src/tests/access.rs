use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use super::{Answer, JSON, World, call, job};
use crate::auth::{Authenticator, Role, StaticToken};
use crate::state::ApiState;

fn with_tokens(world: &World) -> Router {
    let token = |name: &str, role, team: Option<&str>| StaticToken {
        name: name.into(),
        sha256: Sha256::digest(format!("secret-{name}").as_bytes()).into(),
        role,
        team: team.map(str::to_owned),
    };
    let mut parts = world.parts();
    parts.auth = Authenticator::tokens(vec![
        token("reader", Role::Viewer, Some("ads")),
        token("ads", Role::Editor, Some("ads")),
        token("web", Role::Editor, Some("web")),
        token("ops", Role::Operator, None),
    ]);
    crate::router(ApiState::new(parts))
}

async fn as_user(api: &Router, user: &str, method: &str, path: &str, body: &str) -> Answer {
    let authorization = format!("authorization: Bearer secret-{user}");
    call(api, method, path, &[JSON, &authorization], body).await
}

fn job_of(name: &str, team: &str) -> String {
    job(name).replacen('{', &format!("{{\"team\":\"{team}\","), 1)
}

#[tokio::test]
async fn without_a_known_token_nothing_but_health_and_the_document_is_shown() {
    let world = World::new();
    let api = with_tokens(&world);
    for header in [
        "x-nothing: 1",
        "authorization: Bearer wrong",
        "authorization: Basic c2VjcmV0LW9wcw==",
        "authorization: Bearer ",
    ] {
        for (method, path) in [("GET", "/v1/jobs"), ("POST", "/v1/jobs"), ("GET", "/metrics"), ("DELETE", "/v1/jobs/a")]
        {
            let answer = call(&api, method, path, &[header], "").await.expect(401);
            assert_eq!(answer.header("www-authenticate"), "Bearer", "{header} {path}");
            assert_eq!(answer.json["type"], "/problems/unauthenticated");
        }
    }
    for path in ["/livez", "/readyz", "/healthz", "/openapi.json"] {
        call(&api, "GET", path, &[], "").await.expect(200);
    }
}

#[tokio::test]
async fn a_viewer_reads_and_an_editor_changes() {
    let world = World::new();
    let api = with_tokens(&world);
    let refused = as_user(&api, "reader", "POST", "/v1/jobs", &job_of("a", "ads")).await.expect(403);
    assert!(refused.text.contains("role viewer, this needs editor"), "{}", refused.text);
    let created = as_user(&api, "ads", "POST", "/v1/jobs", &job_of("a", "ads")).await.expect(201);
    assert_eq!(created.json["changed_by"], "ads");
    as_user(&api, "reader", "GET", "/v1/jobs/a", "").await.expect(200);
    as_user(&api, "reader", "GET", "/v1/jobs/a/status", "").await.expect(200);
    for (method, path) in [("POST", "/v1/jobs/a/pause"), ("DELETE", "/v1/jobs/a"), ("PUT", "/v1/jobs/a")] {
        as_user(&api, "reader", method, path, &job_of("a", "ads")).await.expect(403);
    }
    assert!(!created.text.contains("secret"));
}

#[tokio::test]
async fn another_teams_job_does_not_exist_for_a_team() {
    let world = World::new();
    let api = with_tokens(&world);
    as_user(&api, "ads", "POST", "/v1/jobs", &job_of("a", "ads")).await.expect(201);
    as_user(&api, "web", "POST", "/v1/jobs", &job_of("w", "web")).await.expect(201);
    let patch = r#"{"max_workers":1}"#;
    for (method, path, body) in [
        ("GET", "/v1/jobs/a", ""),
        ("GET", "/v1/jobs/a/status", ""),
        ("PUT", "/v1/jobs/a", &job_of("a", "web")),
        ("DELETE", "/v1/jobs/a", ""),
        ("POST", "/v1/jobs/a/stop", ""),
    ] {
        let answer = as_user(&api, "web", method, path, body).await;
        assert_eq!(answer.status.as_u16(), 404, "{method} {path}: {}", answer.text);
    }
    let merge = ["content-type: application/merge-patch+json", "authorization: Bearer secret-web"];
    call(&api, "PATCH", "/v1/jobs/a", &merge, patch).await.expect(404);
    let names = |answer: &Answer| -> Vec<String> {
        answer.json["jobs"].as_array().unwrap().iter().map(|job| job["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(&as_user(&api, "web", "GET", "/v1/jobs", "").await), ["w"]);
    assert_eq!(names(&as_user(&api, "ops", "GET", "/v1/jobs?limit=1", "").await), ["a"]);
    let paged = as_user(&api, "web", "GET", "/v1/jobs?limit=1", "").await.expect(200);
    assert_eq!((names(&paged), paged.json["next_cursor"].is_null()), (vec!["w".to_owned()], true));

    // Neither by creating nor by moving does a job land in another team.
    let foreign = as_user(&api, "web", "POST", "/v1/jobs", &job_of("b", "ads")).await.expect(422);
    assert_eq!(
        foreign.errors()[0],
        ("team".to_owned(), "is not the team of token \"web\"; write team: web".to_owned())
    );
    as_user(&api, "web", "PUT", "/v1/jobs/w", &job_of("w", "ads")).await.expect(422);
    as_user(&api, "ops", "PUT", "/v1/jobs/w", &job_of("w", "ads")).await.expect(200);
    as_user(&api, "web", "GET", "/v1/jobs/w", "").await.expect(404);
}

/// As clients of Kafka Connect send it: `user:token`.
#[tokio::test]
async fn a_token_is_taken_as_the_password_of_basic_too() {
    let world = World::new();
    let api = with_tokens(&world);
    let basic = |pair: &str| format!("authorization: Basic {}", STANDARD.encode(pair));
    for (pair, status) in [("anybody:secret-ops", 200), (":secret-ops", 200), ("ops:", 401), ("secret-ops:x", 401)] {
        for path in ["/v1/jobs", "/connectors", "/"] {
            let answer = call(&api, "GET", path, &[&basic(pair)], "").await;
            assert_eq!(answer.status.as_u16(), status, "{pair} {path}: {}", answer.text);
        }
    }
    call(&api, "GET", "/", &["accept: text/html"], "").await.expect(200);
}

#[tokio::test]
async fn what_tells_of_every_team_is_for_tokens_of_no_team() {
    let world = World::new();
    let api = with_tokens(&world);
    // This one keeps none.
    as_user(&api, "ops", "GET", "/metrics", "").await.expect(404);
    let refused = as_user(&api, "reader", "GET", "/metrics", "").await.expect(403);
    assert!(refused.text.contains("is of team ads"), "{}", refused.text);
    // A name that another team takes over keeps its history to itself.
    as_user(&api, "ads", "POST", "/v1/jobs", &job_of("a", "ads")).await.expect(201);
    as_user(&api, "ads", "DELETE", "/v1/jobs/a", "").await.expect(204);
    let again = job_of("a", "web").replacen("\"source\":{", "\"source\":{\"start\":\"earliest\",", 1);
    as_user(&api, "web", "POST", "/v1/jobs", &again).await.expect(201);
    let events = as_user(&api, "web", "GET", "/v1/jobs/a/events", "").await.expect(200);
    assert!(!events.text.contains("ads"), "{}", events.text);
}

#[tokio::test]
async fn no_job_takes_the_group_of_another() {
    let world = World::new();
    let api = with_tokens(&world);
    as_user(&api, "ads", "POST", "/v1/jobs", &job_of("a", "ads")).await.expect(201);
    let same = job_of("w", "web").replacen("\"source\":{", "\"source\":{\"group\":\"landfall-a\",", 1);
    let refused = as_user(&api, "web", "POST", "/v1/jobs", &same).await.expect(422);
    assert_eq!(refused.errors()[0].0, "source.group", "{}", refused.text);
    assert!(!refused.text.contains("ads"), "{}", refused.text);
    let own = same.replace("landfall-a", "landfall-w2");
    as_user(&api, "web", "POST", "/v1/jobs", &own).await.expect(201);
}

#[tokio::test]
async fn the_same_idempotency_key_of_two_tokens_is_two_keys() {
    let world = World::new();
    let api = with_tokens(&world);
    let send = async |user: &str| {
        let authorization = format!("authorization: Bearer secret-{user}");
        call(&api, "POST", "/v1/jobs", &[JSON, &authorization, "idempotency-key: k"], &job_of("a", "ads")).await
    };
    send("ads").await.expect(201);
    send("ads").await.expect(201);
    send("ops").await.expect(409);
}

/// A clock that a test sets.
#[derive(Debug, Default)]
struct SetClock(AtomicU64);

impl landfall_auth::Clock for SetClock {
    fn now_ms(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

#[tokio::test]
async fn a_file_of_tokens_that_cannot_be_used_is_told_by_health_and_the_api_stays_ready() {
    let world = World::new();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tokens.yaml");
    let hash: String = Sha256::digest(b"secret-ann").iter().map(|byte| format!("{byte:02x}")).collect();
    std::fs::write(&path, format!("[{{name: ann, sha256: {hash}, role: operator}}]")).unwrap();
    let clock = Arc::new(SetClock::default());
    let text = format!(
        "state: {{bucket: lake}}\nclusters: {{main: {{bootstrap_servers: 'k:9092'}}}}\n\
         api: {{auth: {{mode: token, tokens_file: '{}'}}}}",
        path.display()
    );
    let mut parts = world.parts();
    parts.auth = Authenticator::from_config(&super::configuration(&text).api.auth, clock.clone()).unwrap();
    let api = crate::router(ApiState::new(parts));
    as_user(&api, "ann", "GET", "/v1/jobs", "").await.expect(200);
    let healthy = call(&api, "GET", "/healthz", &[], "").await.expect(200);
    assert!(healthy.json.get("degraded").is_none(), "{}", healthy.text);
    std::fs::write(&path, "[{name: ann").unwrap();
    clock.0.store(60_000, Ordering::Relaxed);
    as_user(&api, "ann", "GET", "/v1/jobs", "").await.expect(200);
    let told = call(&api, "GET", "/healthz", &[], "").await.expect(200);
    let degraded = told.json["degraded"][0].as_str().unwrap();
    assert!(degraded.contains("tokens_file") && degraded.contains("cannot be used"), "{degraded}");
    assert_eq!(told.json["status"], "ok");
}
