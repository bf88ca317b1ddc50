//! What is told of a run, line by line.

use super::*;
use crate::journal::{Mutation, Operator};

fn told(script: &Script) -> Told {
    let (last, before) = script.records.split_last().unwrap();
    Narrator::after(before).tell(last).unwrap()
}

fn text(script: &Script) -> String {
    told(script).to_string()
}

fn lines(script: &Script) -> Vec<String> {
    explain(&script.records).iter().map(|line| line.to_string().trim_start().to_owned()).collect()
}

#[test]
fn a_rollback_from_beginning_to_end() {
    let mut script = Script::begun();
    script.rolled_back();
    let expected = "\
        +0s  run 20261123t060512z-frontend-1a2b3c begins: a new revision of frontend on green, by ann@desk (pid 4711)\n\
        +2s  every alarm is acceptable at the start\n\
        +2s  attaching rule 9683b2d02a6cabee at blue 100 · green 0: both groups need explicit weights (1s)\n\
        +3s  attaching listener f2f7dc8efc522ab2 at blue 100 · green 0: both groups need explicit weights (1s)\n\
        +7s  both groups are attached on every route\n\
        +7s  registering a new revision of frontend: frontend has no revision of this run\n\
        +8s  registered frontend:42 (1s)\n\
        +8s  asking frontend-green for 4 tasks of frontend:42 (1s)\n\
        +1m29s  green is healthy: 4 targets\n\
        +1m29s  running hook 1 of 1, ./smoke.sh\n\
        +1m30s  hook 1 of 1 passed (1s)\n\
        +1m30s  setting rule 9683b2d02a6cabee to blue 90 · green 10: the canary gets 10% (1s)\n\
        +1m31s  setting listener f2f7dc8efc522ab2 to blue 90 · green 10: the canary gets 10% (1s)\n\
        +1m36s  step 1 of 6: green has 10%, read back on every route (6s)\n\
        +3m16s  going back to the baseline: alarm frontend-5xx is red: 3 datapoints were greater than 5.0\n\
        +3m16s  restoring rule 9683b2d02a6cabee to blue only: the baseline comes back (1s)\n\
        +3m17s  restoring listener f2f7dc8efc522ab2 to blue only: the baseline comes back (1s)\n\
        +3m48s  the baseline is back on every route, read back (32s)\n\
        +9m48s  asking frontend-green for 0 tasks of frontend:41 (1s)\n\
        +10m24s  green is back at its own baseline\n\
        +10m24s  RolledBack after 10m24s: the baseline was restored and read back; alarm frontend-5xx is red";
    assert_eq!(lines(&script).join("\n"), expected);
}

#[test]
fn a_promotion_tells_steps_with_their_reasons() {
    let mut script = Script::begun();
    script.promoted();
    let lines = lines(&script);
    let tail = &lines[14..];
    assert_eq!(tail[0], "+6m36s  step 2 of 6 is over: hold of 5m is over (5m)");
    assert_eq!(tail[4], "+7m42s  `promote` from eve@desk pid 9");
    assert_eq!(tail[5], "+7m42s  step 4 of 6 is over: promoted by eve@desk pid 9 (1m)");
    assert_eq!(tail[10], "+22m48s  committed: frontend:42 has all traffic, read back and healthy");
    assert_eq!(tail[11], "+28m48s  asking frontend-blue for 1 task (1s)");
    let explained = explain(&script.records);
    let line = explained.iter().find(|line| line.text.contains("green has 50%")).unwrap();
    assert_eq!((line.phase, line.step, line.tone), (Phase::AwaitingPromote, Some(4), Tone::Good));
    let sent = explained.iter().find(|line| line.text.starts_with("setting rule")).unwrap();
    assert_eq!((sent.took, sent.phase, sent.step), (Some(Duration::from_secs(1)), Phase::Step, Some(1)));
    let json = serde_json::to_value(line).unwrap();
    assert_eq!(
        (&json["took"], &json["phase"], &json["elapsed"]),
        (&"6s".into(), &"awaitingPromote".into(), &"6m42s".into())
    );
}

fn resolved(resolution: Resolution) -> Script {
    let mut script = Script::begun();
    let target = actions(&[("front-blue", 90), ("front-green", 10)], None);
    script.ready().set_one(&rule(), target, Purpose::Step(share("10"))).resolve(resolution);
    script
}

