//! Static tokens, known only by their hashes: in the configuration and in a file of their own.

use landfall_job::reader::{Field, Node, Problems, Refused, Section, Table, parse_text};
use landfall_job::{FieldError, FieldErrors};
use serde::Serialize;

use crate::api::plain;
use crate::auth::Role;

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

pub(crate) static TOKEN_TABLE: Table = Table {
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

impl Token {
    /// Reads a file of tokens: a list in YAML or JSON, each entry as in `api.auth.tokens`.
    ///
    /// # Errors
    /// Every mistake found. No message repeats what may be a token.
    pub fn parse_list(text: &str) -> Result<Vec<Self>, FieldErrors> {
        let problems = Problems::default();
        let tokens = match parse_text(text, &problems) {
            Ok(Node::List(items)) => {
                let at = |(at, item)| Section::at(format!("[{at}]"), Some(item), &TOKEN_TABLE, &problems);
                let sections = items.iter().enumerate().map(at).collect();
                let fields = &problems;
                read_tokens(sections, |problem, fix| fields.add(FieldError::new("document", problem, fix)))
            }
            Ok(other) => {
                let fix = "write a list, such as [{name: ci, sha256: ..., role: editor}]; [] is nobody";
                problems.add(FieldError::new("document", format!("is {}", other.kind()), fix));
                None
            }
            Err(error) => {
                problems.add(error);
                None
            }
        };
        tokens.filter(|_| problems.is_empty()).ok_or_else(|| FieldErrors(problems.into_vec()))
    }
}

/// Reads tokens and tells, as (problem, fix), which name or token is there twice.
pub(crate) fn read_tokens(sections: Vec<Section<'_>>, twice: impl Fn(&str, &str)) -> Option<Vec<Token>> {
    let tokens: Option<Vec<Token>> = sections.into_iter().map(read_token).collect::<Vec<_>>().into_iter().collect();
    for (at, token) in tokens.iter().flatten().enumerate() {
        let earlier = || tokens.iter().flatten().take(at);
        if earlier().any(|other| other.name == token.name) {
            twice(&format!("has the name {} twice", token.name), "name each token once");
        }
        if earlier().any(|other| other.sha256 == token.sha256) {
            twice(&format!("has the token of {} twice", token.name), "give each holder a token of its own");
        }
    }
    tokens
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
