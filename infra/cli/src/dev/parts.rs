//! The embedded parts of `dev`, and the process that runs on them.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use landfall_config::{FleetConfig, Outside};
use landfall_kafka::{Connection, EmbeddedKafka};
use landfall_s3::aws::StaticCredentials;
use landfall_s3::embedded::{Backend, Durability, FolderMedium, ServerHandle, serve};
use landfall_s3::store::SharedStore;
use tokio_util::sync::CancellationToken;

use crate::command::dev::Arguments;
use crate::exit::{Failure, Outcome};
use crate::fleet::{self, Process, Recorder, Roles};
use crate::output;

pub(super) const BUCKET: &str = "lake";
pub(super) const CLUSTER: &str = "embedded";
/// Known to everybody, for a server on loopback that serves files anybody here may read.
pub(super) const ACCESS_KEY: &str = "landfall";
pub(super) const SECRET_KEY: &str = "landfall-dev";
/// Progress is told every second.
const BEAT: Duration = Duration::from_secs(1);

/// What is visible.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Landed {
    /// Dead letters too.
    pub(super) objects: u64,
    /// Data only.
    pub(super) records: u64,
}

/// Everything that runs.
#[derive(Debug)]
pub(super) struct Parts {
    /// Of topic and job alike.
    pub(super) name: String,
    /// Absolute.
    pub(super) data: PathBuf,
    /// The configuration of this run, for other commands while it lasts.
    pub(super) config_file: PathBuf,
    /// `http://...`
    pub(super) api: String,
    pub(super) s3_endpoint: String,
    pub(super) store: SharedStore,
    pub(super) config: FleetConfig,
    pub(super) connection: Connection,
    recorder: Recorder,
    process: Process,
    s3: ServerHandle,
    end: CancellationToken,
    // Last: clients end before their cluster.
    _kafka: EmbeddedKafka,
}

impl Parts {
    pub(super) async fn start(arguments: &Arguments, partitions: u32) -> Result<Self, Failure> {
        let name = format!("bids-{}", jiff::Timestamp::now().strftime("%Y%m%d-%H%M%S"));
        let data = std::path::absolute(&arguments.data)
            .with_context(|| format!("--data {} is no folder", arguments.data.display()))?;
        let (s3_endpoint, s3) = start_s3(&data).await?;
        let topic = name.clone();
        let kafka = tokio::task::spawn_blocking(move || {
            let kafka = EmbeddedKafka::start(1)?;
            kafka.create_topic(&topic, partitions)?;
            Ok::<_, landfall_kafka::EmbeddedKafkaError>(kafka)
        });
        let kafka =
            kafka.await.context("the embedded kafka did not start")?.context("the embedded kafka did not start")?;
        let bootstrap = kafka.bootstrap_servers().context("the embedded kafka did not start")?;
        let config_file = data.join("fleet.yaml");
        let config = config(arguments, &name, &s3_endpoint, &bootstrap, &config_file)?;
        let end = CancellationToken::new();
        let process = Process::start(&config, Roles { api: true, worker: true, beat: BEAT }, end.clone()).await?;
        let api = process.api.context("the API has no address")?;
        let connections = fleet::connections(&config, "dev");
        let connection = connections.get(CLUSTER).cloned().context("the embedded kafka is not registered")?;
        Ok(Self {
            name,
            data,
            config_file,
            api: format!("http://{api}"),
            s3_endpoint,
            store: Arc::clone(&process.store),
            config,
            connection,
            recorder: process.recorder.clone(),
            process,
            s3,
            end,
            _kafka: kafka,
        })
    }

    /// What has become visible in this run, by the worker's own metrics.
    pub(super) fn landed(&self) -> Landed {
        let sum = |counter| self.recorder.sum(counter, "job", &self.name);
        Landed { objects: sum("landfall_objects_completed_total"), records: sum("landfall_records_landed_total") }
    }

    /// Where the objects of the bucket lie as plain files.
    pub(super) fn bucket_dir(&self) -> PathBuf {
        self.data.join("s3").join(BUCKET)
    }

    /// Ends everything, the worker first: it lands what it can.
    pub(super) async fn stop(self) -> Outcome {
        self.end.cancel();
        let ended = self.process.finished().await;
        self.s3.shutdown().await;
        ended
    }
}

async fn start_s3(data: &Path) -> Result<(String, ServerHandle), Failure> {
    let folder = data.join("s3");
    let opened = FolderMedium::open(&folder, Durability::Process);
    let medium = opened.with_context(|| format!("--data {} cannot be used", data.display()))?;
    let backend = Backend::new(medium);
    backend.create_bucket(BUCKET).map_err(|failure| anyhow::anyhow!("bucket {BUCKET} cannot be made: {failure}"))?;
    let credentials = StaticCredentials { access_key: ACCESS_KEY.to_owned(), secret_key: SECRET_KEY.to_owned() };
    let loopback = std::net::SocketAddr::from((std::net::Ipv4Addr::LOCALHOST, 0));
    let (_, server) =
        serve(Arc::new(backend), loopback, &credentials).await.context("the embedded s3 server did not start")?;
    Ok((server.endpoint(), server))
}

/// A configuration like any other, with the endpoints of the embedded parts. It is also written to a file, so that
/// `audit`, `validate` and `lag` work on a run while it lasts.
fn config(
    arguments: &Arguments,
    name: &str,
    s3_endpoint: &str,
    bootstrap: &str,
    file: &Path,
) -> Result<FleetConfig, Failure> {
    let document = serde_json::json!({
        "api": {"listen": arguments.listen.to_string(), "auth": {"mode": "none"}},
        "worker": {"memory": "512MiB", "listen": "127.0.0.1:0", "drain_timeout": "20s"},
        // A run of its own: the topics of earlier ones are gone, and their jobs with them.
        "state": {"bucket": BUCKET, "prefix": format!("_landfall/{name}/")},
        "s3": {
            "region": "us-east-1",
            "endpoint": s3_endpoint,
            "force_path_style": true,
            "access_key_id": ACCESS_KEY,
            "secret_access_key": SECRET_KEY,
        },
        "clusters": {CLUSTER: {"bootstrap_servers": bootstrap}},
    });
    let nothing = |_: &str| None;
    let no_secret = |_: &str| Err("dev reads no secrets".to_owned());
    let no_file = |_: &str| Err(std::io::Error::other("dev reads no secrets"));
    let outside = Outside { variables: Vec::new(), variable: &nothing, file: &no_file, secret: &no_secret };
    let text = output::yaml(&document)?;
    let config = FleetConfig::parse(&text, &outside).map_err(|errors| Failure::Usage(errors.to_string()))?;
    std::fs::write(file, text).with_context(|| format!("{} cannot be written", file.display()))?;
    Ok(config)
}
