//! From an experiment and the listener as it is to the rules that will carry it: everything decided before the first
//! write.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::conditions::{any, beyond_limits, disjoint, normal, refined};
use crate::model::{
    Action, Forward, ForwardGroup, GroupStickiness, ListenerArn, LoadBalancerArn, RouteId, RunId, TargetGroupArn,
    Weight,
};
use crate::observe::{RouteSnapshot, TaggedRoute, TargetGroup, TargetHealth};
use crate::plan::{Finding, Site};
use crate::ports::NewRule;
use crate::spec::experiment::{Assignment, By, Design, Experiment};

/// The version of the plan's wire form; older ones stay readable.
pub const PLAN_VERSION: u32 = 1;

/// The tag of every rule of an experiment; its value is the experiment's id, `/`, and the rule's number.
pub const TAG: &str = "bluegreen:experiment";

/// One experiment, with no choice left for later.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Plan {
    /// [`PLAN_VERSION`] when it was made.
    pub version: u32,
    /// What names this experiment, and is in its rules' tags.
    pub id: RunId,
    /// When it was made.
    pub created_at: Timestamp,
    /// Where; its service is the experiment's name.
    pub site: Site,
    /// What is compared, and how.
    pub design: Design,
    /// The variants' groups, in the variants' order.
    pub groups: Vec<TargetGroupArn>,
    /// The route that the experiment stands in front of.
    pub base: RouteId,
    /// The experiment's own rules, first the one that is asked first.
    pub rules: Vec<PlannedRule>,
    /// Every route of the listener before the first write, verbatim.
    pub before: Vec<RouteSnapshot>,
}

/// A rule that the experiment makes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PlannedRule {
    /// Its priority.
    pub priority: u32,
    /// Its conditions, in [`normal`] form.
    pub conditions: Value,
    /// Its actions.
    pub actions: Vec<Action>,
}

/// What is known of the world.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Every route of the base's listener, by priority, the default action last.
    pub routes: Vec<TaggedRoute>,
    /// How many rules the load balancer has, on all listeners.
    pub rules: usize,
    /// The variants' groups with their health, in the variants' order.
    pub groups: Vec<(TargetGroup, TargetHealth)>,
}

impl Plan {
    /// The listener.
    pub fn listener(&self) -> ListenerArn {
        self.base.listener()
    }

    /// The load balancer.
    pub fn load_balancer(&self) -> LoadBalancerArn {
        self.listener().load_balancer()
    }

    /// The tag's value for the rule at `index`.
    pub fn mark(&self, index: usize) -> String {
        format!("{}/{index}", self.id)
    }

    /// The request that makes the rule at `index`.
    pub fn request(&self, index: usize) -> Option<NewRule> {
        let PlannedRule { priority, conditions, actions } = self.rules.get(index)?.clone();
        let tags = BTreeMap::from([(TAG.to_owned(), self.mark(index))]);
        Some(NewRule { listener: self.listener(), priority, conditions, actions, tags })
    }

    /// Whether a route is what the rule at `index` was made as.
    pub fn stands(&self, index: usize, route: &RouteSnapshot) -> bool {
        self.rules.get(index).is_some_and(|rule| {
            route.priority == rule.priority.to_string()
                && normal(&route.conditions) == rule.conditions
                && crate::model::equivalent(&route.actions, &rule.actions)
        })
    }
}

/// The plan of an experiment that starts now, and everything that is worth knowing before.
///
/// `None` where a finding refuses.
pub fn plan(
    experiment: &Experiment,
    site: Site,
    id: RunId,
    now: Timestamp,
    facts: &Facts,
) -> (Option<Plan>, Vec<Finding>) {
    let mut findings = Vec::new();
    let Some(base) = facts.routes.iter().find(|tagged| tagged.route.id == experiment.base) else {
        let what = format!("the listener has no route {}", experiment.base.arn());
        let cure = "take the rule's ARN from the console or from `aws elbv2 describe-rules`";
        return (None, vec![Finding::refuse("BG4101", what, cure)]);
    };
    check_base(base, &mut findings);
    check_others(experiment, facts, &mut findings);
    check_groups(experiment, facts, &mut findings);
    let groups: Vec<TargetGroupArn> = facts.groups.iter().map(|(group, _)| group.arn.clone()).collect();
    let rules = rules(experiment, base, &groups, facts, &mut findings);
    if crate::plan::refuses(&findings) {
        return (None, findings);
    }
    let before = facts.routes.iter().map(|tagged| tagged.route.clone()).collect();
    let (base, design) = (experiment.base.clone(), experiment.design.clone());
    (Some(Plan { version: PLAN_VERSION, id, created_at: now, site, design, groups, base, rules, before }), findings)
}

