//! How one committed file becomes visible: a small state machine that says the next request and takes its answer.
//!
//! Invariants: a file is visible only when a HEAD shows its token and length, whatever Complete answered; nothing is
//! called gone before it was seen gone twice, a grace apart, the log was folded again, the bucket was proven readable,
//! the upload was aborted and one more HEAD found nothing. Sources: AWS CompleteMultipartUpload (a 200 may carry an
//! error, a repeated Complete may be answered either way); what servers do when killed in the middle of a Complete.

use crate::entry::{FileEntry, Part};
use crate::ids::Token;

/// Refusals of one Complete (InvalidPart with equal parts, a 4xx, hollow successes) before the upload is given up.
const MAX_REFUSALS: u32 = 8;
const BACKOFF_BASE_MS: u64 = 200;
const BACKOFF_CAP_MS: u64 = 30_000;

/// The next request to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    Head,
    /// With the job's condition on existing objects and these parts.
    Complete {
        parts: Vec<Part>,
    },
    ListParts,
    /// Sleep, then answer [`Answer::Waited`]. `alarm`: it will not heal by itself, say what it waits for.
    Wait {
        ms: u64,
        alarm: bool,
    },
    /// Fold the log to its end, then answer [`Answer::Folded`].
    FoldAgain,
    /// HEAD an object known to be in the data bucket and GET the log's last entry.
    ProveReadable,
    Abort,
    Finished(Verdict),
}

/// How it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    Visible,
    /// The upload is proven gone: rebuild.
    Gone,
    /// The log meanwhile calls the file completed, rebuilt or lost: somebody else saw to it.
    Superseded,
    /// Another writer's object lies under our key: the job stops and says whose.
    Foreign {
        token: Option<String>,
    },
    /// An object with our token and another length: the store or a reader changed it. The job stops.
    Damaged {
        length_bytes: u64,
    },
}

/// What a HEAD showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HeadAnswer {
    Found {
        token: Option<String>,
        length_bytes: u64,
    },
    Missing,
    /// 403, `NoSuchBucket`: no evidence of anything.
    Refused,
    Unknown,
}

/// What a Complete was answered with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CompleteAnswer {
    Ok,
    PreconditionFailed,
    NoSuchUpload,
    InvalidPart,
    /// 409, 5xx, time-out, reset, throttled.
    Unknown,
    /// 403 or `NoSuchBucket`: somebody must mend something; says nothing about the upload.
    Forbidden,
    /// Any other 4xx.
    Refused,
}

/// What ListParts showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UploadFate {
    Parts(Vec<Part>),
    NoSuchUpload,
    Refused,
    Unknown,
}

/// The answer to the step before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    Start,
    Head(HeadAnswer),
    Complete(CompleteAnswer),
    Parts(UploadFate),
    Waited,
    /// `same`: the log still has the file pending in the same attempt.
    Folded {
        same: bool,
    },
    /// `true`: both were readable.
    Readable(bool),
    Aborted,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Looking before touching: the file was taken over from the log.
    First,
    Completing,
    /// The upload was denied twice; the checks before the verdict.
    Doubting,
    /// Aborted; one last HEAD.
    Last,
}

/// One file on its way to being visible.
#[derive(Debug, Clone)]
pub struct Completion {
    /// Token and length of the object that is looked for; first the present attempt's, then those of the ones before.
    wanted: Vec<(String, u64)>,
    parts: Vec<Part>,
    phase: Phase,
    last_complete: Option<CompleteAnswer>,
    refusals: u32,
    waits: u32,
    denied_since_ms: Option<i64>,
    in_grace: bool,
    foreign: Option<Option<String>>,
    /// What to do once a wait is over.
    resume: Step,
    grace_ms: i64,
}

impl Completion {
    /// `taken_over`: the file was learnt from the log, so somebody may have completed it already: HEAD first, since two
    /// Completes that meet are answered hollowly by some servers. `grace_ms` is longer than the longest Complete.
    #[must_use]
    pub fn new(file: &FileEntry, taken_over: bool, grace_ms: i64) -> Self {
        Self {
            wanted: vec![(file.token.as_str().to_owned(), file.bytes)],
            parts: file.parts.clone(),
            phase: if taken_over { Phase::First } else { Phase::Completing },
            last_complete: None,
            refusals: 0,
            waits: 0,
            denied_since_ms: None,
            in_grace: false,
            foreign: None,
            resume: Step::Head,
            grace_ms,
        }
    }

