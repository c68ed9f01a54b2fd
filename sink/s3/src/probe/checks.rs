//! The checks themselves, one after another; each leaves a finding.

use std::sync::{Mutex, PoisonError};

use bytes::Bytes;

use super::{CheckName, Finding, ProbeSettings, is_plain_denial, told};
use crate::checksum::crc64nvme;
use crate::error::{ErrorKind, StoreError};
use crate::store::{Condition, LifecycleRule, ListRequest, ObjectOptions, PutRequest, Store};

/// Objects of older probes that one probe looks at.
const MAX_FORGOTTEN: u32 = 100;
const HOUR_MS: i64 = 3_600_000;
const TOKEN: &str = "landfall-token";
const MINUTE_MS: u64 = 60_000;
const DAY_MS: u64 = 24 * 60 * MINUTE_MS;
/// An outage that a precondition must allow for at the least.
const SHORTEST_OUTAGE_MS: u64 = 60 * MINUTE_MS;

pub(super) struct Probe<'a> {
    store: &'a dyn Store,
    settings: ProbeSettings,
    /// Ids of uploads that are neither completed nor aborted yet.
    open: Mutex<Vec<String>>,
}

fn finding(check: CheckName, ok: bool, degrades: bool, detail: impl Into<String>) -> Finding {
    Finding { check, ok, degrades, detail: detail.into() }
}

impl<'a> Probe<'a> {
    pub(super) fn new(store: &'a dyn Store, settings: ProbeSettings) -> Self {
        Self { store, settings, open: Mutex::default() }
    }

    async fn create_upload(&self, key: &str, options: &ObjectOptions) -> Result<String, StoreError> {
        let id = self.store.create_upload(&self.settings.data_bucket, key, options).await?;
        self.open.lock().unwrap_or_else(PoisonError::into_inner).push(id.clone());
        Ok(id)
    }

