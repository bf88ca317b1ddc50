//! The properties of a service.

use std::collections::HashSet;

use super::super::{CapacityProvider, EcsTarget, Network, TaskDefinitionRef};
use super::fields::Reader;
use super::{Use, arn};
use crate::diagnostic::{Diagnostic, codes};
use crate::document::{Node, Plain};

const NETWORK_HELP: &str = "give `Subnets`, `SecurityGroups` and `AssignPublicIp` together, or leave `NetworkConfiguration` out to keep what the service has";

impl Reader {
    pub(super) fn ecs(&mut self, properties: &Node) -> Option<EcsTarget> {
        let known = [
            "TaskDefinition",
            "LoadBalancerInfo",
            "PlatformVersion",
            "NetworkConfiguration",
            "CapacityProviderStrategy",
        ];
        let fields = self.fields(properties, properties.place, "`Properties` of a service", &known)?;
        let what = "a service's deployment";
        let help = "add `TaskDefinition:` with the full ARN, or with `<TASK_DEFINITION>` for a pipeline to fill in";
        let task_definition = if self.use_ == Use::Template {
            Some(TaskDefinitionRef::Placeholder)
        } else {
            let node = self.required(&fields, "TaskDefinition", what, help);
            node.and_then(|node| self.task_definition(node))
        };
        let help = "add `LoadBalancerInfo:` with the `ContainerName` and `ContainerPort` that get the traffic";
        let load_balancer = self.required(&fields, "LoadBalancerInfo", what, help);
        let load_balancer = load_balancer.and_then(|node| self.load_balancer(node));
        let capacity_providers =
            fields.get("CapacityProviderStrategy").map(|node| self.capacity(node)).unwrap_or_default();
        let platform_version =
            fields.get("PlatformVersion").and_then(|node| self.platform_version(node, &capacity_providers));
        let network = fields.get("NetworkConfiguration").and_then(|node| self.network(node));
        let (container_name, container_port) = load_balancer?;
        Some(EcsTarget {
            task_definition: task_definition?,
            container_name,
            container_port,
            platform_version,
            network,
            capacity_providers,
        })
    }

    fn task_definition(&mut self, node: &Node) -> Option<TaskDefinitionRef> {
        self.places.task_definition = Some(node.place);
        let text = self.text(node, "TaskDefinition")?;
        match arn::task_definition(text) {
            Ok(found) => Some(found),
            Err((code, message, help)) => {
                self.add(Diagnostic::error(code, message).at(node.place).help(help));
                None
            }
        }
    }

    fn load_balancer(&mut self, node: &Node) -> Option<(String, u16)> {
        if let Some([_, ..]) = node.items() {
            let found = Diagnostic::error(
                codes::APPSPEC_TYPE,
                "`LoadBalancerInfo` is one mapping, and here a list: CodeDeploy shifts the traffic of one container port",
            );
            self.add(
                found
                    .at(super::first_key(node))
                    .help("choose the container and port whose traffic moves, and remove the `- ` in front"),
            );
            return None;
        }
        let fields = self.fields(node, node.place, "`LoadBalancerInfo`", &["ContainerName", "ContainerPort"])?;
        let what = "`LoadBalancerInfo`";
        let help = "add the name of the container that gets the traffic";
        let name = self.required(&fields, "ContainerName", what, help).and_then(|node| self.container_name(node));
        let help = "add the port that the container listens on, a number";
        let port = self.required(&fields, "ContainerPort", what, help).and_then(|node| {
            self.places.container_port = Some(node.place);
            self.number(node, "ContainerPort", (1, 65535), codes::APPSPEC_PORT)
        });
        Some((name?, u16::try_from(port?).ok()?))
    }

    fn container_name(&mut self, node: &Node) -> Option<String> {
        self.places.container_name = Some(node.place);
        let text = self.text(node, "ContainerName")?;
        if arn::is_family(text) {
            return Some(text.to_owned());
        }
        let help = if crate::taskdef::placeholder::whole(text).is_some() {
            "write the container's name: the pipeline's Image1ContainerName means a placeholder in the task definition, not this"
        } else {
            "a container's name is 1 to 255 of A-Z, a-z, 0-9, `_` and `-`"
        };
        let message = format!("`{text}` is not the name of a container");
        self.add(Diagnostic::error(codes::APPSPEC_TYPE, message).at(node.place).help(help));
        None
    }

