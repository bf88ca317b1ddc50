//! The runs under the state folder.

use std::path::PathBuf;

use bluegreen_core::journal::{self, Ending, FileStore, FindError, Found, Operator, Record, RunState};
use bluegreen_core::model::RunId;
use bluegreen_core::plan::{Plan, Site};
use bluegreen_core::ports::{CallError, Ports};
use bluegreen_core::spec::Spec;
use bluegreen_core::view::words::clean;

use super::session::Session;
use crate::error::Failure;
use crate::exit::Exit;
use crate::out;

/// Where the journals of this user's runs are.
pub(super) struct Runs {
    root: PathBuf,
}

/// A run as its journal tells it.
pub(super) struct Run {
    pub(super) found: Found,
    pub(super) records: Vec<Record>,
    pub(super) state: RunState,
}

impl Runs {
    pub(super) fn open(session: &Session) -> Result<Runs, Failure> {
        if let Some(root) = &session.globals.state {
            return Ok(Runs { root: root.clone() });
        }
        let root = journal::state_root(&crate::env::var)
            .map_err(|error| Failure::caused(Exit::Usage, "there is no place for journals", error))?;
        Ok(Runs { root })
    }

    /// The store of a service.
    pub(super) fn store(&self, site: &Site) -> FileStore {
        FileStore::new(&self.root, site)
    }

    /// The run of this id, if it has begun.
    pub(super) fn known(&self, site: &Site, run: &RunId) -> Result<Option<Run>, Failure> {
        let found = Found { store: self.store(site), run: run.clone() };
        match found.store.read(run) {
            // A file without one whole record says that nothing was done in the run's name.
            Err(journal::JournalError::NotFound(_)) => Ok(None),
            Err(error) => Err(unusable(error)),
            Ok(_) => load(found).map(Some),
        }
    }

    /// The run whose id begins like this, or the latest where only one can be meant.
    pub(super) fn pick(&self, prefix: Option<&str>) -> Result<Run, Failure> {
        let found = match prefix {
            Some(prefix) => FileStore::find(&self.root, prefix).map_err(not_found)?,
            None => self.latest()?,
        };
        load(found)
    }

    /// The run of exactly this id, of whichever service, if its journal is here.
    pub(super) fn held(&self, run: &RunId) -> Result<Option<Run>, Failure> {
        match FileStore::find(&self.root, run.as_str()) {
            Ok(found) => load(found).map(Some),
            Err(FindError::Journal(error)) => Err(unusable(error)),
            Err(_) => Ok(None),
        }
    }

    /// The newest run of a service, if it has any.
    pub(super) fn latest_of(&self, site: &Site) -> Result<Option<Run>, Failure> {
        let store = self.store(site);
        match store.latest().map_err(unusable)? {
            Some(_) => load(self.newest(&store)?).map(Some),
            None => Ok(None),
        }
    }

    /// The newest run of the only service; of several services, the only run that is not over.
    fn latest(&self) -> Result<Found, Failure> {
        let stores = self.stores()?;
        if let [only] = stores.as_slice() {
            return self.newest(only);
        }
        let newest: Vec<Found> = stores.iter().map(|store| self.newest(store)).collect::<Result<_, _>>()?;
        let open: Vec<Found> = newest.into_iter().filter(is_open).collect();
        match <[Found; 1]>::try_from(open) {
            Ok([only]) => Ok(only),
            Err(_) if stores.is_empty() => {
                let what = format!("there is no run under {}", self.root.display());
                Err(Failure::usage(what).help("`bluegreen deploy` begins one; --state names another folder"))
            }
            Err(_) => {
                let latest: Vec<String> =
                    stores.iter().filter_map(|store| store.latest().ok()?).map(|run| run.to_string()).collect();
                let what = "several services have runs, so the run has to be named";
                Err(Failure::usage(what).help(format!("the latest of each service:\n{}", latest.join("\n"))))
            }
        }
    }

    /// The store of every service that has runs, in a fixed order.
    pub(super) fn stores(&self) -> Result<Vec<FileStore>, Failure> {
        let mut stores: Vec<FileStore> =
            FileStore::all(&self.root).map_err(unusable)?.into_iter().map(|found| found.store).collect();
        stores.sort_by(|a, b| a.dir().cmp(b.dir()));
        stores.dedup();
        Ok(stores)
    }

    /// The run that began last. Where that cannot be told, no older one is taken in its place.
    fn newest(&self, store: &FileStore) -> Result<Found, Failure> {
        if let Some((run, trouble)) = damaged(store)? {
            let what = format!("the journal of run {run} cannot be used");
            return Err(
                Failure::caused(Exit::Unexpected, what, trouble).help("mend that, or name the run that is meant")
            );
        }
        match store.latest().map_err(unusable)? {
            Some(run) => Ok(Found { store: store.clone(), run }),
            None => Err(Failure::usage(format!("there is no run under {}", self.root.display()))),
        }
    }

    /// Where the spec's service is for the caller, and so where its journals are.
    pub(super) async fn site(ports: &Ports, spec: &Spec) -> Result<Site, CallError> {
        let caller = ports.identity.caller().await?;
        Ok(Site {
            account: caller.account,
            region: caller.region,
            cluster: spec.environment.cluster.clone(),
            service: spec.service.clone(),
            environment: spec.environment.name.clone(),
        })
    }

    /// Refuses a release of a service that somebody works on, or whose last run is not over.
    ///
    /// Looked at before the survey: the other run's half-way state would only be reported as a strange world.
    /// Returns where the service is, if that could be told.
    pub(super) async fn refuse_if_open(&self, ports: &Ports, spec: &Spec) -> Result<Option<Site>, Failure> {
        // An identity that cannot be read is a finding of the survey, which says it better.
        let Ok(site) = Runs::site(ports, spec).await else { return Ok(None) };
        self.refuse_if_open_at(&site)?;
        Ok(Some(site))
    }

