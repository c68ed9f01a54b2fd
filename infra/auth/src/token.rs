//! Static tokens, known by their SHA-256 only and compared in constant time.

use sha2::{Digest, Sha256};
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};

use crate::principal::{Principal, Role};

/// A static token; the token itself is nowhere kept.
#[derive(Clone, PartialEq, Eq)]
pub struct StaticToken {
    /// Shown as `changed_by`.
    pub name: String,
    /// SHA-256 of the token.
    pub sha256: [u8; 32],
    /// What its holder may do.
    pub role: Role,
    /// `None`: every team.
    pub team: Option<String>,
}

/// The hash of a weak token could be guessed from: it is not shown.
impl std::fmt::Debug for StaticToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StaticToken")
            .field("name", &self.name)
            .field("role", &self.role)
            .field("team", &self.team)
            .finish_non_exhaustive()
    }
}

impl From<&landfall_config::Token> for StaticToken {
    fn from(token: &landfall_config::Token) -> Self {
        Self { name: token.name.clone(), sha256: token.sha256, role: token.role.into(), team: token.team.clone() }
    }
}

/// The principal behind a token. Every entry is compared, whichever matches.
pub(crate) fn find(tokens: &[StaticToken], token: &str) -> Option<Principal> {
    let digest: [u8; 32] = Sha256::digest(token.as_bytes()).into();
    let mut found = u64::MAX;
    for (index, known) in (0_u64..).zip(tokens) {
        let equal: Choice = known.sha256.ct_eq(&digest);
        found.conditional_assign(&index, equal);
    }
    let known = tokens.get(usize::try_from(found).ok()?)?;
    Some(Principal { name: known.name.clone(), role: known.role, team: known.team.clone() })
}
