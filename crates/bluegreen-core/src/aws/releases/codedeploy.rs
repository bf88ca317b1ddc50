//! Deployments, groups and traffic configurations of CodeDeploy.

use aws_sdk_codedeploy::Client;
use aws_sdk_codedeploy::types::{
    AppSpecContent, AutoRollbackConfiguration, AutoRollbackEvent, ComputePlatform, DeploymentWaitType,
    LifecycleEventStatus, RevisionLocation, RevisionLocationType,
};

use crate::aws::classify::{failure, malformed, outcome, own};
use crate::aws::convert::required;
use crate::model::{DeploymentId, Shift};
use crate::observe::{DeploymentConfig, DeploymentGroup};
use crate::ports::{CallError, ErrorClass, Outcome};

mod convert;
mod deployments;
mod groups;
mod targets;

const CREATE: &str = "codedeploy:CreateDeployment";
const CONTINUE: &str = "codedeploy:ContinueDeployment";
const STOP: &str = "codedeploy:StopDeployment";
const CREATE_CONFIG: &str = "codedeploy:CreateDeploymentConfig";
const GET_CONFIG: &str = "codedeploy:GetDeploymentConfig";
const GET_GROUP: &str = "codedeploy:GetDeploymentGroup";
const LIST_APPLICATIONS: &str = "codedeploy:ListApplications";
const LIST_GROUPS: &str = "codedeploy:ListDeploymentGroups";
const GET_GROUPS: &str = "codedeploy:BatchGetDeploymentGroups";
const ANSWER_HOOK: &str = "codedeploy:PutLifecycleEventHookExecutionStatus";

/// How many groups, or deployments, one call may name.
const NAMES_PER_CALL: usize = 100;

/// CodeDeploy's part of the port.
#[derive(Clone, Debug)]
pub(super) struct CodeDeploy {
    reads: Client,
    writes: Client,
}

/// An AppSpec document and its hash.
pub(super) struct Revision<'a> {
    /// The document, byte for byte.
    pub(super) content: &'a str,
    /// The hash of these bytes, in lower-case hex.
    pub(super) sha256: &'a str,
}

impl CodeDeploy {
    /// Over clients for reads and, without retries, for what changes something.
    pub(super) fn new([reads, writes]: [Client; 2]) -> Self {
        CodeDeploy { reads, writes }
    }

    pub(super) async fn start(
        &self,
        application: &str,
        group: &str,
        config: &str,
        revision: Revision<'_>,
        description: &str,
    ) -> Outcome<DeploymentId> {
        let document = AppSpecContent::builder().content(revision.content).sha256(revision.sha256).build();
        let revision = RevisionLocation::builder()
            .revision_type(RevisionLocationType::AppSpecContent)
            .app_spec_content(document)
            .build();
        let call = self.writes.create_deployment().application_name(application).deployment_group_name(group);
        // Where neither call nor group names a configuration, CodeDeploy takes one that fits servers only.
        let call = call.deployment_config_name(config).revision(revision).description(description);
        let call = call.auto_rollback_configuration(every_rollback());
        match outcome(CREATE, call.send().await) {
            Outcome::Applied(answer) => match required(CREATE, "deploymentId", answer.deployment_id) {
                Ok(id) => Outcome::Applied(DeploymentId::new(id)),
                // Created it is, but not known as what: the mark will tell.
                Err(error) => Outcome::Unknown(error),
            },
            Outcome::NotApplied(error) => Outcome::NotApplied(error),
            Outcome::Unknown(error) => Outcome::Unknown(error),
        }
    }

    pub(super) async fn go_on(&self, id: &DeploymentId, wait: DeploymentWaitType) -> Outcome<()> {
        let call = self.writes.continue_deployment().deployment_id(id.as_str()).deployment_wait_type(wait);
        outcome(CONTINUE, call.send().await).map(drop)
    }

    pub(super) async fn stop(&self, id: &DeploymentId) -> Outcome<()> {
        // Without the flag, traffic would stay split as it is. An answer of `Pending` is a yes, too: the deployment
        // itself tells when it has stopped, and which deployment takes it back.
        let call = self.writes.stop_deployment().deployment_id(id.as_str()).auto_rollback_enabled(true);
        outcome(STOP, call.send().await).map(drop)
    }

