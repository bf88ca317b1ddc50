//! Service deployments of ECS.

use std::collections::HashMap;

use aws_sdk_ecs::Client;
use aws_sdk_ecs::types::{
    CreatedAt, DeploymentLifecycleHookAction, Failure, ServiceDeployment, ServiceDeploymentStatus,
    StopServiceDeploymentStopType, TaskDefinitionField,
};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::aws::classify::{failure, malformed, outcome, own};
use crate::aws::convert::{arn, date_time, next, required};
use crate::aws::ecs::RUN_TAG;
use crate::aws::wire::{KeepBody, ReplaceBody};
use crate::model::{DeploymentId, RunId, TaskDefinitionArn};
use crate::observe::ManagedDeployments;
use crate::ports::{CallError, ErrorClass, Outcome};

mod convert;

const UPDATE: &str = "ecs:UpdateService";
const SERVICES: &str = "ecs:DescribeServices";
const LIST: &str = "ecs:ListServiceDeployments";
const DESCRIBE: &str = "ecs:DescribeServiceDeployments";
const REVISIONS: &str = "ecs:DescribeServiceRevisions";
const DEFINITION: &str = "ecs:DescribeTaskDefinition";
const CONTINUE: &str = "ecs:ContinueServiceDeployment";
const STOP: &str = "ecs:StopServiceDeployment";

/// How many deployments, or revisions, one call may name.
const NAMES_PER_CALL: usize = 20;

/// Every status of a deployment that has not ended.
const ACTIVE: [ServiceDeploymentStatus; 5] = [
    ServiceDeploymentStatus::Pending,
    ServiceDeploymentStatus::InProgress,
    ServiceDeploymentStatus::StopRequested,
    ServiceDeploymentStatus::RollbackRequested,
    ServiceDeploymentStatus::RollbackInProgress,
];

/// ECS's part of the port.
#[derive(Clone, Debug)]
pub(super) struct Native {
    reads: Client,
    writes: Client,
}

/// Which deployments of a service are listed.
enum Listed {
    /// Those that have not ended, however old.
    Active,
    /// All that were made since.
    Since(Timestamp),
}

impl Native {
    /// Over clients for reads and, without retries, for what changes something.
    pub(super) fn new([reads, writes]: [Client; 2]) -> Self {
        Native { reads, writes }
    }

    pub(super) async fn deployments(
        &self,
        cluster: &str,
        service: &str,
        run: Option<&RunId>,
        known: Option<&DeploymentId>,
        since: Timestamp,
    ) -> Result<ManagedDeployments, CallError> {
        let mut arns = self.list(cluster, service, Listed::Active).await?;
        match known {
            Some(known) => arns.push(known.as_str().to_owned()),
            // Ours may have ended before it was ever seen.
            None if run.is_some() => arns.extend(self.list(cluster, service, Listed::Since(since)).await?),
            None => {}
        }
        arns.sort_unstable();
        arns.dedup();
        let mut described = self.describe(&arns).await?;

        let ours = match (known, run) {
            (Some(known), _) => convert::position(&described, known.as_str()),
            (None, Some(run)) => match convert::first(&described, |found| convert::run(found).as_ref() == Some(run))? {
                Some(position) => Some(position),
                None => self.tagged(&described, run).await?,
            },
            (None, None) => None,
        };
        let ours = ours.map(|position| described.remove(position));
        let mut others = Vec::new();
        for other in described {
            if !convert::status(&other)?.has_ended() {
                others.push(other);
            }
        }
        let revisions = self.revisions(ours.iter().chain(&others)).await?;
        let whole = |deployment| convert::deployment(deployment, &revisions);
        let mut found = ours.as_ref().map(whole).transpose()?;
        if let (Some(found), None) = (&mut found, known) {
            // By its mark or by its revision's tag.
            found.run = run.cloned();
        }
        Ok(ManagedDeployments {
            ours: found,
            // The same deployment goes forth and back.
            rollback: None,
            others: others.iter().map(whole).collect::<Result<_, _>>()?,
        })
    }

