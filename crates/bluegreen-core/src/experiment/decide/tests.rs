use jiff::{SignedDuration, Timestamp};

use super::*;
use crate::call::{CallError, ErrorClass};
use crate::experiment::plan::tests::{facts, made};
use crate::experiment::{Body, GuardrailEvidence, Minute, Record, Resolution, SplitEvidence};
use crate::journal::Operator;

fn at(seconds: i64) -> Timestamp {
    let start: Timestamp = "2026-11-23T12:00:00Z".parse().unwrap();
    start.checked_add(SignedDuration::from_secs(seconds)).unwrap()
}

/// A state from facts and writes at their times, in seconds after the start.
fn state(bodies: &[(i64, Body)]) -> State {
    let operator = Operator { user: "u".into(), host: "h".into(), pid: 1, version: "0".into() };
    let plan = Box::new(made("split: { stickiness: 1h }"));
    let mut records = vec![Record { seq: 0, at: at(0), body: Body::Started { plan, operator } }];
    let numbered = bodies.iter().zip(1..).map(|((time, body), seq)| Record { seq, at: at(*time), body: body.clone() });
    records.extend(numbered);
    State::fold(&records).unwrap()
}

fn intent(time: i64) -> (i64, Body) {
    (time, Body::Intent(Write::Create { index: 0 }))
}

fn outcome(time: i64, intent: u64, resolution: Resolution) -> (i64, Body) {
    (time, Body::Outcome { intent, resolution })
}

fn fact(time: i64, fact: Fact) -> (i64, Body) {
    (time, Body::Fact(fact))
}

fn error(class: ErrorClass) -> CallError {
    CallError { operation: "elbv2:CreateRule".into(), class, message: "no".into() }
}

fn rule_arn() -> RuleArn {
    "arn:aws:elasticloadbalancing:eu-west-3:111122223333:listener-rule/app/shop/8f1d/3c5e/ours".parse().unwrap()
}

/// The listener with our rule on it, as it was planned.
fn with_ours(state: &State) -> Vec<TaggedRoute> {
    let mut routes = facts().routes;
    let request = state.plan.request(0).unwrap();
    let route = RouteSnapshot {
        id: RouteId::Rule(rule_arn()),
        priority: request.priority.to_string(),
        conditions: request.conditions,
        actions: request.actions,
    };
    routes.insert(1, TaggedRoute { route, rewrites: false, tags: request.tags });
    routes
}

fn step(state: &State, routes: &[TaggedRoute], now: i64, assessment: &Assessment) -> Decision {
    decide(state, &Seen { now: at(now), routes, assessment, unreadable: None })
}

fn next(state: &State, routes: &[TaggedRoute], now: i64) -> Decision {
    step(state, routes, now, &Assessment::default())
}

const CREATE: Decision = Decision::Write(Write::Create { index: 0 });

fn failed(decision: &Decision) -> bool {
    matches!(decision, Decision::Note(Fact::Ending(Ending::Failed { .. })))
}

#[test]
fn a_rule_is_made_once_and_what_is_not_known_is_looked_at() {
    let bare = facts().routes;
    assert_eq!(next(&state(&[]), &bare, 1), CREATE);
    // Killed between intent and answer, or the answer lost: the request may still be on its way.
    let lost = Resolution::Unknown(error(ErrorClass::TimedOut));
    for doubt in [
        state(&[intent(1)]),
        state(&[intent(1), outcome(2, 1, lost)]),
        state(&[intent(1), outcome(2, 1, Resolution::Applied)]),
    ] {
        assert_eq!(next(&doubt, &bare, 5), Decision::Wait { until: at(11) });
        assert_eq!(next(&doubt, &bare, 11), CREATE, "the priority is one: it cannot be made twice");
        let made = Decision::Note(Fact::Made { index: 0, rule: rule_arn() });
        assert_eq!(next(&doubt, &with_ours(&doubt), 5), made);
    }
    let given_up = state(&[intent(1), intent(2), intent(3)]);
    assert!(failed(&next(&given_up, &bare, 60)));
}

