//! Where the connector reads: its name and group, its topics, its tasks.

use landfall_job::JobName;

use crate::draft::Draft;
use crate::input::Input;
use crate::translate::ConnectDefaults;

pub(crate) fn read(name: &str, input: &mut Input<'_>, draft: &mut Draft, defaults: &ConnectDefaults) {
    job_name(name, input, draft);
    draft.set("team", defaults.team.as_str(), "connector.class");
    draft.set("pool", defaults.pool.as_str(), "connector.class");
    draft.set("source.cluster", defaults.cluster.as_str(), "connector.class");
    // Where the group stands; a partition without a commit begins at its first record, as a sink's does.
    draft.set("source.start", "committed", "name");
    draft.set("source.group", format!("connect-{name}"), "name");
    // The sink writes over what it had uploaded and not committed, and so does the job that takes over from it.
    draft.set("sink.on_existing_object", "overwrite", "connector.class");
    topics(input, draft);
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

fn topics(input: &mut Input<'_>, draft: &mut Draft) {
    let mut names: Vec<&str> = Vec::new();
    for topic in input.list("topics") {
        // A subscription is a set.
        if !names.contains(&topic) {
            names.push(topic);
        }
    }
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
        }
        (false, None) => input.idle("topics.regex", "it is empty"),
    }
    if !names.is_empty() {
        draft.set("source.topics", names, "topics");
        input.mapped("topics", &["source.topics"]);
    }
}

fn tasks(input: &mut Input<'_>, draft: &mut Draft) {
    const KEY: &str = "tasks.max";
    let tasks = input.number(KEY, 1, i64::from(i32::MAX)).unwrap_or(1);
    draft.set("max_workers", tasks, KEY);
    input.mapped(KEY, &["max_workers"]);
}
