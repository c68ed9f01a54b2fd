//! Aiven's names of objects, in the words of a key template.
//!
//! The sink knows two ways. Of old a prefix stands before a name of its own making, with the offset in twenty digits, and
//! `file.name.template` is not heeded for it. Since then the name is `file.name.template`, whose default pads nothing.

use landfall_job::KeyTemplate;
use landfall_job::reader::Refusal;

use super::output::Suffix;
use crate::draft::Draft;
use crate::finding::unfit;
use crate::input::Input;

const NAME: &str = "file.name.template";
/// What stands before `file.name.template`; the first that is written.
const PREFIXES: [&str; 3] = ["file.name.prefix", "file.prefix.template", "aws.s3.prefix.template"];
/// What stands before the name of old; the first that is written.
const OLD_PREFIXES: [&str; 2] = ["aws.s3.prefix", "aws_s3_prefix"];
const DEFAULT_NAME: &str = "{{topic}}-{{partition}}-{{start_offset}}";
const OLD_NAME: &str = "{{topic}}-{{partition}}-{{start_offset:padding=true}}";
const KNOWN: &str = "known are {{topic}}, {{partition}}, {{start_offset}}, {{start_offset:padding=true}} and {{timestamp:unit=U}} \
                     with yyyy, MM, dd or HH";

pub(super) fn read(input: &mut Input<'_>, draft: &mut Draft, suffix: Suffix) {
    let first = |keys: &[&'static str]| keys.iter().copied().find(|key| input.get(key).is_some());
    let (prefix, old) = (first(&PREFIXES), first(&OLD_PREFIXES));
    let name = input.get(NAME);
    let dot = if suffix.of_default_name.is_empty() { "" } else { "." };
    let ending = format!("{dot}{}", suffix.of_default_name);
    let before = |key: Option<&str>| key.and_then(|key| input.get(key)).unwrap_or_default();
    let (whole, key) = match old {
        Some(old) => (format!("{}{OLD_NAME}{ending}", before(Some(old))), old),
        None => {
            let name = name.map_or_else(|| format!("{DEFAULT_NAME}{ending}"), str::to_owned);
            let blamed = if input.get(NAME).is_some() { NAME } else { prefix.unwrap_or(NAME) };
            (format!("{}{name}", before(prefix)), blamed)
        }
    };
    for written in [old, prefix, name.map(|_| NAME)].into_iter().flatten() {
        input.mapped(written, &["sink.key", "sink.extension"]);
    }
    if let (Some(old), Some(other)) = (old, name.map(|_| NAME).or(prefix)) {
        let problem = format!("is given beside {other}, and releases of the sink differ in which holds");
        return input.refuse(old, &problem, &format!("keep {other} with the prefix in it, or {old} alone"));
    }
    for idle in PREFIXES.into_iter().chain(OLD_PREFIXES).chain([NAME]) {
        let why = if input.get(idle).is_some() { "a newer spelling of it is given" } else { "it is empty" };
        input.idle_if_open(idle, why);
    }
    match translated(&whole) {
        Ok((template, extension)) => {
            draft.set("sink.key", template, key);
            draft.set("sink.extension", extension, key);
        }
        Err(refusal) => input.refuse_by(key, &refusal),
    }
}

/// The key template and the suffix.
fn translated(text: &str) -> Result<(String, String), Refusal> {
    let mut template = String::new();
    let mut rest = text;
    while let Some((literal, tail)) = rest.split_once("{{") {
        template.push_str(plain(literal)?);
        let Some((variable, tail)) = tail.split_once("}}") else {
            return Err(Refusal::new("has {{ that is never closed", "close it with }}"));
        };
        template.push_str(placeholder(variable.trim())?);
        rest = tail;
    }
    let unnamed = || {
        let fix = "end file.name.template in a dot and a suffix, such as .jsonl, or .jsonl.gz with gzip";
        Refusal::new("gives names without a suffix, which are not supported", fix)
    };
    let (stem, extension) =
        plain(rest)?.split_once('.').filter(|(_, extension)| !extension.is_empty()).ok_or_else(unnamed)?;
    template.push_str(stem);
    template.push_str(".{ext}");
    KeyTemplate::parse(&template).map_err(|refusal| Refusal::new(unfit(&template, &refusal), refusal.fix))?;
    Ok((template, extension.to_owned()))
}

fn plain(literal: &str) -> Result<&str, Refusal> {
    match literal.contains(['{', '}']) {
        true => Err(Refusal::new("has a single brace", KNOWN)),
        false => Ok(literal),
    }
}

fn placeholder(variable: &str) -> Result<&'static str, Refusal> {
    let (name, parameter) = match variable.split_once(':') {
        Some((name, parameter)) => (name.trim(), Some(parameter.trim())),
        None => (variable, None),
    };
    Ok(match (name, parameter) {
        ("topic", None) => "{topic}",
        ("partition", None | Some("padding=false")) => "{partition}",
        ("partition", Some("padding=true")) => {
            return Err(Refusal::new("pads the partition, which is not supported yet", "write {{partition}}"));
        }
        ("start_offset", None | Some("padding=false")) => "{first_offset:1}",
        ("start_offset", Some("padding=true")) => "{first_offset}",
        ("timestamp", Some("unit=yyyy" | "unit=YYYY")) => "{timestamp:%Y}",
        ("timestamp", Some("unit=MM")) => "{timestamp:%m}",
        ("timestamp", Some("unit=dd")) => "{timestamp:%d}",
        ("timestamp", Some("unit=HH")) => "{timestamp:%H}",
        ("utc_date" | "local_date", None) => {
            let fix = "write {{timestamp:unit=yyyy}}-{{timestamp:unit=MM}}-{{timestamp:unit=dd}}, and \
                       file.name.timestamp.timezone where it is not UTC";
            return Err(Refusal::new(format!("has the variable {name}, which is not supported"), fix));
        }
        ("key", _) => {
            let fix = "write {{topic}}, {{partition}} and {{start_offset}}";
            return Err(Refusal::new("asks for a file for each key of records, which is not supported", fix));
        }
        _ => {
            let shown: String = variable.chars().filter(|c| !c.is_control()).take(60).collect();
            return Err(Refusal::new(format!("has the variable {shown}, which is not supported"), KNOWN));
        }
    })
}
