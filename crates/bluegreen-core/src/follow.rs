//! One deployment that AWS carries out, from its start to its end and to the end of what takes it back: one of
//! CodeDeploy that is started here, for an ECS service or a Lambda function, or one of CodeDeploy or ECS that is there
//! already, whoever started it.
//!
//! There is no plan and no journal: all that has to be known again stands at AWS, where the run's mark in the
//! description finds it. So a process that is gone is followed by another with the same run id. What is done next is
//! a pure function over values; the loop around it carries that out.

mod adopt;
mod check;
mod decide;
mod gate;
mod news;
mod run;

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;

use crate::call::CallError;
use crate::model::{DeploymentId, DeploymentWait};
use crate::observe::{AlarmSnapshot, ManagedDeployments, StateChange};

pub use adopt::{Standing, origin, pick, standing};
pub use check::{Checked, check};
pub use decide::decide;
pub use news::news;
pub use run::{Follower, Left, Subject, Told};

/// What is wanted of a deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// The point at which following is over, if all goes well.
    pub until: Until,
    /// Whether to go on by ourselves where the group waits before the first shift.
    pub go_on_ready: bool,
    /// Whether to go on by ourselves where the group keeps the old version after the last shift.
    pub go_on_termination: bool,
    /// The alarms that have to be clear before the start, and that stop the deployment when they are not.
    pub alarms: Vec<String>,
    /// Whether an alarm without data counts as clear.
    pub allow_insufficient_data: bool,
    /// For how long answers may be missing.
    pub patience: Duration,
    /// The time between two looks.
    pub poll: Duration,
}

/// The points of a deployment that can be waited for, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Until {
    /// It exists.
    Created,
    /// The new version is ready for production traffic, which has not moved.
    Ready,
    /// All traffic has moved; the old version is still there.
    Shifted,
    /// AWS calls it a success: the old version is gone, where it is to go.
    Succeeded,
}

impl fmt::Display for Until {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Until::Created => "the deployment exists",
            Until::Ready => "the new version is ready for traffic",
            Until::Shifted => "all traffic has moved",
            Until::Succeeded => "the deployment succeeded",
        })
    }
}

/// One look at the world.
#[derive(Clone, Debug, PartialEq)]
pub struct Look {
    /// When it began.
    pub at: Timestamp,
    /// The deployments of the group.
    pub deployments: Result<ManagedDeployments, CallError>,
    /// The alarms of the order.
    pub alarms: Result<Vec<AlarmSnapshot>, CallError>,
    /// The histories of those that changed since the deployment began and are not red now.
    pub histories: Vec<(String, Result<Vec<StateChange>, CallError>)>,
}

/// How far the start has come, as this process knows it.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Started {
    /// Nothing was sent.
    #[default]
    NotSent,
    /// AWS said yes.
    Sent,
    /// AWS said no.
    Refused(CallError),
    /// No telling.
    Unknown(CallError),
}

/// What this process did and saw so far.
#[derive(Clone, Debug, PartialEq)]
pub struct Followed {
    /// When it began.
    pub began_at: Timestamp,
    /// How far the start has come.
    pub started: Started,
    /// When the start was sent.
    pub sent_at: Option<Timestamp>,
    /// The deployment, once its id is known.
    pub known: Option<DeploymentId>,
    /// Why it is stopped, and when that was last asked for.
    pub stop: Option<(String, Timestamp)>,
    /// Where it was told to go on, and when.
    pub went_on: Option<(DeploymentWait, Timestamp)>,
    /// The last deployments that were read.
    pub last: Option<ManagedDeployments>,
    /// Since when the deployments cannot be read.
    pub unread_since: Option<Timestamp>,
    /// Since when the alarms give no answer.
    pub silent_since: Option<Timestamp>,
    /// Since when the deployment has ended and nothing takes it back.
    pub alone_since: Option<Timestamp>,
}

/// The next thing to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Create the deployment.
    Start,
    /// Stop it and have it rolled back.
    Stop {
        /// Why.
        why: String,
    },
    /// Tell it to go on.
    GoOn(DeploymentWait),
    /// Look again later.
    Wait {
        /// What for.
        why: String,
    },
    /// Nothing is left to do.
    End(End),
}

/// How following ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    /// In one word.
    pub outcome: Ended,
    /// In a sentence.
    pub why: String,
}

/// The ways in which following can end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// What was waited for is reached.
    Reached(Until),
    /// Nothing was started.
    Refused,
    /// It failed or was stopped, and AWS says that the old version has its traffic again.
    RolledBack,
    /// A person is needed: what has traffic is not known to be the old version or a good new one.
    Held,
    /// It was to be taken back, and was not.
    RollbackFailed,
}

impl Followed {
    /// The beginning.
    pub fn new(began_at: Timestamp) -> Followed {
        Followed {
            began_at,
            started: Started::NotSent,
            sent_at: None,
            known: None,
            stop: None,
            went_on: None,
            last: None,
            unread_since: None,
            silent_since: None,
            alone_since: None,
        }
    }

    /// Since when a red alarm is the deployment's: its creation, or our beginning where that is not known.
    pub fn watched_since(&self) -> Timestamp {
        let ours = self.last.as_ref().and_then(|seen| seen.ours.as_ref());
        ours.map_or(self.began_at, |ours| ours.created_at)
    }

    /// Takes a look into account.
    pub fn saw(&mut self, order: &Order, look: &Look) {
        let keep = |since: &mut Option<Timestamp>, holds: bool| {
            *since = if holds { since.or(Some(look.at)) } else { None };
        };
        keep(&mut self.unread_since, look.deployments.is_err());
        if let Ok(found) = &look.deployments {
            if let Some(ours) = &found.ours {
                self.known = Some(ours.id.clone());
            }
            // A list that no longer shows what was there is older than the one that did.
            if found.ours.is_some() || self.last.as_ref().is_none_or(|last| last.ours.is_none()) {
                self.last = Some(found.clone());
            }
        }
        let alone = self.last.as_ref().is_some_and(|seen| {
            seen.ours.as_ref().is_some_and(|ours| ours.status.has_ended()) && seen.rollback.is_none()
        });
        keep(&mut self.alone_since, alone);
        let silent = matches!(gate::judge(order, self.watched_since(), look), gate::Gate::NoAnswer { .. });
        keep(&mut self.silent_since, silent);
    }
}

#[cfg(test)]
mod tests;
