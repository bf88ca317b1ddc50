//! The laws of releases that AWS carries out. Their names are those of the same promises of direct releases; what is
//! judged are the orders that AWS is given, since AWS writes the weights.

use bluegreen_core::decide::as_declared;
use bluegreen_core::journal::{Body, Fact, Mutation};
use bluegreen_core::model::{DeploymentWait, RunId, Step, TaskDefinitionArn};
use bluegreen_core::plan::{Engine, Plan};

use super::{Case, Judgement, Law, gates, judged, percent};
use crate::scenario::declared;
use crate::trace::{Call, Detail, ReleaseWrite};
use crate::world::{State, World, millis};

/// The laws of single orders by name.
pub(super) const LAWS: [(&str, Law); 10] = [
    ("S2", alarms_read_green),
    ("S3", targets_seen_healthy),
    ("S4", written_ahead),
    ("S5", the_old_version_stays),
    ("S6", no_way_forward_from_back),
    ("S8", gates::single_writer),
    ("S13", step_by_step),
    ("S16", one_deployment_for_one_run),
    ("S17", judged::counts_speak_for_it),
    ("S18", judged::passed_by_evidence),
];

impl<'a> Case<'a> {
    fn order(&self) -> Option<&'a ReleaseWrite> {
        match &self.call.detail {
            Detail::Release(write) => Some(write),
            _ => None,
        }
    }

    /// The wait that is ended, where that gives the canary more traffic.
    pub(super) fn gives_traffic(&self) -> Option<&'a DeploymentWait> {
        match self.order()? {
            ReleaseWrite::GoOn(_, wait) if !is_last(wait) => Some(wait),
            _ => None,
        }
    }

    fn goes_forward(&self) -> bool {
        self.gives_traffic().is_some() || matches!(self.order(), Some(ReleaseWrite::Start(_)))
    }
}

/// Whether all traffic has moved when a deployment waits there.
fn is_last(wait: &DeploymentWait) -> bool {
    match wait {
        DeploymentWait::Ready => false,
        DeploymentWait::Termination => true,
        DeploymentWait::Pause { stage, .. } => stage.starts_with("POST_PRODUCTION"),
    }
}

/// S2: an order that leads to more traffic needs every alarm read as acceptable lately.
fn alarms_read_green(case: &Case<'_>) -> Judgement {
    if !case.goes_forward() {
        return Ok(());
    }
    for alarm in &case.plan.alarms {
        gates::alarm_green(case, alarm)
            .map_err(|why| format!("{} while alarm {} {why}", case.call.operation, alarm.name))?;
    }
    Ok(())
}

/// S3: traffic needs the whole new version seen healthy lately.
fn targets_seen_healthy(case: &Case<'_>) -> Judgement {
    if case.gives_traffic().is_none() {
        return Ok(());
    }
    let canary = case.plan.canary_group();
    let seen = case.told_lately(|call| match &call.detail {
        Detail::Health(group, health) if group == canary => Some(*health),
        _ => None,
    });
    let need = case.plan.stable_baseline().desired;
    match seen {
        Some(health) if health.healthy >= need => Ok(()),
        Some(health) => Err(format!("traffic with {} healthy targets seen, {need} needed", health.healthy)),
        None => Err("traffic without a recent look at the new version's health".to_owned()),
    }
}

/// S4: what is ordered stands in the journal before, as an intent without an outcome.
fn written_ahead(case: &Case<'_>) -> Judgement {
    let Some(order) = case.order() else { return Ok(()) };
    let matches = |mutation: &Mutation| match (mutation, order) {
        (Mutation::CreateConfig, ReleaseWrite::Config(_)) | (Mutation::RestoreSettings, ReleaseWrite::Settings(_)) => {
            true
        }
        (Mutation::StartDeployment, ReleaseWrite::Start(run)) => run.as_ref() == Some(&case.plan.run),
        (Mutation::Continue { deployment, wait }, ReleaseWrite::GoOn(id, asked)) => deployment == id && wait == asked,
        (Mutation::StopDeployment { deployment }, ReleaseWrite::Stop(id)) => deployment == id,
        _ => false,
    };
    let closed = |seq: u64| {
        case.journal.iter().any(|record| matches!(&record.body, Body::Outcome { intent, .. } if *intent == seq))
    };
    let intended = case.journal.iter().any(|record| match &record.body {
        Body::Intent { mutation, .. } => matches(mutation) && !closed(record.seq),
        _ => false,
    });
    if intended || (case.journal_failed && !case.goes_forward()) {
        return Ok(());
    }
    Err(format!("{} {} without an open intent of that", case.call.operation, case.call.argument))
}

/// S5: until the commit nobody ends the old version.
fn the_old_version_stays(case: &Case<'_>) -> Judgement {
    let ends = matches!(case.order(), Some(ReleaseWrite::GoOn(_, wait)) if is_last(wait));
    match ends && !case.has_fact(|fact| matches!(fact, Fact::Committed)) {
        true => Err("the old version was given up before the commit".to_owned()),
        false => Ok(()),
    }
}

/// S6: once a run goes back, or has ended, nothing leads to more traffic.
fn no_way_forward_from_back(case: &Case<'_>) -> Judgement {
    let over = case.journal.iter().any(|record| matches!(record.body, Body::Finished(_)));
    match case.goes_forward() && (over || case.restoring()) {
        true => Err(format!("{} after the run had turned back or ended", case.call.operation)),
        false => Ok(()),
    }
}

