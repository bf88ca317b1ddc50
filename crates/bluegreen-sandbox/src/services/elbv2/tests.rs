use bluegreen_core::model::RouteId;
use http::{HeaderMap, Method};
use serde_json::{Value, json};

use super::*;
use crate::services::Caller;
use crate::wire;
use crate::world::{Config, Lag, Writer};

mod refusals;
mod targets;

const PLAIN: [&str; 3] = ["blue", "green", "third"];

/// An account, asked in the query protocol.
pub(super) struct Account {
    pub(super) world: World,
    pub(super) stale: Option<u64>,
}

impl Account {
    fn empty() -> Account {
        Account { world: World::new(Config::fast(3)), stale: None }
    }

    /// A load balancer, three groups, a listener on 80 that forwards 100 / 0, and a rule with priority 10.
    fn shop() -> (Account, Value) {
        let mut account = Account::empty();
        let balancer = account.ok("CreateLoadBalancer", json!({"Name": "shop", "Subnets": ["subnet-a", "subnet-b"]}));
        let balancer = balancer["LoadBalancers"][0]["LoadBalancerArn"].clone();
        let groups = PLAIN.map(|name| account.group(name));
        let listener = account.ok(
            "CreateListener",
            json!({"LoadBalancerArn": balancer, "Protocol": "HTTP", "Port": 80,
                   "DefaultActions": [weighted(&groups, &[100, 0])]}),
        );
        let listener = listener["Listeners"][0]["ListenerArn"].clone();
        let rule = account.ok(
            "CreateRule",
            json!({"ListenerArn": listener, "Priority": 10, "Actions": [weighted(&groups, &[90, 10])],
                   "Conditions": [{"Field": "path-pattern", "Values": ["/a/*"]}]}),
        );
        let rule = rule["Rules"][0]["RuleArn"].clone();
        let names = json!({"balancer": balancer, "groups": groups, "listener": listener, "rule": rule});
        (account, names)
    }

    fn group(&mut self, name: &str) -> Value {
        let made = self.ok("CreateTargetGroup", new_group(name));
        made["TargetGroups"][0]["TargetGroupArn"].clone()
    }

    pub(super) fn ask(&mut self, operation: &str, input: &Value) -> Result<Node, ApiError> {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("Action", operation).append_pair("Version", "2015-12-01");
        let mut pairs = Vec::new();
        flatten("", input, &mut pairs);
        let body = form.extend_pairs(pairs).finish();
        let headers =
            HeaderMap::from_iter([(http::header::CONTENT_TYPE, "application/x-www-form-urlencoded".parse().unwrap())]);
        let request = wire::decode(&Method::POST, "/", &headers, body.as_bytes()).unwrap();
        let caller = Caller::new("alice");
        let mut context = Context::new(&mut self.world, &caller, 1);
        context.stale = self.stale;
        crate::services::serve(&mut context, &request)
    }

    #[expect(clippy::needless_pass_by_value, reason = "every request here is written where it is asked")]
    pub(super) fn ok(&mut self, operation: &str, input: Value) -> Value {
        self.ask(operation, &input).unwrap_or_else(|error| panic!("{operation} {input}: {error}")).to_json()
    }

    /// The code of a refusal; nothing may have changed.
    pub(super) fn refused(&mut self, operation: &str, input: &Value) -> String {
        let before = format!("{:?}", self.world.state());
        let error = match self.ask(operation, input) {
            Ok(answer) => panic!("{operation} {input} was taken: {answer:?}"),
            Err(error) => error,
        };
        assert_eq!(format!("{:?}", self.world.state()), before, "{operation}: a refused request changes nothing");
        assert_eq!(error.status, 400, "{error}");
        error.code
    }
}

