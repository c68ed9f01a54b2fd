//! What the API's answers point to is written down.

use std::path::Path;

use landfall_s3::Operation;

use crate::problem::Kind;

fn document(name: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(name)).unwrap()
}

/// The rows of a document's tables whose first cell is a name in backticks: the name, then the other cells.
fn rows(text: &str) -> Vec<Vec<String>> {
    let cells = |line: &str| line.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned()).collect::<Vec<_>>();
    text.lines().filter(|line| line.starts_with("| `")).map(cells).collect()
}

#[test]
fn every_kind_of_problem_is_documented_with_its_status_and_what_to_do() {
    let rows = rows(&document("problems.md"));
    let known: Vec<(String, String)> = Kind::ALL
        .iter()
        .map(|kind| {
            let (slug, _, status) = kind.facts();
            (format!("`{slug}`"), status.as_u16().to_string())
        })
        .collect();
    let told: Vec<(String, String)> = rows.iter().map(|row| (row[0].clone(), row[1].clone())).collect();
    for kind in &known {
        assert!(told.contains(kind), "docs/problems.md does not have {kind:?}");
    }
    assert_eq!(told.len(), known.len(), "docs/problems.md has a problem that there is not: {told:?}");
    for row in rows {
        assert!(row.len() == 5 && row.iter().all(|cell| !cell.is_empty()), "{row:?}");
    }
}

#[test]
fn every_request_to_s3_is_among_the_permissions() {
    use Operation::{
        AbortUpload, CompleteUpload, CreateUpload, Delete, Get, GetLifecycle, Head, HeadBucket, List, ListParts,
        ListUploads, Put, UploadPart,
    };
    let text = document("s3-permissions.md");
    let all = [
        Put,
        Get,
        Head,
        Delete,
        List,
        CreateUpload,
        UploadPart,
        ListParts,
        CompleteUpload,
        AbortUpload,
        ListUploads,
        GetLifecycle,
        HeadBucket,
    ];
    for operation in all {
        // A new one stops the build here: name it above, and in the document.
        match operation {
            Put | Get | Head | Delete | List | CreateUpload | UploadPart | ListParts | CompleteUpload | AbortUpload
            | ListUploads | GetLifecycle | HeadBucket => {}
        }
        let name = format!("`{}`", operation.name());
        assert!(text.contains(&name), "docs/s3-permissions.md does not have {name}");
    }
}

#[test]
fn a_refusal_of_the_bucket_points_to_a_page_that_is_there() {
    let source = include_str!("../backend/bucket.rs");
    assert!(source.contains("docs/s3-permissions.md"));
    assert!(document("s3-permissions.md").contains("s3:PutObject"));
}
