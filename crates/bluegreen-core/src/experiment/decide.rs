//! From what is known of an experiment to the next thing to do: pure and total.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::plan::{TAG, named};
use super::{Assessment, Ending, Fact, State, Write, normal};
use crate::model::{RouteId, RuleArn, equivalent};
use crate::observe::{RouteSnapshot, TaggedRoute};
use crate::ports::CallError;

/// What a look found.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// The time of the look.
    pub now: Timestamp,
    /// Every route of the listener.
    pub routes: &'a [TaggedRoute],
    /// The state's minutes, judged.
    pub assessment: &'a Assessment,
    /// Why the metrics gave no answer just now, if they did not: they are not asked again in this look.
    pub unreadable: Option<&'a CallError>,
}

/// The next thing to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Decision {
    /// Write this down.
    Note(Fact),
    /// Write this down, then do it, then write down how it ended.
    Write(Write),
    /// Read the counts of the whole minutes in between, and write them down.
    Count {
        /// From here.
        from: Timestamp,
        /// To here.
        to: Timestamp,
    },
    /// Look again then.
    Wait {
        /// When.
        until: Timestamp,
    },
    /// There is nothing to do now.
    Rest(Standing),
}

/// How an experiment stands when there is nothing to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It runs.
    Running,
    /// It runs, and its units are not assigned as planned.
    Invalid(String),
    /// It runs, and its metrics gave no answer.
    Blind(CallError),
    /// Somebody else changed its rules: nothing is done until a person says what.
    Drifted(Vec<String>),
    /// It is over, and none of its rules is left.
    Ended(Ending),
}

/// A request whose answer was lost may still arrive for so long.
const SETTLE: Duration = Duration::from_secs(10);
/// So often a rule is tried to be made while AWS is busy.
const ATTEMPTS_MAX: u32 = 3;
/// Between two of them.
const PAUSE: Duration = Duration::from_secs(2);
/// Minutes that are read again, since late points change them.
const AGAIN: Duration = Duration::from_secs(5 * 60);
/// As much as is read at once.
const CHUNK: Duration = Duration::from_secs(24 * 3600);

/// What to do next.
pub fn decide(state: &State, seen: &Seen<'_>) -> Decision {
    if let (Some(_), Some((ending, _))) = (&state.ended, &state.ending) {
        return Decision::Rest(Standing::Ended(ending.clone()));
    }
    let rules = OurRules::find(state, seen.routes);
    match (&state.ending, state.live_since) {
        (Some(_), _) => remove(state, seen, &rules),
        (None, None) => set_up(state, seen, &rules),
        (None, Some(_)) => watch(state, seen, &rules),
    }
}

/// The routes that bear our mark.
struct OurRules<'a> {
    /// By the number of the planned rule.
    planned: Vec<Option<&'a RouteSnapshot>>,
    /// All of them.
    all: Vec<(&'a RuleArn, &'a RouteSnapshot)>,
    /// What is not as it was made, or is there and should not be.
    strange: Vec<String>,
    /// What is no longer there.
    gone: Vec<String>,
    /// What was there a moment ago may be missing from an old answer: from when on that is no longer believed.
    doubtful_until: Option<Timestamp>,
}

