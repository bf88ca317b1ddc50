//! The real binary as a stage of a pipeline, in the sandbox with customers on it: artifacts as AWS writes them, CodeBuild's
//! layout and variables, and a stage that is killed and tried again.

use std::fs;
use std::process::Command;

use bluegreen_sandbox::load::Tally;
use bluegreen_tests::emulator::{Engine, Operator, Outcome, Spec, Trouble, World, binary};
use bluegreen_tests::pipeline::{Action, Build, Built, DIGEST};
use bluegreen_tests::sandbox::{Sandbox, Traffic, until};
use serde_json::Value;

const PROMOTED: Option<i32> = Some(0);
const REFUSED: Option<i32> = Some(3);
const ROLLED_BACK: Option<i32> = Some(4);
const INTERRUPTED: Option<i32> = Some(6);

/// Requests a second; the alarms of `tests/sandbox/world.py` know it.
const RATE: f64 = 100.0;

/// What has to be there for a stage: a sandbox with the engine's world, and customers.
struct Shop {
    engine: Engine,
    sandbox: Sandbox,
    world: World,
    traffic: Traffic,
}

impl Shop {
    fn open(engine: Engine) -> Outcome<Shop> {
        Shop::open_with(engine, &[])
    }

    /// The same with more flags for the sandbox. Its clock is five times as fast as ours, for the health checks' sake; the
    /// alarms look at a second of ours, and what CodeDeploy calls a minute is one.
    fn open_with(engine: Engine, flags: &[&str]) -> Outcome<Shop> {
        let ours = ["--metric-period", "5s", "--speed", "5", "--minute", "5s"];
        let sandbox = Sandbox::start(&[&ours, flags].concat())?;
        let world = sandbox.world(&["--engine", engine.world(), "--period", "5"])?;
        let traffic = Traffic::start(sandbox.listening(world.listener())?, RATE)?;
        traffic.more(20)?;
        Ok(Shop { engine, sandbox, world, traffic })
    }

    /// 10 %, a hold of a second or two of ours, 100 %, and a short bake.
    fn spec(&self) -> Spec {
        let pause = if self.engine == Engine::CodeDeploy { "2m" } else { "2s" };
        Spec { image: "sandbox/demo:2", weights: vec![10, 100], pause, engine: self.engine, ..Spec::brisk() }
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
    fn assert_released_once(self) -> Outcome<()> {
        assert_eq!(self.registered()?, 1, "one revision");
        assert_eq!(self.weights()?, [0, 10, 100], "one release");
        let tally: Tally = self.traffic.stop();
        assert!(tally.versions.contains_key("v1") && tally.versions.contains_key("v2"), "{:?}", tally.versions);
        assert_eq!(tally.counts.ok, tally.counts.requests, "{:?}, {:?}", tally.versions, tally.transport);
        Ok(())
    }
}

#[track_caller]
fn assert_code(built: &Built, code: Option<i32>) {
    assert_eq!(built.finished.code, code, "signal {:?}:\n{}", built.finished.signal, built.finished.output());
    let exported = built.variable("BLUEGREEN_EXIT_CODE").parse().ok();
    assert_eq!(exported, code, "{:?}", built.variables);
}

/// Waits until the operator of an action with `--output json` has seen 10 %.
fn at_ten_percent(operator: &mut Operator) -> Outcome<()> {
    let at_ten = |line: &Value| {
        let shares = line["look"]["configured"].as_array().map(Vec::as_slice).unwrap_or_default();
        line["type"] == "looked" && shares.iter().any(|route| route[1] == 100_000)
    };
    operator.wait_for("10 %", at_ten).map(drop)
}

fn signal(operator: &Operator, name: &str) -> Outcome<()> {
    let status = Command::new("kill").args(["-s", name, &operator.pid().to_string()]).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        other => Err(Trouble::new(format!("kill: {other:?}"))),
    }
}

