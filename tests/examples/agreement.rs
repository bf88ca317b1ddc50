//! Whether `bluegreen simulate` and a real release in the sandbox find a bad version equally fast.
//!
//! Ten real releases of the shop's bad version, each in a sandbox of its own with real traffic, next to a rehearsal of
//! the same spec in virtual time. Prints the medians and how far they are apart; exits with 1 beyond 15 %.
//!
//!     cargo build -p bluegreen-cli && cargo run -p bluegreen-tests --example agreement

#![allow(clippy::print_stdout, reason = "printing is what it is for")]

use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bluegreen_core::journal::FileStore;
use bluegreen_sandbox::simulate::detection;
use bluegreen_tests::emulator::{Outcome, Trouble, binary};
use bluegreen_tests::sandbox::{Sandbox, Traffic, until};
use serde_json::Value;

const RUNS: usize = 10;
/// Metrics every five seconds: coarse enough to be seen in the times, fine enough for ten runs in a few minutes.
const PERIOD: &str = "5s";
const RATE: f64 = 100.0;
const TOLERANCE: f64 = 0.15;

fn main() -> ExitCode {
    match compare() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(trouble) => {
            println!("{trouble:?}");
            ExitCode::FAILURE
        }
    }
}

fn compare() -> Outcome<bool> {
    let dir = tempfile::tempdir().map_err(Trouble::at("making a folder"))?;
    let mut real = Vec::new();
    for run in 0..RUNS {
        let took = release(&dir.path().join(run.to_string()), run)?;
        println!("real release {}: {:.1} s", run + 1, took.as_secs_f64());
        real.push(took.as_secs_f64());
    }
    let real = median(real);
    let modelled = rehearse(&dir.path().join("0"))?;
    let apart = (real - modelled).abs() / modelled;
    println!(
        "median of {RUNS} real releases: {real:.1} s; of the rehearsal: {modelled:.1} s; {:.0} % apart",
        apart * 100.0
    );
    Ok(apart <= TOLERANCE)
}

/// Releases the bad version for real; from its first traffic to the decision to go back.
///
/// A rehearsal begins its runs anywhere within a period of the metrics. Real ones would all begin at the same place,
/// since each ends with a period's end: so each is told its own tenth of a period to begin in.
fn release(dir: &Path, tenth: usize) -> Outcome<Duration> {
    let shop = dir.display().to_string();
    let sandbox = Sandbox::start(&["--metric-period", PERIOD, "--shop", &shop])?;
    patient(dir)?;
    let traffic = Traffic::start(sandbox.shop()?, RATE)?;
    // Every target answers, and metrics have begun.
    until("the shop is open", || Ok(Some(()).filter(|()| traffic.tally().counts.ok >= 600)))?;
    until("its tenth of the period", || Ok(Some(()).filter(|()| tenth_of_period() == tenth)))?;
    let state = dir.join("state");
    let ended = Command::new(binary()?)
        .args(["deploy", "--yes", "--insecure-endpoint", "--task-definition", "v3.json", "--state"])
        .arg(&state)
        .current_dir(dir)
        .envs([("AWS_ENDPOINT_URL", sandbox.endpoint()), ("AWS_REGION", "eu-west-3")])
        .envs([("AWS_ACCESS_KEY_ID", "sandbox"), ("AWS_SECRET_ACCESS_KEY", "sandbox")])
        .output()
        .map_err(Trouble::at("bluegreen deploy"))?;
    traffic.stop();
    if ended.status.code() != Some(4) {
        return Err(Trouble::new(String::from_utf8_lossy(&ended.stderr).into_owned()));
    }
    let found = FileStore::newest(&state).map_err(Trouble::at("finding the journal"))?;
    let found = found.ok_or_else(|| Trouble::new("no journal"))?;
    let journal = found.store.read(&found.run).map_err(Trouble::at("reading the journal"))?;
    detection(&journal.records).ok_or_else(|| Trouble::new("no alarm sent it back".to_owned()))
}

/// Which tenth of a period of the metrics it is: half a second of five.
#[expect(clippy::disallowed_methods, reason = "metrics are published by the wall clock")]
fn tenth_of_period() -> usize {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
    usize::try_from(now % 5_000 / 500).unwrap_or(0)
}

/// Holds long enough for the slowest detection.
fn patient(dir: &Path) -> Outcome<()> {
    let file = dir.join("bluegreen.yaml");
    let spec = std::fs::read_to_string(&file).map_err(Trouble::at("reading the spec"))?;
    std::fs::write(&file, spec.replace("duration: 4s", "duration: 60s")).map_err(Trouble::at("writing the spec"))
}

/// The same spec in virtual time; the median.
fn rehearse(dir: &Path) -> Outcome<f64> {
    let ended = Command::new(binary()?)
        .args(["simulate", "--output", "json", "--runs", "200", "--rps", "100", "--tasks", "2"])
        .args(["--baseline-errors", "0%", "--canary-errors", "30%"])
        .args(["--metric-period", PERIOD, "--alarm", "errors>5%:1/5x5s"])
        .current_dir(dir)
        .output()
        .map_err(Trouble::at("bluegreen simulate"))?;
    let answer: Value = serde_json::from_slice(&ended.stdout).map_err(Trouble::at("the rehearsal's answer"))?;
    let median = answer["bad"]["detectionSeconds"]["median"].as_f64();
    median.ok_or_else(|| Trouble::new(format!("no detection in {answer}")))
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    let half = times.len() / 2;
    f64::midpoint(times[half - 1], times[half])
}
