//! Tables of jobs, as an analyst reads them. `UPDATE_GOLDEN=1` writes the files anew. `tests/ddl` runs them in an emulator
//! of Athena, so a new job goes there too.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods)]

use std::path::{Path, PathBuf};

use landfall_ddl::{Folder, Options, ddl, parse_columns};
use landfall_job::{JobSpec, TimestampMs};

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(name)
}

fn options(job: &str) -> Options {
    let at = |text| Some(TimestampMs::parse(text).unwrap());
    let asked = match job {
        "lines-of-topics" => Options { since: at("2026-03-01T00:00:00Z"), ..Options::default() },
        "json" => Options {
            database: Some("ads".to_owned()),
            table: Some("typed_bids".to_owned()),
            columns: parse_columns(
                "id: int64, deviceId: string, ts: timestamp(ms), at: timestamp(rfc3339), price: decimal(18,4), \
                 geo: struct<country: string, Lat: double>, tags: list<string>",
            )
            .unwrap(),
            ..Options::default()
        },
        "json-envelope" => Options {
            columns: parse_columns("`user-id`: int64, `Geo.Code`: string, extra: json, select: boolean").unwrap(),
            ..Options::default()
        },
        _ => Options::default(),
    };
    let state = Folder { bucket: "lake".to_owned(), prefix: "_landfall/".to_owned() };
    Options { created_at: at("2026-01-31T23:30:00Z"), state: Some(state), ..asked }
}

#[test]
fn jobs_have_the_tables_that_the_files_show() {
    let mut jobs: Vec<PathBuf> = std::fs::read_dir(path("jobs")).unwrap().map(|entry| entry.unwrap().path()).collect();
    jobs.sort();
    assert_eq!(jobs.len(), 9);
    for job in jobs {
        let name = job.file_stem().unwrap().to_str().unwrap().to_owned();
        let spec = JobSpec::parse(&std::fs::read_to_string(&job).unwrap()).unwrap_or_else(|e| panic!("{name}: {e}"));
        let table = ddl(&spec, &options(&name)).unwrap_or_else(|e| panic!("{name}: {e}"));
        let input = serde_json::to_string_pretty(&table.table_input).unwrap();
        golden(&format!("golden/{name}.sql"), &table.statement);
        golden(&format!("golden/{name}.json"), &format!("{input}\n"));
    }
}

fn golden(name: &str, text: &str) {
    let path = path(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(expected == text, "{} differs; look at the change, then run with UPDATE_GOLDEN=1:\n{text}", path.display());
}
