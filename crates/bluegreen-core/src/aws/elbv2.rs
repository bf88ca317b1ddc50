//! Rules, default actions and target groups, from Elastic Load Balancing v2.

use std::collections::BTreeMap;

use async_trait::async_trait;
use aws_sdk_elasticloadbalancingv2::Client;
use aws_sdk_elasticloadbalancingv2::types::{Listener, Rule, TargetGroup as SdkGroup, TargetHealthStateEnum};
use serde_json::Value;

use super::classify::{failure, malformed, outcome, own};
use super::convert::{arn, next, required};
use super::wire::KeepBody;
use crate::model::{Action, ListenerArn, LoadBalancerArn, RouteId, RuleArn, TargetGroupArn};
use crate::observe::{LoadBalancer, RouteSnapshot, TaggedRoute, TargetGroup, TargetHealth};
use crate::ports::{CallError, ErrorClass, NewRule, Outcome, Router};

mod actions;
mod conditions;
mod members;
mod rules;

const DESCRIBE_RULES: &str = "elbv2:DescribeRules";
const DESCRIBE_LISTENERS: &str = "elbv2:DescribeListeners";
const DESCRIBE_GROUPS: &str = "elbv2:DescribeTargetGroups";
const DESCRIBE_ATTRIBUTES: &str = "elbv2:DescribeTargetGroupAttributes";
const DESCRIBE_HEALTH: &str = "elbv2:DescribeTargetHealth";
const MODIFY_RULE: &str = "elbv2:ModifyRule";
const MODIFY_LISTENER: &str = "elbv2:ModifyListener";

/// How many resources one call may name.
const NAMES_PER_CALL: usize = 20;

/// [`Router`] over Elastic Load Balancing.
#[derive(Clone, Debug)]
pub struct AwsRouter {
    reads: Client,
    writes: Client,
}

impl AwsRouter {
    /// Over one client for reads and one, without retries, for what changes something.
    pub fn new(reads: Client, writes: Client) -> Self {
        AwsRouter { reads, writes }
    }

    /// Rules by ARN, or all rules of one listener.
    async fn rules(&self, arns: &[RuleArn], listener: Option<&ListenerArn>) -> Result<(Vec<Rule>, Unread), CallError> {
        let (mut rules, mut unread, mut marker) = (Vec::new(), Unread::default(), None);
        loop {
            let body = KeepBody::default();
            let names = (!arns.is_empty()).then(|| arns.iter().map(ToString::to_string).collect());
            let call = self.reads.describe_rules().set_rule_arns(names).set_marker(marker.clone());
            let call = call.set_listener_arn(listener.map(ToString::to_string));
            let page = call.customize().interceptor(body.clone()).send().await;
            let page = page.map_err(|error| failure(DESCRIBE_RULES, &error))?;
            unread.extend(members::unknown_in_actions(&body.take()));
            rules.extend(page.rules.unwrap_or_default());
            match next(DESCRIBE_RULES, marker.as_deref(), page.next_marker)? {
                None => return Ok((rules, unread)),
                following => marker = following,
            }
        }
    }

    /// Listeners by ARN, or all of one load balancer.
    async fn listeners(
        &self,
        arns: &[ListenerArn],
        load_balancer: Option<&LoadBalancerArn>,
    ) -> Result<(Vec<Listener>, Unread), CallError> {
        let (mut listeners, mut unread, mut marker) = (Vec::new(), Unread::default(), None);
        loop {
            let body = KeepBody::default();
            let names = (!arns.is_empty()).then(|| arns.iter().map(ToString::to_string).collect());
            let call = self.reads.describe_listeners().set_listener_arns(names).set_marker(marker.clone());
            let call = call.set_load_balancer_arn(load_balancer.map(ToString::to_string));
            let page = call.customize().interceptor(body.clone()).send().await;
            let page = page.map_err(|error| failure(DESCRIBE_LISTENERS, &error))?;
            unread.extend(members::unknown_in_actions(&body.take()));
            listeners.extend(page.listeners.unwrap_or_default());
            match next(DESCRIBE_LISTENERS, marker.as_deref(), page.next_marker)? {
                None => return Ok((listeners, unread)),
                following => marker = following,
            }
        }
    }

