//! The fleets are task sets of one service: every suite again.

use std::time::Duration;

use bluegreen_core::journal::{Terminal, Verb};
use bluegreen_core::model::{AfterCommit, Capacity, Color};
use bluegreen_core::ports::ServiceChange;
use bluegreen_sandbox::executor::Sim;
use bluegreen_sandbox::scenario::{CLUSTER, Scenario};
use bluegreen_sandbox::world::{Behaviour, Deed, Lag, ReadLags, When, World};

use super::crash::{sweep, ten};
use super::faults::{broken_laws, fail_each_call, lose_each_answer, now};
use super::pair::{every_interleaving, random_interleavings};
use super::{Outcome, one_operator, run, terminal};

/// What the service has in the end: group, revision, tasks asked for, whether it is primary.
type Sets = Vec<(String, String, u32, bool)>;

fn sets(world: &World) -> Sets {
    let service = world.service_in(world.state(), CLUSTER, "web", world.now_ms()).unwrap();
    let live = service.task_sets.iter().filter(|set| set.is_live());
    let shown = live.map(|set| {
        let group = set.target_groups[0].name().to_owned();
        (group, set.task_definition.short().to_owned(), set.desired, set.is_primary())
    });
    shown.collect()
}

fn only(group: &str, revision: &str) -> Sets {
    vec![(group.to_owned(), revision.to_owned(), 4, true)]
}

fn shop() -> Scenario {
    Scenario::shop().with_routes(1).with_task_sets()
}

fn scale_in(mut scenario: Scenario) -> Scenario {
    scenario.after = AfterCommit::ScaleTo(0);
    scenario
}

fn made(sim: &Sim<Outcome>) -> usize {
    sim.trace().iter().filter(|call| call.operation == "ecs:CreateTaskSet" && call.applied).count()
}

#[test]
fn a_calm_release_leads_with_the_new_set() {
    let warm = vec![("web-blue".to_owned(), "web:1".to_owned(), 4, false), only("web-green", "web:2").remove(0)];
    let left = Scenario::shop().with_routes(1).with_leftover();
    for (scenario, expected) in [
        (shop(), warm.clone()),
        (scale_in(shop()), only("web-green", "web:2")),
        (left.clone(), warm),
        (scale_in(left), only("web-green", "web:2")),
    ] {
        let mut sim = one_operator(&scenario, &scenario.plan());
        let report = run(&mut sim, "calm");
        assert_eq!(terminal(&report, "a"), Some(Terminal::Promoted), "{:?}", report.operators);
        assert_eq!(sim.world(sets), expected);
        assert_eq!(made(&sim), 1);
    }
}

#[test]
fn a_red_alarm_takes_the_new_set_away() {
    let red = |scenario: Scenario| scenario.red_at(ten(), Duration::from_secs(4), None);
    for scenario in [red(shop()), red(Scenario::shop().with_leftover())] {
        let mut sim = one_operator(&scenario, &scenario.plan());
        let report = run(&mut sim, "red");
        assert_eq!(terminal(&report, "a"), Some(Terminal::RolledBack), "{:?}", report.operators);
        assert_eq!(sim.world(sets), only("web-blue", "web:1"), "what was left behind is not made again");
    }
}

#[test]
fn the_calm_run_survives_a_kill_anywhere() {
    sweep("task sets, calm", &shop(), &|_, _| {}, Terminal::Promoted);
}

#[test]
fn the_red_run_survives_a_kill_anywhere() {
    let scenario = shop().red_at(ten(), Duration::from_secs(4), None);
    sweep("task sets, red", &scenario, &|_, _| {}, Terminal::RolledBack);
}

#[test]
fn the_abort_run_survives_a_kill_anywhere() {
    let abort = |sim: &mut Sim<Outcome>, plan: &bluegreen_core::plan::Plan| {
        sim.give_after(Duration::from_secs(8), &plan.run, Verb::Abort);
    };
    sweep("task sets, abort", &shop(), &abort, Terminal::Aborted);
}

/// The longest way: a set that was left goes, shares grow with the weights, the test route moves, the old set goes.
#[test]
fn a_release_that_grows_and_deletes_survives_a_kill_anywhere() {
    let mut scenario = scale_in(Scenario::shop().with_routes(1).with_leftover());
    scenario.capacity = Capacity::MatchWeight;
    scenario.test_route = true;
    sweep("task sets, scale in", &scenario, &|_, _| {}, Terminal::Promoted);
}

/// Above all the creation: asked twice, ECS makes one set.
#[test]
fn every_mutation_may_lose_its_answer() {
    let calm = scale_in(Scenario::shop().with_routes(1).with_leftover());
    let red = shop().red_at(ten(), Duration::from_secs(4), None);
    for (scenario, expected) in [(calm, Terminal::Promoted), (red, Terminal::RolledBack)] {
        let end = if expected == Terminal::Promoted { only("web-green", "web:2") } else { only("web-blue", "web:1") };
        lose_each_answer("task sets", &scenario, expected, |sim, story| assert_eq!(sim.world(sets), end, "{story}"));
    }
}

