use std::time::Duration;

use super::*;
use crate::event::Look;
use crate::journal::Terminal::{Held, Promoted, Refused, RollbackFailed, RolledBack};
use crate::journal::{Body, Cause, Fact, Mutation, Purpose, Resolution, Verb};
use crate::model::{NoData, Percent};
use crate::observe::AlarmState;
use crate::view::StepState::{Done, Skipped, Stopped};
use crate::view::testing::{
    Script, actions, default_action, look, other_operator, plan, red, refused, rule, share, start,
};
use crate::view::{Phase, StepState, Tone};

fn report(script: &Script) -> Report {
    Report::from_records(&script.records, &[]).unwrap()
}

fn after(seconds: u64) -> Timestamp {
    start().checked_add(Duration::from_secs(seconds)).unwrap()
}

fn shares(points: &[Point]) -> Vec<Option<u32>> {
    points.iter().map(|point| point.ppm.map(|ppm| ppm / 10_000)).collect()
}

fn took(report: &Report, what: &str) -> Option<Duration> {
    let measure = report.measures.iter().find(|measure| measure.what.contains(what));
    measure.unwrap_or_else(|| panic!("{what} is not among {:#?}", report.measures)).took
}

fn is_unknown(report: &Report, about: About) -> bool {
    report.unknown.iter().any(|unknown| unknown.about == about)
}

/// Looks every ten seconds, from and to so many seconds after the start.
fn looks(seconds: std::ops::Range<u64>, state: &AlarmState) -> Vec<Look> {
    let one = |second| {
        let mut look = look(after(second));
        look.alarms[0].1.clone_from(state);
        look
    };
    seconds.step_by(10).map(one).collect()
}

#[test]
fn a_promotion_is_told_from_its_journal() {
    let report = report(Script::begun().promoted());
    assert_eq!((report.outcome.terminal, report.outcome.words.as_str()), (Some(Promoted), "Promoted"));
    assert_eq!((report.outcome.tone, &report.outcome.cause), (Tone::Good, &None));
    assert_eq!((report.change.old.as_str(), report.change.new.as_str()), ("frontend:41", "frontend:42"));
    assert_eq!(shares(&report.trace.set), [0, 10, 50, 100].map(Some));
    for series in &report.trace.read {
        // The last point says until when the last value is known.
        assert_eq!(shares(&series.points), [0, 10, 50, 100, 100].map(Some), "{}", series.route);
    }
    assert!(report.steps.iter().all(|step| step.step.state == StepState::Done && step.step.why.is_some()));
    assert_eq!(report.steps[1].step.why.as_deref(), Some("hold of 5m is over"));
    assert_eq!(report.steps[3].awaits, "a person: `bluegreen promote`");
    assert!(report.routes.iter().all(|route| route.end == RouteEnd::Changed && route.read_back_at.is_some()));
    assert_eq!(report.routes[0].before, "blue only");
    assert_eq!(report.routes[0].after, "blue 0 · green 100");
    assert_eq!((report.fleets.blue.desired_before, report.fleets.blue.desired_after), (4, 1));
    assert_eq!(took(&report, "waiting for people"), Some(Duration::from_secs(60)));
    let marks: Vec<MarkKind> = report.trace.marks.iter().map(|mark| mark.kind).collect();
    assert_eq!(marks, [MarkKind::Person, MarkKind::Committed, MarkKind::End]);
}

