//! PUT, GET, HEAD, DELETE and LIST.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::{Subject, ensure, fails, ok, pattern, same};
use crate::error::ErrorKind;
use crate::store::{Condition, ListRequest, ObjectOptions, PutRequest, Store};

pub(super) async fn a_second_if_none_match_is_412(on: Subject) -> Result<(), String> {
    let key = on.key("once");
    ok("first put", on.put(&key, b"first", Condition::IfAbsent)).await?;
    let second = on.put(&key, b"second", Condition::IfAbsent);
    fails("second put", &[ErrorKind::PreconditionFailed], second).await?;
    let object = ok("get", on.store.get(&on.bucket, &key)).await?;
    same("body", &object.body, &Bytes::from_static(b"first"))
}

pub(super) async fn if_match_replaces_only_the_version_it_names(on: Subject) -> Result<(), String> {
    let key = on.key("versioned");
    let first = ok("put", on.put(&key, b"v1", Condition::None)).await?;
    let second = ok("put if-match", on.put(&key, b"v2", Condition::IfMatch(first.clone()))).await?;
    ensure(first != second, || "two bodies have one etag".to_owned())?;
    let stale = on.put(&key, b"v3", Condition::IfMatch(first));
    fails("put with a stale etag", &[ErrorKind::PreconditionFailed], stale).await?;
    let head = ok("head", on.store.head(&on.bucket, &key)).await?;
    same("etag", &head.etag, &second)
}

pub(super) async fn an_object_comes_back_with_bytes_metadata_and_content_type(on: Subject) -> Result<(), String> {
    let key = on.key("dt=2026-01-01/hour=03/bids+7.jsonl.zst");
    let body = pattern(100_003, 1);
    let metadata: BTreeMap<String, String> = [
        ("landfall-job".to_owned(), "bids".to_owned()),
        ("landfall-token".to_owned(), "0f-1e".to_owned()),
        ("landfall-records".to_owned(), "12".to_owned()),
    ]
    .into();
    let request = PutRequest {
        bucket: on.bucket.clone(),
        key: key.clone(),
        body: body.clone(),
        condition: Condition::None,
        options: ObjectOptions {
            content_type: Some("application/x-ndjson".to_owned()),
            metadata: metadata.clone(),
            ..ObjectOptions::default()
        },
    };
    let etag = ok("put", on.store.put(request)).await?;
    let object = ok("get", on.store.get(&on.bucket, &key)).await?;
    ensure(object.body == body, || format!("{} bytes came back, not the {} put", object.body.len(), body.len()))?;
    let head = ok("head", on.store.head(&on.bucket, &key)).await?;
    for (what, seen) in [("get", &object.head), ("head", &head)] {
        same(&format!("etag of {what}"), &seen.etag, &etag)?;
        same(&format!("length of {what}"), &seen.length_bytes, &(body.len() as u64))?;
        same(&format!("metadata of {what}"), &seen.metadata, &metadata)?;
        same(&format!("content type of {what}"), &seen.content_type.as_deref(), &Some("application/x-ndjson"))?;
        ensure(seen.last_modified_ms > 0, || format!("{what} shows no modification time"))?;
    }
    Ok(())
}

/// A body sent in `aws-chunked` leaves that word behind as the Content-Encoding on some servers.
pub(super) async fn an_object_never_gets_a_content_encoding(on: Subject) -> Result<(), String> {
    let put = on.key("encoding-put");
    ok("put", on.put(&put, &pattern(70_000, 2), Condition::None)).await?;
    let uploaded = on.key("encoding-upload");
    let id = ok("create", on.store.create_upload(&on.bucket, &uploaded, &ObjectOptions::default())).await?;
    let chunks = vec![pattern(70_000, 3), pattern(70_001, 4)];
    let part = ok("part", on.store.upload_part(&on.bucket, &uploaded, &id, 1, chunks)).await?;
    ok("complete", on.store.complete_upload(&on.bucket, &uploaded, &id, &[part], Condition::IfAbsent)).await?;
    for key in [put, uploaded] {
        let head = ok("head", on.store.head(&on.bucket, &key)).await?;
        let encoding = head.content_encoding.filter(|encoding| !encoding.is_empty());
        same("content encoding", &encoding, &None)?;
    }
    Ok(())
}

pub(super) async fn an_empty_object_is_an_object(on: Subject) -> Result<(), String> {
    let key = on.key("empty");
    ok("put", on.put(&key, b"", Condition::IfAbsent)).await?;
    let object = ok("get", on.store.get(&on.bucket, &key)).await?;
    same("length", &object.body.len(), &0)
}

