//! The state of an audit between runs, in one file: JSON lines, compressed with zstd. It holds what was found right,
//! and under which ETag; what was found wrong is not in it, and so is looked at again.
//!
//! The first line is the header with each lane's folded log; then a line for each object of the log, each file, and
//! each object that is somebody else's. The file is replaced as a whole, by a rename.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::Path;

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::log::Mark;
use super::rows::FileRow;

const FORMAT: u32 = 1;
const LEVEL: i32 = 1;

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Header {
    format: u32,
    pub(super) job: String,
    pub(super) uid: String,
    pub(super) saved_at_ms: i64,
    pub(super) lanes: Vec<KeptLane>,
}

/// One lane of the log, read up to some entry and free of findings.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct KeptLane {
    pub(super) lane: u32,
    pub(super) entries: u64,
    pub(super) skipped: BTreeMap<String, u64>,
    pub(super) absent: u64,
    /// The folded log, as a checkpoint has it.
    pub(super) folded: Box<RawValue>,
}

/// One entry and its sidecar, as they were listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct KeptEntry {
    pub(super) lane: u32,
    pub(super) seq: u64,
    pub(super) entry: Mark,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) sidecar: Option<(Box<str>, Mark)>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line<'l> {
    Entry(Cow<'l, KeptEntry>),
    File(Cow<'l, FileRow>),
    Other { key: Cow<'l, str>, etag: Cow<'l, str> },
}

#[derive(Debug)]
pub(super) struct Kept {
    pub(super) header: Header,
    pub(super) entries: Vec<KeptEntry>,
    pub(super) files: Vec<FileRow>,
    /// Key and ETag of objects that are none of the job's business.
    pub(super) others: BTreeMap<String, Box<str>>,
}

impl Header {
    pub(super) fn new(job: &str, uid: &str, saved_at_ms: i64, lanes: Vec<KeptLane>) -> Self {
        Self { format: FORMAT, job: job.to_owned(), uid: uid.to_owned(), saved_at_ms, lanes }
    }
}

/// `None`: there is no such file yet.
pub(super) fn load(path: &Path) -> anyhow::Result<Option<Kept>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).with_context(|| format!("the state {} cannot be read", path.display())),
    };
    read(file).map(Some).with_context(|| {
        format!("{} is not the state of an audit, or is damaged: give another --state, or --full", path.display())
    })
}

fn read(file: File) -> anyhow::Result<Kept> {
    let mut input = BufReader::new(zstd::stream::Decoder::new(file)?);
    let mut line = String::new();
    input.read_line(&mut line)?;
    #[derive(Deserialize)]
    struct Envelope {
        format: u32,
    }
    let Envelope { format } = serde_json::from_str(&line)?;
    if format != FORMAT {
        bail!("it has format {format}, this version reads format {FORMAT}");
    }
    let mut kept =
        Kept { header: serde_json::from_str(&line)?, entries: Vec::new(), files: Vec::new(), others: BTreeMap::new() };
    loop {
        line.clear();
        if input.read_line(&mut line)? == 0 {
            return Ok(kept);
        }
        match serde_json::from_str(&line)? {
            Line::Entry(entry) => kept.entries.push(entry.into_owned()),
            Line::File(row) => kept.files.push(row.into_owned()),
            Line::Other { key, etag } => {
                kept.others.insert(key.into_owned(), etag.into());
            }
        }
    }
}

/// Writes all of it beside the file, then puts it in the file's place.
pub(super) fn save<'r>(
    path: &Path,
    header: &Header,
    entries: impl Iterator<Item = &'r KeptEntry>,
    files: impl Iterator<Item = &'r FileRow>,
    others: &BTreeMap<String, Box<str>>,
) -> anyhow::Result<()> {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    let beside = Path::new(&name);
    let written = || -> anyhow::Result<()> {
        let mut out = BufWriter::new(zstd::stream::Encoder::new(File::create(beside)?, LEVEL)?);
        write_line(&mut out, header)?;
        for entry in entries {
            write_line(&mut out, &Line::Entry(Cow::Borrowed(entry)))?;
        }
        for row in files {
            write_line(&mut out, &Line::File(Cow::Borrowed(row)))?;
        }
        for (key, etag) in others {
            write_line(&mut out, &Line::Other { key: key.into(), etag: (&**etag).into() })?;
        }
        let encoder = out.into_inner().map_err(std::io::IntoInnerError::into_error)?;
        encoder.finish()?.sync_all()?;
        Ok(std::fs::rename(beside, path)?)
    };
    written().with_context(|| format!("the state {} cannot be written", path.display()))
}

fn write_line(out: &mut impl Write, line: &impl Serialize) -> anyhow::Result<()> {
    serde_json::to_writer(&mut *out, line)?;
    Ok(out.write_all(b"\n")?)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::BTreeMap;

    use super::{Header, KeptEntry, load, save};

    fn saved(folder: &tempfile::TempDir) -> std::path::PathBuf {
        let path = folder.path().join("state");
        let entry = KeptEntry { lane: 0, seq: 7, entry: ("e".into(), 9), sidecar: Some(("t".into(), ("s".into(), 3))) };
        let others = BTreeMap::from([("a/b".to_owned(), "o".into())]);
        save(&path, &Header::new("bids", "u1", 5, Vec::new()), [&entry].into_iter(), [].into_iter(), &others).unwrap();
        path
    }

    #[test]
    fn a_state_reads_back_as_it_was_saved_and_leaves_nothing_beside_it() {
        let folder = tempfile::TempDir::new().unwrap();
        let kept = load(&saved(&folder)).unwrap().unwrap();
        assert_eq!((kept.header.uid.as_str(), kept.header.saved_at_ms), ("u1", 5));
        assert_eq!((kept.entries[0].seq, kept.entries[0].sidecar.is_some()), (7, true));
        assert_eq!(&*kept.others["a/b"], "o");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        assert!(load(&folder.path().join("nothing")).unwrap().is_none());
    }

    #[test]
    fn a_state_that_is_cut_off_or_of_another_kind_is_refused_with_the_way_out() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = saved(&folder);
        let whole = std::fs::read(&path).unwrap();
        for damaged in [&whole[..whole.len() - 4], b"job: bids", b""] {
            std::fs::write(&path, damaged).unwrap();
            assert!(format!("{:#}", load(&path).unwrap_err()).contains("--full"));
        }
    }
}
