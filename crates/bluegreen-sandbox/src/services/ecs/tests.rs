use bluegreen_core::model::TargetGroupArn;
use http::{HeaderMap, Method};
use serde_json::{Value, json};

use super::*;
use crate::services::Caller;
use crate::wire;
use crate::world::{Config, Fleet, GroupRecord, RouteRecord};

mod native;
mod refused;

const GROUP: &str = "arn:aws:elasticloadbalancing:eu-west-3:111122223333:targetgroup/web/aaaa";
const IDLE: &str = "arn:aws:elasticloadbalancing:eu-west-3:111122223333:targetgroup/idle/bbbb";

/// An account, asked in awsJson.
struct Account {
    world: World,
    stale: Option<u64>,
}

impl Account {
    /// A cluster `shop`, a group that a route uses, one that none uses, and the revisions `web:1` and `job:1`.
    fn shop() -> Account {
        let mut world = World::new(Config::fast(5));
        world.change(|state| {
            let group: TargetGroupArn = GROUP.parse().unwrap();
            state.groups.insert(group.clone(), GroupRecord::new("HTTP", 80, "ip", "vpc-1"));
            state.groups.insert(IDLE.parse().unwrap(), GroupRecord::new("HTTP", 80, "ip", "vpc-1"));
            let rule = "arn:aws:elasticloadbalancing:eu-west-3:111122223333:listener-rule/app/shop/50dc/http/9683";
            let id = bluegreen_core::model::RouteId::Rule(rule.parse().unwrap());
            let groups = vec![bluegreen_core::model::ForwardGroup { arn: group, weight: None }];
            let forward = bluegreen_core::model::Forward { groups, stickiness: None };
            let kind = bluegreen_core::model::ActionKind::Forward(forward);
            let action = bluegreen_core::model::Action { order: Some(1), kind };
            state.routes.insert(id, RouteRecord::new("1", json!([]), vec![action]));
        });
        let mut account = Account { world, stale: None };
        account.ok("CreateCluster", json!({"clusterName": "shop"}));
        account.ok("RegisterTaskDefinition", definition("web"));
        let mut job = definition("job");
        job["networkMode"] = json!("bridge");
        account.ok("RegisterTaskDefinition", job);
        account
    }

    fn ask(&mut self, operation: &str, input: &Value) -> Result<Node, ApiError> {
        let mut headers = HeaderMap::new();
        headers.insert("content-type", "application/x-amz-json-1.1".parse().unwrap());
        let target = format!("AmazonEC2ContainerServiceV20141113.{operation}");
        headers.insert("x-amz-target", target.parse().unwrap());
        let request = wire::decode(&Method::POST, "/", &headers, input.to_string().as_bytes()).unwrap();
        let caller = Caller::new("alice");
        let mut context = Context::new(&mut self.world, &caller, 1);
        context.stale = self.stale;
        crate::services::serve(&mut context, &request)
    }

    #[expect(clippy::needless_pass_by_value, reason = "every request here is written where it is asked")]
    fn ok(&mut self, operation: &str, input: Value) -> Value {
        self.ask(operation, &input).unwrap_or_else(|error| panic!("{operation} {input}: {error}")).to_json()
    }

    /// A refusal; nothing may have changed.
    fn refused(&mut self, operation: &str, input: &Value) -> ApiError {
        let before = format!("{:?}", self.world.state());
        let error = match self.ask(operation, input) {
            Ok(answer) => panic!("{operation} {input} was taken: {answer:?}"),
            Err(error) => error,
        };
        assert_eq!(format!("{:?}", self.world.state()), before, "{operation}: a refused request changes nothing");
        assert_eq!(error.status, 400, "{error}");
        error
    }

    fn pass(&mut self, ms: u64) {
        self.world.advance_to(self.world.now_ms() + ms);
    }

    fn service(&mut self, name: &str) -> Value {
        let answer = self.ok("DescribeServices", json!({"cluster": "shop", "services": [name], "include": ["TAGS"]}));
        answer["services"][0].clone()
    }

