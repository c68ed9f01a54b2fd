//! A few workers, one job, a plan of faults drawn from a seed; run until everything is landed, then checked.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use crossbeam_channel::Receiver;
use futures::executor::block_on;
use landfall_commit::{Entry, JobUid, Lane, Origins, Paths, Seq, SourcePartition, invariants};
use landfall_job::JobSpec;
use landfall_kafka::Source;
use landfall_s3::embedded::{Backend, LocalStore, MemoryMedium};
use landfall_s3::{
    Condition, ErrorKind, Fault, FaultPlan, FaultyStore, ListRequest, ObjectOptions, Operation, PlannedFault,
    PutRequest, SharedStore, Store,
};
use landfall_worker::budget::{Account, Budget};
use landfall_worker::effect::Outcome;
use landfall_worker::engine::plan::JobPlan;
use landfall_worker::engine::{Engine, Identity, JobPhase, Parts};
use landfall_worker::ids::Ids;
use landfall_worker::io::{Io, IoParts};
use landfall_worker::now::Now;
use landfall_worker::settings::EngineSettings;
use landfall_worker::wait::Waits;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::sync::Semaphore;

use super::executor::{Clock, SimTimer, Tasks};
use super::kafka::{Broker, Shared, SimKafka, SimSource, TOPIC};

const BUCKET: &str = "lake";
const UID: &str = "sim";
const PARTITIONS: usize = 3;
/// Simulated time after which a world that is not at rest has hung.
const LIMIT_MS: u64 = 3_600_000;

#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Faults {
    pub crashes: u32,
    pub freezes: u32,
    pub revokes: u32,
    pub store_faults: usize,
    pub expiries: u32,
    pub rebuilds: u64,
}

impl Faults {
    pub fn add(&mut self, other: &Self) {
        self.crashes += other.crashes;
        self.freezes += other.freezes;
        self.revokes += other.revokes;
        self.store_faults += other.store_faults;
        self.expiries += other.expiries;
        self.rebuilds += other.rebuilds;
    }
}

struct Worker {
    member: u64,
    engine: Engine,
    source: SimSource,
    io: Io,
    outcomes: Receiver<Outcome>,
    tasks: Tasks,
    /// Polled again from then on.
    frozen_until_ms: u64,
}

type Faulty = FaultyStore<LocalStore<MemoryMedium>>;

pub struct World {
    rng: StdRng,
    clock: Clock,
    broker: Shared,
    store: Arc<Faulty>,
    workers: Vec<Worker>,
    next_member: u64,
    good: BTreeSet<(i32, i64)>,
    bad: BTreeSet<(i32, i64)>,
    faults: Faults,
    seen: BTreeMap<String, String>,
    log: Vec<String>,
}

impl World {
    pub fn run(seed: u64) -> Faults {
        Self::played(seed).faults
    }

    /// What happened, in words: equal for equal seeds.
    pub fn trace(seed: u64) -> Vec<String> {
        Self::played(seed).log
    }

    fn played(seed: u64) -> Self {
        let mut world = Self::new(seed);
        world.play();
        world.check();
        world
    }

