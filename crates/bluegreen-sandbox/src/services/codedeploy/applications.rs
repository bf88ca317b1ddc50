//! Applications.

use super::{Context, Input, names, nothing, own, page};
use crate::node;
use crate::services::page::Order;
use crate::wire::{ApiError, Node};
use crate::world::codedeploy::{Application, Platform};
use crate::world::tags;
use crate::world::{ReadKind, World};

/// The platform that a request names; `Server` is what AWS takes where it names none.
pub(super) fn platform(input: &Input) -> Result<Platform, ApiError> {
    match input.text("computePlatform")? {
        Some("ECS") => Ok(Platform::Ecs),
        Some("Lambda") => Ok(Platform::Lambda),
        None | Some("Server") => Err(super::invalid(
            "InvalidComputePlatformException",
            "the sandbox has no instances, and so not the compute platform Server: say ECS or Lambda",
        )),
        Some(other) => {
            let text = format!("The compute platform must be Lambda, Server or ECS, not {other}");
            Err(super::invalid("InvalidComputePlatformException", text))
        }
    }
}

/// The application that a request names.
pub(super) fn name(input: &Input) -> Result<&str, ApiError> {
    input.required_text("applicationName")
}

/// Tags are checked, and not kept.
pub(super) fn check_tags(input: &Input) -> Result<(), ApiError> {
    let mut pairs = Vec::new();
    for tag in input.list("tags")?.unwrap_or_default() {
        pairs
            .push((tag.text("Key")?.unwrap_or_default().to_owned(), tag.text("Value")?.unwrap_or_default().to_owned()));
    }
    let refused = tags::checked(&pairs).err();
    refused.map_or(Ok(()), |refused| Err(super::invalid("InvalidTagsToAddException", refused.message)))
}

pub(super) fn create(context: &mut Context<'_>, input: &Input) -> Result<Node, ApiError> {
    let name = name(input)?;
    check_tags(input)?;
    let id = context.world.create_application(name, platform(input)?).map_err(own)?;
    Ok(node! { "applicationId": id })
}

pub(super) fn get(context: &Context<'_>, input: &Input) -> Result<Node, ApiError> {
    let name = name(input)?;
    let (state, _) = context.read(ReadKind::Services, &("application", name));
    let found = state.application(name).map_err(own)?;
    Ok(node! { "application": shown(context.world, name, found) })
}

pub(super) fn batch_get(context: &Context<'_>, input: &Input) -> Result<Node, ApiError> {
    let names = names(input, "applicationNames", "ApplicationNameRequiredException")?;
    let (state, _) = context.read(ReadKind::Services, &"applications");
    let show = |name: &String| Ok(shown(context.world, name, state.application(name).map_err(own)?));
    let all: Vec<Node> = names.iter().map(show).collect::<Result<_, ApiError>>()?;
    Ok(node! { "applicationsInfo": all })
}

pub(super) fn list(context: &Context<'_>, input: &Input) -> Result<Node, ApiError> {
    let (state, _) = context.read(ReadKind::Services, &"applications");
    let items = state.codedeploy.applications.keys().map(|name| (name.clone(), Node::from(name))).collect();
    page(context.world, input, "applications", Order::Ascending, items).map(Node::from)
}

pub(super) fn delete(context: &mut Context<'_>, input: &Input) -> Result<Node, ApiError> {
    context.world.delete_application(name(input)?);
    Ok(nothing())
}

fn shown(world: &World, name: &str, found: &Application) -> Node {
    node! {
        "applicationId": &found.id,
        "applicationName": name,
        "createTime": world.timestamp(found.created_at),
        "linkedToGitHub": false,
        "computePlatform": found.platform.as_str(),
    }
}
