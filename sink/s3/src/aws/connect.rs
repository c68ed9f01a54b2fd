//! From settings to an SDK client: no retries of its own, no checksum of its own choice, bounded connects.

use std::time::Duration;

use aws_config::sts::AssumeRoleProvider;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{Builder, RequestChecksumCalculation, StalledStreamProtectionConfig};

use super::settings::{AwsSettings, ConnectError, PayloadSigning};

/// A body that moves less than a byte in this time is given up before the request's own limit.
const STALLED_AFTER: Duration = Duration::from_secs(20);

pub(super) struct Connection {
    pub(super) client: Client,
    /// True where bodies stay out of the signature.
    pub(super) unsigned_payload: bool,
}

pub(super) async fn connect(settings: &AwsSettings) -> Result<Connection, ConnectError> {
    validate(settings)?;
    let shared = shared_config(settings).await;
    if shared.region().is_none() {
        return Err(ConnectError::NoRegion);
    }
    let mut builder = Builder::from(&shared)
        .force_path_style(settings.force_path_style)
        .retry_config(RetryConfig::disabled())
        .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
        .stalled_stream_protection(StalledStreamProtectionConfig::enabled().grace_period(STALLED_AFTER).build())
        .timeout_config(connect_timeout(settings));
    if let Some(endpoint) = &settings.endpoint {
        builder = builder.endpoint_url(endpoint);
    }
    if let Some(role) = &settings.role {
        let mut assumed = AssumeRoleProvider::builder(&role.arn).session_name(&role.session);
        if let Some(external_id) = &role.external_id {
            assumed = assumed.external_id(external_id);
        }
        let mut sts = shared.to_builder();
        if let Some(endpoint) = &role.sts_endpoint {
            sts = sts.endpoint_url(endpoint);
        }
        let base = shared.credentials_provider();
        let assumed = assumed.configure(&sts.build());
        builder = match base {
            Some(base) => builder.credentials_provider(assumed.build_from_provider(base).await),
            None => builder.credentials_provider(assumed.build().await),
        };
    }
    let endpoint = settings.endpoint.as_deref().or(shared.endpoint_url());
    let unsigned_payload = match settings.payload_signing {
        PayloadSigning::Auto => endpoint.is_none_or(is_private),
        PayloadSigning::Always => false,
        PayloadSigning::Never => true,
    };
    Ok(Connection { client: Client::from_conf(builder.build()), unsigned_payload })
}

async fn shared_config(settings: &AwsSettings) -> SdkConfig {
    let mut loader = aws_config::defaults(BehaviorVersion::latest()).timeout_config(connect_timeout(settings));
    // With an endpoint of its own the region is only a word in the signature: the chain would ask the network for it.
    let region = settings.region.clone().or_else(|| settings.endpoint.as_ref().map(|_| "us-east-1".to_owned()));
    if let Some(region) = region {
        loader = loader.region(Region::new(region));
    }
    if let Some(fixed) = &settings.credentials {
        loader = loader.credentials_provider(Credentials::new(
            fixed.access_key.clone(),
            fixed.secret_key.clone(),
            None,
            None,
            "landfall-configuration",
        ));
    }
    loader.load().await
}

/// True where nobody between us and the server can change a body.
fn is_private(endpoint: &str) -> bool {
    let Ok(uri) = endpoint.parse::<http::Uri>() else { return false };
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    uri.scheme_str() == Some("https")
        || host == "localhost"
        || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn connect_timeout(settings: &AwsSettings) -> TimeoutConfig {
    TimeoutConfig::builder().connect_timeout(Duration::from_millis(settings.connect_timeout_ms)).build()
}

fn validate(settings: &AwsSettings) -> Result<(), ConnectError> {
    let timeouts = [
        ("connect_timeout_ms", settings.connect_timeout_ms),
        ("operation_timeout_ms", settings.operation_timeout_ms),
        ("transfer_timeout_ms", settings.transfer_timeout_ms),
    ];
    if let Some((name, _)) = timeouts.iter().find(|(_, value)| *value == 0) {
        return Err(ConnectError::ZeroTimeout { name });
    }
    let sts = settings.role.as_ref().and_then(|role| role.sts_endpoint.as_ref());
    for endpoint in settings.endpoint.iter().chain(sts) {
        let uri: Option<http::Uri> = endpoint.parse().ok();
        let usable = uri.is_some_and(|uri| {
            matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some_and(|host| !host.is_empty())
        });
        if !usable {
            return Err(ConnectError::Endpoint { endpoint: endpoint.clone() });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::is_private;

    #[test]
    fn bodies_stay_out_of_the_signature_only_where_nobody_is_in_between() {
        for private in ["https://s3.example.com", "http://127.0.0.1:9000", "http://localhost:1", "http://[::1]:9000"] {
            assert!(is_private(private), "{private}");
        }
        for open in ["http://10.0.0.7:9000", "http://minio:9000", "http://localhost.example.com", "http://127.0.0.1.x"]
        {
            assert!(!is_private(open), "{open}");
        }
    }
}
