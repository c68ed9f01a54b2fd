//! `run` and the commands around it: a job's whole life on the embedded Kafka and S3.

use serde_json::Value;

use crate::support::{DONE, Done, FAILED, NOT_FOUND, NOT_IN_TIME, Running, Surroundings, landfall, run, until};

#[test]
fn the_job_commands_drive_a_job_through_its_life() {
    let around = Surroundings::new();
    around.topic("clicks", 2, 250);
    let file = around.job("clicks", "");
    let file = file.to_str().unwrap();
    assert_eq!(around.command(["healthcheck"]).code, FAILED, "nobody is there");
    let process = around.start("run");
    let job = |words: &[&str]| -> Done { around.command([&["job"], words].concat()) };

    job(&["create", "-f", file]).expect(DONE).says(&["clicks", "created"]);
    job(&["create", "-f", file]).expect(FAILED).says(&["exists"]);
    job(&["apply", "-f", file]).expect(DONE).says(&["unchanged"]);
    job(&["wait", "clicks", "--until", "drained", "--timeout", "60s"]).expect(DONE);
    job(&["list"]).expect(DONE).says(&["clicks", "running", "lake"]);

    // The worker's next heartbeat tells what it has landed.
    let status = until("the landed offsets", || {
        let status = job(&["status", "clicks", "--output", "json"]).expect(DONE);
        let status: Value = serde_json::from_str(&status.out).unwrap();
        let partitions = status["partitions"].as_array().unwrap();
        let landed: i64 = partitions.iter().map(|at| at["landed_offset"].as_i64().unwrap_or(0)).sum();
        (landed == 250).then_some(status)
    });
    assert_eq!(status["state"], "running", "{status:#}");
    assert_eq!(status["delivery"]["mode"], "exactly_once", "{}", status["delivery"]);
    let lag: Value =
        serde_json::from_str(&around.command(["lag", "clicks", "--output", "json"]).expect(DONE).out).unwrap();
    assert_eq!(lag["jobs"][0]["lag"]["records"], 0);
    around.command(["lag"]).expect(DONE).says(&["main/clicks/0", "main/clicks/1"]);

    let report: Value =
        serde_json::from_str(&around.command(["audit", "clicks", "--deep", "--output", "json"]).expect(DONE).out)
            .unwrap();
    assert_eq!((&report["clean"], &report["tally"]["landed"]), (&Value::from(true), &Value::from(250)));

    job(&["pause", "clicks"]).expect(DONE);
    job(&["wait", "clicks", "--until", "running", "--timeout", "2s"]).expect(NOT_IN_TIME).says(&["clicks", "running"]);
    job(&["wait", "clicks", "--until", "paused", "--timeout", "60s"]).expect(DONE);
    job(&["resume", "clicks"]).expect(DONE);
    job(&["wait", "clicks", "--until", "running", "--timeout", "60s"]).expect(DONE);
    job(&["stop", "clicks"]).expect(DONE);
    job(&["wait", "clicks", "--until", "stopped", "--timeout", "60s"]).expect(DONE);
    job(&["delete", "clicks"]).expect(DONE);
    until("the deletion", || (job(&["get", "clicks"]).code == NOT_FOUND).then_some(()));
    for words in [["status", "nobody"], ["pause", "nobody"], ["delete", "nobody"]] {
        job(&words).expect(NOT_FOUND).says(&["nobody"]);
    }

    // The next generation of the name lands the topic again, beside the objects of the first.
    let text = std::fs::read_to_string(file).unwrap().replace("topics: [clicks]", "topics: [clicks], start: earliest");
    std::fs::write(file, text).unwrap();
    job(&["apply", "-f", file]).expect(DONE).says(&["created"]);
    job(&["wait", "clicks", "--until", "drained", "--timeout", "60s"]).expect(DONE);
    let report: Value =
        serde_json::from_str(&around.command(["audit", "clicks", "--output", "json"]).expect(DONE).out).unwrap();
    assert_eq!((&report["generation"], &report["tally"]["landed"]), (&Value::from(2), &Value::from(250)));
    assert!(report["other_objects"].as_u64().unwrap() >= 3, "those of the first generation: {report:#}");
    around.command(["audit", "nobody"]).expect(NOT_FOUND).says(&["nobody"]);

    let ended = process.end("TERM").expect(DONE);
    for word in [
        "api listens",
        "worker serves health",
        "api.auth.mode is none",
        "\"message\":\"drained\"",
        "\"message\":\"ended\"",
    ] {
        assert!(ended.err.contains(word), "{word}\n{}", ended.err);
    }
    for line in ended.err.lines() {
        let line: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert!(line["timestamp"].is_string() && line["level"].is_string() && line["message"].is_string(), "{line}");
    }
}

