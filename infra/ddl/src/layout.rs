//! The key template as a location and partition columns.
//!
//! A folder `name={…}` is a partition column, and so is one that is nothing but the topic or a date: the template of a
//! location can say both. The first folder that varies otherwise ends the columns; what lies below it is read whole.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::fmt::strtime;
use landfall_job::{JobSpec, TemplatePart, TemplatePart as P, TimestampMs, TimestampSource, Topics};

use crate::names::plain;
use crate::options::Options;
use crate::projection::{DEFAULT_SINCE, Partition, Projection};
use crate::segments::{self, Segment, constant, rendered_topics, shown};
use crate::time_pattern::TimePattern;

/// Where a table's objects lie, within the bucket.
#[derive(Debug)]
pub(crate) struct Layout {
    /// The folder of all of them, the same in every key; ends in `/` or is empty.
    pub(crate) folder: String,
    /// From the outside in.
    pub(crate) partitions: Vec<Partition>,
    /// The folders of a partition with `${column}` in them; ends in `/`. `None` without partitions.
    pub(crate) template: Option<String>,
    pub(crate) remarks: Vec<String>,
}

/// One folder, or some of a date, as a column: `name` is what the key calls it.
struct Found {
    name: String,
    /// What stands before the value in the folder.
    label: String,
    projection: Projection,
    folders: usize,
}

impl Layout {
    /// Reads the template of a job; no partition column gets a name of `taken`.
    pub(crate) fn of(spec: &JobSpec, options: &Options, taken: &BTreeSet<String>) -> Self {
        let (folders, file) = segments::of(spec);
        let mut taken = taken.clone();
        let mut layout = Self { folder: String::new(), partitions: Vec::new(), template: None, remarks: Vec::new() };
        let mut rest = folders.as_slice();
        let mut path = String::new();
        while let Some(segment) = rest.first() {
            if let Some(text) = constant(segment) {
                path.push_str(text);
                path.push('/');
                rest = rest.get(1..).unwrap_or_default();
                continue;
            }
            let Some(found) = find(rest, spec, options) else { break };
            if layout.partitions.is_empty() {
                layout.folder.clone_from(&path);
            }
            let column = free_name(&found.name, &mut taken);
            if column != found.name {
                layout.remarks.push(format!("The column {column} is what the key calls {}.", found.name));
            }
            path.push_str(&format!("{}${{{column}}}/", found.label));
            layout.partitions.push(Partition { column, projection: found.projection });
            layout.template = Some(path.clone());
            rest = rest.get(found.folders..).unwrap_or_default();
        }
        if layout.partitions.is_empty() {
            layout.folder = path;
        }
        layout.remarks.extend(layout.partitions.iter().filter_map(Partition::remark));
        layout.tell_what_is_read(spec, rest);
        layout.tell_what_is_passed_over(spec, rest.iter().chain([&file]));
        layout
    }

    /// What every key that is read begins with.
    pub(crate) fn fixed(&self) -> &str {
        let path = self.template.as_deref().unwrap_or(&self.folder);
        path.split("${").next().unwrap_or_default()
    }

    fn tell_what_is_read(&mut self, spec: &JobSpec, unread: &[Segment]) {
        let below = format!("s3://{}/{}", spec.sink.bucket, self.folder);
        match (self.partitions.is_empty(), unread.iter().find(|segment| constant(segment).is_none())) {
            (true, None) => self.remarks.push(format!("All objects below {below} are read, whoever wrote them.")),
            (true, Some(segment)) => self.remarks.push(format!(
                "All objects below {below} are read, whoever wrote them: the folder {} of the key has no name, so it is no \
                 column. Write name={} in sink.key to have one.",
                shown(segment),
                shown(segment)
            )),
            (false, Some(segment)) => self.remarks.push(format!(
                "The folder {} of the key is no column: a partition is read with all that lies below it.",
                shown(segment)
            )),
            (false, None) => {}
        }
    }

    /// Athena takes a name below a location that begins with `_` or a dot for none of its own.
    fn tell_what_is_passed_over<'a>(&mut self, spec: &JobSpec, names: impl Iterator<Item = &'a Segment>) {
        let hidden = |text: &str| text.starts_with(['_', '.']);
        for name in names {
            let passed_over = match (name.first(), &spec.source.topics) {
                (Some(P::Literal(text)), _) if hidden(text) => "every object",
                (Some(P::Topic), Topics::Named(topics)) if topics.iter().any(|topic| hidden(topic)) => {
                    "what is of a topic of such a name"
                }
                (Some(P::Field(_) | P::Header(_) | P::Key), _) => "values such as __null__ and __empty__",
                _ => continue,
            };
            self.remarks.push(format!(
                "Warning: Athena passes over names that begin with _ or a dot. In {} of the key that is {passed_over}: these \
                 rows are not read.",
                shown(name)
            ));
        }
    }
}

