//! Options of S3 objects, and labels and tags.

use serde::Serialize;

use crate::reader::{Field, FromNode, Node, Refusal, Section, Table, nonempty_text};

crate::word_enum! {
    /// An S3 storage class.
    pub enum StorageClass as "a storage class" {
        /// The default of S3.
        Standard = "STANDARD",
        /// Infrequent access.
        StandardIa = "STANDARD_IA",
        /// Infrequent access in one zone.
        OnezoneIa = "ONEZONE_IA",
        /// Moved by S3 as it is used.
        IntelligentTiering = "INTELLIGENT_TIERING",
        /// Archive with instant retrieval.
        GlacierIr = "GLACIER_IR",
        /// Archive.
        Glacier = "GLACIER",
        /// Deep archive.
        DeepArchive = "DEEP_ARCHIVE",
        /// Fewer copies; of old.
        ReducedRedundancy = "REDUCED_REDUNDANCY",
    }
    later { "EXPRESS_ONEZONE", "OUTPOSTS", "SNOW" }
}

crate::word_enum! {
    /// Which keys encrypt the objects.
    pub enum SseType as "a kind of encryption" {
        /// Keys of S3 (SSE-S3).
        Aes256 = "AES256",
        /// Keys of KMS (SSE-KMS).
        AwsKms = "aws:kms",
    }
    later { "aws:kms:dsse", "SSE-C" }
}

/// Encryption at rest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Sse {
    /// Which keys.
    #[serde(rename = "type")]
    pub kind: SseType,
    /// The KMS key; `None` is the account's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kms_key_id: Option<String>,
}

pub(super) static SSE_TABLE: Table = Table {
    fields: &[
        Field::required("type", "AES256 or aws:kms", "which keys encrypt the objects"),
        Field::optional(
            "kms_key_id",
            "id, alias or ARN of a key",
            "the account's own key",
            "the KMS key, with `aws:kms`",
        ),
    ],
    refused: &[],
};

impl Sse {
    /// `Some(None)` where no encryption is asked for, `None` after a mistake was noted.
    pub(super) fn read(sink: &mut Section<'_>) -> Option<Option<Self>> {
        let mut section = sink.section("sse");
        if !sink.has("sse") {
            return Some(None);
        }
        let kind = section.read::<SseType>("type");
        let kms_key_id = section.read_optional_with("kms_key_id", nonempty_text);
        if kind == Some(SseType::Aes256) && section.has("kms_key_id") {
            section.conflict("kms_key_id", "has no meaning with type: AES256", "write type: aws:kms, or leave it out");
        }
        section.finish();
        Some(Some(Self { kind: kind?, kms_key_id: kms_key_id? }))
    }
}

/// The number of an AWS account.
///
/// # Errors
/// The value is not 12 digits in quotes.
pub fn account_id(node: &Node) -> Result<String, Refusal> {
    let fix = "write the 12 digits of an account in quotes, such as \"123456789012\"";
    let Node::Text(text) = node else { return Err(Refusal::new(format!("is {}", node.kind()), fix)) };
    match text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        true => Ok(text.clone()),
        false => Err(Refusal::new("is not an account", fix)),
    }
}

pub(super) fn label(key: &str, value: &Node) -> Result<String, Refusal> {
    sized(key, value, 128, 1_024, "label")
}

/// An object tag by S3's rule.
pub(super) fn tag(key: &str, value: &Node) -> Result<String, Refusal> {
    let text = sized(key, value, 128, 256, "tag")?;
    let allowed = |c: char| c.is_alphanumeric() || " +-=._:/@".contains(c);
    if !key.chars().chain(text.chars()).all(allowed) {
        return Err(Refusal::new("is not a tag", "use letters, digits, spaces and + - = . _ : / @"));
    }
    match key.starts_with("aws:") {
        true => Err(Refusal::new("has a key that AWS keeps to itself", "begin the key with something but aws:")),
        false => Ok(text),
    }
}

fn sized(key: &str, value: &Node, key_chars: usize, value_chars: usize, what: &str) -> Result<String, Refusal> {
    let text = String::from_node(value)?;
    match (1..=key_chars).contains(&key.chars().count()) && text.chars().count() <= value_chars {
        true => Ok(text),
        false => {
            let fix = format!("a key has 1 to {key_chars} characters, a value at most {value_chars}");
            Err(Refusal::new(format!("is not a {what}"), fix))
        }
    }
}
