//! Fleets that are task sets: the same phases, other calls.

use super::bench::{Bench, failed, forward, group, plan, revision, service};
use crate::decide::guard::{Veto, check, needs_last_look};
use crate::journal::{Fact, Mutation, Purpose, Resolution, TaskSetChange};
use crate::model::{AfterCommit, ByColor, Color, Percent, SetScale};
use crate::observe::{TaskSetSnapshot, TaskSetStatus};
use crate::plan::{Engine, Plan, TaskSets, fleets};
use crate::ports::{ErrorClass, ServiceChange, TaskSetRequest, run_mark};

const TEN: Purpose = Purpose::Step(Percent::from_tenths_const(100));
const FULL: Purpose = Purpose::Step(Percent::FULL);

pub(super) fn say(change: &TaskSetChange) -> String {
    let fleet = |fleet: &ServiceChange| {
        let revision = fleet.task_definition.as_ref().map(|arn| format!("{} ", arn.short())).unwrap_or_default();
        format!("{} {revision}x{}", fleet.color, fleet.desired.unwrap())
    };
    match change {
        TaskSetChange::Create { fleet: made, scale, .. } => format!("create {} at {scale}", fleet(made)),
        TaskSetChange::Scale { set, fleet: made, scale } => format!("scale {set} {} at {scale}", fleet(made)),
        TaskSetChange::Delete { set, fleet: made } => {
            format!("delete {set}{}", made.as_ref().map(|made| format!(" {}", fleet(made))).unwrap_or_default())
        }
        TaskSetChange::MakePrimary { set } => format!("make {set} primary"),
    }
}

/// The plan of the bench with the task sets of one service for fleets.
fn plan_of_sets(leftovers: &[&str]) -> Plan {
    let mut plan = plan();
    plan.baseline.services.green = crate::plan::ServiceBaseline { desired: 0, ..plan.baseline.services.blue.clone() };
    plan.engine = Engine::TaskSets(TaskSets {
        template: serde_json::json!({"launchType": "FARGATE", "newThing": [1]}),
        container: "app".into(),
        port: 8080,
        stable_set: "old".into(),
        leftovers: leftovers.iter().map(|id| (*id).to_owned()).collect(),
    });
    plan
}

fn set(id: &str, short: &str, color: Color, count: u32) -> TaskSetSnapshot {
    TaskSetSnapshot {
        id: id.into(),
        status: TaskSetStatus::Active,
        task_definition: revision(short),
        scale: SetScale::exactly(count, 4),
        of: 4,
        desired: count,
        running: count,
        pending: 0,
        target_groups: vec![group(&color.to_string())],
        external_id: None,
    }
}

fn old() -> TaskSetSnapshot {
    TaskSetSnapshot { status: TaskSetStatus::Primary, ..set("old", "web:1", Color::Blue, 4) }
}

/// The set of the bench's run.
fn new(count: u32) -> TaskSetSnapshot {
    TaskSetSnapshot { external_id: Some(run_mark(&plan().run)), ..set("new", "web:2", Color::Green, count) }
}

/// A bench whose service has these task sets.
struct Sets(Bench, Vec<TaskSetSnapshot>);

impl Sets {
    fn begun(plan: &Plan, sets: Vec<TaskSetSnapshot>) -> Sets {
        let mut bench = Bench::with(plan);
        bench.fact(Fact::GreenAtStart);
        bench.set("attach", Purpose::Attach, bench.split(0));
        bench.fact(Fact::Attached);
        bench.registered();
        let mut all = Sets(bench, sets);
        all.show();
        all
    }

    /// Before the set of the run exists.
    fn empty() -> Sets {
        Sets::begun(&plan_of_sets(&[]), vec![old()])
    }

