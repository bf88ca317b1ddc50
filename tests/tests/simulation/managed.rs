//! Releases that AWS carries out, by CodeDeploy and by ECS itself: the same loop, the same faults, the same laws.

use std::time::Duration;

use bluegreen_core::drive::Ended;
use bluegreen_core::journal::{Body, Fact, Terminal, Verb};
use bluegreen_core::model::{Color, DriftPolicy, NoData, Percent, Split, Step, Weight};
use bluegreen_core::observe::AlarmState;
use bluegreen_core::plan::Plan;
use bluegreen_core::ports::ServiceChange;
use bluegreen_sandbox::executor::{Report, Schedule, Sim};
use bluegreen_sandbox::faults::{Fault, FaultRule, Operations};
use bluegreen_sandbox::scenario::{CLUSTER, METRIC_ALARMS, SERVICE, Scenario};
use bluegreen_sandbox::seed::Sequence;
use bluegreen_sandbox::trace::{Detail, ReleaseWrite};
use bluegreen_sandbox::world::{Behaviour, Deed, Lag, ReadLags, When, World};

use super::crash::{DOWNTIME, sweep_within, ten};
use super::faults::{fail_each_call, lose_each_answer, now};
use super::pair::{every_interleaving, plans, random_interleavings, two_resume};
use super::swarm::{killed_and_resumed, seeds_that_fail};
use super::{Outcome, assert_clean, driver, one_operator, run, start, terminal};

