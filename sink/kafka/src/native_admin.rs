//! Two requests that rdkafka's safe interface does not offer: topic descriptions with their ids, and a commit for a
//! group without joining it whose wait is bounded. Each is one bounded request to the cluster.
//!
//! Invariant: whatever librdkafka hands out is owned by a guard here and destroyed once; answers are copied before
//! their event goes.
#![allow(unsafe_code)]

use std::ffi::{CString, c_char, c_int};
use std::ptr::NonNull;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::topic_partition_list::TopicPartitionList;
use rdkafka_sys as sys;
use sys::rd_kafka_AclOperation_t as Operation;
use sys::rd_kafka_admin_op_t as AdminOp;

use crate::context::Context;
use crate::events::{ListEntry, error_of, owned, read_list};

/// librdkafka answers a request itself when its time is over; this much later we stop waiting for that.
const GRACE: Duration = Duration::from_secs(2);

/// A code and the text that came with it.
pub(crate) type NativeError = (RDKafkaErrorCode, String);

/// A topic as the cluster describes it.
#[derive(Debug)]
pub(crate) struct RawTopic {
    pub(crate) name: String,
    /// Base64 as Kafka's own tools write it; `None` from a broker that knows no ids.
    pub(crate) id: Option<String>,
    pub(crate) error: Option<RDKafkaErrorCode>,
    pub(crate) partitions: Vec<i32>,
    /// `None` where the broker does not say.
    pub(crate) may_read: Option<bool>,
    pub(crate) may_write: Option<bool>,
}

/// Names must hold no NUL.
pub(crate) fn describe_topics(
    client: &BaseConsumer<Context>,
    names: &[String],
    timeout: Duration,
) -> Result<Vec<RawTopic>, NativeError> {
    let names: Vec<CString> = names.iter().map(|name| c_string(name)).collect::<Result<_, _>>()?;
    let mut pointers: Vec<*const c_char> = names.iter().map(|name| name.as_ptr()).collect();
    // SAFETY: the array and its strings are alive for the call, which copies them; the answer is ours.
    let collection = unsafe { sys::rd_kafka_TopicCollection_of_topic_names(pointers.as_mut_ptr(), pointers.len()) };
    let collection = Guard::new(collection, sys::rd_kafka_TopicCollection_destroy)?;
    let options = options_for(client, AdminOp::RD_KAFKA_ADMIN_OP_DESCRIBETOPICS, timeout)?;
    // SAFETY: the options are alive; an error object that comes back is ours to destroy.
    unsafe { discard(sys::rd_kafka_AdminOptions_set_include_authorized_operations(options.pointer(), 1)) };
    let answer = request(client, timeout, |rk, queue| {
        // SAFETY: all arguments are alive for the call, which copies what it keeps.
        unsafe { sys::rd_kafka_DescribeTopics(rk, collection.pointer(), options.pointer(), queue) };
        true
    })?;
    let mut topics = Vec::new();
    // SAFETY: the event is a DescribeTopics result (null otherwise, which is checked); arrays and their elements live
    // with it and are copied before it goes.
    unsafe {
        let result = sys::rd_kafka_event_DescribeTopics_result(answer.event.pointer());
        if result.is_null() {
            return Err(unexpected());
        }
        let mut count = 0;
        let array = sys::rd_kafka_DescribeTopics_result_topics(result, &raw mut count);
        for index in 0..count {
            topics.push(read_topic(*array.add(index)));
        }
    }
    Ok(topics)
}

/// # Safety
/// `topic` is a description alive for the call.
unsafe fn read_topic(topic: *const sys::rd_kafka_TopicDescription_t) -> RawTopic {
    // SAFETY: by the caller; what the accessors answer lives with the description.
    unsafe {
        let mut count = 0;
        let array = sys::rd_kafka_TopicDescription_partitions(topic, &raw mut count);
        let mut partitions: Vec<i32> =
            (0..count).map(|index| sys::rd_kafka_TopicPartitionInfo_partition(*array.add(index))).collect();
        partitions.sort_unstable();
        let error = sys::rd_kafka_TopicDescription_error(topic);
        let mut count = 0;
        let array = sys::rd_kafka_TopicDescription_authorized_operations(topic, &raw mut count);
        let operations = (!array.is_null()).then(|| std::slice::from_raw_parts(array, count));
        let may = |operation| {
            operations.map(|all| all.contains(&operation) || all.contains(&Operation::RD_KAFKA_ACL_OPERATION_ALL))
        };
        let id = sys::rd_kafka_TopicDescription_topic_id(topic);
        let known = !id.is_null()
            && (sys::rd_kafka_Uuid_most_significant_bits(id) != 0
                || sys::rd_kafka_Uuid_least_significant_bits(id) != 0);
        RawTopic {
            name: owned(sys::rd_kafka_TopicDescription_name(topic)),
            id: known.then(|| kafka_alphabet(&owned(sys::rd_kafka_Uuid_base64str(id)))),
            error: if error.is_null() { None } else { error_of(sys::rd_kafka_error_code(error)) },
            partitions,
            may_read: may(Operation::RD_KAFKA_ACL_OPERATION_READ),
            may_write: may(Operation::RD_KAFKA_ACL_OPERATION_WRITE),
        }
    }
}

/// Kafka and its tools write ids in the URL-safe alphabet of base64, librdkafka in the plain one. The former is what
/// people see elsewhere, and has no `/`, which divides the fields of a source partition.
fn kafka_alphabet(id: &str) -> String {
    id.replace('+', "-").replace('/', "_")
}

