//! Pairs of target groups, between which ECS itself shifts traffic.

use bluegreen_core::model::{RuleArn, TargetGroupArn};

use super::super::super::invalid;
use crate::wire::{ApiError, Input};
use crate::world::State;

/// `advancedConfiguration` of one load balancer of a service. Whether the rules lead to the groups is not looked at here:
/// AWS finds that out when it deploys.
pub(super) fn advanced(state: &State, entry: &Input, group: &TargetGroupArn) -> Result<(), ApiError> {
    let Some(advanced) = entry.map("advancedConfiguration")? else { return Ok(()) };
    let alternate = advanced.required_text("alternateTargetGroupArn")?;
    let found: TargetGroupArn = alternate.parse().map_err(|_| {
        advanced.invalid("alternateTargetGroupArn", &format!("{alternate} is not the ARN of a target group"))
    })?;
    if !state.groups.contains_key(&found) {
        return Err(invalid(format!("The target group with targetGroupArn {found} does not exist.")));
    }
    if found == *group {
        return Err(advanced.invalid("alternateTargetGroupArn", "it is the same as targetGroupArn"));
    }
    advanced.required_text("roleArn")?;
    rule(state, &advanced, "productionListenerRule", advanced.required_text("productionListenerRule")?)?;
    if let Some(test) = advanced.text("testListenerRule")? {
        rule(state, &advanced, "testListenerRule", test)?;
    }
    Ok(())
}

fn rule(state: &State, advanced: &Input, name: &str, text: &str) -> Result<(), ApiError> {
    let arn: RuleArn = text.parse().map_err(|_| {
        advanced.invalid(name, &format!("{text} is not the ARN of a rule; an application load balancer needs that"))
    })?;
    match state.route_of(&arn) {
        Some(_) => Ok(()),
        None => Err(advanced.invalid(name, &format!("the listener rule {text} does not exist"))),
    }
}
