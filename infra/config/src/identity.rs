//! Who a JWT's bearer is: the issuer or load balancer that is trusted, and what its claims mean here.

use landfall_job::reader::{Field, FromNode, Node, Refusal, Section, Table, nonempty_text};
use serde::Serialize;

/// The most values a role may list, and the most audiences.
const MAX_VALUES: usize = 100;

/// What the claims of a JWT mean.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ClaimRules {
    /// The claim that tells roles.
    pub role_claim: String,
    /// Its values that make a viewer.
    pub viewer: Vec<String>,
    /// Its values that make an editor.
    pub editor: Vec<String>,
    /// Its values that make an operator.
    pub operator: Vec<String>,
    /// The claim that tells the team; given where anybody may be a viewer or editor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub team_claim: Option<String>,
    /// The claim that tells the name; `None`: `email`, else `sub`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name_claim: Option<String>,
}

/// An OpenID Connect issuer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OidcConfig {
    /// Exactly as in the claim `iss`.
    pub issuer: String,
    /// Any of these must be in the claim `aud`; never empty.
    pub audience: Vec<String>,
    /// Where its keys are; `None`: as its discovery document says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jwks_url: Option<String>,
    /// What its claims mean.
    #[serde(flatten)]
    pub claims: ClaimRules,
}

/// An Application Load Balancer that authenticates users.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AlbConfig {
    /// ARN of the load balancer.
    pub signer: String,
    /// The issuer that it asks, exactly as in its listener rule.
    pub issuer: String,
    /// The client id of its listener rule; `None`: not checked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
    /// Where its public keys are: the key's id is appended as `/<id>`.
    pub keys_url: String,
    /// What its claims mean.
    #[serde(flatten)]
    pub claims: ClaimRules,
}

static ROLES_TABLE: Table = Table {
    fields: &[
        Field::optional("viewer", "list of text", "nobody", "values of the role claim that make a viewer"),
        Field::optional("editor", "list of text", "nobody", "values that make an editor"),
        Field::optional("operator", "list of text", "nobody", "values that make an operator; the highest role counts"),
    ],
    refused: &[],
};

const ROLE_CLAIM: Field = Field::required(
    "role_claim",
    "name of a claim, or names with dots between them",
    "the claim that tells roles: text or a list; `scope` and `scp` are divided at spaces",
);
const ROLES: Field = Field::section("roles", &ROLES_TABLE, "which values of the role claim make which role");
const TEAM_CLAIM: Field = Field::optional(
    "team_claim",
    "name of a claim, or names with dots between them",
    "none",
    "the claim that tells the team; who is no operator and has none is refused",
);
const NAME_CLAIM: Field = Field::optional(
    "name_claim",
    "name of a claim, or names with dots between them",
    "`email`, else `sub`",
    "the claim that tells the name, shown as `changed_by`",
);

pub(crate) static OIDC_TABLE: Table = Table {
    fields: &[
        Field::required("issuer", "https address", "the issuer, exactly as in the claim `iss`"),
        Field::required("audience", "text or a list of text", "any of these must be in the claim `aud`"),
        Field::optional(
            "jwks_url",
            "https address",
            "from the issuer's `/.well-known/openid-configuration`",
            "where the issuer's keys are",
        ),
        ROLE_CLAIM,
        ROLES,
        TEAM_CLAIM,
        NAME_CLAIM,
    ],
    refused: &[],
};

pub(crate) static ALB_TABLE: Table = Table {
    fields: &[
        Field::required("signer", "ARN of an Application Load Balancer", "the load balancer whose word is taken"),
        Field::required("issuer", "https address", "the issuer that it asks, exactly as in its listener rule"),
        Field::optional("client", "text", "not checked", "the client id of its listener rule"),
        Field::optional(
            "keys_url",
            "https address",
            "`https://public-keys.auth.elb.<region>.amazonaws.com`",
            "where its public keys are; must be given outside the partition `aws`",
        ),
        ROLE_CLAIM,
        ROLES,
        TEAM_CLAIM,
        NAME_CLAIM,
    ],
    refused: &[],
};

impl OidcConfig {
    pub(crate) fn read(mut section: Section<'_>) -> Option<Self> {
        let issuer = address(&mut section, "issuer").and_then(|issuer| needed(&section, "issuer", issuer));
        let audience = audience(&mut section);
        let jwks_url = address(&mut section, "jwks_url");
        let claims = ClaimRules::read(&mut section);
        section.finish();
        Some(Self { issuer: issuer?, audience: audience?, jwks_url: jwks_url?, claims: claims? })
    }
}

impl AlbConfig {
    pub(crate) fn read(mut section: Section<'_>) -> Option<Self> {
        let signer = section.read_with("signer", load_balancer);
        let issuer = address(&mut section, "issuer").and_then(|issuer| needed(&section, "issuer", issuer));
        let client = section.read_optional_with("client", nonempty_text);
        let keys_url = match (address(&mut section, "keys_url"), &signer) {
            (Some(None), Some(signer)) => {
                let keys_url = public_keys(signer);
                if keys_url.is_none() {
                    let fix = "write the address that AWS documents for the partition, without the key's id";
                    section.missing("keys_url", fix);
                }
                keys_url
            }
            (given, _) => given.flatten(),
        };
        let claims = ClaimRules::read(&mut section);
        section.finish();
        Some(Self { signer: signer?, issuer: issuer?, client: client?, keys_url: keys_url?, claims: claims? })
    }
}

