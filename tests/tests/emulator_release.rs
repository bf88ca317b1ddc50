//! The real binary releases a service on a third-party emulator, seen by an independent boto3 reader.
//!
//! moto is not AWS: no traffic follows the weights and alarms turn only when told (`tests/emulator/README.md`). What is
//! shown here is that the real SDK, the real wire formats and the real process do what the simulation promises.

use bluegreen_tests::emulator::{Emulator, Finished, Look, Outcome, Release, Spec, World};
use serde_json::{Value, json};

const PROMOTED: Option<i32> = Some(0);
const REFUSED: Option<i32> = Some(3);
const ROLLED_BACK: Option<i32> = Some(4);
const HELD: Option<i32> = Some(5);
const LEASE_TAKEN: Option<i32> = Some(8);

/// The weights that a colour had in a rule, one after the other, from the emulator's own record.
fn recorded(emulator: &Emulator, arn: &str, group: &str) -> Outcome<Vec<u64>> {
    let rows = emulator.weights()?;
    let mine = rows.iter().filter(|row| row["arn"] == arn);
    let mut weights: Vec<u64> = mine.map(|row| row["weights"][group].as_u64().unwrap_or(0)).collect();
    weights.dedup();
    Ok(weights)
}

/// After 100 %: green runs the new image at blue's count, healthy; exactly one revision was registered.
fn assert_promoted(look: &Look, world: &World, emulator: &Emulator) {
    let green = look.service("frontend-green");
    let revisions = look.revisions();
    assert_eq!(revisions.len(), 2, "one new revision: {revisions:?}");
    assert_eq!(green["taskDefinition"], revisions[1], "green runs the new revision");
    assert_eq!(green["runningCount"], 2, "green is at blue's count");
    assert_eq!(look.0["targets"]["green"], json!(["healthy", "healthy"]));
    assert_eq!(look.weight(world.rule(), "blue"), Some(0));
    assert!(look.weight(world.rule(), "green").is_some_and(|weight| weight > 0));
    assert_eq!(emulator.log(), "", "the emulator had no trouble of its own");
}

fn assert_code(finished: &Finished, code: Option<i32>) {
    assert_eq!(finished.code, code, "signal {:?}; it printed:\n{}", finished.signal, finished.output());
}

#[test]
fn five_steps_to_the_whole() -> Outcome<()> {
    let emulator = Emulator::start()?;
    let world = emulator.fixture(&[])?;
    let release = Release::new(&world, &Spec::default())?;
    let watch = world.watch()?;
    let finished = release.deploy()?.finish()?;
    let seen = watch.stop()?;
    assert_code(&finished, PROMOTED);
    assert_eq!(seen.weights(world.rule(), "green"), [0, 1, 5, 10, 50, 100], "{}", finished.output());
    assert_eq!(seen.weights(world.rule(), "blue"), [100, 99, 95, 90, 50, 0]);
    let last = world.settled()?;
    assert_promoted(&last, &world, &emulator);
    // Everything in the rule that is no weight survived.
    assert_eq!(without_weights(last.rules()), without_weights(seen.0[0].rules()));
    Ok(())
}

#[test]
fn a_default_action_moves_with_the_rule() -> Outcome<()> {
    let emulator = Emulator::start()?;
    let world = emulator.fixture(&["--default-action"])?;
    let spec = Spec { weights: vec![10, 100], default_action: true, ..Spec::default() };
    let finished = Release::new(&world, &spec)?.deploy()?.finish()?;
    assert_code(&finished, PROMOTED);
    for arn in [world.rule(), world.listener()] {
        assert_eq!(recorded(&emulator, arn, world.group("green"))?, [0, 10, 100], "{arn}");
    }
    Ok(())
}

#[test]
fn red_at_ten_percent_goes_back_to_the_baseline() -> Outcome<()> {
    let emulator = Emulator::start()?;
    let world = emulator.fixture(&[])?;
    let release = Release::new(&world, &Spec::default())?;
    let before = world.look()?;
    let red = json!({ "alarm": "frontend-5xx", "state": "ALARM", "reason": "threshold crossed" });
    emulator.on_weight(world.rule(), world.group("green"), 10, 0, &red)?;
    let finished = release.deploy()?.finish()?;
    assert_code(&finished, ROLLED_BACK);
    assert_eq!(world.look()?.rules(), before.rules(), "the baseline is restored verbatim, stickiness included");
    let green = recorded(&emulator, world.rule(), world.group("green"))?;
    assert!(green.contains(&10) && !green.contains(&50), "no step after the red one: {green:?}");
    assert!(finished.output().contains("frontend-5xx"), "it names the alarm:\n{}", finished.output());
    assert_eq!(world.settled()?.service("frontend-blue"), before.service("frontend-blue"));
    Ok(())
}

