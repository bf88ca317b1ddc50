//! `bluegreen retry`

use std::path::Path;

use bluegreen_core::journal::Terminal;
use bluegreen_core::plan::{Inputs, Release};

use super::deploy::{Consent, Start};
use super::respec::{appspec_of, spec_of};
use super::runs::{self, Run, Runs};
use super::session::{Session, block_on};
use super::{connect, planning, spec};
use crate::args::RetryArgs;
use crate::error::Failure;
use crate::exit::Exit;

pub(super) fn run(session: &Session, args: &RetryArgs) -> Result<Exit, Failure> {
    let consent = Consent { yes: args.yes, dry_run: args.dry_run };
    consent.check_early()?;
    let runs = Runs::open(session)?;
    let old = runs.pick(args.run.as_deref())?;
    refuse_if_pointless(&old)?;
    let mut again = spec_of(&old.state.plan);
    let inputs = Inputs { release: release(&old), appspec: appspec_of(&old.state.plan) };
    again.alarm_policy.allow_red.clone_from(&args.allow_red);
    spec::check_allowed(&again, &args.allow_red)?;
    block_on(async {
        let region = again.environment.region.as_deref();
        let ports = connect::connect(&args.aws, region, Path::new(".")).await?;
        let site = consent.clear(&runs, &ports, &again).await?;
        let made = planning::make_again(&ports, &again, inputs).await;
        Start { session, ports, runs: &runs, site, consent }.run(made).await
    })
}

/// The revision that the old run registered, if it came so far: the same bytes need no second one.
fn release(old: &Run) -> Release {
    match &old.state.task_definition {
        Some(registered) => Release::Existing(registered.clone()),
        None => old.state.plan.release.clone(),
    }
}

fn refuse_if_pointless(old: &Run) -> Result<(), Failure> {
    let id = &old.found.run;
    let Some(ending) = &old.state.ending else {
        let what = format!("run {id} is not over");
        return Err(Failure::new(Exit::Refused, what).help(format!("bluegreen resume {id} goes on with it")));
    };
    let what = runs::over(id, ending);
    match ending.terminal {
        Terminal::RolledBack | Terminal::Aborted | Terminal::Refused | Terminal::Held => Ok(()),
        Terminal::Promoted => Err(Failure::new(Exit::Refused, what).help("there is nothing to try again")),
        Terminal::RollbackFailed => {
            Err(Failure::new(Exit::Refused, what).help(format!("bluegreen resume {id} tries to go back again")))
        }
    }
}
