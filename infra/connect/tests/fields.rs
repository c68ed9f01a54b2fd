//! What single keys become: fields of the job, warnings, refusals.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::disallowed_methods)]

mod common;

use common::{
    Config, REMOVED, aiven, confluent, defaults, field, finding, is_idle, is_mapped, job, refused, translated,
};
use landfall_connect::{Plugin, config_definitions, translate};
use landfall_job::JobSpec;
use serde_json::{Value, json};

#[test]
fn a_job_takes_over_where_the_connectors_group_stands() {
    for config in [confluent(&[]), aiven(&[])] {
        let job = job(&config);
        assert_eq!((job.name.as_str(), job.group_id().as_str()), ("sink", "connect-sink"));
        assert_eq!((job.team.as_str(), job.pool.as_str(), job.source.cluster.as_str()), ("ads", "shared", "main"));
        assert_eq!(field(&config, "source.start"), "committed");
        assert_eq!(field(&config, "sink.on_existing_object"), "overwrite");
        assert_eq!(job.max_workers, 1);
    }
    let own = confluent(&[("consumer.override.group.id", "etl")]);
    assert_eq!(job(&own).group_id(), "etl");
}

#[test]
fn keys_become_fields() {
    let time = [
        ("partitioner.class", "io.confluent.connect.storage.partitioner.DailyPartitioner"),
        ("timezone", "Europe/Berlin"),
    ];
    let with = |changes: &[(&str, &str)]| confluent(&[&time[..], changes].concat());
    let table: Vec<(Config, &str, Value)> = vec![
        (confluent(&[("topics", " a , b,a,")]), "source.topics", json!(["a", "b"])),
        (
            confluent(&[("topics", REMOVED), ("topics.regex", "bids-[a-z]+")]),
            "source.topics_regex",
            json!("bids-[a-z]+"),
        ),
        (confluent(&[("tasks.max", "7")]), "max_workers", json!(7)),
        (confluent(&[]), "sink.rotate.records", json!(1000)),
        (confluent(&[("flush.size", "2147483647")]), "sink.rotate.records", json!("never")),
        (confluent(&[]), "sink.rotate.bytes", json!("never")),
        (confluent(&[]), "sink.rotate.idle", json!("never")),
        (confluent(&[]), "sink.rotate.age", json!("1d")),
        (confluent(&[("rotate.schedule.interval.ms", "60000"), ("timezone", "UTC")]), "sink.rotate.age", json!("1m")),
        (confluent(&[("rotate.interval.ms", "60000")]), "sink.rotate.age", json!("1d")),
        (with(&[("rotate.interval.ms", "60000")]), "sink.rotate.age", json!("1m")),
        (with(&[("rotate.interval.ms", "60000")]), "sink.rotate.event_time", json!("never")),
        (
            with(&[("rotate.interval.ms", "60000"), ("rotate.schedule.interval.ms", "30000")]),
            "sink.rotate.age",
            json!("30s"),
        ),
        (
            with(&[("rotate.interval.ms", "3600000"), ("timestamp.extractor", "Record")]),
            "sink.rotate.event_time",
            json!("1h"),
        ),
        (with(&[]), "sink.timestamp.from", json!("wall_clock")),
        (with(&[("timestamp.extractor", "Record")]), "sink.timestamp.from", json!("record")),
        (with(&[("timestamp.extractor", "RecordField")]), "sink.timestamp.path", json!("timestamp")),
        (
            with(&[("timestamp.extractor", "RecordField"), ("timestamp.field", "a.b")]),
            "sink.timestamp.path",
            json!("a.b"),
        ),
        (with(&[]), "sink.time_zone", json!("Europe/Berlin")),
        (confluent(&[("s3.compression.type", "gzip")]), "sink.compression", json!("gzip")),
        (confluent(&[]), "sink.compression", json!("none")),
        (confluent(&[("s3.ssea.name", "AES256")]), "sink.sse.type", json!("AES256")),
        (
            confluent(&[("s3.ssea.name", "aws:kms"), ("s3.sse.kms.key.id", "alias/lake")]),
            "sink.sse.kms_key_id",
            json!("alias/lake"),
        ),
        (confluent(&[("s3.object.tagging.key.value.pairs", "a:b, c:d:e")]), "sink.tags", json!({"a": "b", "c": "d:e"})),
        (confluent(&[]), "decode.null_value", json!("dead_letter")),
        (confluent(&[("behavior.on.null.values", "ignore")]), "decode.null_value", json!("skip")),
        (
            confluent(&[("behavior.on.null.values", "ignore"), ("errors.deadletterqueue.topic.name", "dlq")]),
            "decode.null_value",
            json!("dead_letter"),
        ),
        (
            confluent(&[
                ("behavior.on.null.values", "ignore"),
                ("report.null.values.to.dlq", "false"),
                ("errors.deadletterqueue.topic.name", "dlq"),
            ]),
            "decode.null_value",
            json!("skip"),
        ),
        (confluent(&[]), "dead_letter.max_ratio", json!(0.000_05)),
        (confluent(&[("errors.tolerance", "all")]), "dead_letter.max_ratio", json!(1.0)),
        (confluent(&[("errors.tolerance", "none")]), "dead_letter.max_ratio", json!(0.000_05)),
        (confluent(&[("errors.deadletterqueue.topic.name", "dlq")]), "dead_letter.topic", json!("dlq")),
        (confluent(&[("errors.deadletterqueue.topic.name", "dlq")]), "dead_letter.create", json!(true)),
        (
            confluent(&[("consumer.override.isolation.level", "read_uncommitted")]),
            "source.isolation",
            json!("read_uncommitted"),
        ),
        (confluent(&[("consumer.override.auto.offset.reset", "earliest")]), "source.start", json!("committed")),
        (aiven(&[]), "sink.rotate.age", json!("1m")),
        (aiven(&[]), "sink.rotate.records", json!("never")),
        (aiven(&[("file.max.records", "50")]), "sink.rotate.records", json!(50)),
        (aiven(&[]), "sink.compression", json!("gzip")),
        (aiven(&[("aws.s3.sse.algorithm", "aws:kms")]), "sink.sse.type", json!("aws:kms")),
        (aiven(&[("aws.s3.bucket.name", REMOVED), ("aws_s3_bucket", "old")]), "sink.bucket", json!("old")),
    ];
    for (config, path, expected) in table {
        assert_eq!(field(&config, path), expected, "{path} of {config:?}");
    }
}