#[test]
fn a_document_is_checked_against_the_real_cluster_and_bucket() {
    let around = Surroundings::new();
    around.topic("views", 1, 1);
    let good = around.job("views", "");
    around.command(["validate", "-f", good.to_str().unwrap()]).expect(DONE).says(&["views", "max_workers"]);
    let gone = around.job("no-such-topic", "");
    around.command(["validate", "-f", gone.to_str().unwrap()]).expect(FAILED).says(&["source.topics", "no-such-topic"]);
    let text = std::fs::read_to_string(&good).unwrap();
    let other = around.path("other.yaml");
    std::fs::write(&other, text.replace("cluster: main", "cluster: mian")).unwrap();
    around.command(["validate", "-f", other.to_str().unwrap()]).expect(FAILED).says(&[
        "source.cluster",
        "mian",
        "main",
    ]);
    std::fs::write(&other, text.replace("bucket: lake", "bucket: pond")).unwrap();
    around.command(["validate", "-f", other.to_str().unwrap()]).expect(FAILED).says(&["sink.bucket", "pond"]);
    std::fs::write(&other, text.replace("key: 'data/", "key: '_landfall/workers/")).unwrap();
    let own = around.command(["validate", "-f", other.to_str().unwrap()]).expect(FAILED);
    let own = own.says(&["sink.key", "where the fleet keeps its own"]);
    let left = around.block_on(
        around.store.list(landfall_s3::ListRequest { bucket: "lake".into(), ..landfall_s3::ListRequest::default() }),
    );
    let keys: Vec<String> = left.unwrap().objects.into_iter().map(|object| object.key).collect();
    assert!(keys.iter().all(|key| key.contains("probe")), "a dry run leaves nothing behind: {keys:?}");

    // The API says the same, word for word.
    let process = around.start("api");
    let created = around.command(["job", "create", "-f", other.to_str().unwrap()]).expect(FAILED);
    let mistake = own.err.lines().find_map(|line| line.strip_prefix("error: ")).unwrap();
    assert!(created.err.contains(mistake), "{mistake:?} is not in {}", created.err);
    process.end("TERM").expect(DONE);
}

#[test]
fn a_bounded_job_finishes_and_sigterm_lands_what_an_open_job_has_read() {
    let around = Surroundings::new();
    around.topic("batch", 2, 120);
    around.topic("stream", 1, 40);
    let process = around.start("run");
    let bounded = around.job("batch", "");
    let text = std::fs::read_to_string(&bounded).unwrap().replace("topics: [batch]", "topics: [batch], stop: end");
    std::fs::write(&bounded, text).unwrap();
    around.command(["job", "apply", "-f", bounded.to_str().unwrap()]).expect(DONE).says(&["created"]);
    around.command(["job", "wait", "batch", "--until", "finished", "--timeout", "60s"]).expect(DONE);

    let open = around.job("stream", "");
    let text = std::fs::read_to_string(&open).unwrap().replace("{records: 100, age: 2s, idle: 1s}", "{age: 10m}");
    std::fs::write(&open, text).unwrap();
    around.command(["job", "create", "-f", open.to_str().unwrap()]).expect(DONE);
    until("the reading", || {
        let status = around.command(["job", "status", "stream", "--output", "json"]).expect(DONE);
        let status: Value = serde_json::from_str(&status.out).unwrap();
        (status["partitions"][0]["position"] == 40).then_some(())
    });
    process.end("TERM").expect(DONE);
    for (name, records) in [("batch", 120), ("stream", 40)] {
        let report = around.command(["audit", name, "--deep", "--output", "json"]).expect(DONE);
        let report: Value = serde_json::from_str(&report.out).unwrap();
        assert_eq!(report["tally"]["landed"], records, "{name}: open files are landed before the end");
    }
}

#[test]
fn a_process_that_waits_for_s3_is_alive_and_not_ready() {
    let around = Surroundings::new();
    let text = std::fs::read_to_string(&around.config).unwrap();
    let endpoint = text.split("endpoint: '").nth(1).and_then(|rest| rest.split('\'').next()).unwrap();
    let away = around.path("away.yaml");
    std::fs::write(&away, text.replace(endpoint, "http://127.0.0.1:9")).unwrap();
    let away = away.to_str().unwrap();
    let process = Running::start(&mut landfall(["run", "--config", away]));
    let asked = |words: &[&str]| run([&["healthcheck", "--config", away], words].concat());
    until("an answer", || (asked(&[]).code == DONE).then_some(()));
    asked(&["--ready"]).expect(FAILED).says(&["readyz", "state_bucket"]);
    asked(&[]).expect(DONE);
    drop(process);
}
