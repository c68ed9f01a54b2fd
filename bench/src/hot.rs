//! The loops that every record goes through, without Kafka, S3 or a second thread: what instructions are counted of
//! (`bench/instructions.py`).

use anyhow::{Context, ensure};
use clap::Args;
use landfall_format::{NoHeaders, Plan, Record, Scratch, Verdict, accept, encode_independent};

use crate::land::{self, Compression, Format};
use crate::measure::{Meter, StageReport};
use crate::shape::Shape;

const CHUNK_BYTES: usize = 1 << 20;
const NOW_MS: i64 = 1_774_900_000_000;
const PATHS: u32 = 996;

#[derive(Debug, Clone, Args)]
pub struct HotArgs {
    #[arg(long, value_enum, default_value_t = Format::Jsonl)]
    pub format: Format,
    /// Parquet is always zstd
    #[arg(long, value_enum, default_value_t = Compression::None)]
    pub compression: Compression,
    #[arg(long, value_enum, default_value_t)]
    pub shape: Shape,
    /// a name by a field of the record
    #[arg(long)]
    pub by_campaign: bool,
    #[arg(long, default_value_t = 10_000)]
    pub records: u64,
    /// Made before, in any run, so that the difference of two runs of other lengths is without their making
    #[arg(long, default_value_t = 500)]
    pub different: u64,
    /// What the report calls it
    #[arg(long, default_value = "hot loops")]
    pub name: String,
}

pub fn hot(args: &HotArgs) -> anyhow::Result<StageReport> {
    let spec = land::spec(args.format, args.compression, args.shape, args.by_campaign)?;
    let plan = Plan::compile(&spec)?;
    let (mut scratch, mut chunk, mut encoder) = (Scratch::new(&plan), plan.new_chunk(), plan.new_encoder()?);
    let mut values = vec![String::new(); usize::try_from(args.different)?];
    for (n, value) in (0..).zip(&mut values) {
        args.shape.write(value, n, PATHS);
    }
    let (mut input_bytes, mut output_bytes) = (0_u64, 0);
    let meter = Meter::start()?;
    let mut seal = |chunk: &mut landfall_format::ChunkBuffer| -> anyhow::Result<usize> {
        let sealed = chunk.seal();
        let encoded =
            if plan.chunks_are_independent() { encode_independent(&plan, sealed) } else { encoder.encode(sealed) };
        Ok(encoded?.iter().map(bytes::Bytes::len).sum())
    };
    for (n, value) in (0..args.records).zip(values.iter().cycle()) {
        input_bytes += u64::try_from(value.len())?;
        let record = Record {
            cluster: "main",
            topic: "bids",
            partition: 0,
            offset: i64::try_from(n)?,
            timestamp_ms: NOW_MS,
            key: None,
            value: Some(value.as_bytes()),
            headers: &NoHeaders,
        };
        let verdict = accept(&plan, &mut scratch, &record, NOW_MS);
        ensure!(matches!(verdict, Verdict::Route { .. }), "record {n} was not taken: {verdict:?}");
        chunk.append(&plan, &mut scratch, &record).ok().with_context(|| format!("record {n} was not appended"))?;
        if chunk.len_bytes() >= CHUNK_BYTES {
            output_bytes += seal(&mut chunk)?;
        }
    }
    output_bytes += seal(&mut chunk)?;
    let left: usize = encoder.finish()?.iter().map(bytes::Bytes::len).sum();
    ensure!(output_bytes + left > 0, "nothing came out");
    meter.stop(&args.name, args.records, input_bytes)
}
