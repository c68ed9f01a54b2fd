//! `lag-lambda`: the scaler as an AWS Lambda function, started by a rule every minute. It publishes what it decided, for
//! the scaling policies of the services to act on; a pool with `ecs` in its configuration it sets itself.

use anyhow::Context;
use async_trait::async_trait;
use lambda_runtime::{LambdaEvent, service_fn};
use landfall_aws::{Metrics, Services, Unit, Value};
use landfall_config::{FleetConfig, PoolConfig};
use landfall_lag::Decision;
use serde_json::json;

use super::{Acts, Scaler};
use crate::exit::{Failure, Outcome};
use crate::fleet;

/// Serves invocations until the runtime ends the process.
///
/// # Errors
/// Not started by Lambda, or without a pool; a store or cluster whose settings cannot work.
pub(crate) async fn lag_lambda(config: &FleetConfig, fleet_name: String, namespace: String) -> Outcome {
    if std::env::var_os("AWS_LAMBDA_RUNTIME_API").is_none() {
        let fix = "AWS_LAMBDA_RUNTIME_API is not set: AWS Lambda starts this command; use landfall plan --config FILE \
                   to see what it would decide";
        return Err(Failure::Usage(fix.to_owned()));
    }
    if config.pools.is_empty() {
        let fix =
            "pools is empty: name what is scaled, such as LANDFALL_POOLS__SHARED={\"scaling\": {\"max_workers\": 4}}";
        return Err(Failure::Usage(fix.to_owned()));
    }
    let store = fleet::connect_stores(config).await?;
    let scaler = Scaler::new(config, &store, "lag", config.pools.clone())?;
    let settings = landfall_aws::settings(config.s3.region.clone()).await;
    let cloud = Cloud { metrics: Metrics::new(&settings, namespace, fleet_name), services: Services::new(&settings) };
    let (scaler, cloud) = (&scaler, &cloud);
    let handler = service_fn(move |_: LambdaEvent<serde_json::Value>| async move { answer(scaler, cloud).await });
    lambda_runtime::run(handler)
        .await
        .map_err(|error| Failure::Failed(anyhow::anyhow!("lambda's runtime ended: {error}")))
}

/// An invocation fails when any pool could not be decided about: Lambda counts errors, and an alarm may watch them.
async fn answer(scaler: &Scaler, cloud: &Cloud) -> Result<serde_json::Value, lambda_runtime::Error> {
    let decided = scaler.tick(cloud).await.map_err(|error| {
        tracing::error!(error = format!("{error:#}"), "nothing could be decided");
        format!("{error:#}")
    })?;
    let (mut pools, mut failed) = (Vec::new(), Vec::new());
    for pool in decided {
        match pool {
            Ok(decision) => pools.push(decision),
            Err(error) => {
                tracing::error!(error = format!("{error:#}"), "nothing was done about a pool");
                failed.push(format!("{error:#}"));
            }
        }
    }
    match failed.is_empty() {
        true => Ok(json!({ "pools": pools })),
        false => Err(failed.join("; ").into()),
    }
}

#[derive(Debug)]
struct Cloud {
    metrics: Metrics,
    services: Services,
}

#[async_trait]
impl Acts for Cloud {
    async fn asked(&self, _: &str, config: &PoolConfig) -> anyhow::Result<Option<u32>> {
        match &config.ecs {
            Some(ecs) => Ok(Some(self.services.desired(&ecs.cluster, &ecs.service).await?)),
            None => Ok(None),
        }
    }

    /// Lambda may start an instance beside another at any time; they do not run at once.
    fn not_alone(&self, pool: &str, other: &str) {
        tracing::debug!(pool, other, "another instance decided before");
    }

    async fn act(&self, pool: &str, config: &PoolConfig, decision: &Decision) -> anyhow::Result<()> {
        let published = self.metrics.publish(pool, &values(decision)).await;
        // Said here, as the service may fail too, and an invocation ends with one error.
        if let Err(error) = &published {
            tracing::error!(pool, %error, "the metrics were not published");
        }
        if let Some(ecs) = &config.ecs
            && self.services.desired(&ecs.cluster, &ecs.service).await? != decision.desired
        {
            self.services.set(&ecs.cluster, &ecs.service, decision.desired).await?;
            tracing::info!(pool, desired = decision.desired, service = ecs.service, "the service is set");
        }
        published.context("the metrics were not published")
    }
}

/// What is not known is not told: missing data means that nothing is done.
#[allow(clippy::cast_precision_loss)] // exact up to 2^53
fn values(decision: &Decision) -> Vec<Value> {
    let value = |name, value, unit| Value { name, value, unit };
    let mut values = vec![
        value("DesiredTasks", f64::from(decision.desired), Unit::Count),
        value("LagRecords", decision.lag_records as f64, Unit::Count),
        value("LagSampleAge", decision.sample_age_seconds, Unit::Seconds),
    ];
    values.extend(decision.lag_seconds.map(|seconds| value("LagSeconds", seconds, Unit::Seconds)));
    values
}
