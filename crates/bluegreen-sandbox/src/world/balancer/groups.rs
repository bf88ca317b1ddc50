//! Target groups: made, changed and deleted.

use std::collections::BTreeMap;

use bluegreen_core::model::TargetGroupArn;

use super::super::refusal::Refused;
use super::super::tags::Tags;
use super::super::{GroupRecord, HealthCheck, State, World};
use super::attributes::{self, DELAY, Kind, STICKY};
use super::{check_name, check_range, uses};

impl World {
    /// `CreateTargetGroup`. One with the same name and the same settings is answered as if it had just been made.
    pub fn create_group(&mut self, name: &str, record: GroupRecord, tags: Tags) -> Result<TargetGroupArn, Refused> {
        check_name("target group", name)?;
        check_group(&record)?;
        if let Some((arn, other)) = self.state.groups.iter().find(|(arn, _)| arn.name() == name) {
            let same = GroupRecord {
                drain: other.drain,
                target_sticky: other.target_sticky,
                attributes: other.attributes.clone(),
                attached_since: other.attached_since,
                ..record
            };
            if same == *other {
                return Ok(arn.clone());
            }
            let text = format!("a target group with the name '{name}' exists, with other settings");
            return Err(Refused::new("DuplicateTargetGroupName", text));
        }
        let most = self.config.quotas.groups;
        if self.state.groups.len() >= most {
            return Err(Refused::new("TooManyTargetGroups", format!("the account has {most} target groups")));
        }
        let id = self.fresh_id("target group");
        let arn: TargetGroupArn = self.balancer_arn(format_args!("targetgroup/{name}/{id}"))?;
        self.change(|state| {
            state.groups.insert(arn.clone(), record);
            state.keep_tags(arn.as_str(), tags);
        });
        Ok(arn)
    }

    /// `ModifyTargetGroup`: another health check.
    pub fn set_check(&mut self, arn: &TargetGroupArn, check: HealthCheck) -> Result<(), Refused> {
        let mut record = self.group_record(arn)?.clone();
        record.check = check;
        check_health(&record)?;
        self.change(|state| {
            state.groups.insert(arn.clone(), record);
        });
        Ok(())
    }

    /// `ModifyTargetGroupAttributes`.
    pub fn set_group_attributes(&mut self, arn: &TargetGroupArn, changes: &[(String, String)]) -> Result<(), Refused> {
        let mut record = self.group_record(arn)?.clone();
        attributes::check(Kind::Group, changes)?;
        for (key, value) in changes {
            match key.as_str() {
                DELAY => record.drain = value.parse::<u64>().unwrap_or_default() * 1_000,
                STICKY => record.target_sticky = value == "true",
                _ => {
                    record.attributes.insert(key.clone(), value.clone());
                }
            }
        }
        check_together(&record)?;
        self.change(|state| {
            state.groups.insert(arn.clone(), record);
        });
        Ok(())
    }

    /// `DeleteTargetGroup`. One that is not there is no error.
    pub fn delete_group(&mut self, arn: &TargetGroupArn) -> Result<(), Refused> {
        if uses(&self.state, arn).next().is_some() {
            let text = format!("target group '{arn}' is currently in use by a listener or a rule");
            return Err(Refused::new("ResourceInUse", text));
        }
        self.change(|state| {
            state.groups.remove(arn);
            state.tags.remove(arn.as_str());
        });
        Ok(())
    }

    pub(super) fn group_record(&self, arn: &TargetGroupArn) -> Result<&GroupRecord, Refused> {
        let missing = || Refused::new("TargetGroupNotFound", format!("target group '{arn}' not found"));
        self.state.groups.get(arn).ok_or_else(missing)
    }
}

impl State {
    /// All attributes of a group.
    pub fn group_attributes(&self, arn: &TargetGroupArn) -> Option<BTreeMap<String, String>> {
        let record = self.groups.get(arn)?;
        let mut all = attributes::all(Kind::Group, &record.attributes);
        all.insert(DELAY.to_owned(), (record.drain / 1_000).to_string());
        all.insert(STICKY.to_owned(), record.target_sticky.to_string());
        Some(all)
    }
}