    /// The position of a deployment that is the run's by its revision's tag. The details of a hook are documented for
    /// functions only: where AWS keeps none for pauses the mark is lost, and this is what is left. A deployment
    /// without such a pause is not looked at: whoever started it asked for none of ours.
    async fn tagged(&self, described: &[ServiceDeployment], run: &RunId) -> Result<Option<usize>, CallError> {
        let unmarked: Vec<&ServiceDeployment> =
            described.iter().filter(|found| convert::pauses_unmarked(found)).collect();
        let revisions = self.revisions(unmarked.iter().copied()).await?;
        let mut ours = Vec::new();
        for (revision, definition) in &revisions {
            let call = self.reads.describe_task_definition().task_definition(definition.as_str());
            let answer = call.include(TaskDefinitionField::Tags).send().await;
            let tags = answer.map_err(|error| failure(DEFINITION, &error))?.tags.unwrap_or_default();
            if tags.iter().any(|tag| tag.key() == Some(RUN_TAG) && tag.value() == Some(run.as_str())) {
                ours.push(revision.as_str());
            }
        }
        convert::first(described, |found| {
            convert::pauses_unmarked(found) && convert::target(found).is_some_and(|target| ours.contains(&target))
        })
    }

    async fn list(&self, cluster: &str, service: &str, listed: Listed) -> Result<Vec<String>, CallError> {
        let call = self.reads.list_service_deployments().cluster(cluster).service(service).max_results(100);
        let call = match listed {
            Listed::Active => call.set_status(Some(ACTIVE.to_vec())),
            Listed::Since(since) => call.created_at(CreatedAt::builder().after(date_time(since)).build()),
        };
        let (mut arns, mut token) = (Vec::new(), None);
        loop {
            let page = call.clone().set_next_token(token.clone()).send().await;
            let page = page.map_err(|error| failure(LIST, &error))?;
            for brief in page.service_deployments.unwrap_or_default() {
                arns.push(required(LIST, "serviceDeploymentArn", brief.service_deployment_arn)?);
            }
            token = next(LIST, token.as_deref(), page.next_token)?;
            if token.is_none() {
                return Ok(arns);
            }
        }
    }

    /// Every one of the deployments: one that AWS lists, or that we were told of, and does not describe is a failure.
    async fn describe(&self, arns: &[String]) -> Result<Vec<ServiceDeployment>, CallError> {
        let mut described = Vec::with_capacity(arns.len());
        for arns in arns.chunks(NAMES_PER_CALL) {
            let call = self.reads.describe_service_deployments().set_service_deployment_arns(Some(arns.to_vec()));
            let answer = call.send().await.map_err(|error| failure(DESCRIBE, &error))?;
            refuse_failures(DESCRIBE, answer.failures.as_deref())?;
            let found = answer.service_deployments.unwrap_or_default();
            for arn in arns {
                if convert::position(&found, arn).is_none() {
                    return Err(malformed(DESCRIBE, &format!("the answer lacks the deployment {arn}")));
                }
            }
            described.extend(found);
        }
        Ok(described)
    }

    /// The task definitions of the revisions that the deployments bring, by the revisions' ARNs.
    async fn revisions(
        &self,
        deployments: impl Iterator<Item = &ServiceDeployment>,
    ) -> Result<HashMap<String, TaskDefinitionArn>, CallError> {
        let mut arns: Vec<String> = deployments.filter_map(convert::target).map(str::to_owned).collect();
        arns.sort_unstable();
        arns.dedup();
        let mut revisions = HashMap::new();
        for arns in arns.chunks(NAMES_PER_CALL) {
            let call = self.reads.describe_service_revisions().set_service_revision_arns(Some(arns.to_vec()));
            let answer = call.send().await.map_err(|error| failure(REVISIONS, &error))?;
            refuse_failures(REVISIONS, answer.failures.as_deref())?;
            for revision in answer.service_revisions.unwrap_or_default() {
                let name = required(REVISIONS, "serviceRevisionArn", revision.service_revision_arn)?;
                revisions.insert(name, arn(REVISIONS, "taskDefinition", revision.task_definition.as_deref())?);
            }
        }
        Ok(revisions)
    }

