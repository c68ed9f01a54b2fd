//! Single message transforms and their predicates. None runs here: a filter of tombstones or by a header is a policy of the
//! job, and one of topics by name leaves them out of what is read. Every other one is refused by its name.

use std::collections::BTreeSet;

use landfall_job::TopicPattern;
use landfall_job::reader::Refusal;

use crate::draft::Draft;
use crate::input::Input;

const FILTER: &str = "Filter";

/// What the transforms take away.
#[derive(Debug, Default)]
pub(crate) struct Filters {
    /// Records without a value.
    pub(crate) tombstones: bool,
    /// Whole topics.
    pub(crate) topics: Vec<TopicFilter>,
    /// Records that have one of these headers ...
    pub(crate) with_header: Vec<String>,
    /// ... or that lack one of these.
    pub(crate) without_header: Vec<String>,
}

impl Filters {
    /// Headers become policies of the job.
    pub(crate) fn set(&self, draft: &mut Draft) {
        let fields =
            [("decode.skip_with_header", &self.with_header), ("decode.skip_without_header", &self.without_header)];
        for (field, names) in fields.into_iter().filter(|(_, names)| !names.is_empty()) {
            draft.set(field, names.clone(), "transforms");
        }
    }
}

/// Takes topics away by their names.
#[derive(Debug)]
pub(crate) struct TopicFilter {
    /// The key that is blamed.
    pub(crate) key: String,
    pattern: TopicPattern,
    negated: bool,
}

impl TopicFilter {
    pub(crate) fn drops(&self, topic: &str) -> bool {
        self.pattern.matches(topic) != self.negated
    }
}

/// One transform that can be taken over.
enum Found {
    Tombstones,
    Topics(TopicFilter),
    WithHeader(String),
    WithoutHeader(String),
}

impl Found {
    fn field(&self) -> &'static str {
        match self {
            Self::Tombstones => "decode.null_value",
            Self::Topics(_) => "source.topics",
            Self::WithHeader(_) => "decode.skip_with_header",
            Self::WithoutHeader(_) => "decode.skip_without_header",
        }
    }
}

/// Reads `transforms` and `predicates`.
pub(crate) fn read(input: &mut Input<'_>) -> Filters {
    let names = input.list("transforms");
    let mut filters = Filters::default();
    let mut fields: Vec<&str> = Vec::new();
    let mut used: Vec<&str> = Vec::new();
    let mut all = true;
    for name in &names {
        let Some((predicate, found)) = filter(name, input) else {
            all = false;
            continue;
        };
        used.push(predicate);
        fields.push(found.field());
        match found {
            Found::Tombstones => filters.tombstones = true,
            Found::Topics(topics) => filters.topics.push(topics),
            Found::WithHeader(name) => filters.with_header.push(name),
            Found::WithoutHeader(name) => filters.without_header.push(name),
        }
    }
    fields.dedup();
    match (names.is_empty(), all) {
        (true, _) => input.idle("transforms", "it is empty"),
        (false, true) => input.mapped("transforms", &fields),
        (false, false) => {
            input.refuse("transforms", "names transforms that are not supported", "see each; leave them out");
        }
    }
    predicates(input, &used, &fields);
    for key in input.open_under("transforms.") {
        input.idle(key, "transforms does not name it, and Connect does not run it either");
    }
    for key in input.open_under("predicates.") {
        input.idle(key, "no transform uses it");
    }
    filters
}

fn predicates(input: &mut Input<'_>, used: &[&str], fields: &[&str]) {
    let named: BTreeSet<&str> = input.list("predicates").into_iter().collect();
    if named.is_empty() && used.is_empty() {
        return input.idle("predicates", "no transform uses it");
    }
    match used.iter().all(|predicate| named.contains(predicate)) {
        true if used.is_empty() => input.idle("predicates", "no transform uses it"),
        true => input.mapped("predicates", fields),
        false => input.refuse("predicates", "does not name a predicate that a transform uses", "name it"),
    }
}

