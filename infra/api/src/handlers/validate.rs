//! `POST /v1/jobs/validate`: the dry run of a job document, or of the Kafka Connect config that is to become one.

use axum::extract::{Request, State};
use axum::{Extension, Json};
use landfall_job::{FieldError, JobSpec};

use crate::auth::{Principal, Role};
use crate::backend::{BackendError, connector, validate as validation};
use crate::body::{self, Media};
use crate::problem::{Kind, Problem, ProblemField};
use crate::state::ApiState;
use crate::view::{EndView, OriginView, Validation};

/// Checks a document against the real cluster and bucket and changes nothing; that of a job that exists is judged
/// as its replacement.
///
/// A Kafka Connect config (`{"name": ..., "config": {...}}`, or the config with its name in it) is checked key by key and
/// as the job it becomes. Its warnings say which keys are not needed, and where the job differs from the connector.
#[utoipa::path(
    post, path = "/v1/jobs/validate", tag = "jobs",
    request_body(description = "what is to be a job document, JSON or YAML, or a Kafka Connect config, JSON", content((serde_json::Value = "application/json"), (serde_json::Value = "application/yaml"))),
    responses(
        (status = 200, body = Validation, description = "valid or not, and why not"),
        (status = 413, body = Problem, content_type = "application/problem+json"),
        (status = 415, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn validate(
    State(state): State<ApiState>,
    Extension(principal): Extension<Principal>,
    request: Request,
) -> Result<Json<Validation>, Problem> {
    principal.require(Role::Editor)?;
    let text = body::text(request, &[Media::Json, Media::Yaml], state.limits.body_bytes).await?;
    let config = landfall_connect::submitted(&text).transpose();
    let config = config.map_err(|problem| Problem::new(Kind::InvalidRequest, problem))?;
    let (spec, warnings) = match &config {
        Some((name, config)) => connector::read(&state, &principal, name, config).await?,
        None => (JobSpec::parse(&text).map_err(|errors| errors.0), Vec::new()),
    };
    let mut answer = match spec {
        Ok(spec) => checked(&state, &principal, &spec, config.is_some()).await?,
        Err(errors) => invalid(None, errors),
    };
    answer.warnings.splice(0..0, warnings);
    Ok(Json(answer))
}

async fn checked(
    state: &ApiState,
    principal: &Principal,
    spec: &JobSpec,
    connector: bool,
) -> Result<Validation, Problem> {
    let shown = serde_json::to_value(spec).ok();
    match validation::validate(state, principal, spec, connector).await {
        Ok(plan) => Ok(Validation {
            valid: true,
            errors: Vec::new(),
            warnings: plan.warnings,
            spec: shown,
            origins: plan.origins.iter().map(OriginView::from).collect(),
            ends: plan.ends.as_ref().map(|ends| ends.iter().map(EndView::from).collect()),
        }),
        Err(BackendError::CheckFailed(errors) | BackendError::InvalidJob(errors)) => Ok(invalid(shown, errors)),
        Err(other) => Err(other.into()),
    }
}

fn invalid(spec: Option<serde_json::Value>, errors: Vec<FieldError>) -> Validation {
    Validation {
        valid: false,
        errors: errors.into_iter().map(ProblemField::from).collect(),
        warnings: Vec::new(),
        spec,
        origins: Vec::new(),
        ends: None,
    }
}
