//! The loop that carries the decisions out.

use std::sync::Arc;

use jiff::Timestamp;

use super::{End, Followed, Look, Order, Started, Step, decide, news};
use crate::drive::Interrupt;
use crate::model::{DeploymentId, DeploymentSite, RunId};
use crate::observe::{AlarmState, ManagedDeployments};
use crate::ports::{Alarms, Clock, DeploymentRequest, Outcome, Releases};

/// Which deployment is followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// One that is there already, whoever made it. None is ever started.
    There(DeploymentId),
    /// The one that carries a run's mark; it is started where there is none.
    Marked {
        /// Whose mark.
        run: RunId,
        /// From when on it is looked for.
        since: Timestamp,
        /// What is started.
        request: DeploymentRequest,
    },
}

/// One deployment to start, or to find again, and to follow.
pub struct Follower {
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Deployments.
    pub releases: Arc<dyn Releases>,
    /// Alarms.
    pub alarms: Arc<dyn Alarms>,
    /// Being told to leave.
    pub interrupt: Interrupt,
    /// Where it is found.
    pub site: DeploymentSite,
    /// Which one.
    pub subject: Subject,
    /// What is wanted of it.
    pub order: Order,
}

/// What is told on the way.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Told<'a> {
    /// A look with something new in it.
    Seen {
        /// All of it.
        deployments: &'a ManagedDeployments,
        /// What is new, one sentence each.
        news: &'a [String],
    },
    /// Something was sent.
    Sent(&'a str),
    /// It is waited, and what for.
    Waiting(&'a str),
}

/// How following ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Left {
    /// With the deployment, or at the point that was waited for.
    Ended(End),
    /// It was told to leave; the deployment, if there is one, goes on.
    Interrupted,
}

impl Follower {
    /// Starts and follows; returns how that ended, and the deployment as far as one is known.
    pub async fn run(&self, tell: &(dyn Fn(Timestamp, Told<'_>) + Sync)) -> (Left, Option<DeploymentId>) {
        let mut state = Followed::new(self.clock.now());
        if let Subject::There(id) = &self.subject {
            (state.known, state.started, state.sent_at) = (Some(id.clone()), Started::Sent, Some(state.began_at));
        }
        loop {
            let look = self.look(&state).await;
            let before = state.last.clone();
            state.saw(&self.order, &look);
            if let Some(seen) = &state.last {
                let news = news(before.as_ref(), seen);
                if !news.is_empty() {
                    tell(look.at, Told::Seen { deployments: seen, news: &news });
                }
            }
            let step = decide(&self.order, &state, &look);
            if let Step::End(end) = step {
                return (Left::Ended(end), state.known);
            }
            if self.interrupt.is_set() {
                return (Left::Interrupted, state.known);
            }
            if !self.carry_out(step, &mut state, tell).await {
                continue;
            }
            self.interrupt.sleep(&*self.clock, self.clock.now() + self.order.poll).await;
        }
    }

    /// Does one step; `false` where the next look should follow at once.
    async fn carry_out(&self, step: Step, state: &mut Followed, tell: &(dyn Fn(Timestamp, Told<'_>) + Sync)) -> bool {
        let said = |text: String| tell(self.clock.now(), Told::Sent(&text));
        match step {
            Step::Start => {
                self.start(state).await;
                if let Some(id) = &state.known {
                    said(format!("created {id}"));
                }
                return false;
            }
            Step::Stop { why } => {
                if let Some(id) = &state.known {
                    said(format!("stopping {id}, with rollback: {why}{}", failed(self.releases.stop(id).await)));
                }
                state.stop = Some((why, self.clock.now()));
            }
            Step::GoOn(point) => {
                if let Some(id) = &state.known {
                    let sent = failed(self.releases.go_on(id, &point).await);
                    said(format!("telling {} to go on at {point}{sent}", id.short()));
                }
                state.went_on = Some((point, self.clock.now()));
            }
            Step::Wait { why } => tell(self.clock.now(), Told::Waiting(&why)),
            Step::End(_) => {}
        }
        true
    }

    async fn start(&self, state: &mut Followed) {
        let Subject::Marked { request, .. } = &self.subject else { return };
        state.sent_at = Some(self.clock.now());
        state.started = match self.releases.start(request).await {
            Outcome::Applied(id) => {
                state.known = id;
                Started::Sent
            }
            Outcome::NotApplied(error) => Started::Refused(error),
            Outcome::Unknown(error) => Started::Unknown(error),
        };
    }

    async fn look(&self, state: &Followed) -> Look {
        let at = self.clock.now();
        let (run, since) = match &self.subject {
            Subject::There(_) => (None, state.began_at),
            Subject::Marked { run, since, .. } => (Some(run), *since),
        };
        let deployments = self.releases.deployments(&self.site, run, state.known.as_ref(), since).await;
        if self.order.alarms.is_empty() {
            return Look { at, deployments, alarms: Ok(Vec::new()), histories: Vec::new() };
        }
        let alarms = self.alarms.read(&self.order.alarms).await;
        // What this very look found began the watch, too.
        let found = deployments.as_ref().ok().and_then(|found| found.ours.as_ref()).map(|ours| ours.created_at);
        let since = found.unwrap_or_else(|| state.watched_since());
        let mut histories = Vec::new();
        for alarm in alarms.iter().flatten() {
            if alarm.state != AlarmState::Alarm && alarm.transitioned_at.is_some_and(|at| at >= since) {
                histories.push((alarm.name.clone(), self.alarms.history(&alarm.name, since).await));
            }
        }
        Look { at, deployments, alarms, histories }
    }
}

/// What to say of a call that did not go through: the next look tells whether it has to be sent again.
fn failed(outcome: Outcome<()>) -> String {
    match outcome {
        Outcome::Applied(()) => String::new(),
        Outcome::NotApplied(error) | Outcome::Unknown(error) => format!(" ({error})"),
    }
}
