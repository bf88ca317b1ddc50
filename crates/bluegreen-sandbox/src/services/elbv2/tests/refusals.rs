//! What is refused, and that it changes nothing.

use super::*;

#[test]
fn requests_are_refused_as_aws_refuses_them() {
    let (mut account, names) = Account::shop();
    let all = groups(&names);
    let (rule, listener, balancer) = (&names["rule"], &names["listener"], &names["balancer"]);
    let lost = |arn: &Value| json!(format!("{}0", arn.as_str().unwrap()));
    let modify = |action: Value| ("ModifyRule", json!({"RuleArn": rule, "Actions": [action]}));
    let sticky = |config: Value| {
        let mut action = weighted(&all, &[1, 1]);
        action["ForwardConfig"]["TargetGroupStickinessConfig"] = config;
        modify(action)
    };
    let six = weighted(&vec![all[0].clone(); 6], &[1; 6]);
    let mut both = weighted(&all, &[1, 1]);
    both["TargetGroupArn"] = all[0].clone();
    let mut other = weighted(&all, &[1]);
    other["TargetGroupArn"] = all[1].clone();
    let condition = json!([{"Field": "path-pattern", "Values": ["/x"]}]);
    let new_rule = |priority: i64, action: Value| json!({"ListenerArn": listener, "Priority": priority, "Actions": [action], "Conditions": condition});
    let new_listener = |port: i64, protocol: &str| json!({"LoadBalancerArn": balancer, "Port": port, "Protocol": protocol, "DefaultActions": [plain(&all[0])]});
    let mut changed_group = new_group("blue");
    changed_group["HealthCheckPath"] = json!("/other");
    let table: Vec<(&str, (&str, Value))> = vec![
        ("ValidationError", modify(weighted(&all, &[1000, 1]))),
        ("ValidationError", modify(weighted(&all, &[-1, 1]))),
        ("TooManyTargetGroups", modify(six)),
        ("ValidationError", sticky(json!({"Enabled": true, "DurationSeconds": 700_000}))),
        ("ValidationError", sticky(json!({"Enabled": true, "DurationSeconds": 0}))),
        ("ValidationError", sticky(json!({"Enabled": true}))),
        ("MalformedInput", sticky(json!({"Enabled": "perhaps"}))),
        ("ValidationError", modify(both)),
        ("ValidationError", modify(other)),
        ("ValidationError", modify(json!({"Type": "forward"}))),
        ("ValidationError", modify(json!({"Type": "forward", "ForwardConfig": {"TargetGroups": []}}))),
        ("ValidationError", modify(json!({"Type": "teleport"}))),
        ("ValidationError", modify(json!({"Type": "redirect"}))),
        ("ValidationError", modify(plain(&json!("blue")))),
        ("ValidationError", modify(json!({"Type": "forward", "TargetGroupArn": all[0], "Order": 0}))),
        ("MalformedInput", modify(json!({"Type": "forward", "TargetGroupArn": all[0], "Order": "first"}))),
        ("TargetGroupNotFound", modify(plain(&lost(&all[0])))),
        ("TargetGroupNotFound", ("CreateRule", new_rule(11, plain(&lost(&all[0]))))),
        ("PriorityInUse", ("CreateRule", new_rule(10, plain(&all[0])))),
        ("ValidationError", ("CreateRule", new_rule(0, plain(&all[0])))),
        ("ValidationError", ("CreateRule", new_rule(-1, plain(&all[0])))),
        (
            "ValidationError",
            ("CreateRule", json!({"ListenerArn": listener, "Priority": 11, "Actions": [plain(&all[0])]})),
        ),
        (
            "ListenerNotFound",
            ("CreateRule", {
                let mut rule = new_rule(11, plain(&all[0]));
                rule["ListenerArn"] = lost(listener);
                rule
            }),
        ),
        ("RuleNotFound", ("ModifyRule", json!({"RuleArn": lost(rule), "Actions": [plain(&all[0])]}))),
        ("ValidationError", ("ModifyRule", json!({"RuleArn": listener, "Actions": [plain(&all[0])]}))),
        ("ValidationError", ("ModifyRule", json!({"Actions": [plain(&all[0])]}))),
        ("InvalidLoadBalancerAction", ("ModifyRule", json!({"RuleArn": rule, "Actions": []}))),
        ("ValidationError", ("ModifyRule", json!({"RuleArn": rule, "Conditions": []}))),
        ("InvalidLoadBalancerAction", ("ModifyListener", json!({"ListenerArn": listener, "DefaultActions": []}))),
        ("RuleNotFound", ("DeleteRule", json!({"RuleArn": lost(rule)}))),
        ("DuplicateListener", ("CreateListener", new_listener(80, "HTTP"))),
        ("ValidationError", ("CreateListener", new_listener(0, "HTTP"))),
        ("ValidationError", ("CreateListener", new_listener(65_536, "HTTP"))),
        ("ValidationError", ("CreateListener", new_listener(81, "TCP"))),
        ("ValidationError", ("CreateListener", new_listener(81, "HTTPS"))),
        ("ValidationError", ("CreateListener", json!({"LoadBalancerArn": balancer, "Port": 81, "Protocol": "HTTP"}))),
        ("ListenerNotFound", ("ModifyListener", json!({"ListenerArn": lost(listener), "Port": 81}))),
        ("ListenerNotFound", ("DeleteListener", json!({"ListenerArn": lost(listener)}))),
        ("DuplicateTargetGroupName", ("CreateTargetGroup", changed_group)),
        ("ValidationError", ("CreateTargetGroup", json!({"Name": "x", "Protocol": "HTTP", "Port": 80}))),
        ("ValidationError", ("CreateTargetGroup", json!({"Name": "x", "Protocol": "HTTP", "VpcId": "vpc-7"}))),
        ("InvalidConfigurationRequest", ("CreateTargetGroup", json!({"Name": "x", "TargetType": "lambda"}))),
        ("ResourceInUse", ("DeleteTargetGroup", json!({"TargetGroupArn": all[0]}))),
        ("DuplicateLoadBalancerName", ("CreateLoadBalancer", json!({"Name": "shop", "Subnets": ["a", "c"]}))),
        ("ValidationError", ("CreateLoadBalancer", json!({"Name": "x", "Subnets": ["a"]}))),
        ("ValidationError", ("CreateLoadBalancer", json!({"Name": "x"}))),
        ("OperationNotPermitted", ("CreateLoadBalancer", json!({"Name": "x", "Type": "network", "Subnets": ["a"]}))),
        ("LoadBalancerNotFound", ("DescribeLoadBalancers", json!({"Names": ["shop", "none"]}))),
        ("LoadBalancerNotFound", ("DescribeLoadBalancers", json!({"LoadBalancerArns": [lost(balancer)]}))),
        ("ValidationError", ("DescribeLoadBalancers", json!({"LoadBalancerArns": [balancer], "Names": ["shop"]}))),
        ("ValidationError", ("DescribeLoadBalancers", json!({"Names": vec!["shop"; 21]}))),
        ("TargetGroupNotFound", ("DescribeTargetGroups", json!({"Names": ["blue", "none"]}))),
        ("TargetGroupNotFound", ("DescribeTargetGroups", json!({"TargetGroupArns": [lost(&all[0])]}))),
        ("ValidationError", ("DescribeTargetGroups", json!({"TargetGroupArns": [all[0]], "Names": ["blue"]}))),
        ("LoadBalancerNotFound", ("DescribeTargetGroups", json!({"LoadBalancerArn": lost(balancer)}))),
        ("ListenerNotFound", ("DescribeListeners", json!({"ListenerArns": [listener, lost(listener)]}))),
        ("LoadBalancerNotFound", ("DescribeListeners", json!({"LoadBalancerArn": lost(balancer)}))),
        ("ValidationError", ("DescribeListeners", json!({}))),
        ("RuleNotFound", ("DescribeRules", json!({"RuleArns": [rule, lost(rule)]}))),
        ("ListenerNotFound", ("DescribeRules", json!({"ListenerArn": lost(listener)}))),
        ("ValidationError", ("DescribeRules", json!({"ListenerArn": listener, "RuleArns": [rule]}))),
        ("ValidationError", ("DescribeRules", json!({"ListenerArn": listener, "PageSize": 0}))),
        ("ValidationError", ("DescribeRules", json!({"ListenerArn": listener, "PageSize": 401}))),
        ("ValidationError", ("DescribeRules", json!({"ListenerArn": listener, "Marker": "x"}))),
        ("LoadBalancerNotFound", ("DescribeTags", json!({"ResourceArns": [lost(balancer)]}))),
        ("DuplicateTagKeys", ("AddTags", json!({"ResourceArns": [balancer], "Tags": [{"Key": "a"}, {"Key": "a"}]}))),
    ];
    for (code, (operation, input)) in table {
        assert_eq!(account.refused(operation, &input), code, "{operation} {input}");
    }
    assert_eq!(account.ask("CreateTrustStore", &json!({})).unwrap_err().status, 501);
}

