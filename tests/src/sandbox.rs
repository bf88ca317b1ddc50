//! AWS played by this project's own sandbox, and judged by clients that are none of its own.
//!
//! A [`Sandbox`] is one `bluegreen sandbox` process on a port of its own; the programs of `tests/sandbox` are run on it.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use std::{fs, thread};

use bluegreen_core::model::Timestamp;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::emulator::{Outcome, Trouble, World, binary, http, python, text};

mod aws;
mod traffic;

pub use aws::AtWork;
pub use traffic::Traffic;

/// Nothing that is waited for takes so long, however busy the machine is.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two looks at something that is not there yet.
const LOOK: Duration = Duration::from_millis(20);

/// A running sandbox. Dropping it ends it, with every task that it runs.
#[derive(Debug)]
pub struct Sandbox {
    process: Child,
    endpoint: String,
    port: u16,
    /// Where the ready-made shop is, when there is one.
    shop: Option<SocketAddr>,
    clock: String,
    folder: TempDir,
}

impl Sandbox {
    /// Starts one with these flags of `bluegreen sandbox` and waits until it answers.
    pub fn start(flags: &[&str]) -> Outcome<Self> {
        let folder = tempfile::tempdir().map_err(Trouble::at("making a folder for the sandbox"))?;
        let notes = fs::File::create(folder.path().join(NOTES)).map_err(Trouble::at(NOTES))?;
        let mut process = Command::new(binary()?)
            .args(["sandbox", "--port", "0", "--output", "json"])
            .args(flags)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(notes)
            .spawn()
            .map_err(Trouble::at("starting the sandbox"))?;
        let mut line = String::new();
        if let Some(out) = process.stdout.take() {
            BufReader::new(out).read_line(&mut line).map_err(Trouble::at("waiting for the sandbox"))?;
        }
        let ready: Value = serde_json::from_str(&line).unwrap_or_default();
        let endpoint = text(&ready["endpoint"]).to_owned();
        let port = endpoint.rsplit(':').next().and_then(|port| port.parse().ok());
        let shop = text(&ready["url"]).strip_prefix("http://").and_then(|address| address.parse().ok());
        let clock = text(&ready["clock"]).to_owned();
        let sandbox = Self { process, endpoint, port: port.unwrap_or(0), shop, clock, folder };
        if port.is_none() {
            let said = sandbox.notes();
            return Err(Trouble::new(format!("the sandbox did not start; it said:\n{line}{said}")));
        }
        Ok(sandbox)
    }

    /// The endpoint for `AWS_ENDPOINT_URL`.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Its time for `BLUEGREEN_CLOCK`; empty where it passes as ours does.
    pub fn clock(&self) -> &str {
        &self.clock
    }

    /// Where the shop of `--shop` listens.
    pub fn shop(&self) -> Outcome<SocketAddr> {
        self.shop.ok_or_else(|| Trouble::new("the sandbox has no shop".to_owned()))
    }

    /// What it wrote for people.
    pub fn notes(&self) -> String {
        fs::read_to_string(self.notes_path()).unwrap_or_default()
    }

    /// The file with that.
    pub fn notes_path(&self) -> PathBuf {
        self.folder.path().join(NOTES)
    }

    /// Runs a program of `tests/sandbox` on it and returns what it printed; a trouble tells which check failed and why.
    pub fn run(&self, program: &str, flags: &[&str]) -> Outcome<String> {
        let out = python(&Path::new("sandbox").join(program))?
            .args(["--endpoint", &self.endpoint])
            .args(flags)
            .env("NO_PROXY", "127.0.0.1")
            .stdin(Stdio::null())
            .output()
            .map_err(Trouble::at(program))?;
        let said = String::from_utf8_lossy(&out.stdout).into_owned();
        if out.status.success() {
            return Ok(said);
        }
        let errors = String::from_utf8_lossy(&out.stderr);
        Err(Trouble::new(format!("{program}:\n{said}\n{errors}\nthe sandbox:\n{}", self.notes())))
    }

    /// Makes a world to release in with boto3; the flags are those of `tests/sandbox/world.py`.
    pub fn world(&self, flags: &[&str]) -> Outcome<World> {
        self.world_by("world.py", flags)
    }

    /// The same by another program of `tests/sandbox`.
    pub fn world_by(&self, program: &str, flags: &[&str]) -> Outcome<World> {
        let document = self.run(program, flags)?;
        let path = self.folder.path().join("world.json");
        fs::write(&path, &document).map_err(Trouble::at("world.json"))?;
        World::parse(document.as_bytes(), self.endpoint.clone(), path)
    }

