//! Steps as an engine that AWS runs would go through them: shares, with what is waited for at each.

use std::time::Duration;

use crate::model::{Percent, Step};

/// What a list of steps asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Course {
    /// What is waited for before the first share.
    pub before: Wait,
    /// The shares in rising order, each once; the last is 100 %.
    pub levels: Vec<Level>,
    /// Whether the canary is scaled for itself.
    pub scales: bool,
    /// The hold at 100 %.
    pub bake: Duration,
}

/// One share, and what is waited for at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Level {
    pub share: Percent,
    pub wait: Wait,
}

/// What is waited for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Wait {
    /// All holds together.
    pub hold: Duration,
    /// Whether a person has to promote.
    pub promote: bool,
    /// Whether it ends with a verdict of the judge.
    pub verdict: bool,
}

impl Course {
    pub(super) fn of(steps: &[Step]) -> Course {
        let mut course = Course { before: Wait::default(), levels: Vec::new(), scales: false, bake: Duration::ZERO };
        for step in steps {
            match step {
                Step::SetWeight(share) if course.levels.last().is_some_and(|level| level.share == *share) => {}
                Step::SetWeight(share) => course.levels.push(Level { share: *share, wait: Wait::default() }),
                Step::SetCanaryScale(_) => course.scales = true,
                Step::Hold(hold) | Step::Analysis(hold) => {
                    let wait = course.wait();
                    wait.hold = wait.hold.saturating_add(*hold);
                    wait.verdict |= matches!(step, Step::Analysis(_));
                }
                Step::AwaitPromote => course.wait().promote = true,
                Step::Bake(bake) => course.bake = course.bake.saturating_add(*bake),
            }
        }
        course
    }

    fn wait(&mut self) -> &mut Wait {
        self.levels.last_mut().map_or(&mut self.before, |level| &mut level.wait)
    }

    /// The shares below 100 %.
    pub(super) fn partial(&self) -> &[Level] {
        self.levels.split_last().map_or(&[], |(_, partial)| partial)
    }

    /// The one share that is added each time, where it is one: the last may add less.
    pub(super) fn equal_share(&self) -> Option<Percent> {
        let each = self.partial().first()?.share;
        let rises = |(index, level): (usize, &Level)| {
            usize::from(each.tenths()) * (index + 1) == usize::from(level.share.tenths())
        };
        let partial = self.partial();
        let rest = Percent::FULL.tenths() - partial.last()?.share.tenths();
        (partial.iter().enumerate().all(rises) && rest <= each.tenths()).then_some(each)
    }

    /// From the first share to the last, people aside.
    pub(super) fn total(&self) -> Duration {
        self.partial().iter().fold(Duration::ZERO, |sum, level| sum.saturating_add(level.wait.hold))
    }

    /// The longest hold at one share, that before the first included.
    pub(super) fn longest(&self) -> Duration {
        self.levels.iter().map(|level| level.wait.hold).chain([self.before.hold]).max().unwrap_or_default()
    }
}
