//! Two operators on one service: one works, the other leaves and names it, in whatever order their calls fall.

use std::collections::BTreeSet;

use bluegreen_core::drive::DriveError;
use bluegreen_core::journal::{JournalError, Terminal};
use bluegreen_core::plan::Plan;
use bluegreen_sandbox::executor::{Report, Schedule, Sim, explore};
use bluegreen_sandbox::scenario::Scenario;

use super::{Outcome, assert_clean, driver, start, terminal};

/// Two operators that start a release of the same service at once, each with its own plan.
pub(super) fn pair(scenario: &Scenario, plans: &[Plan; 2]) -> Sim<Outcome> {
    let mut sim = Sim::new(scenario.world(), scenario.seed);
    start(&mut sim, "a", &plans[0]);
    start(&mut sim, "b", &plans[1]);
    sim
}

pub(super) fn plans(scenario: &Scenario) -> [Plan; 2] {
    let first = scenario.plan();
    let mut second = first.clone();
    second.run = bluegreen_core::model::RunId::new("shop", first.created_at, 2);
    [first, second]
}

/// One is promoted, the other was told who holds the service.
pub(super) fn one_works_one_leaves(sim: &Sim<Outcome>, report: &Report<Outcome>, story: &str) -> &'static str {
    assert_clean(sim, report, story);
    let (worker, other, name) = match terminal(report, "a") {
        Some(_) => ("a", "b", "a"),
        None => ("b", "a", "b"),
    };
    assert_eq!(terminal(report, worker), Some(Terminal::Promoted), "{story}: {:?}", report.operators);
    match report.result(other) {
        Some(Err(DriveError::Journal(JournalError::Held { owner, .. }))) => {
            assert!(owner.starts_with(&format!("{worker}@")), "{story}: {owner}");
        }
        found => panic!("{story}: {other} ended with {found:?}"),
    }
    assert_eq!(sim.world(|world| world.state().definitions.len()), 2, "{story}: one new revision");
    name
}

#[test]
fn every_interleaving_of_the_first_forty_calls_is_safe() {
    let scenario = Scenario::shop().with_routes(2);
    let plans = plans(&scenario);
    let mut workers = BTreeSet::new();
    // Forty calls are eighty yield points.
    let explored = explore(
        80,
        || pair(&scenario, &plans),
        |choices, sim, report| {
            workers.insert(one_works_one_leaves(sim, report, &format!("{choices:?}")));
        },
    );
    assert_eq!(workers.into_iter().collect::<Vec<_>>(), ["a", "b"], "both must have won somewhere");
    assert!(explored.runs > 2 && explored.pruned > 0, "{explored:?}");
    eprintln!("figure: two operators, every interleaving of the first 40 calls: {explored:?}");
}

#[test]
fn random_interleavings_are_safe() {
    let scenario = Scenario::shop();
    let plans = plans(&scenario);
    for seed in 0..50 {
        let mut sim = pair(&scenario, &plans);
        let report = sim.run(&Schedule::Random(seed));
        one_works_one_leaves(&sim, &report, &format!("seed {seed}"));
    }
}

/// Two processes resume the same run after its operator died, at any point: one of them finishes it.
#[test]
fn two_that_resume_one_run_do_not_disturb_each_other() {
    let scenario = Scenario::shop().with_routes(2);
    let plan = scenario.plan();
    for (point, seed) in (20..600).step_by(10).zip(0..) {
        let mut sim = Sim::new(scenario.world(), seed);
        start(&mut sim, "a", &plan);
        let (ports, takers) = (sim.ports("watch"), [driver(&sim, "b"), driver(&sim, "c")]);
        sim.crash("a", point, std::time::Duration::ZERO, None::<(&str, fn() -> std::future::Ready<Outcome>)>);
        for (name, taker) in ["b", "c"].into_iter().zip(takers) {
            let (run, clock) = (plan.run.clone(), ports.clock.clone());
            // Early on the first operator still works, and later ones are told so; they come when it is dead.
            sim.spawn(name, async move {
                clock.sleep_until(clock.now() + std::time::Duration::from_secs(40)).await;
                taker.resume(&run).await
            });
        }
        let report = sim.run(&Schedule::Random(seed));
        assert_clean(&sim, &report, &format!("point {point}"));
        let ends: Vec<_> = ["b", "c"].iter().map(|name| terminal(&report, name)).collect();
        assert!(ends.contains(&Some(Terminal::Promoted)), "point {point}: {:?}", report.operators);
    }
}
