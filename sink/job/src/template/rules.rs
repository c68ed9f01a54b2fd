//! The rules that confine a template beyond its grammar: one prefix, no odd segments, and a name of its own for every file.

use super::length::{self, FIRST_OFFSET_DIGITS, MAX_UNIQUE_BYTES};
use super::{TemplatePart, TemplatePart as P, distinct};
use crate::reader::Refusal;

/// The shortest topic and suffix there are.
const LEAST: (&str, &str) = ("t", "jsonl");

pub(super) fn check(parts: &[TemplatePart]) -> Result<(), Refusal> {
    match parts.first() {
        Some(P::Literal(_) | P::Topic) => {}
        None => {
            return Err(Refusal::new("is empty", "write a template such as {topic}/{partition}+{first_offset}.{ext}"));
        }
        Some(_) => {
            let fix = "put fixed text before it, so that every key of the job lies under one prefix";
            return Err(Refusal::new("does not begin with fixed text or {topic}", fix));
        }
    }
    check_ending(parts)?;
    check_segments(parts)?;
    check_names(parts)
}

fn check_ending(parts: &[TemplatePart]) -> Result<(), Refusal> {
    let fix = "end it with .{ext}, and use {ext} nowhere else";
    let [.., P::Literal(before), P::Ext] = parts else {
        return Err(Refusal::new("does not end with .{ext}", fix));
    };
    if !before.ends_with('.') || before.ends_with("/.") {
        return Err(Refusal::new("has no name and dot before {ext}", fix));
    }
    if parts.iter().filter(|part| **part == P::Ext).count() > 1 {
        return Err(Refusal::new("has {ext} twice", fix));
    }
    Ok(())
}

fn check_segments(parts: &[TemplatePart]) -> Result<(), Refusal> {
    // One character stands for a rendered value: it is neither a dot nor a slash, and never empty.
    let mut shape = String::new();
    for part in parts {
        match part {
            P::Literal(text) => shape.push_str(text),
            _ => shape.push('#'),
        }
    }
    if shape.starts_with('/') {
        return Err(Refusal::new("begins with /", "leave the first / out"));
    }
    for segment in shape.split('/') {
        match segment {
            "" => return Err(Refusal::new("has an empty segment //", "write one / between names")),
            "." | ".." => {
                return Err(Refusal::new(
                    format!("has the segment {segment}"),
                    "leave it out, a key never leaves its prefix",
                ));
            }
            _ => {}
        }
    }
    match length::of_keys(parts, LEAST.0, LEAST.1).excess() {
        Some(excess) => {
            let fix = format!(
                "shorten what lies between two slashes; {{first_offset}} takes {FIRST_OFFSET_DIGITS} bytes, {{unique}} up to {MAX_UNIQUE_BYTES}"
            );
            Err(Refusal::new(format!("makes keys with {excess}"), fix))
        }
        None => Ok(()),
    }
}

/// Every file must have a name of its own.
fn check_names(parts: &[TemplatePart]) -> Result<(), Refusal> {
    let has = |wanted: &TemplatePart| parts.contains(wanted);
    let offset = parts.iter().find(|part| matches!(part, P::FirstOffset(_)));
    if offset.is_some() && !has(&P::Partition) {
        return Err(Refusal::new(
            "has {first_offset} without {partition}",
            "add {partition}: offsets count within one",
        ));
    }
    if has(&P::Unique) {
        return Ok(());
    }
    let Some(offset) = offset else {
        let fix = "add {unique}, or {partition} with {first_offset}";
        return Err(Refusal::new("would give two files one name", fix));
    };
    for wanted in [&P::Partition, offset] {
        if let Some(refusal) = hidden(parts, wanted, "two files") {
            return Err(refusal);
        }
    }
    Ok(())
}

/// The refusal of a template whose names do not tell `wanted`; `whose` names would be the same.
pub(super) fn hidden(parts: &[TemplatePart], wanted: &TemplatePart, whose: &str) -> Option<Refusal> {
    if distinct::tells(parts, wanted) {
        return None;
    }
    let other = distinct::hidden_by(parts, wanted).map_or_else(|| "what is beside it".to_owned(), ToString::to_string);
    let problem =
        format!("can give {whose} one name, because {wanted} cannot be told from {other} in the same segment");
    Some(Refusal::new(problem, format!("put a / between {wanted} and {other}, or add {{unique}}")))
}
