//! What happens when many workers mean the same name at once.

use bytes::Bytes;

use super::{Subject, ensure, ok, pattern, same};
use crate::error::{ErrorKind, StoreError};
use crate::store::{Condition, ObjectOptions, Store};

const RACERS: u64 = 24;

/// A loser is told so, or told nothing for certain; it is never told that it won.
fn fair(error: &StoreError) -> bool {
    error.kind == ErrorKind::PreconditionFailed || error.kind.fate_unknown()
}

pub(super) async fn racing_conditional_puts_have_one_winner(on: Subject) -> Result<(), String> {
    for round in 0..3 {
        let key = on.key(&format!("race-put/{round}"));
        let racers: Vec<_> = (0..RACERS)
            .map(|racer| {
                let (on, key) = (on.clone(), key.clone());
                tokio::spawn(async move { on.put(&key, &pattern(10_000, 1 + racer), Condition::IfAbsent).await })
            })
            .collect();
        let mut winners = Vec::new();
        for (racer, task) in (0..).zip(racers) {
            match task.await.map_err(|error| error.to_string())? {
                Ok(etag) => winners.push((racer, etag)),
                Err(error) => ensure(fair(&error), || format!("a loser was told: {error}"))?,
            }
        }
        same("winners", &winners.len(), &1)?;
        let (winner, etag) = winners.remove(0);
        let object = ok("get", on.store.get(&on.bucket, &key)).await?;
        same("etag", &object.head.etag, &etag)?;
        ensure(object.body == pattern(10_000, 1 + winner), || "the object is not the winner's".to_owned())?;
    }
    Ok(())
}

pub(super) async fn racing_conditional_completes_have_one_winner(on: Subject) -> Result<(), String> {
    let key = on.key("race-complete.jsonl");
    let mut uploads = Vec::new();
    for racer in 0..RACERS {
        let options = ObjectOptions {
            metadata: [("landfall-token".to_owned(), racer.to_string())].into(),
            ..ObjectOptions::default()
        };
        let id = ok("create", on.store.create_upload(&on.bucket, &key, &options)).await?;
        let body = vec![pattern(10_000, 100 + racer)];
        let part = ok("part", on.store.upload_part(&on.bucket, &key, &id, 1, body)).await?;
        uploads.push((racer, id, part));
    }
    let tasks: Vec<_> = uploads
        .into_iter()
        .map(|(racer, id, part)| {
            let (on, key) = (on.clone(), key.clone());
            tokio::spawn(async move {
                let won = on.store.complete_upload(&on.bucket, &key, &id, &[part], Condition::IfAbsent).await;
                (racer, won)
            })
        })
        .collect();
    let mut winners = Vec::new();
    for task in tasks {
        let (racer, answer) = task.await.map_err(|error| error.to_string())?;
        match answer {
            Ok(_) => winners.push(racer),
            Err(error) => ensure(fair(&error), || format!("a loser was told: {error}"))?,
        }
    }
    same("winners", &winners.len(), &1)?;
    let object = ok("get", on.store.get(&on.bucket, &key)).await?;
    let token = object.head.metadata.get("landfall-token").cloned();
    same("token", &token, &winners.first().map(u64::to_string))?;
    let wanted = winners.first().map(|winner| pattern(10_000, 100 + winner)).unwrap_or_else(Bytes::new);
    ensure(object.body == wanted, || "the object is not the winner's".to_owned())
}

/// Two workers roll the same entry forward. Whatever they are told, one whole object is there afterwards.
pub(super) async fn racing_completes_of_one_upload_leave_one_whole_object(on: Subject) -> Result<(), String> {
    let key = on.key("race-same.jsonl");
    let id = ok("create", on.store.create_upload(&on.bucket, &key, &ObjectOptions::default())).await?;
    let body = pattern(50_000, 200);
    let part = ok("part", on.store.upload_part(&on.bucket, &key, &id, 1, vec![body.clone()])).await?;
    let tasks: Vec<_> = (0..4)
        .map(|_| {
            let (on, key, id, part) = (on.clone(), key.clone(), id.clone(), part.clone());
            tokio::spawn(
                async move { on.store.complete_upload(&on.bucket, &key, &id, &[part], Condition::IfAbsent).await },
            )
        })
        .collect();
    for task in tasks {
        if let Err(error) = task.await.map_err(|error| error.to_string())? {
            let known = fair(&error) || matches!(error.kind, ErrorKind::NoSuchUpload | ErrorKind::InvalidPart);
            ensure(known, || format!("a second complete was told: {error}"))?;
        }
    }
    let object = ok("get", on.store.get(&on.bucket, &key)).await?;
    ensure(object.body == body, || "the object is not what was uploaded".to_owned())
}
