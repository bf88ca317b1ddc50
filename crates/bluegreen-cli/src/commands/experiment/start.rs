//! `bluegreen experiment start`

use std::path::Path;

use bluegreen_core::diagnostic::Report;
use bluegreen_core::experiment::{self, Driver, Plan, Power, Standing, Store, Survey};
use bluegreen_core::model::RunId;
use bluegreen_core::plan::{Finding, refuses};
use bluegreen_core::ports::{CallError, Ports};
use bluegreen_core::spec::experiment::{Experiment, parse};
use serde::Serialize;

use super::super::session::{Session, block_on};
use super::super::{connect, consent, planning, runs, spec};
use super::{held, root, show, unmoved};
use crate::args::ExperimentStartArgs;
use crate::error::Failure;
use crate::exit::Exit;
use crate::out;

pub(super) fn run(session: &Session, args: &ExperimentStartArgs) -> Result<Exit, Failure> {
    consent::check_early(args.yes || args.dry_run, "start the experiment")?;
    let experiment = load(args)?;
    let root = root(session)?;
    block_on(async {
        let region = experiment.environment.region.as_deref();
        let ports = connect::connect(&args.aws, region, Path::new(".")).await?;
        let made = Made::new(&ports, &experiment).await?;
        let store = Store::new(&root, &made.survey.site);
        refuse_if_running(&store)?;
        made.show(session, args.dry_run)?;
        let Some(plan) = made.plan.filter(|_| !refuses(&made.findings)) else {
            return Err(planning::refusal(&made.findings));
        };
        if args.dry_run {
            out::say("dry run: nothing was changed");
            return Ok(Exit::Done);
        }
        consent::ask(args.yes, &format!("Start {} on {}?", plan.site.service, plan.site.environment))?;
        begin(session, &ports, &store, &plan).await
    })
}

async fn begin(session: &Session, ports: &Ports, store: &Store, plan: &Plan) -> Result<Exit, Failure> {
    let operator = runs::operator();
    let journal = store.open(&plan.id, &operator).map_err(held)?;
    // Another may have been started while the question was open; now nobody else can.
    refuse_if_running(store)?;
    let driver = Driver::new(ports, &journal);
    driver.begin(plan, &operator).await.map_err(unmoved)?;
    let (state, assessment, standing) = driver.look().await.map_err(unmoved)?;
    let exit = show(session, &state, &assessment, &standing, ports.clock.now())?;
    if standing == Standing::Running {
        out::say("it runs without this process; to read what is new and act on it, now and then:");
        out::say(format_args!("  bluegreen experiment status {}", plan.site.service));
    }
    Ok(exit)
}

fn load(args: &ExperimentStartArgs) -> Result<Experiment, Failure> {
    let name = args.file.display().to_string();
    let text = spec::read_text(&args.file)
        .map_err(|failure| failure.help("name the experiment's file with --file, or change to its folder"))?;
    let (experiment, warnings) = parse(&name, &text, args.environment.as_deref(), &crate::env::var)?;
    if !warnings.is_empty() {
        out::say_raw(&Report::new(name, text, warnings).render());
    }
    Ok(experiment)
}

fn refuse_if_running(store: &Store) -> Result<(), Failure> {
    match store.running().map_err(runs::unusable)?.first() {
        None => Ok(()),
        Some(id) => Err(Failure::new(Exit::Refused, format!("an experiment of this name runs already: {id}"))
            .help("`bluegreen experiment stop` ends it")),
    }
}

/// A plan with what is to be known before.
struct Made {
    survey: Survey,
    plan: Option<Plan>,
    power: Vec<Power>,
    findings: Vec<Finding>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    v: u32,
    #[serde(rename = "type")]
    kind: &'static str,
    accepted: bool,
    findings: &'a [Finding],
    power: &'a [Power],
    #[serde(skip_serializing_if = "Option::is_none")]
    plan: Option<&'a Plan>,
}

impl Made {
    async fn new(ports: &Ports, experiment: &Experiment) -> Result<Made, Failure> {
        let survey = experiment::survey(ports, experiment).await.map_err(|error| unread(&error))?;
        let wanted = (&experiment.environment.account, &survey.site.account);
        if let (Some(account), found) = wanted
            && account != found
        {
            let what = format!("the credentials belong to account {found}, and the experiment is in {account}");
            return Err(Failure::new(Exit::Refused, what).help("use the credentials of that account"));
        }
        let now = ports.clock.now();
        let id = RunId::new(&experiment.design.name, now, planning::salt());
        let (plan, mut findings) = experiment::plan(experiment, survey.site.clone(), id, now, &survey.facts);
        let mut power = Vec::new();
        if let Some(plan) = &plan {
            // Without history there is no planned duration; that is said, and is no reason not to start.
            match experiment::history(ports, plan, now).await {
                Ok(history) => power = experiment::power(&plan.design, &history),
                Err(error) => findings.push(Finding {
                    severity: bluegreen_core::plan::Severity::Warn,
                    code: "BG4115".to_owned(),
                    what: format!("the last day's metrics cannot be read, so no duration can be planned: {error}"),
                    cure: "check the permission cloudwatch:GetMetricData: without it nothing will be judged".to_owned(),
                }),
            }
        }
        Ok(Made { survey, plan, power, findings })
    }

    fn show(&self, session: &Session, only: bool) -> Result<(), Failure> {
        let accepted = self.plan.is_some() && !refuses(&self.findings);
        if session.json() {
            if only || !accepted {
                let Made { plan, power, findings, .. } = self;
                out::json(&Document { v: 1, kind: "experimentPlan", accepted, findings, power, plan: plan.as_ref() })?;
            }
            return Ok(());
        }
        if let Some(plan) = &self.plan {
            let text = experiment::describe(plan, &self.power);
            if only { out::data(text.trim_end()) } else { out::say_raw(&text) }
        }
        planning::say_findings(&self.findings);
        Ok(())
    }
}

fn unread(error: &CallError) -> Failure {
    Failure::caused(Exit::Refused, "what is there cannot be read; nothing was changed", error.clone())
        .help("the calls are sts:GetCallerIdentity and those of elasticloadbalancing that begin with Describe")
}
