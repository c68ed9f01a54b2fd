//! A client of the HTTP API, as any script could be one. Every request is bounded in time, every answer in size.

mod arguments;
mod error;

use std::time::Duration;

use landfall_api::{JobList, JobView, Overview, Problem};
use landfall_store::StatusDocument;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, ETAG, HeaderValue, IF_MATCH};
use reqwest::{Method, RequestBuilder, Response, StatusCode, Url};
use serde::de::DeserializeOwned;

pub(crate) use arguments::{ApiArguments, reachable, scheme};
pub(crate) use error::{ClientError, field as told_field};

/// Longer than the API's own bound on a request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(40);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// A status with thousands of partitions is some MiB.
const MAX_ANSWER_BYTES: usize = 64 << 20;
/// Jobs asked for at once.
const PAGE: &str = "500";

#[derive(Debug, Clone)]
pub(crate) struct Client {
    base: Url,
    http: reqwest::Client,
    token: Option<HeaderValue>,
}

/// What a job may be told to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    Pause,
    Resume,
    Stop,
    Restart,
}

impl Action {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Stop => "stop",
            Self::Restart => "restart",
        }
    }
}

impl Client {
    /// `address` as `http://127.0.0.1:8080`.
    pub(crate) fn new(address: &str, token: Option<&str>) -> Result<Self, ClientError> {
        let bad = || ClientError::Address { address: address.to_owned() };
        let base = Url::parse(address).map_err(|_| bad())?;
        if !matches!(base.scheme(), "http" | "https") || base.host().is_none() {
            return Err(bad());
        }
        let local = base.host_str().is_some_and(|host| matches!(host, "127.0.0.1" | "localhost" | "[::1]"));
        let mut builder = reqwest::Client::builder().timeout(REQUEST_TIMEOUT).connect_timeout(CONNECT_TIMEOUT);
        if local {
            // A proxy for the outside would never find this machine's own API.
            builder = builder.no_proxy();
        }
        let http = builder.build().map_err(|error| ClientError::Setup { message: error.to_string() })?;
        let token = token.map(|token| {
            let mut value = HeaderValue::from_str(&format!("Bearer {token}"));
            if let Ok(value) = &mut value {
                value.set_sensitive(true);
            }
            value.map_err(|_| ClientError::Setup {
                message: "the token has characters that no header may have".to_owned(),
            })
        });
        Ok(Self { base, http, token: token.transpose()? })
    }

    pub(crate) async fn create(&self, document: &str) -> Result<JobView, ClientError> {
        json(self.send(self.with_document(Method::POST, &["v1", "jobs"], document)?).await?).await
    }

    /// Replaces the document of an existing job, if nobody else changed it since `etag` was seen.
    pub(crate) async fn replace(
        &self,
        name: &str,
        document: &str,
        etag: Option<&HeaderValue>,
    ) -> Result<JobView, ClientError> {
        let mut request = self.with_document(Method::PUT, &["v1", "jobs", name], document)?;
        if let Some(etag) = etag {
            request = request.header(IF_MATCH, etag);
        }
        json(self.send(request).await?).await
    }

    /// Every job, page by page; `filters` are parameters of the query.
    pub(crate) async fn list(&self, filters: &[(&str, &str)]) -> Result<JobList, ClientError> {
        let mut all = JobList { jobs: Vec::new(), next_cursor: None, broken: Vec::new() };
        loop {
            let mut request = self.request(Method::GET, &["v1", "jobs"])?.query(&[("limit", PAGE)]).query(filters);
            if let Some(cursor) = &all.next_cursor {
                request = request.query(&[("cursor", cursor)]);
            }
            let page: JobList = json(self.send(request).await?).await?;
            all.jobs.extend(page.jobs);
            all.broken.extend(page.broken);
            all.next_cursor = page.next_cursor;
            if all.next_cursor.is_none() {
                return Ok(all);
            }
        }
    }

    /// The job and the ETag of its record.
    pub(crate) async fn get(&self, name: &str) -> Result<(JobView, Option<HeaderValue>), ClientError> {
        let answer = self.send(self.request(Method::GET, &["v1", "jobs", name])?).await?;
        let etag = answer.headers().get(ETAG).cloned();
        Ok((json(answer).await?, etag))
    }

    pub(crate) async fn status(&self, name: &str) -> Result<StatusDocument, ClientError> {
        json(self.send(self.request(Method::GET, &["v1", "jobs", name, "status"])?).await?).await
    }

