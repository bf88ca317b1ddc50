//! Changes of task sets, in words.

use crate::journal::TaskSetChange;
use crate::model::TaskDefinitionArn;
use crate::view::words;

/// What a change does, while it does it.
pub(super) fn doing(change: &TaskSetChange) -> String {
    match change {
        TaskSetChange::Create { fleet, .. } => {
            let revision = fleet.task_definition.as_ref().map_or("nothing", TaskDefinitionArn::short);
            let tasks = words::count(fleet.desired.unwrap_or_default(), "task");
            format!("making a task set of {tasks} of {revision} in {}", fleet.color)
        }
        TaskSetChange::Scale { set, fleet, scale } => {
            let tasks = words::count(fleet.desired.unwrap_or_default(), "task");
            format!("scaling task set {} in {} to {tasks} ({scale})", words::clean(set), fleet.color)
        }
        TaskSetChange::Delete { set, fleet: Some(fleet) } => {
            format!("deleting task set {} in {}", words::clean(set), fleet.color)
        }
        TaskSetChange::Delete { set, fleet: None } => {
            format!("deleting task set {}, which an earlier release left behind", words::clean(set))
        }
        TaskSetChange::MakePrimary { set } => format!("making task set {} the primary one", words::clean(set)),
    }
}

/// What did not happen, and what may have.
pub(super) fn object(change: &TaskSetChange) -> (String, String) {
    let both = |what: &str, how: &str| (format!("{what} was not {how}"), format!("{what} was {how}"));
    match change {
        TaskSetChange::Create { .. } => ("no task set was made".to_owned(), "a task set was made".to_owned()),
        TaskSetChange::Scale { set, .. } => both(&format!("task set {}", words::clean(set)), "scaled"),
        TaskSetChange::Delete { set, .. } => both(&format!("task set {}", words::clean(set)), "deleted"),
        TaskSetChange::MakePrimary { set } => both(&format!("task set {}", words::clean(set)), "made primary"),
    }
}
