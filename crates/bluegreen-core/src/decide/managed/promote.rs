//! The way forward: one deployment is started, and followed until its success was read back.

use crate::decide::prepare::register;
use crate::decide::{Context, Decision, analysis, finish, later, promote as law, steps as alb_steps};
use crate::journal::{Cause, Fact, Mutation, Terminal};
use crate::model::DriftPolicy;
use crate::observe::DeploymentStatus;
use crate::plan::Managed;
use crate::ports::ErrorClass;

use super::follow::follow;
use super::{any_certain, complete, in_words, send_once, steps};

/// The next thing to do on the way to promotion, in the order of [`law::next`].
pub(in crate::decide) fn next(context: &Context<'_>) -> Decision {
    if context.state.committed_at.is_some() {
        return complete::after(context);
    }
    let stages: [fn(&Context<'_>) -> Option<Decision>; 20] = [
        law::aborted,
        law::interrupted,
        law::hook_failed,
        refused_write,
        follow,
        deployed_over,
        foreign_deployment,
        taken_back,
        analysis::judged,
        law::canary_lost,
        law::foreign_writes,
        law::alarms,
        law::unreadable_world,
        law::overdue,
        |context| context.backing_off(),
        register,
        make_config,
        start,
        identified,
        steps::under_way,
    ];
    stages.iter().find_map(|stage| stage(context)).unwrap_or_else(|| complete::commit(context))
}

/// Some refusals say that what we wanted is so already, or that somebody else is there: the world decides those.
fn refused_write(context: &Context<'_>) -> Option<Decision> {
    let failure = context.state.failure.as_ref()?;
    match &failure.mutation {
        Mutation::CreateConfig if failure.error.message.contains("DeploymentConfigAlreadyExists") => {
            // Its name follows from its content: one that exists is the one that we wanted.
            Some(Decision::Note(Fact::ConfigReady))
        }
        Mutation::StartDeployment if is_limit(&failure.error.message) => None,
        Mutation::Continue { .. } if failure.error.class == ErrorClass::Invalid => None,
        _ => law::refused_write(context),
    }
}

fn is_limit(message: &str) -> bool {
    message.contains("DeploymentLimitExceeded")
}

/// Someone has deployed over ours before it was ever seen. Stopping theirs is not ours to do.
fn deployed_over(context: &Context<'_>) -> Option<Decision> {
    let other = context.impostor()?;
    let brings = other.task_definition.as_ref().map_or("another revision", |arn| arn.short());
    let what =
        format!("{} carries this run's mark and brings {brings}: someone else deployed over it", in_words(other));
    Some(finish(Terminal::Held, what))
}

/// Two deployments of one service end badly for both.
fn foreign_deployment(context: &Context<'_>) -> Option<Decision> {
    let managed = &context.state.managed;
    let other = context.foreign_deployment()?;
    let what = in_words(other);
    if !managed.may_have_started() {
        let cure = "let it end, or stop it, and try again";
        return Some(finish(Terminal::Refused, format!("{what} is under way, and it is not this run's: {cure}")));
    }
    // Whether ours is among them is not known yet.
    managed.deployment.as_ref()?;
    let what = format!("{what} was started by someone else while ours was under way");
    Some(match context.plan().drift {
        DriftPolicy::Hold if context.stands_still() => finish(Terminal::Held, what),
        DriftPolicy::Hold | DriftPolicy::Rollback => Decision::Note(Fact::Restoring(Cause::Drift(what))),
    })
}

/// AWS goes back by itself, or somebody had it stopped: from here on only the end of it matters.
fn taken_back(context: &Context<'_>) -> Option<Decision> {
    law::go_back(Cause::TakenBack(going_back_words(context)?))
}

/// What became of our deployment, unless it succeeded or is under way.
pub(super) fn going_back_words(context: &Context<'_>) -> Option<String> {
    let managed = &context.state.managed;
    let id = managed.deployment.as_ref()?;
    let (what, why) = match (managed.end(), managed.turned_back.get(id)) {
        (Some(end), _) => match end.status {
            DeploymentStatus::Succeeded => return None,
            DeploymentStatus::RolledBack => ("was rolled back by AWS", &end.why),
            DeploymentStatus::Stopped => ("was stopped", &end.why),
            _ => ("failed", &end.why),
        },
        (None, Some(why)) => ("is being taken back", why),
        (None, None) => return None,
    };
    let why = why.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
    Some(format!("deployment {} {what}{why}", id.short()))
}

fn make_config(context: &Context<'_>) -> Option<Decision> {
    let Some(Managed::CodeDeploy(engine)) = context.plan().managed() else { return None };
    let wanted = engine.create_config && !context.state.managed.config_ready;
    // Sent twice it is refused as existing, which is just as well.
    wanted.then(|| Decision::Act {
        mutation: Mutation::CreateConfig,
        because: format!("no traffic configuration moves traffic like this plan: {} is made", engine.config),
    })
}

/// Starts the deployment, once. AWS takes no token: after a doubt the run's mark is looked for first.
fn start(context: &Context<'_>) -> Option<Decision> {
    let managed = &context.state.managed;
    if managed.deployment.is_some() || any_certain(&managed.starts) {
        return None;
    }
    if let Some(paused) = alb_steps::paused(context) {
        return Some(paused);
    }
    let Some(seen) = context.deployments() else {
        return Some(context.wait("the service's deployments to be readable"));
    };
    let revision = context.state.task_definition.as_ref().map_or("the new version", |arn| arn.short());
    let because = format!("{revision} is to be released, and no deployment of this run exists");
    let act = Decision::Act { mutation: Mutation::StartDeployment, because };
    let Some(doubt) = managed.starts.last() else { return Some(act) };
    if context.too_young(seen, doubt.at) {
        let until = later(doubt.at, context.plan().timing.settle);
        return Some(context.wait_until(until, "whether the deployment was started"));
    }
    // Nothing with our mark: it was not. Somebody else's may be in the way.
    Some(match context.foreign_deployment() {
        Some(_) => Decision::Note(Fact::DeploymentNeverStarted),
        None => send_once(context, Some(doubt), act, "whether the deployment was started"),
    })
}

/// `UpdateService` does not say which deployment it started: nothing goes on before that was found.
fn identified(context: &Context<'_>) -> Option<Decision> {
    match context.state.managed.deployment {
        Some(_) => None,
        None => Some(context.wait("the deployment that was started to be listed")),
    }
}
