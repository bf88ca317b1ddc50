use std::collections::BTreeMap;

use bluegreen_core::model::{ActionKind, ForwardGroup, GroupStickiness, RuleArn, Weight};
use serde_json::{Value, json};

use super::*;
use crate::world::{BalancerRecord, Config, GroupRecord, tags};

mod of_actions;
mod of_conditions;

/// A load balancer with an HTTP and an HTTPS listener, three groups, and a rule on the first listener.
pub(crate) struct Bench {
    pub(crate) world: World,
    pub(crate) balancer: LoadBalancerArn,
    pub(crate) http: ListenerArn,
    pub(crate) https: ListenerArn,
    pub(crate) groups: Vec<TargetGroupArn>,
    pub(crate) rule: RuleArn,
}

impl Bench {
    pub(crate) fn new() -> Bench {
        let mut world = World::new(Config::fast(7));
        let balancer = world.create_balancer(BalancerRecord::new("shop"), BTreeMap::new()).unwrap();
        let group = |world: &mut World, name: &str| world.create_group(name, record(), BTreeMap::new()).unwrap();
        let groups: Vec<_> = ["blue", "green", "third"].iter().map(|name| group(&mut world, name)).collect();
        let mut listener = |protocol: &str, port| {
            let record = ListenerRecord::new(balancer.clone(), protocol, port);
            world.create_listener(record, forward(&groups[..1]), BTreeMap::new(), Writer::Nobody).unwrap()
        };
        let (http, https) = (listener("HTTP", 80), listener("HTTPS", 443));
        let rule = NewRule {
            listener: http.clone(),
            priority: 10,
            conditions: path("/a"),
            transforms: json!([]),
            actions: forward(&groups[..2]),
            tags: BTreeMap::new(),
        };
        let rule = world.create_rule(rule, Writer::Nobody).unwrap();
        Bench { world, balancer, http, https, groups, rule }
    }

    fn rule_like(&self, priority: u32) -> NewRule {
        NewRule {
            listener: self.http.clone(),
            priority,
            conditions: path("/b"),
            transforms: json!([]),
            actions: forward(&self.groups[..1]),
            tags: BTreeMap::new(),
        }
    }

    fn route(&self) -> RouteId {
        RouteId::Rule(self.rule.clone())
    }

    /// The code with which `request` is refused; nothing may have changed.
    fn refused<T>(&mut self, request: impl FnOnce(&mut World) -> Result<T, Refused>) -> &'static str {
        let before = format!("{:?}", self.world.state());
        let code = request(&mut self.world).err().expect("a refusal").code;
        assert_eq!(format!("{:?}", self.world.state()), before, "{code}: a refused request changes nothing");
        code
    }

    /// The code with which these actions are refused for the rule.
    fn refused_actions(&mut self, actions: &[Action]) -> &'static str {
        let (rule, actions) = (self.rule.clone(), actions.to_vec());
        let change = RuleChange { actions: Some(actions), ..RuleChange::default() };
        self.refused(|world| world.modify_rule(&rule, change, Writer::ThirdParty))
    }
}

fn record() -> GroupRecord {
    GroupRecord::new("HTTP", 8_080, "ip", "vpc-1")
}

fn path(pattern: &str) -> Value {
    json!([{"Field": "path-pattern", "Values": [pattern]}])
}

fn kind(groups: &[TargetGroupArn], stickiness: Option<GroupStickiness>) -> ActionKind {
    let member = |arn: &TargetGroupArn| ForwardGroup { arn: arn.clone(), weight: Weight::try_from(1).ok() };
    ActionKind::Forward(Forward { groups: groups.iter().map(member).collect(), stickiness })
}

fn forward(groups: &[TargetGroupArn]) -> Vec<Action> {
    vec![Action { order: Some(1), kind: kind(groups, None) }]
}

fn sticky(groups: &[TargetGroupArn], enabled: bool, duration_seconds: Option<u32>) -> Vec<Action> {
    vec![Action { order: None, kind: kind(groups, Some(GroupStickiness { enabled, duration_seconds })) }]
}

fn other(order: Option<i32>, name: &str, config: Value) -> Action {
    let Value::Object(config) = config else { panic!("a configuration is an object") };
    Action { order, kind: ActionKind::Other { name: name.to_owned(), config } }
}

