//! One memory budget for the whole process. Every engine charges what it holds; nobody waits here: an engine that sees
//! the budget high spills, seals or pauses.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

const USES: usize = 7;

/// What memory is used for, as named in metrics and the heartbeat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// Unsealed records of open files.
    OpenFiles,
    /// Sealed chunks on their way through the encoder, and encoders' own buffers.
    Encoding,
    /// Encoded bytes waiting to make up a part.
    Waiting,
    /// Parts being uploaded.
    Parts,
    /// Dead letters on their way to a topic, and the producer's copies of them.
    Letters,
    /// Files that are read from Kafka again because their uploads are gone.
    Rebuild,
    /// librdkafka's fetch queues, by their limit.
    Fetch,
}

impl Use {
    pub const ALL: [Self; USES] =
        [Self::OpenFiles, Self::Encoding, Self::Waiting, Self::Parts, Self::Letters, Self::Rebuild, Self::Fetch];

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OpenFiles => "open_files",
            Self::Encoding => "encoding",
            Self::Waiting => "waiting",
            Self::Parts => "parts",
            Self::Letters => "letters",
            Self::Rebuild => "rebuild",
            Self::Fetch => "fetch",
        }
    }

    fn index(self) -> usize {
        match self {
            Self::OpenFiles => 0,
            Self::Encoding => 1,
            Self::Waiting => 2,
            Self::Parts => 3,
            Self::Letters => 4,
            Self::Rebuild => 5,
            Self::Fetch => 6,
        }
    }
}

/// The process's limit and what is charged to it.
#[derive(Debug)]
pub struct Budget {
    limit_bytes: u64,
    /// What is left to the process itself: code, stacks, allocators, clients.
    kept_bytes: u64,
    /// How far the process was last seen above what is charged and kept.
    excess_bytes: AtomicU64,
    used: [AtomicU64; USES],
}

impl Budget {
    /// `limit_bytes`: what buffers and fetch queues may take in all; the process's own size is not part of it and is
    /// not looked at.
    #[must_use]
    pub fn new(limit_bytes: u64) -> Arc<Self> {
        Self::within(u64::MAX, limit_bytes)
    }

    /// For a process whose resident size is to stay below `process_bytes`, of which buffers and fetch queues may take
    /// `limit_bytes`. Call [`Self::measured`] often.
    #[must_use]
    pub fn within(process_bytes: u64, limit_bytes: u64) -> Arc<Self> {
        Arc::new(Self {
            limit_bytes,
            kept_bytes: process_bytes.saturating_sub(limit_bytes),
            excess_bytes: AtomicU64::new(0),
            used: Default::default(),
        })
    }

    /// Takes what the process is seen to hold. What it has beyond the charges and its own share (memory that an
    /// allocator did not give back, a client that grew) is taken from the buffers, so that the sum stays below.
    pub fn measured(&self, resident_bytes: u64) {
        let known = self.used_bytes().saturating_add(self.kept_bytes);
        self.excess_bytes.store(resident_bytes.saturating_sub(known), Ordering::Relaxed);
    }

    /// What buffers may hold now. A quarter of the limit is always theirs: work must go on to give memory back.
    #[must_use]
    pub fn room_bytes(&self) -> u64 {
        let taken = self.used_by(Use::Fetch).saturating_add(self.excess_bytes.load(Ordering::Relaxed));
        self.limit_bytes.saturating_sub(taken).max(self.limit_bytes / 4)
    }

    #[must_use]
    pub fn limit_bytes(&self) -> u64 {
        self.limit_bytes
    }

    #[must_use]
    pub fn used_by(&self, what: Use) -> u64 {
        self.used[what.index()].load(Ordering::Relaxed)
    }

    #[must_use]
    pub fn used_bytes(&self) -> u64 {
        Use::ALL.into_iter().map(|what| self.used_by(what)).sum()
    }

    /// Without librdkafka's queues: those are bounded by their own limit and nothing here can empty them.
    #[must_use]
    pub fn buffered_bytes(&self) -> u64 {
        self.used_bytes().saturating_sub(self.used_by(Use::Fetch))
    }

    /// Buffers in percent of their room, rounded down.
    #[must_use]
    pub fn percent(&self) -> u64 {
        self.buffered_bytes().saturating_mul(100) / self.room_bytes().max(1)
    }
}

/// What one engine has charged; given back when it is dropped.
#[derive(Debug)]
pub struct Account {
    budget: Arc<Budget>,
    charged: [u64; USES],
}

impl Account {
    #[must_use]
    pub fn new(budget: Arc<Budget>) -> Self {
        Self { budget, charged: [0; USES] }
    }

    /// Sets what is charged for one use.
    pub fn set(&mut self, what: Use, bytes: u64) {
        let (cell, charged) = (&self.budget.used[what.index()], &mut self.charged[what.index()]);
        if bytes >= *charged {
            cell.fetch_add(bytes - *charged, Ordering::Relaxed);
        } else {
            cell.fetch_sub(*charged - bytes, Ordering::Relaxed);
        }
        *charged = bytes;
    }

    #[must_use]
    pub fn get(&self, what: Use) -> u64 {
        self.charged[what.index()]
    }

    /// All but the fetch queues.
    #[must_use]
    pub fn buffered_bytes(&self) -> u64 {
        self.charged.iter().sum::<u64>() - self.get(Use::Fetch)
    }

    #[must_use]
    pub fn budget(&self) -> &Budget {
        &self.budget
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        for what in Use::ALL {
            self.set(what, 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_account_charged_is_given_back_when_it_ends() {
        let budget = Budget::new(1000);
        let mut one = Account::new(Arc::clone(&budget));
        let mut two = Account::new(Arc::clone(&budget));
        one.set(Use::Parts, 300);
        two.set(Use::Parts, 100);
        one.set(Use::Parts, 200);
        one.set(Use::Fetch, 50);
        // 300 of the 950 that the fetch queues leave.
        assert_eq!((budget.used_by(Use::Parts), budget.used_bytes(), budget.percent()), (300, 350, 31));
        drop(one);
        assert_eq!(budget.used_bytes(), 100);
    }

    #[test]
    fn what_the_process_holds_beyond_its_share_is_taken_from_the_buffers() {
        let budget = Budget::within(1_500, 1_000);
        let mut account = Account::new(Arc::clone(&budget));
        account.set(Use::Parts, 400);
        account.set(Use::Fetch, 100);
        budget.measured(1_000);
        assert_eq!((budget.room_bytes(), budget.percent()), (900, 44));
        budget.measured(1_300);
        assert_eq!((budget.room_bytes(), budget.percent()), (600, 66), "300 more than 500 charged and 500 kept");
        budget.measured(9_000);
        assert_eq!(budget.room_bytes(), 250, "a quarter stays");
        budget.measured(500);
        assert_eq!(budget.room_bytes(), 900);
    }
}
