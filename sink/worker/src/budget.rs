//! One memory budget for the whole process. Every engine charges what it holds; nobody waits here: an engine that sees
//! the budget high spills, seals or pauses.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

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
    /// librdkafka's fetch queues, by their limit.
    Fetch,
}

impl Use {
    pub const ALL: [Self; 5] = [Self::OpenFiles, Self::Encoding, Self::Waiting, Self::Parts, Self::Fetch];

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OpenFiles => "open_files",
            Self::Encoding => "encoding",
            Self::Waiting => "waiting",
            Self::Parts => "parts",
            Self::Fetch => "fetch",
        }
    }

    fn index(self) -> usize {
        match self {
            Self::OpenFiles => 0,
            Self::Encoding => 1,
            Self::Waiting => 2,
            Self::Parts => 3,
            Self::Fetch => 4,
        }
    }
}

/// The process's limit and what is charged to it.
#[derive(Debug)]
pub struct Budget {
    limit_bytes: u64,
    used: [AtomicU64; 5],
}

impl Budget {
    /// `limit_bytes`: what buffers may take in all; the process's own size is not part of it.
    #[must_use]
    pub fn new(limit_bytes: u64) -> Arc<Self> {
        Arc::new(Self { limit_bytes, used: Default::default() })
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

    /// Buffers in percent of the limit, rounded down.
    #[must_use]
    pub fn percent(&self) -> u64 {
        self.buffered_bytes().saturating_mul(100) / self.limit_bytes.max(1)
    }
}

/// What one engine has charged; given back when it is dropped.
#[derive(Debug)]
pub struct Account {
    budget: Arc<Budget>,
    charged: [u64; 5],
}

impl Account {
    #[must_use]
    pub fn new(budget: Arc<Budget>) -> Self {
        Self { budget, charged: [0; 5] }
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
        assert_eq!((budget.used_by(Use::Parts), budget.used_bytes(), budget.percent()), (300, 350, 30));
        drop(one);
        assert_eq!(budget.used_bytes(), 100);
    }
}
