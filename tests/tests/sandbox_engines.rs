//! One spec, every engine: the real binary releases a real service in the sandbox, with customers on it, by weights that
//! it writes over task sets, by CodeDeploy, and by ECS's own strategy.
//!
//! What has to be the same is asserted the same: exit codes, the shape of events, who answers in the end, and that no
//! customer is harmed by a release that is not itself bad.

use std::collections::BTreeSet;
use std::process::Command;

use bluegreen_sandbox::load::Tally;
use bluegreen_tests::emulator::{Engine, Finished, Operator, Outcome, Release, Spec, Trouble, World};
use bluegreen_tests::sandbox::{Sandbox, Traffic};
use serde_json::{Value, json};

const PROMOTED: Option<i32> = Some(0);
const REFUSED: Option<i32> = Some(3);
const ROLLED_BACK: Option<i32> = Some(4);

/// Requests a second. The alarms of `tests/sandbox/world.py` know it.
const RATE: f64 = 100.0;

/// A sandbox with the engine's world, and customers on it.
struct Stage {
    engine: Engine,
    sandbox: Sandbox,
    world: World,
    traffic: Traffic,
}

impl Stage {
    /// The sandbox's clock is five times as fast as ours, for the health checks' sake; the alarms look at a second of
    /// ours, and what CodeDeploy calls a minute is one.
    fn open(engine: Engine) -> Outcome<Stage> {
        let sandbox = Sandbox::start(&["--metric-period", "5s", "--speed", "5", "--minute", "5s"])?;
        let world = sandbox.world(&["--engine", engine.world(), "--period", "5"])?;
        let traffic = Traffic::start(sandbox.listening(world.listener())?, RATE)?;
        traffic.more(20)?;
        Ok(Stage { engine, sandbox, world, traffic })
    }

    /// 10 %, a hold of about `seconds`, 100 %, and a short bake.
    fn spec(&self, seconds: u8) -> Spec {
        let pause = match (self.engine, seconds) {
            (Engine::CodeDeploy, 1) => "1m",
            (Engine::CodeDeploy, _) => "30m",
            (_, 1) => "1s",
            _ => "30s",
        };
        let weights = vec![10, 100];
        Spec { image: "sandbox/demo:2", weights, pause, engine: self.engine, ..Spec::brisk() }
    }

    /// Version 2 with more of the demo service's settings.
    fn release(&self, spec: &Spec, settings: &[(&str, &str)]) -> Outcome<Release> {
        let all = [("VERSION", "v2")].into_iter().chain(settings.iter().copied());
        let environment: Vec<Value> = all.map(|(name, value)| json!({ "name": name, "value": value })).collect();
        Release::of(&self.world, spec, &json!(environment))
    }

    /// The green group's weights in the rule, one after the other.
    fn weights(&self) -> Outcome<Vec<u64>> {
        self.sandbox.weights_of(self.world.rule(), self.world.group("green"))
    }

    /// The versions that answer the next requests, alone.
    fn answering(&self) -> Outcome<Vec<String>> {
        let before = self.traffic.more(20)?;
        let after = self.traffic.more(100)?;
        let count = |tally: &Tally, version: &String| tally.versions.get(version).map_or(0, |counts| counts.requests);
        Ok(after.versions.keys().filter(|version| count(&after, version) > count(&before, version)).cloned().collect())
    }

    fn assert_unharmed(self) {
        let tally = self.traffic.stop();
        assert!(tally.counts.requests > 0, "there was traffic: {tally:?}");
        assert_eq!(tally.counts.ok, tally.counts.requests, "{:?}, {:?}", tally.versions, tally.transport);
    }
}

fn assert_code(finished: &Finished, code: Option<i32>) {
    assert_eq!(finished.code, code, "signal {:?}; it printed:\n{}", finished.signal, finished.output());
}

/// The members of each kind of event: the same ones whichever engine moves the traffic.
const SHAPES: [(&str, &str); 4] = [
    ("looked", "at look run type v"),
    ("recorded", "at body run seq type v"),
    ("result", "exit outcome run type v why at"),
    ("waiting", "at run type until v why"),
];

/// What one look tells.
const LOOK: &str = "alarms at configured health observed set tasks";

fn assert_shapes(finished: &Finished) {
    let events = finished.events();
    let kinds: BTreeSet<&str> = events.iter().filter_map(|event| event["type"].as_str()).collect();
    assert_eq!(kinds, SHAPES.map(|(kind, _)| kind).into(), "the kinds of events");
    for event in &events {
        let (kind, expected) = SHAPES.into_iter().find(|(kind, _)| event["type"] == *kind).unwrap_or(("none", ""));
        assert_eq!(members(event), expected.split(' ').collect(), "{kind}: {event}");
        if kind == "looked" {
            assert_eq!(members(&event["look"]), LOOK.split(' ').collect(), "{event}");
        }
    }
}

fn members(value: &Value) -> BTreeSet<&str> {
    value.as_object().into_iter().flatten().map(|(name, _)| name.as_str()).collect()
}

