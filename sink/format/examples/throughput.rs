//! Nanoseconds a record on each stage for a 650-byte ad-bid event, and the output's size:
//! `cargo run -p landfall-format --example throughput [RECORDS [RUNS]]`.

#![allow(clippy::disallowed_methods)] // a benchmark reads the clock; the crate does not

use std::hint::black_box;
use std::time::Instant;

use bytes::Bytes;
use landfall_format::{Chunk, NoHeaders, Plan, Record, Scratch, Verdict, accept, encode_independent};
use landfall_job::JobSpec;

type Answer<T> = Result<T, Box<dyn std::error::Error>>;

/// Each figure is the least of so many runs: the one least disturbed.
const RUNS: usize = 9;
const CHUNK_BYTES: usize = 1 << 20;

/// An event of 21 fields, as an ad exchange sends them.
fn event(n: i64) -> String {
    let hash = n.wrapping_mul(0x1e37_79b9_7f4a_7c15).unsigned_abs();
    let user = hash.rotate_left(17);
    format!(
        concat!(
            r#"{{"ts":{},"event_id":"{:016x}{:016x}","type":"bid","exchange":"exchange-{}","auction_id":"{:016x}","#,
            r#""imp_id":"{}","user_id":"{:016x}","device":{{"os":"{}","model":"Pixel {}","lang":"en-GB"}},"#,
            r#""geo":{{"country":"{}","region":"R{}","lat":{}.{:04},"lon":{}.{:04}}},"site":"https://news{}.example.com/story/{}","#,
            r#""ad_slot":"leaderboard-{}","width":728,"height":90,"floor":0.{:02},"bid":1.{:04},"currency":"EUR","#,
            r#""campaign":"cmp-{:06}","creative":"crt-{:08}","won":{},"latency_ms":{},"segments":["s{}","s{}","s{}"],"test":null}}"#
        ),
        1_774_877_654_321 + n / 10,
        hash,
        user,
        hash % 9,
        hash ^ user,
        n % 5,
        user,
        ["android", "ios", "windows"][usize::try_from(hash % 3).unwrap_or(0)],
        hash % 9,
        ["DE", "FR", "GB", "US"][usize::try_from(hash % 4).unwrap_or(0)],
        hash % 40,
        hash % 80,
        hash % 10_000,
        user % 90,
        user % 10_000,
        hash % 300,
        user % 100_000,
        hash % 4,
        hash % 90 + 10,
        user % 10_000,
        hash % 1_000_000,
        user % 100_000_000,
        hash.is_multiple_of(7),
        hash % 300,
        hash % 500,
        user % 500,
        (hash ^ user) % 500,
    )
}

