//! The invariants, over everything there is.

use stateright::Property;

use crate::state::{PARTITIONS, State, View, bit};
use crate::step::Protocol;

/// The mask of a token's upload.
fn mask_of(state: &State, tok: u8) -> u8 {
    state.uploads.get(&tok).map_or(0, |upload| upload.1)
}

/// The log of the present generation.
fn log(state: &State) -> View {
    View::of(&state.logs[usize::from(state.generation)])
}

fn no_loss(_: &Protocol, state: &State) -> bool {
    let absent = log(state).absent;
    let shown = state.shown.iter().fold(0, |all, (_, tok)| all | mask_of(state, *tok));
    // What is declared absent was not there to be had, and nobody shows it.
    absent & !state.compacted == 0 && absent & shown == 0
}

fn no_duplicate(_: &Protocol, state: &State) -> bool {
    let mut seen = 0;
    state.shown.iter().all(|(_, tok)| {
        let mask = mask_of(state, *tok);
        let twice = seen & mask != 0;
        seen |= mask;
        !twice
    })
}

fn disjoint(_: &Protocol, state: &State) -> bool {
    !state.hole && state.logs.iter().all(|log| !View::of(log).overlap)
}

fn named(_: &Protocol, state: &State) -> bool {
    if state.log_expired {
        // Nothing names anything any more; the job has stopped over it.
        return true;
    }
    let log = log(state);
    let names = |key: u8, tok: u8| log.files.iter().any(|f| f.key == key && (f.tok == tok || f.earlier.contains(&tok)));
    state.objects.iter().all(|(key, tok)| names(*key, *tok))
}

fn commit_not_ahead(_: &Protocol, state: &State) -> bool {
    let log = log(state);
    let shown = state.shown.iter().fold(0, |all, (_, tok)| all | mask_of(state, *tok));
    (0..PARTITIONS).all(|p| state.committed[p] <= View::low_in(shown | log.absent, p))
}

fn unchanged(_: &Protocol, state: &State) -> bool {
    !state.replaced
}

fn own_uploads(_: &Protocol, state: &State) -> bool {
    let pending = log(state);
    let aborted = pending.pending().any(|file| state.aborted.contains(&file.tok));
    !aborted
}

/// Wherever the protocol has nothing left to do, every record is visible, or rightly absent.
fn everything_lands(model: &Protocol, state: &State) -> bool {
    if state.workers.iter().any(|worker| worker.stopped) || !model.steps_left(state).is_empty() {
        return true;
    }
    let log = log(state);
    let shown = state.shown.iter().fold(0, |all, (_, tok)| all | mask_of(state, *tok));
    (0..PARTITIONS).all(|p| {
        (0..model.plan.records[p]).all(|offset| {
            let record = bit(p, offset);
            shown & record != 0 || log.absent & state.compacted & record != 0
        })
    })
}

pub fn properties() -> Vec<Property<Protocol>> {
    vec![
        Property::always("I1 no loss", no_loss),
        Property::always("I2 no duplicate", no_duplicate),
        Property::always("I3 disjoint", disjoint),
        Property::always("I4 named", named),
        Property::always("I5 commit not ahead", commit_not_ahead),
        Property::always("I6 unchanged", unchanged),
        Property::always("I7 everything lands", everything_lands),
        Property::always("I8 own uploads only", own_uploads),
    ]
}
