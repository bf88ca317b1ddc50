//! The way back: the captured baseline on every route first, then the own baselines of the canary fleet and the control
//! fleet.
//!
//! Needs no new capacity and no journal. Writes are absolute, so sending one twice is harmless.

use jiff::Timestamp;

use crate::journal::{Cause, Fact, Mutation, Purpose, Terminal, Write};
use crate::model::{Action, DriftPolicy, TargetGroupArn, Weight, equivalent};
use crate::observe::{RouteSnapshot, ServiceSnapshot};
use crate::ports::ServiceChange;

use super::canary::ServiceView;
use super::drift::RouteView;
use super::targets::evicted_actions;
use super::{Context, Decision, elapsed, finish, fresh, later};

/// So many foreign writes to one route during a rollback mean that somebody is at war with us.
const FOREIGN_WRITES_MAX: usize = 3;

/// The next thing to do on the way back.
///
/// Routes are looked at until the very end: a fleet that someone has given traffic again must not be scaled in.
pub(super) fn next(context: &Context<'_>, cause: &Cause, since: Timestamp) -> Decision {
    if let Some(decision) = restore_traffic(context, since) {
        return decision;
    }
    if context.state.traffic_restored_at.is_none() {
        return Decision::Note(Fact::TrafficRestored);
    }
    if !context.state.capacity_restored {
        return restore_capacity(context, since);
    }
    match cause {
        Cause::Abort(by) => {
            finish(Terminal::Aborted, format!("the baseline was restored and read back; aborted by {by}"))
        }
        _ => finish(Terminal::RolledBack, format!("the baseline was restored and read back; {cause}")),
    }
}

/// What is left to do for traffic; `None` once the baseline was read back everywhere.
fn restore_traffic(context: &Context<'_>, since: Timestamp) -> Option<Decision> {
    let pending = pending_traffic(context)?;
    if context.now < traffic_deadline(context, since) {
        return Some(pending);
    }
    let why = match (context.state.failure.as_ref(), pending) {
        (_, Decision::Finish(ending)) => return Some(Decision::Finish(ending)),
        (Some(failure), _) => failure.error.to_string(),
        (None, Decision::Wait { why, .. }) => format!("still waiting for {why}"),
        (None, _) => "no route was read back in time".to_owned(),
    };
    Some(finish(Terminal::RollbackFailed, format!("the baseline could not be restored and verified: {why}")))
}

/// Counted from the newest of: the turn, a new operator, and the last time when all was well, drain included.
fn traffic_deadline(context: &Context<'_>, since: Timestamp) -> Timestamp {
    let policy = &context.plan().rollback;
    let allowed = policy.deadline.saturating_add(policy.sticky_hold);
    let from = since.max(context.state.operator_since);
    match context.state.traffic_restored_at {
        None => later(from, allowed),
        Some(at) => later(drained_at(context, at).max(from), allowed),
    }
}

fn pending_traffic(context: &Context<'_>) -> Option<Decision> {
    if let Some(decision) = stable_is_empty(context) {
        return Some(decision);
    }
    let evicting = context.state.evicted_at.is_none();
    let routes = routes_in_turn(context);
    let sticky: Vec<&RouteSnapshot> = routes.iter().copied().filter(|route| needs_eviction(context, route)).collect();
    let (mut waiting, mut over) = (None, None);
    for route in &routes {
        let out = sticky.contains(route) && (evicting || context.now < sticky_end(context, route));
        let (target, purpose) = match evicted_actions(context.plan(), &route.actions).filter(|_| out) {
            Some(actions) => (actions, Purpose::Evict),
            None => (route.actions.clone(), Purpose::Restore),
        };
        match write_back(context, route, &target, purpose) {
            None => {}
            // One route that is slow, refused or somebody else's must not leave the others on the canary.
            Some(wait @ Decision::Wait { .. }) => waiting = waiting.or(Some(wait)),
            Some(end @ Decision::Finish(_)) => over = over.or(Some(end)),
            Some(next) => return Some(next),
        }
    }
    if let Some(decision) = waiting.or(over) {
        return Some(decision);
    }
    if evicting && !sticky.is_empty() {
        return Some(Decision::Note(Fact::Evicted));
    }
    if let Some(end) = sticky.iter().map(|route| sticky_end(context, route)).max().filter(|end| context.now < *end) {
        return Some(context.wait_until(end, "clients that are pinned to the canary to come back"));
    }
    // A read may be older than our last write and show the baseline of before the run: wait that out.
    let believable = context.state.last_route_write_at().map(|at| later(at, context.plan().timing.settle));
    let until = believable.filter(|at| context.seen.routes.seen_at < *at)?;
    Some(context.wait_until(until, "reads that are newer than the last write"))
}

