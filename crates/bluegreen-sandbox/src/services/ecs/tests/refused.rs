use super::*;

/// One of everything that refused requests talk about.
fn account() -> Account {
    let mut account = Account::shop();
    account.ok("CreateService", web());
    account.ok("CreateService", with(&web(), &json!({"serviceName": "gone", "desiredCount": 0})));
    account.ok("DeleteService", json!({"cluster": "shop", "service": "gone"}));
    let deploy = json!({"serviceName": "deploy", "deploymentController": {"type": "CODE_DEPLOY"}});
    account.ok("CreateService", with(&web(), &deploy));
    account.ok("CreateService", external("ext"));
    let set = json!({"cluster": "shop", "service": "ext", "taskDefinition": "web", "networkConfiguration": network()});
    let set = account.ok("CreateTaskSet", set)["taskSet"]["id"].clone();
    account.ok("UpdateServicePrimaryTaskSet", json!({"cluster": "shop", "service": "ext", "primaryTaskSet": set}));
    account.ok("RegisterTaskDefinition", definition("old"));
    account.ok("DeregisterTaskDefinition", json!({"taskDefinition": "old:1"}));
    account.pass(5_000);
    account
}

fn check(table: &[(&str, Value, &str, &str)]) {
    let mut account = account();
    for (operation, input, code, part) in table {
        let error = account.refused(operation, input);
        assert_eq!(error.code, *code, "{operation} {input}: {error}");
        assert!(error.message.contains(part), "{operation} {input}: {error}");
    }
}

const PARAMETER: &str = "InvalidParameterException";
const CLIENT: &str = "ClientException";
const UNSUPPORTED: &str = "UnsupportedFeatureException";

#[test]
fn services_that_cannot_be_made() {
    let table: Vec<(Value, &str, &str)> = vec![
        (json!({"cluster": "none"}), "ClusterNotFoundException", ""),
        (json!({"serviceName": "web"}), PARAMETER, "not idempotent"),
        (json!({"serviceName": ""}), PARAMETER, "serviceName"),
        (json!({"serviceName": "a b"}), PARAMETER, "serviceName"),
        (json!({"taskDefinition": null}), PARAMETER, "TaskDefinition can not be blank"),
        (json!({"taskDefinition": "none"}), CLIENT, "not found"),
        (json!({"taskDefinition": "web:9"}), CLIENT, "not found"),
        (json!({"taskDefinition": "old:1"}), CLIENT, "inactive"),
        (json!({"desiredCount": null}), PARAMETER, "desiredCount"),
        (json!({"desiredCount": -1}), PARAMETER, "desiredCount"),
        (json!({"desiredCount": "two"}), "SerializationException", ""),
        (json!({"launchType": "MOON"}), PARAMETER, "MOON"),
        (json!({"capacityProviderStrategy": [{"capacityProvider": "FARGATE"}]}), PARAMETER, "launch type"),
        (json!({"schedulingStrategy": "DAEMON"}), UNSUPPORTED, "daemon"),
        (json!({"networkConfiguration": null}), PARAMETER, "Network Configuration must be provided"),
        (json!({"networkConfiguration": {"awsvpcConfiguration": {"subnets": []}}}), PARAMETER, "subnets"),
        (json!({"taskDefinition": "job", "launchType": "FARGATE", "loadBalancers": []}), PARAMETER, "FARGATE"),
        (json!({"taskDefinition": "job", "launchType": "EC2", "loadBalancers": []}), PARAMETER, "not valid"),
        (json!({"deploymentController": {"type": "MINE"}}), PARAMETER, "MINE"),
        (json!({"loadBalancers": [], "healthCheckGracePeriodSeconds": 1}), PARAMETER, "grace period"),
        (json!({"tags": [{"key": "aws:x", "value": ""}]}), PARAMETER, "aws:"),
    ];
    let table: Vec<_> = table
        .into_iter()
        .map(|(change, code, part)| {
            let base = with(&web(), &json!({"serviceName": "new"}));
            ("CreateService", with(&base, &change), code, part)
        })
        .collect();
    check(&table);
}

