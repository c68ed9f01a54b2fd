//! Amazon MSK with IAM: what a client shows to the brokers is a request to Amazon's own endpoint that the process's role has
//! signed, good for 15 minutes (AWS, "IAM access control", and the signer libraries it names).
//!
//! Kafka's client asks for a token on threads that must not wait, so one is always kept ready and signed anew long before
//! it runs out.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use aws_config::{Region, SdkConfig};
use aws_credential_types::provider::{ProvideCredentials as _, SharedCredentialsProvider};
use aws_msk_iam_sasl_signer::generate_auth_token_from_credentials_provider as sign;

use crate::PATIENCE;

/// Between two attempts where none succeeded.
const AGAIN: Duration = Duration::from_secs(10);
/// The longest that a token is used, so that credentials which were taken away stop being shown.
const LONGEST: Duration = Duration::from_secs(300);

/// Between two looks at the clock.
const STEP: Duration = Duration::from_secs(1);

/// A token and when it stops being taken, in milliseconds since the epoch.
type Signed = (String, i64);

/// Tokens for the brokers of one region, signed by the process's role.
#[derive(Debug)]
pub struct MskTokens {
    latest: Arc<RwLock<Result<Signed, String>>>,
}

impl MskTokens {
    /// Signs the first token, waiting for the role's credentials at most [`PATIENCE`], and keeps signing until this is
    /// dropped. Must be called within the runtime. Nothing is sent but the question for credentials.
    pub async fn keep(settings: &SdkConfig, region: Option<String>) -> Self {
        let region = region.map(Region::new).or_else(|| settings.region().cloned());
        let latest = Arc::new(RwLock::new(signed(settings, region.clone()).await));
        let (kept, settings) = (Arc::downgrade(&latest), settings.clone());
        tokio::spawn(async move {
            loop {
                let Some(place) = kept.upgrade() else { return };
                let pause = pause(&read(&place), now_ms());
                drop(place);
                // By the clock that tokens live by, which goes on while a function is frozen or a machine asleep, and by one
                // that nobody sets back.
                let (begun, due_ms) = (Instant::now(), now_ms() + i64::try_from(pause.as_millis()).unwrap_or(0));
                while now_ms() < due_ms && begun.elapsed() < pause {
                    tokio::time::sleep(STEP).await;
                }
                let fresh = signed(&settings, region.clone()).await;
                let Some(place) = kept.upgrade() else { return };
                // A token that still holds is better than none.
                if fresh.is_ok() || !holds(&read(&place), now_ms()) {
                    *place.write().unwrap_or_else(PoisonError::into_inner) = fresh;
                }
            }
        });
        Self { latest }
    }

    /// The present token and when it runs out, in milliseconds since the epoch.
    ///
    /// # Errors
    /// There is none that holds, with the reason.
    pub fn latest(&self) -> Result<(String, i64), String> {
        let latest = read(&self.latest);
        match latest {
            Ok(_) if !holds(&latest, now_ms()) => {
                Err("the last token has run out, and none was signed since".to_owned())
            }
            latest => latest,
        }
    }
}

fn read(place: &RwLock<Result<Signed, String>>) -> Result<Signed, String> {
    place.read().unwrap_or_else(PoisonError::into_inner).clone()
}

fn now_ms() -> i64 {
    ms(SystemTime::now())
}

fn ms(at: SystemTime) -> i64 {
    i64::try_from(at.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis()).unwrap_or(i64::MAX)
}

fn holds(latest: &Result<Signed, String>, now_ms: i64) -> bool {
    latest.as_ref().is_ok_and(|(_, expires_at_ms)| *expires_at_ms > now_ms)
}

/// Half of what is left of a token's life, so that several attempts fit into the rest.
fn pause(latest: &Result<Signed, String>, now_ms: i64) -> Duration {
    let Ok((_, expires_at_ms)) = latest else { return AGAIN };
    let half = u64::try_from(expires_at_ms.saturating_sub(now_ms) / 2).unwrap_or(0);
    Duration::from_millis(half).clamp(AGAIN, LONGEST)
}

async fn signed(settings: &SdkConfig, region: Option<Region>) -> Result<Signed, String> {
    let region = region.ok_or("no region to sign for: the brokers' names tell none, set AWS_REGION")?;
    let provider = settings.credentials_provider().ok_or("no credentials of AWS to sign with")?;
    let credentials = match tokio::time::timeout(PATIENCE, provider.provide_credentials()).await {
        Ok(Ok(credentials)) => credentials,
        Ok(Err(error)) => return Err(format!("no credentials of AWS to sign with: {}", crate::in_one_line(&error))),
        Err(_) => return Err("no credentials of AWS came in time".to_owned()),
    };
    // The signature is worth nothing once the session that made it has ended.
    let session_ends_ms = credentials.expiry().map_or(i64::MAX, ms);
    let (token, ends_ms) = sign(region, SharedCredentialsProvider::new(credentials))
        .await
        .map_err(|error| format!("no token could be signed: {}", crate::in_one_line(&error)))?;
    Ok((token, ends_ms.min(session_ends_ms)))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_signed_anew_while_it_holds_and_often_where_there_is_none() {
        let until = |expires_at_ms| Ok(("t".to_owned(), expires_at_ms));
        assert_eq!(pause(&until(900_000), 0), LONGEST);
        assert_eq!(pause(&until(200_000), 0), Duration::from_secs(100));
        assert_eq!(pause(&until(1_000), 0), AGAIN);
        assert_eq!(pause(&until(0), 5), AGAIN);
        assert_eq!(pause(&Err("none".to_owned()), 0), AGAIN);
        assert!(holds(&until(6), 5) && !holds(&until(5), 5) && !holds(&Err(String::new()), 5));
    }
}
