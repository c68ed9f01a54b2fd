//! The folder: plain files, confined, never torn.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;

use super::BUCKET;
use crate::embedded::{Backend, Durability, FolderMedium, LocalStore};
use crate::{Condition, ErrorKind, ListRequest, ObjectOptions, PutRequest, Store, StoreError};

fn open(root: &Path) -> LocalStore<FolderMedium> {
    let backend = Backend::new(FolderMedium::open(root, Durability::Process).unwrap());
    backend.create_bucket(BUCKET).unwrap();
    LocalStore::new(Arc::new(backend))
}

async fn put(store: &impl Store, key: &str, body: &'static [u8]) -> Result<String, StoreError> {
    let request = PutRequest {
        bucket: BUCKET.to_owned(),
        key: key.to_owned(),
        body: Bytes::from_static(body),
        condition: Condition::None,
        options: ObjectOptions { metadata: [("n".to_owned(), key.to_owned())].into(), ..ObjectOptions::default() },
    };
    store.put(request).await
}

async fn keys(store: &impl Store) -> Vec<String> {
    let page = store.list(ListRequest { bucket: BUCKET.to_owned(), ..ListRequest::default() }).await.unwrap();
    page.objects.into_iter().map(|object| object.key).collect()
}

#[tokio::test]
async fn objects_are_plain_files_under_their_keys() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    put(&store, "bids/dt=2026-01-01/a+0.jsonl", b"{}\n").await.unwrap();
    assert_eq!(fs::read(dir.path().join("lake/bids/dt=2026-01-01/a+0.jsonl")).unwrap(), b"{}\n");
    store.delete(BUCKET, "bids/dt=2026-01-01/a+0.jsonl").await.unwrap();
    assert!(!dir.path().join("lake/bids").exists(), "empty folders go with their last object");
    assert!(dir.path().join("lake").exists());
}

#[tokio::test]
async fn no_key_leaves_the_folder() {
    let dir = tempfile::tempdir().unwrap();
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("secret"), "s").unwrap();
    let store = open(dir.path());
    let long = "x".repeat(256);
    for key in ["../x", "a/../../x", "/etc/passwd", "a//b", "a/", ".", "a/./b", "a\0b", long.as_str()] {
        let error = put(&store, key, b"x").await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Rejected, "{key:?}: {error}");
        assert_eq!(store.head(BUCKET, key).await.unwrap_err().kind, ErrorKind::NoSuchKey, "{key:?}");
        store.delete(BUCKET, key).await.unwrap();
        let upload = store.create_upload(BUCKET, key, &ObjectOptions::default()).await;
        assert_eq!(upload.unwrap_err().kind, ErrorKind::Rejected, "{key:?}");
    }
    symlink(outside.path(), dir.path().join("lake/link")).unwrap();
    symlink(outside.path().join("secret"), dir.path().join("lake/file-link")).unwrap();
    for key in ["link/secret", "file-link", "link/new"] {
        assert_eq!(store.get(BUCKET, key).await.unwrap_err().kind, ErrorKind::AccessDenied, "{key}");
        assert_eq!(put(&store, key, b"x").await.unwrap_err().kind, ErrorKind::AccessDenied, "{key}");
        assert_eq!(store.delete(BUCKET, key).await.unwrap_err().kind, ErrorKind::AccessDenied, "{key}");
    }
    assert_eq!(keys(&store).await, Vec::<String>::new());
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 1);
    for bucket in ["..", ".landfall-meta", ".landfall-uploads", "lake/link"] {
        assert_eq!(store.get(bucket, "secret").await.unwrap_err().kind, ErrorKind::NoSuchBucket, "{bucket}");
    }
    for id in ["../../lake", "..", "x", &"z".repeat(32)] {
        assert_eq!(store.list_parts(BUCKET, "k", id).await.unwrap_err().kind, ErrorKind::NoSuchUpload, "{id}");
    }
}

#[tokio::test]
async fn a_beside_a_slash_b_is_refused_with_the_reason() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    put(&store, "a", b"x").await.unwrap();
    let error = put(&store, "a/b", b"x").await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Rejected);
    assert!(error.message.contains("plain file"), "{error}");
    put(&store, "c/d", b"x").await.unwrap();
    let error = put(&store, "c", b"x").await.unwrap_err();
    assert!(error.message.contains("folder of other objects"), "{error}");
    assert_eq!(store.head(BUCKET, "a/b").await.unwrap_err().kind, ErrorKind::NoSuchKey);
    assert_eq!(store.head(BUCKET, "c").await.unwrap_err().kind, ErrorKind::NoSuchKey);
    store.delete(BUCKET, "c").await.unwrap();
    assert_eq!(keys(&store).await, ["a", "c/d"]);
    fs::create_dir(dir.path().join("lake/empty")).unwrap();
    put(&store, "empty", b"x").await.unwrap();
}