    /// Every page of a list, one after the other.
    fn pages(&mut self, operation: &str, mut input: Value, member: &str) -> Vec<Vec<Value>> {
        let mut pages = Vec::new();
        loop {
            let answer = self.ok(operation, input.clone());
            pages.push(answer[member].as_array().unwrap().clone());
            let Some(token) = answer.get("nextToken") else { return pages };
            input["nextToken"] = token.clone();
        }
    }
}

fn definition(family: &str) -> Value {
    json!({
        "family": family,
        "networkMode": "awsvpc",
        "requiresCompatibilities": ["EC2"],
        "cpu": "256",
        "memory": "512",
        "containerDefinitions": [{
            "name": "app", "image": "process:demo", "portMappings": [{"containerPort": 8080}],
            "environment": [{"name": "VERSION", "value": "1"}],
        }],
    })
}

fn network() -> Value {
    json!({"awsvpcConfiguration": {"subnets": ["subnet-1"]}})
}

fn balancer() -> Value {
    json!([{"targetGroupArn": GROUP, "containerName": "app", "containerPort": 8080}])
}

fn web() -> Value {
    json!({
        "cluster": "shop", "serviceName": "web", "taskDefinition": "web", "desiredCount": 2, "launchType": "FARGATE",
        "networkConfiguration": network(), "loadBalancers": balancer(),
    })
}

fn external(name: &str) -> Value {
    json!({"cluster": "shop", "serviceName": name, "desiredCount": 4, "deploymentController": {"type": "EXTERNAL"}})
}

fn with(base: &Value, changes: &Value) -> Value {
    let mut all = base.clone();
    for (name, value) in changes.as_object().unwrap() {
        all[name] = value.clone();
    }
    all
}

#[test]
fn a_service_is_described_with_everything_that_it_was_made_with() {
    let mut account = Account::shop();
    let configuration = json!({
        "maximumPercent": 150, "minimumHealthyPercent": 50,
        "deploymentCircuitBreaker": {"enable": true, "rollback": true},
        "alarms": {"alarmNames": ["web-5xx"], "enable": true, "rollback": false},
    });
    let more = json!({
        "deploymentConfiguration": configuration, "healthCheckGracePeriodSeconds": 30,
        "tags": [{"key": "team", "value": "x"}], "propagateTags": "SERVICE",
        "placementStrategy": [{"type": "spread", "field": "instanceId"}],
    });
    let made = account.ok("CreateService", with(&web(), &more))["service"].clone();
    assert_eq!((&made["pendingCount"], &made["runningCount"]), (&json!(2), &json!(0)));
    account.pass(5_000);
    let seen = account.service("web");
    for (name, value) in configuration.as_object().unwrap() {
        assert_eq!(seen["deploymentConfiguration"][name], *value, "{name}");
    }
    assert_eq!(seen["deploymentConfiguration"]["strategy"], "ROLLING");
    let expected = json!({
        "serviceArn": "arn:aws:ecs:eu-west-3:111122223333:service/shop/web",
        "clusterArn": "arn:aws:ecs:eu-west-3:111122223333:cluster/shop",
        "taskDefinition": "arn:aws:ecs:eu-west-3:111122223333:task-definition/web:1",
        "status": "ACTIVE", "desiredCount": 2, "runningCount": 2, "pendingCount": 0, "launchType": "FARGATE",
        "platformVersion": "LATEST", "schedulingStrategy": "REPLICA", "healthCheckGracePeriodSeconds": 30,
        "loadBalancers": balancer(), "tags": [{"key": "team", "value": "x"}], "propagateTags": "SERVICE",
        "deploymentController": {"type": "ECS"}, "placementStrategy": [{"type": "spread", "field": "instanceId"}],
    });
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(seen[name], *value, "{name}");
    }
    let vpc = json!({"subnets": ["subnet-1"], "securityGroups": [], "assignPublicIp": "DISABLED"});
    assert_eq!(seen["networkConfiguration"]["awsvpcConfiguration"], vpc);
    assert_eq!(seen["events"][0]["message"], "(service web) has reached a steady state.");
    let deployment = &seen["deployments"][0];
    assert_eq!((&deployment["status"], &deployment["rolloutState"]), (&json!("PRIMARY"), &json!("COMPLETED")));
    assert_eq!((&deployment["runningCount"], &deployment["failedTasks"]), (&json!(2), &json!(0)));
    assert!(deployment["id"].as_str().unwrap().starts_with("ecs-svc/") && seen["createdAt"].is_number());
    assert!(seen.get("taskSets").is_none());
}

