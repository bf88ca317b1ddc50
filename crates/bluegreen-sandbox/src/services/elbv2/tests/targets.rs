//! Targets and their health over the wire.

use super::*;

/// State, reason and port of every target, by what is described.
fn healths(account: &mut Account, input: Value) -> Vec<(String, String, u64)> {
    let shown = account.ok("DescribeTargetHealth", input)["TargetHealthDescriptions"].clone();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let one = |target: &Value| {
        let health = &target["TargetHealth"];
        (text(&health["State"]), text(&health["Reason"]), target["Target"]["Port"].as_u64().unwrap())
    };
    shown.as_array().unwrap().iter().map(one).collect()
}

#[test]
fn targets_go_through_their_states() {
    let (mut account, names) = Account::shop();
    let (blue, third) = (&names["groups"][0], &names["groups"][2]);
    let said = |state: &str, reason: &str, port| (state.to_owned(), reason.to_owned(), port);
    let targets = json!([{"Id": "127.0.0.1"}, {"Id": "127.0.0.1", "Port": 9000}]);
    for group in [blue, third] {
        account.ok("RegisterTargets", json!({"TargetGroupArn": group, "Targets": targets}));
    }
    let all = json!({"TargetGroupArn": blue});
    let initial = healths(&mut account, all.clone());
    assert!(initial.iter().all(|(state, reason, _)| state == "initial" && reason.starts_with("Elb.")), "{initial:?}");
    account.world.advance_to(account.world.now_ms() + 60_000);
    assert_eq!(healths(&mut account, all.clone()), [said("healthy", "", 8080), said("healthy", "", 9000)]);
    let unused = healths(&mut account, json!({"TargetGroupArn": third}));
    assert_eq!(unused[0], said("unused", "Target.NotInUse", 8080), "no route leads to its group");
    let one = json!({"TargetGroupArn": blue, "Targets": [{"Id": "127.0.0.1", "Port": 9000}, {"Id": "10.0.0.1"}]});
    let expected = [said("healthy", "", 9000), said("unused", "Target.NotRegistered", 8080)];
    assert_eq!(healths(&mut account, one), expected);

    let away = json!({"TargetGroupArn": blue, "Targets": [{"Id": "127.0.0.1", "Port": 9000}]});
    account.ok("DeregisterTargets", away.clone());
    let draining = said("draining", "Target.DeregistrationInProgress", 9000);
    assert_eq!(healths(&mut account, all.clone())[1], draining);
    account.world.advance_to(account.world.now_ms() + 299_999);
    assert_eq!(healths(&mut account, all.clone())[1], draining, "for the whole delay");
    account.world.advance_to(account.world.now_ms() + 1);
    assert_eq!(healths(&mut account, all), [said("healthy", "", 8080)]);
    account.ok("DeregisterTargets", away);
}

#[test]
fn a_target_is_shown_with_the_port_of_its_check() {
    let (mut account, names) = Account::shop();
    let group = &names["groups"][0];
    account.ok("ModifyTargetGroup", json!({"TargetGroupArn": group, "HealthCheckPort": "81"}));
    let targets = json!([{"Id": "127.0.0.1", "Port": 9000, "AvailabilityZone": "eu-west-3b"}]);
    account.ok("RegisterTargets", json!({"TargetGroupArn": group, "Targets": targets}));
    let shown = account.ok("DescribeTargetHealth", json!({"TargetGroupArn": group}));
    let shown = &shown["TargetHealthDescriptions"][0];
    assert_eq!((&shown["Target"], &shown["HealthCheckPort"]), (&targets[0], &json!("81")));
}
