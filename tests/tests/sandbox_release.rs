//! The real binary releases a real service in the sandbox, with customers on it: processes behind a load balancer that
//! splits real requests, and alarms that turn by what those requests came to.

use std::panic::resume_unwind;
use std::process::Command;
use std::thread;

use bluegreen_sandbox::load::Tally;
use bluegreen_tests::emulator::{Finished, Look, Operator, Outcome, Release, Spec, Trouble, World};
use bluegreen_tests::sandbox::{Sandbox, Traffic, until};
use serde_json::{Value, json};

const PROMOTED: Option<i32> = Some(0);
const ROLLED_BACK: Option<i32> = Some(4);
const HELD: Option<i32> = Some(5);

/// Requests a second. The alarm in `tests/sandbox/world.py` knows it: it fires at a tenth of this and not at a twentieth.
const RATE: f64 = 100.0;

/// A sandbox with the world, and customers on its listener.
fn open() -> Outcome<(Sandbox, World, Traffic)> {
    // Health checks come every five seconds at the most: five times as fast is a second.
    open_with(&["--metric-period", "1s", "--speed", "5"])
}

/// The same with these flags.
fn open_with(flags: &[&str]) -> Outcome<(Sandbox, World, Traffic)> {
    let sandbox = Sandbox::start(flags)?;
    let world = sandbox.world(&[])?;
    let traffic = Traffic::start(sandbox.listening(world.listener())?, RATE)?;
    traffic.more(20)?;
    Ok((sandbox, world, traffic))
}

fn spec() -> Spec {
    Spec { image: "sandbox/demo:2", ..Spec::brisk() }
}

/// Version 2, with more of the demo service's settings.
fn release(world: &World, spec: &Spec, settings: &[(&str, &str)]) -> Outcome<Release> {
    let all = [("VERSION", "v2")].into_iter().chain(settings.iter().copied());
    let environment: Vec<Value> = all.map(|(name, value)| json!({ "name": name, "value": value })).collect();
    Release::of(world, spec, &json!(environment))
}

fn assert_code(finished: &Finished, code: Option<i32>) {
    assert_eq!(finished.code, code, "signal {:?}; it printed:\n{}", finished.signal, finished.output());
}

/// Nobody was harmed: every request was answered, and with success.
fn assert_unharmed(tally: &Tally) {
    assert!(tally.counts.requests > 0, "there was traffic: {tally:?}");
    assert_eq!(tally.counts.ok, tally.counts.requests, "{:?}, {:?}", tally.versions, tally.transport);
}

/// The versions that answer the next requests, alone.
fn answering(traffic: &Traffic) -> Outcome<Vec<String>> {
    // What is on its way was sent before.
    let before = traffic.more(20)?;
    let after = traffic.more(100)?;
    let count = |tally: &Tally, version: &String| tally.versions.get(version).map_or(0, |counts| counts.requests);
    let grown = after.versions.keys().filter(|version| count(&after, version) > count(&before, version));
    Ok(grown.cloned().collect())
}

/// All of version 2, at blue's count, healthy; and exactly one revision was registered for it.
fn assert_promoted(look: &Look, world: &World) {
    let (green, revisions) = (look.service("frontend-green"), look.revisions());
    assert_eq!(revisions.len(), 2, "one new revision: {revisions:?}");
    assert_eq!(green["taskDefinition"], revisions[1], "green runs the new revision");
    assert_eq!(green["runningCount"], 2, "green is at blue's count");
    assert_eq!(look.0["targets"]["green"], json!(["healthy", "healthy"]));
    assert_eq!(look.weight(world.rule(), "blue"), Some(0));
    assert!(look.weight(world.rule(), "green").is_some_and(|weight| weight > 0));
}

/// Waits until the operator stands at 10 %.
fn holding(operator: &mut Operator) -> Outcome<()> {
    let holds =
        |line: &Value| line["type"] == "waiting" && line["why"].as_str().is_some_and(|why| why.contains("hold"));
    operator.wait_for("the hold", holds).map(drop)
}