#[test]
fn keys_that_ask_for_what_does_not_happen_are_refused() {
    let table = [
        ("connector.class", "com.own.Sink"),
        ("storage.class", "io.confluent.connect.hdfs.HdfsStorage"),
        ("format.class", "io.confluent.connect.s3.format.avro.AvroFormat"),
        ("format.class", "io.confluent.connect.s3.format.parquet.ParquetFormat"),
        ("format.class", "io.confluent.connect.s3.format.bytearray.ByteArrayFormat"),
        ("format.class", "com.own.Format"),
        ("format.class", REMOVED),
        ("flush.size", REMOVED),
        ("flush.size", "0"),
        ("flush.size", "-3"),
        ("flush.size", "many"),
        ("flush.size", "99999999999999999999"),
        ("s3.bucket.name", REMOVED),
        ("s3.bucket.name", "Not A Bucket"),
        ("topics", ""),
        ("topics", "a/b"),
        ("topics.regex", "a.*"),
        ("tasks.max", "0"),
        ("tasks.max", "5000"),
        ("tasks.max", "x"),
        ("rotate.interval.ms", "x"),
        ("rotate.schedule.interval.ms", "999"),
        ("rotate.schedule.interval.ms", "604800000"),
        ("s3.compression.type", "zstd"),
        ("s3.ssea.name", "SSE-C"),
        ("s3.acl.canned", "public-read"),
        ("s3.object.tagging", "true"),
        ("s3.object.tagging.key.value.pairs", "nocolon"),
        ("s3.wan.mode", "true"),
        ("s3.part.size", "big"),
        ("s3.part.size", "99999999999"),
        ("s3.path.style.access.enabled", "maybe"),
        ("s3.proxy.url", "http://u:hunter2@proxy"),
        ("s3.schema.partition.affix.type", "PREFIX"),
        ("store.kafka.keys", "true"),
        ("store.kafka.headers", "true"),
        ("store.url", "http://elsewhere:9000"),
        ("behavior.on.null.values", "write"),
        ("behavior.on.null.values", "explode"),
        ("report.null.values.to.dlq", "perhaps"),
        ("errors.tolerance", "some"),
        ("errors.deadletterqueue.topic.name", "bids"),
        ("errors.deadletterqueue.topic.name", "no/topic"),
        ("append.late.data", "true"),
        ("topics.dir", "${env:DIR}"),
        ("consumer.override.group.id", "${env:GROUP}"),
        ("errors.tolerance", "${env:TOLERANCE}"),
        ("s3.object.tagging.key.value.pairs", "team:${file:/etc/team}"),
        ("value.converter", REMOVED),
        ("value.converter", "io.confluent.connect.avro.AvroConverter"),
        ("value.converter", "io.confluent.connect.protobuf.ProtobufConverter"),
        ("value.converter", "io.confluent.connect.json.JsonSchemaConverter"),
        ("value.converter", "com.own.Converter"),
        ("value.converter.schemas.enable", REMOVED),
        ("value.converter.schemas.enable", "true"),
        ("value.converter.schemas.enable", "2"),
        ("value.converter.schemas.enabled", "false"),
        ("value.converter.schema.registry.url", "http://registry"),
        ("consumer.override.auto.offset.reset", "latest"),
        ("consumer.override.auto.offset.reset", "none"),
        ("consumer.override.isolation.level", "serializable"),
        ("consumer.override.bootstrap.servers", "broker:9092"),
        ("consumer.override.security.protocol", "SSL"),
        ("consumer.override.interceptor.classes", "com.own.Spy"),
        ("consumer.override.max.pol.records", "5"),
        ("producer.override.bootstrap.servers", "broker:9092"),
        ("s3.credentials.provider.class", "com.own.Provider"),
        ("s3.credentials.provider.sts.role.arn", "arn:aws:iam::1:role/r"),
        ("s3.credentials.provider.own.option", "x"),
        ("flush.siz", "3"),
        ("whatever", "x"),
        ("name", "other"),
    ];
    for (key, value) in table {
        let found = refused(&confluent(&[(key, value)]));
        assert!(found.iter().any(|found| found == key), "{key}: {value} is refused, not only {found:?}");
    }
    let table = [
        ("format.output.type", "json"),
        ("format.output.type", "avro"),
        ("format.output.type", "parquet"),
        ("format.output.type", "jsonl"),
        ("format.output.fields", "key,value"),
        ("format.output.fields.value.encoding", "base64"),
        ("format.output.fields.value.encoding", REMOVED),
        ("file.compression.type", "snappy"),
        ("file.max.records", "-1"),
        ("file.name.timestamp.source", "moon"),
        ("file.name.timestamp.timezone", "Mars"),
        ("aws.s3.endpoint", "http://elsewhere"),
        ("aws.sts.role.arn", "arn:aws:iam::1:role/r"),
        ("aws.sts.config.endpoint", "https://sts.eu-west-1.amazonaws.com"),
        ("aws.credentials.provider", "com.own.Provider"),
        ("aws_access_key_id", "AKIA"),
        ("aws_secret_access_key", "s"),
        ("aws.access.key.id", "AKIA"),
        ("s3.bucket.name", "lake"),
    ];
    for (key, value) in table {
        assert!(!refused(&aiven(&[(key, value)])).is_empty(), "{key}: {value}");
    }
}

