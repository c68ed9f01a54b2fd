//! The end of a run: everything produced is read and landed, the run audits itself, and the tally is printed.

use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use landfall_s3::timer::SystemTimer;
use landfall_store::{JobStore, StatusDocument};
use tokio_util::sync::CancellationToken;

use super::generator::Produced;
use super::parts::{CLUSTER, Parts};
use super::progress::Progress;
use crate::audit::{self, Finding, Kind, Report, Target};
use crate::client::{Action, Client};
use crate::command::wait::{Until, reach};
use crate::exit::{Failure, Outcome};
use crate::fleet;
use crate::output::{self, Format, grouped};

/// The worker gets so long to read what was produced; at the embedded Kafka's rates that takes seconds.
const READ_WITHIN: Duration = Duration::from_secs(120);
const LAND_WITHIN: Duration = Duration::from_secs(120);
const POLL_EVERY: Duration = Duration::from_millis(300);

pub(super) async fn finish(
    parts: &Parts,
    client: &Client,
    produced: &Produced,
    end: &CancellationToken,
    format: Format,
) -> Outcome {
    let mut progress = Progress::new();
    progress.note("landing what is open ...");
    tracing::info!(job = parts.name, produced = produced.records, asked = end.is_cancelled(), "landing what is open");
    let landed = land(parts, client, produced).await;
    progress.note("auditing ...");
    let report = audited(parts, produced, landed.as_ref().err()).await;
    progress.clear();
    let report = report?;
    match format {
        Format::Table => output::print(&told(&parts.name, produced, &report))?,
        Format::Json | Format::Yaml => output::show(format, &report, String::new)?,
    }
    if report.clean { Ok(()) } else { Err(Failure::Found) }
}

/// Waits until all is read, then stops the job: that lands the open files.
async fn land(parts: &Parts, client: &Client, produced: &Produced) -> Result<(), Failure> {
    let deadline = Instant::now() + READ_WITHIN;
    loop {
        let status = client.status(&parts.name).await?;
        if read(&status, produced) {
            break;
        }
        if let Some(failed) = &status.failed {
            return Err(anyhow!("the job has failed: {} ({})", failed.message, failed.code).into());
        }
        if Instant::now() >= deadline {
            let lag = output::or_dash(status.lag.records);
            return Err(anyhow!("not everything was read after {} s, lag {lag}", READ_WITHIN.as_secs()).into());
        }
        tokio::time::sleep(POLL_EVERY).await;
    }
    client.act(&parts.name, Action::Stop).await?;
    reach(client, &parts.name, Until::Stopped, LAND_WITHIN).await?;
    Ok(())
}

fn read(status: &StatusDocument, produced: &Produced) -> bool {
    produced.ends.iter().all(|(partition, end)| {
        let at = status.partitions.iter().find(|at| at.partition == *partition);
        let position = at.and_then(|at| at.position).and_then(|position| u64::try_from(position).ok());
        position.is_some_and(|position| position >= *end)
    })
}

/// The audit, with what only the generator knows added to it.
async fn audited(parts: &Parts, produced: &Produced, not_landed: Option<&Failure>) -> anyhow::Result<Report> {
    let location = fleet::location(&parts.config);
    let jobs = JobStore::new(parts.store.clone(), location.clone(), std::sync::Arc::new(SystemTimer));
    let record = jobs.get(&parts.name).await.context("the job's record cannot be read")?.record;
    let kafka = fleet::kafka_client(CLUSTER, &parts.connection, fleet::PATIENT_TIMEOUT)
        .map_err(|_| anyhow!("the embedded kafka has no client"))?;
    let target = Target { store: parts.store.clone(), location, record, kafka, deep: true };
    let mut report = audit::audit(&target).await.context("the audit could not be made")?;
    compare(&mut report, produced);
    if let Some(failure) = not_landed {
        let what = match failure {
            Failure::Failed(error) => format!("{error:#}"),
            Failure::Usage(text) | Failure::NotFound(text) | Failure::NotInTime(text) => text.clone(),
            Failure::Found => "the job did not end as it should".to_owned(),
        };
        report.add(Finding { kind: Kind::Uncompleted, what, key: None, records: None });
    }
    Ok(report)
}

/// Produced = landed + dead letters, and the malformed ones are the dead letters.
fn compare(report: &mut Report, produced: &Produced) {
    let sum = report.tally.landed + report.tally.dead_letters;
    if sum != produced.records {
        let what = format!("{} records were produced, {sum} are in objects", grouped(produced.records));
        report.add(Finding { kind: Kind::Tally, what, key: None, records: Some(produced.records.abs_diff(sum)) });
    }
    if report.tally.dead_letters != produced.malformed {
        let letters = report.tally.dead_letters;
        let what = format!(
            "{} malformed records were produced, {} are dead letters",
            grouped(produced.malformed),
            grouped(letters)
        );
        report.add(Finding { kind: Kind::Tally, what, key: None, records: Some(produced.malformed.abs_diff(letters)) });
    }
    if sum < produced.records {
        report.tally.missing = report.tally.missing.max(produced.records - sum);
    }
}

fn told(job: &str, produced: &Produced, report: &Report) -> String {
    let landed = report.tally.landed + report.tally.dead_letters;
    let first = match report.clean {
        true => format!("job {job} has landed what was produced"),
        false if landed == produced.records => format!("job {job} has landed what was produced, with findings"),
        false => format!("job {job} has not landed what was produced"),
    };
    let head = format!(
        "{first}\n\nproduced      {} records, {} of them malformed\n",
        grouped(produced.records),
        grouped(produced.malformed)
    );
    format!("{head}{}\n{}", report.tally_lines(), report.verdict())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::{compare, told};
    use crate::audit::{Finding, Kind, Report};
    use crate::dev::generator::Produced;

    fn report(landed: u64, dead_letters: u64) -> Report {
        let mut report = Report::empty();
        report.tally.landed = landed;
        report.tally.dead_letters = dead_letters;
        report
    }

    #[test]
    fn a_record_that_is_nowhere_or_in_the_wrong_place_is_a_finding() {
        let produced = Produced { records: 100, malformed: 3, ..Produced::default() };
        let mut good = report(97, 3);
        compare(&mut good, &produced);
        assert!(good.clean);
        let mut short = report(96, 3);
        compare(&mut short, &produced);
        assert!(!short.clean && short.tally.missing == 1);
        let mut misplaced = report(98, 2);
        compare(&mut misplaced, &produced);
        assert!(!misplaced.clean && misplaced.findings.len() == 1);
    }

    #[test]
    fn the_first_line_says_landed_only_of_what_has_landed() {
        let produced = Produced { records: 100, malformed: 3, ..Produced::default() };
        let first = |landed: u64, finding: bool| {
            let mut report = report(landed, 3);
            compare(&mut report, &produced);
            if finding {
                let what = "upload u is open".to_owned();
                report.add(Finding { kind: Kind::OrphanUpload, what, key: None, records: None });
            }
            told("bids", &produced, &report).lines().next().unwrap().to_owned()
        };
        assert_eq!(first(97, false), "job bids has landed what was produced");
        assert_eq!(first(97, true), "job bids has landed what was produced, with findings");
        assert_eq!(first(50, false), "job bids has not landed what was produced");
        assert_eq!(first(120, false), "job bids has not landed what was produced");
    }
}
