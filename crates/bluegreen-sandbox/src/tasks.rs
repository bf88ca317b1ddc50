//! Tasks as local processes: what a definition's containers run, where they listen, when they run and when they end.
//!
//! - [`Supervisor`]: starts, stops and buries tasks. Each container is a process in a group of its own, started from an
//!   argument vector and never by a shell. When an essential container ends, the task ends.
//! - [`command_of`]: from a task definition's document to a [`Plan`].
//! - [`probe`]: health checks of what the tasks serve.
//!
//! No task outlives its supervisor: dropping it kills every group. When the sandbox itself is killed with SIGKILL nothing
//! of it runs any more, so every container also holds the reading end of a pipe as its standard input. The built-in
//! service (told by `BLUEGREEN_PARENT_PIPE=1`) ends when that pipe closes, and so does every program that is started
//! through [`guard`]; another program that ignores its input would be left behind. The kernel's own remedy, a signal on
//! the parent's death, can be asked for only between fork and exec, which takes `unsafe` code. A program that leaves its
//! process group, as daemons do, leaves its supervisor too.
//!
//! Whether a task that ended is started again is the caller's business.

pub mod guard;
pub mod probe;

mod container;
mod logs;
mod place;
mod process;

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use rustix::process::Pid;
use tokio::sync::{mpsc, watch};

pub use self::container::{Container, Plan, Unrunnable, command_of};
pub use self::logs::{LogLine, Stream};
pub use self::place::{Binding, Network};

use self::logs::Logs;
use self::process::{Ended, Process, Settings};

/// Tells a program that its standard input ends with the sandbox.
pub(crate) const PARENT_PIPE: &str = "BLUEGREEN_PARENT_PIPE";
/// The outputs of this many ended tasks are kept.
const BURIED_MAX: usize = 64;

/// A task to start.
#[derive(Clone, Debug, PartialEq)]
pub struct Launch {
    /// Chosen by the caller, and what events speak of. Unique among the tasks that run.
    pub id: u64,
    /// The task's name as its containers see it (`BLUEGREEN_TASK`); its id where empty.
    pub name: String,
    /// What to run and on which kind of network.
    pub plan: Plan,
}

/// What happened to a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TaskEvent {
    /// Every container has been started. Whether the task answers is what health checks are for.
    Running {
        /// The task.
        id: u64,
        /// Where its first container with a port was told to listen. Port 0 where no container has one.
        address: SocketAddr,
    },
    /// No process of the task is left. The last event of a task.
    Exited {
        /// The task.
        id: u64,
        /// The exit code of the essential container that ended first; 128 and the signal's number where a signal ended
        /// it. None where nothing was started.
        code: Option<i32>,
        /// Why, in ECS's words where it has some.
        reason: String,
    },
}

/// Runs tasks and tells what becomes of them. Dropped, it kills them all.
#[derive(Debug)]
pub struct Supervisor {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    events: mpsc::UnboundedSender<TaskEvent>,
    settings: Settings,
    table: Mutex<Table>,
    running: watch::Sender<usize>,
}

#[derive(Debug, Default)]
struct Table {
    tasks: BTreeMap<u64, Entry>,
    buried: VecDeque<(u64, Logs)>,
    closed: bool,
}

#[derive(Debug)]
struct Entry {
    groups: Vec<Pid>,
    bindings: Vec<Binding>,
    logs: Logs,
    ending: watch::Sender<bool>,
}

impl Shared {
    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, event: TaskEvent) {
        // Nobody listens when the sandbox is being taken down: the tasks are ended all the same.
        let _ = self.events.send(event);
    }

    /// Takes a task off the table and keeps its output. Its last event is sent under the lock, so that its id is free
    /// for nobody before it.
    fn bury(&self, id: u64, event: TaskEvent) {
        let mut table = self.table();
        if let Some(entry) = table.tasks.remove(&id) {
            table.keep(id, entry.logs);
        }
        self.tell(event);
        self.running.send_replace(table.tasks.len());
    }
}

impl Table {
    fn keep(&mut self, id: u64, logs: Logs) {
        self.buried.push_back((id, logs));
        if self.buried.len() > BURIED_MAX {
            self.buried.pop_front();
        }
    }
}

impl Supervisor {
    /// A supervisor without tasks, which sends what happens to `events`. Of this process's environment, tasks are given
    /// `PATH` and `HOME`.
    pub fn new(events: mpsc::UnboundedSender<TaskEvent>) -> Supervisor {
        Supervisor::guarded(events, Vec::new())
    }

