//! `consumer.override.*`, `producer.override.*`, `admin.override.*`: properties of Java clients that a connector brings.

use landfall_job::reader::closest;

use crate::draft::Draft;
use crate::input::Input;

/// How a client is reached, and as whom.
const CONNECTION: &[&str] = &["bootstrap.servers", "security.", "sasl.", "ssl."];
/// Foreign code in the client.
const CODE: &[&str] =
    &["interceptor.classes", "key.deserializer", "value.deserializer", "key.serializer", "value.serializer"];
/// What the worker sets itself, or what only tunes a client.
const TUNING: &[&str] = &[
    "allow.auto.create.topics",
    "auto.commit.interval.ms",
    "auto.include.jmx.reporter",
    "check.crcs",
    "client.dns.lookup",
    "client.id",
    "client.rack",
    "connections.max.idle.ms",
    "default.api.timeout.ms",
    "enable.auto.commit",
    "enable.metrics.push",
    "exclude.internal.topics",
    "fetch.max.bytes",
    "fetch.max.wait.ms",
    "fetch.min.bytes",
    "group.instance.id",
    "group.protocol",
    "group.remote.assignor",
    "heartbeat.interval.ms",
    "max.partition.fetch.bytes",
    "max.poll.interval.ms",
    "max.poll.records",
    "metadata.max.age.ms",
    "metadata.recovery.rebootstrap.trigger.ms",
    "metadata.recovery.strategy",
    "metric.reporters",
    "metrics.num.samples",
    "metrics.recording.level",
    "metrics.sample.window.ms",
    "partition.assignment.strategy",
    "receive.buffer.bytes",
    "reconnect.backoff.max.ms",
    "reconnect.backoff.ms",
    "request.timeout.ms",
    "retry.backoff.max.ms",
    "retry.backoff.ms",
    "send.buffer.bytes",
    "session.timeout.ms",
    "socket.connection.setup.timeout.max.ms",
    "socket.connection.setup.timeout.ms",
];
const MEANT: &[&str] = &["auto.offset.reset", "isolation.level", "group.id"];

pub(crate) fn read(input: &mut Input<'_>, draft: &mut Draft) {
    for key in input.open_under("consumer.override.") {
        let property = key.strip_prefix("consumer.override.").unwrap_or(key);
        match property {
            "auto.offset.reset" => offset_reset(key, input),
            "isolation.level" => {
                if let Some(level) = input.get(key) {
                    draft.set("source.isolation", level.to_ascii_lowercase(), key);
                }
                input.mapped(key, &["source.isolation"]);
            }
            "group.id" => {
                if let Some(group) = input.get(key) {
                    draft.set("source.group", group, key);
                }
                input.mapped(key, &["source.group"]);
            }
            _ if TUNING.contains(&property) => input.idle(key, "the worker sets its own client"),
            _ if refused_for_any(key, property, input) => {}
            _ => {
                let near = closest(property, TUNING.iter().chain(MEANT).copied());
                let fix = near.map_or_else(|| "leave it out".to_owned(), |near| format!("did you mean {near}?"));
                input.refuse_hidden(key, "is not a property of a consumer that is known here", &fix);
            }
        }
    }
    for prefix in ["producer.override.", "admin.override."] {
        for key in input.open_under(prefix) {
            let property = key.strip_prefix(prefix).unwrap_or(key);
            if !refused_for_any(key, property, input) {
                input.idle(key, "the worker sets its own client");
            }
        }
    }
}

fn refused_for_any(key: &str, property: &str, input: &mut Input<'_>) -> bool {
    let begins = |list: &[&str]| list.iter().any(|mark| property.starts_with(mark));
    if begins(CONNECTION) {
        let fix = "leave it out: the operator registers clusters with their servers and credentials";
        input.refuse_hidden(key, "says how a cluster is reached, which a connector may not", fix);
        return true;
    }
    if begins(CODE) {
        input.refuse(key, "names Java code, which does not run here", "leave it out");
        return true;
    }
    false
}

fn offset_reset(key: &str, input: &mut Input<'_>) {
    match input.get(key).map(str::to_ascii_lowercase).as_deref() {
        None => input.idle(key, "it is empty"),
        Some("earliest") => input.mapped(key, &["source.start"]),
        Some("latest") => {
            let fix = "commit the ends for the connector's group with kafka-consumer-groups --reset-offsets --to-latest, \
                       then leave it out";
            input.refuse(key, "is not supported: a partition without a commit begins at its first record", fix);
        }
        Some(_) => input.refuse(key, "is not supported", "write earliest, or leave it out"),
    }
}
