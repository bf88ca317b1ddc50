//! What is asked of a deployment under way.

use super::{Context, Input, deployments, invalid, nothing, own};
use crate::node;
use crate::wire::{ApiError, Node};
use crate::world::codedeploy::Wait;

pub(super) fn go_on(context: &mut Context<'_>, input: &Input) -> Result<Node, ApiError> {
    let id = deployments::id(input)?;
    let wait = match input.text("deploymentWaitType")? {
        None | Some("READY_WAIT") => Wait::Ready,
        Some("TERMINATION_WAIT") => Wait::Termination,
        Some(other) => {
            let text = format!("{other} is no wait of a deployment: there are READY_WAIT and TERMINATION_WAIT");
            return Err(invalid("InvalidDeploymentWaitTypeException", text));
        }
    };
    context.world.continue_deployment(id, wait).map_err(own)?;
    Ok(nothing())
}

pub(super) fn stop(context: &mut Context<'_>, input: &Input) -> Result<Node, ApiError> {
    let id = deployments::id(input)?;
    context.world.stop_deployment(id, input.bool("autoRollbackEnabled")?).map_err(own)?;
    Ok(node! { "status": "Pending", "statusMessage": "The deployment will be stopped." })
}

pub(super) fn answer_hook(context: &mut Context<'_>, input: &Input) -> Result<Node, ApiError> {
    let id = deployments::id(input)?;
    let passed = match input.text("status")? {
        Some("Succeeded") => true,
        Some("Failed") => false,
        other => {
            let text = format!("the status must be Succeeded or Failed, not {}", other.unwrap_or("nothing"));
            return Err(invalid("InvalidLifecycleEventHookExecutionStatusException", text));
        }
    };
    let run = input.text("lifecycleEventHookExecutionId")?.unwrap_or_default();
    context.world.answer_hook(id, run, passed).map_err(own)?;
    Ok(node! { "lifecycleEventHookExecutionId": run })
}
