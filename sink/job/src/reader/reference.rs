//! The reference for people, written from the tables that documents are read by.

use super::{Inner, Preset, Table};

/// The fields of a table as Markdown: one table for the fields at the top, then one for each section of the top level.
pub fn markdown(table: &'static Table) -> String {
    let mut rows = Vec::new();
    let mut sections = Vec::new();
    for field in table.fields {
        match field.inner {
            Inner::Value => rows.push(row(field.name, field)),
            inner => {
                let (path, inner) = path_and_table(field.name, inner);
                let mut below = Vec::new();
                collect(&path, inner, &mut below);
                sections.push(format!("### `{}`\n\n{}.\n\n{}", field.name, sentence(field.meaning), grid(&below)));
            }
        }
    }
    let top = if rows.is_empty() { String::new() } else { grid(&rows) + "\n" };
    top + &sections.join("\n")
}

fn sentence(phrase: &str) -> String {
    let mut chars = phrase.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

fn collect(prefix: &str, table: Option<&'static Table>, rows: &mut Vec<[String; 4]>) {
    for field in table.map_or(&[] as &[_], |table| table.fields) {
        let name = format!("{prefix}.{}", field.name);
        match field.inner {
            Inner::Value => rows.push(row(&name, field)),
            inner => {
                let (path, inner) = path_and_table(&name, inner);
                collect(&path, inner, rows);
            }
        }
    }
}

fn path_and_table(name: &str, inner: Inner) -> (String, Option<&'static Table>) {
    match inner {
        Inner::Value => (name.to_owned(), None),
        Inner::Section(table) => (name.to_owned(), Some(table)),
        Inner::Named(table) => (format!("{name}.<name>"), Some(table)),
        Inner::Each(table) => (format!("{name}[]"), Some(table)),
    }
}

fn row(path: &str, field: &super::Field) -> [String; 4] {
    let preset = match field.preset {
        Preset::Required => "required".to_owned(),
        Preset::Optional(absent) => absent.to_owned(),
        Preset::Value(value) => format!("`{value}`"),
    };
    [format!("`{path}`"), field.ty.to_owned(), preset, field.meaning.to_owned()]
}

fn grid(rows: &[[String; 4]]) -> String {
    let mut text = String::from("| field | type | default | meaning |\n|---|---|---|---|\n");
    for row in rows {
        let cells: Vec<String> = row.iter().map(|cell| cell.replace('|', "\\|")).collect();
        text.push_str(&format!("| {} |\n", cells.join(" | ")));
    }
    text
}
