//! What a job has landed, read from its commit log: the newest first, a bounded number of entries a page.

use futures::StreamExt;
use jiff::Timestamp;
use landfall_commit::{Entry, FileKind, FileRef, Lane, LogState, Seq, Token};
use landfall_store::JobRecord;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::{BackendError, access};
use crate::auth::Principal;
use crate::state::ApiState;
use crate::view::{ObjectList, ObjectView, OffsetRangeView};

/// Jobs have one commit log: `lanes` of the record.
pub(super) const LANE: Lane = Lane(0);
/// Entries read for one page, however few of them are wanted.
const ENTRIES_A_PAGE: usize = 200;
/// As the workers write it into each object.
const TOKEN_METADATA: &str = "landfall-token";
const HEADS_AT_ONCE: usize = 16;

/// Which objects are wanted; what is not given is not looked at.
#[derive(Debug, Default)]
pub(crate) struct Wanted {
    pub(crate) topic: Option<String>,
    pub(crate) partition: Option<i32>,
    /// The entry holds it.
    pub(crate) offset: Option<u64>,
    /// Written at or after this time.
    pub(crate) since: Option<Timestamp>,
    /// Written before this time.
    pub(crate) until: Option<Timestamp>,
}

impl Wanted {
    fn takes(&self, entry: &Entry) -> bool {
        let at_ms = entry.written_at_ms;
        let records = self.topic.is_none() && self.partition.is_none() && self.offset.is_none()
            || entry.held.iter().any(|(partition, offsets)| {
                self.topic.as_deref().is_none_or(|topic| topic == partition.topic)
                    && self.partition.is_none_or(|number| number == partition.partition)
                    && self.offset.is_none_or(|offset| offsets.contains(offset))
            });
        records
            && self.since.is_none_or(|since| at_ms >= since.as_millisecond())
            && self.until.is_none_or(|until| at_ms < until.as_millisecond())
    }

    /// Entries are older and older: nothing more is wanted.
    fn past(&self, entry: &Entry) -> bool {
        // The clocks of workers differ a little.
        const SKEW_MS: i64 = 600_000;
        self.since.is_some_and(|since| entry.written_at_ms + SKEW_MS < since.as_millisecond())
    }
}

/// `before`: the seq below which to look (exclusive), from the cursor of the page before.
pub(crate) async fn objects(
    state: &ApiState,
    principal: &Principal,
    name: &str,
    wanted: &Wanted,
    before: Option<u64>,
    limit: usize,
) -> Result<ObjectList, BackendError> {
    let stored = access::visible(state, principal, name).await?;
    let log = state.logs.read_lane(&stored.record, LANE).await?;
    let end = before.map_or(log.next_seq(), |before| Seq(before.min(log.next_seq().0)));
    let entries = state.logs.entries_before(&stored.record, LANE, end, ENTRIES_A_PAGE).await?;
    let (mut objects, mut reached) = (Vec::new(), end);
    let mut over = false;
    for entry in &entries {
        if objects.len() >= limit || wanted.past(entry) {
            over = wanted.past(entry);
            break;
        }
        reached = entry.seq;
        if wanted.takes(entry) {
            objects.extend(files(&stored.record, entry, &log, state.connect.endpoint.is_none()));
        }
    }
    let objects: Vec<ObjectView> =
        futures::stream::iter(objects).map(|landed| look(state, landed)).buffered(HEADS_AT_ONCE).collect().await;
    let next_cursor = (reached.0 > 0 && !over).then(|| reached.0.to_string());
    Ok(ObjectList { objects, next_cursor })
}

/// A file and the token that its object carries.
struct Landed {
    view: ObjectView,
    token: Token,
}

/// The log says that a file is complete by a later entry, which may be seconds away: the object itself says it now.
async fn look(state: &ApiState, landed: Landed) -> ObjectView {
    let Landed { mut view, token } = landed;
    if !view.visible {
        let head = state.buckets.head(&view.bucket, &view.key).await;
        view.visible =
            head.is_ok_and(|head| head.metadata.get(TOKEN_METADATA).map(String::as_str) == Some(token.as_str()));
    }
    view.url = view.url.filter(|_| view.visible);
    view
}

/// `on_aws`: the buckets are.
fn files(record: &JobRecord, entry: &Entry, log: &LogState, on_aws: bool) -> Vec<Landed> {
    let at = |ms| Timestamp::from_millisecond(ms).unwrap_or(Timestamp::UNIX_EPOCH);
    let partitions: Vec<OffsetRangeView> = entry
        .held
        .iter()
        .map(|(partition, offsets)| OffsetRangeView {
            cluster: partition.cluster.clone(),
            topic: partition.topic.clone(),
            partition: partition.partition,
            from_offset: offsets.min().unwrap_or(0),
            to_offset: offsets.max().map_or(0, |last| last.saturating_add(1)),
        })
        .collect();
    let bucket_of = |file: &landfall_commit::FileEntry| {
        if file.bucket.is_empty() { record.spec.sink.bucket.clone() } else { file.bucket.clone() }
    };
    let view = |index: u32, file: &landfall_commit::FileEntry| ObjectView {
        bucket: bucket_of(file),
        key: file.key.clone(),
        url: on_aws.then(|| console(&bucket_of(file), &file.key)),
        kind: kind(file.kind).to_owned(),
        bytes: file.bytes,
        records: file.records,
        visible: !log.pending().contains_key(&FileRef { seq: entry.seq, file: index }),
        seq: entry.seq.0,
        written_at: at(entry.written_at_ms),
        worker: entry.worker.clone(),
        min_timestamp: at(file.min_timestamp_ms),
        max_timestamp: at(file.max_timestamp_ms),
        partitions: partitions.clone(),
    };
    let one = |(index, file)| Landed { view: view(index, file), token: file.token.clone() };
    (0u32..).zip(&entry.files).map(one).collect()
}

/// The console finds the bucket's region by itself.
fn console(bucket: &str, key: &str) -> String {
    let key = utf8_percent_encode(key, NON_ALPHANUMERIC);
    format!("https://console.aws.amazon.com/s3/object/{bucket}?prefix={key}")
}

fn kind(kind: FileKind) -> &'static str {
    match kind {
        FileKind::Data => "data",
        FileKind::DeadLetter => "dead_letter",
    }
}
