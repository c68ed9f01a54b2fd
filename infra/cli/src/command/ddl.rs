//! `ddl`: the table of a job's objects, for Athena and Glue.

use clap::Args;

use crate::client::ApiArguments;
use crate::exit::Outcome;
use crate::output;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The job
    job: String,
    /// Fields of JSON lines with their types: "id: int64, geo: struct<country: string>" [default: a row is one text, line]
    #[arg(long)]
    columns: Option<String>,
    /// The first time that is read, as 2026-01-31 [default: three years ago, or the job's creation]
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// The database [default: the one that is chosen where the statement runs]
    #[arg(long)]
    database: Option<String>,
    /// The table's name [default: made of the job's]
    #[arg(long)]
    table: Option<String>,
    /// Print Glue's TableInput instead of Athena's statement
    #[arg(long)]
    glue: bool,
    #[command(flatten)]
    api: ApiArguments,
}

pub(crate) async fn run(arguments: Arguments) -> Outcome {
    let client = arguments.api.client()?;
    let mut query = Vec::new();
    let mut add = |name: &'static str, value: Option<String>| query.extend(value.map(|value| (name, value)));
    add("columns", arguments.columns);
    add("since", arguments.since);
    add("database", arguments.database);
    add("table", arguments.table);
    add("as", arguments.glue.then(|| "glue".to_owned()));
    if arguments.glue {
        let table: serde_json::Value = client.below(&arguments.job, "ddl", &query).await?;
        return Ok(output::show(output::Format::Json, &table, String::new)?);
    }
    Ok(output::print(&client.text_below(&arguments.job, "ddl", &query).await?)?)
}
