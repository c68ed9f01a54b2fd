//! Closed lists of words: an enum, its spelling, and what a wrong word is answered with.

/// Defines an enum whose variants are words of a document, with `as_str`, `Display`, `Serialize` and
/// [`FromNode`](crate::reader::FromNode). Words under `later` are known and refused as not supported yet.
#[macro_export]
macro_rules! word_enum {
    (
        $(#[$meta:meta])*
        $vis:vis enum $Name:ident as $what:literal {
            $( $(#[$variant_meta:meta])* $Variant:ident = $word:literal ),+ $(,)?
        }
        $( later { $($later:literal),+ $(,)? } )?
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        $vis enum $Name { $( $(#[$variant_meta])* $Variant ),+ }

        impl $Name {
            /// Every value, in the order of the reference.
            #[allow(dead_code, unreachable_pub)]
            pub const ALL: &'static [Self] = &[ $( Self::$Variant ),+ ];

            /// The word that stands for this value in a document.
            #[allow(unreachable_pub)]
            pub const fn as_str(self) -> &'static str {
                match self { $( Self::$Variant => $word ),+ }
            }
        }

        impl std::fmt::Display for $Name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl serde::Serialize for $Name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl $crate::reader::FromNode for $Name {
            fn from_node(node: &$crate::reader::Node) -> Result<Self, $crate::reader::Refusal> {
                const WORDS: &[&str] = &[ $( $word ),+ ];
                const LATER: &[&str] = &[ $( $($later),+ )? ];
                let written = match node {
                    $crate::reader::Node::Text(text) => text.as_str(),
                    other => return Err($crate::reader::refuse_word(other, $what, WORDS, LATER)),
                };
                match written {
                    $( $word => Ok(Self::$Variant), )+
                    _ => Err($crate::reader::refuse_word(node, $what, WORDS, LATER)),
                }
            }
        }
    };
}

use super::{Node, Refusal, closest};

/// The refusal of a word that is not on a list.
pub fn refuse_word(node: &Node, what: &str, words: &[&str], later: &[&str]) -> Refusal {
    let choices = match words {
        [only] => format!("write {only}"),
        [rest @ .., last] => format!("write {} or {last}", rest.join(", ")),
        [] => String::new(),
    };
    let Node::Text(written) = node else {
        return Refusal::kind(node, choices.trim_start_matches("write "));
    };
    if later.contains(&written.as_str()) {
        return Refusal::new("is not supported yet", choices);
    }
    match closest(written, words.iter().copied()) {
        Some(word) => Refusal::new(format!("is not {what}"), format!("did you mean {word}? {choices}")),
        None => Refusal::new(format!("is not {what}"), choices),
    }
}
