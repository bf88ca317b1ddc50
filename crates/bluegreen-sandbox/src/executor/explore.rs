//! All interleavings of the first polls.

use std::collections::BTreeSet;

use super::{End, Report, Schedule, Sim};

/// What an exploration covered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Explored {
    /// Prefixes of polls that were replayed.
    pub prefixes: u64,
    /// Prefixes that led to a state which another one had led to before.
    pub pruned: u64,
    /// Runs that were taken to their end and checked.
    pub runs: u64,
}

/// Takes the operators of `build` through every order of their first `depth` polls, and each of them to the end in
/// turns; `check` sees every run, with the choices that led to it.
///
/// What is enumerated, exactly: at each of the first `depth` polls (of all operators together), every operator that
/// can run then is tried. Two prefixes are taken for one when they have the same length and everything that can follow
/// is the same: each operator was told the same (every answer and every reading of the clock), the same effects took
/// place in the same order, by the same calls' numbers, the same operator holds the lock, and it is the same time. Since
/// reads of different operators commute, this leaves a number of states that grows with the product, not the power, of
/// the operators' lengths, and loses none. Time is not a choice: it passes only when nobody can run. After `depth` polls
/// the operators take turns. `build` must return the same simulation every time.
pub fn explore<T: Clone + 'static>(
    depth: usize,
    build: impl Fn() -> Sim<T>,
    mut check: impl FnMut(&[usize], &Sim<T>, &Report<T>),
) -> Explored {
    let mut explored = Explored::default();
    let mut seen = BTreeSet::new();
    let mut todo: Vec<Vec<usize>> = vec![Vec::new()];
    while let Some(mut choices) = todo.pop() {
        explored.prefixes += 1;
        let mut sim = build();
        sim.shared.lock().fingerprints = true;
        let Some(mut ready) = replay(&mut sim, &choices) else { continue };
        if !seen.insert((choices.len(), sim.shared.lock().fingerprint())) {
            explored.pruned += 1;
            continue;
        }
        // Where only one can run there is nothing to choose.
        while ready.len() == 1 && choices.len() < depth {
            choices.push(0);
            sim.poll(ready[0]);
            ready = sim.ready().unwrap_or_default();
        }
        if choices.len() < depth && ready.len() > 1 {
            todo.extend((0..ready.len()).rev().map(|choice| [&choices[..], &[choice]].concat()));
            continue;
        }
        explored.runs += 1;
        let report = sim.run(&Schedule::RoundRobin);
        check(&choices, &sim, &report);
    }
    explored
}

/// Polls by the choices; who can run then.
fn replay<T: Clone + 'static>(sim: &mut Sim<T>, choices: &[usize]) -> Option<Vec<usize>> {
    for choice in choices {
        let ready = sim.ready().ok()?;
        sim.poll(*ready.get(*choice)?);
    }
    // A run that does not settle is still one to check: `Sim::run` will say so.
    Some(sim.ready().unwrap_or_default())
}

impl<T> Report<T> {
    /// Whether everybody came to an end and no law was broken.
    pub fn is_clean(&self) -> bool {
        self.end == End::Settled && self.violations.is_empty()
    }
}