#[test]
fn json_lines_of_bare_values_are_taken_from_aiven() {
    let config = aiven(&[
        ("value.converter", "org.apache.kafka.connect.json.JsonConverter"),
        ("value.converter.schemas.enable", "false"),
        ("format.output.type", "jsonl"),
        ("format.output.envelope", "false"),
        ("format.output.fields.value.encoding", REMOVED),
    ]);
    assert_eq!(field(&config, "sink.format"), "jsonl");
}

#[test]
fn every_known_key_has_an_answer_at_its_default_and_at_nonsense() {
    for plugin in Plugin::ALL {
        for definition in config_definitions(plugin) {
            let base = if plugin == Plugin::Confluent { confluent(&[]) } else { aiven(&[]) };
            for value in
                [definition.default_value.clone().unwrap_or_default(), "\u{1}nonsense".to_owned(), String::new()]
            {
                let mut config = base.clone();
                config.insert(definition.name.clone(), value.clone());
                let translation = translated(&config);
                for key in config.keys() {
                    finding(&translation, key);
                }
            }
            let mut config = base.clone();
            if let Some(default) = definition.default_value.as_ref().filter(|_| !base.contains_key(&definition.name)) {
                config.insert(definition.name.clone(), default.clone());
                let told = refused(&config);
                let told: Vec<&String> = told.iter().filter(|key| **key == definition.name).collect();
                assert!(told.is_empty(), "{} is refused at its default {default:?}", definition.name);
            }
        }
    }
}