/// Reads one transform: its predicate and what it takes away; `None` after a refusal.
fn filter<'a>(name: &str, input: &mut Input<'a>) -> Option<(&'a str, Found)> {
    let key = |option: &str| format!("transforms.{name}.{option}");
    let simple = input.get(&key("type")).map_or("", simple_name);
    let predicate = input.get(&key("predicate"));
    let kind = predicate.and_then(|name| input.get(&format!("predicates.{name}.type"))).map_or("", simple_name);
    let negated = input.get(&key("negate")).is_some_and(|negate| !negate.eq_ignore_ascii_case("false"));
    let found = match (simple, kind, predicate) {
        (FILTER, "RecordIsTombstone", Some(predicate)) if !negated => {
            let note = "an empty value counts as a tombstone here";
            input.noted(&format!("predicates.{predicate}.type"), &["decode.null_value"], note);
            Some((predicate, Found::Tombstones))
        }
        (FILTER, "TopicNameMatches", Some(predicate)) => {
            topics(predicate, negated, input).map(|topics| (predicate, Found::Topics(topics)))
        }
        (FILTER, "HasHeaderKey", Some(predicate)) => header(predicate, negated, input).map(|found| (predicate, found)),
        _ => None,
    };
    let Some((predicate, found)) = found else {
        refuse(name, simple, kind, predicate, input);
        return None;
    };
    for option in ["type", "predicate", "negate"] {
        input.mapped(&key(option), &[found.field()]);
    }
    Some((predicate, found))
}

fn topics(predicate: &str, negated: bool, input: &mut Input<'_>) -> Option<TopicFilter> {
    let key = format!("predicates.{predicate}.pattern");
    let refusal = match input.get(&key).map(TopicPattern::parse) {
        Some(Ok(pattern)) => {
            let note = "topics that the filter drops are not read at all, and the group's offsets of them stay";
            input.noted(&format!("predicates.{predicate}.type"), &["source.topics"], note);
            input.mapped(&key, &["source.topics"]);
            return Some(TopicFilter { key, pattern, negated });
        }
        Some(Err(refusal)) => refusal,
        None => Refusal::new("is missing", "write the pattern of whole topic names"),
    };
    input.refuse_by(&key, &refusal);
    None
}

fn header(predicate: &str, negated: bool, input: &mut Input<'_>) -> Option<Found> {
    let key = format!("predicates.{predicate}.name");
    let Some(name) = input.get(&key).filter(|name| !name.is_empty()) else {
        input.refuse_by(&key, &Refusal::new("is missing", "write the name of the header"));
        return None;
    };
    let name = name.to_owned();
    let found = if negated { Found::WithoutHeader(name) } else { Found::WithHeader(name) };
    input.mapped(&format!("predicates.{predicate}.type"), &[found.field()]);
    input.mapped(&key, &[found.field()]);
    Some(found)
}

fn refuse(name: &str, simple: &str, kind: &str, predicate: Option<&str>, input: &mut Input<'_>) {
    let (problem, fix) = match simple {
        "" => ("is missing".to_owned(), "leave the transform out"),
        FILTER => {
            let problem = match predicate {
                Some(_) => format!("is not supported yet with the predicate {}", shown(kind)),
                None => "drops every record without a predicate".to_owned(),
            };
            (
                problem,
                "filters of RecordIsTombstone, not negated, of TopicNameMatches and of HasHeaderKey are; leave it out",
            )
        }
        other => (
            format!("is the transform {}, and transforms are not supported", shown(other)),
            "leave it out: change records before they reach the topic, or in the query",
        ),
    };
    input.refuse(&format!("transforms.{name}.type"), &problem, fix);
    // What options of foreign code hold is not known, so it is not repeated.
    for option in input.open_under(&format!("transforms.{name}.")) {
        input.refuse_hidden(
            option,
            "is an option of a transform that is not supported",
            "leave it out with its transform",
        );
    }
    for option in predicate.map(|name| input.open_under(&format!("predicates.{name}."))).unwrap_or_default() {
        input.refuse_hidden(
            option,
            "is of a predicate whose transform is not supported",
            "leave it out with its transform",
        );
    }
}

fn simple_name(class: &str) -> &str {
    class.rsplit('.').next().unwrap_or(class)
}

/// A class name for a message: no more of it than names have.
fn shown(class: &str) -> String {
    class.chars().filter(|c| c.is_alphanumeric() || "_$".contains(*c)).take(80).collect()
}
