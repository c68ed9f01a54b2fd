//! What may go wrong in a run, how often, and which rules hold.

/// The rules of the protocol that can be taken away.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// The appender checks disjointness against all that it has folded.
    pub disjoint: bool,
    /// ... and the files of one entry against each other.
    pub disjoint_within: bool,
    /// While an append's fate is unknown the same body is sent again, and nothing else.
    pub same_body: bool,
    /// Whoever folds an entry completes its files for the partitions it owns.
    pub take_over: bool,
    /// A record read again is passed over when it is held by an own file, not only when it is accounted.
    pub skip_held: bool,
    /// Dropping a file makes its records owed: the worker seeks back.
    pub owe: bool,
    /// Absence is learnt only without an error since the last record.
    pub unbroken: bool,
    /// A file that holds an offset already absent has lost.
    pub absent_loses: bool,
    /// An empty log of an existing job stops it.
    pub empty_log_stops: bool,
    /// Deleting a job appends a closing entry; nothing comes after it.
    pub closing: bool,
    /// Complete carries If-None-Match.
    pub complete_if_absent: bool,
    /// A file is visible only when HEAD shows it, whatever Complete answered.
    pub head_decides: bool,
    /// An upload is called gone only when it cannot become visible any more.
    pub grace: bool,
    /// Uploads that an append of unknown fate names are not aborted.
    pub keep_unknown: bool,
    /// Kafka's offset is the low of visible files, not of the log.
    pub commit_visible: bool,
    /// A checkpoint holds what was folded, nothing of an append whose fate is unknown.
    pub checkpoint_folded: bool,
}

impl Rules {
    pub fn all() -> Self {
        Self {
            disjoint: true,
            disjoint_within: true,
            same_body: true,
            take_over: true,
            skip_held: true,
            owe: true,
            unbroken: true,
            absent_loses: true,
            empty_log_stops: true,
            closing: true,
            complete_if_absent: true,
            head_decides: true,
            grace: true,
            keep_unknown: true,
            commit_visible: true,
            checkpoint_folded: true,
        }
    }
}

/// How often each fault may happen.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    pub name: &'static str,
    /// Keys are named by their first record, not by a unique part.
    pub named_by_offset: bool,
    /// Records of partition 0 and of partition 1.
    pub records: [u8; 2],
    pub crashes: u8,
    pub freezes: u8,
    /// Partitions that move to another live worker.
    pub moves: u8,
    /// PUTs of an entry that take effect although the answer is lost.
    pub lost_answers: u8,
    /// PUTs of an entry that time out and arrive later, or never.
    pub late_puts: u8,
    /// Completes that answer 200 and do nothing.
    pub hollow: u8,
    /// Completes that are denied and take effect later.
    pub slow_completes: u8,
    /// Open uploads that the server drops.
    pub expiries: u8,
    /// Visible objects of completed files that a reader deletes.
    pub deletes: u8,
    /// Records that compaction takes.
    pub compactions: u8,
    /// Consumer errors after which the next record is not the next offset.
    pub read_errors: u8,
    /// Checkpoints that are written. Those that are not, or are of an older entry, are the lost and the stale ones.
    pub checkpoints: u8,
    /// The log's objects are deleted.
    pub log_expires: bool,
    /// The job is deleted, its objects too, and created again under the same name.
    pub recreated: bool,
}

const NONE: Plan = Plan {
    name: "",
    named_by_offset: false,
    records: [2, 1],
    crashes: 0,
    freezes: 0,
    moves: 0,
    lost_answers: 0,
    late_puts: 0,
    hollow: 0,
    slow_completes: 0,
    expiries: 0,
    deletes: 0,
    compactions: 0,
    read_errors: 0,
    checkpoints: 0,
    log_expires: false,
    recreated: false,
};