fn group_arn(name: &str) -> TargetGroupArn {
    format!("arn:aws:elasticloadbalancing:eu-west-3:111122223333:targetgroup/{name}/1").parse().unwrap()
}

fn tcp_check() -> crate::world::HealthCheck {
    crate::world::HealthCheck { protocol: "TCP".to_owned(), ..crate::world::HealthCheck::new("HTTP1") }
}

#[test]
fn a_group_has_one_load_balancer_and_that_has_so_many_groups() {
    let mut bench = Bench::new();
    let groups = bench.groups.clone();
    let second = bench.world.create_balancer(BalancerRecord::new("second"), BTreeMap::new()).unwrap();
    let listener = ListenerRecord::new(second, "HTTP", 80);
    let code = bench.refused(|world| {
        world.create_listener(listener.clone(), forward(&groups[..1]), BTreeMap::new(), Writer::Nobody)
    });
    assert_eq!(code, "TargetGroupAssociationLimit");
    // The third is free, until it is taken.
    bench.world.create_listener(listener, forward(&groups[2..]), BTreeMap::new(), Writer::Nobody).unwrap();
    assert_eq!(bench.refused_actions(&forward(&groups)), "TargetGroupAssociationLimit");
    bench.world.config.quotas.groups_per_balancer = 2;
    let fourth = bench.world.create_group("fourth", record(), BTreeMap::new()).unwrap();
    let more = forward(&[groups[0].clone(), groups[1].clone(), fourth.clone()]);
    assert_eq!(bench.refused_actions(&more), "TooManyUniqueTargetGroupsPerLoadBalancer");
    let id = bench.route();
    let swapped = forward(&[groups[0].clone(), fourth]);
    assert!(bench.world.set_actions(&id, &swapped, Writer::ThirdParty).is_ok(), "its own old groups do not count");
}

#[test]
fn rules_are_refused_as_aws_refuses_them() {
    let mut bench = Bench::new();
    let (rule, http) = (bench.rule.clone(), bench.http.clone());
    let default = State::default_rule(&http).unwrap();
    let new = |bench: &mut Bench, rule: NewRule| bench.refused(|world| world.create_rule(rule, Writer::Nobody));
    for priority in [0, 50_001] {
        let rule = bench.rule_like(priority);
        assert_eq!(new(&mut bench, rule), "ValidationError");
    }
    let taken = bench.rule_like(10);
    assert_eq!(new(&mut bench, taken), "PriorityInUse");
    let lost = format!("{http}0").parse().unwrap();
    let lost = NewRule { listener: lost, ..bench.rule_like(11) };
    assert_eq!(new(&mut bench, lost), "ListenerNotFound");
    let bare = NewRule { conditions: json!([]), ..bench.rule_like(11) };
    assert_eq!(new(&mut bench, bare), "ValidationError");
    let bent = NewRule { transforms: json!([{"Type": "url-rewrite"}]), ..bench.rule_like(11) };
    assert_eq!(new(&mut bench, bent), "ValidationError");
    let elsewhere = NewRule { listener: bench.https.clone(), ..bench.rule_like(10) };
    bench.world.create_rule(elsewhere, Writer::Nobody).expect("priorities are a listener's own");
    bench.world.config.quotas.rules_per_balancer = 2;
    let one_more = bench.rule_like(11);
    assert_eq!(new(&mut bench, one_more), "TooManyRules");

    let change = |actions| RuleChange { actions, ..RuleChange::default() };
    let same = forward(&bench.groups[..1]);
    let (by, actions) = (Writer::ThirdParty, change(Some(same)));
    assert_eq!(bench.refused(|w| w.modify_rule(&default, actions, by.clone())), "OperationNotPermitted");
    assert_eq!(bench.refused(|w| w.delete_rule(&default)), "OperationNotPermitted");
    assert_eq!(bench.refused(|w| w.set_priorities(&[(default.clone(), 1)])), "OperationNotPermitted");
    let none: RuleArn = format!("{rule}0").parse().unwrap();
    assert_eq!(bench.refused(|w| w.modify_rule(&none, change(None), by.clone())), "RuleNotFound");
    assert_eq!(bench.refused(|w| w.delete_rule(&none)), "RuleNotFound");
    // Good conditions beside bad actions: neither is taken.
    let both = RuleChange { conditions: Some(path("/c")), ..change(Some(forward(&[]))) };
    assert_eq!(bench.refused(|w| w.modify_rule(&rule, both, by)), "ValidationError");
}

