//! Signing in with a bearer token (SASL OAUTHBEARER, RFC 7628), which is how Amazon MSK takes a role of IAM.
//!
//! librdkafka asks for a token by an event on the client's queue: at the start, and when four fifths of a token's life
//! are over. A client is given its first token when it is made, since some ask before anybody polls them; the events are
//! answered by whoever polls: rdkafka itself, or `events`.
#![allow(unsafe_code)]

use std::ffi::{CString, c_char};
use std::fmt;
use std::sync::Arc;

use rdkafka::client::OAuthToken;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::{ClientConfig, ClientContext};
use rdkafka_sys as sys;

use crate::connection::Connection;
use crate::context::Context;
use crate::settings::SettingsError;

/// Longer than any message that librdkafka gives.
const MESSAGE_BYTES: usize = 512;

/// What a client shows to the brokers.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    pub value: String,
    /// Whom it stands for; only librdkafka's own log lines show it.
    pub principal: String,
    /// Milliseconds since the epoch at which the brokers stop taking it.
    pub expires_at_ms: i64,
}

/// The value is a secret.
impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token")
            .field("principal", &self.principal)
            .field("expires_at_ms", &self.expires_at_ms)
            .finish_non_exhaustive()
    }
}

/// Where tokens come from. Asked on librdkafka's and on polling threads: it answers at once.
pub trait TokenSource: Send + Sync + fmt::Debug {
    /// # Errors
    /// There is none, with the reason in words; librdkafka asks again after ten seconds.
    fn token(&self) -> Result<Token, String>;
}

/// A consumer, signed in where its context has tokens. Nothing is sent yet.
pub(crate) fn consumer(config: &ClientConfig, context: Context) -> Result<BaseConsumer<Context>, SettingsError> {
    let consumer: BaseConsumer<Context> = config.create_with_context(context).map_err(SettingsError::from_kafka)?;
    sign_in(&consumer);
    Ok(consumer)
}

/// Hands the client the present token, or the reason why there is none.
pub(crate) fn sign_in(consumer: &BaseConsumer<Context>) {
    let client = consumer.client();
    give_token(client.native_ptr(), client.context());
}

/// `client` must be alive for the call.
pub(crate) fn give_token(client: *mut sys::rd_kafka_t, context: &Context) {
    let Some(tokens) = context.tokens() else { return };
    let given = tokens.token().and_then(|token| set(client, &token));
    if given.is_ok() {
        context.token_given();
    }
    if let Err(reason) = given {
        context.no_token(&reason);
        let reason = CString::new(reason.replace('\0', " ")).unwrap_or_default();
        // SAFETY: client and string are alive for the call, which copies the string.
        unsafe { sys::rd_kafka_oauthbearer_set_token_failure(client, reason.as_ptr()) };
    }
}

fn set(client: *mut sys::rd_kafka_t, token: &Token) -> Result<(), String> {
    let no_text = |_| "the token is no text that librdkafka takes".to_owned();
    let value = CString::new(token.value.as_str()).map_err(no_text)?;
    let principal = CString::new(token.principal.as_str()).map_err(no_text)?;
    let mut message: [c_char; MESSAGE_BYTES] = [0; MESSAGE_BYTES];
    // SAFETY: client, strings and buffer are alive for the call, which copies the strings and writes at most the buffer's
    // length into it, ended by NUL; there are no extensions.
    let answer = unsafe {
        sys::rd_kafka_oauthbearer_set_token(
            client,
            value.as_ptr(),
            token.expires_at_ms,
            principal.as_ptr(),
            std::ptr::null_mut(),
            0,
            message.as_mut_ptr(),
            message.len(),
        )
    };
    match crate::events::error_of(answer) {
        None => Ok(()),
        // SAFETY: the buffer holds a text ended by NUL, in any case at its first byte.
        Some(_) => Err(unsafe { crate::events::owned(message.as_ptr()) }),
    }
}

/// Tokens as a [`Connection`] holds them.
pub type Tokens = Arc<dyn TokenSource>;

/// The context of a producer, which rdkafka polls by itself.
#[derive(Debug, Clone)]
pub struct SignedIn(Option<Tokens>);

impl SignedIn {
    #[must_use]
    pub fn by(connection: &Connection) -> Self {
        Self(connection.tokens.clone())
    }
}

impl ClientContext for SignedIn {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn generate_oauth_token(&self, _: Option<&str>) -> Result<OAuthToken, Box<dyn std::error::Error>> {
        present(self.0.as_ref())
    }
}

/// The present token as rdkafka takes it from a context.
pub(crate) fn present(tokens: Option<&Tokens>) -> Result<OAuthToken, Box<dyn std::error::Error>> {
    let token = tokens.ok_or_else(|| "the connection has no source of tokens".to_owned())?.token()?;
    Ok(OAuthToken { token: token.value, principal_name: token.principal, lifetime_ms: token.expires_at_ms })
}
