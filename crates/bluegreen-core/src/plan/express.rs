//! Steps as a shift that AWS can carry out, or what stands against it, with the nearest plan that it can.

use std::fmt;
use std::time::Duration;

use super::capability::{Capability, EngineKind, Holds, Shapes, Waits};
use super::course::{Course, Level};
use crate::model::{Percent, Shift, Step, duration};

const MINUTE: Duration = Duration::from_secs(60);

/// One thing in a list of steps that an engine cannot do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Misfit {
    /// The canary is scaled for itself.
    Scale,
    /// A hold before the first share.
    EarlyHold,
    /// A wait for a person while the canary has this share.
    Promote(Percent),
    /// A wait for a verdict while the canary has this share.
    Verdict(Percent),
    /// Neither one share before all, nor equal shares.
    Shape,
    /// A share that is finer than the engine's.
    Fine(Percent, u16),
    /// Equal shares that are smaller than the engine's.
    Small(Percent, u16),
    /// No hold at this share.
    NoHold(Percent),
    /// Holds that differ between equal shares.
    Unequal,
    /// A hold that is not whole minutes.
    Split(Duration),
    /// More time from the first share to the last than the engine takes.
    Long(Duration, Duration),
    /// A hold that is longer than AWS pauses.
    Pause(Duration, Duration),
}

impl Misfit {
    /// The finding's code.
    pub(super) fn code(&self) -> &'static str {
        match self {
            Misfit::Shape | Misfit::Fine(..) | Misfit::Small(..) => "BG3201",
            Misfit::NoHold(_) | Misfit::Unequal | Misfit::Split(_) | Misfit::Long(..) | Misfit::EarlyHold => "BG3202",
            Misfit::Promote(_) | Misfit::Verdict(_) => "BG3203",
            Misfit::Scale => "BG3204",
            Misfit::Pause(..) => "BG3207",
        }
    }
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tenths = |tenths: &u16| Percent::from_tenths(*tenths).unwrap_or(Percent::FULL);
        match self {
            Misfit::Scale => write!(f, "set the canary's task count"),
            Misfit::EarlyHold => write!(f, "hold before the first share"),
            Misfit::Promote(share) if *share == Percent::FULL => write!(f, "wait for `promote` at 100%"),
            Misfit::Promote(share) => write!(f, "wait for `promote` at {share}"),
            Misfit::Verdict(share) => write!(f, "wait for a verdict at {share}"),
            Misfit::Shape => write!(f, "go through these shares: it takes one before 100%, or equal ones"),
            Misfit::Fine(share, finest) => {
                write!(f, "give the canary {share}: its finest share is {}", tenths(finest))
            }
            Misfit::Small(share, least) => write!(f, "take equal shares of {share}: it begins at {}", tenths(least)),
            Misfit::NoHold(share) => write!(f, "leave {share} at once: it holds for a minute at least"),
            Misfit::Unequal => write!(f, "hold for different times at equal shares"),
            Misfit::Split(hold) => write!(f, "hold for {}: it counts whole minutes", duration::format(*hold)),
            Misfit::Long(total, most) => write!(
                f,
                "take {} from the first share to the last: {} is its limit",
                duration::format(*total),
                duration::format(*most)
            ),
            Misfit::Pause(hold, limit) => write!(
                f,
                "hold for {}: it pauses for {} and then rolls back",
                duration::format(*hold),
                duration::format(*limit)
            ),
        }
    }
}

/// How an engine that AWS runs moves traffic through `steps`.
///
/// `pause` is how long ECS waits at one of our pauses. The bake is not looked at here: what limits it is not known from
/// the steps alone.
pub(super) fn express(kind: EngineKind, steps: &[Step], pause: Duration) -> Result<Shift, Vec<Misfit>> {
    let can = kind.can();
    let course = Course::of(steps);
    let mut misfits = Vec::new();
    if course.scales && !can.own_scale {
        misfits.push(Misfit::Scale);
    }
    misfits.extend(waits(can, &course));
    let shift = shape(can, &course, &mut misfits);
    misfits.extend(holds(can, &course, pause));
    match (shift, misfits.is_empty()) {
        (Some(shift), true) => Ok(shift),
        _ => Err(misfits),
    }
}

fn waits(can: &Capability, course: &Course) -> Vec<Misfit> {
    if can.waits == Waits::Anywhere {
        return Vec::new();
    }
    let early = (course.before.hold > Duration::ZERO).then_some(Misfit::EarlyHold);
    let person = course.levels.iter().filter(|level| level.wait.promote).map(|level| Misfit::Promote(level.share));
    let verdict = course.levels.iter().filter(|level| level.wait.verdict).map(|level| Misfit::Verdict(level.share));
    early.into_iter().chain(person).chain(verdict).collect()
}

fn shape(can: &Capability, course: &Course, misfits: &mut Vec<Misfit>) -> Option<Shift> {
    let Shapes::Listed { finest, linear_from } = can.shapes else { return None };
    let wait = |level: &Level| level.wait.hold;
    let shift = match course.partial() {
        [] => Shift::AllAtOnce,
        [only] => Shift::Canary { first: only.share, wait: wait(only) },
        [first, ..] => {
            let Some(each) = course.equal_share() else {
                misfits.push(Misfit::Shape);
                return None;
            };
            Shift::Linear { each, wait: wait(first) }
        }
    };
    match shift {
        Shift::Canary { first: share, .. } | Shift::Linear { each: share, .. } if share.tenths() % finest != 0 => {
            misfits.push(Misfit::Fine(share, finest));
        }
        Shift::Linear { each, .. } if each.tenths() < linear_from => misfits.push(Misfit::Small(each, linear_from)),
        _ => {}
    }
    Some(shift)
}

