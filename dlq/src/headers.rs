//! The headers of a letter in a topic: the record's own first, then those that Kafka Connect writes, so that tools
//! made for it work, then ours.

use crate::letter::Letter;

/// Connect names stages by these words.
fn connect_stage(stage: &str) -> &'static str {
    match stage {
        "decode" => "VALUE_CONVERTER",
        // Landfall routes and encodes in what a sink connector does in its put.
        _ => "TASK_PUT",
    }
}

/// All headers of a letter, in the order they are sent.
#[must_use]
pub fn headers(letter: &Letter) -> Vec<(String, Option<Vec<u8>>)> {
    let class = format!("landfall.{}", letter.stage);
    let exception = format!("landfall.{}", letter.reason);
    let stack = format!("{exception}: {}\n\tat {class}\n", letter.error);
    let added = [
        ("__connect.errors.topic", letter.topic.clone()),
        ("__connect.errors.partition", letter.partition.to_string()),
        ("__connect.errors.offset", letter.offset.to_string()),
        ("__connect.errors.connector.name", letter.job.clone()),
        // A job has no numbered tasks.
        ("__connect.errors.task.id", "0".to_owned()),
        ("__connect.errors.stage", connect_stage(&letter.stage).to_owned()),
        ("__connect.errors.class.name", class),
        ("__connect.errors.exception.class.name", exception),
        ("__connect.errors.exception.message", letter.error.clone()),
        ("__connect.errors.exception.stacktrace", stack),
        ("landfall.source", letter.source()),
        ("landfall.reason", letter.reason.clone()),
        ("landfall.stage", letter.stage.clone()),
        ("landfall.timestamp", letter.at()),
    ];
    let added = added.into_iter().map(|(name, value)| (name.to_owned(), Some(value.into_bytes())));
    letter.headers.iter().cloned().chain(added).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_records_own_headers_come_first_then_connects_then_ours() {
        let letter = Letter {
            job: "bids".into(),
            cluster: "main".into(),
            topic: "ad-bids".into(),
            partition: 3,
            offset: 421,
            timestamp_ms: -1,
            key: None,
            value: None,
            headers: vec![("landfall.reason".into(), None), ("a".into(), Some(vec![0xff]))],
            stage: "route".into(),
            reason: "missing_field".into(),
            error: "no field user.id".into(),
            at_ms: 0,
        };
        let shown: Vec<_> = headers(&letter)
            .into_iter()
            .map(|(name, value)| {
                format!("{name}={}", value.map_or("-".into(), |v| String::from_utf8_lossy(&v).into_owned()))
            })
            .collect();
        assert_eq!(
            shown,
            [
                "landfall.reason=-",
                "a=\u{fffd}",
                "__connect.errors.topic=ad-bids",
                "__connect.errors.partition=3",
                "__connect.errors.offset=421",
                "__connect.errors.connector.name=bids",
                "__connect.errors.task.id=0",
                "__connect.errors.stage=TASK_PUT",
                "__connect.errors.class.name=landfall.route",
                "__connect.errors.exception.class.name=landfall.missing_field",
                "__connect.errors.exception.message=no field user.id",
                "__connect.errors.exception.stacktrace=landfall.missing_field: no field user.id\n\tat landfall.route\n",
                "landfall.source=main/ad-bids/3/421",
                "landfall.reason=missing_field",
                "landfall.stage=route",
                "landfall.timestamp=1970-01-01T00:00:00Z",
            ]
        );
    }

    #[test]
    fn a_record_that_could_not_be_decoded_failed_in_connects_value_converter() {
        assert_eq!(connect_stage("decode"), "VALUE_CONVERTER");
        assert_eq!(connect_stage("encode"), "TASK_PUT");
    }
}