#[test]
fn a_service_of_an_external_controller_leaves_its_tasks_to_task_sets() {
    let table = [
        (json!({"taskDefinition": "web"}), "TaskDefinition must be blank."),
        (json!({"launchType": "FARGATE"}), "LaunchType must be blank."),
        (json!({"networkConfiguration": network()}), "NetworkConfiguration must be blank."),
        (json!({"loadBalancers": balancer()}), "LoadBalancers must be empty or null."),
    ];
    for (change, part) in table {
        check(&[("CreateService", with(&external("new"), &change), PARAMETER, part)]);
    }
}

#[test]
fn load_balancers_that_do_not_fit() {
    let entry = json!({"targetGroupArn": GROUP, "containerName": "app", "containerPort": 8080});
    let other = GROUP.replace("web", "other");
    let table: Vec<(Value, &str, &str)> = vec![
        (json!({"targetGroupArn": other}), PARAMETER, "does not exist"),
        (json!({"targetGroupArn": IDLE}), PARAMETER, "does not have an associated load balancer"),
        (json!({"targetGroupArn": "web"}), PARAMETER, "ARN"),
        (json!({"containerName": "none"}), PARAMETER, "container none does not exist"),
        (json!({"containerPort": 81}), PARAMETER, "container port 81"),
        (json!({"containerPort": null}), PARAMETER, "containerPort"),
        (json!({"targetGroupArn": null, "loadBalancerName": "classic"}), UNSUPPORTED, "classic"),
        (json!({"advancedConfiguration": {"alternateTargetGroupArn": IDLE}}), PARAMETER, "roleArn"),
    ];
    for (change, code, part) in table {
        let balancers = json!([with(&entry, &change)]);
        let new = with(&web(), &json!({"serviceName": "new", "loadBalancers": balancers}));
        let update = json!({"cluster": "shop", "service": "web", "loadBalancers": balancers});
        check(&[("CreateService", new, code, part), ("UpdateService", update, code, part)]);
    }
    let many = json!({"serviceName": "new", "loadBalancers": vec![entry; 6]});
    check(&[("CreateService", with(&web(), &many), PARAMETER, "at most 5")]);
}

#[test]
fn deployment_configurations_that_do_not_fit() {
    let table: Vec<(Value, &str, &str)> = vec![
        (json!({"strategy": "BOGUS"}), PARAMETER, "BOGUS"),
        (json!({"strategy": "BLUE_GREEN", "bakeTimeInMinutes": 1}), PARAMETER, "advancedConfiguration"),
        (json!({"strategy": "BLUE_GREEN"}), PARAMETER, "bakeTimeInMinutes"),
        (json!({"strategy": "LINEAR"}), PARAMETER, "advancedConfiguration"),
        (json!({"strategy": "CANARY"}), PARAMETER, "advancedConfiguration"),
        (json!({"strategy": "CANARY", "canaryConfiguration": {"canaryPercent": 0.05}}), PARAMETER, "canaryPercent"),
        (json!({"strategy": "LINEAR", "linearConfiguration": {"stepPercent": 2.0}}), PARAMETER, "stepPercent"),
        (json!({"bakeTimeInMinutes": 1441}), PARAMETER, "bakeTimeInMinutes"),
        (json!({"minimumHealthyPercent": 101}), PARAMETER, "minimumHealthyPercent"),
        (json!({"maximumPercent": 99}), PARAMETER, "maximumPercent"),
        (json!({"maximumPercent": 100}), PARAMETER, "will block deployments"),
        (json!({"deploymentCircuitBreaker": {"enable": true}}), PARAMETER, "rollback"),
        (
            json!({"deploymentCircuitBreaker": {"enable": true, "rollback": true,
                                                "thresholdConfiguration": {"type": "ODD", "value": 5}}}),
            PARAMETER,
            "ODD",
        ),
        (json!({"alarms": {"enable": true}}), PARAMETER, "alarmNames"),
    ];
    for (configuration, code, part) in table {
        let changes = json!({"serviceName": "new", "deploymentConfiguration": configuration});
        let update = json!({"cluster": "shop", "service": "web", "deploymentConfiguration": configuration});
        check(&[("CreateService", with(&web(), &changes), code, part), ("UpdateService", update, code, part)]);
    }
    let breaker = json!({"deploymentCircuitBreaker": {"enable": true, "rollback": false}});
    check(&[(
        "UpdateService",
        json!({"cluster": "shop", "service": "deploy", "deploymentConfiguration": breaker}),
        PARAMETER,
        "only supported with ECS",
    )]);
}

