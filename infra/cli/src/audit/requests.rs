//! The few requests an audit makes, counted: what it costs is part of its report. It never writes.

use std::sync::atomic::{AtomicU64, Ordering};

use landfall_s3::error::StoreError;
use landfall_s3::store::{ListRequest, Listed, Object, ObjectHead, OpenUpload, SharedStore};

use super::report::Requests;

#[derive(Debug)]
pub(super) struct Counted {
    store: SharedStore,
    list: AtomicU64,
    head: AtomicU64,
    get: AtomicU64,
}

impl Counted {
    pub(super) fn new(store: SharedStore) -> Self {
        Self { store, list: AtomicU64::new(0), head: AtomicU64::new(0), get: AtomicU64::new(0) }
    }

    pub(super) fn sent(&self) -> Requests {
        Requests {
            list: self.list.load(Ordering::Relaxed),
            head: self.head.load(Ordering::Relaxed),
            get: self.get.load(Ordering::Relaxed),
        }
    }

    pub(super) async fn get(&self, bucket: &str, key: &str) -> Result<Object, StoreError> {
        self.get.fetch_add(1, Ordering::Relaxed);
        self.store.get(bucket, key).await
    }

    pub(super) async fn head(&self, bucket: &str, key: &str) -> Result<ObjectHead, StoreError> {
        self.head.fetch_add(1, Ordering::Relaxed);
        self.store.head(bucket, key).await
    }

    /// Every object under a prefix, page by page.
    pub(super) fn pages<'a>(&'a self, bucket: &'a str, prefix: &'a str) -> Pages<'a> {
        Pages { counted: self, bucket, prefix, continuation: None, ended: false }
    }

    /// The first object under a prefix.
    pub(super) async fn first(&self, bucket: &str, prefix: &str) -> Result<Option<Listed>, StoreError> {
        self.list.fetch_add(1, Ordering::Relaxed);
        let request =
            ListRequest { bucket: bucket.to_owned(), prefix: prefix.to_owned(), max_keys: 1, ..ListRequest::default() };
        Ok(self.store.list(request).await?.objects.into_iter().next())
    }

    /// The folders directly under a prefix.
    pub(super) async fn folders(&self, bucket: &str, prefix: &str) -> Result<Vec<String>, StoreError> {
        let mut folders = Vec::new();
        let mut continuation = None;
        loop {
            self.list.fetch_add(1, Ordering::Relaxed);
            let request = ListRequest {
                bucket: bucket.to_owned(),
                prefix: prefix.to_owned(),
                delimiter: Some("/".to_owned()),
                continuation,
                ..ListRequest::default()
            };
            let page = self.store.list(request).await?;
            folders.extend(page.common_prefixes);
            continuation = page.continuation;
            if continuation.is_none() {
                return Ok(folders);
            }
        }
    }

    /// The first thousand open uploads under a prefix.
    pub(super) async fn uploads(&self, bucket: &str, prefix: &str) -> Result<Vec<OpenUpload>, StoreError> {
        self.list.fetch_add(1, Ordering::Relaxed);
        self.store.list_uploads(bucket, prefix).await
    }
}

#[derive(Debug)]
pub(super) struct Pages<'a> {
    counted: &'a Counted,
    bucket: &'a str,
    prefix: &'a str,
    continuation: Option<String>,
    ended: bool,
}

impl Pages<'_> {
    /// The next page; `None` after the last one.
    pub(super) async fn next(&mut self) -> Result<Option<Vec<Listed>>, StoreError> {
        if self.ended {
            return Ok(None);
        }
        self.counted.list.fetch_add(1, Ordering::Relaxed);
        let request = ListRequest {
            bucket: self.bucket.to_owned(),
            prefix: self.prefix.to_owned(),
            continuation: self.continuation.take(),
            ..ListRequest::default()
        };
        let page = self.counted.store.list(request).await?;
        self.continuation = page.continuation;
        self.ended = self.continuation.is_none();
        Ok(Some(page.objects))
    }
}
