//! Killed at every point, resumed after a downtime: the end is the one of a run that nobody killed.

use std::time::Duration;

use bluegreen_core::journal::{Terminal, Verb};
use bluegreen_core::model::Percent;
use bluegreen_core::observe::TaskSetStatus::Primary;
use bluegreen_core::plan::Plan;
use bluegreen_sandbox::executor::{Schedule, Sim};
use bluegreen_sandbox::scenario::{CLUSTER, CONTROL, Scenario};
use bluegreen_sandbox::world::World;

use super::{Outcome, driver, one_operator, run, terminal};

pub(super) const DOWNTIME: Duration = Duration::from_secs(7);

/// What must be the same in the end, whatever happened on the way.
#[derive(Debug, PartialEq, Eq)]
struct EndState {
    terminal: Option<Terminal>,
    routes: Vec<String>,
    services: Vec<(String, u32, u32)>,
    sets: Vec<(String, String, u32, u32, bool)>,
    revisions: Vec<String>,
}

fn end_state(scenario: &Scenario, world: &World, terminal: Option<Terminal>) -> EndState {
    let state = world.state();
    let service = |name: &String| {
        let service = world.service_in(state, CLUSTER, name, world.now_ms()).unwrap();
        (service.task_definition.short().to_owned(), service.desired, service.running)
    };
    // A set has another id in every run, and one that was deleted stays for a while.
    let sets = |name: &String| {
        let service = world.service_in(state, CLUSTER, name, world.now_ms()).unwrap();
        let live = service.task_sets.into_iter().filter(bluegreen_core::observe::TaskSetSnapshot::is_live);
        live.map(|set| {
            let group = set.target_groups[0].name().to_owned();
            (group, set.task_definition.short().to_owned(), set.desired, set.running, set.status == Primary)
        })
    };
    let mut names: Vec<String> = scenario.services().iter().map(|(_, name)| name.clone()).collect();
    names.extend(scenario.control.map(|_| CONTROL.to_owned()));
    EndState {
        terminal,
        sets: scenario.services().iter().flat_map(|(_, name)| sets(name)).collect(),
        routes: scenario.route_ids().iter().map(|id| format!("{:?}", state.route(id).unwrap().actions)).collect(),
        services: names.iter().map(service).collect(),
        revisions: state.definitions.keys().map(|arn| arn.short().to_owned()).collect(),
    }
}

/// Kills the run at every yield point in turn and has a second process take it up.
pub(super) fn sweep(story: &str, scenario: &Scenario, prepare: &dyn Fn(&mut Sim<Outcome>, &Plan), expected: Terminal) {
    sweep_within(story, scenario, prepare, expected, DOWNTIME);
}

/// The same, where the run that was killed may take longer than the downtime and a poll: by `extra`.
pub(super) fn sweep_within(
    story: &str,
    scenario: &Scenario,
    prepare: &dyn Fn(&mut Sim<Outcome>, &Plan),
    expected: Terminal,
    extra: Duration,
) {
    let plan = scenario.plan();
    let fresh = || {
        let mut sim = one_operator(scenario, &plan);
        prepare(&mut sim, &plan);
        sim
    };
    let mut sim = fresh();
    let whole = run(&mut sim, story);
    let calm = sim.world(|world| end_state(scenario, world, terminal(&whole, "a")));
    assert_eq!(calm.terminal, Some(expected), "{story}: {:?}", whole.operators);
    let limit = whole.elapsed + extra + plan.timing.poll;
    let mut failures = Vec::new();
    for point in 1..whole.polls("a") {
        let mut sim = fresh();
        let (again, first, plan_again) = (driver(&sim, "b"), driver(&sim, "b"), plan.clone());
        let resume = move || async move {
            // Killed before record 0, there is nothing to resume: a person starts it again.
            match again.resume(&plan_again.run).await {
                Err(bluegreen_core::drive::DriveError::Fold(_)) => first.start(&plan_again).await,
                other => other,
            }
        };
        sim.crash("a", point, DOWNTIME, Some(("b", resume)));
        let report = sim.run(&Schedule::RoundRobin);
        let ended = terminal(&report, "b").or_else(|| {
            // Killed after the last record was written: the run is over, and the second process says so.
            sim.journal(&plan.run).iter().rev().find_map(|record| match &record.body {
                bluegreen_core::journal::Body::Finished(ending) => Some(ending.terminal),
                _ => None,
            })
        });
        let end = sim.world(|world| end_state(scenario, world, ended));
        if !report.is_clean() || end != calm || report.elapsed > limit {
            failures.push((point, report, end));
        }
    }
    if let Some((point, report, end)) = failures.first() {
        let points: Vec<u64> = failures.iter().map(|(point, ..)| *point).collect();
        eprintln!("{story}: {} of {} points fail: {points:?}", failures.len(), whole.polls("a"));
        eprintln!(
            "point {point}: {:?} of at most {limit:?}\n{report:#?}\n{end:#?}\nexpected {calm:#?}",
            report.elapsed
        );
        panic!("{story}: killed at yield point {point}");
    }
    eprintln!("figure: {story}: killed at each of {} points, resumed to the same end", whole.polls("a") - 1);
}

pub(super) fn ten() -> Percent {
    Percent::from_tenths(100).unwrap()
}

#[test]
fn the_calm_run_survives_a_kill_anywhere() {
    sweep("calm", &Scenario::shop(), &|_, _| {}, Terminal::Promoted);
}

#[test]
fn the_red_run_survives_a_kill_anywhere() {
    let scenario = Scenario::shop().with_routes(2).red_at(ten(), Duration::from_secs(4), None);
    sweep("red", &scenario, &|_, _| {}, Terminal::RolledBack);
}

#[test]
fn the_abort_run_survives_a_kill_anywhere() {
    let scenario = Scenario::shop().with_routes(2);
    let abort = |sim: &mut Sim<Outcome>, plan: &Plan| sim.give_after(Duration::from_secs(8), &plan.run, Verb::Abort);
    sweep("abort", &scenario, &abort, Terminal::Aborted);
}

#[test]
fn a_sticky_red_run_survives_a_kill_anywhere() {
    let mut scenario = Scenario::shop().with_routes(2).red_at(ten(), Duration::from_secs(4), None);
    scenario.sticky = Some(5);
    scenario.attached = true;
    sweep("sticky red", &scenario, &|_, _| {}, Terminal::RolledBack);
}

#[test]
fn a_release_that_scales_in_survives_a_kill_anywhere() {
    let mut scenario = Scenario::shop().with_routes(1);
    scenario.after = bluegreen_core::model::AfterCommit::ScaleTo(0);
    scenario.capacity = bluegreen_core::model::Capacity::MatchWeight;
    scenario.test_route = true;
    sweep("scale in", &scenario, &|_, _| {}, Terminal::Promoted);
}