#[test]
fn priorities_change_together_or_not_at_all() {
    let mut bench = Bench::new();
    let first = bench.rule.clone();
    let new = bench.rule_like(20);
    let second = bench.world.create_rule(new, Writer::Nobody).unwrap();
    let new = bench.rule_like(30);
    bench.world.create_rule(new, Writer::Nobody).unwrap();
    let none: RuleArn = format!("{first}0").parse().unwrap();
    for (code, wanted) in [
        ("PriorityInUse", vec![(first.clone(), 5), (second.clone(), 30)]),
        ("PriorityInUse", vec![(first.clone(), 5), (second.clone(), 5)]),
        ("RuleNotFound", vec![(first.clone(), 5), (none, 6)]),
        ("ValidationError", vec![(first.clone(), 5), (second.clone(), 0)]),
        ("ValidationError", vec![(first.clone(), 5), (first.clone(), 6)]),
    ] {
        assert_eq!(bench.refused(|world| world.set_priorities(&wanted)), code, "{wanted:?}");
    }
    bench.world.set_priorities(&[(first.clone(), 20), (second.clone(), 10)]).expect("two rules can swap");
    let priority = |rule| bench.world.state().routes[&RouteId::Rule(rule)].priority.clone();
    assert_eq!((priority(first), priority(second)), ("20".to_owned(), "10".to_owned()));
}

#[test]
fn listeners_are_refused_as_aws_refuses_them() {
    let mut bench = Bench::new();
    let (balancer, http, groups) = (bench.balancer.clone(), bench.http.clone(), bench.groups.clone());
    let new = |protocol: &str, port| ListenerRecord::new(balancer.clone(), protocol, port);
    let lost: LoadBalancerArn = format!("{balancer}0").parse().unwrap();
    let no_policy = ListenerRecord { ssl_policy: Some("mine".to_owned()), ..new("HTTPS", 81) };
    let no_such = ListenerRecord { certificate: Some("arn:aws:s3:::x".to_owned()), ..new("HTTPS", 81) };
    for (code, record) in [
        ("DuplicateListener", new("HTTP", 443)),
        ("ValidationError", new("TCP", 81)),
        ("ValidationError", new("HTTP", 0)),
        ("ValidationError", ListenerRecord { certificate: None, ..new("HTTPS", 81) }),
        ("ValidationError", ListenerRecord { certificate: new("HTTPS", 1).certificate, ..new("HTTP", 81) }),
        ("CertificateNotFound", no_such),
        ("SSLPolicyNotFound", no_policy),
        ("LoadBalancerNotFound", ListenerRecord { balancer: lost, ..new("HTTP", 81) }),
    ] {
        let actions = forward(&groups[..1]);
        let code_now = bench.refused(|w| w.create_listener(record.clone(), actions, BTreeMap::new(), Writer::Nobody));
        assert_eq!(code_now, code, "{record:?}");
    }
    let change = |port| ListenerChange { port: Some(port), ..ListenerChange::default() };
    assert_eq!(bench.refused(|w| w.modify_listener(&http, change(443), Writer::Nobody)), "DuplicateListener");
    let bad = ListenerChange { actions: Some(vec![]), ..change(82) };
    let code = bench.refused(|w| w.modify_listener(&http, bad, Writer::Nobody));
    assert_eq!(code, "InvalidLoadBalancerAction", "the port stays too");
    bench.world.modify_listener(&http, change(82), Writer::Nobody).unwrap();
    bench.world.config.quotas.listeners_per_balancer = 2;
    let code = bench.refused(|w| w.create_listener(new("HTTP", 83), forward(&groups), BTreeMap::new(), Writer::Nobody));
    assert_eq!(code, "TooManyListeners");
    let lost: ListenerArn = format!("{http}0").parse().unwrap();
    assert_eq!(bench.refused(|w| w.delete_listener(&lost)), "ListenerNotFound");
}

