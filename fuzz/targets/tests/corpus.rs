//! Every input of `fuzz/corpus` through its target, as the fuzzers would: seeds made by hand, inputs that reached new
//! code, and whatever once broke something.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use landfall_fuzz_targets::{Answer, TARGETS};

fn fuzz() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn names_in(folder: &Path) -> BTreeSet<String> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    entries.map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned()).collect()
}

#[test]
fn every_target_has_its_fuzzer_and_its_corpus_and_nothing_else_has() {
    let targets: BTreeSet<String> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(names_in(&fuzz().join("fuzz_targets")), targets, "fuzz/fuzz_targets");
    assert_eq!(names_in(&fuzz().join("corpus")), targets, "fuzz/corpus");
}

#[test]
fn every_input_of_the_corpus_keeps_the_properties_of_its_target() {
    let mut broken = Vec::new();
    for (name, target) in TARGETS {
        let (mut accepted, mut refused) = (0, 0);
        let mut inputs: Vec<PathBuf> =
            std::fs::read_dir(fuzz().join("corpus").join(name)).unwrap().map(|entry| entry.unwrap().path()).collect();
        inputs.sort();
        for path in inputs {
            let data = std::fs::read(&path).unwrap();
            match std::panic::catch_unwind(|| target(&data)) {
                Ok(Answer::Accepted) => accepted += 1,
                Ok(Answer::Refused) => refused += 1,
                Err(_) => broken.push(path),
            }
        }
        println!("{name:16} {accepted:4} accepted {refused:4} refused");
        assert!(accepted > 0, "nothing in the corpus of {name} is accepted: its properties are never looked at");
        // Any bytes are a sequence of operations.
        assert!(refused > 0 || *name == "offsets_algebra", "nothing in the corpus of {name} is refused");
    }
    assert!(broken.is_empty(), "these break a property of their target, see above: {broken:#?}");
}
