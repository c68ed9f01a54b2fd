//! The parser of key templates.

use super::length::FIRST_OFFSET_DIGITS;
use super::strftime::check_strftime;
use super::{TemplatePart, TemplatePart as P};
use crate::path::FieldPath;
use crate::reader::{Refusal, closest};

/// The longest template, in bytes: rendered keys have at most 1,024.
const MAX_BYTES: usize = 900;
const PLACEHOLDERS: &[&str] =
    &["topic", "partition", "first_offset", "timestamp", "wall_clock", "field", "header", "key", "unique", "ext"];
const GRAMMAR: &str = "known are {topic} {partition} {first_offset} {timestamp:FORMAT} {wall_clock:FORMAT} {field:PATH} \
                       {header:NAME} {key} {unique} {ext}";

pub(super) fn parts(text: &str) -> Result<Vec<TemplatePart>, Refusal> {
    if text.len() > MAX_BYTES {
        return Err(Refusal::new(format!("is longer than {MAX_BYTES} bytes"), "shorten it, a key has at most 1024"));
    }
    let mut parts = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.find(['{', '}']).unwrap_or(rest.len());
        let (literal, tail) = rest.split_at(end);
        if !literal.is_empty() {
            check_literal(literal)?;
            push_literal(&mut parts, literal);
        }
        let Some(inside) = tail.strip_prefix('{') else {
            if tail.is_empty() {
                break;
            }
            return Err(Refusal::new("has a } without a {", GRAMMAR));
        };
        let Some((body, tail)) = inside.split_once('}') else {
            return Err(Refusal::new("has a { that is never closed", "close it with }"));
        };
        placeholder(body, &mut parts)?;
        rest = tail;
    }
    Ok(parts)
}

/// Adjacent literals are kept as one, so that segments can be judged whole.
fn push_literal(parts: &mut Vec<TemplatePart>, text: &str) {
    match parts.last_mut() {
        Some(P::Literal(before)) => before.push_str(text),
        _ => parts.push(P::Literal(text.to_owned())),
    }
}

fn check_literal(text: &str) -> Result<(), Refusal> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "/!-_.*'()=+@:,;&".contains(c);
    match text.chars().find(|c| !allowed(*c)) {
        Some(c) => {
            let fix = "use letters and digits of ASCII and / ! - _ . * ' ( ) = + @ : , ; &";
            Err(Refusal::new(format!("has the character {c:?}"), fix))
        }
        None => Ok(()),
    }
}

fn placeholder(body: &str, parts: &mut Vec<TemplatePart>) -> Result<(), Refusal> {
    let (name, argument) = match body.split_once(':') {
        Some((name, argument)) => (name, Some(argument)),
        None => (body, None),
    };
    let plain = |part: TemplatePart| match argument {
        None => Ok(part),
        Some(_) => Err(Refusal::new(
            format!("has {{{body}}}, and {{{name}}} takes nothing after it"),
            format!("write {{{name}}}"),
        )),
    };
    let part = match name {
        "topic" => plain(P::Topic)?,
        "partition" => plain(P::Partition)?,
        "first_offset" => P::FirstOffset(argument.map_or(Ok(FIRST_OFFSET_DIGITS), digits)?),
        "key" => plain(P::Key)?,
        "unique" => plain(P::Unique)?,
        "ext" => plain(P::Ext)?,
        "timestamp" => return time(name, argument, P::Timestamp, parts),
        "wall_clock" => return time(name, argument, P::WallClock, parts),
        "field" => {
            let path = argument.unwrap_or_default();
            let refused =
                |refusal: Refusal| Refusal::new(format!("has {{{body}}} whose path {}", refusal.problem), refusal.fix);
            P::Field(FieldPath::parse(path).map_err(refused)?)
        }
        "header" => match argument.filter(|name| !name.is_empty()) {
            Some(name) => P::Header(name.to_owned()),
            None => return Err(Refusal::new("has {header} without a name", "write {header:NAME}")),
        },
        other => {
            let fix = match closest(other, PLACEHOLDERS.iter().copied()) {
                Some(near) => format!("did you mean {{{near}}}? {GRAMMAR}"),
                None => GRAMMAR.to_owned(),
            };
            return Err(Refusal::new(format!("has the unknown placeholder {{{body}}}"), fix));
        }
    };
    parts.push(part);
    Ok(())
}

/// To how many digits an offset is padded.
fn digits(argument: &str) -> Result<usize, Refusal> {
    let digits = argument.parse::<usize>().ok().filter(|digits| digits.to_string() == argument);
    digits.filter(|digits| (1..=FIRST_OFFSET_DIGITS).contains(digits)).ok_or_else(|| {
        let problem = format!("has {{first_offset:{argument}}}, and {argument:?} is no number of digits");
        Refusal::new(problem, format!("write 1 to {FIRST_OFFSET_DIGITS}, such as {{first_offset:10}}"))
    })
}

/// A time format may hold `/`, as in `%Y/%m/%d`; it is cut there, so that a rendered part never holds one.
fn time(
    name: &str,
    argument: Option<&str>,
    part: fn(String) -> TemplatePart,
    parts: &mut Vec<TemplatePart>,
) -> Result<(), Refusal> {
    let Some(format) = argument else {
        return Err(Refusal::new(format!("has {{{name}}} without a format"), format!("write {{{name}:%Y-%m-%d}}")));
    };
    check_strftime(format)?;
    for (at, piece) in format.split('/').enumerate() {
        if at > 0 {
            push_literal(parts, "/");
        }
        if !piece.is_empty() {
            check_strftime(piece)?;
            parts.push(part(piece.to_owned()));
        }
    }
    Ok(())
}
