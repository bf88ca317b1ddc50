//! `bluegreen demo`

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use bluegreen_core::model::{RouteId, Split, Timestamp, Weight};
use bluegreen_core::report::{Report, TrafficPoint};
use bluegreen_sandbox::live::{Options, Sandbox};
use bluegreen_sandbox::load::{Counts, Generator, Load, NO_VERSION, Pace as Rate, Second};
use bluegreen_sandbox::shop::{Pace, Shop, ShopOptions};
use bluegreen_sandbox::world::Deed;

use super::runs::Runs;
use super::session::{Session, block_on};
use super::{connect, operate, planning, report, sandbox, spec};
use crate::args::{DemoArgs, Globals, Output, ReleaseArgs, Scenario, SpecArgs};
use crate::error::Failure;
use crate::exit::Exit;
use crate::look::history;
use crate::out;
use crate::render::report::Context;

/// Requests a second that the shop's customers send.
const RATE: f64 = 100.0;
/// How long the shop may take to open.
const OPENING: Duration = Duration::from_secs(30);
const LOOK: Duration = Duration::from_millis(50);

pub(super) fn run(session: &Session, args: &DemoArgs) -> Result<Exit, Failure> {
    block_on(show(session, args))
}

async fn show(session: &Session, args: &DemoArgs) -> Result<Exit, Failure> {
    let dir =
        args.dir.clone().unwrap_or_else(|| std::env::temp_dir().join(format!("bluegreen-demo-{}", std::process::id())));
    let output = if args.no_tty && session.output == Output::Human { Output::Plain } else { session.output };
    let globals = Globals { output: Some(output), state: Some(dir.join("state")) };
    let session = Session { output, globals };

    let stage = Stage::open(session, dir, if args.slow { Pace::SLOW } else { Pace::QUICK }).await?;
    let mut exit = Exit::Done;
    for act in acts(args.scenario) {
        let ended = Box::pin(stage.play(act)).await?;
        if ended != act.expected {
            if ended != Exit::Interrupted {
                out::say(format_args!("the demo expected exit code {} here", act.expected.code()));
            }
            exit = if ended == Exit::Done { Exit::Unexpected } else { ended };
            break;
        }
    }
    stage.close().await;
    Ok(exit)
}

/// One release of the demo.
#[derive(Clone, Copy)]
struct Act {
    title: &'static str,
    definition: &'static str,
    expected: Exit,
    /// Somebody else edits the weights when the canary has half of the traffic.
    drift: bool,
}

const GOOD: Act = Act {
    title: "Version 2 is as good as version 1: it gets 10 %, then 50 %, then everything.",
    definition: "v2.json",
    expected: Exit::Done,
    drift: false,
};
const BAD: Act = Act {
    title: "Version 3 fails three requests of ten: an alarm must catch it at 10 %.",
    definition: "v3.json",
    expected: Exit::RolledBack,
    drift: false,
};
const DRIFT: Act = Act {
    title: "Version 2 is good, but somebody else edits the weights at 50 %.",
    definition: "v2.json",
    expected: Exit::Held,
    drift: true,
};

fn acts(scenario: Scenario) -> &'static [Act] {
    match scenario {
        Scenario::All => &[GOOD, BAD],
        Scenario::Good => &[GOOD],
        Scenario::Bad => &[BAD],
        Scenario::Drift => &[DRIFT],
    }
}

/// The shop with its customers.
struct Stage {
    session: Session,
    dir: PathBuf,
    sandbox: Sandbox,
    shop: Shop,
    load: Generator,
    /// When the load began.
    began: Timestamp,
}

