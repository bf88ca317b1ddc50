//! The control fleet: new tasks of the old version, as many as the canary has and with as much traffic, so that what is
//! compared differs in its version alone.

mod check;

use serde::{Deserialize, Serialize};

use super::{Plan, ServiceBaseline};
use crate::model::{Percent, Split, Step, TargetGroupArn};

pub(super) use check::{lint, unsupported, wire};

/// A third fleet beside the two of the release. It is filled before the first weight and goes back to its baseline after
/// the last: it never serves what is released, and nothing is ever gone back to on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ControlFleet {
    /// Its service as it was.
    pub service: ServiceBaseline,
    /// Its target group.
    pub group: TargetGroupArn,
}

impl Plan {
    /// The share of the control fleet while the canary has `share`: the same, as long as there is room for both; none
    /// after that, and none without a control fleet.
    pub fn control_share(&self, share: Percent) -> Percent {
        match self.control.is_some() && Split::weights_of_two(share).is_some() {
            true => share,
            false => Percent::ZERO,
        }
    }

    /// The group to compare the canary with while it has `share`: the control fleet's while that has traffic, else
    /// stable's. `None` where the canary has everything.
    pub fn control_group(&self, share: Percent) -> Option<&TargetGroupArn> {
        match &self.control {
            Some(control) if self.control_share(share) > Percent::ZERO => Some(&control.group),
            _ if share == Percent::FULL => None,
            _ => Some(self.stable_group()),
        }
    }

    /// Whether the control fleet has to stand during the step with this index, and before the first weight for it.
    ///
    /// Shares only rise, so once it is not needed it never is again.
    pub fn needs_control(&self, step: usize) -> bool {
        let weight = |entry: &Step| if let Step::SetWeight(share) = entry { Some(*share) } else { None };
        let begun = self.steps.iter().take(step.saturating_add(1)).rev().find_map(weight);
        let share = begun.or_else(|| self.steps.iter().find_map(weight));
        share.is_some_and(|share| self.control_share(share) > Percent::ZERO)
    }

    /// The canary's group, and the control fleet's: those that exist for this release only.
    pub fn added_groups(&self) -> impl Iterator<Item = &TargetGroupArn> {
        std::iter::once(self.canary_group()).chain(self.control.as_ref().map(|control| &control.group))
    }
}

#[cfg(test)]
mod tests;