#[test]
fn a_rollback_shows_both_ways_and_how_long_the_way_back_took() {
    let report = report(Script::begun().rolled_back());
    assert_eq!(report.outcome.terminal, Some(RolledBack));
    assert!(report.outcome.cause.as_ref().unwrap().starts_with("alarm frontend-5xx is red"));
    assert_eq!(shares(&report.trace.set), [0, 10, 0].map(Some));
    assert_eq!(shares(&report.trace.read[0].points), [0, 10, 0].map(Some));
    let back = report.trace.marks.iter().find(|mark| mark.kind == MarkKind::Alarm).unwrap();
    let routed = report.trace.marks.iter().find(|mark| mark.kind == MarkKind::Restored).unwrap();
    assert_eq!(report.trace.set[2].at, back.at, "the plan wants it at once");
    assert_eq!(report.trace.read[0].points[2].at, routed.at, "it is known when it was read");
    assert_eq!(took(&report, "last route written"), Some(Duration::from_secs(2)));
    assert_eq!(took(&report, "from turning back to the baseline"), Some(Duration::from_secs(32)));
    assert_eq!(took(&report, "first seen red"), None);
    assert!(is_unknown(&report, About::Red) && is_unknown(&report, About::Observed));
    for route in &report.routes {
        assert_eq!((route.end, &route.before), (RouteEnd::Restored, &route.after), "{}", route.name);
        assert_eq!(route.read_back_at, Some(routed.at));
    }
    assert_eq!(report.routes[0].most.as_deref(), Some("blue 90 · green 10"));
    let states: Vec<StepState> = report.steps.iter().map(|step| step.step.state).collect();
    assert_eq!(states, [Done, Stopped, Skipped, Skipped, Skipped, Skipped]);
    assert!(report.steps[1].step.why.as_ref().unwrap().starts_with("the run turned back: alarm frontend-5xx"));
    let [alarm, other] = report.alarms.as_slice() else { panic!("two alarms") };
    assert_eq!((alarm.red_at, alarm.turned_back_at), (Some(back.at), Some(back.at)));
    assert_eq!(alarm.reason.as_deref(), Some("3 datapoints were greater than 5.0"));
    assert_eq!((other.red_at, other.accepted_at), (None, Some(after(2))));
}

#[test]
fn phases_follow_each_other_without_a_gap() {
    let mut script = Script::begun();
    script.holding().after(30).command(Verb::Pause).after(50).command(Verb::Promote).after(20);
    script.pass(1, "promoted").weigh(2, "50").after(60).restoring(red()).set_all(Purpose::Restore);
    script.after(30).fact(Fact::TrafficRestored).finish(Held, "so").after(600);
    script.push(Body::Resumed { operator: other_operator() });
    let report = report(&script);
    for pair in report.trace.phases.windows(2) {
        assert_eq!(pair[0].to, pair[1].from, "{pair:?}");
    }
    let paused = report.trace.phases.iter().find(|span| span.phase == Phase::Paused).unwrap();
    assert_eq!((paused.label.as_str(), paused.tone), ("paused before hold 5m", Tone::Warn));
    assert_eq!(took(&report, "waiting for people"), Some(Duration::from_secs(50 + 60)), "paused, and awaiting promote");
    assert_eq!(took(&report, "nobody at work"), Some(Duration::from_secs(600)));
    assert_eq!(report.operators.len(), 2);
}

#[test]
fn a_route_that_someone_else_changed_has_a_line_of_its_own() {
    let mut script = Script::begun();
    let found = actions(&[("front-blue", 70), ("front-green", 30)], Some(60));
    let expected = actions(&[("front-blue", 90), ("front-green", 10)], Some(60));
    script.holding().after(10).fact(Fact::Drift { route: default_action(), expected, found });
    script.finish(Held, "a route was changed by someone else");
    let held = report(&script);
    assert_eq!(shares(&held.trace.read[0].points), [0, 10].map(Some));
    assert_eq!(shares(&held.trace.read[1].points), [0, 10, 30].map(Some));
    assert_eq!(held.routes[0].end, RouteEnd::Unverified, "no record says how the other was left");
    assert_eq!((held.routes[1].end, held.routes[1].read_back_at), (RouteEnd::Foreign, None));
    assert!(held.routes[1].after.contains("blue 70 · green 30"));
    script.after(60).command(Verb::Abort).restoring(Cause::Abort("eve".into())).set_all(Purpose::Restore);
    script.after(30).fact(Fact::TrafficRestored);
    let back = report(&script);
    assert!(back.routes.iter().all(|route| route.end == RouteEnd::Restored));
    assert_eq!(shares(&back.trace.read[1].points), [0, 10, 30, 0].map(Some));
}

