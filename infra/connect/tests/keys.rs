//! Names of objects as the sinks write them, rendered by the renderer that workers use.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::disallowed_methods)]

mod common;

use common::{Config, REMOVED, aiven, confluent, job, refused};
use landfall_format::{NoHeaders, Plan, Record, Scratch, Verdict, accept, finish_key};

const P: &str = "io.confluent.connect.storage.partitioner.";
/// 2026-01-01T03:30:05Z: another day, month and year in New York, and already noon in Auckland's summer.
const AT_MS: i64 = 1_767_238_205_000;
/// 2026-06-15T12:00:00Z.
const NOW_MS: i64 = 1_781_524_800_000;

/// The key of a file whose first record is the one of offset 42 in partition 3, at [`AT_MS`].
fn key_at(config: &Config, offset: i64) -> String {
    key_of(config, offset, AT_MS)
}

fn key_of(config: &Config, offset: i64, at_ms: i64) -> String {
    let plan = Plan::compile(&job(config)).unwrap();
    let value = format!(
        r#"{{"shop":"s1","n":7,"ok":true,"none":null,"geo":{{"cc":"de"}},"ts":{AT_MS},"text":"a b","timestamp":{at_ms}}}"#
    );
    let record = Record {
        cluster: "main",
        topic: "bids",
        partition: 3,
        offset,
        timestamp_ms: at_ms,
        key: Some(b"k"),
        value: Some(value.as_bytes()),
        headers: &NoHeaders,
    };
    let mut scratch = Scratch::new(&plan);
    let verdict = accept(&plan, &mut scratch, &record, NOW_MS);
    assert!(matches!(verdict, Verdict::Route { .. }), "{verdict:?}");
    finish_key(scratch.group_key(), offset, "u").unwrap()
}

fn key(config: &Config) -> String {
    key_at(config, 42)
}

fn partitioned(class: &str, changes: &[(&str, &str)]) -> Config {
    let class = format!("{P}{class}");
    let mut all = vec![("partitioner.class", class.as_str()), ("locale", "en-US")];
    all.extend_from_slice(changes);
    confluent(&all)
}

#[test]
fn the_default_partitioner_names_objects_as_confluent_does() {
    let gzip = ("s3.compression.type", "gzip");
    let table: &[(&[(&str, &str)], &str)] = &[
        (&[], "topics/bids/partition=3/bids+3+0000000042.json"),
        (&[gzip], "topics/bids/partition=3/bids+3+0000000042.json.gz"),
        (&[("s3.compression.type", "none")], "topics/bids/partition=3/bids+3+0000000042.json"),
        (&[("topics.dir", "lake/raw")], "lake/raw/bids/partition=3/bids+3+0000000042.json"),
        (&[("topics.dir", "")], "bids/partition=3/bids+3+0000000042.json"),
        (&[("filename.offset.zero.pad.width", "1")], "topics/bids/partition=3/bids+3+42.json"),
        (&[("filename.offset.zero.pad.width", "20")], "topics/bids/partition=3/bids+3+00000000000000000042.json"),
        (&[("file.delim", "-")], "topics/bids/partition=3/bids-3-0000000042.json"),
        (&[("file.delim", "="), gzip], "topics/bids/partition=3/bids=3=0000000042.json.gz"),
    ];
    for (changes, expected) in table {
        assert_eq!(key(&confluent(changes)), *expected, "{changes:?}");
    }
    assert_eq!(key_at(&confluent(&[]), 12_345_678_901), "topics/bids/partition=3/bids+3+12345678901.json");
}

#[test]
fn the_field_partitioner_names_folders_by_fields() {
    let table = [
        ("shop", "shop=s1"),
        ("shop,n,ok", "shop=s1/n=7/ok=true"),
        ("geo.cc", "geo.cc=de"),
        ("text", "text=a%20b"),
        ("none, absent", "none=__null__/absent=__null__"),
    ];
    for (fields, expected) in table {
        let config = partitioned("FieldPartitioner", &[("partition.field.name", fields)]);
        assert_eq!(key(&config), format!("topics/bids/{expected}/bids+3+0000000042.json"), "{fields}");
    }
}