fn check_base(base: &TaggedRoute, findings: &mut Vec<Finding>) {
    let Some(forward) = Action::forward_of(&base.route.actions) else {
        let what = format!("{} forwards nothing: there is no traffic to split", named(&base.route));
        findings.push(Finding::refuse("BG4102", what, "name the route that forwards the service's requests"));
        return;
    };
    if base.rewrites {
        let what = format!("{} rewrites requests, and this version's rules cannot do the same", named(&base.route));
        findings.push(Finding::refuse("BG4103", what, "move the rewriting into the service first"));
    }
    if forward.sticky_seconds().is_some() && forward.groups.len() > 1 {
        let what = format!(
            "{} is sticky itself: when the experiment ends, it may keep clients where they were",
            named(&base.route)
        );
        findings.push(Finding::warn("BG4104", what, "turn its stickiness off, or let it forward to one group"));
    }
}

/// Other experiments on the listener, and other ways into the variants' groups.
fn check_others(experiment: &Experiment, facts: &Facts, findings: &mut Vec<Finding>) {
    let base = facts.routes.iter().find(|tagged| tagged.route.id == experiment.base);
    for tagged in &facts.routes {
        let route = &tagged.route;
        if let Some(other) = tagged.tags.get(TAG) {
            let id = other.split('/').next().unwrap_or(other);
            if base.is_some_and(|base| !disjoint(&base.route.conditions, &route.conditions)) {
                let what = format!("{} belongs to the experiment {id}, and takes the same requests", named(route));
                findings.push(Finding::refuse("BG4105", what, format!("end it first: bluegreen experiment stop {id}")));
            }
            continue;
        }
        let forward = Action::forward_of(&route.actions).filter(|_| route.id != experiment.base);
        let carries = |group: &TargetGroup| {
            forward.is_some_and(|forward| {
                forward
                    .groups
                    .iter()
                    .any(|member| member.arn == group.arn && member.weight.is_none_or(|weight| weight.get() > 0))
            })
        };
        for (group, _) in facts.groups.iter().filter(|(group, _)| carries(group)) {
            let what = format!(
                "{} sends requests to {} too: they are counted with the variant's",
                named(route),
                group.arn.name()
            );
            findings.push(Finding::warn(
                "BG4106",
                what,
                "give the variant a target group of its own, or know that its counts are mixed",
            ));
        }
    }
}

fn check_groups(experiment: &Experiment, facts: &Facts, findings: &mut Vec<Finding>) {
    let variants = &experiment.design.variants;
    let balancer = experiment.base.listener().load_balancer();
    let first = facts.groups.first().map(|(group, _)| group);
    for (variant, (group, health)) in variants.iter().zip(&facts.groups) {
        let (name, variant) = (group.arn.name(), &variant.name);
        if group.load_balancers.iter().any(|other| *other != balancer) {
            let what = format!("{name}, the group of `{variant}`, belongs to another load balancer");
            findings.push(Finding::refuse(
                "BG4107",
                what,
                "a target group serves one load balancer: make one for this",
            ));
        }
        if first.is_some_and(|first| (&first.protocol, &first.vpc) != (&group.protocol, &group.vpc)) {
            let what = format!("{name}, the group of `{variant}`, has another protocol or VPC than the control's");
            findings.push(Finding::refuse("BG4108", what, "compare variants that differ in nothing else"));
        }
        if health.healthy == 0 && health.unused == 0 {
            let what = format!("{name}, the group of `{variant}`, has no healthy target");
            findings.push(Finding::refuse("BG4109", what, "start its tasks and wait until they are healthy"));
        } else if health.healthy == 0 {
            let what = format!("{name}, the group of `{variant}`, is in no rule yet: nobody has checked its targets");
            let cure = "put it into the base rule with weight 0 first, so that its health is known";
            findings.push(Finding::warn("BG4110", what, cure));
        }
    }
    let repeated = facts
        .groups
        .iter()
        .enumerate()
        .any(|(index, (group, _))| facts.groups[..index].iter().any(|(other, _)| other.arn == group.arn));
    if repeated {
        findings.push(Finding::refuse("BG4111", "two variants have the same target group", "name another one"));
    }
}

