//! `bluegreen experiment`

mod promote;
mod start;

use std::path::PathBuf;

use bluegreen_core::experiment::{
    self, Assessment, DriveError, Driver, Ending, Fact, FileJournal, Found, Standing, State, Store, judge,
};
use bluegreen_core::journal::{self, JournalError};
use bluegreen_core::model::Timestamp;
use bluegreen_core::ports::Ports;
use serde::Serialize;

use super::session::{Session, block_on};
use super::{connect, runs};
use crate::args::{AwsArgs, ExperimentCommand, ExperimentStatusArgs, ExperimentStopArgs, WhichArgs};
use crate::error::Failure;
use crate::exit::Exit;
use crate::out;

pub(super) fn run(session: &Session, command: &ExperimentCommand) -> Result<Exit, Failure> {
    match command {
        ExperimentCommand::Start(args) => start::run(session, args),
        ExperimentCommand::Status(args) => status(session, args),
        ExperimentCommand::Stop(args) => stop(session, args),
        ExperimentCommand::Promote(args) => promote::run(session, args),
    }
}

fn status(session: &Session, args: &ExperimentStatusArgs) -> Result<Exit, Failure> {
    let one = One::pick(session, &args.which)?;
    if args.offline {
        let state = one.state;
        let now = crate::env::clock().now();
        let assessment = judge(&state, state.decides_at().is_some_and(|time| now >= time));
        let standing = untouched(&state);
        return show(session, &state, &assessment, &standing, now);
    }
    block_on(async {
        let ports = one.connect(&args.which.aws).await?;
        let held = one.open()?;
        let look = Driver::new(&ports, &held).look().await.map_err(unmoved)?;
        show(session, &look.0, &look.1, &look.2, ports.clock.now())
    })
}

fn stop(session: &Session, args: &ExperimentStopArgs) -> Result<Exit, Failure> {
    let one = One::pick(session, &args.which)?;
    let mut facts = vec![Fact::Ending(Ending::Stopped { by: by() })];
    if args.accept_drift {
        facts.push(Fact::DriftAccepted);
    }
    block_on(async {
        let ports = one.connect(&args.which.aws).await?;
        let (look, _) = one.end(&ports, facts).await?;
        show(session, &look.0, &look.1, &look.2, ports.clock.now())
    })
}

/// What a look found.
type Look = (State, Assessment, Standing);

/// One experiment that was chosen, as its journal tells it.
struct One {
    found: Found,
    state: State,
}

impl One {
    fn pick(session: &Session, args: &WhichArgs) -> Result<One, Failure> {
        let root = root(session)?;
        let mut all = Vec::new();
        for found in Store::all(&root).map_err(runs::unusable)? {
            let records = found.store.read(&found.id).map_err(runs::unusable)?;
            let state = State::fold(&records).map_err(|error| {
                Failure::caused(Exit::Unexpected, format!("experiment {} cannot be read", found.id), error)
            })?;
            all.push(One { found, state });
        }
        if let Some(which) = &args.which {
            let known = all.iter().map(|one| one.found.id.to_string()).collect::<Vec<_>>().join(", ");
            all.retain(|one| one.state.plan.site.service == *which || one.found.id.as_str().starts_with(which));
            if all.is_empty() {
                let what = format!("no experiment is called `{which}`, and no id begins so");
                let help = if known.is_empty() { "there is none yet".to_owned() } else { format!("there are {known}") };
                return Err(Failure::usage(what).help(help));
            }
        }
        let running = all.iter().filter(|one| one.state.ended.is_none()).count();
        if running > 1 {
            let open = all.iter().filter(|one| one.state.ended.is_none());
            let names = open.map(|one| one.found.id.to_string()).collect::<Vec<_>>().join(", ");
            return Err(Failure::usage("several experiments run; which one is meant?").help(format!("one of {names}")));
        }
        // The newest comes first.
        let place = all.iter().position(|one| one.state.ended.is_none()).unwrap_or(0);
        if all.is_empty() {
            return Err(Failure::usage(format!("there is no experiment under {}", root.display()))
                .help("`bluegreen experiment start` begins one; --state names another folder"));
        }
        Ok(all.swap_remove(place))
    }

