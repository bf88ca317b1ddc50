//! What `DescribeServices` tells of a service beyond what the loop looks at: who moves it, and how it is wired.

use serde_json::Value;

use crate::appspec::{CapacityProvider, LoadBalancer, Network, ServiceFacts, TaskDefinitionRef};

/// Who moves a service's tasks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Mover {
    /// ECS, replacing tasks in place.
    Rolling,
    /// ECS with a pair of target groups that it can shift between.
    Native(String),
    /// CodeDeploy.
    CodeDeploy,
    /// An external controller.
    External,
    /// A kind that this version does not know.
    Unknown(String),
}

/// A pair of target groups that ECS shifts traffic between.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NativeWiring {
    /// `targetGroupArn`.
    pub target_group: String,
    /// `alternateTargetGroupArn`.
    pub alternate: String,
    /// `productionListenerRule`.
    pub production: String,
    /// `testListenerRule`.
    pub test: Option<String>,
}

pub(super) fn text<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value.get(key).and_then(Value::as_str).filter(|text| !text.is_empty())
}

pub(super) fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

pub(super) fn mover(service: &Value) -> Mover {
    let controller = service.get("deploymentController").and_then(|controller| text(controller, "type"));
    match controller.unwrap_or("ECS") {
        "CODE_DEPLOY" => Mover::CodeDeploy,
        "EXTERNAL" => Mover::External,
        "ECS" => {
            let strategy =
                service.get("deploymentConfiguration").and_then(|c| text(c, "strategy")).unwrap_or("ROLLING");
            match strategy {
                "ROLLING" if native_wirings(service).is_empty() => Mover::Rolling,
                other => Mover::Native(other.to_owned()),
            }
        }
        other => Mover::Unknown(other.to_owned()),
    }
}

pub(super) fn native_wirings(service: &Value) -> Vec<NativeWiring> {
    let wiring = |balancer: &Value| {
        let advanced = balancer.get("advancedConfiguration").filter(|advanced| advanced.is_object())?;
        Some(NativeWiring {
            target_group: text(balancer, "targetGroupArn")?.to_owned(),
            alternate: text(advanced, "alternateTargetGroupArn")?.to_owned(),
            production: text(advanced, "productionListenerRule")?.to_owned(),
            test: text(advanced, "testListenerRule").map(str::to_owned),
        })
    };
    list(service, "loadBalancers").iter().filter_map(wiring).collect()
}

/// The task set that serves, where CodeDeploy or an external controller makes task sets.
fn primary(service: &Value) -> Option<&Value> {
    list(service, "taskSets").iter().find(|set| text(set, "status") == Some("PRIMARY"))
}

/// What an AppSpec document takes over from the service.
pub(super) fn appspec_facts(service: &Value) -> ServiceFacts {
    let set = primary(service);
    let member = |key: &str| {
        let filled = |value: &&Value| !value.is_null() && value.as_array().is_none_or(|items| !items.is_empty());
        set.and_then(|set| set.get(key)).filter(filled).or_else(|| service.get(key).filter(filled))
    };
    let items = |key: &str| member(key).and_then(Value::as_array).cloned().unwrap_or_default();
    let balancer = |value: &Value| {
        Some(LoadBalancer {
            container_name: text(value, "containerName")?.to_owned(),
            container_port: value.get("containerPort")?.as_u64()?.try_into().ok()?,
            target_group: text(value, "targetGroupArn").map(str::to_owned),
        })
    };
    let provider = |value: &Value| {
        let number = |key| value.get(key).and_then(Value::as_u64).and_then(|n| u32::try_from(n).ok()).unwrap_or(0);
        Some(CapacityProvider {
            name: text(value, "capacityProvider")?.to_owned(),
            base: number("base"),
            weight: number("weight"),
        })
    };
    ServiceFacts {
        task_definition: TaskDefinitionRef::Placeholder,
        load_balancers: items("loadBalancers").iter().filter_map(balancer).collect(),
        network: member("networkConfiguration").and_then(|network| network.get("awsvpcConfiguration")).map(network),
        platform_version: member("platformVersion").and_then(Value::as_str).map(str::to_owned),
        capacity_providers: items("capacityProviderStrategy").iter().filter_map(provider).collect(),
    }
}

fn network(awsvpc: &Value) -> Network {
    let strings = |key| list(awsvpc, key).iter().filter_map(Value::as_str).map(str::to_owned).collect();
    Network {
        subnets: strings("subnets"),
        security_groups: strings("securityGroups"),
        assign_public_ip: text(awsvpc, "assignPublicIp") == Some("ENABLED"),
    }
}

/// A cluster's name, whether it is given so or as an ARN.
pub(super) fn cluster_name(cluster: &str) -> &str {
    cluster.rsplit('/').next().unwrap_or(cluster)
}
