//! What can happen next: the protocol's own steps, and the faults that are left.

use stateright::{Model, Property};

use crate::check;
use crate::plan::{Plan, Rules};
use crate::state::{Batch, Entry, File, Named, PARTITIONS, Pending, State, Upload, View, WORKERS, Worker, bit, of};

/// How a PUT of an entry goes when its place is free.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Put {
    Answered,
    /// It took effect, the answer is lost.
    Lost,
    /// It timed out and may arrive later.
    Late,
}

/// How a Complete goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Done {
    Answered,
    /// 200, and nothing happened.
    Hollow,
    /// It times out; the server denies the upload until it is through.
    Slow,
}

/// `w` is a worker, `p` a partition; files by index or by their first token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    Assign {
        p: usize,
        w: usize,
    },
    /// The next record into an open file, or into a new one.
    Consume {
        w: usize,
        p: usize,
        into: Option<usize>,
    },
    /// The end of the partition after an error.
    End {
        w: usize,
        p: usize,
    },
    Close {
        w: usize,
        file: usize,
    },
    Append {
        w: usize,
        put: Put,
    },
    Again {
        w: usize,
        put: Put,
    },
    Fold {
        w: usize,
    },
    Complete {
        w: usize,
        first: u8,
        done: Done,
    },
    Rebuild {
        w: usize,
        first: u8,
    },
    Commit {
        w: usize,
        p: usize,
    },
    Checkpoint {
        w: usize,
    },
    Wake {
        w: usize,
    },
    /// The zombie hears that the group went on without it.
    Notice {
        w: usize,
    },
    Arrive {
        late: usize,
    },
    /// A slow Complete gets through.
    Through {
        tok: u8,
    },
    // Faults.
    Crash {
        w: usize,
    },
    Freeze {
        w: usize,
    },
    Expire {
        tok: u8,
    },
    Delete {
        key: u8,
    },
    Compact {
        record: u8,
    },
    Jump {
        w: usize,
        p: usize,
    },
    ExpireLog,
    Recreate,
}

#[derive(Debug, Clone)]
pub struct Protocol {
    pub plan: Plan,
    pub rules: Rules,
}

/// Files a worker holds at once.
const FILES: usize = 2;

impl Protocol {
    fn key(&self, tok: u8, mask: u8) -> u8 {
        if self.plan.named_by_offset { 200 + u8::try_from(mask.trailing_zeros()).unwrap() } else { tok }
    }

    /// Files of the log that a worker may see to.
    fn to_complete(&self, state: &State, w: usize) -> Vec<Pending> {
        let worker = &state.workers[w];
        let owns = |mask: u8| (0..PARTITIONS).any(|p| worker.owned & (1 << p) != 0 && mask & of(p) != 0);
        let view = state.view(w);
        let mut files: Vec<Pending> = view
            .files
            .into_iter()
            .filter(|file| !file.completed)
            .filter(|file| owns(file.mask) && !worker.seen.contains(&file.first))
            .filter(|file| self.rules.take_over || worker.mine.contains(&file.first))
            .collect();
        files.retain(|file| !worker.rebuilt.iter().any(|(first, _)| first == &file.first));
        files
    }

    fn shows(state: &State, file: &Pending) -> bool {
        state.objects.get(&file.key).is_some_and(|tok| *tok == file.tok || file.earlier.contains(tok))
    }

    /// What the next entry of a worker would say.
    fn entry(&self, state: &State, w: usize) -> (Vec<File>, Entry) {
        let (worker, view) = (&state.workers[w], state.view(w));
        let mut entry = Entry::default();
        let (mut taken, mut held) = (Vec::new(), 0);
        for file in worker.files.iter().filter(|file| !file.open) {
            let lost = self.lost(&view, file.mask) || (self.rules.disjoint_within && held & file.mask != 0);
            if !lost {
                held |= file.mask;
                entry.files.push(Named { tok: file.tok, key: self.key(file.tok, file.mask), mask: file.mask });
                taken.push(file.clone());
            }
        }
        entry.absent = worker.absent & !view.accounted() & !held;
        let pending = |first: &u8| view.pending().any(|file| file.first == *first);
        entry.completed = worker.seen.iter().copied().filter(pending).collect();
        let first_attempt = |first: &u8| view.files.iter().any(|file| file.first == *first && file.tok == *first);
        entry.rebuilt = worker.rebuilt.iter().copied().filter(|(first, _)| first_attempt(first)).collect();
        (taken, entry)
    }

