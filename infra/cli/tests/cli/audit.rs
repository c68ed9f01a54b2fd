//! `audit` finds what was planted, on a system that runs.

use std::path::PathBuf;

use landfall_s3::{Condition, ObjectOptions, PutRequest, Store};
use serde_json::Value;
use tokio::runtime::Runtime;

use crate::support::{DONE, FAILED, Running, free_port, landfall, run, store_of, until};

struct Live {
    process: Running,
    config: PathBuf,
    lake: PathBuf,
    job: String,
    runtime: Runtime,
    _folder: tempfile::TempDir,
}

impl Live {
    /// `dev` without an end, with at least three objects landed.
    fn start() -> Self {
        let folder = tempfile::TempDir::new().unwrap();
        let listen = format!("127.0.0.1:{}", free_port());
        let words = ["dev", "--data", folder.path().to_str().unwrap(), "--listen", &listen, "--rate", "2000"];
        let process = Running::start(&mut landfall(words));
        let config = folder.path().join("fleet.yaml");
        let lake = folder.path().join("s3/lake");
        let runtime = Runtime::new().unwrap();
        let mut live = Self { process, config, lake, job: String::new(), runtime, _folder: folder };
        until("three objects", || (live.objects().len() >= 3).then_some(()));
        let text = std::fs::read_to_string(&live.config).unwrap();
        let tree: serde_yaml_ng::Value = serde_yaml_ng::from_str(&text).unwrap();
        let prefix = tree["state"]["prefix"].as_str().unwrap();
        live.job = prefix.trim_start_matches("_landfall/").trim_end_matches('/').to_owned();
        live
    }

    /// Keys of the visible data objects, oldest offsets first.
    fn objects(&self) -> Vec<String> {
        fn walk(folder: &std::path::Path, found: &mut Vec<PathBuf>) {
            for entry in std::fs::read_dir(folder).into_iter().flatten() {
                let path = entry.unwrap().path();
                if path.is_dir() { walk(&path, found) } else { found.push(path) }
            }
        }
        let mut found = Vec::new();
        walk(&self.lake.join("bids"), &mut found);
        let mut keys: Vec<String> =
            found.iter().map(|path| path.strip_prefix(&self.lake).unwrap().to_str().unwrap().to_owned()).collect();
        keys.sort();
        keys
    }

    fn audit(&self, code: i32) -> Value {
        let config = self.config.to_str().unwrap();
        let words = ["audit", &self.job, "--config", config, "--deep", "--expect-all", "--output", "json"];
        let done = run(words).expect(code);
        serde_json::from_str(&done.out).unwrap()
    }

    /// Puts the body of one object at another key, with this metadata.
    fn copy(&self, from: &str, to: &str, metadata: &[(&str, &str)]) {
        let store = store_of(&self.config, &self.runtime);
        let object = self.runtime.block_on(store.get("lake", from)).unwrap();
        let metadata = metadata.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let request = PutRequest {
            bucket: "lake".into(),
            key: to.into(),
            body: object.body,
            condition: Condition::None,
            options: ObjectOptions { metadata, ..ObjectOptions::default() },
        };
        self.runtime.block_on(store.put(request)).unwrap();
    }

    fn token(&self, key: &str) -> String {
        let store = store_of(&self.config, &self.runtime);
        self.runtime.block_on(store.head("lake", key)).unwrap().metadata["landfall-token"].clone()
    }

    fn delete(&self, key: &str) {
        let store = store_of(&self.config, &self.runtime);
        self.runtime.block_on(store.delete("lake", key)).unwrap();
    }
}

fn findings(report: &Value) -> Vec<(String, String)> {
    let text = |finding: &Value, name: &str| finding[name].as_str().unwrap_or_default().to_owned();
    report["findings"].as_array().unwrap().iter().map(|found| (text(found, "kind"), text(found, "what"))).collect()
}

#[track_caller]
fn has(report: &Value, kind: &str, word: &str) {
    let found = findings(report);
    assert!(found.iter().any(|(of, what)| of == kind && what.contains(word)), "no {kind} of {word} in {found:?}");
}

#[test]
fn the_audit_of_a_running_job_is_clean_and_every_planted_fault_is_found() {
    let live = Live::start();
    let clean = live.audit(DONE);
    assert_eq!(findings(&clean), Vec::new());
    assert!(clean["tally"]["landed"].as_u64().unwrap() > 0);

    let keys = live.objects();
    let (first, second, third) = (&keys[0], &keys[1], &keys[2]);

    // Other tools' files under the prefix are told and are no finding.
    live.copy(first, "bids/dt=notes/readme.txt", &[]);
    let report = live.audit(DONE);
    assert_eq!(report["other_objects"], 1, "{report}");

    // The same records at a second key.
    let token = live.token(first);
    live.copy(first, "bids/copy.jsonl.zst", &[("landfall-job", &live.job), ("landfall-token", &token)]);
    has(&live.audit(FAILED), "doubled", "bids/copy.jsonl.zst");
    live.delete("bids/copy.jsonl.zst");

    // An object that claims to be the job's.
    let unknown = [("landfall-job", live.job.as_str()), ("landfall-token", "0123")];
    live.copy(first, "bids/stranger.jsonl.zst", &unknown);
    has(&live.audit(FAILED), "foreign", "bids/stranger.jsonl.zst");
    live.delete("bids/stranger.jsonl.zst");
    assert_eq!(findings(&live.audit(DONE)), Vec::new(), "what was taken away again is no finding");

    // Another content under a name and token of the log.
    let token = live.token(second);
    live.copy(third, second, &[("landfall-job", &live.job), ("landfall-token", &token)]);
    has(&live.audit(FAILED), "changed", second);

    // An object that somebody put in the place of ours, and one that somebody deleted.
    live.copy(second, third, &[]);
    live.delete(first);
    let report = live.audit(FAILED);
    has(&report, "overwritten", third);
    has(&report, "missing", first);
    assert!(report["tally"]["missing"].as_u64().unwrap() > 0);

    // Its own audit at the end finds the same, and the exit code says so.
    let ended = live.process.end("INT").expect(FAILED);
    assert!(ended.out.contains("produced") && ended.out.contains("missing: "), "{}", ended.out);
}
