//! A few workers, one job, a plan of faults drawn from a seed; run until everything is landed, then checked.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use crossbeam_channel::Receiver;
use futures::executor::block_on;
use landfall_commit::decide::AppendAnswer;
use landfall_commit::{Entry, JobUid, Lane, Origins, Paths, Seq, SourcePartition};
use landfall_job::JobSpec;
use landfall_kafka::Source;
use landfall_s3::embedded::{Backend, Failure, Hook, LocalStore, MemoryMedium};
use landfall_s3::{
    Condition, ErrorKind, Fault, FaultPlan, FaultyStore, ObjectOptions, Operation, PlannedFault, PutRequest,
    SharedStore, Store,
};
use landfall_worker::budget::{Account, Budget};
use landfall_worker::effect::{Effect, Outcome};
use landfall_worker::engine::plan::JobPlan;
use landfall_worker::engine::{Engine, Identity, JobPhase, Parts};
use landfall_worker::ids::Ids;
use landfall_worker::io::{Io, IoParts, LetterPort, ScratchPort};
use landfall_worker::now::Now;
use landfall_worker::settings::EngineSettings;
use landfall_worker::wait::Waits;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::sync::Semaphore;

use super::executor::{Clock, SimTimer, Tasks};
use super::kafka::{Broker, Partition, Shared, SimKafka, SimLetters, SimSource, TOPIC};
use super::points::{Moment, Planned, Point, Target, Verdict, target};
use super::scratch::SimScratch;

pub const BUCKET: &str = "lake";
const UID: &str = "sim";
const PARTITIONS: usize = 3;
pub const MAX_PARTITIONS: i32 = 5;
pub const MAX_WORKERS: usize = 3;
/// Simulated time after which a world that is not at rest has hung.
const LIMIT_MS: u64 = 3_600_000;
const DRAIN_MS: u64 = 10_000;
/// A frozen process is out of the group before it wakes.
const FROZEN_MS: u64 = 20_000;

/// How much goes wrong by chance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weather {
    /// Everything, often.
    Storm,
    /// Enough that rare places are passed, too.
    Breeze,
    /// What the trap brings, and nothing else.
    Still,
}

/// What the job is, drawn from the seed.
#[derive(Debug)]
pub struct Setup {
    pub format: &'static str,
    compression: &'static str,
    /// The name tells the first offset; otherwise it carries a unique part.
    names: &'static str,
    pub letters_to_topic: bool,
    pub letters_to_s3: bool,
    scratch: bool,
    pub budget_bytes: u64,
}

impl Setup {
    fn draw(rng: &mut StdRng) -> Self {
        let format = if rng.random_ratio(1, 5) { "parquet" } else { "jsonl" };
        let compression = ["none", "zstd", "gzip"][rng.random_range(0..3)];
        let letters = rng.random_range(0..3);
        Self {
            format,
            compression: if format == "parquet" { "zstd" } else { compression },
            names: ["{topic}+{unique}", "{topic}+{partition}+{first_offset}"][rng.random_range(0..2)],
            letters_to_topic: letters > 0,
            letters_to_s3: letters < 2,
            scratch: rng.random_ratio(1, 2),
            budget_bytes: if rng.random_ratio(1, 3) { 3_000 } else { 64 << 20 },
        }
    }

    fn document(&self, version: u64) -> serde_json::Value {
        let mut document = serde_json::json!({
            "name": "sim",
            "source": {"cluster": "main", "topics": [TOPIC]},
            "sink": {
                "bucket": BUCKET, "key": format!("data/{{field:c}}/{}.{{ext}}", self.names),
                "format": self.format, "compression": self.compression,
                "rotate": {"records": 40 + 7 * (version % 3), "age": "20s", "idle": "5s"},
            },
            "dead_letter": {"max_ratio": 1},
        });
        if self.format == "parquet" {
            let column = |name: &str, of: &str| serde_json::json!({"name": name, "type": of});
            document["sink"]["columns"] =
                vec![column("p", "int32"), column("o", "int64"), column("c", "string")].into();
        } else if version.is_multiple_of(2) {
            document["sink"]["compression"] = "gzip".into();
            document["sink"]["envelope"] = vec!["timestamp"].into();
        }
        if self.letters_to_topic {
            document["dead_letter"]["topic"] = "dlq".into();
        }
        if !self.letters_to_s3 {
            document["dead_letter"]["s3"] = false.into();
        }
        document
    }
}