fn flatten(path: &str, value: &Value, pairs: &mut Vec<(String, String)>) {
    let below = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    match value {
        Value::Object(members) if path.ends_with("ExtraParams") => {
            for (place, (key, value)) in members.iter().enumerate() {
                pairs.push((below(&format!("entry.{}.key", place + 1)), key.clone()));
                flatten(&below(&format!("entry.{}.value", place + 1)), value, pairs);
            }
        }
        Value::Object(members) => members.iter().for_each(|(name, value)| flatten(&below(name), value, pairs)),
        Value::Array(items) if items.is_empty() => pairs.push((path.to_owned(), String::new())),
        Value::Array(items) => {
            let item = |(place, item)| flatten(&below(&format!("member.{}", place + 1)), item, pairs);
            items.iter().enumerate().for_each(item);
        }
        Value::String(text) => pairs.push((path.to_owned(), text.clone())),
        other => pairs.push((path.to_owned(), other.to_string())),
    }
}

fn new_group(name: &str) -> Value {
    json!({"Name": name, "Protocol": "HTTP", "Port": 8080, "VpcId": "vpc-7", "TargetType": "ip"})
}

fn weighted(groups: &[Value], weights: &[i64]) -> Value {
    let member = |(arn, weight): (&Value, &i64)| json!({"TargetGroupArn": arn, "Weight": weight});
    let groups: Vec<Value> = groups.iter().zip(weights).map(member).collect();
    json!({"Type": "forward", "ForwardConfig": {"TargetGroups": groups}})
}

fn plain(group: &Value) -> Value {
    json!({"Type": "forward", "TargetGroupArn": group})
}

fn groups(names: &Value) -> Vec<Value> {
    names["groups"].as_array().unwrap().clone()
}

#[test]
fn a_load_balancer_is_shown_as_aws_shows_it() {
    let (mut account, names) = Account::shop();
    let shown = account.ok("DescribeLoadBalancers", json!({"Names": ["shop"]}))["LoadBalancers"][0].clone();
    let zone = |letter: &str| {
        json!({"ZoneName": format!("eu-west-3{letter}"), "SubnetId": format!("subnet-{letter}"),
               "LoadBalancerAddresses": []})
    };
    assert_eq!(
        shown,
        json!({
            "LoadBalancerArn": names["balancer"], "DNSName": "127.0.0.1", "CanonicalHostedZoneId": "Z3Q77PNBQS71R4",
            "CreatedTime": 1_767_225_600.0, "LoadBalancerName": "shop", "Scheme": "internet-facing", "VpcId": "vpc-7",
            "State": {"Code": "active"}, "Type": "application", "AvailabilityZones": [zone("a"), zone("b")],
            "SecurityGroups": [], "IpAddressType": "ipv4",
        })
    );
    let arn = json!({"LoadBalancerArn": names["balancer"]});
    let attributes = account.ok("DescribeLoadBalancerAttributes", arn.clone())["Attributes"].clone();
    assert!(attributes.as_array().unwrap().contains(&json!({"Key": "idle_timeout.timeout_seconds", "Value": "60"})));
    let change = json!({"LoadBalancerArn": names["balancer"],
                        "Attributes": [{"Key": "idle_timeout.timeout_seconds", "Value": "5"}]});
    let changed = account.ok("ModifyLoadBalancerAttributes", change)["Attributes"].clone();
    assert!(changed.as_array().unwrap().contains(&json!({"Key": "idle_timeout.timeout_seconds", "Value": "5"})));
    assert_eq!(account.ok("DescribeLoadBalancerAttributes", arn)["Attributes"], changed);
}