/// The first folders as a column; `None` where they are none.
fn find(folders: &[Segment], spec: &JobSpec, options: &Options) -> Option<Found> {
    let segment = folders.first()?;
    if let Some((name, value)) = named(segment) {
        let label = format!("{name}=");
        return Some(Found { projection: project(&value, spec, options)?, name, label, folders: 1 });
    }
    let bare = |name: &str, projection, folders| {
        Some(Found { name: name.to_owned(), label: String::new(), projection, folders })
    };
    if let [P::Topic] = segment.as_slice() {
        return bare("topic", project(segment, spec, options)?, 1);
    }
    // The longest date that the folders write, such as 2026/01/31.
    (1..=folders.len()).rev().find_map(|count| {
        let mut parts = Segment::new();
        for (at, segment) in folders.iter().take(count).enumerate() {
            if named(segment).is_some() || constant(segment).is_some() {
                return None;
            }
            if at > 0 {
                parts.push(P::Literal("/".to_owned()));
            }
            parts.extend(segment.iter().cloned());
        }
        match time(&parts, spec, options)? {
            projection @ Projection::Time { .. } => bare("dt", projection, count),
            _ => None,
        }
    })
}

/// The name and the value of a folder `name=value`.
fn named(segment: &[TemplatePart]) -> Option<(String, Segment)> {
    let (P::Literal(text), rest) = segment.split_first()? else { return None };
    let (name, begin) = text.split_once('=').filter(|(name, _)| !name.is_empty())?;
    let begin = (!begin.is_empty()).then(|| P::Literal(begin.to_owned()));
    Some((name.to_owned(), begin.into_iter().chain(rest.iter().cloned()).collect()))
}

/// The values of a folder; `None` where every file has its own.
fn project(value: &[TemplatePart], spec: &JobSpec, options: &Options) -> Option<Projection> {
    if value.iter().any(|part| matches!(part, P::Unique | P::FirstOffset(_))) {
        return None;
    }
    if let Some(times) = time(value, spec, options) {
        return Some(times);
    }
    let Topics::Named(topics) = &spec.source.topics else { return Some(Projection::Injected) };
    let with = |topic: &String| {
        let part = |part: &TemplatePart| match part {
            P::Literal(text) => Some(text.clone()).filter(|text| !text.contains(',')),
            P::Topic => Some(topic.clone()),
            _ => None,
        };
        value.iter().map(part).collect::<Option<String>>()
    };
    let values: Option<Vec<String>> = rendered_topics(topics).iter().map(with).collect();
    Some(values.map_or(Projection::Injected, Projection::Enum))
}

/// The values of a folder that is nothing but times of one clock, and fixed text.
fn time(value: &[TemplatePart], spec: &JobSpec, options: &Options) -> Option<Projection> {
    let mut strftime = String::new();
    let mut clocks = BTreeSet::new();
    for part in value {
        match part {
            P::Literal(text) => strftime.push_str(&text.replace('%', "%%")),
            P::Timestamp(format) => {
                clocks.insert(spec.sink.timestamp == TimestampSource::WallClock);
                strftime.push_str(format);
            }
            P::WallClock(format) => {
                clocks.insert(true);
                strftime.push_str(format);
            }
            _ => return None,
        }
    }
    let by_the_workers_clock = match clocks.iter().collect::<Vec<_>>().as_slice() {
        [only] => **only,
        _ => return None,
    };
    let Some(pattern) = TimePattern::of(&strftime) else { return Some(Projection::Injected) };
    // Events may be older than the job that lands them; the worker's clock is not.
    let created_at = options.created_at.filter(|_| by_the_workers_clock);
    let since = options.since.or(created_at).and_then(|at| written(at, &strftime, spec));
    Some(Projection::Time { pattern, since: since.unwrap_or_else(|| DEFAULT_SINCE.to_owned()) })
}

fn written(at: TimestampMs, strftime: &str, spec: &JobSpec) -> Option<String> {
    let zone = spec.sink.time_zone.time_zone().clone();
    strtime::format(strftime, &Timestamp::from_millisecond(at.0).ok()?.to_zoned(zone)).ok()
}

/// A name for a partition column that no other column has.
fn free_name(wanted: &str, taken: &mut BTreeSet<String>) -> String {
    let base = plain(wanted);
    let mut name = base.clone();
    let mut at = 1;
    while !taken.insert(name.clone()) {
        name = if at == 1 { format!("{base}_partition") } else { format!("{base}_partition_{at}") };
        at += 1;
    }
    name
}