/// What was exported, and what lies in the output artifact, of a stage that has promoted.
fn assert_told(shop: &Shop, built: &Built) -> Outcome<()> {
    let look = shop.world.look()?;
    let run = built.variable("BLUEGREEN_RUN_ID");
    assert!(run.starts_with("p-0b1c2d3e-frontend-"), "{run}");
    assert_eq!(built.variable("BLUEGREEN_OUTCOME"), "promoted");
    assert_eq!(built.variable("BLUEGREEN_EXECUTION_ID"), "0b1c2d3e-4f5a-4b7c-8d9e-0f1a2b3c4d5e");
    assert_eq!(built.variable("BLUEGREEN_TASK_DEFINITION"), look.revisions()[1]);
    let by_aws = matches!(shop.engine, Engine::CodeDeploy | Engine::Ecs);
    assert_eq!(!built.variable("BLUEGREEN_DEPLOYMENT_ID").is_empty(), by_aws, "{:?}", built.variables);
    assert_eq!(built.variables.len(), 8, "all are set, if only to nothing: {:?}", built.variables);
    let report: Value = serde_json::from_str(&built.file("report.json")?).map_err(Trouble::at("report.json"))?;
    assert_eq!((report["exit"].as_u64(), report["type"].as_str()), (Some(0), Some("report")));
    assert!(built.file("report.html")?.contains(run) && built.file("journal.jsonl")?.contains(run));
    assert!(built.file("taskdef.json")?.contains(DIGEST), "what was registered can be looked at");
    Ok(())
}

/// A stage releases what the artifacts name; tried again, it tells the same, and does nothing.
fn released(engine: Engine) -> Outcome<()> {
    let shop = Shop::open(engine)?;
    let action = Action::new(&shop.world, &shop.spec(), &[])?;
    let built = action.build(&[])?.finish()?;
    assert_code(&built, PROMOTED);
    let said = built.finished.output();
    assert!(said.contains(&format!("<IMAGE1_NAME> is sandbox/demo@{DIGEST} (Image::imageDetail.json)")), "{said}");
    assert!(!said.contains('\u{1b}'), "a log has no colours: {said:?}");
    assert_told(&shop, &built)?;
    let again = action.build(&[])?.finish()?;
    assert_code(&again, PROMOTED);
    assert_told(&shop, &again)?;
    let run = built.variable("BLUEGREEN_RUN_ID");
    assert_eq!(again.variable("BLUEGREEN_RUN_ID"), run);
    assert!(again.finished.errors.contains("nothing is released again"), "{}", again.finished.errors);
    shop.assert_released_once()
}

/// SIGKILL at a point of the first try; the second one of the same execution goes on, and releases once.
fn killed(engine: Engine, at: impl FnOnce(&Shop, &Action) -> Outcome<Build>) -> Outcome<()> {
    let shop = Shop::open(engine)?;
    let action = Action::new(&shop.world, &shop.spec(), &[])?;
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
    assert_told(&shop, &retried)?;
    shop.assert_released_once()
}

fn killed_at_ten_percent(engine: Engine) -> Outcome<()> {
    killed(engine, |_, action| {
        let mut build = action.build(&["--output", "json"])?;
        at_ten_percent(&mut build.operator)?;
        Ok(build)
    })
}

/// The request of this kind that changes something has its effect, and its answer never comes: killed there.
fn killed_without_an_answer(engine: Engine, request: &str) -> Outcome<()> {
    killed(engine, |shop, action| {
        shop.sandbox.arm(&format!("hang-applied:{request}=1"), 1)?;
        let build = action.build(&[])?;
        until("the fault", || Ok((shop.sandbox.fired()? > 0).then_some(())))?;
        Ok(build)
    })
}

macro_rules! every_engine {
    ($($name:ident: $engine:expr, $starts:literal);+ $(;)?) => {$(
        mod $name {
            use super::{Engine, Outcome};

            #[test]
            fn released() -> Outcome<()> {
                super::released($engine)
            }

            #[test]
            fn killed_at_ten_percent() -> Outcome<()> {
                super::killed_at_ten_percent($engine)
            }

            #[test]
            fn killed_while_it_registers() -> Outcome<()> {
                super::killed_without_an_answer($engine, "ecs:RegisterTaskDefinition")
            }

            #[test]
            fn killed_while_it_starts() -> Outcome<()> {
                super::killed_without_an_answer($engine, $starts)
            }
        }
    )+};
}

every_engine! {
    weights_over_services: Engine::Alb, "elbv2:ModifyRule";
    weights_over_task_sets: Engine::TaskSets, "ecs:CreateTaskSet";
    codedeploy: Engine::CodeDeploy, "codedeploy:CreateDeployment";
    ecs: Engine::Ecs, "ecs:UpdateService";
}

#[test]
fn a_stopped_build_can_be_tried_again() -> Outcome<()> {
    let shop = Shop::open(Engine::Alb)?;
    let action = Action::new(&shop.world, &shop.spec(), &[])?;
    let mut build = action.build(&["--output", "json"])?;
    at_ten_percent(&mut build.operator)?;
    signal(&build.operator, "TERM")?;
    let stopped = build.finish()?;
    assert_code(&stopped, INTERRUPTED);
    assert_eq!(stopped.variable("BLUEGREEN_OUTCOME"), "interrupted");
    assert!(stopped.file("report.html")?.contains("not over"), "the report of a run that is not over");
    assert_code(&action.build(&[])?.finish()?, PROMOTED);
    shop.assert_released_once()
}