    fn ended(&self, upload_id: &str) {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).retain(|open| open != upload_id);
    }

    fn state_key(&self, name: &str) -> String {
        format!("{}probe/{}/{name}", self.settings.state_prefix, self.settings.unique)
    }

    fn data_key(&self, name: &str) -> String {
        format!("{}_landfall-probe/{}/{name}", self.settings.data_prefix, self.settings.unique)
    }

    /// One small key for all probes: where DELETE is denied it stays, and must not grow in number.
    fn log_key(&self) -> String {
        format!("{}probe/log/0/delete-me.json", self.settings.state_prefix)
    }

    fn put_request(&self, key: String, body: &str, condition: Condition) -> PutRequest {
        PutRequest {
            bucket: self.settings.state_bucket.clone(),
            key,
            body: Bytes::copy_from_slice(body.as_bytes()),
            condition,
            options: ObjectOptions { content_type: Some("application/json".to_owned()), ..ObjectOptions::default() },
        }
    }

    /// A wrong bucket or a missing right shows in one request each, with the S3 code that LIST's answer has.
    pub(super) async fn first_contact(&self) -> Result<(), StoreError> {
        for (bucket, prefix) in [
            (&self.settings.state_bucket, &self.settings.state_prefix),
            (&self.settings.data_bucket, &self.settings.data_prefix),
        ] {
            let request =
                ListRequest { bucket: bucket.clone(), prefix: prefix.clone(), max_keys: 1, ..ListRequest::default() };
            self.store.list(request).await?;
        }
        Ok(())
    }

    pub(super) async fn findings(&self) -> Result<Vec<Finding>, StoreError> {
        let mut findings = Vec::new();
        self.conditional_puts(&mut findings).await?;
        self.uploads(&mut findings).await?;
        findings.push(self.missing_key().await?);
        findings.push(self.log_delete().await?);
        self.lifecycle(&mut findings).await?;
        Ok(findings)
    }

    async fn conditional_puts(&self, findings: &mut Vec<Finding>) -> Result<(), StoreError> {
        let key = self.state_key("once.json");
        // No right to write at all is no lack of the store, and without conditional puts there is no log: the job
        // cannot run.
        self.store.put(self.put_request(key.clone(), "{\"n\":1}", Condition::IfAbsent)).await?;
        let second = self.store.put(self.put_request(key.clone(), "{\"n\":2}", Condition::IfAbsent)).await;
        let (ok, detail) = match second {
            Ok(_) => (false, "a second put with if-none-match overwrote the first".to_owned()),
            Err(error) => {
                let shown = error.code.clone();
                let kind = told(error)?;
                (kind == ErrorKind::PreconditionFailed, format!("a second put with if-none-match: {shown}"))
            }
        };
        findings.push(finding(CheckName::SecondConditionalPut, ok, true, detail));

        let listed = self
            .store
            .list(ListRequest {
                bucket: self.settings.state_bucket.clone(),
                prefix: key.clone(),
                ..ListRequest::default()
            })
            .await?;
        let ok = listed.objects.iter().any(|object| object.key == key);
        let detail = if ok { "a put shows in list at once" } else { "list did not show an object just put" };
        findings.push(finding(CheckName::ListAfterPut, ok, true, detail));

        let pair = self.state_key("pair.json");
        let (a, b) = futures::join!(
            self.store.put(self.put_request(pair.clone(), "{\"by\":\"a\"}", Condition::IfAbsent)),
            self.store.put(self.put_request(pair.clone(), "{\"by\":\"b\"}", Condition::IfAbsent)),
        );
        let winners = usize::from(a.is_ok()) + usize::from(b.is_ok());
        for error in [a, b].into_iter().filter_map(Result::err) {
            match error.kind {
                // A conflict is a fair answer to the loser of a race; two of them tell nothing.
                ErrorKind::Conflict if winners == 0 => return Err(error),
                ErrorKind::Conflict => {}
                _ if winners == 1 => {}
                _ => drop(told(error)?),
            }
        }
        let detail = format!("of two puts at once with if-none-match, {winners} won");
        findings.push(finding(CheckName::ConcurrentConditionalPuts, winners == 1, true, detail));
        Ok(())
    }

    async fn uploads(&self, findings: &mut Vec<Finding>) -> Result<(), StoreError> {
        let (bucket, key) = (self.settings.data_bucket.as_str(), self.data_key("object.json"));
        let body = Bytes::from_static(b"{\"probe\":true}\n");
        let options = ObjectOptions {
            metadata: [(TOKEN.to_owned(), self.settings.unique.clone())].into(),
            ..ObjectOptions::default()
        };

        let id = self.create_upload(&key, &options).await?;
        let wrong = crc64nvme(&[Bytes::from_static(b"other bytes")]);
        let lied = self.store.upload_part_declaring(bucket, &key, &id, 1, body.clone(), &wrong).await;
        let (ok, detail) = match lied {
            Ok(_) => (false, "a part with a wrong checksum was taken".to_owned()),
            Err(error) => {
                let shown = error.code.clone();
                told(error)?;
                (true, format!("a part with a wrong checksum: {shown}"))
            }
        };
        findings.push(finding(CheckName::WrongChecksumRefused, ok, true, detail));

        let part = self.store.upload_part(bucket, &key, &id, 1, vec![body.clone()]).await?;
        // A store that knows no conditional Complete is found out below, and can be used without.
        let parts = [part];
        match self.store.complete_upload(bucket, &key, &id, &parts, Condition::IfAbsent).await {
            Err(error) if error.kind == ErrorKind::NotImplemented => {
                self.store.complete_upload(bucket, &key, &id, &parts, Condition::None).await?;
            }
            completed => drop(completed?),
        }
        self.ended(&id);
        let head = self.store.head(bucket, &key).await?;
        let token = head.metadata.get(TOKEN).map_or("none", String::as_str);
        let ok = token == self.settings.unique && head.length_bytes == body.len() as u64;
        let detail = format!("head after complete shows token {token} and {} bytes", head.length_bytes);
        findings.push(finding(CheckName::HeadShowsToken, ok, true, detail));

        let second = self.create_upload(&key, &ObjectOptions::default()).await?;
        let part = self.store.upload_part(bucket, &key, &second, 1, vec![Bytes::from_static(b"x")]).await?;
        let over = self.store.complete_upload(bucket, &key, &second, std::slice::from_ref(&part), Condition::IfAbsent);
        let (ok, detail) = match over.await {
            Ok(_) => (false, "a complete with if-none-match over an object answered success".to_owned()),
            Err(error) => {
                let shown = error.code.clone();
                let kind = told(error)?;
                (
                    kind == ErrorKind::PreconditionFailed,
                    format!("a complete with if-none-match over an object: {shown}"),
                )
            }
        };
        let still = self.store.head(bucket, &key).await?.etag == head.etag;
        let detail = if still { detail } else { format!("{detail}; the object was replaced") };
        findings.push(finding(CheckName::ConditionalComplete, ok && still, true, detail));
        if let Err(error) = self.store.abort_upload(bucket, &key, &second).await {
            told(error)?;
        }
        self.ended(&second);
        findings.push(self.invented_upload(bucket, &key, &second, &part).await?);
        Ok(())
    }

    /// After the abort the second id is one that the store does not know, in a form that it takes.
    async fn invented_upload(
        &self,
        bucket: &str,
        key: &str,
        id: &str,
        part: &crate::store::PartReceipt,
    ) -> Result<Finding, StoreError> {
        let answer = self.store.complete_upload(bucket, key, id, std::slice::from_ref(part), Condition::None).await;
        let (ok, detail) = match answer {
            Ok(_) => (false, "hollow 200s: a complete of an unknown upload answers success; head decides".to_owned()),
            Err(error) => {
                let shown = error.code.clone();
                told(error)?;
                (true, format!("a complete of an unknown upload: {shown}"))
            }
        };
        Ok(finding(CheckName::InventedUpload, ok, false, detail))
    }

    async fn missing_key(&self) -> Result<Finding, StoreError> {
        let check = CheckName::MissingKeyIsNotFound;
        match self.store.head(&self.settings.data_bucket, &self.data_key("never-written")).await {
            Ok(_) => Ok(finding(check, false, true, "head of a key that was never written answered success")),
            Err(error) if error.kind == ErrorKind::NoSuchKey => Ok(finding(check, true, true, "404")),
            Err(error) if error.kind == ErrorKind::AccessDenied => {
                Ok(finding(check, false, true, "403: give the role s3:ListBucket on the data bucket"))
            }
            Err(error) => Err(error),
        }
    }

    async fn log_delete(&self) -> Result<Finding, StoreError> {
        let check = CheckName::LogDeleteDenied;
        let key = self.log_key();
        if let Err(error) = self.store.put(self.put_request(key.clone(), "{}", Condition::IfAbsent)).await
            && told(error)? != ErrorKind::PreconditionFailed
        {
            return Ok(finding(check, false, false, "could not be tried: a put under the log was refused"));
        }
        match self.store.delete(&self.settings.state_bucket, &key).await {
            Ok(()) => {
                Ok(finding(check, false, false, "not denied: add a bucket policy that denies s3:DeleteObject there"))
            }
            Err(error) if is_plain_denial(&error) => Ok(finding(check, true, false, "denied")),
            Err(error) => {
                let shown = error.code.clone();
                told(error)?;
                Ok(finding(check, true, false, format!("refused: {shown}")))
            }
        }
    }

    async fn lifecycle(&self, findings: &mut Vec<Finding>) -> Result<(), StoreError> {
        let (expires, lifetime) = (CheckName::LogNeverExpires, CheckName::UploadLifetime);
        match self.rules(&self.settings.state_bucket).await? {
            Err(why) => {
                let detail = format!("rules not shown ({why}): the operator vouches");
                findings.push(finding(expires, true, true, detail));
            }
            Ok(rules) => {
                let covering: Vec<&LifecycleRule> =
                    rules.iter().filter(|rule| covers(rule, &self.settings.state_prefix)).collect();
                let detail = match covering.first() {
                    None => format!("{} rules, none expires objects of the state", rules.len()),
                    Some(rule) => format!(
                        "lifecycle rule {:?} expires objects under {:?}, where the commit log is: exclude {:?} from it",
                        rule.id, rule.prefix, self.settings.state_prefix
                    ),
                };
                findings.push(finding(expires, covering.is_empty(), true, detail));
            }
        }
        let (by_rule, without) = match self.rules(&self.settings.data_bucket).await? {
            Err(why) => (None, format!("rules not shown ({why})")),
            Ok(rules) => {
                let of_job = rules.iter().filter(|rule| overlap(&rule.prefix, &self.settings.data_prefix));
                let days = of_job.filter_map(|rule| rule.abort_incomplete_uploads_after_days).min();
                let without = "no rule aborts open uploads: add one of a few days against orphans".to_owned();
                (days.map(|days| u64::from(days) * DAY_MS), without)
            }
        };
        findings.push(self.upload_lifetime(lifetime, by_rule, &without));
        Ok(())
    }

    /// An upload that the server drops while its file is open, or waits for an outage to end, is read again from Kafka:
    /// late, and not at all where Kafka no longer has it.
    fn upload_lifetime(&self, check: CheckName, by_rule_ms: Option<u64>, without: &str) -> Finding {
        let declared_ms = self.settings.upload_lifetime_ms;
        let needed_ms = self.settings.max_open_ms.saturating_add(SHORTEST_OUTAGE_MS);
        match declared_ms.into_iter().chain(by_rule_ms).min() {
            None => {
                let detail =
                    format!("{without}; outside aws a server may drop them all the same: s3.upload_lifetime says when");
                finding(check, true, true, detail)
            }
            Some(lives_ms) => {
                let (lives, needed) = (lives_ms / MINUTE_MS, needed_ms / MINUTE_MS);
                let detail = format!(
                    "open uploads are dropped after {lives} min; a file may be open and wait out an outage for {needed} min: \
                     lengthen the rule, or shorten sink.rotate.age"
                );
                finding(check, lives_ms >= needed_ms, true, detail)
            }
        }
    }

    /// The inner error says why the store shows none.
    async fn rules(&self, bucket: &str) -> Result<Result<Vec<LifecycleRule>, String>, StoreError> {
        match self.store.lifecycle(bucket).await {
            Ok(rules) => Ok(Ok(rules)),
            Err(error) if error.code == "NoSuchLifecycleConfiguration" => Ok(Ok(Vec::new())),
            Err(error) => {
                let shown = error.code.clone();
                told(error)?;
                Ok(Err(shown))
            }
        }
    }

    /// Takes its own objects and uploads away, and objects that a probe left whose process was killed. What cannot be
    /// taken away is small and says by its name what it is.
    pub(super) async fn tidy_up(&self) {
        let (state, data) = (&self.settings.state_bucket, &self.settings.data_bucket);
        let state_folder = format!("{}probe/", self.settings.state_prefix);
        let data_folder = format!("{}_landfall-probe/", self.settings.data_prefix);
        let forgotten = [
            self.remove_forgotten(state, state_folder, &self.state_key("once.json")).await,
            self.remove_forgotten(data, data_folder, &self.data_key("object.json")).await,
        ];
        for error in forgotten.into_iter().filter_map(Result::err) {
            tracing::debug!(%error, "objects of older probes were not looked for");
        }
        let open = std::mem::take(&mut *self.open.lock().unwrap_or_else(PoisonError::into_inner));
        for id in open {
            if let Err(error) = self.store.abort_upload(data, &self.data_key("object.json"), &id).await {
                tracing::debug!(%error, "upload of the probe left behind");
            }
        }
        let own = [
            (state, self.state_key("once.json")),
            (state, self.state_key("pair.json")),
            (data, self.data_key("object.json")),
        ];
        for (bucket, key) in own {
            if let Err(error) = self.store.delete(bucket, &key).await {
                tracing::debug!(%error, "probe object left behind");
            }
        }
    }

    /// A probe takes seconds: what is an hour older than ours, by the store's own clock, is nobody's any more.
    async fn remove_forgotten(&self, bucket: &str, prefix: String, own_key: &str) -> Result<(), StoreError> {
        let now_ms = self.store.head(bucket, own_key).await?.last_modified_ms;
        let request =
            ListRequest { bucket: bucket.to_owned(), prefix, max_keys: MAX_FORGOTTEN, ..ListRequest::default() };
        for object in self.store.list(request).await?.objects {
            if object.last_modified_ms + HOUR_MS < now_ms && object.key != self.log_key() {
                self.store.delete(bucket, &object.key).await?;
            }
        }
        Ok(())
    }
}

fn covers(rule: &LifecycleRule, state_prefix: &str) -> bool {
    rule.expires_objects && overlap(&rule.prefix, state_prefix)
}

fn overlap(a: &str, b: &str) -> bool {
    a.starts_with(b) || b.starts_with(a)
}