    fn lost(&self, view: &View, mask: u8) -> bool {
        let against = if self.rules.absent_loses { view.accounted() } else { view.held };
        self.rules.disjoint && against & mask != 0
    }

    /// The protocol's own steps: what happens by itself, sooner or later.
    pub fn steps_left(&self, state: &State) -> Vec<Step> {
        let mut steps = Vec::new();
        for p in 0..PARTITIONS {
            if self.plan.records[p] == 0 || state.owner[p].is_some() {
                continue;
            }
            let able = |w: &usize| {
                let worker = &state.workers[*w];
                !worker.frozen && !worker.stopped && worker.generation == state.generation
            };
            steps.extend((0..WORKERS).filter(able).map(|w| Step::Assign { p, w }));
        }
        for w in 0..WORKERS {
            self.worker_steps(state, w, &mut steps);
        }
        steps.extend((0..state.late.len()).map(|late| Step::Arrive { late }));
        let slow = state.uploads.iter().filter(|(_, upload)| upload.2 == Upload::Slow);
        steps.extend(slow.map(|(tok, _)| Step::Through { tok: *tok }));
        steps
    }

    fn worker_steps(&self, state: &State, w: usize, steps: &mut Vec<Step>) {
        let worker = &state.workers[w];
        if worker.frozen {
            return steps.push(Step::Wake { w });
        }
        if worker.stopped {
            return;
        }
        let really =
            |p: &usize| state.owner[*p] == Some(u8::try_from(w).unwrap()) && worker.generation == state.generation;
        if (0..PARTITIONS).any(|p| worker.owned & (1 << p) != 0 && !really(&p)) || worker.generation < state.generation
        {
            steps.push(Step::Notice { w });
        }
        let view = state.view(w);
        for p in (0..PARTITIONS).filter(|p| worker.owned & (1 << p) != 0) {
            self.consume_steps(state, w, p, steps);
            let low = self.visible_low(state, w, &view, p);
            if really(&p) && low > state.committed[p] {
                steps.push(Step::Commit { w, p });
            }
        }
        let open = worker.files.iter().enumerate().filter(|(_, file)| file.open);
        steps.extend(open.map(|(file, _)| Step::Close { w, file }));
        if worker.folded < state.log_end(w) {
            steps.push(Step::Fold { w });
        }
        if worker.batch.is_some() {
            steps.push(Step::Again { w, put: Put::Answered });
        } else if !view.closed {
            let (_, entry) = self.entry(state, w);
            let losers = worker.files.iter().any(|file| !file.open && self.lost(&view, file.mask));
            if losers || entry != Entry::default() {
                steps.push(Step::Append { w, put: Put::Answered });
            }
        }
        for file in self.to_complete(state, w) {
            let upload = state.uploads[&file.tok].2;
            if upload == Upload::Open || Self::shows(state, &file) {
                steps.push(Step::Complete { w, first: file.first, done: Done::Answered });
            }
            let gone = matches!(upload, Upload::Gone | Upload::Done) || (upload == Upload::Slow && !self.rules.grace);
            // Folded again before the verdict.
            if gone && !Self::shows(state, &file) && worker.folded == state.log_end(w) && file.tok == file.first {
                steps.push(Step::Rebuild { w, first: file.first });
            }
        }
    }

