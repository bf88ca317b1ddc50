//! A deterministic executor: operators are polled one at a time, in an order that is chosen from outside.
//!
//! One poll takes an operator to its next yield point. Every port call and every journal access has one before it
//! takes effect and one before its answer arrives, so whatever two operators can do to each other at the granularity
//! of calls, some order of polls does. Virtual time stands still while anyone can run; when all live operators wait, it
//! jumps to the earliest deadline, and all that happens to the world on the way happens in its order.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use bluegreen_core::journal::{Record, Store, Verb};
use bluegreen_core::model::{RunId, Timestamp};
use bluegreen_core::ports::Ports;
use futures::future::{FutureExt, LocalBoxFuture};

use crate::faults::FaultRule;
use crate::fronts::ports::Front;
use crate::laws::Violation;
use crate::seed::Sequence;
use crate::stage::{HookScript, Shared};
use crate::store::MemoryStore;
use crate::trace::Call;
use crate::world::{Ms, World, millis};

mod explore;

pub use explore::{Explored, explore};

/// The order in which operators that can run are polled.
#[derive(Clone, Debug)]
pub enum Schedule {
    /// Each in turn.
    RoundRobin,
    /// At random, from this seed.
    Random(u64),
    /// At each poll the one with this position among those that can run (in the order in which they were spawned; a
    /// position beyond the last counts as the last); when the list is used up, each in turn.
    Choices(Vec<usize>),
}

/// Bounds of a run; beyond them it counts as not settled.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Virtual time.
    pub time: Duration,
    /// Polls of all operators together.
    pub polls: u64,
}

impl Default for Bounds {
    fn default() -> Self {
        Bounds { time: Duration::from_secs(48 * 3600), polls: 1_000_000 }
    }
}

/// How a run of the executor ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// Nobody is left to run.
    Settled,
    /// A bound was met, or everybody waits for something that never comes; in words.
    DidNotSettle(String),
}

/// What became of an operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate<T> {
    /// It came to its end.
    Finished {
        /// Its result; `None` for a bystander.
        result: Option<T>,
        /// When.
        at: Timestamp,
    },
    /// It was killed.
    Killed {
        /// When.
        at: Timestamp,
    },
    /// It never came to an end.
    Running,
}

/// One operator's part of a report.
#[derive(Clone, Debug)]
pub struct OperatorReport<T> {
    /// Its name.
    pub name: String,
    /// What became of it.
    pub fate: Fate<T>,
    /// How often it was polled: so many points there are at which it can be killed.
    pub polls: u64,
}

/// A run of the executor.
#[derive(Clone, Debug)]
pub struct Report<T> {
    /// How it ended.
    pub end: End,
    /// The operators in the order in which they were spawned.
    pub operators: Vec<OperatorReport<T>>,
    /// When it ended, before the world was given time to come to rest.
    pub at: Timestamp,
    /// The virtual time that it took.
    pub elapsed: Duration,
    /// The laws that were broken.
    pub violations: Vec<Violation>,
}

impl<T> Report<T> {
    /// The result of one operator that finished.
    pub fn result(&self, operator: &str) -> Option<&T> {
        let slot = self.operators.iter().find(|report| report.name == operator)?;
        match &slot.fate {
            Fate::Finished { result, .. } => result.as_ref(),
            Fate::Killed { .. } | Fate::Running => None,
        }
    }

    /// How often one operator was polled.
    pub fn polls(&self, operator: &str) -> u64 {
        self.operators.iter().find(|report| report.name == operator).map_or(0, |report| report.polls)
    }
}

type Task<T> = LocalBoxFuture<'static, Option<T>>;

struct Slot<T> {
    name: String,
    task: Option<Task<T>>,
    woken: Arc<Woken>,
    fate: Fate<T>,
    polls: u64,
}

struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Makes the operator that takes over.
type Make<T> = Box<dyn FnOnce() -> Task<T>>;

struct Crash<T> {
    at_poll: u64,
    downtime: Duration,
    replacement: Option<(String, Make<T>)>,
}

struct Restart<T> {
    at: Ms,
    name: String,
    make: Make<T>,
}

/// A world with operators in it, all of which end with a `T`.
pub struct Sim<T> {
    shared: Shared,
    slots: Vec<Slot<T>>,
    crashes: BTreeMap<String, Crash<T>>,
    restarts: Vec<Restart<T>>,
    began: Ms,
    polls: u64,
    turn: usize,
    /// When to give up.
    pub bounds: Bounds,
}