    /// Earlier attempts of a file that was rebuilt: their object holds the same records.
    #[must_use]
    pub fn or_earlier(mut self, attempts: &[(Token, u64)]) -> Self {
        self.wanted.extend(attempts.iter().map(|(token, bytes)| (token.as_str().to_owned(), *bytes)));
        self
    }

    /// Takes the answer to the last step and says the next.
    pub fn advance(&mut self, answer: Answer, now_ms: i64) -> Step {
        match answer {
            Answer::Start if self.phase == Phase::First => Step::Head,
            Answer::Start => self.complete(),
            Answer::Head(head) => self.on_head(head),
            Answer::Complete(complete) => self.on_complete(complete),
            Answer::Parts(fate) => self.on_parts(fate, now_ms),
            Answer::Waited => self.resume.clone(),
            Answer::Folded { same: false } => Step::Finished(Verdict::Superseded),
            Answer::Folded { same: true } => match self.foreign.take() {
                Some(token) => Step::Finished(Verdict::Foreign { token }),
                None => Step::ProveReadable,
            },
            Answer::Readable(true) => {
                self.phase = Phase::Last;
                Step::Abort
            }
            Answer::Readable(false) => self.wait_then(Step::ProveReadable, true),
            Answer::Aborted => Step::Head,
        }
    }

    /// After a verdict of [`Verdict::Gone`] whose rebuild failed: answer [`Answer::Waited`] next. The file is looked for
    /// again, with what is known of its upload: the grace since the first denial is not waited for once more.
    pub fn look_again(&mut self) {
        self.phase = Phase::Doubting;
        self.resume = Step::Head;
    }

    /// The upload was denied, and the wait under way is the grace before it is believed.
    #[must_use]
    pub fn doubts(&self) -> bool {
        self.in_grace
    }

    fn complete(&mut self) -> Step {
        self.phase = Phase::Completing;
        Step::Complete { parts: self.parts.clone() }
    }

    fn on_head(&mut self, head: HeadAnswer) -> Step {
        match head {
            HeadAnswer::Found { token, length_bytes } => {
                let ours = self.wanted.iter().find(|(wanted, _)| token.as_deref() == Some(wanted.as_str()));
                match ours {
                    Some((_, wanted_bytes)) if length_bytes == *wanted_bytes => Step::Finished(Verdict::Visible),
                    Some(_) => Step::Finished(Verdict::Damaged { length_bytes }),
                    None => {
                        // It may be a later attempt's of our own log, by another worker: fold before any verdict.
                        self.foreign = Some(token);
                        Step::FoldAgain
                    }
                }
            }
            HeadAnswer::Refused => self.wait_then(Step::Head, true),
            HeadAnswer::Unknown => self.wait_then(Step::Head, false),
            HeadAnswer::Missing => self.on_missing(),
        }
    }

    fn on_missing(&mut self) -> Step {
        match (self.phase, self.last_complete) {
            (Phase::Last, _) => Step::Finished(Verdict::Gone),
            (Phase::Doubting, _) => Step::ListParts,
            (Phase::First, _) | (Phase::Completing, None) => self.complete(),
            (Phase::Completing, Some(CompleteAnswer::Unknown)) => {
                let again = Step::Complete { parts: self.parts.clone() };
                self.wait_then(again, false)
            }
            (Phase::Completing, Some(CompleteAnswer::Forbidden)) => {
                let again = Step::Complete { parts: self.parts.clone() };
                self.wait_then(again, true)
            }
            // A hollow 200, a 412 with nothing there, an upload denied, a refusal: is the upload still there?
            (
                Phase::Completing,
                Some(
                    CompleteAnswer::Ok
                    | CompleteAnswer::PreconditionFailed
                    | CompleteAnswer::NoSuchUpload
                    | CompleteAnswer::InvalidPart
                    | CompleteAnswer::Refused,
                ),
            ) => Step::ListParts,
        }
    }

    fn on_complete(&mut self, answer: CompleteAnswer) -> Step {
        self.last_complete = Some(answer);
        match answer {
            CompleteAnswer::InvalidPart => {
                self.refusals += 1;
                Step::ListParts
            }
            CompleteAnswer::Refused
            | CompleteAnswer::Ok
            | CompleteAnswer::PreconditionFailed
            | CompleteAnswer::NoSuchUpload => {
                self.refusals += 1;
                Step::Head
            }
            CompleteAnswer::Unknown | CompleteAnswer::Forbidden => Step::Head,
        }
    }