    /// The same for a service whose place is known.
    pub(super) fn refuse_if_open_at(&self, site: &Site) -> Result<(), Failure> {
        self.refuse_if_owned(site)?;
        let store = self.store(site);
        if let Some((run, trouble)) = damaged(&store)? {
            return Err(Failure::caused(Exit::Refused, format!("run {run} may not be over"), trouble));
        }
        let Some(run) = store.latest().map_err(unusable)? else { return Ok(()) };
        let found = Found { store, run };
        if is_open(&found) {
            let run = &found.run;
            let what = format!("run {run} of this service is not over");
            return Err(Failure::new(Exit::Refused, what)
                .help(format!("bluegreen resume {run} goes on with it\nbluegreen abort {run} goes back")));
        }
        Ok(())
    }

    /// Refuses while another operator works on the service.
    pub(super) fn refuse_if_owned(&self, site: &Site) -> Result<(), Failure> {
        match self.store(site).owner() {
            Some(owner) => Err(busy(owner.run.as_str(), &owner.operator.to_string())),
            None => Ok(()),
        }
    }

    /// A plan is run once: its id names the journal.
    pub(super) fn refuse_if_known(&self, plan: &Plan) -> Result<(), Failure> {
        let store = self.store(&plan.site);
        if !store.run_path(&plan.run).exists() {
            return Ok(());
        }
        let what = format!("this plan has been started before, as run {}", plan.run);
        Err(Failure::new(Exit::Refused, what).help("bluegreen status shows it; make a new plan for another try"))
    }
}

/// Reads a run's journal and folds it, which checks every record's sum and the plan's hash.
pub(super) fn load(found: Found) -> Result<Run, Failure> {
    let contents = found.store.read(&found.run).map_err(unusable)?;
    if let Some(torn) = contents.torn {
        let bytes = torn.bytes;
        out::say(format_args!("note: the journal's last line was cut off ({bytes} bytes) and does not count"));
    }
    Run::from_records(found, contents.records)
}

impl Run {
    /// Folds records that were read.
    pub(super) fn from_records(found: Found, records: Vec<Record>) -> Result<Run, Failure> {
        let state = RunState::fold(&records).map_err(|error| {
            Failure::caused(Exit::Unexpected, format!("the journal of {} cannot be understood", found.run), error)
        })?;
        Ok(Run { found, records, state })
    }
}

/// A run that may be under way for all that its journal tells, and what is wrong with that.
///
/// A run that was readable and began later shows that the damaged one was over by then. A journal without even one
/// whole record is not damaged: nothing was done in its name.
fn damaged(store: &FileStore) -> Result<Option<(RunId, String)>, Failure> {
    let mut later = false;
    for run in store.runs().map_err(unusable)? {
        let Some(trouble) = run.trouble else {
            later = true;
            continue;
        };
        let empty = matches!(store.read(&run.run), Err(journal::JournalError::NotFound(_)));
        let over = later && run.started_at.is_some();
        if !empty && !over {
            return Ok(Some((run.run, trouble)));
        }
    }
    Ok(None)
}

fn is_open(found: &Found) -> bool {
    let records = found.store.read(&found.run).map(|contents| contents.records).unwrap_or_default();
    RunState::fold(&records).is_ok_and(|state| state.ending.is_none())
}

fn not_found(error: FindError) -> Failure {
    match error {
        FindError::Journal(error) => unusable(error),
        error => Failure::usage(error.to_string()),
    }
}

/// A journal that does not answer.
pub(super) fn unusable(error: journal::JournalError) -> Failure {
    match error {
        journal::JournalError::Held { run, owner } => busy(&run, &owner),
        error => Failure::caused(Exit::Unexpected, "the journal cannot be used", error),
    }
}

/// That a run is over, and how, in a sentence.
pub(super) fn over(run: &RunId, ending: &Ending) -> String {
    format!("run {run} is over: {}, {}", ending.terminal, clean(&ending.why))
}

/// Another operator has the service.
pub(super) fn busy(run: &str, owner: &str) -> Failure {
    Failure::new(Exit::Busy, format!("run {run} of this service is being worked on by {owner}"))
        .help("bluegreen status --watch follows it; promote, pause and abort reach its operator")
}

/// This process, as journals name it.
pub(super) fn operator() -> Operator {
    let var = |name: &str| crate::env::var(name).filter(|value| !value.is_empty());
    Operator {
        user: var("USER").or_else(|| var("LOGNAME")).or_else(user).unwrap_or_else(|| "unknown".to_owned()),
        host: host().or_else(|| var("HOSTNAME")).unwrap_or_else(|| "unknown".to_owned()),
        pid: std::process::id(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    }
}

/// Containers and CI jobs often have no `USER`: the system still knows the name, or at least the number.
fn user() -> Option<String> {
    ask("id", &["-un"]).or_else(|| ask("id", &["-u"]).map(|number| format!("uid {number}")))
}

fn host() -> Option<String> {
    let text = std::fs::read_to_string("/proc/sys/kernel/hostname").ok().map(|text| text.trim().to_owned());
    text.filter(|name| !name.is_empty()).or_else(|| ask("uname", &["-n"]))
}

/// What a program of the system prints, if it succeeds.
fn ask(program: &str, arguments: &[&str]) -> Option<String> {
    let output = std::process::Command::new(program).args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok().filter(|_| output.status.success())?;
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}
