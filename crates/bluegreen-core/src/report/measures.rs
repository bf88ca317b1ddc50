//! How long what mattered took, as far as the records tell.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Serialize, Serializer};

use super::{AlarmReport, Span, Trace};
use crate::decide::elapsed;
use crate::journal::{Body, Cause, Goal, IntentId, Mutation, Purpose, Record, Resolution, RunState};
use crate::model::{Action, Percent};
use crate::plan::Clock;
use crate::view::Phase;

/// One length of time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Measure {
    /// From what to what.
    pub what: String,
    /// How long; `None` where that is not known or did not come to pass.
    #[serde(serialize_with = "optional")]
    pub took: Option<Duration>,
    /// What else belongs to it: why it is not known, or what it is compared with.
    pub note: Option<String>,
}

#[allow(clippy::ref_option, reason = "the shape that serde asks for")]
fn optional<S: Serializer>(took: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    match took {
        Some(took) => serializer.serialize_some(&crate::model::duration::format(*took)),
        None => serializer.serialize_none(),
    }
}

pub(super) fn measures(records: &[Record], state: &RunState, trace: &Trace, alarms: &[AlarmReport]) -> Vec<Measure> {
    let mut all = vec![whole(state)];
    let weights = match state.plan.managed() {
        None => Writes::of(records, |purpose| matches!(purpose, Purpose::Step(share) if *share != Percent::ZERO)),
        Some(_) => Writes::by_aws(state, |share| share > 0),
    };
    let what = "from the start to the first traffic on the canary";
    let none = if state.plan.managed().is_some() { "no weight was seen to move" } else { "no weight was written" };
    all.push(weights.first_applied.map_or_else(|| unknown(what, none), |at| known(what, state.started_at, at)));
    all.extend(exposed(state, &weights));
    if let Goal::Restore { cause, since } = &state.goal {
        all.extend(way_back(records, state, cause, *since, alarms));
    }
    all.extend(waits(trace));
    all
}

fn known(what: &str, from: Timestamp, to: Timestamp) -> Measure {
    Measure { what: what.to_owned(), took: Some(elapsed(from, to)), note: None }
}

fn unknown(what: &str, why: &str) -> Measure {
    Measure { what: what.to_owned(), took: None, note: Some(why.to_owned()) }
}

fn whole(state: &RunState) -> Measure {
    match state.ending {
        Some(_) => known("from the first record to the last", state.started_at, state.last_at),
        None => Measure {
            note: Some("the run is not over".to_owned()),
            ..known("from the first record to the last so far", state.started_at, state.last_at)
        },
    }
}

/// For how long requests could reach the new version while it was on trial.
fn exposed(state: &RunState, weights: &Writes) -> Option<Measure> {
    let from = weights.first_sent?;
    let what = "with traffic on the canary, on trial";
    Some(match state.traffic_restored_at.or(state.committed_at) {
        Some(at) => known(what, from, at),
        None => unknown(what, "neither commit nor rollback was read back"),
    })
}

