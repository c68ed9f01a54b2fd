//! Confluent's S3 sink: what its keys say of objects, their names and when they are closed.

mod key;
mod object;
mod partitioner;
mod rotate;

use crate::draft::Draft;
use crate::input::Input;
use crate::translate::ConnectDefaults;

pub(crate) use object::endpoint;

pub(crate) fn read(input: &mut Input<'_>, draft: &mut Draft, defaults: &ConnectDefaults) {
    object::read(input, draft, defaults);
    let partitions = partitioner::read(input, draft);
    rotate::read(input, draft, partitions.clock);
    key::read(input, draft, &partitions.encoded);
}
