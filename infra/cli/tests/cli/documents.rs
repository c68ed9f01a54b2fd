//! What people look up by a name that the product gave them is written down.

use std::collections::BTreeSet;
use std::path::Path;

use landfall_format::{Reason, Stage};

/// The rows of the first table of `docs/NAME`, as cells; the first is a name in backticks.
fn rows(name: &str) -> Vec<Vec<String>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(name);
    let text = std::fs::read_to_string(&path).unwrap();
    let cells = |line: &str| line.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned()).collect::<Vec<_>>();
    text.lines().filter(|line| line.starts_with("| `")).map(cells).collect()
}

#[test]
fn every_reason_of_a_dead_letter_is_documented_with_an_example() {
    let rows = rows("dead-letters.md");
    let told: BTreeSet<String> = rows.iter().map(|row| row[0].trim_matches('`').to_owned()).collect();
    let known: BTreeSet<String> = Reason::ALL.iter().map(|reason| reason.as_str().to_owned()).collect();
    assert_eq!(told, known, "docs/dead-letters.md and the closed list of reasons differ");
    let stages = [Stage::Decode, Stage::Route, Stage::Encode].map(Stage::as_str);
    for row in rows {
        assert!(row.len() == 5 && row.iter().all(|cell| !cell.is_empty()), "{row:?}");
        assert!(row[1].split(", ").all(|stage| stages.contains(&stage)), "{row:?}");
    }
}