#[test]
fn a_group_has_the_defaults_of_aws() {
    let (mut account, names) = Account::shop();
    let shown = account.ok("DescribeTargetGroups", json!({"Names": ["blue"]}))["TargetGroups"][0].clone();
    assert_eq!(
        shown,
        json!({
            "TargetGroupArn": names["groups"][0], "TargetGroupName": "blue", "Protocol": "HTTP", "Port": 8080,
            "VpcId": "vpc-7", "HealthCheckProtocol": "HTTP", "HealthCheckPort": "traffic-port",
            "HealthCheckEnabled": true, "HealthCheckIntervalSeconds": 30, "HealthCheckTimeoutSeconds": 5,
            "HealthyThresholdCount": 5, "UnhealthyThresholdCount": 2, "HealthCheckPath": "/",
            "Matcher": {"HttpCode": "200"}, "LoadBalancerArns": [names["balancer"]], "TargetType": "ip",
            "ProtocolVersion": "HTTP1", "IpAddressType": "ipv4",
        })
    );
    let third = account.ok("DescribeTargetGroups", json!({"Names": ["third"]}))["TargetGroups"][0].clone();
    assert_eq!(third["LoadBalancerArns"], json!([]), "nothing routes to it");
    let of = account.ok("DescribeTargetGroups", json!({"LoadBalancerArn": names["balancer"]}));
    assert_eq!(of["TargetGroups"].as_array().unwrap().len(), 2);
    let change = json!({"TargetGroupArn": names["groups"][0], "HealthCheckPath": "/health",
                        "HealthCheckIntervalSeconds": 10, "Matcher": {"HttpCode": "200-299"}});
    let changed = account.ok("ModifyTargetGroup", change)["TargetGroups"][0].clone();
    assert_eq!(
        (&changed["HealthCheckPath"], &changed["Matcher"]),
        (&json!("/health"), &json!({"HttpCode": "200-299"}))
    );
    assert_eq!((&changed["HealthCheckIntervalSeconds"], &changed["HealthyThresholdCount"]), (&json!(10), &json!(5)));
    let delay = json!([{"Key": "deregistration_delay.timeout_seconds", "Value": "12"}]);
    account.ok("ModifyTargetGroupAttributes", json!({"TargetGroupArn": names["groups"][0], "Attributes": delay}));
    let all = account.ok("DescribeTargetGroupAttributes", json!({"TargetGroupArn": names["groups"][0]}));
    assert!(all["Attributes"].as_array().unwrap().contains(&delay[0]));

    let grpc = json!({"Name": "grpc", "Protocol": "HTTP", "Port": 1, "VpcId": "v", "TargetType": "ip",
                      "ProtocolVersion": "GRPC"});
    let grpc = account.ok("CreateTargetGroup", grpc)["TargetGroups"][0].clone();
    assert_eq!(
        (&grpc["Matcher"], &grpc["HealthCheckPath"]),
        (&json!({"GrpcCode": "12"}), &json!("/AWS.ALB/healthcheck"))
    );
    let tcp = json!({"Name": "tcp", "Protocol": "TCP", "Port": 1, "VpcId": "v"});
    let tcp = account.ok("CreateTargetGroup", tcp)["TargetGroups"][0].clone();
    assert_eq!((&tcp["HealthCheckProtocol"], &tcp["TargetType"]), (&json!("TCP"), &json!("instance")));
    assert!(tcp.get("Matcher").is_none() && tcp.get("HealthCheckPath").is_none());
}

#[test]
fn a_forward_is_shown_in_both_forms_where_it_has_one_group() {
    let (mut account, names) = Account::shop();
    let groups = groups(&names);
    let off = json!({"Enabled": false});
    let one = json!([{
        "Type": "forward", "TargetGroupArn": groups[0], "Order": 1,
        "ForwardConfig": {"TargetGroups": [{"TargetGroupArn": groups[0], "Weight": 1}],
                          "TargetGroupStickinessConfig": off},
    }]);
    let config = json!({"Type": "forward", "ForwardConfig": {"TargetGroups": [{"TargetGroupArn": groups[0]}]}});
    let both = json!({"Type": "forward", "TargetGroupArn": groups[0], "ForwardConfig": config["ForwardConfig"]});
    for given in [plain(&groups[0]), config, both] {
        let change = json!({"RuleArn": names["rule"], "Actions": [given]});
        assert_eq!(account.ok("ModifyRule", change)["Rules"][0]["Actions"], one, "{given}");
    }
    // Two groups have one form, and what was left out is there.
    let sticky = json!({"Enabled": true, "DurationSeconds": 60});
    let pair = json!([{"TargetGroupArn": groups[0], "Weight": 0}, {"TargetGroupArn": groups[1]}]);
    let given = json!({"Type": "forward", "Order": 7, "ForwardConfig": {
        "TargetGroups": pair, "TargetGroupStickinessConfig": sticky,
    }});
    let shown = account.ok("ModifyRule", json!({"RuleArn": names["rule"], "Actions": [given]}));
    let pair = json!([{"TargetGroupArn": groups[0], "Weight": 0}, {"TargetGroupArn": groups[1], "Weight": 1}]);
    let expected = json!([{"Type": "forward", "Order": 7, "ForwardConfig": {
        "TargetGroups": pair, "TargetGroupStickinessConfig": sticky,
    }}]);
    assert_eq!(shown["Rules"][0]["Actions"], expected);
    assert_eq!(account.ok("DescribeRules", json!({"RuleArns": [names["rule"]]})), shown);
    // What is shown can be sent back as it is.
    let again = json!({"RuleArn": names["rule"], "Actions": expected});
    assert_eq!(account.ok("ModifyRule", again), shown);
}

