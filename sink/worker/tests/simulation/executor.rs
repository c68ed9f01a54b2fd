//! One thread, one queue, a clock that moves when told.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use async_trait::async_trait;
use futures::task::noop_waker;
use landfall_s3::Timer;
use landfall_worker::io::Spawner;
use rand::rngs::StdRng;
use rand::{RngCore, SeedableRng};

type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The task of an effect whose end is waited for, or any other.
struct Entry {
    watched: bool,
    task: Task,
}

#[derive(Default)]
struct Queue {
    entries: Vec<Entry>,
    /// Tasks that are spawned now are watched.
    watching: bool,
}

/// Milliseconds since the start of the world.
#[derive(Debug, Clone, Default)]
pub struct Clock(Arc<AtomicU64>);

impl Clock {
    pub fn now_ms(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    pub fn advance(&self, ms: u64) {
        self.0.fetch_add(ms, Ordering::Relaxed);
    }
}

#[derive(Debug)]
pub struct SimTimer {
    pub clock: Clock,
    rng: Mutex<StdRng>,
}

impl SimTimer {
    pub fn new(clock: Clock, seed: u64) -> Self {
        Self { clock, rng: Mutex::new(StdRng::seed_from_u64(seed)) }
    }
}

struct Sleep {
    clock: Clock,
    until_ms: u64,
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if self.clock.now_ms() >= self.until_ms { Poll::Ready(()) } else { Poll::Pending }
    }
}

#[async_trait]
impl Timer for SimTimer {
    async fn sleep_ms(&self, duration_ms: u64) {
        Sleep { clock: self.clock.clone(), until_ms: self.clock.now_ms() + duration_ms }.await;
    }

    fn random(&self) -> u64 {
        self.rng.lock().unwrap().next_u64()
    }
}

/// The tasks of one worker. Dropping them is a crash.
#[derive(Clone, Default)]
pub struct Tasks(Arc<Mutex<Queue>>);

impl std::fmt::Debug for Tasks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tasks")
    }
}

impl Spawner for Tasks {
    fn task(&self, task: Task) {
        let mut queue = self.0.lock().unwrap();
        let watched = queue.watching;
        queue.entries.push(Entry { watched, task });
    }

    fn cpu(&self, job: Box<dyn FnOnce() + Send>) {
        self.task(Box::pin(async move { job() }));
    }

    fn blocking(&self, job: Box<dyn FnOnce() + Send>) {
        self.task(Box::pin(async move { job() }));
    }
}

impl Tasks {
    pub fn clear(&self) {
        let entries = std::mem::take(&mut self.0.lock().unwrap().entries);
        drop(entries);
    }

    /// What `spawn` starts is watched: [`Self::turn`] answers true in the turn in which it ends.
    pub fn watch(&self, spawn: impl FnOnce()) {
        self.0.lock().unwrap().watching = true;
        spawn();
        self.0.lock().unwrap().watching = false;
    }

    /// Polls some of the tasks once, in an order the generator chooses. True: what was watched has ended.
    pub fn turn(&self, rng: &mut StdRng) -> bool {
        let mut entries = std::mem::take(&mut self.0.lock().unwrap().entries);
        let waker = noop_waker();
        let mut context = Context::from_waker(&waker);
        let mut left = Vec::new();
        let mut ended = false;
        while !entries.is_empty() {
            let index = usize::try_from(rng.next_u64()).unwrap() % entries.len();
            let mut entry = entries.swap_remove(index);
            // Some wait for another turn: answers come in any order.
            if rng.next_u64().is_multiple_of(4) || entry.task.as_mut().poll(&mut context).is_pending() {
                left.push(entry);
            } else {
                ended |= entry.watched;
            }
        }
        self.0.lock().unwrap().entries.extend(left);
        ended
    }
}
