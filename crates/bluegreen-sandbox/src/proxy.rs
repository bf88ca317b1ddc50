//! The data plane: listeners on 127.0.0.1 that forward real requests as an Application Load Balancer does.
//!
//! It is told a [`Table`] and tells [`Sample`]s; it knows nothing of the world behind either. A table is replaced whole
//! by [`Proxy::install`]: from then on every request, also on connections that are open, goes by the new one, and
//! requests under way end as they began. Listeners keep their sockets, targets their connections, and splits their place.
//!
//! Choices where AWS's documentation is silent: several groups that all weigh 0 get nothing (503), a lone group gets
//! everything whatever it weighs; targets that were never checked count as unhealthy; when no target of a group is healthy
//! all but the draining ones are tried; a group whose targets all drain has none (503).

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::time::timeout;

mod answers;
mod conditions;
mod cookies;
mod delivery;
mod exchange;
mod headers;
mod io;
mod pattern;
mod routes;
mod sample;
mod serve;
mod split;
mod table;
mod tunnel;
mod upstream;

pub use sample::{AnsweredBy, Observer, Sample, Unobserved};
pub use table::{
    Action, Algorithm, Condition, Group, Listener, Redirect, Rule, Scheme, Table, Target, TargetState, Version,
};

use routes::Kept;
use serve::{Core, Front, Socket};

/// What keeps a proxy from working.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProxyError {
    /// A thread of its own could not be started.
    #[error("could not start a worker of the proxy")]
    Worker(#[source] std::io::Error),
    /// Neither the port asked for nor any other could be listened on.
    #[error(
        "could not listen on 127.0.0.1 for listener {listener} (port {port}): close a program that listens, or raise the limit of open files"
    )]
    Listen {
        /// The listener's id.
        listener: String,
        /// The port asked for.
        port: u16,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
}

/// Where a listener really listens.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Bound {
    /// The listener's id.
    pub id: String,
    /// Its address, always on 127.0.0.1.
    pub address: SocketAddr,
}

/// A running data plane. Dropping it ends everything at once; [`Proxy::shutdown`] lets requests finish.
pub struct Proxy {
    core: Arc<Core>,
    workers: Vec<Worker>,
    state: Mutex<State>,
}

struct State {
    kept: Kept,
    fronts: HashMap<String, Arc<Front>>,
    order: Vec<String>,
}

/// A thread with a runtime of its own, so that a connection and its target's are served in one place.
struct Worker {
    stop: Option<oneshot::Sender<()>>,
    done: oneshot::Receiver<()>,
}

impl Proxy {
    /// Starts as many threads as the machine has cores.
    pub fn new(observer: Arc<dyn Observer>) -> Result<Proxy, ProxyError> {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Proxy::with_workers(observer, cores)
    }

    /// Starts this many threads, at least one. Splits are exact over all of them together.
    pub fn with_workers(observer: Arc<dyn Observer>, workers: usize) -> Result<Proxy, ProxyError> {
        let started: Vec<(Worker, Handle)> =
            (0..workers.max(1)).map(Worker::start).collect::<Result<_, _>>().map_err(ProxyError::Worker)?;
        let (workers, handles): (Vec<_>, Vec<_>) = started.into_iter().unzip();
        let state = State { kept: Kept::new(handles.len()), fronts: HashMap::new(), order: Vec::new() };
        let core = Arc::new(Core::new(observer, handles, calendar()));
        Ok(Proxy { core, workers, state: Mutex::new(state) })
    }

    /// Routes by this table from the next request on. Returns where its listeners listen, in the table's order.
    ///
    /// On an error nothing has changed.
    // Async although nothing waits yet: who calls it must not care.
    #[expect(clippy::unused_async, reason = "the contract leaves room for an install that waits")]
    pub async fn install(&self, table: Table) -> Result<Vec<Bound>, ProxyError> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let state = &mut *state;
        let mut sockets = HashMap::new();
        for listener in table.listeners.iter().filter(|listener| !state.fronts.contains_key(&listener.id)) {
            let socket = Socket::bind(&self.core, listener.port).map_err(|source| ProxyError::Listen {
                listener: listener.id.clone(),
                port: listener.port,
                source,
            })?;
            sockets.insert(listener.id.clone(), socket);
        }
        let mut fronts = HashMap::new();
        for (listener, routes) in table.listeners.iter().zip(state.kept.compile(&table)) {
            let front = match (state.fronts.remove(&listener.id), sockets.remove(&listener.id)) {
                (Some(front), _) => {
                    front.reroute(routes);
                    front
                }
                (None, Some(socket)) => Front::start(&self.core, socket, routes),
                // Named twice: the first has it.
                (None, None) => continue,
            };
            fronts.insert(listener.id.clone(), front);
        }
        state.fronts.values().for_each(|front| front.stop());
        state.fronts = fronts;
        state.order = table.listeners.into_iter().map(|listener| listener.id).collect();
        Ok(state.bound())
    }

    /// Where the listeners listen, in the order of the table.
    pub fn bound(&self) -> Vec<Bound> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).bound()
    }

    /// Stops listening, waits up to `grace` for what is under way, then ends.
    pub async fn shutdown(mut self, grace: Duration) {
        self.close();
        let mut open = self.core.open();
        // Whoever is still there after the grace is cut off.
        let _ = timeout(grace, open.wait_for(|open| *open == 0)).await;
        for worker in &mut self.workers {
            worker.stop.take();
        }
        for worker in &mut self.workers {
            let _ = (&mut worker.done).await;
        }
    }

    fn close(&self) {
        for front in self.state.lock().unwrap_or_else(PoisonError::into_inner).fronts.values() {
            front.stop();
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.close();
    }
}

impl State {
    fn bound(&self) -> Vec<Bound> {
        self.order.iter().map(|id| Bound { id: id.clone(), address: self.fronts[id].address }).collect()
    }
}

impl Worker {
    fn start(index: usize) -> std::io::Result<(Worker, Handle)> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel::<()>();
        let (ended, done) = oneshot::channel();
        std::thread::Builder::new().name(format!("proxy-{index}")).spawn(move || {
            // Ends when the sender is dropped.
            let _ = runtime.block_on(stopped);
            drop(runtime);
            let _ = ended.send(());
        })?;
        Ok((Worker { stop: Some(stop), done }, handle))
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "cookies and trace ids carry the calendar's time, and real clients read it"
)]
fn calendar() -> Duration {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default()
}

#[cfg(test)]
mod tests;