fn holds(can: &Capability, course: &Course, pause: Duration) -> Vec<Misfit> {
    match can.holds {
        Holds::Any => Vec::new(),
        Holds::Paused { total: most, .. } => {
            let total = course.total().saturating_add(course.before.hold).saturating_add(course.bake);
            let longest = course.longest();
            let pause = (longest >= pause).then_some(Misfit::Pause(longest, pause));
            pause.into_iter().chain((total >= most).then_some(Misfit::Long(total, most))).collect()
        }
        Holds::EqualMinutes { total: most } => {
            let mut misfits = Vec::new();
            let partial = course.partial();
            let zero = partial.iter().find(|level| level.wait.hold.is_zero() && !level.wait.promote);
            misfits.extend(zero.map(|level| Misfit::NoHold(level.share)));
            let split = partial.iter().map(|level| level.wait.hold).find(|hold| whole_minutes(*hold) != *hold);
            misfits.extend(split.map(Misfit::Split));
            let equal = partial.windows(2).all(|pair| pair[0].wait.hold == pair[1].wait.hold);
            if !equal && course.equal_share().is_some() {
                misfits.push(Misfit::Unequal);
            }
            if course.total() > most {
                misfits.push(Misfit::Long(course.total(), most));
            }
            misfits
        }
    }
}

/// The next whole minute.
fn whole_minutes(time: Duration) -> Duration {
    let minutes = time.as_secs().div_ceil(60) + u64::from(time.subsec_nanos() > 0 && time.as_secs().is_multiple_of(60));
    Duration::from_secs(minutes * 60)
}

/// The strategy closest to `steps` that the engine can carry out, as a line of a spec.
///
/// Equal shares stay equal. Of any others the first is kept, since it is what limits the harm; all holds together are
/// spent at it.
pub(super) fn nearest(kind: EngineKind, steps: &[Step], pause: Duration) -> Option<String> {
    let can = kind.can();
    let Shapes::Listed { finest, linear_from } = can.shapes else { return None };
    let course = Course::of(steps);
    let Some(first) = course.partial().first() else { return Some("strategy: { blueGreen: {} }".to_owned()) };
    let rounded = |share: Percent, least: u16| {
        let least = least.max(finest);
        let tenths = share.tenths().max(least).div_ceil(finest) * finest;
        Percent::from_tenths(tenths.min(1000 - finest)).unwrap_or(Percent::FULL)
    };
    let line = match course.equal_share() {
        Some(each) if course.partial().len() > 1 => {
            let step = rounded(each, linear_from);
            let moves = u32::from((1000 / step.tenths()).max(1));
            let hold = hold(can, course.longest(), pause, moves);
            format!("strategy: {{ linear: {{ step: {}, every: {} }} }}", bare(step), duration::format(hold))
        }
        _ => {
            let hold = hold(can, course.total(), pause, 1);
            format!(
                "strategy: {{ canary: {{ steps: [{{ setWeight: {} }}, {{ pause: {{ duration: {} }} }}] }} }}",
                bare(rounded(first.share, finest)),
                duration::format(hold)
            )
        }
    };
    Some(line)
}

/// The hold closest to `asked` that the engine takes `moves` times.
fn hold(can: &Capability, asked: Duration, pause: Duration, moves: u32) -> Duration {
    match can.holds {
        Holds::Any => asked,
        // A minute is kept for the answer, and the time of one more move for the bake.
        Holds::Paused { total, .. } => {
            let most = pause.saturating_sub(MINUTE).min(total / (moves + 1)).max(MINUTE);
            asked.max(MINUTE).min(Duration::from_secs(most.as_secs()))
        }
        Holds::EqualMinutes { total } => {
            let most = Duration::from_secs((total / moves).as_secs() / 60 * 60);
            whole_minutes(asked).max(MINUTE).min(most)
        }
    }
}

fn bare(share: Percent) -> String {
    share.to_string().trim_end_matches('%').to_owned()
}

/// The name of CodeDeploy's traffic configuration for a shift, and whether it is a built-in one.
///
/// A name of ours tells the whole content: two plans with one shift share it.
pub(super) fn config_name(shift: &Shift) -> (String, bool) {
    let minutes = |wait: &Duration| wait.as_secs() / 60;
    let percent = |share: &Percent| share.tenths() / 10;
    let (name, built_in) = match shift {
        Shift::AllAtOnce => ("ECSAllAtOnce".to_owned(), true),
        Shift::Canary { first, wait } => match (percent(first), minutes(wait)) {
            (10, time @ (5 | 15)) => (format!("ECSCanary10Percent{time}Minutes"), true),
            (share, time) => (format!("canary-{share}pct-{time}min"), false),
        },
        Shift::Linear { each, wait } => match (percent(each), minutes(wait)) {
            (10, time @ (1 | 3)) => (format!("ECSLinear10PercentEvery{time}Minutes"), true),
            (share, time) => (format!("linear-{share}pct-{time}min"), false),
        },
    };
    let prefix = if built_in { "CodeDeployDefault." } else { "bluegreen-ecs-" };
    (format!("{prefix}{name}"), built_in)
}

#[cfg(test)]
mod tests;
