//! The fold of an experiment's records.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::{Body, Ending, Fact, Minute, Plan, Record, Resolution, Write};
use crate::ports::CallError;

/// What is known of an experiment.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    /// What it does.
    pub plan: Plan,
    /// The sequence number of the next record.
    pub next: u64,
    /// When each of the planned rules was first seen standing.
    pub made: Vec<Option<Timestamp>>,
    /// The last attempt to make each rule.
    pub attempts: Vec<Attempt>,
    /// Since when all stand.
    pub live_since: Option<Timestamp>,
    /// Everything before this is read, or does not count.
    pub counted_until: Option<Timestamp>,
    /// The minutes that count, by their beginning.
    pub minutes: BTreeMap<Timestamp, Minute>,
    /// What is wrong with the assignment of units, if anything.
    pub invalid: Option<String>,
    /// What somebody else changed, while it is so.
    pub drift: Option<Vec<String>>,
    /// Whether that may go as it is.
    pub drift_accepted: bool,
    /// Why it ends, once that is decided, and since when.
    pub ending: Option<(Ending, Timestamp)>,
    /// The end: routes that somebody else changed meanwhile.
    pub ended: Option<Vec<String>>,
}

/// Attempts to make a rule.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attempt {
    /// How many there were.
    pub count: u32,
    /// When the last one was written down.
    pub at: Option<Timestamp>,
    /// How it ended; `None` where that is not known.
    pub end: Option<Result<(), CallError>>,
}

/// Records that make no experiment.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FoldError {
    /// There is no beginning.
    #[error("the journal does not begin with an experiment's plan")]
    NoStart,
    /// A record names something that does not exist.
    #[error("record {0} does not follow from those before it")]
    Stray(u64),
}

impl State {
    /// The state after these records.
    ///
    /// # Errors
    ///
    /// Records that this program cannot have written.
    pub fn fold(records: &[Record]) -> Result<State, FoldError> {
        let Some((Record { body: Body::Started { plan, .. }, .. }, rest)) = records.split_first() else {
            return Err(FoldError::NoStart);
        };
        let rules = plan.rules.len();
        let mut state = State {
            plan: (**plan).clone(),
            next: 1,
            made: vec![None; rules],
            attempts: vec![Attempt::default(); rules],
            live_since: None,
            counted_until: None,
            minutes: BTreeMap::new(),
            invalid: None,
            drift: None,
            drift_accepted: false,
            ending: None,
            ended: None,
        };
        let mut intents = BTreeMap::new();
        for record in rest {
            state.next += 1;
            match &record.body {
                Body::Started { .. } => return Err(FoldError::Stray(record.seq)),
                Body::Intent(write) => {
                    intents.insert(record.seq, write);
                    if let Write::Create { index } = write {
                        let attempt = state.attempts.get_mut(*index).ok_or(FoldError::Stray(record.seq))?;
                        *attempt = Attempt { count: attempt.count + 1, at: Some(record.at), end: None };
                    }
                }
                Body::Outcome { intent, resolution } => match intents.get(intent) {
                    Some(Write::Create { index }) => state.attempts[*index].resolve(resolution),
                    Some(Write::Delete { .. }) => {}
                    None => return Err(FoldError::Stray(record.seq)),
                },
                Body::Fact(fact) => state.learn(fact, record)?,
            }
        }
        Ok(state)
    }

    fn learn(&mut self, fact: &Fact, record: &Record) -> Result<(), FoldError> {
        match fact {
            Fact::Made { index, .. } => {
                self.made.get_mut(*index).ok_or(FoldError::Stray(record.seq))?.get_or_insert(record.at);
            }
            Fact::Live => {
                self.live_since = self.live_since.or(Some(record.at));
                self.counted_until = self.counted_until.or_else(|| next_minute(record.at));
            }
            Fact::Counted { until, minutes } => {
                self.counted_until = self.counted_until.max(Some(*until));
                self.minutes.extend(minutes.iter().map(|minute| (minute.at, minute.clone())));
            }
            Fact::Invalid { why } => self.invalid = self.invalid.take().or_else(|| Some(why.clone())),
            Fact::Drift { what } => self.drift = Some(what.clone()),
            Fact::DriftOver => {
                self.drift = None;
                self.counted_until = self.counted_until.max(next_minute(record.at));
            }
            Fact::DriftAccepted => self.drift_accepted = true,
            Fact::Ending(ending) => self.ending = self.ending.take().or_else(|| Some((ending.clone(), record.at))),
            Fact::Ended { changed } => self.ended = Some(changed.clone()),
        }
        Ok(())
    }

    /// When it ends by itself, once it stands.
    pub fn expires_at(&self) -> Option<Timestamp> {
        self.live_since?.checked_add(SignedDuration::try_from(self.plan.design.expiry).ok()?).ok()
    }

    /// From when on goals may be decided.
    pub fn decides_at(&self) -> Option<Timestamp> {
        self.live_since?.checked_add(SignedDuration::try_from(self.plan.design.minimum).ok()?).ok()
    }
}

impl Attempt {
    fn resolve(&mut self, resolution: &Resolution) {
        self.end = match resolution {
            Resolution::Applied => Some(Ok(())),
            Resolution::NotApplied(error) => Some(Err(error.clone())),
            Resolution::Unknown(_) => None,
        };
    }
}

/// The first whole minute that begins after a time, or at it.
pub(super) fn next_minute(time: Timestamp) -> Option<Timestamp> {
    let passed = time.as_second() + i64::from(time.subsec_nanosecond() > 0);
    Timestamp::from_second(passed.div_euclid(60) * 60 + if passed.rem_euclid(60) > 0 { 60 } else { 0 }).ok()
}
