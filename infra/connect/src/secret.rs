//! Secrets written into a config. A config is stored and handed out as it was written, so it may not hold any.

use landfall_job::reader::Refusal;

use crate::definition::Treatment;
use crate::input::Input;
use crate::plugin::Plugin;

const MARKS: &[&str] = &[
    "password",
    "secret",
    "jaas",
    "user.info",
    "customer.key",
    "access.key",
    "access_key",
    "api.key",
    "bearer",
    "token",
    "keystore.key",
    "keystore.certificate",
    "ssl.key",
];

/// Whether a key's value is a secret by its name or its definition.
pub(crate) fn is_secret(key: &str, plugin: Option<Plugin>) -> bool {
    // What a transform or predicate is called says nothing: only its option does.
    let named = ["transforms.", "predicates."].iter().find_map(|prefix| key.strip_prefix(prefix));
    let lower = named.and_then(|rest| rest.split_once('.')).map_or(key, |(_, option)| option).to_ascii_lowercase();
    let defined = plugin.and_then(|plugin| plugin.definition(key));
    match defined.map(|definition| definition.treatment) {
        Some(Treatment::Secret) => true,
        Some(_) => false,
        None => MARKS.iter().any(|mark| lower.contains(mark)),
    }
}

pub(crate) fn refuse(input: &mut Input<'_>, plugin: Option<Plugin>) {
    let refusal = Refusal::new(
        "is a secret, and a config that is stored and shown may not hold one",
        "leave it out: the operator registers clusters and buckets with their credentials",
    );
    for key in input.keys() {
        if !is_secret(key, plugin) {
            continue;
        }
        match input.get(key) {
            Some(_) => input.refuse_hidden(key, &refusal.problem, &refusal.fix),
            None => input.idle(key, "it is empty"),
        }
    }
}