/// All routes, the one whose write failed last at the end.
fn routes_in_turn<'a>(context: &Context<'a>) -> Vec<&'a RouteSnapshot> {
    let mut routes: Vec<&RouteSnapshot> = context.state.plan.all_routes().collect();
    let failed = context.state.failure.as_ref().and_then(|failure| match &failure.mutation {
        Mutation::SetActions { route, .. } => routes.iter().position(|planned| planned.id == *route),
        _ => None,
    });
    routes.rotate_left(failed.map_or(0, |index| index + 1));
    routes
}

/// When nothing can reach the canary any more: propagation and drain after the last write.
fn drained_at(context: &Context<'_>, restored_at: Timestamp) -> Timestamp {
    let timing = &context.plan().timing;
    let written_at = context.state.last_route_write_at().unwrap_or(restored_at);
    later(later(written_at, timing.propagation), timing.drain)
}

/// Whether pinned clients may be on the canary or the control fleet through this route: it is sticky, and they had weight
/// on it.
fn needs_eviction(context: &Context<'_>, route: &RouteSnapshot) -> bool {
    let carried =
        |actions: &[Action]| context.plan().added_groups().any(|group| share_of(actions, group) > Weight::ZERO);
    let wrote_share = context.state.route_writes(&route.id).iter().any(|write| carried(&write.value));
    wrote_share && evicted_actions(context.plan(), &route.actions).is_some()
}

fn share_of(actions: &[Action], group: &TargetGroupArn) -> Weight {
    let split = Action::forward_of(actions).and_then(|forward| forward.split().ok());
    split.map_or(Weight::ZERO, |split| split.weight(group))
}

/// When pinned clients have had their chance: the stickiness itself, or the plan's shorter allowance.
fn sticky_end(context: &Context<'_>, route: &RouteSnapshot) -> Timestamp {
    let seconds = Action::forward_of(&route.actions).and_then(crate::model::Forward::sticky_seconds).unwrap_or(0);
    let hold = std::time::Duration::from_secs(seconds.into()).min(context.plan().rollback.sticky_hold);
    context.state.evicted_at.map_or(Timestamp::MIN, |at| later(at, hold))
}

/// Brings one route to its target; `None` once that was read back.
fn write_back(context: &Context<'_>, route: &RouteSnapshot, target: &[Action], purpose: Purpose) -> Option<Decision> {
    let newest = context.state.expected_actions(&route.id).unwrap_or_default();
    let sent = equivalent(newest, target);
    let write = || match context.backing_off() {
        Some(wait) => wait,
        None => Decision::Act {
            mutation: Mutation::SetActions { route: route.id.clone(), actions: target.to_vec(), purpose },
            because: match purpose {
                Purpose::Evict => "pinned clients leave the canary with its group".to_owned(),
                _ => "the baseline comes back".to_owned(),
            },
        },
    };
    let Some(found) = context.routes().find(|found| found.id == route.id) else {
        // Blind, a rollback still knows what to write. What it cannot do is call that verified.
        return Some(match sent {
            true => context.wait("the routes to be readable again, to verify the rollback"),
            false => write(),
        });
    };
    match context.view(found) {
        RouteView::AsWritten if sent => None,
        RouteView::Settling { until } if sent => Some(context.wait_until(until, "the rollback to show")),
        RouteView::AsWritten | RouteView::NotApplied | RouteView::Settling { .. } => Some(write()),
        RouteView::Foreign => Some(foreign(context, found, target, &write)),
    }
}

/// A foreign value is written down first. It is overwritten only where it leaves traffic on the canary, or where
/// going back was asked for by a person or by policy.
fn foreign(context: &Context<'_>, found: &RouteSnapshot, target: &[Action], write: &dyn Fn() -> Decision) -> Decision {
    let noted = || context.state.drift.iter().filter(|(route, _)| *route == found.id);
    if equivalent(&found.actions, target) {
        // Somebody has put the baseline back: writing it again makes it ours, and changes nothing.
        return write();
    }
    if noted().next_back().is_none_or(|(_, actions)| *actions != found.actions) {
        return Decision::Note(context.drift_fact(found));
    }
    if noted().count() >= FOREIGN_WRITES_MAX {
        let why = format!("someone else keeps writing to {}", found.id);
        return finish(Terminal::RollbackFailed, why);
    }
    let asked = context.state.aborted_by.is_some() || context.plan().drift == DriftPolicy::Rollback;
    let harmless = share_of(&found.actions, context.plan().canary_group()) == Weight::ZERO;
    if harmless && !asked {
        return finish(Terminal::Held, format!("{} was taken off the canary by someone else", found.id));
    }
    write()
}