pub(super) async fn missing_keys_and_buckets_have_their_codes(on: Subject) -> Result<(), String> {
    let key = on.key("never-written");
    let missing = format!("landfall-missing-{}", on.unique.len());
    fails("get of a missing key", &[ErrorKind::NoSuchKey], on.store.get(&on.bucket, &key)).await?;
    fails("head of a missing key", &[ErrorKind::NoSuchKey], on.store.head(&on.bucket, &key)).await?;
    fails("get in a missing bucket", &[ErrorKind::NoSuchBucket], on.store.get(&missing, &key)).await?;
    fails("head of a missing bucket", &[ErrorKind::NoSuchBucket], on.store.head_bucket(&missing)).await?;
    let list = on.store.list(ListRequest { bucket: missing.clone(), ..ListRequest::default() });
    fails("list of a missing bucket", &[ErrorKind::NoSuchBucket], list).await?;
    let options = ObjectOptions::default();
    let create = on.store.create_upload(&missing, &key, &options);
    fails("create in a missing bucket", &[ErrorKind::NoSuchBucket], create).await?;
    ok("head of the bucket", on.store.head_bucket(&on.bucket)).await
}

pub(super) async fn a_deleted_object_is_gone_and_deleting_again_is_no_error(on: Subject) -> Result<(), String> {
    let key = on.key("folder/deleted");
    ok("put", on.put(&key, b"x", Condition::None)).await?;
    ok("delete", on.store.delete(&on.bucket, &key)).await?;
    fails("head", &[ErrorKind::NoSuchKey], on.store.head(&on.bucket, &key)).await?;
    ok("second delete", on.store.delete(&on.bucket, &key)).await?;
    ok("put again", on.put(&key, b"y", Condition::IfAbsent)).await.map(drop)
}

pub(super) async fn list_shows_a_put_at_once(on: Subject) -> Result<(), String> {
    for number in 0..5 {
        let key = on.key(&format!("listed/{number}"));
        let etag = ok("put", on.put(&key, format!("{number}").as_bytes(), Condition::IfAbsent)).await?;
        let request = ListRequest { bucket: on.bucket.clone(), prefix: on.key("listed/"), ..ListRequest::default() };
        let page = ok("list", on.store.list(request)).await?;
        let last = page.objects.last().ok_or("list is empty right after a put")?;
        same("key", &last.key, &key)?;
        same("etag", &last.etag, &etag)?;
        same("size", &last.size_bytes, &1)?;
    }
    Ok(())
}

pub(super) async fn list_pages_cover_every_key_once_in_order(on: Subject) -> Result<(), String> {
    // '-' < '.' < '/' < '0': a store that sorts folders by their bare names gets these wrong.
    let mut wanted = Vec::new();
    for name in ["a-b", "a.b", "a/b", "a/c/d", "a0", "b/1", "b/2", "c"] {
        let key = on.key(&format!("pages/{name}.json"));
        ok("put", on.put(&key, b"x", Condition::None)).await?;
        wanted.push(key);
    }
    wanted.sort_unstable();
    let mut seen = Vec::new();
    let mut continuation = None;
    for _ in 0..wanted.len() + 1 {
        let page = ok(
            "list",
            on.store.list(ListRequest {
                bucket: on.bucket.clone(),
                prefix: on.key("pages/"),
                continuation: continuation.take(),
                max_keys: 3,
                ..ListRequest::default()
            }),
        )
        .await?;
        ensure(page.objects.len() <= 3, || format!("a page of {} keys, asked for 3", page.objects.len()))?;
        seen.extend(page.objects.into_iter().map(|object| object.key));
        continuation = page.continuation;
        if continuation.is_none() {
            break;
        }
    }
    same("keys of all pages", &seen, &wanted)
}

pub(super) async fn list_starts_after_a_key_and_groups_by_delimiter(on: Subject) -> Result<(), String> {
    let at = |name: &str| on.key(&format!("tree/{name}"));
    for name in ["log/1.json", "log/2.json", "log/3.json", "data/x.json", "top.json"] {
        ok("put", on.put(&at(name), b"x", Condition::None)).await?;
    }
    let request = |prefix: String, start_after: Option<String>, delimiter: Option<&str>| ListRequest {
        bucket: on.bucket.clone(),
        prefix,
        start_after,
        delimiter: delimiter.map(str::to_owned),
        ..ListRequest::default()
    };
    let tail = ok("list after", on.store.list(request(at("log/"), Some(at("log/1.json")), None))).await?;
    let keys: Vec<String> = tail.objects.into_iter().map(|object| object.key).collect();
    same("keys after the first", &keys, &vec![at("log/2.json"), at("log/3.json")])?;
    let end = ok("list after the last", on.store.list(request(at("log/"), Some(at("log/3.json")), None))).await?;
    same("keys after the last", &end.objects.len(), &0)?;
    same("continuation after the last", &end.continuation, &None)?;
    let top = ok("list by delimiter", on.store.list(request(at(""), None, Some("/")))).await?;
    let keys: Vec<String> = top.objects.into_iter().map(|object| object.key).collect();
    same("keys at the top", &keys, &vec![at("top.json")])?;
    same("folders at the top", &top.common_prefixes, &vec![at("data/"), at("log/")])
}