    /// With the set of the run filled and healthy, every hook passed.
    fn filled(change: impl Fn(&mut Plan)) -> Sets {
        let mut plan = plan_of_sets(&[]);
        change(&mut plan);
        let mut sets = Sets::begun(&plan, vec![old()]);
        sets.applied(create("t", 4));
        sets.found(vec![old(), new(4)]);
        sets.0.seen.health.green.value.as_mut().unwrap().healthy = 4;
        sets.0.fact(Fact::CanaryHealthy { healthy: 4 });
        sets.0.hook_passed();
        sets.pass(10);
        sets
    }

    fn committed(after: &AfterCommit) -> Sets {
        let mut sets = Sets::filled(|plan| plan.after = after.clone());
        sets.0.set("", TEN, sets.0.split(100));
        sets.0.fact(Fact::StepVerified(0));
        sets.0.fact(Fact::StepPassed { step: 1, why: String::new() });
        sets.0.set("", FULL, sets.0.split(1000));
        sets.0.fact(Fact::StepVerified(2));
        sets.0.fact(Fact::StepPassed { step: 3, why: String::new() });
        sets.0.fact(Fact::Committed);
        sets
    }

    fn show(&mut self) {
        let mut whole = service(Color::Blue, "web:1", 4);
        whole.task_sets.clone_from(&self.1);
        whole.deployments.clear();
        let both = ByColor { blue: whole.clone(), green: whole };
        self.0.seen.services.value = Ok(fleets(&self.0.state.plan, both));
    }

    fn found(&mut self, sets: Vec<TaskSetSnapshot>) {
        self.1 = sets;
        self.show();
    }

    fn applied(&mut self, change: TaskSetChange) {
        let intent = self.0.intent(Mutation::TaskSet(change));
        self.0.outcome(intent, Resolution::Applied { task_definition: None });
    }

    fn pass(&mut self, seconds: u64) {
        self.0.pass_time(seconds);
    }

    fn settle(&mut self) {
        let settle = self.0.state.plan.timing.settle.as_secs();
        self.pass(settle);
    }

    fn decide(&self) -> String {
        self.0.decide()
    }

    fn change(&self) -> TaskSetChange {
        match crate::decide::decide(&self.0.state, &self.0.seen, self.0.now) {
            crate::decide::Decision::Act { mutation: Mutation::TaskSet(change), .. } => change,
            other => panic!("{other:?}"),
        }
    }

    fn veto(&self, change: TaskSetChange) -> String {
        match check(&self.0.state, &self.0.seen, self.0.now, &Mutation::TaskSet(change)) {
            Ok(()) => "ok".into(),
            Err(Veto::NotNow(why)) => format!("not now: {why}"),
            Err(Veto::Never(why)) => format!("never: {why}"),
        }
    }
}

fn fleet(color: Color, short: Option<&str>, desired: u32) -> ServiceChange {
    ServiceChange { color, task_definition: short.map(revision), desired: Some(desired) }
}

fn create(token: &str, count: u32) -> TaskSetChange {
    let fleet = fleet(Color::Green, Some("web:2"), count);
    TaskSetChange::Create { fleet, scale: SetScale::exactly(count, 4), token: token.into() }
}

fn delete(id: &str, fleet: Option<ServiceChange>) -> TaskSetChange {
    TaskSetChange::Delete { set: id.into(), fleet }
}

fn canary_goes() -> TaskSetChange {
    delete("new", Some(fleet(Color::Green, Some("web:1"), 0)))
}

fn stable_goes() -> TaskSetChange {
    delete("old", Some(fleet(Color::Blue, None, 0)))
}

