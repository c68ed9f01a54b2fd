//! What a command prints: tables for people, JSON and YAML for scripts, on stdout.

use std::io::{self, Write};

use anyhow::Context;
use clap::ValueEnum;
use comfy_table::Table;
use comfy_table::presets::NOTHING;
use serde::Serialize;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Table,
    Json,
    Yaml,
}

/// Writes to stdout. A reader that has gone, as `head` does, is no failure.
pub(crate) fn print(text: &str) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    let written = out.write_all(text.as_bytes()).and_then(|()| match text.ends_with('\n') {
        true => Ok(()),
        false => out.write_all(b"\n"),
    });
    match written.and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other.context("stdout cannot be written"),
    }
}

/// Prints a value as JSON or YAML, or as the text that is made for people.
pub(crate) fn show<T: Serialize>(format: Format, value: &T, human: impl FnOnce() -> String) -> anyhow::Result<()> {
    print(&shown(format, value, human)?)
}

/// What [`show`] prints.
pub(crate) fn shown<T: Serialize>(format: Format, value: &T, human: impl FnOnce() -> String) -> anyhow::Result<String> {
    match format {
        Format::Table => Ok(human()),
        Format::Json => serde_json::to_string_pretty(value).context("the answer cannot be written as JSON"),
        Format::Yaml => yaml(value),
    }
}

/// YAML by way of JSON text: numbers keep their digits, whatever type carried them.
pub(crate) fn yaml<T: Serialize>(value: &T) -> anyhow::Result<String> {
    let json = serde_json::to_string(value).context("the answer cannot be written as JSON")?;
    let tree: serde_yaml_ng::Value = serde_yaml_ng::from_str(&json).context("the answer cannot be written as YAML")?;
    serde_yaml_ng::to_string(&tree).context("the answer cannot be written as YAML")
}

/// A table without lines, as wide as its contents.
pub(crate) fn table(header: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(NOTHING).set_header(header.iter().map(|name| name.to_uppercase()));
    for row in rows {
        table.add_row(row);
    }
    // Each cell is padded on both sides; the first column begins at the margin.
    let lines: Vec<String> =
        table.lines().map(|line| line.strip_prefix(' ').unwrap_or(&line).trim_end().to_owned()).collect();
    lines.join("\n") + "\n"
}

/// `-` where nothing is known.
pub(crate) fn or_dash<T: ToString>(value: Option<T>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

/// `1,234,567`.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `12.3 MiB`.
pub(crate) fn bytes(count: u64) -> String {
    #[allow(clippy::cast_precision_loss)] // three digits for people
    let float = count as f64;
    match count {
        0..1_024 => format!("{count} B"),
        1_024..1_048_576 => format!("{:.1} KiB", float / 1_024.0),
        1_048_576..1_073_741_824 => format!("{:.1} MiB", float / 1_048_576.0),
        _ => format!("{:.2} GiB", float / 1_073_741_824.0),
    }
}

#[cfg(test)]
mod tests {
    use super::{bytes, grouped};

    #[test]
    fn numbers_are_grouped_by_thousands() {
        let told: Vec<String> = [0, 999, 1_000, 12_345, 1_234_567].into_iter().map(grouped).collect();
        assert_eq!(told, ["0", "999", "1,000", "12,345", "1,234,567"]);
    }

    #[test]
    fn sizes_are_told_in_the_unit_that_fits() {
        let told: Vec<String> = [0, 1_023, 1_024, 5 << 20, 3 << 30].into_iter().map(bytes).collect();
        assert_eq!(told, ["0 B", "1023 B", "1.0 KiB", "5.0 MiB", "3.00 GiB"]);
    }
}
