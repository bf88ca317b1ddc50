//! Tags of clusters, services, task definitions, task sets and tasks.

use super::{Context, given_tags, own, shown_tags};
use crate::node;
use crate::wire::{ApiError, Input, Node};
use crate::world::{FleetError, ReadKind, State};

pub(super) fn tag(context: &mut Context<'_>, input: &Input) -> Result<Node, ApiError> {
    let arn = known(context.world.state(), input, "ResourceNotFoundException")?;
    input.required_list("tags")?;
    let tags = given_tags(input)?;
    context.world.add_tags(&[arn], &tags).map_err(own)?;
    Ok(node! {})
}

pub(super) fn untag(context: &mut Context<'_>, input: &Input) -> Result<Node, ApiError> {
    let arn = known(context.world.state(), input, "ResourceNotFoundException")?;
    let keys = input.required_strings("tagKeys")?;
    context.world.remove_tags(&[arn], &keys).map_err(own)?;
    Ok(node! {})
}

pub(super) fn list(context: &Context<'_>, input: &Input) -> Result<Node, ApiError> {
    let (state, _) = context.read(ReadKind::Services, &"tags");
    let arn = known(state, input, "InvalidParameterException")?;
    Ok(node! { "tags": shown_tags(state, &arn) })
}

/// The ARN that a request names, which must be one of something that can have tags.
fn known(state: &State, input: &Input, code: &str) -> Result<String, ApiError> {
    let arn = input.required_text("resourceArn")?;
    if state.tags_of(arn).is_some() {
        return Ok(arn.to_owned());
    }
    match arn.splitn(6, ':').nth(5).and_then(|resource| resource.split('/').next()) {
        Some("cluster") => Err(FleetError::ClusterNotFound.into()),
        _ => Err(ApiError::sender(code, format!("The specified resource wasn't found: {arn}"))),
    }
}
