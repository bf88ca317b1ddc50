//! `bluegreen appspec patch`

use bluegreen_core::appspec::{self, Network, Patch, TaskDefinitionRef};
use bluegreen_core::diagnostic::Report;

use super::new::reference;
use super::{print, read};
use crate::args::{DocumentFormat, PatchArgs};
use crate::commands::session::Session;
use crate::error::Failure;
use crate::exit::Exit;
use crate::out;

pub(super) fn run(session: &Session, args: &PatchArgs) -> Result<Exit, Failure> {
    let name = args.file.display().to_string();
    let text = read(&args.file)?;
    let patch = patch(args)?;
    // What stands for the task definition does not matter where it is replaced.
    let document = if patch.task_definition.is_some() {
        appspec::parse_template(&name, &text)?
    } else {
        appspec::parse(&name, &text)?
    };
    let patched = document
        .patch(&patch)
        .map_err(|error| Failure::caused(Exit::Usage, format!("{name} stays as it is"), error))?;
    if !document.warnings.is_empty() && !session.json() {
        out::say_raw(&Report::new(name, text.as_str(), document.warnings).render());
    }
    let mut notes: Vec<String> = patched.changes.iter().map(ToString::to_string).collect();
    if notes.is_empty() {
        notes.push("the document says all of that already".to_owned());
    }
    if let Some(placeholder) = patched.spec.unresolved() {
        notes.push(format!("{placeholder} has to be filled in before CodeDeploy can take the document"));
    }
    let written = if text.trim_start().starts_with('{') { DocumentFormat::Json } else { DocumentFormat::Yaml };
    let content = match args.format.unwrap_or(written) {
        DocumentFormat::Yaml => patched.to_yaml(),
        DocumentFormat::Json => patched.to_json(),
    };
    print(session, &content, &notes)
}

fn patch(args: &PatchArgs) -> Result<Patch, Failure> {
    let task_definition = match args.task_definition.as_deref().map(reference).transpose()? {
        Some(TaskDefinitionRef::Arn(arn)) => Some(arn),
        Some(TaskDefinitionRef::Placeholder) => {
            return Err(Failure::usage("--task-definition: the placeholder is what a patch replaces")
                .help("name the revision by its ARN"));
        }
        None => None,
    };
    let network = args.assign_public_ip.map(|assign_public_ip| Network {
        subnets: args.subnet.clone(),
        security_groups: args.security_group.clone(),
        assign_public_ip,
    });
    let patch = Patch {
        task_definition,
        container: args.container.clone(),
        port: args.port,
        network,
        current_version: args.current_version,
        target_version: args.target_version,
    };
    if patch == Patch::default() {
        return Err(Failure::usage("nothing to patch").help("give at least one value, such as --task-definition ARN"));
    }
    Ok(patch)
}