impl<T: 'static> Sim<T> {
    /// A run in `world`; probabilities of faults are drawn from `seed`.
    pub fn new(world: World, seed: u64) -> Sim<T> {
        let began = world.now_ms();
        Sim {
            shared: Shared::new(world, seed),
            slots: Vec::new(),
            crashes: BTreeMap::new(),
            restarts: Vec::new(),
            began,
            polls: 0,
            turn: 0,
            bounds: Bounds::default(),
        }
    }

    /// The world as `operator` reaches it.
    pub fn ports(&self, operator: &str) -> Ports {
        Front::ports(&self.shared, operator)
    }

    /// The journals as `operator` reaches them.
    pub fn store(&self, operator: &str) -> Arc<dyn Store> {
        Arc::new(MemoryStore::new(&self.shared, operator))
    }

    /// Gives every call of an operator that matches the rule a fault.
    pub fn fault(&mut self, rule: FaultRule) {
        self.shared.lock().faults.add(rule);
    }

    /// Says how the user's hooks end; without it they pass at once.
    pub fn hooks(&mut self, script: HookScript) {
        self.shared.lock().hooks = script;
    }

    /// Makes the journal's storage full within this time: nothing can be appended.
    pub fn fill_disk(&mut self, window: std::ops::Range<Ms>) {
        self.shared.lock().store.full = Some(window);
    }

    /// Puts an order into a run's inbox now.
    pub fn give(&mut self, run: &RunId, verb: Verb) {
        let mut inner = self.shared.lock();
        let now = inner.world.now();
        inner.store.give(run, verb, now);
    }

    /// Puts an order into a run's inbox after this time, as a second terminal would.
    pub fn give_after(&mut self, after: Duration, run: &RunId, verb: Verb) {
        let (shared, run) = (self.shared.clone(), run.clone());
        let at = self.began + millis(after);
        self.push(
            format!("terminal {verb:?}"),
            async move {
                shared.sleep_until(at).await;
                let mut inner = shared.lock();
                let now = inner.world.now();
                inner.store.give(&run, verb, now);
                None
            }
            .boxed_local(),
        );
    }

    /// Adds an operator.
    pub fn spawn(&mut self, operator: &str, future: impl Future<Output = T> + 'static) {
        self.push(operator.to_owned(), future.map(Some).boxed_local());
    }

    fn push(&mut self, name: String, task: Task<T>) {
        let woken = Arc::new(Woken(AtomicBool::new(true)));
        self.slots.push(Slot { name, task: Some(task), woken, fate: Fate::Running, polls: 0 });
    }

    /// Kills `operator` (also one that is still to be spawned) when its poll number `at_poll` (from 1) has ended: what
    /// it holds, its lock included, is gone. After `downtime` the replacement starts, under the name given with it.
    pub fn crash<F, R>(&mut self, operator: &str, at_poll: u64, downtime: Duration, replacement: Option<(&str, R)>)
    where
        F: Future<Output = T> + 'static,
        R: FnOnce() -> F + 'static,
    {
        let replacement = replacement.map(|(name, make)| {
            let boxed: Make<T> = Box::new(move || make().map(Some).boxed_local());
            (name.to_owned(), boxed)
        });
        self.crashes.insert(operator.to_owned(), Crash { at_poll, downtime, replacement });
    }

    /// Runs everybody to the end, then gives the world time to come to rest and judges the end state.
    pub fn run(&mut self, schedule: &Schedule) -> Report<T>
    where
        T: Clone,
    {
        let mut random = Sequence::new(match schedule {
            Schedule::Random(seed) => *seed,
            Schedule::RoundRobin | Schedule::Choices(_) => 0,
        });
        let mut position = 0;
        let end = loop {
            let ready = match self.ready() {
                Ok(ready) if ready.is_empty() => break End::Settled,
                Ok(ready) => ready,
                Err(why) => break End::DidNotSettle(why),
            };
            let choice = match schedule {
                Schedule::Random(_) => random.below(ready.len()),
                Schedule::Choices(list) if position < list.len() => list[position].min(ready.len() - 1),
                Schedule::RoundRobin | Schedule::Choices(_) => {
                    ready.iter().position(|index| *index >= self.turn).unwrap_or(0)
                }
            };
            position += 1;
            self.poll(ready[choice]);
        };
        self.finish(end)
    }

    /// Who can run now, in the order of spawning, after time has passed if that was needed; nobody at the end.
    fn ready(&mut self) -> Result<Vec<usize>, String> {
        loop {
            self.restart_due();
            let can_run = |slot: &Slot<T>| slot.task.is_some() && slot.woken.0.load(Ordering::Relaxed);
            let ready: Vec<usize> = (0..self.slots.len()).filter(|i| can_run(&self.slots[*i])).collect();
            let alive = self.slots.iter().any(|slot| slot.task.is_some());
            if self.polls >= self.bounds.polls && alive {
                return Err(format!("still running after {} polls", self.polls));
            }
            if !ready.is_empty() || (!alive && self.restarts.is_empty()) {
                return Ok(ready);
            }
            let mut inner = self.shared.lock();
            let restart = self.restarts.iter().map(|restart| restart.at).min();
            let Some(next) = inner.next_timer().into_iter().chain(restart).min() else {
                return Err("everybody waits for something that never comes".to_owned());
            };
            if next > self.began + millis(self.bounds.time) {
                return Err(format!("still running after {} s", self.bounds.time.as_secs()));
            }
            inner.advance_to(next);
        }
    }

    fn restart_due(&mut self) {
        let now = self.shared.lock().world.now_ms();
        while let Some(index) = self.restarts.iter().position(|restart| restart.at <= now) {
            let restart = self.restarts.remove(index);
            let task = (restart.make)();
            self.push(restart.name, task);
        }
    }

    fn poll(&mut self, index: usize) {
        self.polls += 1;
        self.turn = index + 1;
        let slot = &mut self.slots[index];
        slot.polls += 1;
        slot.woken.0.store(false, Ordering::Relaxed);
        self.shared.lock().polled(&slot.name);
        let waker = Waker::from(Arc::clone(&slot.woken));
        let Some(task) = &mut slot.task else { return };
        let polled = task.poll_unpin(&mut Context::from_waker(&waker));
        let at = self.shared.lock().world.now();
        match polled {
            Poll::Ready(result) => {
                slot.task = None;
                slot.fate = Fate::Finished { result, at };
            }
            Poll::Pending if self.crashes.get(&slot.name).is_some_and(|crash| crash.at_poll == slot.polls) => {
                slot.task = None;
                slot.fate = Fate::Killed { at };
                self.restart_after_crash(index);
            }
            Poll::Pending => {}
        }
    }

    fn restart_after_crash(&mut self, index: usize) {
        let Some(crash) = self.crashes.remove(&self.slots[index].name) else { return };
        let now = self.shared.lock().world.now_ms();
        if let Some((name, make)) = crash.replacement {
            self.restarts.push(Restart { at: now + millis(crash.downtime), name, make });
        }
    }

    fn finish(&mut self, end: End) -> Report<T>
    where
        T: Clone,
    {
        let mut inner = self.shared.lock();
        let now = inner.world.now_ms();
        let at = inner.world.now();
        let rest = now + inner.world.config.propagation.max;
        if end == End::Settled {
            inner.world.advance_to(rest);
            inner.judge_end();
        }
        let operators = self.slots.iter().map(|slot| OperatorReport {
            name: slot.name.clone(),
            fate: slot.fate.clone(),
            polls: slot.polls,
        });
        Report {
            end,
            operators: operators.collect(),
            at,
            elapsed: Duration::from_millis(now - self.began),
            violations: inner.violations.clone(),
        }
    }

    /// Looks at the world.
    pub fn world<R>(&self, look: impl FnOnce(&World) -> R) -> R {
        look(&self.shared.lock().world)
    }

    /// Changes the world from outside.
    pub fn world_mut<R>(&mut self, edit: impl FnOnce(&mut World) -> R) -> R {
        edit(&mut self.shared.lock().world)
    }

    /// All calls so far.
    pub fn trace(&self) -> Vec<Call> {
        self.shared.lock().trace.clone()
    }

    /// The records of a run so far.
    pub fn journal(&self, run: &RunId) -> Vec<Record> {
        self.shared.lock().store.records(run).to_vec()
    }
}

#[cfg(test)]
mod tests;
