//! Success, read back; and what becomes of the old fleet.

use crate::journal::{Fact, Mutation, Terminal};
use crate::model::AfterCommit;
use crate::ports::ServiceChange;

use super::canary::ServiceView;
use super::drift::RouteView;
use super::{Context, Decision, finish, fresh, later};

/// Success is what was read back: all traffic on the asked revision, healthy.
pub(super) fn commit(context: &Context<'_>) -> Decision {
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
pub(super) fn after(context: &Context<'_>) -> Decision {
    let settled = context.plan().after == AfterCommit::KeepWarm || context.state.old_fleet_settled;
    if let Some(what) = changed(context) {
        return what;
    }
    let primary = context.make_primary();
    let settled_all = settled && fresh::is_settled(context);
    if settled_all && primary.is_none() && context.all_as_written() && context.seen.services.ok().is_some() {
        return promoted(context);
    }
    if context.seen.interrupted {
        return Decision::Leave { why: "interrupted; the release itself is committed".to_owned() };
    }
    let timing = &context.plan().timing;
    let weightless_since = context.state.last_route_write_at().unwrap_or(context.now);
    let drained_at = later(later(weightless_since, timing.propagation), timing.drain);
    // A long bake outlives the drain: the old fleet's own time begins with the commit.
    let begun = drained_at.max(context.state.operator_since).max(context.state.committed_at.unwrap_or(drained_at));
    let deadline = later(begun, timing.phase_deadline);
    let failure = context.state.failure.as_ref();
    if context.now >= deadline || failure.is_some_and(|failure| !failure.error.class.is_transient()) {
        let why = failure.map_or("it could not be verified in time".to_owned(), |failure| failure.error.to_string());
        return finish(Terminal::Held, format!("promoted, but the old fleet was not settled: {why}"));
    }
    if let Some(wait) = context.backing_off() {
        return wait;
    }
    if let Some(decision) = primary {
        return decision;
    }
    if let Some(decision) = fresh::settle(context, drained_at) {
        return decision;
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
    if let Some(trouble) = context.canary_trouble() {
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
pub(super) fn changed(context: &Context<'_>) -> Option<Decision> {
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

pub(super) fn promoted(context: &Context<'_>) -> Decision {
    let revision = context.state.task_definition.as_ref().map_or("the new version", |arn| arn.short());
    finish(Terminal::Promoted, format!("{revision} has all traffic on every route, read back and healthy"))
}
