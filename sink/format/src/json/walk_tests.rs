#![allow(clippy::unwrap_used)]
use super::*;
use proptest::prelude::*;

fn path(text: &str) -> Vec<String> {
    text.split('.').map(str::to_owned).collect()
}

/// Name, value, misfit.
type LooseMember = (String, String, bool);

/// Reads `text` for routing paths and column paths; answers the values found and the loose members.
fn read(text: &str, routes: &[&str], columns: &[&str]) -> (Vec<Option<String>>, Vec<LooseMember>) {
    let paths: Vec<(Vec<String>, bool)> =
        routes.iter().map(|p| (path(p), false)).chain(columns.iter().map(|p| (path(p), true))).collect();
    let borrowed: Vec<(&[String], bool)> = paths.iter().map(|(p, c)| (p.as_slice(), *c)).collect();
    let (tree, slots) = PathTree::build(&borrowed);
    let mut captures = Captures::default();
    // Read twice: the second must not see the first.
    tree.read("{\"zzz\":1,\"a\":9,\"b\":{\"c\":9}}", &mut captures, true).unwrap();
    tree.read(text, &mut captures, true).unwrap();
    let values = slots.iter().map(|slot| captures.value(*slot).map(|span| span.of(text).to_owned())).collect();
    let mut loose = captures.loose.clone();
    loose.sort_by_key(|loose| loose.name.start);
    let loose = loose.iter().map(|l| (l.name.inside(text).to_owned(), l.value.of(text).to_owned(), l.misfit)).collect();
    (values, loose)
}

fn owned(values: &[Option<&str>]) -> Vec<Option<String>> {
    values.iter().map(|value| value.map(str::to_owned)).collect()
}

#[test]
fn fields_are_found_at_any_depth_and_in_any_order() {
    let text = r#"{"z":[{"a":0}],"b":{"x":1,"c":"two"},"a":1}"#;
    let (values, _) = read(text, &["a", "b.c", "b.d", "z"], &[]);
    assert_eq!(values, owned(&[Some("1"), Some("\"two\""), None, Some("[{\"a\":0}]")]));
}

