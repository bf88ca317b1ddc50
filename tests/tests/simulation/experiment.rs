//! Experiments: killed at every point, refused and lost at every call, edited by others. Never a second rule, never a
//! rule that is left, and no rule of somebody else's touched.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use async_trait::async_trait;
use bluegreen_core::experiment::{
    Body, Driver, Ending, Fact, Facts, Journal, JournalError, Plan, Record, Standing, TAG, plan,
};
use bluegreen_core::journal::Operator;
use bluegreen_core::model::{Action, RouteId, RunId};
use bluegreen_core::observe::{RouteSnapshot, TargetHealth};
use bluegreen_core::plan::Site;
use bluegreen_core::ports::Ports;
use bluegreen_core::spec::experiment::parse;
use bluegreen_sandbox::executor::{End, Report, Schedule, Sim};
use bluegreen_sandbox::faults::{Fault, FaultRule, Operations};
use bluegreen_sandbox::scenario::Scenario;
use bluegreen_sandbox::trace::Call;
use bluegreen_sandbox::world::{Deed, When, World};

/// What a look ends with; an error's words where it had none.
type Look = Result<Standing, String>;

const SPLIT: &str = "split: { stickiness: 1h }";
const COHORTS: &str = "cohorts: [ { variant: green, header: { name: X-Beta, values: [\"1\"] } },
  { variant: green, cookie: { name: beta, value: \"1\" } }, { variant: green, query: { key: v, values: [b] } } ]";

/// An experiment in the scenario's shop.
fn planned(scenario: &Scenario, world: &World, assignment: &str) -> Plan {
    let base = scenario.route_ids().remove(0);
    let text = format!(
        "version: 1\nname: colours\nenvironments: {{ prod: {{ cluster: shop }} }}\nroute: {{ rule: '{}' }}\n\
         control: blue\nvariants: {{ blue: {{ targetGroup: web-blue }}, green: {{ targetGroup: web-green }} }}\n\
         {assignment}\ngoals: [ {{ metric: errorRate, better: lower }} ]\nexpiry: 2h\nminimum: 10m\n",
        base.arn()
    );
    let (experiment, _) = parse("experiment.yaml", &text, None, &|_| None).unwrap_or_else(|report| panic!("{report}"));
    let groups = scenario.groups();
    let found = [&groups.blue, &groups.green].map(|arn| {
        let health = TargetHealth { healthy: 1, ..TargetHealth::default() };
        (world.state().group(arn.as_str()).unwrap(), health)
    });
    let routes = world.state().tagged_routes(&base.listener());
    let facts = Facts { rules: routes.len(), routes, groups: found.to_vec() };
    let site = Site {
        account: world.config.account.clone(),
        region: world.config.region.clone(),
        cluster: "shop".to_owned(),
        service: "colours".to_owned(),
        environment: "prod".to_owned(),
    };
    let id = RunId::new("colours", world.now(), 1);
    let (plan, findings) = plan(&experiment, site, id, world.now(), &facts);
    plan.unwrap_or_else(|| panic!("{findings:?}"))
}

/// A journal that outlives its operator, with a place to be killed before and after every access.
#[derive(Clone, Default)]
struct Paper(Arc<Mutex<Vec<Record>>>);

#[async_trait]
impl Journal for Paper {
    async fn records(&self) -> Result<Vec<Record>, JournalError> {
        Yield(false).await;
        let records = self.0.lock().unwrap().clone();
        Ok(records)
    }

    async fn append(&self, record: &Record) -> Result<(), JournalError> {
        Yield(false).await;
        {
            let mut records = self.0.lock().unwrap();
            let found = records.len() as u64;
            if record.seq != found {
                return Err(JournalError::Conflict { expected: record.seq, found });
            }
            records.push(record.clone());
        }
        Yield(false).await;
        Ok(())
    }
}

struct Yield(bool);

impl Future for Yield {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.0, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

/// A world with an experiment in it.
struct Stage {
    sim: Sim<Look>,
    plan: Plan,
    paper: Paper,
    before: Vec<RouteSnapshot>,
}

#[derive(Clone, Copy)]
enum Do {
    /// Begins it, where that has not been done, and looks.
    Start,
    Look,
    Stop,
    /// The same, and what somebody else changed goes too.
    StopAll,
}

impl Stage {
    fn open(assignment: &str) -> Stage {
        let scenario = Scenario::shop();
        let sim = Sim::new(scenario.world(), scenario.seed);
        let plan = sim.world(|world| planned(&scenario, world, assignment));
        let before = plan.before.clone();
        Stage { sim, plan, paper: Paper::default(), before }
    }

    fn operator(&self, name: &str, what: Do) -> impl Future<Output = Look> + 'static {
        operate(self.sim.ports(name), self.paper.clone(), self.plan.clone(), what)
    }

    /// One operator from here to its end.
    fn run(&mut self, name: &str, what: Do) -> Report<Look> {
        let operator = self.operator(name, what);
        self.sim.spawn(name, operator);
        let report = self.sim.run(&Schedule::RoundRobin);
        assert_eq!(report.end, End::Settled, "{name}");
        report
    }

    fn ends(&mut self, name: &str, what: Do) -> Look {
        self.run(name, what).result(name).cloned().unwrap()
    }

    /// A look, and another one where the first did not come to its end.
    fn settles(&mut self, name: &str) -> Look {
        self.ends(name, Do::Look).or_else(|_| self.ends(&format!("{name} again"), Do::Look))
    }

    /// The rules that bear a mark of the experiment, and all others.
    fn routes(&self) -> (Vec<RouteSnapshot>, Vec<RouteSnapshot>) {
        let routes = self.sim.world(|world| world.state().tagged_routes(&self.plan.listener()));
        let (ours, others): (Vec<_>, Vec<_>) = routes.into_iter().partition(|tagged| tagged.tags.contains_key(TAG));
        let routes =
            |tagged: Vec<bluegreen_core::observe::TaggedRoute>| tagged.into_iter().map(|one| one.route).collect();
        (routes(ours), routes(others))
    }

    fn assert_standing(&self, story: &str) {
        let (ours, others) = self.routes();
        assert_eq!(ours.len(), self.plan.rules.len(), "{story}: each rule once");
        for (index, route) in ours.iter().enumerate() {
            assert!(self.plan.stands(index, route), "{story}: {route:?}");
        }
        assert_eq!(others, self.before, "{story}: nothing else was touched");
    }

    fn assert_gone(&self, story: &str) {
        let (ours, others) = self.routes();
        assert_eq!(ours, [], "{story}: no rule is left");
        assert_eq!(others, self.before, "{story}: nothing else was touched");
    }

    /// No write went anywhere but to rules of the experiment's own.
    fn assert_own_writes(&self, story: &str) {
        let strange = |call: &&Call| call.mutating && call.applied && call.operator != "world";
        for call in self.sim.trace().iter().filter(strange) {
            assert!(["elbv2:CreateRule", "elbv2:DeleteRule", "deed"].contains(&call.operation), "{story}: {call}");
        }
    }
}

async fn operate(ports: Ports, paper: Paper, plan: Plan, what: Do) -> Look {
    let driver = Driver::new(&ports, &paper);
    let words = |error: &dyn std::fmt::Display| error.to_string();
    let begun = !paper.0.lock().unwrap().is_empty();
    if !begun {
        let operator = Operator { user: "sim".into(), host: "sim".into(), pid: 1, version: "0".into() };
        driver.begin(&plan, &operator).await.map_err(|error| words(&error))?;
    }
    let stop = matches!(what, Do::Stop | Do::StopAll);
    let facts = [
        stop.then(|| Fact::Ending(Ending::Stopped { by: "sim".into() })),
        matches!(what, Do::StopAll).then_some(Fact::DriftAccepted),
    ];
    for fact in facts.into_iter().flatten() {
        driver.order(fact).await.map_err(|error| words(&error))?;
    }
    driver.look().await.map(|(_, _, standing)| standing).map_err(|error| words(&error))
}

fn stopped(look: &Look) -> bool {
    matches!(look, Ok(Standing::Ended(Ending::Stopped { .. })))
}

/// With metrics or without: it runs.
fn runs(look: &Look) -> bool {
    matches!(look, Ok(Standing::Running | Standing::Blind(_)))
}

#[test]
fn rules_are_made_and_removed() {
    for assignment in [SPLIT, COHORTS] {
        let mut stage = Stage::open(assignment);
        assert!(runs(&stage.ends("a", Do::Start)));
        stage.assert_standing(assignment);
        assert!(runs(&stage.ends("b", Do::Look)), "a second look changes nothing");
        stage.assert_standing(assignment);
        assert!(stopped(&stage.ends("c", Do::Stop)));
        stage.assert_gone(assignment);
        assert!(stopped(&stage.ends("d", Do::Look)), "it stays ended");
        stage.assert_own_writes(assignment);
    }
}

/// Killed at every point of a phase, the next look ends where one that nobody killed does.
#[test]
fn killed_anywhere_it_is_finished_by_the_next_look() {
    for assignment in [SPLIT, COHORTS] {
        for (phase, next) in [(Do::Start, Do::Look), (Do::Start, Do::Stop), (Do::Stop, Do::Look)] {
            let prepared = || {
                let mut stage = Stage::open(assignment);
                if matches!(phase, Do::Stop) {
                    stage.run("a", Do::Start);
                }
                stage
            };
            let polls = prepared().run("b", phase).polls("b");
            for point in 1..polls {
                let story = format!("{assignment}, killed at {point} of {polls}");
                let mut stage = prepared();
                stage.sim.crash("b", point, Duration::from_secs(1), None::<(&str, fn() -> std::future::Ready<Look>)>);
                stage.run("b", phase);
                // A stop that was killed before it was written down was never ordered.
                let look = stage.ends("c", next);
                if stopped(&look) {
                    stage.assert_gone(&story);
                } else {
                    assert!(runs(&look), "{story}: {look:?}");
                    assert!(!matches!(next, Do::Stop), "{story}: {look:?}");
                    stage.assert_standing(&story);
                    assert!(stopped(&stage.ends("d", Do::Stop)), "{story}");
                    stage.assert_gone(&story);
                }
                stage.assert_own_writes(&story);
            }
        }
    }
}

/// Every call of a whole life fails once in each way, or loses its answer.
#[test]
fn every_call_may_fail_once() {
    let calls = |stage: &Stage| stage.sim.trace().len() as u64;
    let mut calm = Stage::open(COHORTS);
    calm.run("a", Do::Start);
    calm.run("b", Do::Look);
    calm.run("c", Do::Stop);
    for index in 0..calls(&calm) {
        for fault in [
            Fault::THROTTLED,
            Fault::SERVER_ERROR,
            Fault::TIMEOUT_APPLIED,
            Fault::TIMEOUT_NOT_APPLIED,
            Fault::Stale(900),
        ] {
            let story = format!("call {index}: {fault:?}");
            let mut stage = Stage::open(COHORTS);
            stage.sim.fault(FaultRule::new(Operations::All, fault).at(index));
            // The call may fail a look whole; the next one goes on.
            stage.run("a", Do::Start);
            let look = stage.settles("b");
            assert!(runs(&look), "{story}: {look:?}");
            stage.assert_standing(&story);
            stage.run("c", Do::Stop);
            let look = stage.settles("d");
            assert!(stopped(&look), "{story}: {look:?}");
            stage.assert_gone(&story);
            stage.assert_own_writes(&story);
        }
    }
}

#[test]
fn it_ends_by_itself_when_its_time_is_over_wherever_that_is_killed() {
    let expired = |look: &Look| matches!(look, Ok(Standing::Ended(Ending::Expired)));
    let prepared = || {
        let mut stage = Stage::open(SPLIT);
        stage.run("a", Do::Start);
        stage.sim.world_mut(|world| world.advance_to(world.now_ms() + 3 * 3_600_000));
        stage
    };
    let polls = prepared().run("b", Do::Look).polls("b");
    for point in 1..=polls {
        let mut stage = prepared();
        stage.sim.crash("b", point, Duration::from_secs(1), None::<(&str, fn() -> std::future::Ready<Look>)>);
        stage.run("b", Do::Look);
        let look = stage.ends("c", Do::Look);
        assert!(expired(&look), "killed at {point}: {look:?}");
        stage.assert_gone(&format!("killed at {point}"));
    }
}

/// Somebody else's hand on our rule is found, shown, and not written over.
#[test]
fn a_foreign_change_is_held_until_a_person_accepts_it() {
    let mut stage = Stage::open(SPLIT);
    stage.run("a", Do::Start);
    let (ours, _) = stage.routes();
    let (id, theirs) = (ours[0].id.clone(), stage.before[0].actions.clone());
    stage.sim.world_mut(|world| world.apply(&Deed::EditRoute(id.clone(), theirs.clone())));
    let held = |look: &Look| matches!(look, Ok(Standing::Drifted(what)) if what.len() == 1);
    let look = stage.ends("b", Do::Look);
    assert!(held(&look), "{look:?}");
    assert!(held(&stage.ends("c", Do::Stop)), "an order to stop does not cover it");
    let untouched = |stage: &Stage| -> Vec<Action> { stage.routes().0[0].actions.clone() };
    assert_eq!(untouched(&stage), theirs);
    assert!(stopped(&stage.ends("d", Do::StopAll)));
    stage.assert_gone("accepted");
}

#[test]
fn a_change_that_is_put_back_is_over() {
    let mut stage = Stage::open(SPLIT);
    stage.run("a", Do::Start);
    let ours = stage.routes().0.remove(0);
    let theirs = stage.before[0].actions.clone();
    stage.sim.world_mut(|world| world.apply(&Deed::EditRoute(ours.id.clone(), theirs)));
    assert!(matches!(stage.ends("b", Do::Look), Ok(Standing::Drifted(_))));
    stage.sim.world_mut(|world| world.apply(&Deed::EditRoute(ours.id.clone(), ours.actions.clone())));
    assert!(runs(&stage.ends("c", Do::Look)));
    let over = |record: &Record| matches!(record.body, Body::Fact(Fact::DriftOver));
    assert!(stage.paper.0.lock().unwrap().iter().any(over));
}

#[test]
fn a_rule_that_somebody_deleted_is_not_made_again() {
    let mut stage = Stage::open(SPLIT);
    stage.run("a", Do::Start);
    stage.sim.world_mut(|world| world.advance_to(world.now_ms() + 60_000));
    let id = stage.routes().0[0].id.clone();
    stage.sim.world_mut(|world| world.apply(&Deed::DeleteRoute(id.clone())));
    assert!(matches!(stage.ends("b", Do::Look), Ok(Standing::Drifted(_))));
    stage.assert_gone("deleted by somebody else");
    assert!(stopped(&stage.ends("c", Do::Stop)));
}

/// Between the plan and the first write somebody changes the base: nothing is made.
#[test]
fn a_base_that_moved_refuses_before_the_first_write() {
    let mut stage = Stage::open(SPLIT);
    let base = stage.plan.base.clone();
    let theirs = stage.before.iter().find(|route| matches!(route.id, RouteId::Rule(_)) && route.id != base);
    let theirs = theirs.map_or_else(|| stage.before.last().unwrap().actions.clone(), |route| route.actions.clone());
    stage.sim.world_mut(|world| world.script(When::BeforeCall(0), Deed::EditRoute(base.clone(), theirs.clone())));
    let look = stage.ends("a", Do::Start);
    let changed = stage.routes().1 != stage.before;
    if changed {
        assert!(matches!(&look, Ok(Standing::Ended(Ending::Failed { .. }))), "{look:?}");
    }
    assert_eq!(stage.routes().0.is_empty(), changed);
}