#[tokio::test]
async fn a_folder_serves_one_process_at_a_time() {
    let dir = tempfile::tempdir().unwrap();
    let first = open(dir.path());
    let second = FolderMedium::open(dir.path(), Durability::Process).unwrap_err();
    assert!(second.to_string().contains("in use by another process"), "{second}");
    drop(first);
    FolderMedium::open(dir.path(), Durability::Process).unwrap();
}

#[tokio::test]
async fn objects_and_open_uploads_are_there_after_a_new_start() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let etag = put(&store, "kept", b"x").await.unwrap();
    let id = store.create_upload(BUCKET, "open", &ObjectOptions::default()).await.unwrap();
    let part = store.upload_part(BUCKET, "open", &id, 1, vec![Bytes::from_static(b"part")]).await.unwrap();
    drop(store);
    let store = open(dir.path());
    let head = store.head(BUCKET, "kept").await.unwrap();
    assert_eq!((head.etag, head.metadata["n"].as_str()), (etag, "kept"));
    assert_eq!(store.list_parts(BUCKET, "open", &id).await.unwrap(), std::slice::from_ref(&part));
    store.complete_upload(BUCKET, "open", &id, &[part], Condition::IfAbsent).await.unwrap();
    assert_eq!(&store.get(BUCKET, "open").await.unwrap().body[..], b"part");
    assert_eq!(fs::read_dir(dir.path().join(".landfall-uploads/lake")).unwrap().count(), 0);
    assert_eq!(fs::read_dir(dir.path().join(".landfall-tmp")).unwrap().count(), 0);
}

/// The description of the new file is written before the file takes the key; a crash in between must show the old.
#[tokio::test]
async fn a_crash_before_the_rename_leaves_the_old_object_with_its_own_metadata() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    put(&store, "k", b"old").await.unwrap();
    let before = store.head(BUCKET, "k").await.unwrap();
    let copy = tempfile::tempdir().unwrap();
    let descriptions = find_descriptions(dir.path());
    let [description] = descriptions.as_slice() else { panic!("one description, not {descriptions:?}") };
    // What the crash leaves: another description beside, for a file that never came.
    let newer = fs::read_to_string(description).unwrap().replace("\"size_bytes\":3", "\"size_bytes\":99");
    fs::write(description.with_file_name("1-2-3-63"), newer).unwrap();
    fs::write(dir.path().join(".landfall-tmp/half"), "half").unwrap();
    drop((store, copy));
    let store = open(dir.path());
    assert_eq!(store.head(BUCKET, "k").await.unwrap(), before);
    assert!(!dir.path().join(".landfall-tmp/half").exists());
    put(&store, "k", b"newer").await.unwrap();
    assert_eq!(find_descriptions(dir.path()).len(), 1, "the next write sweeps what the crash left");
}

fn find_descriptions(root: &Path) -> Vec<std::path::PathBuf> {
    fn below(folder: &Path, found: &mut Vec<std::path::PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { below(&path, found) } else { found.push(path) }
        }
    }
    let mut found = Vec::new();
    below(&root.join(".landfall-meta"), &mut found);
    found
}

#[tokio::test]
async fn a_file_put_there_by_hand_is_an_object_without_metadata() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    fs::create_dir_all(dir.path().join("lake/x")).unwrap();
    fs::write(dir.path().join("lake/x/by-hand.csv"), "1,2\n").unwrap();
    let object = store.get(BUCKET, "x/by-hand.csv").await.unwrap();
    assert_eq!(&object.body[..], b"1,2\n");
    assert!(object.head.metadata.is_empty());
    assert_eq!(keys(&store).await, ["x/by-hand.csv"]);
}

/// A restored backup has new inodes.
#[tokio::test]
async fn a_copied_folder_keeps_the_metadata() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    put(&store, "k", b"x").await.unwrap();
    let before = store.head(BUCKET, "k").await.unwrap();
    let file = dir.path().join("lake/k");
    fs::copy(&file, dir.path().join("lake/k2")).unwrap();
    fs::rename(dir.path().join("lake/k2"), &file).unwrap();
    assert_eq!(store.head(BUCKET, "k").await.unwrap(), before);
}

#[tokio::test]
async fn large_objects_come_back_in_pieces_whole() {
    let dir = tempfile::tempdir().unwrap();
    let backend = Backend::new(FolderMedium::open(dir.path(), Durability::Process).unwrap());
    backend.create_bucket(BUCKET).unwrap();
    let (store, handle) = super::served(Arc::new(backend)).await;
    let body = Bytes::from((0..900_001u32).flat_map(u32::to_be_bytes).collect::<Vec<_>>());
    let request = PutRequest {
        bucket: BUCKET.to_owned(),
        key: "big".to_owned(),
        body: body.clone(),
        condition: Condition::IfAbsent,
        options: ObjectOptions::default(),
    };
    store.put(request).await.unwrap();
    assert!(store.get(BUCKET, "big").await.unwrap().body == body);
    handle.shutdown().await;
}