impl<'a> OurRules<'a> {
    fn find(state: &State, routes: &'a [TaggedRoute]) -> OurRules<'a> {
        let plan = &state.plan;
        let mut rules = OurRules {
            planned: vec![None; plan.rules.len()],
            all: Vec::new(),
            strange: Vec::new(),
            gone: Vec::new(),
            doubtful_until: None,
        };
        for tagged in routes {
            let (RouteId::Rule(arn), Some(mark)) = (&tagged.route.id, tagged.tags.get(TAG)) else { continue };
            let Some(number) = mark.strip_prefix(plan.id.as_str()).and_then(|rest| rest.strip_prefix('/')) else {
                continue;
            };
            let route = &tagged.route;
            rules.all.push((arn, route));
            let slot = number.parse::<usize>().ok().and_then(|index| Some((index, rules.planned.get_mut(index)?)));
            match slot {
                Some((index, slot @ None)) => {
                    *slot = Some(route);
                    if !plan.stands(index, route) {
                        rules.strange.push(difference(state, index, route));
                    }
                }
                _ => rules
                    .strange
                    .push(format!("{} bears this experiment's tag, and is not of its making", named(route))),
            }
        }
        for (index, rule) in plan.rules.iter().enumerate().filter(|(index, _)| rules.planned[*index].is_none()) {
            let Some(made) = state.made[index] else { continue };
            rules.doubtful_until = rules.doubtful_until.max(settled_at(made));
            rules.gone.push(format!("the rule at priority {} is gone", rule.priority));
        }
        rules
    }

    /// What a person has to look at, or that it is too early to say.
    fn trouble(&self, now: Timestamp) -> Result<Option<Vec<String>>, Decision> {
        if let Some(until) = self.doubtful_until.filter(|until| *until > now) {
            return Err(Decision::Wait { until });
        }
        let all: Vec<String> = self.strange.iter().chain(&self.gone).cloned().collect();
        Ok((!all.is_empty()).then_some(all))
    }
}

/// What is different about a rule of ours, both sides shown.
fn difference(state: &State, index: usize, route: &RouteSnapshot) -> String {
    let planned = &state.plan.rules[index];
    let mut parts = Vec::new();
    if route.priority != planned.priority.to_string() {
        parts.push(format!("its priority is {} instead of {}", route.priority, planned.priority));
    }
    if normal(&route.conditions) != planned.conditions {
        parts.push(format!("its conditions are {} instead of {}", normal(&route.conditions), planned.conditions));
    }
    if !equivalent(&route.actions, &planned.actions) {
        let short = crate::plan::short_actions;
        parts.push(format!("it does {} instead of {}", short(&route.actions), short(&planned.actions)));
    }
    format!("{}: {}", named(route), parts.join(", and "))
}

/// The rules are made one after the other, each read back before the next.
fn set_up(state: &State, seen: &Seen<'_>, rules: &OurRules<'_>) -> Decision {
    match rules.trouble(seen.now) {
        Err(wait) => return wait,
        Ok(Some(what)) => return Decision::Rest(Standing::Drifted(what)),
        Ok(None) => {}
    }
    for (index, found) in rules.planned.iter().enumerate() {
        match found {
            Some(RouteSnapshot { id: RouteId::Rule(rule), .. }) if state.made[index].is_none() => {
                return Decision::Note(Fact::Made { index, rule: rule.clone() });
            }
            Some(_) => {}
            None => return make(state, seen, index),
        }
    }
    Decision::Note(Fact::Live)
}

fn make(state: &State, seen: &Seen<'_>, index: usize) -> Decision {
    let attempt = &state.attempts[index];
    let fail = |why: String| Decision::Note(Fact::Ending(Ending::Failed { why }));
    match (&attempt.end, attempt.at) {
        (Some(Err(error)), _) if !error.class.is_transient() || attempt.count >= ATTEMPTS_MAX => {
            return fail(error.to_string());
        }
        (Some(Err(_)), Some(at)) => {
            if let Some(until) = later(at, PAUSE).filter(|until| *until > seen.now) {
                return Decision::Wait { until };
            }
        }
        // It may be there without being seen yet, or still be on its way. Made twice it cannot be: the priority is one.
        (Some(Ok(())) | None, Some(at)) => {
            if let Some(until) = settled_at(at).filter(|until| *until > seen.now) {
                return Decision::Wait { until };
            }
            if attempt.count >= ATTEMPTS_MAX {
                return fail("AWS gave no answer, and the rule is not there".to_owned());
            }
        }
        _ => {}
    }
    match moved(state, seen.routes, index) {
        Some(why) => fail(why),
        None => Decision::Write(Write::Create { index }),
    }
}

fn settled_at(at: Timestamp) -> Option<Timestamp> {
    later(at, SETTLE)
}

fn later(at: Timestamp, by: Duration) -> Option<Timestamp> {
    at.checked_add(SignedDuration::try_from(by).ok()?).ok()
}

/// Why a rule no longer fits where it was planned.
fn moved(state: &State, routes: &[TaggedRoute], index: usize) -> Option<String> {
    let plan = &state.plan;
    let planned = plan.before.iter().find(|route| route.id == plan.base)?;
    let base = routes.iter().map(|tagged| &tagged.route).find(|route| route.id == plan.base);
    let Some(base) = base else { return Some(format!("{} is gone", named(planned))) };
    if base.priority != planned.priority
        || normal(&base.conditions) != normal(&planned.conditions)
        || !equivalent(&base.actions, &planned.actions)
    {
        return Some(format!("{} was changed after the plan was made", named(planned)));
    }
    let priority = plan.rules[index].priority.to_string();
    let taken = routes.iter().find(|tagged| tagged.route.priority == priority)?;
    Some(format!("{} has the priority that was free when the plan was made", named(&taken.route)))
}

fn watch(state: &State, seen: &Seen<'_>, rules: &OurRules<'_>) -> Decision {
    match rules.trouble(seen.now) {
        Err(wait) => return wait,
        Ok(Some(what)) if state.drift.as_ref() == Some(&what) => return Decision::Rest(Standing::Drifted(what)),
        Ok(Some(what)) => return Decision::Note(Fact::Drift { what }),
        Ok(None) => {}
    }
    if state.drift.is_some() {
        return Decision::Note(Fact::DriftOver);
    }
    if let Some((from, to)) = due(state, seen.now).filter(|_| seen.unreadable.is_none()) {
        return Decision::Count { from, to };
    }
    let assessment = seen.assessment;
    if let Some(worse) = assessment.guardrails.iter().find(|guardrail| guardrail.failed) {
        let (metric, variant) = (worse.metric.clone(), worse.variant.clone());
        return Decision::Note(Fact::Ending(Ending::Guardrail { metric, variant }));
    }
    if let (Some(why), None) = (assessment.invalid(), &state.invalid) {
        return Decision::Note(Fact::Invalid { why });
    }
    if state.expires_at().is_some_and(|end| seen.now >= end) {
        return Decision::Note(Fact::Ending(Ending::Expired));
    }
    Decision::Rest(match (seen.unreadable, &state.invalid) {
        (Some(error), _) => Standing::Blind(error.clone()),
        (None, Some(why)) => Standing::Invalid(why.clone()),
        (None, None) => Standing::Running,
    })
}

/// The minutes that are to be read: those that are complete by now, with the last few that were read before.
fn due(state: &State, now: Timestamp) -> Option<(Timestamp, Timestamp)> {
    let back = |time: Timestamp, by: Duration| time.checked_sub(SignedDuration::try_from(by).ok()?).ok();
    let until = state.counted_until?;
    let closed = back(now, state.plan.design.lag)?.min(state.expires_at()?);
    let closed = Timestamp::from_second(closed.as_second().div_euclid(60) * 60).ok()?;
    if closed <= until {
        return None;
    }
    let to = closed.min(until.checked_add(SignedDuration::try_from(CHUNK).ok()?).ok()?);
    // Only what was counted may be read again: there may be minutes before it that do not count.
    let again = back(until, AGAIN)?;
    let from = state.minutes.range(again..until).next().map_or(until, |(at, _)| *at);
    Some((from, to))
}

/// The rules are deleted one after the other, and looked for until none is left.
fn remove(state: &State, seen: &Seen<'_>, rules: &OurRules<'_>) -> Decision {
    if !rules.strange.is_empty() && !state.drift_accepted {
        return Decision::Rest(Standing::Drifted(rules.strange.clone()));
    }
    if let Some((rule, _)) = rules.all.first() {
        return Decision::Write(Write::Delete { rule: (*rule).clone() });
    }
    // A request for a rule may still be on its way.
    let open = state.attempts.iter().filter(|attempt| attempt.count > 0 && !matches!(attempt.end, Some(Err(_))));
    let unseen = open.filter_map(|attempt| settled_at(attempt.at?)).max();
    if let Some(until) = unseen.filter(|until| *until > seen.now) {
        return Decision::Wait { until };
    }
    Decision::Note(Fact::Ended { changed: changed(state, seen.routes) })
}

/// Routes that are not as they were before the experiment, in words. None of them was written here.
fn changed(state: &State, routes: &[TaggedRoute]) -> Vec<String> {
    let now = |id: &RouteId| routes.iter().map(|tagged| &tagged.route).find(|route| route.id == *id);
    let before = state.plan.before.iter().filter_map(|old| match now(&old.id) {
        Some(new) if new == old => None,
        Some(_) => Some(format!("{} was changed", named(old))),
        None => Some(format!("{} was deleted", named(old))),
    });
    let known = |tagged: &&TaggedRoute| !state.plan.before.iter().any(|old| old.id == tagged.route.id);
    let new = routes.iter().filter(known).map(|tagged| format!("{} was added", named(&tagged.route)));
    before.chain(new).collect()
}

#[cfg(test)]
mod tests;