#[test]
fn times_name_folders_by_pattern_zone_and_duration() {
    let daily = "'year'=YYYY/'month'=MM/'day'=dd";
    let hour = "3600000";
    let day = "86400000";
    let table = [
        (daily, day, "UTC", "year=2026/month=01/day=01"),
        (daily, day, "America/New_York", "year=2025/month=12/day=31"),
        (daily, day, "Pacific/Auckland", "year=2026/month=01/day=01"),
        ("'dt'=yyyy-MM-dd/'hour'=HH", hour, "UTC", "dt=2026-01-01/hour=03"),
        ("'dt'=yyyy-MM-dd/'hour'=HH", hour, "America/New_York", "dt=2025-12-31/hour=22"),
        ("'dt'=yyyy-MM-dd/'hour'=HH", hour, "Asia/Kolkata", "dt=2026-01-01/hour=09"),
        ("'dt'=yyyy-MM-dd/'hour'=HH", hour, "Asia/Kathmandu", "dt=2026-01-01/hour=09"),
        ("'dt'=yyyy-MM-dd/'hour'=HH", "900000", "UTC", "dt=2026-01-01/hour=03"),
        ("'at'=yyyy/MM/dd/HH", hour, "-05:00", "at=2025/12/31/22"),
        ("'at'=yyyy/MM/dd/HH", hour, "+09:00", "at=2026/01/01/12"),
        ("'year'=YYYY/'month'=MM/'day'=dd/'hour'=HH", hour, "UTC", "year=2026/month=01/day=01/hour=03"),
        ("'hour'=HH/'half'=hh", hour, "Pacific/Auckland", "hour=16/half=04"),
        ("'hour'=HH/'half'=hh", day, "UTC", "hour=00/half=12"),
        ("YYYY/'day'=DDD", day, "America/New_York", "2025/day=365"),
        ("'it''s'=dd", day, "UTC", "it's=01"),
        ("'o''clock'=HH/''dd''", hour, "UTC", "o'clock=03/'01'"),
        ("'yyyy'=yyyy", day, "UTC", "yyyy=2026"),
        ("yyyyMMdd'T'HHmm", "60000", "Europe/Berlin", "20260101T0430"),
        ("yyyyMMdd'T'HHmmss", "1000", "Europe/Berlin", "20260101T043005"),
        ("yy/M/d/H/", hour, "UTC", "26/1/1/3"),
        ("'day'=dd/'hour'=HH/'minute'=mm", day, "UTC", "day=01/hour=00/minute=00"),
        ("'hour'=HH/'minute'=mm", hour, "Asia/Kolkata", "hour=09/minute=00"),
    ];
    for (pattern, duration, zone, expected) in table {
        let config = partitioned(
            "TimeBasedPartitioner",
            &[
                ("path.format", pattern),
                ("partition.duration.ms", duration),
                ("timezone", zone),
                ("timestamp.extractor", "Record"),
            ],
        );
        let name = format!("topics/bids/{expected}/bids+3+0000000042.json");
        assert_eq!(key(&config), name, "{pattern} {duration} {zone}");
    }
}

