//! Everything at once, by seed: a random subset of faults, deeds, a kill, an order. The laws hold and the run ends.

use std::time::Duration;

use bluegreen_core::drive::{DriveError, Ended};
use bluegreen_core::journal::Verb;
use bluegreen_core::model::{AfterCommit, Capacity, DriftPolicy, Percent, Split, Weight};
use bluegreen_core::observe::AlarmState;
use bluegreen_core::plan::Plan;
use bluegreen_sandbox::executor::{Schedule, Sim};
use bluegreen_sandbox::faults::{Fault, FaultRule, Operations};
use bluegreen_sandbox::scenario::{METRIC_ALARMS, Scenario};
use bluegreen_sandbox::seed::Sequence;
use bluegreen_sandbox::world::{Behaviour, Deed, Lag, ReadLags, When};

use super::{Outcome, assert_clean, driver, start};

/// A scenario whose choices come from the sequence.
fn scenario(seed: u64, dice: &mut Sequence) -> Scenario {
    let mut scenario = Scenario::shop().with_routes(1 + dice.below(3));
    if dice.below(2) == 0 {
        scenario = scenario.aws_like();
        scenario.lags = ReadLags::all(Lag::up_to([0, 5_000, 30_000][dice.below(3)]));
    }
    scenario.seed = seed;
    scenario.sticky = [None, Some(5), Some(120)][dice.below(3)];
    scenario.attached = dice.below(2) == 0;
    scenario.test_route = dice.below(3) == 0;
    scenario.capacity = [Capacity::Full, Capacity::MatchWeight][dice.below(2)];
    scenario.after = [AfterCommit::KeepWarm, AfterCommit::ScaleTo(0)][dice.below(2)].clone();
    scenario.drift = [DriftPolicy::Hold, DriftPolicy::Rollback][dice.below(2)];
    if dice.below(3) == 0 {
        let share = Percent::from_tenths([100, 500, 1000][dice.below(3)]).unwrap();
        let clears = [None, Some(Duration::from_secs(3))][dice.below(2)];
        scenario = scenario.red_at(share, Duration::from_secs(dice.below(8) as u64), clears);
    }
    scenario
}

/// Gives the run its faults.
fn trouble(sim: &mut Sim<Outcome>, scenario: &Scenario, dice: &mut Sequence) {
    let now = sim.world(bluegreen_sandbox::world::World::now_ms);
    let span = if scenario.timing.poll > Duration::from_secs(1) { 1_200_000 } else { 40_000 };
    let at = |dice: &mut Sequence| now + dice.below(span) as u64;
    if dice.below(2) == 0 {
        let from = at(dice);
        let rule = FaultRule::new(Operations::All, Fault::THROTTLED).within(from..from + span as u64 / 2);
        sim.fault(rule.with_probability([100, 300, 500][dice.below(3)]));
    }
    for fault in [Fault::TIMEOUT_APPLIED, Fault::TIMEOUT_NOT_APPLIED] {
        if dice.below(3) == 0 {
            sim.fault(FaultRule::new(Operations::Mutations, fault).with_probability(150));
        }
    }
    if dice.below(4) == 0 {
        sim.fault(FaultRule::new(Operations::All, Fault::Slow(3_000)).with_probability(50));
    }
    let groups = scenario.groups();
    let weight = |weight: usize| Weight::try_from(u32::try_from(weight).unwrap()).unwrap();
    let split = Split::new(vec![(groups.blue, weight(500 + dice.below(499))), (groups.green, weight(dice.below(900)))]);
    let routes = scenario.route_ids();
    let deeds = [
        Deed::EditWeights(routes[dice.below(routes.len())].clone(), split.unwrap()),
        Deed::SetAlarm(METRIC_ALARMS[1].to_owned(), AlarmState::Alarm),
        Deed::SetAlarm(METRIC_ALARMS[1].to_owned(), AlarmState::InsufficientData),
        Deed::DeleteAlarm(METRIC_ALARMS[0].to_owned()),
        Deed::Behave("web:2".to_owned(), Behaviour::NeverHealthy),
        Deed::Behave("web:2".to_owned(), Behaviour::Flaps { healthy: 7_000, unhealthy: 3_000 }),
    ];
    if dice.below(2) == 0 {
        let when = When::At(at(dice));
        let deed = deeds[dice.below(deeds.len())].clone();
        sim.world_mut(|world| world.script(when, deed));
    }
}

