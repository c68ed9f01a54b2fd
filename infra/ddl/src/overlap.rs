//! What else lies among a table's objects: dead letters, the fleet's own objects.

use landfall_job::JobSpec;

use crate::layout::Layout;
use crate::options::Options;
use crate::projection::Projection;

/// What to know of the job's dead letters and the fleet's state, where they share the table's bucket.
pub(crate) fn remarks(spec: &JobSpec, options: &Options, layout: &Layout) -> Vec<String> {
    let state = options.state.as_ref().filter(|state| state.bucket == spec.sink.bucket);
    let mut remarks = Vec::new();
    // A letter's key goes on with the day, whatever the table's columns are called.
    if let Some(folder) = spec.dead_letter_prefix()
        && let Some(sight) = sight(layout, &folder, &format!("{folder}dt="))
    {
        remarks.push(sight.told(
            "What the job dead-letters lies",
            &folder,
            "set dead_letter.s3 to a folder outside of it",
        ));
    }
    if let Some(state) = state
        && let Some(sight) = sight(layout, &state.prefix, &state.prefix)
    {
        let fix = "give sink.key a folder of its own";
        remarks.push(sight.told("What the fleet keeps of its jobs lies", &state.prefix, fix));
    }
    remarks
}

/// How a reader of the table sees a folder.
enum Sight {
    /// As rows.
    Read,
    /// Not by Athena, which passes over names that begin with `_` or a dot.
    Hidden,
}

impl Sight {
    fn told(&self, what: &str, folder: &str, fix: &str) -> String {
        match self {
            Self::Read => format!("Warning: {what} below the table, at {folder}, and is read as rows: {fix}."),
            Self::Hidden => format!(
                "{what} below the table, at {folder}. Athena passes over folders that begin with _ or a dot, other readers \
                 may not: {fix} to be sure."
            ),
        }
    }
}

/// `keys` is what every key in the folder begins with.
fn sight(layout: &Layout, folder: &str, keys: &str) -> Option<Sight> {
    let fixed = layout.fixed();
    if let Some(first) = layout.partitions.first().filter(|_| fixed == layout.folder) {
        // The first column is a folder's whole name: it is looked into if that is one of its values. A folder that a query
        // has to ask for by name is nobody's surprise.
        let name = keys.strip_prefix(fixed)?.split('/').next()?;
        let Projection::Enum(values) = &first.projection else { return None };
        return values.iter().any(|value| value == name).then_some(Sight::Read);
    }
    if !keys.starts_with(fixed) && !fixed.starts_with(keys) {
        return None;
    }
    let below = folder.strip_prefix(layout.folder.as_str()).unwrap_or_default();
    Some(if below.split('/').any(|name| name.starts_with(['_', '.'])) { Sight::Hidden } else { Sight::Read })
}
