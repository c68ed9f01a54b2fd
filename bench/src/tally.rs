//! A recorder of the worker's metrics that keeps sums of counters and peaks of gauges, for the report.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use metrics::{Counter, Gauge, GaugeFn, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};

type Labels = Vec<(String, String)>;

#[derive(Debug, Default)]
pub struct Tally {
    counters: Mutex<BTreeMap<(String, Labels), Arc<AtomicU64>>>,
    gauges: Mutex<BTreeMap<(String, Labels), Arc<Peak>>>,
}

/// The highest whole value that was set.
#[derive(Debug, Default)]
struct Peak(AtomicU64);

impl GaugeFn for Peak {
    /// The worker only sets its gauges.
    fn increment(&self, _value: f64) {}

    fn decrement(&self, _value: f64) {}

    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // saturates; gauges here are counts
    fn set(&self, value: f64) {
        self.0.fetch_max(value as u64, Ordering::Relaxed);
    }
}

fn identity(key: &Key) -> (String, Labels) {
    let labels = key.labels().map(|label| (label.key().to_owned(), label.value().to_owned())).collect();
    (key.name().to_owned(), labels)
}

impl Tally {
    /// Makes a tally the process's recorder.
    pub fn install() -> anyhow::Result<Arc<Self>> {
        let tally = Arc::new(Self::default());
        metrics::set_global_recorder(Arc::clone(&tally))
            .map_err(|_| anyhow::anyhow!("another recorder of metrics is installed"))?;
        Ok(tally)
    }

    /// The sums of a counter by the values of one label; series without the label are left out.
    pub fn by_label(&self, name: &str, label: &str) -> BTreeMap<String, u64> {
        let mut sums = BTreeMap::new();
        for ((series, labels), sum) in self.counters.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            if series == name
                && let Some((_, value)) = labels.iter().find(|(key, _)| key == label)
            {
                *sums.entry(value.clone()).or_default() += sum.load(Ordering::Relaxed);
            }
        }
        sums.retain(|_, sum| *sum > 0);
        sums
    }

    /// The peaks of all series of a gauge, added up: an upper bound of the peak of their sum.
    pub fn peak(&self, name: &str) -> u64 {
        let gauges = self.gauges.lock().unwrap_or_else(PoisonError::into_inner);
        gauges.iter().filter(|((series, _), _)| series == name).map(|(_, peak)| peak.0.load(Ordering::Relaxed)).sum()
    }
}

impl Recorder for Tally {
    fn describe_counter(&self, _key: KeyName, _unit: Option<Unit>, _description: SharedString) {}

    fn describe_gauge(&self, _key: KeyName, _unit: Option<Unit>, _description: SharedString) {}

    fn describe_histogram(&self, _key: KeyName, _unit: Option<Unit>, _description: SharedString) {}

    fn register_counter(&self, key: &Key, _metadata: &Metadata<'_>) -> Counter {
        let mut counters = self.counters.lock().unwrap_or_else(PoisonError::into_inner);
        Counter::from_arc(Arc::clone(counters.entry(identity(key)).or_default()))
    }

    fn register_gauge(&self, key: &Key, _metadata: &Metadata<'_>) -> Gauge {
        let mut gauges = self.gauges.lock().unwrap_or_else(PoisonError::into_inner);
        Gauge::from_arc(Arc::clone(gauges.entry(identity(key)).or_default()))
    }

    fn register_histogram(&self, _key: &Key, _metadata: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_add_up_by_label_and_gauges_keep_their_peak() {
        let tally = Tally::default();
        metrics::with_local_recorder(&tally, || {
            metrics::counter!("requests", "operation" => "put", "outcome" => "ok").increment(2);
            metrics::counter!("requests", "operation" => "put", "outcome" => "slow_down").increment(1);
            metrics::counter!("requests", "operation" => "head", "outcome" => "ok").increment(5);
            metrics::counter!("others", "operation" => "put").increment(7);
            metrics::gauge!("open_files", "job" => "a").set(3.0);
            metrics::gauge!("open_files", "job" => "a").set(1.0);
        });
        let requests = tally.by_label("requests", "operation");
        assert_eq!(requests, BTreeMap::from([("head".to_owned(), 5), ("put".to_owned(), 3)]));
        assert_eq!(tally.by_label("requests", "outcome")["slow_down"], 1);
        assert_eq!(tally.peak("open_files"), 3);
    }
}
