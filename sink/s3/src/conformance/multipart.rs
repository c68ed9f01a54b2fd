//! Multipart uploads, as the commit protocol uses them.

use bytes::Bytes;

use super::{PART_BYTES, Subject, ensure, fails, ok, pattern, same};
use crate::checksum::crc64nvme;
use crate::error::{ErrorKind, StoreError};
use crate::store::{Condition, ObjectOptions, PartReceipt, Store};

impl Subject {
    async fn create(&self, key: &str) -> Result<String, String> {
        let options = ObjectOptions {
            content_type: Some("application/x-ndjson".to_owned()),
            metadata: [("landfall-token".to_owned(), format!("token of {key}"))].into(),
            ..ObjectOptions::default()
        };
        ok("create", self.store.create_upload(&self.bucket, key, &options)).await
    }

    async fn part(&self, key: &str, id: &str, number: u32, body: Bytes) -> Result<PartReceipt, String> {
        ok("part", self.store.upload_part(&self.bucket, key, id, number, vec![body])).await
    }

    async fn complete(
        &self,
        key: &str,
        id: &str,
        parts: &[PartReceipt],
        condition: Condition,
    ) -> Result<String, StoreError> {
        self.store.complete_upload(&self.bucket, key, id, parts, condition).await
    }

    async fn round_trip(&self, key: &str, parts: Vec<Vec<Bytes>>) -> Result<(), String> {
        let id = self.create(key).await?;
        let mut receipts = Vec::new();
        let mut whole = Vec::new();
        for (number, chunks) in (1..).zip(parts) {
            let bytes: Vec<u8> = chunks.concat();
            let upload = self.store.upload_part(&self.bucket, key, &id, number, chunks.clone());
            let receipt = ok("part", upload).await?;
            same("size in the receipt", &receipt.size_bytes, &(bytes.len() as u64))?;
            same("checksum in the receipt", &receipt.crc64nvme, &crc64nvme(&chunks))?;
            receipts.push(receipt);
            whole.extend_from_slice(&bytes);
        }
        let etag = ok("complete", self.complete(key, &id, &receipts, Condition::IfAbsent)).await?;
        let object = ok("get", self.store.get(&self.bucket, key)).await?;
        ensure(object.body == whole, || {
            format!("{} bytes came back, other than the {} uploaded", object.body.len(), whole.len())
        })?;
        let head = ok("head", self.store.head(&self.bucket, key)).await?;
        same("etag", &head.etag, &etag)?;
        same("length", &head.length_bytes, &(whole.len() as u64))?;
        let token = head.metadata.get("landfall-token").cloned();
        same("token", &token, &Some(format!("token of {key}")))?;
        same("content type", &head.content_type.as_deref(), &Some("application/x-ndjson"))
    }
}

pub(super) async fn an_upload_of_one_part_is_byte_exact(on: Subject) -> Result<(), String> {
    on.round_trip(&on.key("one-part.jsonl"), vec![vec![pattern(1_234_567, 11)]]).await
}

pub(super) async fn an_upload_of_three_parts_is_byte_exact(on: Subject) -> Result<(), String> {
    let parts = vec![
        vec![pattern(PART_BYTES, 12)],
        vec![pattern(3, 13), Bytes::new(), pattern(PART_BYTES, 14), pattern(1, 15)],
        vec![pattern(17, 16)],
    ];
    on.round_trip(&on.key("three-parts.jsonl"), parts).await
}

pub(super) async fn an_upload_is_invisible_until_complete(on: Subject) -> Result<(), String> {
    let key = on.key("invisible.jsonl");
    let id = on.create(&key).await?;
    let part = on.part(&key, &id, 1, pattern(1_000, 21)).await?;
    fails("head before complete", &[ErrorKind::NoSuchKey], on.store.head(&on.bucket, &key)).await?;
    ok("complete", on.complete(&key, &id, &[part], Condition::IfAbsent)).await?;
    ok("head after complete", on.store.head(&on.bucket, &key)).await.map(drop)
}

