//! How a deployment goes on by itself.

use bluegreen_core::appspec::Target;
use bluegreen_core::observe::AlarmState;

use super::install::Failure;
use super::{Deployment, EventStatus, Lifecycle, Position, RollbackEvent, Status};
use crate::world::{Ms, World};

/// A hook, and the new task set, have so many minutes.
const PATIENCE: u32 = 60;
/// More steps than all deployments together can take at one moment.
const ROUNDS: usize = 10_000;

/// How a deployment ends before its time.
struct End {
    status: Status,
    code: &'static str,
    message: String,
    roll_back: bool,
}

impl World {
    /// Lets every deployment do what is due.
    pub(in crate::world) fn drive_deployments(&mut self) {
        // What a deployment changes brings the world here again: it goes on by the round that is under way.
        if self.driving || self.state.codedeploy.active().next().is_none() {
            return;
        }
        self.driving = true;
        for _ in 0..ROUNDS {
            let ids: Vec<String> = self.state.codedeploy.active().map(|deployment| deployment.id.clone()).collect();
            let moved = ids.iter().filter(|id| self.drive(id)).count();
            if moved == 0 {
                break;
            }
        }
        self.driving = false;
    }

    /// The moments at which deployments go on by themselves.
    pub(in crate::world) fn deployment_events(&self) -> impl Iterator<Item = Ms> {
        self.state.codedeploy.active().flat_map(|deployment| {
            let own = match deployment.position {
                Position::Queued { begins } => Some(begins),
                Position::At { due, .. } => Some(due),
                Position::Ready { until } | Position::Termination { until } => Some(until),
                Position::Over => None,
            };
            [own, deployment.stop.map(|stop| stop.at), self.hook_due(deployment)].into_iter().flatten()
        })
    }

    /// One step of one deployment; whether there was one.
    fn drive(&mut self, id: &str) -> bool {
        let Ok(deployment) = self.deployment(id).cloned() else { return false };
        if deployment.status.has_ended() {
            return false;
        }
        if let Some(end) = self.interrupted(&deployment) {
            self.end(&deployment, end);
            return true;
        }
        match deployment.position {
            Position::Queued { begins } if self.now >= begins => self.set_out(&deployment),
            Position::At { index, .. } => return self.at_event(&deployment, index),
            Position::Ready { until } if self.now >= until => {
                let message = "The deployment was stopped because it was not continued in time.".to_owned();
                self.end(&deployment, End { status: Status::Stopped, code: "TIMEOUT", message, roll_back: false });
            }
            Position::Termination { until } if self.now >= until => self.succeed(&deployment),
            _ => return false,
        }
        true
    }

    /// What ends a deployment from outside: somebody, or an alarm.
    fn interrupted(&self, deployment: &Deployment) -> Option<End> {
        if let Some(stop) = deployment.stop.filter(|stop| self.now >= stop.at) {
            let own = || deployment.rolls_back_after(RollbackEvent::StopOnRequest);
            let message = "The deployment was stopped on request.".to_owned();
            let roll_back = stop.rollback.unwrap_or_else(own);
            return Some(End { status: Status::Stopped, code: "MANUAL_STOP", message, roll_back });
        }
        let begun = !matches!(deployment.position, Position::Queued { begins } if self.now < begins);
        let watch = deployment.watch();
        if !begun || !watch.enabled || deployment.rollback_of.is_some() {
            return None;
        }
        let red = watch.names.iter().filter(|name| match self.state.alarms.get(*name) {
            Some(alarm) => alarm.state == AlarmState::Alarm,
            None => !watch.ignore_poll_failure,
        });
        let red: Vec<&str> = red.map(String::as_str).collect();
        if red.is_empty() {
            return None;
        }
        let message = format!(
            "One or more alarms have been activated according to the Amazon CloudWatch metrics you selected, and the \
             affected deployments have been stopped. Activated alarms: {}",
            red.join(", ")
        );
        let roll_back = deployment.rolls_back_after(RollbackEvent::StopOnAlarm);
        Some(End { status: Status::Stopped, code: "ALARM_ACTIVE", message, roll_back })
    }

    fn set_out(&mut self, deployment: &Deployment) {
        let now = self.now;
        let pending = deployment.events.iter().position(|event| event.status == EventStatus::Pending);
        self.edit_deployment(&deployment.id, |deployment| {
            deployment.status = Status::InProgress;
            deployment.started_at = Some(now);
            deployment.position = Position::At { index: pending.unwrap_or(0), shares: 0, due: now };
        });
    }

