//! Slow, stale, throttled, refused and lost calls: forward motion may stop, the laws hold.

use std::time::Duration;

use bluegreen_core::journal::{Body, Fact, Terminal, Verb};
use bluegreen_core::model::{Color, DriftPolicy, NoData, Split, Weight};
use bluegreen_core::observe::AlarmState;
use bluegreen_core::ports::ServiceChange;
use bluegreen_sandbox::executor::{End, Report, Schedule, Sim};
use bluegreen_sandbox::faults::{Fault, FaultRule, Operations};
use bluegreen_sandbox::scenario::{CLUSTER, METRIC_ALARMS, Scenario, fast_timing};
use bluegreen_sandbox::trace::Call;
use bluegreen_sandbox::world::{Deed, Lag, Ms, ReadLags, When, World};

use super::crash::ten;
use super::{Outcome, assert_clean, driver, one_operator, run, terminal};

/// Runs the scenario with one rule of faults.
pub(super) fn with_fault(scenario: &Scenario, rule: FaultRule, story: &str) -> (Sim<Outcome>, Report<Outcome>) {
    let mut sim = one_operator(scenario, &scenario.plan());
    sim.fault(rule);
    let report = run(&mut sim, story);
    (sim, report)
}

/// How many mutations of AWS a whole run makes.
pub(super) fn mutations(scenario: &Scenario) -> u64 {
    let mut sim = one_operator(scenario, &scenario.plan());
    run(&mut sim, "count");
    sim.trace().iter().filter(|call| call.mutating && !call.operation.starts_with("journal:")).count() as u64
}

pub(super) fn now(scenario: &Scenario) -> Ms {
    scenario.world().now_ms()
}

/// Every mutation in turn loses its answer, having taken effect or not: the end is the `expected` one all the same.
pub(super) fn lose_each_answer(
    name: &str,
    scenario: &Scenario,
    expected: Terminal,
    also: impl Fn(&Sim<Outcome>, &str),
) {
    for nth in 0..mutations(scenario) {
        for fault in [Fault::TIMEOUT_APPLIED, Fault::TIMEOUT_NOT_APPLIED] {
            let story = format!("{name}, mutation {nth} {fault:?}");
            let (sim, report) = with_fault(scenario, FaultRule::new(Operations::Mutations, fault).nth(nth), &story);
            assert_eq!(terminal(&report, "a"), Some(expected), "{story}: {:?}", report.operators);
            also(&sim, &story);
        }
    }
}

/// Every call in turn meets one of the first `usual` failures, and every fourth also a late or an old answer, which cost
/// more to simulate.
pub(super) fn fail_each_call(name: &str, scenario: &Scenario, usual: usize, also: impl Fn(&Sim<Outcome>, &str)) {
    let mut calm = one_operator(scenario, &scenario.plan());
    run(&mut calm, "calm");
    for index in 0..calm.trace().len() as u64 {
        let late = [Fault::Stale(900), Fault::Slow(4_000)][usize::try_from(index / 4 % 2).unwrap()];
        let faults = [Fault::SERVER_ERROR, Fault::TIMEOUT_APPLIED, late];
        for fault in faults.into_iter().take(if index % 4 == 0 { faults.len() } else { usual }) {
            let story = format!("{name}, call {index} {fault:?}");
            let (sim, report) = with_fault(scenario, FaultRule::new(Operations::All, fault).at(index), &story);
            assert_eq!(terminal(&report, "a"), Some(Terminal::Promoted), "{story}: {:?}", report.operators);
            also(&sim, &story);
        }
    }
}

fn new_revisions(sim: &Sim<Outcome>) -> usize {
    sim.world(|world| world.state().definitions.len()) - 1
}

#[test]
fn every_mutation_may_lose_its_answer() {
    let calm = Scenario::shop().with_routes(2);
    let red = Scenario::shop().with_routes(2).red_at(ten(), Duration::from_secs(4), None);
    for (scenario, expected) in [(calm, Terminal::Promoted), (red, Terminal::RolledBack)] {
        lose_each_answer("two services", &scenario, expected, |sim, story| {
            assert_eq!(new_revisions(sim), 1, "{story}");
        });
    }
}

