//! The user's own checks, run as processes.

use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use async_trait::async_trait;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};

use crate::model::{Hook, duration};
use crate::ports::{HookEnd, Hooks};
use crate::text;

/// How much of a failed hook's output is told: its last lines, up to this many and this much.
const LINES: usize = 20;
const BYTES: usize = 4096;

/// How long the output of a hook that has ended may take to end too: a process that it left behind may hold it open.
const DRAIN: Duration = Duration::from_secs(2);

/// [`Hooks`] as child processes: no shell, none of our AWS settings, and nothing outlives the time limit.
#[derive(Clone, Debug)]
pub struct ProcessHooks {
    dir: PathBuf,
    env: Vec<(String, String)>,
}

impl ProcessHooks {
    /// Hooks that run in `dir` (the folder of the spec, so that `./smoke.sh` is found) with those of `vars` that a
    /// check needs: everything except `AWS_*`, which would hand it our credentials and our role.
    pub fn new(dir: impl Into<PathBuf>, vars: impl IntoIterator<Item = (String, String)>) -> Self {
        let secret = |name: &str| name.get(..4).is_some_and(|head| head.eq_ignore_ascii_case("AWS_"));
        let env = vars.into_iter().filter(|(name, _)| !secret(name)).collect();
        ProcessHooks { dir: dir.into(), env }
    }

    fn command(&self, hook: &Hook, values: &[(&'static str, String)]) -> Result<Command, String> {
        let Some((program, arguments)) = hook.argv.split_first() else {
            return Err("the hook names no program".to_owned());
        };
        // A program given by a relative path is one beside the spec, whatever folder we were started in.
        let relative = program.contains('/') && !program.starts_with('/');
        let mut command = if relative { Command::new(self.dir.join(program)) } else { Command::new(program) };
        command
            .args(arguments.iter().map(|argument| fill(argument, values)))
            .current_dir(&self.dir)
            .env_clear()
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true);
        Ok(command)
    }
}

#[async_trait]
impl Hooks for ProcessHooks {
    async fn run(&self, hook: &Hook, values: &[(&'static str, String)]) -> HookEnd {
        let name = text::line(hook.argv.first().map_or("", String::as_str), 200);
        let mut command = match self.command(hook, values) {
            Ok(command) => command,
            Err(message) => return HookEnd::Failed(message),
        };
        let mut child = match command.spawn() {
            Ok(child) => child,
            Err(error) => return HookEnd::Failed(format!("`{name}` cannot be started: {error}")),
        };
        let mut group = Group::of(&child);
        let (mut tail, mut errors) = (Tail::default(), Tail::default());
        let watching = watch(&mut child, &mut group, &mut tail, &mut errors);
        let ended = tokio::time::timeout(hook.timeout, watching).await;
        group.kill();
        let why = match ended {
            Ok(Ok(status)) if status.success() => return HookEnd::Passed,
            Ok(Ok(status)) => format!("`{name}` {}", ending(status)),
            Ok(Err(error)) => format!("`{name}` cannot be watched: {error}"),
            Err(_) => format!("`{name}` was still running after {} and was killed", duration::format(hook.timeout)),
        };
        // Collects the child, which is dead by now.
        let _ = child.wait().await;
        HookEnd::Failed(report(why, &[tail, errors]))
    }
}

/// Waits for the end of the process while its output is read.
async fn watch(
    child: &mut Child,
    group: &mut Group,
    tail: &mut Tail,
    errors: &mut Tail,
) -> std::io::Result<ExitStatus> {
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let reading = async { tokio::join!(tail.read(stdout), errors.read(stderr)) };
    tokio::pin!(reading);
    tokio::select! {
        _ = &mut reading => child.wait().await,
        status = child.wait() => {
            // What the check left running in its group goes too, and lets go of the pipes.
            group.kill();
            let _ = tokio::time::timeout(DRAIN, reading).await;
            status
        }
    }
}

fn ending(status: ExitStatus) -> String {
    status.code().map_or_else(|| format!("was ended: {status}"), |code| format!("exited with status {code}"))
}

/// `argument` with every `{{name}}` of `values` filled in. What is filled in is not looked at again.
fn fill(argument: &str, values: &[(&'static str, String)]) -> String {
    let mut filled = String::with_capacity(argument.len());
    let mut rest = argument;
    while let Some(start) = rest.find("{{") {
        let after = &rest[start + 2..];
        let value = after.find("}}").and_then(|end| {
            let name = after[..end].trim();
            values.iter().find(|(known, _)| *known == name).map(|(_, value)| (value, &after[end + 2..]))
        });
        if let Some((value, tail)) = value {
            filled.push_str(&rest[..start]);
            filled.push_str(value);
            rest = tail;
        } else {
            filled.push_str(&rest[..start + 2]);
            rest = after;
        }
    }
    filled.push_str(rest);
    filled
}

fn report(why: String, outputs: &[Tail]) -> String {
    let shown: Vec<String> = outputs.iter().map(Tail::lines).filter(|lines| !lines.is_empty()).collect();
    if shown.is_empty() { why } else { format!("{why}\n{}", shown.join("\n")) }
}

/// The last bytes of an output.
#[derive(Debug, Default)]
struct Tail(Vec<u8>);

impl Tail {
    async fn read(&mut self, from: Option<impl AsyncRead + Unpin>) {
        let Some(mut from) = from else { return };
        let mut buffer = vec![0; BYTES];
        while let Ok(count @ 1..) = from.read(&mut buffer).await {
            self.0.extend_from_slice(&buffer[..count]);
            let excess = self.0.len().saturating_sub(BYTES);
            self.0.drain(..excess);
        }
    }

    /// The last lines, safe to print.
    fn lines(&self) -> String {
        let text = text::strip(&String::from_utf8_lossy(&self.0));
        let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
        lines[lines.len().saturating_sub(LINES)..].join("\n")
    }
}

/// The process group of a hook; dropped, as when the run itself is cancelled, it is killed.
struct Group(Option<rustix::process::Pid>);

impl Group {
    fn of(child: &Child) -> Group {
        let id = child.id().and_then(|id| i32::try_from(id).ok());
        Group(id.and_then(rustix::process::Pid::from_raw))
    }

    fn kill(&mut self) {
        if let Some(id) = self.0.take() {
            // It fails only where nobody is left.
            let _ = rustix::process::kill_process_group(id, rustix::process::Signal::KILL);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}

#[cfg(test)]
mod tests;
