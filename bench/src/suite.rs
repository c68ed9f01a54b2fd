//! Stages one after another, each as a process of its own.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, ensure};
use clap::Args;

use crate::generate::Codec;
use crate::machine::{Machine, load};
use crate::measure::StageReport;
use crate::place::Place;
use crate::shape::Shape;
use crate::table::{Results, markdown, rows};

const EVENTS: u64 = 1_000_000;
const PARTITIONS: u32 = 12;
const PATHS: u32 = 996;
const MEMORY_MIB: u64 = 512;

/// What the worker does to a record, without Kafka, S3 and threads: what the rest of a stage is may be told from these.
const ALONE: &[(&str, &[&str])] = &[
    ("alone: check and append", &[]),
    ("alone: the same, name by field", &["--by-campaign"]),
    ("alone: and zstd", &["--compression", "zstd"]),
    ("alone: and gzip", &["--compression", "gzip"]),
    ("alone: Parquet zstd", &["--format", "parquet"]),
];
/// More than fit a chunk, so that nothing is compressed by what it repeats.
const DIFFERENT: &str = "20000";

#[derive(Debug, Clone, Args)]
pub struct AllArgs {
    /// how many events
    #[arg(long, default_value_t = EVENTS)]
    pub events: u64,
    /// what the records are like
    #[arg(long, value_enum, default_value_t)]
    pub shape: Shape,
    /// of the topic
    #[arg(long, default_value_t = PARTITIONS)]
    pub partitions: u32,
    /// how the topic is compressed
    #[arg(long, value_enum, default_value_t)]
    pub codec: Codec,
    /// how many object paths the stages by field write to; 0 leaves them out
    #[arg(long, default_value_t = PATHS)]
    pub paths: u32,
    /// the worker's memory limit, in MiB
    #[arg(long, default_value_t = MEMORY_MIB)]
    pub memory_mib: u64,
    /// a command that lands the same topic by other means; see bench/peer_connect.py. May be given several times
    #[arg(long)]
    pub peer: Vec<String>,
    /// write the table there, as Markdown
    #[arg(long)]
    pub markdown: Option<PathBuf>,
    /// write the figures there, as JSON
    #[arg(long)]
    pub json: Option<PathBuf>,
}

impl Default for AllArgs {
    fn default() -> Self {
        Self {
            events: EVENTS,
            shape: Shape::default(),
            partitions: PARTITIONS,
            codec: Codec::default(),
            paths: PATHS,
            memory_mib: MEMORY_MIB,
            peer: Vec::new(),
            markdown: None,
            json: None,
        }
    }
}

#[derive(Debug, Clone, Args)]
pub struct OpenFilesArgs {
    /// how many files are open at once
    #[arg(long, default_value_t = 1_000)]
    pub files: u32,
    /// how many events
    #[arg(long, default_value_t = EVENTS)]
    pub events: u64,
    /// the worker's memory limit, in MiB
    #[arg(long, default_value_t = MEMORY_MIB)]
    pub memory_mib: u64,
}

