//! The state of the two fleets: is the canary fit to serve, and is stable fit to be gone back to?

use jiff::Timestamp;

use crate::journal::{Certainty, Write};
use crate::model::{Color, TaskDefinitionArn};
use crate::observe::{ServiceSnapshot, TargetHealth};
use crate::plan::ServiceBaseline;
use crate::ports::ServiceChange;

use super::{Context, canary_count, fresh, later};

/// How a service looks next to what we want of it.
pub(super) enum ServiceView {
    /// It asks for what we want.
    AsWanted,
    /// It does not yet, within the time for which reads may be old.
    Settling,
    /// It does not, and has to be told (again).
    Differs,
}

impl Context<'_> {
    /// Compares a colour's service with the wanted change.
    pub(super) fn view_service(&self, found: &ServiceSnapshot, wanted: &ServiceChange) -> ServiceView {
        self.view_written(found, self.state.service_writes(wanted.color), wanted)
    }

    /// Compares a service with the wanted change, given the writes to it.
    pub(super) fn view_written(
        &self,
        found: &ServiceSnapshot,
        writes: &[Write<ServiceChange>],
        wanted: &ServiceChange,
    ) -> ServiceView {
        let revision = wanted.task_definition.as_ref().is_none_or(|arn| *arn == found.task_definition);
        let count = wanted.desired.is_none_or(|count| count == found.desired);
        if revision && count {
            return ServiceView::AsWanted;
        }
        match writes.last() {
            Some(write) if covers(&write.value, wanted) && self.now < later(write.at, self.plan().timing.settle) => {
                ServiceView::Settling
            }
            _ => ServiceView::Differs,
        }
    }

    /// Why the canary cannot serve yet, or how many of its targets are healthy.
    pub(super) fn canary_health(&self, revision: &TaskDefinitionArn, count: u32) -> Result<u32, String> {
        let color = self.plan().canary();
        let service = self.seen.services.ok().map(|services| services.get(color));
        fleet_health(service, self.seen.health.get(color).ok(), revision, count)
    }

    /// What keeps the canary from carrying the step under way, if something does.
    pub(super) fn canary_trouble(&self) -> Option<String> {
        let revision = self.state.task_definition.as_ref()?;
        let stable = self.seen.services.ok()?.get(self.plan().stable()).desired;
        self.canary_health(revision, canary_count(self.plan(), self.state.step, stable)).err()
    }

    /// Why ECS has given up the deployment of the released revision, if it has: its own latest words.
    pub(super) fn canary_deployment_failed(&self) -> Option<String> {
        let revision = self.state.task_definition.as_ref()?;
        deployment_failed(self.seen.services.ok()?.get(self.plan().canary()), revision)
    }

    /// Why stable could not take all traffic back, if so.
    ///
    /// The floor is the count of the baseline: a fleet that was scaled in because its traffic went away could not
    /// carry all of it again.
    pub(super) fn retreat_blocked(&self) -> Option<String> {
        let stable = self.plan().stable();
        let baseline = self.plan().stable_baseline();
        let needed = "which a rollback would need,";
        let active = self.seen.old_revision_active.as_ref().map(|reading| reading.value.as_ref());
        match active {
            Some(Ok(false)) => {
                let name = baseline.task_definition.short();
                return Some(format!("{name}, {needed} was deregistered"));
            }
            Some(Err(_)) => return Some(format!("the revision of {stable}, {needed} cannot be read")),
            Some(Ok(true)) | None => {}
        }
        let Some(health) = self.seen.health.get(stable).ok() else {
            return Some(format!("the health of {stable}, {needed} cannot be read"));
        };
        let floor = baseline.desired.max(1);
        (health.healthy < floor)
            .then(|| format!("{stable}, {needed} has {} of {floor} targets healthy", health.healthy))
    }

    /// Whether someone else changed one of the services, in words.
    pub(super) fn service_drift(&self) -> Option<String> {
        let services = self.seen.services.ok()?;
        let baselines = &self.plan().baseline.services;
        let is_new = |color| recreated(baselines.get(color), services.get(color));
        let moved = |color| {
            let writes = self.state.service_writes(color);
            self.other_revision(baselines.get(color), writes, services.get(color), self.seen.services.seen_at)
        };
        let recreated = Color::ALL.into_iter().find_map(is_new);
        let drift = match self.plan().task_sets() {
            Some(engine) => recreated.or_else(|| self.set_drift(engine)),
            None => recreated.or_else(|| Color::ALL.into_iter().find_map(moved)),
        };
        drift.or_else(|| fresh::drift(self))
    }

    /// Whether a service runs another revision than it had or than this run gave it, and old reads do not explain it.
    pub(super) fn other_revision(
        &self,
        baseline: &ServiceBaseline,
        writes: &[Write<ServiceChange>],
        found: &ServiceSnapshot,
        seen_at: Timestamp,
    ) -> Option<String> {
        // From here on AWS changes the service for us, and what others do shows in its deployments.
        if self.state.managed.may_have_started() {
            return None;
        }
        let written =
            writes.iter().rev().find_map(|write| write.value.task_definition.as_ref().map(|arn| (arn, write)));
        let (expected, certain_at) = match written {
            None => (&baseline.task_definition, None),
            Some((arn, write)) => (arn, Some((write.at, write.certainty))),
        };
        if found.task_definition == *expected {
            return None;
        }
        let old = found.task_definition == baseline.task_definition;
        let excused = certain_at.is_some_and(|(at, certainty)| {
            old && (certainty == Certainty::Doubtful || seen_at < later(at, self.plan().timing.settle))
        });
        (!excused).then(|| {
            let (is, was) = (found.task_definition.short(), expected.short());
            format!("service {} runs {is}, expected {was}: someone else deployed", baseline.name)
        })
    }
}

