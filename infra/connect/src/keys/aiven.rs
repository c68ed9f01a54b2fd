//! Keys of Aiven's sink, with their older spellings.

use super::{CREDENTIALS, REGISTERED, ROLE, WORKERS};
use crate::definition::KeyType::{Boolean, Class, Int, List, Long, Password, String};
use crate::definition::Preset::{Nothing, Value};
use crate::definition::{Definition as D, Group};

const SOURCES: &str = "only a source reads it";

pub(super) const BUCKET: Group = Group {
    name: "AWS",
    keys: &[
        D::new("aws.s3.bucket.name", String, Nothing, "The bucket that objects land in."),
        D::new("aws_s3_bucket", String, Nothing, "Older spelling of aws.s3.bucket.name."),
        D::new("aws.s3.region", String, Value("us-east-1"), "The bucket's region.").idle(REGISTERED),
        D::new("aws_s3_region", String, Nothing, "Older spelling of aws.s3.region.").idle(REGISTERED),
        D::new("aws.s3.endpoint", String, Nothing, "The S3 endpoint, where it is not AWS's."),
        D::new("aws_s3_endpoint", String, Nothing, "Older spelling of aws.s3.endpoint."),
        D::new("aws.s3.sse.algorithm", String, Nothing, "Which keys encrypt objects.").offers(&["AES256", "aws:kms"]),
        D::new("aws.s3.part.size.bytes", Int, Value("5242880"), "Bytes of an upload's part.").idle(WORKERS),
        D::new("aws.s3.backoff.delay.ms", Long, Value("100"), "The first pause between tries.").idle(WORKERS),
        D::new("aws.s3.backoff.max.delay.ms", Long, Value("20000"), "The longest pause between tries.").idle(WORKERS),
        D::new("aws.s3.backoff.max.retries", Int, Value("3"), "How often a request is tried again.").idle(WORKERS),
        D::new("kafka.retry.backoff.ms", Long, Nothing, "The pause before a task tries again.")
            .idle("the worker decides when it tries again"),
        D::new("aws.access.key.id", Password, Nothing, "Static credentials.").secret(),
        D::new("aws_access_key_id", Password, Nothing, "Older spelling of aws.access.key.id.").secret(),
        D::new("aws.secret.access.key", Password, Nothing, "Static credentials.").secret(),
        D::new("aws_secret_access_key", Password, Nothing, "Older spelling of aws.secret.access.key.").secret(),
        D::new(
            "aws.credentials.provider",
            Class,
            Value("com.amazonaws.auth.DefaultAWSCredentialsProviderChain"),
            "Where credentials come from.",
        )
        .only(
            &["com.amazonaws.auth.DefaultAWSCredentialsProviderChain"],
            "credentials come from where the worker runs, or from the role of a registered bucket",
            "is not supported: a connector may not bring credentials",
            ROLE,
        ),
        D::new("aws.sts.role.arn", String, Nothing, "A role to assume.").only(&[], "", CREDENTIALS, ROLE),
        D::new("aws.sts.role.external.id", String, Nothing, "What the role asks for.").only(&[], "", CREDENTIALS, ROLE),
        D::new("aws.sts.role.session.name", String, Nothing, "The session's name.").only(&[], "", CREDENTIALS, ROLE),
        D::new("aws.sts.role.session.duration", Int, Value("3600"), "How long a session lasts.").only(
            &["3600"],
            "no role is assumed by the connector",
            CREDENTIALS,
            ROLE,
        ),
        D::new("aws.sts.config.endpoint", String, Value("https://sts.amazonaws.com"), "The endpoint of STS.").only(
            &["https://sts.amazonaws.com"],
            "no role is assumed by the connector",
            CREDENTIALS,
            ROLE,
        ),
        D::new("aws.s3.fetch.page.size", Int, Value("10"), "How many names a source lists at once.").idle(SOURCES),
        D::new("aws.s3.fetch.buffer.size", Int, Value("1000"), "How many names a source remembers.").idle(SOURCES),
    ],
};

pub(super) const FILE: Group = Group {
    name: "File",
    keys: &[
        D::new("file.name.template", String, Nothing, "The whole name of objects, as a template."),
        D::new("file.name.prefix", String, Value(""), "What stands before the name."),
        D::new("file.prefix.template", String, Nothing, "What stands before the name, as a template."),
        D::new("aws.s3.prefix.template", String, Nothing, "Another spelling of file.prefix.template."),
        D::new("aws.s3.prefix", String, Nothing, "What stands before a name with the offset in twenty digits."),
        D::new("aws_s3_prefix", String, Nothing, "Older spelling of aws.s3.prefix."),
        D::new("file.name.timestamp.timezone", String, Value("Z"), "The zone of times in names."),
        D::new("timestamp.timezone", String, Nothing, "Older spelling of file.name.timestamp.timezone."),
        D::new("file.name.timestamp.source", String, Value("WALLCLOCK"), "Whose time is in names.")
            .offers(&["wallclock", "event"]),
        D::new("timestamp.source", String, Nothing, "Older spelling of file.name.timestamp.source."),
        D::new("file.max.records", Int, Value("0"), "How many records a file holds; 0 sets no bound."),
        D::new("file.compression.type", String, Value("gzip"), "How files are compressed.")
            .offers(&["none", "gzip", "zstd"]),
        D::new("output_compression", String, Nothing, "Older spelling of file.compression.type."),
    ],
};

pub(super) const FORMAT: Group = Group {
    name: "Format",
    keys: &[
        D::new("format.output.type", String, Value("csv"), "What a file is.").offers(&["csv", "jsonl"]),
        D::new("format.output.fields", List, Value("value"), "What of a record lands.").offers(&["value"]),
        D::new("output_fields", List, Nothing, "Older spelling of format.output.fields."),
        D::new("format.output.fields.value.encoding", String, Value("base64"), "How values are encoded in CSV.")
            .offers(&["none"]),
        D::new("format.output.envelope", Boolean, Value("true"), "Whether a single field is wrapped in an object."),
    ],
};
