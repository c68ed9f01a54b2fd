//! Everything there is: workers, logs, uploads, objects, Kafka, messages under way. Records are bits of a mask.

use std::collections::BTreeMap;

use crate::plan::Plan;

/// Of a file, an attempt or an entry; never used twice in a run.
pub type Tok = u8;
/// Bit `2 * partition + offset`.
pub type Mask = u8;
pub type Key = u8;
pub const PARTITIONS: usize = 2;
pub const WORKERS: usize = 2;

pub fn bit(partition: usize, offset: u8) -> Mask {
    1 << (2 * partition + usize::from(offset))
}

/// All offsets of one partition.
pub fn of(partition: usize) -> Mask {
    bit(partition, 0) | bit(partition, 1)
}

/// A file of a worker that no entry names yet.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct File {
    pub tok: Tok,
    pub mask: Mask,
    /// Takes records; afterwards its parts are durable.
    pub open: bool,
}

/// A file as an entry names it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Named {
    pub tok: Tok,
    pub key: Key,
    pub mask: Mask,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Entry {
    pub tok: Tok,
    pub files: Vec<Named>,
    pub absent: Mask,
    /// By the token a file was first named with.
    pub completed: Vec<Tok>,
    /// First token, new token.
    pub rebuilt: Vec<(Tok, Tok)>,
    pub closing: bool,
}

