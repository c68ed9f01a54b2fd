//! Definitions and field-by-field validation in the shape that Connect's REST API gives them.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::definition::{Definition, Importance, KeyType, Preset, Width};
use crate::finding::Finding;
use crate::plugin::Plugin;
use crate::secret::is_secret;
use crate::translate::{ConnectDefaults, translate};

/// What stands for a secret that was written.
const HIDDEN: &str = "[hidden]";
/// The group of keys that no connector defines.
const OTHERS: &str = "Others";

/// A key as `GET /connector-plugins/{plugin}/config` shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DefinitionInfo {
    /// The key.
    pub name: String,
    /// What its value is.
    #[serde(rename = "type")]
    pub ty: KeyType,
    /// Whether it must be written.
    pub required: bool,
    /// What holds where it is not.
    pub default_value: Option<String>,
    /// How much it matters.
    pub importance: Importance,
    /// What it does.
    pub documentation: String,
    /// The group that a form shows it in.
    pub group: String,
    /// Its place in the group, from 1.
    pub order_in_group: usize,
    /// How wide a form shows it.
    pub width: Width,
    /// What a form calls it.
    pub display_name: String,
    /// Keys whose recommendations depend on it.
    pub dependents: Vec<String>,
}

/// A value and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ValueInfo {
    /// The key.
    pub name: String,
    /// What is written, or the default.
    pub value: Option<String>,
    /// Values a form may offer.
    pub recommended_values: Vec<String>,
    /// What is wrong, each with the fix.
    pub errors: Vec<String>,
    /// Whether a form shows it.
    pub visible: bool,
}

/// One key of a validation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ConfigInfo {
    /// The key's definition; one is made up for a key that the connector does not have: clients read its name there.
    pub definition: DefinitionInfo,
    /// Its value.
    pub value: ValueInfo,
}

/// The answer to `PUT /connector-plugins/{plugin}/config/validate`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Validation {
    /// The connector's class.
    pub name: String,
    /// How many mistakes there are.
    pub error_count: usize,
    /// The groups of keys.
    pub groups: Vec<String>,
    /// Every key: those of the connector, then those that it does not have.
    pub configs: Vec<ConfigInfo>,
}

/// Every key of a connector.
pub fn config_definitions(plugin: Plugin) -> Vec<DefinitionInfo> {
    let places =
        plugin.groups().flat_map(|group| (1..).zip(group.keys).map(move |(place, key)| (group.name, place, key)));
    places.map(|(group, place, key)| info(group, place, key)).collect()
}

fn info(group: &str, order_in_group: usize, key: &Definition) -> DefinitionInfo {
    DefinitionInfo {
        name: key.name.to_owned(),
        ty: key.ty,
        required: key.preset == Preset::Required,
        default_value: default_of(key),
        importance: key.importance,
        documentation: key.documentation.to_owned(),
        group: group.to_owned(),
        order_in_group,
        width: key.width(),
        display_name: key.name.to_owned(),
        dependents: Vec::new(),
    }
}

fn made_up(key: &str) -> DefinitionInfo {
    DefinitionInfo {
        name: key.to_owned(),
        ty: KeyType::String,
        required: false,
        default_value: None,
        importance: Importance::Low,
        documentation: "not a key that the connector defines".to_owned(),
        group: OTHERS.to_owned(),
        order_in_group: 0,
        width: Width::Medium,
        display_name: key.to_owned(),
        dependents: Vec::new(),
    }
}

fn default_of(key: &Definition) -> Option<String> {
    match key.preset {
        Preset::Value(value) => Some(value.to_owned()),
        Preset::Required | Preset::Nothing => None,
    }
}

/// Validates a config of `plugin`, as for the connector that it names.
pub fn validate(plugin: Plugin, config: &BTreeMap<String, String>, defaults: &ConnectDefaults) -> Validation {
    let mut config = config.clone();
    // The class is in the path already.
    config.entry("connector.class".to_owned()).or_insert_with(|| plugin.class().to_owned());
    let name = config.get("name").map(|name| name.trim().to_owned()).unwrap_or_default();
    let findings = translate(&name, &config, defaults).findings;
    let errors_of = |key: &str| -> Vec<String> {
        findings.iter().filter(|finding| finding.key == key).filter_map(message).collect()
    };
    let mut configs: Vec<ConfigInfo> = Vec::new();
    for definition in config_definitions(plugin) {
        let key = plugin.definition(&definition.name);
        let recommended = key.map_or(&[][..], |key| key.recommended);
        let written = config.get(&definition.name).cloned();
        let value = ValueInfo {
            name: definition.name.clone(),
            value: shown(&definition.name, written, plugin).or_else(|| definition.default_value.clone()),
            recommended_values: recommended.iter().map(|value| (*value).to_owned()).collect(),
            errors: errors_of(&definition.name),
            visible: true,
        };
        configs.push(ConfigInfo { definition, value });
    }
    for finding in findings.iter().filter(|finding| plugin.definition(&finding.key).is_none()) {
        let value = ValueInfo {
            name: finding.key.clone(),
            value: shown(&finding.key, config.get(&finding.key).cloned(), plugin),
            recommended_values: Vec::new(),
            errors: message(finding).into_iter().collect(),
            visible: true,
        };
        configs.push(ConfigInfo { definition: made_up(&finding.key), value });
    }
    Validation {
        name: plugin.class().to_owned(),
        error_count: configs.iter().map(|config| config.value.errors.len()).sum(),
        groups: plugin.groups().map(|group| group.name.to_owned()).collect(),
        configs,
    }
}

fn shown(key: &str, value: Option<String>, plugin: Plugin) -> Option<String> {
    // An address with a user in it holds a password, too.
    let user = |value: &str| value.split_once("://").is_some_and(|(_, rest)| rest.contains('@'));
    value.map(|value| if is_secret(key, Some(plugin)) || user(&value) { HIDDEN.to_owned() } else { value })
}

/// The error of a finding, without the key that it is told beside.
fn message(finding: &Finding) -> Option<String> {
    let text = finding.error()?.to_string();
    Some(text.strip_prefix(&format!("{}: ", finding.key)).map_or(text.clone(), str::to_owned))
}
