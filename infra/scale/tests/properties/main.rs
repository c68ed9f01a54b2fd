//! What holds of the decision, as properties. `docs/scaling-breaks.md` says which of them notices which mistake.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod bounds;
mod contract;
mod monotone;
mod neighbours;
mod pool;
mod simulated;
mod steady;
mod unknown;
mod zero;
