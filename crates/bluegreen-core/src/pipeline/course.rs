//! What a stage has to do, by what is known of the run of its execution.

use std::collections::BTreeMap;

use crate::journal::{RunState, Terminal};
use crate::model::{RunId, TaskDefinitionArn};
use crate::observe::{DeploymentStatus, ManagedDeployment};
use crate::plan::Release;
use crate::taskdef::TaskDefinition;

/// What a stage has to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Course {
    /// The run does not exist: begin it.
    Start,
    /// It was left on its way: go on with it.
    Resume,
    /// It is over: tell again how it ended.
    Report,
    /// It was refused before its first write, so nothing was released: begin the run of the next attempt.
    NextAttempt,
}

/// Decides by the journal of the execution's run, if there is one.
pub fn course(known: Option<&RunState>) -> Course {
    let Some(state) = known else { return Course::Start };
    match state.ending.as_ref().map(|ending| ending.terminal) {
        None | Some(Terminal::RollbackFailed) => Course::Resume,
        Some(Terminal::Refused) => Course::NextAttempt,
        Some(Terminal::Promoted | Terminal::RolledBack | Terminal::Aborted | Terminal::Held) => Course::Report,
    }
}

/// How what a stage is given differs from what the run of its execution releases, a line each; empty where it is the
/// same. A run does not change what it releases midway, and another release must not be taken for done.
pub fn differences(planned: &Release, given: &Given<'_>) -> Vec<String> {
    match (planned, given) {
        (Release::Existing(planned), Given::Existing(given)) if planned == *given => Vec::new(),
        (Release::Register { document, .. }, Given::Definition(given)) => {
            match TaskDefinition::from_live("the run's task definition", document) {
                Ok(planned) => planned.diff(given).iter().map(ToString::to_string).collect(),
                Err(report) => vec![format!("the run's own task definition cannot be read: {report}")],
            }
        }
        (Release::Register { document, .. }, Given::Images(images)) => {
            let planned = TaskDefinition::from_live("the run's task definition", document);
            let runs = |name: &str| {
                planned.as_ref().ok().and_then(|planned| planned.container(name).map(|c| c.image.to_owned()))
            };
            let other = images.iter().filter(|(name, image)| runs(name).as_ref() != Some(*image));
            other
                .map(|(name, image)| format!("~ {name}: {} -> {image}", runs(name).as_deref().unwrap_or("?")))
                .collect()
        }
        (Release::Existing(planned), _) => vec![format!("the run releases the revision {}", planned.short())],
        (Release::Register { family, .. }, Given::Existing(given)) => {
            vec![format!("the run registers a revision of {family}, and {} is given", given.short())]
        }
    }
}