    fn consume_steps(&self, state: &State, w: usize, p: usize, steps: &mut Vec<Step>) {
        let worker = &state.workers[w];
        if worker.position[p] >= self.plan.records[p] {
            return;
        }
        if (worker.position[p]..self.plan.records[p]).all(|offset| state.compacted & bit(p, offset) != 0)
            || (worker.jumped & (1 << p) != 0 && worker.position[p] + 1 >= self.plan.records[p])
        {
            return steps.push(Step::End { w, p });
        }
        // Within a file a partition's records are in offset order.
        let fits = |file: &File| file.open && file.mask & of(p) < bit(p, worker.position[p]);
        for (into, _) in worker.files.iter().enumerate().filter(|(_, file)| fits(file)) {
            steps.push(Step::Consume { w, p, into: Some(into) });
        }
        if worker.files.len() < FILES || !worker.files.iter().any(fits) {
            steps.push(Step::Consume { w, p, into: None });
        }
    }

    fn visible_low(&self, state: &State, w: usize, view: &View, p: usize) -> u8 {
        let worker = &state.workers[w];
        let unseen = view.pending().filter(|file| !worker.seen.contains(&file.first));
        let hidden = if self.rules.commit_visible { unseen.fold(0, |all, file| all | file.mask) } else { 0 };
        View::low_in(view.accounted() & !hidden, p)
    }

    fn faults(&self, state: &State, steps: &mut Vec<Step>) {
        let left = &state.left;
        for w in (0..WORKERS).filter(|w| !state.workers[*w].frozen && !state.workers[*w].stopped) {
            let worker = &state.workers[w];
            if left.crashes > 0 && *worker != Worker::default() {
                steps.push(Step::Crash { w });
            }
            if left.freezes > 0 && worker.owned != 0 {
                steps.push(Step::Freeze { w });
            }
            if left.moves > 0 && worker.generation == state.generation {
                let others = (0..PARTITIONS).filter(|p| state.owner[*p].is_some_and(|owner| usize::from(owner) != w));
                steps.extend(others.map(|p| Step::Assign { p, w }));
            }
            let more = state.folded(w).len() > state.checkpoint.len() || worker.batch.is_some();
            if left.checkpoints > 0 && worker.generation == state.generation && more {
                steps.push(Step::Checkpoint { w });
            }
            for p in (0..PARTITIONS).filter(|p| worker.owned & (1 << p) != 0 && worker.jumped & (1 << p) == 0) {
                if left.read_errors > 0 && worker.position[p] < self.plan.records[p] {
                    steps.push(Step::Jump { w, p });
                }
            }
        }
        for (put, some) in [(Put::Lost, left.lost_answers > 0), (Put::Late, left.late_puts > 0)] {
            let more: Vec<Step> = steps
                .iter()
                .filter_map(|step| match step {
                    Step::Append { w, put: Put::Answered } => Some(Step::Append { w: *w, put }),
                    Step::Again { w, put: Put::Answered } => Some(Step::Again { w: *w, put }),
                    _ => None,
                })
                .collect();
            steps.extend(more.into_iter().filter(|_| some));
        }
        for (done, some) in [(Done::Hollow, left.hollow > 0), (Done::Slow, left.slow_completes > 0)] {
            let more: Vec<Step> = steps
                .iter()
                .filter_map(|step| match step {
                    Step::Complete { w, first, done: Done::Answered } => {
                        Some(Step::Complete { w: *w, first: *first, done })
                    }
                    _ => None,
                })
                .collect();
            steps.extend(more.into_iter().filter(|_| some));
        }
        if left.expiries > 0 {
            let open = state.uploads.iter().filter(|(_, upload)| upload.2 == Upload::Open);
            steps.extend(open.map(|(tok, _)| Step::Expire { tok: *tok }));
        }
        if left.deletes > 0 {
            // Readers delete only what the log calls completed.
            let log = View::of(&state.logs[usize::from(state.generation)]);
            let completed = |key: &u8| log.files.iter().any(|file| file.completed && file.key == *key);
            steps.extend(state.objects.keys().copied().filter(completed).map(|key| Step::Delete { key }));
        }
        if left.compactions > 0 {
            let records = (0..PARTITIONS).flat_map(|p| (0..self.plan.records[p]).map(move |offset| bit(p, offset)));
            steps.extend(records.filter(|record| state.compacted & record == 0).map(|record| Step::Compact { record }));
        }
        let idle = state.workers.iter().all(|worker| worker.owned == 0 && worker.batch.is_none() && !worker.frozen);
        if left.log_expires && idle && !state.logs[0].is_empty() {
            steps.push(Step::ExpireLog);
        }
        let all_visible = View::of(&state.logs[0]).pending().all(|file| Self::shows(state, file));
        if left.recreated && all_visible {
            steps.push(Step::Recreate);
        }
    }
}

