//! What the counts say: pure, and the same for the same minutes, so that every verdict can be computed again.

use serde::Serialize;

use super::{Counts, Minute, State};
use crate::spec::experiment::{Goal, Kind, Unit};
use crate::stats::{self, BlockDifference, Comparison, Guards, RequestSplit, ratio_interval, unit_split};

/// ln of the e-value at which a split is taken for broken.
const SPLIT_LIMIT: f64 = 6.907_755_278_982_137;
/// The chance of ever ending an experiment whose variants are as good as the control: all guardrails together.
const GUARD_ALPHA: f64 = 0.01;

/// Everything that can be said of an experiment.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Assessment {
    /// Minutes with data of any variant.
    pub minutes: u32,
    /// Units of each variant, the control's first.
    pub units: Vec<f64>,
    /// How units were assigned; `None` with cohorts.
    pub split: Option<SplitEvidence>,
    /// Each guardrail for each variant.
    pub guardrails: Vec<GuardrailEvidence>,
    /// Each goal for each variant.
    pub goals: Vec<GoalEvidence>,
}

/// Whether units are assigned as planned.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SplitEvidence {
    /// Evidence that they are not, as ln E, at its largest so far; 1000 is the alarm.
    pub log_e: f64,
    /// Whether it is that large.
    pub alarm: bool,
    /// Whether an alarm makes the experiment invalid: the requests of a client that stays with its variant are not drawn
    /// one by one, so that an alarm on them is only a warning.
    pub decides: bool,
    /// The planned share of each variant.
    pub planned: Vec<f64>,
}

/// Whether a variant is worse than the control in what must not get worse.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GuardrailEvidence {
    /// The metric.
    pub metric: String,
    /// The variant.
    pub variant: String,
    /// Evidence that it is worse, as ln E, at its largest so far.
    pub log_e: f64,
    /// What is needed, as ln E.
    pub needed: f64,
    /// Whether it ends the experiment.
    pub failed: bool,
    /// The variant's bad ones and all.
    pub variant_counts: (f64, f64),
    /// The control's.
    pub control_counts: (f64, f64),
}

/// How a variant compares with the control in a goal.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GoalEvidence {
    /// The metric.
    pub metric: String,
    /// The variant.
    pub variant: String,
    /// What can be said.
    pub verdict: GoalVerdict,
    /// The control's value per unit.
    pub control: Option<f64>,
    /// The variant's.
    pub value: Option<f64>,
    /// The relative difference: estimate, low and high. The ends hold at all looks at once; infinite where nothing is
    /// known.
    pub change: Option<(f64, f64, f64)>,
    /// The chance that the interval ever misses.
    pub alpha: f64,
}

/// What can be said of a goal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum GoalVerdict {
    /// Too early to say anything.
    Early,
    /// The assignment is broken: nothing that is compared can be believed.
    Invalid,
    /// Better than the control.
    Better,
    /// Worse.
    Worse,
    /// The difference is within the margin.
    Equivalent,
    /// Not enough evidence.
    Inconclusive,
}

impl Assessment {
    /// What is wrong with the assignment of units, where that makes the experiment invalid.
    pub fn invalid(&self) -> Option<String> {
        let split = self.split.as_ref().filter(|split| split.alarm && split.decides)?;
        let all: f64 = self.units.iter().sum();
        let share = |count: &f64| format!("{:.2} %", 100.0 * count / all);
        let (found, planned): (Vec<_>, Vec<_>) = (
            self.units.iter().map(share).collect(),
            split.planned.iter().map(|share| format!("{:.2} %", 100.0 * share)).collect(),
        );
        Some(format!("units are split {} and not {} as planned", found.join(" / "), planned.join(" / ")))
    }
}

