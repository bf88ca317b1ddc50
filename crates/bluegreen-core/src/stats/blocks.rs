//! The difference of two means, from blocks of time: for goals of experiments, where requests of one user are not
//! independent of each other.
//!
//! The variance comes from how blocks differ, so whatever is correlated inside a block is covered, and what drifts in
//! both arms alike cancels. The interval is valid at all times, asymptotically: not before [`BURN_IN`] blocks.

/// Before so many blocks nothing is said.
const BURN_IN: usize = 30;

/// An interval for the difference of means, B less A.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BlockInterval {
    /// The weighted mean of the blocks' differences.
    pub difference: f64,
    /// Half of the interval's width; infinite during the burn-in.
    pub half_width: f64,
    /// The p-value for "no difference", valid at all times.
    pub p_value: f64,
}

/// The differences of all blocks so far.
#[derive(Clone, Debug, PartialEq)]
pub struct BlockDifference {
    alpha: f64,
    planned: f64,
    blocks: Vec<(f64, f64)>,
    scale: Option<f64>,
}

impl BlockDifference {
    /// At `1 - alpha`, narrowest after `planned` blocks.
    pub fn new(alpha: f64, planned: u32) -> BlockDifference {
        BlockDifference { alpha, planned: f64::from(planned), blocks: Vec::new(), scale: None }
    }

    /// Adds one block: the units and the sum of their values in A and in B. A block without units in one arm is left out.
    pub fn add(&mut self, a: (f64, f64), b: (f64, f64)) {
        if !(a.0 > 0.0 && b.0 > 0.0 && a.1.is_finite() && b.1.is_finite()) {
            return;
        }
        self.blocks.push((a.0 * b.0 / (a.0 + b.0), b.1 / b.0 - a.1 / a.0));
        if self.blocks.len() == BURN_IN {
            // Fixed once: a scale that followed the data would void the guarantee.
            self.scale = Some(self.best_scale());
        }
    }

    /// The interval now; `None` before the first block.
    pub fn interval(&self) -> Option<BlockInterval> {
        let (weights, sum) = self.sums();
        if weights <= 0.0 {
            return None;
        }
        let difference = sum / weights;
        let Some(scale) = self.scale else {
            return Some(BlockInterval { difference, half_width: f64::INFINITY, p_value: 1.0 });
        };
        let variance = self.variance();
        let spread = variance * scale + 1.0;
        let half_width = (2.0 * spread / scale * (spread.sqrt() / self.alpha).ln()).sqrt() / weights;
        let p_value = (spread.sqrt() * (-scale * sum * sum / (2.0 * spread)).exp()).min(1.0);
        Some(BlockInterval { difference, half_width, p_value })
    }

    /// Σ w and Σ w·D.
    fn sums(&self) -> (f64, f64) {
        let weights = self.blocks.iter().map(|(weight, _)| weight).sum();
        (weights, self.blocks.iter().map(|(weight, difference)| weight * difference).sum())
    }

    /// The variance of Σ w·D, estimated from the blocks.
    fn variance(&self) -> f64 {
        let (weights, sum) = self.sums();
        let mean = sum / weights;
        let squares: f64 = self.blocks.iter().map(|(weight, d)| (weight * (d - mean)).powi(2)).sum();
        #[expect(clippy::cast_precision_loss, reason = "blocks are minutes")]
        let count = self.blocks.len() as f64;
        squares * count / (count - 1.0)
    }

    /// The scale that makes the interval narrowest at the planned end.
    fn best_scale(&self) -> f64 {
        let log = -2.0 * self.alpha.ln();
        #[expect(clippy::cast_precision_loss, reason = "thirty")]
        let at_end = self.variance() / BURN_IN as f64 * self.planned;
        (log + (1.0 + log).ln()) / at_end
    }
}