/// What the sink's own time classes write at these instants was worked out by hand from the zones' rules: local time, cut
/// to the duration, written in the zone.
#[test]
fn a_clock_that_is_put_forward_or_back_names_the_folders_of_local_time() {
    let table = [
        // Berlin, 2026-03-29: 01:59:59 is followed by 03:00:00.
        ("Europe/Berlin", "2026-03-29T00:59:59Z", "2026-03-29/01"),
        ("Europe/Berlin", "2026-03-29T01:00:00Z", "2026-03-29/03"),
        // Berlin, 2026-10-25: the hour of two comes twice and shares a folder.
        ("Europe/Berlin", "2026-10-25T00:30:00Z", "2026-10-25/02"),
        ("Europe/Berlin", "2026-10-25T01:30:00Z", "2026-10-25/02"),
        ("Europe/Berlin", "2026-10-25T02:00:00Z", "2026-10-25/03"),
        // New York, 2026-03-08 and 2026-11-01.
        ("America/New_York", "2026-03-08T06:59:59Z", "2026-03-08/01"),
        ("America/New_York", "2026-03-08T07:00:00Z", "2026-03-08/03"),
        ("America/New_York", "2026-11-01T05:30:00Z", "2026-11-01/01"),
        ("America/New_York", "2026-11-01T06:30:00Z", "2026-11-01/01"),
        // Lord Howe turns its clock by half an hour: 02:00 to 02:30 on 2026-10-04.
        ("Australia/Lord_Howe", "2026-10-03T15:29:59Z", "2026-10-04/01"),
        ("Australia/Lord_Howe", "2026-10-03T15:30:00Z", "2026-10-04/02"),
        // Beirut has no midnight on 2026-03-29: the day begins at one.
        ("Asia/Beirut", "2026-03-28T21:59:59Z", "2026-03-28/23"),
        ("Asia/Beirut", "2026-03-28T22:00:00Z", "2026-03-29/01"),
    ];
    for (zone, at, expected) in table {
        let at_ms = at.parse::<jiff::Timestamp>().unwrap().as_millisecond();
        let time = |class, more: &[(&str, &str)]| {
            partitioned(class, &[&[("timezone", zone), ("timestamp.extractor", "Record")], more].concat())
        };
        let hours =
            time("TimeBasedPartitioner", &[("path.format", "yyyy-MM-dd/HH"), ("partition.duration.ms", "3600000")]);
        let name = format!("topics/bids/{expected}/bids+3+0000000042.json");
        assert_eq!(key_of(&hours, 42, at_ms), name, "{at} in {zone}");
        let (year, month, day) = (&expected[..4], &expected[5..7], &expected[8..10]);
        let name = format!("topics/bids/year={year}/month={month}/day={day}/bids+3+0000000042.json");
        assert_eq!(key_of(&time("DailyPartitioner", &[]), 42, at_ms), name, "the day of {at} in {zone}");
    }
}

#[test]
fn the_year_of_the_era_and_the_year_of_the_week_part_at_new_year() {
    // A Thursday and a Sunday in the first week of 2026 and the last of 2026; 2027-01-01 is in week 53 of 2026.
    let table = [
        ("2025-12-29T12:00:00Z", "YYYY", "2025"),
        ("2025-12-29T12:00:00Z", "yyyy", "2025"),
        ("2025-12-29T12:00:00Z", "xxxx/ww/e", "2026/01/1"),
        ("2027-01-01T12:00:00Z", "YYYY", "2027"),
        ("2027-01-01T12:00:00Z", "xxxx/ww/e", "2026/53/5"),
        ("2027-01-04T12:00:00Z", "xxxx/w", "2027/1"),
        ("2028-12-31T12:00:00Z", "YYYY/DDD/D", "2028/366/366"),
        ("2028-01-05T12:00:00Z", "YYYY/DDD/D", "2028/005/5"),
        ("2028-01-05T00:30:00Z", "HH/hh/H/h", "00/12/0/12"),
    ];
    for (at, pattern, expected) in table {
        let at_ms = at.parse::<jiff::Timestamp>().unwrap().as_millisecond();
        let config = partitioned(
            "TimeBasedPartitioner",
            &[
                ("path.format", pattern),
                ("partition.duration.ms", "3600000"),
                ("timezone", "UTC"),
                ("timestamp.extractor", "Record"),
            ],
        );
        let name = format!("topics/bids/{expected}/bids+3+0000000042.json");
        assert_eq!(key_of(&config, 42, at_ms), name, "{pattern} at {at}");
    }
}

/// A partitioner, what it is set with, and the folders that it makes.
type Partitioning<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a str);

#[test]
fn every_partitioner_goes_with_every_compression() {
    let time = [("timezone", "Asia/Kolkata"), ("timestamp.extractor", "RecordField"), ("timestamp.field", "ts")];
    let own = [("path.format", "'dt'=yyyyMMdd"), ("partition.duration.ms", "86400000")];
    let table: [Partitioning<'_>; 5] = [
        ("DefaultPartitioner", &[], "partition=3"),
        ("FieldPartitioner", &[("partition.field.name", "shop,n")], "shop=s1/n=7"),
        ("TimeBasedPartitioner", &[time.as_slice(), &own].concat(), "dt=20260101"),
        ("HourlyPartitioner", &time, "year=2026/month=01/day=01/hour=09"),
        ("DailyPartitioner", &time, "year=2026/month=01/day=01"),
    ];
    for (class, changes, folders) in table {
        for (compression, suffix) in [("none", "json"), ("gzip", "json.gz"), ("GZIP", "json.gz")] {
            let mut config = partitioned(class, changes);
            config.insert("s3.compression.type".to_owned(), compression.to_owned());
            let name = format!("topics/bids/{folders}/bids+3+0000000042.{suffix}");
            assert_eq!(key(&config), name, "{class} with {compression}");
        }
    }
}