    fn on_parts(&mut self, fate: UploadFate, now_ms: i64) -> Step {
        match fate {
            UploadFate::Unknown => self.wait_then(Step::ListParts, false),
            UploadFate::Refused => self.wait_then(Step::ListParts, true),
            UploadFate::NoSuchUpload => self.on_denied(now_ms),
            UploadFate::Parts(there) => {
                self.denied_since_ms = None;
                self.phase = Phase::Completing;
                match adopt_parts(&self.parts, &there) {
                    Some(parts) if self.refusals < MAX_REFUSALS => {
                        self.parts = parts;
                        let again = Step::Complete { parts: self.parts.clone() };
                        self.wait_then(again, false)
                    }
                    // Other bytes under our part numbers, or a server that refuses for ever: give the upload up.
                    Some(_) | None => self.give_up(),
                }
            }
        }
    }

    /// The server denies the upload. While a Complete is at work it may, and not show the object yet: once is no proof.
    fn on_denied(&mut self, now_ms: i64) -> Step {
        self.phase = Phase::Doubting;
        match self.denied_since_ms {
            Some(since) if now_ms.saturating_sub(since) >= self.grace_ms => self.give_up(),
            Some(since) => self.wait_exactly(since.saturating_add(self.grace_ms).saturating_sub(now_ms)),
            None => {
                self.denied_since_ms = Some(now_ms);
                self.wait_exactly(self.grace_ms)
            }
        }
    }

    fn give_up(&mut self) -> Step {
        self.phase = Phase::Doubting;
        Step::FoldAgain
    }

    fn wait_exactly(&mut self, ms: i64) -> Step {
        self.resume = Step::Head;
        self.in_grace = true;
        Step::Wait { ms: u64::try_from(ms).unwrap_or(0).max(1), alarm: false }
    }

    fn wait_then(&mut self, resume: Step, alarm: bool) -> Step {
        self.in_grace = false;
        self.resume = resume;
        let ms = BACKOFF_BASE_MS.saturating_mul(1 << self.waits.min(12)).min(BACKOFF_CAP_MS);
        self.waits = self.waits.saturating_add(1);
        Step::Wait { ms, alarm }
    }
}