impl Stage {
    async fn open(session: Session, dir: PathBuf, pace: Pace) -> Result<Stage, Failure> {
        let options = Options { metric_period: Duration::from_secs(1), ..sandbox::options()? };
        let sandbox = Sandbox::start(options)
            .await
            .map_err(|error| Failure::caused(Exit::Unexpected, "the sandbox cannot be started", error))?;
        let options = ShopOptions { alarm_period: 1, drain: 1, ..ShopOptions::default() };
        let shop = sandbox
            .world(|world| Shop::open(world, options))
            .map_err(|error| Failure::caused(Exit::Unexpected, "the shop cannot be opened", error))?;
        sandbox::write_files(&dir, &shop, pace)?;
        let address = sandbox.listening(&shop.listener).await;
        let address = address.ok_or_else(|| Failure::new(Exit::Unexpected, "the shop's listener does not listen"))?;
        opened(&sandbox).await?;
        let load = Load { pace: Rate::Rate { per_second: RATE, clients: 16 }, ..Load::new(address) };
        let load =
            load.start().map_err(|error| Failure::caused(Exit::Unexpected, "the customers cannot come", error))?;
        out::say("AWS on this machine: a load balancer, two fleets of real processes, alarms.");
        out::say(format_args!("  the shop         http://{address}  (100 requests a second)"));
        out::say(format_args!("  the AWS APIs     {}", sandbox.endpoint()));
        out::say(format_args!("  spec and state   {}", dir.display()));
        Ok(Stage { session, dir, sandbox, shop, load, began: crate::env::now() })
    }

    /// Releases, and says what the customers saw.
    async fn play(&self, act: &Act) -> Result<Exit, Failure> {
        out::say(format_args!("\n{}\n$ bluegreen deploy --yes --task-definition {}", act.title, act.definition));
        let before = self.load.seconds().last().map_or(0, |second| second.second);
        let intruder = act.drift.then(|| self.intrude());
        let (exit, run) = match intruder {
            None => self.deploy(act.definition).await?,
            Some(intruder) => {
                let deploy = self.deploy(act.definition);
                tokio::pin!(deploy, intruder);
                tokio::select! {
                    ended = &mut deploy => ended?,
                    () = &mut intruder => deploy.await?,
                }
            }
        };
        let seconds: Vec<Second> = self.load.seconds().into_iter().filter(|found| found.second >= before).collect();
        out::say(customers(&seconds));
        let page = self.report(&run, &seconds)?;
        out::say(format_args!("  report: {}", page.display()));
        // What the run itself suggests looks for journals where they usually are.
        out::say(format_args!("  why: bluegreen explain --state {} {run}", self.dir.join("state").display()));
        Ok(exit)
    }

    /// What `bluegreen deploy` does; the run's id with its exit code.
    async fn deploy(&self, definition: &str) -> Result<(Exit, String), Failure> {
        let args = SpecArgs { file: self.dir.join("bluegreen.yaml"), environment: None };
        let definition = self.dir.join(definition).display().to_string();
        let release = ReleaseArgs { task_definition: Some(definition), ..ReleaseArgs::default() };
        let loaded = spec::load(&args, &release)?;
        let ports = connect::sandbox(self.sandbox.endpoint(), &self.shop.region, &loaded.dir).await?;
        let made = planning::make(&ports, &loaded.spec, &loaded.dir).await?;
        let Some(plan) = made.accepted() else {
            planning::say_findings(&made.findings);
            return Err(planning::refusal(&made.findings));
        };
        let runs = Runs::open(&self.session)?;
        let exit = operate::start(&self.session, ports, &runs, plan).await?;
        Ok((exit, plan.run.to_string()))
    }