    async fn groups(&self, names: &[String], arns: &[String]) -> Result<Vec<SdkGroup>, CallError> {
        let (mut groups, mut marker) = (Vec::new(), None);
        loop {
            let call = self.reads.describe_target_groups().set_marker(marker.clone());
            let call = call.set_names((!names.is_empty()).then(|| names.to_vec()));
            let call = call.set_target_group_arns((!arns.is_empty()).then(|| arns.to_vec()));
            let page = call.send().await.map_err(|error| failure(DESCRIBE_GROUPS, &error))?;
            groups.extend(page.target_groups.unwrap_or_default());
            match next(DESCRIBE_GROUPS, marker.as_deref(), page.next_marker)? {
                None => return Ok(groups),
                following => marker = following,
            }
        }
    }

    async fn attributes(&self, group: &str) -> Result<BTreeMap<String, String>, CallError> {
        let answer = self.reads.describe_target_group_attributes().target_group_arn(group).send().await;
        let attributes = answer.map_err(|error| failure(DESCRIBE_ATTRIBUTES, &error))?.attributes.unwrap_or_default();
        Ok(attributes.into_iter().filter_map(|attribute| Some((attribute.key?, attribute.value?))).collect())
    }
}

/// Members of actions that the SDK's types have no place for: writing such an action back would drop them.
type Unread = std::collections::BTreeSet<String>;

#[async_trait]
impl Router for AwsRouter {
    async fn routes(&self, ids: &[RouteId]) -> Result<Vec<RouteSnapshot>, CallError> {
        let (mut rules, mut listeners) = (Vec::new(), Vec::new());
        for id in ids {
            match id {
                RouteId::Rule(arn) => rules.push(arn.clone()),
                RouteId::DefaultAction(arn) => listeners.push(arn.clone()),
            }
        }
        let mut seen = Vec::with_capacity(ids.len());
        for arns in rules.chunks(NAMES_PER_CALL) {
            let (rules, unread) = self.rules(arns, None).await?;
            refuse_unread(DESCRIBE_RULES, &unread)?;
            for rule in rules {
                seen.push(rule_snapshot(&rule, Unknown::Refuse)?);
            }
        }
        for arns in listeners.chunks(NAMES_PER_CALL) {
            let (listeners, unread) = self.listeners(arns, None).await?;
            refuse_unread(DESCRIBE_LISTENERS, &unread)?;
            for listener in listeners {
                seen.push(default_snapshot(&listener, Unknown::Refuse)?);
            }
        }
        let pick = |id: &RouteId| {
            let found = seen.iter().find(|route| route.id == *id).cloned();
            let (operation, what) = match id {
                RouteId::Rule(_) => (DESCRIBE_RULES, "rule"),
                RouteId::DefaultAction(_) => (DESCRIBE_LISTENERS, "listener"),
            };
            found.ok_or_else(|| not_found(operation, &format!("the {what} {} is not in the answer", id.arn())))
        };
        ids.iter().map(pick).collect()
    }

    async fn set_actions(&self, id: &RouteId, actions: &[Action]) -> Outcome<()> {
        let operation = match id {
            RouteId::Rule(_) => MODIFY_RULE,
            RouteId::DefaultAction(_) => MODIFY_LISTENER,
        };
        let actions = match actions.iter().map(actions::to_sdk).collect::<Result<Vec<_>, _>>() {
            Ok(actions) if !actions.is_empty() => actions,
            Ok(_) => return Outcome::NotApplied(own(operation, ErrorClass::Invalid, "there is no action to set")),
            Err(error) => return Outcome::NotApplied(own(operation, ErrorClass::Invalid, &error.to_string())),
        };
        // Nothing but the actions is sent: AWS keeps conditions, transforms and certificates as they are.
        match id {
            RouteId::Rule(arn) => {
                let call = self.writes.modify_rule().rule_arn(arn.as_str()).set_actions(Some(actions));
                outcome(operation, call.send().await).map(drop)
            }
            RouteId::DefaultAction(arn) => {
                let call = self.writes.modify_listener().listener_arn(arn.as_str()).set_default_actions(Some(actions));
                outcome(operation, call.send().await).map(drop)
            }
        }
    }