pub(super) async fn list_parts_shows_what_was_uploaded(on: Subject) -> Result<(), String> {
    let key = on.key("parts.jsonl");
    let id = on.create(&key).await?;
    let uploaded = [on.part(&key, &id, 1, pattern(5_000, 31)).await?, on.part(&key, &id, 3, pattern(70, 32)).await?];
    let listed = ok("list parts", on.store.list_parts(&on.bucket, &key, &id)).await?;
    same("number of parts", &listed.len(), &2)?;
    for (seen, wanted) in listed.iter().zip(&uploaded) {
        same("number", &seen.number, &wanted.number)?;
        same("etag", &seen.etag, &wanted.etag)?;
        same("size", &seen.size_bytes, &wanted.size_bytes)?;
        // A server that lists no checksums leaves them empty; a listed one must be right.
        ensure(seen.crc64nvme.is_empty() || seen.crc64nvme == wanted.crc64nvme, || {
            format!("part {} is listed with checksum {}, not {}", seen.number, seen.crc64nvme, wanted.crc64nvme)
        })?;
    }
    ok("abort", on.store.abort_upload(&on.bucket, &key, &id)).await
}

pub(super) async fn a_part_uploaded_again_replaces_the_first(on: Subject) -> Result<(), String> {
    let key = on.key("again.jsonl");
    let id = on.create(&key).await?;
    let first = on.part(&key, &id, 1, Bytes::from_static(b"first")).await?;
    let second = on.part(&key, &id, 1, Bytes::from_static(b"second")).await?;
    let stale = on.complete(&key, &id, std::slice::from_ref(&first), Condition::IfAbsent);
    fails("complete with the replaced part", &[ErrorKind::InvalidPart, ErrorKind::BadDigest], stale).await?;
    ok("complete", on.complete(&key, &id, &[second], Condition::IfAbsent)).await?;
    let object = ok("get", on.store.get(&on.bucket, &key)).await?;
    same("body", &object.body, &Bytes::from_static(b"second"))
}

pub(super) async fn a_wrong_checksum_is_refused(on: Subject) -> Result<(), String> {
    let key = on.key("checksum.jsonl");
    let id = on.create(&key).await?;
    let body = Bytes::from_static(b"these bytes");
    let wrong = crc64nvme(&[Bytes::from_static(b"those bytes")]);
    let refusals = [ErrorKind::BadDigest, ErrorKind::InvalidPart, ErrorKind::Rejected];
    let lied = on.store.upload_part_declaring(&on.bucket, &key, &id, 1, body.clone(), &wrong);
    fails("part with a wrong checksum", &refusals, lied).await?;
    let mut part = on.part(&key, &id, 1, body).await?;
    part.crc64nvme = wrong;
    let complete = on.complete(&key, &id, std::slice::from_ref(&part), Condition::IfAbsent);
    fails("complete with a wrong part checksum", &refusals, complete).await?;
    fails("head", &[ErrorKind::NoSuchKey], on.store.head(&on.bucket, &key)).await?;
    ok("abort", on.store.abort_upload(&on.bucket, &key, &id)).await
}

pub(super) async fn complete_refuses_foreign_parts(on: Subject) -> Result<(), String> {
    let key = on.key("foreign.jsonl");
    let id = on.create(&key).await?;
    let part = on.part(&key, &id, 1, pattern(PART_BYTES, 41)).await?;
    let last = on.part(&key, &id, 2, pattern(9, 42)).await?;
    let missing = PartReceipt { number: 7, ..last.clone() };
    let swapped = [last.clone(), part.clone()];
    let foreign = PartReceipt { etag: "\"d41d8cd98f00b204e9800998ecf8427e\"".to_owned(), ..last.clone() };
    let invalid = [ErrorKind::InvalidPart, ErrorKind::BadDigest];
    let complete = |parts: Vec<PartReceipt>| {
        let (on, key, id) = (on.clone(), key.clone(), id.clone());
        async move { on.complete(&key, &id, &parts, Condition::IfAbsent).await }
    };
    fails("a part that was never uploaded", &invalid, complete(vec![part.clone(), missing])).await?;
    // Out of order the short one comes first, which is a fault of its own.
    let unordered = [ErrorKind::InvalidPart, ErrorKind::EntityTooSmall];
    fails("parts out of order", &unordered, complete(swapped.to_vec())).await?;
    fails("a part with a foreign etag", &invalid, complete(vec![part.clone(), foreign])).await?;
    fails("head", &[ErrorKind::NoSuchKey], on.store.head(&on.bucket, &key)).await?;
    ok("complete after the refusals", complete(vec![part, last])).await.map(drop)
}

