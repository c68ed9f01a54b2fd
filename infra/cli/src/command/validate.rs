//! `validate`: every mistake of a job document, or of the Kafka Connect config that is to become one; with a configuration
//! also against the real cluster and bucket, by the very checks that creating the job would make.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, anyhow};
use axum::body::{Body, to_bytes};
use clap::Args;
use http::{Request, header};
use landfall_api::{HealthState, Problem, Validation, router};
use landfall_job::JobSpec;
use tower::ServiceExt;

use super::connector;
use super::document::FileArgument;
use crate::client::told_field;
use crate::exit::{Failure, Outcome};
use crate::fleet;
use crate::output::{self, Format};

const MAX_ANSWER_BYTES: usize = 16 << 20;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    file: FileArgument,
    /// The fleet configuration: checks clusters and buckets too
    #[arg(long, value_name = "FILE", env = "LANDFALL_CONFIG")]
    config: Option<PathBuf>,
}

pub(crate) async fn run(arguments: Arguments, format: Format) -> Outcome {
    let document = arguments.file.read()?;
    let config = arguments.config.as_deref().map(fleet::load).transpose()?;
    let connector = landfall_connect::submitted(&document).transpose().map_err(Failure::Usage)?;
    let spec = match (&connector, config) {
        // A config is checked as a config: what it does not say means other things than in a document.
        (Some((name, connector)), Some(config)) => {
            connector::job(name, connector, Some(&config))?;
            real_parts(document, config).await?
        }
        (Some((name, connector)), None) => {
            let (spec, warnings) = connector::job(name, connector, None)?;
            warnings.iter().for_each(|warning| eprintln!("warning: {warning}"));
            spec
        }
        (None, config) => {
            let spec = JobSpec::parse(&document).map_err(|errors| Failure::Usage(errors.to_string()))?;
            if let Some(config) = config {
                let document = serde_json::to_string(&spec).context("the document cannot be written as JSON")?;
                real_parts(document, config).await?;
            }
            spec
        }
    };
    let people = output::yaml(&spec)?;
    Ok(output::show(format, &spec, || people)?)
}

/// Asks the API's own code, without a listener. The job as it would be created; mistakes and warnings are told.
async fn real_parts(document: String, mut config: landfall_config::FleetConfig) -> Result<JobSpec, Failure> {
    // Nobody else reaches the API that is asked here.
    config.api.auth = landfall_config::Auth {
        mode: landfall_config::AuthMode::None,
        tokens: Vec::new(),
        tokens_file: None,
        oidc: None,
        alb: None,
    };
    let store = fleet::connect_stores(&config).await?;
    let readiness = fleet::ProcessReadiness::new(Arc::clone(&store), fleet::location(&config), None);
    let health = HealthState::new(fleet::VERSION, Arc::new(readiness), None);
    let api = router(fleet::api_state(&config, &store, health)?);
    let request = Request::post("/v1/jobs/validate")
        .header(header::HOST, "127.0.0.1")
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from(document))
        .context("the check cannot be asked for")?;
    let answer = match api.oneshot(request).await {
        Ok(answer) => answer,
        Err(never) => match never {},
    };
    let status = answer.status();
    let body = to_bytes(answer.into_body(), MAX_ANSWER_BYTES).await.context("the check gave no whole answer")?;
    if !status.is_success() {
        let problem: Problem =
            serde_json::from_slice(&body).with_context(|| format!("the check ended with {status}"))?;
        return Err(anyhow!("{}", problem.detail).into());
    }
    let checked: Validation = serde_json::from_slice(&body).context("the check's answer cannot be read")?;
    for warning in &checked.warnings {
        eprintln!("warning: {warning}");
    }
    if checked.valid {
        let spec = checked.spec.context("the check's answer shows no job")?;
        return JobSpec::parse(&spec.to_string()).map_err(|errors| Failure::Usage(errors.to_string()));
    }
    for error in &checked.errors {
        eprintln!("error: {}", told_field(error));
    }
    Err(Failure::Found)
}
