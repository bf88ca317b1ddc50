//! The ports that are AWS: each method says what is read or changed, the rest is the front's.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use bluegreen_core::model::{
    Action, ListenerArn, LoadBalancerArn, MetricQuery, RouteId, RuleArn, RunId, TargetGroupArn, TaskDefinitionArn,
    Timestamp,
};
use bluegreen_core::observe::{
    AlarmSnapshot, LoadBalancer, RouteSnapshot, ServiceSnapshot, StateChange, TaggedRoute, TargetGroup, TargetHealth,
    TaskDefinitionSnapshot,
};
use bluegreen_core::ports::{
    Alarms, CallError, ErrorClass, Fleet, Metrics, NewRule, Outcome, Points, Router, ServiceChange, TaskSetRequest,
};
use serde_json::Value;

use super::{Front, error};
use crate::trace::{ActionsWrite, Detail, ServiceWrite};
use crate::world::definitions::RUN_TAG;
use crate::world::{self, Refusal};
use crate::world::{ReadKind, State, World, Writer};

fn not_found(code: &str, what: &str) -> Refusal {
    (ErrorClass::NotFound, format!("{code}: {what}"))
}

#[async_trait]
impl Router for Front {
    async fn routes(&self, ids: &[RouteId]) -> Result<Vec<RouteSnapshot>, CallError> {
        let argument = ids.iter().map(RouteId::arn).collect::<Vec<_>>().join(" ");
        self.look(("elbv2:DescribeRules", argument), ReadKind::Routes, |_, state, _| {
            let find = |id: &RouteId| state.route(id).ok_or_else(|| not_found("RuleNotFound", id.arn()));
            let routes: Vec<RouteSnapshot> = ids.iter().map(find).collect::<Result<_, _>>()?;
            Ok((routes.clone(), Detail::Routes(routes)))
        })
        .await
    }

    async fn set_actions(&self, id: &RouteId, actions: &[Action]) -> Outcome<()> {
        let operation = match id {
            RouteId::Rule(_) => "elbv2:ModifyRule",
            RouteId::DefaultAction(_) => "elbv2:ModifyListener",
        };
        self.mutate((operation, id.arn().to_owned()), |world| {
            let old = world.state().routes.get(id);
            let before = old.map(|route| route.actions.clone()).unwrap_or_default();
            let before_since = world.timestamp(old.map_or(0, |route| route.written_at));
            world.set_actions(id, actions, Writer::Operator(self.operator.clone()))?;
            let write = ActionsWrite { route: id.clone(), before, before_since, after: actions.to_vec() };
            Ok(((), Detail::Actions(write)))
        })
        .await
    }

    async fn target_groups(&self, names: &[String]) -> Result<Vec<TargetGroup>, CallError> {
        self.look(("elbv2:DescribeTargetGroups", names.join(" ")), ReadKind::Groups, |_, state, _| {
            let find = |name: &String| state.group(name).ok_or_else(|| not_found("TargetGroupNotFound", name));
            Ok((names.iter().map(find).collect::<Result<_, _>>()?, Detail::None))
        })
        .await
    }

    async fn load_balancer(&self, arn: &LoadBalancerArn) -> Result<LoadBalancer, CallError> {
        self.look(("elbv2:DescribeLoadBalancers", arn.to_string()), ReadKind::Routes, |_, state, _| {
            let found = state.balancer(arn).ok_or_else(|| not_found("LoadBalancerNotFound", arn.as_str()))?;
            let routes = found.routes.clone();
            Ok((found, Detail::Routes(routes)))
        })
        .await
    }

    async fn default_rule(&self, listener: &ListenerArn) -> Result<RuleArn, CallError> {
        self.look(("elbv2:DescribeRules", listener.to_string()), ReadKind::Routes, |_, state, _| {
            let known = state.routes.contains_key(&RouteId::DefaultAction(listener.clone()));
            let rule = known.then(|| State::default_rule(listener)).flatten();
            Ok((rule.ok_or_else(|| not_found("ListenerNotFound", listener.as_str()))?, Detail::None))
        })
        .await
    }

    async fn tagged_routes(&self, listener: &ListenerArn) -> Result<Vec<TaggedRoute>, CallError> {
        self.look(("elbv2:DescribeRules", listener.to_string()), ReadKind::Routes, |_, state, _| {
            let routes = state.tagged_routes(listener);
            if routes.is_empty() {
                return Err(not_found("ListenerNotFound", listener.as_str()));
            }
            let seen = routes.iter().map(|tagged| tagged.route.clone()).collect();
            Ok((routes, Detail::Routes(seen)))
        })
        .await
    }

    async fn create_rule(&self, rule: &NewRule) -> Outcome<RuleArn> {
        self.mutate(("elbv2:CreateRule", rule.listener.to_string()), |world| {
            let NewRule { listener, priority, conditions, actions, tags } = rule.clone();
            let transforms = Value::Array(Vec::new());
            let rule = world::NewRule { listener, priority, conditions, transforms, actions, tags };
            Ok((world.create_rule(rule, Writer::Operator(self.operator.clone()))?, Detail::None))
        })
        .await
    }

    async fn delete_rule(&self, rule: &RuleArn) -> Outcome<()> {
        self.mutate(("elbv2:DeleteRule", rule.to_string()), |world| Ok((world.delete_rule(rule)?, Detail::None))).await
    }

