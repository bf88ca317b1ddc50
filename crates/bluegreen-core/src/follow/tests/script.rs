//! The loop, over ports that answer from a script and note what is sent.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use serde_json::Value;

use super::*;
use crate::drive::Interrupt;
use crate::model::{DeploymentSite, RunId};
use crate::ports::{Alarms, Clock, DeploymentRequest, Outcome, Releases};

/// The looks still to come, and what was sent between them.
#[derive(Default)]
struct Script {
    looks: Mutex<VecDeque<(ManagedDeployments, AlarmState)>>,
    /// Whose mark is looked for.
    run: Option<RunId>,
    /// What the alarms say in the look under way.
    alarms: Mutex<Option<AlarmState>>,
    now: Mutex<i64>,
    sent: Mutex<Vec<String>>,
    start: Mutex<Option<Outcome<Option<DeploymentId>>>>,
    interrupt: Interrupt,
}

impl Script {
    fn note(&self, what: String) {
        self.sent.lock().unwrap().push(what);
    }
}

#[async_trait]
impl Clock for Script {
    fn now(&self) -> Timestamp {
        at(*self.now.lock().unwrap())
    }
    async fn sleep_until(&self, deadline: Timestamp) {
        *self.now.lock().unwrap() = deadline.as_second() - at(0).as_second();
    }
}

#[async_trait]
impl Alarms for Script {
    async fn read(&self, names: &[String]) -> Result<Vec<AlarmSnapshot>, CallError> {
        assert_eq!(names, ["errors"]);
        // The deployments were read before.
        let state = self.alarms.lock().unwrap().take().unwrap();
        Ok(vec![alarm(state, 1)])
    }
    async fn history(&self, _: &str, _: Timestamp) -> Result<Vec<StateChange>, CallError> {
        Ok(Vec::new())
    }
}

#[async_trait]
impl Releases for Script {
    async fn deployments(
        &self,
        _: &DeploymentSite,
        run: Option<&RunId>,
        _: Option<&DeploymentId>,
        _: Timestamp,
    ) -> Result<ManagedDeployments, CallError> {
        assert_eq!(run, self.run.as_ref(), "the mark is how one of ours is found again");
        let mut looks = self.looks.lock().unwrap();
        let (found, state) = looks.pop_front().unwrap();
        *self.alarms.lock().unwrap() = Some(state);
        if looks.is_empty() {
            self.interrupt.set();
        }
        Ok(found)
    }
    async fn start(&self, _: &DeploymentRequest) -> Outcome<Option<DeploymentId>> {
        self.note("start".into());
        self.start.lock().unwrap().take().unwrap_or(Outcome::Applied(Some(DeploymentId::new("d-1"))))
    }
    async fn go_on(&self, id: &DeploymentId, wait: &DeploymentWait) -> Outcome<()> {
        self.note(format!("go on {id} {wait}"));
        Outcome::Applied(())
    }
    async fn stop(&self, id: &DeploymentId) -> Outcome<()> {
        self.note(format!("stop {id}"));
        Outcome::Unknown(error(ErrorClass::TimedOut))
    }
    async fn create_config(&self, _: &str, _: &str, _: &Shift) -> Outcome<()> {
        unreachable!()
    }
    async fn config(&self, _: &str) -> Result<DeploymentConfig, CallError> {
        unreachable!()
    }
    async fn group(&self, _: &str, _: &str) -> Result<DeploymentGroup, CallError> {
        unreachable!()
    }
    async fn groups_of(&self, _: &str, _: &str) -> Result<Vec<DeploymentGroup>, CallError> {
        unreachable!()
    }
    async fn service(&self, _: &str, _: &str) -> Result<Value, CallError> {
        unreachable!()
    }
    async fn configure(&self, _: &str, _: &str, _: &Value) -> Outcome<()> {
        unreachable!()
    }
    async fn answer_hook(&self, _: &DeploymentId, _: &str, _: bool) -> Outcome<()> {
        unreachable!()
    }
}

/// Follows through these looks; what was sent, how it ended, and what was said.
fn follow_subject(
    subject: Subject,
    order: Order,
    looks: Vec<(ManagedDeployments, AlarmState)>,
    start: Option<Outcome<Option<DeploymentId>>>,
) -> (Vec<String>, Left, Vec<String>) {
    let run = match &subject {
        Subject::There(_) => None,
        Subject::Marked { run, .. } => Some(run.clone()),
    };
    let (looks, start) = (Mutex::new(looks.into()), Mutex::new(start));
    let script = Arc::new(Script { looks, run, start, ..Script::default() });
    let follower = Follower {
        clock: script.clone(),
        releases: script.clone(),
        alarms: script.clone(),
        interrupt: script.interrupt.clone(),
        site: DeploymentSite::CodeDeploy { application: "app".into(), group: "group".into() },
        subject,
        order,
    };
    let said = Mutex::new(Vec::new());
    let tell = |_: Timestamp, told: Told<'_>| {
        let mut said = said.lock().unwrap();
        match told {
            Told::Seen { news, .. } => said.extend(news.iter().cloned()),
            Told::Sent(text) => said.push(format!("> {text}")),
            Told::Waiting(_) => {}
        }
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let (left, _) = runtime.block_on(follower.run(&tell));
    let sent = script.sent.lock().unwrap().clone();
    (sent, left, said.into_inner().unwrap())
}

