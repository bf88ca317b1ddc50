//! What clients ask of a deployment that is there, and rollbacks.

use std::sync::Arc;

use bluegreen_core::appspec::{Target, render_json};

use super::create::lifecycle;
use super::{
    Deployment, Event, EventStatus, Lifecycle, Platform, Position, Revision, SETTING_OUT, Shares, Status, Stop,
};
use crate::world::{Refused, World};

/// What a deployment can be told to go on from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// Before the first shift.
    Ready,
    /// Before the old tasks end.
    Termination,
}

impl World {
    /// A deployment by id.
    ///
    /// # Errors
    ///
    /// There is none.
    pub fn deployment(&self, id: &str) -> Result<&Arc<Deployment>, Refused> {
        self.state.codedeploy.deployments.get(id).ok_or_else(|| missing(id))
    }

    /// `ContinueDeployment`.
    ///
    /// # Errors
    ///
    /// No such deployment, or it does not wait there.
    pub fn continue_deployment(&mut self, id: &str, wait: Wait) -> Result<(), Refused> {
        let deployment = self.still_under_way(id)?;
        let now = self.now;
        let next = match (wait, deployment.position) {
            (Wait::Ready, Position::Ready { .. }) => {
                let first = |event: &Event| event.point == Lifecycle::BeforeAllowTraffic;
                let index = deployment.events.iter().position(first).unwrap_or(0);
                Position::At { index, shares: 0, due: now }
            }
            (Wait::Termination, Position::Termination { .. }) => Position::Termination { until: now },
            (Wait::Ready, _) => {
                let text = format!("The deployment {id} is not in the Ready state: it does not wait for a continue");
                return Err(Refused::new("DeploymentIsNotInReadyStateException", text));
            }
            (Wait::Termination, _) => {
                let text = format!("The deployment {id} does not wait for the termination of the original task set");
                return Err(Refused::new("InvalidDeploymentStatusException", text));
            }
        };
        self.next_write();
        self.edit_deployment(id, |deployment| {
            deployment.position = next;
            deployment.status = Status::InProgress;
        });
        self.settle();
        Ok(())
    }

    /// `StopDeployment`. It stops a little later. `rollback` of `None` leaves the rollback to the group; said again,
    /// the last word holds.
    ///
    /// # Errors
    ///
    /// No such deployment, or it has ended.
    pub fn stop_deployment(&mut self, id: &str, rollback: Option<bool>) -> Result<(), Refused> {
        let deployment = self.still_under_way(id)?;
        let at = deployment.stop.map_or(self.now + SETTING_OUT, |stop| stop.at);
        self.next_write();
        self.edit_deployment(id, |deployment| deployment.stop = Some(Stop { at, rollback }));
        self.settle();
        Ok(())
    }

    fn still_under_way(&self, id: &str) -> Result<&Arc<Deployment>, Refused> {
        let deployment = self.deployment(id)?;
        if deployment.status.has_ended() {
            let text = format!("The deployment {id} is already completed: it is {}", deployment.status.as_str());
            return Err(Refused::new("DeploymentAlreadyCompletedException", text));
        }
        Ok(deployment)
    }

    /// A deployment that takes `original` back: all traffic to what was in service, then the new task set goes.
    pub(super) fn roll_back(&mut self, original: &str) {
        let Ok(original) = self.deployment(original).cloned() else { return };
        let (number, id) = self.next_deployment();
        let skipped = |point: &Lifecycle| {
            let mut event = Event::new(*point);
            if *point != Lifecycle::AllowTraffic {
                event.status = EventStatus::Skipped;
            }
            event
        };
        let (of, by) = (original.id.clone(), id.clone());
        let revision = self.revision_before(&original);
        let own = match original.platform {
            Platform::Lambda => "CodeDeployDefault.LambdaAllAtOnce",
            Platform::Ecs | Platform::Server => "CodeDeployDefault.ECSAllAtOnce",
        };
        let rollback = Deployment {
            id,
            number,
            config: own.to_owned(),
            shares: Shares::AllAtOnce,
            description: format!("Rollback of deployment {of}"),
            revision,
            previous: None,
            alarms: None,
            rollback: None,
            status: Status::Created,
            created_at: self.now,
            started_at: None,
            completed_at: None,
            position: Position::Queued { begins: self.now + SETTING_OUT },
            events: lifecycle(original.platform).iter().map(skipped).collect(),
            stop: None,
            error: None,
            rollback_of: Some(of.clone()),
            rolled_back_by: None,
            ..(*original).clone()
        };
        self.edit_deployment(&of, |original| original.rolled_back_by = Some(by));
        self.begin_deployment_record(rollback);
    }

    /// What was in service before a deployment, as a revision.
    fn revision_before(&self, original: &Deployment) -> Revision {
        if let Some(previous) = &original.previous {
            return previous.clone();
        }
        let spec = (*original.revision.spec).clone();
        let spec = match &spec.target {
            Target::Ecs(_) => match self.old_definition(original) {
                Some(arn) => spec.with_task_definition(arn),
                None => spec,
            },
            Target::Lambda(_) => spec,
        };
        Revision { content: render_json(&spec).into(), spec: Arc::new(spec), as_string: false }
    }
}

pub(super) fn missing(id: &str) -> Refused {
    Refused::new("DeploymentDoesNotExistException", format!("The deployment {id} could not be found"))
}
