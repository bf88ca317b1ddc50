use serde_json::json;

use super::*;
use crate::model::{Action, ActionKind, DeploymentId, Forward, ForwardGroup, Percent};
use crate::observe::{DeploymentStatus, OldAndNew};

const LB: &str = "arn:aws:elasticloadbalancing:eu-west-3:111122223333:loadbalancer/app/shop/50dc";
const PROD: &str = "arn:aws:elasticloadbalancing:eu-west-3:111122223333:listener/app/shop/50dc/80";
const TEST: &str = "arn:aws:elasticloadbalancing:eu-west-3:111122223333:listener/app/shop/50dc/8080";
const ROLE: &str = "arn:aws:iam::111122223333:role/ecs-balancer";

fn group_arn(name: &str) -> TargetGroupArn {
    format!("arn:aws:elasticloadbalancing:eu-west-3:111122223333:targetgroup/{name}/1").parse().unwrap()
}

fn rule_arn(listener: &str, id: &str) -> RuleArn {
    format!("{}/{id}", listener.replacen(":listener/", ":listener-rule/", 1)).parse().unwrap()
}

fn forward(groups: &[(&str, Option<u32>)]) -> Vec<Action> {
    let member = |(name, weight): &(&str, Option<u32>)| ForwardGroup {
        arn: group_arn(name),
        weight: weight.map(|weight| weight.try_into().unwrap()),
    };
    let forward = Forward { groups: groups.iter().map(member).collect(), stickiness: None };
    vec![Action { order: None, kind: ActionKind::Forward(forward) }]
}

fn default_action(listener: &str, actions: Vec<Action>) -> RouteSnapshot {
    let id = RouteId::DefaultAction(listener.parse().unwrap());
    RouteSnapshot { id, priority: "default".into(), conditions: json!([]), actions }
}

fn rule(id: &str, actions: Vec<Action>) -> RouteSnapshot {
    let id = RouteId::Rule(rule_arn(PROD, id));
    RouteSnapshot { id, priority: "10".into(), conditions: json!([]), actions }
}

fn service() -> Value {
    json!({
        "serviceName": "web",
        "clusterArn": "arn:aws:ecs:eu-west-3:111122223333:cluster/shop",
        "status": "ACTIVE",
        "deploymentController": { "type": "CODE_DEPLOY" },
        "deploymentConfiguration": { "maximumPercent": 200, "minimumHealthyPercent": 100 },
        "loadBalancers": [{ "targetGroupArn": group_arn("blue").as_str(), "containerName": "web", "containerPort": 8080 }],
        "taskSets": [{
            "status": "PRIMARY",
            "stabilityStatus": "STEADY_STATE",
            "loadBalancers":
                [{ "targetGroupArn": group_arn("green").as_str(), "containerName": "web", "containerPort": 8080 }],
        }],
    })
}

fn facts() -> Facts {
    let target = |name: &str| TargetGroup {
        arn: group_arn(name),
        load_balancers: vec![LB.parse().unwrap()],
        protocol: "HTTP".into(),
        target_type: "ip".into(),
        vpc: "vpc-1".into(),
        drain_seconds: 30,
        target_sticky: false,
    };
    Facts {
        service: service(),
        groups: vec![DeploymentGroup {
            application: "AppECS-shop-web".into(),
            name: "DgpECS-shop-web".into(),
            compute_platform: "ECS".into(),
            service: Some(("shop".into(), "web".into())),
            target_groups: vec!["blue".into(), "green".into()],
            production_listeners: vec![PROD.into()],
            test_listeners: vec![],
            config: Some("CodeDeployDefault.ECSCanary10Percent5Minutes".into()),
            ready_wait_minutes: Some(60),
            termination_wait_minutes: 5,
            terminates_old: true,
            alarms: Some(vec!["web-5xx".into()]),
            service_role: "arn:aws:iam::111122223333:role/codedeploy".into(),
        }],
        config: Some(DeploymentConfig {
            name: "CodeDeployDefault.ECSCanary10Percent5Minutes".into(),
            compute_platform: "ECS".into(),
            shift: Some(Shift::Canary { first: "10%".parse().unwrap(), wait: Duration::from_secs(300) }),
        }),
        pair: vec![target("blue"), target("green")],
        routes: vec![default_action(PROD, forward(&[("blue", Some(0)), ("green", Some(100))]))],
        default_rules: [(PROD.parse().unwrap(), rule_arn(PROD, "d"))].into(),
        health: vec![(group_arn("green"), TargetHealth { healthy: 2, ..TargetHealth::default() })],
        under_way: vec![],
    }
}

