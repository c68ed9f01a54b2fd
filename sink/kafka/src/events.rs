//! The consumer's queue, read event by event through librdkafka's C interface.
//!
//! rdkafka's own poll drops the topic and the offset of an end-of-partition event, gives partition errors without
//! their partition, and runs rebalances inside the poll; all three are needed here as facts
//! (`docs/decisions/0002-own-event-poll.md`). This module owns the consumer, polls its queue and translates each
//! event into [`Event`]; everything else goes through rdkafka's safe interface ([`EventQueue::consumer`]).
//!
//! Invariant: an event and all that is borrowed from it is destroyed before the queue, and the queue before the
//! client, as the lifetimes and the order of the fields say.
#![allow(unsafe_code)]

use std::ffi::{CStr, CString, c_char, c_int};
use std::ptr::NonNull;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::topic_partition_list::TopicPartitionList;
use rdkafka_sys as sys;
use rdkafka_sys::types::RDKafkaRespErr;

use crate::context::Context;
use crate::source::HeaderSource;

/// A consumer and its queue. The queue's field comes first: it is destroyed before the client.
pub(crate) struct EventQueue {
    queue: QueueHandle,
    consumer: BaseConsumer<Context>,
}

struct QueueHandle(NonNull<sys::rd_kafka_queue_t>);

// SAFETY: librdkafka's queues may be used from any thread; the handle is a counted reference.
unsafe impl Send for QueueHandle {}

impl Drop for QueueHandle {
    fn drop(&mut self) {
        // SAFETY: the pointer came from rd_kafka_queue_get_consumer, which counted a reference for us; it is given
        // back once, here.
        unsafe { sys::rd_kafka_queue_destroy(self.0.as_ptr()) }
    }
}

impl EventQueue {
    /// Takes over a consumer that has a group; `None` when it has no queue of its own (no group).
    pub(crate) fn new(consumer: BaseConsumer<Context>) -> Option<Self> {
        // SAFETY: the client is alive; the call answers null or a reference that we own.
        let queue = unsafe { sys::rd_kafka_queue_get_consumer(consumer.client().native_ptr()) };
        Some(Self { queue: QueueHandle(NonNull::new(queue)?), consumer })
    }

    pub(crate) fn consumer(&self) -> &BaseConsumer<Context> {
        &self.consumer
    }

    /// Waits up to `timeout` for one event.
    pub(crate) fn poll(&self, timeout: Duration) -> Option<OwnedEvent<'_>> {
        let timeout_ms = c_int::try_from(timeout.as_millis()).unwrap_or(c_int::MAX);
        // SAFETY: the queue is alive as long as self; the event is ours to destroy.
        let event = unsafe { sys::rd_kafka_queue_poll(self.queue.0.as_ptr(), timeout_ms) };
        NonNull::new(event).map(|event| OwnedEvent { event, queue: self })
    }

    /// Commits without waiting; the answer comes as [`Event::Committed`]. (rdkafka's own asynchronous commit names no
    /// queue, and librdkafka then answers only to a callback that rdkafka does not set.)
    pub(crate) fn commit(&self, offsets: &TopicPartitionList) -> Result<(), RDKafkaErrorCode> {
        // SAFETY: client, list and queue are alive for the call, which copies the list and counts its reference to
        // the queue; without a callback the answer is an event.
        let answer = unsafe {
            sys::rd_kafka_commit_queue(
                self.consumer.client().native_ptr(),
                offsets.ptr(),
                self.queue.0.as_ptr(),
                None,
                std::ptr::null_mut(),
            )
        };
        error_of(answer).map_or(Ok(()), Err)
    }

    /// The high watermark of the last fetch answer (exclusive), without a request.
    pub(crate) fn cached_high_watermark(&self, topic: &str, partition: i32) -> Option<i64> {
        let topic = CString::new(topic).ok()?;
        let (mut low, mut high) = (-1, -1);
        // SAFETY: client and string are alive, the two out-pointers are valid for the call.
        let answer = unsafe {
            sys::rd_kafka_get_watermark_offsets(
                self.consumer.client().native_ptr(),
                topic.as_ptr(),
                partition,
                &raw mut low,
                &raw mut high,
            )
        };
        (answer == RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR && high >= 0).then_some(high)
    }
}

