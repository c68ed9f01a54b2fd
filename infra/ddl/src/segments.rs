//! A key template cut into folders.

use landfall_job::{JobSpec, TemplatePart, Topics};

/// One folder of a key; adjacent literals are one, and none is empty.
pub(crate) type Segment = Vec<TemplatePart>;

/// The folders of a job's keys, from the outside in, and the file's name. What is the same in every key is a literal.
pub(crate) fn of(spec: &JobSpec) -> (Vec<Segment>, Segment) {
    let mut segments = vec![Segment::new()];
    for part in spec.sink.key.parts() {
        let text = match (part, &spec.source.topics) {
            (TemplatePart::Literal(text), _) => text.clone(),
            (TemplatePart::Topic, Topics::Named(names)) if names.len() == 1 => rendered_topics(names).concat(),
            (TemplatePart::Ext, _) => spec.sink.extension().to_owned(),
            (variable, _) => {
                push(&mut segments, variable.clone());
                continue;
            }
        };
        for (at, text) in text.split('/').enumerate() {
            if at > 0 {
                segments.push(Segment::new());
            }
            if !text.is_empty() {
                push(&mut segments, TemplatePart::Literal(text.to_owned()));
            }
        }
    }
    let file = segments.pop().unwrap_or_default();
    (segments, file)
}

/// Topics as a key has them.
pub(crate) fn rendered_topics(names: &[String]) -> Vec<String> {
    // Of what a topic's name may hold only dots alone are encoded.
    let rendered = |name: &String| match name.bytes().all(|byte| byte == b'.') {
        true => "%2E".repeat(name.len()),
        false => name.clone(),
    };
    names.iter().map(rendered).collect()
}

/// The text of a folder that is the same in every key.
pub(crate) fn constant(segment: &[TemplatePart]) -> Option<&str> {
    match segment {
        [TemplatePart::Literal(text)] => Some(text),
        _ => None,
    }
}

/// A folder as it is written in a template.
pub(crate) fn shown(segment: &[TemplatePart]) -> String {
    segment.iter().map(ToString::to_string).collect()
}

fn push(segments: &mut [Segment], part: TemplatePart) {
    let Some(segment) = segments.last_mut() else { return };
    match (segment.last_mut(), &part) {
        (Some(TemplatePart::Literal(before)), TemplatePart::Literal(text)) => before.push_str(text),
        _ => segment.push(part),
    }
}