    /// One of the lists below a job: `["events"]`, `["objects"]`.
    pub(crate) async fn below<T: DeserializeOwned>(
        &self,
        name: &str,
        what: &str,
        query: &[(&str, String)],
    ) -> Result<T, ClientError> {
        json(self.send(self.request(Method::GET, &["v1", "jobs", name, what])?.query(query)).await?).await
    }

    /// The same as text.
    pub(crate) async fn text_below(
        &self,
        name: &str,
        what: &str,
        query: &[(&str, String)],
    ) -> Result<String, ClientError> {
        let answer = self.send(self.request(Method::GET, &["v1", "jobs", name, what])?.query(query)).await?;
        Ok(String::from_utf8_lossy(&body(answer).await?).into_owned())
    }

    pub(crate) async fn overview(&self) -> Result<Overview, ClientError> {
        json(self.send(self.request(Method::GET, &["v1", "overview"])?).await?).await
    }

    pub(crate) async fn set_offsets(&self, name: &str, body: &serde_json::Value) -> Result<JobView, ClientError> {
        let path = ["v1", "jobs", name, "offsets"];
        json(self.send(self.with_document(Method::PUT, &path, &body.to_string())?).await?).await
    }

    pub(crate) async fn copy(&self, name: &str, body: &serde_json::Value) -> Result<JobView, ClientError> {
        let path = ["v1", "jobs", name, "clone"];
        json(self.send(self.with_document(Method::POST, &path, &body.to_string())?).await?).await
    }

    pub(crate) async fn act(&self, name: &str, action: Action) -> Result<JobView, ClientError> {
        json(self.send(self.request(Method::POST, &["v1", "jobs", name, action.word()])?).await?).await
    }

    /// Answers true when the job is gone, false while its workers land what is open.
    pub(crate) async fn delete(&self, name: &str) -> Result<bool, ClientError> {
        let answer = self.send(self.request(Method::DELETE, &["v1", "jobs", name])?).await?;
        Ok(answer.status() == StatusCode::NO_CONTENT)
    }

    fn request(&self, method: Method, path: &[&str]) -> Result<RequestBuilder, ClientError> {
        let mut url = self.base.clone();
        match url.path_segments_mut() {
            // Each segment is encoded: a name cannot lead anywhere else.
            Ok(mut segments) => segments.pop_if_empty().extend(path),
            Err(()) => return Err(ClientError::Address { address: self.base.to_string() }),
        };
        let request = self.http.request(method, url);
        Ok(match &self.token {
            Some(token) => request.header(AUTHORIZATION, token.clone()),
            None => request,
        })
    }

    fn with_document(&self, method: Method, path: &[&str], document: &str) -> Result<RequestBuilder, ClientError> {
        let json = document.trim_start().starts_with('{');
        let media = if json { "application/json" } else { "application/yaml" };
        Ok(self.request(method, path)?.header(CONTENT_TYPE, media).body(document.to_owned()))
    }

    async fn send(&self, request: RequestBuilder) -> Result<Response, ClientError> {
        let unreachable = |error: reqwest::Error| ClientError::Unreachable {
            address: self.base.to_string(),
            message: root_cause(&error.without_url()),
        };
        let answer = request.send().await.map_err(unreachable)?;
        let status = answer.status();
        if status.is_success() {
            return Ok(answer);
        }
        let body = body(answer).await?;
        match serde_json::from_slice::<Problem>(&body) {
            Ok(problem) => Err(ClientError::Problem(Box::new(problem))),
            Err(_) => {
                let shown: String = String::from_utf8_lossy(&body).chars().take(200).collect();
                Err(ClientError::NotOurs { address: self.base.to_string(), status: status.as_u16(), body: shown })
            }
        }
    }
}

async fn json<T: DeserializeOwned>(answer: Response) -> Result<T, ClientError> {
    let status = answer.status().as_u16();
    let address = answer.url().to_string();
    let body = body(answer).await?;
    serde_json::from_slice(&body).map_err(|error| ClientError::NotOurs {
        address,
        status,
        body: format!("an answer that cannot be read: {error}"),
    })
}

async fn body(mut answer: Response) -> Result<Vec<u8>, ClientError> {
    let address = answer.url().to_string();
    let mut body = Vec::new();
    loop {
        match answer.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() <= MAX_ANSWER_BYTES => body.extend_from_slice(&chunk),
            Ok(Some(_)) => {
                let message = format!("its answer is longer than {MAX_ANSWER_BYTES} bytes");
                return Err(ClientError::Unreachable { address, message });
            }
            Ok(None) => return Ok(body),
            Err(error) => return Err(ClientError::Unreachable { address, message: root_cause(&error.without_url()) }),
        }
    }
}

/// The innermost cause says what happened (`connection refused`); the outer ones say "error sending request".
fn root_cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}
