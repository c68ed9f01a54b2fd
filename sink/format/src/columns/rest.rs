//! The `_rest` column: one JSON object with what no column took, at the places it came from.

use crate::json::{Captures, PathTree, write_string};

/// Writes the rest object of a document into `out`, emptied first; false if nothing is left over. `kept` tells by slot
/// which columns' values must be kept here: those that did not fit, and those that fit only in part.
pub(super) fn write_rest(tree: &PathTree, text: &str, captures: &Captures, kept: &[bool], out: &mut Vec<u8>) -> bool {
    out.clear();
    (captures.has_loose() || kept.contains(&true)) && object(tree, 0, text, captures, kept, out)
}

fn object(tree: &PathTree, id: usize, text: &str, captures: &Captures, kept: &[bool], out: &mut Vec<u8>) -> bool {
    let start = out.len();
    out.push(b'{');
    for loose in captures.loose_in(id) {
        comma(out, start);
        out.extend_from_slice(loose.name.of(text).as_bytes());
        out.push(b':');
        out.extend_from_slice(loose.value.of(text).as_bytes());
    }
    for (name, child, column) in tree.members(id) {
        let before = out.len();
        if let Some(value) = column.filter(|slot| kept.get(*slot) == Some(&true)).and_then(|slot| captures.value(slot))
        {
            comma(out, start);
            write_string(out, name);
            out.push(b':');
            out.extend_from_slice(value.of(text).as_bytes());
        } else if tree.has_members(child) {
            comma(out, start);
            write_string(out, name);
            out.push(b':');
            if !object(tree, child, text, captures, kept, out) {
                out.truncate(before);
            }
        }
    }
    out.push(b'}');
    out.len() > start + 2
}

fn comma(out: &mut Vec<u8>, start: usize) {
    if out.len() > start + 1 {
        out.push(b',');
    }
}
