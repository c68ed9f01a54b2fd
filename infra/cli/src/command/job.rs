//! `job`: a client of the HTTP API.

use clap::{Args, Subcommand};
use landfall_api::JobView;
use landfall_job::JobSpec;

use super::document::FileArgument;
use super::{landed, status, wait, watch};
use crate::client::{Action, ApiArguments, Client};
use crate::exit::{Failure, Outcome};
use crate::output::{self, Format};

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    verb: Verb,
    #[command(flatten)]
    api: ApiArguments,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Create a job
    Create(FileArgument),
    /// Create a job, or replace its document
    Apply(FileArgument),
    /// List jobs
    List(ListArguments),
    /// Show a job and its document with every default
    Get(NameArgument),
    /// Show what a job does, and why
    Status(StatusArguments),
    /// Show a job's history
    Events(NameArgument),
    /// Show what a job has landed, the newest first
    Objects(landed::ObjectsArguments),
    /// Show where a job stands in each partition, or move one that is stopped
    Offsets(landed::OffsetsArguments),
    /// Create a job with another one's document, from a start of its own
    Clone(landed::CloneArguments),
    /// Land the open files, then consume nothing; the group is kept
    Pause(NameArgument),
    /// Go on after a pause, a stop or a failure
    Resume(NameArgument),
    /// Land the open files, then leave the group
    Stop(NameArgument),
    /// Start the job's workers anew
    Restart(NameArgument),
    /// Delete a job; its log and its objects stay
    Delete(NameArgument),
    /// Wait until a job is in a state
    Wait(wait::Arguments),
}

#[derive(Debug, Args)]
struct NameArgument {
    /// The job
    name: String,
}

#[derive(Debug, Args)]
struct ListArguments {
    /// Only jobs in this state
    #[arg(long, value_parser = ["running", "paused", "stopped", "failed", "finished", "deleting"])]
    state: Option<String>,
    /// Only jobs of this team
    #[arg(long)]
    team: Option<String>,
    /// Only jobs of this pool
    #[arg(long)]
    pool: Option<String>,
    /// Only jobs with this label, as name=value; may be given several times
    #[arg(long, value_name = "NAME=VALUE")]
    label: Vec<String>,
    #[command(flatten)]
    watch: watch::Arguments,
}

#[derive(Debug, Args)]
struct StatusArguments {
    /// The job
    name: String,
    #[command(flatten)]
    watch: watch::Arguments,
}

pub(crate) async fn run(arguments: Arguments, format: Format) -> Outcome {
    let client = arguments.api.client()?;
    match arguments.verb {
        Verb::Create(file) => told(&client.create(&file.read()?).await?, "created", format),
        Verb::Apply(file) => apply(&client, &file.read()?, format).await,
        Verb::List(arguments) => arguments.watch.each(format, async || list(&client, &arguments, format).await).await,
        Verb::Get(NameArgument { name }) => {
            let (job, _) = client.get(&name).await?;
            let people = output::yaml(&job)?;
            Ok(output::show(format, &job, || people)?)
        }
        Verb::Status(StatusArguments { name, watch }) => {
            watch
                .each(format, async || {
                    let document = client.status(&name).await?;
                    Ok(output::shown(format, &document, || status::told(&document))?)
                })
                .await
        }
        Verb::Events(NameArgument { name }) => landed::events(&client, &name, format).await,
        Verb::Objects(arguments) => landed::objects(&client, &arguments, format).await,
        Verb::Offsets(arguments) => landed::offsets(&client, &arguments, format).await,
        Verb::Clone(arguments) => landed::copy(&client, &arguments, format).await,
        Verb::Pause(NameArgument { name }) => told(&client.act(&name, Action::Pause).await?, "pausing", format),
        Verb::Resume(NameArgument { name }) => told(&client.act(&name, Action::Resume).await?, "resumed", format),
        Verb::Stop(NameArgument { name }) => told(&client.act(&name, Action::Stop).await?, "stopping", format),
        Verb::Restart(NameArgument { name }) => told(&client.act(&name, Action::Restart).await?, "restarting", format),
        Verb::Delete(NameArgument { name }) => {
            let gone = client.delete(&name).await?;
            let answer = serde_json::json!({"name": name, "deleted": gone});
            let how = if gone { "deleted" } else { "being deleted: its workers land what is open" };
            Ok(output::show(format, &answer, || format!("job {name} is {how}; its log and objects stay"))?)
        }
        Verb::Wait(arguments) => wait::run(&client, &arguments, format).await,
    }
}

pub(super) fn told(job: &JobView, what: &str, format: Format) -> Outcome {
    for warning in &job.warnings {
        eprintln!("warning: {warning}");
    }
    Ok(output::show(format, job, || {
        format!("job {} {what} (uid {}, version {})", job.name, job.uid, job.config_version)
    })?)
}

async fn apply(client: &Client, document: &str, format: Format) -> Outcome {
    let name = name_of(document)?;
    let etag = match client.get(&name).await {
        Ok((_, etag)) => etag,
        Err(error) if error.not_found() => return told(&client.create(document).await?, "created", format),
        Err(error) => return Err(error.into()),
    };
    let job = client.replace(&name, document, etag.as_ref()).await?;
    let what = match &job.change {
        Some(change) if change.fields.is_empty() => "is unchanged".to_owned(),
        Some(change) => format!("changed: {}", change.fields.join(", ")),
        None => "replaced".to_owned(),
    };
    told(&job, &what, format)
}

/// The name is part of the path; a document with other mistakes is told all of them here.
fn name_of(document: &str) -> Result<String, Failure> {
    match JobSpec::parse(document) {
        Ok(spec) => Ok(spec.name.to_string()),
        Err(errors) => Err(Failure::Usage(errors.to_string())),
    }
}

async fn list(client: &Client, arguments: &ListArguments, format: Format) -> Result<String, Failure> {
    let label = arguments.label.join(",");
    let wanted = [("state", &arguments.state), ("team", &arguments.team), ("pool", &arguments.pool)];
    let mut filters: Vec<(&str, &str)> =
        wanted.iter().filter_map(|(name, value)| Some((*name, value.as_deref()?))).collect();
    if !label.is_empty() {
        filters.push(("label", &label));
    }
    let jobs = client.list(&filters).await?;
    for broken in &jobs.broken {
        eprintln!("warning: job {} cannot be read: {}", broken.name, broken.reason);
    }
    let people = || {
        let rows = jobs.jobs.iter().map(|job| {
            let text =
                |pointer: &str| job.spec.pointer(pointer).and_then(|value| value.as_str()).unwrap_or("-").to_owned();
            let topics = job
                .spec
                .pointer("/source/topics")
                .and_then(|value| value.as_array())
                .map(|topics| topics.iter().filter_map(|topic| topic.as_str()).collect::<Vec<_>>().join(","));
            let topics = topics.unwrap_or_else(|| text("/source/topics_regex"));
            let changed = format!("{:.0}", job.changed_at);
            vec![job.name.clone(), job.state.clone(), job.pool.clone(), topics, text("/sink/bucket"), changed]
        });
        output::table(&["name", "state", "pool", "topics", "bucket", "changed"], rows)
    };
    Ok(output::shown(format, &jobs, people)?)
}