#[test]
fn looks_tell_what_was_observed_and_when_an_alarm_turned() {
    let mut script = Script::begun();
    script.rolled_back();
    let back = script.records.iter().find(|record| record.body == Body::Fact(Fact::Restoring(red()))).unwrap().at;
    let second = u64::try_from(back.duration_since(start()).as_secs()).unwrap();
    let mut seen = looks(0..second - 20, &AlarmState::Ok);
    seen.extend(looks(second - 12..second - 2, &AlarmState::Alarm));
    let mut late = look(after(second + 10));
    late.alarms.clear();
    late.observed = None;
    late.configured.clear();
    seen.push(late);
    let report = Report::from_records(&script.records, &seen).unwrap();
    assert_eq!(shares(&report.trace.observed), [Some(9), None]);
    assert!(!is_unknown(&report, About::Observed) && !is_unknown(&report, About::Alarms));
    assert!(!is_unknown(&report, About::Red));
    let alarm = &report.alarms[0];
    let states: Vec<Option<AlarmState>> = alarm.states.iter().map(|span| span.state.clone()).collect();
    assert_eq!(states, [Some(AlarmState::Ok), Some(AlarmState::Alarm)]);
    assert_eq!(alarm.red_at, Some(after(second - 12)));
    assert_eq!(alarm.states[1].to, after(second - 12), "a look that asked for no alarm says nothing");
    assert!(alarm.green_until < alarm.red_at && alarm.green_until.is_some());
    assert_eq!(took(&report, "first seen red"), Some(Duration::from_secs(12)));
    assert!(took(&report, "last seen green").is_some());
}

#[test]
fn an_alarm_that_may_be_red_at_the_start_counts_when_it_turns_again() {
    let mut plan = plan();
    plan.alarm_policy.allow_red = vec!["frontend-5xx".to_owned()];
    plan.alarm_policy.insufficient_data = NoData::Allow;
    let mut script = Script::new(plan);
    script.ready();
    let mut seen = looks(0..30, &AlarmState::Alarm);
    let alarms = |seen: &[Look]| Report::from_records(&script.records, seen).unwrap().alarms;
    assert_eq!((alarms(&seen)[0].red_at, alarms(&seen)[0].allowed_red), (None, true));
    seen.extend(looks(30..60, &AlarmState::Ok));
    seen.extend(looks(60..90, &AlarmState::Alarm));
    assert_eq!(alarms(&seen)[0].red_at, Some(after(60)));
}

#[test]
fn what_was_not_sent_exposed_nobody() {
    let what = "from the start to the first traffic";
    let step = Mutation::SetActions {
        route: rule(),
        actions: actions(&[("front-blue", 90), ("front-green", 10)], None),
        purpose: Purpose::Step(share("10")),
    };
    let with = |resolution: Resolution| {
        let mut script = Script::begun();
        script.ready().intend(step.clone(), "the canary gets 10%").resolve(resolution);
        report(&script)
    };
    let exposed = |report: &Report| report.measures.iter().any(|measure| measure.what.contains("on trial"));
    for unsent in [Resolution::Withheld { why: "red".into() }, Resolution::NotApplied(refused())] {
        let report = with(unsent);
        assert_eq!((took(&report, what), exposed(&report)), (None, false));
    }
    let doubtful = with(Resolution::Unknown(refused()));
    assert_eq!((took(&doubtful, what), exposed(&doubtful)), (None, true), "it may have been");
    let mut killed = Script::begun();
    killed.ready().intend(step.clone(), "").after(60).push(Body::Resumed { operator: other_operator() });
    assert!(exposed(&report(&killed)), "it may have been");
    let sent = with(Resolution::Applied { task_definition: None });
    assert!(took(&sent, what).is_some() && exposed(&sent));
}

