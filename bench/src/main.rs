//! The side-by-side with the bare consume loop, on a real Kafka and a real S3 server (`just bench`).
//!
//! Each stage runs as a process of its own, so that CPU time and peak memory are the stage's alone and as the
//! operating system counts them; `all` starts them one after another and prints one table. A stage's last line on
//! standard output is its report as JSON. Sizes are in bytes (MB is 10^6, MiB is 2^20), times in ms.

mod consume;
mod event;
mod generate;
mod hot;
mod land;
mod machine;
mod measure;
mod place;
mod shape;
mod suite;
mod table;
mod tally;

use clap::{Parser, Subcommand};

use crate::measure::StageReport;
use crate::place::Place;

/// Compares landing a topic with only counting it.
#[derive(Debug, Parser)]
#[command(name = "landfall-bench", version)]
struct Cli {
    #[command(flatten)]
    place: Place,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Every stage in turn and one table: what is done without a subcommand.
    All(suite::AllArgs),
    /// A job with a file open for each of many values of a field, without scratch: does memory stay below the limit?
    OpenFiles(suite::OpenFilesArgs),
    /// Fills a topic with made-up records, the same ones each time.
    Generate(generate::GenerateArgs),
    /// The bare loop: librdkafka's consumer, counting.
    Bare(consume::ConsumeArgs),
    /// The worker's source with one copy of each value, and nothing else.
    Source(consume::ConsumeArgs),
    /// A bounded job run by a whole worker in this process.
    Land(land::LandArgs),
    /// The loops that every record goes through, and nothing around them.
    Hot(hot::HotArgs),
}

fn main() -> anyhow::Result<()> {
    // As `landfall` does.
    landfall_worker::allocator::give_memory_back();
    let cli = Cli::parse();
    let place = &cli.place;
    let report: StageReport = match cli.command.unwrap_or_else(|| Command::All(suite::AllArgs::default())) {
        Command::All(args) => return suite::all(place, &args),
        Command::OpenFiles(args) => return suite::open_files(place, &args),
        Command::Generate(args) => generate::generate(place, &args)?,
        Command::Bare(args) => consume::bare(place, &args)?,
        Command::Source(args) => consume::source(place, &args)?,
        Command::Land(args) => land::land(place, &args)?,
        Command::Hot(args) => hot::hot(&args)?,
    };
    println!("{}", serde_json::to_string(&report)?);
    Ok(())
}
