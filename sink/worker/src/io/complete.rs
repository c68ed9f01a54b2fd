//! One request of a completion, and what its answer means.

use landfall_commit::complete::{Answer, CompleteAnswer, HeadAnswer};
use landfall_commit::{FileRef, Part, PendingFile, Seq, Step, UploadFate};
use landfall_s3::{Condition, ErrorKind, ListRequest, PartReceipt, StoreError};

use super::Io;
use super::patient::waiting_text;
use crate::effect::Outcome;
use crate::engine::plan::TOKEN_METADATA;

impl Io {
    pub(super) async fn complete(
        &self,
        file_ref: FileRef,
        pending: &PendingFile,
        step: Step,
        replaces: Option<String>,
        last_seq: Seq,
        known: Option<(String, String)>,
    ) {
        let (file, store) = (&pending.file, &self.inner.parts.store);
        let mut etag = None;
        let mut problem = None;
        let mut note = |error: &StoreError| problem = Some(waiting_text(error));
        let answer = match step {
            Step::Head => Answer::Head(match store.head(&file.bucket, &file.key).await {
                Ok(head) => {
                    etag = Some(head.etag.clone());
                    let token = head.metadata.get(TOKEN_METADATA).cloned();
                    HeadAnswer::Found { token, length_bytes: head.length_bytes }
                }
                Err(error) => head_answer(&error, &mut note),
            }),
            Step::Complete { parts } => {
                let condition = match (replaces, self.inner.parts.conditional_complete) {
                    (Some(etag), _) => Condition::IfMatch(etag),
                    (None, true) => Condition::IfAbsent,
                    (None, false) => Condition::None,
                };
                let parts: Vec<PartReceipt> = parts.iter().map(receipt).collect();
                let answer = store.complete_upload(&file.bucket, &file.key, &file.upload_id, &parts, condition).await;
                Answer::Complete(match answer {
                    Ok(_) => CompleteAnswer::Ok,
                    Err(error) => complete_answer(&error, &mut note),
                })
            }
            Step::ListParts => Answer::Parts(match store.list_parts(&file.bucket, &file.key, &file.upload_id).await {
                Ok(parts) => UploadFate::Parts(parts.into_iter().map(part).collect()),
                Err(error) => fate(&error, &mut note),
            }),
            Step::ProveReadable => {
                let data = match &known {
                    Some((bucket, key)) => match store.head(bucket, key).await {
                        // A reader may have moved it: a LIST shows the bucket, with an error code in its body.
                        Err(error) if error.kind == ErrorKind::NoSuchKey => {
                            let request = ListRequest { bucket: bucket.clone(), max_keys: 1, ..ListRequest::default() };
                            store.list(request).await.map(|_| ())
                        }
                        other => other.map(|_| ()),
                    },
                    None => store.head_bucket(&file.bucket).await,
                };
                let log = store.get(&self.inner.parts.state_bucket, &self.inner.paths.entry(last_seq)).await;
                if let Some(error) = data.as_ref().err().or(log.as_ref().err()) {
                    note(error);
                }
                Answer::Readable(data.is_ok() && log.is_ok())
            }
            Step::Abort => {
                self.abort(&file.bucket, &file.key, &file.upload_id).await;
                Answer::Aborted
            }
            Step::Wait { .. } | Step::FoldAgain | Step::Finished(_) => return,
        };
        let outcome = Outcome::Completion { file_ref, attempt: pending.attempt, answer, etag, error: problem };
        self.send(outcome);
    }
}

fn head_answer(error: &StoreError, note: &mut impl FnMut(&StoreError)) -> HeadAnswer {
    match error.kind {
        ErrorKind::NoSuchKey => HeadAnswer::Missing,
        ErrorKind::AccessDenied | ErrorKind::NoSuchBucket | ErrorKind::Rejected | ErrorKind::NotImplemented => {
            note(error);
            HeadAnswer::Refused
        }
        ErrorKind::NoSuchUpload
        | ErrorKind::PreconditionFailed
        | ErrorKind::Conflict
        | ErrorKind::InvalidPart
        | ErrorKind::EntityTooSmall
        | ErrorKind::BadDigest
        | ErrorKind::Credentials
        | ErrorKind::SlowDown
        | ErrorKind::Server
        | ErrorKind::Timeout
        | ErrorKind::Connection => {
            note(error);
            HeadAnswer::Unknown
        }
    }
}

fn complete_answer(error: &StoreError, note: &mut impl FnMut(&StoreError)) -> CompleteAnswer {
    match error.kind {
        ErrorKind::PreconditionFailed => CompleteAnswer::PreconditionFailed,
        ErrorKind::NoSuchUpload | ErrorKind::NoSuchKey => CompleteAnswer::NoSuchUpload,
        ErrorKind::InvalidPart => CompleteAnswer::InvalidPart,
        ErrorKind::AccessDenied | ErrorKind::NoSuchBucket => {
            note(error);
            CompleteAnswer::Forbidden
        }
        // Credentials that ran out are renewed without anybody's doing, and no request was made with them.
        ErrorKind::Credentials
        | ErrorKind::Conflict
        | ErrorKind::SlowDown
        | ErrorKind::Server
        | ErrorKind::Timeout
        | ErrorKind::Connection => {
            note(error);
            CompleteAnswer::Unknown
        }
        ErrorKind::EntityTooSmall | ErrorKind::BadDigest | ErrorKind::NotImplemented | ErrorKind::Rejected => {
            note(error);
            CompleteAnswer::Refused
        }
    }
}

fn fate(error: &StoreError, note: &mut impl FnMut(&StoreError)) -> UploadFate {
    match error.kind {
        ErrorKind::NoSuchUpload => UploadFate::NoSuchUpload,
        ErrorKind::AccessDenied | ErrorKind::NoSuchBucket | ErrorKind::NotImplemented => {
            note(error);
            UploadFate::Refused
        }
        ErrorKind::NoSuchKey
        | ErrorKind::PreconditionFailed
        | ErrorKind::Conflict
        | ErrorKind::InvalidPart
        | ErrorKind::EntityTooSmall
        | ErrorKind::BadDigest
        | ErrorKind::Credentials
        | ErrorKind::SlowDown
        | ErrorKind::Server
        | ErrorKind::Timeout
        | ErrorKind::Connection
        | ErrorKind::Rejected => {
            note(error);
            UploadFate::Unknown
        }
    }
}

pub(super) fn receipt(part: &Part) -> PartReceipt {
    PartReceipt {
        number: part.number,
        etag: part.etag.clone(),
        size_bytes: part.size_bytes,
        crc64nvme: part.crc64nvme.clone(),
    }
}

pub(super) fn part(receipt: PartReceipt) -> Part {
    Part { number: receipt.number, etag: receipt.etag, size_bytes: receipt.size_bytes, crc64nvme: receipt.crc64nvme }
}
