//! `kill -9` in the middle of writing: what was acknowledged is there, whole, with its own metadata.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::Arc;

use bytes::Bytes;

use super::BUCKET;
use crate::embedded::{Backend, Durability, FolderMedium, PartClaim, Preconditions, PutInput, StoredOptions};

const FOLDER: &str = "LANDFALL_TEST_KILLED_FOLDER";
const KEYS: u64 = 5;

fn body(n: u64) -> Bytes {
    Bytes::from(format!("{n} ").repeat(2_000 + usize::try_from(n % 7).unwrap() * 5_000))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn options(n: u64) -> StoredOptions {
    StoredOptions { metadata: BTreeMap::from([("n".to_owned(), n.to_string())]), ..StoredOptions::default() }
}

/// Not a test of its own: the process that gets killed. Says each write on stdout once it was acknowledged.
#[test]
#[ignore = "run by the test below, in a process of its own"]
fn writer_until_killed() {
    let Ok(folder) = std::env::var(FOLDER) else { return };
    let backend = Backend::new(FolderMedium::open(folder, Durability::Process).unwrap());
    backend.create_bucket(BUCKET).unwrap();
    let backend = Arc::new(backend);
    let start: u64 = std::env::var("LANDFALL_TEST_KILLED_START").unwrap().parse().unwrap();
    for n in start.. {
        let key = format!("dir/{}", n % KEYS);
        if n % 2 == 0 {
            let input = PutInput { chunks: vec![body(n)], options: options(n), ..PutInput::default() };
            backend.put(BUCKET, &key, &input).unwrap();
        } else {
            let id = backend.create_upload(BUCKET, &key, options(n)).unwrap().upload_id;
            let part = backend.upload_part(BUCKET, &key, &id, 1, &[body(n)], None).unwrap();
            let claim = PartClaim { number: 1, etag: hex(&part.md5), crc64nvme: None };
            backend.complete_upload(BUCKET, &key, &id, &[claim], &Preconditions::default()).unwrap();
        }
        println!("acknowledged {n}");
    }
}

#[test]
fn an_acknowledged_object_survives_kill_9_whole() {
    let dir = tempfile::tempdir().unwrap();
    let mut last_acknowledged: BTreeMap<u64, u64> = BTreeMap::new();
    let mut next = 0;
    for round in 0..6 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["tests::killed::writer_until_killed", "--exact", "--ignored", "--nocapture"])
            .env(FOLDER, dir.path())
            .env("LANDFALL_TEST_KILLED_START", next.to_string())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let enough = next + 20 + round * 7;
        for line in lines.by_ref() {
            let line = line.unwrap();
            // The harness writes its own words before the first line.
            let Some((_, number)) = line.rsplit_once("acknowledged ") else { continue };
            let n: u64 = number.trim().parse().unwrap();
            last_acknowledged.insert(n % KEYS, n);
            if n >= enough {
                break;
            }
        }
        child.kill().unwrap();
        for line in lines.map_while(Result::ok) {
            if let Some((_, number)) = line.rsplit_once("acknowledged ")
                && let Ok(n) = number.trim().parse::<u64>()
            {
                last_acknowledged.insert(n % KEYS, n);
            }
        }
        child.wait().unwrap();
        next = last_acknowledged.values().max().unwrap() + 1;

        let backend = Backend::new(FolderMedium::open(dir.path(), Durability::Process).unwrap());
        for (slot, acknowledged) in &last_acknowledged {
            let (meta, mut reader) = backend.open(BUCKET, &format!("dir/{slot}")).unwrap();
            let n: u64 = meta.options.metadata["n"].parse().unwrap();
            // The one after it may have been in flight, and may have made it.
            assert!(n >= *acknowledged, "slot {slot} shows {n}, {acknowledged} was acknowledged");
            let read = reader.read_at(0, usize::try_from(meta.size_bytes).unwrap() + 1).unwrap();
            assert!(read == body(n), "slot {slot} is torn: {} bytes of {n}", read.len());
        }
        // A Complete that was under way can be done again: its upload is there whole, or its object is.
        for upload in backend.list_uploads(BUCKET, "").unwrap() {
            let n: u64 = upload.options.metadata["n"].parse().unwrap();
            let parts = backend.list_parts(BUCKET, &upload.key, &upload.upload_id).unwrap();
            let Some(part) = parts.first() else {
                backend.abort_upload(BUCKET, &upload.key, &upload.upload_id).unwrap();
                continue;
            };
            let claim = PartClaim { number: 1, etag: hex(&part.md5), crc64nvme: None };
            let meta = backend
                .complete_upload(BUCKET, &upload.key, &upload.upload_id, &[claim], &Preconditions::default())
                .unwrap();
            let (_, mut reader) = backend.open(BUCKET, &upload.key).unwrap();
            assert!(reader.read_at(0, usize::try_from(meta.size_bytes).unwrap() + 1).unwrap() == body(n));
            last_acknowledged.insert(n % KEYS, n);
            next = next.max(n + 1);
        }
        assert_eq!(backend.list_uploads(BUCKET, "").unwrap(), []);
    }
}