#[test]
fn hourly_and_daily_partitioners_bring_their_own_pattern() {
    let table = [
        ("HourlyPartitioner", "UTC", "year=2026/month=01/day=01/hour=03"),
        ("HourlyPartitioner", "America/New_York", "year=2025/month=12/day=31/hour=22"),
        ("DailyPartitioner", "UTC", "year=2026/month=01/day=01"),
        ("DailyPartitioner", "America/New_York", "year=2025/month=12/day=31"),
    ];
    for (class, zone, expected) in table {
        let config = partitioned(class, &[("timezone", zone), ("timestamp.extractor", "Record")]);
        assert_eq!(key(&config), format!("topics/bids/{expected}/bids+3+0000000042.json"), "{class} {zone}");
    }
}

#[test]
fn the_extractor_decides_whose_time_it_is() {
    let full = "io.confluent.connect.storage.partitioner.TimeBasedPartitioner$RecordFieldTimestampExtractor";
    let table: &[(&[(&str, &str)], &str)] = &[
        (&[], "day=15"),
        (&[("timestamp.extractor", "Wallclock")], "day=15"),
        (&[("timestamp.extractor", "Record")], "day=01"),
        (&[("timestamp.extractor", "RecordField")], "day=01"),
        (&[("timestamp.extractor", full), ("timestamp.field", "ts")], "day=01"),
    ];
    for (changes, expected) in table {
        let mut all = vec![("timezone", "UTC"), ("path.format", "'day'=dd"), ("partition.duration.ms", "86400000")];
        all.extend_from_slice(changes);
        let config = partitioned("TimeBasedPartitioner", &all);
        assert_eq!(key(&config), format!("topics/bids/{expected}/bids+3+0000000042.json"), "{changes:?}");
    }
}

#[test]
fn names_that_no_template_can_give_are_refused_by_the_key_at_fault() {
    let time = |pattern, duration| {
        partitioned(
            "TimeBasedPartitioner",
            &[("path.format", pattern), ("partition.duration.ms", duration), ("timezone", "UTC")],
        )
    };
    let table = [
        (confluent(&[("topics.dir", "/abs")]), "topics.dir"),
        (confluent(&[("topics.dir", "a/../b")]), "topics.dir"),
        (confluent(&[("topics.dir", "a/")]), "topics.dir"),
        (confluent(&[("topics.dir", "{unique}")]), "topics.dir"),
        (confluent(&[("topics.dir", "${topic}")]), "topics.dir"),
        (confluent(&[("topics.dir", "\u{e4}")]), "topics.dir"),
        (confluent(&[("directory.delim", "|")]), "directory.delim"),
        (confluent(&[("file.delim", "%")]), "file.delim"),
        (confluent(&[("file.delim", "0")]), "file.delim"),
        (confluent(&[("filename.offset.zero.pad.width", "0")]), "filename.offset.zero.pad.width"),
        (confluent(&[("filename.offset.zero.pad.width", "21")]), "filename.offset.zero.pad.width"),
        (time("'w'=xx", "86400000"), "path.format"),
        (time("kk", "3600000"), "path.format"),
        (time("KK", "3600000"), "path.format"),
        (time("hh a", "3600000"), "path.format"),
        (time("ss.SSS", "1"), "path.format"),
        (time("yyyy-MM-dd'T'HHZ", "3600000"), "path.format"),
        (time("MMM", "86400000"), "path.format"),
        (time("EEE", "86400000"), "path.format"),
        (time("'open", "86400000"), "path.format"),
        (time("'a b'=dd", "86400000"), "path.format"),
        (time("'..'/dd", "86400000"), "path.format"),
        (time("{unique}", "86400000"), "path.format"),
        (time("'h'=HH", "21600000"), "partition.duration.ms"),
        (time("dd", "604800000"), "partition.duration.ms"),
        (time("dd", "0"), "partition.duration.ms"),
        (time("dd", "-1"), "partition.duration.ms"),
        (time("dd", REMOVED), "partition.duration.ms"),
        (time(REMOVED, "86400000"), "path.format"),
        (partitioned("FieldPartitioner", &[]), "partition.field.name"),
        (partitioned("FieldPartitioner", &[("partition.field.name", "a}b")]), "partition.field.name"),
        (partitioned("DailyPartitioner", &[]), "timezone"),
        (partitioned("DailyPartitioner", &[("timezone", "Mars/Olympus")]), "timezone"),
        (partitioned("DailyPartitioner", &[("timezone", "+05:30")]), "timezone"),
        (confluent(&[("rotate.schedule.interval.ms", "60000")]), "timezone"),
        (partitioned("OwnPartitioner", &[]), "partitioner.class"),
        (
            partitioned("DailyPartitioner", &[("timezone", "UTC"), ("timestamp.extractor", "com.own.Clock")]),
            "timestamp.extractor",
        ),
    ];
    for (config, at_fault) in table {
        assert_eq!(refused(&config), [at_fault], "{config:?}");
    }
}

