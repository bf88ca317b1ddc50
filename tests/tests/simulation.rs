//! Releases in the simulated world: the real loop, virtual time, every fault at every place.

#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "helpers of tests, outside of test functions")]

use std::sync::Arc;
use std::time::Duration;

use bluegreen_core::drive::{DriveError, Driver, Ended, Interrupt};
use bluegreen_core::event::Silent;
use bluegreen_core::journal::{Operator, Terminal};
use bluegreen_core::plan::Plan;
use bluegreen_sandbox::executor::{End, Report, Schedule, Sim};
use bluegreen_sandbox::scenario::Scenario;

#[path = "simulation/calm.rs"]
mod calm;
#[path = "simulation/crash.rs"]
mod crash;
#[path = "simulation/experiment.rs"]
mod experiment;
#[path = "simulation/faults.rs"]
mod faults;
#[path = "simulation/fresh.rs"]
mod fresh;
#[path = "simulation/judged.rs"]
mod judged;
#[path = "simulation/managed.rs"]
mod managed;
#[path = "simulation/pair.rs"]
mod pair;
#[path = "simulation/sets.rs"]
mod sets;
#[path = "simulation/swarm.rs"]
mod swarm;

/// What an operator ends with.
type Outcome = Result<Ended, DriveError>;

/// The loop of one operator of `sim`.
fn driver(sim: &Sim<Outcome>, name: &str) -> Driver {
    let operator = Operator { user: name.to_owned(), host: "sim".to_owned(), pid: 1, version: "0.0.0".to_owned() };
    Driver {
        ports: sim.ports(name),
        store: sim.store(name),
        reporter: Arc::new(Silent),
        interrupt: Interrupt::default(),
        operator,
    }
}

/// A world with one operator, `a`, about to start the scenario's plan.
fn one_operator(scenario: &Scenario, plan: &Plan) -> Sim<Outcome> {
    let mut sim = Sim::new(scenario.world(), scenario.seed);
    sim.bounds.time = Duration::from_secs(12 * 3600);
    start(&mut sim, "a", plan);
    sim
}

/// Adds an operator that starts `plan`.
fn start(sim: &mut Sim<Outcome>, name: &str, plan: &Plan) {
    let (driver, plan) = (driver(sim, name), plan.clone());
    sim.spawn(name, async move { driver.start(&plan).await });
}

/// How operator `name` ended.
fn terminal(report: &Report<Outcome>, name: &str) -> Option<Terminal> {
    match report.result(name) {
        Some(Ok(Ended::Finished(ending))) => Some(ending.terminal),
        _ => None,
    }
}

/// Fails with the whole story unless everybody came to an end and no law was broken.
fn assert_clean(sim: &Sim<Outcome>, report: &Report<Outcome>, story: &str) {
    if report.end == End::Settled && report.violations.is_empty() {
        return;
    }
    let trace: Vec<String> = sim.trace().iter().filter(|call| call.mutating).map(ToString::to_string).collect();
    panic!(
        "{story}: {:?}\nviolations: {:#?}\noperators: {:#?}\nwrites:\n{}",
        report.end,
        report.violations,
        report.operators,
        trace.join("\n")
    );
}

/// Runs a simulation of one operator to its end in turns and returns its clean report.
fn run(sim: &mut Sim<Outcome>, story: &str) -> Report<Outcome> {
    let report = sim.run(&Schedule::RoundRobin);
    assert_clean(sim, &report, story);
    report
}
