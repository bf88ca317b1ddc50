//! What the figures have to keep to, and who is before the judge anywhere.

use crate::grid::{BURST_CELLS, Outcome, RATIOS, Tally};
use crate::methods::{NAMES, OURS};
use crate::traffic::{Cell, Noise};

/// A difference counts beyond so many standard errors. The seed is fixed, so that a check does not hang on chance.
pub const ERRORS: f64 = 3.0;
/// The false rollbacks that are promised where failures are independent or common to both arms.
pub const ALPHA: f64 = 0.01;

/// Cells of the reference's table: the cell, the ratio, and what it found there in 2000 releases each: the part found and
/// failed requests of the canary, both as printed (so to half of the last digit).
const REFERENCE: [(f64, f64, f64, f64, f64, f64); 15] = [
    (1.0, 0.05, 0.001, 20.0, 0.45, 3.0),
    (1.0, 0.5, 0.001, 20.0, 1.0, 12.0),
    (10.0, 0.05, 0.001, 5.0, 0.44, 7.0),
    (10.0, 0.05, 0.001, 20.0, 1.0, 6.0),
    (10.0, 0.5, 0.001, 5.0, 1.0, 24.0),
    (100.0, 0.05, 0.0001, 20.0, 1.0, 6.0),
    (100.0, 0.05, 0.001, 2.0, 0.41, 31.0),
    (100.0, 0.05, 0.001, 5.0, 1.0, 15.0),
    (100.0, 0.05, 0.001, 20.0, 1.0, 19.0),
    (100.0, 0.25, 0.001, 2.0, 1.0, 66.0),
    (1000.0, 0.05, 0.001, 1.5, 0.66, 217.0),
    (1000.0, 0.05, 0.001, 2.0, 1.0, 94.0),
    (1000.0, 0.05, 0.001, 5.0, 1.0, 51.0),
    (1000.0, 0.05, 0.001, 20.0, 1.0, 180.0),
    (1000.0, 0.5, 0.01, 1.5, 1.0, 3560.0),
];
const REFERENCE_RUNS: f64 = 2000.0;

/// What the reference found in its mean of all cells, in the order of [`RATIOS`].
const REFERENCE_MEANS: [f64; 4] = [0.32, 0.47, 0.72, 0.89];

/// False rollbacks of the reference in bursts, of 1000 releases each: a row for each of [`BURST_CELLS`], a column for each
/// of [`Noise::ALL`] from the third on.
const REFERENCE_BURSTS: [[f64; 6]; 4] = [
    [0.004, 0.008, 0.0, 0.009, 0.005, 0.058],
    [0.001, 0.001, 0.0, 0.010, 0.001, 0.001],
    [0.003, 0.0, 0.0, 0.011, 0.001, 0.001],
    [0.009, 0.048, 0.0, 0.158, 0.018, 0.296],
];
const REFERENCE_BURST_RUNS: f64 = 1000.0;

/// What is broken, a sentence each; nothing if all is well.
pub fn broken(outcomes: &[Outcome]) -> Vec<String> {
    let mut broken = false_rollbacks(outcomes);
    broken.extend(bursts(outcomes));
    broken.extend(detection(outcomes));
    broken.extend(means(outcomes));
    broken.extend(horizon(outcomes));
    broken.extend(overtaken(outcomes).into_iter().filter(|case| case.everywhere).map(|case| case.to_string()));
    broken
}

fn judge(outcome: &Outcome) -> &Tally {
    &outcome.tallies[0]
}

fn place(cell: Cell) -> String {
    format!("{} requests/s, {} % share, {} % base", cell.rps, cell.share * 100.0, cell.base * 100.0)
}

/// The standard error of a part of so many, not below that of one of them.
fn error(part: f64, of: f64) -> f64 {
    let part = part.clamp(of.recip(), 1.0 - of.recip());
    (part * (1.0 - part) / of).sqrt()
}

