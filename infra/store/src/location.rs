//! Where the shared state lies: the only place that builds a key of a job record or a heartbeat.

/// Bucket and prefix of the fleet's state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateLocation {
    pub bucket: String,
    /// Empty, or ends with `/`.
    pub prefix: String,
}

impl StateLocation {
    /// A missing `/` at the end of a prefix is added; one at its start is dropped.
    #[must_use]
    pub fn new(bucket: impl Into<String>, prefix: &str) -> Self {
        let trimmed = prefix.trim_matches('/');
        let prefix = if trimmed.is_empty() { String::new() } else { format!("{trimmed}/") };
        Self { bucket: bucket.into(), prefix }
    }

    #[must_use]
    pub fn jobs_prefix(&self) -> String {
        format!("{}jobs/", self.prefix)
    }

    #[must_use]
    pub fn job_key(&self, name: &str) -> String {
        format!("{}jobs/{name}.json", self.prefix)
    }

    /// The job a key belongs to; `None` for any other key under the jobs prefix.
    #[must_use]
    pub fn job_of_key<'k>(&self, key: &'k str) -> Option<&'k str> {
        let name = key.strip_prefix(self.prefix.as_str())?.strip_prefix("jobs/")?.strip_suffix(".json")?;
        (!name.is_empty() && !name.contains('/')).then_some(name)
    }

    /// The last decision about a pool's size. Pool names are plain: letters, digits, `-`, `_` and `.`.
    #[must_use]
    pub fn scaling_key(&self, pool: &str) -> String {
        format!("{}scaling/{pool}.json", self.prefix)
    }

    #[must_use]
    pub fn workers_prefix(&self) -> String {
        format!("{}workers/", self.prefix)
    }

    /// A worker id may be a task ARN: whatever is not a letter, digit, `-`, `_` or `.` is percent-encoded.
    #[must_use]
    pub fn worker_key(&self, worker_id: &str) -> String {
        let mut name = String::with_capacity(worker_id.len());
        for byte in worker_id.bytes() {
            if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.') {
                name.push(char::from(byte));
            } else {
                name.push_str(&format!("%{byte:02X}"));
            }
        }
        format!("{}workers/{name}.json", self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_normalised_and_keys_follow_it() {
        for given in ["_landfall", "_landfall/", "/_landfall/"] {
            let location = StateLocation::new("lake", given);
            assert_eq!(location.job_key("bids"), "_landfall/jobs/bids.json");
            assert_eq!(location.job_of_key("_landfall/jobs/bids.json"), Some("bids"));
        }
        assert_eq!(StateLocation::new("lake", "").job_key("bids"), "jobs/bids.json");
    }

    #[test]
    fn keys_that_are_no_job_record_name_no_job() {
        let location = StateLocation::new("lake", "s");
        for key in ["s/jobs/.json", "s/jobs/a/b.json", "s/jobs/a.yaml", "s/workers/a.json", "jobs/a.json"] {
            assert_eq!(location.job_of_key(key), None, "{key}");
        }
    }

    #[test]
    fn a_task_arn_becomes_one_safe_segment() {
        let location = StateLocation::new("lake", "s");
        assert_eq!(location.worker_key("arn:aws:ecs/t-1"), "s/workers/arn%3Aaws%3Aecs%2Ft-1.json");
    }
}