#[test]
fn five_steps_harm_no_customer() -> Outcome<()> {
    let (sandbox, world, traffic) = open()?;
    let watch = world.watch()?;
    let finished = release(&world, &spec(), &[])?.deploy()?.finish()?;
    let seen = watch.stop()?;
    assert_code(&finished, PROMOTED);
    let last = world.settled()?;
    assert_promoted(&last, &world);
    assert_eq!(sandbox.weights_of(world.rule(), world.group("green"))?, [0, 1, 5, 10, 50, 100]);
    assert_eq!(without_weights(last.rules()), without_weights(seen.0[0].rules()), "nothing but weights has changed");
    assert_eq!(answering(&traffic)?, ["v2"], "customers get version 2 alone");
    let tally = traffic.stop();
    assert_unharmed(&tally);
    assert!(tally.versions.contains_key("v1"), "{:?}", tally.versions);
    Ok(())
}

#[test]
fn errors_at_ten_percent_end_with_the_alarm() -> Outcome<()> {
    // At the machine's own speed: what customers see in a second and what the alarm sees in one are the same.
    let (sandbox, world, traffic) = open_with(&["--metric-period", "1s"])?;
    let before = world.look()?;
    // The hold is far longer than the alarm takes to fire: it is the alarm that ends it.
    let spec = Spec { but: Some((10, "60s")), ..spec() };
    let finished = release(&world, &spec, &[("ERROR_RATE", "100%")])?.deploy()?.finish()?;
    assert_code(&finished, ROLLED_BACK);
    // From here on, whatever the rollback wrote is at work, and nobody meets an error any more.
    traffic.more(20)?;
    let harmed = traffic.tally().counts.failed();
    assert!(harmed > 0, "customers met errors before");
    assert_eq!(answering(&traffic)?, ["v1"]);
    assert_eq!(traffic.tally().counts.failed(), harmed, "no error after the rollback");
    assert_eq!(world.look()?.rules(), before.rules(), "the baseline is restored verbatim, stickiness included");
    let green = sandbox.weights_of(world.rule(), world.group("green"))?;
    assert_eq!(green, [0, 1, 5, 10, 0], "red at ten percent, and back");
    assert!(finished.output().contains("frontend-5xx"), "it names the alarm:\n{}", finished.output());
    let turns = sandbox.run("turns.py", &["--alarm", "frontend-5xx"])?;
    let turns: Vec<(f64, String)> = serde_json::from_str(&turns).map_err(|why| Trouble::new(why.to_string()))?;
    let red = turns.iter().find(|(_, state)| state == "ALARM").map(|(at, _)| *at);
    let (red, last) = red.zip(traffic.last_failure()).ok_or_else(|| Trouble::new(format!("no red: {turns:?}")))?;
    let restored = sandbox.restored_at(world.rule(), world.group("green"))?;
    let looks = sandbox.asked("DescribeAlarms", red, restored)?;
    assert_eq!(looks, 1, "the first look after the alarm sends everybody back");
    // The generator counts by the second, and what was on its way then ends in that one.
    assert!(last <= restored + 1.0, "the last error came {:.1} s after the rollback's write", last - restored);
    let tally = traffic.stop();
    assert_eq!(tally.versions["v1"].failed(), 0, "whoever stayed on version 1 was served well");
    assert!(tally.transport.is_empty(), "{:?}", tally.transport);
    Ok(())
}

/// A colleague sets 63/37 while the release stands at 10 %.
fn edited_midway(drift: &'static str, code: Option<i32>) -> Outcome<(Sandbox, World, Look)> {
    let (sandbox, world, traffic) = open()?;
    let before = world.look()?;
    let spec = Spec { weights: vec![10, 100], pause: "60s", drift, ..spec() };
    let release = release(&world, &spec, &[])?;
    let mut operator = release.deploy()?;
    holding(&mut operator)?;
    let weights = format!("{}=63,{}=37", world.group("blue"), world.group("green"));
    sandbox.run("edit.py", &["--rule", world.rule(), "--weights", &weights])?;
    let finished = operator.finish()?;
    assert_code(&finished, code);
    let said = finished.output();
    for weight in ["90", "10", "63", "37"] {
        assert!(said.contains(weight), "both sides are shown, {weight} is not:\n{said}");
    }
    assert_unharmed(&traffic.stop());
    Ok((sandbox, world, before))
}

#[test]
fn a_colleagues_edit_holds_the_release() -> Outcome<()> {
    let (sandbox, world, _) = edited_midway("hold", HELD)?;
    assert_eq!(world.look()?.weight(world.rule(), "green"), Some(37), "the colleague's weights are left alone");
    let rows = sandbox.weights()?;
    let last = rows.iter().rfind(|row| row["arn"] == world.rule());
    assert_eq!(last.map(|row| &row["by"]), Some(&json!("colleague")));
    Ok(())
}

