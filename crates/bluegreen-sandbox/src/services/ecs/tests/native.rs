//! Strategies by stages, service deployments and service revisions through the API.

use bluegreen_core::model::{Action, ActionKind, Forward, ForwardGroup, LoadBalancerArn, RouteId, Weight};

use super::*;
use crate::world::codedeploy::tests::Kit;
use crate::world::{BalancerRecord, ListenerRecord};

const RULE: &str = "arn:aws:elasticloadbalancing:eu-west-3:111122223333:listener-rule/app/shop/50dc/http/9683";
const FUNCTION: &str = "arn:aws:lambda:eu-west-3:111122223333:function:check";
const ROLE: &str = "arn:aws:iam::111122223333:role/ecs";
const PARAMETER: &str = "InvalidParameterException";

/// The shop with both groups on the rule.
fn shop() -> Account {
    let mut account = Account::shop();
    account.world.change(|state| {
        let balancer: LoadBalancerArn =
            "arn:aws:elasticloadbalancing:eu-west-3:111122223333:loadbalancer/app/shop/50dc".parse().unwrap();
        let rule = RouteId::Rule(RULE.parse().unwrap());
        state.listeners.insert(rule.listener(), ListenerRecord::new(balancer.clone(), "HTTP", 80));
        state.balancers.insert(balancer, BalancerRecord::new("shop"));
        let member = |(arn, weight): (&str, u32)| ForwardGroup {
            arn: arn.parse().unwrap(),
            weight: Weight::try_from(weight).ok(),
        };
        let groups = [(GROUP, 100), (IDLE, 0)].map(member).to_vec();
        let kind = ActionKind::Forward(Forward { groups, stickiness: None });
        state.routes.get_mut(&rule).unwrap().actions = vec![Action { order: Some(1), kind }];
    });
    account
}

fn advanced() -> Value {
    json!({"alternateTargetGroupArn": IDLE, "productionListenerRule": RULE, "roleArn": ROLE})
}

fn pair() -> Value {
    let entry = json!({"targetGroupArn": GROUP, "containerName": "app", "containerPort": 8080});
    json!([with(&entry, &json!({"advancedConfiguration": advanced()}))])
}

fn canary() -> Value {
    let pause = json!({
        "targetType": "PAUSE", "lifecycleStages": ["PRE_PRODUCTION_TRAFFIC_SHIFT"],
        "hookDetails": {"bluegreen": "bluegreen run r-1", "null": null, "deep": [{"x": null}, 1.5, "é"]},
        "timeoutConfiguration": {"timeoutInMinutes": 5, "action": "ROLLBACK"},
    });
    json!({
        "strategy": "CANARY", "bakeTimeInMinutes": 0, "lifecycleHooks": [pause],
        "canaryConfiguration": {"canaryPercent": 12.5, "canaryBakeTimeInMinutes": 0},
        "alarms": {"alarmNames": ["web-5xx"], "enable": true, "rollback": true},
    })
}

fn service(configuration: &Value) -> Value {
    with(&web(), &json!({"deploymentConfiguration": configuration, "loadBalancers": pair()}))
}

/// The service `web`, up, and a second revision.
fn running(configuration: &Value) -> Account {
    let mut account = shop();
    account.ok("CreateService", service(configuration));
    account.ok("RegisterTaskDefinition", definition("web"));
    account.pass(20_000);
    account
}

fn update(changes: &Value) -> Value {
    with(&json!({"cluster": "shop", "service": "web"}), changes)
}

fn deploy(account: &mut Account) -> String {
    account.ok("UpdateService", update(&json!({"taskDefinition": "web"})));
    account.service("web")["currentServiceDeployment"].as_str().unwrap().to_owned()
}

fn described(account: &mut Account, name: &str) -> Value {
    let answer = account.ok("DescribeServiceDeployments", json!({"serviceDeploymentArns": [name]}));
    assert_eq!(answer["failures"], json!([]));
    answer["serviceDeployments"][0].clone()
}

fn listed(account: &mut Account, more: &Value) -> Vec<Value> {
    let asked = update(more);
    account.ok("ListServiceDeployments", asked)["serviceDeployments"].as_array().unwrap().clone()
}