#[test]
fn targets_are_refused_as_aws_refuses_them() {
    let (mut account, names) = Account::shop();
    let group = &names["groups"][0];
    let lost = json!(format!("{}0", group.as_str().unwrap()));
    let instances = json!({"Name": "vms", "Protocol": "HTTP", "Port": 80, "VpcId": "vpc-7"});
    let instances = account.ok("CreateTargetGroup", instances)["TargetGroups"][0]["TargetGroupArn"].clone();
    let many: Vec<Value> = (0..1_001).map(|port| json!({"Id": "127.0.0.1", "Port": 1_000 + port})).collect();
    for (code, group, targets) in [
        ("TargetGroupNotFound", &lost, json!([{"Id": "127.0.0.1"}])),
        ("ValidationError", group, json!([])),
        ("ValidationError", group, json!([{"Id": "127.0.0.1"}, {"Id": "i-0123"}])),
        ("ValidationError", group, json!([{"Id": "::1"}])),
        ("ValidationError", group, json!([{"Id": "127.0.0.1", "Port": 0}])),
        ("ValidationError", group, json!([{"Port": 80}])),
        ("ValidationError", &instances, json!([{"Id": "127.0.0.1"}])),
        ("TooManyTargets", group, json!(many)),
    ] {
        let input = json!({"TargetGroupArn": group, "Targets": targets});
        assert_eq!(account.refused("RegisterTargets", &input), code, "{code}");
    }
    assert_eq!(account.refused("DescribeTargetHealth", &json!({"TargetGroupArn": lost})), "TargetGroupNotFound");
    account.ok("RegisterTargets", json!({"TargetGroupArn": instances, "Targets": [{"Id": "i-0123456789abcdef0"}]}));
}