#[test]
fn a_listener_with_sign_in_stays_secure() {
    let mut bench = Bench::new();
    let oidc = other(Some(1), "authenticate-oidc", json!({"Issuer": "https://id.example.com"}));
    let actions = vec![oidc, Action { order: Some(2), kind: kind(&bench.groups[..1], None) }];
    let rule = NewRule { listener: bench.https.clone(), actions, ..bench.rule_like(1) };
    bench.world.create_rule(rule, Writer::Nobody).unwrap();
    let (https, change) = (bench.https.clone(), Some("HTTP".to_owned()));
    let change = ListenerChange { protocol: change, ..ListenerChange::default() };
    assert_eq!(bench.refused(|w| w.modify_listener(&https, change, Writer::Nobody)), "InvalidLoadBalancerAction");
}

#[test]
fn load_balancers_and_groups_are_made_once() {
    let mut bench = Bench::new();
    let same = bench.world.create_balancer(BalancerRecord::new("shop"), BTreeMap::new()).unwrap();
    assert_eq!(same, bench.balancer);
    let new = BalancerRecord::new;
    let one = |subnet: &str| vec![subnet.to_owned()];
    for (code, record) in [
        ("DuplicateLoadBalancerName", BalancerRecord { scheme: "internal".to_owned(), ..new("shop") }),
        ("ValidationError", new("-x")),
        ("ValidationError", new("a_b")),
        ("ValidationError", new("internal-x")),
        ("ValidationError", new(&"x".repeat(33))),
        ("InvalidScheme", BalancerRecord { scheme: "secret".to_owned(), ..new("x") }),
        ("ValidationError", BalancerRecord { subnets: one("subnet-1"), ..new("x") }),
        ("ValidationError", BalancerRecord { address_type: "ipx".to_owned(), ..new("x") }),
    ] {
        assert_eq!(bench.refused(|w| w.create_balancer(record.clone(), BTreeMap::new())), code, "{record:?}");
    }
    let blue = bench.groups[0].clone();
    assert_eq!(bench.world.create_group("blue", record(), BTreeMap::new()), Ok(blue.clone()));
    let other = GroupRecord { port: 1, ..record() };
    let code = bench.refused(|world| world.create_group("blue", other, BTreeMap::new()));
    assert_eq!(code, "DuplicateTargetGroupName");
    assert_eq!(bench.refused(|world| world.delete_group(&blue)), "ResourceInUse");
    bench.world.config.quotas.groups = 3;
    let code = bench.refused(|world| world.create_group("more", record(), BTreeMap::new()));
    assert_eq!(code, "TooManyTargetGroups");
    bench.world.config.quotas.balancers = 1;
    assert_eq!(bench.refused(|world| world.create_balancer(new("x"), BTreeMap::new())), "TooManyLoadBalancers");
}

#[test]
fn groups_are_refused_as_aws_refuses_them() {
    let mut bench = Bench::new();
    let check = |edit: fn(&mut crate::world::HealthCheck)| {
        let mut record = record();
        edit(&mut record.check);
        record
    };
    for (code, record) in [
        ("InvalidConfigurationRequest", GroupRecord { target_type: "lambda".to_owned(), ..record() }),
        ("ValidationError", GroupRecord { target_type: "pod".to_owned(), ..record() }),
        ("ValidationError", GroupRecord { protocol: "FTP".to_owned(), ..record() }),
        ("ValidationError", GroupRecord { version: "HTTP3".to_owned(), ..record() }),
        ("ValidationError", GroupRecord { vpc: String::new(), ..record() }),
        ("ValidationError", GroupRecord { port: 0, ..record() }),
        ("InvalidConfigurationRequest", check(|check| check.enabled = false)),
        ("ValidationError", check(|check| check.protocol = "TCP".to_owned())),
        ("ValidationError", check(|check| check.port = "http".to_owned())),
        ("ValidationError", check(|check| check.path = "health".to_owned())),
        ("ValidationError", check(|check| check.interval = 4)),
        ("ValidationError", check(|check| check.timeout = 1)),
        ("ValidationError", check(|check| check.timeout = 30)),
        ("ValidationError", check(|check| check.healthy_after = 1)),
        ("ValidationError", check(|check| check.unhealthy_after = 11)),
        ("ValidationError", check(|check| check.matcher = "500".to_owned())),
        ("ValidationError", check(|check| check.matcher = "299-200".to_owned())),
        ("ValidationError", check(|check| check.matcher = String::new())),
    ] {
        let now = bench.refused(|world| world.create_group("new", record.clone(), BTreeMap::new()));
        assert_eq!(now, code, "{record:?}");
    }
    for name in ["", "a.b", "a-", "x123456789x123456789x123456789xyz"] {
        let code = bench.refused(|world| world.create_group(name, record(), BTreeMap::new()));
        assert_eq!(code, "ValidationError", "{name}");
    }
    bench
        .world
        .create_group("new", check(|check| check.matcher = "200,202-204,499".to_owned()), BTreeMap::new())
        .unwrap();
}

