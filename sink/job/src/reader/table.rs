//! Tables of fields: the one description from which documents are read and the reference is written.

/// What holds where a field is not written.
#[derive(Clone, Copy, Debug)]
pub enum Preset {
    /// It must be written.
    Required,
    /// It may be left out; the text says what that means.
    Optional(&'static str),
    /// This, read exactly as if it had been written.
    Value(&'static str),
}

/// What lies under a field.
#[derive(Clone, Copy, Debug)]
pub enum Inner {
    /// A value of its own.
    Value,
    /// A section with these fields.
    Section(&'static Table),
    /// A map from names of the user's choice to such sections.
    Named(&'static Table),
    /// A list of such sections.
    Each(&'static Table),
}

/// One key of a document.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// The key.
    pub name: &'static str,
    /// What may be written, in words for the reference.
    pub ty: &'static str,
    /// What holds where nothing is written.
    pub preset: Preset,
    /// What it does, for the reference.
    pub meaning: &'static str,
    /// What lies under it.
    pub inner: Inner,
}

/// A key that people know from elsewhere, or that comes later, and the answer to it.
#[derive(Clone, Copy, Debug)]
pub struct Refused {
    /// The key.
    pub name: &'static str,
    /// Why it is refused, a phrase after the key.
    pub problem: &'static str,
    /// What to do instead.
    pub fix: &'static str,
}

/// The fields of one section.
#[derive(Clone, Copy, Debug)]
pub struct Table {
    /// The keys, in the order of the reference.
    pub fields: &'static [Field],
    /// Keys that are refused with a reason of their own.
    pub refused: &'static [Refused],
}

impl Field {
    /// A field that must be written.
    pub const fn required(name: &'static str, ty: &'static str, meaning: &'static str) -> Self {
        Self { name, ty, preset: Preset::Required, meaning, inner: Inner::Value }
    }

    /// A field that may be left out, and what that means.
    pub const fn optional(name: &'static str, ty: &'static str, absent: &'static str, meaning: &'static str) -> Self {
        Self { name, ty, preset: Preset::Optional(absent), meaning, inner: Inner::Value }
    }

    /// A field with a default, written as in a document.
    pub const fn preset(name: &'static str, ty: &'static str, value: &'static str, meaning: &'static str) -> Self {
        Self { name, ty, preset: Preset::Value(value), meaning, inner: Inner::Value }
    }

    /// A section.
    pub const fn section(name: &'static str, table: &'static Table, meaning: &'static str) -> Self {
        Self { name, ty: "section", preset: Preset::Optional(""), meaning, inner: Inner::Section(table) }
    }

    /// A map from names to sections.
    pub const fn named(name: &'static str, table: &'static Table, meaning: &'static str) -> Self {
        Self { name, ty: "map of sections", preset: Preset::Optional("none"), meaning, inner: Inner::Named(table) }
    }

    /// A list of sections.
    pub const fn each(name: &'static str, table: &'static Table, meaning: &'static str) -> Self {
        Self { name, ty: "list of sections", preset: Preset::Optional("none"), meaning, inner: Inner::Each(table) }
    }
}

impl Refused {
    /// A key for a feature that is known and not built.
    pub const fn later(name: &'static str) -> Self {
        Self { name, problem: "is not supported yet", fix: "leave it out" }
    }
}

impl Table {
    /// The field of a name.
    pub fn field(&self, name: &str) -> Option<&'static Field> {
        self.fields.iter().find(|field| field.name == name)
    }
}
