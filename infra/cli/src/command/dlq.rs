//! `dlq`: a job's dead letters.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::{Args, Subcommand};
use landfall_api::LetterList;
use serde_json::Value;

use crate::client::ApiArguments;
use crate::exit::Outcome;
use crate::output::{self, Format, grouped, table};

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    verb: Verb,
    #[command(flatten)]
    api: ApiArguments,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// How many letters there are, by reason
    List {
        /// The job
        job: String,
    },
    /// Show letters with their raw records, the newest first
    Peek(PeekArguments),
}

#[derive(Debug, Args)]
struct PeekArguments {
    /// The job
    job: String,
    /// Only letters of this reason
    #[arg(long)]
    reason: Option<String>,
    /// At most so many, 1 to 500
    #[arg(long, default_value_t = 10)]
    limit: usize,
    /// next_cursor of an answer before
    #[arg(long)]
    cursor: Option<String>,
}

/// Of a value, for people; the whole of it is in the JSON.
const SHOWN_BYTES: usize = 200;

pub(crate) async fn run(arguments: Arguments, format: Format) -> Outcome {
    let client = arguments.api.client()?;
    match arguments.verb {
        Verb::List { job } => {
            let counts = client.status(&job).await?.dead_letters;
            let rows = || {
                let row = |(reason, count): (&String, &u64)| vec![reason.clone(), grouped(*count)];
                let total = vec!["all".to_owned(), grouped(counts.total)];
                table(&["reason", "letters"], counts.by_reason.iter().map(row).chain([total]))
            };
            Ok(output::show(format, &counts, rows)?)
        }
        Verb::Peek(wanted) => {
            let mut query = vec![("limit", wanted.limit.to_string())];
            query.extend(wanted.reason.map(|reason| ("reason", reason)));
            query.extend(wanted.cursor.map(|cursor| ("cursor", cursor)));
            let list: LetterList = client.below(&wanted.job, "dead-letters", &query).await?;
            for unread in &list.unread {
                eprintln!("warning: {unread}");
            }
            Ok(output::show(format, &list, || people(&list))?)
        }
    }
}

fn people(list: &LetterList) -> String {
    let text = |letter: &Value, field: &str| match &letter[field] {
        Value::String(text) => text.clone(),
        Value::Null => "-".to_owned(),
        other => other.to_string(),
    };
    let mut told = String::new();
    for letter in &list.letters {
        let place = format!("{}/{}/{}", text(letter, "topic"), text(letter, "partition"), text(letter, "offset"));
        told.push_str(&format!("{place}  {}: {}\n", text(letter, "reason"), text(letter, "error")));
        for part in ["key", "value"] {
            if let Some(raw) = letter[part].as_str().and_then(|encoded| STANDARD.decode(encoded).ok()) {
                told.push_str(&format!("  {part}: {}\n", readable(&raw)));
            }
        }
    }
    if list.letters.is_empty() {
        told.push_str("no letter lies in S3: it may still be in an open file, or go to the dead-letter topic only\n");
    }
    if let Some(cursor) = &list.next_cursor {
        told.push_str(&format!("more: --cursor {cursor}\n"));
    }
    told
}

/// Bytes that no terminal should get are written as `\\x1b`.
fn readable(raw: &[u8]) -> String {
    let (shown, more) = raw.split_at(raw.len().min(SHOWN_BYTES));
    let dots = if more.is_empty() { String::new() } else { format!("... {} bytes more", more.len()) };
    format!("{}{dots}", shown.escape_ascii())
}

#[cfg(test)]
mod tests {
    use super::{SHOWN_BYTES, readable};

    #[test]
    fn raw_bytes_cannot_steer_a_terminal() {
        assert_eq!(readable(b"{\"a\":\x1b[2J}\n"), "{\\\"a\\\":\\x1b[2J}\\n");
        assert!(readable(&[b'a'; SHOWN_BYTES + 7]).ends_with("... 7 bytes more"));
    }
}
