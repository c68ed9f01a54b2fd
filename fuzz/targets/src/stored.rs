//! What the fleet shares in its state bucket beside the logs.

use landfall_store::record::DecodeError;
use landfall_store::{Heartbeat, JobRecord};

use crate::Answer;

fn refused(error: &DecodeError) -> Answer {
    match error {
        DecodeError::UnknownFormat(format) => assert_ne!(*format, 1),
        DecodeError::Malformed(what) => assert!(!what.is_empty()),
    }
    Answer::Refused
}

pub(crate) fn job_record(data: &[u8]) -> Answer {
    let record = match JobRecord::decode(data) {
        Ok(record) => record,
        Err(error) => return refused(&error),
    };
    let json = record.encode().unwrap();
    let again = JobRecord::decode(&json).unwrap_or_else(|e| panic!("{}: {e}", String::from_utf8_lossy(&json)));
    assert_eq!(again, record);
    assert_eq!(again.encode().unwrap(), json, "written twice, the same bytes");
    Answer::Accepted
}

pub(crate) fn heartbeat(data: &[u8]) -> Answer {
    let heartbeat = match Heartbeat::decode(data) {
        Ok(heartbeat) => heartbeat,
        Err(error) => return refused(&error),
    };
    let json = serde_json::to_vec(&heartbeat).unwrap();
    let again = Heartbeat::decode(&json).unwrap_or_else(|e| panic!("{}: {e}", String::from_utf8_lossy(&json)));
    assert_eq!(again, heartbeat);
    Answer::Accepted
}
