//! `bluegreen deploy`

use std::path::Path;

use bluegreen_core::drive::Milestone;
use bluegreen_core::plan::{Plan, Site};
use bluegreen_core::ports::Ports;
use bluegreen_core::spec::Spec;

use super::planning::Made;
use super::respec::spec_of;
use super::runs::Runs;
use super::session::{Session, block_on};
use super::{connect, operate, plan as plan_file, planning, spec};
use crate::args::DeployArgs;
use crate::error::Failure;
use crate::exit::Exit;
use crate::out;

pub(super) fn run(session: &Session, args: &DeployArgs) -> Result<Exit, Failure> {
    let consent = Consent { yes: args.yes, dry_run: args.dry_run };
    consent.check_early()?;
    match &args.plan {
        Some(file) => planned(session, args, file, consent),
        None => fresh(session, args, consent),
    }
}

/// Plans and runs.
fn fresh(session: &Session, args: &DeployArgs, consent: Consent) -> Result<Exit, Failure> {
    let loaded = spec::load(&args.spec, &args.release)?;
    let runs = Runs::open(session)?;
    block_on(async {
        let region = loaded.spec.environment.region.as_deref();
        let ports = connect::connect(&args.aws, region, &loaded.dir).await?;
        let site = consent.clear(&runs, &ports, &loaded.spec).await?;
        let made = planning::make(&ports, &loaded.spec, &loaded.dir).await?;
        Start { session, ports, runs: &runs, site, consent }.run_until(made, args.wait_until.as_deref()).await
    })
}

/// Runs exactly the plan in a file, if the world is still the one that it was made for.
fn planned(session: &Session, args: &DeployArgs, file: &Path, consent: Consent) -> Result<Exit, Failure> {
    let plan = plan_file::read(file)?;
    let spec = spec_of(&plan);
    let runs = Runs::open(session)?;
    runs.refuse_if_owned(&plan.site)?;
    runs.refuse_if_known(&plan)?;
    block_on(async {
        let ports = connect::connect(&args.aws, Some(&plan.site.region), Path::new(".")).await?;
        let site = consent.clear(&runs, &ports, &spec).await?;
        let findings = planning::check_again(&ports, &spec, &plan).await;
        let made = Made { plan: Some(plan), findings, power: None };
        Start { session, ports, runs: &runs, site, consent }.run_until(made, args.wait_until.as_deref()).await
    })
}

/// All that a plan needs to become a run.
pub(super) struct Start<'a> {
    pub(super) session: &'a Session,
    pub(super) ports: Ports,
    pub(super) runs: &'a Runs,
    /// Where the service is, if that could be told.
    pub(super) site: Option<Site>,
    pub(super) consent: Consent,
}

impl Start<'_> {
    /// Shows the plan, asks, and drives it to its end.
    pub(super) async fn run(self, made: Made) -> Result<Exit, Failure> {
        self.run_until(made, None).await
    }

    /// The same to an agreed point of the way forward, if one is given.
    async fn run_until(self, made: Made, until: Option<&str>) -> Result<Exit, Failure> {
        // A run shows its plan as its first event; without a run the plan itself is the answer.
        if self.session.json() && (self.consent.dry_run || made.accepted().is_none()) {
            out::json(&planning::PlanDocument::new("plan", &made))?;
        } else {
            if let Some(text) = made.text() {
                out::say_raw(&text);
            }
            planning::say_findings(&made.findings);
        }
        let Some(plan) = made.accepted() else {
            // Another operator may have begun between our first look and the survey: then that is the reason.
            if let (Some(site), false) = (&self.site, self.consent.dry_run) {
                self.runs.refuse_if_owned(site)?;
            }
            return Err(planning::refusal(&made.findings));
        };
        let until = until.map(|text| Milestone::of(plan, text)).transpose();
        let until = until.map_err(|error| {
            Failure::caused(Exit::Usage, "--wait-until names no point of this plan; nothing was changed", error)
        })?;
        if self.consent.dry_run {
            out::say("dry run: nothing was changed");
            return Ok(Exit::Done);
        }
        self.consent.ask(plan)?;
        // The loop's future is large, and this one is held by every command that starts a run.
        Box::pin(operate::start_until(self.session, self.ports, self.runs, plan, until)).await
    }
}

/// Whether a release may start.
#[derive(Clone, Copy)]
pub(super) struct Consent {
    pub(super) yes: bool,
    pub(super) dry_run: bool,
}

impl Consent {
    /// Without a terminal nobody can be asked: said before anything is read.
    pub(super) fn check_early(self) -> Result<(), Failure> {
        if self.yes || self.dry_run || can_ask() {
            return Ok(());
        }
        let what = "there is no terminal to ask at whether to start the release";
        Err(Failure::usage(what).help("pass --yes to start it without a question, or --dry-run to see the plan"))
    }

    /// Refuses where another run of the service is open. A dry run changes nothing, so it may look at any time.
    pub(super) async fn clear(self, runs: &Runs, ports: &Ports, spec: &Spec) -> Result<Option<Site>, Failure> {
        if self.dry_run {
            return Ok(None);
        }
        runs.refuse_if_open(ports, spec).await
    }

    fn ask(self, plan: &Plan) -> Result<(), Failure> {
        use std::io::Write;

        if self.yes {
            return Ok(());
        }
        let mut stderr = anstream::stderr();
        let _ = write!(stderr, "Start plan {} on {}? [y/N] ", &plan.hash()[..12], plan.site.environment);
        let _ = stderr.flush();
        let mut answer = String::new();
        let read = std::io::stdin().read_line(&mut answer);
        if read.is_ok() && matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes") {
            return Ok(());
        }
        Err(Failure::new(Exit::Refused, "not confirmed; nothing was changed"))
    }
}

fn can_ask() -> bool {
    std::io::IsTerminal::is_terminal(&std::io::stdin()) && std::io::IsTerminal::is_terminal(&std::io::stderr())
}
