//! A load generator: real requests at a steady rate or as fast as they are answered, and what came of them.
//!
//! A number of clients, each with one kept-alive connection and, if wished, its own cookies, take turns. At a rate, every
//! request has its time on a fixed schedule; when the clients are still busy with earlier ones it is sent late, and its
//! latency is counted from when it was due. A target that stalls is so seen to be slow, where counting from the moment of
//! sending would leave out the requests that could not be sent.

mod client;
mod histogram;
mod tally;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::header::HOST;
use http::{HeaderMap, HeaderName, HeaderValue, Request};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

pub use self::histogram::Histogram;
pub use self::tally::{Counts, NO_VERSION, Second, Tally};

use self::client::{Client, Message};
use self::tally::{Book, Outcome};

/// A wake-up that is late by less than this is the timer's own grain and no delay of the target's.
const GRAIN: Duration = Duration::from_millis(2);

/// What to send.
#[derive(Clone, Debug, PartialEq)]
pub struct Load {
    /// Where to.
    pub target: SocketAddr,
    /// The `Host` header; the target's address where empty.
    pub host: String,
    /// The path, and query, that is asked for.
    pub path: String,
    /// Further headers of every request.
    pub headers: Vec<(String, String)>,
    /// How fast.
    pub pace: Pace,
    /// Whether clients keep the cookies that they are given and send them back.
    pub cookies: bool,
    /// A request that takes longer, its connection included, is counted as a transport error.
    pub timeout: Duration,
    /// How many requests to send; until stopped if none.
    pub limit: Option<u64>,
}

/// How fast requests are sent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pace {
    /// By a schedule, whatever the target does.
    Rate {
        /// Requests a second, from a thousandth to 100,000.
        per_second: f64,
        /// How many clients take turns, and so how many requests can be under way.
        clients: usize,
    },
    /// Each client sends its next request when it has the answer to the last.
    Closed {
        /// How many clients there are.
        clients: usize,
    },
}

/// Why a load cannot be generated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoadError {
    /// Its host, path or a header cannot be sent.
    #[error("{what} {found:?} cannot be sent in an HTTP request: {expected}")]
    Request {
        /// `host`, `path` or `header`.
        what: &'static str,
        /// What was given.
        found: String,
        /// What is taken.
        expected: &'static str,
    },
    /// Its pace is none.
    #[error("{found} cannot be kept: give 0.001 to 100000 requests a second and at least one client")]
    Pace {
        /// What was given.
        found: String,
    },
}

/// A load that is being generated. Dropped, it ends at once.
#[derive(Debug)]
pub struct Generator {
    shared: Arc<Shared>,
    clients: JoinSet<()>,
}

#[derive(Debug)]
struct Shared {
    begun: Instant,
    /// Between two requests; none in a closed loop.
    period: Option<Duration>,
    limit: u64,
    tickets: AtomicU64,
    stop: watch::Sender<bool>,
    book: Mutex<Book>,
}

impl Load {
    /// Ten requests a second for `/`, by 16 clients without cookies, until stopped.
    pub fn new(target: SocketAddr) -> Load {
        Load {
            target,
            host: String::new(),
            path: "/".to_owned(),
            headers: Vec::new(),
            pace: Pace::Rate { per_second: 10.0, clients: 16 },
            cookies: false,
            timeout: Duration::from_secs(10),
            limit: None,
        }
    }

    /// Begins. Needs a runtime.
    pub fn start(self) -> Result<Generator, LoadError> {
        let message = self.message()?;
        let (period, clients) = self.pace.check()?;
        let (stop, _) = watch::channel(false);
        let shared = Arc::new(Shared {
            begun: Instant::now(),
            period,
            limit: self.limit.unwrap_or(u64::MAX),
            tickets: AtomicU64::new(0),
            stop,
            book: Mutex::default(),
        });
        let mut running = JoinSet::new();
        for _ in 0..clients {
            let client = Client::new(self.target, message.clone(), self.cookies);
            running.spawn(send(Arc::clone(&shared), client, self.timeout));
        }
        Ok(Generator { shared, clients: running })
    }

