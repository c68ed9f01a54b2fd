//! Where the stages run.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use rayon::ThreadPool;
use tokio::runtime::Handle;

/// A task of the I/O side.
pub type Task = Pin<Box<dyn Future<Output = ()> + Send>>;
/// A piece of CPU or blocking work.
pub type Job = Box<dyn FnOnce() + Send>;

/// Starts work; production uses [`Threads`], a simulation one executor.
pub trait Spawner: Send + Sync + fmt::Debug {
    fn task(&self, task: Task);
    /// Compression and encoding: never on the threads of tasks.
    fn cpu(&self, job: Job);
    /// Calls that block on Kafka.
    fn blocking(&self, job: Job);
}

/// tokio for tasks, a pool of as many threads as there are cores for CPU work.
#[derive(Debug, Clone)]
pub struct Threads {
    runtime: Handle,
    pool: Arc<ThreadPool>,
}

impl Threads {
    /// `cpu_threads`: at least 1.
    pub fn new(runtime: Handle, cpu_threads: usize) -> Result<Self, rayon::ThreadPoolBuildError> {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(cpu_threads.max(1))
            .thread_name(|n| format!("encode-{n}"))
            .build()?;
        Ok(Self { runtime, pool: Arc::new(pool) })
    }
}

impl Spawner for Threads {
    fn task(&self, task: Task) {
        self.runtime.spawn(task);
    }

    fn cpu(&self, job: Job) {
        self.pool.spawn_fifo(job);
    }

    fn blocking(&self, job: Job) {
        self.runtime.spawn_blocking(job);
    }
}
