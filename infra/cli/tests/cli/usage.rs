//! Wrong uses end at once, with the exit code and the words that help.

use std::io::Write;
use std::process::Stdio;

use crate::support::{DONE, FAILED, USAGE, landfall, run};

const CONFIG: &str = "state: {bucket: lake}\nclusters: {main: {bootstrap_servers: '127.0.0.1:9092'}}\n";

#[test]
fn a_wrong_use_ends_with_2_and_names_what_is_wrong() {
    let table: &[(&[&str], &[&str])] = &[
        (&[], &["Usage"]),
        (&["lnad"], &["lnad"]),
        (&["run"], &["--config"]),
        (&["run", "--config", "nowhere.yaml"], &["nowhere.yaml"]),
        (&["validate", "-f", "nowhere.yaml"], &["nowhere.yaml"]),
        (&["job", "wait", "x", "--until", "tired"], &["tired"]),
        (&["job", "wait", "x", "--until", "running", "--timeout", "soon"], &["soon"]),
        (&["dev", "--malformed", "2"], &["2", "0 to 1"]),
        (&["dev", "--rate", "0"], &["0"]),
        (&["dev", "--for", "quickly"], &["quickly"]),
        (&["completions", "cmd.exe"], &["cmd.exe"]),
        (&["job", "list", "--api", "ftp://x"], &["--api", "ftp://x"]),
        (&["healthcheck", "--url", "nothing"], &["nothing"]),
        (&["healthcheck", "--url", "http://127.0.0.1:9/livez", "--ready"], &["--url", "--ready"]),
    ];
    for (words, said) in table {
        run(*words).expect(USAGE).says(said);
    }
}

#[test]
fn an_api_that_is_not_there_fails_and_is_named() {
    run(["job", "list", "--api", "http://127.0.0.1:9"]).expect(FAILED).says(&["127.0.0.1:9", "landfall run"]);
    run(["healthcheck", "--url", "http://127.0.0.1:9/livez"]).expect(FAILED).says(&["127.0.0.1:9"]);
}

#[test]
fn every_mistake_of_a_configuration_is_a_line_of_its_own() {
    let folder = tempfile::TempDir::new().unwrap();
    let path = folder.path().join("fleet.yaml");
    std::fs::write(&path, "wroker: {}\nstate: {bucket: 'Not A Bucket'}\nworker: {memory: lots}\n").unwrap();
    for command in ["run", "api", "worker"] {
        let done = run([command, "--config", path.to_str().unwrap()]).expect(USAGE);
        let done = done.says(&["wroker", "did you mean worker", "state.bucket", "worker.memory", "lots", "clusters"]);
        assert!(done.err.lines().count() >= 4, "{}", done.err);
    }
}

#[test]
fn a_property_that_librdkafka_does_not_know_ends_the_start() {
    let folder = tempfile::TempDir::new().unwrap();
    let path = folder.path().join("fleet.yaml");
    let text = "api: {listen: 127.0.0.1:0}\nworker: {listen: 127.0.0.1:0}\nstate: {bucket: lake}\n\
                s3: {endpoint: 'http://127.0.0.1:9', access_key_id: a, secret_access_key: b}\n\
                clusters: {main: {bootstrap_servers: '127.0.0.1:9', properties: {sesion.timeout.ms: 1}}}\n";
    std::fs::write(&path, text).unwrap();
    run(["run", "--config", path.to_str().unwrap()]).expect(USAGE).says(&["clusters.main", "sesion.timeout.ms"]);
}

#[test]
fn an_address_in_use_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let folder = tempfile::TempDir::new().unwrap();
    let path = folder.path().join("fleet.yaml");
    std::fs::write(&path, format!("api: {{listen: '{address}'}}\n{CONFIG}")).unwrap();
    run(["api", "--config", path.to_str().unwrap()]).expect(FAILED).says(&["api.listen", &address]);
}

#[test]
fn validate_tells_every_mistake_or_the_whole_document() {
    let validate = |document: &str, words: &[&str]| {
        let mut command = landfall(["validate", "-f", "-"]);
        let mut child =
            command.args(words).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(document.as_bytes()).unwrap();
        crate::support::done(child.wait_with_output().unwrap())
    };
    let bad = "name: Not A Name\nsnik: {}\nsink: {bucket: '!', rotate: {bytes: 12 parsecs}}\n";
    validate(bad, &[]).expect(USAGE).says(&["name", "snik", "sink", "sink.bucket", "12 parsecs", "source"]);
    let good = "name: bids\nsource: {cluster: main, topics: [bids]}\nsink: {bucket: lake}\n";
    validate(good, &[]).expect(DONE).says(&["bids", "max_record_bytes", "{first_offset}"]);
    let json = validate(good, &["--output", "json"]).expect(DONE);
    let spec: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(spec["sink"]["format"], "jsonl");
    assert_eq!(spec["max_workers"], 8);
}

#[test]
fn completions_and_the_reference_are_printed() {
    for shell in ["bash", "zsh", "fish"] {
        run(["completions", shell]).expect(DONE).says(&["landfall", "config-reference"]);
    }
    run(["config-reference"]).expect(DONE).says(&["worker.memory", "sink.rotate.bytes"]);
    let help = run(["--help"]).expect(DONE);
    help.says(&["dev", "run", "api", "worker", "job", "validate", "lag", "audit", "healthcheck"]);
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let mut child = landfall(["config-reference"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    crate::support::done(child.wait_with_output().unwrap()).expect(DONE);
}

#[test]
fn a_bad_log_filter_is_refused_by_name() {
    let output = landfall(["config-reference"]).env("LANDFALL_LOG", "=[").output().unwrap();
    crate::support::done(output).expect(USAGE).says(&["LANDFALL_LOG"]);
    let output = landfall(["config-reference"]).env("LANDFALL_LOG_FORMAT", "xml").output().unwrap();
    crate::support::done(output).expect(USAGE).says(&["LANDFALL_LOG_FORMAT", "xml"]);
}
