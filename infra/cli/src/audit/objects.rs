//! The objects of a job: listed under its prefixes, looked at one by one, and read where the audit goes deep.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context;
use futures::StreamExt;
use landfall_job::{JobSpec, TemplatePart};
use landfall_s3::error::{ErrorKind, StoreError};
use landfall_s3::store::{ListRequest, ObjectHead, OpenUpload};

use super::Target;
use super::count::records;
use super::evidence::{Place, Visible};

const HEAD_CONCURRENCY: usize = 32;
/// Whole objects are in memory while they are counted.
const READ_CONCURRENCY: usize = 2;

/// Every key under the job's prefixes that is not the fleet's own.
pub(super) async fn list(target: &Target, topics: &BTreeSet<String>) -> Result<BTreeSet<Place>, StoreError> {
    let bucket = &target.record.spec.sink.bucket;
    let mut places = BTreeSet::new();
    for prefix in prefixes(&target.record.spec, topics) {
        let mut continuation = None;
        loop {
            let request =
                ListRequest { bucket: bucket.clone(), prefix: prefix.clone(), continuation, ..ListRequest::default() };
            let page = target.store.list(request).await?;
            let own = |key: &str| *bucket == target.location.bucket && key.starts_with(&target.location.prefix);
            let keys = page.objects.into_iter().map(|object| object.key);
            places.extend(keys.filter(|key| !own(key)).map(|key| (bucket.clone(), key)));
            continuation = page.continuation;
            if continuation.is_none() {
                break;
            }
        }
    }
    Ok(places)
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

/// HEAD of each place; one that is not there is left out.
pub(super) async fn look(target: &Target, places: BTreeSet<Place>) -> Result<BTreeMap<Place, Visible>, StoreError> {
    let mut heads = futures::stream::iter(places)
        .map(|place| async move {
            let head = target.store.head(&place.0, &place.1).await;
            (place, head)
        })
        .buffer_unordered(HEAD_CONCURRENCY);
    let mut seen = BTreeMap::new();
    while let Some((place, head)) = heads.next().await {
        match head {
            Ok(head) => {
                seen.insert(place, visible(&head));
            }
            Err(error) if error.kind == ErrorKind::NoSuchKey => {}
            Err(error) => return Err(error),
        }
    }
    Ok(seen)
}

fn visible(head: &ObjectHead) -> Visible {
    let text = |name: &str| head.metadata.get(name).cloned();
    Visible {
        job: text("landfall-job"),
        token: text("landfall-token"),
        bytes: head.length_bytes,
        told_records: text("landfall-records").and_then(|records| records.parse().ok()),
        counted: None,
    }
}

/// Reads each object and counts what is in it.
pub(super) async fn count(target: &Target, objects: &mut BTreeMap<Place, Visible>) -> anyhow::Result<()> {
    let places: Vec<Place> = objects.keys().cloned().collect();
    let mut reads = futures::stream::iter(places)
        .map(|place| async move {
            let counted = count_one(target, &place).await;
            (place, counted)
        })
        .buffer_unordered(READ_CONCURRENCY);
    while let Some((place, counted)) = reads.next().await {
        if let Some(seen) = objects.get_mut(&place) {
            seen.counted = counted?;
        }
    }
    Ok(())
}

/// `None`: it is gone by now, or of a format that has no records to count.
async fn count_one(target: &Target, (bucket, key): &Place) -> anyhow::Result<Option<Result<u64, String>>> {
    let body = match target.store.get(bucket, key).await {
        Ok(object) => object.body,
        Err(error) if error.kind == ErrorKind::NoSuchKey => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let name = key.clone();
    tokio::task::spawn_blocking(move || records(&name, body)).await.context("counting records ended badly")
}

/// Open uploads under the job's prefixes.
pub(super) async fn uploads(target: &Target, topics: &BTreeSet<String>) -> Result<Vec<OpenUpload>, StoreError> {
    let mut uploads = Vec::new();
    for prefix in prefixes(&target.record.spec, topics) {
        uploads.extend(target.store.list_uploads(&target.record.spec.sink.bucket, &prefix).await?);
    }
    Ok(uploads)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::BTreeSet;

    use landfall_job::JobSpec;

    use super::prefixes;

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
}
