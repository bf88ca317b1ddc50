//! Resource Groups Tagging API: tags of everything that has an ARN.

use std::collections::BTreeMap;

use super::{Context, page};
use crate::node;
use crate::wire::{ApiError, Input, Map, Node, Request, Service};
use crate::world::tags::{self, Tags};
use crate::world::{ReadKind, Refused};

pub(super) fn serve(context: &mut Context<'_>, request: &Request) -> Result<Node, ApiError> {
    let input = &request.input;
    match request.operation.as_str() {
        "GetResources" => get_resources(context, input),
        "GetTagKeys" => get_keys(context, input),
        "GetTagValues" => get_values(context, input),
        "TagResources" => tag(context, input),
        "UntagResources" => untag(context, input),
        other => Err(ApiError::not_implemented(Service::Tagging, other)),
    }
}

/// What `GetResources` asks for.
struct Filter {
    arns: Vec<String>,
    /// `elasticloadbalancing:targetgroup`, or the service alone.
    kinds: Vec<String>,
    /// Keys with the values of which one must match; no value stands for any.
    tags: Vec<(String, Vec<String>)>,
}

impl Filter {
    fn read(input: &Input) -> Result<Filter, ApiError> {
        let tag = |filter: &Input| {
            Ok((filter.required_text("Key")?.to_owned(), filter.strings("Values")?.unwrap_or_default()))
        };
        let filters = input.list("TagFilters")?.unwrap_or_default();
        let filter = Filter {
            arns: input.strings("ResourceARNList")?.unwrap_or_default(),
            kinds: input.strings("ResourceTypeFilters")?.unwrap_or_default(),
            tags: filters.iter().map(tag).collect::<Result<_, ApiError>>()?,
        };
        if !filter.arns.is_empty() && (!filter.kinds.is_empty() || !filter.tags.is_empty()) {
            return Err(invalid("ResourceARNList cannot be given together with other filters"));
        }
        Ok(filter)
    }

    fn takes(&self, arn: &str, tags: &Tags) -> bool {
        let named = self.arns.is_empty() || self.arns.iter().any(|name| name == arn);
        let kind = self.kinds.is_empty() || self.kinds.iter().any(|kind| is_of_kind(arn, kind));
        let fits = |(key, values): &(String, Vec<String>)| {
            tags.get(key).is_some_and(|value| values.is_empty() || values.contains(value))
        };
        named && kind && self.tags.iter().all(fits)
    }
}

fn is_of_kind(arn: &str, kind: &str) -> bool {
    let mut parts = arn.splitn(6, ':');
    let service = parts.nth(2).unwrap_or_default();
    let resource = parts.nth(2).unwrap_or_default();
    match kind.split_once(':') {
        None => service == kind,
        Some((wanted, resource_kind)) => {
            let first = resource.split(['/', ':']).next();
            // Some kinds say more than the first part of the ARN: `loadbalancer/app`.
            let longer = resource.strip_prefix(resource_kind).is_some_and(|rest| rest.starts_with('/'));
            service == wanted && (first == Some(resource_kind) || longer)
        }
    }
}

fn get_resources(context: &mut Context<'_>, input: &Input) -> Result<Node, ApiError> {
    let filter = Filter::read(input)?;
    let size = input.int_within("ResourcesPerPage", 1, 100)?.unwrap_or(50);
    let (state, _) = context.read(ReadKind::Groups, &"tagged resources");
    let things = state.tagged_things().into_iter().filter(|(arn, tags)| filter.takes(arn, tags));
    let item = |(arn, tags): (&str, &Tags)| (arn.to_owned(), node! { "ResourceARN": arn, "Tags": show(tags) });
    paged(context, input, size, "ResourceTagMappingList", things.map(item).collect())
}

fn get_keys(context: &mut Context<'_>, input: &Input) -> Result<Node, ApiError> {
    let (state, _) = context.read(ReadKind::Groups, &"tag keys");
    let keys = state.tagged_things().into_values().flat_map(Tags::keys);
    let items: BTreeMap<String, Node> = keys.map(|key| (key.clone(), Node::from(key))).collect();
    paged(context, input, 1_000, "TagKeys", items.into_iter().collect())
}

