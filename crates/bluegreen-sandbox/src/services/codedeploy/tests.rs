use http::{HeaderMap, Method};
use serde_json::{Value, json};

use super::*;
use crate::services::Caller;
use crate::wire;
use crate::world::codedeploy::tests::Kit;

mod refused;

const ROLE: &str = "arn:aws:iam::111122223333:role/codedeploy";
const PRODUCTION: &str = "arn:aws:elasticloadbalancing:eu-west-3:111122223333:listener/app/shop/50dc/https";

/// An account with a service under CodeDeploy, an application `shop` and its group `web`, asked in awsJson.
struct Account {
    kit: Kit,
    stale: Option<u64>,
}

impl Account {
    fn new() -> Account {
        Account { kit: Kit::new(|group| group.ready_wait = Some(30)), stale: None }
    }

    fn ask(&mut self, operation: &str, input: &Value) -> Result<Node, ApiError> {
        let mut headers = HeaderMap::new();
        headers.insert("content-type", "application/x-amz-json-1.1".parse().unwrap());
        headers.insert("x-amz-target", format!("CodeDeploy_20141006.{operation}").parse().unwrap());
        let request = wire::decode(&Method::POST, "/", &headers, input.to_string().as_bytes()).unwrap();
        let caller = Caller::new("alice");
        let mut context = Context::new(&mut self.kit.world, &caller, 1);
        context.stale = self.stale;
        crate::services::serve(&mut context, &request)
    }

    #[expect(clippy::needless_pass_by_value, reason = "every request here is written where it is asked")]
    fn ok(&mut self, operation: &str, input: Value) -> Value {
        self.ask(operation, &input).unwrap_or_else(|error| panic!("{operation} {input}: {error}")).to_json()
    }

    /// The code of a refusal; nothing may have changed.
    #[expect(clippy::needless_pass_by_value, reason = "every request here is written where it is asked")]
    fn refused(&mut self, operation: &str, input: Value) -> String {
        let before = format!("{:?}", self.kit.world.state());
        let error = match self.ask(operation, &input) {
            Ok(answer) => panic!("{operation} {input} was taken: {answer:?}"),
            Err(error) => error,
        };
        assert_eq!(format!("{:?}", self.kit.world.state()), before, "{operation}: a refused request changes nothing");
        assert_eq!(error.status, 400, "{error}");
        error.code
    }

    fn pass(&mut self, seconds: u64) {
        let until = self.kit.world.now_ms() + seconds * 1_000;
        self.kit.world.advance_to(until);
    }

    fn deploy(&mut self) -> String {
        let answer = self.ok("CreateDeployment", deployment(&Kit::appspec(&self.kit.new, &[])));
        answer["deploymentId"].as_str().unwrap().to_owned()
    }

    fn info(&mut self, id: &str) -> Value {
        self.ok("GetDeployment", json!({"deploymentId": id}))["deploymentInfo"].clone()
    }

    fn target(&mut self, id: &str) -> Value {
        let input = json!({"deploymentId": id, "targetIds": ["shop:web"]});
        self.ok("BatchGetDeploymentTargets", input)["deploymentTargets"][0].clone()
    }
}

fn deployment(content: &str) -> Value {
    let sha256 = bluegreen_core::appspec::sha256(content);
    let revision = json!({"revisionType": "AppSpecContent", "appSpecContent": {"content": content, "sha256": sha256}});
    json!({"applicationName": "shop", "deploymentGroupName": "web", "revision": revision, "description": "by hand"})
}

/// A group of its own, but for the service.
fn group(name: &str) -> Value {
    json!({
        "applicationName": "shop",
        "deploymentGroupName": name,
        "serviceRoleArn": ROLE,
        "deploymentConfigName": "CodeDeployDefault.ECSAllAtOnce",
        "deploymentStyle": {"deploymentType": "BLUE_GREEN", "deploymentOption": "WITH_TRAFFIC_CONTROL"},
        "ecsServices": [{"clusterName": "arn:aws:ecs:eu-west-3:111122223333:cluster/shop", "serviceName": "web"}],
        "loadBalancerInfo": {"targetGroupPairInfoList": [{
            "targetGroups": [{"name": "web-blue"}, {"name": "web-green"}],
            "prodTrafficRoute": {"listenerArns": [PRODUCTION]},
        }]},
        "blueGreenDeploymentConfiguration": {
            "terminateBlueInstancesOnDeploymentSuccess": {"action": "TERMINATE", "terminationWaitTimeInMinutes": 5},
            "deploymentReadyOption": {"actionOnTimeout": "STOP_DEPLOYMENT", "waitTimeInMinutes": 10},
        },
        "alarmConfiguration": {"enabled": true, "alarms": [{"name": "web-5xx"}]},
        "autoRollbackConfiguration": {"enabled": true, "events": ["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM"]},
        "triggerConfigurations": [{"triggerName": "told", "triggerTargetArn": "arn:aws:sns:eu-west-3:111122223333:told"}],
    })
}

