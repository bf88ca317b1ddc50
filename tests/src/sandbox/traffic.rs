//! Customers: a steady load through a listener while something is released behind it.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bluegreen_sandbox::load::{Generator, Load, Pace, Tally};
use tokio::runtime::{Builder, Runtime};

use super::until;
use crate::emulator::{Outcome, Trouble};

/// Requests that go on until [`Traffic::stop`].
#[derive(Debug)]
pub struct Traffic {
    runtime: Runtime,
    generator: Generator,
    begun: f64,
}

impl Traffic {
    /// Begins with so many requests a second for `/shop/`, by clients without cookies.
    #[expect(clippy::disallowed_methods, reason = "failures are held against the sandbox's wall clock")]
    pub fn start(target: SocketAddr, per_second: f64) -> Outcome<Self> {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.map_err(Trouble::at("making a runtime for the load"))?;
        let pace = Pace::Rate { per_second, clients: 16 };
        let load = Load { path: "/shop/".to_owned(), pace, timeout: Duration::from_secs(30), ..Load::new(target) };
        let begun = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64());
        let generator = runtime.block_on(async { load.start() }).map_err(Trouble::at("starting the load"))?;
        Ok(Self { runtime, generator, begun })
    }

    /// What came of the requests so far.
    pub fn tally(&self) -> Tally {
        self.generator.tally()
    }

    /// Lets so many more requests end.
    pub fn more(&self, requests: u64) -> Outcome<Tally> {
        let goal = self.tally().counts.requests + requests;
        until("more requests", || Ok(Some(self.tally()).filter(|tally| tally.counts.requests >= goal)))
    }

    /// The latest second, from 1970 on, in which a request failed.
    pub fn last_failure(&self) -> Option<f64> {
        let seconds = self.generator.seconds();
        let last = seconds.iter().rfind(|second| second.counts.failed() > 0)?;
        #[expect(clippy::cast_precision_loss, reason = "seconds of a test are few")]
        let since = last.second as f64;
        Some(self.begun + since)
    }

    /// Sends no further request and tells what came of all of them.
    pub fn stop(self) -> Tally {
        self.runtime.block_on(self.generator.stop())
    }
}
