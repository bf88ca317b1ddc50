//! `bluegreen appspec new`

use std::path::Path;

use bluegreen_core::appspec::{
    self, AppSpec, Choice, EcsTarget, Event, LambdaTarget, ServiceFacts, TASK_DEFINITION_PLACEHOLDER, Target,
    TaskDefinitionRef,
};
use bluegreen_core::model::TaskDefinitionArn;
use bluegreen_core::taskdef::TaskDefinition;

use super::{checked, hooks, print, render};
use crate::args::NewArgs;
use crate::commands::session::Session;
use crate::error::Failure;
use crate::exit::Exit;

pub(super) fn run(session: &Session, args: &NewArgs) -> Result<Exit, Failure> {
    let (spec, notes) = match (&args.function, &args.task_definition) {
        (Some(function), _) => (lambda(args, function)?, Vec::new()),
        (None, Some(text)) if text.starts_with("arn:") || text == TASK_DEFINITION_PLACEHOLDER => {
            (from_names(args, reference(text)?)?, Vec::new())
        }
        (None, Some(file)) => from_file(args, Path::new(file))?,
        (None, None) => return Err(Failure::usage("name --task-definition for ECS, or --function for Lambda")),
    };
    checked(&spec)?;
    print(session, &render(&spec, args.format), &notes)
}

/// A revision's ARN, or the place for one.
pub(super) fn reference(text: &str) -> Result<TaskDefinitionRef, Failure> {
    if text == TASK_DEFINITION_PLACEHOLDER {
        return Ok(TaskDefinitionRef::Placeholder);
    }
    let arn: TaskDefinitionArn =
        text.parse().map_err(|error| Failure::caused(Exit::Usage, "--task-definition cannot be used", error))?;
    Ok(TaskDefinitionRef::Arn(arn))
}

/// Without the definition's content nothing can be looked up: container and port have to be given.
fn from_names(args: &NewArgs, task_definition: TaskDefinitionRef) -> Result<AppSpec, Failure> {
    let (Some(container), Some(port)) = (&args.container, args.port) else {
        return Err(Failure::usage("--container and --port are needed: an ARN does not tell what it maps")
            .help("give both, or a task definition file in place of the ARN"));
    };
    let target = EcsTarget {
        task_definition,
        container_name: container.clone(),
        container_port: port,
        platform_version: None,
        network: None,
        capacity_providers: Vec::new(),
    };
    Ok(AppSpec {
        resource: "TargetService".to_owned(),
        target: Target::Ecs(target),
        hooks: hooks(&args.hook, Event::ECS)?,
    })
}

fn from_file(args: &NewArgs, file: &Path) -> Result<(AppSpec, Vec<String>), Failure> {
    let text = super::super::spec::read_text(file)?;
    let task = TaskDefinition::parse(&file.display().to_string(), &text)?;
    let facts = ServiceFacts {
        task_definition: TaskDefinitionRef::Placeholder,
        load_balancers: Vec::new(),
        network: None,
        platform_version: None,
        capacity_providers: Vec::new(),
    };
    let choice = Choice { container: args.container.clone(), port: args.port };
    let built = appspec::build(&facts, &task, &choice, hooks(&args.hook, Event::ECS)?)
        .map_err(|error| Failure::caused(Exit::Usage, "no document can be made of this", error))?;
    Ok((built.spec, built.notes))
}

fn lambda(args: &NewArgs, function: &str) -> Result<AppSpec, Failure> {
    let version = |option: &str, text: &Option<String>| {
        let text = text.as_deref().unwrap_or_default();
        text.parse::<u64>().map_err(|_| {
            Failure::usage(format!("{option} {text}: expected the number of a published version"))
                .help("$LATEST cannot be shifted: publish a version first")
        })
    };
    let target = LambdaTarget {
        name: function.to_owned(),
        alias: args.alias.clone().unwrap_or_default(),
        current_version: version("--current-version", &args.current_version)?,
        target_version: version("--target-version", &args.target_version)?,
    };
    Ok(AppSpec {
        resource: function.to_owned(),
        target: Target::Lambda(target),
        hooks: hooks(&args.hook, Event::LAMBDA)?,
    })
}
