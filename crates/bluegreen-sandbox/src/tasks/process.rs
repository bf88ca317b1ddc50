//! One container as a process in a group of its own.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal};
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::Launch;
use super::container::Container;
use super::logs::{Logs, Stream};
use super::place::{self, Binding};

/// How long the last words of a process that ended are read, when something that left its group holds the pipe.
const DRAIN: Duration = Duration::from_millis(500);

/// A process that was started.
#[derive(Debug)]
pub(super) struct Process {
    container: String,
    essential: bool,
    stop_timeout: Duration,
    child: Child,
    group: Group,
    reading: Vec<JoinHandle<()>>,
    /// The writing end of the container's standard input: it closes when this process is gone, however that came.
    parent_pipe: Option<ChildStdin>,
}

/// A process that ended.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) container: String,
    pub(super) essential: bool,
    pub(super) group: Option<Pid>,
    pub(super) code: Option<i32>,
    pub(super) how: String,
}

/// The processes of a task and where they listen.
#[derive(Debug)]
pub(super) struct Started {
    pub(super) processes: Vec<Process>,
    pub(super) bindings: Vec<Binding>,
    pub(super) address: SocketAddr,
}

/// What all containers have in common.
#[derive(Debug)]
pub(super) struct Settings {
    /// The environment that they start from.
    pub(super) inherited: BTreeMap<String, String>,
    /// What comes before the argument vectors of programs that do not watch their input.
    pub(super) guard: Vec<String>,
}

/// Starts all containers of a task, or none: those that were started before one could not be are killed. The error is
/// the reason in ECS's manner.
pub(super) fn start(launch: Launch, settings: &Settings, logs: &Logs) -> Result<Started, String> {
    let plan = launch.plan;
    let name = if launch.name.is_empty() { launch.id.to_string() } else { launch.name };
    let ports: Vec<u16> = plan.containers.iter().flat_map(|container| container.ports.iter().copied()).collect();
    let placed = place::place(plan.network, &ports).map_err(|error| {
        format!("ResourceInitializationError: no free loopback address or port for {ports:?}: {error}")
    })?;
    for note in plan.notes.iter().chain(&placed.notes) {
        logs.note("", note);
    }
    let mut addresses = placed.ports.iter().map(|port| SocketAddr::new(placed.host, *port));
    let mut started = Started { processes: Vec::new(), bindings: Vec::new(), address: SocketAddr::new(placed.host, 0) };
    for mut container in plan.containers {
        if !container.watches_parent {
            container.argv.splice(0..0, settings.guard.iter().cloned());
        }
        let own: Vec<Binding> = (container.ports.iter().zip(&mut addresses))
            .map(|(port, address)| Binding { container: container.name.clone(), container_port: *port, address })
            .collect();
        let mut env = settings.inherited.clone();
        env.extend(container.env.clone());
        env.extend(environment(&name, placed.host.to_string(), &own));
        started.processes.push(spawn(container, env, logs)?);
        started.bindings.extend(own);
    }
    if let Some(binding) = started.bindings.first() {
        started.address = binding.address;
    }
    Ok(started)
}

/// What a container is told of its place; this wins over the definition, which cannot know it.
fn environment(task: &str, host: String, bindings: &[Binding]) -> BTreeMap<String, String> {
    let mut env = BTreeMap::from([
        (super::PARENT_PIPE.to_owned(), "1".to_owned()),
        ("BLUEGREEN_TASK".to_owned(), task.to_owned()),
        ("HOST".to_owned(), host),
    ]);
    if let Some(first) = bindings.first() {
        env.insert("PORT".to_owned(), first.address.port().to_string());
    }
    for binding in bindings {
        env.insert(format!("PORT_{}", binding.container_port), binding.address.port().to_string());
    }
    env
}

fn spawn(container: Container, env: BTreeMap<String, String>, logs: &Logs) -> Result<Process, String> {
    let Some((program, arguments)) = container.argv.split_first() else {
        return Err(format!("CannotStartContainerError: container {:?} has no program to run", container.name));
    };
    let mut command = Command::new(program);
    command.args(arguments).env_clear().envs(env).process_group(0).kill_on_drop(true);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    if let Some(directory) = &container.directory {
        command.current_dir(directory);
    }
    let mut child = command.spawn().map_err(|error| {
        let name = &container.name;
        logs.note(name, &format!("{program} could not be started: {error}"));
        format!(
            "CannotStartContainerError: {program:?} of container {name:?} could not be started: {error}; the sandbox runs \
             containers as local processes, so it must be a program of this machine"
        )
    })?;
    let group = Group::of(&child);
    let mut reading = Vec::new();
    if let Some(out) = child.stdout.take() {
        reading.push(tokio::spawn(logs.clone().follow(out, container.name.clone(), Stream::Out)));
    }
    if let Some(err) = child.stderr.take() {
        reading.push(tokio::spawn(logs.clone().follow(err, container.name.clone(), Stream::Err)));
    }
    let parent_pipe = child.stdin.take();
    let Container { name, essential, stop_timeout, .. } = container;
    Ok(Process { container: name, essential, stop_timeout, child, group, reading, parent_pipe })
}

impl Process {
    pub(super) fn group(&self) -> Option<Pid> {
        self.group.0
    }

    /// Waits for the end, and brings it about once `asked` says so. Nothing of the process's group is left then.
    pub(super) async fn ended(mut self, mut asked: watch::Receiver<bool>) -> Ended {
        let group = self.group.0;
        let status = tokio::select! {
            status = self.child.wait() => status,
            // A sender that is gone asks as well.
            () = async { drop(asked.wait_for(|asked| *asked).await) } => {
                self.group.signal(Signal::TERM);
                if let Ok(status) = tokio::time::timeout(self.stop_timeout, self.child.wait()).await {
                    status
                } else {
                    self.group.kill();
                    self.child.wait().await
                }
            }
        };
        // Its children go with it, as they would with a container; now, so that they let go of the pipes.
        self.group.kill();
        drop(self.parent_pipe);
        for reading in &mut self.reading {
            if tokio::time::timeout(DRAIN, &mut *reading).await.is_err() {
                reading.abort();
            }
        }
        let (code, how) = match status {
            Ok(status) => (code(status), status.to_string()),
            Err(error) => (None, format!("its end was not seen: {error}")),
        };
        Ended { container: self.container, essential: self.essential, group, code, how }
    }
}

/// The exit code as a container runtime gives it.
fn code(status: ExitStatus) -> Option<i32> {
    status.code().or_else(|| status.signal().map(|signal| 128 + signal))
}

/// Kills a process group. It fails only where nobody is left.
pub(super) fn kill(group: Pid) {
    let _ = rustix::process::kill_process_group(group, Signal::KILL);
}

/// The process group of a container; dropped, as when the runtime itself goes, it is killed.
#[derive(Debug)]
pub(super) struct Group(Option<Pid>);

impl Group {
    pub(super) fn of(child: &Child) -> Group {
        Group(child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw))
    }

    pub(super) fn signal(&self, signal: Signal) {
        if let Some(group) = self.0 {
            let _ = rustix::process::kill_process_group(group, signal);
        }
    }

    pub(super) fn kill(&mut self) {
        if let Some(group) = self.0.take() {
            kill(group);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}