#[test]
fn what_aws_refuses_ends_the_start_and_what_it_is_too_busy_for_is_tried_again() {
    let bare = facts().routes;
    let refused = |class| state(&[intent(1), outcome(2, 1, Resolution::NotApplied(error(class)))]);
    assert!(failed(&next(&refused(ErrorClass::Denied), &bare, 3)));
    let busy = refused(ErrorClass::Throttled);
    assert_eq!(next(&busy, &bare, 2), Decision::Wait { until: at(3) });
    assert_eq!(next(&busy, &bare, 3), CREATE);
}

#[test]
fn a_listener_that_changed_since_the_plan_is_not_written() {
    let fresh = state(&[]);
    let mut moved = facts().routes;
    moved[1].route.priority = "11".to_owned();
    assert!(failed(&next(&fresh, &moved, 1)), "the base moved");
    let mut taken = facts().routes;
    taken[0].route.priority = "9".to_owned();
    assert!(failed(&next(&fresh, &taken, 1)), "the priority is taken");
    let mut gone = facts().routes;
    gone.remove(1);
    assert!(failed(&next(&fresh, &gone, 1)), "the base is gone");
}

/// Live since second 30: minutes count from 60 on.
fn live(more: &[(i64, Body)]) -> State {
    let mut bodies = vec![intent(1), outcome(2, 1, Resolution::Applied)];
    bodies.extend([fact(3, Fact::Made { index: 0, rule: rule_arn() }), fact(30, Fact::Live)]);
    bodies.extend(more.iter().cloned());
    state(&bodies)
}

#[test]
fn only_minutes_that_are_complete_are_read_and_the_last_few_again() {
    let fresh = live(&[]);
    let routes = with_ours(&fresh);
    assert_eq!(next(&fresh, &routes, 239), Decision::Rest(Standing::Running), "two minutes of lag");
    assert_eq!(next(&fresh, &routes, 240), Decision::Count { from: at(60), to: at(120) });
    let minute = |time: i64| Minute { at: at(time), values: vec![] };
    let minutes = (1..20).map(|index| minute(60 * index)).collect();
    let counted = live(&[fact(1400, Fact::Counted { until: at(1200), minutes })]);
    assert_eq!(next(&counted, &routes, 1379), Decision::Rest(Standing::Running));
    assert_eq!(next(&counted, &routes, 1380), Decision::Count { from: at(900), to: at(1260) });
    // After a long time, a day at once.
    assert_eq!(next(&fresh, &routes, 1_000_000), Decision::Count { from: at(60), to: at(60 + 86_400) });
    // Metrics that give no answer are told, and no reason to stop looking at the rest.
    let assessment = Assessment::default();
    let silent = error(ErrorClass::Throttled);
    let blind = Seen { now: at(240), routes: &routes, assessment: &assessment, unreadable: Some(&silent) };
    assert_eq!(decide(&fresh, &blind), Decision::Rest(Standing::Blind(silent.clone())));
}

fn evidence(guard: bool, alarm: bool) -> Assessment {
    let guardrail = GuardrailEvidence {
        metric: "errorRate".into(),
        variant: "other".into(),
        log_e: 0.0,
        needed: 0.0,
        failed: guard,
        variant_counts: (0.0, 0.0),
        control_counts: (0.0, 0.0),
    };
    let split = SplitEvidence { log_e: 9.0, alarm, decides: true, planned: vec![0.5, 0.5] };
    Assessment { guardrails: vec![guardrail], split: Some(split), units: vec![1.0, 2.0], ..Assessment::default() }
}

#[test]
fn a_guardrail_ends_it_and_a_broken_split_is_told_once() {
    let fresh = live(&[]);
    let routes = with_ours(&fresh);
    let worse = Ending::Guardrail { metric: "errorRate".into(), variant: "other".into() };
    assert_eq!(step(&fresh, &routes, 100, &evidence(true, true)), Decision::Note(Fact::Ending(worse)));
    let Decision::Note(Fact::Invalid { why }) = step(&fresh, &routes, 100, &evidence(false, true)) else {
        panic!("the split is broken");
    };
    let told = live(&[fact(100, Fact::Invalid { why: why.clone() })]);
    assert_eq!(step(&told, &routes, 100, &evidence(false, true)), Decision::Rest(Standing::Invalid(why)));
}

