//! The loop, and the only place that awaits: look, decide, write down, act.

mod clock;
mod interrupt;
mod look;
mod managed;
mod milestone;
mod minutes;
mod perform;

use std::sync::Arc;

use jiff::Timestamp;

pub use clock::{ClockError, FastClock, SystemClock};
pub use interrupt::Interrupt;
pub use milestone::{Milestone, MilestoneError};

use crate::decide::{Decision, Seen, decide, guard, later};
use crate::event::{Event, Reporter};
use crate::journal::{
    Body, Cause, Ending, Fact, FoldError, Goal, Journal, JournalError, Mutation, Operator, Record, Resolution,
    RunState, Store, Terminal,
};
use crate::plan::Plan;
use crate::ports::Ports;

/// How the loop came to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The run is over.
    Finished(Ending),
    /// The point that was agreed on is reached: this process leaves, and the run stays open for `resume`.
    Reached {
        /// Where.
        milestone: Milestone,
    },
    /// This process leaves; the run stays open for `resume`.
    Left {
        /// Why.
        why: String,
    },
}

/// Why the loop could not run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DriveError {
    /// The journal did not answer.
    #[error("the journal cannot be used")]
    Journal(#[from] JournalError),
    /// The journal's records make no run.
    #[error("the journal cannot be understood")]
    Fold(#[from] FoldError),
    /// The run is over already.
    #[error("run {run} is over: {ending}")]
    Over {
        /// The run.
        run: String,
        /// How it ended, in words.
        ending: String,
    },
}

/// What a run needs to be driven.
#[derive(Clone)]
pub struct Driver {
    /// The world.
    pub ports: Ports,
    /// Where journals live.
    pub store: Arc<dyn Store>,
    /// Who hears of it.
    pub reporter: Arc<dyn Reporter>,
    /// Whether this process was told to stop.
    pub interrupt: Interrupt,
    /// Who we are.
    pub operator: Operator,
}

impl Driver {
    /// Begins a run and drives it to its end.
    ///
    /// # Errors
    ///
    /// Whatever keeps the loop from running; the journal tells how far it came.
    pub async fn start(&self, plan: &Plan) -> Result<Ended, DriveError> {
        self.start_until(plan, None).await
    }

    /// Begins a run and drives it to its end, or to an agreed point of the way forward.
    ///
    /// # Errors
    ///
    /// As [`Driver::start`].
    pub async fn start_until(&self, plan: &Plan, until: Option<Milestone>) -> Result<Ended, DriveError> {
        let journal = self.store.open(&plan.run, &self.operator).await?;
        let body = Body::Started { plan: Box::new(plan.clone()), hash: plan.hash(), operator: self.operator.clone() };
        let first = Record { seq: 0, at: self.ports.clock.now(), body };
        journal.append(&first).await?;
        let shown =
            Body::Started { plan: Box::new(plan.redacted()), hash: plan.hash(), operator: self.operator.clone() };
        self.reporter.event(&Event::Recorded(Box::new(Record { body: shown, ..first.clone() })));
        let state = RunState::fold(std::slice::from_ref(&first))?;
        Run::new(self, journal, state, until).drive().await
    }

    /// Takes a run up where its journal ends and drives it to its end.
    pub async fn resume(&self, run: &crate::model::RunId) -> Result<Ended, DriveError> {
        let journal = self.store.open(run, &self.operator).await?;
        let records = journal.read().await?;
        let state = RunState::fold(&records)?;
        let mut run = Run::new(self, journal, state, None);
        run.take_over().await?;
        run.drive().await
    }
}

/// One run under way.
struct Run<'a> {
    driver: &'a Driver,
    journal: Box<dyn Journal>,
    state: RunState,
    /// The journal could not be written: from here on only the way back is open, and it is kept in memory.
    volatile: bool,
    observed: look::Observed,
    counted: minutes::Counted,
    /// Where this process leaves.
    until: Option<Milestone>,
}

impl<'a> Run<'a> {
    fn new(driver: &'a Driver, journal: Box<dyn Journal>, state: RunState, until: Option<Milestone>) -> Run<'a> {
        let (observed, counted) = (look::Observed::default(), minutes::Counted::default());
        Run { driver, journal, state, volatile: false, observed, counted, until }
    }
}

impl Run<'_> {
    fn now(&self) -> Timestamp {
        self.driver.ports.clock.now()
    }

    fn report(&self, event: &Event) {
        self.driver.reporter.event(event);
    }

    /// Orders that wait in the inbox are taken first: an `abort` re-opens a held run, and only that.
    async fn take_over(&mut self) -> Result<(), DriveError> {
        self.append(Body::Resumed { operator: self.driver.operator.clone() }).await?;
        for command in self.journal.commands().await? {
            if !self.state.taken.contains(&command.id) {
                self.append(Body::Fact(Fact::Commanded(command))).await?;
            }
        }
        match &self.state.ending {
            Some(ending) => Err(DriveError::Over {
                run: self.state.plan.run.to_string(),
                ending: format!("{}, {}", ending.terminal, ending.why),
            }),
            None => Ok(()),
        }
    }

