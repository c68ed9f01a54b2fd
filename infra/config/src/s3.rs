//! How S3 is reached, and the buckets that the operator registered.

use landfall_job::DurationMs;
use landfall_job::names::check_bucket_name;
use landfall_job::reader::{Field, FromNode, Node, Refusal, Refused, Section, Table, nonempty_text};
use serde::Serialize;

use crate::load::Outside;
use crate::secret::{Secret, resolve};

/// How S3 is reached; everything is optional on AWS.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct S3Config {
    /// The region; `None`: from the environment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Another server than AWS, as `http://host:port`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// Buckets in the path, not in the host name.
    pub force_path_style: bool,
    /// Static credentials: id and key, both or none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_key_id: Option<Secret>,
    /// The key of `access_key_id`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_access_key: Option<Secret>,
    /// How long the server keeps an open upload, as the operator knows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upload_lifetime: Option<DurationMs>,
}

/// A bucket that jobs may name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct BucketConfig {
    /// Its region, if not that of `s3`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// A role to assume for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role_arn: Option<String>,
    /// The external id that the role asks for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    /// The account that must own it, 12 digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected_owner: Option<String>,
    /// The KMS key of its objects.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kms_key: Option<String>,
}

pub(crate) static TABLE: Table = Table {
    fields: &[
        Field::optional("region", "AWS region", "from the environment", "the region"),
        Field::optional("endpoint", "`http://host:port`", "AWS", "another server than AWS"),
        Field::preset(
            "force_path_style",
            "`true` or `false`",
            "false",
            "buckets in the path, not in the host name; most other servers want it",
        ),
        Field::optional(
            "access_key_id",
            "text or a reference to a secret",
            "AWS's chain of credentials",
            "static credentials, for servers other than AWS",
        ),
        Field::optional(
            "secret_access_key",
            "a reference to a secret",
            "AWS's chain of credentials",
            "the key of `access_key_id`",
        ),
        Field::optional(
            "upload_lifetime",
            "duration",
            "as the bucket's lifecycle rules say",
            "how long the server keeps an open upload; a server other than AWS may drop it after a day without any rule",
        ),
    ],
    refused: &[Refused::later("session_token"), Refused::later("proxy")],
};

pub(crate) static BUCKET_TABLE: Table = Table {
    fields: &[
        Field::optional("region", "AWS region", "that of `s3`", "its region"),
        Field::optional("role_arn", "ARN of a role", "the process's own role", "a role to assume for it"),
        Field::optional("external_id", "text", "none", "the external id that the role asks for"),
        Field::optional("expected_owner", "12 digits in quotes", "not checked", "the account that must own it"),
        Field::optional(
            "kms_key",
            "id, alias or ARN of a key",
            "the bucket's default",
            "the KMS key of its objects, where a job names none",
        ),
    ],
    refused: &[Refused::later("endpoint")],
};

impl S3Config {
    pub(crate) fn read(mut section: Section<'_>, outside: &Outside<'_>) -> Option<Self> {
        let region = section.read_optional_with("region", region);
        let endpoint = endpoint(&mut section);
        let force_path_style = section.read::<bool>("force_path_style");
        let access_key_id = secret(&mut section, "access_key_id", outside);
        let secret_access_key = secret(&mut section, "secret_access_key", outside);
        let upload_lifetime = section.read_optional_with("upload_lifetime", DurationMs::from_node);
        for (one, other) in [("access_key_id", "secret_access_key"), ("secret_access_key", "access_key_id")] {
            if section.has(one) && !section.has(other) {
                section.conflict(
                    one,
                    &format!("is given without {other}"),
                    "give both, or neither for AWS's chain of credentials",
                );
            }
        }
        section.finish();
        Some(Self {
            region: region?,
            endpoint: endpoint?,
            force_path_style: force_path_style?,
            access_key_id: access_key_id?,
            secret_access_key: secret_access_key?,
            upload_lifetime: upload_lifetime?,
        })
    }
}

impl BucketConfig {
    pub(crate) fn read(name: &str, mut section: Section<'_>) -> Option<Self> {
        if let Err(refusal) = check_bucket_name(name) {
            section.refuse_self(&refusal);
        }
        let region = section.read_optional_with("region", region);
        let role_arn = section.read_optional_with("role_arn", role_arn);
        let external_id = section.read_optional_with("external_id", nonempty_text);
        let expected_owner = section.read_optional_with("expected_owner", landfall_job::spec::account_id);
        let kms_key = section.read_optional_with("kms_key", nonempty_text);
        if section.has("external_id") && !section.has("role_arn") {
            section.conflict("external_id", "has no meaning without role_arn", "name the role, or leave it out");
        }
        section.finish();
        Some(Self {
            region: region?,
            role_arn: role_arn?,
            external_id: external_id?,
            expected_owner: expected_owner?,
            kms_key: kms_key?,
        })
    }
}

/// `Some(None)` where nothing is given, `None` after a mistake was noted; no message repeats the value.
fn secret(section: &mut Section<'_>, name: &'static str, outside: &Outside<'_>) -> Option<Option<Secret>> {
    let Some(node) = section.node(name) else { return Some(None) };
    match resolve(node, outside) {
        Ok(secret) if secret.expose().is_empty() => {
            section.conflict(name, "is empty", "write a value, or leave the key out");
            None
        }
        Ok(secret) => Some(Some(secret)),
        Err(why) => {
            section.conflict(name, &why.problem, &why.fix);
            None
        }
    }
}

fn region(node: &Node) -> Result<String, Refusal> {
    let text = String::from_node(node)?;
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    match (2..=50).contains(&text.len()) && text.chars().all(allowed) {
        true => Ok(text),
        false => Err(Refusal::new("is not a region", "write one such as us-east-1")),
    }
}

fn role_arn(node: &Node) -> Result<String, Refusal> {
    let text = String::from_node(node)?;
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    match parts.as_slice() {
        ["arn", _, "iam", "", account, role] if account.len() == 12 && role.starts_with("role/") => Ok(text),
        _ => Err(Refusal::new("is not the ARN of a role", "write arn:aws:iam::123456789012:role/name")),
    }
}

/// No message repeats the value: a user and a password may stand in it.
fn endpoint(section: &mut Section<'_>) -> Option<Option<String>> {
    let Some(node) = section.node("endpoint") else { return Some(None) };
    match http_address(node) {
        Ok(address) => Some(Some(address)),
        Err(Refusal { problem, fix }) => {
            section.conflict("endpoint", &problem, &fix);
            None
        }
    }
}

fn http_address(node: &Node) -> Result<String, Refusal> {
    const FIX: &str = "write http://host:port or https://host:port and nothing after it";
    let text = String::from_node(node)?;
    let text = text.strip_suffix('/').unwrap_or(&text);
    if text.contains('@') {
        return Err(Refusal::new("holds a user or password", "write access_key_id and secret_access_key instead"));
    }
    let Some(host) = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://")) else {
        return Err(Refusal::new("is not an HTTP address", FIX));
    };
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-._:[]".contains(c);
    match !host.is_empty() && host.chars().all(allowed) {
        true => Ok(text.to_owned()),
        false => Err(Refusal::new("is not an HTTP address without a path", FIX)),
    }
}