#[test]
fn a_path_through_something_that_is_no_object_finds_nothing() {
    let (values, _) = read(r#"{"b":[1],"a":2}"#, &["b.c", "a.x.y"], &[]);
    assert_eq!(values, owned(&[None, None]));
    let (values, _) = read("[1,2]", &["a"], &[]);
    assert_eq!(values, owned(&[None]));
}

#[test]
fn the_last_of_a_repeated_name_counts_whole() {
    let text = r#"{"b":{"c":1,"d":2},"a":1,"b":{"d":3},"a":2}"#;
    let (values, _) = read(text, &["a", "b.c", "b.d"], &[]);
    assert_eq!(values, owned(&[Some("2"), None, Some("3")]));
    let (values, loose) = read(r#"{"b":{"x":1,"c":1},"b":null}"#, &[], &["b.c"]);
    assert_eq!((values, loose), (owned(&[None]), vec![]));
    let (_, loose) = read(r#"{"b":"text","b":{"c":1}}"#, &[], &["b.c"]);
    assert_eq!(loose, vec![]);
}

/// An object's members as they are written: a number, or an object of its own.
#[derive(Debug, Clone)]
struct Members(Vec<(&'static str, Option<Members>)>);

impl Members {
    fn text(&self, count: &mut usize) -> String {
        let member = |(name, inner): &(&str, Option<Self>), count: &mut usize| {
            *count += 1;
            let value = inner.as_ref().map_or(format!("{count}"), |inner| inner.text(count));
            format!("\"{name}\":{value}")
        };
        format!("{{{}}}", self.0.iter().map(|m| member(m, count)).collect::<Vec<_>>().join(","))
    }
}

/// `text` without the earlier occurrences of names that `paths` look at: what it must read like.
fn without_earlier(text: &str, paths: &[&str], at: &str) -> String {
    // Cut at the top level of the object; the texts here have no strings but names.
    let (mut members, mut depth, mut from) = (Vec::new(), 0, 1);
    for (place, byte) in text.bytes().enumerate() {
        depth += i32::from(byte == b'{') - i32::from(byte == b'}');
        if (byte == b',' && depth == 1) || (depth == 0 && place > 1) {
            members.push(&text[from..place]);
            from = place + 1;
        }
    }
    let name = |member: &str| member.split('"').nth(1).unwrap().to_owned();
    let path = |member: &str| format!("{at}{}", name(member));
    let known = |path: &str| paths.iter().any(|p| *p == path || p.starts_with(&format!("{path}.")));
    let kept = members.iter().enumerate().filter(|(place, member)| {
        !known(&path(member)) || !members[place + 1..].iter().any(|later| name(later) == name(member))
    });
    let kept: Vec<String> = kept
        .map(|(_, member)| match member.split_once(":{") {
            Some((name, _)) if known(&path(member)) => {
                let inside = without_earlier(&member[name.len() + 1..], paths, &format!("{}.", path(member)));
                format!("{name}:{inside}")
            }
            _ => (*member).to_owned(),
        })
        .collect();
    format!("{{{}}}", kept.join(","))
}

fn members() -> impl Strategy<Value = Members> {
    let name = prop::sample::select(vec!["a", "b", "c", "x"]);
    let leaf = prop::collection::vec((name.clone(), Just(None)), 0..4).prop_map(Members);
    leaf.prop_recursive(4, 60, 6, move |inner| {
        prop::collection::vec((name.clone(), prop::option::of(inner)), 0..6).prop_map(Members)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn a_document_reads_as_if_earlier_occurrences_of_known_names_were_not_there(members in members()) {
        let (routes, columns) = (["a.b", "c"], ["a.c", "b.a.c", "b.b"]);
        let text = members.text(&mut 0);
        let without = without_earlier(&text, &[routes.as_slice(), columns.as_slice()].concat(), "");
        let (values, loose) = read(&text, &routes, &columns);
        let (expected, expected_loose) = read(&without, &routes, &columns);
        // A routing field keeps the text of its object, with what is repeated in it; columns here are no objects.
        prop_assert_eq!(&values[2..], &expected[2..], "{} and {}", text, without);
        prop_assert_eq!(values[..2].iter().map(Option::is_some).collect::<Vec<_>>(), expected[..2].iter().map(Option::is_some).collect::<Vec<_>>());
        prop_assert_eq!(loose, expected_loose, "{} and {}", text, without);
    }
}

#[test]
fn a_name_written_with_escapes_is_the_same_name() {
    let (values, _) = read(r#"{"\u0061":1,"caf\u00e9":2}"#, &["a", "café"], &[]);
    assert_eq!(values, owned(&[Some("1"), Some("2")]));
}

#[test]
fn what_no_column_takes_is_loose() {
    let text = r#"{"id":1,"device":{"os":"x","model":"y"},"route":"r","extra":[1]}"#;
    let (_, loose) = read(text, &["route"], &["id", "device.os"]);
    let names: Vec<&str> = loose.iter().map(|(name, _, _)| name.as_str()).collect();
    assert_eq!(names, ["model", "route", "extra"]);
}

#[test]
fn a_routing_field_inside_a_column_is_not_loose() {
    let text = r#"{"user":{"id":1,"name":"n"}}"#;
    let (values, loose) = read(text, &["user.id"], &["user"]);
    assert_eq!(values, owned(&[Some("1"), Some(r#"{"id":1,"name":"n"}"#)]));
    assert_eq!(loose, vec![]);
}

#[test]
fn a_routing_field_keeps_its_object_loose_when_no_column_takes_it() {
    let (_, loose) = read(r#"{"user":{"id":1,"name":"n"}}"#, &["user.id"], &["other"]);
    let pairs: Vec<(&str, &str)> = loose.iter().map(|(name, value, _)| (name.as_str(), value.as_str())).collect();
    assert_eq!(pairs, [("id", "1"), ("name", "\"n\"")]);
    let (_, loose) = read(r#"{"user":null}"#, &["user.id"], &["other"]);
    assert_eq!(loose, [("user".to_owned(), "null".to_owned(), false)]);
}

#[test]
fn an_object_that_is_something_else_is_a_misfit() {
    let (_, loose) = read(r#"{"device":"phone"}"#, &[], &["device.os"]);
    assert_eq!(loose, [("device".to_owned(), "\"phone\"".to_owned(), true)]);
    let (_, loose) = read(r#"{"device":null}"#, &[], &["device.os"]);
    assert_eq!(loose, vec![]);
}

#[test]
fn equal_paths_share_one_place() {
    let (values, _) = read(r#"{"a":7}"#, &["a", "a"], &["a"]);
    assert_eq!(values, owned(&[Some("7"), Some("7"), Some("7")]));
}
