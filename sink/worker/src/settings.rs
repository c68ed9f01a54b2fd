//! What an engine and its I/O are told by the operator, with the defaults of `docs/performance.md`.

/// Sizes in bytes, times in ms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineSettings {
    /// A part is sent when this much is encoded; at least 5 MiB (S3's smallest), doubled every 1,000 parts.
    pub part_size_bytes: u64,
    /// An open file's raw records are sealed into a chunk at this size.
    pub chunk_bytes: usize,
    /// A file with less than this waiting is not worth a trip to scratch.
    pub min_spill_bytes: u64,
    /// Uploads of one file at once.
    pub parts_in_flight_per_file: usize,
    /// Between a partition's revocation (or a shutdown) and giving it back: time to close and append.
    pub revoke_budget_ms: i64,
    /// Two appends of this worker are at least so far apart, times the number of live writers.
    pub append_interval_ms: i64,
    /// An entry that only says what is completed or absent waits this long for files to ride with.
    pub idle_entry_ms: i64,
    /// Between two entries that only declare offsets which no file holds: a topic of which hardly a record is wanted would
    /// else have one every [`idle_entry_ms`](Self::idle_entry_ms).
    pub declare_again_ms: i64,
    /// How often an idle worker looks for entries of others.
    pub tail_poll_ms: i64,
    /// Between two sightings of a denied upload: longer than the longest Complete, which a server may go on with after
    /// the client's own time limit of 120 s.
    pub complete_grace_ms: i64,
    /// Kafka commits are at most so frequent.
    pub commit_interval_ms: i64,
    /// ... and are repeated this often while idle.
    pub commit_again_ms: i64,
    /// Offsets between `low` and the position of a partition; beyond it the file that holds `low` back closes.
    pub max_span: u64,
    /// Entries between two checkpoints.
    pub checkpoint_every: u64,
    pub max_open_files: usize,
    /// A larger record is a dead letter, whatever the job allows.
    pub max_record_bytes: u64,
    /// Files that are closed and not in the log yet; with more, no record is taken.
    pub max_unappended_files: usize,
    /// Files of one entry.
    pub max_entry_files: usize,
    /// A pause between two calls of the engine longer than this means that the process was frozen.
    pub frozen_after_ms: i64,
    /// Completions at work at once.
    pub max_completions: usize,
}

impl Default for EngineSettings {
    fn default() -> Self {
        Self {
            part_size_bytes: 16 << 20,
            min_spill_bytes: 64 << 10,
            chunk_bytes: 1 << 20,
            parts_in_flight_per_file: 4,
            revoke_budget_ms: 8_000,
            append_interval_ms: 500,
            idle_entry_ms: 2_000,
            declare_again_ms: 10_000,
            tail_poll_ms: 10_000,
            complete_grace_ms: 300_000,
            commit_interval_ms: 1_000,
            commit_again_ms: 60_000,
            max_span: 10_000_000,
            checkpoint_every: 64,
            max_open_files: 10_000,
            max_record_bytes: u64::MAX,
            max_unappended_files: 10_000,
            max_entry_files: 1_000,
            frozen_after_ms: 5_000,
            max_completions: 32,
        }
    }
}

impl EngineSettings {
    /// Sized for a process whose buffers may take `budget_bytes`.
    #[must_use]
    pub fn for_budget(budget_bytes: u64) -> Self {
        let default = Self::default();
        Self {
            part_size_bytes: (budget_bytes / 32).clamp(5 << 20, default.part_size_bytes),
            // In its file, at the encoder, encoded and in a part: a few of them must fit at once.
            max_record_bytes: budget_bytes / 8,
            ..default
        }
    }
}