#[test]
fn other_actions_are_shown_with_their_defaults_and_without_secrets() {
    let (mut account, names) = Account::shop();
    let redirect = json!([{"Type": "redirect", "RedirectConfig": {"Protocol": "HTTPS", "StatusCode": "HTTP_301"}}]);
    let shown = account.ok("ModifyRule", json!({"RuleArn": names["rule"], "Actions": redirect}));
    assert_eq!(
        shown["Rules"][0]["Actions"],
        json!([{"Type": "redirect", "Order": 1, "RedirectConfig": {
            "Protocol": "HTTPS", "Port": "#{port}", "Host": "#{host}", "Path": "/#{path}", "Query": "#{query}",
            "StatusCode": "HTTP_301",
        }}])
    );
    let fixed = json!({"StatusCode": "503", "ContentType": "text/plain", "MessageBody": "later"});
    let given =
        json!({"RuleArn": names["rule"], "Actions": [{"Type": "fixed-response", "FixedResponseConfig": fixed}]});
    assert_eq!(account.ok("ModifyRule", given)["Rules"][0]["Actions"][0]["FixedResponseConfig"], fixed);

    let certificate = json!([{"CertificateArn": "arn:aws:acm:eu-west-3:111122223333:certificate/1"}]);
    let config = json!({
        "Issuer": "https://id.example.com", "AuthorizationEndpoint": "https://id.example.com/a",
        "TokenEndpoint": "https://id.example.com/t", "UserInfoEndpoint": "https://id.example.com/u",
        "ClientId": "shop", "ClientSecret": "hush", "AuthenticationRequestExtraParams": {"b": "2", "a": "1"},
    });
    // The last action comes first: the order decides.
    let actions = |config: &Value| {
        let mut forward = plain(&names["groups"][0]);
        forward["Order"] = json!(2);
        json!([forward, {"Type": "authenticate-oidc", "Order": 1, "AuthenticateOidcConfig": config}])
    };
    let listener = account.ok(
        "CreateListener",
        json!({"LoadBalancerArn": names["balancer"], "Protocol": "HTTPS", "Port": 443, "Certificates": certificate,
               "DefaultActions": actions(&config)}),
    )["Listeners"][0]
        .clone();
    assert_eq!(listener["Certificates"], certificate);
    assert_eq!(
        (&listener["SslPolicy"], &listener["MutualAuthentication"]),
        (&json!("ELBSecurityPolicy-2016-08"), &json!({"Mode": "off"}))
    );
    let shown = listener["DefaultActions"][0]["AuthenticateOidcConfig"].clone();
    assert!(shown.get("ClientSecret").is_none() && shown.get("UseExistingClientSecret").is_none());
    assert!(!format!("{:?}", account.world.state()).contains("hush"), "a secret is not even kept");
    assert_eq!((&shown["SessionTimeout"], &shown["Scope"]), (&json!(604_800), &json!("openid")));
    assert_eq!(shown["AuthenticationRequestExtraParams"], json!({"a": "1", "b": "2"}));

    let change = |config: &Value| json!({"ListenerArn": listener["ListenerArn"], "DefaultActions": actions(config)});
    let mut kept = config;
    kept.as_object_mut().unwrap().remove("ClientSecret");
    assert_eq!(account.refused("ModifyListener", &change(&kept)), "ValidationError", "neither new nor kept");
    kept["UseExistingClientSecret"] = json!(true);
    assert_eq!(account.ok("ModifyListener", change(&kept))["Listeners"][0], listener);
    let mut new = json!({"LoadBalancerArn": names["balancer"], "Protocol": "HTTPS", "Port": 444,
                         "Certificates": certificate, "DefaultActions": actions(&kept)});
    assert_eq!(account.refused("CreateListener", &new), "ValidationError", "there is none to keep");
    new["DefaultActions"] = json!([{"Type": "jwt-validation", "Order": 1, "JwtValidationConfig": {
        "JwksEndpoint": "https://id.example.com/k", "Issuer": "https://id.example.com",
        "AdditionalClaims": [{"Format": "single-string", "Name": "team", "Values": ["web"]}],
    }}, {"Type": "forward", "Order": 2, "TargetGroupArn": names["groups"][0]}]);
    let shown = account.ok("CreateListener", new.clone())["Listeners"][0]["DefaultActions"][0].clone();
    assert_eq!(shown, new["DefaultActions"][0]);
}

