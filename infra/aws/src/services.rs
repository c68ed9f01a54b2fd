//! The size of an ECS service.

use aws_config::SdkConfig;
use aws_sdk_ecs::Client;

use crate::{AwsError, failed};

/// Looks at services and sets how many tasks they have.
#[derive(Debug, Clone)]
pub struct Services {
    client: Client,
}

impl Services {
    /// Nothing is sent yet.
    #[must_use]
    pub fn new(settings: &SdkConfig) -> Self {
        Self { client: Client::new(settings) }
    }

    /// How many tasks are asked for now.
    ///
    /// # Errors
    /// Refused, not answered in time, or the service does not exist.
    pub async fn desired(&self, cluster: &str, service: &str) -> Result<u32, AwsError> {
        let request = || format!("DescribeServices of {service} in cluster {cluster}");
        let sent = self.client.describe_services().cluster(cluster).services(service).send().await;
        let answer = sent.map_err(|error| failed(request(), &error))?;
        let found = answer.services().iter().find(|found| found.status() == Some("ACTIVE"));
        match found {
            Some(found) => Ok(u32::try_from(found.desired_count()).unwrap_or(0)),
            None => Err(AwsError::Answer {
                request: request(),
                problem: "there is no active service of that name".to_owned(),
                fix: "mend ecs.cluster and ecs.service of the pool".to_owned(),
            }),
        }
    }

    /// Asks for so many tasks. The service gets there by itself.
    ///
    /// # Errors
    /// Refused, or not answered in time.
    pub async fn set(&self, cluster: &str, service: &str, tasks: u32) -> Result<(), AwsError> {
        let count = i32::try_from(tasks).unwrap_or(i32::MAX);
        let request = self.client.update_service().cluster(cluster).service(service).desired_count(count);
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error) => Err(failed(format!("UpdateService of {service} in cluster {cluster} to {tasks}"), &error)),
        }
    }
}
