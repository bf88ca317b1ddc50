//! Listener rules: made, changed, reordered and deleted.

use std::collections::BTreeSet;

use bluegreen_core::model::{Action, ListenerArn, RouteId, RuleArn};
use bluegreen_core::observe::TaggedRoute;
use serde_json::Value;

use super::super::refusal::Refused;
use super::super::tags::Tags;
use super::super::{RouteRecord, State, World, Writer};
use super::{check_range, conditions, transforms};

/// What `CreateRule` takes.
#[derive(Clone, Debug)]
pub struct NewRule {
    /// Where it goes.
    pub listener: ListenerArn,
    /// 1 to 50000.
    pub priority: u32,
    /// Conditions under AWS's member names, in any form that AWS takes.
    pub conditions: Value,
    /// Transforms under AWS's member names.
    pub transforms: Value,
    /// Actions.
    pub actions: Vec<Action>,
    /// Tags.
    pub tags: Tags,
}

/// What `ModifyRule` changes; `None` stays as it is.
#[derive(Clone, Debug, Default)]
pub struct RuleChange {
    /// The conditions, all of them.
    pub conditions: Option<Value>,
    /// The transforms, all of them.
    pub transforms: Option<Value>,
    /// The actions, all of them.
    pub actions: Option<Vec<Action>>,
}

impl World {
    /// `CreateRule`. Asked twice, the second request is refused: its priority is in use.
    pub fn create_rule(&mut self, rule: NewRule, writer: Writer) -> Result<RuleArn, Refused> {
        let NewRule { listener, priority, conditions, transforms, actions, tags } = rule;
        let balancer = self.listener(&listener)?.balancer.clone();
        check_range("rule priority", priority, 1, 50_000)?;
        let conditions = conditions::normal(&conditions)?;
        transforms::check(&transforms)?;
        self.check_new_actions(&listener, &actions)?;
        if self.priority_taken(&listener, priority, &[]) {
            return Err(in_use(priority));
        }
        let most = self.config.quotas.rules_per_balancer;
        let own =
            |id: &&RouteId| matches!(id, RouteId::Rule(_)) && self.state.balancer_of(id).as_ref() == Some(&balancer);
        if self.state.routes.keys().filter(own).count() >= most {
            return Err(Refused::new("TooManyRules", format!("load balancer '{balancer}' has {most} rules")));
        }
        let id = self.fresh_id("rule");
        let tail = listener.as_str().rsplit(':').next().unwrap_or_default().replacen("listener/", "listener-rule/", 1);
        let arn: RuleArn = self.balancer_arn(format_args!("{tail}/{id}"))?;
        let (now, number) = (self.now, priority.to_string());
        let route =
            RouteRecord { transforms, writer, written_at: now, ..RouteRecord::new(&number, conditions, actions) };
        self.change(|state| {
            state.routes.insert(RouteId::Rule(arn.clone()), route);
            state.keep_tags(arn.as_str(), tags);
        });
        Ok(arn)
    }

    /// `ModifyRule`. Actions change through [`World::set_actions`].
    pub fn modify_rule(&mut self, arn: &RuleArn, change: RuleChange, writer: Writer) -> Result<(), Refused> {
        let id = self.rule(arn, "modified")?;
        let RuleChange { conditions, transforms, actions } = change;
        let conditions = conditions.map(|conditions| conditions::normal(&conditions)).transpose()?;
        transforms.as_ref().map(transforms::check).transpose()?;
        if let Some(actions) = &actions {
            self.check_actions(&id, actions)?;
        }
        if conditions.is_some() || transforms.is_some() {
            self.change(|state| {
                let Some(route) = state.routes.get_mut(&id) else { return };
                route.conditions = conditions.unwrap_or_else(|| route.conditions.take());
                route.transforms = transforms.unwrap_or_else(|| route.transforms.take());
            });
        }
        if let Some(actions) = &actions {
            self.set_actions(&id, actions, writer).map_err(|(_, text)| Refused::value(text))?;
        }
        Ok(())
    }

    /// `DeleteRule`.
    pub fn delete_rule(&mut self, arn: &RuleArn) -> Result<(), Refused> {
        let id = self.rule(arn, "deleted")?;
        self.change(|state| {
            state.routes.remove(&id);
            state.tags.remove(arn.as_str());
        });
        Ok(())
    }

    /// `SetRulePriorities`: all of them, or none.
    pub fn set_priorities(&mut self, wanted: &[(RuleArn, u32)]) -> Result<(), Refused> {
        let moved: Vec<&RuleArn> = wanted.iter().map(|(arn, _)| arn).collect();
        let mut seen = BTreeSet::new();
        for (arn, priority) in wanted {
            self.rule(arn, "moved")?;
            check_range("rule priority", *priority, 1, 50_000)?;
            if moved.iter().filter(|other| **other == arn).count() > 1 {
                return Err(Refused::value(format!("rule '{arn}' is given twice")));
            }
            let listener = arn.listener();
            if !seen.insert((listener.clone(), *priority)) || self.priority_taken(&listener, *priority, &moved) {
                return Err(in_use(*priority));
            }
        }
        self.change(|state| {
            for (arn, priority) in wanted {
                if let Some(route) = state.routes.get_mut(&RouteId::Rule(arn.clone())) {
                    route.priority = priority.to_string();
                }
            }
        });
        Ok(())
    }

    /// A rule that may be changed: it exists, and it is not the default one.
    fn rule(&self, arn: &RuleArn, what: &str) -> Result<RouteId, Refused> {
        match self.state.route_of(arn) {
            Some(id @ RouteId::Rule(_)) => Ok(id),
            Some(RouteId::DefaultAction(_)) => {
                Err(Refused::new("OperationNotPermitted", format!("default rule '{arn}' cannot be {what}")))
            }
            None => Err(Refused::new("RuleNotFound", arn.as_str())),
        }
    }

    fn priority_taken(&self, listener: &ListenerArn, priority: u32, but: &[&RuleArn]) -> bool {
        let number = priority.to_string();
        self.state.routes.iter().any(|(id, route)| match id {
            RouteId::Rule(arn) => route.priority == number && arn.listener() == *listener && !but.contains(&arn),
            RouteId::DefaultAction(_) => false,
        })
    }
}

impl State {
    /// The routes of a listener by priority, the default action last, with their tags; none where there is no such listener.
    pub fn tagged_routes(&self, listener: &ListenerArn) -> Vec<TaggedRoute> {
        let own = self.routes.iter().filter(|(id, _)| id.listener() == *listener);
        let tagged = |(id, route): (&RouteId, &RouteRecord)| TaggedRoute {
            route: super::snapshot(id, route),
            rewrites: route.transforms.as_array().is_some_and(|transforms| !transforms.is_empty()),
            tags: match id {
                RouteId::Rule(_) => self.tags.get(id.arn()).cloned().unwrap_or_default(),
                RouteId::DefaultAction(_) => Tags::new(),
            },
        };
        let mut routes: Vec<TaggedRoute> = own.map(tagged).collect();
        routes.sort_by_key(|tagged| tagged.route.priority.parse::<u32>().unwrap_or(u32::MAX));
        routes
    }
}

fn in_use(priority: u32) -> Refused {
    Refused::new("PriorityInUse", format!("priority '{priority}' is currently in use"))
}