#[test]
fn a_colleagues_edit_sends_the_release_back() -> Outcome<()> {
    let (_sandbox, world, before) = edited_midway("rollback", ROLLED_BACK)?;
    assert_eq!(world.look()?.rules(), before.rules());
    Ok(())
}

/// SIGKILL while a request of this kind has no answer, then `resume`: the end is the calm run's, and nobody was harmed.
fn killed(fault: &str, at_the_hold: bool) -> Outcome<()> {
    let (sandbox, world, traffic) = open()?;
    let spec = Spec { weights: vec![10, 100], pause: "2s", ..spec() };
    let release = release(&world, &spec, &[])?;
    let plan = format!("{fault}=1");
    let mut operator = if at_the_hold {
        let mut operator = release.deploy()?;
        holding(&mut operator)?;
        sandbox.arm(&plan, 1)?;
        operator
    } else {
        sandbox.arm(&plan, 1)?;
        release.deploy()?
    };
    until(fault, || Ok((sandbox.fired()? > 0).then_some(())))?;
    kill(&mut operator)?;
    let dead = operator.finish()?;
    assert_eq!(dead.signal, Some(9), "{fault}:\n{}", dead.output());
    let run = dead.run().ok_or_else(|| Trouble::new(format!("{fault}: no run\n{}", dead.output())))?;
    let resumed = release.resume(&run)?.finish()?;
    assert_eq!(resumed.code, PROMOTED, "{fault}: after the kill\n{}\n{}", dead.output(), resumed.output());
    assert_promoted(&world.settled()?, &world);
    assert_eq!(sandbox.weights_of(world.rule(), world.group("green"))?, [0, 10, 100], "{fault}");
    assert_eq!(answering(&traffic)?, ["v2"]);
    assert_unharmed(&traffic.stop());
    Ok(())
}

fn kill(operator: &mut Operator) -> Outcome<()> {
    let status = Command::new("kill").args(["-s", "KILL", &operator.pid().to_string()]).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        other => Err(Trouble::new(format!("kill: {other:?}"))),
    }
}

/// All of these at once, each in a sandbox of its own: they wait more than they work.
fn all_killed(places: &[(&str, bool)]) -> Outcome<()> {
    thread::scope(|scope| {
        let each: Vec<_> = places.iter().map(|(fault, hold)| scope.spawn(|| killed(fault, *hold))).collect();
        each.into_iter().try_for_each(|one| one.join().unwrap_or_else(|panic| resume_unwind(panic)))
    })
}

#[test]
fn killed_while_the_fleet_is_made() -> Outcome<()> {
    all_killed(&[
        ("hang:ecs:RegisterTaskDefinition", false),
        ("hang-applied:ecs:RegisterTaskDefinition", false),
        ("hang:ecs:UpdateService", false),
        ("hang-applied:ecs:UpdateService", false),
    ])
}

#[test]
fn killed_at_the_weights() -> Outcome<()> {
    all_killed(&[
        ("hang:elbv2:ModifyRule", false),
        ("hang-applied:elbv2:ModifyRule", false),
        ("hang:elbv2:ModifyRule", true),
        ("hang-applied:elbv2:ModifyRule", true),
    ])
}

#[test]
fn lost_answers_and_throttles_harm_no_customer() -> Outcome<()> {
    let (sandbox, world, traffic) = open()?;
    let once =
        ["drop-applied:ecs:RegisterTaskDefinition=1", "drop:ecs:UpdateService=1", "drop-applied:elbv2:ModifyRule=1"];
    for plan in once {
        sandbox.arm(plan, 1)?;
    }
    sandbox.arm("throttle:reads=0.3", 8)?;
    let spec = Spec { weights: vec![10, 50, 100], ..spec() };
    let finished = release(&world, &spec, &[])?.deploy()?.finish()?;
    assert_code(&finished, PROMOTED);
    assert!(sandbox.fired()? >= 5, "faults came");
    assert_promoted(&world.settled()?, &world);
    assert_eq!(sandbox.weights_of(world.rule(), world.group("green"))?, [0, 10, 50, 100]);
    assert_unharmed(&traffic.stop());
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