    pub(super) async fn create_config(&self, name: &str, compute_platform: &str, shift: &Shift) -> Outcome<()> {
        let routing = match groups::routing(shift) {
            Ok(routing) => routing,
            Err(error) => return Outcome::NotApplied(own(CREATE_CONFIG, ErrorClass::Invalid, &error.to_string())),
        };
        let call = self.writes.create_deployment_config().deployment_config_name(name);
        let call = call.compute_platform(ComputePlatform::from(compute_platform)).traffic_routing_config(routing);
        outcome(CREATE_CONFIG, call.send().await).map(drop)
    }

    pub(super) async fn config(&self, name: &str) -> Result<DeploymentConfig, CallError> {
        let answer = self.reads.get_deployment_config().deployment_config_name(name).send().await;
        let answer = answer.map_err(|error| failure(GET_CONFIG, &error))?;
        groups::config(&required(GET_CONFIG, "deploymentConfigInfo", answer.deployment_config_info)?)
    }

    pub(super) async fn group(&self, application: &str, group: &str) -> Result<DeploymentGroup, CallError> {
        let call = self.reads.get_deployment_group().application_name(application).deployment_group_name(group);
        let answer = call.send().await.map_err(|error| failure(GET_GROUP, &error))?;
        groups::group(GET_GROUP, &required(GET_GROUP, "deploymentGroupInfo", answer.deployment_group_info)?)
    }

    pub(super) async fn groups_of(&self, cluster: &str, service: &str) -> Result<Vec<DeploymentGroup>, CallError> {
        let mut found = Vec::new();
        let mut pages = self.reads.list_applications().into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| failure(LIST_APPLICATIONS, &error))?;
            for application in page.applications.unwrap_or_default() {
                found.extend(self.groups_in(&application, cluster, service).await?);
            }
        }
        Ok(found)
    }

    async fn groups_in(
        &self,
        application: &str,
        cluster: &str,
        service: &str,
    ) -> Result<Vec<DeploymentGroup>, CallError> {
        let mut names = Vec::new();
        let mut pages = self.reads.list_deployment_groups().application_name(application).into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| failure(LIST_GROUPS, &error))?;
            names.extend(page.deployment_groups.unwrap_or_default());
        }
        let mut found = Vec::new();
        for names in names.chunks(NAMES_PER_CALL) {
            let call = self.reads.batch_get_deployment_groups().application_name(application);
            let answer = call.set_deployment_group_names(Some(names.to_vec())).send().await;
            let answer = answer.map_err(|error| failure(GET_GROUPS, &error))?;
            // A failure inside an answer of status 200 is a failure.
            if let Some(message) = answer.error_message.filter(|message| !message.is_empty()) {
                return Err(malformed(GET_GROUPS, &message));
            }
            for info in answer.deployment_groups_info.unwrap_or_default() {
                // What does not move the service need not be understood.
                if groups::moves(&info, cluster, service) {
                    found.push(groups::group(GET_GROUPS, &info)?);
                }
            }
        }
        Ok(found)
    }

    pub(super) async fn answer_hook(&self, id: &DeploymentId, execution: &str, passed: bool) -> Outcome<()> {
        // AWS takes these two words and no other.
        let status = if passed { LifecycleEventStatus::Succeeded } else { LifecycleEventStatus::Failed };
        let call = self.writes.put_lifecycle_event_hook_execution_status().deployment_id(id.as_str());
        let call = call.lifecycle_event_hook_execution_id(execution).status(status);
        outcome(ANSWER_HOOK, call.send().await).map(drop)
    }
}

/// Rolls back after everything that can end a deployment early, whatever the group says.
///
/// Our own stop asks for the rollback itself. This is for the ends that we do not cause: a failure (a hook, tasks that
/// do not become steady), an alarm of the group, and a stop from the console or the AWS CLI, which by itself leaves
/// traffic split. A group without alarms has no stop on alarm; the event is harmless there.
fn every_rollback() -> AutoRollbackConfiguration {
    AutoRollbackConfiguration::builder()
        .enabled(true)
        .events(AutoRollbackEvent::DeploymentFailure)
        .events(AutoRollbackEvent::DeploymentStopOnAlarm)
        .events(AutoRollbackEvent::DeploymentStopOnRequest)
        .build()
}

#[cfg(test)]
mod tests;