    async fn health(&self, group: &TargetGroupArn) -> Result<TargetHealth, CallError> {
        self.look(("elbv2:DescribeTargetHealth", group.to_string()), ReadKind::Health, |world, state, at| {
            let health = world.health_in(state, group, at);
            let health = health.ok_or_else(|| not_found("TargetGroupNotFound", group.as_str()))?;
            Ok((health, Detail::Health(group.clone(), health)))
        })
        .await
    }
}

#[async_trait]
impl Fleet for Front {
    async fn services(&self, cluster: &str, names: &[String]) -> Result<Vec<ServiceSnapshot>, CallError> {
        self.look(("ecs:DescribeServices", names.join(" ")), ReadKind::Services, |world, state, at| {
            let find = |name: &String| {
                world.service_in(state, cluster, name, at).ok_or_else(|| not_found("MISSING in failures", name))
            };
            let services: Vec<ServiceSnapshot> = names.iter().map(find).collect::<Result<_, _>>()?;
            Ok((services.clone(), Detail::Services(services)))
        })
        .await
    }

    async fn task_definition(&self, reference: &str) -> Result<TaskDefinitionSnapshot, CallError> {
        self.look(("ecs:DescribeTaskDefinition", reference.to_owned()), ReadKind::Definitions, |_, state, _| {
            let unable = || (ErrorClass::NotFound, format!("ClientException: Unable to describe {reference}"));
            Ok((state.definition(reference).ok_or_else(unable)?, Detail::None))
        })
        .await
    }

    async fn find_task_definition(&self, family: &str, run: &RunId) -> Result<Option<TaskDefinitionArn>, CallError> {
        self.look(("ecs:ListTaskDefinitions", family.to_owned()), ReadKind::Definitions, |_, state, _| {
            Ok((state.tagged(family, RUN_TAG, run.as_str()), Detail::None))
        })
        .await
    }

    async fn register_task_definition(&self, document: &Value, run: &RunId) -> Outcome<TaskDefinitionArn> {
        let family = document.get("family").and_then(Value::as_str).unwrap_or_default().to_owned();
        self.mutate(("ecs:RegisterTaskDefinition", family.clone()), |world| {
            let tags = BTreeMap::from([(RUN_TAG.to_owned(), run.to_string())]);
            let arn = world.register(document, tags)?;
            Ok((arn.clone(), Detail::Registered(family, arn)))
        })
        .await
    }

    async fn update_service(&self, cluster: &str, service: &str, change: &ServiceChange) -> Outcome<()> {
        self.mutate(("ecs:UpdateService", service.to_owned()), |world| {
            let before = asked(world, cluster, service);
            world.update_service(cluster, service, change)?;
            let write = before.zip(asked(world, cluster, service)).map(|(before, after)| ServiceWrite {
                cluster: cluster.to_owned(),
                service: service.to_owned(),
                change: change.clone(),
                before,
                after,
            });
            Ok(((), write.map_or(Detail::None, Detail::Service)))
        })
        .await
    }

    async fn change_task_set(&self, cluster: &str, service: &str, request: &TaskSetRequest) -> Outcome<()> {
        self.change_sets(cluster, service, request).await
    }
}

/// What was asked of a service: revision and count.
fn asked(world: &World, cluster: &str, service: &str) -> Option<(TaskDefinitionArn, u32)> {
    let record = world.state().services.get(&(cluster.to_owned(), service.to_owned()))?;
    Some((record.task_definition.clone()?, record.desired))
}

#[async_trait]
impl Alarms for Front {
    async fn read(&self, names: &[String]) -> Result<Vec<AlarmSnapshot>, CallError> {
        self.look(("cloudwatch:DescribeAlarms", names.join(" ")), ReadKind::Alarms, |world, state, _| {
            if names.len() > world.config.quotas.alarm_names {
                return Err((ErrorClass::Invalid, "ValidationError: at most 100 alarm names".to_owned()));
            }
            let alarms: Vec<AlarmSnapshot> = names.iter().filter_map(|name| state.alarm(name)).collect();
            Ok((alarms.clone(), Detail::Alarms(names.to_vec(), alarms)))
        })
        .await
    }

    async fn history(&self, name: &str, since: Timestamp) -> Result<Vec<StateChange>, CallError> {
        self.look(("cloudwatch:DescribeAlarmHistory", name.to_owned()), ReadKind::Alarms, |_, state, _| {
            Ok((state.alarm_history(name, since), Detail::None))
        })
        .await
    }
}

#[async_trait]
impl Metrics for Front {
    async fn points(
        &self,
        queries: &[MetricQuery],
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<Result<Points, CallError>>, CallError> {
        const OPERATION: &str = "cloudwatch:GetMetricData";
        let names: BTreeSet<String> = queries.iter().map(MetricQuery::name).collect();
        let argument = names.into_iter().collect::<Vec<_>>().join(", ");
        self.look((OPERATION, argument), ReadKind::Groups, |world, _, at| {
            let answer = |query: &MetricQuery| {
                let points = world.points(query, (from, to), at);
                points.map_err(|(class, message)| error(OPERATION, class, message))
            };
            Ok((queries.iter().map(answer).collect(), Detail::None))
        })
        .await
    }
}