impl Model for Protocol {
    type State = State;
    type Action = Step;

    fn init_states(&self) -> Vec<State> {
        vec![State::start(&self.plan)]
    }

    fn actions(&self, state: &State, steps: &mut Vec<Step>) {
        steps.extend(self.steps_left(state));
        self.faults(state, steps);
    }

    fn next_state(&self, state: &State, step: Step) -> Option<State> {
        let mut next = state.clone();
        self.take(&mut next, step);
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        check::properties()
    }
}

impl Protocol {
    fn take(&self, state: &mut State, step: Step) {
        match step {
            Step::Assign { p, w } => self.assign(state, p, w),
            Step::Consume { w, p, into } => self.consume(state, w, p, into),
            Step::End { w, p } => self.end(state, w, p),
            Step::Close { w, file } => {
                let file = &mut state.workers[w].files[file];
                file.open = false;
                let (tok, mask) = (file.tok, file.mask);
                state.uploads.insert(tok, (self.key(tok, mask), mask, Upload::Open));
            }
            Step::Append { w, put } => self.append(state, w, put),
            Step::Again { w, put } => self.again(state, w, put),
            Step::Fold { w } => self.fold(state, w),
            Step::Complete { w, first, done } => self.complete(state, w, first, done),
            Step::Rebuild { w, first } => {
                let tok = state.token();
                let file = state.view(w).files.into_iter().find(|file| file.first == first).unwrap();
                state.uploads.insert(tok, (file.key, file.mask, Upload::Open));
                state.workers[w].rebuilt.push((first, tok));
            }
            Step::Commit { w, p } => state.committed[p] = self.visible_low(state, w, &state.view(w), p),
            Step::Checkpoint { w } => {
                state.left.checkpoints -= 1;
                let mut holds = state.folded(w);
                if !self.rules.checkpoint_folded {
                    holds.extend(state.workers[w].batch.iter().map(|batch| batch.entry.clone()));
                }
                // The newest lists first; one that is older changes nothing for readers.
                if holds.len() > state.checkpoint.len() {
                    state.checkpoint = holds;
                }
            }
            Step::Wake { w } => state.workers[w].frozen = false,
            Step::Notice { w } => self.notice(state, w),
            Step::Arrive { late } => {
                let (generation, seq, entry) = state.late.remove(late);
                let log = &mut state.logs[usize::from(generation)];
                if log.len() == usize::from(seq) {
                    log.push(entry);
                }
            }
            Step::Through { tok } => self.show(state, tok),
            Step::Crash { w } => {
                state.left.crashes -= 1;
                self.restart(state, w);
            }
            Step::Freeze { w } => {
                state.left.freezes -= 1;
                state.workers[w].frozen = true;
            }
            Step::Expire { tok } => {
                state.left.expiries -= 1;
                state.uploads.get_mut(&tok).unwrap().2 = Upload::Gone;
            }
            Step::Delete { key } => {
                state.left.deletes -= 1;
                state.objects.remove(&key);
            }
            Step::Compact { record } => {
                state.left.compactions -= 1;
                state.compacted |= record;
            }
            Step::Jump { w, p } => {
                state.left.read_errors -= 1;
                state.workers[w].jumped |= 1 << p;
            }
            Step::ExpireLog => {
                state.left.log_expires = false;
                state.log_expired = true;
                state.logs[0].clear();
                // Whoever is assigned reads the log anew.
                (0..WORKERS).for_each(|w| self.restart(state, w));
            }
            Step::Recreate => self.recreate(state),
        }
    }

