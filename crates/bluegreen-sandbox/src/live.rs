//! The sandbox as it runs on a laptop: the world by the machine's clock, real processes, real checks, real requests.
//!
//! A [`Sandbox`] listens on 127.0.0.1 for AWS's APIs, and every listener of a load balancer made there listens too. What
//! it runs ends with it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use crate::api::{Api, RunningClock};
use crate::faults::FaultPlan;
use crate::fronts::http::{ServeError, Server};
use crate::proxy::{Bound, Proxy, ProxyError, Table};
use crate::tasks::Supervisor;
use crate::tasks::probe::Prober;
use crate::world::{Config, Fleet, Lag, RequestModel, World};

mod checks;
mod conductor;
mod hooks;
mod table;
mod tally;

use conductor::{Conductor, GRACE, lock};
use hooks::Hooks;
use tally::Tally;

/// How the sandbox runs.
#[derive(Clone, Debug)]
pub struct Options {
    /// The wall clock at the world's first moment: now, so that clients and world agree on the time.
    pub start: Timestamp,
    /// The port of the APIs; 0 for any that is free.
    pub port: u16,
    /// How many seconds the world lives in one of the machine's.
    pub speed: f64,
    /// The period of load balancer metrics: 60 s as on AWS, 1 s for a demo.
    pub metric_period: Duration,
    /// How long a minute is of deployments that AWS carries out: 60 s as on AWS, less for rehearsals.
    pub minute: Duration,
    /// How long the data plane goes on by old weights.
    pub propagation: Duration,
    /// What goes wrong with requests.
    pub faults: FaultPlan,
    /// Where draws come from.
    pub seed: u64,
    /// The most items in one page of a list, where that is fewer than AWS gives.
    pub page_size: Option<usize>,
    /// The argument vector that runs the built-in service `sandbox/demo`: [`crate::demo_service`].
    pub demo_service: Vec<String>,
    /// The argument vector to which a task's own is added, so that no task survives the sandbox:
    /// [`crate::tasks::guard`]. Without it tasks are run as they are.
    pub guard: Vec<String>,
}

impl Options {
    /// AWS at its own speed and without faults, from `start` on.
    pub fn new(start: Timestamp) -> Options {
        Options {
            start,
            port: 0,
            speed: 1.0,
            metric_period: Duration::from_secs(60),
            minute: Duration::from_secs(60),
            propagation: Duration::ZERO,
            faults: FaultPlan::default(),
            seed: 0,
            page_size: None,
            demo_service: Vec::new(),
            guard: Vec::new(),
        }
    }
}