#[test]
fn outcomes_say_what_did_not_happen() {
    let error = "elbv2:ModifyRule denied: AccessDenied: not authorized on 9683b2d02a6cabee";
    assert_eq!(
        text(&resolved(Resolution::NotApplied(refused()))),
        format!("rule 9683b2d02a6cabee was not changed: {error}")
    );
    assert_eq!(
        text(&resolved(Resolution::Unknown(refused()))),
        format!("it is not known whether rule 9683b2d02a6cabee was changed: {error}")
    );
    assert_eq!(
        text(&resolved(Resolution::Withheld { why: "alarm frontend-5xx is red".into() })),
        "rule 9683b2d02a6cabee was not changed, nothing was sent: alarm frontend-5xx is red"
    );
    let plain = resolved(Resolution::Applied { task_definition: None });
    let (last, before) = plain.records.split_last().unwrap();
    assert_eq!(Narrator::after(before).tell(last), None);
    for bad in [Resolution::NotApplied(refused()), Resolution::Withheld { why: String::new() }] {
        let script = resolved(bad);
        assert_eq!(told(&script).tone, Tone::Warn);
        // The line of the intent must not look as if it had passed.
        let lines = explain(&script.records);
        assert_eq!(lines[lines.len() - 2].took, None);
        assert_eq!(lines[lines.len() - 1].took, Some(Duration::from_secs(1)));
    }
}

#[test]
fn a_hook_is_told_without_its_arguments_and_by_its_last_words() {
    let mut script = Script::begun();
    let hook = script.plan.pre_traffic[0].clone();
    script.intend(Mutation::RunHook(0, hook), "hook 1 of 1");
    assert_eq!(text(&script), "running hook 1 of 1, ./smoke.sh");
    script.resolve(Resolution::HookFailed { output: "starting\nexpected 200, got \u{1b}[31m503\u{1b}[0m\n\n".into() });
    assert_eq!(text(&script), "hook 1 of 1 failed: expected 200, got 503");
    assert_eq!(told(&script).tone, Tone::Bad);
    assert!(lines(&script).iter().all(|line| !line.contains("s3cret")));
}

#[test]
fn a_takeover_says_what_is_in_doubt() {
    let mut script = Script::begun();
    script.ready().push(Body::Resumed { operator: other_operator() });
    assert_eq!(text(&script), "resumed by bob@ci (pid 12)");
    let target = actions(&[("front-blue", 90), ("front-green", 10)], None);
    script.set_one(&rule(), target, Purpose::Step(share("10")));
    script.push(Body::Resumed { operator: Operator { pid: 13, ..other_operator() } });
    assert_eq!(text(&script), "resumed by bob@ci (pid 13): it is not known whether rule 9683b2d02a6cabee was changed");
    script.restoring(red()).finish(Terminal::RollbackFailed, "so").push(Body::Resumed { operator: operator() });
    assert_eq!(text(&script), "resumed by ann@desk (pid 4711): it had ended as RollbackFailed");
}

#[test]
fn drift_and_gates_are_told_in_full() {
    let mut script = Script::begun();
    let found = actions(&[("front-blue", 70), ("front-green", 30)], None);
    let expected = actions(&[("front-blue", 90), ("front-green", 10)], None);
    script.holding().fact(Fact::Drift { route: rule(), expected, found });
    assert_eq!(
        text(&script),
        "rule 9683b2d02a6cabee was changed by someone else: expected blue 90 · green 10, found blue 70 · green 30"
    );
    script.fact(Fact::GateClosed { why: "alarms cannot be read: throttled".into() });
    assert_eq!(text(&script), "gate closed, nothing moves forward: alarms cannot be read: throttled");
    script.after(35).fact(Fact::GateOpened);
    assert_eq!(text(&script), "gate open again after 35s");
    script.finish(Terminal::Held, &format!("{} was changed by someone else", rule()));
    assert!(text(&script).ends_with(": rule 9683b2d02a6cabee was changed by someone else"), "{}", text(&script));
}

#[test]
fn words_from_outside_cannot_play_with_the_terminal() {
    let mut script = Script::begun();
    let reason = "\u{1b}]0;owned\u{7}x\r\nover 5".to_owned();
    script.holding().restoring(Cause::AlarmRed { alarm: "a".into(), reason });
    let text = text(&script);
    assert!(!text.contains(|c: char| c.is_control()), "{text:?}");
    assert!(text.starts_with("going back to the baseline: alarm a is red: "), "{text}");
}

#[test]
fn a_journal_that_does_not_fold_is_told_as_far_as_it_goes() {
    let mut script = Script::begun();
    script.holding();
    script.records.remove(5);
    assert_eq!(explain(&script.records).len(), 4, "a plain success has no line of its own");
    assert_eq!(explain(&script.records[1..]), []);
    assert_eq!(Narrator::new().tell(&script.records[1]), None);
}