    fn restart(&self, state: &mut State, w: usize) {
        state.workers[w] = Worker { generation: state.generation, ..Worker::default() };
        for owner in state.owner.iter_mut().filter(|owner| **owner == Some(u8::try_from(w).unwrap())) {
            *owner = None;
        }
    }

    fn assign(&self, state: &mut State, p: usize, w: usize) {
        if let Some(before) = state.owner[p] {
            state.left.moves -= 1;
            let before = usize::from(before);
            // A frozen worker hears of it when it wakes.
            if !state.workers[before].frozen {
                self.give_back(state, before, p);
            }
        }
        state.owner[p] = Some(u8::try_from(w).unwrap());
        if state.log_expired && state.log(w).is_empty() && self.rules.empty_log_stops {
            state.workers[w].stopped = true;
            return;
        }
        self.fold(state, w);
        let low = state.view(w).low(p);
        let worker = &mut state.workers[w];
        worker.owned |= 1 << p;
        worker.position[p] = low;
        worker.jumped &= !(1 << p);
        worker.absent &= !of(p);
    }

    /// The partition is not the worker's any more. Files of an append of unknown fate stay until that is decided.
    fn give_back(&self, state: &mut State, w: usize, p: usize) {
        state.workers[w].owned &= !(1 << p);
        state.workers[w].absent &= !of(p);
        self.drop_files(state, w, |file| file.mask & of(p) != 0);
        if !self.rules.keep_unknown
            && let Some(batch) = state.workers[w].batch.take()
        {
            for file in batch.entry.files {
                self.abort(state, file.tok);
            }
        }
    }

    fn abort(&self, state: &mut State, tok: u8) {
        if let Some(upload) = state.uploads.get_mut(&tok)
            && upload.2 == Upload::Open
        {
            upload.2 = Upload::Gone;
        }
        state.aborted.push(tok);
        state.aborted.sort_unstable();
    }

    fn drop_files(&self, state: &mut State, w: usize, which: impl Fn(&File) -> bool) {
        let files = std::mem::take(&mut state.workers[w].files);
        let (dropped, kept): (Vec<File>, Vec<File>) = files.into_iter().partition(which);
        state.workers[w].files = kept;
        for file in dropped {
            if !file.open {
                self.abort(state, file.tok);
            }
            let owned = state.workers[w].owned;
            for p in (0..PARTITIONS).filter(|p| owned & (1 << p) != 0 && self.rules.owe) {
                self.owe(state, w, p, file.mask);
            }
        }
    }

    /// Seeks back for what is not accounted. A record read again never joins a file with later records of its partition.
    fn owe(&self, state: &mut State, w: usize, p: usize, mask: u8) {
        let owed = mask & of(p) & !state.view(w).accounted();
        let Some(first) = (0..2).find(|offset| owed & bit(p, *offset) != 0) else { return };
        let State { workers, uploads, .. } = state;
        let worker = &mut workers[w];
        if first >= worker.position[p] {
            return;
        }
        worker.position[p] = first;
        worker.jumped &= !(1 << p);
        for file in worker.files.iter_mut().filter(|file| file.open && file.mask & of(p) > bit(p, first)) {
            file.open = false;
            uploads.insert(file.tok, (self.key(file.tok, file.mask), file.mask, Upload::Open));
        }
    }

    fn consume(&self, state: &mut State, w: usize, p: usize, into: Option<usize>) {
        let view = state.view(w);
        let compacted = state.compacted;
        let worker = &mut state.workers[w];
        let at = worker.position[p];
        let jumped = worker.jumped & (1 << p) != 0;
        let from = if jumped { at + 1 } else { at };
        let Some(offset) = (from..self.plan.records[p]).find(|offset| compacted & bit(p, *offset) == 0) else {
            return self.end(state, w, p);
        };
        if jumped && self.rules.unbroken {
            // A jump after an error proves nothing: go back and look again.
            worker.jumped &= !(1 << p);
            return;
        }
        worker.jumped &= !(1 << p);
        for passed in at..offset {
            worker.absent |= bit(p, passed) & !view.accounted();
        }
        worker.position[p] = offset + 1;
        let record = bit(p, offset);
        let in_batch = worker.batch.iter().flat_map(|batch| &batch.entry.files).fold(0, |all, file| all | file.mask);
        let held = worker.files.iter().fold(in_batch, |all, file| all | file.mask);
        if view.accounted() & record != 0 || (self.rules.skip_held && held & record != 0) {
            return;
        }
        match into {
            Some(file) => worker.files[file].mask |= record,
            None => {
                let tok = state.token();
                state.workers[w].files.push(File { tok, mask: record, open: true });
            }
        }
    }

