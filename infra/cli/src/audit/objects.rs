//! The objects of a job: listed under its prefixes, and looked at one by one.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use futures::StreamExt;
use landfall_job::{JobSpec, TemplatePart};
use landfall_s3::error::{ErrorKind, StoreError};
use landfall_s3::store::{ObjectHead, OpenUpload};
use landfall_store::{HeartbeatStore, JobBeat};
use tokio_util::sync::CancellationToken;

use super::Target;
use super::requests::Counted;

const HEAD_CONCURRENCY: usize = 32;
/// `ListMultipartUploads` answers at most so many; what is beyond is not asked for.
pub(super) const MAX_UPLOADS_LISTED: usize = 1_000;

/// An object as the listing shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shown {
    /// Without quotes.
    pub(super) etag: Box<str>,
    pub(super) bytes: u64,
    pub(super) modified_ms: i64,
}

/// An object as HEAD shows it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Visible {
    pub(super) etag: Box<str>,
    pub(super) job: Option<String>,
    pub(super) token: Option<String>,
    pub(super) bytes: u64,
    /// By its metadata.
    pub(super) told_records: Option<u64>,
}

/// Every object under the job's prefixes that is not the fleet's own, by key.
pub(super) async fn list(
    target: &Target,
    store: &Counted,
    topics: &BTreeSet<String>,
) -> Result<BTreeMap<String, Shown>, StoreError> {
    let bucket = &target.record.spec.sink.bucket;
    let own = |key: &str| *bucket == target.location.bucket && key.starts_with(&target.location.prefix);
    let mut shown = BTreeMap::new();
    for prefix in prefixes(&target.record.spec, topics) {
        let mut pages = store.pages(bucket, &prefix);
        while let Some(page) = pages.next().await? {
            for object in page.into_iter().filter(|object| !own(&object.key)) {
                let seen = Shown {
                    etag: object.etag.trim_matches('"').into(),
                    bytes: object.size_bytes,
                    modified_ms: object.last_modified_ms,
                };
                shown.insert(object.key, seen);
            }
        }
    }
    Ok(shown)
}

/// Where objects of the job may lie: the folders that the template names in letters; none lies within another.
fn prefixes(spec: &JobSpec, topics: &BTreeSet<String>) -> Vec<String> {
    let parts = spec.sink.key.parts();
    let mut wanted: BTreeSet<String> = match (parts.first(), parts.get(1)) {
        (Some(TemplatePart::Topic), Some(TemplatePart::Literal(text))) => {
            topics.iter().map(|topic| format!("{topic}{}", folder(text))).collect()
        }
        (Some(TemplatePart::Topic), _) => topics.clone(),
        _ => BTreeSet::from([folder(spec.sink.key.literal_prefix()).to_owned()]),
    };
    wanted.extend(spec.dead_letter_prefix());
    let mut kept: Vec<String> = Vec::new();
    // In ascending order a prefix comes before what lies in it.
    for prefix in wanted {
        if kept.last().is_none_or(|last| !prefix.starts_with(last)) {
            kept.push(prefix);
        }
    }
    kept
}

/// Up to the last `/`, where there is one: a copy may lie beside the names that the template makes.
fn folder(text: &str) -> &str {
    text.rfind('/').map_or(text, |at| &text[..=at])
}

/// HEAD of each place, as far as the audit gets before it is cancelled. `None`: it is not there.
pub(super) async fn look<'k, Id>(
    store: &Counted,
    places: impl Iterator<Item = (Id, &'k str, &'k str)>,
    cancel: &CancellationToken,
) -> Result<Vec<(Id, Option<Visible>)>, StoreError> {
    let heads = futures::stream::iter(places)
        .map(|(id, bucket, key)| async move { (id, store.head(bucket, key).await) })
        .buffer_unordered(HEAD_CONCURRENCY)
        .take_until(cancel.cancelled());
    let mut heads = std::pin::pin!(heads);
    let mut seen = Vec::new();
    while let Some((id, head)) = heads.next().await {
        match head {
            Ok(head) => seen.push((id, Some(visible(&head)))),
            Err(error) if error.kind == ErrorKind::NoSuchKey => seen.push((id, None)),
            Err(error) => return Err(error),
        }
    }
    Ok(seen)
}

pub(super) fn visible(head: &ObjectHead) -> Visible {
    let text = |name: &str| head.metadata.get(name).cloned();
    Visible {
        etag: head.etag.trim_matches('"').into(),
        job: text("landfall-job"),
        token: text("landfall-token"),
        bytes: head.length_bytes,
        told_records: text("landfall-records").and_then(|records| records.parse().ok()),
    }
}

