//! What AWS does is written down as it is seen: which deployment is ours, its stages and events, and every weight.

use crate::decide::{Context, Decision, RouteView};
use crate::journal::{Fact, Goal};
use crate::model::{Action, DeploymentWait};
use crate::observe::{DeploymentStatus, LifecycleEvent, ManagedDeployment, RouteSnapshot};

use super::routes::{is_test_route, pair_share};
use super::{WaitKind, kind_of};

/// The next thing that AWS has done and the journal does not know, if there is one.
pub(super) fn follow(context: &Context<'_>) -> Option<Decision> {
    let fact = identify(context).or_else(|| deployments(context)).or_else(|| shifted(context))?;
    Some(Decision::Note(fact))
}

/// Ours is the one with the run's mark, or whose id AWS gave us: never the newest, never "the one that is there".
fn identify(context: &Context<'_>) -> Option<Fact> {
    let managed = &context.state.managed;
    let seen = context.deployments()?.ok()?;
    if managed.deployment.is_none() {
        let ours = seen.ours.as_ref().filter(|ours| ours.run.as_ref() == Some(&context.plan().run))?;
        if context.brings_another_revision(ours) {
            return None;
        }
        return Some(Fact::DeploymentFound { deployment: ours.id.clone(), creator: ours.creator.clone() });
    }
    let rollback = seen.rollback.as_ref().filter(|found| managed.rollback.as_ref() != Some(&found.id))?;
    Some(Fact::RollbackFound { deployment: rollback.id.clone() })
}

fn deployments(context: &Context<'_>) -> Option<Fact> {
    let ours = context.ours();
    let rollback = context.deployments()?.ok()?.rollback.as_ref();
    let each = ours.into_iter().chain(rollback);
    let live = |deployment: &&ManagedDeployment| !context.state.managed.ended.contains_key(&deployment.id);
    each.filter(live)
        .find_map(|deployment| lifecycle(context, deployment).or_else(|| standing(context, deployment)))
        .or_else(|| ours.and_then(|ours| waits(context, ours)))
}

/// Events and stages. An answer that is older than one before it takes nothing back.
fn lifecycle(context: &Context<'_>, deployment: &ManagedDeployment) -> Option<Fact> {
    let known = context.state.managed.events.get(&deployment.id);
    let news = |(place, event): &(usize, &LifecycleEvent)| match known.and_then(|events| events.get(place)) {
        Some(before) if before.name == event.name => rank(event) > rank(before),
        // AWS has put another event in this place: the stage that is under way, where that comes first.
        Some(_) => rank(event) > 0 && is_new(context, deployment, &event.name),
        None => rank(event) > 0,
    };
    if let Some((place, event)) = deployment.events.iter().enumerate().find(news) {
        return Some(Fact::Lifecycle { deployment: deployment.id.clone(), place, event: event.clone() });
    }
    let stage = deployment.stage.as_ref()?;
    let told = deployment.events.iter().any(|event| event.name == *stage)
        || context.state.managed.stages.get(&deployment.id) == Some(stage);
    (!told && is_new(context, deployment, stage))
        .then(|| Fact::Stage { deployment: deployment.id.clone(), stage: stage.clone() })
}

/// Whether a name that comes again does so because AWS is there again, and not because the answer is old.
fn is_new(context: &Context<'_>, deployment: &ManagedDeployment, name: &str) -> bool {
    let Some((last, names)) = context.state.managed.noted.get(&deployment.id) else { return true };
    let young = context.deployments().is_none_or(|seen| context.too_young(seen, *last));
    !names.contains(name) || !young
}

/// How far an event has come; words that this version does not know are taken for under way.
fn rank(event: &LifecycleEvent) -> u8 {
    match event.status.to_ascii_uppercase().as_str() {
        "PENDING" => 0,
        "SUCCEEDED" | "SUCCESSFUL" | "FAILED" | "SKIPPED" | "TIMED_OUT" | "TIMEDOUT" => 2,
        _ => 1,
    }
}

/// Whether it has ended, or is on its way back.
fn standing(context: &Context<'_>, deployment: &ManagedDeployment) -> Option<Fact> {
    let (id, why) = (deployment.id.clone(), deployment.why.clone());
    if deployment.status.has_ended() {
        return Some(Fact::DeploymentEnded { deployment: id, status: deployment.status.clone(), why });
    }
    let back = matches!(deployment.status, DeploymentStatus::Stopping | DeploymentStatus::RollingBack);
    let news = back && !context.state.managed.turned_back.contains_key(&id);
    news.then_some(Fact::TurnedBack { deployment: id, why })
}

/// Where ours waits; and whether somebody else let it go on.
fn waits(context: &Context<'_>, ours: &ManagedDeployment) -> Option<Fact> {
    let managed = &context.state.managed;
    let continued = |wait: &DeploymentWait| managed.continues.iter().any(|write| write.value.wait == *wait);
    let known = managed.waited.as_ref();
    if managed.ended.contains_key(&ours.id) || managed.turned_back.contains_key(&ours.id) {
        return None;
    }
    if let Some(wait) = &ours.waits_for {
        let news = known.is_none_or(|known| known.wait != *wait) && !continued(wait);
        return news.then(|| Fact::Waits { deployment: ours.id.clone(), wait: wait.clone() });
    }
    let known = known.filter(|known| !known.elsewhere && !continued(&known.wait))?;
    let young = context.too_young(context.deployments()?, known.since);
    // The termination wait ends by itself, and somebody else's pause is somebody else's.
    let by_us_alone = kind_of(&known.wait) == WaitKind::Forward;
    let gone = by_us_alone && !young && context.state.goal == Goal::Promote;
    gone.then(|| Fact::ContinuedElsewhere { wait: known.wait.clone() })
}

/// A route that AWS has moved. An old answer shows less than the one before it, for as long as reads can be old.
fn shifted(context: &Context<'_>) -> Option<Fact> {
    if !context.state.managed.may_have_started() {
        return None;
    }
    let moved = context.seen.routes.ok()?.iter().find(|route| has_moved(context, route))?;
    Some(Fact::Shifted { route: moved.id.clone(), found: moved.actions.clone() })
}

fn has_moved(context: &Context<'_>, route: &RouteSnapshot) -> bool {
    let share_in = |actions: &[Action]| {
        let split = Action::forward_of(actions).and_then(|forward| forward.split().ok());
        split.map_or(0, |split| split.share_ppm(context.plan().canary_group()))
    };
    // What has been put back by us is not AWS's any more.
    if !context.state.route_writes(&route.id).is_empty() {
        return false;
    }
    let Some(share) = pair_share(context.plan(), route) else { return false };
    if context.view(route) == RouteView::Foreign && !is_test_route(context.plan(), route) {
        return false;
    }
    let known = share_in(context.state.expected_actions(&route.id).unwrap_or_default());
    let noted_at = context.state.route_changes(&route.id).last().map(|known| known.at);
    let old = noted_at.is_some_and(|at| context.too_young(&context.seen.routes, at));
    share > known || (share < known && !old)
}