    fn end(&self, state: &mut State, w: usize, p: usize) {
        let accounted = state.view(w).accounted();
        let worker = &mut state.workers[w];
        let jumped = worker.jumped & (1 << p) != 0;
        worker.jumped &= !(1 << p);
        if jumped && self.rules.unbroken {
            return;
        }
        for passed in worker.position[p]..self.plan.records[p] {
            worker.absent |= bit(p, passed) & !accounted;
        }
        worker.position[p] = self.plan.records[p];
    }

    fn append(&self, state: &mut State, w: usize, put: Put) {
        let view = state.view(w);
        self.drop_files(state, w, |file| !file.open && self.lost(&view, file.mask));
        let (taken, mut entry) = self.entry(state, w);
        // Two own files that hold the same: the second has lost.
        let held = taken.iter().fold(0, |all, file| all | file.mask);
        self.drop_files(state, w, |file| !file.open && !taken.contains(file) && held & file.mask != 0);
        if entry == Entry::default() {
            return;
        }
        entry.tok = state.token();
        let worker = &mut state.workers[w];
        worker.files.retain(|file| !taken.contains(file));
        worker.batch = Some(Batch { seq: worker.folded, entry });
        self.put(state, w, put);
    }

    fn again(&self, state: &mut State, w: usize, put: Put) {
        if self.rules.same_body {
            return self.put(state, w, put);
        }
        // Another body at the same place: the files go into a new entry.
        let batch = state.workers[w].batch.take().unwrap();
        for file in batch.entry.files {
            state.workers[w].files.push(File { tok: file.tok, mask: file.mask, open: false });
        }
        self.append(state, w, put);
    }

    fn put(&self, state: &mut State, w: usize, put: Put) {
        let batch = state.workers[w].batch.clone().unwrap();
        let generation = usize::from(state.workers[w].generation);
        let end = state.logs[generation].len();
        if end > usize::from(batch.seq) {
            // 412: read what is there.
            let there = &state.logs[generation][usize::from(batch.seq)];
            if there.tok == batch.entry.tok {
                return self.committed(state, w);
            }
            state.workers[w].batch = None;
            for file in batch.entry.files {
                state.workers[w].files.push(File { tok: file.tok, mask: file.mask, open: false });
            }
            self.fold(state, w);
            let owned = state.workers[w].owned;
            return self
                .drop_files(state, w, |file| (0..PARTITIONS).any(|p| owned & (1 << p) == 0 && file.mask & of(p) != 0));
        }
        state.hole |= end < usize::from(batch.seq);
        match put {
            Put::Answered => {
                state.logs[generation].push(batch.entry);
                self.committed(state, w);
            }
            Put::Lost => {
                state.left.lost_answers -= 1;
                state.logs[generation].push(batch.entry);
            }
            Put::Late => {
                state.left.late_puts -= 1;
                state.late.push((u8::try_from(generation).unwrap(), batch.seq, batch.entry));
            }
        }
    }

    fn committed(&self, state: &mut State, w: usize) {
        let worker = &mut state.workers[w];
        let batch = worker.batch.take().unwrap();
        worker.folded = worker.folded.max(batch.seq + 1);
        worker.mine.extend(batch.entry.files.iter().map(|file| file.tok));
        worker.absent &= !batch.entry.absent;
        self.folded(state, w);
    }