/// An append whose fate is not known.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Batch {
    pub seq: u8,
    pub entry: Entry,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Worker {
    /// Of the job it works for.
    pub generation: u8,
    pub frozen: bool,
    /// The job stopped here: its log was empty.
    pub stopped: bool,
    /// Partitions it believes to own, a bit each.
    pub owned: u8,
    /// Entries folded.
    pub folded: u8,
    /// What it took from a checkpoint, where the log says something else.
    pub read: Option<Vec<Entry>>,
    pub position: [u8; PARTITIONS],
    /// Partitions whose next record is not the next offset, after an error.
    pub jumped: u8,
    /// Learnt, not in the log yet.
    pub absent: Mask,
    pub files: Vec<File>,
    pub batch: Option<Batch>,
    /// First tokens of files it appended itself.
    pub mine: Vec<Tok>,
    /// First tokens of files it saw visible.
    pub seen: Vec<Tok>,
    /// Rebuilt files that no entry names yet: first token, new token.
    pub rebuilt: Vec<(Tok, Tok)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Upload {
    Open,
    /// A Complete is at work: the server denies the upload and does not show the object yet.
    Slow,
    Done,
    Gone,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct State {
    pub workers: Vec<Worker>,
    /// By generation of the job.
    pub logs: [Vec<Entry>; 2],
    pub log_expired: bool,
    /// The newest one, of the present generation: what it adds up to, as entries.
    pub checkpoint: Vec<Entry>,
    /// An entry was written behind a place where none is.
    pub hole: bool,
    pub uploads: BTreeMap<Tok, (Key, Mask, Upload)>,
    pub objects: BTreeMap<Key, Tok>,
    /// All that was ever visible of this generation.
    pub shown: Vec<(Key, Tok)>,
    /// An object that was visible was replaced.
    pub replaced: bool,
    /// Uploads that a worker aborted.
    pub aborted: Vec<Tok>,
    /// PUTs that timed out and may still arrive: generation, seq, entry.
    pub late: Vec<(u8, u8, Entry)>,
    pub owner: [Option<u8>; PARTITIONS],
    pub committed: [u8; PARTITIONS],
    pub compacted: Mask,
    pub generation: u8,
    /// The next token.
    pub next: Tok,
    /// What may still happen.
    pub left: Left,
}

/// Faults left of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Left {
    pub crashes: u8,
    pub freezes: u8,
    pub moves: u8,
    pub lost_answers: u8,
    pub late_puts: u8,
    pub hollow: u8,
    pub slow_completes: u8,
    pub expiries: u8,
    pub deletes: u8,
    pub compactions: u8,
    pub read_errors: u8,
    pub checkpoints: u8,
    pub log_expires: bool,
    pub recreated: bool,
}

impl State {
    pub fn start(plan: &Plan) -> Self {
        Self {
            workers: vec![Worker::default(); WORKERS],
            logs: [Vec::new(), Vec::new()],
            log_expired: false,
            checkpoint: Vec::new(),
            hole: false,
            uploads: BTreeMap::new(),
            objects: BTreeMap::new(),
            shown: Vec::new(),
            replaced: false,
            aborted: Vec::new(),
            late: Vec::new(),
            owner: [None; PARTITIONS],
            committed: [0; PARTITIONS],
            compacted: 0,
            generation: 0,
            next: 1,
            left: Left {
                crashes: plan.crashes,
                freezes: plan.freezes,
                moves: plan.moves,
                lost_answers: plan.lost_answers,
                late_puts: plan.late_puts,
                hollow: plan.hollow,
                slow_completes: plan.slow_completes,
                expiries: plan.expiries,
                deletes: plan.deletes,
                compactions: plan.compactions,
                read_errors: plan.read_errors,
                checkpoints: plan.checkpoints,
                log_expires: plan.log_expires,
                recreated: plan.recreated,
            },
        }
    }

    pub fn token(&mut self) -> Tok {
        self.next += 1;
        self.next
    }

    pub fn log(&self, worker: usize) -> &[Entry] {
        &self.logs[usize::from(self.workers[worker].generation)]
    }

    pub fn log_end(&self, worker: usize) -> u8 {
        u8::try_from(self.log(worker).len()).unwrap()
    }

    /// What a worker has folded.
    pub fn folded(&self, worker: usize) -> Vec<Entry> {
        let (log, Worker { folded, read, .. }) = (self.log(worker), &self.workers[worker]);
        let read = read.as_deref().unwrap_or_default();
        let tail = log.iter().take(usize::from(*folded)).skip(read.len());
        read.iter().chain(tail).cloned().collect()
    }

    pub fn view(&self, worker: usize) -> View {
        View::of(&self.folded(worker))
    }
}

/// A file that entries name and do not call completed.
#[derive(Debug, Clone)]
pub struct Pending {
    /// As first named.
    pub first: Tok,
    /// The attempt that counts; the tokens before it.
    pub tok: Tok,
    pub earlier: Vec<Tok>,
    pub key: Key,
    pub mask: Mask,
    pub completed: bool,
}

/// What a log adds up to.
#[derive(Debug, Default)]
pub struct View {
    pub held: Mask,
    pub absent: Mask,
    pub files: Vec<Pending>,
    pub closed: bool,
    /// Two entries, or two files of one, hold the same offset.
    pub overlap: bool,
}

impl View {
    pub fn of(entries: &[Entry]) -> Self {
        let mut view = Self::default();
        for entry in entries {
            for file in &entry.files {
                view.overlap |= view.held & file.mask != 0;
                view.held |= file.mask;
                view.files.push(Pending {
                    first: file.tok,
                    tok: file.tok,
                    earlier: Vec::new(),
                    key: file.key,
                    mask: file.mask,
                    completed: false,
                });
            }
            view.absent |= entry.absent;
            for (first, new) in &entry.rebuilt {
                // The first entry for an attempt wins; here there is one attempt.
                if let Some(file) = view.files.iter_mut().find(|f| f.first == *first && f.tok == *first && !f.completed)
                {
                    file.earlier.push(file.tok);
                    file.tok = *new;
                }
            }
            for first in &entry.completed {
                view.files.iter_mut().filter(|file| file.first == *first).for_each(|file| file.completed = true);
            }
            view.closed |= entry.closing;
        }
        view
    }

    pub fn accounted(&self) -> Mask {
        self.held | self.absent
    }

    pub fn pending(&self) -> impl Iterator<Item = &Pending> {
        self.files.iter().filter(|file| !file.completed)
    }

    /// Below it every offset of the partition is in `mask` (exclusive).
    pub fn low_in(mask: Mask, partition: usize) -> u8 {
        (0..2).find(|offset| mask & bit(partition, *offset) == 0).unwrap_or(2)
    }

    pub fn low(&self, partition: usize) -> u8 {
        Self::low_in(self.accounted(), partition)
    }
}
