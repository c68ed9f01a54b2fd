//! The command line: its names are a contract, each command's arguments stand in the command's own file.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use landfall_job::DurationMs;

use crate::command::{audit, completions, ddl, dev, dlq, healthcheck, job, lag, man, plan, run, top, validate};
use crate::logging::Chatter;
use crate::output::Format;

/// Lands Kafka topics in S3 exactly once.
#[derive(Debug, Parser)]
#[command(name = "landfall", version, subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
    /// How data is printed
    #[arg(long, value_enum, default_value_t = Format::Table, global = true)]
    pub(crate) output: Format,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the whole system in one process, on an embedded Kafka and S3, with events of its own
    Dev(dev::Arguments),
    /// Run the API and one worker in one process, or with --scale as many workers as the lag asks for
    Run(run::RunArguments),
    /// Run the API alone
    Api(ConfigArgument),
    /// Run a worker alone
    Worker(run::WorkerArguments),
    /// Decide how many workers each pool needs, as an AWS Lambda function
    LagLambda(run::LambdaArguments),
    /// Create, look at and steer jobs over the HTTP API
    Job(job::Arguments),
    /// Check a job document; with a configuration also against the real cluster and bucket
    Validate(validate::Arguments),
    /// Show how far jobs are behind, partition by partition
    Lag(lag::Arguments),
    /// Show a job's dead letters
    Dlq(dlq::Arguments),
    /// Print the table of a job's objects, for Athena or Glue
    Ddl(ddl::Arguments),
    /// Show all jobs and workers, live
    Top(top::Arguments),
    /// How many workers a pool needs now, and why
    Plan(plan::Arguments),
    /// Prove from log, objects and Kafka's offsets that nothing is missing and nothing is there twice
    Audit(audit::Arguments),
    /// Ask a process on this machine whether it is alive
    Healthcheck(healthcheck::Arguments),
    /// Print the completion script of a shell
    Completions(completions::Arguments),
    /// Write the manual pages into a folder
    Man(man::Arguments),
    /// Print the reference of the configuration and of the job document
    ConfigReference,
}

impl Command {
    /// How much the command logs unless told otherwise.
    pub(crate) fn chatter(&self) -> Chatter {
        match self {
            Self::Run(_) | Self::Api(_) | Self::Worker(_) | Self::LagLambda(_) => Chatter::Server,
            Self::Dev(_) => Chatter::Demo,
            Self::Job(_)
            | Self::Validate(_)
            | Self::Lag(_)
            | Self::Dlq(_)
            | Self::Ddl(_)
            | Self::Top(_)
            | Self::Man(_)
            | Self::Plan(_)
            | Self::Audit(_)
            | Self::Healthcheck(_)
            | Self::Completions(_)
            | Self::ConfigReference => Chatter::OneOff,
        }
    }
}

/// Where the configuration lies, for commands that cannot do without.
#[derive(Debug, Args)]
pub(crate) struct ConfigArgument {
    /// The fleet configuration, YAML or JSON
    #[arg(long, value_name = "FILE", env = "LANDFALL_CONFIG")]
    pub(crate) config: PathBuf,
}

/// A span of time with its unit, as `90s` or `1h30m`.
pub(crate) fn duration(text: &str) -> Result<DurationMs, String> {
    DurationMs::parse(text).map_err(|refusal| format!("{}; {}", refusal.problem, refusal.fix))
}
