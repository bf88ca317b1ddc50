//! What CodeDeploy refuses, with its codes.

use super::*;

#[test]
fn what_must_be_named_must_be_named() {
    let mut account = Account::new();
    for (operation, input, code) in [
        ("CreateApplication", json!({}), "ApplicationNameRequiredException"),
        ("GetApplication", json!({}), "ApplicationNameRequiredException"),
        ("BatchGetApplications", json!({"applicationNames": []}), "ApplicationNameRequiredException"),
        ("BatchGetApplications", json!({"applicationNames": ["none"]}), "ApplicationDoesNotExistException"),
        ("GetDeploymentGroup", json!({"applicationName": "shop"}), "DeploymentGroupNameRequiredException"),
        ("UpdateDeploymentGroup", json!({"applicationName": "shop"}), "DeploymentGroupNameRequiredException"),
        ("ListDeploymentGroups", json!({"applicationName": "none"}), "ApplicationDoesNotExistException"),
        ("GetDeploymentConfig", json!({}), "DeploymentConfigNameRequiredException"),
        ("GetDeploymentConfig", json!({"deploymentConfigName": "none"}), "DeploymentConfigDoesNotExistException"),
        ("GetDeployment", json!({}), "DeploymentIdRequiredException"),
        ("GetDeployment", json!({"deploymentId": "17"}), "InvalidDeploymentIdException"),
        ("GetDeployment", json!({"deploymentId": "d-ABCDEF123"}), "DeploymentDoesNotExistException"),
        ("BatchGetDeployments", json!({"deploymentIds": []}), "DeploymentIdRequiredException"),
        ("BatchGetDeployments", json!({"deploymentIds": vec!["d-A"; 101]}), "BatchLimitExceededException"),
        ("ListDeployments", json!({"applicationName": "shop"}), "DeploymentGroupNameRequiredException"),
        ("ListDeployments", json!({"deploymentGroupName": "web"}), "ApplicationNameRequiredException"),
        ("ListDeployments", json!({"includeOnlyStatuses": ["Done"]}), "InvalidDeploymentStatusException"),
        ("ListDeployments", json!({"createTimeRange": {"start": 2, "end": 1}}), "InvalidTimeRangeException"),
        ("ListDeployments", json!({"nextToken": "mine"}), "InvalidNextTokenException"),
        ("StopDeployment", json!({"deploymentId": "d-ABCDEF123"}), "DeploymentDoesNotExistException"),
        ("ContinueDeployment", json!({"deploymentId": "d-ABCDEF123"}), "DeploymentDoesNotExistException"),
    ] {
        assert_eq!(account.refused(operation, input.clone()), code, "{operation} {input}");
    }
    let error = account.ask("RegisterOnPremisesInstance", &json!({})).unwrap_err();
    assert_eq!((error.status, error.code.as_str()), (501, "NotImplemented"));
}

#[test]
fn groups_have_the_form_that_aws_takes() {
    let mut account = Account::new();
    account.ok("DeleteDeploymentGroup", json!({"applicationName": "shop", "deploymentGroupName": "web"}));
    let pair = |change: Value| {
        let base = group("site")["loadBalancerInfo"]["targetGroupPairInfoList"][0].clone();
        json!({"loadBalancerInfo": {"targetGroupPairInfoList": [with(&base, &change)]}})
    };
    let ready = |action: &str, wait: u32| {
        let option = json!({"actionOnTimeout": action, "waitTimeInMinutes": wait});
        json!({"blueGreenDeploymentConfiguration": {"deploymentReadyOption": option}})
    };
    let blue_green = "InvalidBlueGreenDeploymentConfigurationException";
    let service = json!({"clusterName": "shop", "serviceName": "web"});
    for (change, code) in [
        (json!({"deploymentStyle": null}), "InvalidDeploymentStyleException"),
        (json!({"deploymentStyle": {"deploymentType": "BLUE_GREEN"}}), "InvalidDeploymentStyleException"),
        (json!({"ecsServices": []}), "InvalidECSServiceException"),
        (json!({"ecsServices": [service, service]}), "InvalidECSServiceException"),
        (json!({"ecsServices": [{"clusterName": "shop"}]}), "InvalidECSServiceException"),
        (json!({"loadBalancerInfo": {"targetGroupPairInfoList": []}}), "InvalidLoadBalancerInfoException"),
        (pair(json!({"targetGroups": [{"name": "web-blue"}]})), "InvalidTargetGroupPairException"),
        (
            pair(json!({"targetGroups": [{"name": "web-blue"}, {"name": "web-blue"}]})),
            "InvalidTargetGroupPairException",
        ),
        (pair(json!({"prodTrafficRoute": null})), "InvalidLoadBalancerInfoException"),
        (pair(json!({"prodTrafficRoute": {"listenerArns": ["https"]}})), "InvalidLoadBalancerInfoException"),
        (
            pair(json!({"prodTrafficRoute": {"listenerArns": [PRODUCTION, PRODUCTION]}})),
            "InvalidLoadBalancerInfoException",
        ),
        (ready("STOP_DEPLOYMENT", 0), blue_green),
        (ready("CONTINUE_DEPLOYMENT", 5), blue_green),
        (ready("WAIT", 5), blue_green),
        (
            json!({"blueGreenDeploymentConfiguration": {"terminateBlueInstancesOnDeploymentSuccess": {"action": "END"}}}),
            blue_green,
        ),
        (
            json!({"autoRollbackConfiguration": {"enabled": true, "events": ["RAIN"]}}),
            "InvalidAutoRollbackConfigException",
        ),
        (json!({"autoScalingGroups": ["hosts"]}), "InvalidInputException"),
        (json!({"tags": [{"Key": "aws:mine", "Value": ""}]}), "InvalidTagsToAddException"),
    ] {
        let input = with(&group("site"), &change);
        assert_eq!(account.refused("CreateDeploymentGroup", input), code, "{change}");
    }
    account.ok("CreateDeploymentGroup", group("site"));
}