/// S13: each step's traffic comes after every earlier step, and ECS's moves after the holds between them.
fn step_by_step(case: &Case<'_>) -> Judgement {
    let Some(wait) = case.gives_traffic() else { return Ok(()) };
    let before = |call: &&Call| match &call.detail {
        Detail::Release(ReleaseWrite::GoOn(_, earlier)) => call.applied && !is_last(earlier) && earlier != wait,
        _ => false,
    };
    let moves: Vec<&Call> = case.trace.iter().filter(before).collect();
    let Some((index, share)) = case.weight_steps().nth(moves.len()) else {
        return Err("more waits were ended than the plan has weights".to_owned());
    };
    for (earlier, step) in case.plan.steps.iter().enumerate().take(index) {
        let over = case.has_fact(|fact| match fact {
            Fact::StepPassed { step, .. } | Fact::StepVerified(step) => *step == earlier,
            _ => false,
        });
        if !over {
            return Err(format!("{} before step {earlier} ({step:?}) was over", percent(share)));
        }
    }
    let Some(last) = moves.last() else { return Ok(()) };
    let from = case.weight_steps().rfind(|(earlier, _)| *earlier < index).map_or(0, |(earlier, _)| earlier);
    let holds = case.plan.steps[from..index].iter().map(|step| match step {
        Step::Hold(time) => millis(*time),
        _ => 0,
    });
    let wanted: u64 = holds.sum();
    let held = case.world.ms(case.call.at).saturating_sub(case.world.ms(last.at));
    match held < wanted && !case.promoted_since(last.at) {
        true => Err(format!("the weight before {} was held for {held} ms of {wanted} ms", percent(share))),
        false => Ok(()),
    }
}

/// S16: a run starts one deployment, whatever becomes of its calls.
fn one_deployment_for_one_run(case: &Case<'_>) -> Judgement {
    let Some(ReleaseWrite::Start(run)) = case.order() else { return Ok(()) };
    let earlier = |call: &Call| matches!(&call.detail, Detail::Release(ReleaseWrite::Start(other)) if other == run);
    match case.trace.iter().any(|call| call.applied && earlier(call)) {
        true => Err("a second deployment of the same run was started".to_owned()),
        false => Ok(()),
    }
}

/// How the deployments of a run stand: whether each has ended, and whether it succeeded.
fn deployments(world: &World, plan: &Plan) -> Vec<(bool, bool)> {
    use bluegreen_core::observe::DeploymentStatus::Succeeded;
    use bluegreen_core::ports::marked_run;

    let (state, at) = (world.state(), world.now_ms());
    let own = |run: Option<RunId>| run.as_ref() == Some(&plan.run);
    match &plan.engine {
        Engine::CodeDeploy(engine) => {
            let all = state.codedeploy.of_group(&engine.application, &engine.group).into_iter();
            let own = all.filter(|found| own(marked_run(&found.description)));
            let shown = own.map(|found| world.managed_deployment(state, found, at));
            shown.map(|found| (found.status.has_ended(), found.status == Succeeded)).collect()
        }
        Engine::Ecs(_) => {
            let service = state.services.get(&(plan.site.cluster.clone(), plan.stable_baseline().name.clone()));
            let releases = service.into_iter().flat_map(|service| service.releases.iter());
            let own = releases.filter(|found| own(marked_run(&found.configuration.to_string())));
            own.map(|found| (found.status.has_ended(), found.status.as_str() == "SUCCESSFUL")).collect()
        }
        Engine::Alb | Engine::TaskSets(_) => Vec::new(),
    }
}

/// The revision that the service shows.
pub(super) fn revision(world: &World, plan: &Plan, state: &State) -> Option<TaskDefinitionArn> {
    let (cluster, name) = (&plan.site.cluster, &plan.canary_baseline().name);
    world.service_in(state, cluster, name, world.now_ms()).map(|service| service.task_definition)
}

/// Whether the service's settings are not as they were declared.
fn settings_left(world: &World, plan: &Plan) -> Option<String> {
    let Engine::Ecs(engine) = &plan.engine else { return None };
    let service = (plan.site.cluster.as_str(), plan.stable_baseline().name.as_str());
    let found = declared(world, world.state(), service, world.now_ms());
    (!as_declared(&found, &engine.declared))
        .then(|| format!("reported an end with the settings of the run in place: {found}"))
}

/// Promoted: besides what holds for all releases, the deployment has succeeded and the settings are the user's.
pub(super) fn promoted(world: &World, plan: &Plan) -> Vec<String> {
    let all = deployments(world, plan);
    let mut found: Vec<String> = settings_left(world, plan).into_iter().collect();
    if all != [(true, true)] {
        found.push(format!("reported Promoted while its deployments stand at (ended, succeeded) {all:?}"));
    }
    found
}

/// Rolled back: no share for the new version, no deployment under way or successful, the settings the user's.
pub(super) fn restored(world: &World, plan: &Plan) -> Vec<String> {
    let mut found: Vec<String> = settings_left(world, plan).into_iter().collect();
    for id in plan.route_ids() {
        let share = world.intended_share(id, plan.canary_group());
        if share > 0 {
            found.push(format!("reported as restored while {id} gives the new version {}", percent(share)));
        }
    }
    let all = deployments(world, plan);
    if all.iter().any(|(ended, succeeded)| !ended || *succeeded) {
        found.push(format!("reported as restored while its deployments stand at (ended, succeeded) {all:?}"));
    }
    let stable = world.health(plan.stable_group());
    if stable.healthy == 0 {
        found.push("reported as restored without a healthy target of the old version".to_owned());
    }
    found
}

#[cfg(test)]
mod tests;