#[test]
fn a_canary_is_deployed_watched_and_continued() {
    let mut account = running(&canary());
    let seen = account.service("web");
    let kept = seen["deploymentConfiguration"].as_object().unwrap();
    for (name, value) in canary().as_object().unwrap() {
        assert_eq!(kept[name], *value, "{name}: also a document in it is kept as it was sent");
    }
    assert_eq!((&seen["loadBalancers"], &seen["deploymentController"]["type"]), (&pair(), &json!("ECS")));
    let first = listed(&mut account, &json!({}));
    assert_eq!((first.len(), &first[0]["status"]), (1, &json!("SUCCESSFUL")));
    let name = deploy(&mut account);
    assert!(name.starts_with("arn:aws:ecs:eu-west-3:111122223333:service-deployment/shop/web/"), "{name}");
    assert_eq!(described(&mut account, &name)["status"], "PENDING");
    account.pass(20_000);
    let paused = described(&mut account, &name);
    assert_eq!(
        (&paused["status"], &paused["lifecycleStage"]),
        (&json!("IN_PROGRESS"), &json!("PRE_PRODUCTION_TRAFFIC_SHIFT"))
    );
    let hook = &paused["lifecycleHookDetails"][0];
    assert_eq!(
        (&hook["targetType"], &hook["status"], &hook["timeoutAction"]),
        (&json!("PAUSE"), &json!("AWAITING_ACTION"), &json!("ROLLBACK"))
    );
    assert!(hook["expiresAt"].is_number() && hook.get("targetArn").is_none());
    assert_eq!(paused["deploymentConfiguration"]["lifecycleHooks"], canary()["lifecycleHooks"]);
    assert_eq!(paused["alarms"]["status"], "MONITORING");
    let weight = |seen: &Value| {
        let of = |revision: &Value| revision["requestedProductionTrafficWeight"].as_f64().unwrap();
        (of(&seen["sourceServiceRevisions"][0]), of(&seen["targetServiceRevision"]))
    };
    assert_eq!(weight(&paused), (100.0, 0.0));
    let counts = |revision: &Value| [&revision["requestedTaskCount"], &revision["runningTaskCount"]].map(Value::clone);
    assert_eq!(counts(&paused["sourceServiceRevisions"][0]), [json!(2), json!(2)]);
    assert_eq!(counts(&paused["targetServiceRevision"]), [json!(2), json!(2)]);
    let service = account.service("web");
    assert_eq!(service["currentServiceRevisions"].as_array().unwrap().len(), 2);
    assert_eq!(service["deployments"][1]["desiredCount"], 2, "both revisions are to have tasks");
    let go_on = json!({"serviceDeploymentArn": name, "hookId": hook["hookId"], "action": "CONTINUE"});
    assert_eq!(account.ok("ContinueServiceDeployment", go_on.clone())["serviceDeploymentArn"], name.as_str());
    assert_eq!(account.refused("ContinueServiceDeployment", &go_on).code, PARAMETER);
    account.pass(5_000);
    let second = described(&mut account, &name);
    assert_eq!(weight(&second), (87.5, 12.5));
    let waiting = second["lifecycleHookDetails"].as_array().unwrap().last().unwrap().clone();
    account.ok("ContinueServiceDeployment", json!({"serviceDeploymentArn": name, "hookId": waiting["hookId"]}));
    account.pass(400_000);
    let done = described(&mut account, &name);
    assert_eq!((&done["status"], weight(&done)), (&json!("SUCCESSFUL"), (0.0, 100.0)));
    assert!(done["finishedAt"].is_number() && done.get("rollback").is_none() && done.get("stoppedAt").is_none());
    let service = account.service("web");
    assert_eq!(
        (&service["taskDefinition"], &service["runningCount"]),
        (&json!("arn:aws:ecs:eu-west-3:111122223333:task-definition/web:2"), &json!(2))
    );
    assert_eq!(service["loadBalancers"], pair(), "what was declared is shown, whichever group is in use");
}

