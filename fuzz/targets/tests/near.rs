//! Inputs near those of the corpus, made by a fixed rule: what a fuzzer would try first, in the ordinary tests and without
//! its toolchain. `LANDFALL_FUZZ_ROUNDS` makes more of them; the round and the input are told when a property breaks.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::{Path, PathBuf};

use landfall_fuzz_targets::TARGETS;

/// Changes of each input in an ordinary run.
const ROUNDS: u64 = 40;
/// No input grows beyond it.
const MAX_BYTES: usize = 16_384;
/// Pieces that mean something to a parser.
const WORDS: [&str; 24] = [
    "{",
    "}",
    "[",
    "]",
    "\"",
    ",",
    ":",
    "0",
    "-1",
    "9223372036854775807",
    "18446744073709551615",
    "1e400",
    "null",
    "true",
    "..",
    "/",
    "\\",
    "\n",
    "\0",
    "{topic}",
    "{unique}",
    "%Y",
    "\u{1}",
    "\u{10ffff}",
];

/// Numbers that look random and are the same in every run.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(end.max(1)).unwrap()).unwrap()
    }
}

fn change(input: &mut Vec<u8>, other: &[u8], numbers: &mut Numbers) {
    let at = numbers.below(input.len() + 1);
    let until = (at + 1 + numbers.below(16)).min(input.len());
    match numbers.below(7) {
        0 if at < input.len() => input[at] ^= 1 << numbers.below(8),
        1 if at < input.len() => input[at] = u8::try_from(numbers.below(256)).unwrap(),
        2 => drop(input.drain(at.min(until)..until)),
        3 => {
            let again = input[at.min(until)..until].to_vec();
            input.splice(at..at, again);
        }
        4 => {
            let from = numbers.below(other.len());
            let piece = &other[from..(from + numbers.below(64)).min(other.len())];
            input.splice(at..at, piece.iter().copied());
        }
        5 => input.truncate(at),
        _ => {
            let word = WORDS[numbers.below(WORDS.len())];
            let until = if numbers.below(2) == 0 { at } else { until.max(at) };
            input.splice(at..until, word.bytes());
        }
    }
    input.truncate(MAX_BYTES);
}

#[test]
fn inputs_near_those_of_the_corpus_keep_the_properties_too() {
    let rounds = std::env::var("LANDFALL_FUZZ_ROUNDS").map_or(ROUNDS, |rounds| rounds.parse().unwrap());
    let only = std::env::var("LANDFALL_FUZZ_TARGET").unwrap_or_default();
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("corpus");
    let mut broken = Vec::new();
    for (name, target) in TARGETS.iter().filter(|(name, _)| name.contains(&only)) {
        let mut paths: Vec<PathBuf> =
            std::fs::read_dir(corpus.join(name)).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        let inputs: Vec<Vec<u8>> = paths.iter().map(|path| std::fs::read(path).unwrap()).collect();
        for (path, input) in paths.iter().zip(&inputs) {
            for round in 1..=rounds {
                let mut numbers = Numbers(round.wrapping_mul(0x9e37_79b9_7f4a_7c15));
                let (mut input, other) = (input.clone(), &inputs[numbers.below(inputs.len())]);
                for _ in 0..=numbers.below(6) {
                    change(&mut input, other, &mut numbers);
                }
                if std::panic::catch_unwind(|| target(&input)).is_err() {
                    broken.push(format!(
                        "{name}: round {round} of {}: {:?}",
                        path.display(),
                        String::from_utf8_lossy(&input)
                    ));
                    break;
                }
            }
        }
    }
    assert!(broken.is_empty(), "these break a property of their target, see above:\n{}", broken.join("\n"));
}
