//! Carries decisions out, one after the other, until there is nothing to do: the only awaits.

use jiff::{SignedDuration, Timestamp};

use super::survey::minutes;
use super::{
    Assessment, Body, Decision, Fact, FoldError, Journal, Plan, Record, Resolution, Seen, Standing, State, Write,
    decide, judge, queries,
};
use crate::journal::{JournalError, Operator};
use crate::ports::{CallError, ErrorClass, Outcome, Ports};

/// Why an experiment could not be moved.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DriveError {
    /// Its journal did not take a record, or cannot be read.
    #[error("the experiment's journal gave no answer")]
    Journal(#[from] JournalError),
    /// Its journal makes no sense.
    #[error("the experiment's journal cannot be understood")]
    Fold(#[from] FoldError),
    /// AWS did not do what had to be done; the next look tries again.
    #[error("AWS gave no answer")]
    Call(#[from] CallError),
}

/// One look at an experiment, with its lock held.
pub struct Driver<'a> {
    ports: &'a Ports,
    journal: &'a dyn Journal,
}

/// How often AWS may refuse to delete before that is left to the next look.
const REFUSALS_MAX: u32 = 3;
/// Between two requests to delete.
const PAUSE: SignedDuration = SignedDuration::from_secs(1);

impl<'a> Driver<'a> {
    /// Over these ports and this journal.
    pub fn new(ports: &'a Ports, journal: &'a dyn Journal) -> Driver<'a> {
        Driver { ports, journal }
    }

    /// Writes down that an experiment begins; [`Driver::look`] makes its rules.
    ///
    /// # Errors
    ///
    /// Where the journal does not take it.
    pub async fn begin(&self, plan: &Plan, operator: &Operator) -> Result<(), DriveError> {
        let body = Body::Started { plan: Box::new(plan.clone()), operator: operator.clone() };
        Ok(self.journal.append(&Record { seq: 0, at: self.ports.clock.now(), body }).await?)
    }

    /// Writes a fact down that a person decided: an end, or that a drift may go.
    ///
    /// # Errors
    ///
    /// Where the journal does not take it.
    pub async fn order(&self, fact: Fact) -> Result<(), DriveError> {
        let state = self.state().await?;
        self.note(&state, Body::Fact(fact)).await
    }

    /// Does everything that is to be done now.
    ///
    /// # Errors
    ///
    /// Where something gave no answer: what was done is written down, and the next look goes on.
    pub async fn look(&self) -> Result<(State, Assessment, Standing), DriveError> {
        let mut unreadable = None;
        let mut refusals = 0;
        let mut state = self.state().await?;
        let mut assessment = self.assess(&state);
        loop {
            let routes = self.ports.router.tagged_routes(&state.plan.listener()).await?;
            let seen = Seen {
                now: self.ports.clock.now(),
                routes: &routes,
                assessment: &assessment,
                unreadable: unreadable.as_ref(),
            };
            match decide(&state, &seen) {
                Decision::Rest(standing) => return Ok((state, assessment, standing)),
                Decision::Wait { until } => self.ports.clock.sleep_until(until).await,
                Decision::Note(fact) => self.note(&state, Body::Fact(fact)).await?,
                Decision::Write(write) => {
                    if let Some(error) = self.write(&state, &write).await? {
                        refusals += 1;
                        if refusals > REFUSALS_MAX || !error.class.is_transient() {
                            return Err(error.into());
                        }
                    }
                }
                Decision::Count { from, to } => match self.count(&state, from, to).await {
                    Ok(fact) => {
                        self.note(&state, Body::Fact(fact)).await?;
                        state = self.state().await?;
                        assessment = self.assess(&state);
                        continue;
                    }
                    Err(error) => unreadable = Some(error),
                },
            }
            state = self.state().await?;
        }
    }

    async fn state(&self) -> Result<State, DriveError> {
        Ok(State::fold(&self.journal.records().await?)?)
    }

    fn assess(&self, state: &State) -> Assessment {
        judge(state, state.decides_at().is_some_and(|time| self.ports.clock.now() >= time))
    }

    async fn note(&self, state: &State, body: Body) -> Result<(), DriveError> {
        Ok(self.journal.append(&Record { seq: state.next, at: self.ports.clock.now(), body }).await?)
    }

    /// Writes the intent down, sends it, and writes down how it ended. Returns why a deletion was refused.
    async fn write(&self, state: &State, write: &Write) -> Result<Option<CallError>, DriveError> {
        self.note(state, Body::Intent(write.clone())).await?;
        let outcome = match write {
            Write::Create { index } => match state.plan.request(*index) {
                Some(rule) => self.ports.router.create_rule(&rule).await.map(drop),
                None => return Err(FoldError::Stray(state.next).into()),
            },
            Write::Delete { rule } => self.ports.router.delete_rule(rule).await,
        };
        let (resolution, refused) = match outcome {
            Outcome::Applied(()) => (Resolution::Applied, None),
            Outcome::NotApplied(error) => (Resolution::NotApplied(error.clone()), Some(error)),
            Outcome::Unknown(error) => (Resolution::Unknown(error.clone()), Some(error)),
        };
        let body = Body::Outcome { intent: state.next, resolution };
        self.journal.append(&Record { seq: state.next + 1, at: self.ports.clock.now(), body }).await?;
        if refused.is_some() && matches!(write, Write::Delete { .. }) {
            // It may be gone and still be listed, or AWS is busy: either way it is too early to ask again.
            let later = self.ports.clock.now().checked_add(PAUSE).unwrap_or(Timestamp::MAX);
            self.ports.clock.sleep_until(later).await;
        }
        let gone = |error: &CallError| error.class == ErrorClass::NotFound;
        // Whether a rule could be made is decided from the journal.
        Ok(refused.filter(|error| matches!(write, Write::Delete { .. }) && !gone(error)))
    }

    /// The minutes that are new, or other than what was read before.
    async fn count(&self, state: &State, from: Timestamp, to: Timestamp) -> Result<Fact, CallError> {
        let answers = self.ports.metrics.points(&queries(&state.plan), from, to).await?;
        let mut minutes = minutes(answers)?;
        minutes.retain(|minute| minute.at >= from && minute.at < to && state.minutes.get(&minute.at) != Some(minute));
        Ok(Fact::Counted { until: to, minutes })
    }
}