    async fn target_groups(&self, names: &[String]) -> Result<Vec<TargetGroup>, CallError> {
        let (arns, plain): (Vec<String>, Vec<String>) =
            names.iter().cloned().partition(|name| name.starts_with("arn:"));
        let mut seen = Vec::with_capacity(names.len());
        // One call takes names or ARNs, never both.
        for names in plain.chunks(NAMES_PER_CALL) {
            seen.extend(self.groups(names, &[]).await?);
        }
        for arns in arns.chunks(NAMES_PER_CALL) {
            seen.extend(self.groups(&[], arns).await?);
        }
        let mut groups = Vec::with_capacity(names.len());
        for name in names {
            let by =
                |group: &&SdkGroup| [&group.target_group_arn, &group.target_group_name].contains(&&Some(name.clone()));
            let missing = || not_found(DESCRIBE_GROUPS, &format!("the target group `{name}` is not in the answer"));
            let group = seen.iter().find(by).ok_or_else(missing)?;
            let attributes = self.attributes(group.target_group_arn.as_deref().unwrap_or_default()).await?;
            groups.push(group_snapshot(group, &attributes)?);
        }
        Ok(groups)
    }

    async fn load_balancer(&self, arn: &LoadBalancerArn) -> Result<LoadBalancer, CallError> {
        let mut found = LoadBalancer { arn: arn.clone(), listeners: Vec::new(), routes: Vec::new() };
        // Listed to be looked at, never written from here: what cannot be written back may stay.
        for listener in self.listeners(&[], Some(arn)).await?.0 {
            let default = default_snapshot(&listener, Unknown::Show)?;
            let listener = default.id.listener();
            found.routes.push(default);
            for rule in self.rules(&[], Some(&listener)).await?.0 {
                if rule.is_default != Some(true) {
                    found.routes.push(rule_snapshot(&rule, Unknown::Show)?);
                }
            }
            found.listeners.push(listener);
        }
        Ok(found)
    }

    async fn default_rule(&self, listener: &ListenerArn) -> Result<RuleArn, CallError> {
        let rules = self.rules(&[], Some(listener)).await?.0;
        let missing =
            || not_found(DESCRIBE_RULES, &format!("the listener {listener} has no default rule in the answer"));
        let rule = rules.iter().find(|rule| rule.is_default == Some(true)).ok_or_else(missing)?;
        arn(DESCRIBE_RULES, "RuleArn", rule.rule_arn.as_deref())
    }

    async fn tagged_routes(&self, listener: &ListenerArn) -> Result<Vec<TaggedRoute>, CallError> {
        self.tagged(listener).await
    }

    async fn create_rule(&self, rule: &NewRule) -> Outcome<RuleArn> {
        self.create(rule).await
    }

    async fn delete_rule(&self, rule: &RuleArn) -> Outcome<()> {
        self.delete(rule).await
    }

    async fn health(&self, group: &TargetGroupArn) -> Result<TargetHealth, CallError> {
        let answer = self.reads.describe_target_health().target_group_arn(group.as_str()).send().await;
        let targets = answer.map_err(|error| failure(DESCRIBE_HEALTH, &error))?.target_health_descriptions;
        let mut health = TargetHealth::default();
        for target in targets.unwrap_or_default() {
            *state_count(&mut health, target.target_health.and_then(|health| health.state).as_ref()) += 1;
        }
        Ok(health)
    }
}

fn not_found(operation: &str, message: &str) -> CallError {
    own(operation, ErrorClass::NotFound, message)
}

fn refuse_unread(operation: &str, unread: &Unread) -> Result<(), CallError> {
    if unread.is_empty() {
        return Ok(());
    }
    let names = unread.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
    let message = format!(
        "an action has members that this version does not know ({names}): writing it back would drop them; \
         use a newer version or take the route out of the spec"
    );
    Err(malformed(operation, &message))
}

/// What to do with an action whose type this version does not know.
#[derive(Clone, Copy)]
enum Unknown {
    /// The route is one of ours, and it could not be written back.
    Refuse,
    /// The route is only listed.
    Show,
}

