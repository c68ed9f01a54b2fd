//! Kafka Connect configs where a job document is expected, shown as the job they become.

use landfall_config::{ConnectConfig, FleetConfig};
use landfall_connect::{Config, ConnectDefaults, Translation, translate};
use landfall_job::JobSpec;

use crate::exit::Failure;

/// The job that a config becomes, and what the user should read of it.
pub(crate) fn job(name: &str, config: &Config, fleet: Option<&FleetConfig>) -> Result<(JobSpec, Vec<String>), Failure> {
    let translation = translate(name, config, &defaults(fleet));
    let warnings = translation.warnings().collect();
    let Translation { job: Some(job), .. } = &translation else {
        let errors: Vec<String> = translation.errors().map(ToString::to_string).collect();
        return Err(Failure::Usage(format!("the connector cannot become a job:\n{}", errors.join("\n"))));
    };
    let spec = JobSpec::parse(&job.to_string()).map_err(|errors| Failure::Usage(errors.to_string()))?;
    Ok((spec, warnings))
}

pub(crate) fn defaults(fleet: Option<&FleetConfig>) -> ConnectDefaults {
    let ConnectConfig { cluster, pool, team } = fleet.map(|fleet| fleet.connect.clone()).unwrap_or_default();
    ConnectDefaults { cluster, pool, team, endpoint: fleet.and_then(|fleet| fleet.s3.endpoint.clone()) }
}
