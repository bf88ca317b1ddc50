//! What operators share: the world, the journals, the trace and the clock's timers, behind one lock that no await holds.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::hash::Hash;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bluegreen_core::ports::HookEnd;

use crate::faults::Faults;
use crate::laws::Violation;
use crate::seed::draw;
use crate::trace::{Answer, Call, Detail, WORLD};
use crate::world::{Ms, World};

mod journals;
mod judge;

use journals::Journals;

#[derive(Clone)]
pub(crate) struct Shared(Arc<Mutex<Inner>>);

pub(crate) struct Inner {
    pub(crate) world: World,
    pub(crate) store: Journals,
    pub(crate) trace: Vec<Call>,
    pub(crate) calls: u64,
    pub(crate) faults: Faults,
    pub(crate) hooks: HookScript,
    pub(crate) violations: Vec<Violation>,
    timers: BTreeMap<(Ms, u64), Waker>,
    next_timer: u64,
    /// Whether answers and effects are hashed: only an exploration needs it.
    pub(crate) fingerprints: bool,
    /// What each operator has been told so far.
    told: BTreeMap<String, u64>,
    /// What has been done to the world and the journals so far.
    done: u64,
}

/// How the user's hooks end.
#[derive(Clone, Debug, Default)]
pub struct HookScript {
    /// How long each takes, in milliseconds.
    pub takes: Ms,
    /// What its end is; after the last one, the last one again; passed where there is none.
    pub ends: Vec<HookEnd>,
    /// How many have run.
    pub ran: usize,
}

impl Shared {
    pub(crate) fn new(world: World, seed: u64) -> Shared {
        Shared(Arc::new(Mutex::new(Inner {
            world,
            store: Journals::default(),
            trace: Vec::new(),
            calls: 0,
            faults: Faults::new(seed),
            hooks: HookScript::default(),
            violations: Vec::new(),
            timers: BTreeMap::new(),
            next_timer: 0,
            fingerprints: false,
            told: BTreeMap::new(),
            done: 0,
        })))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Inner> {
        // A test that failed elsewhere must not hide behind a poisoned lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a virtual time.
    pub(crate) fn sleep_until(&self, deadline: Ms) -> impl Future<Output = ()> + Send + use<> {
        Sleep { shared: self.clone(), deadline, timer: None }
    }
}

impl Inner {
    pub(crate) fn next_timer(&self) -> Option<Ms> {
        self.timers.keys().next().map(|(at, _)| *at)
    }

    /// Lets time pass and wakes whoever waited for it.
    pub(crate) fn advance_to(&mut self, until: Ms) {
        self.world.advance_to(until);
        let later = self.timers.split_off(&(self.world.now_ms() + 1, 0));
        for waker in std::mem::replace(&mut self.timers, later).into_values() {
            waker.wake();
        }
    }

    /// A number for a call; what was to happen before it has happened.
    pub(crate) fn next_call(&mut self) -> u64 {
        let index = self.calls;
        self.calls += 1;
        for deed in self.world.before_call(index) {
            let text = format!("{deed:?}");
            self.effect(&text);
            self.trace.push(Call {
                index,
                operator: WORLD.to_owned(),
                operation: "deed",
                argument: text,
                sent_at: self.world.now(),
                at: self.world.now(),
                answered_at: self.world.now(),
                mutating: true,
                applied: true,
                answer: Answer::Ok,
                detail: Detail::None,
            });
        }
        index
    }

    /// Puts a call into the trace; a write is judged at once.
    pub(crate) fn push_call<A: Debug>(&mut self, call: Call, answer: &A) {
        if self.fingerprints {
            self.tell(&call.operator.clone(), &format!("{answer:?}"));
            if call.applied {
                self.effect(&(&call.operator, &call.argument, format!("{:?}", call.detail)));
            }
        }
        let applied = call.applied;
        self.trace.push(call);
        if applied {
            self.judge_newest();
        }
    }

    /// An operator is about to run: it may read the clock.
    pub(crate) fn polled(&mut self, operator: &str) {
        if self.fingerprints {
            let now = self.world.now_ms();
            self.tell(operator, &now);
        }
    }

    /// Adds to what an operator knows.
    pub(crate) fn tell<H: Hash + ?Sized>(&mut self, operator: &str, what: &H) {
        let told = self.told.entry(operator.to_owned()).or_default();
        *told = draw(*told, what);
    }

    /// Adds to what has been done.
    pub(crate) fn effect<H: Hash + ?Sized>(&mut self, what: &H) {
        self.done = draw(self.done, what);
    }

    /// Equal for two runs from which everything that can follow is equal: operators are functions of what they were
    /// told, and the world is one of what was done to it and of the time.
    pub(crate) fn fingerprint(&self) -> (Ms, u64, u64, Option<String>, Vec<(String, u64)>) {
        let told = self.told.iter().map(|(name, told)| (name.clone(), *told)).collect();
        (self.world.now_ms(), self.calls, self.done, self.store.holder().map(str::to_owned), told)
    }
}

/// Gives way once.
pub(crate) fn pause() -> impl Future<Output = ()> + Send {
    Pause(false)
}

struct Pause(bool);

impl Future for Pause {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.0 {
            return Poll::Ready(());
        }
        self.0 = true;
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

struct Sleep {
    shared: Shared,
    deadline: Ms,
    timer: Option<(Ms, u64)>,
}

impl Sleep {
    fn forget(&mut self, inner: &mut Inner) {
        if let Some(timer) = self.timer.take() {
            inner.timers.remove(&timer);
        }
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let shared = self.shared.clone();
        let mut inner = shared.lock();
        self.forget(&mut inner);
        if inner.world.now_ms() >= self.deadline {
            return Poll::Ready(());
        }
        let timer = (self.deadline, inner.next_timer);
        inner.next_timer += 1;
        inner.timers.insert(timer, context.waker().clone());
        self.timer = Some(timer);
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        let shared = self.shared.clone();
        let mut inner = shared.lock();
        self.forget(&mut inner);
    }
}
