//! Actions of rules.

use super::*;

#[test]
fn forwards_are_refused_as_aws_refuses_them() {
    let mut bench = Bench::new();
    let groups = bench.groups.clone();
    let tcp = GroupRecord { check: tcp_check(), ..GroupRecord::new("TCP", 80, "ip", "vpc-1") };
    let tcp = bench.world.create_group("tcp", tcp, BTreeMap::new()).unwrap();
    let grpc = GroupRecord { version: "GRPC".to_owned(), check: crate::world::HealthCheck::new("GRPC"), ..record() };
    let grpc = bench.world.create_group("grpc", grpc, BTreeMap::new()).unwrap();
    let away = GroupRecord { vpc: "vpc-2".to_owned(), ..record() };
    let away = bench.world.create_group("away", away, BTreeMap::new()).unwrap();
    let six: Vec<_> = (0..6).map(|_| groups[0].clone()).collect();
    let table = [
        ("TooManyTargetGroups", forward(&six)),
        ("ValidationError", forward(&[])),
        ("ValidationError", forward(&[groups[0].clone(), groups[0].clone()])),
        ("TargetGroupNotFound", forward(&[groups[0].clone(), group_arn("none")])),
        ("IncompatibleProtocols", forward(&[tcp])),
        ("IncompatibleProtocols", forward(std::slice::from_ref(&grpc))),
        ("InvalidConfigurationRequest", forward(&[away])),
        ("ValidationError", sticky(&groups, true, None)),
        ("ValidationError", sticky(&groups, true, Some(0))),
        ("ValidationError", sticky(&groups, true, Some(604_801))),
        ("ValidationError", sticky(&groups, false, Some(0))),
    ];
    for (code, actions) in table {
        assert_eq!(bench.refused_actions(&actions), code, "{actions:?}");
    }
    // What is just inside the limits is taken.
    let (id, five) = (bench.route(), sticky(&groups, true, Some(604_800)));
    assert!(bench.world.set_actions(&id, &five, Writer::ThirdParty).is_ok());
    assert!(bench.world.set_actions(&id, &sticky(&groups, false, None), Writer::ThirdParty).is_ok());
    let default = RouteId::DefaultAction(bench.https.clone());
    assert!(bench.world.set_actions(&default, &forward(&[grpc]), Writer::ThirdParty).is_ok(), "gRPC goes over HTTPS");
}

#[test]
fn sequences_of_actions_are_refused_as_aws_refuses_them() {
    let mut bench = Bench::new();
    let groups = bench.groups.clone();
    let to = |order| Action { order, kind: kind(&groups[..1], None) };
    let oidc = |order| other(order, "authenticate-oidc", json!({"Issuer": "https://id.example.com"}));
    let fixed = |code: &str| other(None, "fixed-response", json!({"StatusCode": code}));
    let redirect = |config| other(None, "redirect", config);
    let invalid = "InvalidLoadBalancerAction";
    let mut typed = fixed("200");
    if let ActionKind::Other { config, .. } = &mut typed.kind {
        config.insert("ContentType".to_owned(), json!("image/png"));
    }
    let table = [
        (invalid, vec![]),
        (invalid, vec![oidc(None)]),
        (invalid, vec![to(Some(1)), to(Some(2))]),
        (invalid, vec![to(Some(1)), oidc(Some(2))]),
        (invalid, vec![oidc(None), to(None)]),
        (invalid, vec![oidc(Some(2)), to(Some(2))]),
        (invalid, vec![oidc(Some(2)), to(Some(1))]),
        (invalid, vec![oidc(Some(1)), oidc(Some(2)), to(Some(3))]),
        (invalid, vec![oidc(Some(1)), to(Some(2))]),
        ("ValidationError", vec![to(Some(0))]),
        ("ValidationError", vec![to(Some(50_001))]),
        ("TooManyActions", (1..7).map(|order| to(Some(order))).collect()),
        ("ValidationError", vec![other(Some(1), "teleport", json!({})), to(Some(2))]),
        ("ValidationError", vec![fixed("302")]),
        ("ValidationError", vec![fixed("2000")]),
        ("ValidationError", vec![typed]),
        ("ValidationError", vec![redirect(json!({"StatusCode": "HTTP_307", "Host": "b.example.com"}))]),
        ("ValidationError", vec![redirect(json!({"StatusCode": "HTTP_301", "Path": "b"}))]),
        ("ValidationError", vec![redirect(json!({"StatusCode": "HTTP_301", "Port": "0"}))]),
        (invalid, vec![redirect(json!({"StatusCode": "HTTP_301"}))]),
        (invalid, vec![redirect(json!({"StatusCode": "HTTP_301", "Protocol": "HTTP"}))]),
    ];
    for (code, actions) in table {
        assert_eq!(bench.refused_actions(&actions), code, "{actions:?}");
    }
    let (id, secure) = (bench.route(), RouteId::DefaultAction(bench.https.clone()));
    let to_https = redirect(json!({"StatusCode": "HTTP_301", "Protocol": "HTTPS", "Port": "443"}));
    assert!(bench.world.set_actions(&id, &[to_https], Writer::ThirdParty).is_ok());
    assert!(bench.world.set_actions(&id, &[fixed("503")], Writer::ThirdParty).is_ok());
    let signed_in = [oidc(Some(1)), to(Some(2))];
    assert!(bench.world.set_actions(&secure, &signed_in, Writer::ThirdParty).is_ok(), "sign-in goes over HTTPS");
    let down = redirect(json!({"StatusCode": "HTTP_301", "Protocol": "HTTP"}));
    assert!(bench.world.set_actions(&secure, &[down], Writer::ThirdParty).is_err(), "HTTPS never goes down to HTTP");
}

#[test]
fn target_stickiness_in_a_weighted_rule_needs_group_stickiness() {
    let mut bench = Bench::new();
    let groups = bench.groups.clone();
    let on = [("stickiness.enabled".to_owned(), "true".to_owned())];
    bench.world.set_group_attributes(&groups[2], &on).unwrap();
    assert_eq!(bench.refused_actions(&forward(&groups)), "InvalidLoadBalancerAction");
    let id = bench.route();
    assert!(bench.world.set_actions(&id, &sticky(&groups, true, Some(60)), Writer::ThirdParty).is_ok());
    assert!(bench.world.set_actions(&id, &forward(&groups[2..]), Writer::ThirdParty).is_ok(), "alone it may be sticky");
}
