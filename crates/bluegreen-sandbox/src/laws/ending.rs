//! S12: what is reported is so.

use bluegreen_core::journal::{Record, Terminal};
use bluegreen_core::model::TaskDefinitionArn;
use bluegreen_core::plan::Plan;

use super::sets::{another_leads, fleet_of, set_of_run};
use super::{asked_revision, baseline_of, control, managed, normal, percent};
use crate::trace::{Call, Detail, ReleaseWrite, WORLD};
use crate::world::{Ms, State, World, Writer, millis};

/// Judges a report at the instant at which it is written.
///
/// `trace` is that of a single run, or `None` where other runs wrote too.
pub(crate) fn at_report(
    world: &World,
    trace: Option<&[Call]>,
    plan: &Plan,
    journal: &[Record],
    terminal: Terminal,
) -> Vec<(&'static str, String)> {
    let by_operator = |call: &Call| call.operator != WORLD && !call.operation.starts_with("journal:");
    let aws_moves = plan.managed().is_some();
    // Where AWS moves traffic nothing is changed before a deployment is started.
    let counts = |call: &Call| !aws_moves || matches!(call.detail, Detail::Release(ReleaseWrite::Start(_)));
    let written = |trace: &[Call]| trace.iter().any(|call| call.applied && by_operator(call) && counts(call));
    let found = match terminal {
        Terminal::Promoted => promoted(world, plan, journal),
        Terminal::RolledBack | Terminal::Aborted if aws_moves => managed::restored(world, plan),
        Terminal::RolledBack | Terminal::Aborted => restored(world, plan),
        Terminal::Refused if trace.is_some_and(written) => {
            vec!["refused, although something had been written".to_owned()]
        }
        Terminal::Refused | Terminal::Held | Terminal::RollbackFailed => Vec::new(),
    };
    found.into_iter().map(|what| ("S12", what)).collect()
}

/// Promoted: the canary has everything on every route, is healthy, and is what was asked for.
pub(super) fn promoted(world: &World, plan: &Plan, journal: &[Record]) -> Vec<String> {
    let mut found = if plan.managed().is_some() { managed::promoted(world, plan) } else { Vec::new() };
    for id in plan.route_ids().filter(|id| !lately_foreign(world, plan, id)) {
        let share = world.intended_share(id, plan.canary_group());
        if share != 1_000_000 {
            found.push(format!("reported Promoted while {id} is at {}", percent(share)));
        }
    }
    let healthy = |ago: Ms| {
        let (state, at) = world.state_before(ago);
        world.health_in(state, plan.canary_group(), at).is_some_and(|health| health.healthy > 0)
    };
    if !(0..=slack(world, plan)).step_by(500).any(healthy) {
        found.push("reported Promoted without a healthy target".to_owned());
    }
    let asked = asked_revision(plan, journal);
    let running = |state: &State| match plan.managed() {
        Some(_) => managed::revision(world, plan, state),
        None => fleet_of(plan, state, plan.canary()).and_then(|fleet| fleet.revision),
    };
    let other = |state: &State| {
        let running = running(state);
        running.is_none() || running.as_ref() != asked
    };
    if world.has_been(slack(world, plan), other) {
        let running = running(world.state());
        let running = running.as_ref().map(TaskDefinitionArn::short);
        found.push(format!("reported Promoted while the canary fleet runs {running:?}"));
    }
    found.extend(control::left(world, plan, slack(world, plan)).map(|what| format!("reported Promoted {what}")));
    if world.has_been(slack(world, plan), |state| another_leads(plan, state)) {
        found.push("reported Promoted while another task set is primary".to_owned());
    }
    found
}

/// Rolled back: every route is as it was, word for word, and the canary fleet has its old count.
pub(super) fn restored(world: &World, plan: &Plan) -> Vec<String> {
    let mut found = Vec::new();
    for route in plan.all_routes().filter(|route| !lately_foreign(world, plan, &route.id)) {
        let now = world.state().routes.get(&route.id).map(|record| normal(&record.actions));
        if now.as_ref() != Some(&normal(&route.actions)) {
            found.push(format!("reported as restored while {} differs from the baseline", route.id));
        }
    }
    found.extend(control::left(world, plan, slack(world, plan)).map(|what| format!("reported as restored {what}")));
    let canary = plan.canary_baseline();
    // What an earlier release left is not made again, and stays where the run turned back before it was deleted.
    let fleet = match plan.task_sets() {
        Some(_) => set_of_run(plan, world.state()),
        None => fleet_of(plan, world.state(), plan.canary()),
    };
    if let Some(fleet) = fleet.filter(|fleet| fleet.desired != canary.desired) {
        found.push(format!("reported as restored with {} tasks in {}", fleet.desired, canary.name));
    }
    found
}

/// Judges the end of a run when the data plane has come to rest.
pub(crate) fn at_rest(world: &World, plan: &Plan, terminal: Terminal) -> Vec<String> {
    let mut found = Vec::new();
    for id in plan.route_ids() {
        let Some(route) = world.state().routes.get(id).filter(|route| route.writer != Writer::ThirdParty) else {
            continue;
        };
        let routed = route.routed_at(world.now_ms());
        let share = world.routed_share(id, plan.canary_group());
        match terminal {
            Terminal::Promoted if share != 1_000_000 => {
                found.push(format!("after Promoted the data plane gives {id} {}", percent(share)));
            }
            Terminal::RolledBack | Terminal::Aborted if plan.managed().is_some() && share > 0 => {
                found.push(format!("after {terminal} the data plane gives {id} {}", percent(share)));
            }
            // AWS may write the baseline in another form: there, the share is what counts.
            Terminal::RolledBack | Terminal::Aborted if plan.managed().is_some() => {}
            Terminal::RolledBack | Terminal::Aborted if baseline_of(plan, id).map(normal) != Some(normal(routed)) => {
                found.push(format!("after {terminal} the data plane of {id} differs from the baseline"));
            }
            _ => {}
        }
    }
    found
}

/// How long something must have been true before an operator can be blamed for not knowing.
fn slack(world: &World, plan: &Plan) -> Ms {
    world.config.lags.longest() + millis(plan.timing.poll) + millis(plan.timing.freshness)
}

/// Whether somebody else wrote a route so lately that a read may not have shown it.
fn lately_foreign(world: &World, plan: &Plan, id: &bluegreen_core::model::RouteId) -> bool {
    match world.state().routes.get(id) {
        Some(route) => {
            route.writer == Writer::ThirdParty && world.now_ms().saturating_sub(route.written_at) <= slack(world, plan)
        }
        None => world.state_before(slack(world, plan)).0.routes.contains_key(id),
    }
}
