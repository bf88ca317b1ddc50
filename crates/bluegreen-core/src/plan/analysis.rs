//! What is judged during a release, with nothing left to look up.

mod hour;
mod resolve;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::analysis::{Judge, Source};
use crate::model::{ByColor, Color, duration};
use crate::spec::{self, Measure};

pub use hour::Hour;
pub(super) use hour::{MINUTES as HOUR_MINUTES, read as hours};
pub(super) use resolve::{Arm, resolve};

/// The judge of a release, where its counts come from, and what follows from no verdict.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Analysis {
    /// How it judges. Its metrics are those of [`Analysis::sources`], in the same order.
    pub judge: Judge,
    /// Where each metric's counts come from.
    pub sources: Vec<Source>,
    /// A minute is looked at when it ended so long ago: CloudWatch needs a while to have all of it.
    #[serde(with = "duration")]
    pub lag: Duration,
    /// What follows when a step ends without enough evidence.
    pub inconclusive: OnInconclusive,
    /// How often in a release that may extend or pass a step, before it waits for a person.
    pub inconclusive_limit: u32,
    /// What follows when the metrics cannot be read.
    pub no_answer: OnNoAnswer,
    /// For how long that is tolerated; until then nothing goes forward.
    #[serde(with = "duration")]
    pub no_answer_for: Duration,
}

impl Analysis {
    /// The same as a spec would ask for it, to look at the world anew; `canary` is the plan's.
    pub fn asked(&self, canary: Color) -> spec::Analysis {
        let known = |source: &Source| {
            let (canarys, stables) = (source.canary.clone(), source.stable.clone());
            let fleets = match canary {
                Color::Blue => ByColor { blue: canarys, green: stables },
                Color::Green => ByColor { blue: stables, green: canarys },
            };
            Measure::Known { fleets: Box::new(fleets), control: source.control.clone() }
        };
        spec::Analysis {
            judge: self.judge.clone(),
            measures: self.sources.iter().map(known).collect(),
            lag: self.lag,
            inconclusive: self.inconclusive,
            inconclusive_limit: self.inconclusive_limit,
            no_answer: self.no_answer,
            no_answer_for: self.no_answer_for,
        }
    }
}

/// What follows when a step ends without enough evidence either way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum OnInconclusive {
    /// The step goes on until there is evidence or a person promotes.
    Hold,
    /// The step is extended by its own length.
    Extend,
    /// The step is passed.
    Promote,
    /// The release goes back.
    Rollback,
}

/// What follows when the metrics could not be read for too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum OnNoAnswer {
    /// Nothing goes forward until they can be, or a person promotes.
    Hold,
    /// The release goes on without them.
    Promote,
    /// The release goes back.
    Rollback,
}
