//! What librdkafka says of its own accord: log lines and client-wide errors, brought to `tracing` and remembered, so
//! that a request that only timed out can say why.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::ClientContext;
use rdkafka::client::OAuthToken;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::statistics::Statistics;

use crate::connection::Connection;
use crate::error::kind_of;
use crate::sasl::{Tokens, present};
use crate::source::SourceErrorKind;

/// The context of every client of this crate.
#[derive(Debug, Clone)]
pub(crate) struct Context {
    client_id: Arc<str>,
    last_error: Arc<Mutex<Option<(RDKafkaErrorCode, String)>>>,
    tokens: Option<Tokens>,
    /// Why there was none when one was asked for last.
    no_token: Arc<Mutex<Option<String>>>,
    said: Arc<Mutex<Said>>,
}

impl Context {
    /// Without tokens.
    pub(crate) fn new(client_id: &str) -> Self {
        Self {
            client_id: client_id.into(),
            last_error: Arc::default(),
            tokens: None,
            no_token: Arc::default(),
            said: Arc::default(),
        }
    }

    pub(crate) fn of(connection: &Connection) -> Self {
        Self { tokens: connection.tokens.clone(), ..Self::new(&connection.client_id) }
    }

    /// The same for another client of the same connection.
    pub(crate) fn named(&self, client_id: &str) -> Self {
        Self { tokens: self.tokens.clone(), ..Self::new(client_id) }
    }

    pub(crate) fn tokens(&self) -> Option<&Tokens> {
        self.tokens.as_ref()
    }

    pub(crate) fn no_token(&self, reason: &str) {
        let mut known = self.no_token.lock().unwrap_or_else(PoisonError::into_inner);
        if known.as_deref() != Some(reason) {
            tracing::warn!(client = &*self.client_id, "no token to sign in with: {}", reason.replace('\n', " "));
            *known = Some(reason.to_owned());
        }
        drop(known);
        self.remember(RDKafkaErrorCode::Authentication, reason);
    }

    /// There is one again: that there was none explains nothing any more.
    pub(crate) fn token_given(&self) {
        let Some(reason) = self.no_token.lock().unwrap_or_else(PoisonError::into_inner).take() else { return };
        self.last_error.lock().unwrap_or_else(PoisonError::into_inner).take_if(|(_, last)| last.contains(&reason));
    }

    /// The last client-wide error since the last call.
    pub(crate) fn take_error(&self) -> Option<(RDKafkaErrorCode, String)> {
        self.last_error.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    pub(crate) fn remember(&self, code: RDKafkaErrorCode, reason: &str) {
        let mut last = self.last_error.lock().unwrap_or_else(PoisonError::into_inner);
        // "All brokers down" follows every refusal and would hide it.
        let hides = kind_of(code) == SourceErrorKind::Transient
            && last.as_ref().is_some_and(|(known, _)| kind_of(*known) == SourceErrorKind::Authentication);
        if !hides {
            *last = Some((code, reason.to_owned()));
        }
    }

    /// One log line of librdkafka; `level` as syslog counts, lower is worse.
    pub(crate) fn log_line(&self, level: i32, facility: &str, line: &str) {
        let client = &*self.client_id;
        match level {
            ..=3 => tracing::error!(target: "librdkafka", client, facility, "{line}"),
            4 => tracing::warn!(target: "librdkafka", client, facility, "{line}"),
            5 | 6 => tracing::info!(target: "librdkafka", client, facility, "{line}"),
            _ => tracing::debug!(target: "librdkafka", client, facility, "{line}"),
        }
    }
}

impl ClientContext for Context {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn log(&self, level: RDKafkaLogLevel, facility: &str, line: &str) {
        self.log_line(level as i32, facility, line);
    }

    fn stats(&self, _: Statistics) {}

    fn stats_raw(&self, _: &[u8]) {}

    fn error(&self, error: KafkaError, reason: &str) {
        if let Some(unsaid) = self.said.lock().unwrap_or_else(PoisonError::into_inner).say(reason, Instant::now()) {
            tracing::warn!(target: "librdkafka", client = &*self.client_id, %error, unsaid, "{reason}");
        }
        if let Some(code) = error.rdkafka_error_code() {
            self.remember(code, reason);
        }
    }

    fn generate_oauth_token(&self, _: Option<&str>) -> Result<OAuthToken, Box<dyn std::error::Error>> {
        let token = present(self.tokens());
        match &token {
            Ok(_) => self.token_given(),
            // librdkafka says it once more, in words around it.
            Err(error) => self.no_token(&error.to_string()),
        }
        token
    }
}

impl ConsumerContext for Context {}

/// What was written into the log lately: while all brokers are away, librdkafka says so many times a second
/// (<https://github.com/confluentinc/librdkafka/issues/5546>).
#[derive(Debug, Default)]
struct Said(HashMap<String, (Instant, u64)>);

impl Said {
    const AGAIN: Duration = Duration::from_secs(60);
    const KEPT: usize = 64;

    /// Whether to say it, and how often it was not said since the last time.
    fn say(&mut self, reason: &str, now: Instant) -> Option<u64> {
        if let Some((at, unsaid)) = self.0.get_mut(reason) {
            if now.saturating_duration_since(*at) < Self::AGAIN {
                *unsaid += 1;
                return None;
            }
            let before = std::mem::take(unsaid);
            *at = now;
            return Some(before);
        }
        if self.0.len() >= Self::KEPT {
            self.0.clear();
        }
        self.0.insert(reason.to_owned(), (now, 0));
        Some(0)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_again_and_again_is_written_once_a_minute_and_counted() {
        let (mut said, start) = (Said::default(), Instant::now());
        let mut say = |reason: &str, second| said.say(reason, start + Duration::from_secs(second));
        assert_eq!((say("2/2 brokers are down", 0), say("1/2 brokers are down", 0)), (Some(0), Some(0)));
        assert_eq!((say("2/2 brokers are down", 1), say("2/2 brokers are down", 59)), (None, None));
        assert_eq!((say("2/2 brokers are down", 60), say("2/2 brokers are down", 61)), (Some(2), None));
        (0..1_000).for_each(|n| assert_eq!(say(&format!("error {n}"), 62), Some(0)));
        assert!(said.0.len() <= Said::KEPT);
    }
}