/// Kills the operator once or twice, or not at all, each time with somebody who takes the run up.
pub(super) fn killed_and_resumed(sim: &mut Sim<Outcome>, plan: &Plan, dice: &mut Sequence) {
    let mut last = "a";
    for next in ["b", "c"] {
        if dice.below(2) == 0 {
            let (again, first, plan) = (driver(sim, next), driver(sim, next), plan.clone());
            let resume = move || async move {
                match again.resume(&plan.run).await {
                    Err(DriveError::Fold(_)) => first.start(&plan).await,
                    other => other,
                }
            };
            let downtime = Duration::from_secs(dice.below(100) as u64);
            sim.crash(last, 1 + dice.below(500) as u64, downtime, Some((next, resume)));
            last = next;
        }
    }
}

/// One run; its operator is killed once or twice and taken up again.
fn one(seed: u64, change: fn(Scenario) -> Scenario) {
    let mut dice = Sequence::new(seed);
    let scenario = change(scenario(seed, &mut dice));
    let plan = scenario.plan();
    let mut sim = Sim::new(scenario.world(), seed);
    sim.bounds.time = Duration::from_secs(24 * 3600);
    start(&mut sim, "a", &plan);
    trouble(&mut sim, &scenario, &mut dice);
    if dice.below(4) == 0 {
        let verb = [Verb::Abort, Verb::Pause, Verb::PromoteFull][dice.below(3)];
        sim.give_after(Duration::from_secs(dice.below(60) as u64), &plan.run, verb);
        if verb == Verb::Pause {
            sim.give_after(Duration::from_secs(300), &plan.run, Verb::Promote);
        }
    }
    killed_and_resumed(&mut sim, &plan, &mut dice);
    let report = sim.run(&Schedule::RoundRobin);
    assert_clean(&sim, &report, &format!("seed {seed}, {scenario:#?}"));
    let finished = report.operators.iter().any(|operator| match &operator.fate {
        bluegreen_sandbox::executor::Fate::Finished { result: Some(result), .. } => {
            matches!(result, Ok(Ended::Finished(_)) | Err(DriveError::Over { .. }))
        }
        _ => false,
    });
    assert!(finished, "seed {seed}: {:#?}", report.operators);
}

#[test]
fn a_swarm_of_seeds_breaks_no_law() {
    swarm(|scenario| scenario);
}

/// Runs each seed with its scenario changed so.
pub(super) fn swarm(change: fn(Scenario) -> Scenario) {
    seeds_that_fail("direct weights", 200, |seed| one(seed, change));
}

/// Runs so many seeds, or as many as `BLUEGREEN_SEEDS` says, and names those that fail.
pub(super) fn seeds_that_fail(name: &str, usual: u64, one: impl Fn(u64) + std::panic::RefUnwindSafe) {
    let seeds = option_env!("BLUEGREEN_SEEDS").and_then(|text| text.parse().ok()).unwrap_or(usual);
    let failed: Vec<u64> = (0..seeds).filter(|seed| std::panic::catch_unwind(|| one(*seed)).is_err()).collect();
    assert!(failed.is_empty(), "{name}: {} of {seeds} seeds: {failed:?}", failed.len());
}

/// The same seed gives the same run, call for call.
#[test]
fn a_seed_repeats() {
    let trace = |seed| {
        let mut dice = Sequence::new(seed);
        let scenario = scenario(seed, &mut dice);
        let mut sim = Sim::new(scenario.world(), seed);
        start(&mut sim, "a", &scenario.plan());
        trouble(&mut sim, &scenario, &mut dice);
        sim.run(&Schedule::Random(seed));
        sim.trace()
    };
    for seed in 0..10 {
        assert_eq!(trace(seed), trace(seed));
    }
}