/// One event, destroyed with what was borrowed from it.
pub(crate) struct OwnedEvent<'q> {
    event: NonNull<sys::rd_kafka_event_t>,
    queue: &'q EventQueue,
}

impl Drop for OwnedEvent<'_> {
    fn drop(&mut self) {
        // SAFETY: the event is ours, and all that is borrowed from it borrows self.
        unsafe { sys::rd_kafka_event_destroy(self.event.as_ptr()) }
    }
}

/// What an event says.
pub(crate) enum Event<'a> {
    Message(Message<'a>),
    EndOfPartition {
        place: Place,
    },
    Error {
        code: RDKafkaErrorCode,
        message: String,
        fatal: bool,
        place: Option<Place>,
    },
    Assign(Vec<ListEntry>),
    Revoke(Vec<ListEntry>),
    Committed {
        error: Option<RDKafkaErrorCode>,
        offsets: Vec<ListEntry>,
    },
    Log {
        level: i32,
        facility: String,
        line: String,
    },
    /// Statistics and whatever a newer librdkafka may add.
    Ignored,
}

/// Where an event happened; `offset` is the event's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) topic: String,
    pub(crate) partition: i32,
    pub(crate) offset: i64,
}

/// One entry of a native list of partitions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ListEntry {
    pub(crate) topic: String,
    pub(crate) partition: i32,
    pub(crate) offset: i64,
    /// Not UTF-8 in a foreign commit: replaced, never a panic.
    pub(crate) metadata: Option<String>,
    pub(crate) error: Option<RDKafkaErrorCode>,
}

impl OwnedEvent<'_> {
    /// Reads the event. A fetched message can be taken once.
    pub(crate) fn read(&mut self) -> Event<'_> {
        let event = self.event.as_ptr();
        // SAFETY (all calls of this function): the event is alive while self is, each accessor fits the event's
        // type, and what it answers lives as long as the event, to which the result is bound by the lifetime.
        match unsafe { sys::rd_kafka_event_type(event) } {
            sys::RD_KAFKA_EVENT_FETCH => {
                // SAFETY: as above; the message stays owned by the event.
                match unsafe { sys::rd_kafka_event_message_next(event).as_ref() } {
                    Some(message) => Message { message }.into_event(),
                    None => Event::Ignored,
                }
            }
            sys::RD_KAFKA_EVENT_ERROR => self.read_error(),
            sys::RD_KAFKA_EVENT_REBALANCE => {
                // SAFETY: as above; the list is owned by the event and copied here.
                let entries = unsafe { read_list(sys::rd_kafka_event_topic_partition_list(event)) };
                match unsafe { sys::rd_kafka_event_error(event) } {
                    RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS => Event::Assign(entries),
                    RDKafkaRespErr::RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS => Event::Revoke(entries),
                    _ => self.read_error(),
                }
            }
            sys::RD_KAFKA_EVENT_OFFSET_COMMIT => {
                // SAFETY: as above.
                let offsets = unsafe { read_list(sys::rd_kafka_event_topic_partition_list(event)) };
                let error = error_of(unsafe { sys::rd_kafka_event_error(event) });
                Event::Committed { error, offsets }
            }
            sys::RD_KAFKA_EVENT_LOG => {
                let (mut facility, mut line, mut level) = (std::ptr::null(), std::ptr::null(), 0);
                // SAFETY: as above; the out-pointers are valid for the call, the strings live with the event.
                unsafe {
                    if sys::rd_kafka_event_log(event, &raw mut facility, &raw mut line, &raw mut level) != 0 {
                        return Event::Ignored;
                    }
                    Event::Log { level, facility: owned(facility), line: owned(line) }
                }
            }
            sys::RD_KAFKA_EVENT_OAUTHBEARER_TOKEN_REFRESH => {
                crate::sasl::sign_in(self.queue.consumer());
                Event::Ignored
            }
            _ => Event::Ignored,
        }
    }

    fn read_error(&self) -> Event<'static> {
        let event = self.event.as_ptr();
        // SAFETY: the event is alive; the string lives with it and is copied.
        let (error, fatal, message) = unsafe {
            (
                sys::rd_kafka_event_error(event),
                sys::rd_kafka_event_error_is_fatal(event) != 0,
                owned(sys::rd_kafka_event_error_string(event)),
            )
        };
        // SAFETY: the answer is null or a copy that we own; it is read, then destroyed, once.
        let place = unsafe {
            NonNull::new(sys::rd_kafka_event_topic_partition(event)).map(|partition| {
                let raw = partition.as_ref();
                let place = Place { topic: owned(raw.topic), partition: raw.partition, offset: raw.offset };
                sys::rd_kafka_topic_partition_destroy(partition.as_ptr());
                place
            })
        };
        match (error_of(error), place) {
            (Some(RDKafkaErrorCode::PartitionEOF), Some(place)) => Event::EndOfPartition { place },
            (Some(code), place) => Event::Error { code, message, fatal, place },
            (None, _) => Event::Ignored,
        }
    }
}