fn false_rollbacks(outcomes: &[Outcome]) -> Vec<String> {
    let promised = |outcome: &&Outcome| {
        outcome.job.ratio <= 1.0 && matches!(outcome.job.noise, Noise::Independent | Noise::Common)
    };
    let beyond = outcomes.iter().filter(promised).filter(|outcome| judge(outcome).rate() > ALPHA);
    beyond
        .map(|outcome| {
            let (found, cell) = (100.0 * judge(outcome).rate(), place(outcome.job.cell));
            format!("{cell}, {}: {found:.2} % false rollbacks, promised are 1 %", outcome.job.noise.name())
        })
        .collect()
}

fn bursts(outcomes: &[Outcome]) -> Vec<String> {
    let mut broken = Vec::new();
    for (cell, row) in BURST_CELLS.into_iter().zip(REFERENCE_BURSTS) {
        for (noise, expected) in Noise::ALL[2..].iter().zip(row) {
            let Some(outcome) = find(outcomes, cell, *noise, 1.0) else { continue };
            let found = judge(outcome);
            let doubt = found.rate_error().hypot(error(expected, REFERENCE_BURST_RUNS));
            if found.rate() > expected + ERRORS * doubt {
                let (found, expected) = (100.0 * found.rate(), 100.0 * expected);
                let cell = place(cell);
                broken.push(format!(
                    "{cell}, {}: {found:.2} % false rollbacks, the reference has {expected:.1} %",
                    noise.name()
                ));
            }
        }
    }
    broken
}

fn detection(outcomes: &[Outcome]) -> Vec<String> {
    let mut broken = Vec::new();
    for (rps, share, base, ratio, part, harmed) in REFERENCE {
        let cell = Cell { rps, share, base };
        let Some(outcome) = find(outcomes, cell, Noise::Independent, ratio) else { continue };
        let found = judge(outcome);
        let doubt = ERRORS * found.rate_error().hypot(error(part, REFERENCE_RUNS)) + 0.005;
        if found.rate() < part - doubt {
            let (found, part, cell) = (100.0 * found.rate(), 100.0 * part, place(cell));
            broken.push(format!("{cell}, ×{ratio}: {found:.1} % found, the reference has {part:.0} %"));
        }
        let (mean, one) = found.harmed();
        let both = one.hypot(one * (f64::from(found.runs()) / REFERENCE_RUNS).sqrt());
        if mean > harmed + ERRORS * both + 0.5 {
            let cell = place(cell);
            broken.push(format!("{cell}, ×{ratio}: {mean:.1} requests harmed, the reference has {harmed}"));
        }
    }
    broken
}

fn means(outcomes: &[Outcome]) -> Vec<String> {
    let mut broken = Vec::new();
    for (ratio, expected) in RATIOS.into_iter().zip(REFERENCE_MEANS) {
        let of_ratio = |outcome: &&Outcome| outcome.job.onset == 0 && same(outcome.job.ratio, ratio);
        let rates: Vec<f64> = outcomes.iter().filter(of_ratio).map(|outcome| judge(outcome).rate()).collect();
        let mean = rates.iter().sum::<f64>() / rates.len() as f64;
        // To the digit that is printed: the error of a mean of all cells is far below that.
        if rates.len() == 48 && mean < expected - 0.01 {
            broken.push(format!("×{ratio}: {:.1} % found on average, the reference has {expected}", 100.0 * mean));
        }
    }
    broken
}