/// The observed share is for eyes: neither a step nor a rollback waits long for it.
#[test]
fn a_slow_metric_keeps_no_decision_waiting() {
    let scenario = Scenario::shop().with_routes(2).red_at(ten(), Duration::from_secs(4), None);
    let last_write = |sim: &Sim<Outcome>| {
        let trace = sim.trace();
        let writes = trace.iter().filter(|call| call.operation.starts_with("elbv2:Modify"));
        writes.map(|call| call.at).max().unwrap()
    };
    let mut prompt = one_operator(&scenario, &scenario.plan());
    run(&mut prompt, "prompt metrics");
    let rule = FaultRule::new(Operations::Named("cloudwatch:GetMetricData".into()), Fault::Slow(40_000));
    let (slow, report) = with_fault(&scenario, rule, "slow metrics");
    assert_eq!(terminal(&report, "a"), Some(Terminal::RolledBack), "{:?}", report.operators);
    let late = last_write(&slow).duration_since(last_write(&prompt)).as_millis();
    assert!(late < 10_000, "the baseline came back {late} ms later");
}

/// Each call may fail once in each way: a run that goes on afterwards ends like a calm one, or goes back.
#[test]
fn every_call_may_fail_once() {
    fail_each_call("two services", &Scenario::shop().with_routes(2), 2, |sim, story| {
        assert!(new_revisions(sim) <= 1, "{story}");
    });
}

#[test]
fn stale_reads_break_nothing() {
    for seed in 0..12 {
        let mut scenario = Scenario::shop().with_routes(2).aws_like();
        scenario.seed = seed;
        scenario.lags = ReadLags::all(Lag::up_to(30_000));
        let mut sim = one_operator(&scenario, &scenario.plan());
        let report = run(&mut sim, &format!("calm, seed {seed}"));
        assert_eq!(terminal(&report, "a"), Some(Terminal::Promoted), "seed {seed}: {:?}", report.operators);
        let scenario = scenario.red_at(ten(), Duration::from_secs(120), Some(Duration::from_secs(60)));
        let mut sim = one_operator(&scenario, &scenario.plan());
        let report = run(&mut sim, &format!("red, seed {seed}"));
        assert_eq!(terminal(&report, "a"), Some(Terminal::RolledBack), "seed {seed}: {:?}", report.operators);
    }
}

#[test]
fn ten_minutes_of_throttling_are_sat_out() {
    for seed in 0..12 {
        let mut scenario = Scenario::shop().with_routes(2).aws_like();
        scenario.seed = seed;
        let from = now(&scenario);
        let storm = |operations| {
            FaultRule::new(operations, Fault::THROTTLED).within(from..from + 600_000).with_probability(500)
        };
        let (sim, report) = with_fault(&scenario, storm(Operations::All), &format!("seed {seed}"));
        assert_eq!(terminal(&report, "a"), Some(Terminal::Promoted), "seed {seed}: {:?}", report.operators);
        assert_eq!(new_revisions(&sim), 1, "seed {seed}");
        let red = scenario.clone().red_at(ten(), Duration::from_secs(60), None);
        let (_, report) = with_fault(&red, storm(Operations::All), &format!("red, seed {seed}"));
        assert_eq!(terminal(&report, "a"), Some(Terminal::RolledBack), "seed {seed}: {:?}", report.operators);
    }
}