/// Going back to a fleet without a healthy target would be worse than staying: give it a chance, then hold.
fn stable_is_empty(context: &Context<'_>) -> Option<Decision> {
    let plan = context.plan();
    let stable = context.seen.health.get(plan.stable()).ok()?;
    let canary = context.seen.health.get(plan.canary()).ok()?;
    if stable.healthy > 0 || canary.healthy == 0 || !canary_has_traffic(context) {
        return None;
    }
    let color = plan.stable();
    let baseline = plan.stable_baseline();
    if let Some(found) =
        context.seen.services.ok().map(|services| services.get(color)).filter(|found| found.desired == 0)
    {
        let wanted = ServiceChange { color, task_definition: None, desired: Some(baseline.desired) };
        if matches!(context.view_service(found, &wanted), ServiceView::Differs) {
            let because = format!("{color} has no tasks to go back to");
            let act = Decision::Act { mutation: Mutation::UpdateService(wanted), because };
            return Some(context.backing_off().unwrap_or(act));
        }
    }
    Some(context.wait(format!("{color} to have a healthy target to go back to")))
}

fn canary_has_traffic(context: &Context<'_>) -> bool {
    let group = context.plan().canary_group();
    context.routes().any(|route| share_of(&route.actions, group) > Weight::ZERO)
}

/// A fleet on its way back to its own baseline.
struct Back<'a> {
    name: String,
    /// What it is told.
    wanted: ServiceChange,
    /// As what that is written down.
    mutation: fn(ServiceChange) -> Mutation,
    writes: &'a [Write<ServiceChange>],
    /// Its service as seen, with the time of the question.
    found: Option<(&'a ServiceSnapshot, Timestamp)>,
}

/// The fleets that this run has changed.
fn changed_fleets<'a>(context: &Context<'a>) -> Vec<Back<'a>> {
    let plan = &context.state.plan;
    let (color, baseline) = (plan.canary(), plan.canary_baseline());
    let services = &context.seen.services;
    let canary = Back {
        name: color.to_string(),
        wanted: ServiceChange {
            color,
            task_definition: Some(baseline.task_definition.clone()),
            desired: Some(baseline.desired),
        },
        mutation: Mutation::UpdateService,
        writes: context.state.service_writes(color),
        found: services.ok().map(|found| (found.get(color), services.seen_at)),
    };
    let control = fresh::baseline(context).map(|wanted| Back {
        name: fresh::NAME.to_owned(),
        wanted,
        mutation: Mutation::UpdateControl,
        writes: context.control_writes(),
        found: context.control_service(),
    });
    let canary = Some(canary).filter(|canary| !canary.writes.is_empty());
    canary.into_iter().chain(control).collect()
}

/// The canary fleet and the control fleet go back to their own baselines, once nothing can reach them any more.
fn restore_capacity(context: &Context<'_>, since: Timestamp) -> Decision {
    let plan = context.plan();
    let fleets = changed_fleets(context);
    let safe_at = drained_at(context, since);
    let started = safe_at.max(context.state.operator_since);
    for fleet in &fleets {
        let name = &fleet.name;
        if context.now < safe_at {
            return context.wait_until(safe_at, format!("connections to {name} to drain"));
        }
        let Some(pending) = settle_service(context, fleet) else { continue };
        if elapsed(started, context.now) < plan.rollback.deadline {
            return pending;
        }
        let why = context.state.failure.as_ref().map_or("no answer in time".into(), |f| f.error.to_string());
        let text =
            format!("all traffic is back on {}, but {name} was not scaled to its baseline: {why}", plan.stable());
        return finish(Terminal::RollbackFailed, text);
    }
    Decision::Note(Fact::CapacityRestored)
}

/// What is left to do until a fleet shows its baseline; `None` once it was seen to, by a read that can be believed.
fn settle_service(context: &Context<'_>, fleet: &Back<'_>) -> Option<Decision> {
    let Back { name, wanted, writes, .. } = fleet;
    if let Some(wait) = context.backing_off() {
        return Some(wait);
    }
    let Some((found, seen_at)) = fleet.found else { return Some(context.wait("the services to be readable")) };
    let newest = writes.last();
    let sent = newest.is_some_and(|write| write.value == *wanted);
    // Before our own write the service may look right only because the read is old.
    let believable = newest.is_some_and(|write| sent && elapsed(write.at, seen_at) >= context.plan().timing.settle);
    match context.view_written(found, writes, wanted) {
        ServiceView::AsWanted if believable => None,
        ServiceView::AsWanted | ServiceView::Settling if sent => {
            Some(context.wait(format!("{name} to show its baseline")))
        }
        _ => Some(Decision::Act {
            mutation: (fleet.mutation)(wanted.clone()),
            because: format!("{name} goes back to its own baseline"),
        }),
    }
}