fn with(base: &Value, changes: &Value) -> Value {
    let mut all = base.as_object().unwrap().clone();
    all.extend(changes.as_object().unwrap().clone());
    all.retain(|_, value| !value.is_null());
    Value::Object(all)
}

#[test]
fn a_group_is_described_as_it_was_made_and_changed() {
    let mut account = Account::new();
    account.ok("DeleteDeploymentGroup", json!({"applicationName": "shop", "deploymentGroupName": "web"}));
    account.ok("CreateDeploymentGroup", group("site"));
    let named = json!({"applicationName": "shop", "deploymentGroupName": "site"});
    let found = account.ok("GetDeploymentGroup", named.clone())["deploymentGroupInfo"].clone();
    for member in [
        "applicationName",
        "deploymentGroupName",
        "serviceRoleArn",
        "deploymentConfigName",
        "deploymentStyle",
        "loadBalancerInfo",
        "blueGreenDeploymentConfiguration",
        "autoRollbackConfiguration",
        "triggerConfigurations",
    ] {
        assert_eq!(found[member], group("site")[member], "{member}");
    }
    assert_eq!(found["computePlatform"], "ECS");
    assert_eq!(found["ecsServices"], json!([{"clusterName": "shop", "serviceName": "web"}]));
    assert_eq!(found["alarmConfiguration"]["alarms"], json!([{"name": "web-5xx"}]));
    let change = json!({
        "applicationName": "shop", "currentDeploymentGroupName": "site", "newDeploymentGroupName": "page",
        "alarmConfiguration": {"enabled": false, "alarms": []},
    });
    account.ok("UpdateDeploymentGroup", change);
    assert_eq!(account.refused("GetDeploymentGroup", named), "DeploymentGroupDoesNotExistException");
    let asked = json!({"applicationName": "shop", "deploymentGroupNames": ["page", "site"]});
    let batch = account.ok("BatchGetDeploymentGroups", asked);
    assert_eq!(batch["deploymentGroupsInfo"].as_array().unwrap().len(), 1);
    assert!(batch["errorMessage"].as_str().unwrap().contains("site"));
    let changed = &batch["deploymentGroupsInfo"][0];
    assert_eq!(changed["alarmConfiguration"]["enabled"], false);
    assert_eq!(changed["loadBalancerInfo"], found["loadBalancerInfo"], "what the request leaves out stays");
    let groups = account.ok("ListDeploymentGroups", json!({"applicationName": "shop"}));
    assert_eq!(groups, json!({"applicationName": "shop", "deploymentGroups": ["page"]}));
}

#[test]
fn applications_and_configurations_are_made_listed_and_deleted() {
    let mut account = Account::new();
    let id = account.ok("CreateApplication", json!({"applicationName": "site", "computePlatform": "ECS"}));
    let found = account.ok("GetApplication", json!({"applicationName": "site"}))["application"].clone();
    assert_eq!((&found["applicationId"], &found["computePlatform"]), (&id["applicationId"], &json!("ECS")));
    assert_eq!(account.ok("ListApplications", json!({})), json!({"applications": ["shop", "site"]}));
    let both = account.ok("BatchGetApplications", json!({"applicationNames": ["shop", "site"]}));
    assert_eq!(both["applicationsInfo"].as_array().unwrap().len(), 2);
    account.ok("DeleteApplication", json!({"applicationName": "site"}));
    assert_eq!(
        account.refused("GetApplication", json!({"applicationName": "site"})),
        "ApplicationDoesNotExistException"
    );

    let routing = json!({"type": "TimeBasedLinear", "timeBasedLinear": {"linearPercentage": 25, "linearInterval": 2}});
    let config = json!({"deploymentConfigName": "quarters", "computePlatform": "ECS", "trafficRoutingConfig": routing});
    account.ok("CreateDeploymentConfig", config);
    let name = json!({"deploymentConfigName": "quarters"});
    let found = account.ok("GetDeploymentConfig", name.clone())["deploymentConfigInfo"].clone();
    assert_eq!((&found["trafficRoutingConfig"], &found["computePlatform"]), (&routing, &json!("ECS")));
    account.kit.world.config.page_size = Some(4);
    let (mut seen, mut token) = (Vec::new(), Value::Null);
    loop {
        let page = account.ok("ListDeploymentConfigs", json!({"nextToken": token}));
        seen.extend(page["deploymentConfigsList"].as_array().unwrap().clone());
        match page.get("nextToken") {
            Some(next) => token = next.clone(),
            None => break,
        }
    }
    assert_eq!(seen.len(), 18);
    account.ok("DeleteDeploymentConfig", name.clone());
    assert_eq!(account.refused("GetDeploymentConfig", name), "DeploymentConfigDoesNotExistException");
}

