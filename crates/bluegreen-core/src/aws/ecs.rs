//! Services and task definitions, from ECS.

use async_trait::async_trait;
use aws_sdk_ecs::Client;
use aws_sdk_ecs::error::ProvideErrorMetadata;
use aws_sdk_ecs::types::{Failure, SortOrder, Tag, TaskDefinitionField, TaskDefinitionStatus};
use serde_json::Value;

use super::classify::{failure, malformed, outcome, own};
use super::convert::{arn, required};
use super::wire::{KeepBody, ReplaceBody};
use crate::model::{RunId, TaskDefinitionArn};
use crate::observe::{ServiceSnapshot, TaskDefinitionSnapshot};
use crate::ports::{CallError, ErrorClass, Fleet, Outcome, ServiceChange, TaskSetRequest};

mod documents;
mod facts;
mod services;
mod task_sets;

const DESCRIBE_SERVICES: &str = "ecs:DescribeServices";
const DESCRIBE_DEFINITION: &str = "ecs:DescribeTaskDefinition";
const LIST_DEFINITIONS: &str = "ecs:ListTaskDefinitions";
const REGISTER_DEFINITION: &str = "ecs:RegisterTaskDefinition";
const UPDATE_SERVICE: &str = "ecs:UpdateService";

/// The tag that ties a registered revision to its run.
pub(super) const RUN_TAG: &str = "bluegreen:run";

/// How many services one call may name.
const SERVICES_PER_CALL: usize = 10;

/// How many of a family's newest revisions are looked at for a run's tag: others may have registered since.
const REVISIONS_SEARCHED: usize = 20;

/// [`Fleet`] over ECS.
#[derive(Clone, Debug)]
pub struct AwsFleet {
    reads: Client,
    writes: Client,
}

impl AwsFleet {
    /// Over one client for reads and one, without retries, for what changes something.
    pub fn new(reads: Client, writes: Client) -> Self {
        AwsFleet { reads, writes }
    }

    /// The newest active revisions of a family, newest first.
    async fn newest_revisions(&self, family: &str) -> Result<Vec<TaskDefinitionArn>, CallError> {
        let mut revisions: Vec<TaskDefinitionArn> = Vec::new();
        let pages = self
            .reads
            .list_task_definitions()
            .family_prefix(family)
            .status(TaskDefinitionStatus::Active)
            .sort(SortOrder::Desc)
            .max_results(100);
        let mut pages = pages.into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| failure(LIST_DEFINITIONS, &error))?;
            for text in page.task_definition_arns.unwrap_or_default() {
                let revision: TaskDefinitionArn = arn(LIST_DEFINITIONS, "taskDefinitionArns", Some(&text))?;
                // The prefix is the whole family on AWS; elsewhere it may match longer names too.
                if revision.family() == family {
                    revisions.push(revision);
                }
            }
            if revisions.len() >= REVISIONS_SEARCHED {
                break;
            }
        }
        revisions.truncate(REVISIONS_SEARCHED);
        Ok(revisions)
    }
}

#[async_trait]
impl Fleet for AwsFleet {
    async fn services(&self, cluster: &str, names: &[String]) -> Result<Vec<ServiceSnapshot>, CallError> {
        let mut seen = Vec::with_capacity(names.len());
        // Both fleets may be the same service, and AWS takes each name once.
        let mut once: Vec<String> = Vec::with_capacity(names.len());
        for name in names {
            if !once.contains(name) {
                once.push(name.clone());
            }
        }
        for names in once.chunks(SERVICES_PER_CALL) {
            let call = self.reads.describe_services().cluster(cluster).set_services(Some(names.to_vec()));
            let answer = call.send().await.map_err(|error| failure(DESCRIBE_SERVICES, &error))?;
            // A failure inside an answer of status 200 is a failure.
            if let Some(failed) = answer.failures.unwrap_or_default().first() {
                return Err(failed_service(cluster, failed));
            }
            for service in answer.services.unwrap_or_default() {
                seen.push(services::snapshot(&service)?);
            }
        }
        let pick = |name: &String| {
            let is_it = |service: &&ServiceSnapshot| service.name == *name || service.arn == *name;
            // A deleted service is still described for a while.
            let found = seen.iter().find(is_it).filter(|service| service.status != "INACTIVE").cloned();
            let message = format!("there is no active service `{name}` in cluster `{cluster}`");
            found.ok_or_else(|| own(DESCRIBE_SERVICES, ErrorClass::NotFound, &message))
        };
        names.iter().map(pick).collect()
    }