    fn platform_version(&mut self, node: &Node, providers: &[CapacityProvider]) -> Option<String> {
        self.places.platform_version = Some(node.place);
        let numbers = |text: &str| {
            let parts: Vec<&str> = text.split('.').collect();
            parts.len() == 3
                && parts
                    .iter()
                    .all(|part| !part.is_empty() && part.len() <= 4 && part.bytes().all(|b| b.is_ascii_digit()))
        };
        let text = match node.text() {
            // `1.4` is a number to YAML and a mistake in any form: quoting it would not help.
            Some(text)
                if node.scalar().is_some_and(|scalar| matches!(scalar.plain(), Plain::Int(_) | Plain::Float(_))) =>
            {
                text
            }
            _ => self.text(node, "PlatformVersion")?,
        };
        if text != "LATEST" && !numbers(text) {
            let help = if text.eq_ignore_ascii_case("latest") {
                "write `LATEST`"
            } else {
                "write `LATEST`, or all three numbers, such as `1.4.0`"
            };
            let message = format!("`{text}` is no platform version of Fargate");
            self.add(Diagnostic::error(codes::APPSPEC_PLATFORM, message).at(node.place).help(help));
            return None;
        }
        if !providers.is_empty() && providers.iter().all(|provider| !is_fargate(&provider.name)) {
            let message = "`PlatformVersion` is for Fargate, and the capacity providers are not Fargate's";
            self.add(
                Diagnostic::error(codes::APPSPEC_PLATFORM_EC2, message).at(node.place).help("remove `PlatformVersion`"),
            );
        }
        Some(text.to_owned())
    }

    fn network(&mut self, node: &Node) -> Option<Network> {
        self.places.network = Some(super::first_key(node));
        let outer = self.fields(node, node.place, "`NetworkConfiguration`", &["AwsvpcConfiguration"])?;
        let Some(inner) = outer.get("AwsvpcConfiguration") else {
            self.missing(node, "AwsvpcConfiguration", "`NetworkConfiguration`", NETWORK_HELP);
            return None;
        };
        let known = ["Subnets", "SecurityGroups", "AssignPublicIp"];
        let fields = self.fields(inner, super::first_key(node), "`AwsvpcConfiguration`", &known)?;
        for key in known.into_iter().filter(|key| fields.get(key).is_none()) {
            let message = format!("`{key}` is missing: a network configuration is given as a whole or not at all");
            self.add(Diagnostic::error(codes::APPSPEC_NETWORK, message).at(super::first_key(inner)).help(NETWORK_HELP));
        }
        let subnets = fields.get("Subnets").and_then(|list| self.ids(list, "Subnets", "subnet-", 16));
        let security_groups = fields.get("SecurityGroups").and_then(|list| self.ids(list, "SecurityGroups", "sg-", 5));
        let assign_public_ip = fields.get("AssignPublicIp").and_then(|value| self.public_ip(value));
        Some(Network { subnets: subnets?, security_groups: security_groups?, assign_public_ip: assign_public_ip? })
    }

    fn ids(&mut self, node: &Node, key: &str, prefix: &str, most: usize) -> Option<Vec<String>> {
        let example = format!("write `{key}: [\"{prefix}…\"]`");
        let code = codes::APPSPEC_NETWORK;
        let Some(items) = node.items() else {
            let message = format!("`{key}` is a list, and here {}", node.describe());
            self.add(Diagnostic::error(codes::APPSPEC_TYPE, message).at(node.place).help(example));
            return None;
        };
        if items.is_empty() || items.len() > most {
            let (message, help) = match items.len() {
                0 => (
                    format!("`{key}` is empty: a network configuration is given as a whole or not at all"),
                    NETWORK_HELP,
                ),
                n => (format!("`{key}` has {n} entries: ECS takes at most {most}"), "remove those that are not needed"),
            };
            self.add(Diagnostic::error(code, message).at(node.place).help(help));
        }
        let mut seen = HashSet::new();
        let mut ids = Vec::new();
        for item in items {
            let Some(text) = self.text(item, &format!("an entry of {key}")) else { continue };
            let finding = if !text.starts_with(prefix) || !arn::is_family(text) {
                Some((format!("`{text}` is not an id that begins with `{prefix}`"), example.clone()))
            } else if !seen.insert(text) {
                Some((format!("`{text}` stands twice in `{key}`"), "keep one of the two".to_owned()))
            } else {
                None
            };
            if let Some((message, help)) = finding {
                self.add(Diagnostic::error(code, message).at(item.place).help(help));
            }
            ids.push(text.to_owned());
        }
        Some(ids)
    }

    fn public_ip(&mut self, node: &Node) -> Option<bool> {
        let text = node.text().unwrap_or_default();
        match text {
            "ENABLED" => return Some(true),
            "DISABLED" => return Some(false),
            _ => {}
        }
        let found = node.scalar().map_or_else(|| node.describe().to_owned(), |scalar| format!("`{}`", scalar.shown()));
        let help = match text.to_ascii_lowercase().as_str() {
            "enabled" | "true" | "yes" | "on" => "write `ENABLED`",
            "disabled" | "false" | "no" | "off" => "write `DISABLED`",
            _ => "write `ENABLED` or `DISABLED`",
        };
        let message = format!("`AssignPublicIp` is {found}: expected `ENABLED` or `DISABLED`");
        self.add(Diagnostic::error(codes::APPSPEC_NETWORK, message).at(node.place).help(help));
        None
    }

