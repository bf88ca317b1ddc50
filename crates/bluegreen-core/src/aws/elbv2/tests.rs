use aws_sdk_elasticloadbalancingv2::types::{Action as SdkAction, ActionTypeEnum, TargetTypeEnum};

use super::*;
use crate::aws::testing::{Answer, Script, xml};
use crate::aws::wire::RequireTls;
use crate::model::{ActionKind, Forward, ForwardGroup};

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

fn rules(rules: &str, marker: &str) -> Answer {
    xml(&format!(
        "<DescribeRulesResponse><DescribeRulesResult><Rules>{rules}</Rules>{marker}</DescribeRulesResult>\
         </DescribeRulesResponse>"
    ))
}

fn rule(id: &str, inside: &str) -> String {
    format!(
        "<member><RuleArn>{id}</RuleArn><Priority>1</Priority><Actions><member><Type>forward</Type>\
         <TargetGroupArn>{GROUP}</TargetGroupArn>{inside}</member></Actions></member>"
    )
}

fn id(text: &str) -> RouteId {
    RouteId::Rule(text.parse().unwrap())
}

fn forward() -> Action {
    let groups = vec![ForwardGroup { arn: GROUP.parse().unwrap(), weight: None }];
    Action { order: None, kind: ActionKind::Forward(Forward { groups, stickiness: None }) }
}

#[tokio::test]
async fn all_pages_are_read_in_the_order_asked_for() {
    let other = RULE.replace("9683", "77");
    let script =
        Script::start(vec![rules(&rule(&other, ""), "<NextMarker>more</NextMarker>"), rules(&rule(RULE, ""), "")]);
    let read = script.ports().await.router.routes(&[id(RULE), id(&other)]).await.unwrap();
    assert_eq!([&read[0].id, &read[1].id], [&id(RULE), &id(&other)]);
    let heard = script.heard();
    assert!(heard.len() == 2 && heard[1].contains("Marker=more"), "{heard:?}");
}

#[tokio::test]
async fn a_rule_that_is_left_out_of_the_answer_is_not_found() {
    let script = Script::start(vec![rules("", "")]);
    let error = script.ports().await.router.routes(&[id(RULE)]).await.unwrap_err();
    assert_eq!(error.class, ErrorClass::NotFound);
}

#[tokio::test]
async fn a_member_from_the_future_refuses_our_route() {
    let script = Script::start(vec![rules(&rule(RULE, "<Spill>1</Spill>"), "")]);
    let error = script.ports().await.router.routes(&[id(RULE)]).await.unwrap_err();
    assert!(error.class == ErrorClass::Malformed && error.message.contains("Spill"), "{error}");
}

#[tokio::test]
async fn silence_and_nonsense_leave_a_mutation_unknown() {
    for (answer, class) in [
        (Answer::Silence, ErrorClass::TimedOut),
        (Answer::HangUp, ErrorClass::Unavailable),
        (xml("<ModifyRuleResponse><cut"), ErrorClass::Malformed),
        (Answer::Body(502, "text/html", b"<html>Bad Gateway</html>".to_vec()), ErrorClass::Unavailable),
    ] {
        let script = Script::start(vec![answer]);
        let outcome = script.ports().await.router.set_actions(&id(RULE), &[forward()]).await;
        assert!(matches!(&outcome, Outcome::Unknown(error) if error.class == class), "{outcome:?}");
        assert_eq!(script.heard().len(), 1);
    }
}

#[tokio::test]
async fn where_no_connection_can_be_made_nothing_was_applied() {
    let script = Script::start(Vec::new());
    let outcome = script.ports().await.router.set_actions(&id(RULE), &[forward()]).await;
    assert!(matches!(&outcome, Outcome::NotApplied(error) if error.class == ErrorClass::Unavailable), "{outcome:?}");
}

#[tokio::test]
async fn actions_that_cannot_be_sent_are_not_sent() {
    let script = Script::start(vec![xml("")]);
    let router = script.ports().await.router;
    for actions in [vec![], vec![actions::opaque("teleport".to_owned())]] {
        let outcome = router.set_actions(&id(RULE), &actions).await;
        assert!(matches!(&outcome, Outcome::NotApplied(error) if error.class == ErrorClass::Invalid), "{outcome:?}");
    }
    assert!(script.heard().is_empty());
}

#[tokio::test]
async fn a_request_without_tls_never_leaves() {
    let script = Script::start(vec![xml("")]);
    let config = aws_sdk_elasticloadbalancingv2::config::Builder::from(&script.config().await);
    let client = Client::from_conf(config.interceptor(RequireTls).build());
    let router = AwsRouter::new(client.clone(), client);
    let outcome = router.set_actions(&id(RULE), &[forward()]).await;
    assert!(
        matches!(&outcome, Outcome::NotApplied(e) if e.class == ErrorClass::Invalid && e.message.contains("TLS")),
        "{outcome:?}"
    );
    assert!(script.heard().is_empty());
}
