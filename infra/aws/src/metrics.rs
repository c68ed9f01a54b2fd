//! `CloudWatch` metrics of a pool.

use aws_config::SdkConfig;
use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::types::{Dimension, MetricDatum, StandardUnit};

use crate::{AwsError, failed};

/// What a value counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Records, workers.
    Count,
    /// Seconds.
    Seconds,
}

/// One metric at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Value {
    /// Such as `LagRecords`.
    pub name: &'static str,
    /// Finite.
    pub value: f64,
    /// What it counts.
    pub unit: Unit,
}

/// Publishes under one namespace, with the dimensions Fleet and Pool.
#[derive(Debug, Clone)]
pub struct Metrics {
    client: Client,
    namespace: String,
    fleet: String,
}

impl Metrics {
    /// Nothing is sent yet.
    #[must_use]
    pub fn new(settings: &SdkConfig, namespace: String, fleet: String) -> Self {
        Self { client: Client::new(settings), namespace, fleet }
    }

    /// Sends all values of a pool in one request, so that none is missing beside another.
    ///
    /// # Errors
    /// Refused, or not answered in time.
    pub async fn publish(&self, pool: &str, values: &[Value]) -> Result<(), AwsError> {
        let dimension = |name: &str, value: &str| Dimension::builder().name(name).value(value).build();
        let dimensions = [dimension("Fleet", &self.fleet), dimension("Pool", pool)];
        let data = values.iter().map(|value| {
            let unit = match value.unit {
                Unit::Count => StandardUnit::Count,
                Unit::Seconds => StandardUnit::Seconds,
            };
            MetricDatum::builder()
                .metric_name(value.name)
                .set_dimensions(Some(dimensions.to_vec()))
                .value(value.value)
                .unit(unit)
                .build()
        });
        let request = self.client.put_metric_data().namespace(&self.namespace).set_metric_data(Some(data.collect()));
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error) => Err(failed(format!("PutMetricData of pool {pool} in {}", self.namespace), &error)),
        }
    }
}