fn holding(operator: &mut Operator) -> Outcome<()> {
    let at_ten = |line: &Value| {
        let shares = line["look"]["configured"].as_array().map(Vec::as_slice).unwrap_or_default();
        line["type"] == "looked" && shares.iter().any(|route| route[1] == 100_000)
    };
    operator.wait_for("10 %", at_ten).map(drop)
}

fn promoted(engine: Engine) -> Outcome<()> {
    let stage = Stage::open(engine)?;
    let finished = stage.release(&stage.spec(1), &[])?.deploy()?.finish()?;
    assert_code(&finished, PROMOTED);
    assert_shapes(&finished);
    assert_eq!(stage.weights()?, [0, 10, 100]);
    assert_eq!(stage.answering()?, ["v2"]);
    stage.assert_unharmed();
    Ok(())
}

fn red_at_ten_percent(engine: Engine) -> Outcome<()> {
    let stage = Stage::open(engine)?;
    let finished = stage.release(&stage.spec(30), &[("ERROR_RATE", "100%")])?.deploy()?.finish()?;
    assert_code(&finished, ROLLED_BACK);
    assert_shapes(&finished);
    assert!(finished.output().contains("frontend-5xx"), "it names the alarm:\n{}", finished.output());
    assert_eq!(stage.weights()?, [0, 10, 0]);
    assert_eq!(stage.answering()?, ["v1"]);
    let tally = stage.traffic.stop();
    assert!(tally.counts.failed() > 0, "customers met errors at 10 %");
    assert_eq!(tally.versions["v1"].failed(), 0, "whoever stayed on version 1 was served well");
    assert!(tally.transport.is_empty(), "{:?}", tally.transport);
    Ok(())
}

fn red_at_the_start(engine: Engine) -> Outcome<()> {
    let stage = Stage::open(engine)?;
    stage.sandbox.run("red.py", &["--alarm", "frontend-latency", "--period", "5"])?;
    let finished = stage.release(&stage.spec(1), &[])?.deploy()?.finish()?;
    assert_code(&finished, REFUSED);
    assert_eq!(stage.weights()?, [0], "nothing was written");
    assert_eq!(stage.world.look()?.revisions().len(), 1, "nothing was registered");
    assert_eq!(stage.answering()?, ["v1"]);
    stage.assert_unharmed();
    Ok(())
}

fn aborted(engine: Engine) -> Outcome<()> {
    let stage = Stage::open(engine)?;
    let release = stage.release(&stage.spec(30), &[])?;
    let mut operator = release.deploy()?;
    holding(&mut operator)?;
    let order = release.start(&["abort", "--output", "json"])?.finish()?;
    assert_code(&order, Some(0));
    let finished = operator.finish()?;
    assert_code(&finished, ROLLED_BACK);
    assert_shapes(&finished);
    assert_eq!(stage.weights()?, [0, 10, 0]);
    assert_eq!(stage.answering()?, ["v1"]);
    stage.assert_unharmed();
    Ok(())
}

fn killed_and_resumed(engine: Engine) -> Outcome<()> {
    let stage = Stage::open(engine)?;
    let release = stage.release(&stage.spec(1), &[])?;
    let mut operator = release.deploy()?;
    holding(&mut operator)?;
    kill(&operator)?;
    let dead = operator.finish()?;
    assert_eq!(dead.signal, Some(9), "{}", dead.output());
    let run = dead.run().ok_or_else(|| Trouble::new(format!("no run\n{}", dead.output())))?;
    let resumed = release.resume(&run)?.finish()?;
    assert_code(&resumed, PROMOTED);
    assert_shapes(&resumed);
    assert_eq!(stage.weights()?, [0, 10, 100]);
    assert_eq!(stage.world.look()?.revisions().len(), 2, "one revision was registered");
    assert_eq!(stage.answering()?, ["v2"]);
    stage.assert_unharmed();
    Ok(())
}

fn kill(operator: &Operator) -> Outcome<()> {
    let status = Command::new("kill").args(["-s", "KILL", &operator.pid().to_string()]).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        other => Err(Trouble::new(format!("kill: {other:?}"))),
    }
}

macro_rules! every_engine {
    ($($name:ident: $engine:expr),+ $(,)?) => {$(
        mod $name {
            use super::{Engine, Outcome};

            #[test]
            fn promoted() -> Outcome<()> {
                super::promoted($engine)
            }

            #[test]
            fn red_at_ten_percent() -> Outcome<()> {
                super::red_at_ten_percent($engine)
            }

            #[test]
            fn red_at_the_start() -> Outcome<()> {
                super::red_at_the_start($engine)
            }

            #[test]
            fn aborted() -> Outcome<()> {
                super::aborted($engine)
            }

            #[test]
            fn killed_and_resumed() -> Outcome<()> {
                super::killed_and_resumed($engine)
            }
        }
    )+};
}

every_engine! {
    weights_over_services: Engine::Alb,
    weights_over_task_sets: Engine::TaskSets,
    codedeploy: Engine::CodeDeploy,
    ecs: Engine::Ecs,
}