pub struct Worker {
    pub member: u64,
    pub engine: Engine,
    source: SimSource,
    io: Io,
    outcomes: Receiver<Outcome>,
    pub tasks: Tasks,
    pub scratch: Option<Arc<SimScratch>>,
    /// Polled again from then on.
    pub frozen_until_ms: u64,
    /// It was told to end, and ends then at the latest.
    pub ends_at_ms: Option<u64>,
    /// Its clock differs from the others'.
    pub wall_offset_ms: i64,
    /// Killed once what is watched is over.
    dies_after_watched: bool,
    appending_since_ms: Option<u64>,
}

pub type Faulty = FaultyStore<LocalStore<MemoryMedium>>;

/// Counts the requests that may change an object.
#[derive(Debug, Default)]
struct Changes(AtomicU64);

impl Hook for Changes {
    fn before(&self, operation: Operation, _bucket: &str, _key: &str) -> Option<Failure> {
        let changing = matches!(operation, Operation::Put | Operation::CompleteUpload | Operation::Delete);
        self.0.fetch_add(u64::from(changing), Ordering::Relaxed);
        None
    }
}

pub struct World {
    pub rng: StdRng,
    pub clock: Clock,
    pub broker: Shared,
    pub store: Arc<Faulty>,
    pub setup: Setup,
    pub weather: Weather,
    plans: Vec<JobSpec>,
    pub workers: Vec<Worker>,
    next_member: u64,
    /// Every record that was ever to be read, and whether it is good.
    pub records: BTreeMap<(i32, i64), bool>,
    /// Records that Kafka let go (compaction, retention): they may have landed or not.
    pub vanished: BTreeSet<(i32, i64)>,
    /// What went wrong, and how often.
    pub faults: BTreeMap<&'static str, u64>,
    /// Visible objects by key: their ETag.
    pub seen: BTreeMap<String, String>,
    changes: Arc<Changes>,
    changes_watched: u64,
    /// Objects that a reader took away, with what they held.
    pub taken: BTreeMap<String, Vec<(i32, i64)>>,
    pub outage_until_ms: u64,
    hits_left: usize,
    pub turns: u64,
    pub commits_seen: u64,
    /// When the last planned hit was, and what every partition's visible `low` was then.
    pub hit: Option<Hit>,
    pub log: Vec<String>,
    /// The worker fails the job with this code, and that is right.
    pub must_fail_with: Option<&'static [&'static str]>,
    pub failed: u32,
    /// What those said that failed rightly.
    pub messages: Vec<String>,
    pub settings: EngineSettings,
    /// What each worker is told of how many write.
    writers: u64,
    /// How long each append took, from the first try of its worker on.
    pub append_ms: Vec<u64>,
}

pub struct Hit {
    pub at_ms: u64,
    pub lows: BTreeMap<i32, u64>,
    pub recovered_ms: Option<u64>,
    pub next_look_ms: u64,
}

impl World {
    pub fn new(seed: u64, weather: Weather) -> Self {
        let storm = matches!(weather, Weather::Storm);
        let settings = EngineSettings {
            tail_poll_ms: 3_000,
            complete_grace_ms: 5_000,
            revoke_budget_ms: 1_000,
            append_interval_ms: 50,
            idle_entry_ms: 500,
            declare_again_ms: 2_000,
            checkpoint_every: 5,
            chunk_bytes: 300,
            min_spill_bytes: 100,
            part_size_bytes: 500,
            // Limits that are met, in some storms.
            max_open_files: if storm && seed % 8 == 1 { 2 } else { 10_000 },
            max_span: if storm && seed % 8 == 2 { 25 } else { 10_000_000 },
            ..EngineSettings::default()
        };
        let mut world = Self::empty(seed, weather, settings);
        // Of more than one, each folds before it appends.
        world.writers = if storm && seed.is_multiple_of(2) { 2 } else { 1 };
        for _ in 0..PARTITIONS {
            let records = world.rng.random_range(50..400);
            world.add_partition(records);
        }
        world.write_entry_zero();
        world
    }

