//! The Kafka adapters against librdkafka's mock cluster, always, and against a real broker where
//! `LANDFALL_TEST_KAFKA_BOOTSTRAP` names one (with `CI=true` it must). Every scenario that both can play is written
//! once, in `scenarios`, and run on both.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss
)]

mod admin;
mod allocations;
mod cluster;
mod driver;
mod faults;
mod real;
mod scenarios;