const PARQUET: &str = "
  format: parquet
  columns:
    - {name: ts, type: timestamp(ms)}
    - {name: event_id, type: string}
    - {name: type, type: string}
    - {name: exchange, type: string}
    - {name: auction_id, type: string}
    - {name: imp_id, type: string}
    - {name: user_id, type: string}
    - {name: device, type: \"struct<os: string, model: string, lang: string>\"}
    - {name: country, type: string, path: geo.country}
    - {name: region, type: string, path: geo.region}
    - {name: lat, type: double, path: geo.lat}
    - {name: lon, type: double, path: geo.lon}
    - {name: site, type: string}
    - {name: ad_slot, type: string}
    - {name: width, type: int32}
    - {name: height, type: int32}
    - {name: floor, type: \"decimal(9,4)\"}
    - {name: bid, type: \"decimal(9,4)\"}
    - {name: currency, type: string}
    - {name: campaign, type: string}
    - {name: creative, type: string}
    - {name: won, type: boolean}
    - {name: latency_ms, type: int32}
    - {name: segments, type: list<string>}
    - {name: test, type: boolean}";

fn elapsed_ns(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e9
}

fn record(offset: i64, value: &str) -> Record<'_> {
    let value = Some(value.as_bytes());
    Record {
        cluster: "main",
        topic: "bids",
        partition: 0,
        offset,
        timestamp_ms: 1_774_877_654_321,
        key: None,
        value,
        headers: &NoHeaders,
    }
}

fn measure(name: &str, sink: &str, events: &[String], runs: usize) -> Answer<()> {
    let job = format!("name: bench\nsource: {{cluster: main, topics: [bids]}}\nsink:\n  bucket: lake{sink}\n");
    let plan = Plan::compile(&JobSpec::parse(&job)?)?;
    let mut scratch = Scratch::new(&plan);
    let epoch = Instant::now();
    let per_record = |start: f64| (elapsed_ns(epoch) - start) / events.len() as f64;

    let least = |mut run: Box<dyn FnMut() -> Answer<(f64, f64)> + '_>| {
        (0..runs)
            .map(|_| run())
            .try_fold((f64::MAX, f64::MAX), |least, run| run.map(|run| (least.0.min(run.0), least.1.min(run.1))))
    };
    let (accept_ns, _) = least(Box::new(|| {
        let start = elapsed_ns(epoch);
        for (offset, value) in (0..).zip(events) {
            let verdict = accept(&plan, &mut scratch, &record(offset, value), 0);
            if !matches!(black_box(verdict), Verdict::Route { .. }) {
                return Err(format!("the event {value} was not routed").into());
            }
        }
        Ok((per_record(start), 0.0))
    }))?;
    let mut output = 0;
    let (both_ns, encode_ns) = least(Box::new(|| {
        let start = elapsed_ns(epoch);
        let mut buffer = plan.new_chunk();
        let mut encoder = plan.new_encoder()?;
        let mut encode_ns = 0.0;
        output = 0;
        let mut encode = |chunk: Chunk| -> Answer<()> {
            let start = elapsed_ns(epoch);
            let independent = plan.chunks_are_independent();
            let pieces = if independent { encode_independent(&plan, chunk)? } else { encoder.encode(chunk)? };
            output += pieces.iter().map(Bytes::len).sum::<usize>();
            encode_ns += per_record(start);
            Ok(())
        };
        for (offset, value) in (0..).zip(events) {
            let record = record(offset, value);
            accept(&plan, &mut scratch, &record, 0);
            buffer.append(&plan, &mut scratch, &record)?;
            if buffer.len_bytes() >= CHUNK_BYTES {
                encode(buffer.seal())?;
            }
        }
        encode(buffer.seal())?;
        let last = elapsed_ns(epoch);
        output += encoder.finish()?.iter().map(Bytes::len).sum::<usize>();
        let last_ns = per_record(last);
        let both_ns = per_record(start) - encode_ns - last_ns;
        Ok((both_ns, encode_ns + last_ns))
    }))?;
    println!(
        "{name:<24} accept {accept_ns:>6.0} ns  append {:>6.0} ns  encode {encode_ns:>6.0} ns  sum {:>6.0} ns  output {:>5.1} MB",
        both_ns - accept_ns,
        both_ns + encode_ns,
        output as f64 / 1e6,
    );
    Ok(())
}

fn main() -> Answer<()> {
    let mut arguments = std::env::args().skip(1);
    let records: i64 = arguments.next().map_or(Ok(30_000), |records| records.parse())?;
    let runs: usize = arguments.next().map_or(Ok(RUNS), |runs| runs.parse())?;
    let events: Vec<String> = (0..records).map(event).collect();
    let bytes: usize = events.iter().map(String::len).sum();
    println!("{} events, {} bytes each, {:.1} MB", events.len(), bytes / events.len(), bytes as f64 / 1e6);
    let epoch = Instant::now();
    let mut least = f64::MAX;
    for _ in 0..runs {
        let start = elapsed_ns(epoch);
        for event in &events {
            black_box(serde_json::from_str::<serde::de::IgnoredAny>(event)?);
        }
        least = least.min((elapsed_ns(epoch) - start) / events.len() as f64);
    }
    println!("{:<24} {least:>13.0} ns", "serde_json, validating");
    measure("jsonl none", "\n  compression: none", &events, runs)?;
    measure("jsonl zstd", "\n  compression: zstd", &events, runs)?;
    measure("jsonl gzip", "\n  compression: gzip", &events, runs)?;
    let routed = "\n  key: \"b/{field:geo.country}/{timestamp:%Y-%m-%d/%H}/{partition}+{first_offset}.{ext}\"\n  timestamp: {from: field, path: ts}";
    measure("jsonl none, two fields", &format!("\n  compression: none{routed}"), &events, runs)?;
    measure("parquet zstd", PARQUET, &events, runs)?;
    measure("parquet none", &format!("{PARQUET}\n  compression: none"), &events, runs)
}
