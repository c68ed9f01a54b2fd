//! Where the connector reads: its name and group, its topics, its tasks.

use std::collections::BTreeSet;

use landfall_job::JobName;

use crate::draft::Draft;
use crate::input::Input;
use crate::transform::TopicFilter;
use crate::translate::ConnectDefaults;

pub(crate) fn read(
    name: &str,
    input: &mut Input<'_>,
    draft: &mut Draft,
    defaults: &ConnectDefaults,
    filters: &[TopicFilter],
) {
    job_name(name, input, draft);
    draft.set("team", defaults.team.as_str(), "connector.class");
    draft.set("pool", defaults.pool.as_str(), "connector.class");
    draft.set("source.cluster", defaults.cluster.as_str(), "connector.class");
    // Where the group stands; a partition without a commit begins at its first record, as a sink's does.
    draft.set("source.start", "committed", "name");
    draft.set("source.group", format!("connect-{name}"), "name");
    // The sink writes over what it had uploaded and not committed, and so does the job that takes over from it.
    draft.set("sink.on_existing_object", "overwrite", "connector.class");
    topics(input, draft, filters);
    tasks(input, draft);
}

fn job_name(name: &str, input: &mut Input<'_>, draft: &mut Draft) {
    match input.get("name") {
        Some(written) if written != name => {
            let fix = format!("write {name}, or leave it out");
            input.refuse("name", "is not the name that the connector is addressed by", &fix);
        }
        _ => input.mapped("name", &["name", "source.group"]),
    }
    if let Err(refusal) = JobName::parse(name) {
        let fix = format!(
            "{}; consumer.override.group.id: connect-{name} then takes over from the connector of this name",
            refusal.fix
        );
        return input.refuse("name", &refusal.problem, &fix);
    }
    draft.set("name", name, "name");
}

fn topics(input: &mut Input<'_>, draft: &mut Draft, filters: &[TopicFilter]) {
    let mut names = input.list("topics");
    // A subscription is a set.
    let mut seen = BTreeSet::new();
    names.retain(|topic| seen.insert(*topic));
    let pattern = input.get("topics.regex");
    match (names.is_empty(), pattern) {
        (true, None) => {
            let fix = "name topics, or give topics.regex";
            match input.raw("topics.regex") {
                Some(_) if input.raw("topics").is_none() => input.refuse("topics.regex", "is empty", fix),
                _ => input.refuse("topics", "names no topic", fix),
            }
        }
        (false, Some(_)) => input.refuse("topics.regex", "is given beside topics", "keep one of them"),
        (true, Some(pattern)) => {
            draft.set("source.topics_regex", pattern, "topics.regex");
            input.mapped("topics.regex", &["source.topics_regex"]);
            input.idle("topics", "it is empty");
            let fix = "write topics.regex so that it matches no topic that the filter drops, and leave the filter out";
            for filter in filters {
                input.refuse(&filter.key, "filters topics that topics.regex names, which is not supported", fix);
            }
        }
        (false, None) => input.idle("topics.regex", "it is empty"),
    }
    if !names.is_empty() {
        filter(&mut names, filters, input);
        draft.set("source.topics", names, "topics");
        input.mapped("topics", &["source.topics"]);
    }
}

/// Takes away the topics that a transform drops whole.
fn filter(names: &mut Vec<&str>, filters: &[TopicFilter], input: &mut Input<'_>) {
    for filter in filters {
        // A pattern of the job never matches them.
        if names.iter().any(|name| name.starts_with("__")) {
            let fix = "leave the topics that begin with __ out, or the filter";
            input.refuse(&filter.key, "is not supported beside topics that are internal to Kafka", fix);
            return;
        }
        names.retain(|name| !filter.drops(name));
        if names.is_empty() {
            return input.refuse(&filter.key, "drops every topic", "mend it, or leave the filter out");
        }
    }
}

fn tasks(input: &mut Input<'_>, draft: &mut Draft) {
    const KEY: &str = "tasks.max";
    let tasks = input.number(KEY, 1, i64::from(i32::MAX)).unwrap_or(1);
    draft.set("max_workers", tasks, KEY);
    input.mapped(KEY, &["max_workers"]);
}
