//! What people write: job documents, key templates, formats, sizes, spans, names.

use landfall_job::template::{MAX_KEY_BYTES, check_strftime, check_strptime};
use landfall_job::{
    ByteSize, Change, ColumnType, DurationMs, FieldPath, JobName, JobSpec, KeyTemplate, TemplatePart, TimestampMs,
    TopicPattern, Zone, validate_update,
};

use crate::Answer;

/// A job in YAML or JSON: read, it is written back the same; refused, every mistake names its field.
pub(crate) fn document(data: &[u8]) -> Answer {
    let Ok(text) = std::str::from_utf8(data) else { return Answer::Refused };
    let spec = match JobSpec::parse(text) {
        Ok(spec) => spec,
        Err(errors) => {
            assert!(!errors.0.is_empty(), "refused without a reason");
            for error in &errors.0 {
                assert!(!error.field.is_empty() && !error.problem.is_empty(), "{error:?}");
                assert!(!error.to_string().contains(char::is_control), "not one plain line: {error:?}");
            }
            return Answer::Refused;
        }
    };
    let json = serde_json::to_string(&spec).unwrap();
    assert_eq!(JobSpec::parse(&json).unwrap_or_else(|e| panic!("{json}\n{e}")), spec);
    assert_eq!(serde_json::from_str::<JobSpec>(&json).unwrap_or_else(|e| panic!("{json}\n{e}")), spec);
    assert_eq!(validate_update(&spec, &spec), Ok(Change::NoChange));
    Answer::Accepted
}

/// The small languages inside a document: the first byte says which.
pub(crate) fn values(data: &[u8]) -> Answer {
    let Some((which, text)) = data.split_first() else { return Answer::Refused };
    let Ok(text) = std::str::from_utf8(text) else { return Answer::Refused };
    macro_rules! reads_back {
        ($type:ty) => {
            match <$type>::parse(text) {
                Ok(value) => {
                    let shown = value.to_string();
                    let again = <$type>::parse(&shown).unwrap_or_else(|e| panic!("{text:?} as {shown:?}: {e:?}"));
                    assert_eq!(again, value, "{text:?} as {shown:?}");
                    true
                }
                Err(refusal) => {
                    assert!(!refusal.problem.is_empty(), "{text:?} is refused without a reason");
                    false
                }
            }
        };
    }
    let read = match which % 8 {
        0 => reads_back!(ByteSize),
        1 => reads_back!(DurationMs),
        2 => reads_back!(TimestampMs),
        3 => reads_back!(ColumnType),
        4 => reads_back!(FieldPath),
        5 => JobName::parse(text).is_ok_and(|name| name.as_str() == text && !text.contains(['/', '\\'])),
        6 => TopicPattern::parse(text).is_ok_and(|pattern| {
            let _ = pattern.matches("bids");
            pattern.as_str() == text
        }),
        _ => Zone::parse(text).is_ok_and(|zone| !zone.name().is_empty()),
    };
    if read { Answer::Accepted } else { Answer::Refused }
}

/// A key template: its parts are what it says, and it stays below one prefix.
pub(crate) fn key_template(data: &[u8]) -> Answer {
    let Ok(text) = std::str::from_utf8(data) else { return Answer::Refused };
    let template = match KeyTemplate::parse(text) {
        Ok(template) => template,
        Err(refusal) => {
            assert!(!refusal.problem.is_empty(), "{text:?} is refused without a reason");
            return Answer::Refused;
        }
    };
    assert_eq!(template.as_str(), text);
    assert!(text.starts_with(template.literal_prefix()));
    assert!(template.has(&TemplatePart::Ext));
    let parts: String = template.parts().iter().map(ToString::to_string).collect();
    match KeyTemplate::parse(&parts) {
        Ok(again) => assert_eq!(again.parts(), template.parts(), "{text:?} as {parts:?}"),
        // A time format cut at its slashes is longer, and may be too long.
        Err(refusal) => assert!(parts.len() > text.len(), "{text:?} as {parts:?}: {refusal:?}"),
    }
    // With the plainest of values.
    let plain: String = template
        .parts()
        .iter()
        .map(|part| match part {
            TemplatePart::Literal(text) => text.clone(),
            TemplatePart::Timestamp(format) | TemplatePart::WallClock(format) => check_strftime(format).unwrap(),
            _ => "x".to_owned(),
        })
        .collect();
    assert!(plain.len() <= MAX_KEY_BYTES);
    let literal: Vec<&str> = plain.split('/').collect();
    let times =
        template.parts().iter().any(|part| matches!(part, TemplatePart::Timestamp(_) | TemplatePart::WallClock(_)));
    if !times {
        assert!(literal.iter().all(|segment| !matches!(*segment, "" | "." | "..")), "{plain:?}");
    }
    Answer::Accepted
}

/// A format of times: what may be read with it can be written with it.
pub(crate) fn time_format(data: &[u8]) -> Answer {
    let Ok(format) = std::str::from_utf8(data) else { return Answer::Refused };
    let written = check_strftime(format);
    if let Ok(text) = &written {
        assert!(!text.is_empty() && text.len() <= 200 && !text.contains(char::is_control), "{format:?}: {text:?}");
    }
    match check_strptime(format) {
        Ok(()) => {
            assert!(written.is_ok(), "{format:?} reads and does not write");
            Answer::Accepted
        }
        Err(refusal) => {
            assert!(!refusal.problem.is_empty(), "{format:?}");
            if written.is_ok() { Answer::Accepted } else { Answer::Refused }
        }
    }
}