#[test]
fn a_refused_run_wrote_nothing() {
    let report = report(Script::begun().after(2).finish(Refused, "alarm frontend-5xx is red"));
    assert!(report.routes.iter().all(|route| route.end == RouteEnd::Untouched && route.written_at.is_none()));
    assert!(report.steps.iter().all(|step| step.step.state == StepState::Skipped));
    assert!(!is_unknown(&report, About::Observed), "there was nothing to observe");
    assert_eq!(shares(&report.trace.set), [Some(0)]);
}

#[test]
fn a_rollback_that_was_not_read_back_is_not_called_restored() {
    let mut script = Script::begun();
    script.holding().restoring(red()).set_all(Purpose::Restore).finish(RollbackFailed, "the routes cannot be read");
    let report = report(&script);
    assert!(report.routes.iter().all(|route| route.end == RouteEnd::Unverified));
    assert_eq!(took(&report, "from turning back to the baseline"), None);
    assert_eq!(shares(&report.trace.read[0].points), [0, 10].map(Some), "nobody has seen it back");
}

#[test]
fn traffic_is_put_in_order_and_no_longer_unknown() {
    let point =
        |second, version: &str| TrafficPoint { at: after(second), version: version.to_owned(), requests: 1, errors: 0 };
    let report = report(Script::begun().holding());
    assert!(
        is_unknown(&report, About::Requests) && is_unknown(&report.clone().with_traffic(Vec::new()), About::Requests)
    );
    let report = report.with_traffic(vec![point(2, "green"), point(1, "gr\u{1b}[1meen"), point(2, "blue")]);
    assert!(!is_unknown(&report, About::Requests));
    let order: Vec<(Timestamp, &str)> = report.traffic.iter().map(|point| (point.at, point.version.as_str())).collect();
    assert_eq!(order, [(after(1), "green"), (after(2), "blue"), (after(2), "green")]);
}

#[test]
fn every_beginning_of_a_journal_has_its_report_and_no_secret() {
    let mut scripts = [Script::begun(), Script::begun()];
    scripts[0].promoted();
    scripts[1].rolled_back();
    for script in scripts {
        for length in 1..=script.records.len() {
            let report = Report::from_records(&script.records[..length], &looks(0..100, &AlarmState::Ok)).unwrap();
            let json = serde_json::to_string(&report).unwrap();
            assert!(!json.contains("s3cret"), "{json}");
            assert!(report.trace.phases.iter().all(|span| span.from <= span.to));
        }
    }
    assert_eq!(Report::from_records(&[], &[]), Err(FoldError::NoStart));
}

#[test]
fn lengths_are_text_with_units_in_json() {
    let report = report(Script::begun().rolled_back());
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["version"], REPORT_VERSION);
    assert!(json["measures"][0]["took"].as_str().unwrap().ends_with('s'), "{}", json["measures"][0]);
    assert_eq!(json["routes"][0]["end"], "restored");
    assert!(json.get("traffic").is_none(), "nobody counted it");
    assert_eq!(json["trace"]["set"][1]["ppm"], u32::from(Percent::FULL.tenths()) * 100);
}

#[test]
fn a_control_fleet_is_one_more_fleet() {
    let mut plan = crate::view::testing::plan();
    let service = crate::plan::ServiceBaseline { name: "front-control".into(), ..plan.canary_baseline().clone() };
    let group = crate::view::testing::group("front-control");
    plan.control = Some(crate::plan::ControlFleet { service, group });
    let mut script = Script::new(plan);
    let change = crate::ports::ServiceChange {
        color: Color::Blue,
        task_definition: Some(crate::view::testing::revision("frontend:41")),
        desired: Some(4),
    };
    let report = report(script.intend(crate::journal::Mutation::UpdateControl(change), "").applied());
    let control = report.control.unwrap();
    assert_eq!((control.role, control.service.as_str()), (crate::model::Role::Control, "front-control"));
    assert_eq!((control.desired_before, control.desired_after), (0, 4));
}