    /// Somebody else sets the weights to 30 and 70 as soon as they are equal.
    async fn intrude(&self) {
        let Ok(rule) = self.shop.rule.parse() else { return };
        let route = RouteId::Rule(rule);
        loop {
            let edited = self.sandbox.world(|world| {
                let split = world.state().route(&route).and_then(|route| edited(&route.actions));
                split.map(|split| world.apply(&Deed::EditWeights(route.clone(), split))).is_some()
            });
            if edited {
                return;
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Writes the run's report beside its journal, with what the customers saw.
    fn report(&self, run: &str, seconds: &[Second]) -> Result<PathBuf, Failure> {
        let run = Runs::open(&self.session)?.pick(Some(run))?;
        let looks = history::read(&run.found.store, &run.found.run);
        let report = Report::from_records(&run.records, &looks)
            .map_err(|error| Failure::caused(Exit::Unexpected, "the journal cannot be understood", error))?
            .with_traffic(points(self.began, seconds));
        let exit = run.state.ending.as_ref().map(|ending| Exit::from(ending).code());
        let html = report::html(&report, Context { exit, alive: false })?;
        let file = self.dir.join(report::default_file(&run.found.run));
        report::write(&file, &html, false)?;
        Ok(file)
    }

    async fn close(self) {
        self.load.stop().await;
        self.sandbox.shutdown().await;
    }
}

/// Waits until the shop's first version answers.
async fn opened(sandbox: &Sandbox) -> Result<(), Failure> {
    let open = || {
        sandbox.world(|world| {
            let group = world.state().group("shop-blue");
            group.is_some_and(|group| world.health(&group.arn).healthy >= 2)
        })
    };
    let opening = async {
        while !open() {
            tokio::time::sleep(LOOK).await;
        }
    };
    tokio::time::timeout(OPENING, opening).await.map_err(|_| {
        Failure::new(Exit::Unexpected, "the shop's first version is not healthy after 30s")
            .help("is this machine very busy, or may programs not listen on 127.0.0.1?")
    })
}

/// The weights that the intruder writes, if it is time.
fn edited(actions: &[bluegreen_core::model::Action]) -> Option<Split> {
    let forward = bluegreen_core::model::Action::forward_of(actions)?;
    let weights: Vec<u16> = forward.groups.iter().filter_map(|group| group.weight.map(Weight::get)).collect();
    let [one, other] = weights[..] else { return None };
    let half = one == other && one > 0;
    let weight = |value: u32| Weight::try_from(value).ok();
    let groups = forward.groups.iter().zip([30, 70]);
    half.then(|| {
        Split::new(groups.filter_map(|(group, value)| Some((group.arn.clone(), weight(value)?))).collect()).ok()
    })?
}

/// What the customers saw, in two lines.
fn customers(seconds: &[Second]) -> String {
    let mut whole = Counts::default();
    let mut versions: BTreeMap<&str, u64> = BTreeMap::new();
    for second in seconds {
        whole.requests += second.counts.requests;
        whole.server_errors += second.counts.server_errors;
        whole.transport_errors += second.counts.transport_errors;
        for (version, counts) in second.versions.iter().filter(|(version, _)| *version != NO_VERSION) {
            *versions.entry(version).or_default() += counts.requests;
        }
    }
    let mut text = format!("  customers saw: {} requests, {} failed", whole.requests, whole.failed());
    let mut bad = seconds.iter().filter(|second| second.counts.failed() > 0).map(|second| second.second);
    if let Some(first) = bad.next() {
        let last = bad.next_back().unwrap_or(first);
        text.push_str(&format!(" ({}), all within {} s", percent(whole.failed(), whole.requests), last - first + 1));
    }
    let shares: Vec<String> = versions
        .iter()
        .map(|(version, count)| format!("version {version} {}", percent(*count, whole.requests)))
        .collect();
    format!("{text}\n  they were served by: {}", shares.join(", "))
}

#[allow(clippy::cast_precision_loss, reason = "a share for people")]
fn percent(part: u64, whole: u64) -> String {
    format!("{:.1} %", 100.0 * part as f64 / whole.max(1) as f64)
}

/// The traffic by second and version, for the report.
fn points(began: Timestamp, seconds: &[Second]) -> Vec<TrafficPoint> {
    let at = |second: u64| began + Duration::from_secs(second);
    let of = |second: &Second| -> Vec<TrafficPoint> {
        let point = |(version, counts): (&String, &Counts)| TrafficPoint {
            at: at(second.second),
            version: version.clone(),
            requests: counts.requests,
            errors: counts.failed(),
        };
        second.versions.iter().map(point).collect()
    };
    seconds.iter().flat_map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_customers_errors_are_counted_with_their_time() {
        let second = |second, requests, failed| Second {
            second,
            counts: Counts { requests, ok: requests - failed, server_errors: failed, ..Counts::default() },
            versions: BTreeMap::from([("2".to_owned(), Counts { requests, ..Counts::default() })]),
            ..Second::default()
        };
        let text = customers(&[second(3, 100, 0), second(4, 100, 2), second(6, 100, 1), second(7, 100, 0)]);
        assert_eq!(
            text,
            "  customers saw: 400 requests, 3 failed (0.8 %), all within 3 s\n  they were served by: version 2 100.0 %"
        );
        assert!(!customers(&[second(1, 10, 0)]).contains("within"));
    }
}
