//! The view, next commands, sentences and histories of whole runs.

use super::StepState::{Current, Done, Pending, Skipped, Stopped};
use super::testing::*;
use super::*;
use crate::event::Look;
use crate::journal::{Cause, Mutation, Purpose, Resolution, Terminal, Verb};
use crate::model::AfterCommit;
use crate::observe::AlarmState;
use crate::ports::{CallError, ErrorClass};

mod fresh;
mod history;
mod managed;

fn view(script: &Script) -> RunView {
    RunView::from_records(&script.records).unwrap()
}

fn commands(view: &RunView) -> Vec<&str> {
    let run = view.run.as_str();
    view.next
        .iter()
        .map(|next| next.command.strip_prefix("bluegreen ").unwrap())
        .map(|c| c.trim_end_matches(run))
        .collect()
}

fn states(view: &RunView) -> Vec<StepState> {
    view.steps.iter().map(|step| step.state).collect()
}

#[test]
fn phases_follow_one_another() {
    let mut plan = plan();
    plan.baseline.test_route = Some(plan.baseline.routes.remove(1));
    let hook = plan.pre_traffic[0].clone();
    let mut script = Script::new(plan);
    let phase = |script: &Script| view(script).phase;
    assert_eq!(phase(&script), Phase::Preparing);
    assert_eq!(phase(script.fact(Fact::GreenAtStart)), Phase::Attaching);
    assert_eq!(phase(script.fact(Fact::Attached)), Phase::Registering);
    assert_eq!(phase(script.fact(Fact::TaskDefinition(revision("frontend:42")))), Phase::Filling);
    assert_eq!(phase(script.fact(Fact::CanaryHealthy { healthy: 4 })), Phase::SmokeTest);
    assert_eq!(phase(script.fact(Fact::TestRouteReady)), Phase::SmokeTest);
    assert_eq!(phase(script.intend(Mutation::RunHook(0, hook), "").applied()), Phase::Step);
    assert_eq!(phase(script.fact(Fact::StepVerified(0))), Phase::Holding);
    assert_eq!(phase(script.command(Verb::Pause)), Phase::Paused);
    assert_eq!(phase(script.command(Verb::Promote)), Phase::Holding);
    // A canary that becomes unhealthy later does not throw the run back to its beginning.
    assert_eq!(phase(script.fact(Fact::CanaryUnhealthy { seen: "3 of 4".into() })), Phase::Holding);
    assert_eq!(phase(script.pass(1, "over").fact(Fact::StepVerified(2))), Phase::AwaitingPromote);
    assert_eq!(phase(script.pass(3, "promoted").fact(Fact::StepVerified(4))), Phase::Baking);
    assert_eq!(phase(script.pass(5, "over")), Phase::Committing);
    assert_eq!(phase(script.fact(Fact::Committed)), Phase::Draining);
    assert_eq!(phase(script.fact(Fact::OldFleetSettled)), Phase::Committing);
    assert_eq!(phase(script.finish(Terminal::Promoted, "so")), Phase::Ended);
}

#[test]
fn a_fleet_that_stays_warm_is_not_drained() {
    let mut plan = plan();
    plan.after = AfterCommit::KeepWarm;
    let mut script = Script::new(plan);
    script.baking().pass(5, "over").fact(Fact::Committed);
    assert_eq!(view(&script).phase, Phase::Committing);
}

#[test]
fn the_way_back_has_its_own_phases() {
    let mut script = Script::begun();
    script.holding().restoring(red());
    assert_eq!(view(&script).phase, Phase::RollingBack);
    script.fact(Fact::TrafficRestored);
    assert_eq!(view(&script).phase, Phase::ScalingBack);
}

#[test]
fn a_hold_is_shown_with_its_end() {
    let mut script = Script::begun();
    script.holding();
    let began = script.now;
    script.after(100);
    let view = view(&script);
    let end = began.checked_add(Duration::from_secs(300)).unwrap();
    assert_eq!(view.headline, "Holding, step 2 of 6 (hold 5m)");
    assert_eq!(states(&view), [Done, Current, Pending, Pending, Pending, Pending]);
    let step = view.current_step().unwrap();
    assert_eq!((step.number, step.label.as_str(), step.began_at, step.ends), (2, "hold 5m", Some(began), Some(end)));
    assert_eq!(view.wait, Some(Wait { why: "hold 5m".into(), since: began, ends: Some(end), look_at: None }));
    assert_eq!((view.set, view.phase_since), (share("10"), began));
    assert_eq!(
        view.age(script.now),
        Duration::from_secs(u64::try_from(script.now.as_second() - start().as_second()).unwrap())
    );
}

