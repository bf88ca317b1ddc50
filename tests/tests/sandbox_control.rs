//! Releases with a control fleet, with customers on all three: new tasks of the old version serve as many of them as the
//! new version does, and are gone when there is nothing left to compare.

use bluegreen_sandbox::load::Tally;
use bluegreen_tests::emulator::{Engine, Finished, Outcome, Release, Spec, World};
use bluegreen_tests::sandbox::{Sandbox, Traffic};
use serde_json::json;

const PROMOTED: Option<i32> = Some(0);
const ROLLED_BACK: Option<i32> = Some(4);

/// A sandbox with the world, and customers on its listener.
fn open(flags: &[&str]) -> Outcome<(Sandbox, World, Traffic)> {
    let sandbox = Sandbox::start(flags)?;
    let world = sandbox.world(&["--engine", Engine::Control.world()])?;
    let traffic = Traffic::start(sandbox.listening(world.listener())?, 100.0)?;
    traffic.more(20)?;
    Ok((sandbox, world, traffic))
}

fn release(world: &World, spec: &Spec, error_rate: &str) -> Outcome<Release> {
    let environment = [("VERSION", "v2"), ("ERROR_RATE", error_rate)];
    let environment = environment.map(|(name, value)| json!({ "name": name, "value": value }));
    Release::of(world, spec, &json!(environment))
}

fn spec() -> Spec {
    Spec { image: "sandbox/demo:2", weights: vec![10, 50, 100], engine: Engine::Control, ..Spec::brisk() }
}

fn assert_code(finished: &Finished, code: Option<i32>) {
    assert_eq!(finished.code, code, "signal {:?}; it printed:\n{}", finished.signal, finished.output());
}

fn assert_unharmed(tally: &Tally) {
    assert!(tally.counts.requests > 0, "there was traffic: {tally:?}");
    assert_eq!(tally.counts.ok, tally.counts.requests, "{:?}, {:?}", tally.versions, tally.transport);
}

/// What was asked of a service, in order: revision, where one was named, and count.
fn asked(finished: &Finished, mutation: &str) -> Vec<(Option<String>, u64)> {
    let events = finished.events();
    let changes = events.iter().filter_map(|event| event["body"]["intent"]["mutation"][mutation].as_object());
    let revision = |arn: &str| arn.rsplit('/').next().unwrap_or_default().to_owned();
    let asked = changes.map(|change| {
        let named = change.get("taskDefinition").and_then(|arn| arn.as_str()).map(revision);
        (named, change["desired"].as_u64().unwrap_or_default())
    });
    asked.collect()
}

#[test]
fn control_serves_as_many_as_the_canary_and_harms_nobody() -> Outcome<()> {
    let (sandbox, world, traffic) = open(&["--metric-period", "1s", "--speed", "5"])?;
    let finished = release(&world, &spec(), "0%")?.deploy()?.finish()?;
    assert_code(&finished, PROMOTED);
    for (color, expected) in
        [("blue", vec![100, 80, 0]), ("green", vec![0, 10, 50, 100]), ("control", vec![0, 10, 50, 0])]
    {
        assert_eq!(sandbox.weights_of(world.rule(), world.group(color))?, expected, "{color}");
    }
    assert_eq!(asked(&finished, "updateControl"), [(Some("frontend:1".to_owned()), 2), (None, 0)]);
    let last = world.settled()?;
    let control = last.service("frontend-control");
    assert_eq!((&control["desiredCount"], &control["runningCount"]), (&json!(0), &json!(0)));
    assert_eq!(last.weight(world.rule(), "control"), None, "a sticky route lets go of it");
    let tally = traffic.stop();
    assert_unharmed(&tally);
    assert!(["v1", "v2"].iter().all(|version| tally.versions.contains_key(*version)), "{:?}", tally.versions);
    Ok(())
}

#[test]
fn a_red_alarm_takes_everybody_off_both_new_fleets() -> Outcome<()> {
    // At the machine's own speed: what customers see in a second and what the alarm sees in one are the same.
    let (sandbox, world, traffic) = open(&["--metric-period", "1s"])?;
    let before = world.look()?;
    let spec = Spec { but: Some((10, "60s")), ..spec() };
    let finished = release(&world, &spec, "100%")?.deploy()?.finish()?;
    assert_code(&finished, ROLLED_BACK);
    traffic.more(20)?;
    let harmed = traffic.tally().counts.failed();
    traffic.more(100)?;
    assert_eq!(traffic.tally().counts.failed(), harmed, "no error after the rollback");
    let after = world.settled()?;
    assert_eq!(after.rules(), before.rules(), "the baseline is restored verbatim");
    assert_eq!(after.service("frontend-control"), before.service("frontend-control"));
    assert_eq!(sandbox.weights_of(world.rule(), world.group("control"))?, [0, 10, 0]);
    assert_eq!(asked(&finished, "updateControl"), [2, 0].map(|count| (Some("frontend:1".to_owned()), count)));
    let tally = traffic.stop();
    assert_eq!(tally.versions["v1"].failed(), 0, "whoever was on the old version, old tasks or new, was served well");
    assert!(tally.transport.is_empty(), "{:?}", tally.transport);
    Ok(())
}