fn follow(
    order: Order,
    looks: Vec<(ManagedDeployments, AlarmState)>,
    start: Option<Outcome<Option<DeploymentId>>>,
) -> (Vec<String>, Left, Vec<String>) {
    let request = DeploymentRequest::CodeDeploy {
        application: "app".into(),
        group: "group".into(),
        config: "c".into(),
        content: "{}".into(),
        sha256: crate::appspec::sha256("{}"),
        description: "bluegreen run run-1".into(),
    };
    let subject = Subject::Marked { run: "run-1".parse().unwrap(), since: at(0), request };
    follow_subject(subject, order, looks, start)
}

/// The same for a deployment that is there already.
pub(super) fn follow_there(
    id: &str,
    order: Order,
    looks: Vec<(ManagedDeployments, AlarmState)>,
) -> (Vec<String>, Left, Vec<String>) {
    follow_subject(Subject::There(DeploymentId::new(id)), order, looks, None)
}

pub(super) fn ended(left: &Left) -> Ended {
    match left {
        Left::Ended(end) => end.outcome,
        Left::Interrupted => panic!("interrupted"),
    }
}

#[test]
fn a_good_deployment_is_started_once_and_sent_on() {
    use DeploymentStatus::{Pending, Succeeded};
    let order = Order { go_on_ready: true, go_on_termination: true, ..order() };
    let looks = vec![
        (ManagedDeployments::default(), AlarmState::Ok),
        (ManagedDeployments::default(), AlarmState::Ok),
        (ours(Pending), AlarmState::Ok),
        (waiting_at(DeploymentWait::Ready, 0), AlarmState::Ok),
        (waiting_at(DeploymentWait::Ready, 0), AlarmState::Ok),
        (waiting_at(DeploymentWait::Termination, 1_000_000), AlarmState::Ok),
        (ours(Succeeded), AlarmState::Ok),
    ];
    let (sent, left, said) = follow(order, looks, None);
    assert_eq!(sent, ["start", "go on d-1 READY_WAIT", "go on d-1 TERMINATION_WAIT"]);
    assert_eq!(ended(&left), Ended::Reached(Until::Succeeded));
    assert_eq!(said.first().map(String::as_str), Some("> created d-1"));
    assert_eq!(said.last().map(String::as_str), Some("d-1: succeeded"));
}

#[test]
fn a_red_alarm_takes_it_back() {
    use DeploymentStatus::{InProgress, Stopped, Succeeded};
    let looks = vec![
        (ManagedDeployments::default(), AlarmState::Ok),
        (ours(InProgress), AlarmState::Ok),
        (ours(InProgress), AlarmState::Alarm),
        (ours(InProgress), AlarmState::Alarm),
        (ours(Stopped), AlarmState::Alarm),
        (taken_back(InProgress), AlarmState::Alarm),
        (taken_back(Succeeded), AlarmState::Ok),
    ];
    let (sent, left, said) = follow(order(), looks, None);
    assert_eq!(sent, ["start", "stop d-1"]);
    assert_eq!(ended(&left), Ended::RolledBack);
    assert!(said.iter().any(|line| line.starts_with("> stopping d-1, with rollback: alarm errors is red")), "{said:?}");
}

#[test]
fn one_that_carries_the_mark_is_found_and_not_started_again() {
    let looks =
        vec![(ours(DeploymentStatus::InProgress), AlarmState::Ok), (ours(DeploymentStatus::Succeeded), AlarmState::Ok)];
    let (sent, left, _) = follow(order(), looks, None);
    assert_eq!((sent, ended(&left)), (vec![], Ended::Reached(Until::Succeeded)));
    let none = (ManagedDeployments::default(), AlarmState::Ok);
    let looks = vec![none, (ours(DeploymentStatus::Succeeded), AlarmState::Ok)];
    let (sent, left, _) = follow_there("d-1", order(), looks);
    assert_eq!((sent, ended(&left)), (vec![], Ended::Reached(Until::Succeeded)), "a list that lags starts nothing");
}

#[test]
fn a_lost_answer_is_looked_for_and_a_no_is_told() {
    let lost = Outcome::Unknown(error(ErrorClass::TimedOut));
    let nothing = || (ManagedDeployments::default(), AlarmState::Ok);
    let looks = vec![nothing(), nothing(), nothing(), (ours(DeploymentStatus::Succeeded), AlarmState::Ok)];
    let (sent, left, _) = follow(order(), looks, Some(lost));
    assert_eq!((sent, ended(&left)), (vec!["start".to_owned()], Ended::Reached(Until::Succeeded)));
    let refused = Outcome::NotApplied(error(ErrorClass::Invalid));
    let (_, left, _) = follow(order(), vec![nothing(), nothing(), nothing()], Some(refused));
    assert_eq!(ended(&left), Ended::Refused);
}

#[test]
fn told_to_leave_it_sends_nothing_more() {
    let (sent, left, _) = follow(order(), vec![(ManagedDeployments::default(), AlarmState::Ok)], None);
    assert_eq!((sent, left), (vec![], Left::Interrupted));
    let looks = vec![(ours(DeploymentStatus::InProgress), AlarmState::Ok)];
    assert_eq!(follow(order(), looks, None).1, Left::Interrupted);
}