#[test]
fn the_calm_run_makes_a_set_and_leads_with_it() {
    let mut sets = Sets::empty();
    assert_eq!(sets.decide(), "act create green web:2 x4 at 100 %");
    sets.applied(create("t", 4));
    assert_eq!(sets.decide(), "wait: green to show web:2 with 4 tasks");
    sets.found(vec![old(), TaskSetSnapshot { running: 3, ..new(4) }]);
    assert_eq!(sets.decide(), "wait: green to become healthy: 3 of 4 tasks are running");
    sets.found(vec![old(), new(4)]);
    sets.0.seen.health.green.value.as_mut().unwrap().healthy = 4;
    assert_eq!(sets.decide(), "note canary healthy 4");

    let mut sets = Sets::committed(&AfterCommit::ScaleTo(0));
    assert_eq!(sets.decide(), "act make new primary");
    sets.applied(TaskSetChange::MakePrimary { set: "new".into() });
    assert_eq!(sets.decide(), "wait: task set new to show as primary");
    let set_back = TaskSetSnapshot { status: TaskSetStatus::Active, ..old() };
    let led = TaskSetSnapshot { status: TaskSetStatus::Primary, ..new(4) };
    sets.found(vec![set_back, led.clone()]);
    assert_eq!(sets.decide(), "wait: connections to the old fleet to drain");
    sets.pass(400);
    assert_eq!(sets.decide(), "act delete old blue x0");
    sets.applied(stable_goes());
    sets.found(vec![led]);
    assert_eq!(sets.decide(), "note old fleet settled");
    sets.0.fact(Fact::OldFleetSettled);
    assert!(sets.decide().starts_with("finish Promoted"), "{}", sets.decide());
}

#[test]
fn what_becomes_of_the_old_set_is_the_plans_to_say() {
    let led = TaskSetSnapshot { status: TaskSetStatus::Primary, ..new(4) };
    let set_back = TaskSetSnapshot { status: TaskSetStatus::Active, ..old() };
    for (after, expected) in [
        (AfterCommit::KeepWarm, "finish Promoted"),
        (AfterCommit::ScaleTo(1), "act scale old blue x1 at 25 %"),
        (AfterCommit::ScaleTo(0), "act delete old blue x0"),
    ] {
        let mut sets = Sets::committed(&after);
        sets.applied(TaskSetChange::MakePrimary { set: "new".into() });
        sets.found(vec![set_back.clone(), led.clone()]);
        sets.pass(400);
        assert!(sets.decide().starts_with(expected), "{} instead of {expected}", sets.decide());
    }
}

#[test]
fn the_way_back_deletes_the_set_once_nothing_reaches_it() {
    let mut sets = Sets::filled(|_| {});
    sets.0.set("", TEN, sets.0.split(100));
    sets.0.restoring();
    assert_eq!(sets.decide(), "act set rule restore [blue 1]");
    sets.0.set("", Purpose::Restore, forward(&[("blue", 1)], None));
    sets.pass(30);
    sets.0.fact(Fact::TrafficRestored);
    assert_eq!(sets.decide(), "wait: connections to green to drain");
    sets.pass(330);
    assert_eq!(sets.decide(), "act delete new green web:1 x0");
    sets.applied(canary_goes());
    assert_eq!(sets.decide(), "wait: green to show its baseline");
    sets.found(vec![old(), TaskSetSnapshot { status: TaskSetStatus::Draining, desired: 0, ..new(4) }]);
    assert_eq!(sets.decide(), "wait: green to show its baseline", "a read may be older than the write");
    sets.settle();
    assert_eq!(sets.decide(), "note capacity restored");
}

#[test]
fn a_set_that_nobody_saw_is_waited_for_before_the_way_back_ends() {
    let mut sets = Sets::empty();
    sets.0.intent(Mutation::TaskSet(create("t", 4)));
    sets.0.restoring();
    sets.0.set("", Purpose::Restore, forward(&[("blue", 1)], None));
    sets.0.fact(Fact::TrafficRestored);
    sets.pass(400);
    sets.0.seen.services.seen_at = sets.0.state.set_writes()[0].at;
    assert_eq!(sets.decide(), "wait: whether the task set was made");
    sets.pass(0);
    assert_eq!(sets.decide(), "note capacity restored");
    sets.found(vec![old(), new(4)]);
    assert_eq!(sets.decide(), "act delete new green web:1 x0", "it was made after all");
}