#[test]
fn a_deployment_is_told_at_every_point() {
    let mut account = Account::new();
    let id = account.deploy();
    let asked = json!({"deploymentId": id});
    assert_eq!(account.info(&id)["status"], "Created");
    assert_eq!(account.refused("ListDeploymentTargets", asked.clone()), "DeploymentNotStartedException");
    account.pass(60);
    let info = account.info(&id);
    assert_eq!(
        (&info["status"], &info["creator"], &info["description"]),
        (&json!("Ready"), &json!("user"), &json!("by hand"))
    );
    assert_eq!(info["deploymentOverview"]["Ready"], 1);
    let content = Kit::appspec(&account.kit.new, &[]);
    assert_eq!(info["revision"]["appSpecContent"]["content"], content);
    assert_eq!(account.ok("ListDeploymentTargets", asked.clone()), json!({"targetIds": ["shop:web"]}));
    let target = account.target(&id);
    let sets = &target["ecsTarget"]["taskSetsInfo"];
    let sides = |member: &str| [&sets[0][member], &sets[1][member]].map(Clone::clone);
    assert_eq!(sides("taskSetLabel"), [json!("Blue"), json!("Green")]);
    assert_eq!(sides("status"), [json!("PRIMARY"), json!("ACTIVE")]);
    assert_eq!(sides("trafficWeight"), [json!(100.0), json!(0.0)]);
    assert_eq!(sides("runningCount"), [json!(2), json!(2)]);
    assert_eq!(
        (&sets[0]["targetGroup"]["name"], &target["ecsTarget"]["status"]),
        (&json!("web-blue"), &json!("Ready"))
    );
    account.ok("ContinueDeployment", with(&asked, &json!({"deploymentWaitType": "READY_WAIT"})));
    let target = account.target(&id);
    assert_eq!(target["ecsTarget"]["taskSetsInfo"][1]["trafficWeight"], 10.0);
    assert_eq!(target["ecsTarget"]["lifecycleEvents"][6]["status"], "InProgress");
    account.pass(301);
    assert_eq!(account.info(&id)["instanceTerminationWaitTimeStarted"], true);
    account.ok("ContinueDeployment", with(&asked, &json!({"deploymentWaitType": "TERMINATION_WAIT"})));
    let info = account.info(&id);
    assert_eq!((&info["status"], info["completeTime"].is_number()), (&json!("Succeeded"), true));
    let group = json!({"applicationName": "shop", "deploymentGroupName": "web"});
    let found = account.ok("GetDeploymentGroup", group)["deploymentGroupInfo"].clone();
    assert_eq!(found["lastSuccessfulDeployment"]["deploymentId"], json!(id));
    assert_eq!(found["targetRevision"], info["revision"]);
}

#[test]
fn a_stopped_deployment_and_its_rollback_name_each_other() {
    let mut account = Account::new();
    let id = account.deploy();
    account.pass(60);
    let answer = account.ok("StopDeployment", json!({"deploymentId": id, "autoRollbackEnabled": true}));
    assert_eq!(answer["status"], "Pending");
    account.pass(10);
    let info = account.info(&id);
    assert_eq!((&info["status"], &info["errorInformation"]["code"]), (&json!("Stopped"), &json!("MANUAL_STOP")));
    let rollback = info["rollbackInfo"]["rollbackDeploymentId"].as_str().unwrap().to_owned();
    let back = account.info(&rollback);
    assert_eq!((&back["status"], &back["creator"]), (&json!("Succeeded"), &json!("codeDeployRollback")));
    assert_eq!(back["rollbackInfo"]["rollbackTriggeringDeploymentId"], json!(id));
    let both = account.ok("BatchGetDeployments", json!({"deploymentIds": [id, rollback, "d-000000000"]}));
    assert_eq!(both["deploymentsInfo"].as_array().unwrap().len(), 2);
}