#[test]
fn a_stop_and_an_answer_can_take_a_deployment_back() {
    for by_stop in [true, false] {
        let mut account = running(&canary());
        let name = deploy(&mut account);
        account.pass(20_000);
        let hook = described(&mut account, &name)["lifecycleHookDetails"][0]["hookId"].clone();
        if by_stop {
            account.ok("StopServiceDeployment", json!({"serviceDeploymentArn": name, "stopType": "ROLLBACK"}));
            assert_eq!(described(&mut account, &name)["status"], "ROLLBACK_REQUESTED");
        } else {
            let back = json!({"serviceDeploymentArn": name, "hookId": hook, "action": "ROLLBACK"});
            account.ok("ContinueServiceDeployment", back);
        }
        account.pass(400_000);
        let seen = described(&mut account, &name);
        assert_eq!(seen["status"], "ROLLBACK_SUCCESSFUL");
        assert!(!seen["statusReason"].as_str().unwrap().is_empty());
        assert_eq!(seen["rollback"]["serviceRevisionArn"], seen["sourceServiceRevisions"][0]["arn"]);
        let service = account.service("web");
        assert!(service["taskDefinition"].as_str().unwrap().ends_with("web:1"));
        let again = account.refused("StopServiceDeployment", &json!({"serviceDeploymentArn": name}));
        assert_eq!(again.code, "ConflictException");
    }
}

#[test]
fn lists_are_filtered_and_cut_newest_first() {
    let mut account = running(&json!({"maximumPercent": 200}));
    for _ in 0..4 {
        account.ok("UpdateService", update(&json!({"forceNewDeployment": true})));
        account.pass(400_000);
    }
    let all = listed(&mut account, &json!({}));
    assert_eq!(all.len(), 5, "rolling deployments are service deployments as well");
    let made: Vec<f64> = all.iter().map(|brief| brief["createdAt"].as_f64().unwrap()).collect();
    assert!(made.is_sorted_by(|newer, older| newer > older), "{made:?}");
    assert!(all.iter().all(|brief| brief["status"] == "SUCCESSFUL" && brief.get("updatedAt").is_none()));
    let pages = account.pages("ListServiceDeployments", update(&json!({"maxResults": 2})), "serviceDeployments");
    assert_eq!(pages.concat(), all);
    assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [2, 2, 1]);
    for (filter, count) in [
        (json!({"status": ["SUCCESSFUL", "STOPPED"]}), 5),
        (json!({"status": ["IN_PROGRESS"]}), 0),
        (json!({"status": []}), 5),
        (json!({"createdAt": {"after": made[2]}}), 2),
        (json!({"createdAt": {"before": made[2]}}), 2),
        (json!({"createdAt": {"after": made[4], "before": made[0]}}), 3),
        (json!({"createdAt": {}}), 5),
    ] {
        assert_eq!(listed(&mut account, &filter).len(), count, "{filter}");
    }
    account.ok("UpdateService", update(&json!({"forceNewDeployment": true})));
    account.stale = Some(1_000);
    account.pass(500);
    assert_eq!(listed(&mut account, &json!({})).len(), 5, "a read may be older than a write");
}

#[test]
fn revisions_tell_which_group_they_are_in() {
    let mut account = running(&canary());
    let name = deploy(&mut account);
    account.pass(20_000);
    let seen = described(&mut account, &name);
    let arns = [&seen["sourceServiceRevisions"][0]["arn"], &seen["targetServiceRevision"]["arn"]].map(Value::clone);
    let unknown = "arn:aws:ecs:eu-west-3:111122223333:service-revision/shop/web/1";
    let asked = json!({"serviceRevisionArns": [arns[0], arns[1], unknown]});
    let answer = account.ok("DescribeServiceRevisions", asked);
    assert_eq!(answer["failures"], json!([{"arn": unknown, "reason": "MISSING"}]));
    for (place, group) in [GROUP, IDLE].into_iter().enumerate() {
        let revision = &answer["serviceRevisions"][place];
        assert_eq!(revision["serviceRevisionArn"], arns[place]);
        let definition = format!("web:{}", place + 1);
        assert!(revision["taskDefinition"].as_str().unwrap().ends_with(&definition));
        let resolved = json!({"loadBalancers": [{"targetGroupArn": group, "productionListenerRule": RULE}]});
        assert_eq!((&revision["resolvedConfiguration"], &revision["loadBalancers"]), (&resolved, &pair()));
        assert_eq!(revision["containerImages"], json!([{"containerName": "app", "image": "process:demo"}]));
    }
    let missing = format!("{}x", name.replace("service-revision", ""));
    let answer = account.ok("DescribeServiceDeployments", json!({"serviceDeploymentArns": [missing]}));
    assert_eq!(answer, json!({"serviceDeployments": [], "failures": [{"arn": missing, "reason": "MISSING"}]}));
}

