//! Driving a run to its end: signals in, events out, an exit code.

use std::future::Future;
use std::sync::Arc;

use bluegreen_core::drive::{DriveError, Driver, Ended, Interrupt};
use bluegreen_core::event::Reporter;
use bluegreen_core::journal::Record;
use bluegreen_core::model::RunId;
use bluegreen_core::plan::Plan;
use bluegreen_core::ports::{Caller, Ports};
use tokio::signal::unix::{SignalKind, signal};

use super::runs::{self, Run, Runs};
use super::session::Session;
use crate::error::Failure;
use crate::exit::Exit;
use crate::out;
use crate::render::{self, Renderer};

/// Begins the plan's run and drives it to its end.
pub(super) async fn start(session: &Session, ports: Ports, runs: &Runs, plan: &Plan) -> Result<Exit, Failure> {
    let (driver, renderer) = prepare(session, ports, Arc::new(runs.store(&plan.site)), plan, &[])?;
    finish(driver.start(plan), renderer.as_ref(), &plan.run).await
}

/// Takes up a run and drives it to its end.
pub(super) async fn resume(session: &Session, ports: Ports, run: &Run) -> Result<Exit, Failure> {
    check_account(&ports, run).await?;
    let id = &run.found.run;
    let (driver, renderer) = prepare(session, ports, Arc::new(run.found.store.clone()), &run.state.plan, &run.records)?;
    finish(driver.resume(id), renderer.as_ref(), id).await
}

fn prepare(
    session: &Session,
    ports: Ports,
    store: Arc<dyn bluegreen_core::journal::Store>,
    plan: &Plan,
    records: &[Record],
) -> Result<(Driver, Arc<dyn Renderer>), Failure> {
    let renderer = render::renderer(session.output, plan, records);
    let interrupt = Interrupt::default();
    listen(&interrupt, &renderer, &plan.run)?;
    let reporter: Arc<dyn Reporter> = renderer.clone();
    Ok((Driver { ports, store, reporter, interrupt, operator: runs::operator() }, renderer))
}

async fn finish(
    driving: impl Future<Output = Result<Ended, DriveError>>,
    renderer: &dyn Renderer,
    run: &RunId,
) -> Result<Exit, Failure> {
    let result = driving.await;
    match result {
        Ok(ended) => {
            let exit = Exit::from(&ended);
            renderer.end(&ended, exit);
            Ok(exit)
        }
        Err(error) => {
            renderer.close();
            Err(failure(error, run))
        }
    }
}

fn failure(error: DriveError, run: &RunId) -> Failure {
    match error {
        DriveError::Journal(error @ bluegreen_core::journal::JournalError::Held { .. }) => runs::unusable(error),
        DriveError::Over { run, ending } => Failure::new(Exit::Refused, format!("run {run} is over: {ending}")),
        error => Failure::caused(Exit::Unexpected, format!("run {run} cannot go on"), error)
            .help(format!("once that is mended: bluegreen resume {run}")),
    }
}

/// A journal that came from another account's run must not be carried out in this one.
async fn check_account(ports: &Ports, run: &Run) -> Result<(), Failure> {
    let site = &run.state.plan.site;
    match ports.identity.caller().await {
        Ok(Caller { account, region, .. }) if account != site.account || region != site.region => {
            let what = format!(
                "run {} belongs to account {} in {}, but calls go to account {account} in {region}",
                run.found.run, site.account, site.region
            );
            Err(Failure::new(Exit::Refused, what).help("use the credentials and the region of the run"))
        }
        // Going back must stay possible while STS does not answer: the ARNs of the plan name the account too.
        _ => Ok(()),
    }
}

/// The first signal stops new work; the second ends the process, which is safe at any time.
fn listen(interrupt: &Interrupt, renderer: &Arc<dyn Renderer>, run: &RunId) -> Result<(), Failure> {
    let failed = |error| Failure::caused(Exit::Unexpected, "signals cannot be received", error);
    let mut int = signal(SignalKind::interrupt()).map_err(failed)?;
    let mut term = signal(SignalKind::terminate()).map_err(failed)?;
    let (interrupt, renderer, run) = (interrupt.clone(), renderer.clone(), run.clone());
    tokio::spawn(async move {
        let name = tokio::select! { _ = int.recv() => "SIGINT", _ = term.recv() => "SIGTERM" };
        renderer.note(&format!("{name}: stopping at the next safe point; the same again leaves at once"));
        interrupt.set();
        tokio::select! { _ = int.recv() => {}, _ = term.recv() => {} };
        renderer.close();
        out::say(format_args!("left at once; to go on: bluegreen resume {run}"));
        std::process::exit(Exit::Interrupted.code().into());
    });
    Ok(())
}
