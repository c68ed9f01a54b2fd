//! What exactly-once rests on is asked again now and then: a store, or a rule on a bucket, may change under a job that
//! runs. What is found shows in the job's status as a reason of `at_least_once`.

use landfall_s3::ProbeReport;
use tokio::time::Instant;

use super::{START_TIMEOUT, Worker, start};
use crate::engine::plan::JobPlan;

/// Of one job: its name and uid, and what was found, or why the store could not be asked.
pub(super) type Probed = (String, String, Result<ProbeReport, String>);

/// What takes the promise away, in words.
pub(super) fn reasons(report: &ProbeReport) -> Vec<String> {
    let broken = report.degraded().chain(report.refused());
    broken.map(|finding| format!("{}: {}", finding.check.name(), finding.detail)).collect()
}

impl Worker {
    /// Begins what is due, one job at a time, and takes in what has ended.
    pub(super) fn probe_again(&mut self) {
        while let Some(ended) = self.probes.try_join_next() {
            match ended {
                Ok((name, uid, Ok(report))) => self.take_report(&name, &uid, &report),
                // What the job waits for itself says so; here it only means that nothing new is known.
                Ok((name, uid, Err(error))) => {
                    tracing::warn!(job = %name, job_uid = %uid, error, "the store could not be probed again; what was found before stands");
                }
                Err(_) => {}
            }
        }
        let now = Instant::now();
        let due = self.running.values_mut().filter(|running| running.runner.is_some() && running.probe_at <= now);
        let Some(running) = due.min_by_key(|running| running.probe_at).filter(|_| self.probes.is_empty()) else {
            return;
        };
        running.probe_at = now + self.parts.probe_every;
        let (parts, record) = (self.parts.clone(), running.record.clone());
        self.probes.spawn(async move {
            let report = async {
                let plan = JobPlan::compile(record.spec.clone(), record.config_version).map_err(|e| e.to_string())?;
                start::probe_buckets(&parts, &record, &plan).await.map_err(|e| e.to_string())
            };
            let report = tokio::time::timeout(START_TIMEOUT, report).await;
            let report = report.unwrap_or_else(|_| Err("no answer in time".to_owned()));
            (record.name, record.uid, report)
        });
    }

    fn take_report(&mut self, name: &str, uid: &str, report: &ProbeReport) {
        let Some(running) = self.running.get_mut(name).filter(|running| running.record.uid == uid) else { return };
        let found = reasons(report);
        for reason in found.iter().filter(|reason| !running.degraded_because.contains(reason)) {
            tracing::error!(job = %name, job_uid = %uid, reason = %reason, "delivery is degraded to at_least_once: the store changed under the job");
        }
        if found.is_empty() && !running.degraded_because.is_empty() {
            tracing::info!(job = %name, job_uid = %uid, "delivery is exactly_once again");
        }
        running.degraded_because = found;
    }
}