pub fn all(place: &Place, args: &AllArgs) -> anyhow::Result<()> {
    let (load_before, machine) = (load(), Machine::now());
    let topic = fresh_topic();
    let events = args.events.to_string();
    let (paths, partitions) = (args.paths.max(1).to_string(), args.partitions.to_string());
    let (shape, codec) = (args.shape.name(), args.codec.name());
    let words = ["generate", "--topic", &topic, "--events", &events, "--paths", &paths, "--partitions", &partitions];
    let generated = stage(place, &[&words[..], &["--shape", shape, "--codec", codec]].concat())?;
    let memory = args.memory_mib.to_string();
    let land: Vec<&str> = vec!["land", "--topic", &topic, "--memory-mib", &memory, "--shape", shape];
    let with = |more: &[&str]| land.iter().copied().chain(more.iter().copied()).map(str::to_owned).collect::<Vec<_>>();
    let read = |what: &str| vec![what.to_owned(), "--topic".to_owned(), topic.clone()];
    let bare = read("bare");
    let plan = vec![
        read("source"),
        with(&["--compression", "none"]),
        with(&["--compression", "zstd"]),
        with(&["--compression", "gzip"]),
        with(&["--format", "parquet"]),
    ];
    let scratch = std::env::temp_dir().join(&topic);
    let by_field = [with(&["--by-campaign", "--scratch", &scratch.to_string_lossy()]), with(&["--by-campaign"])];
    let plan = plan.into_iter().chain(by_field.into_iter().filter(|_| args.paths > 0));
    // The bare loop is short and one run of it varies: it is run before each stage and after the last.
    let plan = plan.flat_map(|words| [bare.clone(), words]).chain([bare.clone()]);

    let mut stages = vec![generated.clone()];
    for words in plan {
        let mut report = stage(place, &words.iter().map(String::as_str).collect::<Vec<_>>())?;
        // What was produced is what every stage took in, whatever it can see of it.
        ensure!(
            report.input_bytes == 0 || report.input_bytes == generated.input_bytes,
            "{}: {} bytes of values, {} were produced",
            report.name,
            report.input_bytes,
            generated.input_bytes
        );
        report.input_bytes = generated.input_bytes;
        stages.push(report);
    }
    for (name, words) in ALONE {
        let words =
            [&["hot", "--name", name, "--records", &events, "--shape", shape, "--different", DIFFERENT], *words];
        stages.push(stage(place, &words.concat())?);
    }
    for command in &args.peer {
        let mut report = peer(place, command, &topic, args.events)?;
        report.input_bytes = generated.input_bytes;
        stages.push(report);
    }
    remove_folder(&scratch);
    let results = Results {
        machine,
        load_before,
        load_after: load(),
        input: format!("{shape} records, {} partitions, topic compressed with {codec}", args.partitions),
        events: args.events,
        event_bytes: generated.input_bytes / args.events.max(1),
        paths: args.paths,
        memory_limit_bytes: args.memory_mib << 20,
        rows: rows(&stages),
    };
    let (table, json) = (markdown(&results), serde_json::to_string_pretty(&results)?);
    if let Some(path) = &args.markdown {
        std::fs::write(path, &table).with_context(|| path.display().to_string())?;
    }
    match &args.json {
        Some(path) => std::fs::write(path, &json).with_context(|| path.display().to_string())?,
        None => println!("{json}\n"),
    }
    println!("{table}");
    Ok(())
}

/// Fails when the worker's memory was not below its limit.
pub fn open_files(place: &Place, args: &OpenFilesArgs) -> anyhow::Result<()> {
    let topic = fresh_topic();
    let (events, files, memory) = (args.events.to_string(), args.files.to_string(), args.memory_mib.to_string());
    stage(place, &["generate", "--topic", &topic, "--events", &events, "--paths", &files])?;
    let report = stage(place, &["land", "--topic", &topic, "--by-campaign", "--memory-mib", &memory])?;
    println!("{}", serde_json::to_string_pretty(&report)?);
    let limit_bytes = args.memory_mib << 20;
    let open = report.landed.as_ref().map_or(0, |landed| landed.open_files_peak);
    ensure!(open >= u64::from(args.files) * 9 / 10, "only {open} of {} files were seen open at once", args.files);
    ensure!(
        report.peak_rss_bytes <= limit_bytes,
        "peak memory of {} MiB is above the limit of {} MiB",
        report.peak_rss_bytes >> 20,
        args.memory_mib
    );
    Ok(())
}

fn fresh_topic() -> String {
    format!("bench-bids-{}", jiff::Timestamp::now().as_millisecond())
}

fn remove_folder(folder: &std::path::Path) {
    if let Err(error) = std::fs::remove_dir_all(folder)
        && error.kind() != std::io::ErrorKind::NotFound
    {
        eprintln!("{} could not be removed: {error}", folder.display());
    }
}

/// Runs somebody else's way of landing the topic.
fn peer(place: &Place, command: &str, topic: &str, records: u64) -> anyhow::Result<StageReport> {
    let mut child = Command::new("sh");
    child.args(["-c", command]).env("LANDFALL_BENCH_TOPIC", topic).env("LANDFALL_BENCH_RECORDS", records.to_string());
    run(place, &mut child, command)
}

/// Runs one stage in a child; it bounds its own time.
fn stage(place: &Place, words: &[&str]) -> anyhow::Result<StageReport> {
    run(place, Command::new(std::env::current_exe()?).args(words), &words.join(" "))
}

fn run(place: &Place, child: &mut Command, what: &str) -> anyhow::Result<StageReport> {
    eprintln!("stage: {what}");
    let output = child.envs(place.environment()).stdin(Stdio::null()).stderr(Stdio::inherit()).output()?;
    ensure!(output.status.success(), "the stage {what} failed: {}", output.status);
    let text = String::from_utf8(output.stdout)?;
    let last = text.lines().last().context("the stage printed no report")?;
    let report: StageReport = serde_json::from_str(last).context("the stage's report")?;
    eprintln!("       {} ms, {} ms CPU, peak {} MiB", report.wall_ms, report.cpu_ms, report.peak_rss_bytes >> 20);
    Ok(report)
}