/// Commits `offsets` for the group of the client, which is no member of it. (librdkafka's admin requests to a
/// coordinator touch freed memory when one fails late, <https://github.com/confluentinc/librdkafka/issues/4605>; a
/// consumer's own commit does not go that way.)
pub(crate) fn commit_for_group(
    client: &BaseConsumer<Context>,
    offsets: &TopicPartitionList,
    timeout: Duration,
) -> Result<Vec<ListEntry>, NativeError> {
    let mut refused = None;
    let answer = request(client, timeout, |rk, queue| {
        // SAFETY: client, list and queue are alive for the call, which copies the list and counts its reference to
        // the queue; without a callback the answer is an event.
        let sent = unsafe { sys::rd_kafka_commit_queue(rk, offsets.ptr(), queue, None, std::ptr::null_mut()) };
        refused = error_of(sent);
        refused.is_none()
    });
    if let Some(code) = refused {
        return Err((code, code.to_string()));
    }
    // SAFETY: the event is alive; its list (or null, which is checked) lives with it and is copied.
    answer.map(|answer| unsafe { read_list(sys::rd_kafka_event_topic_partition_list(answer.event.pointer())) })
}

/// The answer to a request: the event first, it is destroyed before its queue.
struct Answer {
    event: Guard<sys::rd_kafka_event_t>,
    _queue: Guard<sys::rd_kafka_queue_t>,
}

/// `send` says whether the request went out, and with it an answer will come.
fn request(
    client: &BaseConsumer<Context>,
    timeout: Duration,
    send: impl FnOnce(*mut sys::rd_kafka_t, *mut sys::rd_kafka_queue_t) -> bool,
) -> Result<Answer, NativeError> {
    let rk = client.client().native_ptr();
    // SAFETY: the client is alive; the queue is ours.
    let queue = Guard::new(unsafe { sys::rd_kafka_queue_new(rk) }, sys::rd_kafka_queue_destroy)?;
    if !send(rk, queue.pointer()) {
        return Err(unexpected());
    }
    // SAFETY: the queue is alive; the event is ours.
    let event = unsafe { sys::rd_kafka_queue_poll(queue.pointer(), millis(timeout + GRACE)) };
    let Some(event) = NonNull::new(event) else {
        return Err((RDKafkaErrorCode::OperationTimedOut, "no answer in time".to_owned()));
    };
    let event = Guard { pointer: event, destroy: sys::rd_kafka_event_destroy };
    // SAFETY: the event is alive; its string is copied.
    unsafe {
        if let Some(code) = error_of(sys::rd_kafka_event_error(event.pointer())) {
            return Err((code, owned(sys::rd_kafka_event_error_string(event.pointer()))));
        }
    }
    Ok(Answer { event, _queue: queue })
}

/// Options of one request with its time limit.
fn options_for(
    client: &BaseConsumer<Context>,
    operation: AdminOp,
    timeout: Duration,
) -> Result<Guard<sys::rd_kafka_AdminOptions_t>, NativeError> {
    // SAFETY: the client is alive; the options are ours.
    let options = unsafe { sys::rd_kafka_AdminOptions_new(client.client().native_ptr(), operation) };
    let options = Guard::new(options, sys::rd_kafka_AdminOptions_destroy)?;
    // SAFETY: the options are alive; no buffer for the error's text is given.
    let answer = unsafe {
        let buffer = std::ptr::null_mut();
        sys::rd_kafka_AdminOptions_set_request_timeout(options.pointer(), millis(timeout), buffer, 0)
    };
    match error_of(answer) {
        None => Ok(options),
        Some(code) => Err((code, format!("a time limit of {} ms", timeout.as_millis()))),
    }
}

/// A pointer that we own, and how it is given back.
struct Guard<T> {
    pointer: NonNull<T>,
    destroy: unsafe extern "C" fn(*mut T),
}

impl<T> Guard<T> {
    fn new(pointer: *mut T, destroy: unsafe extern "C" fn(*mut T)) -> Result<Self, NativeError> {
        let pointer = NonNull::new(pointer).ok_or_else(unexpected)?;
        Ok(Self { pointer, destroy })
    }

    fn pointer(&self) -> *mut T {
        self.pointer.as_ptr()
    }
}

impl<T> Drop for Guard<T> {
    fn drop(&mut self) {
        // SAFETY: the pointer is ours and given back once, by the function that belongs to its type.
        unsafe { (self.destroy)(self.pointer.as_ptr()) }
    }
}

/// # Safety
/// `error` is null or an error that we own.
unsafe fn discard(error: *mut sys::rd_kafka_error_t) {
    if !error.is_null() {
        // SAFETY: by the caller.
        unsafe { sys::rd_kafka_error_destroy(error) }
    }
}

fn millis(timeout: Duration) -> c_int {
    c_int::try_from(timeout.as_millis()).unwrap_or(c_int::MAX)
}

fn c_string(text: &str) -> Result<CString, NativeError> {
    CString::new(text).map_err(|_| (RDKafkaErrorCode::InvalidArgument, format!("{text:?} holds a NUL")))
}

fn unexpected() -> NativeError {
    (RDKafkaErrorCode::Fail, "librdkafka gave no object of the expected type".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topic_ids_are_spelled_as_kafka_spells_them() {
        assert_eq!(kafka_alphabet("T7cEMtq1R1iyNOxCild4/A"), "T7cEMtq1R1iyNOxCild4_A");
        assert_eq!(kafka_alphabet("+7cEMtq1R1iyNOxCild4-A"), "-7cEMtq1R1iyNOxCild4-A");
    }
}