#[test]
fn attributes_have_ranges_and_defaults() {
    let mut bench = Bench::new();
    let (group, balancer, http) = (bench.groups[0].clone(), bench.balancer.clone(), bench.http.clone());
    let one = |key: &str, value: &str| [(key.to_owned(), value.to_owned())];
    for (key, value) in [
        ("deregistration_delay.timeout_seconds", "3601"),
        ("deregistration_delay.timeout_seconds", "-1"),
        ("stickiness.enabled", "yes"),
        ("stickiness.type", "source_ip"),
        ("stickiness.lb_cookie.duration_seconds", "604801"),
        ("stickiness.app_cookie.cookie_name", "AWSALBX"),
        ("slow_start.duration_seconds", "29"),
        ("load_balancing.algorithm.type", "random"),
        ("target_group_health.unhealthy_state_routing.minimum_healthy_targets.count", "off"),
        ("target_group_health.dns_failover.minimum_healthy_targets.percentage", "101"),
        ("proxy_protocol_v2.enabled", "true"),
    ] {
        let code = bench.refused(|world| world.set_group_attributes(&group, &one(key, value)));
        assert_eq!(code, "ValidationError", "{key} {value}");
    }
    let both = [one("slow_start.duration_seconds", "30"), one("load_balancing.algorithm.type", "weighted_random")];
    let code = bench.refused(|world| world.set_group_attributes(&group, &both.concat()));
    assert_eq!(code, "InvalidConfigurationRequest");
    for (key, value) in [
        ("idle_timeout.timeout_seconds", "4001"),
        ("client_keep_alive.seconds", "59"),
        ("load_balancing.cross_zone.enabled", "false"),
        ("no.such.key", "1"),
    ] {
        let code = bench.refused(|world| world.set_balancer_attributes(&balancer, &one(key, value)));
        assert_eq!(code, "ValidationError", "{key} {value}");
    }
    let code = bench.refused(|world| world.set_balancer_attributes(&balancer, &one("access_logs.s3.enabled", "true")));
    assert_eq!(code, "InvalidConfigurationRequest");
    let key = "routing.http.response.server.enabled";
    assert_eq!(bench.refused(|world| world.set_listener_attributes(&http, &one(key, "0"))), "ValidationError");

    let delay = one("deregistration_delay.timeout_seconds", "7");
    bench.world.set_group_attributes(&group, &delay).unwrap();
    bench.world.set_group_attributes(&group, &one("slow_start.duration_seconds", "30")).unwrap();
    let state = bench.world.state();
    let all = state.group_attributes(&group).unwrap();
    assert_eq!((all["deregistration_delay.timeout_seconds"].as_str(), state.groups[&group].drain), ("7", 7_000));
    assert_eq!((all["stickiness.type"].as_str(), state.groups[&group].slow_start()), ("lb_cookie", 30_000));
    assert_eq!(state.balancer_attributes(&balancer).unwrap()["idle_timeout.timeout_seconds"], "60");
    assert_eq!(state.listener_attributes(&http).unwrap()[key], "true");
}

