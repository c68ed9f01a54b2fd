//! What is known of a key: how Connect's clients show it, and what becomes of it where no code looks at it.

use serde::Serialize;

/// The type of a key's value, by Kafka's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum KeyType {
    /// `true` or `false`.
    Boolean,
    /// A whole number of 32 bits.
    Int,
    /// A whole number of 64 bits.
    Long,
    /// Text.
    String,
    /// Texts with commas between them.
    List,
    /// The name of a Java class.
    Class,
    /// A secret.
    Password,
}

/// How much a key matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Importance {
    /// Nothing works without a thought about it.
    High,
    /// Many set it.
    Medium,
    /// Few set it.
    Low,
}

/// How wide a form shows the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Width {
    /// A number or a word.
    Short,
    /// A name.
    Medium,
    /// A class or a list.
    Long,
}

/// What holds where a key is not written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preset {
    /// It must be written.
    Required,
    /// Nothing.
    Nothing,
    /// This.
    Value(&'static str),
}

/// What becomes of a key.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Treatment {
    /// Code looks at it; what code left alone is refused, so that nothing is accepted and ignored.
    Coded,
    /// It is not needed, whatever its value.
    Idle(&'static str),
    /// It is not needed where it says one of these, or nothing; anything else is refused.
    Only { values: &'static [&'static str], why: &'static str, problem: &'static str, fix: &'static str },
    /// It is a secret.
    Secret,
}

/// One key of a connector.
#[derive(Clone, Copy, Debug)]
pub struct Definition {
    /// The key.
    pub name: &'static str,
    /// What its value is.
    pub ty: KeyType,
    /// What holds where it is not written.
    pub preset: Preset,
    /// How much it matters.
    pub importance: Importance,
    /// What it does.
    pub documentation: &'static str,
    /// Values a form may offer.
    pub recommended: &'static [&'static str],
    pub(crate) treatment: Treatment,
}

/// Keys that a form shows together, in this order.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Group {
    pub(crate) name: &'static str,
    pub(crate) keys: &'static [Definition],
}

impl Definition {
    pub(crate) const fn new(name: &'static str, ty: KeyType, preset: Preset, documentation: &'static str) -> Self {
        let importance = match preset {
            Preset::Required => Importance::High,
            Preset::Nothing | Preset::Value(_) => Importance::Medium,
        };
        Self { name, ty, preset, importance, documentation, recommended: &[], treatment: Treatment::Coded }
    }

    pub(crate) const fn offers(self, recommended: &'static [&'static str]) -> Self {
        Self { recommended, ..self }
    }

    pub(crate) const fn idle(self, why: &'static str) -> Self {
        Self { treatment: Treatment::Idle(why), importance: Importance::Low, ..self }
    }

    pub(crate) const fn only(
        self,
        values: &'static [&'static str],
        why: &'static str,
        problem: &'static str,
        fix: &'static str,
    ) -> Self {
        Self { treatment: Treatment::Only { values, why, problem, fix }, importance: Importance::Low, ..self }
    }

    pub(crate) const fn secret(self) -> Self {
        Self { treatment: Treatment::Secret, ..self }
    }

    /// How wide a form shows the value.
    pub const fn width(&self) -> Width {
        match self.ty {
            KeyType::Boolean | KeyType::Int | KeyType::Long => Width::Short,
            KeyType::String | KeyType::Password => Width::Medium,
            KeyType::List | KeyType::Class => Width::Long,
        }
    }

    /// What is wrong with a value by its type alone: a phrase after the value, and the mending.
    pub(crate) fn mistyped(&self, value: &str) -> Option<(&'static str, &'static str)> {
        let value = value.trim();
        match self.ty {
            KeyType::Boolean if !["true", "false"].iter().any(|word| value.eq_ignore_ascii_case(word)) => {
                Some(("is not a boolean", "write true or false"))
            }
            KeyType::Int if value.parse::<i32>().is_err() => {
                Some(("is not a whole number of 32 bits", "write a number such as 1000"))
            }
            KeyType::Long if value.parse::<i64>().is_err() => {
                Some(("is not a whole number of 64 bits", "write a number such as 60000"))
            }
            _ => None,
        }
    }
}
