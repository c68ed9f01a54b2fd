//! Keys of Confluent's sink about S3 and what lies in it.

use super::{CREDENTIALS, LATER, LEAVE, OFF, REGISTERED, ROLE, SCHEMALESS, WORKERS};
use crate::definition::KeyType::{Boolean, Class, Int, List, Long, Password, String};
use crate::definition::Preset::{Nothing, Required, Value};
use crate::definition::{Definition as D, Group};

const NO_KEYS: &str = "no files of keys or headers are written";

pub(super) const OBJECTS: Group = Group {
    name: "S3",
    keys: &[
        D::new("s3.bucket.name", String, Required, "The bucket that objects land in."),
        D::new("s3.region", String, Value("us-west-2"), "The bucket's region.").idle(REGISTERED),
        D::new("s3.ssea.name", String, Value(""), "Which keys encrypt objects.").offers(&["AES256", "aws:kms"]),
        D::new("s3.sse.kms.key.id", String, Value(""), "The KMS key, with aws:kms."),
        D::new("s3.sse.customer.key", Password, Nothing, "A key of your own for encryption.").secret(),
        D::new("s3.acl.canned", String, Nothing, "A canned ACL of objects.").only(
            &["private"],
            "objects are private unless the bucket says otherwise",
            LATER,
            "leave it out: buckets own their objects",
        ),
        D::new("s3.object.tagging", Boolean, Value("false"), "Whether objects are tagged with offsets and counts."),
        D::new("s3.object.tagging.key.value.pairs", List, Value(""), "Tags of every object, as key:value pairs."),
        D::new(
            "s3.object.behavior.on.tagging.error",
            String,
            Value("ignore"),
            "Whether a tag that cannot be set is an error.",
        )
        .idle("tags are set with the object itself"),
        D::new("s3.compression.type", String, Value("none"), "How files are compressed.").offers(&["none", "gzip"]),
        D::new("s3.compression.level", Int, Value("-1"), "How hard gzip tries.")
            .idle("it changes the size of files only"),
        D::new("enable.conditional.writes", Boolean, Value("true"), "Whether an object is written only where none is.")
            .idle("the job's log decides which objects are its own"),
    ],
};

pub(super) const CLIENT: Group = Group {
    name: "S3 client",
    keys: &[
        D::new("s3.part.size", Int, Value("26214400"), "Bytes of an upload's part.").idle(WORKERS),
        D::new("s3.part.retries", Int, Value("3"), "How often a request is tried.").idle(WORKERS),
        D::new("s3.retry.backoff.ms", Long, Value("200"), "The first pause between tries.").idle(WORKERS),
        D::new("s3.path.style.access.enabled", Boolean, Value("true"), "Whether the bucket is in the path.")
            .idle(WORKERS),
        D::new(
            "s3.http.send.expect.continue",
            Boolean,
            Value("true"),
            "Whether the server is asked before a body is sent.",
        )
        .idle(WORKERS),
        D::new("s3.send.digest", Boolean, Value("false"), "Whether parts carry a checksum.")
            .idle("parts always carry a checksum"),
        D::new("s3.elastic.buffer.enable", Boolean, Value("false"), "Whether buffers grow as needed.").idle(WORKERS),
        D::new("s3.elastic.buffer.init.capacity", Int, Value("131072"), "What such a buffer begins with.")
            .idle(WORKERS),
        D::new("s3.wan.mode", Boolean, Value("false"), "Whether S3's accelerated endpoint is used.").only(
            &["false"],
            OFF,
            "is not supported yet",
            "leave it out: the operator sets the S3 endpoint",
        ),
        D::new("s3.proxy.url", String, Value(""), "A proxy before S3.").only(
            &[],
            "",
            "is not supported",
            "leave it out: the operator sets how S3 is reached",
        ),
        D::new("s3.proxy.user", String, Nothing, "Its user.").only(
            &[],
            "",
            "is not supported",
            "leave it out: the operator sets how S3 is reached",
        ),
        D::new("s3.proxy.password", Password, Nothing, "Its password.").secret(),
        D::new("aws.access.key.id", Password, Value(""), "Static credentials.").secret(),
        D::new("aws.secret.access.key", Password, Nothing, "Static credentials.").secret(),
        D::new(
            "s3.credentials.provider.class",
            Class,
            Value("com.amazonaws.auth.DefaultAWSCredentialsProviderChain"),
            "Where credentials come from.",
        )
        .only(
            &[
                "com.amazonaws.auth.DefaultAWSCredentialsProviderChain",
                "software.amazon.awssdk.auth.credentials.DefaultCredentialsProvider",
            ],
            "credentials come from where the worker runs, or from the role of a registered bucket",
            "is not supported: a connector may not bring credentials",
            ROLE,
        ),
        D::new("s3.credentials.provider.sts.role.arn", String, Nothing, "A role to assume.").only(
            &[],
            "",
            CREDENTIALS,
            ROLE,
        ),
        D::new("s3.credentials.provider.sts.role.session.name", String, Nothing, "The session's name.").only(
            &[],
            "",
            CREDENTIALS,
            ROLE,
        ),
        D::new("s3.credentials.provider.sts.role.external.id", String, Nothing, "What the role asks for.").only(
            &[],
            "",
            CREDENTIALS,
            ROLE,
        ),
        D::new("s3.credentials.provider.sts.region", String, Value(""), "The region of STS.").only(
            &[],
            "",
            CREDENTIALS,
            ROLE,
        ),
    ],
};

pub(super) const RECORDS: Group = Group {
    name: "Records",
    keys: &[
        D::new("behavior.on.null.values", String, Value("fail"), "What becomes of null values.")
            .offers(&["fail", "ignore"]),
        D::new("report.null.values.to.dlq", Boolean, Value("true"), "Whether ignored null values are dead letters."),
        D::new("tombstone.encoded.partition", String, Value("tombstone"), "The folder of tombstones.")
            .idle("no tombstones are written"),
        D::new("store.kafka.keys", Boolean, Value("false"), "Whether keys get files of their own.").only(
            &["false"],
            OFF,
            LATER,
            "leave it out, or write a job of its own with sink.envelope: [key]",
        ),
        D::new("store.kafka.headers", Boolean, Value("false"), "Whether headers get files of their own.").only(
            &["false"],
            OFF,
            LATER,
            "leave it out, or write a job of its own with sink.envelope: [headers]",
        ),
        D::new(
            "keys.format.class",
            Class,
            Value("io.confluent.connect.s3.format.avro.AvroFormat"),
            "The format of keys.",
        )
        .idle(NO_KEYS),
        D::new(
            "headers.format.class",
            Class,
            Value("io.confluent.connect.s3.format.avro.AvroFormat"),
            "The format of headers.",
        )
        .idle(NO_KEYS),
        D::new("json.decimal.format", String, Value("BASE64"), "How decimals are written.").idle(SCHEMALESS),
        D::new("format.bytearray.extension", String, Value(".bin"), "The suffix of files of bytes.")
            .idle("no files of bytes are written"),
        D::new("format.bytearray.separator", String, Nothing, "What divides records in them.")
            .idle("no files of bytes are written"),
        D::new("s3.schema.partition.affix.type", String, Value("NONE"), "Whether the schema's name is in the path.")
            .only(&["NONE"], OFF, "is not supported: records have no schema", LEAVE),
    ],
};
