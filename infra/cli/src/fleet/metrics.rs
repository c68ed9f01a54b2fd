//! The Prometheus recorder behind `/metrics`. It opens no port of its own: the health router serves its text.

use std::time::Duration;

use anyhow::Context;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tokio_util::sync::CancellationToken;

/// Seconds; requests to S3 take milliseconds to minutes.
const SECONDS: &[f64] = &[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 120.0];
/// Histograms are folded this often, so that they stay small between scrapes.
const UPKEEP_EVERY: Duration = Duration::from_secs(5);

/// The process's recorder.
#[derive(Clone)]
pub(crate) struct Recorder {
    handle: PrometheusHandle,
}

impl std::fmt::Debug for Recorder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Recorder")
    }
}

impl Recorder {
    /// Installs the recorder of this process; once a process.
    pub(super) fn install(end: CancellationToken) -> anyhow::Result<Self> {
        let builder = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), SECONDS)
            .context("the histograms of /metrics cannot be made")?;
        let handle = builder.install_recorder().context("the recorder of /metrics cannot be installed")?;
        let upkeep = handle.clone();
        tokio::spawn(async move {
            while tokio::time::timeout(UPKEEP_EVERY, end.cancelled()).await.is_err() {
                upkeep.run_upkeep();
            }
        });
        Ok(Self { handle })
    }

    pub(super) fn handle(&self) -> PrometheusHandle {
        self.handle.clone()
    }

    /// The sum of a counter over all label sets that hold `label="value"`.
    pub(crate) fn sum(&self, counter: &str, label: &str, value: &str) -> u64 {
        sum(&self.handle.render(), counter, label, value)
    }
}

fn sum(text: &str, counter: &str, label: &str, value: &str) -> u64 {
    let wanted = format!("{label}=\"{value}\"");
    series(text, counter, Some(&wanted)).filter_map(|number| number.parse::<u64>().ok()).sum()
}

/// The sum of a counter over all its series.
pub(super) fn total(text: &str, counter: &str) -> f64 {
    series(text, counter, None).filter_map(|number| number.parse::<f64>().ok()).fold(0.0, |sum, number| sum + number)
}

/// The greatest value of a gauge over its series, or those with this label; `None` without any.
pub(super) fn greatest(text: &str, gauge: &str, label: Option<&str>) -> Option<f64> {
    series(text, gauge, label).filter_map(|number| number.parse::<f64>().ok()).reduce(f64::max)
}

/// The numbers of a metric's labelled series.
fn series<'t>(text: &'t str, name: &'t str, label: Option<&'t str>) -> impl Iterator<Item = &'t str> {
    text.lines()
        .filter_map(move |line| line.strip_prefix(name)?.strip_prefix('{')?.rsplit_once("} "))
        .filter(move |(labels, _)| label.is_none_or(|wanted| labels.split(',').any(|label| label == wanted)))
        .map(|(_, number)| number)
}

#[cfg(test)]
mod tests {
    use super::sum;

    #[test]
    fn a_counter_is_summed_over_its_other_labels() {
        let text = "# TYPE landfall_x_total counter\n\
                    landfall_x_total{job=\"a\",pool=\"p\",trigger=\"age\"} 3\n\
                    landfall_x_total{job=\"a\",pool=\"p\",trigger=\"idle\"} 4\n\
                    landfall_x_total{job=\"b\",pool=\"p\",trigger=\"idle\"} 5\n\
                    landfall_x_total_y{job=\"a\"} 6\n";
        assert_eq!(sum(text, "landfall_x_total", "job", "a"), 7);
        assert_eq!(sum(text, "landfall_x_total", "job", "c"), 0);
    }
}
