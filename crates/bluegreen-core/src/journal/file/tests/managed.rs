//! A journal of a run whose weights AWS moves, with one of each thing that such a run can say.

use std::time::Duration;

use super::corpus::golden;
use super::*;
use crate::journal::{Cause, Mutation, Resolution, RunState};
use crate::model::{DeploymentId, DeploymentWait, Shift};
use crate::observe::{DeploymentStatus, LifecycleEvent};
use crate::plan::{CodeDeploy, Engine};
use crate::view::testing::{actions, plan, refused, rule};

fn ours() -> DeploymentId {
    DeploymentId::new("d-ABCDEF123")
}

fn arn() -> DeploymentId {
    DeploymentId::new("arn:aws:ecs:eu-west-3:111122223333:service-deployment/shop-prod/frontend/x1")
}

fn pause() -> DeploymentWait {
    DeploymentWait::Pause { hook: "h1".into(), stage: "PRE_PRODUCTION_TRAFFIC_SHIFT".into() }
}

fn managed_plan() -> crate::plan::Plan {
    let mut plan = plan();
    plan.engine = Engine::CodeDeploy(Box::new(CodeDeploy {
        application: "AppECS-shop".into(),
        group: "DgpECS-shop".into(),
        config: "bluegreen-canary-10-5m".into(),
        create_config: true,
        shift: Shift::Canary { first: "10".parse().unwrap(), wait: Duration::from_secs(300) },
        appspec: "{}".into(),
        ready_wait: None,
        termination_wait: Duration::from_secs(3600),
    }));
    plan
}

fn mutations() -> Vec<Mutation> {
    vec![
        Mutation::CreateConfig,
        Mutation::StartDeployment,
        Mutation::Continue { deployment: ours(), wait: DeploymentWait::Ready },
        Mutation::Continue { deployment: arn(), wait: pause() },
        Mutation::Continue { deployment: ours(), wait: DeploymentWait::Termination },
        Mutation::StopDeployment { deployment: arn() },
        Mutation::RestoreSettings,
    ]
}

fn facts() -> Vec<Fact> {
    let event = |status: &str, message: Option<&str>| LifecycleEvent {
        name: "AfterInstall".into(),
        status: status.into(),
        message: message.map(str::to_owned),
    };
    let ended = |status| Fact::DeploymentEnded { deployment: ours(), status, why: Some("alarm".into()) };
    vec![
        Fact::ConfigReady,
        Fact::DeploymentNeverStarted,
        Fact::DeploymentFound { deployment: ours(), creator: "user".into() },
        Fact::DeploymentFound { deployment: ours(), creator: String::new() },
        Fact::Stage { deployment: ours(), stage: "SCALE_UP".into() },
        Fact::Lifecycle { deployment: ours(), place: 2, event: event("InProgress", None) },
        Fact::Lifecycle { deployment: ours(), place: 2, event: event("Failed", Some("exit 1")) },
        Fact::Waits { deployment: ours(), wait: pause() },
        Fact::ContinuedElsewhere { wait: pause() },
        Fact::Shifted { route: rule(), found: actions(&[("front-blue", 90), ("front-green", 10)], None) },
        Fact::TurnedBack { deployment: ours(), why: None },
        Fact::TurnedBack { deployment: ours(), why: Some("alarm".into()) },
        Fact::RollbackFound { deployment: DeploymentId::new("d-2") },
        Fact::DeploymentEnded { deployment: DeploymentId::new("d-2"), status: DeploymentStatus::Succeeded, why: None },
        ended(DeploymentStatus::Stopped),
        ended(DeploymentStatus::RolledBack),
        ended(DeploymentStatus::Unknown("Later".into())),
        ended(DeploymentStatus::Failed),
        Fact::SettingsRestored,
        Fact::Restoring(Cause::TakenBack("deployment d-ABCDEF123 was stopped".into())),
    ]
}

fn everything() -> Script {
    let mut script = Script::new(managed_plan());
    for mutation in mutations() {
        script.intend(mutation.clone(), "because").resolve(Resolution::NotApplied(refused()));
        script.intend(mutation.clone(), "because").resolve(Resolution::Withheld { why: "alarm is red".into() });
        script.intend(mutation, "because").resolve(Resolution::Unknown(refused()));
    }
    script.intend(Mutation::StartDeployment, "because").resolve(Resolution::Started { deployment: ours() });
    for fact in facts() {
        script.fact(fact);
    }
    script
}

#[test]
fn all_that_a_managed_run_can_say_stays_readable() {
    let contents = golden("journal-v1-managed.jsonl", &everything());
    assert_eq!(contents.records, everything().records);
    let managed = RunState::fold(&contents.records).unwrap().managed;
    assert_eq!((managed.deployment.clone(), managed.rollback.clone()), (Some(ours()), Some(DeploymentId::new("d-2"))));
    assert_eq!(managed.end().unwrap().status, DeploymentStatus::Failed);
    assert_eq!(managed.events[&ours()][&2].status, "Failed");
    assert!(managed.config_ready && managed.settings_restored);
    assert_eq!((managed.starts.len(), managed.continues.len(), managed.stops.len()), (0, 3, 1));
}

#[test]
fn all_that_a_managed_run_can_say_can_be_told() {
    let records = everything().records;
    let mut narrator = crate::view::Narrator::new();
    for record in &records {
        let told = narrator.tell(record).unwrap_or_else(|| panic!("nothing is told of {record:?}"));
        let text = told.to_string();
        assert!(!text.contains("arn:") && !text.ends_with('.') && !text.contains("something"), "{text}");
    }
    assert!(crate::view::RunView::from_records(&records).is_ok());
    assert!(crate::report::Report::from_records(&records, &[]).is_ok());
}
