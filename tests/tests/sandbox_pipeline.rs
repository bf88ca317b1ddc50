//! The real binary as a stage of a pipeline, in the sandbox with customers on it: artifacts as AWS writes them, CodeBuild's
//! layout and variables, and a stage that is killed and tried again.

use std::process::Command;

use bluegreen_sandbox::load::Tally;
use bluegreen_tests::emulator::{Operator, Outcome, Spec, Trouble, World};
use bluegreen_tests::pipeline::{Action, Build, Built, DIGEST};
use bluegreen_tests::sandbox::{Sandbox, Traffic, until};
use serde_json::Value;

const PROMOTED: Option<i32> = Some(0);
const REFUSED: Option<i32> = Some(3);
const ROLLED_BACK: Option<i32> = Some(4);
const INTERRUPTED: Option<i32> = Some(6);

/// Requests a second; the alarms of `tests/sandbox/world.py` know it.
const RATE: f64 = 100.0;

/// What has to be there for a stage: a sandbox with a world, and customers.
struct Shop {
    sandbox: Sandbox,
    world: World,
    traffic: Traffic,
}

impl Shop {
    fn open() -> Outcome<Shop> {
        // Health checks come every five seconds at the most: five times as fast is a second.
        Shop::open_with(&["--metric-period", "1s", "--speed", "5"])
    }

    fn open_with(flags: &[&str]) -> Outcome<Shop> {
        let sandbox = Sandbox::start(flags)?;
        let world = sandbox.world(&[])?;
        let traffic = Traffic::start(sandbox.listening(world.listener())?, RATE)?;
        traffic.more(20)?;
        Ok(Shop { sandbox, world, traffic })
    }

    /// The weights that green had, one after the other.
    fn weights(&self) -> Outcome<Vec<u64>> {
        self.sandbox.weights_of(self.world.rule(), self.world.group("green"))
    }

    /// How many revisions were registered for the release.
    fn registered(&self) -> Outcome<usize> {
        Ok(self.world.look()?.revisions().len() - 1)
    }

    /// Version 2 alone answers, one release brought it, and no customer noticed.
    fn assert_released_once(self, weights: &[u64]) -> Outcome<()> {
        assert_eq!(self.registered()?, 1, "one revision");
        assert_eq!(self.weights()?, weights, "one release");
        let tally: Tally = self.traffic.stop();
        assert!(tally.versions.contains_key("v1") && tally.versions.contains_key("v2"), "{:?}", tally.versions);
        assert_eq!(tally.counts.ok, tally.counts.requests, "{:?}, {:?}", tally.versions, tally.transport);
        Ok(())
    }
}

fn spec() -> Spec {
    Spec { image: "sandbox/demo:2", weights: vec![10, 100], ..Spec::brisk() }
}

#[track_caller]
fn assert_code(built: &Built, code: Option<i32>) {
    assert_eq!(built.finished.code, code, "signal {:?}:\n{}", built.finished.signal, built.finished.output());
    let exported = built.variable("BLUEGREEN_EXIT_CODE").parse().ok();
    assert_eq!(exported, code, "{:?}", built.variables);
}

/// Waits until the operator of an action with `--output json` stands at 10 %.
fn holding(operator: &mut Operator) -> Outcome<()> {
    let holds =
        |line: &Value| line["type"] == "waiting" && line["why"].as_str().is_some_and(|why| why.contains("hold"));
    operator.wait_for("the hold", holds).map(drop)
}

fn signal(operator: &Operator, name: &str) -> Outcome<()> {
    let status = Command::new("kill").args(["-s", name, &operator.pid().to_string()]).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        other => Err(Trouble::new(format!("kill: {other:?}"))),
    }
}

#[test]
fn a_stage_releases_what_the_artifacts_name() -> Outcome<()> {
    let shop = Shop::open()?;
    let action = Action::new(&shop.world, &spec(), &[])?;
    let built = action.build(&[])?.finish()?;
    assert_code(&built, PROMOTED);
    let said = built.finished.output();
    assert!(said.contains(&format!("<IMAGE1_NAME> is sandbox/demo@{DIGEST} (Image::imageDetail.json)")), "{said}");
    assert!(!said.contains('\u{1b}'), "a log has no colours: {said:?}");
    let last = shop.world.settled()?;
    let revision = last.service("frontend-green")["taskDefinition"].as_str().unwrap_or_default().to_owned();
    assert_eq!(built.variable("BLUEGREEN_OUTCOME"), "promoted");
    assert_eq!(built.variable("BLUEGREEN_TASK_DEFINITION"), revision);
    assert_eq!(built.variable("BLUEGREEN_EXECUTION_ID"), "0b1c2d3e-4f5a-4b7c-8d9e-0f1a2b3c4d5e");
    let run = built.variable("BLUEGREEN_RUN_ID").to_owned();
    assert!(run.starts_with("p-0b1c2d3e-frontend-"), "{run}");
    assert_eq!(built.variables.len(), 8, "all are set, if only to nothing: {:?}", built.variables);
    let report: Value = serde_json::from_str(&built.file("report.json")?).map_err(Trouble::at("report.json"))?;
    assert_eq!((report["exit"].as_u64(), report["type"].as_str()), (Some(0), Some("report")));
    assert!(built.file("report.html")?.contains(&run) && built.file("journal.jsonl")?.contains(&run));
    assert!(built.file("taskdef.json")?.contains(DIGEST), "what was registered can be looked at");

    // The stage is tried again: it tells the same, and does nothing.
    let again = action.build(&[])?.finish()?;
    assert_code(&again, PROMOTED);
    assert_eq!((again.variable("BLUEGREEN_RUN_ID"), again.variable("BLUEGREEN_OUTCOME")), (run.as_str(), "promoted"));
    assert_eq!(again.variable("BLUEGREEN_TASK_DEFINITION"), revision);
    assert!(again.finished.errors.contains("nothing is released again"), "{}", again.finished.errors);
    shop.assert_released_once(&[0, 10, 100])
}

