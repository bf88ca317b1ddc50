//! Tags, by the service's own operations.

use super::{at_most, keys_and_values, not_found, show_pairs};
use crate::node;
use crate::services::Context;
use crate::wire::{ApiError, Input, Node};
use crate::world::{ReadKind, tags};

pub(super) fn add(context: &mut Context<'_>, input: &Input) -> Result<Node, ApiError> {
    let arns = input.required_strings("ResourceArns")?;
    input.required_list("Tags")?;
    let tags = tags::checked(&keys_and_values(input, "Tags")?)?;
    context.world.add_tags(&arns, &tags)?;
    Ok(node! {})
}

pub(super) fn remove(context: &mut Context<'_>, input: &Input) -> Result<Node, ApiError> {
    let (arns, keys) = (input.required_strings("ResourceArns")?, input.required_strings("TagKeys")?);
    context.world.remove_tags(&arns, &keys)?;
    Ok(node! {})
}

pub(super) fn describe(context: &mut Context<'_>, input: &Input) -> Result<Node, ApiError> {
    let arns = input.required_strings("ResourceArns")?;
    at_most(arns.len(), 20)?;
    let (state, _) = context.read(ReadKind::Groups, &"tags");
    let show = |arn: &String| {
        let tags = state.tags_of(arn).ok_or_else(|| not_found(missing(arn), "resource", arn))?;
        Ok(node! { "ResourceArn": arn, "Tags": show_pairs(&tags) })
    };
    Ok(node! { "TagDescriptions": arns.iter().map(show).collect::<Result<Vec<_>, ApiError>>()? })
}

/// The code for something that is not there, by what its ARN says it is.
fn missing(arn: &str) -> &'static str {
    let kinds = [
        (":listener-rule/", "RuleNotFound"),
        (":listener/", "ListenerNotFound"),
        (":targetgroup/", "TargetGroupNotFound"),
    ];
    kinds.iter().find(|(kind, _)| arn.contains(kind)).map_or("LoadBalancerNotFound", |(_, code)| code)
}