pub(super) async fn complete_refuses_a_small_part_before_the_last(on: Subject) -> Result<(), String> {
    let key = on.key("small.jsonl");
    let id = on.create(&key).await?;
    let parts = [on.part(&key, &id, 1, pattern(1_000, 51)).await?, on.part(&key, &id, 2, pattern(9, 52)).await?];
    let complete = on.complete(&key, &id, &parts, Condition::IfAbsent);
    fails("complete", &[ErrorKind::EntityTooSmall], complete).await?;
    ok("abort", on.store.abort_upload(&on.bucket, &key, &id)).await
}

pub(super) async fn a_conditional_complete_over_an_object_is_412(on: Subject) -> Result<(), String> {
    let key = on.key("taken.jsonl");
    let etag = ok("put", on.put(&key, b"was here", Condition::IfAbsent)).await?;
    let id = on.create(&key).await?;
    let part = on.part(&key, &id, 1, pattern(100, 61)).await?;
    let complete = on.complete(&key, &id, std::slice::from_ref(&part), Condition::IfAbsent);
    fails("complete over an object", &[ErrorKind::PreconditionFailed], complete).await?;
    let head = ok("head", on.store.head(&on.bucket, &key)).await?;
    same("etag", &head.etag, &etag)?;
    ok("abort", on.store.abort_upload(&on.bucket, &key, &id)).await
}

/// Some servers answer a hollow 200 where the key exists; no server may make or change an object.
pub(super) async fn a_complete_of_an_unknown_upload_makes_no_object(on: Subject) -> Result<(), String> {
    let missing = on.key("unknown-missing.jsonl");
    let id = on.create(&missing).await?;
    let part = on.part(&missing, &id, 1, pattern(100, 71)).await?;
    ok("abort", on.store.abort_upload(&on.bucket, &missing, &id)).await?;
    let complete = on.complete(&missing, &id, std::slice::from_ref(&part), Condition::IfAbsent);
    fails("complete of an aborted upload", &[ErrorKind::NoSuchUpload], complete).await?;
    fails("head", &[ErrorKind::NoSuchKey], on.store.head(&on.bucket, &missing)).await?;

    let taken = on.key("unknown-taken.jsonl");
    let etag = ok("put", on.put(&taken, b"was here", Condition::IfAbsent)).await?;
    match on.complete(&taken, &id, &[part], Condition::None).await {
        Ok(_) => {}
        Err(error) => same("kind", &error.kind, &ErrorKind::NoSuchUpload)?,
    }
    let head = ok("head", on.store.head(&on.bucket, &taken)).await?;
    same("etag", &head.etag, &etag)
}

pub(super) async fn an_aborted_upload_takes_no_part(on: Subject) -> Result<(), String> {
    let key = on.key("aborted.jsonl");
    let id = on.create(&key).await?;
    on.part(&key, &id, 1, pattern(100, 81)).await?;
    ok("abort", on.store.abort_upload(&on.bucket, &key, &id)).await?;
    let late = on.store.upload_part(&on.bucket, &key, &id, 2, vec![pattern(100, 82)]);
    fails("part after abort", &[ErrorKind::NoSuchUpload], late).await?;
    let list = on.store.list_parts(&on.bucket, &key, &id);
    fails("list parts after abort", &[ErrorKind::NoSuchUpload], list).await.map(drop)
}

/// By the exact key: servers differ in what a shorter prefix shows.
pub(super) async fn open_uploads_are_listed_by_their_key(on: Subject) -> Result<(), String> {
    let key = on.key("open.jsonl");
    let id = on.create(&key).await?;
    let open = ok("list uploads", on.store.list_uploads(&on.bucket, &key)).await?;
    ensure(open.iter().any(|upload| upload.upload_id == id && upload.key == key), || {
        format!("an open upload is not listed: {open:?}")
    })?;
    ok("abort", on.store.abort_upload(&on.bucket, &key, &id)).await?;
    let open = ok("list uploads", on.store.list_uploads(&on.bucket, &key)).await?;
    ensure(open.iter().all(|upload| upload.upload_id != id), || "an aborted upload is still listed".to_owned())
}
