//! `dev`: the arguments; what it does is in the module of its name.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;
use landfall_job::DurationMs;

use crate::cli::duration;
use crate::dev;
use crate::exit::Outcome;
use crate::output::Format;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Where objects and state lie
    #[arg(long, value_name = "DIR", default_value = "./landfall-data")]
    pub(crate) data: PathBuf,
    /// Where the API listens; loopback only
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    pub(crate) listen: SocketAddr,
    /// Events a second
    #[arg(long, value_name = "EVENTS_PER_S", default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) rate: u32,
    /// Generate for so long, land everything, audit, print the tally and end, as 30s
    #[arg(long = "for", value_name = "DURATION", value_parser = duration)]
    pub(crate) limit: Option<DurationMs>,
    /// The share of events that are malformed, 0 to 1
    #[arg(long, value_name = "RATIO", default_value_t = 0.01, value_parser = ratio)]
    pub(crate) malformed: f64,
}

fn ratio(text: &str) -> Result<f64, String> {
    let ratio = text.parse::<f64>().ok().filter(|ratio| (0.0..=1.0).contains(ratio));
    ratio.ok_or_else(|| "is not a ratio; write a number from 0 to 1, such as 0.01".to_owned())
}

pub(crate) async fn run(arguments: Arguments, format: Format) -> Outcome {
    dev::run(&arguments, format).await
}