fn domain_actions(
    operation: &str,
    route: &str,
    actions: Option<&[aws_sdk_elasticloadbalancingv2::types::Action]>,
    unknown: Unknown,
) -> Result<Vec<Action>, CallError> {
    let convert = |action| match (actions::from_sdk(action), unknown) {
        (Err(actions::ActionError::UnknownType(name)), Unknown::Show) => Ok(actions::opaque(name)),
        (result, _) => result.map_err(|error| malformed(operation, &format!("{route}: {error}"))),
    };
    actions.unwrap_or_default().iter().map(convert).collect()
}

fn rule_snapshot(rule: &Rule, unknown: Unknown) -> Result<RouteSnapshot, CallError> {
    let id: RuleArn = arn(DESCRIBE_RULES, "RuleArn", rule.rule_arn.as_deref())?;
    let actions = domain_actions(DESCRIBE_RULES, id.as_str(), rule.actions.as_deref(), unknown)?;
    let priority = required(DESCRIBE_RULES, "Priority", rule.priority.clone())?;
    let conditions = conditions::to_json(rule.conditions.as_deref().unwrap_or_default());
    Ok(RouteSnapshot { id: RouteId::Rule(id), priority, conditions, actions })
}

fn default_snapshot(listener: &Listener, unknown: Unknown) -> Result<RouteSnapshot, CallError> {
    let id: ListenerArn = arn(DESCRIBE_LISTENERS, "ListenerArn", listener.listener_arn.as_deref())?;
    let actions = domain_actions(DESCRIBE_LISTENERS, id.as_str(), listener.default_actions.as_deref(), unknown)?;
    let (priority, conditions) = ("default".to_owned(), Value::Array(Vec::new()));
    Ok(RouteSnapshot { id: RouteId::DefaultAction(id), priority, conditions, actions })
}

fn group_snapshot(group: &SdkGroup, attributes: &BTreeMap<String, String>) -> Result<TargetGroup, CallError> {
    let lambda = group.target_type.as_ref().is_some_and(|kind| kind.as_str() == "lambda");
    let delay = attributes.get("deregistration_delay.timeout_seconds").map(|delay| delay.parse::<u64>());
    let drain_seconds = match delay {
        Some(Ok(seconds)) => seconds,
        // Functions have no connections to drain, hence no such attribute.
        None if lambda => 0,
        _ => return Err(malformed(DESCRIBE_ATTRIBUTES, "no usable deregistration_delay.timeout_seconds")),
    };
    let load_balancers = group.load_balancer_arns.as_deref().unwrap_or_default().iter();
    Ok(TargetGroup {
        arn: arn(DESCRIBE_GROUPS, "TargetGroupArn", group.target_group_arn.as_deref())?,
        load_balancers: load_balancers
            .map(|found| arn(DESCRIBE_GROUPS, "LoadBalancerArns", Some(found.as_str())))
            .collect::<Result<_, _>>()?,
        protocol: group.protocol.as_ref().map_or_else(String::new, |protocol| protocol.as_str().to_owned()),
        target_type: group.target_type.as_ref().map_or_else(String::new, |kind| kind.as_str().to_owned()),
        vpc: group.vpc_id.clone().unwrap_or_default(),
        drain_seconds,
        target_sticky: attributes.get("stickiness.enabled").is_some_and(|enabled| enabled == "true"),
    })
}

fn state_count<'a>(health: &'a mut TargetHealth, state: Option<&TargetHealthStateEnum>) -> &'a mut u32 {
    match state {
        Some(TargetHealthStateEnum::Healthy) => &mut health.healthy,
        Some(TargetHealthStateEnum::Unhealthy) => &mut health.unhealthy,
        Some(TargetHealthStateEnum::Initial) => &mut health.initial,
        Some(TargetHealthStateEnum::Draining | TargetHealthStateEnum::UnhealthyDraining) => &mut health.draining,
        Some(TargetHealthStateEnum::Unused) => &mut health.unused,
        _ => &mut health.unavailable,
    }
}

#[cfg(test)]
mod tests;