    fn fold(&self, state: &mut State, w: usize) {
        if state.workers[w].folded == 0 && state.workers[w].generation == state.generation {
            let (log, checkpoint) = (state.log(w), &state.checkpoint);
            let same = log.len() >= checkpoint.len() && log[..checkpoint.len()] == checkpoint[..];
            state.workers[w].read = (!same).then(|| checkpoint.clone());
        }
        let read = state.workers[w].read.as_ref().map_or(0, Vec::len);
        let end = state.log_end(w).max(u8::try_from(read).unwrap());
        let ours = state.workers[w].batch.as_ref().is_some_and(|batch| {
            state.log(w).get(usize::from(batch.seq)).is_some_and(|entry| entry.tok == batch.entry.tok)
        });
        if ours {
            self.committed(state, w);
        }
        state.workers[w].folded = end;
        self.folded(state, w);
    }

    /// After a fold: what lost is dropped, what is said need not be said again.
    fn folded(&self, state: &mut State, w: usize) {
        let view = state.view(w);
        self.drop_files(state, w, |file| self.lost(&view, file.mask));
        let worker = &mut state.workers[w];
        worker.absent &= !view.accounted();
        let pending = |first: &u8| view.pending().any(|file| file.first == *first);
        worker.seen.retain(pending);
        let outdated: Vec<(u8, u8)> = worker
            .rebuilt
            .iter()
            .copied()
            .filter(|(first, _)| !view.files.iter().any(|file| file.first == *first && file.tok == *first))
            .collect();
        worker.rebuilt.retain(|rebuilt| !outdated.contains(rebuilt));
        for (_, tok) in outdated {
            if !view.files.iter().any(|file| file.tok == tok) {
                self.abort(state, tok);
            }
        }
    }

    fn complete(&self, state: &mut State, w: usize, first: u8, done: Done) {
        let file = self.to_complete(state, w).into_iter().find(|file| file.first == first).unwrap();
        let open = state.uploads[&file.tok].2 == Upload::Open;
        match done {
            Done::Answered if open => self.show(state, file.tok),
            Done::Answered => {}
            Done::Hollow => state.left.hollow -= 1,
            Done::Slow => {
                state.left.slow_completes -= 1;
                if open {
                    state.uploads.get_mut(&file.tok).unwrap().2 = Upload::Slow;
                }
            }
        }
        let believed = !self.rules.head_decides && done == Done::Hollow;
        if Self::shows(state, &file) || believed {
            state.workers[w].seen.push(first);
        }
    }

    /// A Complete takes effect, if its key is free.
    fn show(&self, state: &mut State, tok: u8) {
        let (key, mask, _) = state.uploads[&tok];
        let taken = state.objects.contains_key(&key);
        if taken && self.rules.complete_if_absent {
            // The parts stay; whoever looks finds another object there.
            state.uploads.insert(tok, (key, mask, Upload::Gone));
            return;
        }
        state.replaced |= taken;
        state.uploads.insert(tok, (key, mask, Upload::Done));
        state.objects.insert(key, tok);
        state.shown.push((key, tok));
        state.shown.sort_unstable();
    }

    fn notice(&self, state: &mut State, w: usize) {
        if state.workers[w].generation < state.generation {
            // Its log is closed, or its job is not to be found: it starts again with the job that is.
            self.fold(state, w);
            if state.view(w).closed || !self.rules.closing {
                self.restart(state, w);
            }
            return;
        }
        for p in 0..PARTITIONS {
            if state.workers[w].owned & (1 << p) != 0 && state.owner[p] != Some(u8::try_from(w).unwrap()) {
                self.give_back(state, w, p);
            }
        }
    }

    fn recreate(&self, state: &mut State) {
        state.left.recreated = false;
        if self.rules.closing {
            let tok = state.token();
            state.logs[0].push(Entry { tok, closing: true, ..Entry::default() });
        }
        state.generation = 1;
        state.checkpoint.clear();
        state.objects.clear();
        state.shown.clear();
        state.aborted.clear();
        state.owner = [None; PARTITIONS];
        state.committed = [0; PARTITIONS];
        for w in (0..WORKERS).filter(|w| !state.workers[*w].frozen).collect::<Vec<_>>() {
            state.workers[w] = Worker { generation: 1, ..Worker::default() };
        }
    }
}
