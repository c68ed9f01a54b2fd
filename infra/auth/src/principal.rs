//! Who asks, and what they may do.

use crate::refused::Refused;

/// What a principal may do; each role may do all that those before it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Reads.
    Viewer,
    /// Creates, changes and deletes jobs of its team.
    Editor,
    /// Everything, for every team.
    Operator,
}

impl Role {
    /// The word for it in configurations and answers.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Editor => "editor",
            Self::Operator => "operator",
        }
    }
}

impl From<landfall_config::Role> for Role {
    fn from(role: landfall_config::Role) -> Self {
        match role {
            landfall_config::Role::Viewer => Self::Viewer,
            landfall_config::Role::Editor => Self::Editor,
            landfall_config::Role::Operator => Self::Operator,
        }
    }
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// Shown as `changed_by`.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// The team whose jobs it sees; `None`: every team.
    pub team: Option<String>,
}

impl Principal {
    /// The one of mode `none`.
    #[must_use]
    pub fn local() -> Self {
        Self { name: "local".to_owned(), role: Role::Operator, team: None }
    }

    /// Whether a team's jobs exist for it.
    #[must_use]
    pub fn sees(&self, team: &str) -> bool {
        self.role == Role::Operator || self.team.as_deref().is_none_or(|own| own == team)
    }

    /// Whether it may do what needs a role.
    ///
    /// # Errors
    /// Its own role is lower.
    pub fn require(&self, role: Role) -> Result<(), Refused> {
        if self.role >= role {
            return Ok(());
        }
        let (own, needed) = (self.role.name(), role.name());
        Err(Refused::forbidden(format!("{:?} has the role {own}, this needs {needed}: ask for that role", self.name)))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::RefusedKind;

    fn who(role: Role, team: Option<&str>) -> Principal {
        Principal { name: "ann".to_owned(), role, team: team.map(str::to_owned) }
    }

    #[test]
    fn each_role_may_what_those_before_it_may() {
        let roles = [Role::Viewer, Role::Editor, Role::Operator];
        for (own, role) in roles.iter().enumerate() {
            for (needed, wanted) in roles.iter().enumerate() {
                assert_eq!(who(*role, None).require(*wanted).is_ok(), own >= needed, "{role:?} {wanted:?}");
            }
        }
        let refused = who(Role::Viewer, None).require(Role::Editor).unwrap_err();
        assert_eq!(refused.kind, RefusedKind::Forbidden);
        assert!(refused.reason.contains("role viewer, this needs editor"), "{refused}");
    }

    #[test]
    fn a_team_sees_its_own_jobs_alone() {
        assert!(who(Role::Editor, Some("ads")).sees("ads"));
        assert!(!who(Role::Editor, Some("ads")).sees("web"));
        assert!(who(Role::Viewer, None).sees("web"));
        assert!(who(Role::Operator, Some("ads")).sees("web"));
    }
}
