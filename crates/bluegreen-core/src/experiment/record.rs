//! What is written down of an experiment: append-only, versioned, readable by hand.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Plan;
use crate::journal::Operator;
use crate::model::RuleArn;
use crate::ports::CallError;

pub use crate::journal::JournalError;

/// One line of the journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    /// Its position, from 0 without gaps.
    pub seq: u64,
    /// When it was written.
    pub at: Timestamp,
    /// What it says.
    pub body: Body,
}

/// What a record says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Body {
    /// Record 0: the experiment begins.
    Started {
        /// What it will do.
        plan: Box<Plan>,
        /// Who started it.
        operator: Operator,
    },
    /// A change of the listener is about to be sent: written before the send.
    Intent(Write),
    /// How it ended. An intent without one is a doubt: look, do not repeat blindly.
    Outcome {
        /// The intent's sequence number.
        intent: u64,
        /// How it ended.
        resolution: Resolution,
    },
    /// Something that stays true.
    Fact(Fact),
}

/// One change of the listener.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Write {
    /// Makes the planned rule with this number.
    Create {
        /// Its number.
        index: usize,
    },
    /// Deletes a rule of ours.
    Delete {
        /// Which.
        rule: RuleArn,
    },
}

/// How a change ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Resolution {
    /// AWS said yes.
    Applied,
    /// It had no effect.
    NotApplied(CallError),
    /// No telling.
    Unknown(CallError),
}

/// Something that stays true once written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Fact {
    /// The rule with this number was read back as it was planned.
    Made {
        /// Its number.
        index: usize,
        /// Its ARN.
        rule: RuleArn,
    },
    /// All rules stand: counting begins with the next whole minute.
    Live,
    /// Counts of whole minutes. One that is there again replaces what was read before.
    Counted {
        /// Everything before this is read.
        until: Timestamp,
        /// The minutes.
        minutes: Vec<Minute>,
    },
    /// Units are not assigned as planned: nothing that is compared can be believed.
    Invalid {
        /// What was found.
        why: String,
    },
    /// Somebody else changed a rule of ours.
    Drift {
        /// What, in words.
        what: Vec<String>,
    },
    /// It is as it was; what was counted meanwhile does not count.
    DriftOver,
    /// A person wants our rules gone as they are, whoever changed them.
    DriftAccepted,
    /// The end has begun: the rules go, whatever comes.
    Ending(Ending),
    /// No rule of ours is left.
    Ended {
        /// Routes that somebody else changed meanwhile, in words.
        changed: Vec<String>,
    },
}

/// The counts of one minute.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Minute {
    /// When it began.
    pub at: Timestamp,
    /// The values of the plan's series, in the order of [`super::queries`]; `None` where there is no point.
    pub values: Vec<Option<f64>>,
}

/// Why an experiment ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Ending {
    /// A person stopped it.
    Stopped {
        /// Who.
        by: String,
    },
    /// A person chose a variant.
    Promoted {
        /// Which.
        variant: String,
        /// Who.
        by: String,
    },
    /// Its time is over.
    Expired,
    /// A variant is worse than the control.
    Guardrail {
        /// In this metric.
        metric: String,
        /// Which.
        variant: String,
    },
    /// Its rules could not be made.
    Failed {
        /// Why.
        why: String,
    },
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Ending::Stopped { by } => write!(f, "stopped by {by}"),
            Ending::Promoted { variant, by } => write!(f, "{by} promoted {variant}"),
            Ending::Expired => f.write_str("its time is over"),
            Ending::Guardrail { metric, variant } => write!(f, "{variant} is worse than the control in {metric}"),
            Ending::Failed { why } => write!(f, "it could not be set up: {why}"),
        }
    }
}
