//! Overrides: `LANDFALL_WORKER__MEMORY=2GiB` is `worker.memory: 2GiB`.
//!
//! Levels are divided by `__`; a variable of one level, such as `LANDFALL_API`, belongs to the command line. Names are matched
//! without regard to case, and `_` also stands for the `-` and `.` that a variable's name cannot hold: the property
//! `sasl.password` of the cluster `main` is `LANDFALL_CLUSTERS__MAIN__PROPERTIES__SASL_PASSWORD`.

use landfall_job::FieldError;
use landfall_job::reader::{Node, Problems, parse_text};

const PREFIX: &str = "LANDFALL_";

/// A field that a variable set.
pub(crate) struct Override {
    path: String,
    variable: String,
}

/// Puts the values of variables into the tree, in the order of their names.
pub(crate) fn apply(node: &mut Node, variables: &[(String, String)], problems: &Problems) -> Vec<Override> {
    let mut found: Vec<&(String, String)> = variables
        .iter()
        .filter(|(name, _)| name.strip_prefix(PREFIX).is_some_and(|rest| rest.contains("__")))
        .collect();
    found.sort();
    let mut overrides = Vec::new();
    for (name, text) in found {
        let levels: Vec<&str> = name.strip_prefix(PREFIX).unwrap_or(name).split("__").collect();
        if levels.iter().any(|level| level.is_empty()) {
            problems.add(FieldError::new(name.as_str(), "has an empty level", "write LANDFALL_SECTION__FIELD"));
            continue;
        }
        match value(text) {
            Ok(value) => match set(node, &levels, value, Vec::new()) {
                Some(path) => overrides.push(Override { path: path.join("."), variable: name.clone() }),
                None => {
                    let problem = "goes below a field that is not a map";
                    problems.add(FieldError::new(name.as_str(), problem, "set the field as a whole"));
                }
            },
            // What is wrong is told without the text: it may be a secret.
            Err(()) => {
                let problem = "begins like a list or map and is none";
                problems.add(FieldError::new(name.as_str(), problem, "write it as JSON, such as [\"a\", \"b\"]"));
            }
        }
    }
    overrides
}

/// Says of each mistake whether a variable brought it.
pub(crate) fn name_sources(errors: Vec<FieldError>, overrides: &[Override]) -> Vec<FieldError> {
    errors
        .into_iter()
        .map(|mut error| {
            if let Some(from) = overrides.iter().find(|from| from.path == error.field) {
                error.field = format!("{} (set by {})", error.field, from.variable);
            }
            error
        })
        .collect()
}

/// A variable holds text; `true`, `false`, lists and maps are told by their look.
fn value(text: &str) -> Result<Node, ()> {
    match text {
        "true" => Ok(Node::Bool(true)),
        "false" => Ok(Node::Bool(false)),
        // A reference to a secret begins with $, so no value of it is mistaken for a map.
        text if text.starts_with(['{', '[']) => {
            let problems = Problems::default();
            parse_text(text, &problems).ok().filter(|_| problems.is_empty()).ok_or(())
        }
        text => Ok(Node::Text(text.to_owned())),
    }
}

fn set(node: &mut Node, levels: &[&str], value: Node, mut path: Vec<String>) -> Option<Vec<String>> {
    let [level, rest @ ..] = levels else {
        *node = value;
        return Some(path);
    };
    if *node == Node::Null {
        *node = Node::Map(Vec::new());
    }
    let Node::Map(entries) = node else { return None };
    let at = match entries.iter().position(|(key, _)| folded(key) == folded(level)) {
        Some(at) => at,
        None => {
            let lower = level.to_lowercase();
            // Kafka's property names are written with dots.
            let key =
                if path.last().is_some_and(|last| last == "properties") { lower.replace('_', ".") } else { lower };
            entries.push((key, Node::Null));
            entries.len() - 1
        }
    };
    let (key, inner) = entries.get_mut(at)?;
    path.push(key.clone());
    set(inner, rest, value, path)
}

fn folded(name: &str) -> String {
    name.to_lowercase().replace(['-', '.'], "_")
}