#[test]
fn what_changes_nothing_is_a_warning() {
    let keys = [
        ("s3.region", "eu-central-1"),
        ("s3.part.size", "5242880"),
        ("locale", "de-DE"),
        ("key.converter", "org.apache.kafka.connect.storage.StringConverter"),
        ("key.converter.schemas.enable", "true"),
        ("header.converter", "x"),
        ("errors.log.enable", "true"),
        ("errors.log.include.messages", "true"),
        ("connector.plugin.version", "10.5.0"),
        ("value.converter.plugin.version", "4.1.0"),
        ("consumer.override.metadata.recovery.strategy", "rebootstrap"),
        ("errors.retry.timeout", "1000"),
        ("confluent.license", "abc"),
        ("confluent.topic.bootstrap.servers", "broker:9092"),
        ("store.url", "http://S3.local:9000/"),
        ("parquet.codec", "snappy"),
        ("store.kafka.keys", "false"),
        ("tasks.max.enforce", "true"),
        ("consumer.override.max.poll.records", "500"),
        ("producer.override.linger.ms", "5"),
        ("timestamp.field", "ts"),
        ("partition.duration.ms", "3600000"),
        ("storage.class", "io.confluent.connect.s3.storage.S3Storage"),
        ("transforms", ""),
    ];
    for (key, value) in keys {
        let translation = translated(&confluent(&[(key, value)]));
        let found = finding(&translation, key);
        assert!(is_idle(&found), "{found}");
        assert!(translation.job.is_some(), "{key}");
    }
}

#[test]
fn a_slip_of_the_pen_is_told_with_the_key_that_was_meant() {
    let told = |key: &str| finding(&translated(&confluent(&[(key, "3")])), key).to_string();
    assert!(told("flush.siz").contains("did you mean flush.size?"), "{}", told("flush.siz"));
    assert!(told("topic.dir").contains("did you mean topics.dir?"));
    assert!(told("consumer.override.max.poll.record").contains("did you mean max.poll.records?"));
}

#[test]
fn secrets_are_refused_and_never_repeated() {
    let keys = [
        "aws.secret.access.key",
        "aws.access.key.id",
        "s3.sse.customer.key",
        "s3.proxy.password",
        "consumer.override.sasl.jaas.config",
        "consumer.override.ssl.key.password",
        "producer.override.sasl.jaas.config",
        "confluent.topic.sasl.jaas.config",
        "value.converter.basic.auth.user.info",
        "value.converter.schema.registry.url",
        "value.converter.some.option",
        "consumer.override.some.option",
        "transforms.a.password",
        "my.password",
        "store.url",
        "s3.proxy.url",
    ];
    for key in keys {
        for value in ["http://u:hunter2@h/", "${file:/etc/hunter2:key}", "hunter2"] {
            let config = confluent(&[(key, value)]);
            let translation = translated(&config);
            assert!(refused(&config).iter().any(|refused| refused == key), "{key}");
            let told = serde_json::to_string(&translation).unwrap();
            assert!(!told.contains("hunter2"), "{told}");
        }
    }
}

#[test]
fn what_a_partitioner_sets_for_itself_is_not_taken_from_the_config() {
    let config = confluent(&[
        ("partitioner.class", "io.confluent.connect.storage.partitioner.HourlyPartitioner"),
        ("timezone", "UTC"),
        ("path.format", "'mine'=dd"),
        ("partition.duration.ms", "60000"),
    ]);
    for key in ["path.format", "partition.duration.ms"] {
        assert!(is_idle(&finding(&translated(&config), key)), "{key}");
    }
    assert!(!field(&config, "sink.key").to_string().contains("mine"));
}