#[test]
fn an_update_deploys_when_something_of_the_tasks_changes() {
    // (what is updated, whether it brings a deployment)
    let table = [
        (json!({"desiredCount": 3}), false),
        (json!({"healthCheckGracePeriodSeconds": 9}), false),
        (json!({"deploymentConfiguration": {"maximumPercent": 300}}), false),
        (json!({"taskDefinition": "web:1"}), false),
        (json!({"networkConfiguration": network()}), false),
        (json!({"loadBalancers": balancer()}), false),
        (json!({"taskDefinition": "web"}), true),
        (json!({"forceNewDeployment": true}), true),
        (json!({"networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-2"]}}}), true),
        (json!({"platformVersion": "1.4.0"}), true),
        (json!({"loadBalancers": []}), true),
    ];
    for (change, deploys) in table {
        let mut account = Account::shop();
        account.ok("CreateService", web());
        account.ok("RegisterTaskDefinition", definition("web"));
        account.pass(5_000);
        let mut update = change.clone();
        update["cluster"] = json!("arn:aws:ecs:eu-west-3:111122223333:cluster/shop");
        update["service"] = json!("arn:aws:ecs:eu-west-3:111122223333:service/shop/web");
        let answer = account.ok("UpdateService", update)["service"].clone();
        assert_eq!(answer["deployments"].as_array().unwrap().len(), 1 + usize::from(deploys), "{change}");
        account.pass(10_000);
        let seen = account.service("web");
        assert_eq!(seen["deployments"].as_array().unwrap().len(), 1, "{change}");
        assert_eq!(seen["runningCount"], seen["desiredCount"], "{change}");
        let percent = &seen["deploymentConfiguration"]["minimumHealthyPercent"];
        assert_eq!(*percent, json!(100), "{change}: what is not said stays");
    }
}

#[test]
fn a_service_of_code_deploy_has_a_task_set_and_no_deployments() {
    let mut account = Account::shop();
    let made =
        account.ok("CreateService", with(&web(), &json!({"deploymentController": {"type": "CODE_DEPLOY"}})))["service"]
            .clone();
    assert_eq!((&made["deployments"], &made["taskSets"][0]["status"]), (&json!([]), &json!("PRIMARY")));
    account.pass(5_000);
    let update = json!({"cluster": "shop", "service": "web", "desiredCount": 3, "healthCheckGracePeriodSeconds": 7});
    account.ok("UpdateService", update);
    account.pass(5_000);
    let seen = account.service("web");
    assert_eq!((&seen["runningCount"], &seen["taskSets"][0]["computedDesiredCount"]), (&json!(3), &json!(3)));
    assert_eq!(seen["taskSets"][0]["stabilityStatus"], "STEADY_STATE");
}

