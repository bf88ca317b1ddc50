//! Alarms as stored.

use std::sync::Arc;

use bluegreen_core::model::Timestamp;
use bluegreen_core::observe::{AlarmKind, AlarmState, StateChange};

use crate::world::{AlarmSpec, HistoryItem};

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
    /// What it evaluates; `None` for one whose state is what somebody says it is.
    pub spec: Option<Arc<AlarmSpec>>,
    /// The reason of its state for machines, as JSON; empty without one.
    pub reason_data: String,
    /// When its state was last set, whether it changed or not.
    pub updated_at: Timestamp,
    /// Its past with all details, oldest first.
    pub log: Vec<Arc<HistoryItem>>,
}

impl AlarmRecord {
    /// An alarm without a definition, `OK` since `at`.
    pub fn scripted(kind: AlarmKind, at: Timestamp) -> AlarmRecord {
        AlarmRecord {
            kind,
            state: AlarmState::Ok,
            transitioned_at: at,
            reason: "below the threshold".to_owned(),
            definition: String::new(),
            window_seconds: 0,
            dimensions: Vec::new(),
            children: Vec::new(),
            history: Vec::new(),
            spec: None,
            reason_data: String::new(),
            updated_at: at,
            log: Vec::new(),
        }
    }
}