#[test]
fn a_configuration_is_kept_until_something_else_is_said() {
    let mut account = running(&canary());
    let mut kept = |change: &Value| {
        account.ok("UpdateService", update(&json!({"deploymentConfiguration": change})));
        account.service("web")["deploymentConfiguration"].clone()
    };
    let before = kept(&json!({"maximumPercent": 150}));
    assert_eq!((&before["lifecycleHooks"], &before["strategy"]), (&canary()["lifecycleHooks"], &json!("CANARY")));
    let linear = kept(&json!({"strategy": "LINEAR"}));
    assert_eq!(linear["linearConfiguration"], json!({"stepPercent": 10.0, "stepBakeTimeInMinutes": 6}));
    assert_eq!((linear.get("canaryConfiguration"), &linear["bakeTimeInMinutes"]), (None, &json!(0)));
    let cleared = kept(&json!({"lifecycleHooks": []}));
    assert_eq!(cleared["lifecycleHooks"], json!([]));
    let rolling = kept(&json!({"strategy": "ROLLING"}));
    assert_eq!((rolling.get("linearConfiguration"), rolling.get("lifecycleHooks")), (None, None));
    assert_eq!(kept(&before), before, "what was shown can be put back as it was");
    assert_eq!(listed(&mut account, &json!({})).len(), 1, "none of this deploys");
}

#[test]
fn a_service_of_code_deploy_becomes_one_of_ecs_and_goes_on_serving() {
    let mut account = shop();
    let made = with(&web(), &json!({"deploymentController": {"type": "CODE_DEPLOY"}}));
    account.ok("CreateService", made);
    account.pass(20_000);
    let blue_green = json!({"strategy": "BLUE_GREEN", "bakeTimeInMinutes": 1});
    let change = json!({
        "deploymentController": {"type": "ECS"}, "loadBalancers": pair(), "deploymentConfiguration": blue_green,
    });
    let seen = account.ok("UpdateService", update(&change))["service"].clone();
    assert_eq!((&seen["deploymentController"]["type"], seen.get("taskSets")), (&json!("ECS"), None));
    assert_eq!((&seen["deployments"][0]["rolloutState"], &seen["runningCount"]), (&json!("COMPLETED"), &json!(2)));
    account.pass(20_000);
    assert_eq!(listed(&mut account, &json!({})).len(), 0, "the change itself deploys nothing");
    account.ok("RegisterTaskDefinition", definition("web"));
    let name = deploy(&mut account);
    account.pass(500_000);
    assert_eq!(described(&mut account, &name)["status"], "SUCCESSFUL");
    let revision = described(&mut account, &name)["targetServiceRevision"]["arn"].clone();
    let answer = account.ok("DescribeServiceRevisions", json!({"serviceRevisionArns": [revision]}));
    let resolved = &answer["serviceRevisions"][0]["resolvedConfiguration"]["loadBalancers"][0];
    assert_eq!(resolved["targetGroupArn"], IDLE);
    let back = update(&json!({"deploymentController": {"type": "CODE_DEPLOY"}}));
    assert_eq!(account.refused("UpdateService", &back).code, "UnsupportedFeatureException");
}

#[test]
fn the_controller_stays_while_code_deploy_moves_the_service() {
    let kit = Kit::new(|_| {});
    let content = Kit::appspec(&kit.new, &[]);
    let mut account = Account { world: kit.world, stale: None };
    let change = update(&json!({"deploymentController": {"type": "ECS"}}));
    let request = json!({
        "applicationName": "shop", "deploymentGroupName": "web",
        "revision": {"revisionType": "AppSpecContent", "appSpecContent": {"content": content}},
    });
    crate::services::call(&mut account.world, "bob", Service::CodeDeploy, "CreateDeployment", request).unwrap();
    assert!(account.refused("UpdateService", &change).message.contains("in progress"), "it has not begun");
    account.pass(20_000);
    assert!(account.refused("UpdateService", &change).message.contains("in progress"), "there are two task sets");
    account.pass(3_600_000);
    let seen = account.ok("UpdateService", change)["service"].clone();
    assert_eq!((&seen["runningCount"], &seen["desiredCount"]), (&json!(2), &json!(2)));
    account.pass(60_000);
    assert_eq!(account.service("web")["deployments"][0]["rolloutState"], "COMPLETED");
}