    fn message(&self) -> Result<Message, LoadError> {
        let wrong = |what, found: &str, expected| LoadError::Request { what, found: found.to_owned(), expected };
        let mut message = Request::new(http_body_util::Empty::new());
        let path = "it begins with a slash and has no spaces";
        let uri = self.path.parse().ok().filter(|_| self.path.starts_with('/'));
        *message.uri_mut() = uri.ok_or_else(|| wrong("path", &self.path, path))?;
        let host = if self.host.is_empty() { self.target.to_string() } else { self.host.clone() };
        let named = HeaderValue::from_str(&host).ok().filter(|_| !host.contains([' ', '/']));
        message.headers_mut().insert(HOST, named.ok_or_else(|| wrong("host", &host, "it is a host name"))?);
        let mut headers = HeaderMap::new();
        for (name, value) in &self.headers {
            let header = (name.parse::<HeaderName>().ok()).zip(HeaderValue::from_str(value).ok());
            // The name alone: a header may be somebody's token.
            let (key, value) = header.ok_or_else(|| wrong("header", name, "names and values are printable ASCII"))?;
            headers.append(key, value);
        }
        message.headers_mut().extend(headers);
        Ok(message)
    }
}

impl Pace {
    fn check(self) -> Result<(Option<Duration>, usize), LoadError> {
        let (rate, clients) = match self {
            Pace::Rate { per_second, clients } => (Some(per_second), clients),
            Pace::Closed { clients } => (None, clients),
        };
        if clients == 0 || rate.is_some_and(|rate| !(0.001..=100_000.0).contains(&rate)) {
            return Err(LoadError::Pace { found: format!("{self:?}") });
        }
        Ok((rate.map(|rate| Duration::from_secs_f64(1.0 / rate)), clients))
    }
}

impl Shared {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// When request `ticket` is due.
    fn due(&self, ticket: u64) -> Option<Instant> {
        let period = u64::try_from(self.period?.as_nanos()).unwrap_or(u64::MAX);
        Some(self.begun + Duration::from_nanos(period.saturating_mul(ticket)))
    }

    fn tally(&self) -> Tally {
        self.book().tally(self.begun.elapsed())
    }
}

impl Generator {
    /// What came of the requests so far.
    pub fn tally(&self) -> Tally {
        self.shared.tally()
    }

    /// The same by the second in which a request ended, oldest first; the last 900 seconds in which one did.
    pub fn seconds(&self) -> Vec<Second> {
        self.shared.book().seconds()
    }

    /// Waits until as many requests have ended as the load's limit says, or for ever where it has none.
    pub async fn finished(mut self) -> Tally {
        while self.clients.join_next().await.is_some() {}
        self.shared.tally()
    }

    /// Sends no further request, waits for those that are under way, and gives the whole.
    pub async fn stop(self) -> Tally {
        self.shared.stop.send_replace(true);
        self.finished().await
    }
}

/// One client's requests. Clients draw the schedule's places from a common heap, so that a free one always has the next.
async fn send(shared: Arc<Shared>, mut client: Client, timeout: Duration) {
    let mut stop = shared.stop.subscribe();
    loop {
        let ticket = shared.tickets.fetch_add(1, Ordering::Relaxed);
        if ticket >= shared.limit || *stop.borrow() {
            return;
        }
        let due = shared.due(ticket);
        if let Some(due) = due {
            tokio::select! {
                () = tokio::time::sleep_until(due) => {}
                () = async { drop(stop.wait_for(|stop| *stop).await) } => return,
            }
        }
        let since = counted_from(due, Instant::now());
        let outcome = tokio::time::timeout(timeout, client.request()).await;
        let outcome = outcome.unwrap_or(Outcome::Transport("timeout"));
        let second = shared.begun.elapsed().as_secs();
        shared.book().note(&outcome, since.elapsed(), second);
    }
}

/// From when the latency of a request counts that was `due` and is sent `now`.
fn counted_from(due: Option<Instant>, now: Instant) -> Instant {
    match due {
        Some(due) if now.saturating_duration_since(due) > GRAIN => due,
        _ => now,
    }
}

#[cfg(test)]
mod tests;
