//! Health checks of real processes: what is checked, and what a row of checks means.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;

use bluegreen_core::model::TargetGroupArn;

use super::{Found, TargetState, manual};
use crate::world::fleet::target_address;
use crate::world::{CheckedHealth, Fleet, HealthCheck, Ms, State, World};

/// A target that is to be checked, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProbeTarget {
    /// The group.
    pub group: TargetGroupArn,
    /// The target: what [`World::probed`] is told.
    pub address: SocketAddr,
    /// Where to ask, which may be another port of it.
    pub probe: SocketAddr,
    /// How.
    pub check: HealthCheck,
}

/// Checks in a row with the same end, by group and address.
#[derive(Clone, Debug, Default)]
pub(in crate::world) struct Streaks(BTreeMap<(TargetGroupArn, SocketAddr), Streak>);

#[derive(Clone, Copy, Debug)]
struct Streak {
    /// Since when the target is one; a new target at the same address starts anew.
    registered: Ms,
    passed: bool,
    length: u32,
}

impl World {
    /// Everything that is to be checked now: targets of groups in use that are not draining. Nothing in a modelled world.
    pub fn probe_targets(&self) -> Vec<ProbeTarget> {
        let mut all: Vec<ProbeTarget> = Vec::new();
        for (group, address, _) in self.checked_targets() {
            let Some(record) = self.state.groups.get(&group) else { continue };
            let mut probe = address;
            if let Ok(port) = record.check.port.parse() {
                probe.set_port(port);
            }
            if !all.iter().any(|other| other.group == group && other.address == address) {
                all.push(ProbeTarget { group, address, probe, check: record.check.clone() });
            }
        }
        all
    }

    /// A check has come to its end. `reason` says why it failed: AWS's code, and after a colon its words, as in
    /// `Target.ResponseCodeMismatch: Health checks failed with these codes: [502]`; both are made up where they lack.
    ///
    /// The first passed check of a new target makes it healthy; otherwise the group's thresholds count. A target that is
    /// not one, or whose group is not in use, is not judged.
    pub fn probed(&mut self, group: &TargetGroupArn, address: SocketAddr, passed: bool, reason: &str) {
        let target = self.checked_targets().find(|(found, at, _)| found == group && *at == address);
        let Some((_, _, registered)) = target else { return };
        let Some(check) = self.state.groups.get(group).map(|record| &record.check) else { return };
        let (healthy_after, unhealthy_after) = (check.healthy_after, check.unhealthy_after);
        let key = (group.clone(), address);
        let streak = self.streaks.0.entry(key.clone()).or_insert(Streak { registered, passed, length: 0 });
        if streak.registered != registered || streak.passed != passed {
            *streak = Streak { registered, passed, length: 0 };
        }
        streak.length = streak.length.saturating_add(1);
        let length = streak.length;
        let (state, _, _) = judged(&self.state, group, address, registered);
        let turns = match (state, passed) {
            (TargetState::Initial, true) => true,
            (TargetState::Unhealthy, true) => length >= healthy_after,
            (TargetState::Initial | TargetState::Healthy, false) => length >= unhealthy_after,
            _ => false,
        };
        if !turns {
            return;
        }
        let (reason, description) = words(reason);
        let record = CheckedHealth { healthy: passed, reason, description, since: self.now };
        self.change(|state| {
            state.checked.insert(key, record);
        });
    }

    /// Targets that are checked, each with the moment since when it is one.
    fn checked_targets(&self) -> impl Iterator<Item = (TargetGroupArn, SocketAddr, Ms)> {
        let live = self.config.fleet == Fleet::Live;
        let attached = move |group: &TargetGroupArn| {
            let record = self.state.groups.get(group).filter(|_| live)?;
            record.attached_since.filter(|_| record.check.enabled)
        };
        let tasks = self.state.services.values().flat_map(|service| &service.tasks);
        let tasks = tasks.filter(|task| self.is_checked(task)).flat_map(move |task| {
            task.groups.iter().filter_map(move |entry| {
                let since = attached(&entry.group)?.max(task.starts_at?);
                Some((entry.group.clone(), target_address(task, entry)?, since))
            })
        });
        let manual = self.state.manual_targets.iter().flat_map(move |(group, targets)| {
            let staying = targets.iter().filter(|target| target.deregistered_at.is_none());
            staying.filter_map(move |target| {
                let since = attached(group)?.max(target.registered_at);
                Some((group.clone(), manual::address(target), since))
            })
        });
        tasks.chain(manual)
    }

    /// Forgets what checks said about targets that are none any more.
    pub(super) fn forget_checks(&mut self) {
        if self.state.checked.is_empty() && self.streaks.0.is_empty() {
            return;
        }
        let there: BTreeSet<(TargetGroupArn, SocketAddr)> =
            self.checked_targets().map(|(group, address, _)| (group, address)).collect();
        self.streaks.0.retain(|key, _| there.contains(key));
        if self.state.checked.keys().any(|key| !there.contains(key)) {
            Arc::make_mut(&mut self.state).checked.retain(|key, _| there.contains(key));
        }
    }
}

/// What checks said about the target that is at `address` since `since`. What they said about an earlier one there was
/// forgotten when that one went.
pub(super) fn judged<'a>(state: &'a State, group: &TargetGroupArn, address: SocketAddr, since: Ms) -> Found<'a> {
    match state.checked.get(&(group.clone(), address)) {
        None => (TargetState::Initial, since, None),
        Some(record) if record.healthy => (TargetState::Healthy, record.since, Some(record)),
        Some(record) => (TargetState::Unhealthy, record.since, Some(record)),
    }
}

fn words(reason: &str) -> (String, String) {
    let (code, text) = reason.split_once(": ").unwrap_or((reason, ""));
    let known = match code {
        "Target.Timeout" => "Request timed out",
        "Target.ResponseCodeMismatch" => "Health checks failed with an unexpected status code",
        _ => "Health checks failed",
    };
    let code = if code.contains('.') { code } else { "Target.FailedHealthChecks" };
    (code.to_owned(), if text.is_empty() { known } else { text }.to_owned())
}