#[test]
fn configurations_that_do_not_fit_together_are_refused() {
    let blue_green = json!({"strategy": "BLUE_GREEN", "bakeTimeInMinutes": 1});
    let hook = |hook: Value| with(&blue_green, &json!({"lifecycleHooks": [hook]}));
    let function = |changes: Value| {
        let whole = json!({"hookTargetArn": FUNCTION, "roleArn": ROLE, "lifecycleStages": ["PRE_SCALE_UP"]});
        hook(with(&whole, &changes))
    };
    let pause =
        |changes: Value| hook(with(&json!({"targetType": "PAUSE", "lifecycleStages": ["PRE_SCALE_UP"]}), &changes));
    let table = [
        (function(json!({"hookTargetArn": null})), "hookTargetArn"),
        (function(json!({"hookTargetArn": ROLE})), "Lambda"),
        (function(json!({"roleArn": null})), "roleArn"),
        (function(json!({"targetType": "SNS"})), "SNS"),
        (function(json!({"lifecycleStages": []})), "lifecycleStages"),
        (function(json!({"lifecycleStages": null})), "lifecycleStages"),
        (function(json!({"lifecycleStages": ["SCALE_UP"]})), "SCALE_UP"),
        (function(json!({"lifecycleStages": ["BAKE_TIME"]})), "BAKE_TIME"),
        (function(json!({"lifecycleStages": ["CLEAN_UP"]})), "CLEAN_UP"),
        (function(json!({"timeoutConfiguration": {"timeoutInMinutes": 0}})), "timeoutInMinutes"),
        (function(json!({"timeoutConfiguration": {"timeoutInMinutes": 20161}})), "timeoutInMinutes"),
        (function(json!({"timeoutConfiguration": {"action": "WAIT"}})), "WAIT"),
        (pause(json!({"hookTargetArn": FUNCTION})), "no target"),
        (pause(json!({"lifecycleStages": ["TEST_TRAFFIC_SHIFT"]})), "TEST_TRAFFIC_SHIFT"),
        (pause(json!({"lifecycleStages": ["PRODUCTION_TRAFFIC_SHIFT"]})), "not at PRODUCTION_TRAFFIC_SHIFT"),
        (json!({"strategy": "CANARY", "canaryConfiguration": {"canaryPercent": 5.05}}), "multiple of 0.1"),
        (json!({"strategy": "LINEAR", "canaryConfiguration": {"canaryPercent": 5.0}}), "CANARY"),
        (json!({"strategy": "CANARY", "linearConfiguration": {"stepPercent": 5.0}}), "LINEAR"),
        (json!({"strategy": "BLUE_GREEN"}), "bakeTimeInMinutes"),
    ];
    for (configuration, part) in table {
        let mut account = running(&json!({}));
        let new = with(&service(&configuration), &json!({"serviceName": "new"}));
        let change = update(&json!({"deploymentConfiguration": configuration}));
        for (operation, request) in [("CreateService", new), ("UpdateService", change)] {
            let error = account.refused(operation, &request);
            assert_eq!(error.code, PARAMETER, "{error}");
            assert!(error.message.contains(part), "{error} has no {part}");
        }
    }
}

