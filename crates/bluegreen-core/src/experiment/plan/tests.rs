use serde_json::json;

use super::*;
use crate::spec::experiment::parse;

const LISTENER: &str = "arn:aws:elasticloadbalancing:eu-west-3:111122223333:listener/app/shop/8f1d/3c5e";
const RULES: &str = "arn:aws:elasticloadbalancing:eu-west-3:111122223333:listener-rule/app/shop/8f1d/3c5e";

fn group_arn(name: &str) -> TargetGroupArn {
    format!("arn:aws:elasticloadbalancing:eu-west-3:111122223333:targetgroup/{name}/1").parse().unwrap()
}

fn experiment(route: &str, assignment: &str) -> Experiment {
    let text = format!(
        "version: 1\nname: checkout\nenvironments: {{ prod: {{ cluster: shop }} }}\nroute: {{ {route} }}\n\
         control: now\nvariants: {{ now: {{ targetGroup: now }}, other: {{ targetGroup: other }} }}\n{assignment}\n\
         goals: [ {{ metric: errorRate, better: lower }} ]\nexpiry: 14d\n"
    );
    parse("experiment.yaml", &text, None, &|_| None).unwrap_or_else(|report| panic!("{report}")).0
}

pub(in crate::experiment) fn design() -> Design {
    experiment(&format!("rule: '{RULES}/base'"), "split: {}").design
}

fn route(id: &str, priority: &str, path: &str, group: &str) -> TaggedRoute {
    let forward = Forward { groups: vec![member(&group_arn(group), 1)], stickiness: None };
    let (id, conditions) = if priority == "default" {
        (RouteId::DefaultAction(LISTENER.parse().unwrap()), json!([]))
    } else {
        let condition = json!([{"Field": "path-pattern", "Values": [path], "PathPatternConfig": {"Values": [path]}}]);
        (RouteId::Rule(format!("{RULES}/{id}").parse().unwrap()), condition)
    };
    let kind = crate::model::ActionKind::Forward(forward);
    let actions = vec![Action { order: Some(1), kind }];
    let route = RouteSnapshot { id, priority: priority.to_owned(), conditions, actions };
    TaggedRoute { route, rewrites: false, tags: BTreeMap::new() }
}

pub(in crate::experiment) fn facts() -> Facts {
    let group = |name: &str| TargetGroup {
        arn: group_arn(name),
        load_balancers: vec![LISTENER.parse::<ListenerArn>().unwrap().load_balancer()],
        protocol: "HTTP".to_owned(),
        target_type: "ip".to_owned(),
        vpc: "vpc-1".to_owned(),
        drain_seconds: 1,
        target_sticky: false,
    };
    let health = TargetHealth { healthy: 2, ..TargetHealth::default() };
    Facts {
        routes: vec![
            route("api", "5", "/api/*", "api"),
            route("base", "10", "/shop/*", "now"),
            route("", "default", "", "rest"),
        ],
        rules: 2,
        groups: vec![(group("now"), health), (group("other"), health)],
    }
}

pub(in crate::experiment) fn made(assignment: &str) -> Plan {
    let (plan, findings) = plan_of(&experiment(&format!("rule: '{RULES}/base'"), assignment), &facts());
    plan.unwrap_or_else(|| panic!("{findings:?}"))
}

fn plan_of(experiment: &Experiment, facts: &Facts) -> (Option<Plan>, Vec<Finding>) {
    let site = Site {
        account: "111122223333".to_owned(),
        region: "eu-west-3".to_owned(),
        cluster: "shop".to_owned(),
        service: "checkout".to_owned(),
        environment: "prod".to_owned(),
    };
    let now: Timestamp = "2026-11-23T12:00:00Z".parse().unwrap();
    plan(experiment, site, RunId::new("checkout", now, 1), now, facts)
}

fn on_rule(assignment: &str, facts: &Facts) -> (Option<Plan>, Vec<String>) {
    let (plan, findings) = plan_of(&experiment(&format!("rule: '{RULES}/base'"), assignment), facts);
    (plan, findings.into_iter().map(|finding| finding.code).collect())
}

#[test]
fn a_split_takes_what_the_base_would_take_directly_in_front_of_it() {
    let plan = made("split: { stickiness: 7d }");
    let rule = &plan.rules[0];
    assert_eq!((plan.rules.len(), rule.priority), (1, 9));
    assert_eq!(rule.conditions, json!([{"Field": "path-pattern", "PathPatternConfig": {"Values": ["/shop/*"]}}]));
    let forward = Action::forward_of(&rule.actions).unwrap();
    let weights: Vec<_> = forward.groups.iter().map(|group| (group.arn.name(), group.weight.unwrap().get())).collect();
    assert_eq!((weights.as_slice(), forward.sticky_seconds()), (&[("now", 1), ("other", 1)][..], Some(604_800)));
    let request = plan.request(0).unwrap();
    assert_eq!(request.tags[TAG], format!("{}/0", plan.id));
    assert_eq!(plan.request(1), None);
}

#[test]
fn everything_but_the_forward_of_the_base_is_carried_along() {
    let mut facts = facts();
    let sign_in = Action {
        order: Some(1),
        kind: crate::model::ActionKind::Other { name: "authenticate-oidc".to_owned(), config: serde_json::Map::new() },
    };
    facts.routes[1].route.actions.insert(0, sign_in.clone());
    let plan = on_rule("split: {}", &facts).0.unwrap();
    assert_eq!(plan.rules[0].actions[0], sign_in, "nobody gets past the sign-in by being in an experiment");
}