#[test]
fn updates_and_deletions_that_are_not_allowed() {
    let update = |service: &str, change: Value| {
        ("UpdateService", with(&json!({"cluster": "shop", "service": service}), &change))
    };
    let mut table = Vec::new();
    for service in ["deploy", "ext"] {
        for change in [
            json!({"taskDefinition": "web:1"}),
            json!({"networkConfiguration": network()}),
            json!({"platformVersion": "1.4.0"}),
            json!({"loadBalancers": balancer()}),
            json!({"forceNewDeployment": true}),
            json!({"taskDefinition": "web:1", "desiredCount": 9}),
        ] {
            let (operation, input) = update(service, change);
            table.push((operation, input, PARAMETER, "deployment controller. Use"));
        }
    }
    let mut add = |(operation, input), code, part| table.push((operation, input, code, part));
    add(update("none", json!({})), "ServiceNotFoundException", "");
    add(update("gone", json!({"desiredCount": 1})), "ServiceNotActiveException", "");
    add(update("web", json!({"cluster": "none"})), "ClusterNotFoundException", "");
    add(update("web", json!({"taskDefinition": "old:1"})), CLIENT, "inactive");
    add(update("web", json!({"taskDefinition": "job:1"})), PARAMETER, "not valid for the given networkMode");
    add(update("web", json!({"deploymentController": {"type": "EXTERNAL"}})), UNSUPPORTED, "controller");
    add(("DeleteService", json!({"cluster": "shop", "service": "web"})), PARAMETER, "scaled above 0");
    add(("DeleteService", json!({"cluster": "shop", "service": "ext"})), PARAMETER, "task sets");
    add(("DeleteService", json!({"cluster": "shop", "service": "gone"})), "ServiceNotFoundException", "");
    add(("DeleteCluster", json!({"cluster": "shop"})), "ClusterContainsServicesException", "");
    add(("DeleteCluster", json!({"cluster": "none"})), "ClusterNotFoundException", "");
    add(("CreateCluster", json!({"clusterName": "a b"})), PARAMETER, "clusterName");
    check(&table);
}

#[test]
fn reads_that_make_no_sense() {
    let eleven: Vec<String> = (0..11).map(|number| format!("s{number}")).collect();
    let many: Vec<String> = (0..101).map(|number| format!("t{number}")).collect();
    check(&[
        ("DescribeServices", json!({"cluster": "none", "services": ["web"]}), "ClusterNotFoundException", ""),
        ("DescribeServices", json!({"services": ["web"]}), "ClusterNotFoundException", ""),
        ("DescribeServices", json!({"cluster": "shop", "services": eleven}), PARAMETER, "at most 10"),
        ("DescribeServices", json!({"cluster": "shop", "services": []}), PARAMETER, "cannot be empty"),
        ("DescribeServices", json!({"cluster": "shop"}), PARAMETER, "services"),
        ("DescribeTasks", json!({"cluster": "shop", "tasks": many}), PARAMETER, "at most 100"),
        ("DescribeTasks", json!({"cluster": "none", "tasks": ["x"]}), "ClusterNotFoundException", ""),
        ("ListServices", json!({"cluster": "none"}), "ClusterNotFoundException", ""),
        ("ListServices", json!({"cluster": "shop", "maxResults": 101}), PARAMETER, "maxResults"),
        ("ListServices", json!({"cluster": "shop", "maxResults": 0}), PARAMETER, "maxResults"),
        ("ListServices", json!({"cluster": "shop", "nextToken": "xyz"}), PARAMETER, "nextToken"),
        ("ListTasks", json!({"cluster": "none"}), "ClusterNotFoundException", ""),
        ("ListTasks", json!({"cluster": "shop", "serviceName": "none"}), "ServiceNotFoundException", ""),
        ("ListTasks", json!({"cluster": "shop", "desiredStatus": "ODD"}), PARAMETER, "ODD"),
        ("ListTaskDefinitions", json!({"sort": "UP"}), PARAMETER, "UP"),
        ("ListTaskDefinitions", json!({"status": "ODD"}), PARAMETER, "ODD"),
        ("DescribeTaskDefinition", json!({"taskDefinition": "none"}), CLIENT, "Unable to describe task definition."),
        ("DescribeTaskDefinition", json!({}), PARAMETER, "taskDefinition"),
        ("DeregisterTaskDefinition", json!({"taskDefinition": "web"}), CLIENT, "revision"),
        ("DeregisterTaskDefinition", json!({"taskDefinition": "web:9"}), CLIENT, "does not exist"),
        (
            "ListTagsForResource",
            json!({"resourceArn": "arn:aws:ecs:eu-west-3:111122223333:service/shop/none"}),
            PARAMETER,
            "",
        ),
        (
            "TagResource",
            json!({"resourceArn": "arn:aws:ecs:eu-west-3:111122223333:service/shop/none", "tags": []}),
            "ResourceNotFoundException",
            "",
        ),
        (
            "UntagResource",
            json!({"resourceArn": "arn:aws:ecs:eu-west-3:111122223333:cluster/none", "tagKeys": ["a"]}),
            "ClusterNotFoundException",
            "",
        ),
    ]);
}