    fn capacity(&mut self, node: &Node) -> Vec<CapacityProvider> {
        self.places.capacity_providers = Some(super::first_key(node));
        let code = codes::APPSPEC_CAPACITY;
        let Some(items) = node.items() else {
            let message = format!("`CapacityProviderStrategy` is a list, and here {}", node.describe());
            let help = "write one entry for each provider: `- {CapacityProvider: FARGATE, Base: 0, Weight: 1}`";
            self.add(Diagnostic::error(codes::APPSPEC_TYPE, message).at(super::first_key(node)).help(help));
            return Vec::new();
        };
        if items.is_empty() || items.len() > 20 {
            let message = format!("`CapacityProviderStrategy` has {} entries: ECS takes 1 to 20", items.len());
            self.add(
                Diagnostic::error(code, message)
                    .at(super::first_key(node))
                    .help("leave the key out to keep what the service has"),
            );
        }
        let errors = self.errors();
        let providers: Vec<(CapacityProvider, &Node)> =
            items.iter().filter_map(|item| Some((self.provider(item)?, item))).collect();
        // Sums over entries that could not be read would only repeat what is said already.
        if self.errors() == errors && !providers.is_empty() {
            self.strategy(node, &providers);
        }
        providers.into_iter().map(|(provider, _)| provider).collect()
    }

    fn provider(&mut self, item: &Node) -> Option<CapacityProvider> {
        let known = ["CapacityProvider", "Base", "Weight"];
        let fields = self.fields(item, item.place, "an entry of `CapacityProviderStrategy`", &known)?;
        let help = "add `CapacityProvider: FARGATE`, `FARGATE_SPOT`, or the name of one of the cluster's";
        let name = self.required(&fields, "CapacityProvider", "an entry of `CapacityProviderStrategy`", help);
        let name = name.and_then(|node| self.provider_name(node));
        let code = codes::APPSPEC_CAPACITY;
        let base = fields.get("Base").map_or(Some(0), |node| self.number(node, "Base", (0, 100_000), code));
        let weight = fields.get("Weight").map_or(Some(0), |node| self.number(node, "Weight", (0, 1000), code));
        Some(CapacityProvider { name: name?, base: base?, weight: weight? })
    }

    fn provider_name(&mut self, node: &Node) -> Option<String> {
        let text = self.text(node, "CapacityProvider")?;
        let meant =
            ["FARGATE", "FARGATE_SPOT"].into_iter().find(|name| name.eq_ignore_ascii_case(&text.replace('-', "_")));
        let (message, help) = match meant {
            Some(name) if name == text => return Some(text.to_owned()),
            Some(name) => (format!("`{text}` is not how ECS spells this provider"), format!("write `{name}`")),
            None if arn::is_family(text) => return Some(text.to_owned()),
            None => (
                format!("`{text}` is not the name of a capacity provider"),
                "write `FARGATE`, `FARGATE_SPOT`, or the name of one of the cluster's".to_owned(),
            ),
        };
        self.add(Diagnostic::error(codes::APPSPEC_CAPACITY, message).at(node.place).help(help));
        None
    }

    fn strategy(&mut self, node: &Node, providers: &[(CapacityProvider, &Node)]) {
        let code = codes::APPSPEC_CAPACITY;
        let mut names = HashSet::new();
        let mut based: Option<&str> = None;
        for (provider, item) in providers {
            if !names.insert(&provider.name) {
                let message = format!("the provider `{}` stands twice", provider.name);
                self.add(
                    Diagnostic::error(code, message)
                        .at(super::first_key(item))
                        .help("keep one entry for each provider"),
                );
            }
            match based {
                Some(first) if provider.base > 0 => {
                    let message = format!("`{first}` and `{}` both have a base: only one provider can", provider.name);
                    let place =
                        item.get_ignoring_case("Base").map_or_else(|| super::first_key(item), |base| base.place);
                    self.add(Diagnostic::error(code, message).at(place).help("write `Base: 0` in all entries but one"));
                }
                None if provider.base > 0 => based = Some(&provider.name),
                _ => {}
            }
        }
        if providers.iter().all(|(provider, _)| provider.weight == 0) {
            let found = Diagnostic::error(code, "every weight is 0: no provider would get tasks beyond the base");
            self.add(
                found
                    .at(super::first_key(node))
                    .help("give at least one entry a `Weight` of 1 or more; without the key it is 0"),
            );
        }
        let fargate = providers.iter().filter(|(provider, _)| is_fargate(&provider.name)).count();
        if fargate > 0 && fargate < providers.len() {
            let found =
                Diagnostic::error(code, "Fargate's providers and others stand in one strategy, which ECS refuses");
            self.add(
                found
                    .at(super::first_key(node))
                    .help("use `FARGATE` and `FARGATE_SPOT` alone, or the cluster's own providers alone"),
            );
        }
    }
}

pub(super) fn is_fargate(name: &str) -> bool {
    matches!(name, "FARGATE" | "FARGATE_SPOT")
}
