//! From a config to a job: the order in which its keys are read.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use crate::draft::Draft;
use crate::finding::{Class, Finding, Remark};
use crate::input::Input;
use crate::plugin::Plugin;
use crate::{aiven, confluent, converter, letters, overrides, plugin, remark, rest, secret, source, transform};

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
    /// Where the job differs from what the connector does by what the config leaves out.
    pub remarks: Vec<Remark>,
}

impl Translation {
    /// The findings that keep a job from being made.
    pub fn errors(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| matches!(finding.class, Class::Refused { .. }))
    }

    /// What the user should read although a job is made: keys that are not needed, and where the job differs from what
    /// the connector does. One sentence each, without a full stop.
    pub fn warnings(&self) -> impl Iterator<Item = String> + '_ {
        let told =
            |finding: &&Finding| matches!(finding.class, Class::NotNeeded { .. } | Class::Mapped { note: Some(_), .. });
        let of_keys = self.findings.iter().filter(told).map(ToString::to_string);
        of_keys.chain(self.remarks.iter().map(ToString::to_string))
    }

    /// The message with which Connect answers a config that it refuses; `None` where nothing is refused.
    pub fn refusal(&self) -> Option<String> {
        let errors: Vec<String> = self.errors().map(ToString::to_string).collect();
        let count = errors.len();
        (count > 0).then(|| {
            let errors = errors.join("\n");
            format!(
                "Connector configuration is invalid and contains the following {count} error(s):\n{errors}\n\
                 You can also find the above list of errors at the endpoint `/connector-plugins/{{connectorType}}/config/validate`"
            )
        })
    }
}

/// Translates the config of the connector `name`.
pub fn translate(name: &str, config: &BTreeMap<String, String>, defaults: &ConnectDefaults) -> Translation {
    let mut input = Input::new(config);
    let mut draft = Draft::default();
    let plugin = plugin::of(&mut input);
    secret::refuse(&mut input, plugin);
    let filters = transform::read(&mut input);
    filters.set(&mut draft);
    source::read(name, &mut input, &mut draft, defaults, &filters.topics);
    overrides::read(&mut input, &mut draft);
    converter::read(&mut input, &mut draft, plugin);
    letters::read(&mut input, &mut draft);
    match plugin {
        Some(plugin @ Plugin::Confluent) => {
            letters::null_values(&mut input, &mut draft, plugin, filters.tombstones);
            confluent::read(&mut input, &mut draft, defaults);
        }
        Some(plugin @ Plugin::Aiven) => {
            letters::null_values(&mut input, &mut draft, plugin, filters.tombstones);
            aiven::read(&mut input, &mut draft, defaults);
        }
        None => {}
    }
    rest::judge(&mut input, plugin);
    remark::add(&mut input);
    let job = draft.finish(&mut input);
    let (findings, remarks) = input.into_parts();
    Translation { job, findings, remarks }
}