pub(in crate::experiment) const COHORTS: &str =
    "cohorts: [ { variant: other, header: { name: X-Beta, values: [\"1\"] } },
  { variant: other, cookie: { name: beta, value: \"1\" } }, { variant: now, query: { key: v, values: [a] } } ]";

#[test]
fn cohorts_keep_their_order_and_refine_the_base() {
    let plan = made(COHORTS);
    assert_eq!(plan.rules.iter().map(|rule| rule.priority).collect::<Vec<_>>(), [7, 8, 9]);
    assert!(plan.rules.iter().all(|rule| rule.conditions[0]["Field"] == "path-pattern"), "the base's own stay");
    let group = |index: usize| Action::forward_of(&plan.rules[index].actions).unwrap().groups[0].arn.name();
    assert_eq!([group(0), group(1), group(2)], ["other", "other", "now"]);
}

#[test]
fn rules_that_can_take_the_same_requests_are_never_passed() {
    let mut tight = facts();
    tight.routes.insert(1, route("near", "8", "/shop/special", "now"));
    assert_eq!(on_rule("split: {}", &tight).0.unwrap().rules[0].priority, 9);
    let (none, codes) = on_rule(COHORTS, &tight);
    assert!(none.is_none() && codes == ["BG4106", "BG4114"], "{codes:?}");
    let (_, findings) = plan_of(&experiment(&format!("rule: '{RULES}/base'"), COHORTS), &tight);
    assert!(findings[1].what.contains("between rule 8 (near) and rule 10 (base)"), "{findings:?}");
    // One that never meets the same requests is no obstacle.
    let mut apart = facts();
    apart.routes.insert(1, route("apart", "8", "/other/*", "rest"));
    assert_eq!(
        on_rule(COHORTS, &apart).0.unwrap().rules.iter().map(|rule| rule.priority).collect::<Vec<_>>(),
        [6, 7, 9]
    );
}

#[test]
fn no_place_in_front_of_the_first_priority() {
    let mut first = facts();
    first.routes.remove(0);
    first.routes[0].route.priority = "1".to_owned();
    let (plan, codes) = on_rule("split: {}", &first);
    assert!(plan.is_none() && codes == ["BG4114"], "{codes:?}");
}

#[test]
fn a_default_action_gets_a_rule_behind_all_others() {
    let (plan, findings) = plan_of(&experiment(&format!("defaultAction: '{LISTENER}'"), "split: {}"), &facts());
    let rule = plan.unwrap_or_else(|| panic!("{findings:?}")).rules.remove(0);
    assert_eq!((rule.priority, &rule.conditions), (50_000, &any()));
    let (plan, _) = plan_of(&experiment(&format!("defaultAction: '{LISTENER}'"), COHORTS), &facts());
    assert_eq!(plan.unwrap().rules[0].conditions.as_array().unwrap().len(), 1, "there is nothing to refine");
}

#[test]
fn what_aws_would_refuse_is_refused_before() {
    let mut full = facts();
    full.rules = 100;
    assert_eq!(on_rule("split: {}", &full).1, ["BG4113"]);
    let mut wide = facts();
    let paths = json!([{"Field": "path-pattern", "PathPatternConfig": {"Values": ["/a", "/b", "/c", "/d", "/e"]}}]);
    wide.routes[1].route.conditions = paths;
    assert_eq!(on_rule("split: {}", &wide).1, Vec::<String>::new());
    assert_eq!(on_rule("cohorts: [ { variant: other, header: { name: X-B, values: [\"1\"] } } ]", &wide).1, ["BG4112"]);
}

#[test]
fn what_would_mislead_or_harm_is_said() {
    let with = |edit: fn(&mut Facts)| {
        let mut facts = facts();
        edit(&mut facts);
        on_rule("split: {}", &facts).1
    };
    assert_eq!(with(|_| {}), Vec::<String>::new());
    assert_eq!(with(|facts| facts.routes[1].route.id = facts.routes[0].route.id.clone()), ["BG4101"]);
    assert_eq!(with(|facts| facts.routes[1].rewrites = true), ["BG4103"]);
    assert_eq!(with(|facts| facts.groups[1].1 = TargetHealth::default()), ["BG4109"]);
    assert_eq!(with(|facts| facts.groups[1].1 = TargetHealth { unused: 2, ..TargetHealth::default() }), ["BG4110"]);
    assert_eq!(with(|facts| facts.groups[1].0.protocol = "HTTPS".to_owned()), ["BG4108"]);
    assert_eq!(with(|facts| facts.groups[1] = facts.groups[0].clone()), ["BG4111"]);
    let elsewhere = |facts: &mut Facts| {
        let other: ListenerArn = LISTENER.replace("8f1d", "0000").parse().unwrap();
        facts.groups[1].0.load_balancers = vec![other.load_balancer()];
    };
    assert_eq!(with(elsewhere), ["BG4107"]);
    assert_eq!(with(|facts| facts.routes[0] = route("api", "5", "/api/*", "other")), ["BG4106"]);
    let other = |facts: &mut Facts| {
        facts.routes.insert(1, route("x", "9", "/shop/*", "now"));
        facts.routes[1].tags.insert(TAG.to_owned(), "20261101t000000z-old-000001/0".to_owned());
    };
    assert_eq!(with(other), ["BG4105", "BG4114"]);
}