/// Judges the state's minutes. `decided` tells whether goals may be decided yet.
pub fn judge(state: &State, decided: bool) -> Assessment {
    let counts = Counts::new(&state.plan);
    let minutes: Vec<&Minute> = state.minutes.values().collect();
    let design = &state.plan.design;
    let others = 1..design.variants.len();
    let units = (0..design.variants.len()).map(|variant| total(&counts, variant, &minutes)).collect();
    let split = split(state, &counts, &minutes);
    let invalid = state.invalid.is_some() || split.as_ref().is_some_and(|split| split.alarm && split.decides);
    let pairs = |count: usize| others.clone().flat_map(move |variant| (0..count).map(move |index| (variant, index)));
    let guardrails = pairs(design.guardrails.len())
        .map(|(variant, index)| guardrail(state, &counts, &minutes, variant, index))
        .collect();
    let mut goals: Vec<GoalEvidence> =
        pairs(design.goals.len()).map(|(variant, index)| goal(state, &counts, &minutes, variant, index)).collect();
    for goal in &mut goals {
        goal.verdict = match goal.verdict {
            _ if invalid => GoalVerdict::Invalid,
            _ if !decided => GoalVerdict::Early,
            verdict => verdict,
        };
    }
    let seen = |minute: &&&Minute| minute.values.iter().any(Option::is_some);
    let minutes = u32::try_from(minutes.iter().filter(seen).count()).unwrap_or(u32::MAX);
    Assessment { minutes, units, split, guardrails, goals }
}

fn total(counts: &Counts<'_>, variant: usize, minutes: &[&Minute]) -> f64 {
    minutes.iter().filter_map(|minute| counts.units(variant, minute)).fold(0.0, |sum, units| sum + units)
}

/// Units as they were assigned, minute by minute: for users in closed form over all of them so far, for requests within a
/// tolerance, each variant against all others.
fn split(state: &State, counts: &Counts<'_>, minutes: &[&Minute]) -> Option<SplitEvidence> {
    let design = &state.plan.design;
    let planned = design.shares()?;
    let users = matches!(design.unit, Unit::User(_));
    let mut so_far = vec![0.0; planned.len()];
    let mut requests = vec![RequestSplit::default(); planned.len()];
    let mut log_e = 0.0_f64;
    for minute in minutes {
        let units: Vec<Option<f64>> = (0..planned.len()).map(|variant| counts.units(variant, minute)).collect();
        // A variant without data while another has some got nobody: that is what a broken split looks like.
        if units.iter().all(Option::is_none) {
            continue;
        }
        let units: Vec<f64> = units.into_iter().map(Option::unwrap_or_default).collect();
        so_far.iter_mut().zip(&units).for_each(|(sum, new)| *sum += new);
        let now = if users {
            unit_split(&so_far, &planned).unwrap_or(0.0)
        } else {
            let all: f64 = units.iter().sum();
            let one = |(index, process): (usize, &mut RequestSplit)| {
                (1.0, process.add(units[index], all - units[index], planned[index]))
            };
            let parts: Vec<(f64, f64)> = requests.iter_mut().enumerate().map(one).collect();
            #[expect(clippy::cast_precision_loss, reason = "five variants at most")]
            let weight = 1.0 / parts.len() as f64;
            stats::weighted_mean(&parts.iter().map(|(_, log_e)| (weight, *log_e)).collect::<Vec<_>>())
        };
        log_e = log_e.max(now);
    }
    Some(SplitEvidence { log_e, alarm: log_e >= SPLIT_LIMIT, decides: users || !design.is_sticky(), planned })
}

fn guardrail(
    state: &State,
    counts: &Counts<'_>,
    minutes: &[&Minute],
    variant: usize,
    index: usize,
) -> GuardrailEvidence {
    let design = &state.plan.design;
    let metric = &design.guardrails[index];
    let mut process = Comparison::new(1.0, Guards::default());
    let (mut ours, mut control) = ((0.0, 0.0), (0.0, 0.0));
    for block in blocks(counts, metric, variant, minutes) {
        process.add(block.minute());
        ours = (ours.0 + block.ours.0, ours.1 + block.ours.1);
        control = (control.0 + block.control.0, control.1 + block.control.1);
    }
    #[expect(clippy::cast_precision_loss, reason = "there are few")]
    let tests = (design.guardrails.len() * (design.variants.len() - 1)) as f64;
    let (log_e, needed) = (process.log_e_max(), -(GUARD_ALPHA / tests).ln());
    GuardrailEvidence {
        metric: metric.name.clone(),
        variant: design.variants[variant].name.clone(),
        log_e,
        needed,
        failed: log_e >= needed,
        variant_counts: ours,
        control_counts: control,
    }
}

