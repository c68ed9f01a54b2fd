//! What goes wrong by chance.

use futures::executor::block_on;
use landfall_kafka::SourceErrorKind;
use landfall_s3::{ErrorKind, Fault, Operation, Outage, PlannedFault, Store};
use rand::Rng;

use super::world::{BUCKET, MAX_PARTITIONS, MAX_WORKERS, Weather, World};

const HOUR_MS: i64 = 3_600_000;

/// Lost answers and refusals, most of all where they hurt.
const OPERATIONS: [Operation; 11] = [
    Operation::Put,
    Operation::Put,
    Operation::CompleteUpload,
    Operation::CompleteUpload,
    Operation::Head,
    Operation::UploadPart,
    Operation::CreateUpload,
    Operation::List,
    Operation::Get,
    Operation::ListParts,
    Operation::AbortUpload,
];
const KINDS: [ErrorKind; 5] =
    [ErrorKind::Timeout, ErrorKind::Server, ErrorKind::SlowDown, ErrorKind::Conflict, ErrorKind::Connection];

impl World {
    pub fn maybe_fault(&mut self) {
        let chance = match self.weather {
            Weather::Storm => self.rng.random_range(0..400),
            Weather::Breeze => self.rng.random_range(0..1_600),
            Weather::Still => return,
        };
        let now_ms = self.clock.now_ms();
        let partition = {
            let all = self.broker.lock().unwrap().numbers();
            self.rng.random_range(all)
        };
        let one = (!self.workers.is_empty()).then(|| self.rng.random_range(0..self.workers.len()));
        match (chance, one) {
            (0 | 1, Some(index)) => {
                self.count("crash");
                self.crash(index);
            }
            (2, Some(index)) => {
                self.count("freeze");
                let for_ms = self.rng.random_range(6_000..30_000);
                self.freeze(index, for_ms);
            }
            (3, Some(index)) => {
                self.count("SIGTERM");
                self.terminate(index);
            }
            (4..8, _) if self.broker.lock().unwrap().shuffle(partition) => self.count("revoke"),
            (8..10, _) if self.workers.len() < MAX_WORKERS => self.start_worker(),
            (10 | 11, _) => self.lose_upload(),
            (12..24, _) => self.spoil_a_request(),
            (24..28, _) => {
                let index = self.rng.random_range(0..100);
                if block_on(self.store.apply_one_late(index)) {
                    self.count("late effect");
                }
            }
            (28, Some(index)) => {
                self.count("clock jump");
                let jump = [-HOUR_MS, HOUR_MS][self.rng.random_range(0..2)];
                self.workers[index].wall_offset_ms += jump;
            }
            (29, _) if self.weather == Weather::Storm => {
                self.count("config change");
                self.change_config();
            }
            (30, _) if self.rng.random_ratio(1, 3) && self.broker.lock().unwrap().numbers().end < MAX_PARTITIONS => {
                self.count("partition added");
                let records = self.rng.random_range(50..400);
                self.add_partition(records);
            }
            (31, _) => self.compact(partition),
            (32, _) if self.rng.random_ratio(1, 3) => self.retain(partition),
            (33..36, _) => self.end_transaction(partition),
            (36..38, _) => {
                self.count("spoilt commit");
                let lost = self.rng.random_ratio(1, 2);
                self.broker.lock().unwrap().spoil_commits.push_back(lost);
            }
            (38, _) => {
                self.count("kafka gives no answer");
                self.broker.lock().unwrap().spoil_asks += 3;
            }
            (39, _) if self.setup.letters_to_topic => {
                self.count("spoilt letters");
                let lost = self.rng.random_ratio(1, 2);
                self.broker.lock().unwrap().spoil_letters.push_back(lost);
            }
            (40 | 41, Some(index)) => {
                let lost = self.workers[index].scratch.as_ref().is_some_and(|scratch| scratch.lose());
                if lost {
                    self.count("scratch lost");
                }
            }
            (42, Some(index)) => {
                let full = self.rng.random_ratio(1, 2);
                if let Some(scratch) = self.workers[index].scratch.clone() {
                    scratch.set_full(full);
                    self.count("scratch full");
                }
            }
            (43, _) if now_ms >= self.outage_until_ms => {
                let kinds =
                    [ErrorKind::Credentials, ErrorKind::SlowDown, ErrorKind::Connection, ErrorKind::AccessDenied];
                let kind = kinds[self.rng.random_range(0..4)];
                self.count(if kind == ErrorKind::Credentials { "credentials expired" } else { "store away" });
                self.outage_until_ms = now_ms + self.rng.random_range(500..15_000);
                let outage = Outage { kind, operations: Vec::new(), key_contains: String::new() };
                self.store.set_outages(Some(outage));
            }
            (44 | 45, _) => self.take_an_object(),
            (46, _) => {
                let kinds = [SourceErrorKind::Transient, SourceErrorKind::Corrupt];
                let kind = kinds[self.rng.random_range(0..2)];
                if self.broker.lock().unwrap().disturb(partition, kind) {
                    self.count("consumer error");
                }
            }
            _ => {}
        }
        if now_ms >= self.outage_until_ms {
            self.store.set_outages(None);
        }
    }