#[test]
fn lists_take_groups_statuses_times_and_pages() {
    let mut account = Account::new();
    let first = account.deploy();
    account.pass(60);
    account.ok("StopDeployment", json!({"deploymentId": first, "autoRollbackEnabled": false}));
    account.pass(60);
    let between = account.kit.world.now().as_second();
    let second = account.deploy();
    let mut list = |input: Value| account.ok("ListDeployments", input)["deployments"].clone();
    assert_eq!(list(json!({})), json!([second, first]));
    assert_eq!(list(json!({"applicationName": "shop", "deploymentGroupName": "web"})), json!([second, first]));
    assert_eq!(list(json!({"includeOnlyStatuses": ["Stopped"]})), json!([first]));
    assert_eq!(list(json!({"includeOnlyStatuses": ["Created", "InProgress"]})), json!([second]));
    assert_eq!(list(json!({"createTimeRange": {"start": between}})), json!([second]));
    assert_eq!(list(json!({"createTimeRange": {"end": between - 1}})), json!([first]));
    account.kit.world.config.page_size = Some(1);
    let page = account.ok("ListDeployments", json!({}));
    assert_eq!(page["deployments"], json!([second]));
    let rest = account.ok("ListDeployments", json!({"nextToken": page["nextToken"]}));
    assert_eq!(rest, json!({"deployments": [first]}));
}

#[test]
fn a_hook_is_answered_through_the_api() {
    let mut account = Account::new();
    let content = Kit::appspec(&account.kit.new, &[("AfterInstall", "smoke")]);
    let id = account.ok("CreateDeployment", deployment(&content))["deploymentId"].clone();
    account.pass(60);
    let run = {
        let found = account.kit.world.deployment(id.as_str().unwrap()).unwrap();
        found.event().unwrap().hook.as_ref().unwrap().id.clone()
    };
    let answer = json!({"deploymentId": id, "lifecycleEventHookExecutionId": run, "status": "Failed"});
    let other = with(&answer, &json!({"status": "Skipped"}));
    let code = account.refused("PutLifecycleEventHookExecutionStatus", other);
    assert_eq!(code, "InvalidLifecycleEventHookExecutionStatusException");
    account.ok("PutLifecycleEventHookExecutionStatus", answer.clone());
    let info = account.info(id.as_str().unwrap());
    assert_eq!(
        (&info["status"], &info["errorInformation"]["code"]),
        (&json!("Failed"), &json!("HOOK_EXECUTION_FAILURE"))
    );
    let event = account.target(id.as_str().unwrap())["ecsTarget"]["lifecycleEvents"][2].clone();
    assert_eq!((&event["status"], &event["diagnostics"]["scriptName"]), (&json!("Failed"), &json!("smoke")));
    let code = account.refused("PutLifecycleEventHookExecutionStatus", answer);
    assert_eq!(code, "LifecycleEventAlreadyCompletedException");
}

#[test]
fn functions_have_a_target_of_their_own() {
    let mut account = Account::new();
    account.ok("CreateApplication", json!({"applicationName": "functions", "computePlatform": "Lambda"}));
    let style = json!({"deploymentType": "BLUE_GREEN", "deploymentOption": "WITH_TRAFFIC_CONTROL"});
    account.ok("CreateDeploymentGroup", json!({
        "applicationName": "functions", "deploymentGroupName": "price", "serviceRoleArn": ROLE, "deploymentStyle": style,
        "deploymentConfigName": "CodeDeployDefault.LambdaCanary10Percent5Minutes",
    }));
    let properties = json!({"Name": "price", "Alias": "live", "CurrentVersion": "1", "TargetVersion": "2"});
    let function = json!({"price": {"Type": "AWS::Lambda::Function", "Properties": properties}});
    let content = json!({"version": "0.0", "Resources": [function]}).to_string();
    let input = with(
        &deployment(&content),
        &json!({
            "applicationName": "functions", "deploymentGroupName": "price",
            "revision": {"revisionType": "String", "string": {"content": content}},
        }),
    );
    let id = account.ok("CreateDeployment", input)["deploymentId"].clone();
    account.pass(60);
    let input = json!({"deploymentId": id, "targetId": "price:live"});
    let target = account.ok("GetDeploymentTarget", input)["deploymentTarget"]["lambdaTarget"].clone();
    assert_eq!(target["lambdaFunctionInfo"]["targetVersionWeight"], 10.0);
    assert_eq!(account.info(id.as_str().unwrap())["revision"]["revisionType"], "String");
}

#[test]
fn reads_may_be_old_and_never_deny_what_is_there() {
    let mut account = Account::new();
    let id = account.deploy();
    account.pass(60);
    account.stale = Some(59_500);
    assert_eq!(account.info(&id)["status"], "Created");
    account.stale = Some(100_000);
    assert_eq!(account.ok("ListDeployments", json!({}))["deployments"], json!([]));
    assert_eq!(account.info(&id)["status"], "Ready");
}
