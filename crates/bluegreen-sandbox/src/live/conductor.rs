//! Keeps processes, health checks and routing in step with the world, and tells the world what they find.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

use super::hooks::{HookEvent, Hooks};
use super::tally::Tally;
use super::{checks, table};
use crate::api::{RunningClock, WorldClock};
use crate::proxy::{Bound, Proxy, ProxyError, Table};
use crate::tasks::probe::{ProbeEvent, Prober};
use crate::tasks::{Launch, Supervisor, TaskEvent, command_of};
use crate::world::codedeploy::WantedHook;
use crate::world::{WantedTask, World};

/// The world is looked at this often even when nothing is known to happen: what the proxy counted must get in.
const BEAT: Duration = Duration::from_millis(100);
/// How long requests under way may take to end when the sandbox is taken down.
pub(super) const GRACE: Duration = Duration::from_millis(500);

/// What the conductor works with.
pub(super) struct Conductor {
    pub(super) world: Arc<Mutex<World>>,
    pub(super) clock: RunningClock,
    pub(super) proxy: Proxy,
    pub(super) tally: Arc<Tally>,
    pub(super) supervisor: Supervisor,
    pub(super) prober: Prober,
    pub(super) task_events: mpsc::UnboundedReceiver<TaskEvent>,
    pub(super) probe_events: mpsc::UnboundedReceiver<ProbeEvent>,
    pub(super) hooks: Hooks,
    pub(super) hook_events: mpsc::UnboundedReceiver<HookEvent>,
    /// Grows when somebody has changed the world.
    pub(super) written: watch::Receiver<u64>,
    /// What people are told.
    pub(super) notes: mpsc::UnboundedSender<String>,
    /// Where the listeners really listen.
    pub(super) bound: watch::Sender<Vec<Bound>>,
    /// The argument vector of the built-in service.
    pub(super) demo_service: Vec<String>,
    /// Tasks that were started, with whether they were told to stop.
    pub(super) started: BTreeMap<u64, bool>,
    /// The table that is installed.
    pub(super) installed: Table,
    /// Whether people were told that the newest one could not be.
    pub(super) refused: bool,
}

/// What the world wants at one moment.
struct Wants {
    tasks: Vec<WantedTask>,
    table: Table,
    checks: Vec<checks::Wanted>,
    hooks: Vec<WantedHook>,
    /// When to look again.
    next: Instant,
}

impl Conductor {
    /// Works until `stop` is told or dropped, then lets requests end and kills every task.
    pub(super) async fn run(mut self, mut stop: oneshot::Receiver<()>) {
        loop {
            let wants = self.look();
            let next = wants.next;
            self.follow(wants).await;
            tokio::select! {
                _ = &mut stop => break,
                Some(event) = self.task_events.recv() => self.task_event(event),
                Some(event) = self.probe_events.recv() => self.probe_event(&event),
                Some(event) = self.hook_events.recv() => self.hook_event(&event),
                Ok(()) = self.written.changed() => {}
                () = tokio::time::sleep_until(next) => {}
            }
        }
        let Conductor { proxy, supervisor, .. } = self;
        proxy.shutdown(GRACE).await;
        drop(supervisor);
    }

    /// Brings the world to the present and asks what it wants.
    fn look(&self) -> Wants {
        let mut world = lock(&self.world);
        self.tally.flush(&mut world);
        let now = self.clock.now().max(world.now_ms());
        world.advance_to(now);
        let due = world.next_event().map_or(self.clock.instant(now) + BEAT, |at| self.clock.instant(at));
        Wants {
            tasks: world.wanted_tasks(),
            table: table::table(&world, &self.clock),
            checks: checks::wanted(&world, &self.clock),
            hooks: world.wanted_hooks(),
            next: due.min(Instant::now() + BEAT),
        }
    }

    async fn follow(&mut self, wants: Wants) {
        self.prober.set(wants.checks);
        self.hooks.run(wants.hooks);
        if wants.table != self.installed {
            match self.proxy.install(wants.table.clone()).await {
                Ok(bound) => {
                    self.installed = wants.table;
                    self.refused = false;
                    self.bound.send_if_modified(|known| {
                        let changed = *known != bound;
                        *known = bound;
                        changed
                    });
                }
                // The old table goes on; every look tries again, and the first one tells.
                Err(error) => {
                    if !std::mem::replace(&mut self.refused, true) {
                        self.say(format!("the load balancer goes on as it was: {}", chain(&error)));
                    }
                }
            }
        }
        self.run_tasks(&wants.tasks);
    }

    /// Tells whoever runs the sandbox; nobody has to listen.
    fn say(&self, note: String) {
        let _ = self.notes.send(note);
    }

    /// Starts what should run and stops what should not.
    fn run_tasks(&mut self, wanted: &[WantedTask]) {
        for task in wanted.iter().filter(|task| !self.started.contains_key(&task.id)).collect::<Vec<_>>() {
            self.started.insert(task.id, false);
            match command_of(&task.document, &self.demo_service) {
                Ok(plan) => self.supervisor.start(Launch { id: task.id, name: task.arn.clone(), plan }),
                Err(error) => {
                    self.say(format!("task {} cannot run: {error}", task.id));
                    self.present().task_exited(task.id, None, &error.to_string());
                }
            }
        }
        for (id, told) in &mut self.started {
            if !*told && !wanted.iter().any(|task| task.id == *id) {
                *told = true;
                self.supervisor.stop(*id);
            }
        }
    }

    fn task_event(&mut self, event: TaskEvent) {
        let mut world = self.present();
        match event {
            TaskEvent::Running { id, address } => world.task_running(id, address),
            TaskEvent::Exited { id, code, reason } => {
                world.task_exited(id, code, &reason);
                drop(world);
                self.started.remove(&id);
            }
        }
    }

    fn probe_event(&self, event: &ProbeEvent) {
        let Ok(group) = event.group.parse() else { return };
        let reason = event.reason.as_ref().map(|reason| format!("{}: {}", reason.code, reason.description));
        self.present().probed(&group, event.address, event.passed, reason.as_deref().unwrap_or_default());
    }

    fn hook_event(&self, event: &HookEvent) {
        let HookEvent { hook, ended } = event;
        if let Err(why) = ended {
            self.say(format!("the hook {} of deployment {} failed: {why}", hook.event, hook.deployment));
        }
        // It may have answered by itself, or nobody waits for it any more.
        let _ = self.present().answer_hook(&hook.deployment, &hook.id, ended.is_ok());
    }

    /// The world, at the present.
    fn present(&self) -> MutexGuard<'_, World> {
        let mut world = lock(&self.world);
        let now = self.clock.now().max(world.now_ms());
        world.advance_to(now);
        world
    }
}

/// An error with its causes in one line.
fn chain(error: &ProxyError) -> String {
    let causes = std::iter::successors(std::error::Error::source(error), |error| error.source());
    std::iter::once(error.to_string()).chain(causes.map(ToString::to_string)).collect::<Vec<_>>().join(": ")
}

/// The world, whatever became of the others that held it.
pub(super) fn lock(world: &Mutex<World>) -> MutexGuard<'_, World> {
    world.lock().unwrap_or_else(PoisonError::into_inner)
}