    async fn drive(mut self) -> Result<Ended, DriveError> {
        loop {
            let seen = self.look().await;
            if let Some(milestone) = self.until.take_if(|milestone| milestone.reached(&self.state, &seen)) {
                return Ok(Ended::Reached { milestone });
            }
            match decide(&self.state, &seen, self.now()) {
                Decision::Note(fact) => self.append(Body::Fact(fact)).await?,
                Decision::Act { mutation, because } => self.act(&seen, mutation, because).await?,
                Decision::Wait { until, why } => self.wait(until, why).await,
                Decision::Leave { why } => return Ok(Ended::Left { why }),
                Decision::Finish(ending) => {
                    if self.state.ending.is_none() {
                        self.append(Body::Finished(ending.clone())).await?;
                    }
                    return Ok(Ended::Finished(ending));
                }
            }
        }
    }

    /// Makes a record durable, folds it, and tells everybody.
    ///
    /// When the journal fails, the way forward ends: with traffic moved the goal becomes the baseline, which needs no
    /// journal; without, the error is the caller's.
    async fn append(&mut self, body: Body) -> Result<(), DriveError> {
        let record = Record { seq: self.state.next_seq, at: self.now(), body };
        let written = self.journal.append(&record).await;
        match written {
            Ok(()) => self.keep(&record),
            Err(_) if self.volatile => self.keep(&record),
            Err(error @ (JournalError::Conflict { .. } | JournalError::Held { .. })) => Err(error.into()),
            Err(error) if self.state.goal != Goal::Promote => {
                self.go_volatile(&error);
                self.keep(&record)
            }
            Err(error) if self.state.has_written() && self.state.committed_at.is_none() => {
                self.go_volatile(&error);
                // The record that failed is not kept: what it announced must not happen.
                let body = Body::Fact(Fact::Restoring(Cause::Journal(error.to_string())));
                self.keep(&Record { seq: self.state.next_seq, at: record.at, body })
            }
            Err(error) => Err(error.into()),
        }
    }

    fn go_volatile(&mut self, error: &JournalError) {
        self.volatile = true;
        let text = format!("{error}: going back from what is in memory");
        self.report(&Event::Warning { at: self.now(), text });
    }

    fn keep(&mut self, record: &Record) -> Result<(), DriveError> {
        self.state.apply(record)?;
        self.report(&Event::Recorded(Box::new(record.clone())));
        Ok(())
    }

    /// Intent, last look, send, outcome.
    async fn act(&mut self, seen: &Seen, mutation: Mutation, because: String) -> Result<(), DriveError> {
        if let Err(guard::Veto::Never(why)) = guard::check(&self.state, seen, self.now(), &mutation) {
            let why = format!("a guard refused what was decided, which is a defect: {why}");
            return self.append(Body::Finished(Ending { terminal: Terminal::Held, why })).await;
        }
        let intent = self.state.next_seq;
        let goal = self.state.goal.clone();
        self.append(Body::Intent { mutation: mutation.clone(), because }).await?;
        if self.state.goal != goal {
            return Ok(());
        }
        let resolution = match self.last_look(seen, &mutation).await {
            Ok(()) => self.perform(&mutation).await,
            Err(why) => Resolution::Withheld { why },
        };
        let withheld = match &resolution {
            Resolution::Withheld { why } => Some(why.clone()),
            _ => None,
        };
        self.append(Body::Outcome { intent, resolution }).await?;
        if let Some(why) = withheld {
            let until = later(self.now(), self.state.plan.timing.poll);
            self.wait(until, why).await;
        }
        Ok(())
    }

    /// Sleeps until `until`, an interrupt, or a new command, whichever is first.
    async fn wait(&self, until: Timestamp, why: String) {
        self.report(&Event::Waiting { at: self.now(), until, why });
        let interrupted_before = self.driver.interrupt.is_set();
        let slice = (self.state.plan.timing.poll / 5).clamp(std::time::Duration::from_millis(50), COMMAND_POLL_MAX);
        while self.now() < until {
            let nap = until.min(later(self.now(), slice));
            self.driver.interrupt.sleep(self.driver.ports.clock.as_ref(), nap).await;
            if self.driver.interrupt.is_set() && !interrupted_before {
                return;
            }
            let fresh = |commands: Vec<crate::journal::Command>| {
                commands.iter().any(|command| !self.state.taken.contains(&command.id))
            };
            if self.journal.commands().await.is_ok_and(fresh) {
                return;
            }
        }
    }
}

/// How long a command from another terminal may lie unread.
const COMMAND_POLL_MAX: std::time::Duration = std::time::Duration::from_secs(2);
