//! What is in an object, against what the log says of it: pure. The body is hashed part by part, decompressed in small
//! steps and read record by record; beyond the body itself little is in memory but the offsets it holds.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::io::{self, BufRead, BufReader, Read};

use bytes::Bytes;
use flate2::bufread::MultiGzDecoder;
use landfall_commit::{Offsets, SourcePartition};
use landfall_s3::crc64nvme;
use serde::Deserialize;

use super::rows::Attempt;
use super::table;

const BUFFER_BYTES: usize = 1 << 16;
/// A line holds a record of at most `max_record_bytes`; without an end in this many it is no line of ours.
const MAX_LINE_BYTES: u64 = 1 << 30;

/// Where the records of an object tell where they come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    Not,
    /// By partition and offset; by topic too where the job's envelope has it.
    ByEnvelope {
        topic: bool,
    },
}

/// Offsets found in an object, by topic (empty where it is not told) and partition.
pub(super) type Found = BTreeMap<String, HashMap<i32, Offsets>>;

/// Where an object differs from its entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Flaw {
    Bytes {
        found: u64,
    },
    Part {
        number: usize,
    },
    Unreadable(String),
    Records {
        found: u64,
    },
    /// The same record a second time.
    Twice(BTreeMap<SourcePartition, Offsets>),
    /// Offsets of the file that are not in it.
    Lacks(BTreeMap<SourcePartition, Offsets>),
    /// Offsets in it that are not the file's, in words.
    Strange(String),
}

/// What reading an object came to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Checked {
    pub(super) flaws: Vec<Flaw>,
    /// Its offsets were compared with those of the sidecar.
    pub(super) compared: bool,
}

/// The records of a body: how many, and the offsets they tell; those met a second time apart.
#[derive(Debug, Default)]
pub(super) struct Records {
    pub(super) count: u64,
    pub(super) found: Found,
    pub(super) twice: Found,
}

impl Records {
    pub(super) fn add(&mut self, topic: &str, partition: i32, offset: u64) {
        if !of(&mut self.found, topic, partition).insert(offset) {
            of(&mut self.twice, topic, partition).insert(offset);
        }
    }
}

fn of<'f>(found: &'f mut Found, topic: &str, partition: i32) -> &'f mut Offsets {
    found.entry(topic.to_owned()).or_default().entry(partition).or_default()
}

/// Compares a whole object. `sets`: the file's own offsets, where they are known.
pub(super) fn check(
    key: &str,
    body: &Bytes,
    attempt: &Attempt,
    told: Told,
    sets: Option<&BTreeMap<SourcePartition, Offsets>>,
) -> Checked {
    let mut checked = Checked::default();
    let length_bytes = body.len() as u64;
    if length_bytes == attempt.bytes {
        checked.flaws.extend(wrong_parts(body, attempt));
    } else {
        checked.flaws.push(Flaw::Bytes { found: length_bytes });
    }
    let told = if sets.is_some() { told } else { Told::Not };
    match records(key, body, told) {
        Err(problem) => checked.flaws.push(Flaw::Unreadable(problem)),
        Ok(records) => {
            if records.count != attempt.records {
                checked.flaws.push(Flaw::Records { found: records.count });
            }
            if let (Some(sets), Told::ByEnvelope { topic }) = (sets, told) {
                let without = attempt.without.as_ref();
                let flaws = compare(sets, without, topic, &records);
                checked.compared = flaws.is_some();
                checked.flaws.extend(flaws.unwrap_or_default());
            }
        }
    }
    checked
}

fn wrong_parts(body: &Bytes, attempt: &Attempt) -> Vec<Flaw> {
    let mut from = 0_usize;
    let mut flaws = Vec::new();
    for (number, part) in (1..).zip(&attempt.parts) {
        let size_bytes = usize::try_from(part.0).unwrap_or(usize::MAX);
        let to = usize::min(from.saturating_add(size_bytes), body.len());
        if to - from != size_bytes || *crc64nvme(&[body.slice(from..to)]) != *part.1 {
            flaws.push(Flaw::Part { number });
        }
        from = to;
    }
    if from != body.len() {
        flaws.push(Flaw::Bytes { found: body.len() as u64 });
    }
    flaws
}

/// What an object is written in. A job may give its names any suffix (`sink.extension`): then the content tells, as no
/// line of JSON begins as the others do.
enum Written {
    Plain,
    Gzip,
    Zstd,
    Parquet,
}

impl Written {
    fn of(key: &str, body: &[u8]) -> Self {
        let named = [
            (".jsonl", Self::Plain),
            (".jsonl.gz", Self::Gzip),
            (".jsonl.zst", Self::Zstd),
            (".parquet", Self::Parquet),
        ];
        match named.into_iter().find(|(suffix, _)| key.ends_with(suffix)) {
            Some((_, written)) => written,
            None if body.starts_with(b"\x1f\x8b") => Self::Gzip,
            None if body.starts_with(b"\x28\xb5\x2f\xfd") => Self::Zstd,
            None if body.starts_with(b"PAR1") => Self::Parquet,
            None => Self::Plain,
        }
    }
}

