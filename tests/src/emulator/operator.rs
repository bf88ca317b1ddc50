//! The real binary at work: its lines as they come, its end, its exit code.

use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use serde_json::Value;

use super::{Outcome, Trouble};

/// No release of these tests is silent for so long; past it the operator is killed and the test fails with its output.
const PATIENCE: Duration = Duration::from_secs(90);

/// A running `bluegreen`. Dropping it kills the process.
#[derive(Debug)]
pub struct Operator {
    child: Child,
    lines: Receiver<String>,
    errors: Option<JoinHandle<String>>,
    seen: Vec<String>,
}

impl Operator {
    /// Starts a command that runs the binary.
    pub fn start(mut command: Command) -> Outcome<Self> {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(Trouble::at("starting bluegreen"))?;
        let (send, lines) = channel();
        if let Some(out) = child.stdout.take() {
            thread::spawn(move || {
                for line in BufReader::new(out).lines().map_while(Result::ok) {
                    if send.send(line).is_err() {
                        break;
                    }
                }
            });
        }
        let errors = child.stderr.take().map(|mut err| {
            thread::spawn(move || {
                let mut said = Vec::new();
                // What was read before a failure is still worth showing.
                let _ = err.read_to_end(&mut said);
                String::from_utf8_lossy(&said).into_owned()
            })
        });
        Ok(Self { child, lines, errors, seen: Vec::new() })
    }

    /// The process id, for a kill.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits for a line of standard output that satisfies the predicate; a trouble when the operator ends without it.
    pub fn wait_for(&mut self, what: &str, wanted: impl Fn(&Value) -> bool) -> Outcome<Value> {
        while let Some(line) = self.next_line()? {
            if let Some(event) = serde_json::from_str(&line).ok().filter(&wanted) {
                return Ok(event);
            }
        }
        Err(Trouble::new(format!("bluegreen ended without {what}; it printed:\n{}", self.seen.join("\n"))))
    }

    /// Waits for the end, however it comes.
    pub fn finish(mut self) -> Outcome<Finished> {
        while self.next_line()?.is_some() {}
        let status = self.child.wait().map_err(Trouble::at("waiting for bluegreen"))?;
        let errors = self.errors.take().and_then(|thread| thread.join().ok()).unwrap_or_default();
        let lines = std::mem::take(&mut self.seen);
        Ok(Finished { code: status.code(), signal: status.signal(), lines, errors })
    }

    fn next_line(&mut self) -> Outcome<Option<String>> {
        match self.lines.recv_timeout(PATIENCE) {
            Ok(line) => {
                self.seen.push(line.clone());
                Ok(Some(line))
            }
            Err(RecvTimeoutError::Disconnected) => Ok(None),
            Err(RecvTimeoutError::Timeout) => {
                let _ = self.child.kill();
                let said = self.errors.take().and_then(|thread| thread.join().ok()).unwrap_or_default();
                let printed = self.seen.join("\n");
                Err(Trouble::new(format!("bluegreen said nothing for {PATIENCE:?}; before that:\n{printed}\n{said}")))
            }
        }
    }
}

impl Drop for Operator {
    fn drop(&mut self) {
        // After `finish` the child is gone and both calls fail, which is fine.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What an operator left behind.
#[derive(Debug, Clone)]
pub struct Finished {
    /// The exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// Standard output, line by line.
    pub lines: Vec<String>,
    /// Standard error.
    pub errors: String,
}

impl Finished {
    /// The JSON lines of standard output.
    pub fn events(&self) -> Vec<Value> {
        self.lines.iter().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// The run's id, from the first event that names it.
    pub fn run(&self) -> Option<String> {
        self.events().iter().find_map(|event| event["run"].as_str().map(str::to_owned))
    }

    /// Everything it printed, for the message of a failed assertion and for looking for words.
    pub fn output(&self) -> String {
        format!("{}\n{}", self.lines.join("\n"), self.errors)
    }
}
