//! Whether a document can be deployed through a group at all, said before anything is started.

use super::Order;
use crate::appspec::Target;
use crate::observe::{AlarmSnapshot, AlarmState, DeploymentConfig, DeploymentGroup};

/// What was found to be in order, and what is worth knowing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    /// One sentence each.
    pub notes: Vec<String>,
}

/// Compares a document with its group and traffic configuration. `watched` are the alarms that the group itself watches.
///
/// # Errors
///
/// Every reason not to start, one sentence each.
pub fn check(
    target: &Target,
    group: &DeploymentGroup,
    config: &DeploymentConfig,
    watched: &[AlarmSnapshot],
    order: &Order,
) -> Result<Checked, Vec<String>> {
    let (platform, what) = match target {
        Target::Ecs(_) => ("ECS", "an ECS service"),
        Target::Lambda(_) => ("Lambda", "a Lambda function"),
    };
    let mut reasons = Vec::new();
    if group.compute_platform != platform {
        reasons.push(format!(
            "the document deploys {what}, and group {} of application {} is for {}",
            group.name, group.application, group.compute_platform
        ));
    }
    if config.compute_platform != platform {
        reasons.push(format!(
            "the document deploys {what}, and configuration {} is for {}",
            config.name, config.compute_platform
        ));
    } else if config.shift.is_none() {
        reasons.push(format!("configuration {} shifts no traffic", config.name));
    }
    for red in watched.iter().filter(|alarm| alarm.state == AlarmState::Alarm) {
        reasons
            .push(format!("CodeDeploy watches alarm {}, which is red: it would stop the deployment at once", red.name));
    }
    if !reasons.is_empty() {
        return Err(reasons);
    }
    Ok(Checked { notes: notes(group, order) })
}

fn notes(group: &DeploymentGroup, order: &Order) -> Vec<String> {
    let mut notes = Vec::new();
    match (order.alarms.is_empty(), &group.alarms) {
        (true, Some(alarms)) if !alarms.is_empty() => {
            notes.push(format!("CodeDeploy watches {}; name alarms with --alarm to watch them too", alarms.join(", ")));
        }
        (true, _) => notes.push("no alarm watches this deployment: it stops only where a hook or AWS fails".to_owned()),
        (false, _) => {}
    }
    if let Some(minutes) = group.ready_wait_minutes
        && !order.go_on_ready
    {
        notes.push(format!(
            "the group waits up to {minutes} minutes for a continue before the first shift, and ends the deployment then"
        ));
    }
    if group.terminates_old && group.termination_wait_minutes > 0 && !order.go_on_termination {
        notes.push(format!(
            "the group keeps the old version for {} minutes after the last shift",
            group.termination_wait_minutes
        ));
    }
    notes
}
