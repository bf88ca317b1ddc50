use bluegreen_core::journal::{Body, JournalError, Operator, Record};
use bluegreen_core::ports::Ports;

use super::*;
use crate::faults::{Fault, Operations};
use crate::scenario::Scenario;
use crate::trace::Answer;

fn someone(name: &str) -> Operator {
    Operator { user: name.to_owned(), host: "h".to_owned(), pid: 1, version: "0".to_owned() }
}

/// Reads the routes `times` times, a second apart.
async fn watch(ports: Ports, routes: Vec<bluegreen_core::model::RouteId>, times: u64) -> u64 {
    let mut answered = 0;
    for _ in 0..times {
        answered += u64::from(ports.router.routes(&routes).await.is_ok());
        let next = ports.clock.now() + Duration::from_secs(1);
        ports.clock.sleep_until(next).await;
    }
    answered
}

fn two_watchers() -> Sim<u64> {
    let scenario = Scenario::shop();
    let mut sim = Sim::new(scenario.world(), 1);
    for name in ["a", "b"] {
        sim.spawn(name, watch(sim.ports(name), scenario.route_ids(), 3));
    }
    sim
}

fn callers<T: 'static>(sim: &Sim<T>) -> String {
    sim.trace().iter().map(|call| call.operator.clone()).collect()
}

#[test]
fn time_passes_only_when_everybody_waits() {
    let mut sim = two_watchers();
    let report = sim.run(&Schedule::RoundRobin);
    assert_eq!(report.end, End::Settled);
    assert_eq!(report.elapsed, Duration::from_secs(3));
    assert_eq!((report.result("a"), report.result("b")), (Some(&3), Some(&3)));
    // Two yields for each call, one for each sleep, and the end.
    assert_eq!(report.polls("a"), 3 * 3 + 1);
    assert_eq!(callers(&sim), "ababab");
}

#[test]
fn a_schedule_decides_the_order_and_the_same_one_gives_the_same_run() {
    let run = |schedule: &Schedule| {
        let mut sim = two_watchers();
        sim.run(schedule);
        sim.trace()
    };
    let text = |schedule: &Schedule| run(schedule).iter().map(|call| call.operator.clone()).collect::<String>();
    assert_eq!(text(&Schedule::Choices(vec![1, 1, 0, 0])), "bababa");
    let orders: std::collections::BTreeSet<String> = (0..20).map(|seed| text(&Schedule::Random(seed))).collect();
    assert!(orders.len() > 3, "{orders:?}");
    assert_eq!(run(&Schedule::Random(7)), run(&Schedule::Random(7)));
}

#[test]
fn an_exploration_sees_every_order_of_the_first_calls() {
    let mut orders = std::collections::BTreeSet::new();
    let explored = explore(6, two_watchers, |_, sim, report| {
        assert_eq!(report.end, End::Settled);
        orders.insert(callers(sim)[..2].to_owned());
    });
    // Reads commute, so what is left are the numbers of polls of each: 0 to 3 of one, the rest of the other.
    let seen: Vec<&str> = orders.iter().map(String::as_str).collect();
    assert_eq!(seen, ["ab", "ba"]);
    assert!(explored.pruned > 0 && explored.runs >= 2, "{explored:?}");
}

/// Takes the lock, then waits a second.
async fn lock(sim: (Ports, Arc<dyn Store>), name: &'static str) -> bool {
    let run: RunId = "a-run".parse().unwrap();
    let opened = sim.1.open(&run, &someone(name)).await;
    let later = sim.0.clock.now() + Duration::from_secs(1);
    sim.0.clock.sleep_until(later).await;
    match opened {
        Ok(_) => true,
        Err(JournalError::Held { owner, .. }) => {
            assert_ne!(owner, someone(name).to_string());
            false
        }
        Err(error) => panic!("{error}"),
    }
}

fn two_lockers() -> Sim<bool> {
    let mut sim = Sim::new(Scenario::shop().world(), 1);
    for name in ["a", "b"] {
        sim.spawn(name, lock((sim.ports(name), sim.store(name)), name));
    }
    sim
}

#[test]
fn an_exploration_loses_no_outcome() {
    let mut outcomes = std::collections::BTreeSet::new();
    explore(10, two_lockers, |_, _, report| {
        outcomes.insert((report.result("a").copied(), report.result("b").copied()));
    });
    let expected = [(Some(false), Some(true)), (Some(true), Some(false))];
    assert_eq!(outcomes.into_iter().collect::<Vec<_>>(), expected);
}

#[test]
fn a_killed_operator_loses_its_lock_and_its_replacement_starts_after_the_downtime() {
    for at_poll in 2..=3 {
        let mut sim = Sim::new(Scenario::shop().world(), 1);
        sim.spawn("a", lock((sim.ports("a"), sim.store("a")), "a"));
        let again = (sim.ports("a2"), sim.store("a2"));
        sim.crash("a", at_poll, Duration::from_secs(5), Some(("a2", move || lock(again, "a2"))));
        let report = sim.run(&Schedule::RoundRobin);
        assert!(matches!(report.operators[0].fate, Fate::Killed { .. }), "{report:?}");
        assert_eq!(report.result("a2"), Some(&true));
        assert_eq!(report.elapsed, Duration::from_secs(6));
    }
}

#[test]
fn who_never_ends_does_not_settle() {
    let mut sim: Sim<()> = Sim::new(Scenario::shop().world(), 1);
    sim.spawn("a", std::future::pending());
    assert!(matches!(sim.run(&Schedule::RoundRobin).end, End::DidNotSettle(_)));
    let mut sim: Sim<u64> = Sim::new(Scenario::shop().world(), 1);
    sim.bounds.time = Duration::from_secs(60);
    sim.spawn("a", watch(sim.ports("a"), Vec::new(), u64::MAX));
    assert!(matches!(sim.run(&Schedule::RoundRobin).end, End::DidNotSettle(_)));
    let mut sim = two_watchers();
    sim.bounds.polls = 5;
    assert!(matches!(sim.run(&Schedule::RoundRobin).end, End::DidNotSettle(_)));
}

