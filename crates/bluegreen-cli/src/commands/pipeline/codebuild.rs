//! `bluegreen pipeline codebuild`: begins the run of a pipeline's execution, goes on with it, or tells how it ended.

use bluegreen_core::journal::Terminal;
use bluegreen_core::model::RunId;
use bluegreen_core::pipeline::{self, Course, Traces};
use bluegreen_core::plan::{Plan, Release, Site};
use bluegreen_core::ports::{CallError, Ports};

use super::inputs::Stage;
use super::outlet::Outlet;
use crate::args::{CodebuildArgs, Output};
use crate::commands::deploy::{Consent, Start};
use crate::commands::planning::{self, Made};
use crate::commands::runs::{self, Run, Runs};
use crate::commands::session::{Session, block_on};
use crate::commands::{connect, operate};
use crate::error::Failure;
use crate::exit::Exit;
use crate::out;
use crate::render::words::wrap;

pub(super) fn run(session: &Session, args: &CodebuildArgs) -> Result<Exit, Failure> {
    // A build's log is no terminal, whatever it says of itself.
    let output = if session.json() { Output::Json } else { Output::Plain };
    let session = Session { output, globals: session.globals.clone() };
    let mut outlet = Outlet::open(&args.out)?;
    let runs = Runs::open(&session);
    let result = match &runs {
        Ok(runs) => Stage::read(args, &mut outlet)
            .and_then(|stage| block_on(Action { session: &session, args, runs, stage: &stage }.run(&mut outlet))),
        Err(_) => Err(Failure::silent(Exit::Usage)),
    };
    let exit = match &result {
        Ok(exit) => *exit,
        Err(failure) => failure.exit(),
    };
    outlet.close(runs.as_ref().ok(), exit, session.json());
    match runs {
        Ok(_) => result,
        Err(failure) => Err(failure),
    }
}

/// The stage at work.
struct Action<'a> {
    session: &'a Session,
    args: &'a CodebuildArgs,
    runs: &'a Runs,
    stage: &'a Stage,
}

