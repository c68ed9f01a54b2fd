//! A store that fails on purpose, by a script or by a seed, and writes down which faults fired.
//!
//! Faults are of the kinds that the protocol must survive: no effect, an effect whose answer was lost, an effect
//! that comes after its time-out, a delay, a request that arrives twice, a Complete that answers 200 and did nothing or
//! does it later.

mod plan;

use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use futures::future::BoxFuture;

pub use self::plan::{Fault, FaultPlan, FiredFault, PlannedFault};
use crate::error::{ErrorKind, Operation, StoreError};
use crate::store::{
    Condition, LifecycleRule, ListPage, ListRequest, Object, ObjectHead, ObjectOptions, OpenUpload, PartReceipt,
    PutRequest, Store,
};
use crate::timer::{SystemTimer, Timer};

/// All requests (or those of some operations, or to some keys) fail until it is lifted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outage {
    pub kind: ErrorKind,
    /// Empty: every operation.
    pub operations: Vec<Operation>,
    /// Empty: any key.
    pub key_contains: String,
}

#[derive(Default)]
struct State {
    plan: FaultPlan,
    fired: Vec<FiredFault>,
    outages: Vec<Outage>,
    ignores_conditions: bool,
    latency_ms: u64,
    requests: u64,
    late: Vec<BoxFuture<'static, ()>>,
}

/// Cheap to clone; clones share their plan.
#[derive(Clone)]
pub struct FaultyStore<S> {
    inner: Arc<S>,
    timer: Arc<dyn Timer>,
    state: Arc<Mutex<State>>,
}

impl<S: std::fmt::Debug> std::fmt::Debug for FaultyStore<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FaultyStore").field("inner", &self.inner).finish_non_exhaustive()
    }
}

impl<S: Store + 'static> FaultyStore<S> {
    #[must_use]
    pub fn new(inner: S, plan: FaultPlan) -> Self {
        Self::with_timer(inner, plan, Arc::new(SystemTimer))
    }

    #[must_use]
    pub fn with_timer(inner: S, plan: FaultPlan, timer: Arc<dyn Timer>) -> Self {
        let state = State { plan, ..State::default() };
        Self { inner: Arc::new(inner), timer, state: Arc::new(Mutex::new(state)) }
    }

    /// The store below, undisturbed: for checks.
    #[must_use]
    pub fn inner(&self) -> &S {
        &self.inner
    }

    pub fn add(&self, fault: PlannedFault) {
        self.state().plan.faults.push(fault);
    }

    pub fn set_outages(&self, outages: impl IntoIterator<Item = Outage>) {
        self.state().outages = outages.into_iter().collect();
    }

    /// As a store, or a proxy before it, that takes no notice of If-None-Match and If-Match.
    pub fn set_ignores_conditions(&self, ignores: bool) {
        self.state().ignores_conditions = ignores;
    }

    /// Every request takes this long.
    pub fn set_latency_ms(&self, latency_ms: u64) {
        self.state().latency_ms = latency_ms;
    }

    /// Requests so far, whatever became of them.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.state().requests
    }

    fn condition(&self, asked: Condition) -> Condition {
        if self.state().ignores_conditions { Condition::None } else { asked }
    }

    /// In the order in which they fired.
    #[must_use]
    pub fn fired(&self) -> Vec<FiredFault> {
        self.state().fired.clone()
    }

    /// Planned and never met: a run that leaves some here did not test what it meant to.
    #[must_use]
    pub fn unfired(&self) -> Vec<PlannedFault> {
        self.state().plan.faults.clone()
    }

    /// Lets the effects of all late requests happen now, in the order they were sent; answers their number.
    pub async fn apply_late(&self) -> usize {
        let late = std::mem::take(&mut self.state().late);
        let number = late.len();
        for effect in late {
            effect.await;
        }
        number
    }

    /// Lets the effect of one [`Fault::Late`] or [`Fault::LateSuccess`] request happen now: the one at `index` modulo
    /// their number. False: there is none.
    pub async fn apply_one_late(&self, index: usize) -> bool {
        let effect = {
            let late = &mut self.state().late;
            if late.is_empty() {
                return false;
            }
            let index = index % late.len();
            late.remove(index)
        };
        effect.await;
        true
    }

    /// Takes back what was planned and has not fired; answers how many.
    pub fn withdraw(&self) -> usize {
        std::mem::take(&mut self.state().plan.faults).len()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn draw(&self, operation: Operation, bucket: &str, key: &str) -> Option<Fault> {
        let mut state = self.state();
        let hit = |outage: &&Outage| {
            (outage.operations.is_empty() || outage.operations.contains(&operation))
                && key.contains(&outage.key_contains)
        };
        if let Some(outage) = state.outages.iter().find(hit) {
            return Some(Fault::Before(outage.kind));
        }
        let fault = state.plan.draw(operation, key)?;
        state.fired.push(FiredFault { operation, bucket: bucket.to_owned(), key: key.to_owned(), fault });
        Some(fault)
    }

    /// Runs a request under the fault that is due, if one is.
    async fn disturbed<T, F>(
        &self,
        operation: Operation,
        bucket: &str,
        key: &str,
        hollow: Option<T>,
        request: impl Fn(Arc<S>) -> F + Send,
    ) -> Result<T, StoreError>
    where
        T: Send,
        F: Future<Output = Result<T, StoreError>> + Send + 'static,
    {
        let failed = |kind: ErrorKind| failure(operation, bucket, key, kind);
        let latency_ms = {
            let mut state = self.state();
            state.requests += 1;
            state.latency_ms
        };
        if latency_ms > 0 {
            self.timer.sleep_ms(latency_ms).await;
        }
        let inner = Arc::clone(&self.inner);
        match self.draw(operation, bucket, key) {
            None => request(inner).await,
            Some(Fault::Before(kind)) => Err(failed(kind)),
            Some(Fault::LostAnswer(kind)) => {
                // Whatever the store says is what gets lost.
                drop(request(inner).await);
                Err(failed(kind))
            }
            Some(Fault::Late) => {
                let effect = request(inner);
                self.state().late.push(Box::pin(async move { drop(effect.await) }));
                Err(failed(ErrorKind::Timeout))
            }
            Some(Fault::Delay { ms }) => {
                self.timer.sleep_ms(ms).await;
                request(inner).await
            }
            Some(Fault::HollowSuccess) => match hollow {
                Some(answer) => Ok(answer),
                None => request(inner).await,
            },
            Some(Fault::LateSuccess) => match hollow {
                Some(answer) => {
                    let effect = request(inner);
                    self.state().late.push(Box::pin(async move { drop(effect.await) }));
                    Ok(answer)
                }
                None => request(inner).await,
            },
            Some(Fault::Twice) => {
                drop(request(Arc::clone(&inner)).await);
                request(inner).await
            }
        }
    }
}