    async fn task_definition(&self, reference: &str) -> Result<TaskDefinitionSnapshot, CallError> {
        let body = KeepBody::default();
        let call = self.reads.describe_task_definition().task_definition(reference).include(TaskDefinitionField::Tags);
        let answer = call.customize().interceptor(body.clone()).send().await.map_err(|error| {
            // ECS has no code of its own for a definition that does not exist.
            let unknown = error.code() == Some("ClientException")
                && error.message().is_some_and(|message| message.contains("Unable to describe task definition"));
            let mut error = failure(DESCRIBE_DEFINITION, &error);
            if unknown {
                error.class = ErrorClass::NotFound;
            }
            error
        })?;
        let definition = required(DESCRIBE_DEFINITION, "taskDefinition", answer.task_definition)?;
        Ok(TaskDefinitionSnapshot {
            arn: arn(DESCRIBE_DEFINITION, "taskDefinitionArn", definition.task_definition_arn.as_deref())?,
            active: definition.status == Some(TaskDefinitionStatus::Active),
            document: documents::described(&body.take())
                .map_err(|error| malformed(DESCRIBE_DEFINITION, &error.to_string()))?,
        })
    }

    async fn find_task_definition(&self, family: &str, run: &RunId) -> Result<Option<TaskDefinitionArn>, CallError> {
        for revision in self.newest_revisions(family).await? {
            let call = self.reads.describe_task_definition().task_definition(revision.as_str());
            let answer = call.include(TaskDefinitionField::Tags).send().await;
            let tags = answer.map_err(|error| failure(DESCRIBE_DEFINITION, &error))?.tags.unwrap_or_default();
            let ours = |tag: &Tag| tag.key() == Some(RUN_TAG) && tag.value() == Some(run.as_str());
            if tags.iter().any(ours) {
                return Ok(Some(revision));
            }
        }
        Ok(None)
    }

    async fn register_task_definition(&self, document: &Value, run: &RunId) -> Outcome<TaskDefinitionArn> {
        let request = match documents::request(document, RUN_TAG, run.as_str()) {
            Ok(request) => request,
            Err(error) => {
                return Outcome::NotApplied(own(REGISTER_DEFINITION, ErrorClass::Invalid, &error.to_string()));
            }
        };
        // The document itself goes over the wire. The SDK's own request, which knows fewer members than AWS may,
        // only has to be complete enough to be built.
        let call =
            self.writes.register_task_definition().family(request.family).set_container_definitions(Some(Vec::new()));
        let answer = call.customize().interceptor(ReplaceBody(request.body)).send().await;
        match outcome(REGISTER_DEFINITION, answer) {
            Outcome::Applied(answer) => {
                let text = answer.task_definition.and_then(|definition| definition.task_definition_arn);
                match arn(REGISTER_DEFINITION, "taskDefinitionArn", text.as_deref()) {
                    Ok(revision) => Outcome::Applied(revision),
                    // Registered it is, but not known as what: the tag will tell.
                    Err(error) => Outcome::Unknown(error),
                }
            }
            Outcome::NotApplied(error) => Outcome::NotApplied(error),
            Outcome::Unknown(error) => Outcome::Unknown(error),
        }
    }

    async fn update_service(&self, cluster: &str, service: &str, change: &ServiceChange) -> Outcome<()> {
        let Ok(desired) = change.desired.map(i32::try_from).transpose() else {
            let message = format!("a task count of {} is out of range", change.desired.unwrap_or_default());
            return Outcome::NotApplied(own(UPDATE_SERVICE, ErrorClass::Invalid, &message));
        };
        let call = self.writes.update_service().cluster(cluster).service(service).set_desired_count(desired);
        let call = call.set_task_definition(change.task_definition.as_ref().map(ToString::to_string));
        outcome(UPDATE_SERVICE, call.send().await).map(drop)
    }

    async fn change_task_set(&self, cluster: &str, service: &str, request: &TaskSetRequest) -> Outcome<()> {
        task_sets::change(&self.writes, cluster, service, request).await
    }
}

fn failed_service(cluster: &str, failed: &Failure) -> CallError {
    let name = failed.arn.as_deref().unwrap_or("?");
    let reason = failed.reason.as_deref().unwrap_or("no reason given");
    if reason == "MISSING" {
        let message = format!("there is no service `{name}` in cluster `{cluster}`");
        return own(DESCRIBE_SERVICES, ErrorClass::NotFound, &message);
    }
    let detail = failed.detail.as_ref().map_or_else(String::new, |detail| format!(" ({detail})"));
    malformed(DESCRIBE_SERVICES, &format!("AWS could not describe `{name}`: {reason}{detail}"))
}

#[cfg(test)]
mod tests;
