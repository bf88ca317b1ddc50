//! Journals of past releases. They are never rewritten: what was once written stays readable for ever.

use std::path::PathBuf;
use std::time::Duration;

use super::*;
use crate::journal::Terminal::{Aborted, Held, Promoted, Refused, RollbackFailed, RolledBack};
use crate::journal::{Cause, Certainty, Ending, Goal, Mutation, Purpose, Resolution, RunState};
use crate::model::{Color, Hook, Percent};
use crate::ports::ServiceChange;
use crate::view::testing::{actions, default_action, red, refused, revision, rule, share};

/// Set to write a file of the corpus that does not exist yet; one that exists is left alone.
const MAKE: &str = "BLUEGREEN_MAKE_CORPUS";

pub(super) fn golden(name: &str, script: &Script) -> Contents {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("testdata").join(name);
    if std::env::vars().any(|(key, _)| key == MAKE) && !path.exists() {
        let bytes: Vec<u8> = script.records.iter().flat_map(|record| line::encode(record).unwrap()).collect();
        std::fs::write(&path, bytes).unwrap();
    }
    let bytes = std::fs::read(&path).unwrap();
    line::scan(&path, &bytes).unwrap().contents
}

/// A run that goes to 50 %, is taken over there, finds one route changed, and is brought back by a person.
fn story() -> Script {
    let mut script = Script::begun();
    script.holding().after(300).pass(1, "hold of 5m is over");
    let target = actions(&[("front-blue", 50), ("front-green", 50)], None);
    script.set_one(&rule(), target, Purpose::Step(share("50")));
    script.after(40).push(Body::Resumed { operator: other_operator() });
    let found = actions(&[("front-blue", 70), ("front-green", 30)], Some(60));
    let expected = actions(&[("front-blue", 90), ("front-green", 10)], Some(60));
    script.after(5).fact(Fact::Drift { route: default_action(), expected, found });
    script.finish(Held, "the default action was changed by someone else");
    script.after(600).push(Body::Resumed { operator: operator() }).command(Verb::Abort);
    script.restoring(Cause::Abort("eve@desk pid 9".into())).set_all(Purpose::Restore);
    script.after(30).fact(Fact::TrafficRestored).after(360).scale(Color::Green, Some("frontend:41"), 0);
    script.after(30).fact(Fact::CapacityRestored);
    script.finish(Aborted, "the baseline was restored and read back");
    script
}

#[test]
fn version_1_folds_to_the_state_that_it_always_did() {
    let contents = golden("journal-v1.jsonl", &story());
    assert_eq!(contents.torn, None);
    let state = RunState::fold(&contents.records).unwrap();
    assert_eq!(state.plan.run.as_str(), "20261123t060512z-frontend-1a2b3c");
    assert_eq!((state.plan.steps.len(), state.step, state.hooks_passed), (6, 2, 1));
    assert_eq!(state.ending.as_ref().unwrap().terminal, Aborted);
    assert!(matches!(&state.goal, Goal::Restore { cause: Cause::Abort(by), .. } if by == "eve@desk pid 9"));
    assert_eq!(state.task_definition, Some(revision("frontend:42")));
    assert_eq!(state.operator, operator());
    assert_eq!(state.aborted_by.as_deref(), Some("eve@desk pid 9"));
    assert_eq!(state.drift.len(), 1);
    assert!(state.green_at_start && state.attached && state.capacity_restored);
    let writes = state.route_writes(&rule());
    assert_eq!(writes.len(), 4, "attach, 10 %, 50 % in doubt, baseline");
    assert_eq!(writes[2].certainty, Certainty::Doubtful);
    assert_eq!(state.expected_actions(&rule()).unwrap(), actions(&[("front-blue", 1)], None));
    assert_eq!(state.service_writes(Color::Green).len(), 2);
    assert_eq!(state.last_at.to_string(), "2026-11-23T06:29:36Z");
}

