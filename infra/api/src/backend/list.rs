//! Pages of jobs, of one's own team.

use std::ops::Bound;
use std::sync::Arc;
use std::time::Duration;

use landfall_store::{Broken, JobRecord, Stored};

use super::BackendError;
use crate::auth::Principal;
use crate::state::ApiState;
use crate::view;

#[derive(Debug, Default)]
pub(crate) struct Page {
    pub(crate) jobs: Vec<Arc<Stored>>,
    pub(crate) broken: Vec<Broken>,
    /// The name after which the next page begins.
    pub(crate) next: Option<String>,
}

/// Which jobs are wanted; what is not given is not looked at.
#[derive(Debug, Default)]
pub(crate) struct Filter {
    /// A word of [`view::STATES`].
    pub(crate) state: Option<String>,
    pub(crate) team: Option<String>,
    pub(crate) pool: Option<String>,
    /// Every one of them, with that value.
    pub(crate) labels: Vec<(String, String)>,
}

impl Filter {
    fn takes(&self, record: &JobRecord) -> bool {
        let is = |wanted: &Option<String>, there: &str| wanted.as_deref().is_none_or(|wanted| wanted == there);
        is(&self.state, view::state(record))
            && is(&self.team, &record.spec.team)
            && is(&self.pool, &record.spec.pool)
            && self.labels.iter().all(|(name, value)| record.spec.labels.get(name) == Some(value))
    }

    fn given(&self) -> bool {
        self.state.is_some() || self.team.is_some() || self.pool.is_some() || !self.labels.is_empty()
    }
}

/// At most `limit` jobs after the name `after` (exclusive), fewer only at the end.
pub(crate) async fn list(
    state: &ApiState,
    principal: &Principal,
    filter: &Filter,
    after: Option<String>,
    limit: usize,
) -> Result<Page, BackendError> {
    let jobs = state.snapshots().jobs(state, Duration::ZERO).await?;
    let begin = after.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
    let wanted = |stored: &&Arc<Stored>| principal.sees(&stored.record.spec.team) && filter.takes(&stored.record);
    let mut found = jobs.living.range::<str, _>((begin, Bound::Unbounded)).map(|(_, stored)| stored).filter(wanted);
    let mut page = Page { jobs: found.by_ref().take(limit).cloned().collect(), ..Page::default() };
    if found.next().is_some() {
        page.next = page.jobs.last().map(|stored| stored.record.name.clone());
    }
    // Whose job a broken record was cannot be told: only who sees every team hears of it, once.
    if principal.team.is_none() && after.is_none() && !filter.given() {
        page.broken = jobs.broken.values().cloned().collect();
    }
    Ok(page)
}