#[test]
fn pairs_and_controllers_that_do_not_fit_are_refused() {
    let with_pair = |changes: Value| {
        let entry = json!({"targetGroupArn": GROUP, "containerName": "app", "containerPort": 8080});
        let advanced = with(&advanced(), &changes);
        json!({"loadBalancers": [with(&entry, &json!({"advancedConfiguration": advanced}))]})
    };
    let listener = "arn:aws:elasticloadbalancing:eu-west-3:111122223333:listener/app/shop/50dc/http";
    let blue_green = json!({"deploymentConfiguration": {"strategy": "BLUE_GREEN", "bakeTimeInMinutes": 1}});
    let canary = json!({"deploymentConfiguration": {"strategy": "CANARY"}});
    let table = [
        (with_pair(json!({"alternateTargetGroupArn": null})), "alternateTargetGroupArn"),
        (with_pair(json!({"alternateTargetGroupArn": GROUP})), "the same"),
        (with_pair(json!({"alternateTargetGroupArn": IDLE.replace("idle", "none")})), "does not exist"),
        (with_pair(json!({"alternateTargetGroupArn": "idle"})), "ARN"),
        (with_pair(json!({"productionListenerRule": null})), "productionListenerRule"),
        (with_pair(json!({"productionListenerRule": listener})), "rule"),
        (with_pair(json!({"productionListenerRule": RULE.replace("9683", "9684")})), "does not exist"),
        (with_pair(json!({"testListenerRule": RULE.replace("9683", "9684")})), "testListenerRule"),
        (with_pair(json!({"roleArn": null})), "roleArn"),
        (with(&blue_green, &json!({"loadBalancers": balancer()})), "advancedConfiguration"),
        (with(&canary, &json!({"loadBalancers": []})), "load balancer"),
    ];
    for (changes, part) in table {
        let mut account = running(&json!({}));
        let new = with(&with(&web(), &changes), &json!({"serviceName": "new"}));
        for (operation, request) in [("CreateService", new), ("UpdateService", update(&changes))] {
            let error = account.refused(operation, &request);
            assert!(error.code == PARAMETER && error.message.contains(part), "{error} has no {part}");
        }
    }
    let mut account = shop();
    let of_others = with(&service(&canary_without_hooks()), &json!({"deploymentController": {"type": "CODE_DEPLOY"}}));
    assert_eq!(account.refused("CreateService", &of_others).code, PARAMETER);
    let mut account = running(&canary_without_hooks());
    deploy(&mut account);
    account.pass(5_000);
    let rolling = update(&json!({"deploymentConfiguration": {"strategy": "ROLLING"}}));
    assert!(account.refused("UpdateService", &rolling).message.contains("in progress"));
    let headless = json!({"serviceName": "job", "loadBalancers": []});
    let headless = with(&with(&web(), &headless), &blue_green);
    account.ok("CreateService", headless);
}

fn canary_without_hooks() -> Value {
    with(&canary(), &json!({"lifecycleHooks": []}))
}

#[test]
fn requests_about_what_is_not_there_are_refused() {
    let name = "arn:aws:ecs:eu-west-3:111122223333:service-deployment/shop/web/none";
    let table = [
        ("ListServiceDeployments", json!({"cluster": "none", "service": "web"}), "ClusterNotFoundException"),
        ("ListServiceDeployments", json!({"cluster": "shop", "service": "none"}), "ServiceNotFoundException"),
        ("ListServiceDeployments", json!({"cluster": "shop"}), PARAMETER),
        ("ListServiceDeployments", update(&json!({"status": ["DONE"]})), PARAMETER),
        ("ListServiceDeployments", update(&json!({"createdAt": {"after": 2, "before": 1}})), PARAMETER),
        ("ListServiceDeployments", update(&json!({"maxResults": 101})), PARAMETER),
        ("ListServiceDeployments", update(&json!({"nextToken": "x"})), PARAMETER),
        ("DescribeServiceDeployments", json!({"serviceDeploymentArns": []}), PARAMETER),
        ("DescribeServiceDeployments", json!({"serviceDeploymentArns": vec![name; 21]}), PARAMETER),
        ("DescribeServiceDeployments", json!({"serviceDeploymentArns": ["web"]}), PARAMETER),
        ("DescribeServiceRevisions", json!({"serviceRevisionArns": [name]}), PARAMETER),
        ("StopServiceDeployment", json!({}), PARAMETER),
        ("StopServiceDeployment", json!({"serviceDeploymentArn": name}), "ServiceDeploymentNotFoundException"),
        ("StopServiceDeployment", json!({"serviceDeploymentArn": name, "stopType": "ABORT"}), PARAMETER),
        ("StopServiceDeployment", json!({"serviceDeploymentArn": name, "stopType": "NOW"}), PARAMETER),
        ("ContinueServiceDeployment", json!({"serviceDeploymentArn": name}), PARAMETER),
        (
            "ContinueServiceDeployment",
            json!({"serviceDeploymentArn": name, "hookId": "x"}),
            "ServiceDeploymentNotFoundException",
        ),
        ("ContinueServiceDeployment", json!({"serviceDeploymentArn": name, "hookId": "x", "action": "GO"}), PARAMETER),
    ];
    for (operation, request, code) in table {
        let error = running(&json!({})).refused(operation, &request);
        assert_eq!(error.code, code, "{operation} {request}: {error}");
    }
}
