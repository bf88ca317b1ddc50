//! SIGKILL of the real process at twenty request boundaries, then `resume`: the end is the calm run's, one of each.
//!
//! The boundaries are both sides of every write of the calm run, and as many reads as make up the twenty, spread over
//! it. Four tests share them, so that a runner with several cores has something to do on each.

use bluegreen_tests::emulator::{Emulator, Look, Outcome, Release, Spec, Trouble, When, World};
use serde_json::{Value, json};

const BOUNDARIES: usize = 20;
const SHARES: usize = 4;

/// One place to strike: the `at`-th request, or the `at`-th write.
#[derive(Debug, Clone, Copy)]
struct Boundary {
    at: usize,
    mutating: bool,
    when: When,
}

/// What must be equal after every interrupted run: weights, services, targets, alarms, revisions.
fn end_state(look: &Look, world: &World) -> Value {
    let weights: Vec<_> = ["blue", "green"].map(|color| look.weight(world.rule(), color)).to_vec();
    let revisions: Vec<_> = look.revisions().iter().map(|arn| (*arn).to_owned()).collect();
    json!({
        "weights": weights,
        "services": look.0["services"],
        "targets": look.0["targets"],
        "alarms": look.0["alarms"],
        "revisions": revisions,
    })
}

/// Both sides of each write first, then reads at even distances, up to twenty in all.
fn boundaries(requests: &[Value]) -> Vec<Boundary> {
    let writes = requests.iter().filter(|request| request["mutating"] == true).count();
    let sides = [When::Before, When::After];
    let mut all: Vec<_> =
        (1..=writes).flat_map(|at| sides.map(|when| Boundary { at, mutating: true, when })).take(BOUNDARIES).collect();
    let missing = BOUNDARIES - all.len();
    for i in 0..missing {
        // The number of polls differs a little from run to run: the last tenth of the calm run is left out.
        let at = 1 + requests.len() * 9 / 10 * i / missing;
        all.push(Boundary { at, mutating: false, when: sides[i % 2] });
    }
    all
}

fn calm(emulator: &Emulator) -> Outcome<(Value, Vec<Value>)> {
    let world = emulator.fixture(&[])?;
    let release = Release::new(&world, &Spec::brisk())?;
    let finished = release.deploy()?.finish()?;
    assert_eq!(finished.code, Some(0), "the calm run:\n{}", finished.output());
    Ok((end_state(&world.settled()?, &world), emulator.requests()?))
}

/// Kills one release there and resumes it; returns what it came to.
fn interrupted(emulator: &Emulator, boundary: Boundary) -> Outcome<Value> {
    emulator.reset()?;
    let world = emulator.fixture(&[])?;
    let release = Release::new(&world, &Spec::brisk())?;
    // The order needs the process id, and the process must not run ahead of the order.
    emulator.pause()?;
    let operator = release.deploy()?;
    emulator.arm_kill(operator.pid(), boundary.at, boundary.when, boundary.mutating)?;
    emulator.unpause()?;
    let dead = operator.finish()?;
    assert!(emulator.killed()?, "{boundary:?} was never reached; it printed:\n{}", dead.output());
    assert_eq!(dead.signal, Some(9), "{boundary:?}:\n{}", dead.output());
    let resumed = if let Some(run) = dead.run() {
        release.resume(&run)?
    } else {
        // Nothing to resume: then nothing may have been written either, and the user starts again.
        let writes = emulator.mutations()?;
        assert!(writes.is_empty(), "{boundary:?}: wrote {writes:?} before it named its run");
        release.deploy()?
    }
    .finish()?;
    assert_eq!(resumed.code, Some(0), "{boundary:?}: after the kill\n{}\n{}", dead.output(), resumed.output());
    Ok(end_state(&world.settled()?, &world))
}

/// Every fourth boundary, beginning with this one.
fn share(first: usize) -> Outcome<()> {
    let emulator = Emulator::start()?;
    let (wanted, requests) = calm(&emulator)?;
    let all = boundaries(&requests);
    if all.len() != BOUNDARIES {
        return Err(Trouble::new(format!("{} boundaries in {} requests", all.len(), requests.len())));
    }
    for boundary in all.into_iter().skip(first).step_by(SHARES) {
        let found = interrupted(&emulator, boundary)?;
        assert_eq!(found, wanted, "{boundary:?}: {}", emulator.log());
        assert_eq!(found["revisions"].as_array().map(Vec::len), Some(2), "{boundary:?}: exactly one new revision");
    }
    Ok(())
}

#[test]
fn killed_and_resumed_first_share() -> Outcome<()> {
    share(0)
}

#[test]
fn killed_and_resumed_second_share() -> Outcome<()> {
    share(1)
}

#[test]
fn killed_and_resumed_third_share() -> Outcome<()> {
    share(2)
}

#[test]
fn killed_and_resumed_fourth_share() -> Outcome<()> {
    share(3)
}
