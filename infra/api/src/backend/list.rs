//! Pages of jobs, of one's own team.

use landfall_store::{Broken, Stored};

use super::BackendError;
use crate::auth::Principal;
use crate::state::ApiState;

#[derive(Debug, Default)]
pub(crate) struct Page {
    pub(crate) jobs: Vec<Stored>,
    pub(crate) broken: Vec<Broken>,
    /// The name after which the next page begins.
    pub(crate) next: Option<String>,
}

/// At most `limit` jobs after the name `after` (exclusive), fewer only at the end.
pub(crate) async fn list(
    state: &ApiState,
    principal: &Principal,
    after: Option<String>,
    limit: usize,
) -> Result<Page, BackendError> {
    let mut page = Page::default();
    let mut after = after;
    loop {
        let read = state.jobs.list(after.as_deref(), limit - page.jobs.len()).await?;
        page.jobs.extend(read.jobs.into_iter().filter(|stored| principal.sees(&stored.record.spec.team)));
        // Whose job a broken record was cannot be told: only who sees every team hears of it.
        if principal.team.is_none() {
            page.broken.extend(read.broken);
        }
        page.next = read.next;
        if page.jobs.len() >= limit || page.next.is_none() {
            return Ok(page);
        }
        after.clone_from(&page.next);
    }
}
