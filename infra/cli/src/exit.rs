//! Exit codes: one place that pairs what went wrong with the number scripts see.

use std::process::ExitCode;

/// Why a command did not end with 0.
#[derive(Debug)]
pub(crate) enum Failure {
    /// It failed.
    Failed(anyhow::Error),
    /// A check found something, which was printed already.
    Found,
    /// The command line or a configuration is wrong; one line an error.
    Usage(String),
    /// What was named does not exist.
    NotFound(String),
    /// A condition was not met in time.
    NotInTime(String),
}

pub(crate) type Outcome = Result<(), Failure>;

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::Failed(error)
    }
}

impl Failure {
    /// For scripts; a contract.
    fn code(&self) -> u8 {
        match self {
            Self::Failed(_) | Self::Found => 1,
            Self::Usage(_) => 2,
            Self::NotFound(_) => 3,
            Self::NotInTime(_) => 4,
        }
    }
}

/// Says on stderr what went wrong and answers the exit code.
pub(crate) fn report(outcome: Outcome) -> ExitCode {
    let Err(failure) = outcome else { return ExitCode::SUCCESS };
    match &failure {
        // The whole chain: the outermost message names the thing, the innermost the cause.
        Failure::Failed(error) => eprintln!("error: {error:#}"),
        Failure::Found => {}
        Failure::Usage(text) | Failure::NotFound(text) | Failure::NotInTime(text) => {
            for line in text.lines() {
                eprintln!("error: {line}");
            }
        }
    }
    ExitCode::from(failure.code())
}