    /// No new faults: what is still on its way arrives, transactions end.
    pub fn calm_down(&mut self) {
        self.store.set_outages(None);
        self.store.withdraw();
        while block_on(self.store.apply_one_late(0)) {}
        let mut broker = self.broker.lock().unwrap();
        broker.spoil_commits.clear();
        broker.spoil_letters.clear();
        broker.spoil_asks = 0;
        for partition in &mut broker.partitions {
            partition.stable = partition.end;
        }
        drop(broker);
        for worker in &self.workers {
            if let Some(scratch) = &worker.scratch {
                scratch.set_full(false);
            }
        }
    }

    fn spoil_a_request(&mut self) {
        let operation = OPERATIONS[self.rng.random_range(0..OPERATIONS.len())];
        let kind = KINDS[self.rng.random_range(0..KINDS.len())];
        let writes = !matches!(operation, Operation::Head | Operation::List | Operation::Get | Operation::ListParts);
        let fault = match self.rng.random_range(0..7) {
            0 if writes => Fault::LostAnswer(kind),
            1 if writes => Fault::Late,
            2 if writes => Fault::Twice,
            3 if operation == Operation::CompleteUpload => Fault::HollowSuccess,
            4 if operation == Operation::CompleteUpload => Fault::LateSuccess,
            5 => Fault::Delay { ms: self.rng.random_range(100..20_000) },
            // A part request that timed out landed late, under another ETag: the Complete is refused once.
            6 if operation == Operation::CompleteUpload => Fault::Before(ErrorKind::InvalidPart),
            _ => Fault::Before(kind),
        };
        self.store.add(PlannedFault::on(operation, fault).after(self.rng.random_range(0..5)));
    }

    /// A lifecycle rule, or a server that forgets: an open upload is gone, whoever still wants it.
    fn lose_upload(&mut self) {
        let mut open = block_on(self.store.inner().list_uploads(BUCKET, "")).unwrap();
        if open.is_empty() {
            return;
        }
        let upload = open.swap_remove(self.rng.random_range(0..open.len()));
        self.count("upload lost");
        block_on(self.store.inner().abort_upload(BUCKET, &upload.key, &upload.upload_id)).unwrap();
    }

    fn compact(&mut self, number: i32) {
        let mut broker = self.broker.lock().unwrap();
        let partition = broker.partition_mut(number);
        let gone: Vec<i64> = partition.records.range(..partition.stable).map(|(offset, _)| *offset).collect();
        let gone: Vec<i64> = gone.into_iter().filter(|_| self.rng.random_ratio(1, 4)).collect();
        for offset in gone {
            partition.records.remove(&offset);
            self.vanished.insert((number, offset));
        }
        drop(broker);
        self.count("compaction");
    }

    /// Retention takes what is below an offset, landed or not.
    fn retain(&mut self, number: i32) {
        let mut broker = self.broker.lock().unwrap();
        let partition = broker.partition_mut(number);
        if partition.start >= partition.stable {
            return;
        }
        let start = self.rng.random_range(partition.start..partition.stable.min(partition.start + 60)) + 1;
        let kept = partition.records.split_off(&start);
        let gone = std::mem::replace(&mut partition.records, kept);
        partition.start = start;
        self.vanished.extend(gone.keys().map(|offset| (number, *offset)));
        drop(broker);
        self.count("retention");
    }

    /// The open transaction is committed or aborted, up to somewhere.
    fn end_transaction(&mut self, number: i32) {
        let mut broker = self.broker.lock().unwrap();
        let partition = broker.partition_mut(number);
        if partition.stable >= partition.end {
            return;
        }
        let stable = self.rng.random_range(partition.stable..partition.end) + 1;
        let aborted = self.rng.random_ratio(1, 2);
        if aborted {
            let of: Vec<i64> = partition.records.range(partition.stable..stable).map(|(offset, _)| *offset).collect();
            for offset in of {
                partition.records.remove(&offset);
                self.records.remove(&(number, offset));
            }
        }
        partition.stable = stable;
        drop(broker);
        self.count(if aborted { "transaction aborted" } else { "transaction committed" });
    }
}
