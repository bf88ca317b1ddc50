//! A control fleet beside the pair: every suite again.

use std::time::Duration;

use bluegreen_core::journal::{Terminal, Verb};
use bluegreen_core::model::{Action, AfterCommit, Capacity, Color, RouteId};
use bluegreen_core::plan::Plan;
use bluegreen_core::ports::ServiceChange;
use bluegreen_sandbox::executor::Sim;
use bluegreen_sandbox::scenario::{CLUSTER, CONTROL, Scenario, canary_steps};
use bluegreen_sandbox::trace::Detail;
use bluegreen_sandbox::world::{Behaviour, Deed, Lag, ReadLags, World};

use super::crash::{sweep, ten};
use super::faults::{broken_laws, fail_each_call, lose_each_answer};
use super::pair::{every_interleaving, random_interleavings};
use super::{Outcome, one_operator, run, terminal};

fn shop() -> Scenario {
    Scenario::shop().with_routes(2).with_control(0)
}

fn red(scenario: Scenario) -> Scenario {
    scenario.red_at(ten(), Duration::from_secs(4), None)
}

/// The longest way: shares grow with the weights, pinned clients, a test route, and the old fleet goes in the end.
fn everything() -> Scenario {
    let mut scenario = Scenario::shop().with_routes(1).with_control(1);
    scenario.steps = canary_steps(&[100, 250, 750], Duration::from_secs(5));
    scenario.after = AfterCommit::ScaleTo(0);
    scenario.capacity = Capacity::MatchWeight;
    scenario.test_route = true;
    scenario.attached = true;
    scenario.sticky = Some(5);
    scenario
}

/// Revision and count of the control fleet.
fn control(world: &World) -> (String, u32) {
    let service = world.service_in(world.state(), CLUSTER, CONTROL, world.now_ms()).unwrap();
    (service.task_definition.short().to_owned(), service.desired)
}

/// The weights that one route was given, in order: stable, canary, and control where its group is there.
fn weights(sim: &Sim<Outcome>, scenario: &Scenario, route: &RouteId) -> Vec<Vec<u16>> {
    let groups = [scenario.groups().blue, scenario.groups().green, scenario.control_group()];
    let trace = sim.trace();
    let written = trace.iter().filter(|call| call.applied).filter_map(|call| match &call.detail {
        Detail::Actions(write) if write.route == *route => Action::forward_of(&write.after).cloned(),
        _ => None,
    });
    let of = |forward: bluegreen_core::model::Forward| {
        let split = forward.split().unwrap();
        let present = groups.iter().filter(|group| forward.contains(group));
        present.map(|group| split.weight(group).get()).collect()
    };
    written.map(of).collect()
}

#[test]
fn a_calm_release_gives_control_what_the_canary_has() {
    let scenario = shop();
    let mut sim = one_operator(&scenario, &scenario.plan());
    let report = run(&mut sim, "calm");
    assert_eq!(terminal(&report, "a"), Some(Terminal::Promoted), "{:?}", report.operators);
    for route in &scenario.route_ids() {
        let expected = [vec![100, 0, 0], vec![80, 10, 10], vec![0, 50, 50], vec![0, 100, 0]];
        assert_eq!(weights(&sim, &scenario, route), expected);
    }
    sim.world(|world| {
        assert_eq!(control(world), ("web:1".to_owned(), 0), "back at its own count");
        assert!(world.traffic.last_exposed(&scenario.control_group()).is_some(), "it had traffic");
        assert_eq!(world.traffic.lost, 0, "nobody went without an answer");
    });
}

#[test]
fn a_sticky_route_lets_go_of_control_when_nothing_is_compared_any_more() {
    let scenario = everything();
    let mut sim = one_operator(&scenario, &scenario.plan());
    sim.world_mut(|world| scenario.clients(20, 500, world));
    let report = run(&mut sim, "sticky");
    assert_eq!(terminal(&report, "a"), Some(Terminal::Promoted), "{:?}", report.operators);
    let expected = [vec![100, 0, 0], vec![80, 10, 10], vec![50, 25, 25], vec![25, 75], vec![0, 100]];
    assert_eq!(weights(&sim, &scenario, &scenario.route_ids()[0]), expected);
    sim.world(|world| {
        assert_eq!(control(world), ("web:1".to_owned(), 1));
        let pinned = world.traffic.clients.iter().filter_map(|client| client.cookie.as_ref());
        let there = pinned.filter(|(group, _)| *group == scenario.control_group()).count();
        assert_eq!((world.traffic.clients.len(), there), (20, 0), "no client is pinned to a fleet that is gone");
    });
}

