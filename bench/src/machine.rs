//! What the figures were measured on. A field that cannot be found out is "unknown", not a reason to fail.

use serde::Serialize;

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Machine {
    pub at: String,
    pub commit: String,
    pub processor: String,
    pub cores: usize,
    pub memory_bytes: u64,
    pub kernel: String,
    pub version: String,
    pub librdkafka: String,
    /// `release` or `debug`: figures of the latter say nothing.
    pub profile: &'static str,
}

fn read(path: &str) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

fn unless_empty(text: &str) -> String {
    if text.trim().is_empty() { "unknown".to_owned() } else { text.trim().to_owned() }
}

impl Machine {
    pub fn now() -> Self {
        let processors = read("/proc/cpuinfo");
        let processor = processors.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
        let memory = read("/proc/meminfo");
        let memory_kb = memory.lines().find_map(|line| line.strip_prefix("MemTotal:")?.trim().strip_suffix("kB"));
        let commit = std::process::Command::new("git").args(["describe", "--always", "--dirty"]).output();
        Self {
            at: jiff::Timestamp::now().strftime("%Y-%m-%d %H:%M UTC").to_string(),
            commit: commit.map_or_else(|_| "unknown".to_owned(), |o| unless_empty(&String::from_utf8_lossy(&o.stdout))),
            processor: processor.map_or_else(|| "unknown".to_owned(), |(_, name)| unless_empty(name)),
            cores: std::thread::available_parallelism().map_or(0, std::num::NonZero::get),
            memory_bytes: memory_kb.and_then(|kb| kb.trim().parse::<u64>().ok()).unwrap_or(0) * 1_024,
            kernel: unless_empty(&read("/proc/sys/kernel/osrelease")),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            librdkafka: rdkafka::util::get_rdkafka_version().1,
            profile: if cfg!(debug_assertions) { "debug" } else { "release" },
        }
    }
}

/// Load averages over 1, 5 and 15 minutes.
pub fn load() -> String {
    let text = read("/proc/loadavg");
    unless_empty(&text.split(' ').take(3).collect::<Vec<_>>().join(" "))
}