    fn new(seed: u64) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let clock = Clock::default();
        let mut broker = Broker::default();
        let (mut good, mut bad) = (BTreeSet::new(), BTreeSet::new());
        for p in 0..PARTITIONS {
            let mut records = BTreeMap::new();
            let mut offset = 0;
            for _ in 0..rng.random_range(50..400) {
                // Now and then offsets without a record.
                if rng.random_ratio(1, 15) {
                    offset += rng.random_range(1..4);
                }
                let number = i32::try_from(p).unwrap();
                let value = if rng.random_ratio(1, 40) {
                    bad.insert((number, offset));
                    b"{broken".to_vec()
                } else {
                    good.insert((number, offset));
                    format!("{{\"p\":{number},\"o\":{offset},\"c\":\"{}\"}}", rng.random_range(0..4)).into_bytes()
                };
                records.insert(offset, value);
                offset += 1;
            }
            broker.records.push(records);
            broker.ends.push(offset + i64::from(rng.random_ratio(1, 2)));
        }
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
        );
        backend.create_bucket(BUCKET).unwrap();
        let timer = Arc::new(SimTimer::new(clock.clone(), seed));
        let store = Arc::new(FaultyStore::with_timer(LocalStore::new(Arc::new(backend)), plan(&mut rng), timer));
        let world = Self {
            rng,
            clock,
            broker: Arc::new(Mutex::new(broker)),
            store,
            workers: Vec::new(),
            next_member: 1,
            good,
            bad,
            faults: Faults::default(),
            seen: BTreeMap::new(),
            log: Vec::new(),
        };
        world.write_entry_zero();
        world
    }

    fn write_entry_zero(&self) {
        let start = (0..PARTITIONS)
            .map(|p| {
                let source = SourcePartition {
                    cluster: "main".into(),
                    topic: TOPIC.into(),
                    topic_id: "id".into(),
                    partition: i32::try_from(p).unwrap(),
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

    fn now(&self) -> Now {
        let mono_ms = i64::try_from(self.clock.now_ms()).unwrap();
        Now { wall_ms: 1_770_000_000_000 + mono_ms, mono_ms }
    }

    fn start_worker(&mut self) {
        let member = self.next_member;
        self.next_member += 1;
        let seed = self.rng.random::<u64>();
        let spec = serde_json::json!({
            "name": "sim",
            "source": {"cluster": "main", "topics": [TOPIC]},
            "sink": {"bucket": BUCKET, "key": "data/{field:c}/{topic}+{unique}.{ext}", "compression": "none",
                     "rotate": {"records": 40, "age": "20s", "idle": "5s"}},
            "dead_letter": {"max_ratio": 1},
        });
        let plan = Arc::new(JobPlan::compile(JobSpec::parse(&spec.to_string()).unwrap(), 1).unwrap());
        let (answers, outcomes) = crossbeam_channel::unbounded();
        let tasks = Tasks::default();
        let waits = Waits::default();
        let settings = EngineSettings {
            tail_poll_ms: 3_000,
            complete_grace_ms: 5_000,
            revoke_budget_ms: 1_000,
            append_interval_ms: 50,
            idle_entry_ms: 500,
            checkpoint_every: 5,
            chunk_bytes: 300,
            ..EngineSettings::default()
        };
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
                letters: None,
                scratch: None,
                scratch_prefix: String::new(),
                timer: Arc::new(SimTimer::new(self.clock.clone(), seed)),
                spawner: Arc::new(tasks.clone()),
                upload_slots: Arc::new(Semaphore::new(4)),
                waits: waits.clone(),
                conditional_complete: true,
                part_size_bytes: 5 << 20,
            },
            answers,
        );
        let engine = Engine::new(Parts {
            identity: Identity {
                job: "sim".into(),
                uid: JobUid::from(UID),
                worker: format!("w{member}"),
                state_prefix: "_landfall/".into(),
            },
            plan,
            ends: None,
            origins: BTreeMap::new(),
            settings,
            account: Account::new(Budget::new(64 << 20)),
            ids: Ids::seeded(seed),
            waits,
            scratch: false,
            now: self.now(),
        });
        self.broker.lock().unwrap().join(member);
        self.log.push(format!("{} start w{member}", self.clock.now_ms()));
        let source = SimSource::new(Arc::clone(&self.broker), member);
        self.workers.push(Worker { member, engine, source, io, outcomes, tasks, frozen_until_ms: 0 });
    }

    /// Faults for a while, then calm until everything is landed.
    fn play(&mut self) {
        self.start_worker();
        self.start_worker();
        let stormy_until = self.rng.random_range(20_000..90_000);
        loop {
            let step = self.rng.random_range(5..150);
            self.clock.advance(step);
            let now_ms = self.clock.now_ms();
            if now_ms < stormy_until {
                self.maybe_fault(now_ms);
            } else if self.workers.is_empty() {
                self.start_worker();
            }
            for index in 0..self.workers.len() {
                if now_ms >= self.workers[index].frozen_until_ms {
                    self.turn(index);
                }
            }
            self.watch();
            if now_ms >= stormy_until && self.at_rest() {
                return;
            }
            assert!(
                now_ms < LIMIT_MS,
                "hung: {}\n{:#?}",
                self.tell(),
                self.workers.iter().map(|w| w.engine.snapshot()).collect::<Vec<_>>()
            );
        }
    }

    fn maybe_fault(&mut self, now_ms: u64) {
        match self.rng.random_range(0..400) {
            0 | 1 if !self.workers.is_empty() => {
                let index = self.rng.random_range(0..self.workers.len());
                let worker = self.workers.swap_remove(index);
                self.log.push(format!("{now_ms} crash w{}", worker.member));
                worker.tasks.clear();
                self.broker.lock().unwrap().expire(worker.member);
                self.faults.crashes += 1;
            }
            2 if !self.workers.is_empty() => {
                // SIGSTOP beyond the session: the group moves on, the zombie wakes later with requests under way.
                let index = self.rng.random_range(0..self.workers.len());
                let until = now_ms + self.rng.random_range(6_000..30_000);
                let worker = &mut self.workers[index];
                self.log.push(format!("{now_ms} freeze w{}", worker.member));
                worker.frozen_until_ms = until;
                let member = worker.member;
                self.broker.lock().unwrap().expire(member);
                self.faults.freezes += 1;
            }
            3..8 => {
                let partition = self.rng.random_range(0..i32::try_from(PARTITIONS).unwrap());
                if self.broker.lock().unwrap().shuffle(partition) {
                    self.faults.revokes += 1;
                }
            }
            8 | 9 if self.workers.len() < 3 => self.start_worker(),
            10 | 11 => self.lose_upload(now_ms),
            _ => {}
        }
    }

    /// A lifecycle rule, or a server that forgets: an open upload is gone, whoever still wants it.
    fn lose_upload(&mut self, now_ms: u64) {
        let mut open = block_on(self.store.inner().list_uploads(BUCKET, "")).unwrap();
        if open.is_empty() {
            return;
        }
        let upload = open.swap_remove(self.rng.random_range(0..open.len()));
        self.log.push(format!("{now_ms} lose the upload of {}", upload.key));
        block_on(self.store.inner().abort_upload(BUCKET, &upload.key, &upload.upload_id)).unwrap();
        self.faults.expiries += 1;
    }

    fn turn(&mut self, index: usize) {
        let now = self.now();
        let worker = &mut self.workers[index];
        if worker.frozen_until_ms > 0 {
            worker.frozen_until_ms = 0;
            self.broker.lock().unwrap().join(worker.member);
        }
        worker.tasks.turn(&mut self.rng);
        while let Ok(outcome) = worker.outcomes.try_recv() {
            worker.engine.on_outcome(outcome, now);
        }
        worker.engine.account();
        let (engine, source) = (&mut worker.engine, &mut worker.source);
        let batch = engine.poll_batch();
        source.poll(std::time::Duration::ZERO, batch, &mut |event| engine.on_source(event, now));
        engine.tick(now);
        engine.drive(source, now);
        for effect in engine.take_effects() {
            worker.io.run(effect);
        }
        if let JobPhase::Failed(fatal) = worker.engine.phase() {
            panic!("w{} stopped a healthy job: {fatal:?}\n{}", worker.member, self.log.join("\n"));
        }
    }

    /// What is visible never changes.
    fn watch(&mut self) {
        for key in self.keys("data/") {
            let etag = block_on(self.store.inner().head(BUCKET, &key)).unwrap().etag;
            let before = self.seen.entry(key.clone()).or_insert_with(|| etag.clone());
            assert_eq!(*before, etag, "{key} changed");
        }
    }

    fn at_rest(&self) -> bool {
        let broker = self.broker.lock().unwrap();
        let committed = (0..PARTITIONS).all(|p| {
            let partition = i32::try_from(p).unwrap();
            broker.committed.get(&partition).is_some_and(|(offset, _)| *offset == broker.ends[p])
        });
        committed && self.workers.iter().all(|w| w.frozen_until_ms == 0 && w.engine.snapshot().uncompleted_entries == 0)
    }

    fn keys(&self, prefix: &str) -> Vec<String> {
        let request = ListRequest { bucket: BUCKET.into(), prefix: prefix.into(), ..ListRequest::default() };
        let (mut keys, mut request) = (Vec::new(), request);
        loop {
            let page = block_on(self.store.inner().list(request.clone())).unwrap();
            keys.extend(page.objects.into_iter().map(|object| object.key));
            request.continuation = page.continuation;
            if request.continuation.is_none() {
                return keys;
            }
        }
    }

    fn lines(&self, key: &str) -> Vec<serde_json::Value> {
        let body = block_on(self.store.inner().get(BUCKET, key)).unwrap().body;
        let text = if key.ends_with(".zst") { zstd::decode_all(body.as_ref()).unwrap() } else { body.to_vec() };
        String::from_utf8(text).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The schedule and the log, for whoever repeats a seed that failed.
    fn tell(&self) -> String {
        let paths = paths();
        let mut text = self.log.join("\n");
        for key in self.keys(&paths.log_prefix()).into_iter().filter(|key| paths.entry_seq(key).is_some()) {
            let entry = Entry::from_json(&block_on(self.store.inner().get(BUCKET, &key)).unwrap().body).unwrap();
            let files: Vec<_> = entry.files.iter().map(|f| (&f.key, &f.token.0[..6], f.records)).collect();
            text += &format!(
                "\nseq {} by {} at {}: {files:?} held {:?} absent {:?} completed {:?} rebuilt {:?} lost {:?}",
                entry.seq,
                entry.worker,
                entry.written_at_ms - 1_770_000_000_000,
                entry.held,
                entry.absent,
                entry.completed.iter().map(|c| (c.seq.0, c.file)).collect::<Vec<_>>(),
                entry.rebuilt.iter().map(|r| (r.seq.0, r.file, r.attempt)).collect::<Vec<_>>(),
                entry.lost,
            );
        }
        for fired in self.store.fired() {
            text += &format!("\nfault {:?} {} {:?}", fired.operation, fired.key, fired.fault);
        }
        text
    }

    fn check(&mut self) {
        let mut landed = BTreeSet::new();
        for key in self.keys("data/") {
            let mut last: BTreeMap<i64, i64> = BTreeMap::new();
            for line in self.lines(&key) {
                let (p, o) = (line["p"].as_i64().unwrap(), line["o"].as_i64().unwrap());
                assert!(
                    landed.insert((i32::try_from(p).unwrap(), o)),
                    "{p}/{o} landed twice, the second time in {key}\n{}",
                    self.tell()
                );
                assert!(last.insert(p, o).is_none_or(|before| before < o), "{key} is out of order at {p}/{o}");
            }
        }
        assert!(
            landed == self.good,
            "what landed is not what was sent: {:?} missing\n{}",
            self.good.difference(&landed),
            self.tell()
        );
        let mut letters = BTreeSet::new();
        for key in self.keys("_landfall-dlq/") {
            for line in self.lines(&key) {
                let (p, o) = (line["partition"].as_i64().unwrap(), line["offset"].as_i64().unwrap());
                assert!(letters.insert((i32::try_from(p).unwrap(), o)), "letter {p}/{o} twice");
            }
        }
        assert_eq!(letters, self.bad, "dead letters are not the bad records");
        self.check_log();
        self.faults.store_faults = self.store.fired().len();
        self.faults.rebuilds = self
            .workers
            .iter()
            .map(|w| w.engine.snapshot().counters.recoveries.get("rebuild").copied().unwrap_or(0))
            .sum();
        self.log.push(format!("{} rest {:?}", self.clock.now_ms(), self.faults));
    }

    fn check_log(&self) {
        let paths = paths();
        let entries: Vec<Entry> = self
            .keys(&paths.log_prefix())
            .into_iter()
            .filter(|key| paths.entry_seq(key).is_some())
            .map(|key| Entry::from_json(&block_on(self.store.inner().get(BUCKET, &key)).unwrap().body).unwrap())
            .collect();
        let (state, mut broken) = invariants::i3_disjoint_and_dense(&entries, &BTreeMap::new());
        broken.extend(invariants::i1_i2_cover(&entries, &state.unwrap()));
        assert_eq!(broken, vec![]);
    }
}

fn paths() -> Paths {
    Paths::new("_landfall/", &JobUid::from(UID), Lane(0))
}

/// Lost answers and refusals, most of all where they hurt.
fn plan(rng: &mut StdRng) -> FaultPlan {
    let operations = [
        Operation::Put,
        Operation::Put,
        Operation::CompleteUpload,
        Operation::CompleteUpload,
        Operation::Head,
        Operation::UploadPart,
        Operation::CreateUpload,
        Operation::List,
        Operation::Get,
    ];
    let mut faults = Vec::new();
    for _ in 0..rng.random_range(0..25) {
        let operation = operations[rng.random_range(0..operations.len())];
        let kind =
            [ErrorKind::Timeout, ErrorKind::Server, ErrorKind::SlowDown, ErrorKind::Conflict][rng.random_range(0..4)];
        let writes = matches!(operation, Operation::Put | Operation::CompleteUpload | Operation::UploadPart);
        let fault = match rng.random_range(0..5) {
            0 if writes => Fault::LostAnswer(kind),
            1 if operation == Operation::Put => Fault::Late,
            2 if operation == Operation::CompleteUpload => Fault::HollowSuccess,
            3 => Fault::Delay { ms: rng.random_range(100..20_000) },
            _ => Fault::Before(kind),
        };
        faults.push(PlannedFault::on(operation, fault).after(rng.random_range(0..150)));
    }
    FaultPlan::of(faults)
}
