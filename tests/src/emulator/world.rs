//! What the fixture created, and what an independent boto3 reader sees of it.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread::{self, JoinHandle};

use serde_json::Value;

use super::{Outcome, Trouble, script, text};

/// The fixture's document: every ARN of the world before the release.
#[derive(Debug, Clone)]
pub struct World {
    document: Value,
    endpoint: String,
    path: PathBuf,
}

impl World {
    pub(crate) fn parse(document: &[u8], endpoint: String, path: PathBuf) -> Outcome<Self> {
        let document = serde_json::from_slice(document).map_err(Trouble::at("the fixture's document"))?;
        Ok(Self { document, endpoint, path })
    }

    /// The ARN of the rule that carries the pair.
    pub fn rule(&self) -> &str {
        text(&self.document["rule"])
    }

    /// The ARN of the listener.
    pub fn listener(&self) -> &str {
        text(&self.document["listener"])
    }

    /// The ARN of a colour's target group.
    pub fn group(&self, color: &str) -> &str {
        text(&self.document["targetGroups"][color])
    }

    /// The emulator's endpoint.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// A key of the fixture's document at its top (`region`, `account`, `cluster`, `container` …).
    pub fn value(&self, key: &str) -> &str {
        text(&self.document[key])
    }

    /// One look by boto3, at once.
    pub fn look(&self) -> Outcome<Look> {
        self.look_with("--once")
    }

    /// One look by boto3, when ECS has done what it was asked to: counts reached, no target on its way in or out.
    pub fn settled(&self) -> Outcome<Look> {
        self.look_with("--settled")
    }

    fn look_with(&self, flag: &str) -> Outcome<Look> {
        let out = self.reader(&[flag])?.output().map_err(Trouble::at("running the reader"))?;
        let line = String::from_utf8_lossy(&out.stdout).into_owned();
        if !out.status.success() {
            return Err(Trouble::new(format!("the reader failed:\n{}", String::from_utf8_lossy(&out.stderr))));
        }
        Ok(Look(serde_json::from_str(&line).map_err(Trouble::at("the reader's line"))?))
    }

    /// Starts a boto3 reader that watches until [`Watch::stop`]; it has looked once when this returns.
    pub fn watch(&self) -> Outcome<Watch> {
        let mut command = self.reader(&[])?;
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().map_err(Trouble::at("starting the reader"))?;
        let hold = child.stdin.take();
        let out = child.stdout.take().ok_or_else(|| Trouble::new("the reader has no standard output"))?;
        let (send, looks) = channel();
        let lines = thread::spawn(move || {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                let Ok(look) = serde_json::from_str(&line) else { break };
                if send.send(Look(look)).is_err() {
                    break;
                }
            }
        });
        let first = looks.recv().map_err(Trouble::at("the reader ended before its first look"))?;
        Ok(Watch { child, hold, lines: Some(lines), looks, first })
    }

    fn reader(&self, flags: &[&str]) -> Outcome<std::process::Command> {
        let mut command = script("reader.py")?;
        command.args(["--endpoint", &self.endpoint, "--fixture"]).arg(&self.path).args(flags);
        Ok(command)
    }
}

/// One observation by boto3: `rules` (DescribeRules, whole), `weights`, `alarms`, `services`, `targets`, `revisions`.
#[derive(Debug, Clone, PartialEq)]
pub struct Look(pub Value);

impl Look {
    /// Every rule of the listener, as DescribeRules gave it.
    pub fn rules(&self) -> &Value {
        &self.0["rules"]
    }

    /// The weight of a colour in a rule, or in a listener's default action; `None` when the group is not in it.
    pub fn weight(&self, arn: &str, color: &str) -> Option<u64> {
        self.0["weights"][arn][color].as_u64()
    }

    /// A service as DescribeServices gave it, cut to what a release changes.
    pub fn service(&self, name: &str) -> &Value {
        &self.0["services"][name]
    }

    /// The ARNs of the family's active revisions, oldest first.
    pub fn revisions(&self) -> Vec<&str> {
        self.0["revisions"].as_array().map(|all| all.iter().map(text).collect()).unwrap_or_default()
    }
}

/// Everything a watch saw, in order, each look different from the one before it.
#[derive(Debug)]
pub struct Seen(pub Vec<Look>);

impl Seen {
    /// The weights of a colour in a rule or listener, in order, without repetitions.
    pub fn weights(&self, arn: &str, color: &str) -> Vec<u64> {
        let mut all: Vec<u64> = self.0.iter().filter_map(|look| look.weight(arn, color)).collect();
        all.dedup();
        all
    }
}

/// A reader at work.
#[derive(Debug)]
pub struct Watch {
    child: Child,
    hold: Option<ChildStdin>,
    lines: Option<JoinHandle<()>>,
    looks: Receiver<Look>,
    first: Look,
}

impl Watch {
    /// The look taken before [`World::watch`] returned.
    pub fn first(&self) -> &Look {
        &self.first
    }

    /// Lets the reader finish the look it is at and returns everything it saw.
    pub fn stop(mut self) -> Outcome<Seen> {
        drop(self.hold.take());
        let status = self.child.wait().map_err(Trouble::at("waiting for the reader"))?;
        if let Some(lines) = self.lines.take() {
            lines.join().map_err(|_| Trouble::new("the thread that reads the reader's lines panicked"))?;
        }
        if !status.success() {
            return Err(Trouble::new(format!("the reader failed: {status}")));
        }
        let rest = self.looks.try_iter();
        Ok(Seen(std::iter::once(self.first.clone()).chain(rest).collect()))
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        // After `stop` the child is gone and both calls fail, which is fine.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
