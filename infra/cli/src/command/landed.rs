//! What a job has done and where it stands: `job events`, `objects`, `offsets`, `clone`.

use clap::Args;
use landfall_api::{EventList, ObjectList, OffsetList};
use serde_json::{Value, json};

use super::job::told;
use crate::client::Client;
use crate::exit::{Failure, Outcome};
use crate::output::{self, Format, bytes, grouped, or_dash, table};

#[derive(Debug, Args)]
pub(crate) struct ObjectsArguments {
    /// The job
    name: String,
    /// At most so many, 1 to 500
    #[arg(long, default_value_t = 50)]
    limit: usize,
    /// Only of entries with records of this topic
    #[arg(long)]
    topic: Option<String>,
    /// Only of entries with records of this partition
    #[arg(long)]
    partition: Option<i32>,
    /// Only of entries that hold this offset
    #[arg(long)]
    offset: Option<u64>,
    /// Written at or after this time, as 2026-01-31T12:00:00Z
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Written before this time
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// next_cursor of an answer before, for what is older
    #[arg(long)]
    cursor: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct OffsetsArguments {
    /// The job
    name: String,
    /// The next offset to land of a partition, while the job is stopped; may be given several times. Forward is a declared
    /// skip, back a new generation of the job
    #[arg(long, value_name = "TOPIC/PARTITION=OFFSET", value_parser = place)]
    set: Vec<Place>,
    /// Every partition to the first offset that Kafka has, while the job is stopped
    #[arg(long, conflicts_with = "set")]
    reset: bool,
}

#[derive(Debug, Args)]
pub(crate) struct CloneArguments {
    /// The job whose document it takes
    name: String,
    /// The name of the new job
    new: String,
    /// Where it starts: earliest, latest, a time as 2026-01-31T12:00:00Z, or offsets as JSON {"topic": {"0": 17}}
    #[arg(long)]
    start: String,
}

#[derive(Debug, Clone)]
struct Place {
    topic: String,
    partition: i32,
    offset: i64,
}

fn place(text: &str) -> Result<Place, String> {
    let read = || {
        let (place, offset) = text.rsplit_once('=')?;
        let (topic, partition) = place.rsplit_once('/')?;
        Some(Place { topic: topic.to_owned(), partition: partition.parse().ok()?, offset: offset.parse().ok()? })
    };
    read().ok_or_else(|| "write TOPIC/PARTITION=OFFSET, as bids/0=1500".to_owned())
}

pub(crate) async fn events(client: &Client, name: &str, format: Format) -> Outcome {
    let list: EventList = client.below(name, "events", &[]).await?;
    let rows = || {
        let row = |event: &landfall_store::JobEvent| {
            vec![format!("{:.0}", event.at), event.what.clone(), event.by.clone(), event.detail.clone()]
        };
        table(&["at", "what", "by", "detail"], list.events.iter().map(row))
    };
    Ok(output::show(format, &list, rows)?)
}

pub(crate) async fn objects(client: &Client, wanted: &ObjectsArguments, format: Format) -> Outcome {
    let mut query = vec![("limit", wanted.limit.to_string())];
    let mut add = |name: &'static str, value: Option<String>| query.extend(value.map(|value| (name, value)));
    add("topic", wanted.topic.clone());
    add("partition", wanted.partition.map(|partition| partition.to_string()));
    add("offset", wanted.offset.map(|offset| offset.to_string()));
    add("since", wanted.since.clone());
    add("until", wanted.until.clone());
    add("cursor", wanted.cursor.clone());
    let list: ObjectList = client.below(&wanted.name, "objects", &query).await?;
    let people = || {
        let rows = list.objects.iter().map(|object| {
            let visible = if object.visible { "" } else { "not visible yet" };
            vec![
                format!("{:.0}", object.written_at),
                grouped(object.records),
                bytes(object.bytes),
                object.kind.clone(),
                format!("s3://{}/{}", object.bucket, object.key),
                visible.to_owned(),
            ]
        });
        let mut text = table(&["written", "records", "bytes", "kind", "object", ""], rows);
        if let Some(cursor) = &list.next_cursor {
            text.push_str(&format!("older ones: --cursor {cursor}\n"));
        }
        text
    };
    Ok(output::show(format, &list, people)?)
}

pub(crate) async fn offsets(client: &Client, wanted: &OffsetsArguments, format: Format) -> Outcome {
    if wanted.reset || !wanted.set.is_empty() {
        let one = |p: &Place| json!({"topic": p.topic, "partition": p.partition, "offset": p.offset});
        let body = json!({"offsets": wanted.set.iter().map(one).collect::<Vec<Value>>()});
        let job = client.set_offsets(&wanted.name, &body).await?;
        return told(&job, &format!("moved, generation {}; resume it to go on", job.generation), format);
    }
    let list: OffsetList = client.below(&wanted.name, "offsets", &[]).await?;
    let people = || {
        let rows = list.offsets.iter().map(|at| {
            vec![
                format!("{}/{}/{}", at.cluster, at.topic, at.partition),
                at.start_offset.to_string(),
                or_dash(at.landed_offset),
                or_dash(at.committed_offset),
                or_dash(at.end_offset),
                or_dash(at.lag),
            ]
        });
        table(&["partition", "start", "landed", "committed", "end", "lag"], rows)
    };
    Ok(output::show(format, &list, people)?)
}

pub(crate) async fn copy(client: &Client, wanted: &CloneArguments, format: Format) -> Outcome {
    let start = match wanted.start.as_str() {
        word @ ("earliest" | "latest") => json!(word),
        offsets if offsets.starts_with('{') => {
            let offsets: Value = serde_json::from_str(offsets)
                .map_err(|error| Failure::Usage(format!("--start: the offsets are not JSON: {error}")))?;
            json!({"offsets": offsets})
        }
        time => json!({"timestamp": time}),
    };
    let job = client.copy(&wanted.name, &json!({"name": wanted.new, "start": start})).await?;
    told(&job, &format!("created as a copy of {}", wanted.name), format)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::place;

    #[test]
    fn a_place_is_a_topic_a_partition_and_an_offset() {
        let read = place("a.b/c=d/3=17").unwrap();
        assert_eq!((read.topic.as_str(), read.partition, read.offset), ("a.b/c=d", 3, 17));
        for wrong in ["", "bids=17", "bids/x=17", "bids/0=", "bids/0"] {
            assert!(place(wrong).is_err(), "{wrong}");
        }
    }
}