#[test]
fn set_and_configured_and_observed_shares_are_three_things() {
    let mut script = Script::begun();
    script.holding();
    let mut view = view(&script);
    let names: Vec<&str> = view.routes.iter().map(|route| route.name.as_str()).collect();
    assert_eq!(names, ["rule 9683b2d02a6cabee", "listener f2f7dc8efc522ab2"]);
    assert_eq!((view.routes[0].written.as_str(), view.routes[0].written_ppm), ("blue 90 · green 10", Some(100_000)));
    assert_eq!((view.routes[0].configured_ppm, view.observed, view.looked_at), (None, None, None));
    let mut seen = look(script.now);
    seen.configured[1].1 = Some(300_000);
    view.apply(&Event::Looked(Box::new(seen))).unwrap();
    assert_eq!((view.set, view.observed, view.looked_at), (share("10"), Some(98_000), Some(script.now)));
    assert_eq!(view.routes.iter().map(|r| r.configured_ppm).collect::<Vec<_>>(), [Some(100_000), Some(300_000)]);
    // The next look could not read the routes: nothing old is shown as new.
    let blind = Look { configured: vec![], tasks: None, ..look(script.now) };
    view.apply(&Event::Looked(Box::new(blind))).unwrap();
    assert_eq!(view.routes[0].configured_ppm, None);
    assert_eq!((view.fleets.green.desired, view.fleets.green.running), (4, None));
}

#[test]
fn fleets_have_roles_revisions_and_counts() {
    let mut script = Script::begun();
    let at_start = view(&script);
    assert_eq!((at_start.fleets.green.task_definition.as_str(), at_start.fleets.green.desired), ("frontend:41", 0));
    assert_eq!(at_start.release, "a new revision of frontend");
    script.holding();
    let mut view = view(&script);
    assert_eq!(view.release, "frontend:42");
    let green = &view.fleets.green;
    assert_eq!((green.role, green.desired, green.running), (crate::model::Role::Canary, 4, None));
    assert_eq!((green.task_definition.as_str(), green.target_group.as_str()), ("frontend:42", "front-green"));
    let seen = Look { tasks: Some(ByColor { blue: (4, 4), green: (4, 3) }), ..look(script.now) };
    view.apply(&Event::Looked(Box::new(seen))).unwrap();
    assert_eq!((view.fleets.green.running, view.fleets.green.health.unwrap().healthy), (Some(3), 4));
    // A record in between does not throw away what was seen.
    script.after(1).command(Verb::Pause);
    view.apply(&Event::Recorded(Box::new(script.last().clone()))).unwrap();
    assert_eq!((view.fleets.green.running, view.routes[0].configured_ppm), (Some(3), Some(100_000)));
}

#[test]
fn alarms_keep_what_was_last_seen_and_when() {
    let mut script = Script::begun();
    script.holding();
    let mut view = view(&script);
    let states = |view: &RunView| view.alarms.iter().map(|a| (a.state.clone(), a.seen_at)).collect::<Vec<_>>();
    assert_eq!(states(&view), [(None, None), (None, None)]);
    let first = script.now;
    view.apply(&Event::Looked(Box::new(look(first)))).unwrap();
    let later = script.after(10).now;
    view.apply(&Event::Looked(Box::new(Look { alarms: vec![], ..look(later) }))).unwrap();
    assert_eq!(states(&view), [(Some(AlarmState::Ok), Some(first)), (Some(AlarmState::Ok), Some(first))]);
    let one = vec![("frontend-5xx".to_owned(), AlarmState::Alarm)];
    view.apply(&Event::Looked(Box::new(Look { alarms: one, ..look(later) }))).unwrap();
    assert_eq!(states(&view), [(Some(AlarmState::Alarm), Some(later)), (None, Some(later))]);
}

#[test]
fn a_wait_lasts_as_long_as_its_reason() {
    let mut script = Script::begun();
    script.holding();
    let began = script.now;
    let mut view = view(&script);
    let mut wait = |script: &mut Script, why: &str| {
        let at = script.after(10).now;
        let until = at.checked_add(Duration::from_secs(10)).unwrap();
        view.apply(&Event::Waiting { at, until, why: why.into() }).unwrap();
        let wait = view.wait.clone().unwrap();
        assert_eq!(wait.look_at, Some(until));
        (at, wait)
    };
    let end = began.checked_add(Duration::from_secs(300)).unwrap();
    let (first, told) = wait(&mut script, "hold of 5m");
    assert_eq!((told.since, told.ends), (first, Some(end)));
    let (_, told) = wait(&mut script, "hold of 5m");
    assert_eq!(told.since, first, "the same wait goes on");
    let (now, told) = wait(&mut script, &format!("{} to show the last write", rule()));
    assert_eq!((told.since, told.why.as_str()), (now, "rule 9683b2d02a6cabee to show the last write"));
    script.command(Verb::Pause);
    view.apply(&Event::Recorded(Box::new(script.last().clone()))).unwrap();
    assert_eq!(view.wait.unwrap().why, "paused by eve@desk pid 9: `promote` goes on");
}

