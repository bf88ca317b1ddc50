//! Load balancers themselves.

use std::collections::{BTreeMap, BTreeSet};

use bluegreen_core::model::LoadBalancerArn;

use super::super::refusal::Refused;
use super::super::tags::Tags;
use super::super::{BalancerRecord, Ms, State, World};
use super::attributes::{self, Kind};
use super::check_name;

impl World {
    /// `CreateLoadBalancer`. One with the same name and the same settings is answered as if it had just been made.
    pub fn create_balancer(&mut self, record: BalancerRecord, tags: Tags) -> Result<LoadBalancerArn, Refused> {
        check_balancer(&record)?;
        let found = self.state.balancers.iter().find(|(_, other)| other.name == record.name);
        if let Some((arn, other)) = found {
            let times = BalancerRecord {
                created_at: other.created_at,
                active_at: other.active_at,
                attributes: other.attributes.clone(),
                ..record
            };
            return if times == *other { Ok(arn.clone()) } else { Err(duplicate(&times.name)) };
        }
        let most = self.config.quotas.balancers;
        if self.state.balancers.len() >= most {
            return Err(Refused::new("TooManyLoadBalancers", format!("the account has {most}")));
        }
        let id = self.fresh_id("load balancer");
        let arn: LoadBalancerArn = self.balancer_arn(format_args!("loadbalancer/app/{}/{id}", record.name))?;
        let (created_at, active_at) = (self.now, self.now + self.config.provisioning);
        self.change(|state| {
            state.balancers.insert(arn.clone(), BalancerRecord { created_at, active_at, ..record });
            state.keep_tags(arn.as_str(), tags);
        });
        Ok(arn)
    }

    /// `DeleteLoadBalancer`: its listeners and rules go with it, its groups stay. One that is not there is no error.
    pub fn delete_balancer(&mut self, arn: &LoadBalancerArn) -> Result<(), Refused> {
        let Ok(record) = self.balancer_record(arn) else { return Ok(()) };
        if record.attributes.get("deletion_protection.enabled").is_some_and(|value| value == "true") {
            let text = format!("load balancer '{arn}' cannot be deleted because deletion protection is enabled");
            return Err(Refused::new("OperationNotPermitted", text));
        }
        self.change(|state| {
            state.remove_listeners_of(arn);
            state.balancers.remove(arn);
            state.tags.remove(arn.as_str());
        });
        Ok(())
    }

    /// `ModifyLoadBalancerAttributes`.
    pub fn set_balancer_attributes(
        &mut self,
        arn: &LoadBalancerArn,
        changes: &[(String, String)],
    ) -> Result<(), Refused> {
        let record = self.balancer_record(arn)?;
        attributes::check(Kind::Balancer, changes)?;
        let mut next = record.attributes.clone();
        next.extend(changes.iter().cloned());
        for logs in ["access_logs.s3", "connection_logs.s3", "health_check_logs.s3"] {
            let on = next.get(&format!("{logs}.enabled")).is_some_and(|value| value == "true");
            if on && next.get(&format!("{logs}.bucket")).is_none_or(String::is_empty) {
                let text = format!("'{logs}.bucket' must be given where '{logs}.enabled' is true");
                return Err(Refused::new("InvalidConfigurationRequest", text));
            }
        }
        self.change(|state| {
            if let Some(balancer) = state.balancers.get_mut(arn) {
                balancer.attributes = next;
            }
        });
        Ok(())
    }

    /// `SetSecurityGroups`, `SetSubnets` and `SetIpAddressType`: what the record says after `edit`.
    pub fn edit_balancer(
        &mut self,
        arn: &LoadBalancerArn,
        edit: impl FnOnce(&mut BalancerRecord),
    ) -> Result<(), Refused> {
        let mut record = self.balancer_record(arn)?.clone();
        edit(&mut record);
        check_balancer(&record)?;
        self.change(|state| {
            state.balancers.insert(arn.clone(), record);
        });
        Ok(())
    }

    pub(super) fn balancer_record(&self, arn: &LoadBalancerArn) -> Result<&BalancerRecord, Refused> {
        let missing = || Refused::new("LoadBalancerNotFound", format!("load balancer '{arn}' not found"));
        self.state.balancers.get(arn).ok_or_else(missing)
    }
}

impl State {
    /// All attributes of a load balancer.
    pub fn balancer_attributes(&self, arn: &LoadBalancerArn) -> Option<BTreeMap<String, String>> {
        let record = self.balancers.get(arn)?;
        let mut all = attributes::all(Kind::Balancer, &record.attributes);
        if record.scheme == "internal" && !record.attributes.contains_key(DENY_GATEWAY) {
            all.insert(DENY_GATEWAY.to_owned(), "true".to_owned());
        }
        Some(all)
    }
}

const DENY_GATEWAY: &str = "ipv6.deny_all_igw_traffic";

impl BalancerRecord {
    /// `provisioning` or `active` at that time.
    pub fn state_at(&self, at: Ms) -> &'static str {
        if at < self.active_at { "provisioning" } else { "active" }
    }
}

fn duplicate(name: &str) -> Refused {
    let text = format!("a load balancer with the name '{name}' exists, with other settings");
    Refused::new("DuplicateLoadBalancerName", text)
}

fn check_balancer(record: &BalancerRecord) -> Result<(), Refused> {
    check_name("load balancer", &record.name)?;
    if record.name.starts_with("internal-") {
        return Err(Refused::value(format!("load balancer name '{}' cannot begin with 'internal-'", record.name)));
    }
    if !["internet-facing", "internal"].contains(&record.scheme.as_str()) {
        return Err(Refused::new("InvalidScheme", format!("scheme '{}' is not supported", record.scheme)));
    }
    if record.subnets.iter().collect::<BTreeSet<_>>().len() < 2 {
        return Err(Refused::value("at least two subnets in two different Availability Zones must be specified"));
    }
    if record.subnets.iter().collect::<BTreeSet<_>>().len() < record.subnets.len() {
        return Err(Refused::new("InvalidConfigurationRequest", "a subnet is given twice"));
    }
    if !["ipv4", "dualstack", "dualstack-without-public-ipv4"].contains(&record.address_type.as_str()) {
        return Err(Refused::value(format!("'{}' is no IP address type", record.address_type)));
    }
    Ok(())
}
