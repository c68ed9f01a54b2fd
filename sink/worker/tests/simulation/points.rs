//! Where a worker can be hit, and how: the rows and the columns of the crash matrix.

use std::collections::{BTreeMap, VecDeque};

use landfall_commit::Step;
use landfall_s3::Operation;
use landfall_worker::effect::Effect;

macro_rules! named {
    ($(#[$doc:meta])* $type:ident { $($variant:ident => $name:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $type { $($variant,)* }

        impl $type {
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }
    };
}

named! {
    /// A place in the life of a worker, in about the order in which a record passes them.
    Point {
        LoadLog => "load the log",
        Assigned => "assignment",
        Recover => "read commits, bounds and the log's tail",
        Poll => "poll, route, open, append to the buffer",
        Timer => "rotation timer on an idle partition",
        Encode => "encode a chunk",
        EncodeInOrder => "encode with a stateful encoder",
        EncoderFinish => "encoder finish",
        Spill => "spill to scratch",
        CreateUpload => "create upload",
        FirstPart => "first part",
        LaterPart => "later part",
        ProduceLetters => "dead letters to the topic",
        LookAtKey => "look at the key",
        CheckUpload => "look at the parts after a sleep",
        PutSidecar => "write the sidecar",
        VerifyTopics => "verify topic ids",
        Append => "append the entry",
        ReadEntry => "read the entry that was met",
        FoldTail => "fold the tail",
        HeadFile => "HEAD of a file",
        CompleteFirst => "complete the first file of an entry",
        CompleteLater => "complete a later file of an entry",
        ListParts => "list the parts of a refused complete",
        ProveReadable => "prove that bucket and log are readable",
        AbortGone => "abort the upload that is gone",
        Rebuild => "rebuild a lost file",
        KafkaCommit => "commit to Kafka",
        PutCheckpoint => "write a checkpoint",
        AbortLost => "abort the upload of a dropped file",
        Revoked => "revocation",
        Lost => "partitions lost",
    }
}

named! {
    /// What happens there.
    Moment {
        Before => "killed before",
        After => "killed after",
        AnswerLost => "answer lost",
        Late => "effect comes late",
        Twice => "arrives twice",
        Frozen => "frozen past the session",
        Revoked => "partitions taken away",
        Sigterm => "SIGTERM",
    }
}

/// A request that a point stands for: what is spoilt when its answer is lost, comes late or twice.
pub enum Target {
    Store(Operation, String),
    /// Asked of Kafka outside the group.
    Kafka,
    Letters,
}

impl Point {
    pub fn of(effect: &Effect) -> Option<Self> {
        Some(match effect {
            Effect::Encode { .. } => Self::Encode,
            Effect::EncodeInOrder { finish: true, .. } => Self::EncoderFinish,
            Effect::EncodeInOrder { .. } => Self::EncodeInOrder,
            Effect::CreateUpload { .. } => Self::CreateUpload,
            Effect::UploadPart { number: 1, .. } => Self::FirstPart,
            Effect::UploadPart { .. } => Self::LaterPart,
            Effect::Spill { .. } => Self::Spill,
            Effect::LookAtKey { .. } => Self::LookAtKey,
            Effect::CheckUpload { .. } => Self::CheckUpload,
            Effect::Forget { abort: Some(_), .. } | Effect::Abort { .. } => Self::AbortLost,
            Effect::Forget { .. } => return None,
            Effect::PutSidecar { .. } => Self::PutSidecar,
            Effect::VerifyTopics { .. } => Self::VerifyTopics,
            Effect::Append { .. } => Self::Append,
            Effect::ReadEntry { .. } => Self::ReadEntry,
            Effect::LoadLog => Self::LoadLog,
            Effect::FoldTail { .. } => Self::FoldTail,
            Effect::PutCheckpoint { .. } => Self::PutCheckpoint,
            Effect::Complete { step, file_ref, .. } => match step {
                Step::Head => Self::HeadFile,
                Step::Complete { .. } if file_ref.file == 0 => Self::CompleteFirst,
                Step::Complete { .. } => Self::CompleteLater,
                Step::ListParts => Self::ListParts,
                Step::ProveReadable => Self::ProveReadable,
                Step::Abort => Self::AbortGone,
                Step::Wait { .. } | Step::FoldAgain | Step::Finished(_) => return None,
            },
            Effect::Recover { .. } => Self::Recover,
            Effect::ProduceLetters { .. } => Self::ProduceLetters,
            Effect::Rebuild { .. } => Self::Rebuild,
        })
    }

    /// The moments that mean something here.
    pub fn moments(self) -> Vec<Moment> {
        let all = Moment::ALL.iter().copied();
        all.filter(|moment| match moment {
            Moment::Before | Moment::After | Moment::Frozen | Moment::Sigterm => true,
            Moment::Revoked => !matches!(self, Self::Assigned | Self::Revoked | Self::Lost),
            Moment::AnswerLost => !self.is_local(),
            Moment::Late => self.writes() && self != Self::KafkaCommit && self != Self::ProduceLetters,
            Moment::Twice => self.writes(),
        })
        .collect()
    }

    /// No request leaves the process.
    fn is_local(self) -> bool {
        matches!(
            self,
            Self::Assigned
                | Self::Poll
                | Self::Timer
                | Self::Encode
                | Self::EncodeInOrder
                | Self::EncoderFinish
                | Self::Spill
                | Self::Revoked
                | Self::Lost
        )
    }

    fn writes(self) -> bool {
        matches!(
            self,
            Self::CreateUpload
                | Self::FirstPart
                | Self::LaterPart
                | Self::PutSidecar
                | Self::Append
                | Self::CompleteFirst
                | Self::CompleteLater
                | Self::AbortGone
                | Self::AbortLost
                | Self::Rebuild
                | Self::PutCheckpoint
                | Self::KafkaCommit
                | Self::ProduceLetters
        )
    }
}

/// The first request of an effect.
pub fn target(effect: &Effect) -> Option<Target> {
    let store = |operation: Operation, key: &str| Some(Target::Store(operation, key.to_owned()));
    match effect {
        Effect::CreateUpload { key, .. } => store(Operation::CreateUpload, key),
        Effect::UploadPart { key, .. } => store(Operation::UploadPart, key),
        Effect::LookAtKey { key, .. } => store(Operation::Head, key),
        Effect::CheckUpload { key, .. } => store(Operation::ListParts, key),
        Effect::Forget { abort: Some((_, key, _)), .. } | Effect::Abort { key, .. } => {
            store(Operation::AbortUpload, key)
        }
        Effect::PutSidecar { key, .. } | Effect::Append { key, .. } | Effect::PutCheckpoint { key, .. } => {
            store(Operation::Put, key)
        }
        Effect::ReadEntry { .. } => store(Operation::Get, "/log/"),
        Effect::LoadLog => store(Operation::List, "/checkpoint/"),
        Effect::FoldTail { .. } => store(Operation::List, "/log/"),
        Effect::Complete { step, pending, .. } => match step {
            Step::Head => store(Operation::Head, &pending.file.key),
            Step::Complete { .. } => store(Operation::CompleteUpload, &pending.file.key),
            Step::ListParts => store(Operation::ListParts, &pending.file.key),
            Step::ProveReadable => store(Operation::Get, "/log/"),
            Step::Abort => store(Operation::AbortUpload, &pending.file.key),
            Step::Wait { .. } | Step::FoldAgain | Step::Finished(_) => None,
        },
        Effect::Rebuild { pending, .. } => store(Operation::CreateUpload, &pending.file.key),
        Effect::VerifyTopics { .. } | Effect::Recover { .. } => Some(Target::Kafka),
        Effect::ProduceLetters { .. } => Some(Target::Letters),
        Effect::Encode { .. } | Effect::EncodeInOrder { .. } | Effect::Spill { .. } | Effect::Forget { .. } => None,
    }
}

/// A hit: the point's occurrence after `skip` others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Planned {
    pub point: Point,
    pub moment: Moment,
    pub skip: u64,
}

/// What becomes of the worker that was hit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Crash,
    Freeze,
    Revoke,
    Sigterm,
}

/// Watches the points of all workers. The plans come one after another: a later one counts from the hit before it.
#[derive(Debug, Default)]
pub struct Trap {
    pub plans: VecDeque<Planned>,
    pub hits: BTreeMap<Point, u64>,
    /// For the worker whose turn it is.
    pub verdict: Option<Verdict>,
}

impl Trap {
    pub fn hit(&mut self, point: Point) -> Option<Moment> {
        *self.hits.entry(point).or_default() += 1;
        let next = self.plans.front_mut().filter(|plan| plan.point == point)?;
        if next.skip > 0 {
            next.skip -= 1;
            return None;
        }
        let moment = next.moment;
        self.plans.pop_front();
        self.verdict = match moment {
            // After an effect is for the caller to see: it is over when its task is.
            Moment::Before | Moment::After => Some(Verdict::Crash),
            Moment::Frozen => Some(Verdict::Freeze),
            Moment::Revoked => Some(Verdict::Revoke),
            Moment::Sigterm => Some(Verdict::Sigterm),
            Moment::AnswerLost | Moment::Late | Moment::Twice => None,
        };
        Some(moment)
    }
}