    fn at_event(&mut self, deployment: &Deployment, index: usize) -> bool {
        let Some(event) = deployment.events.get(index) else {
            // Tasks that some node still sends requests to are not ended.
            let follows = self.routes_follow(deployment);
            if follows {
                self.after_last(deployment);
            }
            return follows;
        };
        let went = match event.status {
            EventStatus::Pending => self.start_event(deployment, index).map(|()| true),
            EventStatus::InProgress => self.go_on_with(deployment, index),
            EventStatus::Succeeded | EventStatus::Failed | EventStatus::Skipped => {
                self.move_to(deployment, index + 1);
                Ok(true)
            }
        };
        went.unwrap_or_else(|(code, message)| {
            let roll_back = deployment.rolls_back_after(RollbackEvent::Failure);
            // What the event has done before it failed is in the state, and not in the older copy.
            let current =
                self.deployment(&deployment.id).map_or_else(|_| deployment.clone(), |found| (**found).clone());
            self.end(&current, End { status: Status::Failed, code, message, roll_back });
            true
        })
    }

    /// The next event, or the wait before it.
    fn move_to(&mut self, deployment: &Deployment, index: usize) {
        let next = deployment.events.get(index).map(|event| event.point);
        let ready = deployment.setup.ready_wait.filter(|_| deployment.rollback_of.is_none());
        let (status, position) = match (next, ready) {
            (Some(Lifecycle::BeforeAllowTraffic), Some(minutes)) => {
                (Status::Ready, Position::Ready { until: self.now + self.minutes(minutes) })
            }
            _ => (Status::InProgress, Position::At { index, shares: 0, due: self.now }),
        };
        self.edit_deployment(&deployment.id, |deployment| {
            deployment.status = status;
            deployment.position = position;
        });
    }

    fn start_event(&mut self, deployment: &Deployment, index: usize) -> Result<(), Failure> {
        let point = deployment.events[index].point;
        let hooks = &deployment.revision.spec.hooks;
        let function = point.hook().and_then(|event| hooks.iter().find(|hook| hook.event == event));
        let run = function.map(|hook| self.call_function(&deployment.id, &hook.function));
        let (now, due) = (self.now, self.now + self.minutes(PATIENCE));
        let waits = run.is_some();
        self.edit_deployment(&deployment.id, |deployment| {
            deployment.position = Position::At { index, shares: 0, due };
            let event = &mut deployment.events[index];
            event.status = EventStatus::InProgress;
            event.started_at = Some(now);
            event.hook = run;
        });
        match point {
            Lifecycle::Install => {
                let Target::Ecs(target) = &deployment.revision.spec.target else { return Ok(()) };
                let sides = self.install(deployment, target)?;
                self.edit_deployment(&deployment.id, |deployment| deployment.sides = sides);
            }
            Lifecycle::AllowTestTraffic if deployment.sides.test.is_empty() => {
                self.close_event(deployment, index, EventStatus::Skipped);
            }
            Lifecycle::AllowTestTraffic => {
                self.shift_test(deployment)?;
                self.close_event(deployment, index, EventStatus::Succeeded);
            }
            Lifecycle::AllowTraffic => {
                let id = deployment.id.clone();
                self.edit_deployment(&id, |deployment| {
                    deployment.position = Position::At { index, shares: 0, due: now };
                });
            }
            Lifecycle::AfterAllowTestTraffic if deployment.sides.test.is_empty() && !waits => {
                self.close_event(deployment, index, EventStatus::Skipped);
            }
            _ if !waits => self.close_event(deployment, index, EventStatus::Succeeded),
            _ => {}
        }
        Ok(())
    }

    fn go_on_with(&mut self, deployment: &Deployment, index: usize) -> Result<bool, Failure> {
        let Position::At { shares, due, .. } = deployment.position else { return Ok(false) };
        let event = &deployment.events[index];
        match event.point {
            Lifecycle::Install if self.is_installed(deployment)? => {
                self.close_event(deployment, index, EventStatus::Succeeded);
                Ok(true)
            }
            Lifecycle::Install if self.now >= due => Err((
                "TIMEOUT",
                "The deployment timed out while waiting for the replacement task set to become healthy. This time out \
                 period is 60 minutes."
                    .to_owned(),
            )),
            Lifecycle::AllowTraffic if self.now >= due => self.next_share(deployment, index, shares).map(|()| true),
            _ => {
                let Some(run) = &event.hook else { return Ok(false) };
                match self.hook_answer(run, event.started_at.unwrap_or(self.now)) {
                    Some(true) => {
                        self.close_event(deployment, index, EventStatus::Succeeded);
                        Ok(true)
                    }
                    Some(false) => Err(hook_failed(&run.function, "said Failed")),
                    None if self.now >= due => Err(hook_failed(&run.function, "did not answer within one hour")),
                    None => Ok(false),
                }
            }
        }
    }

