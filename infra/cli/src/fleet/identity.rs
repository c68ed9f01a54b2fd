//! Who this process is: the task on ECS, else host, process and chance.

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

/// The worker's id: the task's ARN on ECS, so that a heartbeat leads to its task.
pub(super) async fn worker_id() -> String {
    if let Ok(address) = std::env::var("ECS_CONTAINER_METADATA_URI_V4") {
        match task_arn(&address).await {
            Ok(arn) => return arn,
            Err(error) => tracing::warn!(%error, "the task's ARN is unknown; the worker is named after its host"),
        }
    }
    format!("{}-{}-{:08x}", host(), std::process::id(), rand::random::<u32>())
}

async fn task_arn(address: &str) -> anyhow::Result<String> {
    #[derive(serde::Deserialize)]
    struct Task {
        #[serde(rename = "TaskARN")]
        arn: String,
    }
    let client = reqwest::Client::builder().timeout(METADATA_TIMEOUT).no_proxy().build()?;
    let task: Task = client.get(format!("{address}/task")).send().await?.error_for_status()?.json().await?;
    Ok(task.arn)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    #[tokio::test]
    async fn the_task_names_the_worker() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}/v4/abc", listener.local_addr().unwrap());
        let server = tokio::spawn(async move {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut request = vec![0; 4_096];
            let read = socket.read(&mut request).await.unwrap();
            let body = r#"{"Cluster":"c","TaskARN":"arn:aws:ecs:eu-west-1:123456789012:task/c/0f1e"}"#;
            let answer = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            );
            socket.write_all(answer.as_bytes()).await.unwrap();
            String::from_utf8_lossy(&request[..read]).into_owned()
        });
        assert_eq!(super::task_arn(&address).await.unwrap(), "arn:aws:ecs:eu-west-1:123456789012:task/c/0f1e");
        assert!(server.await.unwrap().starts_with("GET /v4/abc/task "));
    }
}