/// While alarms cannot be read nothing rises; when they stay unreadable the run goes back.
#[test]
fn unreadable_alarms_stop_forward_motion() {
    let mut scenario = Scenario::shop().with_routes(2);
    scenario.alarm_policy.unreadable = NoData::Wait(Duration::from_secs(30));
    let from = now(&scenario) + 6_000;
    for (length, expected) in [(20_000, Terminal::Promoted), (120_000, Terminal::RolledBack)] {
        for fault in [Fault::THROTTLED, Fault::DENIED, Fault::TIMEOUT_APPLIED] {
            let rule = FaultRule::new(Operations::Named("cloudwatch:".into()), fault).within(from..from + length);
            let story = format!("{length} ms of {fault:?}");
            let (sim, report) = with_fault(&scenario, rule, &story);
            let blind = |call: &Call| {
                let at = sim.world(|world| world.ms(call.at));
                (from..from + length).contains(&at)
            };
            let writes = sim
                .trace()
                .iter()
                .filter(|call| call.mutating && call.operation.starts_with("elbv2:Modify") && blind(call))
                .count();
            if expected == Terminal::Promoted {
                assert_eq!(writes, 0, "{story}");
            }
            assert_eq!(terminal(&report, "a"), Some(expected), "{story}: {:?}", report.operators);
        }
    }
}

/// Somebody else edits a route before each call of the run: it is noticed, recorded, and never overwritten in silence.
#[test]
fn a_foreign_edit_before_any_call_is_noticed() {
    for policy in [DriftPolicy::Hold, DriftPolicy::Rollback] {
        let mut scenario = Scenario::shop().with_routes(2);
        scenario.drift = policy;
        let plan = scenario.plan();
        let mut calm = one_operator(&scenario, &plan);
        run(&mut calm, "calm");
        let groups = scenario.groups();
        let weight = |weight: u32| Weight::try_from(weight).unwrap();
        let split = Split::new(vec![(groups.blue, weight(970)), (groups.green, weight(30))]).unwrap();
        let calls = calm.trace().len() as u64;
        let routes = scenario.route_ids();
        let mut unseen = Vec::new();
        for index in 0..calls {
            let id = &routes[usize::try_from(index).unwrap() % routes.len()];
            let mut sim = one_operator(&scenario, &plan);
            sim.world_mut(|world| world.script(When::BeforeCall(index), Deed::EditWeights(id.clone(), split.clone())));
            let story = format!("{policy:?}, {id} before call {index}");
            let report = run(&mut sim, &story);
            let drift = sim.journal(&plan.run).iter().any(|r| matches!(&r.body, Body::Fact(Fact::Drift { .. })));
            let ended = terminal(&report, "a");
            let expected: &[Terminal] = match policy {
                DriftPolicy::Hold => &[Terminal::Held, Terminal::Refused],
                DriftPolicy::Rollback => &[Terminal::RolledBack, Terminal::Held, Terminal::Refused],
            };
            if ended == Some(Terminal::Promoted) && !drift {
                unseen.push(index);
                continue;
            }
            assert!(drift && ended.is_some_and(|ended| expected.contains(&ended)), "{story}: {:?}", report.operators);
        }
        // There is no conditional write in this API: an edit between the last look at a route and our own write to it
        // is overwritten unseen, and one after the last look before the commit finds a release that has succeeded.
        let calls = calm.trace();
        let before_write = |index: &u64| {
            let next = calls.iter().filter(|call| call.index >= *index && call.operation.starts_with("elbv2:"));
            let mut next = next.filter(|call| call.mutating || call.operation == "elbv2:DescribeRules");
            let committed = calls.iter().find(|call| call.argument == "Fact Committed").unwrap().index;
            let looked = |call: &&Call| call.index < committed && call.operation == "elbv2:DescribeRules";
            let last_look = calls.iter().rfind(looked).unwrap().index;
            next.next().is_none_or(|call| call.mutating) || *index > last_look
        };
        let missed: Vec<u64> = unseen.into_iter().filter(|index| !before_write(index)).collect();
        assert!(missed.is_empty(), "{policy:?}: not noticed although looked at: {missed:?}");
    }
}

