//! `errors.*` and null values: what becomes of records that cannot land.

use crate::draft::Draft;
use crate::input::Input;
use crate::plugin::Plugin;

const TOLERANCE: &str = "errors.tolerance";
const TOPIC: &str = "errors.deadletterqueue.topic.name";
const NULLS: &str = "behavior.on.null.values";
const REPORT: &str = "report.null.values.to.dlq";
/// One letter in the last 10,000 records is more than this.
const STRICTEST_RATIO: f64 = 0.000_05;

pub(crate) fn read(input: &mut Input<'_>, draft: &mut Draft) {
    match input.get(TOLERANCE).unwrap_or("none") {
        "all" => {
            draft.set("dead_letter.max_ratio", 1, TOLERANCE);
            input.mapped(TOLERANCE, &["dead_letter.max_ratio"]);
        }
        "none" => {
            draft.set("dead_letter.max_ratio", STRICTEST_RATIO, TOLERANCE);
            let note = "a record that cannot land does not fail the job by itself: it is kept as a dead letter, the job \
                        stops at it once 1,000 records were read, and a restart goes on behind it";
            input.noted(TOLERANCE, &["dead_letter.max_ratio"], note);
        }
        _ => input.refuse(TOLERANCE, "is not a tolerance", "write none or all"),
    }
    match input.get(TOPIC) {
        None => input.idle(TOPIC, "it is empty; dead letters are kept in S3"),
        Some(topic) => {
            draft.set("dead_letter.topic", topic, TOPIC);
            // As Connect does.
            draft.set("dead_letter.create", true, TOPIC);
            input.noted(TOPIC, &["dead_letter.topic", "dead_letter.create"], "dead letters are kept in S3 as well");
        }
    }
}

/// What becomes of null values. Only Confluent's sink has a key for it.
pub(crate) fn null_values(input: &mut Input<'_>, draft: &mut Draft, plugin: Plugin, filtered: bool) {
    if filtered {
        draft.set("decode.null_value", "skip", "transforms");
    }
    if plugin != Plugin::Confluent {
        if !filtered {
            let text = "a null value is a dead letter, where the sink writes an empty line or null";
            input.remark(&["decode.null_value"], text);
        }
        return;
    }
    if filtered {
        input.idle(NULLS, "a transform filters null values out");
        return input.idle(REPORT, "a transform filters null values out");
    }
    let report = input.boolean(REPORT, true);
    match input.get(NULLS).unwrap_or("fail").to_ascii_lowercase().as_str() {
        "fail" => {
            draft.set("decode.null_value", "dead_letter", NULLS);
            input.noted(NULLS, &["decode.null_value"], "a null value is a dead letter, and the job goes on");
            input.idle(REPORT, "null values are dead letters");
        }
        "ignore" if report == Some(true) && input.get(TOPIC).is_some() => {
            draft.set("decode.null_value", "dead_letter", NULLS);
            input.mapped(NULLS, &["decode.null_value"]);
            input.mapped(REPORT, &["decode.null_value"]);
        }
        "ignore" => {
            draft.set("decode.null_value", "skip", NULLS);
            input.mapped(NULLS, &["decode.null_value"]);
            input.mapped(REPORT, &["decode.null_value"]);
        }
        "write" => {
            let fix = "write ignore or fail: files of keys for tombstones are not supported yet";
            input.refuse(NULLS, "is not supported yet", fix);
            input.idle(REPORT, "null values are not ignored");
        }
        _ => {
            input.refuse(NULLS, "is not a behaviour", "write fail or ignore");
            input.idle(REPORT, "null values are not ignored");
        }
    }
}