#[test]
fn a_try_in_doubt_is_repeated_with_its_own_token() {
    let mut sets = Sets::empty();
    let TaskSetChange::Create { token, .. } = sets.change() else { panic!() };
    assert_eq!(token.len(), 32, "ECS takes 36 characters");
    let intent = sets.0.intent(Mutation::TaskSet(sets.change()));
    sets.0.outcome(intent, Resolution::Unknown(failed(ErrorClass::TimedOut)));
    assert!(sets.decide().starts_with("wait: before trying again"), "{}", sets.decide());
    sets.settle();
    assert!(matches!(sets.change(), TaskSetChange::Create { token: again, .. } if again == token));

    let intent = sets.0.intent(Mutation::TaskSet(sets.change()));
    sets.0.outcome(intent, Resolution::NotApplied(failed(ErrorClass::Throttled)));
    sets.settle();
    assert!(matches!(sets.change(), TaskSetChange::Create { token: again, .. } if again == token), "the doubt stays");

    let mut sets = Sets::empty();
    let intent = sets.0.intent(Mutation::TaskSet(sets.change()));
    sets.0.outcome(intent, Resolution::NotApplied(failed(ErrorClass::Throttled)));
    sets.pass(60);
    assert!(matches!(sets.change(), TaskSetChange::Create { token: other, .. } if other != token));
}

#[test]
fn a_used_up_limit_is_not_tried_against() {
    let mut sets = Sets::empty();
    let intent = sets.0.intent(Mutation::TaskSet(create("t", 4)));
    sets.0.outcome(intent, Resolution::NotApplied(failed(ErrorClass::Invalid)));
    assert!(sets.decide().starts_with("note restoring: AWS refused"), "{}", sets.decide());
}

#[test]
fn what_an_earlier_release_left_goes_first() {
    let left = || TaskSetSnapshot { id: "left".into(), ..set("left", "web:0", Color::Green, 4) };
    let mut sets = Sets::begun(&plan_of_sets(&["left"]), vec![old(), left()]);
    assert_eq!(sets.decide(), "act delete left");
    sets.applied(delete("left", None));
    assert_eq!(sets.decide(), "wait: task set left to be gone");
    sets.settle();
    assert_eq!(sets.decide(), "act delete left", "it was not deleted after all");
    sets.found(vec![old(), TaskSetSnapshot { status: TaskSetStatus::Draining, ..left() }]);
    assert_eq!(sets.decide(), "wait: task set left to be gone", "its targets still answer");
    sets.applied(delete("left", None));
    sets.found(vec![old()]);
    assert_eq!(sets.decide(), "wait: reads that are newer than the last deletion");
    sets.settle();
    assert_eq!(sets.decide(), "act create green web:2 x4 at 100 %");
}

#[test]
fn shares_follow_the_services_count() {
    let mut sets = Sets::filled(|_| {});
    let of_eight = |set: TaskSetSnapshot| TaskSetSnapshot { of: 8, ..set };
    sets.found(vec![
        TaskSetSnapshot { desired: 8, running: 8, ..of_eight(old()) },
        TaskSetSnapshot { scale: SetScale::exactly(1, 2), ..of_eight(new(4)) },
    ]);
    sets.0.fact(Fact::CanaryUnhealthy { seen: String::new() });
    assert_eq!(sets.decide(), "act scale new green web:2 x8 at 100 %");
    // The service was scaled in: no share of two makes four.
    let of_two = |set: TaskSetSnapshot| TaskSetSnapshot { of: 2, desired: 2, running: 2, ..set };
    sets.found(vec![of_two(old()), of_two(new(4))]);
    sets.settle();
    assert_eq!(sets.decide(), "wait: the service, which asks for 2 tasks, to ask for at least 4");
}

