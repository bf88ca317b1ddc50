//! Experiments by the real binary in the sandbox, with real users over HTTP who hold cookies: who is where, who wins, what
//! ends it, and that nothing is left of it.
//!
//! A minute of the sandbox is a second of ours; the binary is told so, as `sandbox run` does.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use bluegreen_tests::emulator::{Finished, Operator, Outcome, Release, Spec, Trouble, World};
use bluegreen_tests::sandbox::{Sandbox, until};
use serde_json::Value;

const DONE: Option<i32> = Some(0);
const ROLLED_BACK: Option<i32> = Some(4);
const HELD: Option<i32> = Some(5);
const BUSY_OR_REFUSED: Option<i32> = Some(3);

/// A sandbox with two variants that serve, and a folder to experiment from.
struct Stage {
    sandbox: Sandbox,
    world: World,
    release: Release,
    target: SocketAddr,
    before: Value,
}

const SPLIT: &str = "split: { stickiness: 1d }";
const COHORTS: &str = "cohorts:
  - { variant: other, header: { name: X-Beta, values: [\"1\"] } }
  - { variant: other, cookie: { name: beta, value: \"1\" } }
  - { variant: other, query: { key: design, values: [new] } }";
/// Users, counted once by the service, and what they buy.
const USERS: &str = "unit: { namespace: Shop, name: Exposed, dimensions: { Variant: \"{{variant}}\" } }
goals:
  - { metric: { namespace: Shop, name: Bought, dimensions: { Variant: \"{{variant}}\" } }, kind: share, better: higher }";
const REQUESTS: &str = "goals: [ { metric: errorRate, better: lower } ]";

impl Stage {
    fn open(flags: &[&str], assignment: &str, what: &str, expiry: &str) -> Outcome<Stage> {
        let sandbox = Sandbox::start(&["--speed", "60"])?;
        let world = sandbox.world_by("variants.py", flags)?;
        let release = Release::new(&world, &Spec::brisk())?;
        let text = format!(
            "version: 1
name: checkout
environments: {{ test: {{ region: {}, account: \"{}\", cluster: shop }} }}
route: {{ rule: '{}' }}
control: current
variants:
  current: {{ targetGroup: frontend-blue, service: frontend-blue }}
  other: {{ targetGroup: frontend-green, service: frontend-green }}
{assignment}
{what}
expiry: {expiry}
minimum: 3m
",
            world.value("region"),
            world.value("account"),
            world.rule(),
        );
        release.write("experiment.yaml", &text)?;
        let target = sandbox.listening(world.listener())?;
        let mut stage = Stage { sandbox, world, release, target, before: Value::Null };
        stage.before = stage.rules()?;
        Ok(stage)
    }

    fn run(&self, arguments: &[&str]) -> Outcome<Finished> {
        let fixed = ["--insecure-endpoint", "--output", "json"];
        let mut command = self.release.command(&[&["experiment"], arguments, &fixed[..]].concat())?;
        command.env("BLUEGREEN_CLOCK", self.sandbox.clock());
        Operator::start(command)?.finish()
    }

    fn start(&self) -> Outcome<()> {
        let started = self.run(&["start", "--yes"])?;
        assert_code(&started, DONE);
        assert_eq!(document(&started)["standing"], "running", "{}", started.output());
        Ok(())
    }

    /// Looks until it stands as `wanted` says, and returns the last document with its exit code.
    fn status(&self, what: &str, wanted: impl Fn(&Value) -> bool) -> Outcome<(Value, Finished)> {
        until(what, || {
            let finished = self.run(&["status"])?;
            let found = document(&finished);
            Ok(wanted(&found).then_some((found, finished)))
        })
    }

    /// The listener's rules, all but the experiment's own.
    fn rules(&self) -> Outcome<Value> {
        self.sandbox.aws(&["elbv2", "describe-rules", "--listener-arn", self.world.listener()])
    }

    /// The experiment's rules, by priority.
    fn own(&self) -> Outcome<Vec<Value>> {
        let all = self.rules()?;
        let old = self.before["Rules"].as_array().map(Vec::as_slice).unwrap_or_default();
        let new = all["Rules"].as_array().into_iter().flatten().filter(|rule| !old.contains(rule));
        Ok(new.cloned().collect())
    }

    fn assert_restored(&self) -> Outcome<()> {
        assert_eq!(self.rules()?, self.before, "the listener is what it was, to the letter");
        assert_eq!(self.answer("/shop/", "")?, "v1", "everybody is back");
        Ok(())
    }

    /// The version that answers one request with these header lines.
    fn answer(&self, path: &str, headers: &str) -> Outcome<String> {
        let mut link = TcpStream::connect(self.target).map_err(Trouble::at("connecting"))?;
        let request = format!("GET {path} HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n{headers}\r\n");
        link.write_all(request.as_bytes()).map_err(Trouble::at("asking"))?;
        let mut answer = String::new();
        link.read_to_string(&mut answer).map_err(Trouble::at("reading"))?;
        let version = answer.lines().find_map(|line| line.strip_prefix("x-version: "));
        Ok(version.unwrap_or_default().to_owned())
    }

    fn users(&self, flags: &[&str]) -> Outcome<Value> {
        let target = self.target.to_string();
        let said = self.sandbox.run("users.py", &[&["--target", &target], flags].concat())?;
        serde_json::from_str(&said).map_err(Trouble::at("what users.py printed"))
    }
}

fn assert_code(finished: &Finished, code: Option<i32>) {
    assert_eq!(finished.code, code, "signal {:?}; it printed:\n{}", finished.signal, finished.output());
}

/// The last document on stdout.
fn document(finished: &Finished) -> Value {
    finished.events().last().cloned().unwrap_or_default()
}

fn verdict(found: &Value) -> &str {
    found["assessment"]["goals"][0]["verdict"].as_str().unwrap_or_default()
}

#[test]
fn users_stay_in_their_variant_and_the_better_one_wins() -> Outcome<()> {
    let stage = Stage::open(&[], SPLIT, USERS, "2h")?;
    stage.start()?;
    let own = stage.own()?;
    assert_eq!(own.len(), 1, "{own:?}");
    assert_eq!(own[0]["Priority"], "9", "directly in front of the base, which has 10");
    assert_code(&stage.run(&["start", "--yes"])?, BUSY_OR_REFUSED);
    let users = stage.users(&["--rounds", "60"])?;
    assert_eq!(users["moved"], 0, "users hold cookies: {users}");
    let both = |found: &Value| found["assessment"]["minutes"].as_u64() >= Some(5) && verdict(found) != "early";
    let (found, finished) = stage.status("a verdict", both)?;
    assert_code(&finished, DONE);
    assert_eq!(verdict(&found), "better", "{found:#}");
    assert_eq!(found["assessment"]["split"]["alarm"], false, "{found:#}");
    let promoted = stage.run(&["promote", "other", "--yes"])?;
    assert_code(&promoted, DONE);
    assert!(promoted.output().contains(stage.world.value("variant")), "{}", promoted.output());
    stage.assert_restored()?;
    assert_eq!(document(&stage.run(&["status"])?)["standing"], "ended");
    Ok(())
}

#[test]
fn a_split_that_loses_users_is_caught_and_blocks_the_verdict() -> Outcome<()> {
    let stage = Stage::open(&[], SPLIT, USERS, "2h")?;
    stage.start()?;
    stage.users(&["--rounds", "60", "--lose", "2"])?;
    let (found, finished) = stage.status("the alarm", |found| found["standing"] == "invalid")?;
    assert_code(&finished, HELD);
    assert_eq!(verdict(&found), "invalid", "however much the other variant sells: {found:#}");
    assert_eq!(stage.own()?.len(), 1, "whether to end it is a person's decision");
    assert_code(&stage.run(&["stop"])?, DONE);
    stage.assert_restored()
}

#[test]
fn cohorts_go_where_the_rules_say() -> Outcome<()> {
    let stage = Stage::open(&[], COHORTS, REQUESTS, "2h")?;
    stage.start()?;
    assert_eq!(stage.own()?.len(), 3);
    for (path, headers, version) in [
        ("/shop/", "", "v1"),
        ("/shop/", "X-Beta: 1\r\n", "v2"),
        ("/shop/", "X-Beta: 0\r\n", "v1"),
        ("/shop/", "Cookie: beta=1\r\n", "v2"),
        ("/shop/", "Cookie: a=2; beta=1; c=3\r\n", "v2"),
        ("/shop/", "Cookie: alphabeta=1\r\n", "v1"),
        ("/shop/", "Cookie: beta=12\r\n", "v1"),
        ("/shop/?design=new", "", "v2"),
        ("/shop/?design=old", "", "v1"),
        ("/elsewhere", "X-Beta: 1\r\n", ""),
    ] {
        assert_eq!(stage.answer(path, headers)?, version, "{path} {headers}");
    }
    assert_code(&stage.run(&["stop"])?, DONE);
    stage.assert_restored()?;
    assert_eq!(stage.answer("/shop/", "X-Beta: 1\r\n")?, "v1");
    Ok(())
}

#[test]
fn a_variant_that_fails_is_taken_out_by_its_guardrail() -> Outcome<()> {
    let stage = Stage::open(&["--errors", "50%"], SPLIT, REQUESTS, "2h")?;
    stage.start()?;
    stage.users(&["--rounds", "40"])?;
    let (found, finished) = stage.status("the guardrail", |found| found["standing"] == "ended")?;
    assert_code(&finished, ROLLED_BACK);
    assert_eq!(found["why"], "other is worse than the control in errorRate", "{found:#}");
    stage.assert_restored()
}

#[test]
fn at_its_time_it_is_over_and_the_rules_are_as_before() -> Outcome<()> {
    let stage = Stage::open(&[], SPLIT, REQUESTS, "8m")?;
    stage.start()?;
    assert_eq!(stage.own()?.len(), 1);
    let (found, finished) = stage.status("the end", |found| found["standing"] == "ended")?;
    assert_code(&finished, DONE);
    assert_eq!(found["why"], "its time is over", "{found:#}");
    stage.assert_restored()
}

/// Somebody else's hand on the rule is shown and not written over.
#[test]
fn a_rule_that_somebody_edited_is_held_for_a_person() -> Outcome<()> {
    let stage = Stage::open(&[], SPLIT, REQUESTS, "2h")?;
    stage.start()?;
    let own = stage.own()?.remove(0);
    let rule = own["RuleArn"].as_str().unwrap_or_default();
    let actions = format!("Type=forward,TargetGroupArn={}", stage.world.group("green"));
    stage.sandbox.aws(&["elbv2", "modify-rule", "--rule-arn", rule, "--actions", &actions])?;
    let held = stage.run(&["stop"])?;
    assert_code(&held, HELD);
    assert_eq!(document(&held)["standing"], "drifted");
    assert_eq!(stage.own()?.len(), 1, "nothing was deleted");
    assert_code(&stage.run(&["stop", "--accept-drift"])?, DONE);
    stage.assert_restored()
}

/// A winner is released with plan, steps and watch as anything else.
#[test]
fn a_promotion_is_released_by_the_normal_way() -> Outcome<()> {
    let stage = Stage::open(&[], SPLIT, REQUESTS, "2h")?;
    stage.start()?;
    let finished = stage.run(&["promote", "other", "--deploy", "bluegreen.yaml", "--yes"])?;
    assert_code(&finished, DONE);
    assert!(finished.output().contains("frontend:2"), "what the variant's service runs: {}", finished.output());
    assert_eq!(stage.sandbox.weights_of(stage.world.rule(), stage.world.group("green"))?.last(), Some(&100));
    assert_eq!(stage.answer("/shop/", "")?, "v2");
    assert_eq!(stage.own()?.len(), 1, "only the base, with other weights");
    Ok(())
}
