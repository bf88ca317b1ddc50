//! Which deployments of a group matter to a run.

use aws_sdk_codedeploy::types::{DeploymentInfo, DeploymentStatus as SdkStatus, TimeRange};
use jiff::Timestamp;

use super::{CodeDeploy, NAMES_PER_CALL, convert};
use crate::aws::classify::{failure, malformed};
use crate::aws::convert::{date_time, required};
use crate::model::{DeploymentId, RunId};
use crate::observe::{ManagedDeployment, ManagedDeployments};
use crate::ports::CallError;

const LIST: &str = "codedeploy:ListDeployments";
const GET: &str = "codedeploy:GetDeployment";
const GET_MANY: &str = "codedeploy:BatchGetDeployments";

/// Every status of a deployment that has not ended.
const ACTIVE: [SdkStatus; 5] =
    [SdkStatus::Created, SdkStatus::Queued, SdkStatus::InProgress, SdkStatus::Baking, SdkStatus::Ready];

/// Which deployments of a group are listed.
enum Listed {
    /// Those that have not ended, however old.
    Active,
    /// All that were made since.
    Since(Timestamp),
}

impl CodeDeploy {
    pub(in crate::aws::releases) async fn deployments(
        &self,
        application: &str,
        group: &str,
        run: Option<&RunId>,
        known: Option<&DeploymentId>,
        since: Timestamp,
    ) -> Result<ManagedDeployments, CallError> {
        let mut ids = self.list(application, group, Listed::Active).await?;
        let mut infos = Vec::new();
        match known {
            Some(known) => infos.push(self.get(known.as_str()).await?),
            // Ours may have ended before it was ever seen.
            None if run.is_some() => ids.extend(self.list(application, group, Listed::Since(since)).await?),
            None => {}
        }
        ids.sort_unstable();
        ids.dedup();
        ids.retain(|id| known.is_none_or(|known| known.as_str() != id));
        infos.extend(self.get_many(&ids).await?);

        let ours = match (known, run) {
            (Some(_), _) => Some(infos.remove(0)),
            (None, Some(run)) => convert::marked(&infos, run)?.map(|position| infos.remove(position)),
            (None, None) => None,
        };
        let rollback = match &ours {
            Some(ours) => self.rollback_of(ours, &mut infos).await?,
            None => None,
        };
        let mut found = ManagedDeployments::default();
        if let Some(ours) = &ours {
            found.ours = Some(self.whole(ours).await?);
        }
        if let Some(rollback) = &rollback {
            found.rollback = Some(self.whole(rollback).await?);
        }
        for other in &infos {
            if !convert::status(other)?.has_ended() {
                found.others.push(self.whole(other).await?);
            }
        }
        Ok(found)
    }

    /// The deployment that takes `ours` back: the one that `ours` names, else the one that names `ours`.
    async fn rollback_of(
        &self,
        ours: &DeploymentInfo,
        infos: &mut Vec<DeploymentInfo>,
    ) -> Result<Option<DeploymentInfo>, CallError> {
        let Some(id) = convert::rolled_back_by(ours) else {
            let ours = required(GET, "deploymentId", ours.deployment_id())?;
            let position = infos.iter().position(|info| convert::rollback_of(info) == Some(ours));
            return Ok(position.map(|position| infos.remove(position)));
        };
        match infos.iter().position(|info| info.deployment_id() == Some(id)) {
            Some(position) => Ok(Some(infos.remove(position))),
            None => Ok(Some(self.get(id).await?)),
        }
    }

    /// A deployment with what its targets tell.
    async fn whole(&self, info: &DeploymentInfo) -> Result<ManagedDeployment, CallError> {
        let id = required(GET, "deploymentId", info.deployment_id())?;
        convert::deployment(info, &self.targets(id).await?)
    }

    async fn list(&self, application: &str, group: &str, listed: Listed) -> Result<Vec<String>, CallError> {
        let call = self.reads.list_deployments().application_name(application).deployment_group_name(group);
        let call = match listed {
            Listed::Active => call.set_include_only_statuses(Some(ACTIVE.to_vec())),
            Listed::Since(since) => call.create_time_range(TimeRange::builder().start(date_time(since)).build()),
        };
        let mut ids = Vec::new();
        let mut pages = call.into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| failure(LIST, &error))?;
            ids.extend(page.deployments.unwrap_or_default());
        }
        Ok(ids)
    }

    async fn get(&self, id: &str) -> Result<DeploymentInfo, CallError> {
        let answer = self.reads.get_deployment().deployment_id(id).send().await;
        let info = answer.map_err(|error| failure(GET, &error))?.deployment_info;
        required(GET, "deploymentInfo", info)
    }

    async fn get_many(&self, ids: &[String]) -> Result<Vec<DeploymentInfo>, CallError> {
        let mut infos = Vec::with_capacity(ids.len());
        for ids in ids.chunks(NAMES_PER_CALL) {
            let answer = self.reads.batch_get_deployments().set_deployment_ids(Some(ids.to_vec())).send().await;
            let found = answer.map_err(|error| failure(GET_MANY, &error))?.deployments_info.unwrap_or_default();
            // One that is listed and not described could be ours, or a foreign one under way.
            for id in ids {
                if !found.iter().any(|info| info.deployment_id() == Some(id)) {
                    return Err(malformed(GET_MANY, &format!("the answer lacks the listed deployment {id}")));
                }
            }
            infos.extend(found);
        }
        Ok(infos)
    }
}
