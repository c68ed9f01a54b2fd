//! Where tokens and unique names come from; injected, so that a simulation replays them.

use std::fmt;

use rand::RngCore;
use rand::rngs::StdRng;
use rand::{SeedableRng, rng};

/// Random names. Two workers never draw the same: 128 bits, except under a seed.
pub struct Ids {
    rng: StdRng,
}

impl Ids {
    /// Seeded by the operating system.
    #[must_use]
    pub fn random() -> Self {
        let mut seed = [0; 32];
        rng().fill_bytes(&mut seed);
        Self { rng: StdRng::from_seed(seed) }
    }

    /// The same names again for the same seed.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self { rng: StdRng::seed_from_u64(seed) }
    }

    /// 32 hexadecimal digits.
    pub fn token(&mut self) -> String {
        format!("{:016x}{:016x}", self.rng.next_u64(), self.rng.next_u64())
    }

    /// 12 hexadecimal digits, for `{unique}` in a key: readable, and the key's other parts narrow it further.
    pub fn unique(&mut self) -> String {
        let mut token = self.token();
        token.truncate(12);
        token
    }

    /// For jitter.
    pub fn number(&mut self) -> u64 {
        self.rng.next_u64()
    }
}

impl fmt::Debug for Ids {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ids")
    }
}
