//! The table as Glue's `TableInput`.

use serde_json::{Map, Value, json};

use crate::table::Table;

pub(crate) fn table_input(table: &Table) -> Value {
    let columns: Vec<Value> = table
        .columns
        .iter()
        .map(|column| {
            let mut input = Map::new();
            input.insert("Name".to_owned(), json!(column.name));
            input.insert("Type".to_owned(), json!(column.ty.in_glue()));
            if let Some(comment) = column.comment {
                input.insert("Comment".to_owned(), json!(comment));
            }
            Value::Object(input)
        })
        .collect();
    let partitions: Vec<Value> =
        table.partitions.iter().map(|it| json!({"Name": it.column, "Type": it.hive_type()})).collect();
    let classes = table.rows.classes();
    // What Hive writes where no format is asked for: a SerDe that has none does not look at it.
    let mut serde_parameters = map(&[("serialization.format".to_owned(), "1".to_owned())]);
    serde_parameters.extend(map(&classes.serde_properties));
    let mut parameters = map(&[("EXTERNAL".to_owned(), "TRUE".to_owned())]);
    parameters.extend(map(&table.properties));
    json!({
        "Name": table.name,
        "Description": table.description,
        "TableType": "EXTERNAL_TABLE",
        "Parameters": parameters,
        "PartitionKeys": partitions,
        "StorageDescriptor": {
            "Columns": columns,
            "Location": table.location,
            "InputFormat": classes.input,
            "OutputFormat": classes.output,
            "SerdeInfo": {"SerializationLibrary": classes.serde, "Parameters": serde_parameters},
        },
    })
}

fn map(pairs: &[(String, String)]) -> Map<String, Value> {
    pairs.iter().map(|(name, value)| (name.clone(), json!(value))).collect()
}
