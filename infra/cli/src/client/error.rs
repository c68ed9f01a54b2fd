//! Why the API did not do as asked, and what that means for the exit code.

use landfall_api::Problem;

use crate::exit::Failure;

#[derive(Debug, thiserror::Error)]
pub(crate) enum ClientError {
    #[error("--api {address:?} is no address of an API; write one such as http://127.0.0.1:8080")]
    Address { address: String },
    #[error("the client cannot be made: {message}")]
    Setup { message: String },
    #[error("the api at {address} cannot be reached: {message}; start it with landfall run, or name it with --api")]
    Unreachable { address: String, message: String },
    #[error("{address} answers {status} and does not look like a landfall api: {body}")]
    NotOurs { address: String, status: u16, body: String },
    #[error("{0}")]
    Problem(Box<Problem>),
}

impl ClientError {
    /// True when the job does not exist.
    pub(crate) fn not_found(&self) -> bool {
        matches!(self, Self::Problem(problem) if problem.status == 404)
    }

    fn slug(&self) -> &str {
        match self {
            Self::Problem(problem) => problem.kind_uri.rsplit('/').next().unwrap_or_default(),
            Self::Address { .. } | Self::Setup { .. } | Self::Unreachable { .. } | Self::NotOurs { .. } => "",
        }
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        match &error {
            ClientError::Address { .. } | ClientError::Setup { .. } => Self::Usage(error.to_string()),
            ClientError::Problem(problem) if error.not_found() => Self::NotFound(problem.detail.clone()),
            ClientError::Problem(problem) => {
                let text = told(problem);
                // The document itself is wrong; what does not fit the cluster or bucket is a finding.
                if matches!(error.slug(), "invalid-job" | "invalid-request") {
                    Self::Usage(text)
                } else {
                    Self::Failed(anyhow::Error::msg(text))
                }
            }
            ClientError::Unreachable { .. } | ClientError::NotOurs { .. } => Self::Failed(error.into()),
        }
    }
}

/// Title and detail, then one line a field.
fn told(problem: &Problem) -> String {
    let mut lines = match problem.errors.is_empty() {
        true => vec![format!("{} ({})", problem.detail, problem.title)],
        false => vec![problem.title.to_string()],
    };
    lines.extend(problem.errors.iter().map(field));
    lines.join("\n")
}

/// `sink.rotate.bytes: "12 parsecs" is not a size; write a number of bytes`.
pub(crate) fn field(error: &landfall_api::ProblemField) -> String {
    let value = error.value.as_ref().map(|value| format!("{value} ")).unwrap_or_default();
    let fix = if error.fix.is_empty() { String::new() } else { format!("; {}", error.fix) };
    format!("{}: {value}{}{fix}", error.field, error.problem)
}