/// What keeps a sandbox from starting.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The port of the APIs cannot be had.
    #[error(transparent)]
    Api(#[from] ServeError),
    /// The data plane cannot be started.
    #[error(transparent)]
    Proxy(#[from] ProxyError),
}

/// A running sandbox. Dropped, it ends at once; [`Sandbox::shutdown`] lets requests finish.
#[derive(Debug)]
pub struct Sandbox {
    world: Arc<Mutex<World>>,
    api: Api,
    bound: watch::Receiver<Vec<Bound>>,
    notes: mpsc::UnboundedReceiver<String>,
    conductor: (oneshot::Sender<()>, JoinHandle<()>),
    front: Server,
    fast: Option<String>,
}

impl Sandbox {
    /// Starts an empty AWS. Needs a runtime with time and network, of several threads where load is to be served fast.
    pub async fn start(options: Options) -> Result<Sandbox, StartError> {
        let config = config(&options);
        let world = Arc::new(Mutex::new(World::new(config)));
        let clock = RunningClock::new(0, options.speed);
        let fast = ((options.speed - 1.0).abs() > f64::EPSILON).then(|| format!("{}*{}", options.start, options.speed));
        let api = Api::new(Arc::clone(&world), Arc::new(clock), options.faults.faults(options.seed));
        let front = Server::start(api.clone(), options.port).await?;
        let tally = Arc::new(Tally::default());
        let (tasks, task_events) = mpsc::unbounded_channel();
        let (probes, probe_events) = mpsc::unbounded_channel();
        let (hooks, hook_events) = mpsc::unbounded_channel();
        let (said, notes) = mpsc::unbounded_channel();
        let (bound, bounds) = watch::channel(Vec::new());
        let conductor = Conductor {
            world: Arc::clone(&world),
            clock,
            proxy: Proxy::new(Arc::clone(&tally) as _)?,
            tally,
            hooks: Hooks::new(hooks, options.guard.clone(), environment(&front, &world)),
            supervisor: Supervisor::guarded(tasks, options.guard),
            prober: Prober::new(probes),
            task_events,
            probe_events,
            hook_events,
            written: api.written(),
            notes: said,
            bound,
            demo_service: options.demo_service,
            started: BTreeMap::new(),
            installed: Table::default(),
            refused: false,
        };
        let (stop, stopped) = oneshot::channel();
        let conductor = (stop, tokio::spawn(conductor.run(stopped)));
        Ok(Sandbox { world, api, bound: bounds, notes, conductor, front, fast })
    }

    /// Where the APIs are, for `AWS_ENDPOINT_URL`.
    pub fn endpoint(&self) -> String {
        self.front.url()
    }

    /// The environment that leads a client of AWS to this sandbox.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        let mut all = environment(&self.front, &self.world);
        all.extend(self.fast.iter().map(|fast| ("BLUEGREEN_CLOCK", fast.clone())));
        all
    }

    /// How programs of this project know the time where it does not pass as on this machine: when it was the same, `*`,
    /// and how many times as fast it has passed since.
    pub fn clock(&self) -> Option<&str> {
        self.fast.as_deref()
    }

    /// The APIs themselves: their requests, their faults.
    pub fn api(&self) -> &Api {
        &self.api
    }

    /// Where listeners really listen, by ARN; changes are seen on the receiver.
    pub fn listeners(&self) -> watch::Receiver<Vec<Bound>> {
        self.bound.clone()
    }

    /// Waits until a listener listens; `None` where the sandbox ends before.
    pub async fn listening(&self, listener: &str) -> Option<SocketAddr> {
        let mut bound = self.listeners();
        let find = |bound: &Vec<Bound>| bound.iter().find(|found| found.id == listener).map(|found| found.address);
        let found = bound.wait_for(|bound| find(bound).is_some()).await.ok()?;
        find(&found)
    }

    /// Looks at the world or changes it, at its present.
    pub fn world<R>(&self, with: impl FnOnce(&mut World) -> R) -> R {
        self.api.advance();
        with(&mut lock(&self.world))
    }

    /// The next thing that the sandbox has to say to people.
    pub async fn note(&mut self) -> Option<String> {
        self.notes.recv().await
    }

    /// Lets requests under way finish, then ends everything.
    pub async fn shutdown(self) {
        let (stop, done) = self.conductor;
        let _ = stop.send(());
        // A conductor that panicked has ended as well.
        let _ = done.await;
        self.front.shutdown(GRACE).await;
    }
}

/// The environment that leads a client of AWS to this sandbox.
fn environment(front: &Server, world: &Mutex<World>) -> Vec<(&'static str, String)> {
    let region = lock(world).config.region.clone();
    vec![
        ("AWS_ENDPOINT_URL", front.url()),
        ("AWS_REGION", region.clone()),
        ("AWS_DEFAULT_REGION", region),
        ("AWS_ACCESS_KEY_ID", "sandbox".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "sandbox".to_owned()),
        ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
        ("BLUEGREEN_INSECURE_ENDPOINT", "true".to_owned()),
    ]
}

/// A world with AWS's own delays but for those that a laptop would only wait for.
fn config(options: &Options) -> Config {
    let millis = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    Config {
        start: options.start,
        fleet: Fleet::Live,
        stage_delay: 200,
        propagation: Lag::fixed(millis(options.propagation)),
        metric_period: millis(options.metric_period),
        minute: millis(options.minute).max(1),
        // AWS publishes no bound; a period more is what its users see at best.
        metric_delay: millis(options.metric_period),
        page_size: options.page_size,
        requests: RequestModel::Recorded,
        ..Config::fast(options.seed)
    }
}
