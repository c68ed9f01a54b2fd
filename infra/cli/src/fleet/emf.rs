//! A worker's alarms as CloudWatch's embedded metric format: a JSON line a minute on standard output, out of which
//! CloudWatch makes metrics without a request of ours. Only where `LANDFALL_METRICS_NAMESPACE` says so, as the CDK stack
//! does. <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>

use std::io::Write;
use std::time::Duration;

use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::Recorder;
use super::metrics::{greatest, total};

const EVERY: Duration = Duration::from_secs(60);

/// Name for CloudWatch, unit, and the gauge whose greatest value over all jobs it is.
const GREATEST: &[(&str, &str, &str)] = &[
    ("OldestUncompletedEntryAgeSeconds", "Seconds", "landfall_oldest_uncompleted_entry_age_seconds"),
    ("OldestUnlandedAgeSeconds", "Seconds", "landfall_oldest_unlanded_age_seconds"),
    ("LostRecords", "Count", "landfall_lost_records"),
    ("Alarms", "Count", "landfall_alarms"),
];

/// Where the metrics belong.
#[derive(Debug, Clone)]
pub(super) struct Place {
    namespace: String,
    fleet: String,
    pool: String,
}

impl Place {
    /// `None` where nobody asked for these lines.
    pub(super) fn of_environment(pool: &str) -> Option<Self> {
        let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let fleet = set("LANDFALL_FLEET").unwrap_or_else(|| "landfall".to_owned());
        Some(Self { namespace: set("LANDFALL_METRICS_NAMESPACE")?, fleet, pool: pool.to_owned() })
    }
}

/// Writes a line a minute until `end`.
pub(super) async fn tell(place: Place, recorder: Recorder, end: CancellationToken) {
    let mut before = Counts::default();
    while tokio::time::timeout(EVERY, end.cancelled()).await.is_err() {
        let text = recorder.handle().render();
        let now = Counts::of(&text);
        let line = line(&place, &text, before, now, jiff::Timestamp::now().as_millisecond());
        before = now;
        // One write a line, as log lines come from other threads. Whoever closed our output reads no metrics either.
        let _closed = std::io::stdout().write_all(format!("{line}\n").as_bytes());
    }
}

/// Counters of the process so far.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Counts {
    consumed: f64,
    dead_lettered: f64,
}

impl Counts {
    fn of(text: &str) -> Self {
        Self {
            consumed: total(text, "landfall_records_consumed_total"),
            dead_lettered: total(text, "landfall_records_dead_lettered_total"),
        }
    }
}

fn line(place: &Place, text: &str, before: Counts, now: Counts, now_ms: i64) -> Value {
    let mut values: Vec<(&str, &str, f64)> =
        GREATEST.iter().map(|(name, unit, gauge)| (*name, *unit, greatest(text, gauge, None).unwrap_or(0.0))).collect();
    if let Some(bytes) = greatest(text, "landfall_memory_bytes", Some("use=\"process\"")) {
        values.push(("MemoryBytes", "Bytes", bytes));
    }
    // Of what this minute brought: without records there is no ratio.
    let consumed = now.consumed - before.consumed;
    if consumed > 0.0 {
        values.push(("DeadLetterRatio", "None", (now.dead_lettered - before.dead_lettered) / consumed));
    }
    let told: Vec<Value> = values.iter().map(|(name, unit, _)| json!({"Name": name, "Unit": unit})).collect();
    let mut line = json!({
        "_aws": {
            "Timestamp": now_ms,
            "CloudWatchMetrics": [
                {"Namespace": place.namespace, "Dimensions": [["Fleet", "Pool"]], "Metrics": told}
            ],
        },
        "Fleet": place.fleet,
        "Pool": place.pool,
    });
    for (name, _, value) in values {
        line[name] = json!(value);
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_of_all_jobs_is_told_and_the_ratio_is_that_of_the_last_minute() {
        let text = "landfall_oldest_uncompleted_entry_age_seconds{job=\"a\",pool=\"p\"} 3\n\
                    landfall_oldest_uncompleted_entry_age_seconds{job=\"b\",pool=\"p\"} 40.5\n\
                    landfall_memory_bytes{use=\"parts\"} 900\n\
                    landfall_memory_bytes{use=\"process\"} 700\n\
                    landfall_records_consumed_total{job=\"a\",pool=\"p\"} 1000\n\
                    landfall_records_consumed_total{job=\"b\",pool=\"p\"} 500\n\
                    landfall_records_dead_lettered_total{job=\"b\",pool=\"p\",reason=\"x\"} 30\n\
                    landfall_lost_records{job=\"a\",pool=\"p\"} 0\n";
        let place = Place { namespace: "Landfall".into(), fleet: "f".into(), pool: "p".into() };
        let before = Counts { consumed: 1_300.0, dead_lettered: 10.0 };
        let told = line(&place, text, before, Counts::of(text), 7);
        assert_eq!(told["OldestUncompletedEntryAgeSeconds"], 40.5);
        assert_eq!(told["MemoryBytes"], 700.0);
        assert_eq!(told["DeadLetterRatio"], 0.1);
        assert_eq!((&told["Fleet"], &told["Pool"], &told["_aws"]["Timestamp"]), (&json!("f"), &json!("p"), &json!(7)));
        let directive = &told["_aws"]["CloudWatchMetrics"][0];
        assert_eq!(directive["Namespace"], "Landfall");
        // Every metric that is declared stands in the line, and none else.
        for metric in directive["Metrics"].as_array().into_iter().flatten() {
            assert!(told[metric["Name"].as_str().unwrap_or_default()].is_number(), "{metric}");
        }
        assert_eq!(directive["Metrics"].as_array().map(Vec::len), Some(6));
        let quiet = line(&place, text, Counts::of(text), Counts::of(text), 8);
        assert!(quiet.get("DeadLetterRatio").is_none());
    }
}