#[test]
fn a_closed_gate_is_what_a_run_waits_for() {
    let mut script = Script::begun();
    let why = "alarm frontend-5xx has insufficient data";
    script.holding().after(20).fact(Fact::GateClosed { why: why.into() });
    let closed = script.now;
    let mut view = view(&script);
    assert_eq!(view.gate, Some(GateView { why: why.into(), since: closed }));
    assert_eq!(view.tone, Tone::Warn);
    let at = script.after(10).now;
    view.apply(&Event::Waiting { at, until: at, why: why.into() }).unwrap();
    let wait = view.wait.clone().unwrap();
    assert_eq!((wait.why.as_str(), wait.since, wait.ends), (why, closed, None));
    script.fact(Fact::GateOpened);
    view.apply(&Event::Recorded(Box::new(script.last().clone()))).unwrap();
    assert_eq!((view.gate, view.tone), (None, Tone::Plain));
}

#[test]
fn a_rollback_leaves_the_steps_as_they_were() {
    let mut script = Script::begun();
    script.rolled_back();
    let view = view(&script);
    assert_eq!(states(&view), [Done, Stopped, Skipped, Skipped, Skipped, Skipped]);
    assert_eq!((view.set, view.headline.as_str(), view.tone), (Percent::ZERO, "RolledBack", Tone::Warn));
    assert_eq!(view.outcome().unwrap().terminal, Terminal::RolledBack);
    let GoalView::Restore { cause, since } = &view.goal else { panic!() };
    assert_eq!(cause, "alarm frontend-5xx is red: 3 datapoints were greater than 5.0");
    assert_eq!(view.steps[1].ended_at, Some(*since));
    assert_eq!((view.routes[0].written.as_str(), view.wait.clone()), ("blue only", None));
    assert_eq!((view.fleets.green.task_definition.as_str(), view.fleets.green.desired), ("frontend:41", 0));
    assert_eq!(
        view.age(Timestamp::MAX),
        Duration::from_secs(u64::try_from(script.now.as_second() - start().as_second()).unwrap())
    );
}

#[test]
fn a_promoted_run_has_done_all_its_steps() {
    let mut script = Script::begun();
    script.promoted();
    let view = view(&script);
    assert_eq!(states(&view), [Done; 6]);
    assert_eq!((view.set, view.tone), (Percent::FULL, Tone::Good));
    assert_eq!(view.steps[3].why.as_deref(), Some("promoted by eve@desk pid 9"));
    assert_eq!((view.routes[1].written.as_str(), view.fleets.blue.desired), ("blue 0 · green 100", 1));
}

#[test]
fn drift_shows_both_sides() {
    let mut script = Script::begun();
    let found = actions(&[("front-blue", 70), ("front-green", 30)], None);
    let expected = actions(&[("front-blue", 90), ("front-green", 10)], None);
    script.holding().fact(Fact::Drift { route: rule(), expected, found });
    let view = view(&script);
    let drift = &view.drift[0];
    assert_eq!((drift.expected.as_str(), drift.found.as_str()), ("blue 90 · green 10", "blue 70 · green 30"));
    assert_eq!((drift.route.as_str(), drift.arn.as_str()), ("rule 9683b2d02a6cabee", rule().arn()));
    assert_eq!(drift.both, "expected blue 90 · green 10, found blue 70 · green 30");
}

#[test]
fn events_and_records_make_the_same_view() {
    let mut script = Script::begun();
    script.promoted();
    let mut followed = None;
    RunView::follow(&mut followed, &Event::Warning { at: start(), text: "early".into() }).unwrap();
    assert_eq!(followed, None);
    for record in &script.records {
        let event = Event::Recorded(Box::new(record.clone()));
        RunView::follow(&mut followed, &event).unwrap();
        RunView::follow(&mut followed, &event).unwrap();
    }
    assert_eq!(followed.unwrap(), view(&script));
    let gap = Event::Recorded(Box::new(script.records[3].clone()));
    let mut early = RunView::from_records(&script.records[..2]).unwrap();
    assert_eq!(early.apply(&gap), Err(FoldError::Gap { expected: 2, found: 3 }));
    assert_eq!(RunView::from_records(&[]).unwrap_err(), FoldError::NoStart);
}

