//! `audit`: the proof that anyone can ask for.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, anyhow};
use clap::Args;
use landfall_s3::timer::SystemTimer;
use landfall_store::JobStore;

use crate::audit::{self, Target};
use crate::exit::{Failure, Outcome};
use crate::fleet;
use crate::output::{self, Format};

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The job
    job: String,
    /// The fleet configuration, YAML or JSON
    #[arg(long, value_name = "FILE", env = "LANDFALL_CONFIG")]
    config: PathBuf,
    /// Also read every object and count its records
    #[arg(long)]
    deep: bool,
}

pub(crate) async fn run(arguments: Arguments, format: Format) -> Outcome {
    let config = fleet::load(&arguments.config)?;
    let store = fleet::connect_stores(&config).await?;
    let location = fleet::location(&config);
    let jobs = JobStore::new(Arc::clone(&store), location.clone(), Arc::new(SystemTimer));
    let name = &arguments.job;
    // A deleted job keeps its log and its objects, and can be audited.
    let found = jobs.lookup(name).await.context("the job store cannot be read")?;
    let record = found.ok_or_else(|| Failure::NotFound(format!("job {name:?} does not exist")))?.record;
    let cluster = &record.spec.source.cluster;
    let connections = fleet::connections(&config, "audit");
    let connection =
        connections.get(cluster).ok_or_else(|| anyhow!("cluster {cluster} of job {name} is not registered"))?;
    let kafka = fleet::kafka_client(cluster, connection)?;
    let target = Target { store, location, record, kafka, deep: arguments.deep };
    let report = audit::audit(&target).await?;
    output::show(format, &report, || report.told())?;
    if report.clean { Ok(()) } else { Err(Failure::Found) }
}
