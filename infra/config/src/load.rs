//! Loading: the file, the variables, the check. The only module that touches the world, and only through [`Outside`].

use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};

use landfall_job::reader::{Problems, parse_text};
use landfall_job::{FieldError, FieldErrors};

use crate::environment;
use crate::fleet::FleetConfig;

/// The largest file a secret is read from, in bytes.
const MAX_SECRET_BYTES: u64 = 64 * 1024;
/// The largest configuration file that is read, in bytes: enough for the reader to say that it is too long.
const MAX_FILE_BYTES: u64 = 1024 * 1024;

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("configuration file {} cannot be read: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The configuration has mistakes, one a line.
    #[error("{0}")]
    Invalid(#[from] FieldErrors),
}

/// Reads a file as text.
pub(crate) type ReadFile<'a> = &'a dyn Fn(&str) -> std::io::Result<String>;

/// Reads a secret of AWS Secrets Manager by `ARN` or `ARN#key`; the error says why not, without a value.
pub type ReadSecret<'a> = &'a dyn Fn(&str) -> Result<String, String>;

/// What a configuration may take from outside its text.
pub struct Outside<'a> {
    /// All variables, for overrides.
    pub variables: Vec<(String, String)>,
    /// One variable, for `${env:NAME}`.
    pub variable: &'a dyn Fn(&str) -> Option<String>,
    /// One file, for `${file:PATH}`.
    pub file: ReadFile<'a>,
    /// One secret, for `${secretsmanager:ARN#key}`.
    pub secret: ReadSecret<'a>,
}

/// Variables and files may be secret: only the number of overrides is shown.
impl fmt::Debug for Outside<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outside").field("variables", &self.variables.len()).finish_non_exhaustive()
    }
}

impl FleetConfig {
    /// Loads a file with the process's variables and files, and `secret` for what AWS keeps.
    ///
    /// # Errors
    /// The file cannot be read, or the configuration has mistakes.
    pub fn load(path: &Path, secret: ReadSecret<'_>) -> Result<Self, ConfigError> {
        let text =
            read_bounded(path, MAX_FILE_BYTES).map_err(|source| ConfigError::File { path: path.to_owned(), source })?;
        let variable = |name: &str| std::env::var(name).ok();
        let file = |path: &str| read_bounded(Path::new(path), MAX_SECRET_BYTES);
        // A variable that is not UTF-8 cannot be an override, as every field is text.
        let variables = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        Ok(Self::parse(&text, &Outside { variables, variable: &variable, file: &file, secret })?)
    }

    /// Reads a configuration from text and a given outside world.
    ///
    /// # Errors
    /// Every mistake found.
    pub fn parse(text: &str, outside: &Outside<'_>) -> Result<Self, FieldErrors> {
        let problems = Problems::default();
        let mut overrides = Vec::new();
        let config = match parse_text(text, &problems) {
            Ok(mut node) => {
                overrides = environment::apply(&mut node, &outside.variables, &problems);
                Self::read(&node, outside, &problems)
            }
            Err(error) => {
                problems.add(error);
                None
            }
        };
        match (config, problems.is_empty()) {
            (Some(config), true) => Ok(config),
            (None, true) => {
                Err(FieldErrors(vec![FieldError::new("document", "cannot be read", "write a configuration")]))
            }
            (_, false) => Err(FieldErrors(environment::name_sources(problems.into_vec(), &overrides))),
        }
    }
}

fn read_bounded(path: &Path, limit_bytes: u64) -> std::io::Result<String> {
    let mut text = String::new();
    let read = std::fs::File::open(path)?.take(limit_bytes + 1).read_to_string(&mut text)?;
    match u64::try_from(read).is_ok_and(|read| read <= limit_bytes) {
        true => Ok(text),
        false => Err(std::io::Error::other(format!("it is longer than {limit_bytes} bytes"))),
    }
}
