//! `bluegreen appspec build`

use std::path::Path;

use bluegreen_core::appspec::{self, Choice, Event, TASK_DEFINITION_PLACEHOLDER};
use bluegreen_core::taskdef::TaskDefinition;

use super::new::reference;
use super::{checked, hooks, print, render};
use crate::args::BuildArgs;
use crate::commands::connect;
use crate::commands::session::{Session, block_on};
use crate::error::Failure;
use crate::exit::Exit;

pub(super) fn run(session: &Session, args: &BuildArgs) -> Result<Exit, Failure> {
    let text = args.task_definition.as_deref().unwrap_or(TASK_DEFINITION_PLACEHOLDER);
    let task_definition = reference(text)?;
    let hooks = hooks(&args.hook, Event::ECS)?;
    let (mut facts, live) = block_on(async {
        let found = connect::aws(&args.aws, None).await?;
        let facts = found.ecs.service_facts(&args.cluster, &args.service).await.map_err(unreadable)?;
        // The revision to release tells which containers it maps; until there is one, the live revision does.
        let revision = match &task_definition {
            appspec::TaskDefinitionRef::Arn(arn) => arn.to_string(),
            appspec::TaskDefinitionRef::Placeholder => facts.task_definition.to_string(),
        };
        let ports = connect::ports(found, Path::new("."));
        let live = ports.fleet.task_definition(&revision).await.map_err(unreadable)?;
        Ok((facts, live))
    })?;
    facts.task_definition = task_definition;
    let task = TaskDefinition::from_live(live.arn.short(), &live.document)?;
    let choice = Choice { container: args.container.clone(), port: args.port };
    let built = appspec::build(&facts, &task, &choice, hooks)
        .map_err(|error| Failure::caused(Exit::Usage, "no document can be made of this service", error))?;
    checked(&built.spec)?;
    print(session, &render(&built.spec, args.format), &built.notes)
}

fn unreadable(error: bluegreen_core::ports::CallError) -> Failure {
    Failure::caused(Exit::Refused, "the service cannot be read", error)
        .help("check the names, the region, and ecs:DescribeServices and ecs:DescribeTaskDefinition")
}