#[test]
fn a_map_goes_over_the_wire_in_entries() {
    let node = node! { "C": node! { "AuthenticationRequestExtraParams": node! { "a b": "1<2" } } };
    let headers = HeaderMap::new();
    let request = wire::decode(&Method::POST, "/", &headers, b"Action=X&Version=2015-12-01").unwrap();
    let body = wire::encode(&request, Ok(node)).into_body();
    let expected = "<AuthenticationRequestExtraParams><entry><key>a b</key><value>1&lt;2</value></entry>";
    assert!(String::from_utf8_lossy(&body).contains(expected), "{body:?}");
}

#[test]
fn the_default_rule_is_the_last_and_follows_its_listener() {
    let (mut account, names) = Account::shop();
    let new = json!({"ListenerArn": names["listener"], "Priority": 9, "Actions": [plain(&names["groups"][0])],
                     "Conditions": [{"Field": "http-request-method", "HttpRequestMethodConfig": {"Values": ["PUT"]}}]});
    account.ok("CreateRule", new);
    let change = json!({"ListenerArn": names["listener"], "DefaultActions": [weighted(&groups(&names), &[50, 50])]});
    let shown = account.ok("ModifyListener", change)["Listeners"][0]["DefaultActions"].clone();
    let rules = account.ok("DescribeRules", json!({"ListenerArn": names["listener"]}))["Rules"].clone();
    let priorities: Vec<&Value> = rules.as_array().unwrap().iter().map(|rule| &rule["Priority"]).collect();
    assert_eq!(priorities, [&json!("9"), &json!("10"), &json!("default")]);
    let default = &rules[2];
    assert_eq!(
        (&default["Actions"], &default["IsDefault"], &default["Conditions"]),
        (&shown, &json!(true), &json!([]))
    );
    assert_eq!((&rules[0]["IsDefault"], &rules[0]["Transforms"]), (&json!(false), &json!([])));
    let by_name = account.ok("DescribeRules", json!({"RuleArns": [default["RuleArn"]]}));
    assert_eq!(by_name["Rules"], json!([default]));
    for (operation, input) in [
        ("ModifyRule", json!({"RuleArn": default["RuleArn"], "Actions": [plain(&names["groups"][0])]})),
        ("DeleteRule", json!({"RuleArn": default["RuleArn"]})),
        ("SetRulePriorities", json!({"RulePriorities": [{"RuleArn": default["RuleArn"], "Priority": 1}]})),
    ] {
        assert_eq!(account.refused(operation, &input), "OperationNotPermitted", "{operation}");
    }
}

#[test]
fn what_is_made_twice_with_the_same_settings_is_made_once() {
    let (mut account, names) = Account::shop();
    assert_eq!(account.group("blue"), names["groups"][0]);
    let same = account.ok("CreateLoadBalancer", json!({"Name": "shop", "Subnets": ["subnet-a", "subnet-b"]}));
    assert_eq!(same["LoadBalancers"][0]["LoadBalancerArn"], names["balancer"]);
    for _ in 0..2 {
        account.ok("DeleteTargetGroup", json!({"TargetGroupArn": names["groups"][2]}));
        account.ok("DeleteLoadBalancer", json!({"LoadBalancerArn": names["balancer"]}));
    }
    assert!(account.world.state().routes.is_empty());
}