#[test]
fn every_call_may_fail_once() {
    let end = only("web-green", "web:2");
    fail_each_call("task sets", &scale_in(shop()), 2, |sim, story| assert_eq!(sim.world(sets), end, "{story}"));
}

#[test]
fn stale_reads_break_nothing() {
    for seed in 0..12 {
        let mut scenario = scale_in(Scenario::shop().with_routes(1).with_leftover()).aws_like();
        scenario.seed = seed;
        scenario.lags = ReadLags::all(Lag::up_to(30_000));
        let red = scenario.clone().red_at(ten(), Duration::from_secs(60), None);
        for (scenario, expected) in [(scenario, Terminal::Promoted), (red, Terminal::RolledBack)] {
            let mut sim = one_operator(&scenario, &scenario.plan());
            let report = run(&mut sim, &format!("seed {seed}"));
            assert_eq!(terminal(&report, "a"), Some(expected), "seed {seed}: {:?}", report.operators);
            assert_eq!(made(&sim), 1, "seed {seed}");
        }
    }
}

#[test]
fn every_interleaving_of_the_first_forty_calls_is_safe() {
    every_interleaving("task sets", &shop());
}

#[test]
fn random_interleavings_are_safe() {
    random_interleavings("task sets", &Scenario::shop().with_leftover(), |sim, story| {
        assert_eq!(made(sim), 1, "{story}");
    });
}

/// A revision that never serves: the deadline ends the run, and its set goes.
#[test]
fn a_set_that_never_gets_ready_gets_no_traffic() {
    for behaviour in [Behaviour::NeverStarts, Behaviour::NeverHealthy] {
        let scenario = shop();
        let mut sim = one_operator(&scenario, &scenario.plan());
        sim.world_mut(|world| world.set_behaviour("web:2", behaviour));
        let report = run(&mut sim, "never ready");
        assert_eq!(terminal(&report, "a"), Some(Terminal::RolledBack), "{:?}", report.operators);
        assert_eq!(sim.world(|world| world.traffic.last_exposed(&scenario.groups().green)), None);
        assert_eq!(sim.world(sets), only("web-blue", "web:1"));
    }
}

/// What others can do to the sets of the service.
fn deeds(scenario: &Scenario) -> Vec<Deed> {
    let (service, groups) = (|| (CLUSTER.to_owned(), "web".to_owned()), scenario.groups());
    let desired = |count| ServiceChange { color: Color::Blue, task_definition: None, desired: Some(count) };
    vec![
        Deed::MakeTaskSet(service(), groups.green.clone()),
        Deed::MakeTaskSet(service(), groups.blue.clone()),
        Deed::DeleteTaskSets(service(), groups.green.clone()),
        Deed::MakePrimary(service(), groups.green),
        Deed::UpdateService(CLUSTER.to_owned(), "web".to_owned(), desired(8)),
        Deed::LoseTasks(CLUSTER.to_owned(), "web".to_owned(), 4),
    ]
}

#[test]
fn whatever_others_do_the_laws_hold() {
    let scenario = scale_in(shop().with_routes(2));
    broken_laws(&scenario, deeds(&scenario), &[]);
}

/// The service scaled in, or the set that serves deleted, by somebody else: no weight goes up after that was seen.
#[test]
fn others_may_weaken_the_way_back() {
    let scenario = shop();
    let change = ServiceChange { color: Color::Blue, task_definition: None, desired: Some(1) };
    let smaller = Deed::UpdateService(CLUSTER.to_owned(), "web".to_owned(), change);
    let service = (CLUSTER.to_owned(), "web".to_owned());
    let gone = Deed::DeleteTaskSets(service, scenario.groups().blue);
    broken_laws(&scenario, vec![smaller, gone, Deed::Deregister(scenario.old_revision())], &[]);
}

/// Somebody else's set in the canary's group is never given traffic, nor deleted.
#[test]
fn somebody_elses_set_holds_the_run() {
    let scenario = shop();
    let plan = scenario.plan();
    let theirs = Deed::MakeTaskSet((CLUSTER.to_owned(), "web".to_owned()), scenario.groups().green);
    for seconds in [1_500, 6_000, 14_000] {
        let mut sim = one_operator(&scenario, &plan);
        let at = When::At(now(&scenario) + seconds);
        sim.world_mut(|world| world.script(at, theirs.clone()));
        let report = run(&mut sim, "their set");
        assert_eq!(terminal(&report, "a"), Some(Terminal::Held), "{seconds}: {:?}", report.operators);
        let found = sim.world(sets);
        assert!(found.iter().any(|set| set.0 == "web-green" && set.1 == "web:1"), "{found:?}");
    }
}

#[test]
fn a_swarm_of_seeds_breaks_no_law() {
    super::swarm::swarm(|scenario| match scenario.seed % 2 {
        0 => scenario.with_task_sets(),
        _ => scenario.with_leftover(),
    });
}