    /// The ports, if they lead where the experiment is.
    async fn connect(&self, args: &AwsArgs) -> Result<Ports, Failure> {
        let site = &self.state.plan.site;
        let ports = connect::connect(args, Some(&site.region), &PathBuf::from(".")).await?;
        let caller = ports.identity.caller().await;
        let caller = caller
            .map_err(|error| Failure::caused(Exit::Interrupted, "AWS gave no answer; nothing was done", error))?;
        if (&caller.account, &caller.region) != (&site.account, &site.region) {
            let what = format!(
                "the experiment is in account {} in {}, but calls go to account {} in {}",
                site.account, site.region, caller.account, caller.region
            );
            return Err(Failure::new(Exit::Refused, what).help("use the credentials and the region of the experiment"));
        }
        Ok(ports)
    }

    fn open(&self) -> Result<FileJournal, Failure> {
        self.found.store.open(&self.found.id, &runs::operator()).map_err(held)
    }

    /// Ends it with what a person decided, unless it has ended by itself before. Returns whether it had.
    async fn end(&self, ports: &Ports, facts: Vec<Fact>) -> Result<(Look, bool), Failure> {
        let journal = self.open()?;
        let driver = Driver::new(ports, &journal);
        let before = self.state.ended.is_some();
        if !before {
            for fact in facts {
                driver.order(fact).await.map_err(unmoved)?;
            }
        }
        Ok((driver.look().await.map_err(unmoved)?, before))
    }
}

/// How it stands by its journal alone.
fn untouched(state: &State) -> Standing {
    match (&state.ending, &state.ended, &state.drift, &state.invalid) {
        (Some((ending, _)), Some(_), _, _) => Standing::Ended(ending.clone()),
        (_, _, Some(what), _) => Standing::Drifted(what.clone()),
        (_, _, _, Some(why)) => Standing::Invalid(why.clone()),
        _ => Standing::Running,
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer<'a> {
    v: u32,
    #[serde(rename = "type")]
    kind: &'static str,
    id: &'a str,
    name: &'a str,
    standing: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    live_since: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    counted_until: Option<Timestamp>,
    variants: Vec<&'a str>,
    /// Routes that somebody else changed meanwhile.
    changed: &'a [String],
    assessment: &'a Assessment,
}

/// Prints how it stands, and turns that into an exit code.
fn show(
    session: &Session,
    state: &State,
    assessment: &Assessment,
    standing: &Standing,
    now: Timestamp,
) -> Result<Exit, Failure> {
    let (word, why, exit) = match standing {
        Standing::Running => ("running", None, Exit::Done),
        Standing::Invalid(why) => ("invalid", Some(why.clone()), Exit::Held),
        Standing::Blind(error) => ("blind", Some(error.to_string()), Exit::Interrupted),
        Standing::Drifted(what) => ("drifted", Some(what.join("; ")), Exit::Held),
        Standing::Ended(ending) => ("ended", Some(ending.to_string()), ended(ending)),
    };
    if session.json() {
        out::json(&Answer {
            v: 1,
            kind: "experiment",
            id: state.plan.id.as_str(),
            name: &state.plan.site.service,
            standing: word,
            why,
            live_since: state.live_since,
            expires_at: state.expires_at(),
            counted_until: state.counted_until,
            variants: state.plan.design.variants.iter().map(|variant| variant.name.as_str()).collect(),
            changed: state.ended.as_deref().unwrap_or_default(),
            assessment,
        })?;
    } else {
        out::data(experiment::describe_standing(state, assessment, standing, now).trim_end());
    }
    Ok(exit)
}

fn ended(ending: &Ending) -> Exit {
    match ending {
        Ending::Guardrail { .. } => Exit::RolledBack,
        Ending::Failed { .. } => Exit::Refused,
        Ending::Stopped { .. } | Ending::Promoted { .. } | Ending::Expired => Exit::Done,
    }
}

/// Where journals live.
fn root(session: &Session) -> Result<PathBuf, Failure> {
    if let Some(root) = &session.globals.state {
        return Ok(root.clone());
    }
    journal::state_root(&crate::env::var)
        .map_err(|error| Failure::caused(Exit::Usage, "there is no place for journals", error))
}

fn by() -> String {
    let operator = runs::operator();
    format!("{}@{}", operator.user, operator.host)
}

/// A journal that somebody else has, or that cannot be used.
fn held(error: JournalError) -> Failure {
    match error {
        JournalError::Held { run, owner } => {
            Failure::new(Exit::Busy, format!("experiment {run} is being moved by {owner}"))
                .help("try again in a moment, or read its journal with --offline")
        }
        error => runs::unusable(error),
    }
}

/// A look that did not come to its end.
fn unmoved(error: DriveError) -> Failure {
    match error {
        DriveError::Journal(error) => held(error),
        error => Failure::caused(Exit::Interrupted, "not everything could be done", error)
            .help("what was done is written down; `bluegreen experiment status` goes on"),
    }
}
