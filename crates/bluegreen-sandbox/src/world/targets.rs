//! Targets: service tasks and what somebody registered by hand, in one view, with AWS's states and reasons.
//!
//! In a modelled world health follows from the time; in a live one from checks of real processes ([`World::probed`]).

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use bluegreen_core::model::TargetGroupArn;
use bluegreen_core::observe::TargetHealth;

use super::fleet::{runs, target_address};
use super::{Behaviour, CheckedHealth, Fleet, GroupRecord, ManualTarget, Ms, Registration, State, Task, World};

mod checks;
mod manual;

pub use checks::ProbeTarget;
pub(super) use checks::Streaks;
pub use manual::NewTarget;

/// The only host that there is, for targets that are registered by instance.
const INSTANCE: &str = "i-0123456789abcdef0";
/// Where a modelled target listens whose port nobody has said.
const MODEL_PORT: u16 = 80;

/// What `DescribeTargetHealth` says about a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TargetState {
    /// No check has come to an end yet.
    Initial,
    /// Its checks pass.
    Healthy,
    /// They do not.
    Unhealthy,
    /// It gets no new requests and may finish those that it has.
    Draining,
    /// No route leads to its group.
    Unused,
}

impl TargetState {
    /// AWS's word.
    pub fn as_str(self) -> &'static str {
        match self {
            TargetState::Initial => "initial",
            TargetState::Healthy => "healthy",
            TargetState::Unhealthy => "unhealthy",
            TargetState::Draining => "draining",
            TargetState::Unused => "unused",
        }
    }
}

/// A target as load balancers and `DescribeTargetHealth` see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetView {
    /// An IP address, or the name of an instance.
    pub id: String,
    /// The port.
    pub port: u16,
    /// The availability zone, where somebody said it.
    pub zone: Option<String>,
    /// Where it really listens; made up in a modelled world.
    pub address: SocketAddr,
    /// How it is.
    pub state: TargetState,
    /// AWS's code for that, such as `Target.Timeout`; none for a healthy one.
    pub reason: Option<String>,
    /// The same in words.
    pub description: Option<String>,
    /// Since when it is so.
    pub since: Ms,
    /// The task behind it; none where it was registered by hand.
    pub task: Option<u64>,
}

/// A state with the moment from which it holds, and the record of the checks that say so.
type Found<'a> = (TargetState, Ms, Option<&'a CheckedHealth>);

impl World {
    /// The targets of a group now.
    pub fn targets(&self, group: &TargetGroupArn) -> Vec<TargetView> {
        self.targets_in(&self.state, group, self.now)
    }

    /// The targets of a group as they were at `at` in `state`: tasks by age, then those registered by hand.
    pub fn targets_in(&self, state: &State, group: &TargetGroupArn, at: Ms) -> Vec<TargetView> {
        let Some(record) = state.groups.get(group) else { return Vec::new() };
        let mut views = Vec::new();
        for (task, entry) in self.registered(state, group) {
            let Some(found) = self.of_task(state, task, record, entry, at) else { continue };
            let address = target_address(task, entry).unwrap_or_else(|| model_address(task, entry));
            let id = match record.target_type.as_str() {
                "instance" => INSTANCE.to_owned(),
                _ => address.ip().to_string(),
            };
            views.push(view(id, address.port(), None, address, found, Some(task.id)));
        }
        for target in state.manual_targets.get(group).into_iter().flatten() {
            let Some(found) = self.of_manual(state, target, group, record, at) else { continue };
            let id = target.id.clone();
            views.push(view(id, target.port, target.zone.clone(), manual::address(target), found, None));
        }
        views
    }

    /// How many targets of a group were in which state at `at` in `state`; `None` where the group does not exist.
    pub fn health_in(&self, state: &State, group: &TargetGroupArn, at: Ms) -> Option<TargetHealth> {
        let record = state.groups.get(group)?;
        let tasks = self.registered(state, group);
        let tasks = tasks.filter_map(|(task, entry)| self.of_task(state, task, record, entry, at));
        let manual = state.manual_targets.get(group).into_iter().flatten();
        let manual = manual.filter_map(|target| self.of_manual(state, target, group, record, at));
        let mut health = TargetHealth::default();
        for (found, _, _) in tasks.chain(manual) {
            match found {
                TargetState::Healthy => health.healthy += 1,
                TargetState::Unhealthy => health.unhealthy += 1,
                TargetState::Initial => health.initial += 1,
                TargetState::Draining => health.draining += 1,
                TargetState::Unused => health.unused += 1,
            }
        }
        Some(health)
    }

    /// How many targets of a group are in which state now.
    pub fn health(&self, group: &TargetGroupArn) -> TargetHealth {
        self.health_in(&self.state, group, self.now).unwrap_or_default()
    }

    /// How one registration of a task was at `at` in `state`; `None` where there is no such target, or group.
    pub(super) fn task_target_state(
        &self,
        state: &State,
        task: &Task,
        entry: &Registration,
        at: Ms,
    ) -> Option<TargetState> {
        let record = state.groups.get(&entry.group)?;
        self.of_task(state, task, record, entry, at).map(|(found, _, _)| found)
    }

