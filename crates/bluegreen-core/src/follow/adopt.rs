//! Deployments that were started elsewhere: which one is looked at, and how it stands.

use crate::model::{DeploymentId, DeploymentWait};
use crate::observe::{DeploymentStatus, ManagedDeployment};

/// How a deployment stands, with what takes it back, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It goes on by itself.
    UnderWay,
    /// It stays where it is until somebody tells it to go on, or until AWS gives it up.
    Waits,
    /// It is on its way back, or told to be.
    GoingBack,
    /// The new version is in service.
    Succeeded,
    /// The old version is in service again.
    RolledBack,
    /// It ended, and nothing is known to have taken it back.
    NotTakenBack,
}

/// Which of the deployments that have not ended is looked at: the one that AWS works on before those that only wait for
/// their turn, and the older one first.
pub fn pick(active: &[ManagedDeployment]) -> Option<&ManagedDeployment> {
    active.iter().min_by_key(|found| (found.status == DeploymentStatus::Pending, found.created_at))
}

/// The deployment whose story this one belongs to: the one that it takes back, or itself.
pub fn origin(found: &ManagedDeployment) -> &DeploymentId {
    found.rollback_of.as_ref().unwrap_or(&found.id)
}

/// How `found` stands; `rollback` is the deployment that takes it back, where that is another one.
pub fn standing(found: &ManagedDeployment, rollback: Option<&ManagedDeployment>) -> Standing {
    match &found.status {
        DeploymentStatus::Succeeded => Standing::Succeeded,
        DeploymentStatus::RolledBack => Standing::RolledBack,
        DeploymentStatus::Stopping | DeploymentStatus::RollingBack => Standing::GoingBack,
        DeploymentStatus::Stopped | DeploymentStatus::Failed => match rollback {
            Some(rollback) if rollback.status == DeploymentStatus::Succeeded => Standing::RolledBack,
            Some(rollback) if !rollback.status.has_ended() => Standing::GoingBack,
            // A failure before anything was moved has nothing to take back.
            None if found.share_ppm == Some(0) && !found.id.goes_back_itself() => Standing::RolledBack,
            Some(_) | None => Standing::NotTakenBack,
        },
        DeploymentStatus::Pending | DeploymentStatus::InProgress | DeploymentStatus::Unknown(_) => {
            match found.waits_for {
                Some(DeploymentWait::Ready | DeploymentWait::Pause { .. }) => Standing::Waits,
                // After this wait AWS goes on by itself.
                Some(DeploymentWait::Termination) | None => Standing::UnderWay,
            }
        }
    }
}