#[test]
fn no_config_provider_is_asked() {
    let kms = confluent(&[("s3.ssea.name", "aws:kms"), ("s3.sse.kms.key.id", "${file:/etc/kms:key}")]);
    assert_eq!(refused(&kms), ["s3.sse.kms.key.id"]);
    let told = finding(&translated(&kms), "s3.sse.kms.key.id").to_string();
    assert!(told.contains("config provider") && !told.contains("/etc"), "{told}");
    // What is not needed is not resolved either.
    assert!(refused(&confluent(&[("confluent.license", "${file:/etc/licence:key}")])).is_empty());
}

#[test]
fn an_address_with_a_user_in_it_is_refused_also_where_it_is_not_needed() {
    for (key, value) in [
        ("key.converter.schema.registry.url", "http://user:hunter2@registry:8081"),
        ("confluent.x", "http://user:p/w?hunter2,@registry"),
        ("producer.override.x", "https://registry:8081,https://user:hunter2@other:8081/path"),
    ] {
        let config = confluent(&[(key, value)]);
        assert_eq!(refused(&config), [key]);
        let told = finding(&translated(&config), key).to_string();
        assert!(told.contains("user") && !told.contains("hunter2"), "{told}");
    }
    let plain = confluent(&[("key.converter.schema.registry.url", "http://registry:8081/a?b,http://other")]);
    assert!(refused(&plain).is_empty());
}

#[test]
fn what_the_config_leaves_out_is_told_too() {
    let told = |config: &Config| translated(config).warnings().collect::<Vec<String>>().join("\n");
    let plain = told(&confluent(&[]));
    for word in ["source.isolation: read_committed", "dead_letter.max_ratio: ", "decode.null_value: ", "group is empty"]
    {
        assert!(plain.contains(word), "{word} in {plain}");
    }
    let said = told(&confluent(&[
        ("consumer.override.isolation.level", "read_committed"),
        ("errors.tolerance", "all"),
        ("behavior.on.null.values", "ignore"),
    ]));
    for word in ["source.isolation: ", "dead_letter.max_ratio: ", "decode.null_value: "] {
        assert!(!said.contains(word), "{word} in {said}");
    }
    let fields = told(&confluent(&[
        ("partitioner.class", "io.confluent.connect.storage.partitioner.FieldPartitioner"),
        ("partition.field.name", "shop"),
    ]));
    assert!(fields.contains("__null__") && fields.contains("percent-encoded"), "{fields}");
    assert!(told(&aiven(&[])).contains("offset.flush.interval.ms"));
}

/// Changes of a config, and the key that is refused for them.
type Refused<'a> = (&'a [(&'a str, &'a str)], &'a str);

#[test]
fn a_filter_of_topics_leaves_them_out_of_what_is_read() {
    let filter = |more: &[(&str, &str)]| {
        let all = [
            ("topics", "bids,bids-test,asks"),
            ("transforms", "drop"),
            ("transforms.drop.type", "org.apache.kafka.connect.transforms.Filter"),
            ("transforms.drop.predicate", "p"),
            ("predicates", "p"),
            ("predicates.p.type", "org.apache.kafka.connect.transforms.predicates.TopicNameMatches"),
            ("predicates.p.pattern", ".*-test"),
        ];
        confluent(&[all.as_slice(), more].concat())
    };
    assert_eq!(field(&filter(&[]), "source.topics"), json!(["bids", "asks"]));
    assert_eq!(field(&filter(&[("transforms.drop.negate", "true")]), "source.topics"), json!(["bids-test"]));
    for key in filter(&[]).keys().filter(|key| key.starts_with("transforms") || key.starts_with("predicates")) {
        assert!(is_mapped(&finding(&translated(&filter(&[])), key)), "{key}");
    }
    let pattern = "predicates.p.pattern";
    let table: [Refused<'_>; 5] = [
        (&[(pattern, ".*")], pattern),
        (&[(pattern, "(?i)bids")], pattern),
        (&[(pattern, "")], pattern),
        (&[("topics", REMOVED), ("topics.regex", "bids.*")], pattern),
        (&[("topics", "bids,__internal")], pattern),
    ];
    for (changes, at_fault) in table {
        let told = refused(&filter(changes));
        assert!(told.iter().any(|key| key == at_fault), "{changes:?}: {told:?}");
    }
}