/// One minute of a metric: its count and what it is of.
#[derive(Clone, Copy, Debug)]
struct Block {
    ours: (f64, f64),
    control: (f64, f64),
}

/// The minutes in which both the variant and the control have data.
fn blocks<'a>(
    counts: &'a Counts<'_>,
    metric: &'a crate::spec::experiment::Metric,
    variant: usize,
    minutes: &'a [&Minute],
) -> impl Iterator<Item = Block> + 'a {
    minutes.iter().filter_map(move |minute| {
        Some(Block { ours: counts.of(metric, variant, minute)?, control: counts.of(metric, 0, minute)? })
    })
}

fn goal(state: &State, counts: &Counts<'_>, minutes: &[&Minute], variant: usize, index: usize) -> GoalEvidence {
    let design = &state.plan.design;
    let goal = &design.goals[index];
    #[expect(clippy::cast_precision_loss, reason = "there are few")]
    let alpha = design.alpha / (design.goals.len() * (design.variants.len() - 1)) as f64;
    let blocks: Vec<Block> = blocks(counts, &goal.metric, variant, minutes).collect();
    let sum = |part: fn(&Block) -> f64| blocks.iter().map(part).sum::<f64>();
    let rate = |bad: f64, all: f64| (all > 0.0).then(|| bad / all);
    let control = rate(sum(|block| block.control.0), sum(|block| block.control.1));
    let value = rate(sum(|block| block.ours.0), sum(|block| block.ours.1));
    let change = match goal.kind {
        Kind::Share => share_change(&blocks, alpha),
        Kind::Mean => mean_change(&blocks, alpha, design.planned_blocks, control),
    };
    GoalEvidence {
        metric: goal.metric.name.clone(),
        variant: design.variants[variant].name.clone(),
        verdict: change.map_or(GoalVerdict::Inconclusive, |change| verdict(goal, change)),
        control,
        value,
        change,
        alpha,
    }
}

impl Block {
    fn minute(&self) -> stats::Minute {
        stats::Minute::new(self.ours.0, self.control.0, self.ours.1, self.control.1)
    }
}

/// From the ratio of shares. Units count once each and are drawn one by one: no guard against bursts is needed.
fn share_change(blocks: &[Block], alpha: f64) -> Option<(f64, f64, f64)> {
    let minutes: Vec<stats::Minute> = blocks.iter().map(Block::minute).collect();
    let interval = ratio_interval(&minutes, alpha, Guards::OFF)?;
    Some((interval.likeliest - 1.0, interval.low - 1.0, interval.high - 1.0))
}

/// From the difference of means, in parts of the control's mean.
fn mean_change(blocks: &[Block], alpha: f64, planned: u32, control: Option<f64>) -> Option<(f64, f64, f64)> {
    let mut difference = BlockDifference::new(alpha, planned);
    for block in blocks {
        difference.add((block.control.1, block.control.0), (block.ours.1, block.ours.0));
    }
    let (interval, mean) = (difference.interval()?, control.filter(|mean| *mean > 0.0)?);
    let part = |value: f64| value / mean;
    let (middle, half) = (interval.difference, interval.half_width);
    // Blocks that do not differ at all say nothing about how much they would.
    (!half.is_nan()).then(|| (part(middle), part(middle - half), part(middle + half)))
}

fn verdict(goal: &Goal, (_, low, high): (f64, f64, f64)) -> GoalVerdict {
    match (low > 0.0, high < 0.0) {
        (true, _) => {
            if goal.higher_is_better {
                GoalVerdict::Better
            } else {
                GoalVerdict::Worse
            }
        }
        (_, true) => {
            if goal.higher_is_better {
                GoalVerdict::Worse
            } else {
                GoalVerdict::Better
            }
        }
        _ if low > -goal.margin && high < goal.margin => GoalVerdict::Equivalent,
        _ => GoalVerdict::Inconclusive,
    }
}

#[cfg(test)]
pub(super) mod tests;
