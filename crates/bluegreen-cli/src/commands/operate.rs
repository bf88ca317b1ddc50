//! Driving a run to its end: signals in, events out, an exit code.

use std::sync::Arc;
use std::time::Duration;

use bluegreen_core::drive::{DriveError, Driver, Ended, Interrupt, Milestone};
use bluegreen_core::event::{Event, Reporter};
use bluegreen_core::journal::{FileStore, JournalError, Owner, Record};
use bluegreen_core::model::RunId;
use bluegreen_core::plan::Plan;
use bluegreen_core::ports::{Caller, Ports};
use tokio::signal::unix::{SignalKind, signal};

use super::runs::{self, Run, Runs};
use super::session::Session;
use crate::error::Failure;
use crate::exit::Exit;
use crate::look::Scribe;
use crate::out;
use crate::render::{self, Renderer};

/// How often, and how many times, a new owner's name is asked for.
const OWNER_EVERY: Duration = Duration::from_millis(50);
const OWNER_TRIES: usize = 40;

/// Begins the plan's run and drives it to its end.
pub(super) async fn start(session: &Session, ports: Ports, runs: &Runs, plan: &Plan) -> Result<Exit, Failure> {
    start_until(session, ports, runs, plan, None).await
}

/// Begins the plan's run and drives it to its end, or to an agreed point.
pub(super) async fn start_until(
    session: &Session,
    ports: Ports,
    runs: &Runs,
    plan: &Plan,
    until: Option<Milestone>,
) -> Result<Exit, Failure> {
    let stage = Stage::set(session, ports, runs.store(&plan.site), plan, &[])?;
    stage.finish(stage.driver.start_until(plan, until).await).await
}

/// Takes up a run and drives it to its end.
pub(super) async fn resume(session: &Session, ports: Ports, run: &Run) -> Result<Exit, Failure> {
    check_account(&ports, run).await?;
    let stage = Stage::set(session, ports, run.found.store.clone(), &run.state.plan, &run.records)?;
    stage.finish(stage.driver.resume(&run.found.run).await).await
}

/// This terminal, and the file that others read.
struct Both {
    renderer: Arc<dyn Renderer>,
    scribe: Scribe,
}

impl Reporter for Both {
    fn event(&self, event: &Event) {
        self.renderer.event(event);
        self.scribe.event(event);
    }
}

/// A run with everything that it needs around it.
struct Stage {
    run: RunId,
    store: FileStore,
    driver: Driver,
    renderer: Arc<dyn Renderer>,
}

impl Stage {
    fn set(
        session: &Session,
        ports: Ports,
        store: FileStore,
        plan: &Plan,
        records: &[Record],
    ) -> Result<Stage, Failure> {
        let renderer = render::renderer(session.output, plan, records);
        let interrupt = Interrupt::default();
        listen(&interrupt, &renderer, &plan.run)?;
        let driver = Driver {
            ports,
            store: Arc::new(store.clone()),
            reporter: Arc::new(Both { renderer: renderer.clone(), scribe: Scribe::new(&store, &plan.run) }),
            interrupt,
            operator: runs::operator(),
        };
        Ok(Stage { run: plan.run.clone(), store, driver, renderer })
    }

    async fn finish(&self, result: Result<Ended, DriveError>) -> Result<Exit, Failure> {
        match result {
            Ok(ended) => {
                let exit = Exit::from(&ended);
                self.renderer.end(&ended, exit);
                Ok(exit)
            }
            Err(error) => {
                self.renderer.close();
                Err(self.failure(error).await)
            }
        }
    }

    async fn failure(&self, error: DriveError) -> Failure {
        let run = &self.run;
        match error {
            DriveError::Journal(error @ JournalError::Held { .. }) => match self.owner().await {
                Some(owner) => runs::busy(owner.run.as_str(), &owner.operator.to_string()),
                None => runs::unusable(error),
            },
            DriveError::Over { run, ending } => Failure::new(Exit::Refused, format!("run {run} is over: {ending}")),
            error if !self.store.run_path(run).exists() => {
                Failure::caused(Exit::Unexpected, format!("run {run} cannot begin; nothing was changed"), error)
                    .help("once that is mended, run the same command again; --state names another folder for journals")
            }
            error => Failure::caused(Exit::Unexpected, format!("run {run} cannot go on"), error)
                .help(format!("once that is mended: bluegreen resume {run}")),
        }
    }

    /// Who has the lock. An operator that has only just taken it signs a moment later.
    async fn owner(&self) -> Option<Owner> {
        for _ in 0..OWNER_TRIES {
            let owner = self.store.owner();
            if owner.is_some() {
                return owner;
            }
            tokio::time::sleep(OWNER_EVERY).await;
        }
        None
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