/// Settings of which each is allowed, but not with the other.
fn check_together(record: &GroupRecord) -> Result<(), Refused> {
    let conflict = |text: &str| Err(Refused::new("InvalidConfigurationRequest", text));
    if record.slow_start() > 0 && record.algorithm() != "round_robin" {
        return conflict("slow start needs the load balancing algorithm round_robin");
    }
    let attribute = |key: &str| record.attributes.get(key).map(String::as_str);
    let mitigates = attribute("load_balancing.algorithm.anomaly_mitigation") == Some("on");
    if mitigates && record.algorithm() != "weighted_random" {
        return conflict("anomaly mitigation needs the load balancing algorithm weighted_random");
    }
    let by_app = record.target_sticky && attribute("stickiness.type") == Some("app_cookie");
    if by_app && attribute("stickiness.app_cookie.cookie_name").is_none_or(str::is_empty) {
        return conflict("stickiness by app_cookie needs stickiness.app_cookie.cookie_name");
    }
    Ok(())
}

fn check_group(record: &GroupRecord) -> Result<(), Refused> {
    let one_of = |what: &str, found: &str, all: &[&str]| match all.contains(&found) {
        true => Ok(()),
        false => Err(Refused::value(format!("{what} '{found}' must be one of '{}'", all.join(", ")))),
    };
    if ["lambda", "alb"].contains(&record.target_type.as_str()) {
        let text = format!("the sandbox has no target groups of type '{}': use ip or instance", record.target_type);
        return Err(Refused::new("InvalidConfigurationRequest", text));
    }
    one_of("target type", &record.target_type, &["ip", "instance"])?;
    one_of("target group protocol", &record.protocol, &["HTTP", "HTTPS", "TCP", "TLS", "UDP", "TCP_UDP"])?;
    one_of("protocol version", &record.version, &["HTTP1", "HTTP2", "GRPC"])?;
    one_of("IP address type", &record.address_type, &["ipv4", "ipv6"])?;
    if record.version != "HTTP1" && !record.protocol.starts_with("HTTP") {
        return Err(Refused::value("a protocol version is for target groups of HTTP and HTTPS only"));
    }
    if record.port == 0 {
        return Err(Refused::value("target group port '0' must be between 1 and 65535"));
    }
    if record.vpc.is_empty() {
        return Err(Refused::value("a VPC ID must be specified"));
    }
    check_health(record)
}

fn check_health(record: &GroupRecord) -> Result<(), Refused> {
    let check = &record.check;
    let conflict = |text: String| Err(Refused::new("InvalidConfigurationRequest", text));
    if !check.enabled {
        return conflict(format!("health checks of target type '{}' cannot be disabled", record.target_type));
    }
    let by_http = ["HTTP", "HTTPS"].contains(&check.protocol.as_str());
    if !by_http && (check.protocol != "TCP" || record.protocol.starts_with("HTTP")) {
        let text = format!("health check protocol '{}' is not for groups of {}", check.protocol, record.protocol);
        return Err(Refused::value(text));
    }
    if check.port != "traffic-port" && !check.port.parse::<u16>().is_ok_and(|port| port > 0) {
        return Err(Refused::value(format!("health check port '{}' must be 1 to 65535 or traffic-port", check.port)));
    }
    check_range("health check interval", check.interval, 5, 300)?;
    check_range("health check timeout", check.timeout, 2, 120)?;
    check_range("healthy threshold count", check.healthy_after, 2, 10)?;
    check_range("unhealthy threshold count", check.unhealthy_after, 2, 10)?;
    if check.timeout >= check.interval {
        return Err(Refused::value(format!(
            "health check timeout '{}' must be smaller than the interval '{}'",
            check.timeout, check.interval
        )));
    }
    if by_http && (!check.path.starts_with('/') || check.path.len() > 1_024) {
        return Err(Refused::value(format!(
            "health check path '{}' must begin with '/' and have at most 1024 characters",
            check.path
        )));
    }
    let (low, high) = match (record.version.as_str(), record.protocol.starts_with("HTTP")) {
        ("GRPC", _) => (0, 99),
        (_, true) => (200, 499),
        (_, false) => (200, 599),
    };
    if by_http && !matches_codes(&check.matcher, low, high) {
        return Err(Refused::value(format!(
            "health check matcher '{}' must have codes of {low} to {high}, as in '{low},{high}' or '{low}-{high}'",
            check.matcher
        )));
    }
    Ok(())
}

/// Whether `text` is a list of codes and ranges within the bounds.
fn matches_codes(text: &str, low: u32, high: u32) -> bool {
    let code = |text: &str| text.trim().parse::<u32>().ok().filter(|code| (low..=high).contains(code));
    !text.is_empty()
        && text.split(',').all(|part| match part.split_once('-') {
            Some((from, to)) => code(from).zip(code(to)).is_some_and(|(from, to)| from <= to),
            None => code(part).is_some(),
        })
}
