//! A connector's name and config, read from the JSON in which files and Connect's REST API have them.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// A connector's keys and values, all of them text as in Connect.
pub type Config = BTreeMap<String, String>;

/// Name and config where a text is that of a connector, in either of the forms that files have: `{"name": ..., "config":
/// {...}}`, or the config with its name in it. `None`: it is to be a job document, which names its own mistakes.
///
/// # Errors
/// What is wrong with the name or with a value, and how to mend it.
#[must_use]
pub fn submitted(text: &str) -> Option<Result<(String, Config), String>> {
    let mut document: Map<String, Value> = serde_json::from_str(text).ok()?;
    let named = document.get("name").cloned();
    let given = match document.remove("config") {
        Some(Value::Object(given)) => given,
        Some(other) => {
            document.insert("config".to_owned(), other);
            document
        }
        None => document,
    };
    given.get("connector.class")?;
    let name = named.filter(|name| !name.is_null()).or_else(|| given.get("name").cloned());
    Some(match name.as_ref().and_then(Value::as_str).map(str::trim) {
        Some(name) => config(name, given).map(|config| (name.to_owned(), config)),
        None => Err("name is missing, or no text: write it beside the config, or in it".to_owned()),
    })
}

/// A whole config for the connector `name`, with the name in it.
///
/// # Errors
/// A value is null, a list or an object, or the config names another connector.
pub fn config(name: &str, object: Map<String, Value>) -> Result<Config, String> {
    let mut config = Config::new();
    for (key, value) in object {
        let Some(value) = text(&key, value)? else {
            return Err(format!("config value of {key:?} is null: leave the key out"));
        };
        config.insert(key, value);
    }
    match config.get("name") {
        Some(written) if written.trim() != name => {
            Err(format!("Connector name configuration ({written}) doesn't match connector name ({name})"))
        }
        _ => {
            config.insert("name".to_owned(), name.to_owned());
            Ok(config)
        }
    }
}

/// Numbers and booleans count as their text, as in Connect; null is none.
///
/// # Errors
/// The value is a list or an object.
pub fn text(key: &str, value: Value) -> Result<Option<String>, String> {
    match value {
        Value::String(text) => Ok(Some(text)),
        Value::Null => Ok(None),
        Value::Number(number) => Ok(Some(number.to_string())),
        Value::Bool(truth) => Ok(Some(truth.to_string())),
        Value::Array(_) | Value::Object(_) => Err(format!("config value of {key:?} is no text: write a string")),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const CONFIG: &str =
        r#""connector.class": "io.confluent.connect.s3.S3SinkConnector", "tasks.max": 1, "topics": "bids""#;

    #[test]
    fn both_forms_of_a_config_are_told_from_a_job() {
        let plain = submitted(&format!(r#"{{"name": "bids", {CONFIG}}}"#)).unwrap().unwrap();
        let wrapped = submitted(&format!(r#"{{"name": " bids ", "config": {{{CONFIG}}}}}"#)).unwrap().unwrap();
        assert_eq!(plain, wrapped);
        assert_eq!((plain.0.as_str(), plain.1["name"].as_str(), plain.1["tasks.max"].as_str()), ("bids", "bids", "1"));
        assert!(submitted(r#"{"name": "bids", "source": {"cluster": "main", "topics": ["bids"]}}"#).is_none());
        assert!(submitted("name: bids").is_none());
    }

    #[test]
    fn a_name_that_is_missing_or_another_and_values_that_are_no_text_are_refused_by_name() {
        let refused = |text: String| submitted(&text).unwrap().unwrap_err();
        assert!(refused(format!("{{{CONFIG}}}")).contains("name is missing"));
        let inside =
            submitted(&format!(r#"{{"name": null, "config": {{"name": "wins", {CONFIG}}}}}"#)).unwrap().unwrap();
        assert_eq!(inside.0, "wins");
        let kept = submitted(&format!(r#"{{"name": "bids", "config": "x", {CONFIG}}}"#)).unwrap().unwrap();
        assert_eq!(kept.1["config"], "x", "left for the translation to refuse");
        let two = refused(format!(r#"{{"name": "bids", "config": {{"name": "wins", {CONFIG}}}}}"#));
        assert!(two.contains("(wins) doesn't match connector name (bids)"), "{two}");
        for (value, said) in [("null", "\"a.b\" is null"), ("[1]", "\"a.b\" is no text"), ("{}", "\"a.b\" is no text")]
        {
            let text = refused(format!(r#"{{"name": "bids", "a.b": {value}, {CONFIG}}}"#));
            assert!(text.contains(said), "{text}");
        }
    }
}