/// What a stage is given to release.
#[derive(Clone, Copy, Debug)]
pub enum Given<'a> {
    /// A definition to register.
    Definition(&'a TaskDefinition),
    /// Images for the live definition, by container.
    Images(&'a BTreeMap<String, String>),
    /// A revision that exists.
    Existing(&'a TaskDefinitionArn),
}

/// What AWS has of a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Traces {
    /// The revision that carries the run's tag.
    pub revision: Option<TaskDefinitionArn>,
    /// The deployment that carries the run's mark, where AWS moves the traffic.
    pub deployment: Option<ManagedDeployment>,
}

/// What to tell of a run that has left traces and whose journal is not here; `None` where it has left none, and so may
/// begin. `serving` is the revision that has all traffic now, where that is known.
pub fn lost(run: &RunId, traces: &Traces, serving: Option<&TaskDefinitionArn>) -> Option<String> {
    let revision = traces.revision.as_ref().map(|arn| match serving {
        Some(now) if now == arn => format!("it registered {}, which has all traffic now", arn.short()),
        Some(now) => format!("it registered {}, and {} has the traffic now", arn.short(), now.short()),
        None => format!("it registered {}, and what has the traffic now cannot be told", arn.short()),
    });
    let deployment = traces.deployment.as_ref().map(|deployment| {
        let status = match &deployment.status {
            DeploymentStatus::Pending => "has not begun",
            DeploymentStatus::InProgress => "is under way",
            DeploymentStatus::Stopping => "is stopping",
            DeploymentStatus::RollingBack => "is rolling back",
            DeploymentStatus::Succeeded => "has succeeded",
            DeploymentStatus::RolledBack => "was rolled back",
            DeploymentStatus::Stopped => "was stopped",
            DeploymentStatus::Failed => "has failed",
            DeploymentStatus::Unknown(status) => status,
        };
        format!("its deployment {} {status}", deployment.id.short())
    });
    let seen: Vec<String> = revision.into_iter().chain(deployment).collect();
    let begun = format!("run {run} of this execution has begun before, and its journal is not in the state folder");
    (!seen.is_empty()).then(|| format!("{begun}: {}", seen.join("; ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::DeploymentId;
    use crate::view::testing;

    fn ended(terminal: Option<Terminal>) -> RunState {
        let mut script = testing::Script::begun();
        if let Some(terminal) = terminal {
            script.finish(terminal, "so");
        }
        RunState::fold(&script.records).unwrap()
    }

    #[test]
    fn a_stage_begins_once() {
        assert_eq!(course(None), Course::Start);
        let table = [
            (None, Course::Resume),
            (Some(Terminal::RollbackFailed), Course::Resume),
            (Some(Terminal::Refused), Course::NextAttempt),
            (Some(Terminal::Promoted), Course::Report),
            (Some(Terminal::RolledBack), Course::Report),
            (Some(Terminal::Aborted), Course::Report),
            (Some(Terminal::Held), Course::Report),
        ];
        for (terminal, expected) in table {
            assert_eq!(course(Some(&ended(terminal))), expected, "{terminal:?}");
        }
    }

    #[test]
    fn another_release_is_not_taken_for_the_same() {
        let definition = |image: &str| {
            let text = serde_json::json!({
                "family": "web",
                "memory": "512",
                "containerDefinitions": [{ "name": "web", "image": image }],
            });
            TaskDefinition::parse("taskdef.json", &text.to_string()).unwrap()
        };
        let register = |definition: &TaskDefinition| Release::Register {
            family: "web".to_owned(),
            document: definition.to_register_request().unwrap(),
        };
        let (one, two) = (definition("example/web:1"), definition("example/web:2"));
        let images = |image: &str| BTreeMap::from([("web".to_owned(), image.to_owned())]);
        let (seven, eight) = (testing::revision("web:7"), testing::revision("web:8"));
        let same = [
            (register(&one), Given::Definition(&one)),
            (register(&one), Given::Images(&images("example/web:1"))),
            (Release::Existing(seven.clone()), Given::Existing(&seven)),
        ];
        for (planned, given) in same {
            assert_eq!(differences(&planned, &given), [""; 0], "{given:?}");
        }
        let other = [
            (register(&one), Given::Definition(&two), "\"example/web:1\" -> \"example/web:2\""),
            (register(&one), Given::Images(&images("example/web:2")), "web: example/web:1 -> example/web:2"),
            (register(&one), Given::Existing(&eight), "and web:8 is given"),
            (Release::Existing(seven.clone()), Given::Existing(&eight), "the revision web:7"),
            (Release::Existing(seven.clone()), Given::Definition(&one), "the revision web:7"),
        ];
        for (planned, given, said) in other {
            let found = differences(&planned, &given).join("\n");
            assert!(found.contains(said), "{said}: {found}");
        }
    }

    #[test]
    fn any_trace_of_a_run_without_a_journal_is_told() {
        let run: RunId = "p-1-web-2".parse().unwrap();
        let arn = |n: u32| -> TaskDefinitionArn {
            format!("arn:aws:ecs:eu-west-3:111122223333:task-definition/web:{n}").parse().unwrap()
        };
        assert_eq!(lost(&run, &Traces::default(), Some(&arn(7))), None);
        let registered = Traces { revision: Some(arn(8)), deployment: None };
        let said = |serving: Option<&TaskDefinitionArn>| lost(&run, &registered, serving).unwrap();
        assert!(said(Some(&arn(8))).ends_with("it registered web:8, which has all traffic now"));
        assert!(said(Some(&arn(7))).ends_with("it registered web:8, and web:7 has the traffic now"));
        assert!(said(None).ends_with("cannot be told"), "unknown is told as such");
        let deployment = ManagedDeployment {
            id: DeploymentId::new("d-ABC"),
            run: Some(run.clone()),
            creator: "user".to_owned(),
            created_at: "2026-11-23T06:00:00Z".parse().unwrap(),
            task_definition: None,
            status: DeploymentStatus::InProgress,
            stage: None,
            waits_for: None,
            wait_ends: None,
            share_ppm: None,
            events: Vec::new(),
            tasks: crate::observe::OldAndNew::default(),
            why: None,
            rolled_back_by: None,
            rollback_of: None,
        };
        let moving = Traces { revision: None, deployment: Some(deployment) };
        assert!(lost(&run, &moving, None).unwrap().ends_with(": its deployment d-ABC is under way"));
    }
}