#[test]
fn somebody_elses_sets_are_drift() {
    let foreign = |color| set("theirs", "web:9", color, 1);
    let drift = |found: Vec<TaskSetSnapshot>| {
        let mut sets = Sets::filled(|_| {});
        sets.settle();
        sets.found(found);
        sets.decide()
    };
    let made = "finish Held: task set theirs of web:9 was made by someone else in one of the target groups";
    assert_eq!(drift(vec![old(), new(4), foreign(Color::Green)]), made);
    assert_eq!(drift(vec![old(), new(4), foreign(Color::Blue)]), made);
    let draining = TaskSetSnapshot { status: TaskSetStatus::Draining, ..foreign(Color::Green) };
    assert_eq!(drift(vec![old(), new(4), draining]), "act set rule step 10% [blue 90 green 10]");
    assert_eq!(drift(vec![new(4)]), "finish Held: task set old, which served, is gone: someone else deleted it");
    assert_eq!(drift(vec![old()]), "finish Held: the task set that this run made is gone: someone else deleted it");
    let led = TaskSetSnapshot { status: TaskSetStatus::Primary, ..new(4) };
    let set_back = TaskSetSnapshot { status: TaskSetStatus::Active, ..old() };
    assert_eq!(drift(vec![set_back.clone(), led]), "finish Held: task set new is primary: someone else changed that");
    assert_eq!(
        drift(vec![set_back, new(4)]),
        "finish Held: none of the release's task sets is primary: someone else changed that"
    );
}

#[test]
fn an_old_answer_after_the_switch_is_no_drift() {
    let mut sets = Sets::committed(&AfterCommit::KeepWarm);
    sets.applied(TaskSetChange::MakePrimary { set: "new".into() });
    assert_eq!(sets.decide(), "wait: task set new to show as primary");
    sets.settle();
    assert_eq!(sets.decide(), "finish Held: promoted, but task set old is primary: someone else changed that");
}

#[test]
fn a_set_is_made_only_for_the_canary_and_alone() {
    let mut sets = Sets::empty();
    assert_eq!(sets.veto(create("t", 4)), "ok");
    let stable = TaskSetChange::Create { fleet: fleet(Color::Blue, None, 4), scale: SetScale::FULL, token: "t".into() };
    assert_eq!(sets.veto(stable), "never: a task set is made for the canary alone");
    sets.found(vec![old(), set("left", "web:0", Color::Green, 4)]);
    assert_eq!(sets.veto(create("t", 4)), "not now: task set left registers in the canary's target group");
    sets.0.restoring();
    sets.0.fact(Fact::TrafficRestored);
    sets.pass(400);
    assert_eq!(sets.veto(create("t", 4)), "never: nothing new is made on the way back");
    let bench = Bench::at_step(0);
    let change = Mutation::TaskSet(create("t", 4));
    let refused = check(&bench.state, &bench.seen, bench.now, &change);
    assert_eq!(refused, Err(Veto::Never("the plan has no task sets".into())));
}

#[test]
fn a_set_that_serves_or_may_serve_stays() {
    let mut sets = Sets::filled(|plan| plan.after = AfterCommit::ScaleTo(0));
    assert_eq!(sets.veto(stable_goes()), "never: the old fleet is not scaled in before commit");
    assert_eq!(sets.veto(canary_goes()), "never: the canary runs the plan's revision and no other");
    assert_eq!(
        sets.veto(TaskSetChange::MakePrimary { set: "new".into() }),
        "never: the primary task set is not changed before commit"
    );
    sets.0.restoring();
    assert_eq!(sets.veto(canary_goes()), "never: traffic goes back before capacity");
    sets.0.fact(Fact::TrafficRestored);
    sets.pass(400);
    assert_eq!(sets.veto(canary_goes()), "ok");
    sets.0.found(forward(&[("blue", 1), ("green", 1)], None));
    assert!(sets.veto(canary_goes()).ends_with("still gives task set new traffic"), "{}", sets.veto(canary_goes()));
    sets.found(vec![old()]);
    assert_eq!(sets.veto(canary_goes()), "not now: task set new was not seen");

    let mut sets = Sets::committed(&AfterCommit::ScaleTo(0));
    sets.pass(400);
    assert_eq!(sets.veto(stable_goes()), "not now: task set old is the primary one");
    assert_eq!(sets.veto(TaskSetChange::MakePrimary { set: "new".into() }), "ok");
    assert_eq!(
        sets.veto(TaskSetChange::MakePrimary { set: "old".into() }),
        "never: the task set is not part of the plan"
    );
    sets.0.seen.health.green.value.as_mut().unwrap().healthy = 0;
    assert_eq!(
        sets.veto(TaskSetChange::MakePrimary { set: "new".into() }),
        "not now: 0 of 4 canary targets are healthy"
    );
}