/// SIGKILL at a point of the first try; the second one of the same execution goes on, and releases once.
fn killed(at: impl FnOnce(&Shop, &Action) -> Outcome<Build>) -> Outcome<()> {
    let shop = Shop::open()?;
    let action = Action::new(&shop.world, &Spec { pause: "2s", ..spec() }, &[])?;
    let build = at(&shop, &action)?;
    signal(&build.operator, "KILL")?;
    let dead = build.finish()?;
    assert_eq!(dead.finished.signal, Some(9), "{}", dead.finished.output());
    assert_eq!(dead.variable("BLUEGREEN_OUTCOME"), "interrupted", "what the next command is told");
    let run = dead.variable("BLUEGREEN_RUN_ID").to_owned();
    let retried = action.build(&[])?.finish()?;
    assert_code(&retried, PROMOTED);
    assert_eq!(retried.variable("BLUEGREEN_RUN_ID"), run);
    assert!(retried.finished.errors.contains(&format!("run {run} of this execution goes on")));
    shop.assert_released_once(&[0, 10, 100])
}

#[test]
fn a_stage_that_is_killed_at_a_weight_goes_on() -> Outcome<()> {
    killed(|_, action| {
        let mut build = action.build(&["--output", "json"])?;
        holding(&mut build.operator)?;
        Ok(build)
    })
}

#[test]
fn a_stage_that_is_killed_while_it_registers_registers_once() -> Outcome<()> {
    killed(|shop, action| {
        shop.sandbox.arm("hang-applied:ecs:RegisterTaskDefinition=1", 1)?;
        let build = action.build(&[])?;
        until("the fault", || Ok((shop.sandbox.fired()? > 0).then_some(())))?;
        Ok(build)
    })
}

#[test]
fn a_stopped_build_can_be_tried_again() -> Outcome<()> {
    let shop = Shop::open()?;
    let action = Action::new(&shop.world, &Spec { pause: "2s", ..spec() }, &[])?;
    let mut build = action.build(&["--output", "json"])?;
    holding(&mut build.operator)?;
    signal(&build.operator, "TERM")?;
    let stopped = build.finish()?;
    assert_code(&stopped, INTERRUPTED);
    assert_eq!(stopped.variable("BLUEGREEN_OUTCOME"), "interrupted");
    assert!(stopped.file("report.html")?.contains("not over"), "the report of a run that is not over");
    assert_code(&action.build(&[])?.finish()?, PROMOTED);
    shop.assert_released_once(&[0, 10, 100])
}

#[test]
fn a_release_that_went_back_stays_back_until_it_is_asked_for() -> Outcome<()> {
    // At the machine's own speed: the alarm counts errors by the second.
    let shop = Shop::open_with(&["--metric-period", "1s"])?;
    let spec = Spec { but: Some((10, "60s")), ..spec() };
    let action = Action::new(&shop.world, &spec, &[("ERROR_RATE", "100%")])?;
    let first = action.build(&[])?.finish()?;
    assert_code(&first, ROLLED_BACK);
    assert_eq!(first.variable("BLUEGREEN_OUTCOME"), "rolledBack");
    let weights = shop.weights()?;
    let again = action.build(&[])?.finish()?;
    assert_code(&again, ROLLED_BACK);
    assert_eq!(again.variable("BLUEGREEN_OUTCOME"), "rolledBack");
    assert!(again.finished.errors.contains("--attempt 2"), "{}", again.finished.errors);
    assert_eq!((shop.weights()?, shop.registered()?), (weights, 1), "nothing was done");
    let asked = action.build(&["--attempt", "2", "--dry-run", "--allow-red", "frontend-5xx"])?.finish()?;
    assert_code(&asked, PROMOTED);
    assert_eq!(asked.variable("BLUEGREEN_OUTCOME"), "planned");
    assert_ne!(asked.variable("BLUEGREEN_RUN_ID"), first.variable("BLUEGREEN_RUN_ID"));
    Ok(())
}

#[test]
fn a_lost_state_folder_releases_nothing_twice() -> Outcome<()> {
    let shop = Shop::open()?;
    let mut action = Action::new(&shop.world, &spec(), &[])?;
    assert_code(&action.build(&[])?.finish()?, PROMOTED);
    action.forget()?;
    let refused = action.build(&[])?.finish()?;
    assert_code(&refused, REFUSED);
    let said = refused.finished.errors.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("which has all traffic now") && said.contains("--state-dir"), "{said}");
    shop.assert_released_once(&[0, 10, 100])
}

#[test]
fn an_execution_releases_one_thing() -> Outcome<()> {
    let shop = Shop::open()?;
    let mut action = Action::new(&shop.world, &spec(), &[])?;
    assert_code(&action.build(&[])?.finish()?, PROMOTED);
    action.edit("taskdef.json", |text| text.replace("\"512\"", "\"1024\""))?;
    let refused = action.build(&[])?.finish()?;
    assert_code(&refused, REFUSED);
    assert!(refused.finished.errors.contains("~ memory: \"512\" -> \"1024\""), "{}", refused.finished.errors);
    // In another execution it is a release like any other.
    action.execute("ffffffff-4f5a-4b7c-8d9e-0f1a2b3c4d5e");
    let next = action.build(&["--dry-run"])?.finish()?;
    assert_code(&next, PROMOTED);
    assert!(next.variable("BLUEGREEN_RUN_ID").starts_with("p-ffffffff-"), "{:?}", next.variables);
    shop.assert_released_once(&[0, 10, 100])
}