#[test]
fn task_sets_and_tasks_that_are_not_allowed() {
    let base = json!({"cluster": "shop", "service": "ext", "taskDefinition": "web", "networkConfiguration": network()});
    let new = |change: Value| ("CreateTaskSet", with(&base, &change));
    let set =
        account().ok("DescribeTaskSets", json!({"cluster": "shop", "service": "ext"}))["taskSets"][0]["id"].clone();
    let named = |operation, change: Value| {
        (operation, with(&json!({"cluster": "shop", "service": "ext", "taskSet": set, "primaryTaskSet": set}), &change))
    };
    let mut two = balancer();
    two.as_array_mut().unwrap().push(balancer()[0].clone());
    let mut table = Vec::new();
    let mut add = |(operation, input), code, part| table.push((operation, input, code, part));
    add(new(json!({"service": "web"})), PARAMETER, "external deployment controllers");
    add(new(json!({"service": "deploy"})), PARAMETER, "external deployment controllers");
    add(new(json!({"service": "gone"})), "ServiceNotActiveException", "");
    add(new(json!({"service": "none"})), "ServiceNotFoundException", "");
    add(new(json!({"cluster": "none"})), "ClusterNotFoundException", "");
    add(new(json!({"taskDefinition": "none"})), CLIENT, "not found");
    add(new(json!({"scale": {"value": 101.0}})), PARAMETER, "101");
    add(new(json!({"scale": {"value": 1.0, "unit": "COUNT"}})), PARAMETER, "PERCENT");
    add(new(json!({"loadBalancers": two})), PARAMETER, "more than 1 load balancer");
    add(named("DeleteTaskSet", json!({})), PARAMETER, "primary");
    add(named("DeleteTaskSet", json!({"taskSet": "none"})), "TaskSetNotFoundException", "");
    add(named("UpdateTaskSet", json!({"taskSet": "none", "scale": {"value": 1.0}})), "TaskSetNotFoundException", "");
    add(named("UpdateTaskSet", json!({})), PARAMETER, "scale");
    add(named("UpdateTaskSet", json!({"scale": {"value": -1.0}})), PARAMETER, "-1");
    add(named("UpdateServicePrimaryTaskSet", json!({"primaryTaskSet": "none"})), "TaskSetNotFoundException", "");
    add(named("DescribeTaskSets", json!({"service": "none"})), "ServiceNotFoundException", "");
    add(("StopTask", json!({"cluster": "shop", "task": "none"})), PARAMETER, "task was not found");
    add(("StopTask", json!({"cluster": "none", "task": "none"})), "ClusterNotFoundException", "");
    let run = |change: Value| ("RunTask", with(&json!({"cluster": "shop", "taskDefinition": "job"}), &change));
    add(run(json!({"count": 11})), PARAMETER, "count");
    add(run(json!({"taskDefinition": "none"})), CLIENT, "not found");
    add(run(json!({"cluster": "none"})), "ClusterNotFoundException", "");
    add(run(json!({"overrides": {"containerOverrides": [{"name": "app"}]}})), UNSUPPORTED, "override");
    check(&table);
}