/// The rules in the order in which they are asked.
fn rules(
    experiment: &Experiment,
    base: &TaggedRoute,
    groups: &[TargetGroupArn],
    facts: &Facts,
    findings: &mut Vec<Finding>,
) -> Vec<PlannedRule> {
    let design = &experiment.design;
    let own = match &base.route.id {
        RouteId::DefaultAction(_) => any(),
        RouteId::Rule(_) => normal(&base.route.conditions),
    };
    let with = |forward: Forward| Action::with_forward(&base.route.actions, &forward);
    let wanted: Vec<(Value, Vec<Action>)> = match &design.assignment {
        Assignment::Split { sticky } => vec![(own, with(split(design, groups, *sticky)))],
        Assignment::Cohorts(cohorts) => cohorts
            .iter()
            .filter_map(|cohort| {
                let index = design.variants.iter().position(|variant| variant.name == cohort.variant)?;
                let forward = Forward { groups: vec![member(groups.get(index)?, 1)], stickiness: None };
                let conditions = match &base.route.id {
                    RouteId::DefaultAction(_) => refined(&Value::Array(Vec::new()), &cohort.by),
                    RouteId::Rule(_) => refined(&own, &cohort.by),
                };
                Some((conditions, with(forward)))
            })
            .collect(),
    };
    for (index, (conditions, _)) in wanted.iter().enumerate() {
        if let Some(why) = beyond_limits(conditions) {
            let what =
                format!("rule {} of the experiment would have {why}: {} has its own", index + 1, named(&base.route));
            findings.push(Finding::refuse("BG4112", what, limits_cure(design, index)));
        }
    }
    if facts.rules + wanted.len() > experiment.rules_quota as usize {
        let what = format!(
            "the load balancer has {} rules, and {} more would be too many: {} is the quota",
            facts.rules,
            wanted.len(),
            experiment.rules_quota
        );
        findings.push(Finding::refuse(
            "BG4113",
            what,
            "remove rules, or set `route.rulesQuota` where AWS has raised it",
        ));
    }
    let priorities = priorities(base, wanted.len(), facts, findings);
    let rule = |((conditions, actions), priority)| PlannedRule { priority, conditions, actions };
    wanted.into_iter().zip(priorities).map(rule).collect()
}

fn limits_cure(design: &Design, index: usize) -> String {
    match &design.assignment {
        Assignment::Cohorts(cohorts)
            if matches!(cohorts.get(index).map(|cohort| &cohort.by), Some(By::Cookie { .. })) =>
        {
            "a cookie takes four values of five: let the service set a header instead, or split the base rule"
                .to_owned()
        }
        Assignment::Cohorts(_) => "use fewer values, or split the base rule into two".to_owned(),
        Assignment::Split { .. } => "split the base rule into two".to_owned(),
    }
}

fn member(group: &TargetGroupArn, weight: u32) -> ForwardGroup {
    ForwardGroup { arn: group.clone(), weight: Weight::try_from(weight).ok() }
}

fn split(design: &Design, groups: &[TargetGroupArn], sticky: Option<u32>) -> Forward {
    let members = design.variants.iter().zip(groups).map(|(variant, group)| member(group, variant.weight));
    let stickiness = sticky.map(|seconds| GroupStickiness { enabled: true, duration_seconds: Some(seconds) });
    Forward { groups: members.collect(), stickiness }
}

/// Free priorities directly in front of the base, the first rule's first: behind every rule that may take some of the
/// same requests, since those were in front of the base before, too.
fn priorities(base: &TaggedRoute, count: usize, facts: &Facts, findings: &mut Vec<Finding>) -> Vec<u32> {
    const LAST: u32 = 50_000;
    let end = base.route.priority.parse::<u32>().unwrap_or(LAST + 1);
    let taken: BTreeMap<u32, &RouteSnapshot> =
        facts.routes.iter().filter_map(|tagged| Some((tagged.route.priority.parse().ok()?, &tagged.route))).collect();
    let mut free = Vec::new();
    let mut in_the_way = None;
    for priority in (1..end).rev() {
        if free.len() == count {
            break;
        }
        match taken.get(&priority) {
            None => free.push(priority),
            Some(other) if disjoint(&base.route.conditions, &other.conditions) => {}
            Some(other) => {
                in_the_way = Some(*other);
                break;
            }
        }
    }
    if free.len() < count {
        let place = match in_the_way {
            Some(other) => format!("between {} and {}", named(other), named(&base.route)),
            None => format!("in front of {}", named(&base.route)),
        };
        let what = format!("{count} free priorities are needed {place}, and there are {}", free.len());
        let cure = "move one of the two with `aws elbv2 set-rule-priorities`: a rule further in front would take requests that were not the base's";
        findings.push(Finding::refuse("BG4114", what, cure));
        return Vec::new();
    }
    free.sort_unstable();
    free
}

/// A route as people find it.
pub(super) fn named(route: &RouteSnapshot) -> String {
    match &route.id {
        RouteId::Rule(arn) => {
            let id = arn.as_str().rsplit('/').next().unwrap_or_default();
            format!("rule {} ({id})", route.priority)
        }
        RouteId::DefaultAction(_) => "the default action".to_owned(),
    }
}

#[cfg(test)]
pub(super) mod tests;
