//! Converters: what a record's bytes are. JSON without a schema lands; keys and headers are not decoded at all.

use landfall_job::reader::closest;

use crate::draft::Draft;
use crate::input::Input;
use crate::plugin::Plugin;

const VALUE: &str = "value.converter";
const SCHEMAS: &str = "value.converter.schemas.enable";
/// Options of the JSON converter that change nothing where a record has no schema.
const IDLE: &[&str] = &[
    "schemas.cache.size",
    "decimal.format",
    "replace.null.with.default",
    "schema.content",
    "converter.type",
    "plugin.version",
];

pub(crate) fn read(input: &mut Input<'_>, draft: &mut Draft, plugin: Option<Plugin>) {
    let class = input.get(VALUE);
    match class.map(|class| class.rsplit('.').next().unwrap_or(class)) {
        None => {
            let fix = "write org.apache.kafka.connect.json.JsonConverter and value.converter.schemas.enable: false";
            input.refuse(VALUE, "is missing, and the default of a Connect worker is not known here", fix);
        }
        Some("JsonConverter") => json(input, draft),
        Some("ByteArrayConverter") if plugin == Some(Plugin::Aiven) => bytes_of_json(input, draft),
        Some("StringConverter" | "ByteArrayConverter") => {
            let fix = "write org.apache.kafka.connect.json.JsonConverter where the values are JSON documents";
            input.refuse(VALUE, "is not supported yet: values land as JSON documents only", fix);
        }
        Some("AvroConverter" | "ProtobufConverter" | "JsonSchemaConverter") => {
            let fix = "only JSON without a schema lands";
            input.refuse(VALUE, "needs a schema registry, which is not supported yet", fix);
        }
        Some(_) => {
            let fix = "write org.apache.kafka.connect.json.JsonConverter";
            input.refuse(VALUE, "is Java code that does not run here", fix);
        }
    }
    options(input);
    for prefix in ["key.converter", "header.converter"] {
        for key in input.open_under(prefix).into_iter().filter(|key| *key == prefix || under(key, prefix)) {
            input.idle(key, "only values are decoded; keys and headers are kept as their bytes");
        }
    }
}

fn under(key: &str, prefix: &str) -> bool {
    key.strip_prefix(prefix).is_some_and(|rest| rest.starts_with('.'))
}

fn json(input: &mut Input<'_>, draft: &mut Draft) {
    draft.set("decode.format", "json", VALUE);
    input.mapped(VALUE, &["decode.format"]);
    let fix = "write false where the records are plain JSON";
    match (input.get(SCHEMAS), input.boolean(SCHEMAS, true)) {
        (None, _) => {
            input.refuse(
                SCHEMAS,
                "is missing and means true: records with a schema and a payload, not supported yet",
                fix,
            );
        }
        (Some(_), Some(true)) => {
            input.refuse(SCHEMAS, "is not supported yet: records would have a schema and a payload", fix);
        }
        (Some(_), Some(false)) => input.mapped(SCHEMAS, &["decode.format"]),
        (Some(_), None) => {}
    }
}

fn bytes_of_json(input: &mut Input<'_>, draft: &mut Draft) {
    draft.set("decode.format", "json", VALUE);
    let note = "a value that is no JSON document is a dead letter; all others land as the bytes they came with";
    input.noted(VALUE, &["decode.format"], note);
}

fn options(input: &mut Input<'_>) {
    for key in input.open_under("value.converter.") {
        let option = key.strip_prefix("value.converter.").unwrap_or(key);
        if IDLE.contains(&option) || (option == "schemas.enable" && !input.is_refused(VALUE)) {
            input.idle(key, "it changes nothing where records have no schema");
        } else if option.contains("schema.registry") || option.contains("subject.name") || option == "schemas.enable" {
            // A registry's URL may hold a password.
            input.refuse_hidden(key, "is of schemas, which are not supported yet", "leave it out");
        } else {
            let near = closest(option, IDLE.iter().copied().chain(["schemas.enable"]));
            let fix =
                near.map_or_else(|| "leave it out".to_owned(), |near| format!("did you mean value.converter.{near}?"));
            input.refuse_hidden(key, "is not an option that is known here", &fix);
        }
    }
}