fn deeds(scenario: &Scenario) -> Vec<Deed> {
    let more = ServiceChange { color: Color::Blue, task_definition: None, desired: Some(8) };
    vec![
        Deed::DeleteAlarm(METRIC_ALARMS[1].to_owned()),
        Deed::EditAlarm(METRIC_ALARMS[1].to_owned(), "threshold 1000".to_owned()),
        Deed::SetAlarm(METRIC_ALARMS[1].to_owned(), AlarmState::Alarm),
        Deed::SetAlarm(METRIC_ALARMS[1].to_owned(), AlarmState::InsufficientData),
        Deed::DeleteRoute(scenario.route_ids()[0].clone()),
        Deed::UpdateService(CLUSTER.to_owned(), "web-blue".to_owned(), more),
        Deed::UpdateService(
            CLUSTER.to_owned(),
            "web-green".to_owned(),
            ServiceChange { color: Color::Green, task_definition: Some(scenario.old_revision()), desired: None },
        ),
        Deed::LoseTasks(CLUSTER.to_owned(), "web-green".to_owned(), 4),
        Deed::LoseTasks(CLUSTER.to_owned(), "web-blue".to_owned(), 4),
    ]
}

/// Whatever somebody else does, at whatever call: the laws hold and the run comes to an end.
#[test]
fn whatever_others_do_the_laws_hold() {
    let scenario = Scenario::shop().with_routes(2);
    broken_laws(&scenario, deeds(&scenario), &[]);
}

/// The stable fleet made smaller, or its revision deregistered, by somebody else: no weight goes up after that was seen.
#[test]
fn others_may_weaken_the_way_back() {
    let scenario = Scenario::shop().with_routes(2);
    let change = ServiceChange { color: Color::Blue, task_definition: None, desired: Some(1) };
    let smaller = Deed::UpdateService(CLUSTER.to_owned(), "web-blue".to_owned(), change);
    broken_laws(&scenario, vec![smaller, Deed::Deregister(scenario.old_revision())], &[]);
}

/// Does each deed before every seventh call of a run; fails where a law breaks that is not excused.
pub(super) fn broken_laws(scenario: &Scenario, deeds: Vec<Deed>, excused: &[&str]) {
    let plan = scenario.plan();
    let mut calm = one_operator(scenario, &plan);
    run(&mut calm, "calm");
    let calls = calm.trace().len() as u64;
    let mut broken = Vec::new();
    for deed in deeds {
        for index in (0..calls).step_by(7) {
            let mut sim = one_operator(scenario, &plan);
            sim.world_mut(|world| world.script(When::BeforeCall(index), deed.clone()));
            let report = sim.run(&Schedule::RoundRobin);
            if report.end != End::Settled
                || report.violations.iter().any(|found| !excused.contains(&found.law))
                || report.result("a").is_none()
            {
                let laws: std::collections::BTreeSet<_> =
                    report.violations.iter().map(|v| (v.law, v.what.clone())).collect();
                broken.push(format!("{deed:?} before call {index}: {:?} {laws:?}", report.end));
            }
        }
    }
    assert!(broken.is_empty(), "{} of them, the first ones: {:#?}", broken.len(), &broken);
}

/// A journal that cannot be written: the way forward ends, traffic goes back, and what is reported is true.
#[test]
fn a_full_disk_sends_the_release_back() {
    let scenario = Scenario::shop().with_routes(2);
    let plan = scenario.plan();
    let start = now(&scenario);
    for from in (0..33_000).step_by(500) {
        for length in [2_000, 1_000_000] {
            let mut sim = one_operator(&scenario, &plan);
            sim.fill_disk(start + from..start + from + length);
            let story = format!("full from {from} ms for {length} ms");
            let again = (sim.ports("b").clock, driver(&sim, "b"), plan.run.clone());
            sim.spawn("b", async move {
                let (clock, driver, run) = again;
                clock.sleep_until(clock.now() + Duration::from_secs(2_000)).await;
                driver.resume(&run).await
            });
            let report = sim.run(&Schedule::RoundRobin);
            assert_clean(&sim, &report, &story);
            // What was rolled back in memory is not promoted later by somebody who reads the journal alone.
            if terminal(&report, "a") == Some(Terminal::RolledBack) {
                assert_ne!(terminal(&report, "b"), Some(Terminal::Promoted), "{story}: {:?}", report.operators);
            }
        }
    }
}