#[test]
fn red_at_the_start_writes_nothing() -> Outcome<()> {
    let emulator = Emulator::start()?;
    let world = emulator.fixture(&["--red", "frontend-latency"])?;
    let before = world.look()?;
    let finished = Release::new(&world, &Spec::default())?.deploy()?.finish()?;
    assert_code(&finished, REFUSED);
    let writes = emulator.mutations()?;
    assert!(writes.is_empty(), "{writes:?}");
    assert_eq!(world.look()?, before);
    assert!(finished.output().contains("frontend-latency"), "it names the alarm:\n{}", finished.output());
    Ok(())
}

/// A colleague sets 63/37 while the release stands at 10 %. Returns the world after the release has ended.
fn edited_midway(drift: &'static str, code: Option<i32>) -> Outcome<(Emulator, World, Look)> {
    let emulator = Emulator::start()?;
    let world = emulator.fixture(&[])?;
    let before = world.look()?;
    let release = Release::new(&world, &Spec { drift, ..Spec::default() })?;
    let weights = json!({ world.group("blue"): 63, world.group("green"): 37 });
    let edit = json!({ "edit": { "rule": world.rule(), "weights": weights } });
    // Two reads after the write: the operator has seen its own 10 % before the colleague comes.
    emulator.on_weight(world.rule(), world.group("green"), 10, 2, &edit)?;
    let finished = release.deploy()?.finish()?;
    assert_code(&finished, code);
    let said = finished.output();
    for weight in ["90", "10", "63", "37"] {
        assert!(said.contains(weight), "both sides are shown, {weight} is not:\n{said}");
    }
    Ok((emulator, world, before))
}

#[test]
fn an_edit_midway_holds() -> Outcome<()> {
    let (emulator, world, _) = edited_midway("hold", HELD)?;
    assert_eq!(world.look()?.weight(world.rule(), "green"), Some(37), "the colleague's weights are left alone");
    let rows = emulator.weights()?;
    let last = rows.iter().rfind(|row| row["arn"] == world.rule());
    assert_eq!(last.map(|row| &row["by"]), Some(&json!("someone-else")));
    Ok(())
}

#[test]
fn an_edit_midway_goes_back() -> Outcome<()> {
    let (_emulator, world, before) = edited_midway("rollback", ROLLED_BACK)?;
    assert_eq!(world.look()?.rules(), before.rules());
    Ok(())
}

#[test]
fn two_operators_one_lease() -> Outcome<()> {
    let emulator = Emulator::start()?;
    let world = emulator.fixture(&[])?;
    let release = Release::new(&world, &Spec::default())?;
    let (one, two) = (release.deploy()?, release.deploy()?);
    let pids = [one.pid(), two.pid()];
    let ends = [one.finish()?, two.finish()?];
    let winner = usize::from(ends[0].code == LEASE_TAKEN);
    assert_code(&ends[winner], PROMOTED);
    assert_code(&ends[1 - winner], LEASE_TAKEN);
    let owner = pids[winner].to_string();
    let said = ends[1 - winner].output();
    assert!(said.contains(&owner), "it names the owner, process {owner}:\n{said}");
    assert_promoted(&world.settled()?, &world, &emulator);
    assert_eq!(recorded(&emulator, world.rule(), world.group("green"))?, [0, 1, 5, 10, 50, 100]);
    Ok(())
}

#[test]
fn lost_replies_and_throttles_change_nothing() -> Outcome<()> {
    let emulator = Emulator::start()?;
    let world = emulator.fixture(&[])?;
    let release = Release::new(&world, &Spec::default())?;
    for fault in [
        json!({ "service": "ecs", "operation": "RegisterTaskDefinition", "drop": "after" }),
        json!({ "service": "ecs", "operation": "UpdateService", "drop": "before" }),
        json!({ "service": "elbv2", "operation": "ModifyRule", "drop": "after" }),
        json!({ "service": "elbv2", "operation": "DescribeRules", "code": "Throttling", "times": 3 }),
        json!({ "service": "cloudwatch", "operation": "DescribeAlarms", "code": "ThrottlingException", "times": 2 }),
    ] {
        emulator.arm_fault(&fault)?;
    }
    let finished = release.deploy()?.finish()?;
    assert_code(&finished, PROMOTED);
    assert_eq!(emulator.faults_fired()?, 8);
    assert_promoted(&world.settled()?, &world, &emulator);
    assert_eq!(recorded(&emulator, world.rule(), world.group("green"))?, [0, 1, 5, 10, 50, 100]);
    Ok(())
}

/// The rules with every weight taken out.
fn without_weights(rules: &Value) -> Value {
    let mut rules = rules.clone();
    for rule in rules.as_array_mut().into_iter().flatten() {
        for action in rule["Actions"].as_array_mut().into_iter().flatten() {
            for group in action["ForwardConfig"]["TargetGroups"].as_array_mut().into_iter().flatten() {
                group["Weight"] = Value::Null;
            }
        }
    }
    rules
}