    /// A job without a partition and without a log.
    pub fn empty(seed: u64, weather: Weather, settings: EngineSettings) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let clock = Clock::default();
        let setup = Setup::draw(&mut rng);
        let ids = Mutex::new(0u128);
        let sim_clock = clock.clone();
        let backend = Backend::with_sources(
            MemoryMedium::new(),
            Arc::new(move || i64::try_from(sim_clock.now_ms()).unwrap()),
            Arc::new(move || {
                let mut next = ids.lock().unwrap();
                *next += 1;
                *next
            }),
        )
        .with_min_part_bytes(1)
        // Every other world has logs of many pages.
        .with_page_keys(if seed.is_multiple_of(2) { 3 } else { 1_000 });
        backend.create_bucket(BUCKET).unwrap();
        let changes = Arc::new(Changes::default());
        backend.set_hook(Some(changes.clone()));
        let timer = Arc::new(SimTimer::new(clock.clone(), seed));
        let store = Arc::new(FaultyStore::with_timer(LocalStore::new(Arc::new(backend)), FaultPlan::none(), timer));
        let plans = vec![JobSpec::parse(&setup.document(1).to_string()).unwrap()];
        Self {
            rng,
            clock,
            broker: Arc::new(Mutex::new(Broker::new())),
            store,
            setup,
            weather,
            plans,
            workers: Vec::new(),
            next_member: 1,
            records: BTreeMap::new(),
            vanished: BTreeSet::new(),
            faults: BTreeMap::new(),
            seen: BTreeMap::new(),
            changes,
            changes_watched: 0,
            taken: BTreeMap::new(),
            outage_until_ms: 0,
            hits_left: 0,
            turns: 0,
            commits_seen: 0,
            hit: None,
            log: Vec::new(),
            must_fail_with: None,
            failed: 0,
            messages: Vec::new(),
            settings,
            writers: 1,
            append_ms: Vec::new(),
        }
    }

    /// Records with gaps between them, the last ones of an open transaction now and then.
    pub fn add_partition(&mut self, records: u32) {
        let number = self.broker.lock().unwrap().numbers().end;
        let mut partition = Partition::default();
        for _ in 0..records {
            if self.rng.random_ratio(1, 15) {
                partition.end += self.rng.random_range(1..4);
            }
            let offset = partition.end;
            let good = !self.rng.random_ratio(1, 40);
            self.records.insert((number, offset), good);
            let value = match good {
                true => format!("{{\"p\":{number},\"o\":{offset},\"c\":\"{}\"}}", self.rng.random_range(0..4)),
                false => format!("{{broken {number} {offset}"),
            };
            partition.records.insert(offset, value.into_bytes());
            partition.end += 1;
        }
        partition.end += i64::from(self.rng.random_ratio(1, 2));
        let open = self.weather != Weather::Still && self.rng.random_ratio(1, 3);
        partition.stable = if open { self.rng.random_range(1..=partition.end) } else { partition.end };
        let mut broker = self.broker.lock().unwrap();
        broker.partitions.push(partition);
        broker.balance();
    }

    pub fn write_entry_zero(&self) {
        let start = self
            .broker
            .lock()
            .unwrap()
            .numbers()
            .map(|p| {
                let source = SourcePartition {
                    cluster: "main".into(),
                    topic: TOPIC.into(),
                    topic_id: "id".into(),
                    partition: p,
                };
                (source, 0)
            })
            .collect();
        let origins = Origins { start, bucket: BUCKET.into(), lanes: 1, created_at_ms: 0 };
        let entry = Entry::zero(JobUid::from(UID), Lane(0), "zero".into(), "sim", origins);
        let request = PutRequest {
            bucket: BUCKET.into(),
            key: paths().entry(Seq(0)),
            body: entry.to_json().unwrap().into(),
            condition: Condition::IfAbsent,
            options: ObjectOptions::default(),
        };
        block_on(self.store.inner().put(request)).unwrap();
    }

    pub fn count(&mut self, fault: &'static str) {
        *self.faults.entry(fault).or_default() += 1;
        self.log.push(format!("{} {fault}", self.clock.now_ms()));
    }

    fn now(&self, wall_offset_ms: i64) -> Now {
        let mono_ms = i64::try_from(self.clock.now_ms()).unwrap();
        Now { wall_ms: 1_770_000_000_000 + mono_ms + wall_offset_ms, mono_ms }
    }

    fn plan(&self) -> Arc<JobPlan> {
        let version = self.plans.len() as u64;
        let earlier = (1..).zip(self.plans[..self.plans.len() - 1].iter().cloned()).collect();
        let spec = self.plans.last().unwrap().clone();
        Arc::new(JobPlan::compile(spec, version).unwrap().with_earlier(earlier))
    }

    pub fn change_config(&mut self) {
        let version = self.plans.len() as u64 + 1;
        self.plans.push(JobSpec::parse(&self.setup.document(version).to_string()).unwrap());
        let plan = self.plan();
        for worker in &mut self.workers {
            worker.engine.set_plan(Arc::clone(&plan));
        }
    }

    pub fn start_worker(&mut self) {
        let member = self.next_member;
        self.next_member += 1;
        let seed = self.rng.random::<u64>();
        let (answers, outcomes) = crossbeam_channel::unbounded();
        let tasks = Tasks::default();
        let waits = Waits::default();
        let settings = self.settings.clone();
        let scratch = self.setup.scratch.then(|| Arc::new(SimScratch::default()));
        let letters = self.setup.letters_to_topic.then(|| Arc::new(SimLetters(Arc::clone(&self.broker))));
        let store: SharedStore = Arc::clone(&self.store) as SharedStore;
        let io = Io::new(
            IoParts {
                job: "sim".into(),
                pool: "shared".into(),
                uid: JobUid::from(UID),
                store,
                state_bucket: BUCKET.into(),
                state_prefix: "_landfall/".into(),
                kafka: Arc::new(SimKafka(Arc::clone(&self.broker))),
                letters: letters.map(|letters| letters as Arc<dyn LetterPort>),
                scratch: scratch.clone().map(|scratch| scratch as Arc<dyn ScratchPort>),
                scratch_prefix: format!("w{member}"),
                timer: Arc::new(SimTimer::new(self.clock.clone(), seed)),
                spawner: Arc::new(tasks.clone()),
                upload_slots: Arc::new(Semaphore::new(4)),
                waits: waits.clone(),
                conditional_complete: true,
                part_size_bytes: settings.part_size_bytes,
            },
            answers,
        );
        let mut engine = Engine::new(Parts {
            identity: Identity {
                job: "sim".into(),
                uid: JobUid::from(UID),
                worker: format!("w{member}"),
                state_bucket: BUCKET.into(),
                state_prefix: "_landfall/".into(),
            },
            plan: self.plan(),
            ends: None,
            origins: BTreeMap::new(),
            settings,
            account: Account::new(Budget::new(self.setup.budget_bytes)),
            ids: Ids::seeded(seed),
            waits,
            scratch: scratch.is_some(),
            now: self.now(0),
        });
        engine.set_writers(self.writers);
        self.broker.lock().unwrap().join(member);
        self.log.push(format!("{} start w{member}", self.clock.now_ms()));
        let source = SimSource::new(Arc::clone(&self.broker), member);
        self.workers.push(Worker {
            member,
            engine,
            source,
            io,
            outcomes,
            tasks,
            scratch,
            frozen_until_ms: 0,
            ends_at_ms: None,
            wall_offset_ms: 0,
            dies_after_watched: false,
            appending_since_ms: None,
        });
    }

    pub fn crash(&mut self, index: usize) {
        let worker = self.workers.swap_remove(index);
        self.log.push(format!("{} crash w{}", self.clock.now_ms(), worker.member));
        worker.tasks.clear();
        self.broker.lock().unwrap().expire(worker.member);
    }

    /// SIGSTOP beyond the session: the group moves on, the zombie wakes later with requests under way.
    pub fn freeze(&mut self, index: usize, for_ms: u64) {
        let worker = &mut self.workers[index];
        worker.frozen_until_ms = self.clock.now_ms() + for_ms;
        self.broker.lock().unwrap().expire(worker.member);
    }

    pub fn terminate(&mut self, index: usize) {
        let worker = &mut self.workers[index];
        if worker.ends_at_ms.is_none() {
            worker.ends_at_ms = Some(self.clock.now_ms() + DRAIN_MS);
            worker.engine.shut_down();
        }
    }

    /// Faults for a while, then calm until everything is landed.
    pub fn play(&mut self) {
        self.start_worker();
        self.start_worker();
        let stormy_until = if self.weather == Weather::Still { 20_000 } else { self.rng.random_range(20_000..90_000) };
        let mut calm = false;
        loop {
            self.advance();
            if self.clock.now_ms() < stormy_until {
                self.maybe_fault();
            } else if !calm {
                calm = true;
                self.calm_down();
            }
            if self.workers.is_empty() && (calm || self.weather != Weather::Storm) {
                self.start_worker();
            }
            self.turn_all();
            // An effect that is still on its way may arrive at a world at rest, and must not disturb it.
            if calm && self.at_rest() && !block_on(self.store.apply_one_late(0)) {
                return;
            }
        }
    }

    /// Time passes without faults until this is so.
    pub fn until(&mut self, reached: impl Fn(&Self) -> bool) {
        while !reached(self) {
            self.advance();
            self.turn_all();
        }
    }

    fn advance(&mut self) {
        let step = self.rng.random_range(5..150);
        self.clock.advance(step);
        assert!(
            self.clock.now_ms() < LIMIT_MS,
            "hung: {}\n{:#?}",
            self.tell(),
            self.workers.iter().map(|w| (w.engine.throttled(), w.engine.snapshot())).collect::<Vec<_>>()
        );
    }

    fn turn_all(&mut self) {
        self.settle();
        let members: Vec<u64> = self.workers.iter().map(|worker| worker.member).collect();
        for member in members {
            let Some(index) = self.workers.iter().position(|worker| worker.member == member) else { continue };
            if self.clock.now_ms() >= self.workers[index].frozen_until_ms {
                self.turn(index);
            }
        }
        // To look at every object costs more than a turn does.
        let changes = self.changes.0.load(Ordering::Relaxed);
        if std::mem::replace(&mut self.changes_watched, changes) != changes {
            self.watch();
        }
    }

    pub fn turn(&mut self, index: usize) {
        let now = self.now(self.workers[index].wall_offset_ms);
        let worker = &mut self.workers[index];
        if worker.frozen_until_ms > 0 {
            worker.frozen_until_ms = 0;
            self.broker.lock().unwrap().join(worker.member);
        }
        if worker.tasks.turn(&mut self.rng) && worker.dies_after_watched {
            return self.crash(index);
        }
        let mut appended = false;
        while let Ok(outcome) = worker.outcomes.try_recv() {
            appended |= matches!(outcome, Outcome::Appended { answer: AppendAnswer::Created, .. });
            worker.engine.on_outcome(outcome, now);
        }
        worker.engine.account();
        let (engine, source) = (&mut worker.engine, &mut worker.source);
        let consumed = engine.snapshot().counters.records_consumed;
        if let Some(since_ms) = worker.appending_since_ms.take_if(|_| appended) {
            self.append_ms.push(self.clock.now_ms() - since_ms);
        }
        // As the runner does it: a throttled engine takes messages of the group, and at most one record.
        if !engine.throttled() {
            let batch = engine.poll_batch();
            source.poll(std::time::Duration::ZERO, batch, &mut |event| engine.on_source(event, now));
        } else if engine.polls_although_throttled() {
            source.poll(std::time::Duration::ZERO, 1, &mut |event| engine.on_source(event, now));
        }
        let polled = engine.snapshot().counters.records_consumed > consumed;
        if polled && self.broker.lock().unwrap().trap.verdict.is_none() {
            self.broker.lock().unwrap().trap.hit(Point::Poll);
        }
        if self.judged(index) {
            return;
        }
        let worker = &mut self.workers[index];
        worker.engine.tick(now);
        worker.engine.drive(&mut worker.source, now);
        self.check_worker(index);
        if self.judged(index) {
            return;
        }
        let effects = self.workers[index].engine.take_effects();
        if !polled && effects.iter().any(|e| matches!(e, Effect::Encode { .. } | Effect::EncodeInOrder { .. })) {
            self.broker.lock().unwrap().trap.hit(Point::Timer);
            if self.judged(index) {
                return;
            }
        }
        for effect in effects {
            if !self.carry_out(index, effect) {
                return;
            }
        }
        self.see_to_its_end(index, now);
    }

    /// False: the worker is gone.
    fn carry_out(&mut self, index: usize, effect: Effect) -> bool {
        let moment = Point::of(&effect).and_then(|point| self.broker.lock().unwrap().trap.hit(point));
        if moment == Some(Moment::Before) {
            self.judge(index);
            return false;
        }
        let spoil = |fault: Fault| match target(&effect) {
            Some(Target::Store(operation, key)) => {
                self.store.add(PlannedFault::on(operation, fault).key_contains(&key));
            }
            Some(Target::Kafka) => self.broker.lock().unwrap().spoil_asks += 1,
            Some(Target::Letters) => self.broker.lock().unwrap().spoil_letters.push_back(true),
            None => {}
        };
        match moment {
            Some(Moment::AnswerLost) => spoil(Fault::LostAnswer(ErrorKind::Timeout)),
            Some(Moment::Late) => spoil(Fault::Late),
            Some(Moment::Twice) => spoil(Fault::Twice),
            _ => {}
        }
        let now_ms = self.clock.now_ms();
        let worker = &mut self.workers[index];
        if matches!(effect, Effect::Append { .. }) {
            worker.appending_since_ms.get_or_insert(now_ms);
        }
        if moment == Some(Moment::After) {
            worker.dies_after_watched = true;
            self.broker.lock().unwrap().trap.verdict = None;
            worker.tasks.watch(|| worker.io.run(effect));
        } else {
            worker.io.run(effect);
        }
        self.notice_hit();
        // A frozen process has its other requests before it still.
        self.judge(index) != Some(Verdict::Crash)
    }

    /// True: the turn of the worker is over.
    fn judged(&mut self, index: usize) -> bool {
        matches!(self.judge(index), Some(Verdict::Crash | Verdict::Freeze))
    }

    /// Carries out what the trap decided about the worker whose turn it is.
    fn judge(&mut self, index: usize) -> Option<Verdict> {
        self.notice_hit();
        let verdict = self.broker.lock().unwrap().trap.verdict.take()?;
        match verdict {
            Verdict::Crash => self.crash(index),
            Verdict::Freeze => self.freeze(index, FROZEN_MS),
            Verdict::Revoke => {
                let mut broker = self.broker.lock().unwrap();
                for partition in broker.owned(self.workers[index].member) {
                    broker.shuffle(partition);
                }
            }
            Verdict::Sigterm => self.terminate(index),
        }
        Some(verdict)
    }

    fn see_to_its_end(&mut self, index: usize, now: Now) {
        let worker = &self.workers[index];
        if let JobPhase::Failed(fatal) = worker.engine.phase() {
            let outage = self.clock.now_ms() < self.outage_until_ms + 1_000;
            let expected = self.must_fail_with.is_some_and(|codes| codes.contains(&fatal.code.as_str()));
            assert!(outage || expected, "w{} stopped a healthy job: {fatal:?}\n{}", worker.member, self.tell());
            self.failed += u32::from(expected);
            if expected {
                self.messages.push(fatal.message.clone());
            }
            return self.leave(index, now);
        }
        let over = worker.ends_at_ms.is_some_and(|end| self.clock.now_ms() >= end);
        if over || (worker.ends_at_ms.is_some() && worker.engine.phase() == JobPhase::Stopped) {
            self.leave(index, now);
        }
    }

    /// As the runner does it: the last commits, then out of the group.
    fn leave(&mut self, index: usize, now: Now) {
        let mut worker = self.workers.swap_remove(index);
        self.log.push(format!("{} w{} leaves", self.clock.now_ms(), worker.member));
        worker.engine.commit_now();
        worker.engine.drive(&mut worker.source, now);
        worker.source.close(std::time::Duration::ZERO);
        // A commit that was to hit the worker hit one that leaves anyway.
        self.broker.lock().unwrap().trap.verdict = None;
    }

    /// Sets the trap: the points are hit one after another.
    pub fn plan_hits(&mut self, plans: &[Planned]) {
        self.hits_left = plans.len();
        self.broker.lock().unwrap().trap.plans = plans.iter().copied().collect();
    }

    fn notice_hit(&mut self) {
        let left = self.broker.lock().unwrap().trap.plans.len();
        if left == self.hits_left {
            return;
        }
        self.hits_left = left;
        let now_ms = self.clock.now_ms();
        self.log.push(format!("{now_ms} hit"));
        let lows = self.visible_lows();
        self.hit = Some(Hit { at_ms: now_ms, lows, recovered_ms: None, next_look_ms: now_ms + 500 });
    }

    /// Has every partition moved on since the hit, or nothing left to do?
    fn settle(&mut self) {
        let now_ms = self.clock.now_ms();
        let Some(hit) = self.hit.take() else { return };
        let due = hit.recovered_ms.is_none() && now_ms >= hit.next_look_ms;
        let mut hit = Hit { next_look_ms: if due { now_ms + 500 } else { hit.next_look_ms }, ..hit };
        if due {
            let lows = self.visible_lows();
            let broker = self.broker.lock().unwrap();
            let moved = |p: i32| {
                let (before, now) = (hit.lows.get(&p).copied().unwrap_or(0), lows.get(&p).copied().unwrap_or(0));
                now > before || now >= u64::try_from(broker.partition(p).stable).unwrap()
            };
            if broker.numbers().all(moved) {
                hit.recovered_ms = Some(now_ms - hit.at_ms);
            }
        }
        self.hit = Some(hit);
    }
}

pub fn paths() -> Paths {
    Paths::new("_landfall/", &JobUid::from(UID), Lane(0))
}