#[test]
fn task_definitions_that_cannot_be_registered() {
    let plain = definition("new");
    let container = plain["containerDefinitions"][0].clone();
    let fargate =
        |cpu: Value, memory: Value| json!({"requiresCompatibilities": ["FARGATE"], "cpu": cpu, "memory": memory});
    let of = |change: Value| json!({"containerDefinitions": [with(&container, &change)]});
    let huge = "x".repeat(70_000);
    let table: Vec<(Value, &str, &str)> = vec![
        (json!({"family": null}), PARAMETER, "family"),
        (json!({"family": "a b"}), CLIENT, "Family"),
        (json!({"family": "x".repeat(256)}), CLIENT, "Family"),
        (json!({"containerDefinitions": []}), CLIENT, "Container list cannot be empty."),
        (json!({"containerDefinitions": null}), PARAMETER, "containerDefinitions"),
        (json!({"containerDefinitions": [null]}), PARAMETER, "null"),
        (json!({"containerDefinitions": {}}), "SerializationException", ""),
        (json!({"containerDefinitions": vec![container.clone(); 2]}), CLIENT, "unique"),
        (json!({"containerDefinitions": vec![container.clone(); 11]}), CLIENT, "at most 10"),
        (of(json!({"name": ""})), CLIENT, "Container.name"),
        (of(json!({"name": "a b"})), CLIENT, "Invalid container name"),
        (of(json!({"image": null})), CLIENT, "Container.image"),
        (of(json!({"essential": false})), CLIENT, "essential"),
        (of(json!({"memory": 5})), CLIENT, "6 MiB"),
        (of(json!({"memory": 64, "memoryReservation": 128})), CLIENT, "memoryReservation"),
        (of(json!({"memory": "64"})), "SerializationException", ""),
        (of(json!({"environment": [{"name": 1}]})), "SerializationException", ""),
        (of(json!({"command": ["x", null]})), PARAMETER, "null"),
        (of(json!({"portMappings": [{"containerPort": 70_000}]})), CLIENT, "Invalid port"),
        (of(json!({"portMappings": [{"containerPort": 80, "hostPort": 81}]})), CLIENT, "must match"),
        (of(json!({"portMappings": [{"containerPort": 80, "protocol": "icmp"}]})), CLIENT, "icmp"),
        (json!({"memory": null}), CLIENT, "At least one of 'memory' or 'memoryReservation'"),
        (json!({"cpu": "some"}), CLIENT, "cpu"),
        (json!({"networkMode": "carrier-pigeon"}), CLIENT, "networkMode"),
        (json!({"requiresCompatibilities": ["MOON"]}), CLIENT, "MOON"),
        (with(&fargate(json!("256"), json!("512")), &json!({"networkMode": "bridge"})), CLIENT, "awsvpc"),
        (fargate(Value::Null, json!("512")), CLIENT, "'cpu'"),
        (fargate(json!("256"), Value::Null), CLIENT, "'memory'"),
        (fargate(json!("256"), json!("4096")), CLIENT, "No Fargate configuration"),
        (fargate(json!("300"), json!("512")), CLIENT, "No Fargate configuration"),
        (fargate(json!("4096"), json!("7 GB")), CLIENT, "No Fargate configuration"),
        (json!({"taskRoleArn": huge}), CLIENT, "65536"),
    ];
    let table: Vec<_> = table
        .into_iter()
        .map(|(change, code, part)| ("RegisterTaskDefinition", with(&plain, &change), code, part))
        .collect();
    check(&table);
    let mut account = Account::shop();
    for (cpu, memory, shown) in [("256", "512", "512"), ("1 vCPU", "2GB", "2048"), (".25 vcpu", "1 GB", "1024")] {
        let sized = with(&plain, &fargate(json!(cpu), json!(memory)));
        let made = account.ok("RegisterTaskDefinition", sized);
        assert_eq!(made["taskDefinition"]["memory"], shown);
        assert_eq!(made["taskDefinition"]["compatibilities"], json!(["EC2", "FARGATE"]));
    }
}

#[test]
fn what_the_sandbox_lacks_is_said_by_name() {
    let mut account = Account::shop();
    for operation in ["ListAttributes", "PutAccountSetting", "CreateCapacityProvider"] {
        let error = account.ask(operation, &json!({})).unwrap_err();
        assert_eq!((error.status, error.code.as_str()), (501, "NotImplemented"));
        assert!(error.message.contains(operation), "{error}");
    }
}