#[test]
fn deletion_takes_what_belongs_to_it() {
    let mut bench = Bench::new();
    let tagged = tags::checked(&[("team".to_owned(), "web".to_owned())]).unwrap();
    let arns: Vec<String> = vec![bench.rule.to_string(), bench.http.to_string(), bench.balancer.to_string()];
    bench.world.add_tags(&arns, &tagged).unwrap();
    let protect = |value: &str| [("deletion_protection.enabled".to_owned(), value.to_owned())];
    let balancer = bench.balancer.clone();
    bench.world.set_balancer_attributes(&balancer, &protect("true")).unwrap();
    assert_eq!(bench.refused(|world| world.delete_balancer(&balancer)), "OperationNotPermitted");
    bench.world.delete_listener(&bench.http).unwrap();
    let state = bench.world.state();
    assert_eq!(state.routes.len(), 1, "the rule and the default action went with the listener");
    assert_eq!(state.tags.keys().collect::<Vec<_>>(), [balancer.as_str()]);
    bench.world.set_balancer_attributes(&balancer, &protect("false")).unwrap();
    bench.world.delete_balancer(&balancer).unwrap();
    let state = bench.world.state();
    assert!(state.listeners.is_empty() && state.routes.is_empty() && state.tags.is_empty());
    assert!(state.groups.len() == 3 && state.groups.values().all(|group| group.attached_since.is_none()));
    bench.world.delete_balancer(&balancer).expect("what is gone can be deleted again");
    bench.world.delete_group(&bench.groups[0]).unwrap();
    bench.world.delete_group(&bench.groups[0]).unwrap();
}

#[test]
fn tags_are_checked_and_all_or_none_are_written() {
    let mut bench = Bench::new();
    let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    for (code, given) in [
        ("DuplicateTagKeys", vec![pair("a", "1"), pair("a", "2")]),
        ("ValidationError", vec![pair("", "1")]),
        ("ValidationError", vec![pair("aws:x", "1")]),
        ("ValidationError", vec![pair("a", "ß!")]),
        ("ValidationError", vec![pair(&"k".repeat(129), "1")]),
        ("ValidationError", vec![pair("a", &"v".repeat(257))]),
    ] {
        assert_eq!(tags::checked(&given).map_err(|refused| refused.code), Err(code), "{given:?}");
    }
    let good = tags::checked(&[pair("team", "web"), pair("env", "")]).unwrap();
    let (balancer, missing) = (bench.balancer.to_string(), format!("{}0", bench.rule));
    let code = bench.refused(|world| world.add_tags(&[balancer.clone(), missing.clone()], &good));
    assert_eq!(code, "RuleNotFound");
    assert_eq!(bench.refused(|world| world.remove_tags(&[missing], &[])), "RuleNotFound");
    bench.world.add_tags(std::slice::from_ref(&balancer), &good).unwrap();
    bench.world.config.quotas.tags = 2;
    let more = tags::checked(&[pair("third", "x")]).unwrap();
    assert_eq!(bench.refused(|world| world.add_tags(std::slice::from_ref(&balancer), &more)), "TooManyTags");
    assert_eq!(bench.world.state().tagged_things().into_iter().collect::<Vec<_>>(), [(balancer.as_str(), &good)]);
    bench.world.remove_tags(std::slice::from_ref(&balancer), &["team".to_owned(), "none".to_owned()]).unwrap();
    assert_eq!(bench.world.state().tags_of(&balancer).unwrap().len(), 1);
    let default = State::default_rule(&bench.http).unwrap().to_string();
    assert_eq!(bench.world.state().tags_of(&default), Some(BTreeMap::new()), "a default rule has tags too");
}

#[test]
fn new_things_have_names_like_those_of_aws() {
    let bench = Bench::new();
    let tail = |text: &str| text.rsplit(':').next().unwrap().to_owned();
    let balancer = tail(bench.balancer.as_str());
    let id = balancer.strip_prefix("loadbalancer/app/shop/").unwrap();
    let hex = |id: &str| id.len() == 16 && id.bytes().all(|b| b.is_ascii_hexdigit());
    assert!(hex(id));
    let listener = tail(bench.http.as_str());
    assert!(hex(listener.strip_prefix(&format!("listener/app/shop/{id}/")).unwrap()));
    assert_eq!(bench.rule.listener(), bench.http);
    assert_eq!(
        bench.world.state().route_of(&State::default_rule(&bench.http).unwrap()),
        Some(RouteId::DefaultAction(bench.http.clone()))
    );
    assert_eq!(Bench::new().rule, bench.rule, "the same seed gives the same names");
}

#[test]
fn a_load_balancer_takes_its_time_to_be_active() {
    let mut world = World::new(Config { provisioning: 5_000, ..Config::fast(1) });
    let arn = world.create_balancer(BalancerRecord::new("slow"), BTreeMap::new()).unwrap();
    let record = world.state().balancers[&arn].clone();
    assert_eq!((record.state_at(4_999), record.state_at(5_000)), ("provisioning", "active"));
}