impl ClaimRules {
    fn read(section: &mut Section<'_>) -> Option<Self> {
        let role_claim = section.read_with("role_claim", nonempty_text);
        let mut roles = section.section("roles");
        let viewer = values(&mut roles, "viewer");
        let editor = values(&mut roles, "editor");
        let operator = values(&mut roles, "operator");
        roles.finish();
        let team_claim = section.read_optional_with("team_claim", nonempty_text);
        let name_claim = section.read_optional_with("name_claim", nonempty_text);
        let (viewer, editor, operator) = (viewer?, editor?, operator?);
        if viewer.is_empty() && editor.is_empty() && operator.is_empty() {
            let fix = "write roles: {editor: [landfall-editors], operator: [landfall-operators]}";
            section.conflict("roles", "gives nobody a role", fix);
        }
        let mut seen = Vec::new();
        for value in viewer.iter().chain(&editor).chain(&operator) {
            if seen.contains(&value) {
                section.conflict("roles", &format!("has the value {value:?} twice"), "give each value one role");
            }
            seen.push(value);
        }
        let anybody_of_a_team = !viewer.is_empty() || !editor.is_empty();
        if anybody_of_a_team && !section.has("team_claim") {
            let problem = "is missing, and viewers and editors are refused without a team";
            section.conflict("team_claim", problem, "name the claim that tells the team");
        }
        Some(Self {
            role_claim: role_claim?,
            viewer,
            editor,
            operator,
            team_claim: team_claim?,
            name_claim: name_claim?,
        })
    }
}

fn values(section: &mut Section<'_>, name: &'static str) -> Option<Vec<String>> {
    let values = section.list_with(name, nonempty_text)?;
    if values.len() > MAX_VALUES {
        section.conflict(name, "is too long", &format!("write at most {MAX_VALUES} values"));
        return None;
    }
    Some(values)
}

fn audience(section: &mut Section<'_>) -> Option<Vec<String>> {
    const FIX: &str = "write the API's audience, or a list of them";
    let node = section.node("audience");
    let items = match node {
        None => {
            section.missing("audience", FIX);
            return None;
        }
        Some(Node::List(items)) => items.as_slice(),
        Some(one) => std::slice::from_ref(one),
    };
    let read = items.iter().map(nonempty_text).collect::<Result<Vec<String>, Refusal>>();
    match (read, node) {
        (Ok(read), _) if !read.is_empty() && read.len() <= MAX_VALUES => Some(read),
        (Ok(_), _) => {
            section.conflict("audience", &format!("is not a list of 1 to {MAX_VALUES} values"), FIX);
            None
        }
        (Err(refusal), Some(node)) => {
            section.refuse("audience", node, refusal);
            None
        }
        (Err(_), None) => None,
    }
}

fn needed(section: &Section<'_>, name: &str, value: Option<String>) -> Option<String> {
    if value.is_none() {
        section.missing(name, "write an https address");
    }
    value
}

/// `Some(None)` where nothing is given, `None` after a mistake was noted; no message repeats the value: a user and a
/// password may stand in it.
fn address(section: &mut Section<'_>, name: &'static str) -> Option<Option<String>> {
    let Some(node) = section.node(name) else { return Some(None) };
    match https_address(node) {
        Ok(address) => Some(Some(address)),
        Err(Refusal { problem, fix }) => {
            section.conflict(name, &problem, &fix);
            None
        }
    }
}

/// Keys and issuers are trusted by their address: only TLS, or this machine, tells that it is theirs.
fn https_address(node: &Node) -> Result<String, Refusal> {
    const FIX: &str = "write https://host/path";
    let text = String::from_node(node)?;
    if text.contains('@') {
        return Err(Refusal::new("holds a user or password", "leave it out; what is fetched there is public"));
    }
    let (rest, tls) = match (text.strip_prefix("https://"), text.strip_prefix("http://")) {
        (Some(rest), _) => (rest, true),
        (None, Some(rest)) => (rest, false),
        (None, None) => return Err(Refusal::new("is not an https address", FIX)),
    };
    let authority = rest.split('/').next().unwrap_or_default();
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-._~:[]/%".contains(c);
    if authority.is_empty() || !rest.chars().all(allowed) || rest.split('/').any(|part| part == "..") {
        return Err(Refusal::new("is not an https address without query", FIX));
    }
    let host = match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    let loopback = host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    match tls || loopback {
        true => Ok(text),
        false => Err(Refusal::new("is not encrypted", "write https://; http:// is for this machine alone")),
    }
}

fn load_balancer(node: &Node) -> Result<String, Refusal> {
    const FIX: &str =
        "write arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app/name/0123456789abcdef";
    let text = String::from_node(node)?;
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    let word =
        |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    match parts.as_slice() {
        ["arn", partition, "elasticloadbalancing", region, account, name]
            if word(partition)
                && word(region)
                && account.len() == 12
                && account.chars().all(|c| c.is_ascii_digit())
                && name.starts_with("loadbalancer/app/") =>
        {
            Ok(text)
        }
        _ => Err(Refusal::new("is not the ARN of an Application Load Balancer", FIX)),
    }
}

/// Where AWS shows the public keys of the load balancer's region.
fn public_keys(signer: &str) -> Option<String> {
    let parts: Vec<&str> = signer.splitn(6, ':').collect();
    match parts.as_slice() {
        ["arn", "aws", _, region, ..] => Some(format!("https://public-keys.auth.elb.{region}.amazonaws.com")),
        _ => None,
    }
}
