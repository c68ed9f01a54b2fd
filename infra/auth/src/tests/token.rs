//! Static tokens, and the file that brings and takes them.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use sha2::{Digest, Sha256};

use super::{TestClock, bearer, config, headers};
use crate::token::find;
use crate::{Authenticator, RefusedKind, Role, SetupError, StaticToken};

fn hash(token: &str) -> String {
    Sha256::digest(token.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn entry(name: &str, token: &str, role: &str) -> String {
    format!("{{name: {name}, sha256: {}, role: {role}}}", hash(token))
}

#[test]
fn a_token_is_found_by_its_hash_and_nothing_else_is() {
    let known = |name: &str, token: &str| StaticToken {
        name: name.to_owned(),
        sha256: Sha256::digest(token.as_bytes()).into(),
        role: Role::Viewer,
        team: None,
    };
    let tokens = [known("a", "one"), known("b", "two")];
    assert_eq!(find(&tokens, "two").map(|p| p.name), Some("b".to_owned()));
    assert_eq!(find(&tokens, "one").map(|p| p.name), Some("a".to_owned()));
    assert_eq!(find(&tokens, "three"), None);
    assert_eq!(find(&tokens, &hash("one")), None);
    assert_eq!(find(&[], "one"), None);
    assert!(!format!("{tokens:?}").contains("sha256"));
}

#[tokio::test]
async fn nobody_but_this_machine_is_served_without_authentication() {
    let auth = Authenticator::none();
    for pairs in [
        vec![("host", "127.0.0.1:8080")],
        vec![("host", "localhost:8080"), ("origin", "http://localhost:8080")],
        vec![("host", "localhost"), ("authorization", "Bearer x")],
    ] {
        assert_eq!(auth.authenticate(&headers(&pairs)).await.unwrap().name, "local", "{pairs:?}");
    }
    for pairs in [
        vec![("host", "evil.example")],
        vec![("host", "localhost:8080"), ("origin", "https://evil.example")],
        vec![("host", "localhost:8080"), ("origin", "null")],
        vec![("origin", "http://localhost:8080")],
    ] {
        assert_eq!(auth.authenticate(&headers(&pairs)).await.unwrap_err().kind, RefusedKind::Forbidden, "{pairs:?}");
    }
}

struct World {
    folder: tempfile::TempDir,
    clock: Arc<TestClock>,
    auth: Authenticator,
}

impl World {
    fn new(text: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tokens.yaml");
        write(&path, text);
        let clock = TestClock::new();
        let auth = open(&path, &clock).unwrap();
        Self { folder, clock, auth }
    }

    fn write(&self, text: &str) {
        write(&self.folder.path().join("tokens.yaml"), text);
    }

    /// Whose token it is, a while after the last question.
    async fn later(&self, token: &str) -> Option<String> {
        self.clock.pass_ms(5_000);
        self.now(token).await
    }

    async fn now(&self, token: &str) -> Option<String> {
        bearer(&self.auth, token).await.ok().map(|who| who.name)
    }
}

fn open(path: &Path, clock: &Arc<TestClock>) -> Result<Authenticator, SetupError> {
    let fixed = entry("fixed", "fixed-token", "viewer");
    let auth = config(&format!("mode: token, tokens: [{fixed}], tokens_file: '{}'", path.display()));
    Authenticator::from_config(&auth, clock.clone())
}

/// Writes, and gives each writing a time of its own, however fast the test is.
fn write(path: &Path, text: &str) {
    use std::sync::atomic::{AtomicU64, Ordering};
    static WRITTEN: AtomicU64 = AtomicU64::new(0);
    std::fs::write(path, text).unwrap();
    let file = std::fs::File::options().write(true).open(path).unwrap();
    let at = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000 + WRITTEN.fetch_add(1, Ordering::SeqCst));
    file.set_modified(at).unwrap();
}

fn some(name: &str) -> Option<String> {
    Some(name.to_owned())
}

#[tokio::test]
async fn a_changed_file_is_read_again_within_seconds() {
    let world = World::new(&format!("- {}\n", entry("ann", "one", "editor")));
    assert_eq!(world.now("one").await, some("ann"));
    assert_eq!(world.now("fixed-token").await, some("fixed"));
    world.write(&format!("[{}, {}]", entry("ann", "new", "editor"), entry("bob", "two", "viewer")));
    assert_eq!(world.now("one").await, some("ann"), "not looked at for every request");
    assert_eq!(world.later("one").await, None, "taken out, and refused from the first look on");
    assert_eq!((world.now("new").await, world.now("two").await), (some("ann"), some("bob")));
    assert_eq!(world.now("fixed-token").await, some("fixed"));
    // As JSON, and replaced as a whole with the time and length it had.
    let json = format!("[{{\"name\": \"cy\", \"sha256\": \"{}\", \"role\": \"viewer\"}}]", hash("three"));
    world.write(&json);
    assert_eq!(world.later("three").await, some("cy"));
    let path = world.folder.path().join("tokens.yaml");
    let modified = std::fs::metadata(&path).unwrap().modified().unwrap();
    let beside = world.folder.path().join("beside");
    std::fs::write(&beside, json.replace("\"cy\"", "\"di\"")).unwrap();
    std::fs::File::options().write(true).open(&beside).unwrap().set_modified(modified).unwrap();
    std::fs::rename(&beside, &path).unwrap();
    assert_eq!(world.later("three").await, some("di"));
    // Of nobody is also a list.
    world.write("[]");
    assert_eq!((world.later("three").await, world.now("fixed-token").await), (None, some("fixed")));
    assert_eq!(world.auth.status().tokens_file_error, None);
}

#[tokio::test]
async fn a_bad_file_keeps_the_tokens_in_force_and_is_told_until_it_is_mended() {
    let good = format!("- {}\n", entry("ann", "one", "editor"));
    let world = World::new(&good);
    let bob = entry("bob", "two", "viewer");
    for (bad, told) in [
        (String::new(), "document"),
        ("{".to_owned(), "document"),
        ("tokens: []".to_owned(), "document: is a map"),
        (format!("- {bob}\n- {{name: eve}}"), "[1].sha256: is missing"),
        (format!("- {}\n- {}", bob, entry("eve", "two", "viewer")), "the token of eve twice"),
        (format!("- {}\n- {}", bob, entry("bob", "x", "viewer")), "the name bob twice"),
        (format!("- {}", bob.replace("viewer", "admin")), "[0].role"),
        (format!("- {}", entry("fixed", "x", "operator")), "also in api.auth.tokens"),
        (format!("- {}", entry("eve", "fixed-token", "operator")), "also in api.auth.tokens"),
        ("- {name: eve, sha256: hunter2, role: operator}".to_owned(), "[0].sha256: is not a SHA-256"),
        (format!("{good}#{}", "x".repeat(300_000)), "longer than"),
    ] {
        world.write(&bad);
        assert_eq!(world.later("one").await, some("ann"), "{bad}");
        assert_eq!(world.now("two").await, None, "{bad}");
        let error = world.auth.status().tokens_file_error.unwrap_or_else(|| panic!("not told: {bad}"));
        assert!(error.contains(told) && !error.contains("hunter2"), "{error}, not {told}");
        assert_eq!(world.later("one").await, some("ann"), "not at the second look either");
    }
    let path = world.folder.path().join("tokens.yaml");
    std::fs::remove_file(&path).unwrap();
    assert_eq!(world.later("one").await, some("ann"));
    assert!(world.auth.status().tokens_file_error.is_some_and(|error| error.contains("cannot be read")));
    std::fs::create_dir(&path).unwrap();
    assert_eq!(world.later("one").await, some("ann"));
    assert!(world.auth.status().tokens_file_error.is_some_and(|error| error.contains("is not a file")));
    std::fs::remove_dir(&path).unwrap();
    world.write(&good.replace("ann", "amy"));
    assert_eq!(world.later("one").await, some("amy"));
    assert_eq!(world.auth.status().tokens_file_error, None);
}

#[test]
fn to_begin_with_the_file_must_be_good() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tokens.yaml");
    let clock = TestClock::new();
    assert!(matches!(open(&path, &clock), Err(SetupError::TokensFile(_))));
    std::fs::write(&path, "- {}").unwrap();
    let error = open(&path, &clock).unwrap_err().to_string();
    assert!(error.starts_with("api.auth.tokens_file: [0].name: is missing"), "{error}");
}