#[test]
fn a_release_that_went_back_stays_back_until_it_is_asked_for() -> Outcome<()> {
    let shop = Shop::open(Engine::Alb)?;
    let spec = Spec { but: Some((10, "60s")), ..shop.spec() };
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

/// With the journal gone, what AWS still has of the run keeps the stage from releasing twice.
fn lost(engine: Engine, said: &str) -> Outcome<()> {
    let shop = Shop::open(engine)?;
    let mut action = Action::new(&shop.world, &shop.spec(), &[])?;
    assert_code(&action.build(&[])?.finish()?, PROMOTED);
    action.forget()?;
    let refused = action.build(&[])?.finish()?;
    assert_code(&refused, REFUSED);
    let words = refused.finished.errors.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("which has all traffic now") && words.contains("--state-dir"), "{words}");
    assert!(words.contains(said), "{words}");
    shop.assert_released_once()
}

#[test]
fn a_lost_state_folder_releases_nothing_twice() -> Outcome<()> {
    lost(Engine::Alb, "it registered frontend:2")
}

#[test]
fn a_lost_state_folder_deploys_nothing_twice() -> Outcome<()> {
    lost(Engine::CodeDeploy, "its deployment d-")
}

#[test]
fn an_execution_releases_one_thing() -> Outcome<()> {
    let shop = Shop::open(Engine::Alb)?;
    let mut action = Action::new(&shop.world, &shop.spec(), &[])?;
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
    shop.assert_released_once()
}

/// A release by CodeDeploy whose AppSpec, an artifact of the stage, calls a function: a check that `bluegreen hook` runs
/// and answers for, twice. Returns what the two said too.
fn hooked(check: &str) -> Outcome<(Shop, Built, String)> {
    let folder = tempfile::tempdir().map_err(Trouble::at("a folder for the hook"))?;
    let (script, log) = (folder.path().join("smoke.sh"), folder.path().join("log"));
    let (program, said) = (binary()?.display().to_string(), log.display().to_string());
    // By itself it would fail: the answer that counts is the one that was given before.
    let text = format!(
        "#!/bin/sh
event='{{\"DeploymentId\":\"'$DEPLOYMENT_ID'\",\"LifecycleEventHookExecutionId\":\"'$LIFECYCLE_EVENT_HOOK_EXECUTION_ID'\"}}'
printf '%s' \"$event\" | '{program}' hook --insecure-endpoint -- {check} > '{said}' 2>&1
echo \"exit $?\" >> '{said}'
'{program}' hook --insecure-endpoint --deployment-id \"$DEPLOYMENT_ID\" \\
  --execution-id \"$LIFECYCLE_EVENT_HOOK_EXECUTION_ID\" -- {check} >> '{said}' 2>&1
exit 1
"
    );
    fs::write(&script, text).map_err(Trouble::at("the hook"))?;
    let shop = Shop::open_with(Engine::CodeDeploy, &["--hook", &format!("smoke=sh {}", script.display())])?;
    let action = Action::new(&shop.world, &shop.spec(), &[])?;
    action.edit("appspec.yaml", |text| text + "Hooks:\n  - AfterInstall: smoke\n")?;
    let built = action.build(&[])?.finish()?;
    let said = fs::read_to_string(&log).map_err(Trouble::at("what the hook said"))?;
    Ok((shop, built, said))
}

#[test]
fn a_check_that_passes_lets_the_deployment_go_on() -> Outcome<()> {
    let (shop, built, said) = hooked("test {{deploymentId}} != none")?;
    assert_code(&built, PROMOTED);
    let deployment = built.variable("BLUEGREEN_DEPLOYMENT_ID");
    assert!(said.contains(&format!("{deployment}: Succeeded\nexit 0\n")), "{said}");
    assert!(said.contains("has an answer already"), "a second answer is told: {said}");
    shop.assert_released_once()
}

#[test]
fn a_check_that_fails_sends_the_release_back() -> Outcome<()> {
    let (shop, built, said) = hooked("test {{deploymentId}} = none")?;
    assert_code(&built, ROLLED_BACK);
    assert!(said.contains(": Failed\nexit 0\n"), "{said}");
    assert_eq!(shop.weights()?, [0], "no customer met it");
    Ok(())
}
