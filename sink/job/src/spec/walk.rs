//! What no job may hold anywhere: addresses and references to secrets.

use crate::FieldError;
use crate::reader::{Node, Problems, shown_key};

/// Refuses text that is a URL or asks for a secret, wherever it stands. The text itself is not repeated: it may hold a password.
pub(super) fn refuse_addresses_and_secrets(node: &Node, problems: &Problems) {
    walk(node, "", problems);
}

fn walk(node: &Node, path: &str, problems: &Problems) {
    // A document that is nothing but a text has no path in it.
    let field = if path.is_empty() { "document" } else { path };
    match node {
        Node::Text(text) if text.contains("://") => {
            let fix = "name a cluster or bucket that the operator registered";
            problems.add_last(FieldError::new(field, "is an address, which a job may not hold", fix));
        }
        Node::Text(text) if text.contains("${") => {
            let fix = "secrets resolve only in the operator's configuration; name a registered cluster or bucket";
            problems.add_last(FieldError::new(field, "asks for a secret or variable, which a job may not", fix));
        }
        Node::List(items) => {
            for (at, item) in items.iter().enumerate() {
                walk(item, &format!("{path}[{at}]"), problems);
            }
        }
        Node::Map(entries) => {
            for (key, item) in entries {
                let key = shown_key(key);
                let path = if path.is_empty() { key } else { format!("{path}.{key}") };
                walk(item, &path, problems);
            }
        }
        Node::Text(_) | Node::Null | Node::Bool(_) | Node::Number(_) => {}
    }
}
