//! Single message transforms and their predicates. None runs here; a filter of tombstones is a policy of the job.

use crate::input::Input;

const FILTER: &str = "Filter";

/// Reads `transforms` and `predicates`; true where tombstones are filtered out.
pub(crate) fn read(input: &mut Input<'_>) -> bool {
    let names = input.list("transforms");
    let mut tombstones = false;
    let mut all = true;
    let mut used: Vec<&str> = Vec::new();
    for name in &names {
        let filters = filter(name, input, &mut used);
        tombstones |= filters;
        all &= filters;
    }
    if !names.is_empty() && all {
        input.mapped("transforms", &["decode.null_value"]);
    } else if !names.is_empty() {
        input.refuse("transforms", "names transforms that are not supported", "see each; leave them out");
    } else {
        input.idle("transforms", "it is empty");
    }
    predicates(input, &used);
    for key in input.open_under("transforms.") {
        input.idle(key, "transforms does not name it, and Connect does not run it either");
    }
    for key in input.open_under("predicates.") {
        input.idle(key, "no transform uses it");
    }
    tombstones
}

fn predicates(input: &mut Input<'_>, used: &[&str]) {
    let named = input.list("predicates");
    if named.is_empty() || used.is_empty() {
        return input.idle("predicates", "no transform uses it");
    }
    match used.iter().all(|predicate| named.contains(predicate)) {
        true => input.mapped("predicates", &["decode.null_value"]),
        false => input.refuse("predicates", "does not name a predicate that a transform uses", "name it"),
    }
}

/// Reads one transform; true if it filters tombstones out.
fn filter<'a>(name: &str, input: &mut Input<'a>, used: &mut Vec<&'a str>) -> bool {
    let key = |option: &str| format!("transforms.{name}.{option}");
    let class = input.get(&key("type")).unwrap_or_default();
    let simple = class.rsplit('.').next().unwrap_or(class);
    let predicate = input.get(&key("predicate"));
    let kind = predicate.map_or("", |predicate| {
        let class = input.get(&format!("predicates.{predicate}.type")).unwrap_or_default();
        class.rsplit('.').next().unwrap_or(class)
    });
    let negated = input.get(&key("negate")).is_some_and(|negate| !negate.eq_ignore_ascii_case("false"));
    if let (FILTER, "RecordIsTombstone", Some(predicate), false) = (simple, kind, predicate, negated) {
        used.push(predicate);
        for option in ["type", "predicate", "negate"] {
            input.mapped(&key(option), &["decode.null_value"]);
        }
        let note = "an empty value counts as a tombstone here";
        input.noted(&format!("predicates.{predicate}.type"), &["decode.null_value"], note);
        return true;
    }
    let (problem, fix) = match simple {
        "" => ("is missing".to_owned(), "leave the transform out"),
        FILTER => {
            let problem = format!("is not supported yet with the predicate {}", shown(kind));
            (problem, "only a filter of RecordIsTombstone, not negated, is; leave it out")
        }
        other => (
            format!("is the transform {}, and transforms are not supported", shown(other)),
            "leave it out: change records before they reach the topic, or in the query",
        ),
    };
    input.refuse(&key("type"), &problem, fix);
    for option in input.open_under(&format!("transforms.{name}.")) {
        input.refuse(option, "is an option of a transform that is not supported", "leave it out with its transform");
    }
    if let Some(predicate) = predicate {
        for option in input.open_under(&format!("predicates.{predicate}.")) {
            input.refuse(
                option,
                "is of a predicate whose transform is not supported",
                "leave it out with its transform",
            );
        }
    }
    false
}

/// A class name for a message: no more of it than names have.
fn shown(class: &str) -> String {
    class.chars().filter(|c| c.is_alphanumeric() || "_$".contains(*c)).take(80).collect()
}