fn get_values(context: &mut Context<'_>, input: &Input) -> Result<Node, ApiError> {
    let key = input.required_text("Key")?;
    let (state, _) = context.read(ReadKind::Groups, &"tag values");
    let values = state.tagged_things().into_values().filter_map(|tags| tags.get(key));
    let items: BTreeMap<String, Node> = values.map(|value| (value.clone(), Node::from(value))).collect();
    paged(context, input, 1_000, "TagValues", items.into_iter().collect())
}

/// Each thing by itself: those that fail are told, the others have their tags.
fn tag(context: &mut Context<'_>, input: &Input) -> Result<Node, ApiError> {
    let arns = input.required_strings("ResourceARNList")?;
    let pairs = input.pairs("Tags")?.ok_or_else(|| input.missing("Tags"))?;
    let tags = tags::checked(&pairs).map_err(|refused| invalid(refused.message))?;
    Ok(each(&arns, |arn| context.world.add_tags(&[arn.to_owned()], &tags)))
}

fn untag(context: &mut Context<'_>, input: &Input) -> Result<Node, ApiError> {
    let arns = input.required_strings("ResourceARNList")?;
    let keys = input.required_strings("TagKeys")?;
    Ok(each(&arns, |arn| context.world.remove_tags(&[arn.to_owned()], &keys)))
}

fn each(arns: &[String], mut write: impl FnMut(&str) -> Result<(), Refused>) -> Node {
    let failed = arns.iter().filter_map(|arn| {
        let refused = write(arn).err()?;
        let failure = node! {
            "StatusCode": 400, "ErrorCode": "InvalidParameterException", "ErrorMessage": refused.to_string(),
        };
        Some((arn.clone(), failure))
    });
    let failed: Map = failed.collect();
    node! { "FailedResourcesMap": failed }
}

fn paged(
    context: &Context<'_>,
    input: &Input,
    size: i64,
    name: &str,
    items: Vec<(String, Node)>,
) -> Result<Node, ApiError> {
    let size = usize::try_from(size).unwrap_or(1);
    let size = context.world.config.page_size.map_or(size, |most| most.min(size));
    let token = input.text("PaginationToken")?.filter(|token| !token.is_empty());
    let page = page::cut(items, page::Order::Ascending, size, token);
    let (items, next) = page.ok_or_else(|| {
        ApiError::sender("PaginationTokenExpiredException", "PaginationToken is none that an earlier answer gave")
    })?;
    let mut answer = Map::new();
    answer.insert(name, items);
    // An empty token says that this was the last page.
    answer.insert("PaginationToken", next.unwrap_or_default());
    Ok(answer.into())
}

fn show(tags: &Tags) -> Node {
    tags.iter().map(|(key, value)| node! { "Key": key, "Value": value }).collect()
}

fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::validation(Service::Tagging, message)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::{Value, json};

    use super::*;
    use crate::services::Caller;
    use crate::wire::Protocol;
    use crate::world::{BalancerRecord, Config, GroupRecord, World};

    fn ask(world: &mut World, operation: &str, input: Value) -> Result<Value, ApiError> {
        let request = Request {
            service: Service::Tagging,
            operation: operation.to_owned(),
            input: Input::new(Service::Tagging, Protocol::Json11, input.into()),
            protocol: Protocol::Json11,
            request_id: "1".to_owned(),
            query_mode: false,
        };
        let caller = Caller::new("client");
        let answer = crate::services::serve(&mut Context::new(world, &caller, 1), &request);
        answer.map(|node| node.to_json())
    }

    /// A load balancer and a group, both tagged.
    fn shop() -> (World, String, String) {
        let mut world = World::new(Config::fast(1));
        let balancer = world.create_balancer(BalancerRecord::new("shop"), BTreeMap::new()).unwrap().to_string();
        let record = GroupRecord::new("HTTP", 80, "ip", "vpc-1");
        let group = world.create_group("blue", record, BTreeMap::new()).unwrap().to_string();
        let tags = json!({"ResourceARNList": [balancer, group], "Tags": {"team": "web"}});
        assert_eq!(ask(&mut world, "TagResources", tags).unwrap(), json!({"FailedResourcesMap": {}}));
        let tags = json!({"ResourceARNList": [group], "Tags": {"color": "blue"}});
        ask(&mut world, "TagResources", tags).unwrap();
        (world, balancer, group)
    }

    fn found(world: &mut World, input: Value) -> Vec<String> {
        let answer = ask(world, "GetResources", input).unwrap();
        let list = answer["ResourceTagMappingList"].as_array().unwrap().clone();
        list.iter().map(|item| item["ResourceARN"].as_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn resources_are_found_by_tag_kind_and_name() {
        let (mut world, balancer, group) = shop();
        let (both, only) = ([balancer.clone(), group.clone()], [group.clone()]);
        assert_eq!(found(&mut world, json!({})), both);
        assert_eq!(found(&mut world, json!({"TagFilters": [{"Key": "team", "Values": ["web", "x"]}]})), both);
        assert_eq!(found(&mut world, json!({"TagFilters": [{"Key": "color"}]})), only);
        assert!(found(&mut world, json!({"TagFilters": [{"Key": "team", "Values": ["x"]}]})).is_empty());
        let kinds = |kind: &str| json!({"ResourceTypeFilters": [kind]});
        assert_eq!(found(&mut world, kinds("elasticloadbalancing")), both);
        assert_eq!(found(&mut world, kinds("elasticloadbalancing:targetgroup")), only);
        assert_eq!(found(&mut world, kinds("elasticloadbalancing:loadbalancer/app")), [balancer]);
        assert!(found(&mut world, kinds("ecs:service")).is_empty());
        assert_eq!(found(&mut world, json!({"ResourceARNList": [group]})), only);
        let mixed = json!({"ResourceARNList": [group], "ResourceTypeFilters": ["ecs"]});
        assert_eq!(ask(&mut world, "GetResources", mixed).unwrap_err().code, "InvalidParameterException");
        assert_eq!(ask(&mut world, "GetTagKeys", json!({})).unwrap()["TagKeys"], json!(["color", "team"]));
        assert_eq!(ask(&mut world, "GetTagValues", json!({"Key": "team"})).unwrap()["TagValues"], json!(["web"]));
    }

    #[test]
    fn pages_of_one_give_the_same() {
        let (mut world, balancer, group) = shop();
        world.config.page_size = Some(1);
        let first = ask(&mut world, "GetResources", json!({})).unwrap();
        let token = first["PaginationToken"].clone();
        assert_eq!(first["ResourceTagMappingList"][0]["ResourceARN"], json!(balancer));
        let second = ask(&mut world, "GetResources", json!({"PaginationToken": token})).unwrap();
        assert_eq!(second["ResourceTagMappingList"][0]["ResourceARN"], json!(group));
        assert_eq!(second["PaginationToken"], json!(""));
        let bad = ask(&mut world, "GetResources", json!({"PaginationToken": "x"})).unwrap_err();
        assert_eq!(bad.code, "PaginationTokenExpiredException");
    }

    #[test]
    fn what_is_not_there_is_told_and_the_rest_is_done() {
        let (mut world, balancer, group) = shop();
        let lost = format!("{group}0");
        let keys = json!({"ResourceARNList": [lost, balancer], "TagKeys": ["team"]});
        let answer = ask(&mut world, "UntagResources", keys).unwrap();
        assert_eq!(answer["FailedResourcesMap"].as_object().unwrap().keys().collect::<Vec<_>>(), [&lost]);
        assert_eq!(found(&mut world, json!({})), [group]);
        assert_eq!(ask(&mut world, "StartReportCreation", json!({})).unwrap_err().status, 501);
    }
}
