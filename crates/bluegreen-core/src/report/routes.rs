//! The routes before and after: what the baseline was, what they were left as, and whether that was read back.

use jiff::Timestamp;
use serde::Serialize;

use crate::journal::{Certainty, RunState};
use crate::model::{Action, RouteId, equivalent};
use crate::observe::RouteSnapshot;
use crate::text;
use crate::view::words;

/// One route.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RouteReport {
    /// Its short name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// Its priority as AWS writes it.
    pub priority: String,
    /// Whether it is the smoke test's route, without production traffic.
    pub test: bool,
    /// Its actions when the baseline was captured, in a line.
    pub before: String,
    /// The most that the run gave the canary here, in the same form.
    pub most: Option<String>,
    /// What it was left as, by us or, where that was found, by someone else.
    pub after: String,
    /// What that means.
    pub end: RouteEnd,
    /// When it was written last.
    pub written_at: Option<Timestamp>,
    /// When what it was left as was read back.
    pub read_back_at: Option<Timestamp>,
}

/// How a route was left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum RouteEnd {
    /// This run did not write it.
    Untouched,
    /// It means the same as before the run, action for action, and was read back.
    Restored,
    /// It is as the plan wanted it, and was read back.
    Changed,
    /// It was written, and nothing says that it was read back since.
    Unverified,
    /// Someone else changed it, and the run did not write it again.
    Foreign,
}

/// Every route that the run could write, production first.
pub(super) fn routes(state: &RunState) -> Vec<RouteReport> {
    let production = state.plan.baseline.routes.len();
    state.plan.all_routes().enumerate().map(|(index, route)| one(state, route, index >= production)).collect()
}

fn one(state: &RunState, route: &RouteSnapshot, test: bool) -> RouteReport {
    let groups = &state.plan.groups;
    let writes = state.route_changes(&route.id);
    let last = writes.last();
    let foreign = foreign(state, &route.id);
    let left = foreign.or(last.map(|write| &*write.value)).unwrap_or(&route.actions);
    // Restoring reads every route back; committing reads those with production traffic.
    let read_back = [state.traffic_restored_at, state.committed_at.filter(|_| !test)];
    let read_back = read_back.into_iter().flatten().max();
    let read_back_at = read_back.filter(|at| last.is_some_and(|write| write.at <= *at));
    let share = |actions: &[Action]| {
        let split = Action::forward_of(actions).and_then(|forward| forward.split().ok());
        split.map_or(0, |split| split.share_ppm(state.plan.canary_group()))
    };
    // What AWS puts back it writes in its own form.
    let managed = state.plan.managed().is_some();
    let same = equivalent(left, &route.actions) || (managed && share(left) == share(&route.actions));
    let end = match (foreign, last, read_back_at) {
        (Some(_), ..) => RouteEnd::Foreign,
        (None, None, _) => RouteEnd::Untouched,
        (None, Some(_), None) => RouteEnd::Unverified,
        (None, Some(write), Some(_)) if write.certainty == Certainty::Doubtful && !same => RouteEnd::Unverified,
        (None, Some(_), Some(_)) if same => RouteEnd::Restored,
        (None, Some(_), Some(_)) => RouteEnd::Changed,
    };
    let most = writes.iter().max_by_key(|write| share(&write.value)).filter(|write| share(&write.value) > 0);
    let shown = |actions: &[Action]| words::clean(&words::actions(actions, groups));
    RouteReport {
        name: words::clean(&words::route(&route.id)),
        arn: text::line(route.id.arn(), 400),
        priority: words::clean(&route.priority),
        test,
        before: shown(&route.actions),
        most: most.map(|write| shown(&write.value)),
        after: shown(left),
        end,
        written_at: last.map(|write| write.at),
        read_back_at: read_back_at.filter(|_| foreign.is_none()),
    }
}

/// What someone else made of the route, unless the run has written it since.
fn foreign<'a>(state: &'a RunState, route: &RouteId) -> Option<&'a [Action]> {
    let (_, found) = state.drift.iter().rev().find(|(drifted, _)| drifted == route)?;
    let restored = state.traffic_restored_at.is_some() || state.committed_at.is_some();
    (!restored).then_some(found.as_slice())
}
