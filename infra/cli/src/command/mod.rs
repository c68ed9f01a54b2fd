//! One command a file.

pub(crate) mod audit;
pub(crate) mod completions;
pub(crate) mod ddl;
pub(crate) mod dev;
pub(crate) mod dlq;
pub(crate) mod healthcheck;
pub(crate) mod job;
pub(crate) mod lag;
mod landed;
pub(crate) mod man;
pub(crate) mod plan;
pub(crate) mod run;
pub(crate) mod top;
pub(crate) mod validate;

pub(crate) mod connector;
mod document;
mod status;
pub(crate) mod wait;
mod watch;

use crate::cli::{Cli, Command};
use crate::exit::Outcome;
use crate::output;

/// Runs the command that was asked for.
pub(crate) async fn run(cli: Cli) -> Outcome {
    let format = cli.output;
    match cli.command {
        Command::Dev(arguments) => dev::run(arguments, format).await,
        Command::Run(arguments) => run::run(arguments).await,
        Command::Api(arguments) => run::api(&arguments.config).await,
        Command::Worker(arguments) => run::worker(arguments).await,
        Command::LagLambda(arguments) => run::lag_lambda(arguments).await,
        Command::Job(arguments) => job::run(arguments, format).await,
        Command::Validate(arguments) => validate::run(arguments, format).await,
        Command::Dlq(arguments) => dlq::run(arguments, format).await,
        Command::Ddl(arguments) => ddl::run(arguments).await,
        Command::Top(arguments) => top::run(arguments, format).await,
        Command::Man(arguments) => man::run(&arguments),
        Command::Lag(arguments) => lag::run(arguments, format).await,
        Command::Plan(arguments) => plan::run(arguments, format).await,
        Command::Audit(arguments) => audit::run(arguments, format).await,
        Command::Healthcheck(arguments) => healthcheck::run(arguments).await,
        Command::Completions(arguments) => completions::run(&arguments),
        Command::ConfigReference => Ok(output::print(&landfall_config::config_reference())?),
    }
}