/// Open uploads under the job's prefixes.
#[derive(Debug, Clone, Default)]
pub(super) struct Uploads {
    pub(super) open: Vec<OpenUpload>,
    /// There may be more than the store answers at once.
    pub(super) cut: bool,
}

/// `None` where the store does not list them, or does not let us.
pub(super) async fn uploads(
    target: &Target,
    store: &Counted,
    topics: &BTreeSet<String>,
) -> Result<Option<Uploads>, StoreError> {
    let mut uploads = Uploads::default();
    for prefix in prefixes(&target.record.spec, topics) {
        match store.uploads(&target.record.spec.sink.bucket, &prefix).await {
            Ok(open) => {
                uploads.cut |= open.len() >= MAX_UPLOADS_LISTED;
                // Some servers answer more than the prefix asks for.
                uploads.open.extend(open.into_iter().filter(|upload| upload.key.starts_with(&prefix)));
            }
            Err(error) if matches!(error.kind, ErrorKind::NotImplemented | ErrorKind::AccessDenied) => return Ok(None),
            Err(error) => return Err(error),
        }
    }
    Ok(Some(uploads))
}

/// The files that live workers of the job have open, as far as their heartbeats list them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct OpenFiles {
    pub(super) keys: HashSet<String>,
    /// How many more are open: a heartbeat lists the oldest ones.
    pub(super) untold: u64,
}

pub(super) async fn open_files(target: &Target) -> anyhow::Result<OpenFiles> {
    let heartbeats = HeartbeatStore::new(target.store.clone(), target.location.clone());
    let workers = heartbeats.read(jiff::Timestamp::now()).await?;
    let live = workers.seen.iter().filter(|seen| seen.live()).filter_map(|seen| seen.job(&target.record.uid));
    Ok(open_files_of(live))
}

fn open_files_of<'b>(beats: impl Iterator<Item = &'b JobBeat>) -> OpenFiles {
    let mut open = OpenFiles::default();
    for beat in beats {
        open.untold += beat.open_files_total.saturating_sub(beat.open_files.len() as u64);
        open.keys.extend(beat.open_files.iter().map(|file| file.key.clone()));
    }
    open
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::BTreeSet;

    use landfall_job::JobSpec;

    use landfall_store::JobBeat;

    use super::{open_files_of, prefixes};

    fn of(key: &str, letters: &str) -> Vec<String> {
        let text = format!(
            "{{name: bids, source: {{cluster: main, topics: [a, b]}}, sink: {{bucket: lake, key: \"{key}\"}}, \
             dead_letter: {{s3: \"{letters}\"}}}}"
        );
        let topics = BTreeSet::from(["a".to_owned(), "b".to_owned()]);
        prefixes(&JobSpec::parse(&text).unwrap(), &topics)
    }

    #[test]
    fn the_job_is_looked_for_under_what_its_template_says_in_letters() {
        assert_eq!(of("data/{topic}-{unique}.{ext}", "letters/"), ["data/", "letters/"]);
        assert_eq!(of("{topic}/x-{unique}.{ext}", "letters/"), ["a/", "b/", "letters/"]);
        assert_eq!(of("bids/dt={timestamp:%Y}/{unique}.{ext}", "letters/"), ["bids/", "letters/"]);
        assert_eq!(of("bids-{unique}.{ext}", "letters/"), ["bids-", "letters/"]);
    }

    #[test]
    fn what_heartbeats_have_no_room_for_is_counted() {
        let beat = |keys: &[&str], total: u64| -> JobBeat {
            let file = |key: &&str| {
                serde_json::json!({"key": key, "records": 1, "bytes": 1, "opened_at": "2026-01-01T00:00:00Z",
                                   "next_trigger": "age", "due_at": null})
            };
            serde_json::from_value(serde_json::json!({
                "name": "bids", "uid": "u1", "config_version": 1, "state": "running", "delivery": {"mode": "exactly_once"},
                "open_files": keys.iter().map(file).collect::<Vec<_>>(), "open_files_total": total,
            }))
            .unwrap()
        };
        let all = open_files_of([beat(&["a"], 1), beat(&[], 0)].iter());
        assert_eq!((all.untold, all.keys.len()), (0, 1));
        let some = open_files_of([beat(&["a", "b"], 52), beat(&["c"], 1)].iter());
        assert_eq!((some.untold, some.keys.len()), (50, 3));
    }
}
