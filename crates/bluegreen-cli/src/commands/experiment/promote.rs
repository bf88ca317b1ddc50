//! `bluegreen experiment promote`

use bluegreen_core::experiment::{Ending, Fact, Standing};
use bluegreen_core::ports::Ports;

use super::super::session::{Session, block_on};
use super::super::{consent, deploy};
use super::{One, by, show};
use crate::args::{DeployArgs, ExperimentPromoteArgs, ReleaseArgs, SpecArgs};
use crate::error::Failure;
use crate::exit::Exit;
use crate::out;

pub(super) fn run(session: &Session, args: &ExperimentPromoteArgs) -> Result<Exit, Failure> {
    let one = One::pick(session, &args.which)?;
    let plan = &one.state.plan;
    let variant = plan.design.variants.iter().find(|variant| variant.name == args.variant).ok_or_else(|| {
        let names = plan.design.variants.iter().map(|variant| variant.name.as_str()).collect::<Vec<_>>().join(", ");
        Failure::usage(format!("experiment {} has no variant `{}`", plan.id, args.variant))
            .help(format!("it has {names}"))
    })?;
    if args.deploy.is_some() && variant.service.is_none() {
        return Err(Failure::usage(format!(
            "the service of `{}` is not known, so there is nothing to release",
            variant.name
        ))
        .help("release it by hand: bluegreen deploy --task-definition ARN"));
    }
    consent::check_early(args.yes, "end the experiment")?;
    consent::ask(args.yes, &format!("End {} and promote {}?", plan.site.service, variant.name))?;
    let (exit, definition) = block_on(async {
        let ports = one.connect(&args.which.aws).await?;
        // Read first: an experiment that has ended cannot be promoted again.
        let definition = match &variant.service {
            Some(service) => Some(definition(&ports, &plan.site.cluster, service).await?),
            None => None,
        };
        let ending = Fact::Ending(Ending::Promoted { variant: variant.name.clone(), by: by() });
        let (look, _) = one.end(&ports, vec![ending]).await?;
        let exit = show(session, &look.0, &look.1, &look.2, ports.clock.now())?;
        Ok((exit, definition.filter(|_| matches!(look.2, Standing::Ended(_)))))
    })?;
    match (definition, &args.deploy) {
        (Some(definition), Some(file)) => {
            let spec = SpecArgs { file: file.clone(), environment: args.environment.clone() };
            let release = ReleaseArgs { task_definition: Some(definition), ..ReleaseArgs::default() };
            let (aws, yes) = (args.which.aws.clone(), args.yes);
            deploy::run(session, &DeployArgs { spec, aws, release, plan: None, yes, dry_run: false, wait_until: None })
        }
        (Some(definition), None) => {
            out::say("the experiment is over; to release the variant by the normal way:");
            out::say(format_args!("  bluegreen deploy --task-definition {definition}"));
            Ok(exit)
        }
        (None, _) => Ok(exit),
    }
}

/// What the variant's service runs.
async fn definition(ports: &Ports, cluster: &str, service: &str) -> Result<String, Failure> {
    let found = ports.fleet.services(cluster, &[service.to_owned()]).await.map_err(|error| {
        Failure::caused(Exit::Refused, format!("service {service} cannot be read; nothing was changed"), error)
    })?;
    let missing = || Failure::new(Exit::Refused, format!("there is no service {service} in {cluster}"));
    Ok(found.first().ok_or_else(missing)?.task_definition.to_string())
}
