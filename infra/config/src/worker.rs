//! A worker: its pool, its memory, its scratch space, how it leaves.

use std::net::SocketAddr;
use std::path::PathBuf;

use landfall_job::reader::{Field, FromNode, Node, Refusal, Section, Table, nonempty_text, within};
use landfall_job::{ByteSize, DurationMs};
use serde::Serialize;

use crate::api::{listen_address, plain};

/// Where sealed chunks spill.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ScratchConfig {
    /// A directory that is this worker's alone.
    pub dir: PathBuf,
    /// The most it holds.
    pub limit: ByteSize,
}

/// A worker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WorkerConfig {
    /// The pool it belongs to.
    pub pool: String,
    /// The one memory budget of the process.
    pub memory: ByteSize,
    /// Where sealed chunks spill; `None`: nowhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scratch: Option<ScratchConfig>,
    /// How long it may land open files after SIGTERM.
    pub drain_timeout: DurationMs,
    /// Where it serves health and metrics.
    pub listen: SocketAddr,
}

static SCRATCH_TABLE: Table = Table {
    fields: &[
        Field::required(
            "dir",
            "an absolute path",
            "a directory that is this worker's alone; what is in it is lost without harm",
        ),
        Field::preset("limit", "size, at least 64 MiB", "20GiB", "the most it holds"),
    ],
    refused: &[],
};

pub(crate) static TABLE: Table = Table {
    fields: &[
        Field::preset("pool", "name", "shared", "the pool the worker belongs to"),
        Field::preset("memory", "size, 128 MiB to 1 TiB", "1GiB", "the one memory budget of the process"),
        Field::section("scratch", &SCRATCH_TABLE, "where sealed chunks spill when memory is short; left out, nowhere"),
        Field::preset("drain_timeout", "duration, 1s to 1h", "60s", "how long it may land open files after SIGTERM"),
        Field::preset("listen", "address:port", "127.0.0.1:8081", "where it serves health and metrics"),
    ],
    refused: &[],
};

impl WorkerConfig {
    pub(crate) fn read(mut section: Section<'_>) -> Option<Self> {
        let pool = section.read_with("pool", plain);
        let memory = section.read_with("memory", size(ByteSize::mib(128)));
        let given = section.has("scratch");
        let inner = section.section("scratch");
        let scratch = if given { read_scratch(inner).map(Some) } else { Some(None) };
        let drain_timeout = section.read_with("drain_timeout", |node| {
            within(DurationMs::from_node(node)?, DurationMs::secs(1), DurationMs::secs(3_600))
        });
        let listen = section.read_with("listen", listen_address);
        section.finish();
        Some(Self { pool: pool?, memory: memory?, scratch: scratch?, drain_timeout: drain_timeout?, listen: listen? })
    }
}

fn read_scratch(mut section: Section<'_>) -> Option<ScratchConfig> {
    let dir = section.read_with("dir", absolute_path);
    let limit = section.read_with("limit", size(ByteSize::mib(64)));
    section.finish();
    Some(ScratchConfig { dir: dir?, limit: limit? })
}

/// A path that does not depend on where the process was started.
pub(crate) fn absolute_path(node: &Node) -> Result<PathBuf, Refusal> {
    let path = PathBuf::from(nonempty_text(node)?);
    match path.is_absolute() {
        true => Ok(path),
        false => Err(Refusal::new("is not an absolute path", "write it from the root, such as /scratch")),
    }
}

fn size(least: ByteSize) -> impl Fn(&Node) -> Result<ByteSize, Refusal> {
    move |node| within(ByteSize::from_node(node)?, least, ByteSize(1 << 40))
}
