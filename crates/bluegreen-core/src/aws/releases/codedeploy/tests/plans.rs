//! What a plan reads: groups and traffic configurations.

use std::time::Duration;

use super::*;
use crate::model::Percent;

/// A group as AWS shows it, with `more` on top.
fn group(application: &str, name: &str, more: &Value) -> Value {
    let mut group = json!({
        "applicationName": application, "deploymentGroupName": name, "computePlatform": "ECS",
        "deploymentConfigName": "CodeDeployDefault.ECSCanary10Percent5Minutes",
        "serviceRoleArn": "arn:aws:iam::111122223333:role/deploy",
        "deploymentStyle": {"deploymentType": "BLUE_GREEN", "deploymentOption": "WITH_TRAFFIC_CONTROL"},
        "ecsServices": [{"clusterName": "shop", "serviceName": "web"}],
        "loadBalancerInfo": {"targetGroupPairInfoList": [{
            "targetGroups": [{"name": "web-1"}, {"name": "web-2"}],
            "prodTrafficRoute": {"listenerArns": ["arn:prod"]},
            "testTrafficRoute": {"listenerArns": ["arn:test"]},
        }]},
        "blueGreenDeploymentConfiguration": {
            "terminateBlueInstancesOnDeploymentSuccess": {"action": "TERMINATE", "terminationWaitTimeInMinutes": 60},
            "deploymentReadyOption": {"actionOnTimeout": "STOP_DEPLOYMENT", "waitTimeInMinutes": 30},
        },
        "alarmConfiguration": {"enabled": true, "alarms": [{"name": "errors"}, {"name": "slow"}]},
    });
    for (name, value) in more.as_object().unwrap() {
        group[name] = value.clone();
    }
    group
}

async fn read(group: &Value) -> Result<DeploymentGroup, CallError> {
    let script = Script::start(vec![answer(&json!({"deploymentGroupInfo": group}))]);
    script.ports().await.releases.group("shop", "web").await
}

#[tokio::test]
async fn a_group_is_read_whole() {
    let found = read(&group("shop", "web", &json!({}))).await.unwrap();
    assert_eq!(
        found,
        DeploymentGroup {
            application: "shop".to_owned(),
            name: "web".to_owned(),
            compute_platform: "ECS".to_owned(),
            service: Some(("shop".to_owned(), "web".to_owned())),
            target_groups: vec!["web-1".to_owned(), "web-2".to_owned()],
            production_listeners: vec!["arn:prod".to_owned()],
            test_listeners: vec!["arn:test".to_owned()],
            config: Some("CodeDeployDefault.ECSCanary10Percent5Minutes".to_owned()),
            ready_wait_minutes: Some(30),
            termination_wait_minutes: 60,
            terminates_old: true,
            alarms: Some(vec!["errors".to_owned(), "slow".to_owned()]),
            service_role: "arn:aws:iam::111122223333:role/deploy".to_owned(),
        }
    );
}

#[tokio::test]
async fn what_is_off_is_not_shown() {
    let off = json!({
        "alarmConfiguration": {"enabled": false, "alarms": [{"name": "errors"}]},
        "blueGreenDeploymentConfiguration": {
            "terminateBlueInstancesOnDeploymentSuccess": {"action": "KEEP_ALIVE"},
            "deploymentReadyOption": {"actionOnTimeout": "CONTINUE_DEPLOYMENT", "waitTimeInMinutes": 5},
        },
        "ecsServices": [], "loadBalancerInfo": null, "deploymentConfigName": "",
    });
    let found = read(&group("shop", "web", &off)).await.unwrap();
    assert_eq!((found.alarms, found.service), (None, None));
    assert_eq!((found.ready_wait_minutes, found.termination_wait_minutes, found.terminates_old), (None, 0, false));
    assert_eq!((found.target_groups.len(), found.production_listeners.len(), found.config), (0, 0, None));

    let in_place = json!({"blueGreenDeploymentConfiguration": null, "computePlatform": "Mainframe"});
    let found = read(&group("shop", "web", &in_place)).await.unwrap();
    assert_eq!((found.terminates_old, found.compute_platform.as_str()), (false, "Mainframe"));
}

