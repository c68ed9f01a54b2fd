//! A config being read: its values, and what was found of each key so far.

use std::collections::BTreeMap;

use landfall_job::reader::{Node, Refusal};

use crate::finding::{Class, Finding, Remark};

pub(crate) struct Input<'a> {
    config: &'a BTreeMap<String, String>,
    found: BTreeMap<String, Class>,
    remarks: Vec<Remark>,
}

impl<'a> Input<'a> {
    pub(crate) fn new(config: &'a BTreeMap<String, String>) -> Self {
        Self { config, found: BTreeMap::new(), remarks: Vec::new() }
    }

    /// The value as written; delimiters may be spaces.
    pub(crate) fn raw(&self, key: &str) -> Option<&'a str> {
        self.config.get(key).map(String::as_str)
    }

    /// The value without spaces around it; a blank one counts as not written.
    pub(crate) fn get(&self, key: &str) -> Option<&'a str> {
        self.raw(key).map(str::trim).filter(|value| !value.is_empty())
    }

    /// The parts of a list, without blanks.
    pub(crate) fn list(&self, key: &str) -> Vec<&'a str> {
        let parts = self.raw(key).unwrap_or_default().split(',');
        parts.map(str::trim).filter(|part| !part.is_empty()).collect()
    }

    /// A boolean; `None` after a refusal.
    pub(crate) fn boolean(&mut self, key: &str, default: bool) -> Option<bool> {
        match self.get(key) {
            None => Some(default),
            Some(value) if value.eq_ignore_ascii_case("true") => Some(true),
            Some(value) if value.eq_ignore_ascii_case("false") => Some(false),
            Some(_) => {
                self.refuse(key, "is not a boolean", "write true or false");
                None
            }
        }
    }

    /// A number within bounds, both inclusive; `None` where it is not written or after a refusal.
    pub(crate) fn number(&mut self, key: &str, least: i64, most: i64) -> Option<i64> {
        let value = self.get(key)?;
        match value.parse::<i64>() {
            Ok(number) if (least..=most).contains(&number) => Some(number),
            Ok(_) => {
                self.refuse(key, "is out of range", &format!("write {least} to {most}"));
                None
            }
            Err(_) => {
                self.refuse(key, "is not a whole number", &format!("write {least} to {most}"));
                None
            }
        }
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.config.keys().map(String::as_str)
    }

    /// The keys that begin so and are not judged yet.
    pub(crate) fn open_under(&self, prefix: &str) -> Vec<&'a str> {
        self.keys().filter(|key| key.starts_with(prefix) && !self.found.contains_key(*key)).collect()
    }

    pub(crate) fn is_open(&self, key: &str) -> bool {
        self.config.contains_key(key) && !self.found.contains_key(key)
    }

    pub(crate) fn is_refused(&self, key: &str) -> bool {
        matches!(self.found.get(key), Some(Class::Refused { .. }))
    }

    pub(crate) fn any_refused(&self) -> bool {
        self.found.values().any(|class| matches!(class, Class::Refused { .. }))
    }

    pub(crate) fn mapped(&mut self, key: &str, fields: &[&str]) {
        self.map(key, fields, None);
    }

    /// Mapped, but not quite to what the connector does; that holds also where the key is left to its default.
    pub(crate) fn noted(&mut self, key: &str, fields: &[&str], note: &str) {
        match self.config.contains_key(key) {
            true => self.map(key, fields, Some(note.to_owned())),
            false => self.remark(fields, note),
        }
    }

    pub(crate) fn remark(&mut self, fields: &[&str], text: &str) {
        let fields = fields.iter().map(|field| (*field).to_owned()).collect();
        self.remarks.push(Remark { fields, text: text.to_owned() });
    }

    fn map(&mut self, key: &str, fields: &[&str], note: Option<String>) {
        if self.raw(key).is_some_and(|value| value.contains("${")) {
            let fix = "write the value itself";
            return self.refuse_hidden(key, "refers to a config provider, and none is asked here", fix);
        }
        let fields = fields.iter().map(|field| (*field).to_owned()).collect();
        self.find(key, Class::Mapped { fields, note });
    }

    /// Not needed, but kept and handed out with the rest of the config.
    pub(crate) fn idle(&mut self, key: &str, why: &str) {
        if self.raw(key).is_some_and(tells_user) {
            return self.refuse_hidden(key, "holds an address with a user in it", "leave it out, it is not needed");
        }
        self.find(key, Class::NotNeeded { why: why.to_owned() });
    }

    /// Not needed, unless something has been found of it.
    pub(crate) fn idle_if_open(&mut self, key: &str, why: &str) {
        if self.is_open(key) {
            self.idle(key, why);
        }
    }

    /// Refuses a key with its value.
    pub(crate) fn refuse(&mut self, key: &str, problem: &str, fix: &str) {
        // A reference says where a secret lies.
        let told = self.raw(key).filter(|value| !value.contains("${"));
        let value = told.map(|value| Node::Text(value.to_owned()).shown());
        self.add_refusal(key, value, problem, fix);
    }

    pub(crate) fn refuse_by(&mut self, key: &str, refusal: &Refusal) {
        self.refuse(key, &refusal.problem, &refusal.fix);
    }

    /// Refuses a key whose value may be a secret.
    pub(crate) fn refuse_hidden(&mut self, key: &str, problem: &str, fix: &str) {
        self.add_refusal(key, None, problem, fix);
    }

    fn add_refusal(&mut self, key: &str, value: Option<String>, problem: &str, fix: &str) {
        // The first refusal says the cause, later ones what follows from it.
        if !self.is_refused(key) {
            let class = Class::Refused { value, problem: problem.to_owned(), fix: fix.to_owned() };
            self.found.insert(key.to_owned(), class);
        }
    }

    /// Only what is written can be mapped or not needed; what is missing can only be refused.
    fn find(&mut self, key: &str, class: Class) {
        if self.config.contains_key(key) && !self.is_refused(key) {
            self.found.insert(key.to_owned(), class);
        }
    }

    pub(crate) fn into_parts(self) -> (Vec<Finding>, Vec<Remark>) {
        let findings = self.found.into_iter().map(|(key, class)| Finding { key, class }).collect();
        (findings, self.remarks)
    }
}

/// Whether an address in it has a user, and so most likely a password.
fn tells_user(value: &str) -> bool {
    // Wherever it stands: a password may hold whatever else divides an address.
    value.split_once("://").is_some_and(|(_, rest)| rest.contains('@'))
}
