//! Names of objects: `<topics.dir>/<topic>/<encoded partition>/<topic>+<partition>+<first offset>.<suffix>`.

use landfall_job::KeyTemplate;

use crate::draft::Draft;
use crate::finding::unfit;
use crate::input::Input;

const DIRECTORY: &str = "topics.dir";
const FOLDERS: &str = "directory.delim";
const NAMES: &str = "file.delim";
const WIDTH: &str = "filename.offset.zero.pad.width";
const MOST_DIGITS: i64 = 20;

/// `encoded` is the partitioner's part, empty where it was refused.
pub(super) fn read(input: &mut Input<'_>, draft: &mut Draft, encoded: &str) {
    let directory = input.raw(DIRECTORY).unwrap_or("topics").trim();
    let folders = input.raw(FOLDERS).filter(|text| !text.is_empty()).unwrap_or("/");
    let names = input.raw(NAMES).filter(|text| !text.is_empty()).unwrap_or("+");
    let digits = input.number(WIDTH, 1, MOST_DIGITS).unwrap_or(10);
    for key in [DIRECTORY, FOLDERS, NAMES, WIDTH] {
        input.mapped(key, &["sink.key"]);
    }
    for (key, text) in [(DIRECTORY, directory), (FOLDERS, folders), (NAMES, names)] {
        if text.contains(['{', '}', '$']) {
            input.refuse(key, "holds a variable or a brace", "write plain text");
            return;
        }
    }
    if encoded.is_empty() {
        return;
    }
    let top = if directory.is_empty() { String::new() } else { format!("{directory}{folders}") };
    let file = format!("{{topic}}{names}{{partition}}{names}{{first_offset:{digits}}}.{{ext}}");
    let template = format!("{top}{{topic}}{folders}{encoded}{folders}{file}");
    let blamed = blamed(input);
    if let Err(refusal) = KeyTemplate::parse(&template) {
        let problem = unfit(&template, &refusal);
        return input.refuse(blamed, &problem, &refusal.fix);
    }
    draft.set("sink.key", template, blamed);
}

/// The key most likely at fault where a template is no good: the first that is not as usual.
fn blamed(input: &Input<'_>) -> &'static str {
    let unusual = |key: &str, usual: &str| input.raw(key).is_some_and(|text| !text.is_empty() && text != usual);
    if unusual(FOLDERS, "/") {
        return FOLDERS;
    }
    if unusual(NAMES, "+") {
        return NAMES;
    }
    let plain = |text: &str| KeyTemplate::parse(&format!("{text}/{{unique}}.{{ext}}")).is_ok();
    if input.get(DIRECTORY).is_some_and(|directory| !plain(directory)) {
        return DIRECTORY;
    }
    let written = ["path.format", "partition.field.name"].into_iter().find(|key| input.get(key).is_some());
    written.unwrap_or(DIRECTORY)
}