#[tokio::test]
async fn how_a_release_ends_is_not_guessed() {
    let endings = json!({"terminateBlueInstancesOnDeploymentSuccess": {"action": "RECYCLE"}});
    let waits = json!({"deploymentReadyOption": {"actionOnTimeout": "TOSS_A_COIN"}});
    for (unknown, word) in [(endings, "RECYCLE"), (waits, "TOSS_A_COIN")] {
        let error =
            read(&group("shop", "web", &json!({"blueGreenDeploymentConfiguration": unknown}))).await.unwrap_err();
        assert!(error.class == ErrorClass::Malformed && error.message.contains(word), "{error}");
    }
    for name in ["applicationName", "deploymentGroupName", "computePlatform"] {
        let error = read(&group("shop", "web", &json!({name: null}))).await.unwrap_err();
        assert!(error.class == ErrorClass::Malformed && error.message.contains(name), "{error}");
    }
}

#[tokio::test]
async fn every_group_that_moves_a_service_is_found() {
    let bound =
        |cluster: &str, service: &str| json!({"ecsServices": [{"clusterName": cluster, "serviceName": service}]});
    let cluster = "arn:aws:ecs:eu-west-3:111122223333:cluster/shop";
    let service = "arn:aws:ecs:eu-west-3:111122223333:service/shop/web";
    let groups = |groups: &[Value]| answer(&json!({"deploymentGroupsInfo": groups}));
    let script = Script::start(vec![
        answer(&json!({"applications": ["a", "b"], "nextToken": "more"})),
        answer(&json!({"applicationName": "a", "deploymentGroups": ["one"], "nextToken": "more"})),
        answer(&json!({"applicationName": "a", "deploymentGroups": ["two"]})),
        // One of another service may be of a kind that is not understood.
        groups(&[
            group("a", "one", &json!({"computePlatform": null, "ecsServices": null})),
            group("a", "two", &bound(cluster, service)),
        ]),
        answer(&json!({"deploymentGroups": []})),
        answer(&json!({"applications": ["c"]})),
        answer(&json!({"deploymentGroups": ["three", "four", "five"]})),
        groups(&[
            group("c", "three", &bound("shop", "web2")),
            group("c", "four", &bound("shop2", "web")),
            group("c", "five", &bound("shop", service)),
        ]),
    ]);
    let found = script.ports().await.releases.groups_of(cluster, "web").await.unwrap();
    let groups: Vec<_> = found.iter().map(|group| (group.application.as_str(), group.name.as_str())).collect();
    assert_eq!(groups, [("a", "two"), ("c", "five")]);
    assert_eq!(found[0].service, Some(("shop".to_owned(), "web".to_owned())));
    let calls = calls(&script);
    assert_eq!(calls[3].1, json!({"applicationName": "a", "deploymentGroupNames": ["one", "two"]}));
    assert_eq!(names(&calls).iter().filter(|name| **name == "BatchGetDeploymentGroups").count(), 2);
}

#[tokio::test]
async fn an_error_inside_an_answer_is_an_error() {
    let script = Script::start(vec![
        answer(&json!({"applications": ["a"]})),
        answer(&json!({"deploymentGroups": ["one"]})),
        answer(&json!({"deploymentGroupsInfo": [], "errorMessage": "some groups do not exist: one"})),
    ]);
    let error = script.ports().await.releases.groups_of("shop", "web").await.unwrap_err();
    assert!(error.class == ErrorClass::Malformed && error.message.contains("one"), "{error}");
}

fn canary(tenths: u16, seconds: u64) -> Shift {
    Shift::Canary { first: Percent::from_tenths_const(tenths), wait: Duration::from_secs(seconds) }
}

fn linear(tenths: u16, seconds: u64) -> Shift {
    Shift::Linear { each: Percent::from_tenths_const(tenths), wait: Duration::from_secs(seconds) }
}

