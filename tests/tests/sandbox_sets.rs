//! Releases one after the other into the task sets of one service, with customers on it: what one keeps, the next one
//! takes away before it makes its own.

use bluegreen_sandbox::load::Tally;
use bluegreen_tests::emulator::{Engine, Finished, Outcome, Release, Spec, Trouble, World};
use bluegreen_tests::sandbox::{Sandbox, Traffic};
use serde_json::{Value, json};

fn assert_promoted(finished: &Finished) {
    assert_eq!(finished.code, Some(0), "signal {:?}; it printed:\n{}", finished.signal, finished.output());
}

fn spec() -> Spec {
    Spec { image: "sandbox/demo:2", weights: vec![10, 100], engine: Engine::TaskSets, ..Spec::brisk() }
}

fn release(world: &World, version: &str) -> Outcome<Release> {
    Release::of(world, &spec(), &json!([{ "name": "VERSION", "value": version }]))
}

/// The service's sets as boto3 sees them: group, revision, tasks wanted, tasks running, status.
fn sets(sandbox: &Sandbox) -> Outcome<Value> {
    let said = sandbox.run("sets.py", &["--service", "frontend"])?;
    serde_json::from_str(&said).map_err(|why| Trouble::new(format!("{why}: {said}")))
}

fn assert_unharmed(tally: &Tally) {
    assert!(tally.counts.requests > 0, "there was traffic: {tally:?}");
    assert_eq!(tally.counts.ok, tally.counts.requests, "{:?}, {:?}", tally.versions, tally.transport);
    for version in ["v1", "v2", "v3"] {
        assert!(tally.versions.contains_key(version), "{version} has served: {:?}", tally.versions);
    }
}

#[test]
fn what_one_release_keeps_the_next_one_takes_away() -> Outcome<()> {
    let sandbox = Sandbox::start(&["--metric-period", "5s", "--speed", "5"])?;
    let world = sandbox.world(&["--engine", Engine::TaskSets.world(), "--period", "5"])?;
    let traffic = Traffic::start(sandbox.listening(world.listener())?, 100.0)?;
    traffic.more(20)?;

    assert_promoted(&release(&world, "v2")?.deploy()?.finish()?);
    let kept =
        json!([["frontend-blue", "frontend:1", 2, 2, "ACTIVE"], ["frontend-green", "frontend:2", 2, 2, "PRIMARY"],]);
    assert_eq!(sets(&sandbox)?, kept, "the old set is kept warm, and the new one leads");

    let second = release(&world, "v3")?;
    let path = second.path().join("bluegreen.yaml");
    let text = std::fs::read_to_string(path).map_err(Trouble::at("bluegreen.yaml"))?;
    second.write("bluegreen.yaml", &format!("{text}after: {{ scaleTo: 0 }}\n"))?;
    let finished = second.deploy()?.finish()?;
    assert_promoted(&finished);
    assert_eq!(sets(&sandbox)?, json!([["frontend-blue", "frontend:3", 2, 2, "PRIMARY"]]));

    // In the order in which it was written down: the kept set goes, the new one comes, leads, and the old one goes.
    let events = finished.events();
    let changes = events.iter().filter_map(|event| event["body"]["intent"]["mutation"]["taskSet"].as_object());
    let kinds: Vec<&str> = changes.filter_map(|change| change.keys().next().map(String::as_str)).collect();
    assert_eq!(kinds, ["delete", "create", "makePrimary", "delete"]);
    traffic.more(20)?;
    assert_unharmed(&traffic.stop());
    Ok(())
}