/// Clients with a cookie for the canary are off it after a rollback.
#[test]
fn no_pinned_client_stays_on_the_canary_after_a_rollback() {
    for attached in [false, true] {
        let mut scenario = Scenario::shop().with_routes(2).red_at(ten(), Duration::from_secs(5), None);
        scenario.sticky = Some(20);
        scenario.attached = attached;
        let plan = scenario.plan();
        let mut sim = one_operator(&scenario, &plan);
        sim.world_mut(|world| scenario.clients(50, 1_000, world));
        let green = scenario.groups().green;
        let report = run(&mut sim, "sticky");
        assert_eq!(terminal(&report, "a"), Some(Terminal::RolledBack));
        let pinned = |world: &World| {
            world.traffic.clients.iter().filter(|client| client.served_by.as_ref() == Some(&green)).count()
        };
        sim.world_mut(|world| {
            let now = world.now_ms();
            world.advance_to(now + 5_000);
        });
        assert_eq!(sim.world(pinned), 0, "attached before: {attached}");
    }
}

/// A revision that never gets ready gets no traffic, and the run ends in its deadline.
#[test]
fn a_revision_that_never_gets_ready_gets_no_traffic() {
    use bluegreen_sandbox::world::Behaviour::{NeverHealthy, NeverStarts};
    for behaviour in [NeverStarts, NeverHealthy] {
        let scenario = Scenario::shop().with_routes(2);
        let mut sim = one_operator(&scenario, &scenario.plan());
        sim.world_mut(|world| world.set_behaviour("web:2", behaviour));
        let report = run(&mut sim, "never ready");
        assert_eq!(terminal(&report, "a"), Some(Terminal::RolledBack), "{:?}", report.operators);
        assert_eq!(sim.world(|world| world.traffic.last_exposed(&scenario.groups().green)), None);
    }
}

/// Orders at any time: a pause stops the next rise, an abort always brings the baseline back.
#[test]
fn orders_are_obeyed_at_any_time() {
    let scenario = Scenario::shop().with_routes(2);
    let plan = scenario.plan();
    for after in (0..32).step_by(2) {
        for (verb, expected) in [(Verb::Abort, Terminal::Aborted), (Verb::PromoteFull, Terminal::Promoted)] {
            let mut sim = one_operator(&scenario, &plan);
            sim.give_after(Duration::from_secs(after), &plan.run, verb);
            let report = run(&mut sim, &format!("{verb:?} after {after} s"));
            assert_eq!(terminal(&report, "a"), Some(expected), "{verb:?} after {after} s: {:?}", report.operators);
        }
    }
    assert_eq!(fast_timing(), scenario.timing);
}

/// After the commit the new version dies while the old fleet drains: the old fleet, the last that serves, stays.
#[test]
fn the_old_fleet_stays_when_the_new_one_dies_after_the_commit() {
    let mut scenario = Scenario::shop().with_routes(1);
    scenario.after = bluegreen_core::model::AfterCommit::ScaleTo(0);
    scenario.timing.drain = Duration::from_secs(30);
    // Its last weight is written after 24 s, so that the commit comes before the drain is over.
    let dies = When::At(now(&scenario) + 40_000);
    let mut sim = one_operator(&scenario, &scenario.plan());
    let behaviour = bluegreen_sandbox::world::Behaviour::NeverHealthy;
    sim.world_mut(|world| world.script(dies, Deed::Behave("web:2".to_owned(), behaviour)));
    let report = run(&mut sim, "dies after commit");
    assert_eq!(sim.world(|world| world.health(&scenario.groups().blue).healthy), 4, "{:?}", report.operators);
}