#[tokio::test]
async fn configurations_go_forth_and_come_back() {
    for (shift, platform, routing) in [
        (Shift::AllAtOnce, "ECS", json!({"type": "AllAtOnce"})),
        (
            canary(100, 300),
            "Lambda",
            json!({"type": "TimeBasedCanary", "timeBasedCanary": {"canaryPercentage": 10, "canaryInterval": 5}}),
        ),
        (
            linear(250, 60),
            "ECS",
            json!({"type": "TimeBasedLinear", "timeBasedLinear": {"linearPercentage": 25, "linearInterval": 1}}),
        ),
    ] {
        let made = json!({"deploymentConfigName": "bluegreen-x", "computePlatform": platform, "trafficRoutingConfig": routing});
        let script = Script::start(vec![
            answer(&json!({"deploymentConfigId": "1"})),
            answer(&json!({"deploymentConfigInfo": made})),
        ]);
        let releases = script.ports().await.releases;
        assert_eq!(releases.create_config("bluegreen-x", platform, &shift).await, Outcome::Applied(()));
        let read = releases.config("bluegreen-x").await;
        assert_eq!(
            read,
            Ok(DeploymentConfig {
                name: "bluegreen-x".to_owned(),
                compute_platform: platform.to_owned(),
                shift: Some(shift)
            })
        );
        let calls = calls(&script);
        assert_eq!(calls[0], ("CreateDeploymentConfig".to_owned(), made));
        assert_eq!(calls[1].1, json!({"deploymentConfigName": "bluegreen-x"}));
    }
}

#[tokio::test]
async fn a_shape_that_codedeploy_cannot_hold_is_not_sent() {
    let script = Script::start(vec![answer(&json!({}))]);
    let releases = script.ports().await.releases;
    for shift in [canary(125, 60), canary(5, 60), canary(1000, 60), linear(0, 60), canary(100, 90), linear(100, 1)] {
        let outcome = releases.create_config("x", "ECS", &shift).await;
        assert!(matches!(&outcome, Outcome::NotApplied(error) if error.class == ErrorClass::Invalid), "{outcome:?}");
    }
    assert!(script.heard().is_empty());
}

#[tokio::test]
async fn a_name_that_is_taken_is_said() {
    let script = Script::start(vec![refusal("DeploymentConfigAlreadyExistsException")]);
    let outcome = script.ports().await.releases.create_config("x", "ECS", &Shift::AllAtOnce).await;
    let taken = |error: &CallError| error.message.contains("DeploymentConfigAlreadyExistsException");
    assert!(
        matches!(&outcome, Outcome::NotApplied(error) if error.class == ErrorClass::Invalid && taken(error)),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn configurations_of_other_kinds() {
    let read = async |config: Value| {
        let script = Script::start(vec![answer(&json!({"deploymentConfigInfo": config}))]);
        script.ports().await.releases.config("x").await
    };
    let servers = json!({"deploymentConfigName": "CodeDeployDefault.OneAtATime", "computePlatform": "Server",
                         "minimumHealthyHosts": {"type": "HOST_COUNT", "value": 1}});
    assert_eq!(read(servers).await.unwrap().shift, None);
    for bad in [
        json!({"deploymentConfigName": "x", "computePlatform": "ECS", "trafficRoutingConfig": {"type": "Zigzag"}}),
        json!({"deploymentConfigName": "x", "computePlatform": "ECS", "trafficRoutingConfig": {"type": "TimeBasedCanary"}}),
        json!({"deploymentConfigName": "x", "computePlatform": "ECS", "trafficRoutingConfig": {}}),
        json!({"deploymentConfigName": "x", "computePlatform": "ECS", "trafficRoutingConfig": {
            "type": "TimeBasedLinear", "timeBasedLinear": {"linearPercentage": 300, "linearInterval": 1}}}),
        json!({"deploymentConfigName": "x"}),
    ] {
        assert_eq!(read(bad.clone()).await.unwrap_err().class, ErrorClass::Malformed, "{bad}");
    }
    let script = Script::start(vec![refusal("DeploymentConfigDoesNotExistException")]);
    assert_eq!(script.ports().await.releases.config("x").await.unwrap_err().class, ErrorClass::NotFound);
}
