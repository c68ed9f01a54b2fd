//! A dead letter as it lies in S3.

use landfall_dlq::Letter;

use crate::Answer;

pub(crate) fn dead_letter(data: &[u8]) -> Answer {
    let letter = match Letter::from_json_line(data) {
        Ok(letter) => letter,
        Err(error) => {
            assert!(error.to_string().starts_with("no dead letter: "), "{error}");
            return Answer::Refused;
        }
    };
    let mut line = Vec::new();
    letter.to_json_line(&mut line);
    assert_eq!(line.iter().filter(|byte| **byte == b'\n').count(), 1, "one line");
    assert_eq!(line.last(), Some(&b'\n'));
    assert_eq!(Letter::from_json_line(&line).unwrap(), letter);
    Answer::Accepted
}