fn mutations() -> Vec<Mutation> {
    let change = ServiceChange { color: Color::Blue, task_definition: None, desired: Some(1) };
    let hook = Hook { argv: vec!["true".into()], timeout: Duration::from_secs(1) };
    let set = |purpose| Mutation::SetActions { route: rule(), actions: actions(&[("front-blue", 1)], None), purpose };
    let mut all = vec![Mutation::RegisterTaskDefinition, Mutation::UpdateService(change), Mutation::RunHook(0, hook)];
    let purposes = [Purpose::Attach, Purpose::Test, Purpose::Step(Percent::FULL), Purpose::Evict, Purpose::Restore];
    all.extend(purposes.map(set));
    all
}

fn resolutions() -> Vec<Resolution> {
    vec![
        Resolution::Applied { task_definition: Some(revision("frontend:42")) },
        Resolution::NotApplied(refused()),
        Resolution::Unknown(refused()),
        Resolution::Withheld { why: "alarm is red".into() },
        Resolution::HookFailed { output: "no answer".into() },
        Resolution::Applied { task_definition: None },
    ]
}

fn facts() -> Vec<Fact> {
    let both = actions(&[("front-blue", 1)], Some(60));
    vec![
        Fact::GreenAtStart,
        Fact::Attached,
        Fact::TaskDefinition(revision("frontend:42")),
        Fact::CanaryHealthy { healthy: 4 },
        Fact::CanaryUnhealthy { seen: "3 of 4".into() },
        Fact::TestRouteReady,
        Fact::StepVerified(0),
        Fact::StepPassed { step: 1, why: "over".into() },
        Fact::GateClosed { why: "no data".into() },
        Fact::GateOpened,
        Fact::Drift { route: default_action(), expected: both.clone(), found: both },
        Fact::Evicted,
        Fact::TrafficRestored,
        Fact::CapacityRestored,
        Fact::Committed,
        Fact::OldFleetSettled,
    ]
}

fn causes() -> Vec<Cause> {
    vec![
        red(),
        Cause::NoAnswer("x".into()),
        Cause::Deadline("x".into()),
        Cause::Hook("x".into()),
        Cause::Refused(refused()),
        Cause::Drift("x".into()),
        Cause::Abort("x".into()),
        Cause::Interrupt,
        Cause::Journal("x".into()),
    ]
}

/// No run looks like this: it holds one of each thing that version 1 can say.
fn everything() -> Script {
    let mut script = Script::begun();
    for mutation in mutations() {
        script.intend(mutation, "because").applied();
    }
    for resolution in resolutions() {
        script.intend(Mutation::RegisterTaskDefinition, "because").resolve(resolution);
    }
    for fact in facts() {
        script.fact(fact);
    }
    for verb in [Verb::Promote, Verb::PromoteFull, Verb::Pause, Verb::Abort] {
        script.command(verb);
    }
    for cause in causes() {
        script.restoring(cause);
    }
    script.push(Body::Resumed { operator: other_operator() });
    for terminal in [Promoted, RolledBack, Aborted, Refused, Held, RollbackFailed] {
        script.push(Body::Finished(Ending { terminal, why: "so".into() }));
    }
    script
}

#[test]
fn all_that_version_1_can_say_stays_readable() {
    let contents = golden("journal-v1-everything.jsonl", &everything());
    assert_eq!(contents.records, everything().records);
    assert_eq!(RunState::fold(&contents.records).unwrap().ending.unwrap().terminal, RollbackFailed);
}

#[test]
fn all_that_version_1_can_say_can_be_told() {
    let records = everything().records;
    let mut narrator = crate::view::Narrator::new();
    for record in &records {
        let plain_success =
            matches!(&record.body, Body::Outcome { resolution: Resolution::Applied { task_definition: None }, .. });
        let told = narrator.tell(record);
        assert!(told.is_some() || plain_success, "nothing is told of {record:?}");
        let text = told.map(|told| told.to_string()).unwrap_or_default();
        assert!(!text.contains("arn:") && !text.contains("s3cret") && !text.ends_with('.'), "{text}");
    }
    assert!(!crate::view::explain(&records).is_empty());
    assert!(crate::view::RunView::from_records(&records).is_ok());
}