#[test]
fn task_sets_are_made_scaled_switched_and_deleted() {
    let mut account = Account::shop();
    let made = account.ok("CreateService", external("web"))["service"].clone();
    assert_eq!((&made["deployments"], &made["taskSets"]), (&json!([]), &json!([])));
    assert!(made.get("taskDefinition").is_none());
    let new = json!({
        "cluster": "shop", "service": "web", "taskDefinition": "web:1", "externalId": "blue", "clientToken": "t1",
        "scale": {"value": 30.0, "unit": "PERCENT"}, "loadBalancers": balancer(), "networkConfiguration": network(),
        "tags": [{"key": "a", "value": "b"}],
    });
    let set = account.ok("CreateTaskSet", new.clone())["taskSet"].clone();
    assert_eq!((&set["status"], &set["computedDesiredCount"]), (&json!("ACTIVE"), &json!(2)));
    assert_eq!(account.ok("CreateTaskSet", new.clone())["taskSet"]["id"], set["id"], "the same token, the same set");
    let second = account.ok("CreateTaskSet", with(&new, &json!({"clientToken": "t2", "externalId": "green"})));
    let second = second["taskSet"]["id"].clone();
    account.pass(5_000);
    let all = json!({"cluster": "shop", "service": "web", "include": ["TAGS"]});
    let seen = account.ok("DescribeTaskSets", all.clone())["taskSets"].clone();
    assert_eq!((&seen[0]["runningCount"], &seen[0]["stabilityStatus"]), (&json!(2), &json!("STEADY_STATE")));
    assert_eq!((&seen[0]["externalId"], &seen[0]["tags"]), (&json!("blue"), &json!([{"key": "a", "value": "b"}])));
    assert_eq!((&seen[0]["scale"], &seen[0]["loadBalancers"]), (&new["scale"], &balancer()));
    let names = |set: &Value| json!({"cluster": "shop", "service": "web", "taskSet": set, "primaryTaskSet": set});
    for primary in [&set["taskSetArn"], &second, &set["id"]] {
        let answer = account.ok("UpdateServicePrimaryTaskSet", names(primary));
        assert_eq!(answer["taskSet"]["status"], "PRIMARY");
    }
    let statuses = |account: &mut Account| -> Vec<Value> {
        let seen = account.ok("DescribeTaskSets", all.clone())["taskSets"].clone();
        seen.as_array().unwrap().iter().map(|set| set["status"].clone()).collect()
    };
    assert_eq!(statuses(&mut account), ["PRIMARY", "ACTIVE"]);
    assert_eq!(account.service("web")["taskDefinition"], set["taskDefinition"], "the primary set's holds");
    let answer = account.ok("UpdateTaskSet", with(&names(&second), &json!({"scale": {"value": 100.0}})));
    assert_eq!(
        (&answer["taskSet"]["computedDesiredCount"], &answer["taskSet"]["stabilityStatus"]),
        (&json!(4), &json!("STABILIZING"))
    );
    let answer = account.ok("DeleteTaskSet", with(&names(&second), &json!({"force": true})));
    assert_eq!(answer["taskSet"]["status"], "DRAINING");
    account.pass(400_000);
    assert_eq!(statuses(&mut account), ["PRIMARY"]);
    let some = json!({"cluster": "shop", "service": "web", "taskSets": [set["id"], second]});
    let seen = account.ok("DescribeTaskSets", some);
    assert_eq!((seen["taskSets"].as_array().unwrap().len(), &seen["failures"][0]["reason"]), (1, &json!("MISSING")));
}

#[test]
fn a_task_definition_comes_back_as_it_was_sent() {
    let mut account = Account::shop();
    let mut sent = definition("lossless");
    sent["newThing"] = json!({"deep": [1, {"x": 2.5}], "empty": []});
    sent["nothing"] = Value::Null;
    sent["containerDefinitions"][0]["healthCheck"] = json!({"command": ["CMD", "true"], "retries": 2});
    sent["tags"] = json!([{"key": "bluegreen:run", "value": "r-1"}]);
    sent["revision"] = json!(99);
    sent["status"] = json!("INACTIVE");
    let answer = account.ok("RegisterTaskDefinition", sent.clone());
    let seen = account.ok("DescribeTaskDefinition", json!({"taskDefinition": "lossless", "include": ["TAGS"]}));
    assert_eq!(seen, answer);
    let seen_definition = &seen["taskDefinition"];
    for name in ["family", "networkMode", "requiresCompatibilities", "cpu", "memory", "newThing"] {
        assert_eq!(seen_definition[name], sent[name], "{name}");
    }
    for (name, value) in
        sent["containerDefinitions"][0].as_object().unwrap().iter().filter(|(name, _)| *name != "portMappings")
    {
        assert_eq!(seen_definition["containerDefinitions"][0][name], *value, "{name}");
    }
    let container = &seen_definition["containerDefinitions"][0];
    assert_eq!(container["portMappings"], json!([{"containerPort": 8080, "hostPort": 8080, "protocol": "tcp"}]));
    assert_eq!((&container["essential"], &container["cpu"]), (&json!(true), &json!(0)));
    assert_eq!((&seen_definition["revision"], &seen_definition["status"]), (&json!(1), &json!("ACTIVE")));
    assert!(seen_definition.get("nothing").is_none() && seen_definition.get("tags").is_none());
    assert_eq!(seen["tags"], sent["tags"]);
    assert!(account.ok("DescribeTaskDefinition", json!({"taskDefinition": "lossless"})).get("tags").is_none());
    let again = account.ok("RegisterTaskDefinition", seen_definition.clone());
    assert_eq!(again["taskDefinition"]["revision"], 2, "what was described can be registered");
    assert_eq!(again["taskDefinition"]["containerDefinitions"], seen_definition["containerDefinitions"]);
}

