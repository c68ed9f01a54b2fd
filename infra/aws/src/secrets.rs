//! Secrets Manager: what a reference such as `ARN#key` stands for.

use aws_config::SdkConfig;
use aws_sdk_secretsmanager::Client;

use crate::{AwsError, failed};

/// Reads secrets.
#[derive(Debug, Clone)]
pub struct Secrets {
    client: Client,
}

impl Secrets {
    /// Nothing is sent yet.
    #[must_use]
    pub fn new(settings: &SdkConfig) -> Self {
        Self { client: Client::new(settings) }
    }

    /// The whole secret, or with `#key` behind its ARN or name one member of a secret that is a JSON object.
    ///
    /// # Errors
    /// Refused, not answered in time, not text, or without that member. The value is in no message.
    pub async fn read(&self, reference: &str) -> Result<String, AwsError> {
        let (id, key) = reference.split_once('#').map_or((reference, None), |(id, key)| (id, Some(key)));
        let request = || format!("GetSecretValue of {id}");
        let sent = self.client.get_secret_value().secret_id(id).send().await;
        let answer = sent.map_err(|error| failed(request(), &error))?;
        let text = answer.secret_string().map(str::to_owned);
        member(text, key).map_err(|(problem, fix)| AwsError::Answer { request: request(), problem, fix })
    }
}

fn member(text: Option<String>, key: Option<&str>) -> Result<String, (String, String)> {
    let Some(text) = text else {
        return Err(("the secret is binary".to_owned(), "keep it as text".to_owned()));
    };
    let Some(key) = key else { return Ok(text) };
    let fix = || format!("keep it as a JSON object with a text under {key:?}");
    match serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(&text) {
        Err(_) => Err(("the secret is no JSON object".to_owned(), fix())),
        Ok(object) => match object.get(key) {
            Some(serde_json::Value::String(value)) => Ok(value.clone()),
            Some(_) => Err((format!("the secret's {key:?} is no text"), fix())),
            None => Err((format!("the secret has no {key:?}"), fix())),
        },
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::member;

    #[test]
    fn a_key_names_a_member_and_no_message_repeats_the_secret() {
        let object = || Some(r#"{"password": "s3cret", "port": 9}"#.to_owned());
        assert_eq!(member(object(), Some("password")).unwrap(), "s3cret");
        assert_eq!(member(object(), None).unwrap(), object().unwrap());
        for (text, key) in [
            (object(), Some("port")),
            (object(), Some("other")),
            (Some("s3cret".to_owned()), Some("password")),
            (None, None),
        ] {
            let (problem, fix) = member(text, key).unwrap_err();
            assert!(!problem.is_empty() && !fix.is_empty());
            assert!(!format!("{problem}{fix}").contains("s3cret"));
        }
    }
}