impl Action<'_> {
    async fn run(self, outlet: &mut Outlet) -> Result<Exit, Failure> {
        let spec = self.stage.spec();
        let region = spec.environment.region.as_deref();
        let ports = connect::connect(&self.args.aws, region, &self.stage.loaded.dir).await?;
        let site = Runs::site(&ports, spec).await.map_err(|error| {
            let what = "whose journals belong to this stage cannot be told, so nothing is begun";
            Failure::caused(Exit::Refused, what, error).help("check the role of the build, then retry the stage")
        })?;
        let mut attempt = self.args.attempt;
        loop {
            let run = self.stage.execution.run(&spec.service, &spec.environment.name, attempt);
            outlet.begin(&site, &run)?;
            let known = self.runs.known(&site, &run)?;
            let course = pipeline::course(known.as_ref().map(|known| &known.state));
            match (course, known) {
                (Course::NextAttempt, _) => {
                    out::say(format_args!("run {run} was refused before its first write: trying again"));
                    attempt += 1;
                }
                (Course::Start, _) | (_, None) => return self.start(ports, site, run).await,
                (Course::Resume, Some(known)) => return self.resume(ports, &known).await,
                (Course::Report, Some(known)) => return self.report(&known, attempt),
            }
        }
    }

    /// Begins the run, unless it has begun somewhere else.
    async fn start(self, ports: Ports, site: Site, run: RunId) -> Result<Exit, Failure> {
        let dry_run = self.args.dry_run;
        if !dry_run {
            self.runs.refuse_if_open_at(&site)?;
        }
        let spec = self.stage.spec();
        let made = planning::make_as(&ports, spec, &self.stage.loaded.dir, Some(run.clone())).await?;
        if let Some(family) = self.family(&made) {
            let traces = traces(&ports, &family, &run, made.plan.as_ref()).await.map_err(|error| {
                let what = format!("whether run {run} has begun before cannot be told, so it does not begin");
                Failure::caused(Exit::Refused, what, error).help("once that is mended, retry the stage")
            })?;
            let serving = made.plan.as_ref().map(|plan| &plan.stable_baseline().task_definition);
            if let Some(what) = pipeline::lost(&run, &traces, serving) {
                planning::say_findings(&made.findings);
                return Err(Failure::new(Exit::Refused, what).help(lost_help(self.args.attempt)));
            }
        }
        out::say(format_args!("run {run} begins, for execution {}", self.stage.execution.id));
        let consent = Consent { yes: true, dry_run };
        Start { session: self.session, ports, runs: self.runs, site: Some(site), consent }.run(made).await
    }

    /// The family whose revisions tell of a run that has begun before.
    fn family(&self, made: &Made) -> Option<String> {
        let planned = made.plan.as_ref().map(|plan| match &plan.release {
            Release::Register { family, .. } => family.clone(),
            Release::Existing(arn) => arn.family().to_owned(),
        });
        planned.or_else(|| self.stage.family().map(str::to_owned))
    }

    async fn resume(self, ports: Ports, known: &Run) -> Result<Exit, Failure> {
        let run = &known.found.run;
        if let Some(owner) = known.found.store.owner() {
            return Err(runs::busy(owner.run.as_str(), &owner.operator.to_string()));
        }
        self.refuse_if_other(known)?;
        if self.args.dry_run {
            out::say(format_args!("dry run: run {run} of this execution is not over, and would go on"));
            return Ok(Exit::Done);
        }
        out::say(format_args!("run {run} of this execution goes on"));
        operate::resume(self.session, ports, known).await
    }

    fn report(self, known: &Run, attempt: u32) -> Result<Exit, Failure> {
        let run = &known.found.run;
        let Some(ending) = &known.state.ending else {
            return Err(Failure::new(Exit::Unexpected, format!("run {run} is not over")));
        };
        self.refuse_if_other(known)?;
        out::say(wrap(&runs::over(run, ending), 2));
        match ending.terminal {
            Terminal::Promoted => out::say("this execution has released it: nothing is released again"),
            Terminal::Held => out::say(format_args!("to restore the baseline: bluegreen abort {run}")),
            _ => out::say(format_args!("to release it again in this execution: --attempt {}", attempt + 1)),
        }
        Ok(Exit::from(ending))
    }

    /// A run does not change what it releases, and another release must not be taken for done.
    fn refuse_if_other(&self, known: &Run) -> Result<(), Failure> {
        let differences = pipeline::differences(&known.state.plan.release, &self.stage.given());
        if differences.is_empty() {
            return Ok(());
        }
        let run = &known.found.run;
        let what = format!("run {run} of this execution releases something else than the artifacts say");
        let mut shown: Vec<String> = differences.iter().take(DIFFERENCES).cloned().collect();
        if differences.len() > DIFFERENCES {
            shown.push(format!("and {} more", differences.len() - DIFFERENCES));
        }
        let help = "is the execution's id that of this execution? For another release within one, pass --attempt 2";
        Err(Failure::new(Exit::Refused, what).help(format!("{}\n{help}", shown.join("\n"))))
    }
}

/// So many differences are shown.
const DIFFERENCES: usize = 5;

fn lost_help(attempt: u32) -> String {
    format!(
        "give the stage the state folder that its first try had (--state-dir), then retry it\n\
         if that is lost: look at the service, and release again with --attempt {}",
        attempt + 1
    )
}

/// What AWS has of the run. A question that is not answered is an error: no trace found is not the same as none.
async fn traces(ports: &Ports, family: &str, run: &RunId, plan: Option<&Plan>) -> Result<Traces, CallError> {
    let revision = ports.fleet.find_task_definition(family, run).await?;
    let deployment = match plan.and_then(Plan::deployment_site) {
        Some(site) => {
            let since = ports.clock.now() - TRACES_SINCE;
            ports.releases.deployments(&site, Some(run), None, since).await?.ours
        }
        None => None,
    };
    Ok(Traces { revision, deployment })
}

/// How far back a deployment of the run is looked for: no execution of a pipeline lasts longer.
const TRACES_SINCE: std::time::Duration = std::time::Duration::from_secs(8 * 24 * 3600);
