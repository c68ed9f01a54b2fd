//! The result as JSON and as Markdown.

use std::fmt::Write;

use serde::Serialize;

use crate::consume::BARE;
use crate::machine::Machine;
use crate::measure::StageReport;

const GB: f64 = 1e9;
const MB: f64 = 1e6;
const MIB: f64 = 1_048_576.0;

/// One line of the table.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    #[serde(flatten)]
    pub stage: StageReport,
    pub records_per_second: f64,
    pub input_mb_per_second: f64,
    pub cpu_seconds_per_gb: f64,
    /// CPU over that of the bare loop.
    pub times_bare: f64,
    /// The most that `times_bare` should be.
    pub target: Option<f64>,
    pub requests_per_gb: Option<f64>,
    /// Bytes of the objects over bytes of the values.
    pub output_ratio: Option<f64>,
    /// Of the bare loop, which is run several times: the least and the most CPU seconds per GB.
    pub bare_spread: Option<(f64, f64)>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Results {
    pub machine: Machine,
    pub load_before: String,
    pub load_after: String,
    /// The topic in words.
    pub input: String,
    pub events: u64,
    pub event_bytes: u64,
    pub paths: u32,
    pub memory_limit_bytes: u64,
    pub rows: Vec<Row>,
}

#[allow(clippy::cast_precision_loss)] // figures for people
fn float(value: u64) -> f64 {
    value as f64
}

fn cpu_seconds_per_gb(stage: &StageReport) -> f64 {
    float(stage.cpu_ms) / 1_000.0 / (float(stage.input_bytes.max(1)) / GB)
}

/// What `docs/performance.md` asks of a stage.
fn target_of(name: &str) -> Option<f64> {
    match name {
        "source + copy" => Some(1.3),
        "JSONL none" => Some(2.8),
        "JSONL zstd" => Some(3.3),
        "JSONL gzip" => Some(4.8),
        "Parquet zstd" => Some(5.0),
        _ => None,
    }
}

/// Puts every stage beside the median of the bare loops among them, which make one row.
pub fn rows(stages: &[StageReport]) -> Vec<Row> {
    let (mut bare, others): (Vec<_>, Vec<_>) = stages.iter().cloned().partition(|stage| stage.name == BARE);
    bare.sort_by_key(|stage| stage.cpu_ms);
    let spread = |of: &[StageReport]| Some((cpu_seconds_per_gb(of.first()?), cpu_seconds_per_gb(of.last()?)));
    let spread = spread(&bare);
    let median = bare.get(bare.len() / 2).cloned();
    let baseline = median.as_ref().map_or(1.0, cpu_seconds_per_gb).max(f64::MIN_POSITIVE);
    let row = |stage: StageReport| {
        let seconds = float(stage.wall_ms.max(1)) / 1_000.0;
        let gb = float(stage.input_bytes.max(1)) / GB;
        Row {
            records_per_second: float(stage.records) / seconds,
            input_mb_per_second: float(stage.input_bytes) / MB / seconds,
            cpu_seconds_per_gb: cpu_seconds_per_gb(&stage),
            times_bare: cpu_seconds_per_gb(&stage) / baseline,
            target: target_of(&stage.name),
            requests_per_gb: stage.landed.as_ref().map(|landed| float(landed.requests_in_all()) / gb),
            output_ratio: stage.landed.as_ref().map(|l| float(l.object_bytes) / float(stage.input_bytes.max(1))),
            bare_spread: spread.filter(|_| stage.name == BARE),
            stage,
        }
    };
    median.into_iter().chain(others).map(row).collect()
}

pub fn markdown(results: &Results) -> String {
    let mut out = String::new();
    let machine = &results.machine;
    // Writing to a string never fails.
    let _ = writeln!(
        out,
        "{} · commit {} · {} build {} · librdkafka {}\n{}, {} cores, {:.0} GiB · Linux {} · load before {}, after {}\n\
         {}: {} of {} bytes ({:.2} GB), {} values of `campaign` · memory limit {:.0} MiB\n",
        machine.at,
        machine.commit,
        machine.profile,
        machine.version,
        machine.librdkafka,
        machine.processor,
        machine.cores,
        float(machine.memory_bytes) / MIB / 1_024.0,
        machine.kernel,
        results.load_before,
        results.load_after,
        results.input,
        results.events,
        results.event_bytes,
        float(results.events * results.event_bytes) / GB,
        results.paths,
        float(results.memory_limit_bytes) / MIB,
    );
    out.push_str(
        "| stage | records/s | MB/s in | CPU-s/GB | x bare | target | peak RSS, MiB | accounted, MiB | requests/GB | objects | open files, peak | out/in |\n\
         |---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n",
    );
    let or_blank = |value: Option<String>| value.unwrap_or_default();
    for row in &results.rows {
        let landed = row.stage.landed.as_ref();
        let _ = writeln!(
            out,
            "| {}{} | {:.0} | {:.0} | {:.2} | {:.2} | {} | {:.0} | {} | {} | {} | {} | {} |",
            row.stage.name,
            or_blank(row.bare_spread.map(|(least, most)| format!(", median ({least:.2} to {most:.2} CPU-s/GB)"))),
            row.records_per_second,
            row.input_mb_per_second,
            row.cpu_seconds_per_gb,
            row.times_bare,
            or_blank(row.target.map(|target| format!("<= {target}"))),
            float(row.stage.peak_rss_bytes) / MIB,
            or_blank(landed.map(|landed| format!("{:.0}", float(landed.accounted_bytes_peak) / MIB))),
            or_blank(row.requests_per_gb.map(|requests| format!("{requests:.0}"))),
            or_blank(landed.map(|landed| landed.objects.to_string())),
            or_blank(landed.map(|landed| landed.open_files_peak.to_string())),
            or_blank(row.output_ratio.map(|ratio| format!("{ratio:.3}"))),
        );
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stage(name: &str, cpu_ms: u64) -> StageReport {
        StageReport {
            name: name.to_owned(),
            records: 1_000,
            input_bytes: 500_000_000,
            wall_ms: 2_000,
            cpu_ms,
            peak_rss_bytes: 1 << 20,
            landed: None,
        }
    }

    #[test]
    fn a_stage_is_set_beside_the_median_of_the_bare_loops() {
        let rows = rows(&[stage(BARE, 900), stage("JSONL zstd", 1_500), stage(BARE, 500), stage(BARE, 400)]);
        assert_eq!(rows.len(), 2);
        assert_eq!(rows[0].bare_spread, Some((0.8, 1.8)));
        let zstd = &rows[1];
        assert!((zstd.times_bare - 3.0).abs() < 1e-9, "{zstd:?}");
        assert!((zstd.cpu_seconds_per_gb - 3.0).abs() < 1e-9);
        assert!((zstd.input_mb_per_second - 250.0).abs() < 1e-9);
        assert!((zstd.records_per_second - 500.0).abs() < 1e-9);
        assert_eq!(zstd.target, Some(3.3));
    }
}
