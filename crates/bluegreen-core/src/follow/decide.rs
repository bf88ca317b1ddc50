//! From what was done and seen to the one thing to do next.

use std::time::Duration;

use jiff::Timestamp;

use super::gate::{Gate, judge};
use super::{End, Ended, Followed, Look, Order, Started, Step, Until};
use crate::model::DeploymentWait;
use crate::observe::{DeploymentStatus, ManagedDeployment};

/// How long an order that has no visible effect yet is left alone before it is sent again.
const REPEAT: Duration = Duration::from_secs(30);

/// The share that is all of the traffic, in parts of a million.
const ALL: u32 = 1_000_000;

/// The next step. `state` has taken `look` into account ([`Followed::saw`]).
pub fn decide(order: &Order, state: &Followed, look: &Look) -> Step {
    let gate = judge(order, state.watched_since(), look);
    match state.last.as_ref().and_then(|seen| seen.ours.as_ref()) {
        Some(ours) => after(order, state, look, ours, &gate),
        None => before(order, state, look, gate),
    }
}

fn end(outcome: Ended, why: impl Into<String>) -> Step {
    Step::End(End { outcome, why: why.into() })
}

fn wait(why: impl Into<String>) -> Step {
    Step::Wait { why: why.into() }
}

fn longer(since: Option<Timestamp>, now: Timestamp, limit: Duration) -> bool {
    since.is_some_and(|since| now.duration_since(since).unsigned_abs() >= limit && now >= since)
}

/// While our deployment is not seen.
fn before(order: &Order, state: &Followed, look: &Look, gate: Gate) -> Step {
    let others = state.last.as_ref().map(|seen| seen.others.as_slice()).unwrap_or_default();
    match &state.started {
        Started::NotSent => {}
        Started::Refused(error) => {
            let under_way = others.first().map(|other| format!("; {}", named(other))).unwrap_or_default();
            return end(Ended::Refused, format!("{error}{under_way}"));
        }
        Started::Sent | Started::Unknown(_) => return sent(order, state, look),
    }
    if let Err(error) = &look.deployments {
        return match longer(state.unread_since, look.at, order.patience) || !error.class.is_transient() {
            true => end(Ended::Refused, format!("the deployments of the group cannot be read: {error}")),
            false => wait(format!("the deployments of the group: {error}")),
        };
    }
    if let Some(other) = others.first() {
        return end(Ended::Refused, format!("the group takes one deployment at a time, and {}", named(other)));
    }
    match gate {
        Gate::NoAnswer { why, transient } if transient && !longer(state.silent_since, look.at, order.patience) => {
            wait(why)
        }
        Gate::Red { why } | Gate::NoAnswer { why, .. } => end(Ended::Refused, why),
        Gate::Clear => Step::Start,
    }
}

/// A deployment of somebody else.
fn named(other: &ManagedDeployment) -> String {
    let by = if other.creator.is_empty() { String::new() } else { format!(", made by {},", other.creator) };
    let run = other.run.as_ref().map(|run| format!(" of run {run}")).unwrap_or_default();
    format!("{}{run}{by} is under way", other.id)
}

/// After the start was sent, while its deployment is not seen.
fn sent(order: &Order, state: &Followed, look: &Look) -> Step {
    if !longer(state.sent_at, look.at, order.patience) {
        return wait("the deployment to be seen");
    }
    let what = match (&state.known, &state.started) {
        (Some(id), _) => format!("{id} was created and is not to be seen"),
        (None, Started::Unknown(error)) => format!("whether the deployment was created is not known ({error})"),
        (None, _) => "the deployment was created and is not to be seen".to_owned(),
    };
    end(Ended::Held, what)
}

fn after(order: &Order, state: &Followed, look: &Look, ours: &ManagedDeployment, gate: &Gate) -> Step {
    if ours.status.has_ended() {
        return over(order, state, look, ours, gate);
    }
    if let Some((why, asked_at)) = &state.stop {
        let again = ours.status != DeploymentStatus::Stopping && longer(Some(*asked_at), look.at, REPEAT);
        return if again { Step::Stop { why: why.clone() } } else { wait(format!("{} to stop", ours.id)) };
    }
    match gate {
        Gate::Red { why } => return Step::Stop { why: why.clone() },
        Gate::NoAnswer { why, .. } if longer(state.silent_since, look.at, order.patience) => {
            return Step::Stop { why: why.clone() };
        }
        Gate::NoAnswer { .. } | Gate::Clear => {}
    }
    if let Err(error) = &look.deployments {
        return match longer(state.unread_since, look.at, order.patience) {
            true => end(Ended::Held, format!("{} cannot be read any more and may be under way: {error}", ours.id)),
            false => wait(format!("{}: {error}", ours.id)),
        };
    }
    let clear = *gate == Gate::Clear;
    if let Some(reached) = reached(ours).filter(|reached| *reached >= order.until && clear) {
        return end(Ended::Reached(order.until), format!("{}: {reached}", ours.id));
    }
    waiting(order, state, look, ours, clear)
}