/// Why a fleet cannot serve yet, or how many of its targets are healthy.
pub(super) fn fleet_health(
    service: Option<&ServiceSnapshot>,
    health: Option<&TargetHealth>,
    revision: &TaskDefinitionArn,
    count: u32,
) -> Result<u32, String> {
    let service = service.ok_or("its service cannot be read")?;
    if service.task_definition != *revision {
        return Err(format!("its service still shows {}", service.task_definition.short()));
    }
    if let Some(old) = service.deployments.iter().find(|d| d.task_definition != *revision && d.running > 0) {
        return Err(format!("{} tasks of {} are still running", old.running, old.task_definition.short()));
    }
    if service.running < count {
        return Err(format!("{} of {count} tasks are running", service.running));
    }
    let health = health.ok_or("its target health cannot be read")?;
    if health.healthy < count {
        return Err(format!("{} of {count} targets are healthy", health.healthy));
    }
    Ok(health.healthy)
}

/// Why ECS has given up a service's deployment of `revision`, if it has: its own latest words.
pub(super) fn deployment_failed(service: &ServiceSnapshot, revision: &TaskDefinitionArn) -> Option<String> {
    let ours = service.deployments.iter().find(|deployment| deployment.task_definition == *revision)?;
    if ours.rollout.as_deref() != Some("FAILED") {
        return None;
    }
    let words = service.messages.first().map(|message| format!("; {message}")).unwrap_or_default();
    Some(format!("ECS gave up the deployment of {} ({} tasks failed){words}", revision.short(), ours.failed))
}

/// Whether a service is not the one that the plan was made for, in words.
pub(super) fn recreated(baseline: &ServiceBaseline, found: &ServiceSnapshot) -> Option<String> {
    let recreated = found.arn != baseline.arn
        || matches!((found.created_at, baseline.created_at), (Some(now), Some(then)) if now != then);
    recreated.then(|| format!("service {} is not the one that the plan was made for", baseline.name))
}

/// Whether having sent `sent` explains waiting for `wanted`.
fn covers(sent: &ServiceChange, wanted: &ServiceChange) -> bool {
    let revision = wanted.task_definition.is_none() || sent.task_definition == wanted.task_definition;
    revision && (wanted.desired.is_none() || sent.desired == wanted.desired)
}
