//! From a config to a job: the order in which its keys are read.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use crate::draft::Draft;
use crate::finding::{Class, Finding};
use crate::input::Input;
use crate::plugin::Plugin;
use crate::{aiven, confluent, converter, letters, overrides, plugin, rest, secret, source, transform};

/// What a config does not name and the operator's configuration does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConnectDefaults {
    /// The registered cluster that connectors read.
    pub cluster: String,
    /// The pool of workers that runs them.
    pub pool: String,
    /// The team they belong to.
    pub team: String,
    /// The S3 endpoint, where the operator set one: a config may repeat it and may name no other.
    pub endpoint: Option<String>,
}

/// What a config becomes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Translation {
    /// The job document, where nothing is refused.
    pub job: Option<Value>,
    /// What became of every key, in the order of their names; also of those that are missing.
    pub findings: Vec<Finding>,
}

impl Translation {
    /// The findings that keep a job from being made.
    pub fn errors(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| matches!(finding.class, Class::Refused { .. }))
    }
}

/// Translates the config of the connector `name`.
pub fn translate(name: &str, config: &BTreeMap<String, String>, defaults: &ConnectDefaults) -> Translation {
    let mut input = Input::new(config);
    let mut draft = Draft::default();
    let plugin = plugin::of(&mut input);
    secret::refuse(&mut input, plugin);
    source::read(name, &mut input, &mut draft, defaults);
    overrides::read(&mut input, &mut draft);
    converter::read(&mut input, &mut draft, plugin);
    let filtered = transform::read(&mut input);
    letters::read(&mut input, &mut draft);
    match plugin {
        Some(plugin @ Plugin::Confluent) => {
            letters::null_values(&mut input, &mut draft, plugin, filtered);
            confluent::read(&mut input, &mut draft, defaults);
        }
        Some(plugin @ Plugin::Aiven) => {
            letters::null_values(&mut input, &mut draft, plugin, filtered);
            aiven::read(&mut input, &mut draft, defaults);
        }
        None => {}
    }
    rest::judge(&mut input, plugin);
    let job = draft.finish(&mut input);
    Translation { job, findings: input.into_findings() }
}