    /// Writes the next share; after the last one the event is over.
    fn next_share(&mut self, deployment: &Deployment, index: usize, done: usize) -> Result<(), Failure> {
        let taken_back = deployment.rollback_of.is_some();
        let steps = if taken_back { vec![0] } else { deployment.shares.steps() };
        let Some(share) = steps.get(done).copied() else { return Ok(()) };
        match &deployment.revision.spec.target {
            Target::Ecs(_) => self.shift(deployment, share)?,
            Target::Lambda(target) => self.shift_alias(target, share),
        }
        if taken_back {
            self.restore_test(deployment)?;
        }
        let due = self.now + self.minutes(deployment.shares.wait());
        self.edit_deployment(&deployment.id, |deployment| {
            deployment.share = share;
            deployment.position = Position::At { index, shares: done + 1, due };
        });
        if done + 1 == steps.len() {
            self.close_event(deployment, index, EventStatus::Succeeded);
        }
        Ok(())
    }

    fn close_event(&mut self, deployment: &Deployment, index: usize, status: EventStatus) {
        let now = self.now;
        self.edit_deployment(&deployment.id, |deployment| {
            let event = &mut deployment.events[index];
            event.status = status;
            event.ended_at = Some(now);
        });
    }

    /// All events are over: the old tasks are kept for a while, or the deployment ends.
    fn after_last(&mut self, deployment: &Deployment) {
        let termination = deployment.setup.termination;
        let of_tasks = matches!(deployment.revision.spec.target, Target::Ecs(_));
        let waits = of_tasks && termination.ends && termination.wait > 0 && deployment.rollback_of.is_none();
        if !waits {
            return self.succeed(deployment);
        }
        let until = self.now + self.minutes(termination.wait);
        self.edit_deployment(&deployment.id, |deployment| deployment.position = Position::Termination { until });
    }

    fn succeed(&mut self, deployment: &Deployment) {
        let done = match (&deployment.revision.spec.target, &deployment.rollback_of) {
            (Target::Lambda(_), _) => Ok(()),
            (Target::Ecs(_), Some(_)) => self.give_back(deployment),
            (Target::Ecs(_), None) => self.replace(deployment),
        };
        match done {
            Ok(()) => self.close(deployment, Status::Succeeded, None),
            Err((code, message)) => {
                let roll_back = deployment.rolls_back_after(RollbackEvent::Failure);
                self.end(deployment, End { status: Status::Failed, code, message, roll_back });
            }
        }
    }

    fn end(&mut self, deployment: &Deployment, end: End) {
        let has_done_something = match deployment.revision.spec.target {
            Target::Ecs(_) => deployment.sides.new.is_some(),
            Target::Lambda(_) => deployment.share > 0,
        };
        self.close(deployment, end.status, Some((end.code, end.message)));
        if end.roll_back && has_done_something && deployment.rollback_of.is_none() {
            self.roll_back(&deployment.id);
        }
    }

    fn close(&mut self, deployment: &Deployment, status: Status, error: Option<(&'static str, String)>) {
        let now = self.now;
        self.edit_deployment(&deployment.id, |deployment| {
            deployment.status = status;
            deployment.position = Position::Over;
            deployment.completed_at = Some(now);
            for event in &mut deployment.events {
                match event.status {
                    EventStatus::InProgress => {
                        event.status = EventStatus::Failed;
                        event.ended_at = Some(now);
                        event.diagnostics =
                            error.as_ref().map(|(code, message)| (diagnosed(code, message), message.clone()));
                    }
                    EventStatus::Pending => event.status = EventStatus::Skipped,
                    EventStatus::Succeeded | EventStatus::Failed | EventStatus::Skipped => {}
                }
            }
            deployment.error = error;
        });
    }
}

fn hook_failed(function: &str, how: &str) -> Failure {
    ("HOOK_EXECUTION_FAILURE", format!("The deployment failed because the lifecycle hook {function} {how}."))
}

/// The code of an event's diagnostics.
fn diagnosed(code: &str, message: &str) -> &'static str {
    match code {
        "HOOK_EXECUTION_FAILURE" if message.contains("did not answer") => "ScriptTimedOut",
        "HOOK_EXECUTION_FAILURE" => "ScriptFailed",
        _ => "UnknownError",
    }
}
