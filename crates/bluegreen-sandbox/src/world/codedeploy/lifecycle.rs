//! The lifecycle of a deployment: its events and the hooks that run at them.

use bluegreen_core::appspec;

use crate::world::Ms;

/// A point of the lifecycle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lifecycle {
    /// A hook.
    BeforeInstall,
    /// The new task set is made and becomes steady.
    Install,
    /// A hook.
    AfterInstall,
    /// The test listener sends its traffic to the new task set.
    AllowTestTraffic,
    /// A hook.
    AfterAllowTestTraffic,
    /// A hook.
    BeforeAllowTraffic,
    /// Production traffic moves.
    AllowTraffic,
    /// A hook.
    AfterAllowTraffic,
}

impl Lifecycle {
    /// The lifecycle of an ECS deployment.
    pub const ECS: [Lifecycle; 8] = [
        Lifecycle::BeforeInstall,
        Lifecycle::Install,
        Lifecycle::AfterInstall,
        Lifecycle::AllowTestTraffic,
        Lifecycle::AfterAllowTestTraffic,
        Lifecycle::BeforeAllowTraffic,
        Lifecycle::AllowTraffic,
        Lifecycle::AfterAllowTraffic,
    ];
    /// The lifecycle of a function's deployment.
    pub const LAMBDA: [Lifecycle; 3] =
        [Lifecycle::BeforeAllowTraffic, Lifecycle::AllowTraffic, Lifecycle::AfterAllowTraffic];

    /// AWS's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Lifecycle::BeforeInstall => "BeforeInstall",
            Lifecycle::Install => "Install",
            Lifecycle::AfterInstall => "AfterInstall",
            Lifecycle::AllowTestTraffic => "AllowTestTraffic",
            Lifecycle::AfterAllowTestTraffic => "AfterAllowTestTraffic",
            Lifecycle::BeforeAllowTraffic => "BeforeAllowTraffic",
            Lifecycle::AllowTraffic => "AllowTraffic",
            Lifecycle::AfterAllowTraffic => "AfterAllowTraffic",
        }
    }

    /// The event of an AppSpec's hooks; `None` for what nobody can script.
    pub(super) fn hook(self) -> Option<appspec::Event> {
        match self {
            Lifecycle::BeforeInstall => Some(appspec::Event::BeforeInstall),
            Lifecycle::AfterInstall => Some(appspec::Event::AfterInstall),
            Lifecycle::AfterAllowTestTraffic => Some(appspec::Event::AfterAllowTestTraffic),
            Lifecycle::BeforeAllowTraffic => Some(appspec::Event::BeforeAllowTraffic),
            Lifecycle::AfterAllowTraffic => Some(appspec::Event::AfterAllowTraffic),
            Lifecycle::Install | Lifecycle::AllowTestTraffic | Lifecycle::AllowTraffic => None,
        }
    }
}

/// How far an event is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventStatus {
    /// Not begun.
    Pending,
    /// Under way.
    InProgress,
    /// Done.
    Succeeded,
    /// It failed, or was cut short.
    Failed,
    /// It never came to it.
    Skipped,
}

impl EventStatus {
    /// AWS's word.
    pub fn as_str(self) -> &'static str {
        match self {
            EventStatus::Pending => "Pending",
            EventStatus::InProgress => "InProgress",
            EventStatus::Succeeded => "Succeeded",
            EventStatus::Failed => "Failed",
            EventStatus::Skipped => "Skipped",
        }
    }
}

/// One event of a deployment.
#[derive(Clone, Debug)]
pub struct Event {
    /// Which one.
    pub point: Lifecycle,
    /// How far it is.
    pub status: EventStatus,
    /// When it began.
    pub started_at: Option<Ms>,
    /// When it ended.
    pub ended_at: Option<Ms>,
    /// The hook's run.
    pub hook: Option<HookRun>,
    /// AWS's code and words where it went wrong.
    pub diagnostics: Option<(&'static str, String)>,
}

impl Event {
    pub(super) fn new(point: Lifecycle) -> Event {
        let status = EventStatus::Pending;
        Event { point, status, started_at: None, ended_at: None, hook: None, diagnostics: None }
    }
}

/// One run of a hook's function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HookRun {
    /// `lifecycleEventHookExecutionId`.
    pub id: String,
    /// The function.
    pub function: String,
    /// What was answered.
    pub passed: Option<bool>,
}
