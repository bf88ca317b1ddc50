//! The way forward: from the captured baseline to 100 % and commit, one thing at a time.

use crate::journal::{Cause, Fact, Terminal};
use crate::model::{DriftPolicy, OnInterrupt, Step};
use crate::ports::ErrorClass;

use super::drift::RouteView;
use super::gate::{Gate, judge_alarms};
use super::prepare::{attach, fill, register, smoke_test};
use super::{Context, Decision, analysis, commit, elapsed, finish, fresh, later, steps};

/// The next thing to do on the way to promotion.
///
/// The order is the law: whoever wants to stop comes first, then what forbids going on, then the phases.
pub(super) fn next(context: &Context<'_>) -> Decision {
    if context.state.committed_at.is_some() {
        return commit::after(context);
    }
    let stages: [fn(&Context<'_>) -> Option<Decision>; 18] = [
        aborted,
        interrupted,
        hook_failed,
        refused_write,
        deployment_failed,
        canary_lost,
        fresh::unfit,
        foreign_writes,
        analysis::judged,
        alarms,
        unreadable_world,
        overdue,
        |context| context.backing_off(),
        attach,
        register,
        fill,
        smoke_test,
        steps::under_way,
    ];
    stages.iter().find_map(|stage| stage(context)).unwrap_or_else(|| commit::commit(context))
}

pub(super) fn go_back(cause: Cause) -> Option<Decision> {
    Some(Decision::Note(Fact::Restoring(cause)))
}

pub(super) fn aborted(context: &Context<'_>) -> Option<Decision> {
    let by = context.state.aborted_by.clone()?;
    go_back(Cause::Abort(by))
}

pub(super) fn interrupted(context: &Context<'_>) -> Option<Decision> {
    if !context.seen.interrupted {
        return None;
    }
    match context.plan().rollback.on_interrupt {
        OnInterrupt::Rollback if context.state.has_written() => go_back(Cause::Interrupt),
        _ if context.stands_still() => Some(Decision::Leave { why: "interrupted".to_owned() }),
        _ => Some(Decision::Leave {
            why: "interrupted; CodeDeploy goes on by itself, and no alarm stops it before `resume`".to_owned(),
        }),
    }
}

pub(super) fn hook_failed(context: &Context<'_>) -> Option<Decision> {
    let output = context.state.hook_failed.clone()?;
    go_back(Cause::Hook(output))
}

/// A write that AWS refused for good is not tried again.
pub(super) fn refused_write(context: &Context<'_>) -> Option<Decision> {
    let failure = context.state.failure.as_ref()?;
    match failure.error.class {
        ErrorClass::Credentials if context.state.operator_since <= failure.at => {
            Some(Decision::Leave { why: format!("the credentials are not accepted any more: {}", failure.error) })
        }
        class if class.is_transient() || class == ErrorClass::Credentials || failure.doubtful => None,
        _ => go_back(Cause::Refused(failure.error.clone())),
    }
}

/// Comes before drift: the circuit breaker puts the old revision back, which else would look like someone's deployment.
fn deployment_failed(context: &Context<'_>) -> Option<Decision> {
    let why = context.canary_deployment_failed()?;
    go_back(Cause::Deployment(why))
}

/// A canary that has traffic and not one healthy target fails all of it, whether an alarm says so or not.
///
/// Seen for longer than a read can be old, so that an answer from before its first health is not taken for its death.
pub(super) fn canary_lost(context: &Context<'_>) -> Option<Decision> {
    let health = context.seen.health.get(context.plan().canary()).ok()?;
    let state = context.state;
    if health.healthy > 0 || !context.canary_has_weight() {
        return None;
    }
    let what = "it has traffic and not one healthy target".to_owned();
    let Some(since) = state.canary_unhealthy_since else {
        return Some(Decision::Note(Fact::CanaryUnhealthy { seen: what }));
    };
    let until = later(since, context.plan().timing.settle);
    if context.now < until {
        return None;
    }
    go_back(Cause::Deployment(what))
}

/// Drift is noted first, with both sides, and acted upon by policy after that.
pub(super) fn foreign_writes(context: &Context<'_>) -> Option<Decision> {
    let state = context.state;
    let found = match state.drift.last() {
        Some((route, _)) => Some(format!("{route} was changed by someone else")),
        None => context.service_drift(),
    };
    if let Some(what) = found {
        return Some(match context.plan().drift {
            _ if !state.has_written() => finish(Terminal::Refused, format!("{what} since the plan was made")),
            DriftPolicy::Hold if context.stands_still() => finish(Terminal::Held, what),
            // What goes on by itself cannot be left as it is: nobody would watch it.
            DriftPolicy::Hold | DriftPolicy::Rollback => Decision::Note(Fact::Restoring(Cause::Drift(what))),
        });
    }
    let route = context.routes().find(|route| context.view(route) == RouteView::Foreign)?;
    Some(Decision::Note(context.drift_fact(route)))
}

/// Red goes back at once; no answer closes the gate, and goes back when it lasts too long.
pub(super) fn alarms(context: &Context<'_>) -> Option<Decision> {
    let state = context.state;
    let gate = judge_alarms(state, &context.seen.alarms, &context.seen.histories, context.now);
    let started = state.green_at_start;
    match gate {
        Gate::Red { alarm, reason } if started => go_back(Cause::AlarmRed { alarm, reason }),
        Gate::Red { alarm, reason } => Some(finish(Terminal::Refused, format!("alarm {alarm} is red: {reason}"))),
        Gate::NoAnswer { why } if started => go_back(Cause::NoAnswer(why)),
        Gate::NoAnswer { why } => Some(finish(Terminal::Refused, why)),
        Gate::Closed { why, limit } => Some(closed(context, why, limit)),
        Gate::Open if let Some(decision) = analysis::unread(context) => Some(decision),
        Gate::Open if context.state.gate.is_some() => Some(Decision::Note(Fact::GateOpened)),
        Gate::Open if !started => Some(Decision::Note(Fact::GreenAtStart)),
        Gate::Open => None,
    }
}

fn closed(context: &Context<'_>, why: String, limit: std::time::Duration) -> Decision {
    if analysis::closed_the_gate(context.state) {
        // That gate's time is not this one's.
        return Decision::Note(Fact::GateOpened);
    }
    let Some(gate) = context.state.gate.as_ref().filter(|gate| gate.why == why) else {
        return Decision::Note(Fact::GateClosed { why });
    };
    if elapsed(gate.since, context.now) < limit {
        return context.wait_until(later(gate.since, limit), why);
    }
    let why = format!("{why}, for longer than {}", crate::model::duration::format(limit));
    match context.state.green_at_start {
        true => Decision::Note(Fact::Restoring(Cause::NoAnswer(why))),
        false => finish(Terminal::Refused, why),
    }
}

/// Without a look at routes, services and deployments nothing forward is decided.
pub(super) fn unreadable_world(context: &Context<'_>) -> Option<Decision> {
    let routes = context.seen.routes.value.as_ref().err();
    let services = context.seen.services.value.as_ref().err();
    let deployments = context.seen.deployments.as_ref().and_then(|reading| reading.value.as_ref().err());
    let control = context.seen.control.as_ref().and_then(|control| control.service.value.as_ref().err());
    let error = routes.or(services).or(control).or(deployments)?;
    match error.class {
        ErrorClass::Credentials => {
            Some(Decision::Leave { why: format!("the credentials are not accepted any more: {error}") })
        }
        // An answer that is older than our own deployment does not know it yet.
        ErrorClass::NotFound if Some(error) != deployments || !context.state.managed.may_have_started() => {
            Some(match context.state.has_written() {
                true => finish(Terminal::Held, format!("something that the plan needs is gone: {error}")),
                false => finish(Terminal::Refused, format!("something that the plan needs does not exist: {error}")),
            })
        }
        _ => overdue(context).or_else(|| Some(context.wait(format!("cannot look: {error}")))),
    }
}

/// Every phase has a deadline, holds excepted: those end by the plan or by a person.
pub(super) fn overdue(context: &Context<'_>) -> Option<Decision> {
    let state = context.state;
    let allowed = context.plan().timing.phase_deadline;
    let deadline = match context.plan().steps.get(state.step) {
        _ if !phases_done(context) => later(state.progress_at, allowed),
        // Evidence takes the time that it takes, and so does a person.
        Some(Step::AwaitPromote | Step::Analysis(_)) => return None,
        Some(Step::Hold(hold) | Step::Bake(hold)) => {
            later(later(state.step_since, *hold).max(state.progress_at), allowed)
        }
        _ => later(state.progress_at, allowed),
    };
    if state.paused_by.is_some() || context.now < deadline {
        return None;
    }
    let last = state.gate.as_ref().map(|gate| gate.why.clone());
    let failure = state.failure.as_ref().map(|failure| failure.error.to_string());
    let control = || context.control_trouble(state.step);
    let trouble = || context.canary_trouble().or_else(control).or_else(|| context.retreat_blocked());
    let why = last.or(failure).or_else(trouble).unwrap_or_else(|| "no progress".to_owned());
    go_back(Cause::Deadline(format!("{why}, for {}", crate::model::duration::format(allowed))))
}

fn phases_done(context: &Context<'_>) -> bool {
    // Where AWS goes on by itself, it may have given the canary traffic before we have seen it healthy.
    let managed = context.plan().managed().is_some();
    if managed && context.state.step > super::targets::first_weight_step(context.plan()) {
        return true;
    }
    let state = context.state;
    let healthy = state.canary_healthy_since.is_some()
        && (state.control.healthy_since.is_some() || !context.plan().needs_control(state.step));
    healthy && state.hooks_passed >= context.plan().pre_traffic.len()
}
