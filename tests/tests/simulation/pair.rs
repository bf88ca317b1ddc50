//! Two operators on one service: one works, the other leaves and names it, in whatever order their calls fall.

use std::collections::BTreeSet;

use bluegreen_core::drive::DriveError;
use bluegreen_core::journal::{JournalError, Terminal};
use bluegreen_core::plan::{Engine, Plan};
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
    if let Engine::Ecs(engine) = &mut second.engine {
        // The pauses carry the run's mark.
        let text = engine.configuration.to_string().replace(first.run.as_str(), second.run.as_str());
        engine.configuration = serde_json::from_str(&text).unwrap();
    }
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

/// All orders in which the first forty calls of two operators can fall.
pub(super) fn every_interleaving(name: &str, scenario: &Scenario) {
    let plans = plans(scenario);
    let mut workers = BTreeSet::new();
    // Forty calls are eighty yield points.
    let explored = explore(
        80,
        || pair(scenario, &plans),
        |choices, sim, report| {
            workers.insert(one_works_one_leaves(sim, report, &format!("{name}, {choices:?}")));
        },
    );
    assert_eq!(workers.into_iter().collect::<Vec<_>>(), ["a", "b"], "{name}: both must have won somewhere");
    assert!(explored.runs > 2 && explored.pruned > 0, "{name}: {explored:?}");
    eprintln!("figure: two operators of {name}, every interleaving of the first 40 calls: {explored:?}");
}

/// Fifty orders of all calls, drawn; `also` looks at each end.
pub(super) fn random_interleavings(name: &str, scenario: &Scenario, also: fn(&Sim<Outcome>, &str)) {
    let plans = plans(scenario);
    for seed in 0..50 {
        let mut sim = pair(scenario, &plans);
        let report = sim.run(&Schedule::Random(seed));
        let story = format!("{name}, seed {seed}");
        one_works_one_leaves(&sim, &report, &story);
        also(&sim, &story);
    }
}

#[test]
fn every_interleaving_of_the_first_forty_calls_is_safe() {
    every_interleaving("two services", &Scenario::shop().with_routes(2));
}

#[test]
fn random_interleavings_are_safe() {
    random_interleavings("two services", &Scenario::shop(), |_, _| {});
}

/// Two processes resume the same run after its operator died, at every `step`th point: one of them finishes it.
pub(super) fn two_resume(story: &str, scenario: &Scenario, step: usize) {
    let plan = scenario.plan();
    for (point, seed) in (20..600).step_by(step).zip(0..) {
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
        assert_clean(&sim, &report, &format!("{story}, point {point}"));
        let ends: Vec<_> = ["b", "c"].iter().map(|name| terminal(&report, name)).collect();
        assert!(ends.contains(&Some(Terminal::Promoted)), "{story}, point {point}: {:?}", report.operators);
    }
}

#[test]
fn two_that_resume_one_run_do_not_disturb_each_other() {
    two_resume("two services", &Scenario::shop().with_routes(2), 10);
}
