//! Runs whose weights AWS moves, by CodeDeploy or by ECS itself.
//!
//! The law is the one of `promote` and `restore`; what differs is who writes. Nothing here sets a weight: the run starts
//! one deployment, follows it, lets it go on where it waits, or has it taken back. Routes are read back as ever.

mod complete;
mod follow;
mod promote;
mod restore;
mod routes;
mod settings;
mod steps;

use crate::journal::{Certainty, Write};
use crate::model::{DeploymentId, DeploymentWait};
use crate::observe::{ManagedDeployment, ManagedDeployments, Reading};
use crate::plan::{Managed, PAUSE_AFTER, PAUSE_BEFORE};

pub(super) use promote::next as promote;
pub(super) use restore::next as restore;
pub(super) use routes::view_route;
pub use settings::as_declared;
pub(crate) use settings::declared_settings;

use super::{Context, Decision, later};

/// What a wait of our deployment means to the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WaitKind {
    /// Going on gives the canary more traffic.
    Forward,
    /// All traffic has moved; going on gives up the old version.
    Final,
    /// Somebody else's pause.
    Foreign,
}

/// What `wait` means to the run.
pub(super) fn kind_of(wait: &DeploymentWait) -> WaitKind {
    match wait {
        DeploymentWait::Ready => WaitKind::Forward,
        DeploymentWait::Termination => WaitKind::Final,
        DeploymentWait::Pause { stage, .. } if stage == PAUSE_BEFORE => WaitKind::Forward,
        DeploymentWait::Pause { stage, .. } if stage == PAUSE_AFTER => WaitKind::Final,
        DeploymentWait::Pause { .. } => WaitKind::Foreign,
    }
}

impl Context<'_> {
    /// The deployments as seen; none where they could not be read.
    fn deployments(&self) -> Option<&Reading<ManagedDeployments>> {
        self.seen.deployments.as_ref().filter(|reading| reading.value.is_ok())
    }

    /// Our deployment as seen, once it is known which one that is.
    fn ours(&self) -> Option<&ManagedDeployment> {
        let known = self.state.managed.deployment.as_ref()?;
        let seen = self.deployments()?.ok()?;
        seen.ours.as_ref().filter(|deployment| deployment.id == *known)
    }

    /// Whether a deployment with our mark is somebody else's all the same: in ECS the mark stands in the service's
    /// settings, and whoever deploys next inherits it.
    fn brings_another_revision(&self, found: &ManagedDeployment) -> bool {
        found
            .task_definition
            .as_ref()
            .zip(self.state.task_definition.as_ref())
            .is_some_and(|(found, ours)| found != ours)
    }

    /// A deployment with our mark that is not ours, while ours is not known.
    fn impostor(&self) -> Option<&ManagedDeployment> {
        let seen = self.deployments()?.ok()?;
        let marked = seen.ours.as_ref().filter(|_| self.state.managed.deployment.is_none())?;
        self.brings_another_revision(marked).then_some(marked)
    }

    /// Whether nothing moves while nothing is done. ECS waits at its pauses; CodeDeploy, once it shifts, goes on by itself.
    pub(super) fn stands_still(&self) -> bool {
        let codedeploy = matches!(self.plan().managed(), Some(Managed::CodeDeploy(_)));
        let ready = self.ours().is_some_and(|ours| ours.waits_for == Some(DeploymentWait::Ready));
        !codedeploy || !self.state.managed.may_have_started() || self.state.managed.end().is_some() || ready
    }

    /// Somebody else's deployment that has not ended. One that takes another back is part of that other.
    fn foreign_deployment(&self) -> Option<&ManagedDeployment> {
        let seen = self.deployments()?.ok()?;
        let known = |id: &DeploymentId| {
            let managed = &self.state.managed;
            managed.deployment.as_ref() == Some(id) || managed.rollback.as_ref() == Some(id)
        };
        let takes_back = |other: &ManagedDeployment| other.rollback_of.as_ref().is_some_and(known);
        seen.others.iter().find(|other| !other.status.has_ended() && !known(&other.id) && !takes_back(other))
    }

    /// Whether what was read is too young to show a write of `at` for sure.
    fn too_young<T>(&self, reading: &Reading<T>, at: jiff::Timestamp) -> bool {
        reading.seen_at < later(at, self.plan().timing.settle)
    }
}

/// Somebody else's deployment in words: `d-ABC by user, since 06:00:12Z`.
fn in_words(deployment: &ManagedDeployment) -> String {
    let by = match deployment.creator.as_str() {
        "" => String::new(),
        creator => format!(" by {creator}"),
    };
    format!("deployment {}{by}, made {:.0}", deployment.id.short(), deployment.created_at)
}

/// Whether AWS has said yes to one of these.
fn any_certain<T>(writes: &[Write<T>]) -> bool {
    writes.iter().any(|write| write.certainty == Certainty::Applied)
}

/// What is sent again only when the one before cannot show up any more.
fn send_once<T>(context: &Context<'_>, newest: Option<&Write<T>>, act: Decision, shows: &str) -> Decision {
    if let Some(wait) = context.backing_off() {
        return wait;
    }
    let until = newest.map(|write| later(write.at, context.plan().timing.settle)).filter(|until| context.now < *until);
    match until {
        Some(until) => context.wait_until(until, shows),
        None => act,
    }
}
