//! A job of one topic and everything it lands in, kept by group key.

use std::collections::BTreeMap;

use bytes::Bytes;
use landfall_format::{
    Chunk, ChunkBuffer, HeaderView, NoHeaders, Plan, Record, Rejection, Scratch, Verdict, accept, encode_independent,
};
use landfall_job::JobSpec;

pub(crate) const NOW_MS: i64 = 1_774_884_854_321;

/// Compiles a job whose `sink` and other sections are given as YAML lines; its records have at most 1 MiB.
pub(crate) fn plan(sink: &str, others: &str) -> Plan {
    plan_of("1 MiB", sink, others)
}

pub(crate) fn plan_of(max_record_bytes: &str, sink: &str, others: &str) -> Plan {
    let text = format!(
        "name: bids\nsource: {{cluster: main, topics: [bids], max_record_bytes: {max_record_bytes}}}\nsink:\n  bucket: lake\n{sink}\n{others}"
    );
    let spec = JobSpec::parse(&text).unwrap_or_else(|errors| panic!("{text}\n{errors}"));
    Plan::compile(&spec).unwrap()
}

pub(crate) fn record(value: Option<&[u8]>, offset: i64) -> Record<'_> {
    with_headers(value, offset, &NoHeaders)
}

pub(crate) fn with_headers<'a>(value: Option<&'a [u8]>, offset: i64, headers: &'a dyn HeaderView) -> Record<'a> {
    let key = Some(b"key".as_slice());
    Record {
        cluster: "main",
        topic: "bids",
        partition: 3,
        offset,
        timestamp_ms: 1_774_877_654_321,
        key,
        value,
        headers,
    }
}

/// All open files of a job, as a worker would keep them.
pub(crate) struct Files {
    pub(crate) plan: Plan,
    pub(crate) scratch: Scratch,
    pub(crate) open: BTreeMap<String, ChunkBuffer>,
}

impl Files {
    pub(crate) fn new(plan: Plan) -> Self {
        let scratch = Scratch::new(&plan);
        Self { plan, scratch, open: BTreeMap::new() }
    }

    /// Accepts and appends one record.
    pub(crate) fn take(&mut self, record: &Record<'_>) -> Result<(), Rejection> {
        match accept(&self.plan, &mut self.scratch, record, NOW_MS) {
            Verdict::Reject(rejection) => return Err(rejection),
            Verdict::Skip(_) => return Ok(()),
            Verdict::Route { .. } => {}
        }
        let key = self.scratch.group_key().to_owned();
        let chunk = self.open.entry(key).or_insert_with(|| self.plan.new_chunk());
        let (records, bytes) = (chunk.records(), chunk.len_bytes());
        let appended = chunk.append(&self.plan, &mut self.scratch, record);
        match &appended {
            Ok(added) => assert_eq!((chunk.records(), chunk.len_bytes()), (records + 1, bytes + added)),
            Err(_) => assert_eq!((chunk.records(), chunk.len_bytes()), (records, bytes)),
        }
        appended.map(|_| ())
    }

    /// The only open file's chunk.
    pub(crate) fn seal_only(&mut self) -> Chunk {
        assert_eq!(self.open.len(), 1, "{:?}", self.open.keys());
        self.open.values_mut().next().unwrap().seal()
    }

    /// The only open file's bytes, through its encoder.
    pub(crate) fn finish_only(&mut self) -> Vec<u8> {
        let chunk = self.seal_only();
        let mut encoder = self.plan.new_encoder().unwrap();
        let mut pieces = encoder.encode(chunk).unwrap();
        pieces.extend(encoder.finish().unwrap());
        pieces.concat()
    }

    /// The only open file's chunk, encoded by itself.
    pub(crate) fn encode_only(&mut self) -> Vec<Bytes> {
        let chunk = self.seal_only();
        encode_independent(&self.plan, chunk).unwrap()
    }
}
