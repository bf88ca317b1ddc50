//! Tables over plain values, and the loop over ports that answer from a script.

mod adopted;
mod script;

use super::*;
use crate::call::ErrorClass;
use crate::model::{Percent, Shift};
use crate::observe::{
    AlarmKind, AlarmState, DeploymentConfig, DeploymentGroup, DeploymentStatus, LifecycleEvent, ManagedDeployment,
    OldAndNew,
};

pub(super) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

pub(super) fn order() -> Order {
    Order {
        until: Until::Succeeded,
        go_on_ready: false,
        go_on_termination: false,
        alarms: vec!["errors".into()],
        allow_insufficient_data: false,
        patience: Duration::from_secs(120),
        poll: Duration::from_secs(10),
    }
}

pub(super) fn deployment(id: &str, status: DeploymentStatus) -> ManagedDeployment {
    ManagedDeployment {
        id: DeploymentId::new(id),
        run: None,
        creator: "user".into(),
        created_at: at(0),
        task_definition: None,
        status,
        stage: None,
        waits_for: None,
        wait_ends: None,
        share_ppm: None,
        events: Vec::new(),
        tasks: OldAndNew::default(),
        why: None,
        rolled_back_by: None,
        rollback_of: None,
    }
}

fn ours(status: DeploymentStatus) -> ManagedDeployments {
    ManagedDeployments { ours: Some(deployment("d-1", status)), ..ManagedDeployments::default() }
}

fn taken_back(status: DeploymentStatus) -> ManagedDeployments {
    ManagedDeployments { rollback: Some(deployment("d-2", status)), ..ours(DeploymentStatus::Stopped) }
}

pub(super) fn alarm(state: AlarmState, turned: i64) -> AlarmSnapshot {
    AlarmSnapshot {
        name: "errors".into(),
        kind: AlarmKind::Metric,
        state,
        transitioned_at: Some(at(turned)),
        reason: "threshold crossed".into(),
        definition: String::new(),
        window_seconds: 60,
        dimensions: Vec::new(),
    }
}

pub(super) fn error(class: ErrorClass) -> CallError {
    CallError { operation: "codedeploy:X".into(), class, message: "words".into() }
}

fn look(second: i64, deployments: ManagedDeployments) -> Look {
    Look {
        at: at(second),
        deployments: Ok(deployments),
        alarms: Ok(vec![alarm(AlarmState::Ok, -100)]),
        histories: Vec::new(),
    }
}

fn with_alarm(state: AlarmState, turned: i64, look: Look) -> Look {
    Look { alarms: Ok(vec![alarm(state, turned)]), ..look }
}

/// What is decided after these looks, the last of which counts.
fn after(order: &Order, mut state: Followed, looks: &[Look]) -> Step {
    for look in looks {
        state.saw(order, look);
    }
    decide(order, &state, looks.last().unwrap())
}

fn decided(looks: &[Look]) -> Step {
    after(&order(), Followed::new(at(0)), looks)
}

fn started() -> Followed {
    Followed { started: Started::Sent, sent_at: Some(at(0)), ..Followed::new(at(0)) }
}

fn stopping() -> Followed {
    Followed { stop: Some(("alarm errors is red".into(), at(10))), ..started() }
}

fn outcome(step: &Step) -> Ended {
    match step {
        Step::End(end) => end.outcome,
        other => panic!("{other:?}"),
    }
}