/// The farthest point that a deployment under way has reached.
fn reached(ours: &ManagedDeployment) -> Option<Until> {
    let shifted = ours.waits_for == Some(DeploymentWait::Termination) || ours.share_ppm == Some(ALL);
    let ready = ours.waits_for == Some(DeploymentWait::Ready) || ours.share_ppm.is_some_and(|share| share > 0);
    Some(match (shifted, ready) {
        (true, _) => Until::Shifted,
        (_, true) => Until::Ready,
        _ => Until::Created,
    })
}

/// Where the deployment waits to be told to go on, and where it goes on by itself.
fn waiting(order: &Order, state: &Followed, look: &Look, ours: &ManagedDeployment, clear: bool) -> Step {
    let (point, wanted) = match &ours.waits_for {
        Some(point @ DeploymentWait::Ready) => (point, order.go_on_ready),
        Some(point @ DeploymentWait::Termination) => (point, order.go_on_termination),
        Some(point @ DeploymentWait::Pause { .. }) => (point, false),
        None => return wait(ours.stage.clone().unwrap_or_else(|| ours.id.to_string())),
    };
    let told = state.went_on.as_ref().is_some_and(|(at, when)| at == point && !longer(Some(*when), look.at, REPEAT));
    if wanted && clear && !told {
        return Step::GoOn(point.clone());
    }
    let limit = ours.wait_ends.map(|at| format!(", until {}", at.strftime("%H:%M:%SZ"))).unwrap_or_default();
    wait(format!("{point}{limit}"))
}

/// After our deployment has ended.
fn over(order: &Order, state: &Followed, look: &Look, ours: &ManagedDeployment, gate: &Gate) -> Step {
    let id = &ours.id;
    let why = ours.why.as_deref().map(|why| format!(": {why}")).unwrap_or_default();
    let reason = state.stop.as_ref().map(|(why, _)| format!("{why}; ")).unwrap_or_default();
    match (&ours.status, &state.stop, gate) {
        (DeploymentStatus::Succeeded, Some((why, _)), _) => {
            return end(Ended::Held, format!("{why}, and {id} succeeded before it could be stopped"));
        }
        (DeploymentStatus::Succeeded, None, Gate::Red { why }) => {
            return end(Ended::Held, format!("{why}, and {id} has succeeded: the new version has all traffic"));
        }
        (DeploymentStatus::Succeeded, None, _) => {
            return end(Ended::Reached(Until::Succeeded), format!("{id} succeeded"));
        }
        (DeploymentStatus::RolledBack, ..) => return end(Ended::RolledBack, format!("{reason}{id} went back{why}")),
        _ => {}
    }
    took_back(order, state, look, ours)
}

/// After our deployment has failed or was stopped: what takes it back.
fn took_back(order: &Order, state: &Followed, look: &Look, ours: &ManagedDeployment) -> Step {
    let id = &ours.id;
    let why = ours.why.as_deref().map(|why| format!(": {why}")).unwrap_or_default();
    let reason = state.stop.as_ref().map(|(why, _)| format!("{why}; ")).unwrap_or_default();
    let rollback = state.last.as_ref().and_then(|seen| seen.rollback.as_ref());
    let Some(rollback) = rollback else {
        if ours.id.goes_back_itself() {
            // It had its own way back, and that is over too.
            return end(Ended::RollbackFailed, format!("{reason}{id} {}, and has not gone back{why}", ours.status));
        }
        if !longer(state.alone_since, look.at, order.patience) {
            return wait(format!("the deployment that takes {id} back"));
        }
        // A failure before anything was made has nothing to take back.
        return match ours.share_ppm {
            Some(0) => end(Ended::RolledBack, format!("{reason}{id} ended before it had any traffic{why}")),
            _ => end(Ended::RollbackFailed, format!("{reason}{id} ended, and no deployment takes it back{why}")),
        };
    };
    match &rollback.status {
        DeploymentStatus::Succeeded | DeploymentStatus::RolledBack => {
            end(Ended::RolledBack, format!("{reason}{} took {id} back{why}", rollback.id))
        }
        status if status.has_ended() => {
            let failure = rollback.why.as_deref().map(|why| format!(": {why}")).unwrap_or_default();
            end(Ended::RollbackFailed, format!("{reason}{} was to take {id} back and failed{failure}", rollback.id))
        }
        _ if longer(state.unread_since, look.at, order.patience) => {
            end(Ended::RollbackFailed, format!("{reason}{} takes {id} back and cannot be read any more", rollback.id))
        }
        _ => wait(format!("{}, which takes {id} back", rollback.id)),
    }
}
