//! The protocol as an explicit-state model: every interleaving of a few workers, partitions, records and faults.
//!
//! `PLANS` say which faults may happen and how often; with all rules on, no reachable state breaks an invariant, and
//! wherever nothing is left to do everything has landed (I7). `BROKEN` takes one rule away each: then a counterexample
//! must be found, or the rule would be decoration. `LANDFALL_MODEL=deep` explores more (`just model`).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod check;
mod plan;
mod state;
mod step;

use plan::{BROKEN, PLANS, Plan, Rules};
use stateright::{Checker, Model};

/// States explored of one plan at the most.
const CAP: usize = if option_env!("LANDFALL_MODEL").is_some() { 20_000_000 } else { 500_000 };

/// Explores; answers the states seen, whether all were, and what is broken, by invariant.
fn explore(plan: &Plan, rules: Rules) -> (usize, bool, Vec<(&'static str, String)>) {
    let model = step::Protocol { plan: plan.clone(), rules };
    let checker = model.checker().threads(2).target_state_count(CAP).spawn_bfs().join();
    let (states, seen) = (checker.unique_state_count(), checker.state_count());
    let broken = checker
        .discoveries()
        .into_iter()
        .map(|(invariant, path)| {
            let steps: Vec<String> = path.into_actions().iter().map(|step| format!("{step:?}")).collect();
            (invariant, steps.join(", "))
        })
        .collect();
    (states, seen < CAP, broken)
}

#[test]
fn with_every_rule_no_schedule_breaks_an_invariant_and_everything_lands() {
    for plan in PLANS {
        let (states, whole, broken) = explore(plan, Rules::all());
        println!("{:48} {states:>9} states{}", plan.name, if whole { "" } else { " (capped)" });
        assert!(broken.is_empty(), "{}: {broken:#?}", plan.name);
        assert!(states > 50, "{}: only {states} states: the plan does nothing", plan.name);
    }
}

#[test]
fn without_a_rule_a_schedule_that_breaks_an_invariant_is_found() {
    for (rule, take_away, plan_name, invariant) in BROKEN {
        let plan = PLANS.iter().find(|plan| plan.name == *plan_name).expect("a plan of that name");
        let mut rules = Rules::all();
        take_away(&mut rules);
        let (states, _, broken) = explore(plan, rules);
        let found = broken.iter().find(|(broken, _)| broken == invariant);
        let (_, schedule) =
            found.unwrap_or_else(|| panic!("{rule}: {invariant} holds in {states} states of {plan_name}: {broken:?}"));
        println!("without \"{rule}\": {invariant} is broken by {schedule}");
    }
}
