//! `/admin/loggers` (KIP-495): one logger, the process's. Its level is set where the process starts.

use axum::Json;
use axum::extract::Path;
use serde_json::{Value, json};
use tracing::level_filters::LevelFilter;

use crate::problem::{Kind, Problem};

const ROOT: &str = "root";

fn level() -> Value {
    json!({"level": LevelFilter::current().to_string().to_ascii_uppercase(), "last_modified": null})
}

pub(crate) async fn loggers() -> Json<Value> {
    Json(json!({ROOT: level()}))
}

pub(crate) async fn logger(Path(name): Path<String>) -> Result<Json<Value>, Problem> {
    if name == ROOT { Ok(Json(level())) } else { Err(missing(&name)) }
}

pub(crate) async fn set_logger(Path(name): Path<String>) -> Problem {
    if name != ROOT {
        return missing(&name);
    }
    Problem::new(Kind::InvalidRequest, "the level is set where the process starts: LANDFALL_LOG=debug landfall ...")
}

fn missing(name: &str) -> Problem {
    Problem::new(Kind::NotFound, format!("Logger {name} not found: there is {ROOT}"))
}