#[test]
fn a_filter_of_tombstones_or_headers_is_a_policy_and_every_other_transform_is_refused_by_name() {
    let filter = |predicate: &str, more: &[(&str, &str)]| {
        let class = format!("org.apache.kafka.connect.transforms.predicates.{predicate}");
        let mut all = vec![
            ("transforms", "drop"),
            ("transforms.drop.type", "org.apache.kafka.connect.transforms.Filter"),
            ("transforms.drop.predicate", "p"),
            ("predicates", "p"),
            ("predicates.p.type", class.as_str()),
        ];
        all.extend_from_slice(more);
        confluent(&all)
    };
    let tombstones = filter("RecordIsTombstone", &[]);
    assert_eq!(field(&tombstones, "decode.null_value"), "skip");
    for key in ["transforms", "transforms.drop.type", "transforms.drop.predicate", "predicates", "predicates.p.type"] {
        assert!(is_mapped(&finding(&translated(&tombstones), key)), "{key}");
    }
    let header = |more: &[(&str, &str)]| filter("HasHeaderKey", &[&[("predicates.p.name", "test")], more].concat());
    let negated = header(&[("transforms.drop.negate", "true")]);
    assert_eq!(field(&header(&[]), "decode.skip_with_header"), json!(["test"]));
    assert_eq!(field(&negated, "decode.skip_without_header"), json!(["test"]));
    for key in negated.keys().filter(|key| key.starts_with("transforms") || key.starts_with("predicates")) {
        assert!(is_mapped(&finding(&translated(&negated), key)), "{key}");
    }
    let nameless = refused(&filter("HasHeaderKey", &[]));
    assert!(nameless.iter().any(|key| key == "predicates.p.name"), "{nameless:?}");
    for (config, word) in [
        (filter("RecordIsTombstone", &[("transforms.drop.negate", "true")]), "RecordIsTombstone"),
        (filter("RecordIsOld", &[("predicates.p.name", "h")]), "RecordIsOld"),
        (filter("TopicNameMatches", &[("predicates.p.pattern", "(?!a)")]), "TopicNameMatches"),
        (filter("RecordIsTombstone", &[("transforms.drop.predicate", REMOVED)]), "without a predicate"),
        (filter("RecordIsTombstone", &[("transforms.drop.type", "com.own.RegexRouter$Value")]), "RegexRouter$Value"),
    ] {
        let told = finding(&translated(&config), "transforms.drop.type").to_string();
        assert!(told.contains(word), "{told}");
        assert!(translated(&config).job.is_none());
        for key in config.keys() {
            finding(&translated(&config), key);
        }
    }
}

#[test]
fn a_name_that_no_job_can_have_is_refused_with_the_way_to_keep_its_group() {
    for name in ["S3-Sink", "", "a/b", "..", "\u{e4}", &"x".repeat(300)] {
        let translation = translate(name, &confluent(&[]), &defaults());
        let told = finding(&translation, "name").to_string();
        assert!(told.contains("consumer.override.group.id"), "{told}");
        assert!(translation.job.is_none());
    }
}

#[test]
fn all_mistakes_are_told_at_once() {
    let config = confluent(&[
        ("flush.size", "0"),
        ("s3.bucket.name", "Bad Bucket"),
        ("tasks.max", "5000"),
        ("nope", "x"),
        ("topics.dir", "a//b"),
        ("aws.secret.access.key", "s"),
    ]);
    let expected = ["aws.secret.access.key", "flush.size", "nope", "s3.bucket.name", "tasks.max", "topics.dir"];
    assert_eq!(refused(&config), expected);
}

#[test]
fn the_document_is_written_as_people_would_write_it() {
    let document = translated(&confluent(&[])).job.unwrap();
    assert!(JobSpec::parse(&document.to_string()).is_ok());
    assert_eq!(document["source"]["group"], "connect-sink");
    assert_eq!(
        document["sink"]["key"],
        "topics/{topic}/partition={partition}/{topic}+{partition}+{first_offset:10}.{ext}"
    );
}