    pub(super) async fn start(
        &self,
        cluster: &str,
        service: &str,
        task_definition: &TaskDefinitionArn,
        configuration: &Value,
    ) -> Outcome<()> {
        // Forced, since a deployment is what is asked for: with the revision that the service already has, ECS would
        // take the new configuration, answer 200 and deploy nothing.
        let settings = json!({
            "taskDefinition": task_definition,
            "deploymentConfiguration": configuration,
            "forceNewDeployment": true,
        });
        self.configure(cluster, service, &settings).await
    }

    pub(super) async fn go_on(&self, id: &DeploymentId, hook: &str) -> Outcome<()> {
        let call = self.writes.continue_service_deployment().service_deployment_arn(id.as_str()).hook_id(hook);
        outcome(CONTINUE, call.action(DeploymentLifecycleHookAction::Continue).send().await).map(drop)
    }

    pub(super) async fn stop(&self, id: &DeploymentId) -> Outcome<()> {
        let call = self.writes.stop_service_deployment().service_deployment_arn(id.as_str());
        outcome(STOP, call.stop_type(StopServiceDeploymentStopType::Rollback).send().await).map(drop)
    }

    pub(super) async fn service(&self, cluster: &str, service: &str) -> Result<Value, CallError> {
        let body = KeepBody::default();
        let call = self.reads.describe_services().cluster(cluster).services(service);
        let answer = call.customize().interceptor(body.clone()).send().await;
        let answer = answer.map_err(|error| failure(SERVICES, &error))?;
        refuse_failures(SERVICES, answer.failures.as_deref())?;
        let mut answer: Map<String, Value> =
            serde_json::from_slice(&body.take()).map_err(|_| malformed(SERVICES, "the answer is no JSON object"))?;
        let Some(Value::Array(found)) = answer.remove("services") else {
            return Err(malformed(SERVICES, "the answer lacks services"));
        };
        // A deleted service is still described for a while.
        let active = |found: &Value| found.get("status").and_then(Value::as_str) != Some("INACTIVE");
        found.into_iter().find(active).ok_or_else(|| {
            let message = format!("there is no active service `{service}` in cluster `{cluster}`");
            own(SERVICES, ErrorClass::NotFound, &message)
        })
    }

    pub(super) async fn configure(&self, cluster: &str, service: &str, settings: &Value) -> Outcome<()> {
        let Value::Object(settings) = settings else {
            return Outcome::NotApplied(own(UPDATE, ErrorClass::Invalid, "the settings are not a JSON object"));
        };
        let mut body = settings.clone();
        body.insert("cluster".to_owned(), json!(cluster));
        body.insert("service".to_owned(), json!(service));
        // The settings themselves go over the wire: the SDK's own request knows fewer members than AWS may.
        let body = ReplaceBody(Value::Object(body).to_string().into_bytes());
        let call = self.writes.update_service().cluster(cluster).service(service);
        outcome(UPDATE, call.customize().interceptor(body).send().await).map(drop)
    }
}

/// A failure inside an answer of status 200 is a failure.
fn refuse_failures(operation: &str, failures: Option<&[Failure]>) -> Result<(), CallError> {
    let Some(failed) = failures.unwrap_or_default().first() else { return Ok(()) };
    let name = failed.arn.as_deref().unwrap_or("?");
    let reason = failed.reason.as_deref().unwrap_or("no reason given");
    if reason == "MISSING" {
        return Err(own(operation, ErrorClass::NotFound, &format!("there is no `{name}`")));
    }
    let detail = failed.detail.as_ref().map_or_else(String::new, |detail| format!(" ({detail})"));
    Err(malformed(operation, &format!("AWS could not describe `{name}`: {reason}{detail}")))
}

#[cfg(test)]
mod tests;
