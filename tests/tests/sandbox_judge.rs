//! The real binary releases a real service that nothing but counts watches: no alarm is configured, and the judge alone
//! tells a version that fails some of its requests from one that fails none.
//!
//! A minute takes six seconds, for the sandbox and for the program in it: counts come by the minute, as CloudWatch's do.

use std::fs;

use bluegreen_tests::emulator::{Finished, Operator, Outcome, Release, Spec, Trouble, World};
use bluegreen_tests::sandbox::{Sandbox, Traffic};
use serde_json::{Value, json};

const PROMOTED: Option<i32> = Some(0);
const ROLLED_BACK: Option<i32> = Some(4);

/// Requests a second of ours, of which the sandbox has ten.
const RATE: f64 = 200.0;

const ANALYSIS: &str = "alarms: []
analysis:
  lag: 60s
  warmUp: 0s
  harmless: 2%
  metrics: [ { metric: errorRate } ]";

/// Version 2 with these settings, at half of the traffic until there is a verdict.
fn released(settings: &[(&str, &str)]) -> Outcome<(Sandbox, World, Release, Traffic, Finished)> {
    let sandbox = Sandbox::start(&["--metric-period", "1s", "--speed", "10"])?;
    let world = sandbox.world(&[])?;
    let traffic = Traffic::start(sandbox.listening(world.listener())?, RATE)?;
    traffic.more(20)?;
    let spec = Spec { image: "sandbox/demo:2", weights: vec![50, 100], poll: "2s", quiet: "5s", ..Spec::brisk() };
    let all = [("VERSION", "v2")].into_iter().chain(settings.iter().copied());
    let environment: Vec<Value> = all.map(|(name, value)| json!({ "name": name, "value": value })).collect();
    let release = Release::of(&world, &spec, &json!(environment))?;
    let text = fs::read_to_string(release.path().join("bluegreen.yaml")).map_err(Trouble::at("bluegreen.yaml"))?;
    let text = text
        .replace("- pause: { duration: 300ms }", "- analysis: { for: 4m }")
        .replace("phaseDeadline: 60s", "phaseDeadline: 15m")
        .replace("freshness: 10s", "freshness: 60s")
        .replace("alarms: [frontend-5xx, frontend-latency]", ANALYSIS);
    release.write("bluegreen.yaml", &text)?;
    let deploy = ["deploy", "-f", "bluegreen.yaml", "--yes", "--insecure-endpoint", "--output", "json"];
    let mut command = release.command(&deploy)?;
    command.env("BLUEGREEN_CLOCK", sandbox.clock());
    let finished = Operator::start(command)?.finish()?;
    Ok((sandbox, world, release, traffic, finished))
}

fn assert_code(finished: &Finished, code: Option<i32>) {
    assert_eq!(finished.code, code, "signal {:?}; it printed:\n{}", finished.signal, finished.output());
}

/// What a command prints about the finished run.
fn told(release: &Release, arguments: &[&str]) -> Outcome<String> {
    let finished = release.start(arguments)?.finish()?;
    let text = finished.output();
    match finished.code {
        Some(0 | 4) => Ok(text),
        code => Err(Trouble::new(format!("{arguments:?} ended with {code:?}:\n{text}"))),
    }
}

#[test]
fn errors_that_no_alarm_watches_are_found_by_the_judge() -> Outcome<()> {
    let (sandbox, world, release, traffic, finished) = released(&[("ERROR_RATE", "5%")])?;
    assert_code(&finished, ROLLED_BACK);
    assert_eq!(sandbox.weights_of(world.rule(), world.group("green"))?, [0, 50, 0]);
    traffic.more(20)?;
    let harmed = traffic.tally().counts.failed();
    assert!(harmed > 0, "customers met errors before");
    traffic.more(100)?;
    assert_eq!(traffic.tally().counts.failed(), harmed, "nobody meets an error any more");
    let run = finished.run().ok_or_else(|| Trouble::new(finished.output()))?;
    let why = told(&release, &["explain", &run])?;
    assert!(why.contains("judged worse by errorRate") && why.contains("bad against"), "{why}");
    let status = told(&release, &["status", &run])?;
    assert!(status.contains("fail: errorRate") && status.contains(" of 100"), "{status}");
    assert!(status.lines().all(|line| line.chars().count() <= 80), "{status}");
    let other = told(&release, &["replay", &run, "--what-if", "alpha=1e-300"])?;
    assert!(other.contains("would be: it would not have gone back in step 2"), "{other}");
    let same = told(&release, &["replay", &run, "--what-if", "alpha=0.01", "--output", "json"])?;
    let same: Value = same.lines().find_map(|line| serde_json::from_str(line).ok()).unwrap_or_default();
    assert_eq!((&same["type"], &same["goesBack"]), (&json!("whatIf"), &json!(true)), "{same}");
    let page = told(&release, &["report", &run, "--out", "-"])?;
    assert!(page.contains("<h2 id=\"judge\">") && page.contains("confidence sequences"), "{page}");
    Ok(())
}

#[test]
fn a_version_that_fails_nothing_passes_by_evidence() -> Outcome<()> {
    let (sandbox, world, release, traffic, finished) = released(&[])?;
    assert_code(&finished, PROMOTED);
    assert_eq!(sandbox.weights_of(world.rule(), world.group("green"))?, [0, 50, 100]);
    let run = finished.run().ok_or_else(|| Trouble::new(finished.output()))?;
    let why = told(&release, &["explain", &run])?;
    assert!(why.contains("every metric is good enough"), "{why}");
    let strict = told(&release, &["replay", &run, "--what-if", "requestsMin=1000000000"])?;
    assert!(strict.contains("inconclusive"), "{strict}");
    let tally = traffic.stop();
    assert_eq!(tally.counts.ok, tally.counts.requests, "{:?}, {:?}", tally.versions, tally.transport);
    Ok(())
}