#[test]
fn warnings_are_kept_few_and_clean() {
    let mut view = view(&Script::begun());
    for n in 0..7 {
        view.apply(&Event::Warning { at: start(), text: format!("no. {n}\u{1b}[2J {}", rule().arn()) }).unwrap();
    }
    let error = CallError { operation: "x".into(), class: ErrorClass::Throttled, message: "slow".into() };
    view.apply(&Event::ReadFailed { at: start(), error }).unwrap();
    let texts: Vec<&str> = view.warnings.iter().map(|warning| warning.text.as_str()).collect();
    assert_eq!(texts.len(), 5);
    assert_eq!((texts[0], texts[4]), ("no. 3 9683b2d02a6cabee", "a read failed: x throttled: slow"));
}

#[test]
fn a_live_run_names_what_fits_its_phase() {
    let mut script = Script::begun();
    script.holding();
    let next = |script: &Script, alive| {
        let mut view = view(script);
        view.set_operator_alive(alive);
        view.next.iter().map(|next| next.command.replace(&format!(" {}", view.run), "")).collect::<Vec<_>>()
    };
    let all = ["bluegreen promote", "bluegreen promote --full", "bluegreen pause", "bluegreen abort"];
    assert_eq!(next(&script, Some(true)), [all.as_slice(), &["bluegreen status --watch"]].concat());
    assert_eq!(next(&script, Some(false)), [&["bluegreen resume"], all.as_slice()].concat());
    script.command(Verb::Pause);
    assert_eq!(next(&script, Some(false)), ["bluegreen resume", all[0], all[1], all[3]]);
    let view = view(&script);
    assert_eq!(view.next[1].command, format!("bluegreen promote {}", view.run));
    assert_eq!(view.next[2].command, format!("bluegreen promote {} --full", view.run));
    script.restoring(red());
    assert_eq!(next(&script, Some(true)), ["bluegreen status --watch"]);
    assert_eq!(next(&script, Some(false)), ["bluegreen resume"]);
}

#[test]
fn whoever_is_stuck_is_told_the_way_out() {
    for (terminal, first) in [
        (Terminal::Held, "abort "),
        (Terminal::RollbackFailed, "resume "),
        (Terminal::Promoted, "undo "),
        (Terminal::RolledBack, "explain "),
        (Terminal::Aborted, "explain "),
        (Terminal::Refused, "explain "),
    ] {
        let mut script = Script::begun();
        script.holding().finish(terminal, "so");
        assert_eq!(commands(&view(&script))[0], first, "{terminal}");
    }
    // The order that leads out really does: an abort re-opens a held run.
    let mut script = Script::begun();
    script.holding().finish(Terminal::Held, "so").command(Verb::Abort);
    assert_eq!(view(&script).outcome(), None);
    let mut script = Script::begun();
    script.baking().pass(5, "over").fact(Fact::Committed).finish(Terminal::Held, "promoted, but");
    assert_eq!(commands(&view(&script)), ["undo ", "abort ", "explain "]);
    let mut script = Script::begun();
    script.baking().pass(5, "over").fact(Fact::Committed);
    assert_eq!(commands(&view(&script)), ["resume ", format!("status {} --watch", plan().run).as_str()]);
}

#[test]
fn a_failure_and_a_doubt_are_shown() {
    let mut script = Script::begun();
    script.holding().set_one(&rule(), actions(&[("front-blue", 1)], None), Purpose::Step(share("50")));
    script.resolve(Resolution::Unknown(refused()));
    let view = view(&script);
    let failure = view.failure.unwrap();
    assert_eq!(failure, "elbv2:ModifyRule denied: AccessDenied: not authorized on 9683b2d02a6cabee");
    assert_eq!(view.tone, Tone::Warn);
}

#[test]
fn the_json_form_has_what_scripts_need_and_no_secrets() {
    let mut script = Script::begun();
    script.holding();
    let mut view = view(&script);
    view.apply(&Event::Looked(Box::new(look(script.now)))).unwrap();
    let json = serde_json::to_value(&view).unwrap();
    assert_eq!(json["version"], 1);
    assert_eq!(json["phase"], "holding");
    assert_eq!(json["steps"][1]["state"], "current");
    assert_eq!(json["routes"][0]["configuredPpm"], 100_000);
    assert_eq!(json["fleets"]["green"]["role"], "canary");
    assert_eq!(json["outcome"], serde_json::Value::Null);
    assert!(!json.to_string().contains("s3cret"), "{json}");
}

#[test]
fn an_abort_by_a_person_is_not_shown_as_an_accident() {
    let mut script = Script::begun();
    script.holding().restoring(Cause::Abort("eve".into()));
    let told = Narrator::after(&script.records[..script.records.len() - 1]).tell(script.last()).unwrap();
    assert_eq!(told.tone, Tone::Warn);
}
