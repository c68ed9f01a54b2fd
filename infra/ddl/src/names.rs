//! Names and texts as Athena's DDL, which is Hive's, writes them.

use landfall_job::FieldError;

/// The longest name of a database, table or column in Glue, in bytes.
const MAX_NAME_BYTES: usize = 255;

/// A name in backquotes: reserved words, leading digits and underscores are names there like all others. No name that
/// comes here has a backquote.
pub(crate) fn quoted(name: &str) -> String {
    format!("`{name}`")
}

/// A string literal.
pub(crate) fn literal(text: &str) -> String {
    let mut out = String::from("'");
    for c in text.chars() {
        if matches!(c, '\'' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('\'');
    out
}

/// A text within a comment: on one line, and without what an editor cuts statements at or takes for the begin of a string.
pub(crate) fn remark(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\'' | '`' | '"' => '_',
            ';' => ',',
            c if c.is_control() => ' ',
            c => c,
        })
        .collect()
}

/// The letters, digits and underscores of a name, in lower case; `_` for all else.
pub(crate) fn plain(name: &str) -> String {
    let keep = |c: char| if c.is_ascii_alphanumeric() || c == '_' { c.to_ascii_lowercase() } else { '_' };
    name.chars().map(keep).collect()
}

/// Whether a name is one everywhere in Athena, but for its case.
pub(crate) fn is_plain(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Whether the catalog can keep a column of this name: it separates names by commas and paths by dots.
pub(crate) fn is_possible(name: &str) -> bool {
    !name.chars().any(|c| c.is_control() || ".,:;`\"'\\".contains(c)) && name.trim() == name
}

/// Checks a name that a person gave for a table or database.
pub(crate) fn check(field: &str, name: &str) -> Result<(), FieldError> {
    // Databases with a hyphen are common, and need no more than the quotes they get.
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_' || byte == b'-';
    match !name.is_empty() && name.len() <= MAX_NAME_BYTES && name.bytes().all(allowed) {
        true => Ok(()),
        false => {
            let fix = "write at most 255 lower-case letters, digits and _";
            Err(FieldError::new(field, "is no name in Athena", fix).with_value(format!("{name:?}")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_escaped_as_hive_reads_them() {
        assert_eq!(literal("s3://lake/it's\\"), "'s3://lake/it\\'s\\\\'");
        assert_eq!(remark("it's `a`; b\n-- c"), "it_s _a_, b -- c");
        assert_eq!(plain("Geo-Code.1 é"), "geo_code_1__");
    }
}