#[test]
fn a_red_alarm_takes_control_away_too() {
    for scenario in [red(shop()), red(everything())] {
        let before = control(&scenario.world());
        let mut sim = one_operator(&scenario, &scenario.plan());
        let report = run(&mut sim, "red");
        assert_eq!(terminal(&report, "a"), Some(Terminal::RolledBack), "{:?}", report.operators);
        assert_eq!(sim.world(control), before);
    }
}

#[test]
fn the_calm_run_survives_a_kill_anywhere() {
    sweep("control fleet, calm", &shop(), &|_, _| {}, Terminal::Promoted);
}

#[test]
fn the_red_run_survives_a_kill_anywhere() {
    sweep("control fleet, red", &red(shop()), &|_, _| {}, Terminal::RolledBack);
}

#[test]
fn the_abort_run_survives_a_kill_anywhere() {
    let abort = |sim: &mut Sim<Outcome>, plan: &Plan| sim.give_after(Duration::from_secs(8), &plan.run, Verb::Abort);
    sweep("control fleet, abort", &shop(), &abort, Terminal::Aborted);
}

#[test]
fn the_longest_run_survives_a_kill_anywhere() {
    sweep("control fleet, everything", &everything(), &|_, _| {}, Terminal::Promoted);
}

#[test]
fn the_longest_way_back_survives_a_kill_anywhere() {
    sweep("control fleet, everything red", &red(everything()), &|_, _| {}, Terminal::RolledBack);
}

#[test]
fn every_mutation_may_lose_its_answer() {
    for (scenario, expected) in [(everything(), Terminal::Promoted), (red(everything()), Terminal::RolledBack)] {
        lose_each_answer("control fleet", &scenario, expected, |sim, story| {
            assert_eq!(sim.world(control), ("web:1".to_owned(), 1), "{story}");
        });
    }
}

#[test]
fn every_call_may_fail_once() {
    fail_each_call("control fleet", &shop(), 1, |sim, story| {
        assert_eq!(sim.world(control), ("web:1".to_owned(), 0), "{story}");
    });
}

#[test]
fn stale_reads_break_nothing() {
    for seed in 0..8 {
        let mut scenario = shop().aws_like();
        scenario.seed = seed;
        scenario.lags = ReadLags::all(Lag::up_to(30_000));
        let red = scenario.clone().red_at(ten(), Duration::from_secs(60), None);
        for (scenario, expected) in [(scenario, Terminal::Promoted), (red, Terminal::RolledBack)] {
            let mut sim = one_operator(&scenario, &scenario.plan());
            let report = run(&mut sim, &format!("seed {seed}"));
            assert_eq!(terminal(&report, "a"), Some(expected), "seed {seed}: {:?}", report.operators);
            assert_eq!(sim.world(control).1, 0, "seed {seed}");
        }
    }
}

#[test]
fn every_interleaving_of_the_first_forty_calls_is_safe() {
    every_interleaving("control fleet", &shop());
}

#[test]
fn random_interleavings_are_safe() {
    random_interleavings("control fleet", &shop(), |_, _| {});
}

/// Old tasks that never come up: no customer is sent there, and the release goes back by its deadline.
#[test]
fn a_control_fleet_that_never_gets_ready_gets_no_traffic() {
    let scenario = shop();
    let mut sim = one_operator(&scenario, &scenario.plan());
    let blue_runs_on = |world: &mut World| world.set_behaviour("web:1", Behaviour::NeverStarts);
    sim.world_mut(blue_runs_on);
    let report = run(&mut sim, "never ready");
    assert_eq!(terminal(&report, "a"), Some(Terminal::RolledBack), "{:?}", report.operators);
    assert_eq!(sim.world(|world| world.traffic.last_exposed(&scenario.control_group())), None);
    assert_eq!(sim.world(control), ("web:1".to_owned(), 0));
}

#[test]
fn whatever_others_do_to_it_the_laws_hold() {
    let scenario = shop();
    let desired = |count| ServiceChange { color: Color::Blue, task_definition: None, desired: Some(count) };
    let other = ServiceChange { task_definition: Some(scenario.old_revision()), ..desired(2) };
    let told = |change| Deed::UpdateService(CLUSTER.to_owned(), CONTROL.to_owned(), change);
    let lost = Deed::LoseTasks(CLUSTER.to_owned(), CONTROL.to_owned(), 4);
    broken_laws(&scenario, vec![lost, told(desired(0))], &[]);
    // Raised between the last read and the report, no operator can know of it.
    broken_laws(&scenario, vec![told(desired(9)), told(other)], &["S12"]);
}

#[test]
fn a_swarm_of_seeds_breaks_no_law() {
    super::swarm::swarm(|scenario| {
        let tasks = u32::try_from(scenario.seed % 3).unwrap();
        scenario.with_control(tasks)
    });
}
