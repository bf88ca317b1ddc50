//! Health checks of targets: real requests at an interval, each one's outcome with the load balancer's words for it.
//!
//! How many checks make a target healthy is the caller's business: every check is told as it comes.

mod check;
mod matcher;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior};

pub use self::matcher::{Matcher, MatcherError};

/// How a target is checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// What is sent.
    pub protocol: Protocol,
    /// The path, and query, that is asked for; without meaning for [`Protocol::Tcp`].
    pub path: String,
    /// Another port than the target's own.
    pub port: Option<u16>,
    /// The statuses that pass; without meaning for [`Protocol::Tcp`].
    pub matcher: Matcher,
    /// From the beginning of one check to the next.
    pub interval: Duration,
    /// What takes longer has failed.
    pub timeout: Duration,
}

/// What a check sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// `GET` by HTTP/1.1.
    Http,
    /// `GET` by HTTP/2 without TLS.
    Http2,
    /// Nothing: a connection that comes about passes.
    Tcp,
}

/// A check's outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProbeEvent {
    /// The target group.
    pub group: String,
    /// The target, by its own port.
    pub address: SocketAddr,
    /// Whether it passed.
    pub passed: bool,
    /// Why not. None where it passed.
    pub reason: Option<Reason>,
}

/// Why a check failed, in the load balancer's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// `Target.ResponseCodeMismatch`, `Target.Timeout` or `Target.FailedHealthChecks`.
    pub code: &'static str,
    /// As `DescribeTargetHealth` describes it.
    pub description: String,
}

/// Checks targets until it is dropped.
#[derive(Debug)]
pub struct Prober {
    events: mpsc::UnboundedSender<ProbeEvent>,
    targets: Mutex<Targets>,
}

type Targets = BTreeMap<(String, SocketAddr), Watched>;

#[derive(Debug)]
struct Watched {
    check: Check,
    checking: JoinHandle<()>,
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.checking.abort();
    }
}

impl Prober {
    /// A prober without targets, which sends outcomes to `events`.
    pub fn new(events: mpsc::UnboundedSender<ProbeEvent>) -> Prober {
        Prober { events, targets: Mutex::default() }
    }

    /// Checks a target from now on, the first time at once. A target that is checked in the same way already is left to
    /// it; one that is checked in another way begins anew. Needs a runtime.
    pub fn watch(&self, group: &str, address: SocketAddr, check: Check) {
        watch(&mut self.targets(), &self.events, (group.to_owned(), address), check);
    }

    /// Checks a target no more. No event of it follows, except what was sent already.
    pub fn unwatch(&self, group: &str, address: SocketAddr) {
        self.targets().remove(&(group.to_owned(), address));
    }

    /// Checks these targets and no others, as [`watch`](Prober::watch) and [`unwatch`](Prober::unwatch) do.
    pub fn set(&self, wanted: impl IntoIterator<Item = (String, SocketAddr, Check)>) {
        let mut wanted: BTreeMap<_, _> =
            wanted.into_iter().map(|(group, address, check)| ((group, address), check)).collect();
        let mut targets = self.targets();
        targets.retain(|target, _| wanted.contains_key(target));
        while let Some((target, check)) = wanted.pop_first() {
            watch(&mut targets, &self.events, target, check);
        }
    }

    /// What is checked now.
    pub fn watched(&self) -> Vec<(String, SocketAddr)> {
        self.targets().keys().cloned().collect()
    }

    fn targets(&self) -> MutexGuard<'_, Targets> {
        self.targets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn watch(
    targets: &mut Targets,
    events: &mpsc::UnboundedSender<ProbeEvent>,
    target: (String, SocketAddr),
    check: Check,
) {
    if targets.get(&target).is_some_and(|watched| watched.check == check) {
        return;
    }
    let checking = tokio::spawn(run(events.clone(), target.0.clone(), target.1, check.clone()));
    targets.insert(target, Watched { check, checking });
}

async fn run(events: mpsc::UnboundedSender<ProbeEvent>, group: String, address: SocketAddr, check: Check) {
    // An interval of nothing would check without a pause.
    let period = check.interval.max(Duration::from_millis(1));
    let mut ticks = tokio::time::interval_at(Instant::now(), period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let outcome = check::check(address, &check).await;
        let event = ProbeEvent { group: group.clone(), address, passed: outcome.is_ok(), reason: outcome.err() };
        if events.send(event).is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests;