fn wishes() -> Wishes {
    Wishes { role: Some(ROLE.into()), ..Wishes::default() }
}

fn planned(facts: &Facts) -> Migration {
    let planned = plan(facts, &wishes());
    planned.migration.unwrap_or_else(|| panic!("{}", describe_findings(&planned.findings)))
}

/// What refuses, after a change of the facts.
fn refused(change: impl FnOnce(&mut Facts)) -> String {
    let mut facts = facts();
    change(&mut facts);
    refused_with(&facts, &wishes())
}

fn refused_with(facts: &Facts, wishes: &Wishes) -> String {
    let planned = plan(facts, wishes);
    assert_eq!(planned.migration, None);
    let refuses = planned.findings.iter().filter(|finding| finding.severity == Severity::Refuse);
    let said: Vec<&str> = refuses.map(|finding| finding.what.as_str()).collect();
    assert!(!said.is_empty());
    said.join("\n")
}

#[test]
fn the_request_is_what_the_group_says() {
    let expected = json!({
        "deploymentController": { "type": "ECS" },
        "deploymentConfiguration": {
            "strategy": "CANARY",
            "bakeTimeInMinutes": 5,
            "canaryConfiguration": { "canaryPercent": 10.0, "canaryBakeTimeInMinutes": 5 },
            "alarms": { "alarmNames": ["web-5xx"], "enable": true, "rollback": true },
            "maximumPercent": 200,
            "minimumHealthyPercent": 100,
        },
        "loadBalancers": [{
            "targetGroupArn": group_arn("green").as_str(),
            "containerName": "web",
            "containerPort": 8080,
            "advancedConfiguration": {
                "alternateTargetGroupArn": group_arn("blue").as_str(),
                "productionListenerRule": rule_arn(PROD, "d").as_str(),
                "roleArn": ROLE,
            },
        }],
    });
    let migration = planned(&facts());
    assert_eq!(migration.settings, expected, "the task set tells which group serves, not the service");
    assert_eq!(migration.attach, None);
    assert_eq!((migration.cluster.as_str(), migration.service.as_str()), ("shop", "web"));
}

#[test]
fn shapes_and_waits_are_the_users_where_they_say_so() {
    let with = |shift, bake: Option<u64>| {
        let wishes = Wishes { shift, bake: bake.map(Duration::from_secs), ..wishes() };
        plan(&facts(), &wishes).migration.unwrap().settings["deploymentConfiguration"].clone()
    };
    let linear = Shift::Linear { each: "25%".parse::<Percent>().unwrap(), wait: Duration::from_secs(61) };
    let linear = with(Some(linear), Some(0));
    assert_eq!(linear["linearConfiguration"], json!({ "stepPercent": 25.0, "stepBakeTimeInMinutes": 2 }));
    assert_eq!((&linear["strategy"], &linear["bakeTimeInMinutes"]), (&json!("LINEAR"), &json!(0)));
    assert_eq!(with(Some(Shift::AllAtOnce), None)["strategy"], "BLUE_GREEN");
    let mut long = facts();
    long.groups[0].termination_wait_minutes = 2880;
    let found = plan(&long, &wishes());
    assert_eq!(found.migration.unwrap().settings["deploymentConfiguration"]["bakeTimeInMinutes"], 1440);
    assert!(found.findings.iter().any(|finding| finding.what.contains("not for 2880")), "{:?}", found.findings);
    let tiny = Shift::Linear { each: "2%".parse().unwrap(), wait: Duration::from_secs(60) };
    assert!(refused_with(&facts(), &Wishes { shift: Some(tiny), ..wishes() }).contains("smaller than the 3 %"));
    let mut unnamed = facts();
    unnamed.config = None;
    assert!(
        plan(&unnamed, &wishes()).findings.iter().any(|found| found.what.contains("names no traffic configuration"))
    );
}

