//! `lag`: how far jobs are behind, partition by partition, as their status tells it.

use clap::Args;
use landfall_store::StatusDocument;
use serde_json::json;

use super::status;
use crate::client::ApiArguments;
use crate::exit::Outcome;
use crate::output::{self, Format};

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The job [default: all]
    job: Option<String>,
    #[command(flatten)]
    api: ApiArguments,
}

pub(crate) async fn run(arguments: Arguments, format: Format) -> Outcome {
    let client = arguments.api.client()?;
    let names = match arguments.job {
        Some(name) => vec![name],
        None => client.list(&[]).await?.jobs.into_iter().map(|job| job.name).collect(),
    };
    let mut documents: Vec<StatusDocument> = Vec::new();
    for name in &names {
        documents.push(client.status(name).await?);
    }
    let answer: Vec<_> = documents
        .iter()
        .map(|status| json!({"name": status.name, "lag": status.lag, "partitions": status.partitions}))
        .collect();
    Ok(output::show(format, &json!({ "jobs": answer }), || documents.iter().map(told).collect::<Vec<_>>().join("\n"))?)
}

fn told(status: &StatusDocument) -> String {
    format!("{}: lag {}\n{}", status.name, status::lag(&status.lag), status::partitions(status))
}