#[test]
fn revisions_go_from_active_to_inactive_to_deleted() {
    let mut account = Account::shop();
    account.ok("RegisterTaskDefinition", definition("web"));
    let answer = account.ok("DeregisterTaskDefinition", json!({"taskDefinition": "web:2"}));
    assert_eq!(answer["taskDefinition"]["status"], "INACTIVE");
    assert!(answer["taskDefinition"]["deregisteredAt"].is_number());
    let newest = account.ok("DescribeTaskDefinition", json!({"taskDefinition": "web"}));
    assert_eq!(newest["taskDefinition"]["revision"], 1, "the newest active one");
    let list = |account: &mut Account, status: &str| -> usize {
        let answer = account.ok("ListTaskDefinitions", json!({"familyPrefix": "web", "status": status}));
        answer["taskDefinitionArns"].as_array().unwrap().len()
    };
    assert_eq!([list(&mut account, "ACTIVE"), list(&mut account, "INACTIVE")], [1, 1]);
    let deleted = account.ok("DeleteTaskDefinitions", json!({"taskDefinitions": ["web:1", "web:2", "web:7"]}));
    assert_eq!(deleted["taskDefinitions"][0]["status"], "DELETE_IN_PROGRESS");
    assert_eq!(
        (deleted["taskDefinitions"].as_array().unwrap().len(), deleted["failures"].as_array().unwrap().len()),
        (1, 2)
    );
    assert_eq!([list(&mut account, "INACTIVE"), list(&mut account, "DELETE_IN_PROGRESS")], [0, 1]);
    assert_eq!(account.ok("ListTaskDefinitionFamilies", json!({}))["families"], json!(["job", "web"]));
    account.ok("DeregisterTaskDefinition", json!({"taskDefinition": "web:1"}));
    assert_eq!(account.ok("ListTaskDefinitionFamilies", json!({"status": "ACTIVE"}))["families"], json!(["job"]));
    assert_eq!(account.ok("ListTaskDefinitionFamilies", json!({"status": "INACTIVE"}))["families"], json!(["web"]));
}

#[test]
fn pages_of_one_give_everything_once_in_its_order() {
    let mut account = Account::shop();
    for name in ["a", "b", "c"] {
        account
            .ok("CreateService", with(&web(), &json!({"serviceName": name, "loadBalancers": [], "desiredCount": 1})));
        account.ok("CreateCluster", json!({"clusterName": name}));
        account.ok("RegisterTaskDefinition", definition("many"));
    }
    for _ in 0..8 {
        account.ok("RegisterTaskDefinition", definition("many"));
    }
    account.world.config.page_size = Some(1);
    let table = [
        ("ListServices", json!({"cluster": "shop"}), "serviceArns", 3),
        ("ListClusters", json!({}), "clusterArns", 4),
        ("ListTasks", json!({"cluster": "shop"}), "taskArns", 3),
        ("ListTaskDefinitions", json!({"familyPrefix": "many"}), "taskDefinitionArns", 11),
        ("ListTaskDefinitions", json!({"familyPrefix": "many", "sort": "DESC"}), "taskDefinitionArns", 11),
        ("ListTaskDefinitionFamilies", json!({}), "families", 3),
    ];
    for (operation, input, member, count) in table {
        account.world.config.page_size = Some(1);
        let pages = account.pages(operation, input.clone(), member);
        assert!(pages.iter().all(|page| page.len() == 1), "{operation}");
        let all: Vec<Value> = pages.into_iter().flatten().collect();
        account.world.config.page_size = None;
        let once = account.ok(operation, input.clone());
        assert_eq!(once[member], json!(all), "{operation}");
        assert_eq!(all.len(), count, "{operation}");
        let two = account.pages(operation, with(&input, &json!({"maxResults": 2})), member);
        assert_eq!(two.len(), count.div_ceil(2), "{operation}: a full last page is the last");
    }
    let newest = account.ok("ListTaskDefinitions", json!({"familyPrefix": "many", "sort": "DESC", "maxResults": 1}));
    assert!(newest["taskDefinitionArns"][0].as_str().unwrap().ends_with("many:11"), "by number, not by letter");
}

