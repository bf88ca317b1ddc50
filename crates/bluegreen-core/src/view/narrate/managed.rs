//! What is told of deployments that AWS carries out.

use super::Told;
use crate::decide::elapsed;
use crate::journal::{Fact, Mutation, Record, RunState};
use crate::model::DeploymentWait;
use crate::observe::{DeploymentStatus, LifecycleEvent};
use crate::plan::{Managed, Plan};
use crate::view::{Tone, words};

/// Who moves the weights.
pub(super) fn mover(plan: &Plan) -> &'static str {
    match plan.managed() {
        Some(Managed::CodeDeploy(_)) => "CodeDeploy",
        Some(Managed::Ecs(_)) => "ECS",
        None => "AWS",
    }
}

/// What a mutation does, while it does it.
pub(super) fn doing(plan: &Plan, mutation: &Mutation) -> String {
    let aws = mover(plan);
    match mutation {
        Mutation::CreateConfig => format!("making the traffic configuration {}", config(plan)),
        Mutation::StartDeployment => match plan.managed() {
            Some(Managed::CodeDeploy(engine)) => {
                let (application, group) = (words::clean(&engine.application), words::clean(&engine.group));
                format!("starting a deployment of {application}, {group}")
            }
            _ => format!("asking {aws} to deploy to {}", plan.stable_baseline().name),
        },
        Mutation::Continue { deployment, wait } => {
            format!("telling {} to go on from {}", deployment.short(), place(wait))
        }
        Mutation::StopDeployment { deployment } => format!("stopping {} and having it taken back", deployment.short()),
        Mutation::RestoreSettings => "putting the service's deployment settings back as declared".to_owned(),
        Mutation::RegisterTaskDefinition
        | Mutation::UpdateService(_)
        | Mutation::UpdateControl(_)
        | Mutation::TaskSet(_)
        | Mutation::SetActions { .. }
        | Mutation::RunHook(..) => "a write".to_owned(),
    }
}

/// What did not happen, and what may have.
pub(super) fn object(plan: &Plan, mutation: &Mutation) -> (String, String) {
    let both = |no: String, yes: String| (no, yes);
    match mutation {
        Mutation::CreateConfig => both(format!("{} was not made", config(plan)), format!("{} was made", config(plan))),
        Mutation::StartDeployment => both("no deployment began".to_owned(), "a deployment began".to_owned()),
        Mutation::Continue { deployment, .. } => {
            let id = deployment.short();
            both(format!("{id} was not told to go on"), format!("{id} was told to go on"))
        }
        Mutation::StopDeployment { deployment } => {
            let id = deployment.short();
            both(format!("{id} was not stopped"), format!("{id} was stopped"))
        }
        _ => both(
            "the deployment settings were not changed".to_owned(),
            "the deployment settings were changed".to_owned(),
        ),
    }
}

fn config(plan: &Plan) -> String {
    match plan.managed() {
        Some(Managed::CodeDeploy(engine)) => words::clean(&engine.config),
        _ => "a traffic configuration".to_owned(),
    }
}

/// Where a deployment waits, in words.
fn place(wait: &DeploymentWait) -> String {
    words::clean(&wait.to_string())
}

/// A fact about a deployment.
pub(super) fn tell_fact(state: &RunState, record: &Record, fact: &Fact) -> Told {
    let aws = mover(&state.plan);
    match fact {
        Fact::ConfigReady => Told::plain(format!("{} exists", config(&state.plan))),
        Fact::DeploymentFound { deployment, creator } => {
            let told = Told::plain(format!("deployment {} carries this run's mark", deployment.short()));
            if creator.is_empty() { told } else { told.because(&format!("made by {creator}")) }
        }
        Fact::DeploymentNeverStarted => Told::plain("no deployment had begun"),
        Fact::Stage { stage, .. } => Told::plain(format!("{aws} is at {}", words::clean(stage))),
        Fact::Lifecycle { event, .. } => lifecycle(event),
        Fact::Waits { wait, .. } => Told::plain(format!("{aws} waits at {}", place(wait))),
        Fact::ContinuedElsewhere { wait } => {
            Told::new(Tone::Warn, format!("someone else told {aws} to go on from {}", place(wait)))
        }
        Fact::Shifted { route, found } => {
            let weights = words::weights(found, &state.plan.groups);
            Told::plain(format!("{aws} has moved {} to {weights}", words::route(route)))
        }
        Fact::TurnedBack { deployment, why } => {
            let told = Told::new(Tone::Warn, format!("deployment {} is being taken back", deployment.short()));
            why.as_ref().map_or(told.clone(), |why| told.because(why))
        }
        Fact::RollbackFound { deployment } => Told::plain(format!("deployment {} takes it back", deployment.short())),
        Fact::DeploymentEnded { deployment, status, why } => {
            let (tone, how) = ended(state, deployment, status);
            let told = Told::new(tone, format!("deployment {} {how}", deployment.short()));
            let told = told.took(Some(elapsed(state.started_at, record.at)));
            why.as_ref().map_or(told.clone(), |why| told.because(why))
        }
        Fact::SettingsRestored => Told::plain("the service's deployment settings are as they were declared"),
        _ => Told::plain("something became known"),
    }
}

fn lifecycle(event: &LifecycleEvent) -> Told {
    let (name, status) = (words::clean(&event.name), words::clean(&event.status));
    let tone = if status.to_ascii_uppercase().contains("FAIL") { Tone::Bad } else { Tone::Plain };
    let told = Told::new(tone, format!("{name}: {}", spoken(&status)));
    event.message.as_ref().map_or(told.clone(), |message| told.because(message))
}

/// AWS's `InProgress` and `AWAITING_ACTION` as a person says them.
fn spoken(status: &str) -> String {
    let mut words = String::with_capacity(status.len() + 1);
    let mut small_before = false;
    for letter in status.chars() {
        if letter.is_ascii_uppercase() && small_before {
            words.push(' ');
        }
        small_before = letter.is_ascii_lowercase();
        words.push(if letter == '_' { ' ' } else { letter.to_ascii_lowercase() });
    }
    words
}

fn ended(state: &RunState, deployment: &crate::model::DeploymentId, status: &DeploymentStatus) -> (Tone, &'static str) {
    let takes_back = state.managed.rollback.as_ref() == Some(deployment);
    match status {
        DeploymentStatus::Succeeded if takes_back => (Tone::Good, "has taken it back"),
        DeploymentStatus::Succeeded => (Tone::Good, "succeeded"),
        DeploymentStatus::RolledBack => (Tone::Warn, "was rolled back"),
        DeploymentStatus::Stopped => (Tone::Warn, "has stopped"),
        _ => (Tone::Bad, "failed"),
    }
}

#[cfg(test)]
mod tests {
    use super::spoken;

    #[test]
    fn both_services_spellings_are_spoken() {
        let cases = [("InProgress", "in progress"), ("Succeeded", "succeeded"), ("AWAITING_ACTION", "awaiting action")];
        for (status, expected) in cases {
            assert_eq!(spoken(status), expected);
        }
    }
}
