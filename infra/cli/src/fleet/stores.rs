//! The object stores of a fleet: one by default, one for each registered bucket that differs.
//!
//! Each is counted closest to the wire, so that every attempt counts, and retried above that. `RetryingStore` repeats
//! reads and unconditional PUTs only; a conditional PUT, a part and a Complete pass through once, as the commit protocol
//! repeats them itself. Its own patience is short: whoever waits longer says so in the job's `waiting_for`.

use std::collections::BTreeMap;
use std::sync::Arc;

use landfall_config::{BucketConfig, FleetConfig, S3Config};
use landfall_s3::aws::{AssumeRole, AwsSettings, AwsStore, ConnectError, StaticCredentials};
use landfall_s3::metered::MeteredStore;
use landfall_s3::retry::{Backoff, RetryPolicy, RetryingStore};
use landfall_s3::router::StoreRouter;
use landfall_s3::store::SharedStore;

use super::kms::KmsStore;
use crate::exit::Failure;

const RETRIES: RetryPolicy =
    RetryPolicy { backoff: Backoff { base_ms: 50, cap_ms: 1_000 }, max_attempts: 4, max_wait_ms: 2_000 };

/// Connects nothing yet: clients are made, and settings that can never work are refused.
///
/// # Errors
/// Settings that cannot be used, by their field.
pub(crate) async fn connect(config: &FleetConfig) -> Result<SharedStore, Failure> {
    let base = base(&config.s3);
    let default = wrapped(base.clone()).await.map_err(|error| Failure::Usage(format!("s3: {error}")))?;
    let mut by_bucket: BTreeMap<String, SharedStore> = BTreeMap::new();
    for (name, bucket) in &config.buckets {
        let refused = |error: ConnectError| Failure::Usage(format!("buckets.{name}: {error}"));
        let store = wrapped(of_bucket(&base, bucket)).await.map_err(refused)?;
        let store = match &bucket.kms_key {
            Some(key) => Arc::new(KmsStore::new(store, key.clone())),
            None => store,
        };
        by_bucket.insert(name.clone(), store);
    }
    Ok(Arc::new(StoreRouter::new(default, by_bucket)))
}

async fn wrapped(settings: AwsSettings) -> Result<SharedStore, ConnectError> {
    // Boxed: the SDK's chain of credentials makes a future that is too large for every one around it.
    let store = MeteredStore::new(Box::pin(AwsStore::connect(settings)).await?);
    Ok(Arc::new(RetryingStore::new(store, RETRIES)))
}

fn base(s3: &S3Config) -> AwsSettings {
    let credentials = s3.access_key_id.as_ref().zip(s3.secret_access_key.as_ref());
    AwsSettings {
        region: s3.region.clone(),
        endpoint: s3.endpoint.clone(),
        force_path_style: s3.force_path_style,
        credentials: credentials.map(|(id, key)| StaticCredentials {
            access_key: id.expose().to_owned(),
            secret_key: key.expose().to_owned(),
        }),
        ..AwsSettings::default()
    }
}

fn of_bucket(base: &AwsSettings, bucket: &BucketConfig) -> AwsSettings {
    AwsSettings {
        region: bucket.region.clone().or_else(|| base.region.clone()),
        role: bucket.role_arn.as_ref().map(|arn| AssumeRole {
            arn: arn.clone(),
            external_id: bucket.external_id.clone(),
            session: "landfall".to_owned(),
            // A server other than AWS has its STS where its S3 is.
            sts_endpoint: base.endpoint.clone(),
        }),
        expected_bucket_owner: bucket.expected_owner.clone(),
        ..base.clone()
    }
}

#[cfg(test)]
mod tests {
    use landfall_config::{BucketConfig, S3Config, Secret};

    use super::{base, of_bucket};

    #[test]
    fn a_bucket_takes_what_it_names_and_the_rest_from_s3() {
        let s3 = S3Config {
            upload_lifetime: None,
            region: Some("eu-west-1".into()),
            endpoint: Some("http://127.0.0.1:9000".into()),
            force_path_style: true,
            access_key_id: Some(Secret::new("id")),
            secret_access_key: Some(Secret::new("key")),
        };
        let bucket = BucketConfig {
            role_arn: Some("arn:aws:iam::123456789012:role/lake".into()),
            expected_owner: Some("123456789012".into()),
            ..BucketConfig::default()
        };
        let settings = of_bucket(&base(&s3), &bucket);
        assert_eq!(settings.region.as_deref(), Some("eu-west-1"));
        assert_eq!(settings.expected_bucket_owner.as_deref(), Some("123456789012"));
        assert_eq!(settings.role.map(|role| role.arn), bucket.role_arn);
        assert!(settings.force_path_style && settings.credentials.is_some());
        let moved = BucketConfig { region: Some("us-east-1".into()), ..BucketConfig::default() };
        assert_eq!(of_bucket(&base(&s3), &moved).region.as_deref(), Some("us-east-1"));
    }
}
