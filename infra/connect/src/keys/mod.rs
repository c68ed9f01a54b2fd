//! Tables of the keys that are known, in the groups and the order in which a form shows them.

mod aiven;
mod common;
mod confluent_s3;
mod confluent_storage;

use crate::definition::Group;

pub(crate) const COMMON: &[Group] = common::GROUPS;
pub(crate) const CONFLUENT: &[Group] = &[
    confluent_s3::OBJECTS,
    confluent_s3::CLIENT,
    confluent_s3::RECORDS,
    confluent_storage::CONNECTOR,
    confluent_storage::STORAGE,
    confluent_storage::PARTITIONER,
];
pub(crate) const AIVEN: &[Group] = &[aiven::BUCKET, aiven::FILE, aiven::FORMAT];

/// Why keys are not needed, in words used again and again.
const REGISTERED: &str = "the operator registers buckets, with their region and role";
const WORKERS: &str = "the worker decides how it talks to S3";
const SCHEMALESS: &str = "records have no schema";
const OFF: &str = "it is off";
const LEAVE: &str = "leave it out";
const LATER: &str = "is not supported yet";
const CREDENTIALS: &str = "is about credentials, which a connector may not bring";
const ROLE: &str = "leave it out: the operator registers buckets with the role that is used for them";
