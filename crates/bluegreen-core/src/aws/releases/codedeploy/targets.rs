//! What a deployment's targets tell: lifecycle events, task counts and shares of traffic.

use aws_sdk_codedeploy::operation::batch_get_deployment_targets::BatchGetDeploymentTargetsError as GetError;
use aws_sdk_codedeploy::operation::list_deployment_targets::ListDeploymentTargetsError as ListError;
use aws_sdk_codedeploy::types::{self as sdk, DeploymentTarget, EcsTaskSet, TargetLabel};

use super::CodeDeploy;
use crate::aws::classify::failure;
use crate::aws::convert::next;
use crate::aws::releases::ppm;
use crate::observe::OldAndNew;
use crate::ports::CallError;

const LIST: &str = "codedeploy:ListDeploymentTargets";
const GET: &str = "codedeploy:BatchGetDeploymentTargets";

/// How many targets one call may name.
const TARGETS_PER_CALL: usize = 25;

impl CodeDeploy {
    /// The targets of a deployment: one for an ECS service or a Lambda function, none before it has begun.
    pub(super) async fn targets(&self, id: &str) -> Result<Vec<DeploymentTarget>, CallError> {
        let (mut names, mut token) = (Vec::new(), None);
        loop {
            let answer =
                self.reads.list_deployment_targets().deployment_id(id).set_next_token(token.clone()).send().await;
            let page = match answer {
                Ok(page) => page,
                Err(error) if error.as_service_error().is_some_and(ListError::is_deployment_not_started_exception) => {
                    return Ok(Vec::new());
                }
                Err(error) => return Err(failure(LIST, &error)),
            };
            names.extend(page.target_ids.unwrap_or_default());
            token = next(LIST, token.as_deref(), page.next_token)?;
            if token.is_none() {
                break;
            }
        }
        let mut targets = Vec::with_capacity(names.len());
        for names in names.chunks(TARGETS_PER_CALL) {
            let call = self.reads.batch_get_deployment_targets().deployment_id(id);
            let answer = call.set_target_ids(Some(names.to_vec())).send().await;
            match answer {
                Ok(answer) => targets.extend(answer.deployment_targets.unwrap_or_default()),
                Err(error) if error.as_service_error().is_some_and(GetError::is_deployment_not_started_exception) => {}
                Err(error) => return Err(failure(GET, &error)),
            }
        }
        Ok(targets)
    }
}

/// The lifecycle events of a target of any kind.
pub(super) fn events(target: &DeploymentTarget) -> &[sdk::LifecycleEvent] {
    let ecs = target.ecs_target.as_ref().map(sdk::EcsTarget::lifecycle_events);
    let lambda = || target.lambda_target.as_ref().map(sdk::LambdaTarget::lifecycle_events);
    let stack = || target.cloud_formation_target.as_ref().map(sdk::CloudFormationTarget::lifecycle_events);
    let server = || target.instance_target.as_ref().map(sdk::InstanceTarget::lifecycle_events);
    ecs.or_else(lambda).or_else(stack).or_else(server).unwrap_or_default()
}

/// The share of traffic that the new version has, in parts of a million.
pub(super) fn share(target: &DeploymentTarget) -> Option<u32> {
    if let Some(ecs) = &target.ecs_target {
        let sides = Sides::of(ecs.task_sets_info());
        return sides.new.iter().map(|set| set.traffic_weight).reduce(|one, other| one + other).and_then(ppm);
    }
    let lambda = target.lambda_target.as_ref().and_then(|lambda| lambda.lambda_function_info.as_ref());
    let weight = lambda.map(|lambda| lambda.target_version_weight);
    weight.or_else(|| target.cloud_formation_target.as_ref().map(|stack| stack.target_version_weight)).and_then(ppm)
}

/// The task counts of both versions; functions have none.
pub(super) fn tasks(target: &DeploymentTarget) -> OldAndNew {
    let Some(ecs) = &target.ecs_target else { return OldAndNew::default() };
    let sides = Sides::of(ecs.task_sets_info());
    OldAndNew { old: counts(&sides.old), new: counts(&sides.new) }
}

/// Asked for and running.
fn counts(sets: &[&EcsTaskSet]) -> (u32, u32) {
    let sum = |count: fn(&EcsTaskSet) -> i64| {
        let total: i64 = sets.iter().map(|set| count(set).max(0)).sum();
        u32::try_from(total).unwrap_or(u32::MAX)
    };
    (sum(|set| set.desired_count), sum(|set| set.running_count))
}

/// A service's task sets by version.
struct Sides<'a> {
    old: Vec<&'a EcsTaskSet>,
    new: Vec<&'a EcsTaskSet>,
}

impl<'a> Sides<'a> {
    /// Blue is the original set and green its replacement. A set that is labelled as neither is the one that is
    /// missing beside a labelled one; without any label nothing is said.
    fn of(sets: &'a [EcsTaskSet]) -> Sides<'a> {
        let labelled = |label: &TargetLabel| sets.iter().any(|set| set.task_set_label.as_ref() == Some(label));
        let (blue, green) = (labelled(&TargetLabel::Blue), labelled(&TargetLabel::Green));
        let mut sides = Sides { old: Vec::new(), new: Vec::new() };
        for set in sets {
            match &set.task_set_label {
                Some(TargetLabel::Blue) => sides.old.push(set),
                Some(TargetLabel::Green) => sides.new.push(set),
                _ if blue && !green => sides.new.push(set),
                _ if green && !blue => sides.old.push(set),
                _ => {}
            }
        }
        sides
    }
}