/// The parts as the server shows them, if they are ours: the same numbers, sizes and checksums. A part request that
/// timed out may have landed late under another ETag (with KMS equal bytes differ in it).
fn adopt_parts(ours: &[Part], there: &[Part]) -> Option<Vec<Part>> {
    ours.iter()
        .map(|part| {
            let shown = there.iter().find(|shown| shown.number == part.number)?;
            let same_checksum = shown.crc64nvme.is_empty() || shown.crc64nvme == part.crc64nvme;
            (shown.size_bytes == part.size_bytes && same_checksum)
                .then(|| Part { etag: shown.etag.clone(), ..part.clone() })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::FileKind;

    fn part(etag: &str) -> Part {
        Part { number: 1, etag: etag.into(), size_bytes: 10, crc64nvme: "crc".into() }
    }

    fn file() -> FileEntry {
        FileEntry {
            key: "k".into(),
            bucket: "b".into(),
            token: "ours".into(),
            upload_id: "u".into(),
            parts: vec![part("e1")],
            bytes: 10,
            records: 1,
            kind: FileKind::Data,
            min_timestamp_ms: 0,
            max_timestamp_ms: 0,
        }
    }

    fn fresh() -> Completion {
        Completion::new(&file(), false, 1000)
    }

    fn ours() -> Answer {
        Answer::Head(HeadAnswer::Found { token: Some("ours".into()), length_bytes: 10 })
    }

    fn missing() -> Answer {
        Answer::Head(HeadAnswer::Missing)
    }

    /// Feeds answers, skipping waits, and returns the step after the last.
    fn run(completion: &mut Completion, now_ms: &mut i64, answers: Vec<Answer>) -> Step {
        let mut step = completion.advance(Answer::Start, *now_ms);
        for answer in answers {
            while let Step::Wait { ms, .. } = step {
                *now_ms += i64::try_from(ms).unwrap_or(0);
                step = completion.advance(Answer::Waited, *now_ms);
            }
            step = completion.advance(answer, *now_ms);
        }
        step
    }

    #[test]
    fn whatever_complete_answers_only_a_head_with_our_token_and_length_is_visible() {
        for answer in [
            CompleteAnswer::Ok,
            CompleteAnswer::PreconditionFailed,
            CompleteAnswer::NoSuchUpload,
            CompleteAnswer::Unknown,
            CompleteAnswer::Refused,
            CompleteAnswer::Forbidden,
        ] {
            let step = run(&mut fresh(), &mut 0, vec![Answer::Complete(answer)]);
            assert_eq!(step, Step::Head, "{answer:?} must be followed by a HEAD");
            let step = run(&mut fresh(), &mut 0, vec![Answer::Complete(answer), ours()]);
            assert_eq!(step, Step::Finished(Verdict::Visible), "{answer:?}");
        }
    }

    #[test]
    fn an_object_of_an_earlier_attempt_of_the_same_file_is_the_file() {
        let found =
            |token: &str, length_bytes| Answer::Head(HeadAnswer::Found { token: Some(token.to_owned()), length_bytes });
        let earlier = [(Token::from("first"), 12)];
        let answered = |answer| {
            run(
                &mut fresh().or_earlier(&earlier),
                &mut 0,
                vec![Answer::Complete(CompleteAnswer::PreconditionFailed), answer],
            )
        };
        assert_eq!(answered(found("first", 12)), Step::Finished(Verdict::Visible));
        assert_eq!(answered(found("first", 10)), Step::Finished(Verdict::Damaged { length_bytes: 10 }));
        assert_eq!(answered(found("other", 12)), Step::FoldAgain);
    }

    #[test]
    fn a_file_taken_over_is_looked_at_before_it_is_completed() {
        let mut completion = Completion::new(&file(), true, 1000);
        assert_eq!(completion.advance(Answer::Start, 0), Step::Head);
        assert_eq!(completion.advance(missing(), 0), Step::Complete { parts: vec![part("e1")] });
    }

    #[test]
    fn a_hollow_200_with_the_upload_still_there_is_completed_again() {
        let step = run(
            &mut fresh(),
            &mut 0,
            vec![
                Answer::Complete(CompleteAnswer::Ok),
                missing(),
                Answer::Parts(UploadFate::Parts(vec![part("e1")])),
                Answer::Complete(CompleteAnswer::Ok),
            ],
        );
        assert_eq!(step, Step::Head);
    }

    #[test]
    fn an_upload_denied_once_is_not_gone() {
        let mut now = 0;
        let mut completion = fresh();
        let step = run(
            &mut completion,
            &mut now,
            vec![Answer::Complete(CompleteAnswer::NoSuchUpload), missing(), Answer::Parts(UploadFate::NoSuchUpload)],
        );
        assert_eq!(step, Step::Wait { ms: 1000, alarm: false });
        assert_eq!(completion.advance(Answer::Waited, 1000), Step::Head);
        assert_eq!(completion.advance(ours(), 1000), Step::Finished(Verdict::Visible), "it became visible late");
    }

    #[test]
    fn gone_is_a_verdict_only_after_every_check() {
        let mut now = 0;
        let denied = || vec![missing(), Answer::Parts(UploadFate::NoSuchUpload)];
        let mut answers = vec![Answer::Complete(CompleteAnswer::NoSuchUpload)];
        answers.extend(denied());
        answers.extend(denied());
        let mut completion = fresh();
        assert_eq!(run(&mut completion, &mut now, answers), Step::FoldAgain);
        assert_eq!(completion.advance(Answer::Folded { same: true }, now), Step::ProveReadable);
        assert_eq!(completion.advance(Answer::Readable(true), now), Step::Abort);
        assert_eq!(completion.advance(Answer::Aborted, now), Step::Head);
        assert_eq!(completion.advance(missing(), now), Step::Finished(Verdict::Gone));
    }

    #[test]
    fn a_bucket_that_cannot_be_read_proves_nothing() {
        let mut completion = fresh();
        assert_eq!(completion.advance(Answer::Readable(false), 0), Step::Wait { ms: 200, alarm: true });
        assert_eq!(completion.advance(Answer::Waited, 0), Step::ProveReadable);
        assert!(matches!(completion.advance(Answer::Head(HeadAnswer::Refused), 0), Step::Wait { alarm: true, .. }));
    }

    #[test]
    fn a_foreign_object_is_a_verdict_only_after_folding_again() {
        let foreign = || Answer::Head(HeadAnswer::Found { token: Some("other".into()), length_bytes: 10 });
        let mut completion = fresh();
        assert_eq!(
            run(&mut completion, &mut 0, vec![Answer::Complete(CompleteAnswer::PreconditionFailed), foreign()]),
            Step::FoldAgain
        );
        let mut superseded = completion.clone();
        assert_eq!(superseded.advance(Answer::Folded { same: false }, 0), Step::Finished(Verdict::Superseded));
        assert_eq!(
            completion.advance(Answer::Folded { same: true }, 0),
            Step::Finished(Verdict::Foreign { token: Some("other".into()) })
        );
    }

    #[test]
    fn a_part_that_landed_late_is_taken_under_its_new_etag_only_with_the_same_bytes() {
        let complete_with = |shown: Part| {
            let mut completion = fresh();
            let mut now = 0;
            let step = run(
                &mut completion,
                &mut now,
                vec![Answer::Complete(CompleteAnswer::InvalidPart), Answer::Parts(UploadFate::Parts(vec![shown]))],
            );
            match step {
                Step::Wait { .. } => completion.advance(Answer::Waited, now),
                other => other,
            }
        };
        assert_eq!(complete_with(part("late")), Step::Complete { parts: vec![part("late")] });
        assert_eq!(complete_with(Part { crc64nvme: "other".into(), ..part("late") }), Step::FoldAgain);
        assert_eq!(complete_with(Part { size_bytes: 11, ..part("late") }), Step::FoldAgain);
    }

    #[test]
    fn no_server_can_make_it_loop_for_ever_on_refusals() {
        for answer in
            [CompleteAnswer::InvalidPart, CompleteAnswer::Refused, CompleteAnswer::Ok, CompleteAnswer::NoSuchUpload]
        {
            let (mut completion, mut now) = (fresh(), 0);
            let mut step = completion.advance(Answer::Start, now);
            for _ in 0..200 {
                step = match step {
                    Step::Complete { .. } => completion.advance(Answer::Complete(answer), now),
                    Step::Head => completion.advance(missing(), now),
                    Step::ListParts => completion.advance(Answer::Parts(UploadFate::Parts(vec![part("e1")])), now),
                    Step::Wait { ms, .. } => {
                        now += i64::try_from(ms).unwrap_or(0);
                        completion.advance(Answer::Waited, now)
                    }
                    Step::FoldAgain => completion.advance(Answer::Folded { same: true }, now),
                    Step::ProveReadable => completion.advance(Answer::Readable(true), now),
                    Step::Abort => completion.advance(Answer::Aborted, now),
                    Step::Finished(_) => break,
                };
            }
            assert_eq!(step, Step::Finished(Verdict::Gone), "{answer:?}");
        }
    }

    #[test]
    fn a_rebuild_that_failed_is_tried_again_without_a_second_grace_but_not_without_a_look() {
        let denied = || vec![missing(), Answer::Parts(UploadFate::NoSuchUpload)];
        let proof = || vec![Answer::Folded { same: true }, Answer::Readable(true), Answer::Aborted, missing()];
        let (mut completion, mut now) = (fresh(), 0);
        let mut answers = vec![Answer::Complete(CompleteAnswer::NoSuchUpload)];
        answers.extend(denied());
        assert!(!completion.doubts());
        assert!(matches!(run(&mut completion, &mut now, answers), Step::Wait { .. }));
        assert!(completion.doubts(), "the grace is what it waits for");
        assert_eq!(completion.advance(Answer::Waited, now), Step::Head);
        let mut step = Step::Head;
        for answer in [denied(), proof()].concat() {
            step = completion.advance(answer, now);
        }
        assert_eq!(step, Step::Finished(Verdict::Gone));

        let began = now;
        completion.look_again();
        assert_eq!(completion.advance(Answer::Waited, now), Step::Head);
        let steps: Vec<Step> =
            [denied(), proof()].concat().into_iter().map(|answer| completion.advance(answer, now)).collect();
        assert_eq!(steps[0], Step::ListParts, "one look is not enough");
        assert_eq!((steps.last(), now), (Some(&Step::Finished(Verdict::Gone)), began));

        // A Complete that outlived the first verdict after all.
        completion.look_again();
        assert_eq!(completion.advance(Answer::Waited, now), Step::Head);
        let ours = Answer::Head(HeadAnswer::Found { token: Some("ours".into()), length_bytes: 10 });
        assert_eq!(completion.advance(ours, now), Step::Finished(Verdict::Visible));
    }

    #[test]
    fn an_object_with_our_token_and_another_length_is_damaged() {
        let head = Answer::Head(HeadAnswer::Found { token: Some("ours".into()), length_bytes: 9 });
        let step = run(&mut fresh(), &mut 0, vec![Answer::Complete(CompleteAnswer::Ok), head]);
        assert_eq!(step, Step::Finished(Verdict::Damaged { length_bytes: 9 }));
    }

    #[test]
    fn waits_grow_to_half_a_minute_and_no_further() {
        let mut completion = fresh();
        let mut waits = Vec::new();
        for _ in 0..20 {
            let Step::Wait { ms, alarm: false } = completion.advance(Answer::Head(HeadAnswer::Unknown), 0) else {
                unreachable!("an unknown answer is waited for")
            };
            waits.push(ms);
            assert_eq!(completion.advance(Answer::Waited, 0), Step::Head);
        }
        assert_eq!(waits[..9], [200, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600, 30_000]);
        assert!(waits[9..].iter().all(|ms| *ms == 30_000), "{waits:?}");
    }

    #[test]
    fn only_what_somebody_must_mend_is_an_alarm() {
        let alarms = |answers: Vec<Answer>| match run(&mut fresh(), &mut 0, answers) {
            Step::Wait { alarm, .. } => alarm,
            other => unreachable!("{other:?} is no wait"),
        };
        let completed = |answer| Answer::Complete(answer);
        assert!(alarms(vec![completed(CompleteAnswer::Ok), Answer::Head(HeadAnswer::Refused)]));
        assert!(!alarms(vec![completed(CompleteAnswer::Ok), Answer::Head(HeadAnswer::Unknown)]));
        assert!(alarms(vec![completed(CompleteAnswer::Forbidden), missing()]));
        assert!(!alarms(vec![completed(CompleteAnswer::Unknown), missing()]));
        let listed = |fate| vec![completed(CompleteAnswer::Ok), missing(), Answer::Parts(fate)];
        assert!(alarms(listed(UploadFate::Refused)));
        assert!(!alarms(listed(UploadFate::Unknown)));
        assert!(!alarms(listed(UploadFate::Parts(vec![part("e1")]))));
    }

    #[test]
    fn after_a_wait_it_goes_on_where_it_was() {
        let step = |answers: Vec<Answer>| {
            let (mut completion, mut now) = (fresh(), 0);
            assert!(matches!(run(&mut completion, &mut now, answers), Step::Wait { .. }));
            completion.advance(Answer::Waited, now)
        };
        let again = Step::Complete { parts: vec![part("e1")] };
        for answer in [CompleteAnswer::Unknown, CompleteAnswer::Forbidden] {
            assert_eq!(step(vec![Answer::Complete(answer), missing()]), again, "{answer:?}");
        }
        for fate in [UploadFate::Unknown, UploadFate::Refused] {
            let answers = vec![Answer::Complete(CompleteAnswer::Ok), missing(), Answer::Parts(fate)];
            assert_eq!(step(answers), Step::ListParts);
        }
        let answers = vec![Answer::Complete(CompleteAnswer::Ok), missing(), Answer::Parts(UploadFate::NoSuchUpload)];
        assert_eq!(step(answers), Step::Head, "denied once: it may become visible yet");
    }

    #[test]
    fn the_grace_between_two_denials_is_waited_out_to_its_end() {
        let mut completion = fresh();
        let denied = |completion: &mut Completion, now_ms| {
            assert_eq!(completion.advance(missing(), now_ms), Step::ListParts);
            completion.advance(Answer::Parts(UploadFate::NoSuchUpload), now_ms)
        };
        assert!(matches!(completion.advance(Answer::Start, 0), Step::Complete { .. }));
        assert_eq!(completion.advance(Answer::Complete(CompleteAnswer::NoSuchUpload), 0), Step::Head);
        assert_eq!(denied(&mut completion, 5_000), Step::Wait { ms: 1_000, alarm: false });
        assert_eq!(denied(&mut completion, 5_400), Step::Wait { ms: 600, alarm: false });
        assert_eq!(denied(&mut completion, 5_999), Step::Wait { ms: 1, alarm: false });
        // A clock that was set back makes it longer, never shorter.
        assert_eq!(denied(&mut completion, 4_000), Step::Wait { ms: 2_000, alarm: false });
        assert_eq!(denied(&mut completion, 6_000), Step::FoldAgain);
    }

    #[test]
    fn an_upload_that_is_there_again_was_not_denied() {
        let mut completion = fresh();
        let listed = |completion: &mut Completion, fate, now_ms| {
            assert_eq!(completion.advance(missing(), now_ms), Step::ListParts);
            completion.advance(Answer::Parts(fate), now_ms)
        };
        completion.advance(Answer::Start, 0);
        completion.advance(Answer::Complete(CompleteAnswer::Ok), 0);
        listed(&mut completion, UploadFate::NoSuchUpload, 0);
        let there = listed(&mut completion, UploadFate::Parts(vec![part("e1")]), 900);
        assert!(matches!(there, Step::Wait { .. }), "{there:?}");
        completion.advance(Answer::Complete(CompleteAnswer::Ok), 1_000);
        let denied = listed(&mut completion, UploadFate::NoSuchUpload, 2_000);
        assert_eq!(denied, Step::Wait { ms: 1_000, alarm: false }, "the grace begins anew");
    }

    #[test]
    fn an_upload_is_given_up_at_the_eighth_refusal_and_not_before() {
        for answer in [CompleteAnswer::InvalidPart, CompleteAnswer::Refused, CompleteAnswer::Ok] {
            let mut completion = fresh();
            completion.advance(Answer::Start, 0);
            for completes in 1..=MAX_REFUSALS {
                let mut step = completion.advance(Answer::Complete(answer), 0);
                if step == Step::Head {
                    step = completion.advance(missing(), 0);
                }
                assert_eq!(step, Step::ListParts);
                let step = completion.advance(Answer::Parts(UploadFate::Parts(vec![part("e1")])), 0);
                match completes {
                    MAX_REFUSALS => assert_eq!(step, Step::FoldAgain, "{answer:?}"),
                    _ => assert!(matches!(step, Step::Wait { .. }), "{answer:?} for the {completes}th time: {step:?}"),
                }
            }
        }
    }

    #[test]
    fn an_answer_that_may_yet_become_a_success_is_no_refusal() {
        let (mut completion, mut now) = (fresh(), 0);
        completion.advance(Answer::Start, now);
        for _ in 0..3 * MAX_REFUSALS {
            assert_eq!(completion.advance(Answer::Complete(CompleteAnswer::Unknown), now), Step::Head);
            let Step::Wait { ms, .. } = completion.advance(missing(), now) else { unreachable!("it is tried again") };
            now += i64::try_from(ms).unwrap_or(0);
            assert!(matches!(completion.advance(Answer::Waited, now), Step::Complete { .. }));
        }
    }

    #[test]
    fn a_file_taken_over_whose_object_is_missing_is_completed_at_once() {
        let mut completion = Completion::new(&file(), true, 1_000);
        completion.advance(Answer::Start, 0);
        completion.advance(missing(), 0);
        let step = completion.advance(Answer::Complete(CompleteAnswer::NoSuchUpload), 0);
        assert_eq!(step, Step::Head);
        assert_eq!(completion.advance(missing(), 0), Step::ListParts, "it looked already: now it asks for the upload");
    }

    #[test]
    fn parts_are_ours_by_number_size_and_checksum_where_the_server_shows_one() {
        let two = |number: u32, etag: &str, crc: &str| Part { number, crc64nvme: crc.into(), ..part(etag) };
        let ours = [two(1, "a", "x"), two(2, "b", "y")];
        let shown = [two(2, "B", ""), two(1, "A", "x"), two(3, "c", "z")];
        assert_eq!(adopt_parts(&ours, &shown), Some(vec![two(1, "A", "x"), two(2, "B", "y")]));
        assert_eq!(adopt_parts(&ours, &shown[..1]), None, "a part is missing");
        assert_eq!(adopt_parts(&ours, &[two(1, "A", "y"), two(2, "B", "y")]), None, "other bytes");
    }

    #[test]
    fn an_object_without_a_token_is_foreign() {
        let head = Answer::Head(HeadAnswer::Found { token: None, length_bytes: 10 });
        let mut completion = fresh();
        assert_eq!(run(&mut completion, &mut 0, vec![Answer::Complete(CompleteAnswer::Ok), head]), Step::FoldAgain);
        let step = completion.advance(Answer::Folded { same: true }, 0);
        assert_eq!(step, Step::Finished(Verdict::Foreign { token: None }));
    }
}
