#![allow(clippy::unwrap_used)]
use super::*;

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
    let loose = captures
        .loose
        .iter()
        .map(|l| (l.name.inside(text).to_owned(), l.value.of(text).to_owned(), l.misfit))
        .collect();
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