    /// Tasks that are, or were until lately, registered in a group.
    pub(super) fn registered<'a>(
        &self,
        state: &'a State,
        group: &'a TargetGroupArn,
    ) -> impl Iterator<Item = (&'a Task, &'a Registration)> {
        // A real task may end before its target has drained.
        let live = self.config.fleet == Fleet::Live;
        state.services.values().filter(|service| service.groups.contains(group)).flat_map(move |service| {
            let ended = service.stopped.iter().filter(move |_| live);
            ended.chain(&service.tasks).filter_map(move |task| {
                task.groups.iter().find(|entry| entry.group == *group).map(|entry| (task, entry))
            })
        })
    }

    fn of_task<'a>(
        &self,
        state: &'a State,
        task: &Task,
        group: &GroupRecord,
        entry: &Registration,
        at: Ms,
    ) -> Option<Found<'a>> {
        let started = task.starts_at.filter(|starts| *starts <= at)?;
        let live = self.config.fleet == Fleet::Live;
        if let Some(stopped) = task.stopped_at {
            let drains = if live && group.attached_since.is_none() { 0 } else { group.drain };
            return (at < stopped + drains).then_some((TargetState::Draining, stopped, None));
        }
        let Some(attached) = group.attached_since.filter(|attached| *attached <= at) else {
            return Some((TargetState::Unused, started, None));
        };
        let since = started.max(attached);
        if live {
            return Some(checks::judged(state, &entry.group, target_address(task, entry)?, since));
        }
        let checked = since + task.check_delay;
        if at < checked {
            return Some((TargetState::Initial, since, None));
        }
        let found = match state.behaviour(&task.definition) {
            Behaviour::Healthy => TargetState::Healthy,
            Behaviour::NeverStarts | Behaviour::NeverHealthy => TargetState::Unhealthy,
            Behaviour::Flaps { healthy, unhealthy } => {
                let phase = (at - checked).checked_rem(healthy + unhealthy).unwrap_or(0);
                if phase < healthy { TargetState::Healthy } else { TargetState::Unhealthy }
            }
        };
        Some((found, checked, None))
    }

    fn of_manual<'a>(
        &self,
        state: &'a State,
        target: &ManualTarget,
        arn: &TargetGroupArn,
        group: &GroupRecord,
        at: Ms,
    ) -> Option<Found<'a>> {
        if let Some(stopped) = target.deregistered_at {
            // Where no load balancer uses the group, there is nothing to drain.
            let drains = if group.attached_since.is_none() { 0 } else { group.drain };
            return (at < stopped + drains).then_some((TargetState::Draining, stopped, None));
        }
        let Some(attached) = group.attached_since.filter(|attached| *attached <= at) else {
            return Some((TargetState::Unused, target.registered_at, None));
        };
        let since = target.registered_at.max(attached);
        if self.config.fleet == Fleet::Live {
            return Some(checks::judged(state, arn, manual::address(target), since));
        }
        let checked = since + self.config.check_delay;
        let initial = at < checked;
        Some(if initial { (TargetState::Initial, since, None) } else { (TargetState::Healthy, checked, None) })
    }
}

fn view(
    id: String,
    port: u16,
    zone: Option<String>,
    address: SocketAddr,
    (state, since, checked): Found<'_>,
    task: Option<u64>,
) -> TargetView {
    let words = match state {
        TargetState::Healthy => None,
        TargetState::Initial => Some(("Elb.RegistrationInProgress", "Target registration is in progress")),
        TargetState::Unhealthy => Some(("Target.FailedHealthChecks", "Health checks failed")),
        TargetState::Draining => Some(("Target.DeregistrationInProgress", "Target deregistration is in progress")),
        TargetState::Unused => {
            Some(("Target.NotInUse", "Target group is not configured to receive traffic from the load balancer"))
        }
    };
    let words = match checked.filter(|_| state == TargetState::Unhealthy) {
        Some(checked) => Some((checked.reason.as_str(), checked.description.as_str())),
        None => words,
    };
    let (reason, description) = words.map(|(code, text)| (code.to_owned(), text.to_owned())).unzip();
    TargetView { id, port, zone, address, state, reason, description, since, task }
}

/// An address that no process has, for a task that is no process.
fn model_address(task: &Task, entry: &Registration) -> SocketAddr {
    let [.., high, middle, low] = task.id.to_be_bytes();
    SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, high, middle, low)), entry.port.unwrap_or(MODEL_PORT))
}

impl World {
    /// The moments at which targets change by themselves.
    pub(super) fn target_events(&self) -> impl Iterator<Item = Ms> {
        self.state.manual_targets.iter().flat_map(move |(arn, targets)| {
            let group = self.state.groups.get(arn);
            let attached = group.and_then(|group| group.attached_since);
            let drain = group.map_or(0, |group| group.drain);
            targets.iter().flat_map(move |target| {
                let checked = attached.map(|at| at.max(target.registered_at) + self.config.check_delay);
                [checked, target.deregistered_at.map(|at| at + drain)].into_iter().flatten()
            })
        })
    }

    /// Forgets targets that have drained, and what checks said about them.
    pub(super) fn forget_targets(&mut self) {
        let manual = self.state.manual_targets.iter();
        let drained: Vec<(TargetGroupArn, ManualTarget)> = manual
            .flat_map(|(arn, targets)| targets.iter().map(move |target| (arn, target)))
            .filter(|(arn, target)| match self.state.groups.get(*arn) {
                Some(group) => self.of_manual(&self.state, target, arn, group, self.now).is_none(),
                None => true,
            })
            .map(|(arn, target)| (arn.clone(), target.clone()))
            .collect();
        if !drained.is_empty() {
            let state = std::sync::Arc::make_mut(&mut self.state);
            for (arn, target) in drained {
                let Some(targets) = state.manual_targets.get_mut(&arn) else { continue };
                targets.retain(|other| *other != target);
                if targets.is_empty() {
                    state.manual_targets.remove(&arn);
                }
            }
        }
        self.forget_checks();
    }

    /// Whether a task's process listens for its targets now.
    fn is_checked(&self, task: &Task) -> bool {
        task.stopped_at.is_none() && runs(task, self.now)
    }
}
