//! The HTTP API: where it listens and who may use it.

use std::net::SocketAddr;

use landfall_job::names::check_plain_name;
use landfall_job::reader::{Field, FromNode, Node, Refusal, Refused, Section, Table};
use landfall_job::word_enum;
use serde::Serialize;

word_enum! {
    /// How callers prove who they are.
    pub enum AuthMode as "an authentication mode" {
        /// Not at all; only on a loopback address.
        None = "none",
        /// By one of the configured tokens.
        Token = "token",
    }
    later { "oidc", "jwt", "alb" }
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

/// A caller's token, known only by its hash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Token {
    /// Whose it is, for the log.
    pub name: String,
    /// SHA-256 of the token.
    #[serde(serialize_with = "as_hex")]
    pub sha256: [u8; 32],
    /// What its holder may do.
    pub role: Role,
    /// The team whose jobs it may touch; `None` is every team, and so it is for an operator.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub team: Option<String>,
}

/// Who may use the API. `tokens` is empty exactly for [`AuthMode::None`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Auth {
    /// How callers prove who they are.
    pub mode: AuthMode,
    /// The tokens that are accepted.
    pub tokens: Vec<Token>,
}

/// The HTTP API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ApiConfig {
    /// Where it listens.
    pub listen: SocketAddr,
    /// Who may use it.
    pub auth: Auth,
}

static TOKEN_TABLE: Table = Table {
    fields: &[
        Field::required("name", "name", "whose token it is, for the log"),
        Field::required(
            "sha256",
            "64 hexadecimal digits",
            "SHA-256 of the token, as `printf %s TOKEN | sha256sum` prints it",
        ),
        Field::required("role", "`viewer`, `editor` or `operator`", "what its holder may do"),
        Field::optional(
            "team",
            "name",
            "every team",
            "the team whose jobs it may touch; an operator's token names none",
        ),
    ],
    refused: &[Refused { name: "token", problem: "is a secret", fix: "write its SHA-256 as sha256" }],
};

static AUTH_TABLE: Table = Table {
    fields: &[
        Field::preset(
            "mode",
            "`none` or `token`",
            "none",
            "how callers prove who they are; `none` only on a loopback address",
        ),
        Field::each("tokens", &TOKEN_TABLE, "the tokens that are accepted"),
    ],
    refused: &[Refused::later("oidc"), Refused::later("alb")],
};

pub(crate) static TABLE: Table = Table {
    fields: &[
        Field::preset("listen", "address:port", "127.0.0.1:8080", "where the API listens"),
        Field::section("auth", &AUTH_TABLE, "who may use the API"),
    ],
    refused: &[Refused::later("tls"), Refused::later("cors")],
};

impl ApiConfig {
    pub(crate) fn read(mut section: Section<'_>) -> Option<Self> {
        let listen = section.read_with("listen", listen_address);
        let auth = read_auth(section.section("auth"));
        if let (Some(listen), Some(auth)) = (&listen, &auth)
            && auth.mode == AuthMode::None
            && !listen.ip().is_loopback()
        {
            let problem = format!("is none while api.listen is {listen}, which others can reach");
            section.conflict("auth.mode", &problem, "write mode: token with tokens, or listen on 127.0.0.1");
        }
        section.finish();
        Some(Self { listen: listen?, auth: auth? })
    }
}

fn read_auth(mut section: Section<'_>) -> Option<Auth> {
    let mode = section.read::<AuthMode>("mode");
    let tokens: Vec<Option<Token>> = section.sections("tokens").into_iter().map(read_token).collect();
    let tokens = tokens.into_iter().collect::<Option<Vec<Token>>>();
    match (mode, &tokens) {
        (Some(AuthMode::Token), Some(tokens)) if tokens.is_empty() => {
            let problem = "is missing, and mode: token accepts nobody without it";
            section.conflict("tokens", problem, "write tokens: [{name: ci, sha256: ..., role: editor}]");
        }
        (Some(AuthMode::None), _) if section.has("tokens") => {
            section.conflict("tokens", "has no meaning with mode: none", "write mode: token, or leave it out");
        }
        _ => {}
    }
    for (at, token) in tokens.iter().flatten().enumerate() {
        let earlier = || tokens.iter().flatten().take(at);
        if earlier().any(|other| other.name == token.name) {
            section.conflict("tokens", &format!("has the name {} twice", token.name), "name each token once");
        }
        if earlier().any(|other| other.sha256 == token.sha256) {
            section.conflict(
                "tokens",
                &format!("has the token of {} twice", token.name),
                "give each holder a token of its own",
            );
        }
    }
    section.finish();
    Some(Auth { mode: mode?, tokens: tokens? })
}

fn read_token(mut section: Section<'_>) -> Option<Token> {
    let name = section.read_with("name", plain);
    let sha256 = match section.node("sha256") {
        None => {
            section.missing("sha256", "write the token's SHA-256, as printf %s TOKEN | sha256sum prints it");
            None
        }
        Some(node) => {
            let hash = hash(node);
            if hash.is_none() {
                // The value is not repeated: somebody may have written the token itself.
                section.conflict(
                    "sha256",
                    "is not a SHA-256",
                    "write the 64 hexadecimal digits that printf %s TOKEN | sha256sum prints",
                );
            }
            hash
        }
    };
    let role = section.read::<Role>("role");
    let team = section.read_optional_with("team", plain);
    if role == Some(Role::Operator) && section.has("team") {
        // Kept, it would promise a bound that there is none of.
        let problem = "has no meaning with role: operator, which may touch the jobs of every team";
        section.conflict("team", problem, "leave it out, or write role: editor");
    }
    section.finish();
    Some(Token { name: name?, sha256: sha256?, role: role?, team: team? })
}

pub(crate) fn plain(node: &Node) -> Result<String, Refusal> {
    let name = String::from_node(node)?;
    check_plain_name(&name).map(|()| name)
}

/// An address with a port; a name would need a resolver, and could mean several.
pub(crate) fn listen_address(node: &Node) -> Result<SocketAddr, Refusal> {
    let text = String::from_node(node)?;
    text.parse()
        .map_err(|_| Refusal::new("is not an address with a port", "write 127.0.0.1:8080, 0.0.0.0:8080 or [::1]:8080"))
}

fn hash(node: &Node) -> Option<[u8; 32]> {
    let Node::Text(text) = node else { return None };
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    let mut bytes = [0; 32];
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * at..2 * at + 2)?, 16).ok().filter(|_| !text.contains('+'))?;
    }
    Some(bytes)
}

fn as_hex<S: serde::Serializer>(bytes: &[u8; 32], serializer: S) -> Result<S::Ok, S::Error> {
    let digits: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    serializer.serialize_str(&digits.concat())
}
