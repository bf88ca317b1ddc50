//! What is judged during a release, with nothing left to look up.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::analysis::Judge;
use crate::model::{MetricQuery, duration};

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

/// Where one metric's counts come from, for each fleet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Source {
    /// The metric's name in the judge.
    pub metric: String,
    /// The canary's.
    pub canary: Tally,
    /// Stable's: the control, where there is no fleet for that alone.
    pub stable: Tally,
    /// The control fleet's, where there is one and the metric can tell it apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub control: Option<Tally>,
}

/// The counts of one fleet.
///
/// Where [`Tally::all`] has a point and a series of [`Tally::bad`] has none, there were no bad ones: CloudWatch gets no
/// zeros from most sources. Without a point of `all` there is no data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Tally {
    /// Bad ones: the sum of these.
    pub bad: Vec<MetricQuery>,
    /// All of them.
    pub all: MetricQuery,
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