fn way_back(
    records: &[Record],
    state: &RunState,
    cause: &Cause,
    since: Timestamp,
    alarms: &[AlarmReport],
) -> Vec<Measure> {
    let mut all = Vec::new();
    if let Cause::AlarmRed { .. } = cause {
        let what = "from first seen red to turning back";
        let seen = alarms.iter().filter_map(|alarm| alarm.red_at).min().filter(|at| *at < since);
        all.push(match seen {
            Some(at) => known(what, at, since),
            None => unknown(what, "it turned back with the first look that showed it"),
        });
        let red = alarms.iter().filter_map(|alarm| alarm.red_at).min();
        if let (Some(red), Some(back)) = (red, state.traffic_restored_at) {
            all.push(known("from first seen red to the baseline read back on every route", red, back));
        }
        let what = "from last seen green to the same";
        let green = alarms.iter().filter(|alarm| alarm.red_at.is_some()).filter_map(|alarm| alarm.green_until).min();
        if let (Some(green), Some(back)) = (green, state.traffic_restored_at) {
            all.push(Measure {
                note: Some("the alarm turned red in between: at most so long".to_owned()),
                ..known(what, green, back)
            });
        }
    }
    let restores = match state.plan.managed() {
        None => Writes::of(records, |purpose| matches!(purpose, Purpose::Restore | Purpose::Evict)),
        Some(_) => Writes::by_aws(state, |share| share == 0),
    };
    let what = "from turning back to the last route written";
    all.push(match restores.last_applied.filter(|at| *at >= since) {
        Some(at) => known(what, since, at),
        None if !state.has_written() => unknown(what, "there was nothing to write back"),
        None => unknown(what, "no write of the baseline was confirmed"),
    });
    let what = "from turning back to the baseline read back on every route";
    let worst = crate::model::duration::format(Clock::of(&state.plan).worst_rollback);
    all.push(match state.traffic_restored_at {
        Some(at) => {
            let note = Some(format!("the plan's worst case until no traffic is on the canary: {worst}"));
            Measure { note, ..known(what, since, at) }
        }
        None => unknown(what, "it was not read back"),
    });
    let settled = records.iter().find(|record| record.body == Body::Fact(crate::journal::Fact::CapacityRestored));
    if let Some(record) = settled {
        all.push(known("from turning back to the canary's fleet as before", since, record.at));
    }
    all
}

/// Time that passed without the release getting on.
fn waits(trace: &Trace) -> Vec<Measure> {
    let sum = |fits: &dyn Fn(&Span) -> bool| -> Duration {
        trace.phases.iter().filter(|span| fits(span)).map(|span| elapsed(span.from, span.to)).sum()
    };
    let people = sum(&|span| matches!(span.phase, Phase::AwaitingPromote | Phase::Paused));
    let stopped = sum(&|span| span.phase == Phase::Ended);
    let some = |what: &str, took: Duration| {
        (!took.is_zero()).then(|| Measure { what: what.to_owned(), took: Some(took), note: None })
    };
    let all = [some("waiting for people", people), some("stopped, with nobody at work", stopped)];
    all.into_iter().flatten().collect()
}

/// When writes of a kind were sent and confirmed.
#[derive(Default)]
struct Writes {
    first_sent: Option<Timestamp>,
    first_applied: Option<Timestamp>,
    last_applied: Option<Timestamp>,
}

impl Writes {
    /// The moves that AWS was seen to make: each at the moment of the look that showed it.
    fn by_aws(state: &RunState, fits: impl Fn(u32) -> bool) -> Writes {
        let share = |actions: &[Action]| {
            let split = Action::forward_of(actions).and_then(|forward| forward.split().ok());
            split.map_or(0, |split| split.share_ppm(state.plan.canary_group()))
        };
        let moves = state.plan.route_ids().flat_map(|route| state.route_changes(route));
        let mut at: Vec<Timestamp> = moves.filter(|moved| fits(share(&moved.value))).map(|moved| moved.at).collect();
        at.sort();
        let (first, last) = (at.first().copied(), at.last().copied());
        Writes { first_sent: first, first_applied: first, last_applied: last }
    }

    fn of(records: &[Record], fits: impl Fn(&Purpose) -> bool) -> Writes {
        let mut writes = Writes::default();
        let mut open: Option<(IntentId, Timestamp)> = None;
        for record in records {
            match &record.body {
                Body::Intent { mutation: Mutation::SetActions { purpose, .. }, .. } if fits(purpose) => {
                    open = Some((record.seq, record.at));
                }
                Body::Outcome { intent, resolution } => {
                    let Some((_, sent)) = open.take().filter(|(id, _)| id == intent) else { continue };
                    match resolution {
                        Resolution::Applied { .. } => {
                            writes.first_applied = writes.first_applied.or(Some(record.at));
                            writes.last_applied = Some(record.at);
                        }
                        Resolution::Unknown(_) => {}
                        _ => continue,
                    }
                    writes.first_sent = writes.first_sent.or(Some(sent));
                }
                // The process died in between: the write may have taken effect.
                Body::Resumed { .. } => {
                    if let Some((_, sent)) = open.take() {
                        writes.first_sent = writes.first_sent.or(Some(sent));
                    }
                }
                _ => {}
            }
        }
        writes
    }
}
