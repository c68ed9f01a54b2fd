//! The one door: a request's head in, a principal or a refusal out.

use std::sync::Arc;

use http::HeaderMap;
use landfall_config::{Auth, AuthMode};

use crate::alb::Alb;
use crate::clock::SharedClock;
use crate::fetch::Fetch;
use crate::file::TokensFile;
use crate::headers::{basic_password, bearer, not_from_elsewhere, only_this_machine};
use crate::oidc::Oidc;
use crate::principal::Principal;
use crate::refused::Refused;
use crate::status::AuthStatus;
use crate::token::{StaticToken, find};

/// Why authentication cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The file of tokens cannot be used.
    #[error("api.auth.tokens_file: {0}")]
    TokensFile(String),
    /// The HTTP client for keys cannot be set up.
    #[error("no HTTP client for keys: {0}")]
    Client(String),
    /// The mode needs a section that is not there.
    #[error("api.auth.{0} is missing")]
    Missing(&'static str),
}

#[derive(Debug)]
enum Way {
    None,
    Tokens(Vec<StaticToken>),
    File(Arc<TokensFile>),
    Oidc(Box<Oidc>),
    Alb(Box<Alb>),
}

/// Tells who asks.
#[derive(Debug)]
pub struct Authenticator {
    way: Way,
}

impl Authenticator {
    /// Mode `none`: everybody on this machine is an operator. The socket must be bound to loopback.
    #[must_use]
    pub fn none() -> Self {
        Self { way: Way::None }
    }

    /// Mode `token` with these alone.
    #[must_use]
    pub fn tokens(tokens: Vec<StaticToken>) -> Self {
        Self { way: Way::Tokens(tokens) }
    }

    /// What the configuration says. Reads the file of tokens, and asks nobody.
    ///
    /// # Errors
    /// The file cannot be used, or TLS cannot be set up.
    pub fn from_config(auth: &Auth, clock: SharedClock) -> Result<Self, SetupError> {
        let fetch = || Fetch::new().map_err(SetupError::Client);
        let way = match auth.mode {
            AuthMode::None => Way::None,
            AuthMode::Token => {
                let fixed = auth.tokens.iter().map(StaticToken::from).collect();
                match &auth.tokens_file {
                    None => Way::Tokens(fixed),
                    Some(path) => {
                        let file = TokensFile::open(path, fixed, clock).map_err(SetupError::TokensFile)?;
                        Way::File(Arc::new(file))
                    }
                }
            }
            AuthMode::Oidc => {
                let config = auth.oidc.as_ref().ok_or(SetupError::Missing("oidc"))?;
                Way::Oidc(Box::new(Oidc::new(config, fetch()?, clock)))
            }
            AuthMode::Alb => {
                let config = auth.alb.as_ref().ok_or(SetupError::Missing("alb"))?;
                Way::Alb(Box::new(Alb::new(config, fetch()?, clock)))
            }
        };
        Ok(Self { way })
    }

    /// The mode's word in the configuration.
    #[must_use]
    pub fn mode(&self) -> &'static str {
        match &self.way {
            Way::None => "none",
            Way::Tokens(_) | Way::File(_) => "token",
            Way::Oidc(_) => "oidc",
            Way::Alb(_) => "alb",
        }
    }

    /// Who sent a request with this head. Needs a tokio runtime; waits at most for two short requests to the issuer.
    ///
    /// # Errors
    /// Nobody who is known, or nobody who may do anything; the kind tells the status of the answer.
    pub async fn authenticate(&self, headers: &HeaderMap) -> Result<Principal, Refused> {
        let answer = match &self.way {
            Way::None => only_this_machine(headers).map(|()| Principal::local()),
            Way::Tokens(tokens) => of_tokens(headers, tokens),
            Way::File(file) => of_tokens(headers, &file.current().await),
            Way::Oidc(oidc) => oidc.principal(headers).await,
            Way::Alb(alb) => alb.principal(headers).await,
        };
        if let Err(refused) = &answer {
            tracing::debug!(mode = self.mode(), kind = ?refused.kind, reason = refused.reason, "a request was refused");
        }
        answer
    }

    /// Fetches the issuer's keys ahead of the first request, so that what is wrong is in the log at the start. Not needed.
    pub async fn warm_up(&self) {
        if let Way::Oidc(oidc) = &self.way {
            oidc.keys.warm_up().await;
        }
    }

    /// How authentication is doing.
    #[must_use]
    pub fn status(&self) -> AuthStatus {
        match &self.way {
            Way::None | Way::Tokens(_) => AuthStatus::default(),
            Way::File(file) => AuthStatus { tokens_file_error: file.error(), ..AuthStatus::default() },
            Way::Oidc(oidc) => oidc.keys.status(),
            Way::Alb(alb) => alb.keys.status(),
        }
    }
}

fn of_tokens(headers: &HeaderMap, tokens: &[StaticToken]) -> Result<Principal, Refused> {
    // Whoever sends a user with it: the token alone says who it is.
    let basic = basic_password(headers)?;
    // Browsers send a password that they know by themselves, whoever's page asks.
    if basic.is_some() {
        not_from_elsewhere(headers)?;
    }
    let token = match &basic {
        Some(token) => token,
        None => bearer(headers)?,
    };
    find(tokens, token).ok_or_else(|| Refused::unauthenticated("send authorization: Bearer <token> with a known token"))
}
