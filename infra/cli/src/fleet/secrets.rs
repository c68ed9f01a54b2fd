//! `${secretsmanager:ARN#key}` of a configuration.

use std::future::Future;

use landfall_aws::Secrets;
use tokio::runtime::Handle;

/// Asks AWS in the region that the ARN names, else in that of the environment.
pub(super) fn read(reference: &str) -> Result<String, String> {
    wait(async {
        let settings = landfall_aws::settings(region(reference)).await;
        Secrets::new(&settings).read(reference).await.map_err(|error| error.to_string())
    })
}

/// Configurations are read once, at the start, by code that does not wait.
pub(super) fn wait<T>(answer: impl Future<Output = T>) -> T {
    tokio::task::block_in_place(|| Handle::current().block_on(answer))
}

fn region(reference: &str) -> Option<String> {
    let mut parts = reference.strip_prefix("arn:")?.split(':');
    parts.nth(2).filter(|region| !region.is_empty()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::region;

    #[test]
    fn the_region_is_that_of_the_arn() {
        let arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:kafka-AbCdEf#password";
        assert_eq!(region(arn).as_deref(), Some("eu-west-1"));
        assert_eq!(region("kafka#password"), None);
    }
}
