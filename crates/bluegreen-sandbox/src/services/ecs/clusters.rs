//! Clusters.

use super::paging::{Order, page};
use super::{Context, arn, cluster, copy, given_tags, includes, invalid, missing, own, settings, shown_tags};
use crate::node;
use crate::wire::{ApiError, Input, Map, Node};
use crate::world::{FleetError, Ms, ReadKind, ServiceStatus, State, TaskPhase, World};

pub(super) fn create(context: &mut Context<'_>, input: &Input) -> Result<Node, ApiError> {
    let name = input.text("clusterName")?.filter(|name| !name.is_empty()).unwrap_or("default").to_owned();
    let letters = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
    if !letters || name.len() > 255 {
        return Err(invalid("clusterName may have up to 255 letters, digits, - and _."));
    }
    let tags = given_tags(input)?;
    let fresh = !context.world.state().has_cluster(&name);
    let arn = context.world.create_cluster(&name, settings(input, &["clusterName", "tags"]).into());
    if fresh && !tags.is_empty() {
        context.world.add_tags(&[arn], &tags).map_err(own)?;
    }
    let (world, now) = (&*context.world, context.world.now_ms());
    Ok(node! { "cluster": shown(world, world.state(), &name, now, true) })
}

pub(super) fn describe(context: &Context<'_>, input: &Input) -> Result<Node, ApiError> {
    let named = input.strings("clusters")?.filter(|named| !named.is_empty());
    let named = named.unwrap_or_else(|| vec!["default".to_owned()]);
    if named.len() > 100 {
        return Err(invalid(format!("clusters can have at most 100 items, not {}.", named.len())));
    }
    let tags = includes(input, "TAGS")?;
    let (mut found, mut failures) = (Vec::new(), Vec::new());
    for reference in named {
        let name = reference.rsplit('/').next().unwrap_or_default();
        let (state, at) = context.read(ReadKind::Services, &name);
        match shown(context.world, state, name, at, tags) {
            Node::Null => failures.push(missing(arn(context.world, &format!("cluster/{name}")))),
            shown => found.push(shown),
        }
    }
    Ok(node! { "clusters": found, "failures": failures })
}

pub(super) fn list(context: &Context<'_>, input: &Input) -> Result<Node, ApiError> {
    let (state, _) = context.read(ReadKind::Services, &"clusters");
    let active = state.clusters.iter().filter(|(_, cluster)| cluster.active);
    let items = active.map(|(name, cluster)| (name.clone(), Node::from(&cluster.arn))).collect();
    page(context.world, input, "clusterArns", 100, Order::Ascending, items)
}

pub(super) fn delete(context: &mut Context<'_>, input: &Input) -> Result<Node, ApiError> {
    input.required_text("cluster")?;
    let name = cluster(input)?;
    if !context.world.state().has_cluster(&name) {
        return Err(FleetError::ClusterNotFound.into());
    }
    context.world.delete_cluster(&name)?;
    let (world, now) = (&*context.world, context.world.now_ms());
    Ok(node! { "cluster": shown(world, world.state(), &name, now, false) })
}

fn shown(world: &World, state: &State, name: &str, at: Ms, tags: bool) -> Node {
    let Some(record) = state.clusters.get(name) else { return Node::Null };
    let tasks = world.tasks_in(state, name, at);
    let count = |phase| tasks.iter().filter(|view| view.phase == phase).count();
    let services = state.services.iter().filter(|((cluster, _), _)| cluster == name);
    let services = services.filter(|(_, service)| service.status == ServiceStatus::Active).count();
    let none: [&str; 0] = [];
    let mut answer: Map = [
        ("clusterArn", Node::from(&record.arn)),
        ("clusterName", name.into()),
        ("status", if record.active { "ACTIVE" } else { "INACTIVE" }.into()),
        ("registeredContainerInstancesCount", 0.into()),
        ("runningTasksCount", count(TaskPhase::Running).into()),
        ("pendingTasksCount", count(TaskPhase::Pending).into()),
        ("activeServicesCount", services.into()),
        ("statistics", none.into()),
        ("tags", if tags { shown_tags(state, &record.arn) } else { none.into() }),
        ("settings", vec![node! { "name": "containerInsights", "value": "disabled" }].into()),
        ("capacityProviders", none.into()),
        ("defaultCapacityProviderStrategy", none.into()),
    ]
    .into_iter()
    .collect();
    let echoed = ["settings", "configuration", "capacityProviders", "defaultCapacityProviderStrategy"];
    copy(&mut answer, &record.settings, &echoed);
    copy(&mut answer, &record.settings, &["serviceConnectDefaults"]);
    answer.into()
}