#[test]
fn tasks_tell_how_far_they_are_and_why_they_stopped() {
    let mut account = Account::shop();
    account.world.config.fleet = Fleet::Live;
    account.ok("CreateService", web());
    let arns = |account: &mut Account, filter: Value| {
        account.ok("ListTasks", with(&json!({"cluster": "shop"}), &filter))["taskArns"].as_array().unwrap().clone()
    };
    let all = arns(&mut account, json!({"serviceName": "web"}));
    assert_eq!((all.len(), arns(&mut account, json!({"family": "job"})).len()), (2, 0));
    let describe = |account: &mut Account, tasks: &[Value]| {
        account.ok("DescribeTasks", json!({"cluster": "shop", "tasks": tasks}))
    };
    assert_eq!(describe(&mut account, &all)["tasks"][0]["lastStatus"], "PENDING");
    let ids: Vec<u64> = account.world.wanted_tasks().iter().map(|task| task.id).collect();
    for id in &ids {
        account.world.task_running(*id, std::net::SocketAddr::from(([127, 0, 1, u8::try_from(*id).unwrap()], 8080)));
    }
    let seen = describe(&mut account, &all)["tasks"][0].clone();
    let service = account.service("web");
    let expected = json!({
        "lastStatus": "RUNNING", "desiredStatus": "RUNNING", "group": "service:web", "launchType": "FARGATE",
        "startedBy": service["deployments"][0]["id"], "taskDefinitionArn": service["taskDefinition"],
        "cpu": "256", "memory": "512",
    });
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(seen[name], *value, "{name}");
    }
    assert_eq!(seen["containers"][0]["networkInterfaces"][0]["privateIpv4Address"], "127.0.1.1");
    assert_eq!(arns(&mut account, json!({"startedBy": expected["startedBy"]})).len(), 2);

    let stopped = account.ok("StopTask", json!({"cluster": "shop", "task": all[0], "reason": "drill"}))["task"].clone();
    assert_eq!((&stopped["desiredStatus"], &stopped["stoppedReason"]), (&json!("STOPPED"), &json!("drill")));
    account.world.task_exited(ids[0], Some(137), "");
    account.world.task_exited(ids[1], Some(1), "killed");
    let seen = describe(&mut account, &all)["tasks"].clone();
    assert_eq!((&seen[0]["lastStatus"], &seen[0]["stopCode"]), (&json!("STOPPED"), &json!("UserInitiated")));
    assert_eq!(
        (&seen[1]["stopCode"], &seen[1]["containers"][0]["exitCode"]),
        (&json!("EssentialContainerExited"), &json!(1))
    );
    assert_eq!(seen[1]["containers"][0]["reason"], "killed");
    assert_eq!(arns(&mut account, json!({"desiredStatus": "STOPPED"})), all);
    let new = arns(&mut account, json!({}));
    assert!(new.len() == 2 && !new.contains(&all[0]) && !new.contains(&all[1]));
    let missing = describe(&mut account, &[json!("0123")]);
    assert_eq!(missing["failures"][0]["arn"], "arn:aws:ecs:eu-west-3:111122223333:task/shop/0123");
}

#[test]
fn single_tasks_run_with_tags_and_without_a_service() {
    let mut account = Account::shop();
    let run = json!({"cluster": "shop", "taskDefinition": "job", "count": 3, "startedBy": "me",
                     "tags": [{"key": "a", "value": "b"}]});
    let answer = account.ok("RunTask", run);
    assert_eq!((answer["tasks"].as_array().unwrap().len(), &answer["failures"]), (3, &json!([])));
    assert_eq!(answer["tasks"][0]["tags"], json!([{"key": "a", "value": "b"}]));
    account.pass(2_000);
    let cluster = account.ok("DescribeClusters", json!({"clusters": ["shop"]}))["clusters"][0].clone();
    assert_eq!((&cluster["runningTasksCount"], &cluster["activeServicesCount"]), (&json!(3), &json!(0)));
}

