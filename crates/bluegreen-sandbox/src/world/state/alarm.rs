//! Alarms as stored.

use bluegreen_core::model::Timestamp;
use bluegreen_core::observe::{AlarmKind, AlarmState, StateChange};

/// One alarm.
#[derive(Clone, Debug)]
pub struct AlarmRecord {
    /// Its family.
    pub kind: AlarmKind,
    /// Its state.
    pub state: AlarmState,
    /// When it last changed to another one.
    pub transitioned_at: Timestamp,
    /// Why.
    pub reason: String,
    /// What defines it, hashed.
    pub definition: String,
    /// Period × periods in seconds.
    pub window_seconds: u64,
    /// Values of its dimensions.
    pub dimensions: Vec<String>,
    /// For a composite: it is red while one of these is.
    pub children: Vec<String>,
    /// Its past, oldest first.
    pub history: Vec<StateChange>,
}
