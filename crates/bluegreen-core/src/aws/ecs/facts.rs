//! What an AppSpec document takes over from a live service.

use aws_sdk_ecs::types as sdk;

use super::{AwsFleet, DESCRIBE_SERVICES, failed_service, services};
use crate::appspec::{CapacityProvider, LoadBalancer, Network, ServiceFacts, TaskDefinitionRef};
use crate::aws::classify::{failure, own};
use crate::aws::convert::count;
use crate::ports::{CallError, ErrorClass};

impl AwsFleet {
    /// One service as AppSpec documents describe it; its task definition is the revision that it runs.
    ///
    /// # Errors
    ///
    /// `NotFound` where there is no active service of this name, else how the call failed.
    pub async fn service_facts(&self, cluster: &str, service: &str) -> Result<ServiceFacts, CallError> {
        let call = self.reads.describe_services().cluster(cluster).services(service);
        let answer = call.send().await.map_err(|error| failure(DESCRIBE_SERVICES, &error))?;
        if let Some(failed) = answer.failures.unwrap_or_default().first() {
            return Err(failed_service(cluster, failed));
        }
        let active = |found: &&sdk::Service| found.status.as_deref() != Some("INACTIVE");
        let found = answer.services.unwrap_or_default();
        let found = found.iter().find(active).ok_or_else(|| {
            let message = format!("there is no active service `{service}` in cluster `{cluster}`");
            own(DESCRIBE_SERVICES, ErrorClass::NotFound, &message)
        })?;
        facts(found)
    }
}

fn facts(service: &sdk::Service) -> Result<ServiceFacts, CallError> {
    let snapshot = services::snapshot(service)?;
    let set = services::primary_task_set(service);
    // Under CodeDeploy the task set has what the service may lack.
    let own = service.load_balancers.as_deref().filter(|own| !own.is_empty());
    let balancers = own.or(set.and_then(|set| set.load_balancers.as_deref())).unwrap_or_default();
    let network = service.network_configuration.as_ref().or(set.and_then(|set| set.network_configuration.as_ref()));
    let strategy = service.capacity_provider_strategy.as_deref().filter(|own| !own.is_empty());
    let strategy = strategy.or(set.and_then(|set| set.capacity_provider_strategy.as_deref())).unwrap_or_default();
    let platform = service.platform_version.as_deref().or(set.and_then(|set| set.platform_version.as_deref()));
    Ok(ServiceFacts {
        task_definition: TaskDefinitionRef::Arn(snapshot.task_definition),
        load_balancers: balancers.iter().filter_map(balancer).collect(),
        network: network.and_then(|network| network.awsvpc_configuration.as_ref()).map(vpc),
        platform_version: platform.filter(|text| !text.is_empty()).map(str::to_owned),
        capacity_providers: strategy.iter().map(provider).collect(),
    })
}

fn balancer(found: &sdk::LoadBalancer) -> Option<LoadBalancer> {
    Some(LoadBalancer {
        container_name: found.container_name.clone()?,
        container_port: u16::try_from(found.container_port?).ok()?,
        target_group: found.target_group_arn.clone(),
    })
}

fn vpc(found: &sdk::AwsVpcConfiguration) -> Network {
    Network {
        subnets: found.subnets.clone(),
        security_groups: found.security_groups.clone().unwrap_or_default(),
        assign_public_ip: found.assign_public_ip == Some(sdk::AssignPublicIp::Enabled),
    }
}

fn provider(found: &sdk::CapacityProviderStrategyItem) -> CapacityProvider {
    CapacityProvider { name: found.capacity_provider.clone(), base: count(found.base), weight: count(found.weight) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service() -> aws_sdk_ecs::types::builders::ServiceBuilder {
        sdk::Service::builder()
            .service_arn("arn:aws:ecs:eu-west-3:111122223333:service/shop/web")
            .service_name("web")
            .status("ACTIVE")
            .task_definition("arn:aws:ecs:eu-west-3:111122223333:task-definition/web:7")
    }

    fn port(container: &str, port: i32) -> sdk::LoadBalancer {
        sdk::LoadBalancer::builder().container_name(container).container_port(port).build()
    }

    #[test]
    fn a_service_tells_its_port_and_network() {
        let vpc = sdk::AwsVpcConfiguration::builder()
            .subnets("subnet-1")
            .security_groups("sg-1")
            .assign_public_ip(sdk::AssignPublicIp::Enabled)
            .build()
            .unwrap();
        let network = sdk::NetworkConfiguration::builder().awsvpc_configuration(vpc).build();
        let found = facts(&service().load_balancers(port("web", 80)).network_configuration(network).build()).unwrap();
        assert_eq!(found.load_balancers[0].container_port, 80);
        let network = found.network.unwrap();
        assert_eq!((network.subnets.as_slice(), network.assign_public_ip), (&["subnet-1".to_owned()][..], true));
        assert_eq!(found.task_definition.as_str(), "arn:aws:ecs:eu-west-3:111122223333:task-definition/web:7");
    }

    #[test]
    fn a_task_set_fills_in_what_its_service_lacks() {
        let set = sdk::TaskSet::builder()
            .id("ecs-svc/1")
            .task_definition("web:7")
            .status("PRIMARY")
            .load_balancers(port("web", 81))
            .platform_version("1.4.0");
        let found = facts(&service().task_sets(set.build()).build()).unwrap();
        assert_eq!(found.load_balancers[0].container_port, 81);
        assert_eq!(found.platform_version.as_deref(), Some("1.4.0"));
    }
}
