//! AWS played by a third-party emulator (moto), started by the test and ended with it.
//!
//! `tests/emulator/README.md` says what the emulator is, what is added to it and where it differs from AWS. An
//! [`Emulator`] is one process on a port of its own; [`World`] is what the fixture created in it; a [`Release`] is a
//! folder with a spec, from which the real `bluegreen` binary is started as an [`Operator`].

use std::fmt;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

pub(crate) mod http;
mod operator;
mod release;
mod world;

pub use operator::{Finished, Operator};
pub use release::binary;
pub use release::{Engine, Release, Spec};
pub use world::{Look, Seen, Watch, World};

/// The result of anything a test asks of the emulator.
pub type Outcome<T> = Result<T, Trouble>;

/// The test's own machinery failed: what was tried and what came of it, in words for the person who reads the log.
pub struct Trouble(String);

impl Trouble {
    /// A trouble with this text.
    pub fn new(what: impl Into<String>) -> Self {
        Self(what.into())
    }

    /// For `map_err`: the doing that failed, before the reason.
    pub fn at<E: fmt::Display>(doing: impl fmt::Display) -> impl FnOnce(E) -> Self {
        move |why| Self(format!("{doing}: {why}"))
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

// A test that returns a trouble is reported with `{:?}`; the text has lines, so it is not to be escaped.
impl fmt::Debug for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Trouble {}

/// One running emulator. Dropping it ends the process.
#[derive(Debug)]
pub struct Emulator {
    launcher: Child,
    /// The launcher serves for as long as this stays open, so it ends even when the test process is killed.
    hold: Option<ChildStdin>,
    port: u16,
    folder: TempDir,
}

impl Emulator {
    /// Starts moto with its additions on a free port of 127.0.0.1 and waits until it answers.
    pub fn start() -> Outcome<Self> {
        let folder = tempfile::tempdir().map_err(Trouble::at("making a folder for the emulator"))?;
        let log = fs::File::create(folder.path().join("launcher.log")).map_err(Trouble::at("launcher.log"))?;
        let mut launcher = script("launcher.py")?
            .args(["--port", "0"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .map_err(Trouble::at("starting the emulator"))?;
        let hold = launcher.stdin.take();
        let mut line = String::new();
        if let Some(out) = launcher.stdout.take() {
            BufReader::new(out).read_line(&mut line).map_err(Trouble::at("waiting for the emulator"))?;
        }
        let ready: Option<Value> = serde_json::from_str(&line).ok();
        let port = ready.as_ref().and_then(|it| it["ready"].as_u64()).and_then(|port| u16::try_from(port).ok());
        let mut emulator = Self { launcher, hold, port: port.unwrap_or(0), folder };
        if port.is_none() {
            emulator.end();
            return Err(Trouble::new(format!("the emulator did not start; it said:\n{}", emulator.log())));
        }
        Ok(emulator)
    }

    /// The endpoint for `AWS_ENDPOINT_URL`.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Creates the world a release starts from. The flags are the fixture's own (`--default-action`, `--red NAME` …).
    pub fn fixture(&self, flags: &[&str]) -> Outcome<World> {
        let out = script("fixture.py")?
            .args(["--endpoint", &self.endpoint()])
            .args(flags)
            .output()
            .map_err(Trouble::at("running the fixture"))?;
        if !out.status.success() {
            let said = String::from_utf8_lossy(&out.stderr).into_owned();
            return Err(Trouble::new(format!("the fixture failed:\n{said}\nemulator:\n{}", self.log())));
        }
        let path = self.folder.path().join("fixture.json");
        fs::write(&path, &out.stdout).map_err(Trouble::at("fixture.json"))?;
        World::parse(&out.stdout, self.endpoint(), path)
    }

    /// Forgets every resource, request and order; the process stays.
    pub fn reset(&self) -> Outcome<()> {
        self.post("reset", &Value::Null).map(drop)
    }

    /// Every request of operators since the last reset, in order. Each has `service`, `operation`, `mutating`, `params`.
    pub fn requests(&self) -> Outcome<Vec<Value>> {
        let mut reply = self.get("requests")?;
        let all = reply["requests"].as_array_mut().map(std::mem::take).unwrap_or_default();
        Ok(all.into_iter().filter(|request| request["operator"] == true).collect())
    }

    /// The operators' requests that can change something, as `service.operation`.
    pub fn mutations(&self) -> Outcome<Vec<String>> {
        let requests = self.requests()?;
        let writes = requests.iter().filter(|request| request["mutating"] == true);
        Ok(writes.map(|it| format!("{}.{}", text(&it["service"]), text(&it["operation"]))).collect())
    }

    /// Every change of weights in order: `arn`, `weights` by target group, `stickiness`, and `by` whom.
    pub fn weights(&self) -> Outcome<Vec<Value>> {
        let mut reply = self.get("weights")?;
        Ok(reply["weights"].as_array_mut().map(std::mem::take).unwrap_or_default())
    }

    /// Keeps every operator's next request waiting until [`Emulator::unpause`], so that an order can be given in time.
    pub fn pause(&self) -> Outcome<()> {
        self.post("pause", &Value::Null).map(drop)
    }

    /// Lets waiting requests go on.
    pub fn unpause(&self) -> Outcome<()> {
        self.post("unpause", &Value::Null).map(drop)
    }

    /// SIGKILL for the process at its `at`-th request from now (`mutating`: counting writes alone).
    pub fn arm_kill(&self, pid: u32, at: usize, when: When, mutating: bool) -> Outcome<()> {
        let count = if mutating { "mutating" } else { "all" };
        let order = serde_json::json!({ "pid": pid, "at": at, "when": when.word(), "count": count });
        self.post("kill", &order).map(drop)
    }

    /// Whether the armed kill has struck.
    pub fn killed(&self) -> Outcome<bool> {
        Ok(self.get("kill")?["kill"]["done"] == true)
    }

    /// Does something when the rule gives the group this weight, after so many reads of rules by an operator.
    pub fn on_weight(&self, rule: &str, group: &str, weight: u32, after_reads: u32, todo: &Value) -> Outcome<()> {
        let order = serde_json::json!({
            "rule": rule, "group": group, "weight": weight, "after_reads": after_reads, "do": todo,
        });
        self.post("on-weights", &order).map(drop)
    }

    /// Arms a fault: an AWS error code or a lost reply, see the README.
    pub fn arm_fault(&self, fault: &Value) -> Outcome<()> {
        self.post("fault", fault).map(drop)
    }

    /// How often the armed faults have fired, all together.
    pub fn faults_fired(&self) -> Outcome<u64> {
        let reply = self.get("faults")?;
        let rows = reply["faults"].as_array().map(Vec::as_slice).unwrap_or_default();
        Ok(rows.iter().filter_map(|fault| fault["fired"].as_u64()).sum())
    }

    /// What the emulator printed on its standard error: moto's crashes, the scheduler's.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("launcher.log")).unwrap_or_default()
    }

    fn get(&self, name: &str) -> Outcome<Value> {
        http::json(self.port, "GET", &format!("/_test/{name}"), None)
    }

    fn post(&self, name: &str, document: &Value) -> Outcome<Value> {
        http::json(self.port, "POST", &format!("/_test/{name}"), Some(document))
    }

    fn end(&mut self) {
        drop(self.hold.take());
        // It may be gone already; there is nothing to do about either failure.
        let _ = self.launcher.kill();
        let _ = self.launcher.wait();
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        self.end();
    }
}

/// On which side of a request's effect a kill strikes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// AWS never handles the request.
    Before,
    /// The request takes effect, and the reply is lost with the process.
    After,
}

impl When {
    fn word(self) -> &'static str {
        match self {
            Self::Before => "before",
            Self::After => "after",
        }
    }
}

/// The text of a JSON string; empty for anything else.
pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// A Python program of `tests/emulator`, to be run by the environment that `tests/run.sh` makes.
pub fn script(name: &str) -> Outcome<Command> {
    python(&Path::new("emulator").join(name))
}

/// A Python program of this crate's folder.
pub fn python(path: &Path) -> Outcome<Command> {
    let python = profile_folder()?.parent().map(|target| target.join("venv/bin/python")).unwrap_or_default();
    if !python.is_file() {
        let found = python.display();
        return Err(Trouble::new(format!("no Python at {found}; run tests/run.sh once: it creates the venv")));
    }
    let mut command = Command::new(python);
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join(path));
    // The sources may be read-only, and a cache beside them would be one more thing to ignore.
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    Ok(command)
}

/// The folder of cargo's profile (`target/debug`), found from where this very test program lies.
pub(crate) fn profile_folder() -> Outcome<PathBuf> {
    let program = std::env::current_exe().map_err(Trouble::at("finding this test's own program"))?;
    let folder = program.parent().and_then(Path::parent).map(Path::to_path_buf);
    folder.ok_or_else(|| Trouble::new(format!("{} does not lie in a target folder", program.display())))
}
