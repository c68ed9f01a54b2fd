//! Keys that no code looked at: by their definitions, by what they begin with, or not known at all.

use landfall_job::reader::closest;

use crate::definition::{Definition, Treatment};
use crate::input::Input;
use crate::plugin::Plugin;

/// Families of keys that need no definition each.
const IDLE_FAMILIES: &[(&str, &str)] = &[("confluent.", "it is about Confluent's licence and monitoring")];
const OPERATORS: &str = "leave it out: the operator registers buckets with the role that is used for them";

pub(crate) fn judge(input: &mut Input<'_>, plugin: Option<Plugin>) {
    for key in input.open_under("") {
        let Some(plugin) = plugin else {
            let known = Plugin::ALL.iter().any(|plugin| plugin.definition(key).is_some());
            let problem =
                if known { "cannot be judged while the connector is not known" } else { "is not a known key" };
            input.refuse_hidden(key, problem, "mend connector.class first");
            continue;
        };
        if let Some(definition) = plugin.definition(key) {
            defined(key, definition, input);
        } else if let Some((_, why)) = IDLE_FAMILIES.iter().find(|(prefix, _)| key.starts_with(prefix)) {
            input.idle(key, why);
        } else if key.starts_with("s3.credentials.provider.") {
            input.refuse_hidden(key, "is about credentials, which a connector may not bring", OPERATORS);
        } else {
            unknown(key, plugin, input);
        }
    }
}

fn defined(key: &str, definition: &Definition, input: &mut Input<'_>) {
    let Some(value) = input.get(key) else { return input.idle(key, "it is empty") };
    if let Some((problem, fix)) = definition.mistyped(value) {
        return input.refuse(key, problem, fix);
    }
    match definition.treatment {
        Treatment::Idle(why) => input.idle(key, why),
        Treatment::Only { values, why, problem, fix } => {
            match values.iter().any(|allowed| allowed.eq_ignore_ascii_case(value)) {
                true => input.idle(key, why),
                // How a client is reached and as whom may hold a password.
                false if values.is_empty() => input.refuse_hidden(key, problem, fix),
                false => input.refuse(key, problem, fix),
            }
        }
        Treatment::Coded => input.refuse(key, "is not supported yet", "leave it out"),
        Treatment::Secret => input.refuse_hidden(key, "is a secret", "leave it out"),
    }
}

fn unknown(key: &str, plugin: Plugin, input: &mut Input<'_>) {
    let names = plugin.groups().flat_map(|group| group.keys).map(|definition| definition.name);
    let fix = match closest(key, names) {
        Some(near) => format!("did you mean {near}?"),
        None => "leave it out".to_owned(),
    };
    input.refuse_hidden(key, "is not a known key", &fix);
}
