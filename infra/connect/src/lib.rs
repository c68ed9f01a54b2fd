//! Kafka Connect configs of Confluent's and Aiven's S3 sinks, translated into the job document they become.
//!
//! Pure: no I/O, no clock. People who come from Connect keep their configs; what a key asks for either happens, or they are
//! told that it does not. Invariants:
//!
//! - every key of a config ends in exactly one [`Finding`]: mapped, not needed, or refused; all of them are told at once;
//! - a job comes out only where nothing is refused, and it is one that [`JobSpec::parse`](landfall_job::JobSpec::parse) takes;
//! - object keys are those the sink would have written, as far as the job document can say them, else the key is refused;
//! - no finding and no validation repeats the value of a secret.
//!
//! A job made from a config takes over where the connector's consumer group stands (`connect-<name>`), and overwrites an
//! object of the same name, as the sink does: what the sink had uploaded and not committed is landed again.

mod aiven;
mod confluent;
mod converter;
mod definition;
mod draft;
mod finding;
mod input;
mod joda;
mod keys;
mod letters;
mod overrides;
mod plugin;
mod remark;
mod rest;
mod secret;
mod source;
mod submitted;
mod transform;
mod translate;
mod validate;
mod zone;

pub use definition::{Definition, Importance, KeyType, Preset, Width};
pub use finding::{Class, Finding, Remark};
pub use plugin::Plugin;
pub use submitted::{Config, config, submitted, text};
pub use translate::{ConnectDefaults, Translation, translate};
pub use validate::{ConfigInfo, DefinitionInfo, Validation, ValueInfo, config_definitions, validate};
