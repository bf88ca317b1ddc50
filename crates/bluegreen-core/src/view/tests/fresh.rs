//! A control fleet in what is shown and told.

use super::*;
use crate::event::ControlLook;
use crate::journal::Mutation;
use crate::model::{Color, Role};
use crate::observe::TargetHealth;
use crate::plan::{ControlFleet, ServiceBaseline};
use crate::ports::ServiceChange;
use crate::view::testing::{group, plan, revision};

fn script() -> Script {
    let mut plan = plan();
    let blue = plan.stable_baseline().clone();
    let service = ServiceBaseline { name: "front-control".into(), desired: 0, ..blue };
    plan.control = Some(ControlFleet { service, group: group("front-control") });
    Script::new(plan)
}

impl Script {
    fn control(&mut self, short: Option<&str>, desired: u32) -> &mut Self {
        let change = ServiceChange { color: Color::Blue, task_definition: short.map(revision), desired: Some(desired) };
        self.intend(Mutation::UpdateControl(change), "as many as the canary has").applied()
    }
}

#[test]
fn control_is_filled_before_the_smoke_test_and_has_the_canarys_share() {
    let mut script = script();
    script.after(2).fact(Fact::GreenAtStart).set_all(Purpose::Attach).after(3).fact(Fact::Attached);
    script.fact(Fact::TaskDefinition(revision("frontend:42"))).fact(Fact::CanaryHealthy { healthy: 4 });
    assert_eq!(view(&script).phase, Phase::Filling, "the canary alone is not enough");
    script.control(Some("frontend:41"), 4).fact(Fact::ControlHealthy { healthy: 4 });
    let ready = view(&script);
    assert_eq!(ready.phase, Phase::SmokeTest);
    let control = ready.control.unwrap();
    assert_eq!((control.fleet.role, control.fleet.service.as_str()), (Role::Control, "front-control"));
    assert_eq!((control.fleet.task_definition.as_str(), control.fleet.desired), ("frontend:41", 4));
    assert_eq!(control.set, share("0"));
    script.weigh(0, "10");
    let mut ten = view(&script);
    assert_eq!(ten.control.as_ref().unwrap().set, share("10"));
    assert_eq!(ten.routes[0].written, "blue 80 · green 10 · front-control 10");
    assert_eq!(ten.routes[0].written_ppm, Some(100_000), "the share that counts is the canary's");

    let health = TargetHealth { healthy: 3, ..TargetHealth::default() };
    let configured = vec![Some(100_000), None];
    let seen = ControlLook { configured: configured.clone(), tasks: Some((4, 3)), health: Some(health) };
    ten.apply(&Event::Looked(Box::new(Look { control: Some(seen), ..look(script.now) }))).unwrap();
    let control = ten.control.as_ref().unwrap();
    assert_eq!((control.fleet.desired, control.fleet.running, control.fleet.health), (4, Some(3), Some(health)));
    assert_eq!(control.configured_ppm, configured);
    ten.apply(&Event::Looked(Box::new(look(script.now)))).unwrap();
    let control = ten.control.unwrap();
    assert_eq!((control.fleet.running, control.configured_ppm), (None, vec![]), "nothing old is shown as new");
}

#[test]
fn its_end_is_part_of_the_release() {
    let mut script = script();
    script.baking().fact(Fact::Committed).fact(Fact::OldFleetSettled);
    assert_eq!(view(&script).phase, Phase::Draining);
    script.control(None, 0).fact(Fact::ControlSettled);
    assert_eq!(view(&script).phase, Phase::Committing);
    assert_eq!(view(&script).control.unwrap().fleet.desired, 0);
}

#[test]
fn what_is_done_to_it_is_told_by_its_name() {
    let mut script = script();
    script.fact(Fact::Attached).control(Some("frontend:41"), 4).fact(Fact::ControlHealthy { healthy: 4 });
    script.fact(Fact::ControlUnhealthy { seen: "3 of 4 targets are healthy".into() }).control(None, 0);
    script.fact(Fact::ControlSettled);
    let lines: Vec<String> = explain(&script.records).iter().map(ToString::to_string).collect();
    for expected in [
        "all three groups are attached on every route",
        "asking front-control for 4 tasks of frontend:41",
        "control is healthy: 4 targets",
        "control is not healthy any more: 3 of 4 targets are healthy",
        "asking front-control for 0 tasks",
        "control is back at its own size",
    ] {
        assert!(lines.iter().any(|line| line.contains(expected)), "{expected}: {lines:#?}");
    }
}

#[test]
fn without_one_there_is_no_word_of_it() {
    let text = serde_json::to_string(&view(&Script::begun())).unwrap();
    assert!(!text.contains("control"), "{text}");
    let text = serde_json::to_string(&look(Script::begun().now)).unwrap();
    assert!(!text.contains("control"), "{text}");
}
