//! Who this process is, and where: the task on ECS and its availability zone, else host, process and chance.

use std::time::Duration;

/// The metadata endpoint is on the same host.
const METADATA_TIMEOUT: Duration = Duration::from_secs(2);

/// The name of this machine or container.
pub(super) fn host() -> String {
    let named = std::env::var("HOSTNAME").ok().filter(|name| !name.is_empty());
    let kernel = || std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let name = named.or_else(kernel).map(|name| name.trim().to_owned()).unwrap_or_default();
    if name.is_empty() { "host".to_owned() } else { name }
}

/// The worker among the others of its fleet.
#[derive(Debug, PartialEq, Eq, serde::Deserialize)]
pub(super) struct WorkerIdentity {
    /// The task's ARN on ECS, so that a heartbeat leads to its task.
    #[serde(rename = "TaskARN")]
    pub(super) id: String,
    /// The availability zone, as `eu-west-1b`. Fargate tells it; elsewhere it is not known.
    #[serde(rename = "AvailabilityZone", default)]
    pub(super) zone: Option<String>,
}

pub(super) async fn worker() -> WorkerIdentity {
    if let Ok(address) = std::env::var("ECS_CONTAINER_METADATA_URI_V4") {
        match task(&address).await {
            Ok(task) => {
                let zone = task.zone.as_deref().unwrap_or("not told");
                tracing::info!(zone, "the availability zone is client.rack where a cluster's properties name none");
                return task;
            }
            Err(error) => tracing::warn!(%error, "the task's ARN is unknown; the worker is named after its host"),
        }
    }
    let id = format!("{}-{}-{:08x}", host(), std::process::id(), rand::random::<u32>());
    WorkerIdentity { id, zone: None }
}

async fn task(address: &str) -> anyhow::Result<WorkerIdentity> {
    let client = reqwest::Client::builder().timeout(METADATA_TIMEOUT).no_proxy().build()?;
    Ok(client.get(format!("{address}/task")).send().await?.error_for_status()?.json().await?)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::WorkerIdentity;

    /// What the worker makes of a task's metadata, and the request it sent for it.
    async fn identity(body: &'static str) -> (WorkerIdentity, String) {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}/v4/abc", listener.local_addr().unwrap());
        let server = tokio::spawn(async move {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut request = vec![0; 4_096];
            let read = socket.read(&mut request).await.unwrap();
            let answer = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            );
            socket.write_all(answer.as_bytes()).await.unwrap();
            String::from_utf8_lossy(&request[..read]).into_owned()
        });
        (super::task(&address).await.unwrap(), server.await.unwrap())
    }

    #[tokio::test]
    async fn the_task_names_the_worker_and_its_zone() {
        let id = "arn:aws:ecs:eu-west-1:123456789012:task/c/0f1e";
        let fargate = r#"{"Cluster":"c","TaskARN":"arn:aws:ecs:eu-west-1:123456789012:task/c/0f1e","AvailabilityZone":"eu-west-1b"}"#;
        let (worker, request) = identity(fargate).await;
        assert_eq!(worker, WorkerIdentity { id: id.to_owned(), zone: Some("eu-west-1b".to_owned()) });
        assert!(request.starts_with("GET /v4/abc/task "));
        let elsewhere = r#"{"Cluster":"c","TaskARN":"arn:aws:ecs:eu-west-1:123456789012:task/c/0f1e"}"#;
        let (worker, _) = identity(elsewhere).await;
        assert_eq!(worker, WorkerIdentity { id: id.to_owned(), zone: None });
    }
}
