//! Aiven's templates of names, in the words of a key template.

use landfall_job::KeyTemplate;
use landfall_job::reader::Refusal;

use super::output::Suffix;
use crate::draft::Draft;
use crate::input::Input;

const NAME: &str = "file.name.template";
/// The spellings of a prefix that have been in use, the newest first.
const PREFIXES: &[&str] = &["file.prefix.template", "aws.s3.prefix.template", "aws.s3.prefix", "aws_s3_prefix"];
const DEFAULT_NAME: &str = "{{topic}}-{{partition}}-{{start_offset:padding=true}}";
const KNOWN: &str = "known are {{topic}}, {{partition}}, {{start_offset}}, {{start_offset:padding=true}} and {{timestamp:unit=U}} \
                     with yyyy, MM, dd or HH";

pub(super) fn read(input: &mut Input<'_>, draft: &mut Draft, suffix: Suffix) {
    let (whole, key) = match input.get(NAME) {
        Some(name) => {
            for prefix in PREFIXES {
                input.idle(prefix, "file.name.template is the whole name");
            }
            (name.to_owned(), NAME)
        }
        None => {
            let written = PREFIXES.iter().copied().find(|key| input.get(key).is_some());
            let prefix = written.and_then(|key| input.get(key)).unwrap_or_default();
            let dot = if suffix.of_default_name.is_empty() { "" } else { "." };
            (format!("{prefix}{DEFAULT_NAME}{dot}{}", suffix.of_default_name), written.unwrap_or(NAME))
        }
    };
    input.mapped(key, &["sink.key", "sink.extension"]);
    for prefix in PREFIXES.iter().filter(|prefix| **prefix != key) {
        input.idle(prefix, "a newer spelling of it is given");
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
    KeyTemplate::parse(&template).map_err(|refusal| {
        Refusal::new(format!("becomes the key template {template}, which {}", refusal.problem), refusal.fix)
    })?;
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