fn why(step: &Step) -> &str {
    match step {
        Step::End(End { why, .. }) | Step::Stop { why } | Step::Wait { why } => why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn it_starts_where_nothing_is_under_way_and_all_is_clear() {
    assert_eq!(decided(&[look(0, ManagedDeployments::default())]), Step::Start);
    let foreign = ManagedDeployments {
        others: vec![deployment("d-9", DeploymentStatus::InProgress)],
        ..ManagedDeployments::default()
    };
    let step = decided(&[look(0, foreign)]);
    assert_eq!(outcome(&step), Ended::Refused);
    assert!(why(&step).contains("d-9, made by user, is under way"), "{step:?}");
}

#[test]
fn it_starts_on_no_alarm_that_is_not_clear() {
    let none = || look(0, ManagedDeployments::default());
    for state in [AlarmState::Alarm, AlarmState::InsufficientData, AlarmState::Unknown("NEW".into())] {
        assert_eq!(outcome(&decided(&[with_alarm(state.clone(), -100, none())])), Ended::Refused, "{state:?}");
    }
    let missing = Look { alarms: Ok(vec![]), ..none() };
    assert_eq!(outcome(&decided(std::slice::from_ref(&missing))), Ended::Refused);
    let lenient = Order { allow_insufficient_data: true, ..order() };
    let quiet = with_alarm(AlarmState::InsufficientData, -100, none());
    assert_eq!(after(&lenient, Followed::new(at(0)), &[quiet]), Step::Start);
    let unread = |second| Look { alarms: Err(error(ErrorClass::Throttled)), at: at(second), ..none() };
    assert!(matches!(decided(&[unread(0)]), Step::Wait { .. }));
    assert!(matches!(decided(&[unread(0), unread(119)]), Step::Wait { .. }));
    assert_eq!(outcome(&decided(&[unread(0), unread(120)])), Ended::Refused);
    assert!(matches!(decided(&[unread(0), none(), unread(120)]), Step::Wait { .. }), "an answer begins it anew");
}

#[test]
fn an_unreadable_group_is_waited_for_and_then_refused() {
    let unread = |second, class| Look { deployments: Err(error(class)), ..look(second, ManagedDeployments::default()) };
    assert!(matches!(decided(&[unread(0, ErrorClass::TimedOut)]), Step::Wait { .. }));
    let late = [unread(0, ErrorClass::TimedOut), unread(120, ErrorClass::TimedOut)];
    assert_eq!(outcome(&decided(&late)), Ended::Refused);
    assert_eq!(outcome(&decided(&[unread(0, ErrorClass::Denied)])), Ended::Refused);
}

#[test]
fn a_start_is_never_sent_twice() {
    let nothing = |second| look(second, ManagedDeployments::default());
    let unknown = Followed { started: Started::Unknown(error(ErrorClass::TimedOut)), ..started() };
    assert!(matches!(after(&order(), unknown.clone(), &[nothing(5)]), Step::Wait { .. }));
    let step = after(&order(), unknown.clone(), &[nothing(120)]);
    assert_eq!(outcome(&step), Ended::Held);
    assert!(why(&step).contains("not known"), "{step:?}");
    assert!(matches!(after(&order(), unknown, &[look(5, ours(DeploymentStatus::Pending))]), Step::Wait { .. }));
    let invisible = Followed { known: Some(DeploymentId::new("d-1")), ..started() };
    assert!(matches!(after(&order(), invisible.clone(), &[nothing(119)]), Step::Wait { .. }));
    assert_eq!(outcome(&after(&order(), invisible, &[nothing(120)])), Ended::Held);
}

#[test]
fn a_refused_start_names_what_stands_in_its_way() {
    let refused = Followed { started: Started::Refused(error(ErrorClass::Invalid)), ..started() };
    let foreign = ManagedDeployments {
        others: vec![deployment("d-9", DeploymentStatus::Pending)],
        ..ManagedDeployments::default()
    };
    let step = after(&order(), refused, &[look(1, foreign)]);
    assert_eq!(outcome(&step), Ended::Refused);
    assert!(why(&step).contains("words; d-9"), "{step:?}");
}

#[test]
fn a_red_alarm_stops_it_also_while_nothing_else_can_be_read() {
    let under_way = || look(20, ours(DeploymentStatus::InProgress));
    assert!(matches!(decided(&[under_way()]), Step::Wait { .. }));
    let red = |look| with_alarm(AlarmState::Alarm, -100, look);
    assert!(matches!(decided(&[red(under_way())]), Step::Stop { .. }), "red before it began is red all the same");
    let blind = Look { deployments: Err(error(ErrorClass::Unavailable)), ..look(30, ManagedDeployments::default()) };
    assert!(matches!(decided(&[under_way(), red(blind.clone())]), Step::Stop { .. }));
    assert!(matches!(decided(&[under_way(), blind.clone()]), Step::Wait { .. }));
    let later = |second| Look { at: at(second), ..blind.clone() };
    assert_eq!(outcome(&decided(&[under_way(), later(30), later(150)])), Ended::Held);
}

#[test]
fn a_blip_is_red_where_it_was_the_deployments() {
    let history = |changes: Result<Vec<StateChange>, CallError>| Look {
        histories: vec![("errors".into(), changes)],
        ..with_alarm(AlarmState::Ok, 15, look(20, ours(DeploymentStatus::InProgress)))
    };
    let change = |second, to| StateChange { at: at(second), to };
    let blip = vec![change(12, AlarmState::Alarm), change(15, AlarmState::Ok)];
    assert!(matches!(decided(&[history(Ok(blip))]), Step::Stop { .. }));
    let older = vec![change(-5, AlarmState::Alarm), change(15, AlarmState::Ok)];
    assert!(matches!(decided(&[history(Ok(older))]), Step::Wait { .. }));
    let unread = |second| Look { at: at(second), ..history(Err(error(ErrorClass::Throttled))) };
    assert!(matches!(decided(&[unread(20)]), Step::Wait { .. }));
    assert!(matches!(decided(&[unread(20), unread(140)]), Step::Stop { .. }), "fail closed");
}

#[test]
fn alarms_that_stay_silent_stop_it() {
    let silent = |second| Look { alarms: Ok(vec![]), ..look(second, ours(DeploymentStatus::InProgress)) };
    assert!(matches!(decided(&[silent(0), silent(119)]), Step::Wait { .. }));
    assert!(matches!(decided(&[silent(0), silent(120)]), Step::Stop { .. }));
}

#[test]
fn a_stop_is_repeated_until_it_shows() {
    let looked = |second, status| vec![look(second, ours(status))];
    let wait = |step| matches!(step, Step::Wait { .. });
    assert!(wait(after(&order(), stopping(), &looked(39, DeploymentStatus::InProgress))));
    let again = after(&order(), stopping(), &looked(40, DeploymentStatus::InProgress));
    assert!(matches!(again, Step::Stop { .. }));
    assert!(wait(after(&order(), stopping(), &looked(400, DeploymentStatus::Stopping))));
}

#[test]
fn what_takes_it_back_is_followed_to_its_end() {
    use DeploymentStatus::{Failed, InProgress, Stopped, Succeeded};
    let step = after(&order(), stopping(), &[look(50, taken_back(InProgress))]);
    assert_eq!(why(&step), "d-2, which takes d-1 back");
    let step = after(&order(), stopping(), &[look(50, taken_back(Succeeded))]);
    assert_eq!((outcome(&step), why(&step)), (Ended::RolledBack, "alarm errors is red; d-2 took d-1 back"));
    for status in [Failed, Stopped] {
        assert_eq!(outcome(&after(&order(), stopping(), &[look(50, taken_back(status))])), Ended::RollbackFailed);
    }
    let blind = |second| Look { deployments: Err(error(ErrorClass::TimedOut)), ..look(second, taken_back(InProgress)) };
    let lost = [look(50, taken_back(InProgress)), blind(60), blind(180)];
    assert_eq!(outcome(&after(&order(), stopping(), &lost)), Ended::RollbackFailed);
}

#[test]
fn a_failure_without_anything_that_takes_it_back_is_told_apart() {
    let failed = |share| {
        let mut seen = ours(DeploymentStatus::Failed);
        seen.ours.as_mut().unwrap().share_ppm = share;
        seen
    };
    assert!(matches!(decided(&[look(10, failed(None))]), Step::Wait { .. }), "it may still appear");
    let late = |share| decided(&[look(10, failed(share)), look(130, failed(share))]);
    assert_eq!(outcome(&late(None)), Ended::RollbackFailed);
    assert_eq!(outcome(&late(Some(100_000))), Ended::RollbackFailed);
    assert_eq!(outcome(&late(Some(0))), Ended::RolledBack);
}

#[test]
fn success_counts_only_where_nothing_is_red() {
    let done = || look(60, ours(DeploymentStatus::Succeeded));
    assert_eq!(outcome(&decided(&[done()])), Ended::Reached(Until::Succeeded));
    assert_eq!(outcome(&decided(&[with_alarm(AlarmState::Alarm, 50, done())])), Ended::Held);
    assert_eq!(outcome(&after(&order(), stopping(), &[done()])), Ended::Held, "the stop came too late");
    assert!(matches!(decided(&[look(60, ours(DeploymentStatus::Unknown("NEW".into())))]), Step::Wait { .. }));
}

fn waiting_at(point: DeploymentWait, share: u32) -> ManagedDeployments {
    let mut seen = ours(DeploymentStatus::InProgress);
    let ours = seen.ours.as_mut().unwrap();
    (ours.waits_for, ours.wait_ends, ours.share_ppm) = (Some(point), Some(at(3600)), Some(share));
    seen
}

#[test]
fn waits_are_passed_only_by_order_and_on_clear_alarms() {
    let (ready, termination) = (DeploymentWait::Ready, DeploymentWait::Termination);
    let at_ready = || look(60, waiting_at(ready.clone(), 0));
    let step = decided(&[at_ready()]);
    assert_eq!(why(&step), format!("READY_WAIT, until {}", at(3600).strftime("%H:%M:%SZ")));
    let go_on = Order { go_on_ready: true, ..order() };
    assert_eq!(after(&go_on, started(), &[at_ready()]), Step::GoOn(ready.clone()));
    let silent = Look { alarms: Err(error(ErrorClass::Throttled)), ..at_ready() };
    assert!(matches!(after(&go_on, started(), &[silent]), Step::Wait { .. }));
    let told = |second| Followed { went_on: Some((ready.clone(), at(second))), ..started() };
    assert!(matches!(after(&go_on, told(40), &[at_ready()]), Step::Wait { .. }));
    assert_eq!(after(&go_on, told(30), &[at_ready()]), Step::GoOn(ready.clone()), "it had no effect");
    let kept = look(90, waiting_at(termination.clone(), 1_000_000));
    assert!(matches!(after(&go_on, told(80), std::slice::from_ref(&kept)), Step::Wait { .. }));
    let finish = Order { go_on_termination: true, ..go_on };
    assert_eq!(after(&finish, told(80), &[kept]), Step::GoOn(termination));
}

#[test]
fn each_point_is_reached_where_it_is() {
    let until = |until| Order { until, ..order() };
    let created = || look(5, ours(DeploymentStatus::Pending));
    assert_eq!(outcome(&after(&until(Until::Created), started(), &[created()])), Ended::Reached(Until::Created));
    for (wanted, point, share, reached) in [
        (Until::Ready, Some(DeploymentWait::Ready), 0, true),
        (Until::Ready, None, 0, false),
        (Until::Ready, None, 100_000, true),
        (Until::Shifted, None, 100_000, false),
        (Until::Shifted, None, 1_000_000, true),
        (Until::Shifted, Some(DeploymentWait::Termination), 1_000_000, true),
        (Until::Succeeded, Some(DeploymentWait::Termination), 1_000_000, false),
    ] {
        let mut seen = waiting_at(DeploymentWait::Ready, share);
        seen.ours.as_mut().unwrap().waits_for.clone_from(&point);
        let step = after(&until(wanted), started(), &[look(60, seen.clone())]);
        assert_eq!(matches!(step, Step::End(_)), reached, "{wanted:?} {point:?} {share}: {step:?}");
        let red = with_alarm(AlarmState::Alarm, 50, look(60, seen.clone()));
        assert!(matches!(after(&until(wanted), started(), &[red]), Step::Stop { .. }), "{wanted:?}");
        let silent = Look { alarms: Ok(vec![]), ..look(60, seen) };
        assert!(matches!(after(&until(wanted), started(), &[silent]), Step::Wait { .. }), "{wanted:?}");
    }
}

#[test]
fn an_older_list_does_not_hide_what_was_seen() {
    let step = decided(&[look(5, ours(DeploymentStatus::InProgress)), look(6, ManagedDeployments::default())]);
    assert!(matches!(step, Step::Wait { .. }), "{step:?}");
}

#[test]
fn news_is_what_was_not_there_before() {
    let event = |name: &str, status: &str, message: Option<&str>| LifecycleEvent {
        name: name.into(),
        status: status.into(),
        message: message.map(str::to_owned),
    };
    let mut one = ours(DeploymentStatus::Pending);
    assert_eq!(news(None, &one), ["d-1: pending, made by user"]);
    assert_eq!(news(Some(&one), &one), [""; 0]);
    let mut two = waiting_at(DeploymentWait::Ready, 0);
    two.ours.as_mut().unwrap().events =
        vec![event("BeforeInstall", "Succeeded", None), event("AllowTraffic", "Pending", None)];
    let until = at(3600).strftime("%Y-%m-%d %H:%M:%SZ");
    assert_eq!(
        news(Some(&one), &two),
        [
            "d-1: in progress".to_owned(),
            "d-1: BeforeInstall Succeeded".to_owned(),
            format!("d-1: the new version is ready and waits for traffic until {until}"),
        ]
    );
    let mut three = taken_back(DeploymentStatus::Pending);
    {
        let ours = three.ours.as_mut().unwrap();
        ours.events =
            vec![event("BeforeInstall", "Succeeded", None), event("AllowTraffic", "Failed", Some("a\u{1b}[2Jb"))];
        (ours.share_ppm, ours.why) = (Some(125_000), Some("stopped by user".into()));
    }
    assert_eq!(
        news(Some(&two), &three),
        [
            "d-1: AllowTraffic Failed: ab",
            "d-1: the new version has 12.5 % of the traffic",
            "d-1: stopped: stopped by user",
            "d-2 takes d-1 back",
            "d-2: pending, made by user",
        ]
    );
    one.ours = None;
    assert_eq!(news(None, &one), [""; 0]);
}

fn group(platform: &str) -> DeploymentGroup {
    DeploymentGroup {
        application: "app".into(),
        name: "group".into(),
        compute_platform: platform.into(),
        service: None,
        target_groups: Vec::new(),
        production_listeners: Vec::new(),
        test_listeners: Vec::new(),
        config: None,
        ready_wait_minutes: Some(30),
        termination_wait_minutes: 5,
        terminates_old: true,
        alarms: Some(vec!["theirs".into()]),
        service_role: String::new(),
    }
}

#[test]
fn documents_groups_and_configurations_have_to_fit() {
    let text = "version: 0.0\nResources: [{f: {Type: 'AWS::Lambda::Function', Properties: {Name: f, Alias: a, CurrentVersion: '1', TargetVersion: '2'}}}]";
    let target = crate::appspec::parse("f", text).unwrap().spec.target;
    let shift = Shift::Canary { first: "10%".parse::<Percent>().unwrap(), wait: Duration::from_secs(300) };
    let config =
        |platform: &str, shift| DeploymentConfig { name: "c".into(), compute_platform: platform.into(), shift };
    let fits = check(&target, &group("Lambda"), &config("Lambda", Some(shift)), &[], &order()).unwrap();
    assert_eq!(fits.notes.len(), 2, "{fits:?}");
    let unwatched = Order { alarms: vec![], go_on_ready: true, go_on_termination: true, ..order() };
    let notes = check(&target, &group("Lambda"), &config("Lambda", Some(shift)), &[], &unwatched).unwrap().notes;
    assert_eq!(notes, ["CodeDeploy watches theirs; name alarms with --alarm to watch them too"]);
    let nobody = DeploymentGroup { alarms: None, ..group("Lambda") };
    let notes = check(&target, &nobody, &config("Lambda", Some(shift)), &[], &unwatched).unwrap().notes;
    assert!(notes[0].starts_with("no alarm watches"), "{notes:?}");
    let both = check(&target, &group("ECS"), &config("ECS", Some(shift)), &[], &order()).unwrap_err();
    assert_eq!(both.len(), 2, "{both:?}");
    let still = check(&target, &group("Lambda"), &config("Lambda", None), &[], &order()).unwrap_err();
    assert_eq!(still, ["configuration c shifts no traffic"]);
    let red = [alarm(AlarmState::Alarm, 0)];
    let stopped = check(&target, &group("Lambda"), &config("Lambda", Some(shift)), &red, &order()).unwrap_err();
    assert!(stopped[0].contains("alarm errors, which is red"), "{stopped:?}");
}