/// A fetched message, borrowed from its event.
#[derive(Clone, Copy)]
pub(crate) struct Message<'a> {
    message: &'a sys::rd_kafka_message_t,
}

impl<'a> Message<'a> {
    /// Errors of a partition may come as messages that carry a code.
    fn into_event(self) -> Event<'a> {
        let Some(code) = error_of(self.message.err) else { return Event::Message(self) };
        let place = Place { topic: self.topic(), partition: self.partition(), offset: self.offset() };
        match code {
            RDKafkaErrorCode::PartitionEOF => Event::EndOfPartition { place },
            code => Event::Error {
                code,
                message: self.value().map(|text| String::from_utf8_lossy(text).into_owned()).unwrap_or_default(),
                fatal: false,
                place: Some(place),
            },
        }
    }

    /// The address of the topic's object: the same for all records of a topic while it stays assigned.
    pub(crate) fn topic_address(&self) -> usize {
        self.message.rkt.addr()
    }

    pub(crate) fn topic(&self) -> String {
        if self.message.rkt.is_null() {
            return String::new();
        }
        // SAFETY: the message holds a reference to its topic; the name lives with it and is copied.
        unsafe { owned(sys::rd_kafka_topic_name(self.message.rkt)) }
    }

    pub(crate) fn partition(&self) -> i32 {
        self.message.partition
    }

    pub(crate) fn offset(&self) -> i64 {
        self.message.offset
    }

    /// Milliseconds since the epoch, -1 when there is none.
    pub(crate) fn timestamp_ms(&self) -> i64 {
        let mut kind = sys::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
        // SAFETY: message and out-pointer are valid for the call.
        let timestamp = unsafe { sys::rd_kafka_message_timestamp(self.message, &raw mut kind) };
        if kind == sys::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE { -1 } else { timestamp }
    }

    pub(crate) fn key(&self) -> Option<&'a [u8]> {
        // SAFETY: key and length describe one buffer of the message, alive for 'a.
        unsafe { slice(self.message.key.cast(), self.message.key_len) }
    }

    pub(crate) fn value(&self) -> Option<&'a [u8]> {
        // SAFETY: payload and length describe one buffer of the message, alive for 'a.
        unsafe { slice(self.message.payload.cast(), self.message.len) }
    }
}

