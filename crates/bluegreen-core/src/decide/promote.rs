//! The way forward: from the captured baseline to 100 % and commit, one thing at a time.

use crate::journal::{Cause, Fact, Mutation, Purpose, Terminal};
use crate::model::{
    Action, AfterCommit, DriftPolicy, OnInterrupt, Percent, RouteId, Step, TaskDefinitionArn, equivalent,
};
use crate::observe::RouteSnapshot;
use crate::plan::Release;
use crate::ports::{ErrorClass, ServiceChange};

use super::canary::ServiceView;
use super::drift::{RouteView, view_route};
use super::gate::{Gate, judge_alarms};
use super::targets::{canary_count, first_weight_step, step_actions};
use super::{Context, Decision, elapsed, finish, later};

/// The next thing to do on the way to promotion.
///
/// The order is the law: whoever wants to stop comes first, then what forbids going on, then the phases.
pub(super) fn next(context: &Context<'_>) -> Decision {
    if context.state.committed_at.is_some() {
        return after_commit(context);
    }
    let stages: [fn(&Context<'_>) -> Option<Decision>; 14] = [
        aborted,
        interrupted,
        hook_failed,
        refused_write,
        foreign_writes,
        alarms,
        unreadable_world,
        overdue,
        backing_off,
        attach,
        register,
        fill,
        smoke_test,
        steps,
    ];
    stages.iter().find_map(|stage| stage(context)).unwrap_or_else(|| commit(context))
}

fn go_back(cause: Cause) -> Option<Decision> {
    Some(Decision::Note(Fact::Restoring(cause)))
}

fn aborted(context: &Context<'_>) -> Option<Decision> {
    let by = context.state.aborted_by.clone()?;
    go_back(Cause::Abort(by))
}

fn interrupted(context: &Context<'_>) -> Option<Decision> {
    if !context.seen.interrupted {
        return None;
    }
    match context.plan().rollback.on_interrupt {
        OnInterrupt::Rollback if context.state.has_written() => go_back(Cause::Interrupt),
        _ => Some(Decision::Leave { why: "interrupted".to_owned() }),
    }
}

fn hook_failed(context: &Context<'_>) -> Option<Decision> {
    let output = context.state.hook_failed.clone()?;
    go_back(Cause::Hook(output))
}

/// A write that AWS refused for good is not tried again.
fn refused_write(context: &Context<'_>) -> Option<Decision> {
    let failure = context.state.failure.as_ref()?;
    match failure.error.class {
        ErrorClass::Credentials if context.state.operator_since <= failure.at => {
            Some(Decision::Leave { why: format!("the credentials are not accepted any more: {}", failure.error) })
        }
        class if class.is_transient() || class == ErrorClass::Credentials || failure.doubtful => None,
        _ => go_back(Cause::Refused(failure.error.clone())),
    }
}

/// Drift is noted first, with both sides, and acted upon by policy after that.
fn foreign_writes(context: &Context<'_>) -> Option<Decision> {
    let state = context.state;
    let found = match state.drift.last() {
        Some((route, _)) => Some(format!("{route} was changed by someone else")),
        None => context.service_drift(),
    };
    if let Some(what) = found {
        return Some(match context.plan().drift {
            _ if !state.has_written() => finish(Terminal::Refused, format!("{what} since the plan was made")),
            DriftPolicy::Hold => finish(Terminal::Held, what),
            DriftPolicy::Rollback => Decision::Note(Fact::Restoring(Cause::Drift(what))),
        });
    }
    let route = context.routes().find(|route| context.view(route) == RouteView::Foreign)?;
    Some(Decision::Note(context.drift_fact(route)))
}

/// Red goes back at once; no answer closes the gate, and goes back when it lasts too long.
fn alarms(context: &Context<'_>) -> Option<Decision> {
    let state = context.state;
    let gate = judge_alarms(state, &context.seen.alarms, &context.seen.histories, context.now);
    let started = state.green_at_start;
    match gate {
        Gate::Red { alarm, reason } if started => go_back(Cause::AlarmRed { alarm, reason }),
        Gate::Red { alarm, reason } => Some(finish(Terminal::Refused, format!("alarm {alarm} is red: {reason}"))),
        Gate::NoAnswer { why } if started => go_back(Cause::NoAnswer(why)),
        Gate::NoAnswer { why } => Some(finish(Terminal::Refused, why)),
        Gate::Closed { why, limit } => Some(closed(context, why, limit)),
        Gate::Open if context.state.gate.is_some() => Some(Decision::Note(Fact::GateOpened)),
        Gate::Open if !started => Some(Decision::Note(Fact::GreenAtStart)),
        Gate::Open => None,
    }
}

fn closed(context: &Context<'_>, why: String, limit: std::time::Duration) -> Decision {
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

/// Without a look at routes and services nothing forward is decided.
fn unreadable_world(context: &Context<'_>) -> Option<Decision> {
    let routes = context.seen.routes.value.as_ref().err();
    let error = routes.or(context.seen.services.value.as_ref().err())?;
    match error.class {
        ErrorClass::Credentials => {
            Some(Decision::Leave { why: format!("the credentials are not accepted any more: {error}") })
        }
        ErrorClass::NotFound => Some(match context.state.has_written() {
            true => finish(Terminal::Held, format!("something that the plan needs is gone: {error}")),
            false => finish(Terminal::Refused, format!("something that the plan needs does not exist: {error}")),
        }),
        _ => overdue(context).or_else(|| Some(context.wait(format!("cannot look: {error}")))),
    }
}

/// Every phase has a deadline, holds excepted: those end by the plan or by a person.
fn overdue(context: &Context<'_>) -> Option<Decision> {
    let state = context.state;
    let allowed = context.plan().timing.phase_deadline;
    let deadline = match context.plan().steps.get(state.step) {
        _ if !phases_done(context) => later(state.progress_at, allowed),
        Some(Step::AwaitPromote) => return None,
        Some(Step::Hold(hold) | Step::Bake(hold)) => later(later(state.step_since, *hold), allowed),
        _ => later(state.progress_at, allowed),
    };
    if state.paused_by.is_some() || context.now < deadline {
        return None;
    }
    let last = state.gate.as_ref().map(|gate| gate.why.clone());
    let failure = state.failure.as_ref().map(|failure| failure.error.to_string());
    let why = last.or(failure).or_else(|| canary_trouble(context)).unwrap_or_else(|| "no progress".to_owned());
    go_back(Cause::Deadline(format!("{why}, for {}", crate::model::duration::format(allowed))))
}

fn phases_done(context: &Context<'_>) -> bool {
    context.state.canary_healthy_since.is_some() && context.state.hooks_passed >= context.plan().pre_traffic.len()
}

fn canary_trouble(context: &Context<'_>) -> Option<String> {
    let revision = context.state.task_definition.as_ref()?;
    let stable = context.seen.services.ok()?.get(context.plan().stable()).desired;
    context.canary_health(revision, canary_count(context.plan(), context.state.step, stable)).err()
}

/// After a failure that may pass, the next try waits one poll interval.
fn backing_off(context: &Context<'_>) -> Option<Decision> {
    let failure = context.state.failure.as_ref()?;
    let until = later(failure.at, context.plan().timing.poll);
    (context.now < until).then(|| context.wait_until(until, format!("before trying again: {}", failure.error)))
}

/// Both groups at explicit weights on every route, all traffic on stable: only then is green's health known.
fn attach(context: &Context<'_>) -> Option<Decision> {
    if context.state.attached {
        return None;
    }
    let write = context.set_all(Purpose::Attach, |route| step_actions(context.plan(), &route.actions, Percent::ZERO));
    Some(write.unwrap_or(Decision::Note(Fact::Attached)))
}

fn register(context: &Context<'_>) -> Option<Decision> {
    if context.state.task_definition.is_some() {
        return None;
    }
    let Release::Register { family, .. } = &context.plan().release else { return None };
    let because = format!("{family} has no revision of this run");
    // AWS takes no token here. Without a registration in doubt there is nothing to look for.
    let Some(doubt) = context.state.registration() else {
        return Some(Decision::Act { mutation: Mutation::RegisterTaskDefinition, because });
    };
    let looked = context.seen.registered.as_ref().map(|reading| (&reading.value, reading.seen_at));
    let excused_until = later(doubt.at, context.plan().timing.settle);
    Some(match looked {
        Some((Ok(Some(arn)), _)) => Decision::Note(Fact::TaskDefinition(arn.clone())),
        Some((Ok(None), seen_at)) if seen_at >= excused_until => {
            Decision::Act { mutation: Mutation::RegisterTaskDefinition, because }
        }
        Some((Ok(None), _)) => context.wait_until(excused_until, "whether the revision was registered"),
        Some((Err(error), _)) => context.wait(format!("whether the revision was registered: {error}")),
        None => context.wait("whether the revision was registered"),
    })
}

/// The canary's revision and count, then its health for long enough to be believed.
fn fill(context: &Context<'_>) -> Option<Decision> {
    let revision = context.state.task_definition.as_ref()?;
    let step = context.state.step.max(first_weight_step(context.plan()));
    if let Some(decision) = scale(context, revision, step) {
        return Some(decision);
    }
    if context.state.canary_healthy_since.is_none() {
        return Some(become_healthy(context, revision, step));
    }
    None
}

fn wanted_count(context: &Context<'_>, step: usize) -> Option<u32> {
    let stable = context.seen.services.ok()?.get(context.plan().stable()).desired;
    // A stable fleet that is scaled in meanwhile makes the canary no smaller than the plan began with.
    let stable = stable.max(context.plan().stable_baseline().desired);
    Some(canary_count(context.plan(), step, stable))
}

/// Tells ECS what the canary needs, unless it asks for that already. Never scales in.
fn scale(context: &Context<'_>, revision: &TaskDefinitionArn, step: usize) -> Option<Decision> {
    let color = context.plan().canary();
    let found = context.seen.services.ok()?.get(color);
    let count = wanted_count(context, step)?;
    let desired = count.max(if found.task_definition == *revision { found.desired } else { 0 });
    let wanted = ServiceChange { color, task_definition: Some(revision.clone()), desired: Some(desired) };
    match context.view_service(found, &wanted) {
        ServiceView::AsWanted => None,
        ServiceView::Settling => {
            Some(context.wait(format!("{color} to show {} with {desired} tasks", revision.short())))
        }
        ServiceView::Differs => Some(Decision::Act {
            mutation: Mutation::UpdateService(wanted),
            because: format!("{color} needs {desired} tasks of {}", revision.short()),
        }),
    }
}

fn become_healthy(context: &Context<'_>, revision: &TaskDefinitionArn, step: usize) -> Decision {
    let count = wanted_count(context, step).unwrap_or(1);
    match context.canary_health(revision, count) {
        Ok(healthy) => Decision::Note(Fact::CanaryHealthy { healthy }),
        Err(trouble) => context.wait(format!("{} to become healthy: {trouble}", context.plan().canary())),
    }
}

fn smoke_test(context: &Context<'_>) -> Option<Decision> {
    if let Some(route) = context.plan().baseline.test_route.as_ref().filter(|_| !context.state.test_route_ready) {
        let target = step_actions(context.plan(), &route.actions, Percent::FULL);
        let write = context.set_one(&route.id, &target, Purpose::Test);
        return Some(write.unwrap_or(Decision::Note(Fact::TestRouteReady)));
    }
    let index = context.state.hooks_passed;
    let hook = context.plan().pre_traffic.get(index)?;
    Some(Decision::Act {
        mutation: Mutation::RunHook(index, hook.clone()),
        because: format!("hook {} of {} before the first weight", index + 1, context.plan().pre_traffic.len()),
    })
}

/// The step under way.
fn steps(context: &Context<'_>) -> Option<Decision> {
    let index = context.state.step;
    let step = context.plan().steps.get(index)?;
    let pass = |why: &str| Some(Decision::Note(Fact::StepPassed { step: index, why: why.to_owned() }));
    let promoted = context.state.promoted_by.as_ref().map(|by| format!("promoted by {by}"));
    let skipped = context.state.full_by.as_ref().map(|by| format!("promoted in full by {by}"));
    if let Some(by) = &context.state.paused_by {
        return Some(context.wait(format!("paused by {by}: `promote` goes on")));
    }
    match step {
        Step::SetWeight(share) => Some(set_weight(context, index, *share)),
        Step::SetCanaryScale(_) => Some(Decision::Note(Fact::StepVerified(index))),
        Step::AwaitPromote => match promoted.or(skipped) {
            Some(why) => pass(&why),
            None => Some(context.wait("`promote` to go on")),
        },
        Step::Hold(hold) => match promoted.or(skipped) {
            Some(why) => pass(&why),
            None => hold_until(context, index, *hold, "hold"),
        },
        Step::Bake(hold) => match promoted {
            Some(why) => pass(&why),
            None => hold_until(context, index, *hold, "bake"),
        },
    }
}

fn hold_until(context: &Context<'_>, step: usize, hold: std::time::Duration, what: &str) -> Option<Decision> {
    let end = later(context.state.step_since, hold);
    // Passing a hold is a forward move too: the routes have to be as the last step left them.
    if let Some(settling) = context.still_settling() {
        return Some(settling);
    }
    if context.now < end {
        return Some(context.wait_until(end, format!("{what} of {}", crate::model::duration::format(hold))));
    }
    Some(Decision::Note(Fact::StepPassed {
        step,
        why: format!("{what} of {} is over", crate::model::duration::format(hold)),
    }))
}

/// A weight goes up only when the canary can carry it and stable could take everything back.
fn set_weight(context: &Context<'_>, index: usize, share: Percent) -> Decision {
    if let Some(decision) = context.forward_gate(index) {
        return decision;
    }
    let write = context.set_all(Purpose::Step(share), |route| step_actions(context.plan(), &route.actions, share));
    write.unwrap_or(Decision::Note(Fact::StepVerified(index)))
}

impl Context<'_> {
    /// The production routes as found; none when they cannot be read.
    pub(super) fn routes(&self) -> impl Iterator<Item = &RouteSnapshot> {
        self.seen.routes.ok().into_iter().flatten()
    }

    pub(super) fn view(&self, route: &RouteSnapshot) -> RouteView {
        view_route(self.state, route, self.seen.routes.seen_at, self.plan().timing.settle)
    }

    pub(super) fn drift_fact(&self, route: &RouteSnapshot) -> Fact {
        Fact::Drift {
            route: route.id.clone(),
            expected: self.state.expected_actions(&route.id).unwrap_or_default().to_vec(),
            found: route.actions.clone(),
        }
    }

    /// The health of both fleets as a gate: can the canary carry the step, and could stable take everything back?
    fn forward_gate(&self, step: usize) -> Option<Decision> {
        let revision = self.state.task_definition.as_ref()?;
        let count = wanted_count(self, step).unwrap_or(1);
        let canary = self.canary_health(revision, count).err();
        if let Some(trouble) = canary {
            let healthy_before = self.state.canary_healthy_since.is_some();
            return Some(match healthy_before {
                true => Decision::Note(Fact::CanaryUnhealthy { seen: trouble }),
                false => self.wait(trouble),
            });
        }
        if let Some(trouble) = self.retreat_blocked() {
            return Some(self.wait(trouble));
        }
        let since = self.state.canary_healthy_since?;
        let until = later(since, self.plan().timing.stable_for);
        (self.now < until).then(|| self.wait_until(until, format!("{} to stay healthy", self.plan().canary())))
    }

    /// Brings every production route to its target; `None` once all were read back.
    pub(super) fn set_all(&self, purpose: Purpose, target: impl Fn(&RouteSnapshot) -> Vec<Action>) -> Option<Decision> {
        let routes = &self.plan().baseline.routes;
        routes.iter().find_map(|route| self.set_one(&route.id, &target(route), purpose))
    }

    /// Brings one route to `target`; `None` once that was read back.
    pub(super) fn set_one(&self, id: &RouteId, target: &[Action], purpose: Purpose) -> Option<Decision> {
        let found = self.routes().find(|route| route.id == *id)?;
        let newest = self.state.expected_actions(id).unwrap_or_default();
        let view = self.view(found);
        let write = || Decision::Act {
            mutation: Mutation::SetActions { route: id.clone(), actions: target.to_vec(), purpose },
            because: match purpose {
                Purpose::Attach => "both groups need explicit weights".to_owned(),
                Purpose::Test => "the smoke test needs the canary".to_owned(),
                Purpose::Step(share) => format!("the canary gets {share}"),
                Purpose::Evict => "pinned clients leave the canary".to_owned(),
                Purpose::Restore => "the baseline comes back".to_owned(),
            },
        };
        match view {
            RouteView::AsWritten if equivalent(newest, target) => None,
            RouteView::AsWritten | RouteView::NotApplied => Some(write()),
            RouteView::Settling { until } => Some(self.wait_until(until, format!("{id} to show the last write"))),
            RouteView::Foreign => Some(Decision::Note(self.drift_fact(found))),
        }
    }

    /// A wait, while any route may still show an older state of ours.
    fn still_settling(&self) -> Option<Decision> {
        self.routes().find_map(|route| match self.view(route) {
            RouteView::Settling { until } => {
                Some(self.wait_until(until, format!("{} to show the last write", route.id)))
            }
            RouteView::AsWritten | RouteView::NotApplied | RouteView::Foreign => None,
        })
    }

    /// Whether every production route was read back as last written.
    fn all_as_written(&self) -> bool {
        self.seen.routes.ok().is_some_and(|routes| routes.iter().all(|route| self.view(route) == RouteView::AsWritten))
    }
}

/// Success is what was read back: all traffic on the asked revision, healthy.
fn commit(context: &Context<'_>) -> Decision {
    let last = context.plan().steps.len().saturating_sub(1);
    if let Some(decision) = context.forward_gate(last) {
        return decision;
    }
    match context.all_as_written() {
        true => Decision::Note(Fact::Committed),
        false => context.wait("every route to be read back at 100 %"),
    }
}

/// The release has succeeded; what is left is the old fleet, and one more look at everything.
fn after_commit(context: &Context<'_>) -> Decision {
    let settled = context.plan().after == AfterCommit::KeepWarm || context.state.old_fleet_settled;
    if let Some(what) = changed_after_commit(context) {
        return what;
    }
    if settled && context.all_as_written() && context.seen.services.ok().is_some() {
        return promoted(context);
    }
    if context.seen.interrupted {
        return Decision::Leave { why: "interrupted; the release itself is committed".to_owned() };
    }
    let timing = &context.plan().timing;
    let weightless_since = context.state.last_route_write_at().unwrap_or(context.now);
    let drained_at = later(later(weightless_since, timing.propagation), timing.drain);
    let deadline = later(drained_at.max(context.state.operator_since), timing.phase_deadline);
    let failure = context.state.failure.as_ref();
    if context.now >= deadline || failure.is_some_and(|failure| !failure.error.class.is_transient()) {
        let why = failure.map_or("it could not be verified in time".to_owned(), |failure| failure.error.to_string());
        return finish(Terminal::Held, format!("promoted, but the old fleet was not settled: {why}"));
    }
    if let Some(wait) = backing_off(context) {
        return wait;
    }
    match context.plan().after {
        AfterCommit::ScaleTo(count) if !settled => scale_old_fleet(context, count, drained_at),
        _ => context.wait("routes and services to be readable"),
    }
}

fn scale_old_fleet(context: &Context<'_>, count: u32, drained_at: jiff::Timestamp) -> Decision {
    if context.now < drained_at {
        return context.wait_until(drained_at, "connections to the old fleet to drain");
    }
    let Some(services) = context.seen.services.ok().filter(|_| context.all_as_written()) else {
        return context.wait("routes and services to be readable");
    };
    let color = context.plan().stable();
    let found = services.get(color);
    let wanted = ServiceChange { color, task_definition: None, desired: Some(count) };
    if let Some(trouble) = canary_trouble(context) {
        return context.wait(format!("{} to be healthy before {color} goes: {trouble}", context.plan().canary()));
    }
    match context.view_service(found, &wanted) {
        ServiceView::AsWanted => Decision::Note(Fact::OldFleetSettled),
        // Someone keeps a smaller fleet already: scaling it out again is not ours to do.
        ServiceView::Differs if found.desired < count => Decision::Note(Fact::OldFleetSettled),
        ServiceView::Settling => context.wait(format!("{color} to show {count} tasks")),
        ServiceView::Differs => Decision::Act {
            mutation: Mutation::UpdateService(wanted),
            because: format!("{color} has had no traffic since the release was committed"),
        },
    }
}

/// Someone else's writes after the commit: the release stands, and a person should know.
fn changed_after_commit(context: &Context<'_>) -> Option<Decision> {
    let held = |what: String| Some(finish(Terminal::Held, format!("promoted, but {what}")));
    if let Some((route, _)) = context.state.drift.last() {
        return held(format!("{route} was changed by someone else afterwards"));
    }
    if let Some(what) = context.service_drift() {
        return held(what);
    }
    let route = context.routes().find(|route| context.view(route) == RouteView::Foreign)?;
    Some(Decision::Note(context.drift_fact(route)))
}

fn promoted(context: &Context<'_>) -> Decision {
    let revision = context.state.task_definition.as_ref().map_or("the new version", |arn| arn.short());
    finish(Terminal::Promoted, format!("{revision} has all traffic on every route, read back and healthy"))
}
