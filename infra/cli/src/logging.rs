//! The log: JSON lines in a container, human on a terminal, always on stderr.
//!
//! Every line has the same names everywhere: `timestamp, level, message, job, job_uid, pool, worker, cluster, topic,
//! partition, offset, seq, key, error`. `LANDFALL_LOG` (or `RUST_LOG`) filters, `LANDFALL_LOG_FORMAT=json|text` chooses.

use std::fmt;
use std::io::IsTerminal;
use std::sync::OnceLock;

use jiff::Timestamp;
use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// How much a command says by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Chatter {
    /// A process that runs for long.
    Server,
    /// `dev`: its progress line says what people want to know.
    Demo,
    /// A command that ends at once.
    OneOff,
}

/// What is true of the whole process and stands in each JSON line: worker and pool.
static PROCESS: OnceLock<Vec<(&'static str, String)>> = OnceLock::new();

/// Names this process in every JSON line from now on; the first call wins.
pub(crate) fn name_process(fields: Vec<(&'static str, String)>) {
    // A process is named once; `dev` and `run` have one worker.
    let _ = PROCESS.set(fields);
}

/// Starts logging.
///
/// # Errors
/// The filter or the format that the environment asks for is none.
pub(crate) fn start(chatter: Chatter) -> Result<(), String> {
    let terminal = std::io::stderr().is_terminal();
    let default = match chatter {
        Chatter::Server => "info",
        Chatter::Demo if terminal => "error",
        Chatter::Demo => "warn,landfall=info",
        Chatter::OneOff => "error",
    };
    let json = match std::env::var("LANDFALL_LOG_FORMAT").as_deref() {
        Ok("json") => true,
        Ok("text") => false,
        Ok(other) if !other.is_empty() => {
            return Err(format!("LANDFALL_LOG_FORMAT: {other:?} is no format; write json or text"));
        }
        Ok(_) | Err(_) => !terminal && chatter != Chatter::OneOff,
    };
    let subscriber = tracing_subscriber::fmt().with_writer(std::io::stderr).with_env_filter(filter(default)?);
    let colours = terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let started = if json {
        subscriber.event_format(JsonLine).try_init()
    } else {
        subscriber.with_ansi(colours).with_target(false).try_init()
    };
    started.map_err(|error| format!("the log cannot be started: {error}"))
}

fn filter(default: &str) -> Result<EnvFilter, String> {
    for name in ["LANDFALL_LOG", "RUST_LOG"] {
        if let Ok(text) = std::env::var(name)
            && !text.trim().is_empty()
        {
            let refused = |error| {
                format!("{name}: {text:?} is no filter ({error}); write one such as info or warn,landfall=debug")
            };
            return EnvFilter::try_new(&text).map_err(refused);
        }
    }
    EnvFilter::try_new(default).map_err(|error| error.to_string())
}

/// One event as one JSON object on one line.
struct JsonLine;

impl<S, N> FormatEvent<S, N> for JsonLine
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut line = Map::new();
        line.insert("timestamp".to_owned(), Value::from(format!("{:.3}", Timestamp::now())));
        line.insert("level".to_owned(), Value::from(event.metadata().level().as_str()));
        line.insert("message".to_owned(), Value::from(""));
        event.record(&mut Fields(&mut line));
        for (name, value) in PROCESS.get().into_iter().flatten() {
            line.entry(*name).or_insert_with(|| Value::from(value.as_str()));
        }
        line.insert("target".to_owned(), Value::from(event.metadata().target()));
        writeln!(writer, "{}", Value::Object(line))
    }
}

struct Fields<'a>(&'a mut Map<String, Value>);

impl Fields<'_> {
    fn put(&mut self, field: &Field, value: Value) {
        self.0.insert(field.name().to_owned(), value);
    }
}

impl Visit for Fields<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, Value::from(format!("{value:?}")));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, Value::from(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, Value::from(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, Value::from(value));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, Value::from(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, Value::from(value));
    }
}