pub const PLANS: &[Plan] = &[
    Plan { name: "calm", records: [2, 2], ..NONE },
    Plan { name: "a crash", crashes: 1, ..NONE },
    Plan { name: "two crashes", records: [2, 0], crashes: 2, ..NONE },
    Plan { name: "a partition moves", records: [1, 1], moves: 1, ..NONE },
    Plan { name: "a partition moves twice", moves: 2, ..NONE },
    Plan { name: "a zombie wakes", freezes: 1, moves: 1, ..NONE },
    Plan {
        name: "a zombie wakes, names by offset",
        records: [2, 0],
        named_by_offset: true,
        freezes: 1,
        moves: 1,
        ..NONE
    },
    Plan { name: "a lost answer and a crash", records: [2, 0], lost_answers: 1, crashes: 1, ..NONE },
    Plan { name: "a late PUT of a dead worker", records: [2, 0], late_puts: 1, crashes: 1, ..NONE },
    Plan { name: "a late PUT and a move", records: [2, 0], late_puts: 1, moves: 1, ..NONE },
    Plan { name: "a hollow 200 and a crash", records: [2, 0], hollow: 1, crashes: 1, ..NONE },
    Plan { name: "an upload expires", records: [2, 0], expiries: 1, crashes: 1, ..NONE },
    Plan { name: "an upload expires, a reader deletes", records: [2, 0], expiries: 1, deletes: 1, moves: 1, ..NONE },
    Plan { name: "a slow Complete and a zombie", records: [2, 0], slow_completes: 1, freezes: 1, moves: 1, ..NONE },
    Plan {
        name: "a slow Complete, a reader deletes",
        records: [1, 0],
        slow_completes: 1,
        deletes: 1,
        moves: 1,
        ..NONE
    },
    Plan { name: "a zombie wakes over a deleted object", records: [1, 0], freezes: 1, moves: 1, deletes: 1, ..NONE },
    Plan { name: "compaction and a zombie", records: [2, 0], compactions: 1, freezes: 1, moves: 1, ..NONE },
    Plan { name: "a reader deletes", records: [2, 0], deletes: 1, moves: 1, ..NONE },
    Plan { name: "a consumer error", records: [2, 0], read_errors: 1, crashes: 1, ..NONE },
    Plan { name: "checkpoints and a crash", records: [2, 1], checkpoints: 2, crashes: 1, ..NONE },
    Plan {
        name: "a checkpoint, a late PUT of a dead worker",
        records: [2, 0],
        checkpoints: 1,
        late_puts: 1,
        crashes: 1,
        ..NONE
    },
    Plan { name: "a zombie's checkpoint", records: [2, 0], checkpoints: 2, freezes: 1, moves: 1, ..NONE },
    Plan { name: "the log is deleted", records: [1, 1], log_expires: true, crashes: 1, ..NONE },
    Plan {
        name: "created again under a zombie",
        records: [1, 0],
        named_by_offset: true,
        freezes: 1,
        recreated: true,
        ..NONE
    },
    Plan { name: "created again with a late PUT", records: [1, 0], late_puts: 1, recreated: true, ..NONE },
];

type TakeAway = fn(&mut Rules);

/// The rule, how it is taken away, the plan that shows it, and the invariant that breaks.
pub const BROKEN: &[(&str, TakeAway, &str, &str)] = &[
    ("entries are disjoint", |rules| rules.disjoint = false, "a zombie wakes", "I3 disjoint"),
    ("the same body again", |rules| rules.same_body = false, "a late PUT and a move", "I8 own uploads only"),
    ("whoever folds takes over", |rules| rules.take_over = false, "a late PUT of a dead worker", "I7 everything lands"),
    (
        "skip what is held, and files of an entry are disjoint",
        |rules| (rules.skip_held, rules.disjoint_within) = (false, false),
        "a partition moves twice",
        "I2 no duplicate",
    ),
    ("a dropped file is owed", |rules| rules.owe = false, "a partition moves", "I7 everything lands"),
    ("absence only without an error", |rules| rules.unbroken = false, "a consumer error", "I1 no loss"),
    ("absent loses", |rules| rules.absent_loses = false, "compaction and a zombie", "I1 no loss"),
    ("an empty log stops", |rules| rules.empty_log_stops = false, "the log is deleted", "I2 no duplicate"),
    ("closing", |rules| rules.closing = false, "created again under a zombie", "I4 named"),
    ("head decides", |rules| rules.head_decides = false, "a hollow 200 and a crash", "I7 everything lands"),
    ("gone after a grace", |rules| rules.grace = false, "a slow Complete, a reader deletes", "I2 no duplicate"),
    ("keep what may be appended", |rules| rules.keep_unknown = false, "a late PUT and a move", "I8 own uploads only"),
    ("commit what is visible", |rules| rules.commit_visible = false, "a crash", "I5 commit not ahead"),
    (
        "checkpoints hold what was folded",
        |rules| rules.checkpoint_folded = false,
        "a checkpoint, a late PUT of a dead worker",
        "I3 disjoint",
    ),
    (
        "complete if absent, and a grace",
        |rules| (rules.complete_if_absent, rules.grace) = (false, false),
        "a slow Complete and a zombie",
        "I6 unchanged",
    ),
];