    /// Where a listener really listens.
    pub fn listening(&self, listener: &str) -> Outcome<SocketAddr> {
        let said = |notes: &str| {
            let mut told =
                notes.lines().filter_map(|line| line.strip_prefix("listening on http://")?.split_once(" for "));
            told.rfind(|(_, arn)| *arn == listener).and_then(|(address, _)| address.parse().ok())
        };
        until(&format!("{listener} listens"), || Ok(said(&self.notes())))
    }

    /// Every change of weights in order: `arn`, `weights` by target group, `stickiness`, `by` whom, `at` what time.
    pub fn weights(&self) -> Outcome<Vec<Value>> {
        let mut reply = self.get("weights")?;
        Ok(reply["weights"].as_array_mut().map(std::mem::take).unwrap_or_default())
    }

    /// The weights that a group had in a rule, one after the other.
    pub fn weights_of(&self, rule: &str, group: &str) -> Outcome<Vec<u64>> {
        let rows = self.weights()?;
        let mine = rows.iter().filter(|row| row["arn"] == rule);
        let mut weights: Vec<u64> = mine.map(|row| row["weights"][group].as_u64().unwrap_or(0)).collect();
        weights.dedup();
        Ok(weights)
    }

    /// When, from 1970 on, the group's weight in the rule last became 0.
    pub fn restored_at(&self, rule: &str, group: &str) -> Outcome<f64> {
        let rows = self.weights()?;
        let zero = |row: &&Value| row["arn"] == rule && row["weights"][group].as_u64().unwrap_or(0) == 0;
        let last = rows.iter().rfind(zero).map(|row| seconds(&row["at"]));
        last.ok_or_else(|| Trouble::new(format!("no weight of {group} became 0: {rows:?}")))
    }

    /// How often the real binary asked for `operation` after `from` and before `until`, both from 1970 on.
    pub fn asked(&self, operation: &str, from: f64, until: f64) -> Outcome<usize> {
        let reply = self.get("requests")?;
        let rows = reply["requests"].as_array().map(Vec::as_slice).unwrap_or_default();
        let fits = |row: &&Value| {
            let ours = text(&row["client"]).starts_with("bluegreen");
            ours && row["operation"] == operation && (from..until).contains(&seconds(&row["time"]))
        };
        Ok(rows.iter().filter(fits).count())
    }

    /// Arms a fault, as in `--fault`, for the next `times` requests of `bluegreen` that it fits.
    pub fn arm(&self, plan: &str, times: u64) -> Outcome<()> {
        let client = concat!("bluegreen-", env!("CARGO_PKG_VERSION"));
        let order = json!({ "plan": plan, "client": client, "times": times });
        http::json(self.port, "POST", "/_sandbox/faults", Some(&order)).map(drop)
    }

    /// How often the armed faults have fired, all together.
    pub fn fired(&self) -> Outcome<u64> {
        let reply = self.get("faults")?;
        let rows = reply["faults"].as_array().map(Vec::as_slice).unwrap_or_default();
        Ok(rows.iter().filter_map(|fault| fault["fired"].as_u64()).sum())
    }

    fn get(&self, name: &str) -> Outcome<Value> {
        http::json(self.port, "GET", &format!("/_sandbox/{name}"), None)
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        // It may be gone already; there is nothing to do about either failure.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

const NOTES: &str = "notes";

/// Looks until there is something; a trouble when there is nothing for too long.
#[expect(clippy::disallowed_methods, reason = "another process is watched, and it lives by the machine's clock")]
pub fn until<T>(what: &str, mut look: impl FnMut() -> Outcome<Option<T>>) -> Outcome<T> {
    let begun = Instant::now();
    loop {
        if let Some(found) = look()? {
            return Ok(found);
        }
        if begun.elapsed() > PATIENCE {
            return Err(Trouble::new(format!("{what}: still not after {PATIENCE:?}")));
        }
        thread::sleep(LOOK);
    }
}

/// Every operation that the areas of `tests/sandbox` call and have answered, as `service:Operation`.
pub fn operations() -> Outcome<BTreeSet<String>> {
    let out = python(Path::new("sandbox/operations.py"))?.output().map_err(Trouble::at("operations.py"))?;
    if !out.status.success() {
        return Err(Trouble::new(format!("operations.py:\n{}", String::from_utf8_lossy(&out.stderr))));
    }
    Ok(String::from_utf8_lossy(&out.stdout).lines().map(str::to_owned).collect())
}

/// A time of the sandbox, in seconds from 1970 on.
fn seconds(time: &Value) -> f64 {
    text(time).parse::<Timestamp>().map_or(0.0, |time| time.as_duration().as_secs_f64())
}