#[test]
fn platforms_and_shapes_are_those_that_there_are() {
    let mut account = Account::new();
    for platform in [json!(null), json!("Server"), json!("EKS")] {
        let input = json!({"applicationName": "site", "computePlatform": platform});
        assert_eq!(account.refused("CreateApplication", input), "InvalidComputePlatformException");
    }
    let config = |routing: Value| json!({"deploymentConfigName": "mine", "computePlatform": "ECS", "trafficRoutingConfig": routing});
    for routing in [
        json!(null),
        json!({"type": "Random"}),
        json!({"type": "TimeBasedCanary"}),
        json!({"type": "TimeBasedCanary", "timeBasedCanary": {"canaryPercentage": 10}}),
        json!({"type": "TimeBasedLinear", "timeBasedLinear": {"linearPercentage": -1, "linearInterval": 1}}),
    ] {
        let code = account.refused("CreateDeploymentConfig", config(routing));
        assert_eq!(code, "InvalidTrafficRoutingConfigurationException");
    }
    let hosts = with(
        &config(json!({"type": "AllAtOnce"})),
        &json!({"minimumHealthyHosts": {"type": "HOST_COUNT", "value": 1}}),
    );
    assert_eq!(account.refused("CreateDeploymentConfig", hosts), "InvalidMinimumHealthyHostValueException");
}

#[test]
fn deployments_come_with_a_document_that_can_be_deployed() {
    let mut account = Account::new();
    let content = Kit::appspec(&account.kit.new, &[]);
    let revision = |change: Value| json!({"revision": change});
    let app_spec = |inner: Value| revision(json!({"revisionType": "AppSpecContent", "appSpecContent": inner}));
    for (change, code) in [
        (json!({"revision": null}), "RevisionRequiredException"),
        (revision(json!({"appSpecContent": {"content": content}})), "InvalidRevisionException"),
        (
            revision(json!({"revisionType": "S3", "s3Location": {"bucket": "b", "key": "k"}})),
            "InvalidRevisionException",
        ),
        (app_spec(json!({})), "InvalidRevisionException"),
        (app_spec(json!({"content": "version: 0.0"})), "InvalidRevisionException"),
        (app_spec(json!({"content": content, "sha256": "00"})), "InvalidRevisionException"),
        (json!({"applicationName": "none"}), "ApplicationDoesNotExistException"),
        (json!({"deploymentGroupName": "none"}), "DeploymentGroupDoesNotExistException"),
        (json!({"deploymentConfigName": "none"}), "DeploymentConfigDoesNotExistException"),
        (json!({"deploymentConfigName": "CodeDeployDefault.LambdaAllAtOnce"}), "InvalidDeploymentConfigNameException"),
        (json!({"description": "x".repeat(257)}), "DescriptionTooLongException"),
        (json!({"deploymentMode": "RESTART"}), "InvalidInputException"),
        (json!({"overrideAlarmConfiguration": {"enabled": true}}), "InvalidAlarmConfigException"),
        (json!({"autoRollbackConfiguration": {"enabled": true}}), "InvalidAutoRollbackConfigException"),
    ] {
        let input = with(&deployment(&content), &change);
        assert_eq!(account.refused("CreateDeployment", input), code, "{change}");
    }
    let yaml = "version: 0.0\nresources:\n  - target:\n      type: AWS::ECS::Service\n      properties:\n        \
                taskDefinition: ARN\n        loadBalancerInfo: {containerName: app, containerPort: 8080}\n";
    let yaml = yaml.replace("ARN", account.kit.new.as_str());
    account.ok("CreateDeployment", deployment(&yaml));
    assert_eq!(account.refused("CreateDeployment", deployment(&yaml)), "DeploymentLimitExceededException");
}

#[test]
fn deployments_are_told_only_what_fits_their_state() {
    let mut account = Account::new();
    let id = account.deploy();
    account.pass(1);
    let asked = json!({"deploymentId": id});
    let wait = |kind: &str| with(&asked, &json!({"deploymentWaitType": kind}));
    assert_eq!(account.refused("ContinueDeployment", wait("READY_WAIT")), "DeploymentIsNotInReadyStateException");
    assert_eq!(account.refused("ContinueDeployment", wait("TERMINATION_WAIT")), "InvalidDeploymentStatusException");
    assert_eq!(account.refused("ContinueDeployment", wait("LUNCH")), "InvalidDeploymentWaitTypeException");
    let target = with(&asked, &json!({"targetId": "shop:api"}));
    assert_eq!(account.refused("GetDeploymentTarget", target), "DeploymentTargetDoesNotExistException");
    assert_eq!(account.refused("GetDeploymentTarget", asked.clone()), "DeploymentTargetIdRequiredException");
    let filter = with(&asked, &json!({"targetFilters": {"Colour": ["red"]}}));
    assert_eq!(account.refused("ListDeploymentTargets", filter), "InvalidTargetFilterNameException");
    account.ok("StopDeployment", asked.clone());
    account.pass(2);
    assert_eq!(account.refused("StopDeployment", asked.clone()), "DeploymentAlreadyCompletedException");
    assert_eq!(account.refused("ContinueDeployment", asked), "DeploymentAlreadyCompletedException");
}
