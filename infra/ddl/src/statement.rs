//! The table as a statement. Comments are lines of their own that begin with `--`: Athena refuses `/* */` in DDL.

use crate::columns::Rows;
use crate::names::{literal, quoted, remark};
use crate::table::Table;

pub(crate) fn write(table: &Table) -> String {
    let mut out = String::new();
    for text in std::iter::once(&format!("{}.", table.description)).chain(&table.remarks) {
        out.push_str(&format!("-- {}\n", remark(text)));
    }
    let database = table.database.as_deref().map(|database| format!("{}.", quoted(database))).unwrap_or_default();
    out.push_str(&format!("CREATE EXTERNAL TABLE {database}{} (\n", quoted(&table.name)));
    let columns = table.columns.iter().map(|column| {
        let comment = column.comment.map(|comment| format!(" COMMENT {}", literal(comment))).unwrap_or_default();
        format!("  {} {}{comment}", quoted(&column.name), column.ty.in_ddl())
    });
    out.push_str(&list(columns));
    out.push_str(&format!("COMMENT {}\n", literal(&table.description)));
    if !table.partitions.is_empty() {
        out.push_str("PARTITIONED BY (\n");
        out.push_str(&list(table.partitions.iter().map(|it| format!("  {} {}", quoted(&it.column), it.hive_type()))));
    }
    out.push_str(&rows(&table.rows));
    out.push_str(&format!("LOCATION {}\n", literal(&table.location)));
    if !table.properties.is_empty() {
        out.push_str("TBLPROPERTIES (\n");
        out.push_str(&properties(&table.properties));
    }
    // A statement of its own in an editor that takes many.
    out.pop();
    out.push_str(";\n");
    out
}

fn rows(rows: &Rows) -> String {
    if matches!(rows, Rows::Parquet) {
        return "STORED AS PARQUET\n".to_owned();
    }
    let classes = rows.classes();
    let mut out = format!("ROW FORMAT SERDE {}\n", literal(classes.serde));
    if !classes.serde_properties.is_empty() {
        out.push_str("WITH SERDEPROPERTIES (\n");
        out.push_str(&properties(&classes.serde_properties));
    }
    out.push_str(&format!(
        "STORED AS INPUTFORMAT {}\nOUTPUTFORMAT {}\n",
        literal(classes.input),
        literal(classes.output)
    ));
    out
}

fn properties(properties: &[(String, String)]) -> String {
    list(properties.iter().map(|(name, value)| format!("  {} = {}", literal(name), literal(value))))
}

/// Items on lines of their own, and the closing parenthesis.
fn list(items: impl Iterator<Item = String>) -> String {
    format!("{}\n)\n", items.collect::<Vec<_>>().join(",\n"))
}