#[test]
fn aivens_templates_name_objects_as_aiven_does() {
    let name = "file.name.template";
    let table: &[(&[(&str, &str)], &str)] = &[
        (&[], "bids-3-42.gz"),
        (&[("aws.s3.prefix", "a/b/")], "a/b/bids-3-00000000000000000042.gz"),
        (&[("aws_s3_prefix", "a/{{topic}}/")], "a/bids/bids-3-00000000000000000042.gz"),
        (&[("file.prefix.template", "{{topic}}/p={{partition}}/")], "bids/p=3/bids-3-42.gz"),
        (&[("file.name.prefix", "raw/"), (name, "{{topic}}-{{partition}}-{{start_offset}}.gz")], "raw/bids-3-42.gz"),
        (&[("file.compression.type", "zstd")], "bids-3-42.zst"),
        (&[(name, "{{topic}}-{{partition}}-{{start_offset}}.gz")], "bids-3-42.gz"),
        (
            &[(name, "d/{{ topic }}/{{partition}}-{{ start_offset:padding=true }}.jsonl.gz")],
            "d/bids/3-00000000000000000042.jsonl.gz",
        ),
        (
            &[
                (
                    name,
                    "{{topic}}/{{timestamp:unit=yyyy}}/{{timestamp:unit=MM}}/{{timestamp:unit=dd}}/{{timestamp:unit=HH}}/{{partition}}-{{start_offset}}.json",
                ),
                ("file.compression.type", "none"),
                ("file.name.timestamp.source", "EVENT"),
                ("file.name.timestamp.timezone", "America/New_York"),
            ],
            "bids/2025/12/31/22/3-42.json",
        ),
        (&[(name, "d/{{timestamp:unit=dd}}/{{partition}}-{{start_offset}}.gz")], "d/15/3-42.gz"),
    ];
    for (changes, expected) in table {
        assert_eq!(key(&aiven(changes)), *expected, "{changes:?}");
    }
    for template in [
        "{{topic}}-{{partition}}-{{start_offset}}",
        "{{topic}}-{{partition:padding=true}}-{{start_offset}}.gz",
        "{{key}}.gz",
        "{{utc_date}}/{{topic}}-{{partition}}-{{start_offset}}.gz",
        "{{topic}}-{{partition}}-{{start_offset}}-{{nope}}.gz",
        "{{topic}}-{{partition}}-{{timestamp:unit=mm}}{{start_offset}}.gz",
        "{{topic}}-{{partition}}-{{start_offset",
        "{topic}-{{partition}}-{{start_offset}}.gz",
        "{{topic}}-{{start_offset}}.gz",
        "{{partition}}{{start_offset}}.gz",
        "{{topic}}-{{partition}}-{{start_offset}}.jsonl",
    ] {
        assert_eq!(refused(&aiven(&[(name, template)])), [name], "{template}");
    }
    assert_eq!(refused(&aiven(&[("file.compression.type", "none")])), [name], "no suffix, no name");
    let both = aiven(&[("aws.s3.prefix", "a/"), (name, "{{topic}}-{{partition}}-{{start_offset}}.gz")]);
    assert_eq!(refused(&both), ["aws.s3.prefix"], "releases of the sink differ");
}