/// The judge with a horizon keeps the same promise, and is behind the judge without one in no cell, where the canary is
/// bad from the beginning.
fn horizon(outcomes: &[Outcome]) -> Vec<String> {
    let mut broken = Vec::new();
    for outcome in outcomes.iter().filter(|outcome| outcome.job.onset == 0) {
        let (plain, aimed) = (judge(outcome), &outcome.tallies[1]);
        let (job, cell) = (outcome.job, place(outcome.job.cell));
        let promised = matches!(job.noise, Noise::Independent | Noise::Common);
        if job.ratio <= 1.0 && promised && aimed.rate() > ALPHA {
            broken.push(format!("{cell}, {}: beyond 1 % false rollbacks with a horizon", job.noise.name()));
        }
        // Both saw the same traffic, so that chance is no excuse.
        let ((before, _), (after, error)) = (plain.harmed(), aimed.harmed());
        if job.ratio > 1.0 && (aimed.found() < plain.found() || after > before + error / 2.0) {
            broken.push(format!("{cell}, ×{}: a horizon finds less, or later", job.ratio));
        }
    }
    broken
}

/// A method that is before the judge in a cell: both fewer false rollbacks and earlier detection, beyond chance.
#[derive(Clone, Debug, PartialEq)]
pub struct Overtaken {
    /// The cell.
    pub cell: Cell,
    /// The other method.
    pub method: &'static str,
    /// The ratios at which it is earlier.
    pub ratios: Vec<f64>,
    /// Its false rollbacks and the judge's.
    pub rates: (f64, f64),
    /// Whether it is earlier at some ratio and later at none: then the judge is not on the frontier of that cell.
    pub everywhere: bool,
}

impl std::fmt::Display for Overtaken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let ratios: Vec<String> = self.ratios.iter().map(|ratio| format!("×{ratio}")).collect();
        let (other, ours) = (100.0 * self.rates.0, 100.0 * self.rates.1);
        let (cell, ratios) = (place(self.cell), ratios.join(", "));
        write!(
            f,
            "{cell}: {} has {other:.2} % false rollbacks instead of {ours:.2} %, and finds {ratios} earlier",
            self.method
        )
    }
}

/// Every cell and method with fewer false rollbacks than the judge and earlier detection at some ratio. Minutes are means
/// in which a release that is not sent back counts an hour, so that what is missed is late.
pub fn overtaken(outcomes: &[Outcome]) -> Vec<Overtaken> {
    let healthy = |outcome: &&Outcome| outcome.job.ratio <= 1.0 && outcome.job.noise == Noise::Independent;
    let mut found = Vec::new();
    for null in outcomes.iter().filter(healthy) {
        for (index, method) in NAMES.into_iter().enumerate().skip(OURS) {
            let (ours, other) = (judge(null), &null.tallies[index]);
            let doubt = ERRORS * ours.rate_error().hypot(other.rate_error());
            if other.rate() >= ours.rate() - doubt {
                continue;
            }
            let compare = |ratio: f64| {
                let outcome = find(outcomes, null.job.cell, Noise::Independent, ratio)?;
                let ((ours, our_error), (other, other_error)) =
                    (judge(outcome).minutes(), outcome.tallies[index].minutes());
                Some((ratio, (other - ours) / our_error.hypot(other_error).max(1e-9)))
            };
            let later: Vec<(f64, f64)> = RATIOS.into_iter().filter_map(compare).collect();
            let ratios: Vec<f64> = later.iter().filter(|(_, by)| *by < -ERRORS).map(|(ratio, _)| *ratio).collect();
            if !ratios.is_empty() {
                let everywhere = later.iter().all(|(_, by)| *by <= ERRORS);
                let rates = (other.rate(), ours.rate());
                found.push(Overtaken { cell: null.job.cell, method, ratios, rates, everywhere });
            }
        }
    }
    found
}

fn same(left: f64, right: f64) -> bool {
    (left - right).abs() < 1e-12
}

/// The outcome of one job whose canary is what it is from the beginning.
pub fn find(outcomes: &[Outcome], cell: Cell, noise: Noise, ratio: f64) -> Option<&Outcome> {
    outcomes
        .iter()
        .find(|Outcome { job, .. }| job.cell == cell && job.noise == noise && job.onset == 0 && same(job.ratio, ratio))
}