#[test]
fn rules_and_test_routes_are_named_as_ecs_wants_them() {
    let advanced = |facts: &Facts| planned(facts).settings["loadBalancers"][0]["advancedConfiguration"].clone();
    let mut by_rule = facts();
    by_rule.routes = vec![
        default_action(PROD, forward(&[("other", None)])),
        rule("7", forward(&[("green", Some(1)), ("blue", Some(0))])),
        default_action(TEST, forward(&[("blue", None)])),
    ];
    by_rule.groups[0].test_listeners = vec![TEST.into()];
    by_rule.default_rules = [(TEST.parse().unwrap(), rule_arn(TEST, "t"))].into();
    let found = advanced(&by_rule);
    assert_eq!(found["productionListenerRule"], rule_arn(PROD, "7").as_str());
    assert_eq!(found["testListenerRule"], rule_arn(TEST, "t").as_str());
    let net = PROD.replace("/app/", "/net/");
    assert!(refused(|facts| facts.groups[0].production_listeners = vec![net]).contains("network load balancer"));
}

#[test]
fn a_group_on_no_route_is_attached_without_weight() {
    let mut alone = facts();
    alone.routes = vec![default_action(PROD, forward(&[("green", None)]))];
    let attach = planned(&alone).attach.unwrap();
    assert_eq!(attach.actions, forward(&[("green", Some(1)), ("blue", Some(0))]));
    // On the test route is enough.
    alone.groups[0].test_listeners = vec![TEST.into()];
    alone.routes.push(default_action(TEST, forward(&[("blue", None)])));
    alone.default_rules.insert(TEST.parse().unwrap(), rule_arn(TEST, "t"));
    assert_eq!(planned(&alone).attach, None);
}

#[test]
fn only_services_of_codedeploy_that_are_at_rest_are_moved() {
    let set = |key: &'static str, value: Value| refused(move |facts| facts.service[key] = value);
    assert!(set("deploymentController", json!({ "type": "ECS" })).contains("moved by ECS already"));
    assert!(set("deploymentController", json!({ "type": "EXTERNAL" })).contains("EXTERNAL"));
    assert!(set("status", json!("DRAINING")).contains("DRAINING"));
    assert!(set("taskSets", json!([])).contains("no task set"));
    let one = service()["taskSets"][0].clone();
    assert!(set("taskSets", json!([one.clone(), one.clone()])).contains("half done"));
    let mut draining = one.clone();
    draining["status"] = json!("DRAINING");
    draining["loadBalancers"] = json!([]);
    assert_eq!(set("taskSets", json!([draining, one.clone()])), "a task set of the last deployment is still draining");
    let mut unsteady = one;
    unsteady["stabilityStatus"] = json!("STABILIZING");
    assert!(set("taskSets", json!([unsteady])).contains("not steady"));
    let under_way = crate::observe::ManagedDeployment {
        id: DeploymentId::new("d-9"),
        run: None,
        creator: "user".into(),
        created_at: jiff::Timestamp::UNIX_EPOCH,
        task_definition: None,
        status: DeploymentStatus::InProgress,
        stage: None,
        waits_for: None,
        wait_ends: None,
        share_ppm: None,
        events: vec![],
        tasks: OldAndNew::default(),
        why: None,
        rolled_back_by: None,
        rollback_of: None,
    };
    assert!(refused(|facts| facts.under_way.push(under_way)).contains("d-9, made by user, has not ended"));
}

