//! Changes of task sets as they are written down.

use serde::{Deserialize, Serialize};

use crate::model::SetScale;
use crate::ports::ServiceChange;

/// One change of a task set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum TaskSetChange {
    /// Makes one.
    Create {
        /// What its fleet becomes by that.
        fleet: ServiceChange,
        /// Its share of the service's tasks.
        scale: SetScale,
        /// What tells ECS that two tries are one and the same: tries of the same token make one set.
        token: String,
    },
    /// Gives one another share.
    Scale {
        /// AWS's id.
        set: String,
        /// What its fleet becomes by that.
        fleet: ServiceChange,
        /// Its share of the service's tasks.
        scale: SetScale,
    },
    /// Deletes one, with its tasks.
    Delete {
        /// AWS's id.
        set: String,
        /// What its fleet becomes by that; `None` for a set that an earlier release left behind.
        #[serde(skip_serializing_if = "Option::is_none")]
        fleet: Option<ServiceChange>,
    },
    /// Makes one the service's primary set.
    MakePrimary {
        /// AWS's id.
        set: String,
    },
}

impl TaskSetChange {
    /// What a fleet becomes by this, where it becomes something else.
    pub fn fleet(&self) -> Option<&ServiceChange> {
        match self {
            TaskSetChange::Create { fleet, .. } | TaskSetChange::Scale { fleet, .. } => Some(fleet),
            TaskSetChange::Delete { fleet, .. } => fleet.as_ref(),
            TaskSetChange::MakePrimary { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::Mutation;
    use crate::model::Color;

    #[test]
    fn every_change_reads_as_it_was_written() {
        let fleet = || ServiceChange { color: Color::Green, task_definition: None, desired: Some(1) };
        let set = || "ecs-svc/1".to_owned();
        let scale = SetScale::exactly(1, 4);
        let kept = r#"{"color":"green","desired":1}"#;
        for (change, text) in [
            (
                TaskSetChange::Create { fleet: fleet(), scale, token: "t".to_owned() },
                format!(r#"{{"create":{{"fleet":{kept},"scale":2500,"token":"t"}}}}"#),
            ),
            (
                TaskSetChange::Scale { set: set(), fleet: fleet(), scale },
                format!(r#"{{"scale":{{"set":"ecs-svc/1","fleet":{kept},"scale":2500}}}}"#),
            ),
            (
                TaskSetChange::Delete { set: set(), fleet: Some(fleet()) },
                format!(r#"{{"delete":{{"set":"ecs-svc/1","fleet":{kept}}}}}"#),
            ),
            (TaskSetChange::Delete { set: set(), fleet: None }, r#"{"delete":{"set":"ecs-svc/1"}}"#.to_owned()),
            (TaskSetChange::MakePrimary { set: set() }, r#"{"makePrimary":{"set":"ecs-svc/1"}}"#.to_owned()),
        ] {
            let mutation = Mutation::TaskSet(change);
            let text = format!(r#"{{"taskSet":{text}}}"#);
            assert_eq!(serde_json::to_string(&mutation).unwrap(), text);
            assert_eq!(serde_json::from_str::<Mutation>(&text).unwrap(), mutation);
        }
    }
}