impl Message<'_> {
    /// Name and value of each header in order, borrowed: nothing is copied.
    fn each_header(&self, mut visit: impl FnMut(&[u8], Option<&[u8]>)) {
        let mut headers = std::ptr::null_mut();
        // SAFETY: message and out-pointer are valid; the headers stay owned by the message. librdkafka parses them
        // into the message at the first call, which is safe because a message is seen by one thread only (it is
        // neither Send nor Sync).
        let answer = unsafe { sys::rd_kafka_message_headers(self.message, &raw mut headers) };
        if answer != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR || headers.is_null() {
            return;
        }
        for index in 0.. {
            let (mut name, mut value, mut len) = (std::ptr::null(), std::ptr::null(), 0);
            // SAFETY: headers and out-pointers are valid; an index past the end is answered by an error.
            let answer =
                unsafe { sys::rd_kafka_header_get_all(headers, index, &raw mut name, &raw mut value, &raw mut len) };
            if answer != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR {
                return;
            }
            // SAFETY: name and value live with the message, which outlives the visit.
            let (name, value) = unsafe { (text(name), slice(value.cast(), len)) };
            visit(name.to_bytes(), value);
        }
    }
}

impl HeaderSource for Message<'_> {
    fn read(&self) -> Vec<(String, Option<Vec<u8>>)> {
        let mut read = Vec::new();
        self.each_header(|name, value| {
            read.push((String::from_utf8_lossy(name).into_owned(), value.map(<[u8]>::to_vec)));
        });
        read
    }

    fn total_bytes(&self) -> usize {
        let mut bytes = 0;
        self.each_header(|name, value| bytes += name.len() + value.map_or(0, <[u8]>::len));
        bytes
    }
}

/// Reads a list made by rdkafka without its accessors, which panic on metadata that is not UTF-8.
pub(crate) fn read_partition_list(list: &TopicPartitionList) -> Vec<ListEntry> {
    // SAFETY: the list is alive for the call and not changed by it.
    unsafe { read_list(list.ptr()) }
}

/// librdkafka's own name of a code, as `UNKNOWN_TOPIC_OR_PART`.
pub(crate) fn code_name(code: RDKafkaErrorCode) -> String {
    match RDKafkaRespErr::try_from(code as i32) {
        // SAFETY: the call answers a static string.
        Ok(raw) => unsafe { owned(sys::rd_kafka_err2name(raw)) },
        Err(_) => format!("{code:?}"),
    }
}

pub(crate) fn error_of(raw: RDKafkaRespErr) -> Option<RDKafkaErrorCode> {
    (raw != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR).then(|| raw.into())
}

/// # Safety
/// `list` is null or a list alive for the call.
pub(crate) unsafe fn read_list(list: *const sys::rd_kafka_topic_partition_list_t) -> Vec<ListEntry> {
    // SAFETY: by the caller; `cnt` elements lie at `elems`.
    unsafe {
        let Some(list) = list.as_ref() else { return Vec::new() };
        let count = usize::try_from(list.cnt).unwrap_or(0);
        if count == 0 {
            return Vec::new();
        }
        std::slice::from_raw_parts(list.elems, count)
            .iter()
            .map(|raw| ListEntry {
                topic: owned(raw.topic),
                partition: raw.partition,
                offset: raw.offset,
                metadata: slice(raw.metadata.cast(), raw.metadata_size)
                    .map(|bytes| String::from_utf8_lossy(bytes).into_owned()),
                error: error_of(raw.err),
            })
            .collect()
    }
}

/// # Safety
/// `pointer` is null or a C string alive for the call.
pub(crate) unsafe fn owned(pointer: *const c_char) -> String {
    // SAFETY: by the caller.
    unsafe { text(pointer) }.to_string_lossy().into_owned()
}

/// # Safety
/// `pointer` is null or a C string alive for 'a.
unsafe fn text<'a>(pointer: *const c_char) -> &'a CStr {
    // SAFETY: by the caller.
    if pointer.is_null() { c"" } else { unsafe { CStr::from_ptr(pointer) } }
}

/// # Safety
/// `data` is null or `len` bytes alive for 'a.
unsafe fn slice<'a>(data: *const u8, len: usize) -> Option<&'a [u8]> {
    // SAFETY: by the caller.
    (!data.is_null()).then(|| unsafe { std::slice::from_raw_parts(data, len) })
}
