//! What happened, for others: every record of the journal, and in between what was seen and why the run waits.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::journal::Record;
use crate::model::{ByColor, Percent, RouteId};
use crate::observe::{AlarmState, TargetHealth};
use crate::ports::CallError;

/// The version of the events' wire form.
pub const EVENT_VERSION: u32 = 1;

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Event {
    /// A record was made durable. One event for each record, in order: what happened, for good.
    Recorded(Box<Record>),
    /// What was seen in one pass. May be dropped.
    Looked(Box<Look>),
    /// Why nothing is done right now. May be dropped.
    Waiting {
        /// Since when.
        at: Timestamp,
        /// When to look again.
        until: Timestamp,
        /// What is being waited for.
        why: String,
    },
    /// A read failed. May be dropped.
    ReadFailed {
        /// When.
        at: Timestamp,
        /// How.
        error: CallError,
    },
    /// Something that a person should know and that changes nothing.
    Warning {
        /// When.
        at: Timestamp,
        /// What.
        text: String,
    },
}

/// One look at the world, cut down to what a person watches.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Look {
    /// When.
    pub at: Timestamp,
    /// The canary's share by the plan.
    pub set: Percent,
    /// The canary's share as configured, in parts of a million, route by route; `None` where it cannot be told.
    pub configured: Vec<(RouteId, Option<u32>)>,
    /// The canary's share of the requests of the newest closed minutes, in parts of a million, where known.
    pub observed: Option<u32>,
    /// Tasks of each fleet: desired and running.
    pub tasks: Option<ByColor<(u32, u32)>>,
    /// Target health of each group.
    pub health: ByColor<Option<TargetHealth>>,
    /// The alarms that answered.
    pub alarms: Vec<(String, AlarmState)>,
    /// The control fleet, where the plan has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub control: Option<ControlLook>,
}

/// What was seen of the control fleet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ControlLook {
    /// Its share as configured, in parts of a million, route by route in the order of [`Look::configured`].
    pub configured: Vec<Option<u32>>,
    /// Its tasks: desired and running.
    pub tasks: Option<(u32, u32)>,
    /// The health of its targets.
    pub health: Option<TargetHealth>,
}

/// Whoever wants to know.
pub trait Reporter: Send + Sync {
    /// Called for each event, in order. Must not block for long: the loop waits for it.
    fn event(&self, event: &Event);
}

/// Nobody wants to know.
pub struct Silent;

impl Reporter for Silent {
    fn event(&self, _: &Event) {}
}