#[test]
fn a_deleted_service_drains_and_stays_visible_as_inactive() {
    let mut account = Account::shop();
    account.ok("CreateService", web());
    account.pass(5_000);
    let answer = account.ok("DeleteService", json!({"cluster": "shop", "service": "web", "force": true}));
    assert_eq!((&answer["service"]["status"], &answer["service"]["runningCount"]), (&json!("DRAINING"), &json!(0)));
    assert_eq!(account.ok("ListServices", json!({"cluster": "shop"}))["serviceArns"].as_array().unwrap().len(), 1);
    account.pass(300_000);
    assert_eq!(account.service("web")["status"], "INACTIVE");
    assert_eq!(account.ok("ListServices", json!({"cluster": "shop"}))["serviceArns"], json!([]));
    let again = account.ok("CreateService", web());
    assert_eq!(again["service"]["status"], "ACTIVE");
    account.ok("DeleteService", json!({"cluster": "shop", "service": "web", "force": true}));
    account.pass(400_000);
    let answer = account.ok("DeleteCluster", json!({"cluster": "shop"}));
    assert_eq!(answer["cluster"]["status"], "INACTIVE");
    assert_eq!(account.ok("ListClusters", json!({}))["clusterArns"], json!([]));
}

#[test]
fn reads_come_from_the_past_and_writes_do_not() {
    let mut account = Account::shop();
    account.pass(10_000);
    account.ok("CreateService", web());
    account.ok("RegisterTaskDefinition", definition("web"));
    account.pass(3_000);
    account.stale = Some(5_000);
    let seen = account.ok("DescribeServices", json!({"cluster": "shop", "services": ["web"]}));
    assert_eq!((&seen["services"], &seen["failures"][0]["reason"]), (&json!([]), &json!("MISSING")));
    assert_eq!(seen["failures"][0]["arn"], "arn:aws:ecs:eu-west-3:111122223333:service/shop/web");
    assert_eq!(account.refused("DescribeTaskDefinition", &json!({"taskDefinition": "web:2"})).code, "ClientException");
    let update = json!({"cluster": "shop", "service": "web", "taskDefinition": "web:2"});
    let answer = account.ok("UpdateService", update);
    assert_eq!(answer["service"]["deployments"].as_array().unwrap().len(), 2);
}

#[test]
fn tags_are_put_on_everything_and_taken_off() {
    let mut account = Account::shop();
    account.ok("CreateService", web());
    let set = {
        account.ok("CreateService", external("ext"));
        let new =
            json!({"cluster": "shop", "service": "ext", "taskDefinition": "web", "networkConfiguration": network()});
        account.ok("CreateTaskSet", new)["taskSet"]["taskSetArn"].clone()
    };
    let task = account.ok("ListTasks", json!({"cluster": "shop", "serviceName": "web"}))["taskArns"][0].clone();
    let things = [
        json!("arn:aws:ecs:eu-west-3:111122223333:cluster/shop"),
        json!("arn:aws:ecs:eu-west-3:111122223333:service/shop/web"),
        json!("arn:aws:ecs:eu-west-3:111122223333:task-definition/web:1"),
        set,
        task,
    ];
    for arn in things {
        let tags = json!([{"key": "a", "value": "1"}, {"key": "b", "value": "2"}]);
        account.ok("TagResource", json!({"resourceArn": arn, "tags": tags}));
        assert_eq!(account.ok("ListTagsForResource", json!({"resourceArn": arn}))["tags"], tags, "{arn}");
        account.ok("UntagResource", json!({"resourceArn": arn, "tagKeys": ["a", "c"]}));
        let left = account.ok("ListTagsForResource", json!({"resourceArn": arn}));
        assert_eq!(left["tags"], json!([{"key": "b", "value": "2"}]), "{arn}");
    }
}