#[test]
fn groups_that_do_not_fit_are_named() {
    assert!(refused(|facts| facts.groups.clear()).contains("no deployment group moves service web"));
    assert!(refused(|facts| facts.groups.push(facts.groups[0].clone())).contains("several deployment groups"));
    assert!(refused(|facts| facts.groups[0].target_groups.truncate(1)).contains("has 1 target groups"));
    assert!(refused(|facts| facts.groups[0].production_listeners.clear()).contains("0 production listeners"));
    assert!(refused(|facts| facts.pair.truncate(1)).contains("none of the pair"));
}

#[test]
fn traffic_has_to_be_where_the_tasks_are() {
    let weights = |blue, green| {
        refused(move |facts| facts.routes = vec![default_action(PROD, forward(&[("blue", blue), ("green", green)]))])
    };
    assert!(weights(Some(10), Some(90)).contains("are 90 to 10"));
    assert!(weights(Some(100), Some(0)).contains("are 0 to 100"));
    assert!(weights(None, None).contains("are 1 to 1"));
    let third = forward(&[("blue", Some(0)), ("green", Some(1)), ("other", Some(0))]);
    assert!(
        refused(|facts| facts.routes = vec![default_action(PROD, third)])
            .contains("also forwards to target group other")
    );
    let both = refused(|facts| facts.routes.push(rule("7", forward(&[("green", None)]))));
    assert!(both.contains("2 routes carry the pair, and ECS moves one"), "{both}");
    assert!(refused(|facts| facts.routes.clear()).contains("nothing on listener"));
}

#[test]
fn unknown_answers_refuse() {
    assert!(refused(|facts| facts.health.clear()).contains("could not be read"));
    assert!(refused(|facts| facts.health[0].1.healthy = 0).contains("no healthy target"));
    assert!(refused(|facts| facts.default_rules.clear()).contains("default rule of listener"));
    assert!(refused_with(&facts(), &Wishes::default()).contains("needs a role"));
    let user = Wishes { role: Some("arn:aws:iam::111122223333:user/me".into()), ..wishes() };
    assert!(refused_with(&facts(), &user).contains("is not the ARN of a role"));
    let mut sick = facts();
    sick.health[0].1.unhealthy = 1;
    assert!(plan(&sick, &wishes()).findings.iter().any(|found| found.what.contains("1 unhealthy")));
}

#[test]
fn what_took_effect_is_read_back() {
    let migration = planned(&facts());
    let mut shown = service();
    let before = differences(&migration.settings, &shown);
    assert!(before[0].contains("CODE_DEPLOY, not ECS") && before.len() > 3, "{before:?}");
    for key in ["deploymentController", "deploymentConfiguration", "loadBalancers"] {
        shown[key] = migration.settings[key].clone();
    }
    shown["deploymentConfiguration"]["more"] = json!("is no difference");
    shown["deploymentConfiguration"]["canaryConfiguration"]["canaryPercent"] = json!(10);
    assert_eq!(differences(&migration.settings, &shown), [""; 0]);
    shown["loadBalancers"][0]["advancedConfiguration"]["roleArn"] = json!("another");
    let after = differences(&migration.settings, &shown);
    assert_eq!(after, [format!("loadBalancers[0].advancedConfiguration.roleArn is \"another\", not \"{ROLE}\"")]);
}

#[test]
fn a_migration_in_words() {
    let mut facts = facts();
    facts.routes = vec![default_action(PROD, forward(&[("green", None)]))];
    let migration = planned(&facts);
    let said = describe(&migration) + "\n" + &describe_findings(&plan(&facts, &wishes()).findings);
    let words = |line: &&str| line.chars().count() > 80 && line.split_whitespace().count() > 2;
    assert_eq!(said.lines().find(words), None, "what can be broken is broken at 80 columns");
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/migrate/plan.expected");
    if std::env::var_os("UPDATE_EXPECTED").is_some() {
        std::fs::write(&path, &said).unwrap();
    }
    assert_eq!(said, std::fs::read_to_string(&path).unwrap_or_default());
}