/// Both, by name.
fn both() -> [(&'static str, Scenario); 2] {
    [("codedeploy", Scenario::by_codedeploy()), ("ecs", Scenario::by_ecs())]
}

fn red(scenario: &Scenario) -> Scenario {
    scenario.clone().red_at(ten(), Duration::from_secs(4), None)
}

/// How many deployments operators have started.
fn started(sim: &Sim<Outcome>) -> usize {
    let trace = sim.trace();
    let starts =
        trace.iter().filter(|call| call.applied && matches!(call.detail, Detail::Release(ReleaseWrite::Start(_))));
    starts.count()
}

#[test]
fn a_calm_release_is_promoted_by_aws() {
    for (name, scenario) in both() {
        let plan = scenario.plan();
        let mut sim = one_operator(&scenario, &plan);
        let report = run(&mut sim, name);
        eprintln!("{name}: {:?} {} polls {:?} calls", report.elapsed, report.polls("a"), sim.trace().len());
        assert_eq!(terminal(&report, "a"), Some(Terminal::Promoted), "{name}: {:?}", report.operators);
        assert_eq!((started(&sim), sim.world(|world| world.traffic.lost)), (1, 0), "{name}");
        let journal = sim.journal(&plan.run);
        let told = |test: fn(&Fact) -> bool| {
            journal.iter().any(|record| matches!(&record.body, Body::Fact(fact) if test(fact)))
        };
        assert!(told(|fact| matches!(fact, Fact::Lifecycle { .. })), "{name}: events are followed");
        assert!(told(|fact| matches!(fact, Fact::Shifted { .. })), "{name}: weights are followed");
        assert!(told(|fact| matches!(fact, Fact::Waits { .. })), "{name}: waits are followed");
    }
}

#[test]
fn a_red_alarm_has_aws_take_it_back() {
    for (name, scenario) in both() {
        let scenario = red(&scenario);
        let mut sim = one_operator(&scenario, &scenario.plan());
        let report = run(&mut sim, name);
        eprintln!("{name}: {:?}", report.elapsed);
        assert_eq!(terminal(&report, "a"), Some(Terminal::RolledBack), "{name}: {:?}", report.operators);
        assert_eq!(sim.world(|world| world.traffic.lost), 0, "{name}: whom the way back finds is served");
    }
}

#[test]
fn red_at_the_start_starts_nothing() {
    for (name, scenario) in both() {
        let mut sim = one_operator(&scenario, &scenario.plan());
        sim.world_mut(|world| world.set_alarm(METRIC_ALARMS[0], AlarmState::Alarm, "scripted"));
        let report = run(&mut sim, name);
        assert_eq!((terminal(&report, "a"), started(&sim)), (Some(Terminal::Refused), 0), "{name}");
    }
}

/// A killed run has doubts to clear up: it may take that much longer.
fn killed_anywhere(story: &str, scenario: &Scenario, expected: Terminal) {
    let extra = DOWNTIME + Duration::from_secs(12);
    sweep_within(story, scenario, &|_, _| {}, expected, extra);
}

fn killed_and_aborted(story: &str, scenario: &Scenario) {
    let extra = DOWNTIME + Duration::from_secs(12);
    let abort = |sim: &mut Sim<Outcome>, plan: &Plan| sim.give_after(Duration::from_secs(8), &plan.run, Verb::Abort);
    sweep_within(story, scenario, &abort, Terminal::Aborted, extra);
}

#[test]
fn a_calm_release_by_codedeploy_survives_a_kill_anywhere() {
    killed_anywhere("codedeploy calm", &Scenario::by_codedeploy(), Terminal::Promoted);
}

#[test]
fn a_red_release_by_codedeploy_survives_a_kill_anywhere() {
    killed_anywhere("codedeploy red", &red(&Scenario::by_codedeploy()), Terminal::RolledBack);
}

#[test]
fn an_aborted_release_by_codedeploy_survives_a_kill_anywhere() {
    killed_and_aborted("codedeploy abort", &Scenario::by_codedeploy());
}

#[test]
fn a_calm_release_by_ecs_survives_a_kill_anywhere() {
    killed_anywhere("ecs calm", &Scenario::by_ecs(), Terminal::Promoted);
}

#[test]
fn a_red_release_by_ecs_survives_a_kill_anywhere() {
    killed_anywhere("ecs red", &red(&Scenario::by_ecs()), Terminal::RolledBack);
}

#[test]
fn an_aborted_release_by_ecs_survives_a_kill_anywhere() {
    killed_and_aborted("ecs abort", &Scenario::by_ecs());
}

#[test]
fn every_order_may_lose_its_answer() {
    for (name, calm) in both() {
        for (scenario, expected) in [(calm.clone(), Terminal::Promoted), (red(&calm), Terminal::RolledBack)] {
            lose_each_answer(name, &scenario, expected, |sim, story| assert_eq!(started(sim), 1, "{story}"));
        }
    }
}

#[test]
fn every_call_of_a_managed_release_may_fail_once() {
    for (name, scenario) in both() {
        fail_each_call(name, &scenario, 2, |sim, story| assert_eq!(started(sim), 1, "{story}"));
    }
}

/// Answers up to 30 s old, of every kind, and a data plane up to a minute behind.
#[test]
fn old_answers_break_no_managed_release() {
    for (name, scenario) in both() {
        for seed in 0..8 {
            let mut scenario = scenario.clone().aws_like();
            scenario.seed = seed;
            scenario.lags = ReadLags::all(Lag::up_to(30_000));
            let story = format!("{name}, seed {seed}");
            let mut sim = one_operator(&scenario, &scenario.plan());
            let report = run(&mut sim, &story);
            assert_eq!(terminal(&report, "a"), Some(Terminal::Promoted), "{story}: {:?}", report.operators);
            let scenario = scenario.red_at(ten(), Duration::from_secs(60), None);
            let mut sim = one_operator(&scenario, &scenario.plan());
            let report = run(&mut sim, &story);
            assert_eq!(terminal(&report, "a"), Some(Terminal::RolledBack), "red, {story}: {:?}", report.operators);
        }
    }
}

#[test]
fn throttling_delays_a_managed_release_and_breaks_nothing() {
    for (name, scenario) in both() {
        for seed in 0..4 {
            let mut scenario = scenario.clone().aws_like();
            scenario.seed = seed;
            let from = now(&scenario);
            let mut sim = one_operator(&scenario, &scenario.plan());
            let storm = FaultRule::new(Operations::All, Fault::THROTTLED).within(from..from + 600_000);
            sim.fault(storm.with_probability(500));
            let report = run(&mut sim, &format!("{name}, seed {seed}"));
            assert_eq!(terminal(&report, "a"), Some(Terminal::Promoted), "{name}, seed {seed}: {:?}", report.operators);
        }
    }
}

/// Two releases of the same service. Where ECS carries one out, its mark stands in the plan's pauses.
#[test]
fn every_interleaving_of_two_operators_of_codedeploy_is_safe() {
    every_interleaving("CodeDeploy", &Scenario::by_codedeploy());
}

#[test]
fn every_interleaving_of_two_operators_of_ecs_is_safe() {
    every_interleaving("ECS", &Scenario::by_ecs());
}

#[test]
fn two_operators_of_one_service_never_both_work() {
    for (name, scenario) in both() {
        random_interleavings(name, &scenario, |sim, story| assert_eq!(started(sim), 1, "{story}"));
    }
}

#[test]
fn two_that_resume_one_managed_run_do_not_disturb_each_other() {
    for (name, scenario) in both() {
        two_resume(name, &scenario, 20);
    }
}

/// Somebody else's deployment is under way: ours is not started, and theirs is named.
#[test]
fn a_foreign_deployment_refuses_ours() {
    let why = |report: &Report<Outcome>| match report.result("a") {
        Some(Ok(Ended::Finished(ending))) => ending.why.clone(),
        other => panic!("{other:?}"),
    };
    for (name, scenario) in both() {
        let plans = plans(&scenario);
        let mut sim = one_operator(&scenario, &plans[0]);
        sim.world_mut(|world| foreign_start(world, &scenario));
        let report = run(&mut sim, name);
        assert_eq!(terminal(&report, "a"), Some(Terminal::Refused), "{name}: {:?}", report.operators);
        assert!(why(&report).contains("is not this run's"), "{name}: {}", why(&report));
        assert_eq!(started(&sim), 0, "{name}");
    }
}

/// Somebody deploys with the AWS CLI: the same revision again, without our mark.
fn foreign_start(world: &mut World, scenario: &Scenario) {
    use bluegreen_sandbox::scenario::{APPLICATION, GROUP, Mover};
    use bluegreen_sandbox::world::codedeploy::{NewDeployment, read_revision};

    let revision = scenario.old_revision();
    match scenario.mover {
        Mover::CodeDeploy => {
            let info = serde_json::json!({"ContainerName": "app", "ContainerPort": 8080});
            let properties = serde_json::json!({"TaskDefinition": revision.as_str(), "LoadBalancerInfo": info});
            let service = serde_json::json!({"TargetService": {"Type": "AWS::ECS::Service", "Properties": properties}});
            let appspec = serde_json::json!({"version": "0.0", "Resources": [service]}).to_string();
            let new = NewDeployment {
                application: APPLICATION.to_owned(),
                group: GROUP.to_owned(),
                revision: read_revision(&appspec, None, false).unwrap(),
                config: None,
                description: String::new(),
                alarms: None,
                rollback: None,
            };
            world.create_deployment(new).unwrap();
        }
        Mover::Ecs | Mover::Operator => {
            let document = world.state().definitions[&revision].document.clone();
            let newer = world.register(&document, std::collections::BTreeMap::new()).unwrap();
            let change = ServiceChange { color: Color::Blue, task_definition: Some(newer), desired: None };
            world.update_service(CLUSTER, SERVICE, &change).unwrap();
        }
    }
}

/// Somebody stops our deployment, or lets it go on, before any call: it is told, and followed to a verified end.
#[test]
fn what_others_do_to_our_deployment_is_followed() {
    for (name, scenario) in both() {
        for deed in [Deed::StopDeployments, Deed::ContinueDeployments] {
            let plan = scenario.plan();
            let mut calm = one_operator(&scenario, &plan);
            run(&mut calm, "calm");
            let calls = calm.trace().len() as u64;
            for index in (0..calls).step_by(5) {
                let mut sim = one_operator(&scenario, &plan);
                sim.world_mut(|world| world.script(When::BeforeCall(index), deed.clone()));
                let story = format!("{name}, {deed:?} before call {index}");
                let report = run(&mut sim, &story);
                let expected: &[Terminal] = match deed {
                    Deed::ContinueDeployments => &[Terminal::Promoted],
                    // After the commit it is a release that somebody took back: a person should know.
                    _ => &[Terminal::Promoted, Terminal::RolledBack, Terminal::Held],
                };
                let ended = terminal(&report, "a");
                assert!(ended.is_some_and(|ended| expected.contains(&ended)), "{story}: {:?}", report.operators);
                assert_eq!(started(&sim), 1, "{story}");
            }
        }
    }
}

/// CodeDeploy stops and leaves 10 % where they are: then the weights are put back by us.
#[test]
fn weights_that_are_left_behind_are_put_back() {
    let scenario = Scenario::by_codedeploy();
    let plan = scenario.plan();
    for after in (0..24_000).step_by(1_000) {
        let mut sim = one_operator(&scenario, &plan);
        let when = When::At(now(&scenario) + after);
        sim.world_mut(|world| world.script(when, Deed::AbandonDeployments));
        let story = format!("abandoned after {after} ms");
        let report = run(&mut sim, &story);
        let expected = [Terminal::Promoted, Terminal::RolledBack, Terminal::Held];
        let ended = terminal(&report, "a");
        assert!(ended.is_some_and(|ended| expected.contains(&ended)), "{story}: {:?}", report.operators);
    }
}

/// Weights that somebody else writes are noticed, and never taken for AWS's.
#[test]
fn a_foreign_edit_of_a_managed_route_is_noticed() {
    for (name, scenario) in both() {
        for policy in [DriftPolicy::Hold, DriftPolicy::Rollback] {
            let mut scenario = scenario.clone();
            scenario.drift = policy;
            let plan = scenario.plan();
            let groups = scenario.groups();
            let weight = |weight: u32| Weight::try_from(weight).unwrap();
            let split = Split::new(vec![(groups.blue, weight(630)), (groups.green, weight(370))]).unwrap();
            let id = scenario.route_ids()[0].clone();
            // At the hold at 10 %, where nobody writes for a while.
            let when = When::At(now(&scenario) + 9_000);
            let mut sim = one_operator(&scenario, &plan);
            sim.world_mut(|world| world.script(when, Deed::EditWeights(id, split)));
            let story = format!("{name}, {policy:?}");
            let report = run(&mut sim, &story);
            let drift = sim.journal(&plan.run).iter().any(|r| matches!(&r.body, Body::Fact(Fact::Drift { .. })));
            // CodeDeploy would go on by itself: there, nothing can be held.
            let expected = match policy {
                DriftPolicy::Hold if name == "ecs" => Terminal::Held,
                DriftPolicy::Hold | DriftPolicy::Rollback => Terminal::RolledBack,
            };
            assert!(drift, "{story}: {:?}", report.operators);
            assert_eq!(terminal(&report, "a"), Some(expected), "{story}: {:?}", report.operators);
        }
    }
}

/// A revision that never gets ready gets no traffic, and AWS takes it back.
#[test]
fn a_managed_revision_that_never_gets_ready_gets_no_traffic() {
    for (name, scenario) in both() {
        for behaviour in [Behaviour::NeverStarts, Behaviour::NeverHealthy] {
            let mut sim = one_operator(&scenario, &scenario.plan());
            sim.world_mut(|world| world.set_behaviour("web:2", behaviour));
            let story = format!("{name}, {behaviour:?}");
            let report = run(&mut sim, &story);
            assert_eq!(terminal(&report, "a"), Some(Terminal::RolledBack), "{story}: {:?}", report.operators);
            assert_eq!(sim.world(|world| world.traffic.last_exposed(&scenario.groups().green)), None, "{story}");
        }
    }
}

/// While alarms cannot be read nothing is started or let go on.
#[test]
fn unreadable_alarms_stop_orders() {
    for (name, scenario) in both() {
        let mut scenario = scenario.clone();
        scenario.alarm_policy.unreadable = NoData::Wait(Duration::from_secs(30));
        let from = now(&scenario) + 2_000;
        for (length, expected) in [(15_000, Terminal::Promoted), (120_000, Terminal::RolledBack)] {
            let mut sim = one_operator(&scenario, &scenario.plan());
            let rule = FaultRule::new(Operations::Named("cloudwatch:".into()), Fault::THROTTLED);
            sim.fault(rule.within(from..from + length));
            let story = format!("{name}, {length} ms");
            let report = run(&mut sim, &story);
            assert_eq!(terminal(&report, "a"), Some(expected), "{story}: {:?}", report.operators);
            let blind = |at| (from..from + length).contains(&sim.world(|world| world.ms(at)));
            let orders = sim.trace().into_iter().filter(|call| {
                matches!(call.detail, Detail::Release(ReleaseWrite::GoOn(..))) && call.applied && blind(call.at)
            });
            assert_eq!(orders.count(), 0, "{story}");
        }
    }
}

/// Orders at any time: an abort brings the baseline back, or comes too late and says so.
#[test]
fn orders_are_obeyed_at_any_time_of_a_managed_release() {
    for (name, scenario) in both() {
        let plan = scenario.plan();
        for after in (0..34).step_by(2) {
            for verb in [Verb::Abort, Verb::PromoteFull] {
                let mut sim = one_operator(&scenario, &plan);
                sim.give_after(Duration::from_secs(after), &plan.run, verb);
                let story = format!("{name}, {verb:?} after {after} s");
                let report = run(&mut sim, &story);
                let expected: &[Terminal] = match verb {
                    Verb::Abort => &[Terminal::Aborted, Terminal::Promoted],
                    _ => &[Terminal::Promoted],
                };
                let ended = terminal(&report, "a");
                assert!(ended.is_some_and(|ended| expected.contains(&ended)), "{story}: {:?}", report.operators);
            }
        }
    }
}

/// A person at the wheel: the first weight waits for a word, and at a pause an abort goes back.
/// Looks that take seconds: an order that comes during one is obeyed before anything is started or let go on.
#[test]
fn an_order_that_comes_during_a_look_comes_first() {
    for (name, scenario) in both() {
        let plan = scenario.plan();
        for tick in 0..60 {
            let after = Duration::from_millis(500 * tick);
            let mut sim = one_operator(&scenario, &plan);
            sim.fault(FaultRule::new(Operations::Named("cloudwatch:DescribeAlarms".into()), Fault::Slow(2_000)));
            sim.give_after(after, &plan.run, Verb::Abort);
            let given = scenario.world().now() + after;
            let story = format!("{name}, after {after:?}");
            run(&mut sim, &story);
            let forward = |write: &ReleaseWrite| matches!(write, ReleaseWrite::Start(_) | ReleaseWrite::GoOn(..));
            let late = sim
                .trace()
                .into_iter()
                .find(|call| call.sent_at > given && matches!(&call.detail, Detail::Release(write) if forward(write)));
            assert!(late.is_none(), "{story}: {late:?}");
        }
    }
}

#[test]
fn a_leading_wait_for_a_person_is_kept() {
    for (name, scenario) in both() {
        let mut scenario = scenario.clone();
        scenario.steps.insert(0, Step::AwaitPromote);
        let plan = scenario.plan();
        for (verb, expected) in [(Verb::Promote, Terminal::Promoted), (Verb::Abort, Terminal::Aborted)] {
            let mut sim = one_operator(&scenario, &plan);
            sim.give_after(Duration::from_secs(40), &plan.run, verb);
            let report = run(&mut sim, name);
            assert_eq!(terminal(&report, "a"), Some(expected), "{name}: {:?}", report.operators);
            let begun = sim.world(|world| world.traffic.last_exposed(&scenario.groups().green));
            assert_eq!(begun.is_some(), verb == Verb::Promote, "{name}");
        }
    }
}

/// A journal that cannot be written: the deployment is taken back, or was complete; what is reported is true.
#[test]
fn a_full_disk_takes_a_managed_release_back() {
    for (name, scenario) in both() {
        let plan = scenario.plan();
        let begin = now(&scenario);
        for from in (0..26_000).step_by(1_000) {
            for length in [2_000, 1_000_000] {
                let mut sim = one_operator(&scenario, &plan);
                sim.fill_disk(begin + from..begin + from + length);
                let again = (sim.ports("b").clock, driver(&sim, "b"), plan.run.clone());
                sim.spawn("b", async move {
                    let (clock, driver, run) = again;
                    clock.sleep_until(clock.now() + Duration::from_secs(2_000)).await;
                    driver.resume(&run).await
                });
                let report = sim.run(&Schedule::RoundRobin);
                assert_clean(&sim, &report, &format!("{name}: full from {from} ms for {length} ms"));
            }
        }
    }
}

/// Everything at once, by seed.
fn one(name: &str, scenario: &Scenario, seed: u64) {
    let mut dice = Sequence::new(seed);
    let mut scenario = scenario.clone();
    if dice.below(2) == 0 {
        scenario = scenario.aws_like();
        scenario.lags = ReadLags::all(Lag::up_to([0, 5_000, 30_000][dice.below(3)]));
    }
    scenario.seed = seed;
    scenario.drift = [DriftPolicy::Hold, DriftPolicy::Rollback][dice.below(2)];
    if dice.below(3) == 0 {
        let share = Percent::from_tenths([100, 1000][dice.below(2)]).unwrap();
        scenario = scenario.red_at(share, Duration::from_secs(dice.below(8) as u64), None);
    }
    let plan = scenario.plan();
    let mut sim = Sim::new(scenario.world(), seed);
    sim.bounds.time = Duration::from_secs(24 * 3600);
    start(&mut sim, "a", &plan);
    let begin = now(&scenario);
    let span = if scenario.timing.poll > Duration::from_secs(1) { 1_200_000 } else { 30_000 };
    let at = |dice: &mut Sequence| begin + dice.below(span) as u64;
    if dice.below(2) == 0 {
        let from = at(&mut dice);
        let rule = FaultRule::new(Operations::All, Fault::THROTTLED).within(from..from + span as u64 / 2);
        sim.fault(rule.with_probability([100, 300, 500][dice.below(3)]));
    }
    for fault in [Fault::TIMEOUT_APPLIED, Fault::TIMEOUT_NOT_APPLIED] {
        if dice.below(3) == 0 {
            sim.fault(FaultRule::new(Operations::Mutations, fault).with_probability(150));
        }
    }
    let deeds = [
        Deed::StopDeployments,
        Deed::AbandonDeployments,
        Deed::ContinueDeployments,
        Deed::SetAlarm(METRIC_ALARMS[1].to_owned(), AlarmState::Alarm),
        Deed::SetAlarm(METRIC_ALARMS[1].to_owned(), AlarmState::InsufficientData),
        Deed::Behave("web:2".to_owned(), Behaviour::NeverHealthy),
    ];
    if dice.below(2) == 0 {
        let when = When::At(at(&mut dice));
        let deed = deeds[dice.below(deeds.len())].clone();
        sim.world_mut(|world| world.script(when, deed));
    }
    if dice.below(4) == 0 {
        let verb = [Verb::Abort, Verb::PromoteFull][dice.below(2)];
        sim.give_after(Duration::from_secs(dice.below(60) as u64), &plan.run, verb);
    }
    killed_and_resumed(&mut sim, &plan, &mut dice);
    let report = sim.run(&Schedule::RoundRobin);
    assert_clean(&sim, &report, &format!("{name}, seed {seed}, {scenario:#?}"));
}

#[test]
fn a_swarm_of_managed_releases_breaks_no_law() {
    for (name, scenario) in both() {
        seeds_that_fail(name, 100, |seed| one(name, &scenario, seed));
    }
}