/// The error says why the content is damaged.
fn records(key: &str, body: &Bytes, told: Told) -> Result<Records, String> {
    let counted = match Written::of(key, body) {
        Written::Plain => lines(body.as_ref(), told),
        Written::Gzip => lines(MultiGzDecoder::new(body.as_ref()), told),
        Written::Zstd => zstd::stream::Decoder::new(body.as_ref()).and_then(|input| lines(input, told)),
        Written::Parquet => return table::records(body.clone(), told),
    };
    counted.map_err(|error| error.to_string())
}

fn lines(input: impl Read, told: Told) -> io::Result<Records> {
    match told {
        Told::Not => Ok(Records { count: count_lines(input)?, ..Records::default() }),
        Told::ByEnvelope { topic } => placed_lines(input, topic),
    }
}

/// Lines; the last one must be whole.
fn count_lines(mut input: impl Read) -> io::Result<u64> {
    let mut buffer = vec![0; BUFFER_BYTES];
    let (mut count, mut last) = (0, b'\n');
    loop {
        let read = input.read(&mut buffer)?;
        let chunk = &buffer[..read];
        let Some(end) = chunk.last() else { break };
        last = *end;
        count += chunk.iter().map(|byte| u64::from(*byte == b'\n')).sum::<u64>();
    }
    if last == b'\n' { Ok(count) } else { Err(io::Error::other("the last line has no end")) }
}

/// The part of an enveloped line, or of a dead letter, that says where the record comes from.
#[derive(Deserialize)]
struct Line<'l> {
    #[serde(borrow, default)]
    topic: Option<Cow<'l, str>>,
    partition: i32,
    offset: u64,
}

fn placed_lines(input: impl Read, topic: bool) -> io::Result<Records> {
    let mut input = BufReader::with_capacity(BUFFER_BYTES, input);
    let mut records = Records::default();
    let mut line = Vec::new();
    loop {
        line.clear();
        if (&mut input).take(MAX_LINE_BYTES).read_until(b'\n', &mut line)? == 0 {
            return Ok(records);
        }
        if line.last() != Some(&b'\n') {
            return Err(io::Error::other("the last line has no end"));
        }
        records.count += 1;
        let placed: Line<'_> = serde_json::from_slice(&line).map_err(|error| {
            io::Error::other(format!("line {} does not tell its partition and offset: {error}", records.count))
        })?;
        let topic = placed.topic.filter(|_| topic).unwrap_or_default();
        records.add(&topic, placed.partition, placed.offset);
    }
}

/// `None` where partitions of several topics cannot be told apart.
fn compare(
    sets: &BTreeMap<SourcePartition, Offsets>,
    without: Option<&BTreeMap<SourcePartition, Offsets>>,
    topic: bool,
    records: &Records,
) -> Option<Vec<Flaw>> {
    let mut wanted: HashMap<(String, i32), (SourcePartition, Offsets)> = HashMap::new();
    for (partition, offsets) in sets {
        let name = if topic { partition.topic.clone() } else { String::new() };
        let mut offsets = offsets.clone();
        if let Some(without) = without.and_then(|without| without.get(partition)) {
            offsets.subtract(without);
        }
        let before = wanted.insert((name, partition.partition), (partition.clone(), offsets));
        if before.is_some() {
            return None;
        }
    }
    let (mut twice, mut lacks) = (BTreeMap::new(), BTreeMap::new());
    for ((topic, number), (partition, offsets)) in &wanted {
        let at = |found: &Found| found.get(topic).and_then(|of| of.get(number)).cloned().unwrap_or_default();
        let again = at(&records.twice);
        if !again.is_empty() {
            twice.insert(partition.clone(), again);
        }
        let lacking = offsets.difference(&at(&records.found));
        if !lacking.is_empty() {
            lacks.insert(partition.clone(), lacking);
        }
    }
    let mut strange: Vec<String> = Vec::new();
    for (topic, partitions) in &records.found {
        for (number, offsets) in partitions {
            let odd = match wanted.get(&(topic.clone(), *number)) {
                Some((_, wanted)) => offsets.difference(wanted),
                None => offsets.clone(),
            };
            if let Some(first) = odd.min() {
                strange.push(format!("{} offsets of {topic}/{number} from {first} on", odd.len()));
            }
        }
    }
    strange.sort();
    let mut flaws = Vec::new();
    flaws.extend((!twice.is_empty()).then_some(Flaw::Twice(twice)));
    flaws.extend((!lacks.is_empty()).then_some(Flaw::Lacks(lacks)));
    flaws.extend((!strange.is_empty()).then(|| Flaw::Strange(strange.join(", "))));
    Some(flaws)
}

#[cfg(test)]
#[path = "content_tests.rs"]
mod tests;
