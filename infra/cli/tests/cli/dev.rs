//! `dev`: the main job, whole, in one process.

use std::collections::BTreeSet;
use std::path::Path;

use crate::support::{DONE, FAILED, free_port, run};

fn dev(data: &Path, words: &[&str]) -> crate::support::Done {
    let listen = format!("127.0.0.1:{}", free_port());
    let head = ["dev", "--data", data.to_str().unwrap(), "--listen", &listen];
    run([&head, words].concat())
}

/// Files below a folder with their content's number of lines, through zstd.
fn landed(folder: &Path, of: &mut BTreeSet<String>) -> usize {
    let mut lines = 0;
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            lines += landed(&path, of);
        } else {
            let text = zstd::decode_all(std::fs::File::open(&path).unwrap()).unwrap();
            for line in text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
                let event: serde_json::Value = serde_json::from_slice(line).unwrap();
                let id = event.get("id").or(event.get("offset")).unwrap();
                let partition = event.get("partition").map(ToString::to_string).unwrap_or_default();
                assert!(of.insert(format!("{partition}{id}")), "{id} is there twice");
                lines += 1;
            }
        }
    }
    lines
}

fn number(text: &str, after: &str) -> usize {
    // The tally comes last.
    let rest = text.rsplit_once(after).unwrap_or_else(|| panic!("{after:?} is not in\n{text}")).1;
    let digits: String = rest.trim_start().chars().take_while(|c| c.is_ascii_digit() || *c == ',').collect();
    digits.replace(',', "").parse().unwrap()
}

#[test]
fn dev_lands_every_event_once_sets_the_malformed_aside_and_audits_itself() {
    let data = tempfile::TempDir::new().unwrap();
    let done = dev(data.path(), &["--for", "10s", "--rate", "2000"]).expect(DONE);
    let done = done.says(&["duckdb", "zstdcat", "pandas", "audit: clean", data.path().to_str().unwrap()]);
    let lake = data.path().join("s3/lake");
    let (mut events, mut letters) = (BTreeSet::new(), BTreeSet::new());
    let good = landed(&lake.join("bids"), &mut events);
    let bad = landed(&lake.join("_landfall-dlq"), &mut letters);
    assert!(good > 5_000 && bad > 10, "{good} events, {bad} letters");
    assert_eq!(good, number(&done.out, "\nlanded "), "{}", done.out);
    assert_eq!(bad, number(&done.out, "\ndead letters "), "{}", done.out);
    assert_eq!(good + bad, number(&done.out, "\nproduced "), "{}", done.out);

    let second = dev(data.path(), &["--for", "2s", "--rate", "300", "--malformed", "1"]).expect(DONE);
    assert_eq!(number(&second.out, "\nlanded "), 0, "nothing but malformed events");
    let mut still = BTreeSet::new();
    assert_eq!(landed(&lake.join("bids"), &mut still), good, "objects of an earlier run stay");
}

#[test]
fn a_data_folder_serves_one_process_at_a_time() {
    let data = tempfile::TempDir::new().unwrap();
    let medium = landfall_s3::embedded::FolderMedium::open(data.path().join("s3"), Default::default()).unwrap();
    dev(data.path(), &["--for", "1s"]).expect(FAILED).says(&["in use by another process"]);
    drop(medium);
}
