//! What every job of a config does otherwise than the connector, whatever the config says.

use crate::input::Input;

pub(crate) fn add(input: &mut Input<'_>) {
    if input.get("consumer.override.isolation.level").is_none() {
        let text = "read_committed: records of transactions that were aborted do not land, where a sink reads them unless \
                    its consumer is told otherwise";
        input.remark(&["source.isolation"], text);
    }
    let text =
        "the job begins where the connector's group stands: stop the connector first, and see that the group is empty";
    input.remark(&["source.start", "source.group"], text);
}
