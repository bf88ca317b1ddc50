//! The output artifact of the stage: variables for the next command, the report, the journal.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use bluegreen_core::journal::Terminal;
use bluegreen_core::model::RunId;
use bluegreen_core::pipeline::Variables;
use bluegreen_core::plan::Site;
use serde::Serialize;

use crate::commands::report;
use crate::commands::runs::{Run, Runs};
use crate::error::Failure;
use crate::exit::Exit;
use crate::out;

/// Every variable that a stage exports, in order. All are set, if only to nothing: a script may run with `set -u`.
const NAMES: [&str; 8] = [
    "BLUEGREEN_OUTCOME",
    "BLUEGREEN_EXIT_CODE",
    "BLUEGREEN_RUN_ID",
    "BLUEGREEN_EXECUTION_ID",
    "BLUEGREEN_TASK_DEFINITION",
    "BLUEGREEN_DEPLOYMENT_ID",
    "BLUEGREEN_REPORT",
    "BLUEGREEN_JOURNAL",
];

/// The folder of the output artifact.
pub(super) struct Outlet {
    dir: PathBuf,
    variables: Variables,
    run: Option<(Site, RunId)>,
}

/// The answer of `--output json`.
#[derive(Serialize)]
struct Answer {
    v: u32,
    #[serde(rename = "type")]
    kind: &'static str,
    variables: serde_json::Map<String, serde_json::Value>,
}

impl Outlet {
    /// Makes the folder. Until the stage ends, its variables say what is true if this process is killed.
    pub(super) fn open(dir: &Path) -> Result<Outlet, Failure> {
        let dir = fs::create_dir_all(dir).and_then(|()| fs::canonicalize(dir)).map_err(|error| {
            Failure::caused(Exit::Usage, format!("{} cannot be made", dir.display()), error)
                .help("--out names a folder that this build may write to")
        })?;
        let mut outlet = Outlet { dir, variables: Variables::default(), run: None };
        for name in NAMES {
            outlet.variables.set(name, "");
        }
        outlet.outcome("interrupted", Exit::Interrupted);
        outlet.write()?;
        Ok(outlet)
    }

    /// Sets a variable.
    pub(super) fn set(&mut self, name: &'static str, value: &str) {
        self.variables.set(name, value);
    }

    /// The run is known from here on: whoever reads the variables of a killed stage can find it.
    pub(super) fn begin(&mut self, site: &Site, run: &RunId) -> Result<(), Failure> {
        self.set("BLUEGREEN_RUN_ID", run.as_str());
        self.run = Some((site.clone(), run.clone()));
        self.write()
    }

    /// Writes a file that only this user may read, and returns its whole path.
    pub(super) fn private(&self, name: &str, text: &str) -> Result<PathBuf, Failure> {
        let path = self.dir.join(name);
        write_private(&path, text.as_bytes()).map_err(|error| self.failed(name, error))?;
        Ok(path)
    }

    /// Writes what is known at the end. What cannot be written is told; the release's own outcome stays the answer.
    pub(super) fn close(mut self, runs: Option<&Runs>, exit: Exit, json: bool) {
        let found = runs.zip(self.run.clone()).and_then(|(runs, (site, run))| match runs.known(&site, &run) {
            Ok(found) => found,
            Err(failure) => {
                out::say_raw(&failure.render());
                None
            }
        });
        let terminal = found.as_ref().and_then(|run| run.state.ending.as_ref()).map(|ending| ending.terminal);
        self.outcome(word(exit, terminal), exit);
        if let Some(run) = &found
            && let Err(failure) = self.documents(run)
        {
            out::say_raw(&failure.render());
        }
        if let Err(failure) = self.write() {
            out::say_raw(&failure.render());
        }
        self.show(json);
    }

    fn show(&self, json: bool) {
        if json {
            let variables = self.variables.iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
            // A map of strings is always a document.
            let _ = out::json(&Answer { v: 1, kind: "pipeline", variables });
            return;
        }
        out::raw(self.variables.to_env().as_bytes());
        out::say(format_args!("for the next command: . {}", self.dir.join("variables.sh").display()));
    }

    /// The report and the journal of the run.
    fn documents(&mut self, run: &Run) -> Result<(), Failure> {
        if let Some(arn) = &run.state.task_definition {
            self.variables.set("BLUEGREEN_TASK_DEFINITION", arn.as_str());
        }
        if let Some(deployment) = &run.state.managed.deployment {
            self.variables.set("BLUEGREEN_DEPLOYMENT_ID", deployment.as_str());
        }
        let journal = self.dir.join("journal.jsonl");
        fs::read(run.found.store.run_path(&run.found.run))
            .and_then(|bytes| write_private(&journal, &bytes))
            .map_err(|error| self.failed("journal.jsonl", error))?;
        self.variables.set("BLUEGREEN_JOURNAL", journal.display().to_string());
        let (page, document) = report::both(run)?;
        let file = self.dir.join("report.html");
        fs::write(&file, page).map_err(|error| self.failed("report.html", error))?;
        fs::write(self.dir.join("report.json"), document).map_err(|error| self.failed("report.json", error))?;
        self.variables.set("BLUEGREEN_REPORT", file.display().to_string());
        Ok(())
    }

    fn outcome(&mut self, word: &str, exit: Exit) {
        self.variables.set("BLUEGREEN_OUTCOME", word);
        self.variables.set("BLUEGREEN_EXIT_CODE", exit.code().to_string());
    }

    fn write(&self) -> Result<(), Failure> {
        for (name, text) in [("variables.sh", self.variables.to_shell()), ("variables.env", self.variables.to_env())] {
            // Beside the file first: a command that sources it never reads half of it.
            let new = self.dir.join(format!(".{name}.new"));
            fs::write(&new, text)
                .and_then(|()| fs::rename(&new, self.dir.join(name)))
                .map_err(|error| self.failed(name, error))?;
        }
        Ok(())
    }

    fn failed(&self, name: &str, error: std::io::Error) -> Failure {
        Failure::caused(Exit::Unexpected, format!("{} cannot be written", self.dir.join(name).display()), error)
    }
}

/// The outcome in a word; the run's own where it is over.
fn word(exit: Exit, terminal: Option<Terminal>) -> &'static str {
    match (exit, terminal) {
        (Exit::Done, Some(Terminal::Promoted)) => "promoted",
        (Exit::Done, _) => "planned",
        (Exit::RolledBack, Some(Terminal::Aborted)) => "aborted",
        (Exit::RolledBack, _) => "rolledBack",
        (Exit::Refused, _) => "refused",
        (Exit::Held, _) => "held",
        (Exit::Interrupted, _) => "interrupted",
        (Exit::RollbackFailed, _) => "rollbackFailed",
        (Exit::Busy, _) => "busy",
        (Exit::Usage, _) => "invalid",
        (Exit::Unexpected, _) => "failed",
    }
}

fn write_private(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    // A file that was there before keeps its own mode when it is opened.
    #[cfg(unix)]
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    file.write_all(bytes)
}
