//! Who may use the API: the mode, and what each mode needs.

use std::path::PathBuf;

use landfall_job::reader::{Field, Refused, Section, Table};
use landfall_job::word_enum;
use serde::Serialize;

use crate::identity::{ALB_TABLE, AlbConfig, OIDC_TABLE, OidcConfig};
use crate::token::{TOKEN_TABLE, Token, read_tokens};
use crate::worker::absolute_path;

word_enum! {
    /// How callers prove who they are.
    pub enum AuthMode as "an authentication mode" {
        /// Not at all; only on a loopback address.
        None = "none",
        /// By a static token.
        Token = "token",
        /// By a JWT of an OpenID Connect issuer.
        Oidc = "oidc",
        /// By the JWT that an Application Load Balancer adds once it has authenticated the user.
        Alb = "alb",
    }
}

word_enum! {
    /// What a caller may do.
    pub enum Role as "a role" {
        /// See.
        Viewer = "viewer",
        /// See, and change the jobs of the team.
        Editor = "editor",
        /// Everything.
        Operator = "operator",
    }
}

/// Who may use the API. What belongs to another mode than `mode` is empty or `None`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Auth {
    /// How callers prove who they are.
    pub mode: AuthMode,
    /// The tokens that are accepted; with [`AuthMode::Token`] these or `tokens_file` are given.
    pub tokens: Vec<Token>,
    /// A file with more of them, read again when it changes; absolute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens_file: Option<PathBuf>,
    /// The issuer; given exactly for [`AuthMode::Oidc`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oidc: Option<OidcConfig>,
    /// The load balancer; given exactly for [`AuthMode::Alb`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alb: Option<AlbConfig>,
}

pub(crate) static TABLE: Table = Table {
    fields: &[
        Field::preset(
            "mode",
            "`none`, `token`, `oidc` or `alb`",
            "none",
            "how callers prove who they are; `none` only on a loopback address",
        ),
        Field::each("tokens", &TOKEN_TABLE, "the tokens that are accepted"),
        Field::optional(
            "tokens_file",
            "an absolute path",
            "none",
            "a file with a list of tokens as in `tokens`, read again within seconds of a change",
        ),
        Field::section("oidc", &OIDC_TABLE, "the issuer of JWTs, with `mode: oidc`"),
        Field::section("alb", &ALB_TABLE, "the load balancer that authenticates users, with `mode: alb`"),
    ],
    refused: &[Refused { name: "jwt", problem: "is not a known field", fix: "write oidc" }],
};

impl Auth {
    pub(crate) fn read(mut section: Section<'_>) -> Option<Self> {
        let mode = section.read::<AuthMode>("mode");
        let inner = section.sections("tokens");
        let tokens = read_tokens(inner, |problem, fix| section.conflict("tokens", problem, fix));
        let tokens_file = section.read_optional_with("tokens_file", absolute_path);
        // A section of another mode is not read: it is refused as a whole below.
        let inner = section.section("oidc");
        let oidc = if mode == Some(AuthMode::Oidc) { OidcConfig::read(inner).map(Some) } else { Some(None) };
        let inner = section.section("alb");
        let alb = if mode == Some(AuthMode::Alb) { AlbConfig::read(inner).map(Some) } else { Some(None) };
        if let Some(mode) = mode {
            check_belongs(&section, mode);
            let none = tokens.as_ref().is_some_and(Vec::is_empty);
            if mode == AuthMode::Token && none && !section.has("tokens_file") {
                let problem = "is missing, and mode: token accepts nobody without it";
                let fix = "write tokens: [{name: ci, sha256: ..., role: editor}], or tokens_file";
                section.conflict("tokens", problem, fix);
            }
        }
        section.finish();
        Some(Self { mode: mode?, tokens: tokens?, tokens_file: tokens_file?, oidc: oidc?, alb: alb? })
    }
}

/// Refuses what the mode would ignore.
fn check_belongs(section: &Section<'_>, mode: AuthMode) {
    let owners = [
        ("tokens", AuthMode::Token),
        ("tokens_file", AuthMode::Token),
        ("oidc", AuthMode::Oidc),
        ("alb", AuthMode::Alb),
    ];
    for (name, owner) in owners {
        if mode != owner && section.has(name) {
            let problem = format!("has no meaning with mode: {mode}");
            section.conflict(name, &problem, &format!("write mode: {owner}, or leave it out"));
        }
    }
}
