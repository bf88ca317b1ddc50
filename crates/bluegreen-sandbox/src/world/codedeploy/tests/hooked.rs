//! Hooks and who answers them.

use super::*;

const HOUR: Ms = 60 * MINUTE;

fn waits_at(kit: &Kit, id: &str) -> &'static str {
    kit.get(id).event().map_or("", |event| event.point.as_str())
}

fn run(kit: &Kit, id: &str) -> String {
    kit.get(id).event().unwrap().hook.as_ref().unwrap().id.clone()
}

#[test]
fn a_hook_is_answered_by_a_client_once() {
    let mut kit = Kit::new(|_| {});
    let id = kit.deploy_with(&[("AfterAllowTestTraffic", "smoke")]);
    kit.pass(MINUTE);
    assert_eq!((waits_at(&kit, &id), kit.greens()), ("AfterAllowTestTraffic", [0, 0, 100]));
    let hook = run(&kit, &id);
    let code = |kit: &mut Kit, hook: &str| kit.world.answer_hook(&id, hook, true).unwrap_err().code;
    assert_eq!(code(&mut kit, "another"), "InvalidLifecycleEventHookExecutionIdException");
    kit.world.answer_hook(&id, &hook, true).unwrap();
    assert_eq!(kit.greens(), [10, 10, 100]);
    assert_eq!(code(&mut kit, &hook), "LifecycleEventAlreadyCompletedException");
}

#[test]
fn each_hook_of_the_document_runs_in_its_place() {
    let mut kit = Kit::new(|_| {});
    let all = ["BeforeInstall", "AfterInstall", "AfterAllowTestTraffic", "BeforeAllowTraffic", "AfterAllowTraffic"];
    let id = kit.deploy_with(&all.map(|event| (event, "check")));
    let mut seen = Vec::new();
    for _ in all {
        kit.pass(6 * MINUTE);
        seen.push((waits_at(&kit, &id), kit.greens()[0]));
        let hook = run(&kit, &id);
        kit.world.answer_hook(&id, &hook, true).unwrap();
    }
    assert_eq!(seen, [(all[0], 0), (all[1], 0), (all[2], 0), (all[3], 0), (all[4], 100)]);
    assert!(kit.get(&id).waits_for_termination());
}

#[test]
fn a_scripted_function_answers_in_its_time() {
    let mut kit = Kit::new(rolls_back);
    kit.world.set_function("smoke", Function::Scripted { takes: 30_000, passes: false });
    let arn = "arn:aws:lambda:eu-west-3:111122223333:function:smoke:7";
    let id = kit.deploy_with(&[("BeforeAllowTraffic", arn)]);
    kit.pass(2_500 + 29_999);
    assert_eq!(waits_at(&kit, &id), "BeforeAllowTraffic");
    kit.pass(1);
    assert_eq!((kit.status(&id), kit.code(&id)), (Status::Failed, "HOOK_EXECUTION_FAILURE"));
    assert_eq!(
        kit.events(&id)[5..],
        [("BeforeAllowTraffic", "Failed"), ("AllowTraffic", "Skipped"), ("AfterAllowTraffic", "Skipped")]
    );
    let event = &kit.get(&id).events[5];
    assert_eq!(event.diagnostics.as_ref().map(|(code, _)| *code), Some("ScriptFailed"));
    assert_eq!(kit.get(&kit.rollback(&id)).creator(), "codeDeployRollback");
}

#[test]
fn a_hook_without_an_answer_fails_after_an_hour() {
    let mut kit = Kit::new(|_| {});
    let id = kit.deploy_with(&[("BeforeInstall", "silent")]);
    kit.pass(1_000 + HOUR - 1);
    assert_eq!(kit.status(&id), Status::InProgress);
    kit.pass(1);
    assert_eq!((kit.status(&id), kit.code(&id)), (Status::Failed, "HOOK_EXECUTION_FAILURE"));
    let event = &kit.get(&id).events[0];
    assert_eq!(event.diagnostics.as_ref().map(|(code, _)| *code), Some("ScriptTimedOut"));
}

#[test]
fn a_failure_before_the_install_has_nothing_to_take_back() {
    let mut kit = Kit::new(rolls_back);
    kit.world.set_function("no", Function::Scripted { takes: 0, passes: false });
    let id = kit.deploy_with(&[("BeforeInstall", "no")]);
    kit.pass(MINUTE);
    assert_eq!((kit.status(&id), &kit.get(&id).rolled_back_by), (Status::Failed, &None));
}

#[test]
fn a_function_that_is_a_command_is_wanted_until_it_is_answered() {
    let mut kit = Kit::new(|_| {});
    let command = Function::Command(vec!["true".to_owned()]);
    kit.world.set_function("smoke", command.clone());
    assert_eq!(kit.world.wanted_hooks(), []);
    let id = kit.deploy_with(&[("AfterInstall", "smoke")]);
    kit.pass(MINUTE);
    let hook = run(&kit, &id);
    let wanted = WantedHook { deployment: id.clone(), id: hook.clone(), event: "AfterInstall", function: command };
    assert_eq!(kit.world.wanted_hooks(), [wanted]);
    kit.world.answer_hook(&id, &hook, true).unwrap();
    assert_eq!(kit.world.wanted_hooks(), []);
}

#[test]
fn functions_are_known_by_their_names() {
    for (reference, name) in [
        ("smoke", "smoke"),
        ("smoke:3", "smoke"),
        ("arn:aws:lambda:eu-west-3:111122223333:function:smoke", "smoke"),
        ("arn:aws:lambda:eu-west-3:111122223333:function:smoke:live", "smoke"),
    ] {
        assert_eq!(function_name(reference), name);
    }
}