    /// As [`new`](Supervisor::new), and every program but the built-in service is started through `guard`, an argument
    /// vector to which the program's own is added and which must do what [`guard::guard`] does. No task then survives
    /// the sandbox, however it ends; each costs a second, idle process.
    pub fn guarded(events: mpsc::UnboundedSender<TaskEvent>, guard: Vec<String>) -> Supervisor {
        let inherited = ["PATH", "HOME"]
            .into_iter()
            .filter_map(|name| Some((name.to_owned(), std::env::var_os(name)?.into_string().ok()?)))
            .collect();
        let settings = Settings { inherited, guard };
        let (running, _) = watch::channel(0);
        Supervisor { shared: Arc::new(Shared { events, settings, table: Mutex::default(), running }) }
    }

    /// Starts a task. What comes of it is told by events: [`TaskEvent::Running`] once every container has been started,
    /// or [`TaskEvent::Exited`] where one could not be. An id that runs already is left as it is. Needs a runtime.
    pub fn start(&self, launch: Launch) {
        let id = launch.id;
        let mut table = self.shared.table();
        if table.tasks.contains_key(&id) {
            return;
        }
        if table.closed {
            let reason = "the sandbox is being taken down".to_owned();
            return self.shared.tell(TaskEvent::Exited { id, code: None, reason });
        }
        let logs = Logs::default();
        match process::start(launch, &self.shared.settings, &logs) {
            Ok(started) => {
                let (ending, asked) = watch::channel(false);
                let groups = started.processes.iter().filter_map(Process::group).collect();
                table.tasks.insert(id, Entry { groups, bindings: started.bindings, logs, ending });
                self.shared.running.send_replace(table.tasks.len());
                self.shared.tell(TaskEvent::Running { id, address: started.address });
                tokio::spawn(attend(Arc::clone(&self.shared), id, started.processes, asked));
            }
            Err(reason) => {
                table.keep(id, logs);
                self.shared.tell(TaskEvent::Exited { id, code: None, reason });
            }
        }
    }

    /// Asks a task to end: SIGTERM to each container's group, and SIGKILL after the container's stop timeout. Its
    /// [`TaskEvent::Exited`] follows. A task that does not run is no mistake.
    pub fn stop(&self, id: u64) {
        if let Some(entry) = self.shared.table().tasks.get(&id) {
            entry.ending.send_replace(true);
        }
    }

    /// The tasks that run, by id.
    pub fn running(&self) -> Vec<u64> {
        self.shared.table().tasks.keys().copied().collect()
    }

    /// Where the containers of a running task were told to listen, in the definition's order.
    pub fn bindings(&self, id: u64) -> Vec<Binding> {
        self.shared.table().tasks.get(&id).map(|entry| entry.bindings.clone()).unwrap_or_default()
    }

    /// The last lines that a task wrote, oldest first, with notes on what was changed or left out when it started. The
    /// last tasks that ended are remembered too.
    pub fn logs(&self, id: u64) -> Vec<LogLine> {
        let table = self.shared.table();
        let buried = || table.buried.iter().rev().find(|(known, _)| *known == id).map(|(_, logs)| logs);
        table.tasks.get(&id).map(|entry| &entry.logs).or_else(buried).map(Logs::lines).unwrap_or_default()
    }

    /// Kills every task now, without asking. Each one's [`TaskEvent::Exited`] follows.
    pub fn kill_all(&self) {
        for entry in self.shared.table().tasks.values() {
            for group in &entry.groups {
                process::kill(*group);
            }
        }
    }

    /// Stops every task as [`stop`](Supervisor::stop) does, starts no other, and returns when none is left.
    pub async fn shutdown(&self) {
        {
            let mut table = self.shared.table();
            table.closed = true;
            for entry in table.tasks.values() {
                entry.ending.send_replace(true);
            }
        }
        // The sender is this supervisor's own, so that the wait cannot fail.
        let _ = self.shared.running.subscribe().wait_for(|running| *running == 0).await;
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        self.shared.table().closed = true;
        self.kill_all();
    }
}

/// Waits for a task's processes; when an essential one ends the others are asked to end as well.
async fn attend(shared: Arc<Shared>, id: u64, processes: Vec<Process>, asked: watch::Receiver<bool>) {
    let mut waits: FuturesUnordered<_> = processes.into_iter().map(|process| process.ended(asked.clone())).collect();
    let mut first: Option<(Ended, bool)> = None;
    while let Some(ended) = waits.next().await {
        let by_request = *asked.borrow();
        let mut table = shared.table();
        if let Some(entry) = table.tasks.get_mut(&id) {
            entry.groups.retain(|group| Some(*group) != ended.group);
            if ended.essential {
                entry.ending.send_replace(true);
            }
        }
        if first.is_none() && ended.essential {
            first = Some((ended, by_request));
        }
    }
    let (code, reason) = match first {
        Some((ended, true)) => (ended.code, "Task stopped on request".to_owned()),
        Some((ended, false)) => {
            (ended.code, format!("Essential container in task exited ({}: {})", ended.container, ended.how))
        }
        None => (None, "the task had no essential container".to_owned()),
    };
    shared.bury(id, TaskEvent::Exited { id, code, reason });
}

#[cfg(test)]
mod tests;