#[test]
fn pages_of_one_give_the_same_as_one_page() {
    let (mut account, names) = Account::shop();
    for priority in [100, 20, 3] {
        let conditions = json!([{"Field": "path-pattern", "Values": ["/x"]}]);
        let rule = json!({"ListenerArn": names["listener"], "Priority": priority, "Conditions": conditions,
                          "Actions": [plain(&names["groups"][0])]});
        account.ok("CreateRule", rule);
    }
    let second = json!({"LoadBalancerArn": names["balancer"], "Protocol": "HTTP", "Port": 81,
                        "DefaultActions": [plain(&names["groups"][0])]});
    account.ok("CreateListener", second);
    account.ok("CreateLoadBalancer", json!({"Name": "other", "Subnets": ["a", "b"]}));
    for (operation, list, input) in [
        ("DescribeLoadBalancers", "LoadBalancers", json!({})),
        ("DescribeTargetGroups", "TargetGroups", json!({})),
        ("DescribeTargetGroups", "TargetGroups", json!({"Names": ["third", "blue", "green"]})),
        ("DescribeListeners", "Listeners", json!({"LoadBalancerArn": names["balancer"]})),
        ("DescribeRules", "Rules", json!({"ListenerArn": names["listener"]})),
        ("DescribeAccountLimits", "Limits", json!({})),
    ] {
        let whole = account.ok(operation, input.clone());
        assert!(whole.get("NextMarker").is_none() && whole[list].as_array().unwrap().len() > 1, "{operation}");
        for by_request in [true, false] {
            account.world.config.page_size = (!by_request).then_some(1);
            let (mut items, mut input) = (Vec::new(), input.clone());
            if by_request {
                input["PageSize"] = json!(1);
            }
            loop {
                let page = account.ok(operation, input.clone());
                assert_eq!(page[list].as_array().unwrap().len(), 1, "{operation}");
                items.push(page[list][0].clone());
                match page.get("NextMarker") {
                    Some(marker) => input["Marker"] = marker.clone(),
                    None => break,
                }
            }
            assert_eq!(json!(items), whole[list], "{operation}");
        }
        account.world.config.page_size = None;
    }
}

#[test]
fn reads_can_be_stale_and_writes_never_are() {
    let (mut account, names) = Account::shop();
    account.world.advance_to(10_000);
    let read = json!({"RuleArns": [names["rule"]]});
    let before = account.ok("DescribeRules", read.clone());
    account.stale = Some(5_000);
    let change = json!({"RuleArn": names["rule"], "Actions": [weighted(&groups(&names), &[50, 50])]});
    let written = account.ok("ModifyRule", change);
    assert_ne!(written, before, "the answer to a write is new");
    assert_eq!(account.ok("DescribeRules", read.clone()), before);
    let new = account.group("late");
    assert_eq!(account.refused("DescribeTargetGroups", &json!({"TargetGroupArns": [new]})), "TargetGroupNotFound");
    account.stale = None;
    assert_eq!(account.ok("DescribeRules", read), written);
}

#[test]
fn a_write_is_the_callers_and_takes_its_time_to_every_node() {
    let (mut account, names) = Account::shop();
    account.world.config.propagation = Lag::fixed(3_000);
    let change = json!({"RuleArn": names["rule"], "Actions": [weighted(&groups(&names), &[0, 1])],
                        "Conditions": [{"Field": "path-pattern", "PathPatternConfig": {"Values": ["/b", "/c"]}}]});
    let shown = account.ok("ModifyRule", change)["Rules"][0].clone();
    assert_eq!(
        shown["Conditions"],
        json!([{"Field": "path-pattern", "Values": ["/b", "/c"],
                                            "PathPatternConfig": {"Values": ["/b", "/c"]}}])
    );
    let id = RouteId::Rule(names["rule"].as_str().unwrap().parse().unwrap());
    let green = names["groups"][1].as_str().unwrap().parse().unwrap();
    assert_eq!(account.world.state().routes[&id].writer, Writer::Operator("alice".to_owned()));
    assert_eq!(
        (account.world.intended_share(&id, &green), account.world.routed_share(&id, &green)),
        (1_000_000, 100_000)
    );
    account.world.advance_to(account.world.now_ms() + 3_000);
    assert_eq!(account.world.routed_share(&id, &green), 1_000_000);
}

