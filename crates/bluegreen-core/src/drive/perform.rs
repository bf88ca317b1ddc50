//! Sends one mutation and says how it ended.

use super::Run;
use crate::journal::{Mutation, Resolution};
use crate::model::Hook;
use crate::plan::Release;
use crate::ports::{CallError, ErrorClass, HookEnd, Outcome};

impl Run<'_> {
    pub(super) async fn perform(&self, mutation: &Mutation) -> Resolution {
        let ports = &self.driver.ports;
        let plan = &self.state.plan;
        match mutation {
            Mutation::SetActions { route, actions, .. } => plain(ports.router.set_actions(route, actions).await),
            Mutation::UpdateService(change) => {
                let name = &plan.baseline.services.get(change.color).name;
                plain(ports.fleet.update_service(&plan.site.cluster, name, change).await)
            }
            Mutation::UpdateControl(change) => match &plan.control {
                Some(control) => {
                    let name = &control.service.name;
                    plain(ports.fleet.update_service(&plan.site.cluster, name, change).await)
                }
                None => no_such("ecs:UpdateService", "the plan has no control fleet"),
            },
            Mutation::TaskSet(change) => {
                let name = &plan.stable_baseline().name;
                let request = plan.task_set_request(change);
                plain(ports.fleet.change_task_set(&plan.site.cluster, name, &request).await)
            }
            Mutation::RegisterTaskDefinition => match &plan.release {
                Release::Register { document, .. } => {
                    let outcome = ports.fleet.register_task_definition(document, &plan.run).await;
                    resolution(outcome.map(Some))
                }
                Release::Existing(_) => {
                    no_such("ecs:RegisterTaskDefinition", "the plan releases a revision that exists")
                }
            },
            Mutation::RunHook(_, hook) => self.run_hook(hook).await,
            _ => self.perform_managed(mutation).await,
        }
    }

    async fn run_hook(&self, hook: &Hook) -> Resolution {
        let plan = &self.state.plan;
        let revision = self.state.task_definition.as_ref().map(ToString::to_string).unwrap_or_default();
        let values = [
            ("testUrl", plan.test_url.clone().unwrap_or_default()),
            ("run", plan.run.to_string()),
            ("color", plan.canary().to_string()),
            ("taskDefinition", revision),
        ];
        match self.driver.ports.hooks.run(hook, &values).await {
            HookEnd::Passed => Resolution::Applied { task_definition: None },
            HookEnd::Failed(output) => Resolution::HookFailed { output },
        }
    }
}

/// What the plan leaves no room for is not sent.
fn no_such(operation: &str, message: &str) -> Resolution {
    let (operation, message) = (operation.to_owned(), message.to_owned());
    Resolution::NotApplied(CallError { operation, class: ErrorClass::Invalid, message })
}

pub(super) fn plain(outcome: Outcome<()>) -> Resolution {
    resolution(outcome.map(|()| None))
}

fn resolution(outcome: Outcome<Option<crate::model::TaskDefinitionArn>>) -> Resolution {
    match outcome {
        Outcome::Applied(task_definition) => Resolution::Applied { task_definition },
        Outcome::NotApplied(error) => Resolution::NotApplied(error),
        Outcome::Unknown(error) => Resolution::Unknown(error),
    }
}
