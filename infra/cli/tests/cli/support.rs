//! Starting the binary, waiting for it with a bound, and the embedded parts to run it on.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use landfall_kafka::EmbeddedKafka;
use landfall_s3::embedded::{Backend, LocalStore, MemoryMedium, ServerHandle, serve};
use landfall_s3::store::SharedStore;
use landfall_s3::{AwsSettings, AwsStore};
use rdkafka::ClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use tempfile::TempDir;
use tokio::runtime::Runtime;

pub const DONE: i32 = 0;
pub const FAILED: i32 = 1;
pub const USAGE: i32 = 2;
pub const NOT_FOUND: i32 = 3;
pub const NOT_IN_TIME: i32 = 4;

/// The binary without this machine's own settings.
pub fn landfall<S: AsRef<std::ffi::OsStr>>(words: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_landfall"));
    command.args(words).stdin(Stdio::null());
    for name in ["LANDFALL_API", "LANDFALL_TOKEN", "LANDFALL_CONFIG", "LANDFALL_LOG", "RUST_LOG", "LANDFALL_LOG_FORMAT"]
    {
        command.env_remove(name);
    }
    command
}

/// Exit code, stdout, stderr.
pub struct Done {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Done {
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "stdout:\n{}\nstderr:\n{}", self.out, self.err);
        assert!(!self.err.contains("panicked"), "{}", self.err);
        self
    }

    #[track_caller]
    pub fn says(self, words: &[&str]) -> Self {
        for word in words {
            assert!(
                self.out.contains(word) || self.err.contains(word),
                "{word:?} is not said:\n{}\n{}",
                self.out,
                self.err
            );
        }
        self
    }
}

pub fn done(output: Output) -> Done {
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Done { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) }
}

pub fn run<S: AsRef<std::ffi::OsStr>>(words: impl IntoIterator<Item = S>) -> Done {
    done(landfall(words).output().unwrap())
}

/// A long-running process; killed if the test ends without it.
pub struct Running {
    child: Option<Child>,
}

impl Running {
    pub fn start(command: &mut Command) -> Self {
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        Self { child: Some(child) }
    }

    /// Sends a signal and waits for the end.
    pub fn end(mut self, signal: &str) -> Done {
        let child = self.child.take().unwrap();
        let sent = Command::new("kill").args([&format!("-{signal}"), &child.id().to_string()]).status().unwrap();
        assert!(sent.success());
        done(child.wait_with_output().unwrap())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A port that nobody listens on, below those the kernel hands out by itself.
pub fn free_port() -> u16 {
    (0..200)
        .map(|_| rand::random_range(20_000..32_000))
        .find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok())
        .expect("a free port")
}

/// Polls until the answer is there; bounded, and no measurement.
#[track_caller]
pub fn until<T>(what: &str, mut answer: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(90);
    while Instant::now() < deadline {
        if let Some(answer) = answer() {
            return answer;
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    panic!("{what} did not happen");
}

/// A fleet's surroundings: embedded Kafka and S3 within the test, a configuration for the binary.
pub struct Surroundings {
    pub folder: TempDir,
    pub config: PathBuf,
    pub store: SharedStore,
    runtime: Runtime,
    kafka: EmbeddedKafka,
    _s3: ServerHandle,
}

impl Surroundings {
    pub fn new() -> Self {
        let runtime = Runtime::new().unwrap();
        let local = LocalStore::<MemoryMedium>::memory(&["lake"]);
        let backend: Arc<Backend<MemoryMedium>> = Arc::clone(local.backend());
        let settings = AwsSettings::local("http://127.0.0.1:1", "id", "secret");
        let credentials = settings.credentials.unwrap();
        let (_, s3) = runtime.block_on(serve(backend, "127.0.0.1:0".parse().unwrap(), &credentials)).unwrap();
        let kafka = EmbeddedKafka::start(1).unwrap();
        let folder = TempDir::new().unwrap();
        let (api_port, worker_port) = (free_port(), free_port());
        let config = folder.path().join("fleet.yaml");
        let text = format!(
            "api: {{listen: 127.0.0.1:{api_port}}}\n\
             worker: {{memory: 256MiB, listen: 127.0.0.1:{worker_port}, drain_timeout: 30s}}\n\
             state: {{bucket: lake}}\n\
             s3: {{endpoint: '{}', force_path_style: true, access_key_id: id, secret_access_key: secret}}\n\
             clusters: {{main: {{bootstrap_servers: '{}'}}}}\n",
            s3.endpoint(),
            kafka.bootstrap_servers().unwrap()
        );
        std::fs::write(&config, text).unwrap();
        Self { store: Arc::new(local), folder, config, runtime, kafka, _s3: s3 }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    /// A topic with numbered JSON records.
    pub fn topic(&self, name: &str, partitions: u32, records: usize) {
        self.kafka.create_topic(name, partitions).unwrap();
        let producer: BaseProducer =
            ClientConfig::new().set("bootstrap.servers", self.kafka.bootstrap_servers().unwrap()).create().unwrap();
        for number in 0..records {
            let value = format!("{{\"id\":{number}}}");
            let partition = i32::try_from(number).unwrap() % i32::try_from(partitions).unwrap();
            producer.send(BaseRecord::<(), str>::to(name).partition(partition).payload(&value)).unwrap();
        }
        producer.flush(Duration::from_secs(20)).unwrap();
    }

    /// A job file with quick rotation.
    pub fn job(&self, name: &str, more: &str) -> PathBuf {
        let path = self.path(&format!("{name}.yaml"));
        let text = format!(
            "name: {name}\nsource: {{cluster: main, topics: [{name}]}}\nsink:\n  bucket: lake\n  \
             key: 'data/{{topic}}+{{partition}}+{{first_offset}}-{{unique}}.{{ext}}'\n  \
             rotate: {{records: 100, age: 2s, idle: 1s}}\n{more}"
        );
        std::fs::write(&path, text).unwrap();
        path
    }

    /// `landfall WORDS... --config F`.
    pub fn command<S: AsRef<std::ffi::OsStr>>(&self, words: impl IntoIterator<Item = S>) -> Done {
        done(landfall(words).arg("--config").arg(&self.config).output().unwrap())
    }

    pub fn start(&self, role: &str) -> Running {
        let running = Running::start(landfall([role]).arg("--config").arg(&self.config));
        until("readiness", || (self.command(["healthcheck", "--ready"]).code == DONE).then_some(()));
        running
    }
}

/// A store over HTTP from a configuration that `dev` wrote.
pub fn store_of(config: &Path, runtime: &Runtime) -> AwsStore {
    let text = std::fs::read_to_string(config).unwrap();
    let tree: serde_yaml_ng::Value = serde_yaml_ng::from_str(&text).unwrap();
    let field = |name: &str| tree["s3"][name].as_str().unwrap().to_owned();
    let settings = AwsSettings::local(&field("endpoint"), &field("access_key_id"), &field("secret_access_key"));
    runtime.block_on(AwsStore::connect(settings)).unwrap()
}
