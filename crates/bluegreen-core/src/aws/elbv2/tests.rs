use aws_sdk_elasticloadbalancingv2::types::{Action as SdkAction, ActionTypeEnum, TargetTypeEnum};

use super::*;

const RULE: &str = "arn:aws:elasticloadbalancing:eu-west-3:111122223333:listener-rule/app/shop/50dc/f2f7/9683";
const GROUP: &str = "arn:aws:elasticloadbalancing:eu-west-3:111122223333:targetgroup/blue/1";

#[test]
fn pages_never_go_round() {
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(next("x", None, some("a")), Ok(some("a")));
    assert_eq!(next("x", Some("a"), some("b")), Ok(some("b")));
    assert_eq!(next("x", Some("a"), None), Ok(None));
    assert_eq!(next("x", Some("a"), some("")), Ok(None));
    assert_eq!(next("x", Some("a"), some("a")).unwrap_err().class, ErrorClass::Malformed);
}

#[test]
fn an_unknown_action_is_shown_in_a_list_and_refused_on_our_route() {
    let action = SdkAction::builder().r#type(ActionTypeEnum::from("teleport")).build();
    let rule = Rule::builder().rule_arn(RULE).priority("1").actions(action).build();
    let error = rule_snapshot(&rule, Unknown::Refuse).unwrap_err();
    assert_eq!(error.class, ErrorClass::Malformed);
    assert!(error.message.contains("teleport") && error.message.contains(RULE), "{error}");
    assert_eq!(rule_snapshot(&rule, Unknown::Show).unwrap().actions, [actions::opaque("teleport".to_owned())]);
}

#[test]
fn unread_members_refuse_the_route() {
    assert!(refuse_unread("x", &Unread::new()).is_ok());
    let error = refuse_unread("x", &Unread::from(["Spill".to_owned()])).unwrap_err();
    assert!(error.class == ErrorClass::Malformed && error.message.contains("Spill"), "{error}");
}

#[test]
fn a_group_is_read_with_its_attributes() {
    let group = SdkGroup::builder().target_group_arn(GROUP).target_type(TargetTypeEnum::Ip).build();
    let attributes = |pairs: &[(&str, &str)]| pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    let full = attributes(&[("deregistration_delay.timeout_seconds", "120"), ("stickiness.enabled", "true")]);
    let read = group_snapshot(&group, &full).unwrap();
    assert_eq!((read.drain_seconds, read.target_sticky, read.target_type.as_str()), (120, true, "ip"));
    // A delay is never guessed.
    assert!(group_snapshot(&group, &attributes(&[])).is_err());
    assert!(group_snapshot(&group, &attributes(&[("deregistration_delay.timeout_seconds", "soon")])).is_err());
}

#[test]
fn every_state_of_a_target_is_counted_once() {
    let mut health = TargetHealth::default();
    for state in ["healthy", "unhealthy", "initial", "draining", "unhealthy.draining", "unused", "unavailable", "new"] {
        *state_count(&mut health, Some(&TargetHealthStateEnum::from(state))) += 1;
    }
    *state_count(&mut health, None) += 1;
    let expected = TargetHealth { healthy: 1, unhealthy: 1, initial: 1, draining: 2, unused: 1, unavailable: 3 };
    assert_eq!(health, expected);
}