#[test]
fn at_its_time_it_ends_with_its_last_minutes_read() {
    let end = 30 + 14 * 86_400;
    let last = end / 60 * 60;
    let before = live(&[fact(end - 60, Fact::Counted { until: at(last - 60), minutes: vec![] })]);
    let routes = with_ours(&before);
    assert_eq!(next(&before, &routes, end + 300), Decision::Count { from: at(last - 60), to: at(last) });
    let read = live(&[fact(end, Fact::Counted { until: at(last), minutes: vec![] })]);
    assert_eq!(next(&read, &routes, end - 1), Decision::Rest(Standing::Running));
    assert_eq!(next(&read, &routes, end), Decision::Note(Fact::Ending(Ending::Expired)));
}

#[test]
fn the_end_deletes_what_is_ours_and_waits_for_what_may_still_come() {
    let stopped = Fact::Ending(Ending::Stopped { by: "u".into() });
    let ending = live(&[fact(100, stopped.clone())]);
    let delete = Decision::Write(Write::Delete { rule: rule_arn() });
    assert_eq!(next(&ending, &with_ours(&ending), 101), delete);
    assert_eq!(next(&ending, &facts().routes, 101), Decision::Note(Fact::Ended { changed: vec![] }));
    let doubt = state(&[intent(1), fact(2, stopped)]);
    assert_eq!(next(&doubt, &facts().routes, 3), Decision::Wait { until: at(11) });
    assert_eq!(next(&doubt, &facts().routes, 11), Decision::Note(Fact::Ended { changed: vec![] }));
    let ended = live(&[fact(100, Fact::Ending(Ending::Expired)), fact(101, Fact::Ended { changed: vec![] })]);
    assert_eq!(next(&ended, &with_ours(&ended), 102), Decision::Rest(Standing::Ended(Ending::Expired)));
}

#[test]
fn the_first_reason_to_end_is_the_reason() {
    let twice =
        live(&[fact(100, Fact::Ending(Ending::Expired)), fact(101, Fact::Ending(Ending::Stopped { by: "u".into() }))]);
    assert_eq!(twice.ending.unwrap().0, Ending::Expired);
}

#[test]
fn what_others_changed_meanwhile_is_told_at_the_end() {
    let ending = live(&[fact(100, Fact::Ending(Ending::Expired))]);
    let mut routes = facts().routes;
    routes[0].route.priority = "4".to_owned();
    routes.remove(1);
    let Decision::Note(Fact::Ended { changed }) = next(&ending, &routes, 101) else { panic!("nothing is left") };
    assert_eq!(changed, ["rule 5 (api) was changed", "rule 10 (base) was deleted"]);
}

#[test]
fn a_rule_that_an_old_answer_lacks_is_not_taken_for_deleted() {
    let fresh = state(&[intent(1), fact(3, Fact::Made { index: 0, rule: rule_arn() }), fact(4, Fact::Live)]);
    assert_eq!(next(&fresh, &facts().routes, 5), Decision::Wait { until: at(13) });
    let Decision::Note(Fact::Drift { what }) = next(&fresh, &facts().routes, 13) else { panic!("it is gone") };
    assert_eq!(what, ["the rule at priority 9 is gone"]);
}

#[test]
fn a_copy_with_our_mark_and_an_edited_rule_are_drift_with_both_sides() {
    let fresh = live(&[]);
    let mut routes = with_ours(&fresh);
    let mut copy = routes[1].clone();
    copy.route.priority = "3".to_owned();
    routes.insert(0, copy);
    let Decision::Note(Fact::Drift { what }) = next(&fresh, &routes, 60) else { panic!("two bear the mark") };
    assert_eq!(what.len(), 2, "{what:?}");
    let mut edited = with_ours(&fresh);
    edited[1].route.actions = edited[2].route.actions.clone();
    let Decision::Note(Fact::Drift { what }) = next(&fresh, &edited, 60) else { panic!("it was edited") };
    assert_eq!(what, ["rule 9 (ours): it does now 1 instead of now 1 · other 1, sticky 1h"]);
    let held = live(&[fact(60, Fact::Drift { what: what.clone() })]);
    assert_eq!(next(&held, &edited, 61), Decision::Rest(Standing::Drifted(what)));
    assert_eq!(next(&held, &with_ours(&held), 90), Decision::Note(Fact::DriftOver));
    let over = live(&[fact(60, Fact::Drift { what: vec![] }), fact(601, Fact::DriftOver)]);
    assert_eq!(over.counted_until, Some(at(660)), "what was counted meanwhile does not count");
}