#[test]
fn transforms_are_kept_replaced_and_reset() {
    let (mut account, names) = Account::shop();
    let rewrite = |kind: &str, config: &str| json!([{"Type": kind, config: {"Rewrites": [{"Regex": "^/a/(.*)", "Replace": "/$1"}]}}]);
    let url = rewrite("url-rewrite", "UrlRewriteConfig");
    let shown = account.ok("ModifyRule", json!({"RuleArn": names["rule"], "Transforms": url}))["Rules"][0].clone();
    assert_eq!(shown["Transforms"], url);
    let untouched = json!({"RuleArn": names["rule"], "Actions": [plain(&names["groups"][0])]});
    assert_eq!(account.ok("ModifyRule", untouched)["Rules"][0]["Transforms"], url);
    let both = json!({"RuleArn": names["rule"], "Transforms": url, "ResetTransforms": true});
    assert_eq!(account.refused("ModifyRule", &both), "ValidationError");
    let reset = json!({"RuleArn": names["rule"], "ResetTransforms": true});
    assert_eq!(account.ok("ModifyRule", reset)["Rules"][0]["Transforms"], json!([]));
}

#[test]
fn tags_and_small_settings_come_back() {
    let (mut account, names) = Account::shop();
    let arns = json!([names["balancer"], names["rule"]]);
    let tags = json!([{"Key": "env", "Value": "test"}, {"Key": "team", "Value": "web"}]);
    account.ok("AddTags", json!({"ResourceArns": arns, "Tags": tags}));
    let shown = account.ok("DescribeTags", json!({"ResourceArns": arns}))["TagDescriptions"].clone();
    assert_eq!(shown[1], json!({"ResourceArn": names["rule"], "Tags": tags}));
    account.ok("RemoveTags", json!({"ResourceArns": [names["rule"]], "TagKeys": ["env"]}));
    let shown = account.ok("DescribeTags", json!({"ResourceArns": arns}))["TagDescriptions"].clone();
    assert_eq!((&shown[0]["Tags"], &shown[1]["Tags"]), (&tags, &json!([{"Key": "team", "Value": "web"}])));
    let made = json!({"Name": "tagged", "Protocol": "HTTP", "Port": 1, "VpcId": "v", "Tags": tags});
    let made = account.ok("CreateTargetGroup", made)["TargetGroups"][0]["TargetGroupArn"].clone();
    assert_eq!(account.ok("DescribeTags", json!({"ResourceArns": [made]}))["TagDescriptions"][0]["Tags"], tags);

    let groups = json!({"LoadBalancerArn": names["balancer"], "SecurityGroups": ["sg-9"]});
    assert_eq!(account.ok("SetSecurityGroups", groups), json!({"SecurityGroupIds": ["sg-9"]}));
    let subnets =
        json!({"LoadBalancerArn": names["balancer"], "SubnetMappings": [{"SubnetId": "c"}, {"SubnetId": "d"}]});
    assert_eq!(account.ok("SetSubnets", subnets)["AvailabilityZones"][1]["SubnetId"], json!("d"));
    let server = json!([{"Key": "routing.http.response.server.enabled", "Value": "false"}]);
    account.ok("ModifyListenerAttributes", json!({"ListenerArn": names["listener"], "Attributes": server}));
    let all = account.ok("DescribeListenerAttributes", json!({"ListenerArn": names["listener"]}));
    assert!(all["Attributes"].as_array().unwrap().contains(&server[0]));
    let limits = account.ok("DescribeAccountLimits", json!({}))["Limits"].clone();
    assert!(limits.as_array().unwrap().contains(&json!({"Name": "rules-per-application-load-balancer", "Max": "100"})));
}