#[test]
fn nothing_goes_but_the_canarys_own_and_what_was_left() {
    let mut sets = Sets::begun(&plan_of_sets(&["left"]), vec![old()]);
    let left = set("left", "web:0", Color::Green, 4);
    sets.found(vec![old(), left.clone(), set("theirs", "web:0", Color::Green, 1)]);
    assert_eq!(sets.veto(delete("left", None)), "ok");
    assert_eq!(sets.veto(delete("theirs", None)), "never: the task set is not part of the plan");
    assert_eq!(sets.veto(delete("old", None)), "never: the task set is not part of the plan");
    sets.found(vec![old(), TaskSetSnapshot { target_groups: vec![group("green"), group("ops")], ..left.clone() }]);
    assert_eq!(sets.veto(delete("left", None)), "never: the task set is not part of the plan");
    sets.found(vec![old(), left]);
    sets.0.sent(TEN, sets.0.split(100));
    assert_eq!(sets.veto(delete("left", None)), "never: a task set with a share of the traffic is not deleted");
    let scaled = TaskSetChange::Scale {
        set: "left".into(),
        fleet: fleet(Color::Green, Some("web:2"), 4),
        scale: SetScale::FULL,
    };
    assert_eq!(sets.veto(scaled), "never: the task set is not part of the plan");
}

#[test]
fn what_is_given_up_is_looked_at_once_more() {
    let sets = Sets::filled(|plan| plan.after = AfterCommit::ScaleTo(0));
    let looked = |change: TaskSetChange| needs_last_look(&sets.0.state, &Mutation::TaskSet(change));
    assert!(looked(stable_goes()) && looked(delete("left", None)));
    assert!(looked(TaskSetChange::MakePrimary { set: "new".into() }));
    assert!(!looked(create("t", 4)) && !looked(canary_goes()));
}

#[test]
fn a_new_set_has_the_template_and_one_load_balancer() {
    let plan = plan_of_sets(&[]);
    let TaskSetRequest::Create(request) = plan.task_set_request(&create("t", 1)) else { panic!() };
    let expected = serde_json::json!({
        "launchType": "FARGATE", "newThing": [1],
        "taskDefinition": revision("web:2"),
        "loadBalancers": [{"targetGroupArn": group("green"), "containerName": "app", "containerPort": 8080}],
        "scale": {"value": 25.0, "unit": "PERCENT"},
        "clientToken": "t",
        "externalId": format!("bluegreen run {}", plan.run),
    });
    assert_eq!(request, expected);
    let scale =
        TaskSetChange::Scale { set: "new".into(), fleet: fleet(Color::Green, None, 1), scale: SetScale::exactly(1, 4) };
    let sent = TaskSetRequest::Scale { set: "new".into(), scale: SetScale::exactly(1, 4) };
    assert_eq!(plan.task_set_request(&scale), sent);
}

#[test]
fn an_absent_fleet_has_no_tasks_and_the_old_revision() {
    let sets = Sets::empty();
    let found = sets.0.seen.services.ok().unwrap();
    assert_eq!((found.green.desired, found.green.running, found.green.task_definition.short()), (0, 0, "web:1"));
    assert_eq!((found.blue.desired, found.blue.task_sets.len(), found.green.task_sets.len()), (4, 1, 0));
}