fn failure(operation: Operation, bucket: &str, key: &str, kind: ErrorKind) -> StoreError {
    let (code, status) = plan::shape(kind);
    StoreError {
        operation,
        bucket: bucket.to_owned(),
        key: key.to_owned(),
        kind,
        code: code.to_owned(),
        status,
        message: "injected fault".to_owned(),
        request_id: None,
    }
}

#[async_trait]
impl<S: Store + 'static> Store for FaultyStore<S> {
    async fn put(&self, request: PutRequest) -> Result<String, StoreError> {
        let request = PutRequest { condition: self.condition(request.condition), ..request };
        let (bucket, key) = (request.bucket.clone(), request.key.clone());
        let call = move |inner: Arc<S>| {
            let request = request.clone();
            async move { inner.put(request).await }
        };
        self.disturbed(Operation::Put, &bucket, &key, None, call).await
    }

    async fn get(&self, bucket: &str, key: &str) -> Result<Object, StoreError> {
        let (of_bucket, of_key) = (bucket.to_owned(), key.to_owned());
        let call = move |inner: Arc<S>| {
            let (of_bucket, of_key) = (of_bucket.clone(), of_key.clone());
            async move { inner.get(&of_bucket, &of_key).await }
        };
        self.disturbed(Operation::Get, bucket, key, None, call).await
    }

    async fn head(&self, bucket: &str, key: &str) -> Result<ObjectHead, StoreError> {
        let (of_bucket, of_key) = (bucket.to_owned(), key.to_owned());
        let call = move |inner: Arc<S>| {
            let (of_bucket, of_key) = (of_bucket.clone(), of_key.clone());
            async move { inner.head(&of_bucket, &of_key).await }
        };
        self.disturbed(Operation::Head, bucket, key, None, call).await
    }

    async fn delete(&self, bucket: &str, key: &str) -> Result<(), StoreError> {
        let (of_bucket, of_key) = (bucket.to_owned(), key.to_owned());
        let call = move |inner: Arc<S>| {
            let (of_bucket, of_key) = (of_bucket.clone(), of_key.clone());
            async move { inner.delete(&of_bucket, &of_key).await }
        };
        self.disturbed(Operation::Delete, bucket, key, Some(()), call).await
    }

    async fn list(&self, request: ListRequest) -> Result<ListPage, StoreError> {
        let (bucket, prefix) = (request.bucket.clone(), request.prefix.clone());
        let call = move |inner: Arc<S>| {
            let request = request.clone();
            async move { inner.list(request).await }
        };
        self.disturbed(Operation::List, &bucket, &prefix, None, call).await
    }

    async fn create_upload(&self, bucket: &str, key: &str, options: &ObjectOptions) -> Result<String, StoreError> {
        let (of_bucket, of_key, options) = (bucket.to_owned(), key.to_owned(), options.clone());
        let call = move |inner: Arc<S>| {
            let (of_bucket, of_key, options) = (of_bucket.clone(), of_key.clone(), options.clone());
            async move { inner.create_upload(&of_bucket, &of_key, &options).await }
        };
        self.disturbed(Operation::CreateUpload, bucket, key, None, call).await
    }

    async fn upload_part(
        &self,
        bucket: &str,
        key: &str,
        upload_id: &str,
        number: u32,
        chunks: Vec<Bytes>,
    ) -> Result<PartReceipt, StoreError> {
        let (of_bucket, of_key, id) = (bucket.to_owned(), key.to_owned(), upload_id.to_owned());
        let call = move |inner: Arc<S>| {
            let (of_bucket, of_key, id, chunks) = (of_bucket.clone(), of_key.clone(), id.clone(), chunks.clone());
            async move { inner.upload_part(&of_bucket, &of_key, &id, number, chunks).await }
        };
        self.disturbed(Operation::UploadPart, bucket, key, None, call).await
    }

    async fn upload_part_declaring(
        &self,
        bucket: &str,
        key: &str,
        upload_id: &str,
        number: u32,
        body: Bytes,
        crc64nvme: &str,
    ) -> Result<PartReceipt, StoreError> {
        // The probe and the conformance suite ask the store itself.
        self.inner.upload_part_declaring(bucket, key, upload_id, number, body, crc64nvme).await
    }

    async fn list_parts(&self, bucket: &str, key: &str, upload_id: &str) -> Result<Vec<PartReceipt>, StoreError> {
        let (of_bucket, of_key, id) = (bucket.to_owned(), key.to_owned(), upload_id.to_owned());
        let call = move |inner: Arc<S>| {
            let (of_bucket, of_key, id) = (of_bucket.clone(), of_key.clone(), id.clone());
            async move { inner.list_parts(&of_bucket, &of_key, &id).await }
        };
        self.disturbed(Operation::ListParts, bucket, key, None, call).await
    }

    async fn complete_upload(
        &self,
        bucket: &str,
        key: &str,
        upload_id: &str,
        parts: &[PartReceipt],
        condition: Condition,
    ) -> Result<String, StoreError> {
        let (of_bucket, of_key, id) = (bucket.to_owned(), key.to_owned(), upload_id.to_owned());
        let (parts, condition) = (parts.to_vec(), self.condition(condition));
        let call = move |inner: Arc<S>| {
            let (of_bucket, of_key, id) = (of_bucket.clone(), of_key.clone(), id.clone());
            let (parts, condition) = (parts.clone(), condition.clone());
            async move { inner.complete_upload(&of_bucket, &of_key, &id, &parts, condition).await }
        };
        let hollow = Some("\"00000000000000000000000000000000-1\"".to_owned());
        self.disturbed(Operation::CompleteUpload, bucket, key, hollow, call).await
    }

    async fn abort_upload(&self, bucket: &str, key: &str, upload_id: &str) -> Result<(), StoreError> {
        let (of_bucket, of_key, id) = (bucket.to_owned(), key.to_owned(), upload_id.to_owned());
        let call = move |inner: Arc<S>| {
            let (of_bucket, of_key, id) = (of_bucket.clone(), of_key.clone(), id.clone());
            async move { inner.abort_upload(&of_bucket, &of_key, &id).await }
        };
        self.disturbed(Operation::AbortUpload, bucket, key, Some(()), call).await
    }

    async fn list_uploads(&self, bucket: &str, prefix: &str) -> Result<Vec<OpenUpload>, StoreError> {
        let (of_bucket, of_prefix) = (bucket.to_owned(), prefix.to_owned());
        let call = move |inner: Arc<S>| {
            let (of_bucket, of_prefix) = (of_bucket.clone(), of_prefix.clone());
            async move { inner.list_uploads(&of_bucket, &of_prefix).await }
        };
        self.disturbed(Operation::ListUploads, bucket, prefix, None, call).await
    }

    async fn lifecycle(&self, bucket: &str) -> Result<Vec<LifecycleRule>, StoreError> {
        let of_bucket = bucket.to_owned();
        let call = move |inner: Arc<S>| {
            let of_bucket = of_bucket.clone();
            async move { inner.lifecycle(&of_bucket).await }
        };
        self.disturbed(Operation::GetLifecycle, bucket, "", None, call).await
    }

    async fn head_bucket(&self, bucket: &str) -> Result<(), StoreError> {
        let of_bucket = bucket.to_owned();
        let call = move |inner: Arc<S>| {
            let of_bucket = of_bucket.clone();
            async move { inner.head_bucket(&of_bucket).await }
        };
        self.disturbed(Operation::HeadBucket, bucket, "", None, call).await
    }
}
