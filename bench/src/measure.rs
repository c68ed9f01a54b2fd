//! What a stage cost, as the operating system counts it for this process. Linux only: read from /proc.

use std::collections::BTreeMap;
use std::time::Instant;

use anyhow::Context;
use serde::{Deserialize, Serialize};

/// The unit of the times in /proc/PID/stat, fixed by Linux's interface to programs.
const TICKS_PER_SECOND: u64 = 100;

/// One stage's report; a child prints it as its last line.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct StageReport {
    pub name: String,
    pub records: u64,
    /// Of values alone.
    pub input_bytes: u64,
    /// From the stage's start to its end.
    pub wall_ms: u64,
    /// User and system time of the process.
    pub cpu_ms: u64,
    /// Of the process, from its start.
    pub peak_rss_bytes: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub landed: Option<LandedReport>,
}

/// What a worker's job left behind, all of it checked.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct LandedReport {
    /// From the worker's start until the last record was in the log.
    pub appended_ms: u64,
    pub entries: u64,
    pub objects: u64,
    pub object_bytes: u64,
    /// By operation; each attempt counts.
    pub requests: BTreeMap<String, u64>,
    /// The same by their answers: `ok`, or the kind of error. The probe at the start provokes some.
    pub answers: BTreeMap<String, u64>,
    /// As the worker told it, every beat.
    pub open_files_peak: u64,
    /// What the worker charged to its budget at most.
    pub accounted_bytes_peak: u64,
    /// Files by what closed them.
    pub closed_by: BTreeMap<String, u64>,
}

impl LandedReport {
    #[must_use]
    pub fn requests_in_all(&self) -> u64 {
        self.requests.values().sum()
    }
}

/// Begun when the stage begins.
#[derive(Debug)]
pub struct Meter {
    since: Instant,
    cpu_ms: u64,
}

impl Meter {
    pub fn start() -> anyhow::Result<Self> {
        Ok(Self { since: Instant::now(), cpu_ms: cpu_ms()? })
    }

    /// What was spent since.
    pub fn stop(&self, name: &str, records: u64, input_bytes: u64) -> anyhow::Result<StageReport> {
        Ok(StageReport {
            name: name.to_owned(),
            records,
            input_bytes,
            wall_ms: u64::try_from(self.since.elapsed().as_millis())?,
            cpu_ms: cpu_ms()? - self.cpu_ms,
            peak_rss_bytes: peak_rss_bytes()?,
            landed: None,
        })
    }
}

/// User and system time of this process, ended threads included.
fn cpu_ms() -> anyhow::Result<u64> {
    let stat = std::fs::read_to_string("/proc/self/stat").context("/proc/self/stat cannot be read")?;
    cpu_ms_of(&stat).with_context(|| format!("/proc/self/stat is not as expected: {stat}"))
}

fn cpu_ms_of(stat: &str) -> Option<u64> {
    // The second field is the program's name in parentheses, which may hold anything.
    let fields: Vec<&str> = stat.rsplit(')').next()?.split_whitespace().collect();
    let ticks = fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?;
    Some(ticks * 1_000 / TICKS_PER_SECOND)
}

fn peak_rss_bytes() -> anyhow::Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status").context("/proc/self/status cannot be read")?;
    peak_rss_bytes_of(&status).context("/proc/self/status tells no VmHWM")
}

fn peak_rss_bytes_of(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1_024)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_program_name_with_spaces_and_parentheses_does_not_shift_the_fields() {
        let stat = "7 (a ) b) S 1 7 7 0 -1 4194560 10 0 0 0 250 50 9 9 20 0 1 0 5 6 7";
        assert_eq!(cpu_ms_of(stat), Some(3_000));
        assert_eq!(cpu_ms_of("7 (a) S"), None);
    }

    #[test]
    fn peak_memory_is_read_in_bytes() {
        assert_eq!(peak_rss_bytes_of("Name:\tx\nVmHWM:\t    2048 kB\nVmRSS:\t 1 kB\n"), Some(2 << 20));
        assert_eq!(peak_rss_bytes_of("Name:\tx\n"), None);
    }

    #[test]
    fn work_is_seen_in_the_time_of_the_process() {
        let meter = Meter::start().unwrap();
        let mut sum = 0_u64;
        // Until the kernel has counted a tick.
        for n in 0..u64::MAX {
            sum = std::hint::black_box(sum.wrapping_mul(31).wrapping_add(n));
            if n % 1_000_000 == 0 && meter.stop("busy", 0, 0).unwrap().cpu_ms >= 20 {
                break;
            }
        }
        assert!(meter.stop("busy", 0, 0).unwrap().peak_rss_bytes > 100_000);
    }
}