/// Brings both routes to 100 : 0 and says what it was told, without any journal.
async fn attach(ports: Ports, scenario: Scenario) -> Vec<&'static str> {
    use bluegreen_core::model::Color::{Blue, Green};
    let mut told = Vec::new();
    for id in scenario.route_ids() {
        let actions = scenario.actions(&id, &[(Blue, Some(100)), (Green, Some(0))]);
        told.push(match ports.router.set_actions(&id, &actions).await {
            bluegreen_core::ports::Outcome::Applied(()) => "applied",
            bluegreen_core::ports::Outcome::NotApplied(_) => "not applied",
            bluegreen_core::ports::Outcome::Unknown(_) => "unknown",
        });
    }
    told
}

#[test]
fn a_lost_answer_hides_whether_the_write_took_effect() {
    let scenario = Scenario::shop();
    let mut sim = Sim::new(scenario.world(), 1);
    sim.fault(FaultRule::new(Operations::Mutations, Fault::TIMEOUT_APPLIED).nth(0));
    sim.fault(FaultRule::new(Operations::Mutations, Fault::TIMEOUT_NOT_APPLIED).nth(1));
    sim.fault(FaultRule::new(Operations::Named("elbv2:ModifyListener".into()), Fault::THROTTLED));
    sim.spawn("a", attach(sim.ports("a"), scenario.clone()));
    let report = sim.run(&Schedule::RoundRobin);
    assert_eq!(report.result("a").unwrap(), &["unknown", "unknown", "not applied"]);
    let calls = sim.trace();
    let applied: Vec<bool> = calls.iter().map(|call| call.applied).collect();
    assert_eq!(applied, [true, false, false]);
    assert!(matches!(calls[0].answer, Answer::Unknown(_)), "{:?}", calls[0]);
    let green = scenario.groups().green;
    let attached = |id: &_| {
        sim.world(|world| {
            world.state().routes[id].actions.iter().any(|action| format!("{action:?}").contains(green.name()))
        })
    };
    assert_eq!(scenario.route_ids().iter().map(attached).collect::<Vec<_>>(), [true, false, false]);
    // A write without a journal breaks the law at once.
    assert_eq!(report.violations.iter().map(|v| v.law).collect::<Vec<_>>(), ["S4"]);
}

#[test]
fn a_slow_call_takes_effect_in_its_middle() {
    let scenario = Scenario::shop().with_routes(1);
    let mut sim = Sim::new(scenario.world(), 1);
    sim.fault(FaultRule::new(Operations::All, Fault::Slow(10_000)));
    sim.spawn("a", attach(sim.ports("a"), scenario));
    let began = sim.world(World::now);
    let report = sim.run(&Schedule::RoundRobin);
    assert_eq!(sim.trace()[0].at, began + Duration::from_secs(5));
    assert_eq!(report.elapsed, Duration::from_secs(10));
}

#[test]
fn records_are_refused_out_of_order_and_on_a_full_disk() {
    let run: RunId = "a-run".parse().unwrap();
    let mut sim = Sim::new(Scenario::shop().world(), 1);
    let (store, id) = (sim.store("a"), run.clone());
    let clock = sim.ports("a").clock;
    sim.spawn("a", async move {
        let journal = store.open(&id, &someone("a")).await.unwrap();
        let record = |seq| Record { seq, at: clock.now(), body: Body::Resumed { operator: someone("a") } };
        let mut answers = Vec::new();
        for seq in [0, 2, 1] {
            answers.push(journal.append(&record(seq)).await);
        }
        clock.sleep_until(clock.now() + Duration::from_secs(1)).await;
        answers.push(journal.append(&record(2)).await);
        answers.push(Ok(()));
        assert_eq!(journal.read().await.unwrap().len(), 2);
        answers
    });
    let now = sim.world(World::now_ms);
    sim.fill_disk(now + 1_000..now + 2_000);
    let report = sim.run(&Schedule::RoundRobin);
    let answers = report.result("a").unwrap();
    assert_eq!(answers[0], Ok(()));
    assert_eq!(answers[1], Err(JournalError::Conflict { expected: 2, found: 1 }));
    assert_eq!(answers[2], Ok(()));
    assert!(matches!(answers[3], Err(JournalError::Storage { .. })));
    assert_eq!(sim.journal(&run).len(), 2);
}

#[test]
fn an_order_stays_until_a_record_takes_it() {
    let run: RunId = "a-run".parse().unwrap();
    let mut sim = Sim::new(Scenario::shop().world(), 1);
    sim.give_after(Duration::from_secs(2), &run, Verb::Abort);
    let (store, id, clock) = (sim.store("a"), run.clone(), sim.ports("a").clock);
    sim.spawn("a", async move {
        let journal = store.open(&id, &someone("a")).await.unwrap();
        let before = journal.commands().await.unwrap().len();
        clock.sleep_until(clock.now() + Duration::from_secs(3)).await;
        let given = journal.commands().await.unwrap();
        let body = Body::Fact(bluegreen_core::journal::Fact::Commanded(given[0].clone()));
        journal.append(&Record { seq: 0, at: clock.now(), body }).await.unwrap();
        (before, given.len(), journal.commands().await.unwrap().len())
    });
    let report = sim.run(&Schedule::RoundRobin);
    assert_eq!(report.result("a"), Some(&(0, 1, 0)));
}
