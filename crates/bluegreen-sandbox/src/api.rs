//! AWS by its bytes: one request after the other reaches the world, with whatever goes wrong on the way.
//!
//! The fronts bring requests here: [`crate::fronts::connector`] in the same process, [`crate::fronts::http`] over a
//! socket. Before each request the world moves to the present of its [`WorldClock`].

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bluegreen_core::ports::ErrorClass;
use bytes::Bytes;
use http::{HeaderMap, Response, StatusCode};
use tokio::sync::watch;

use crate::faults::{Asked, Fault, FaultRule, Faults};
use crate::services::{Caller, Context, serve};
use crate::wire::{self, ApiError, Node, Request};
use crate::world::World;

mod clock;
mod control;
mod log;
#[cfg(test)]
mod tests;

pub use clock::{RunningClock, WorldClock};
use log::Book;
pub use log::{Logged, WeightsChange};

/// There is no answer: the connection ends without a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the connection ended without an answer")]
pub struct Dropped;

/// AWS by its bytes. Clones reach the same world.
#[derive(Clone)]
pub struct Api {
    world: Arc<Mutex<World>>,
    clock: Arc<dyn WorldClock>,
    book: Arc<Mutex<Book>>,
    paused: Arc<watch::Sender<bool>>,
    written: Arc<watch::Sender<u64>>,
}

/// A request that has arrived.
struct Begun {
    index: u64,
    caller: Caller,
    fault: Option<Fault>,
}

impl Api {
    /// The world behind its API; `faults` may be none, and may change later.
    pub fn new(world: Arc<Mutex<World>>, clock: Arc<dyn WorldClock>, faults: Faults) -> Api {
        let api = Api {
            world,
            clock,
            book: Arc::new(Mutex::new(Book::new(faults))),
            paused: Arc::new(watch::Sender::new(false)),
            written: Arc::new(watch::Sender::new(0)),
        };
        api.lock_book().note_weights(&api.lock_world());
        api
    }

    /// The answer to a request, or none where it is lost. A request that hangs never ends: whoever waits for it gives up.
    pub async fn answer(&self, request: http::Request<Bytes>) -> Result<Response<Bytes>, Dropped> {
        let (head, body) = request.into_parts();
        let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
        if let Some(asked) = path.strip_prefix(control::PREFIX) {
            return Ok(self.control(&head.method, asked, &body));
        }
        self.unpaused().await;
        let caller = caller(&head.headers);
        match wire::decode(&head.method, path, &head.headers, &body) {
            Ok(request) => self.handle(request, caller).await,
            Err(refused) => {
                self.advance();
                let now = self.lock_world().now();
                self.lock_book().unreadable(now, &caller.name, refused.status().as_u16());
                Ok(refused)
            }
        }
    }

    async fn handle(&self, mut request: Request, caller: Caller) -> Result<Response<Bytes>, Dropped> {
        let begun = self.begin(&mut request, caller);
        if let Some(Fault::Slow(ms)) = begun.fault {
            self.clock.sleep(ms / 2).await;
        }
        let (response, fate) = match begun.fault {
            Some(Fault::Refused(class)) => (refusal(&request, class), None),
            Some(fate @ (Fault::Lost { applied: false } | Fault::Hung { applied: false })) => (None, Some(fate)),
            Some(fate @ (Fault::Lost { .. } | Fault::Hung { .. })) => (self.serve(&request, &begun, None), Some(fate)),
            Some(Fault::Stale(ms)) => (self.serve(&request, &begun, Some(ms)), None),
            Some(Fault::Slow(_) | Fault::Partial) | None => (self.serve(&request, &begun, None), None),
        };
        let told = response.as_ref().filter(|_| fate.is_none()).map(|response| response.status().as_u16());
        self.lock_book().ended(begun.index, told);
        match (begun.fault, fate) {
            (_, Some(Fault::Hung { .. })) => std::future::pending().await,
            (Some(Fault::Slow(ms)), _) => self.clock.sleep(ms - ms / 2).await,
            _ => {}
        }
        response.filter(|_| fate.is_none()).ok_or(Dropped)
    }

    /// The request's number and its fault; what was to happen before it has happened.
    fn begin(&self, request: &mut Request, caller: Caller) -> Begun {
        let mut book = self.lock_book();
        let mut world = self.lock_world();
        self.move_on(&mut book, &mut world);
        let index = book.next_index();
        world.before_call(index);
        book.note_weights(&world);
        let operation = format!("{}:{}", request.service.name(), request.operation);
        let (now, mutating) = (world.now_ms(), request.is_mutating());
        let asked = Asked { index, operator: &caller.name, operation: &operation, mutating, now };
        let fault = book.faults.choose(&asked);
        // A counted request has an id that no other one has, and the same one in every run.
        request.request_id = wire::id(crate::seed::draw(world.config.seed, &("request", index)));
        book.arrived(Logged {
            index,
            time: world.now(),
            service: request.service.name().to_owned(),
            operation: request.operation.clone(),
            client: caller.name.clone(),
            mutating,
            status: None,
            fault,
        });
        Begun { index, caller, fault }
    }

    /// Lets the service answer; `None` for what has no answer.
    fn serve(&self, request: &Request, begun: &Begun, stale: Option<u64>) -> Option<Response<Bytes>> {
        let mut book = self.lock_book();
        let mut world = self.lock_world();
        self.move_on(&mut book, &mut world);
        let mut context = Context {
            stale,
            partial: begun.fault == Some(Fault::Partial),
            ..Context::new(&mut world, &begun.caller, begun.index)
        };
        let answer = serve(&mut context, request);
        let changed = request.is_mutating() && answer.is_ok();
        book.note_weights(&world);
        drop((book, world));
        if changed {
            self.written.send_modify(|count| *count += 1);
        }
        Some(wire::encode(request, answer))
    }
}

/// What surrounds the requests.
impl Api {
    /// A number that grows with every request that changed something: who shows the world elsewhere waits for it.
    pub fn written(&self) -> watch::Receiver<u64> {
        self.written.subscribe()
    }

    /// Adds a rule after the others; says what its number is.
    pub fn add_fault(&self, rule: FaultRule) -> u64 {
        self.lock_book().faults.add(rule)
    }

    /// Takes all faults away.
    pub fn disarm(&self) {
        self.lock_book().faults.clear();
    }

    /// The rules in the order in which they decide, with how often each did.
    pub fn faults(&self) -> Vec<FaultRule> {
        self.lock_book().faults.rules().to_vec()
    }

    /// The latest requests, oldest first.
    pub fn requests(&self) -> Vec<Logged> {
        self.lock_book().requests()
    }

    /// The latest changes of weights, oldest first.
    pub fn weights(&self) -> Vec<WeightsChange> {
        self.lock_book().weights()
    }

    /// Requests wait from now on, or go on.
    pub fn pause(&self, paused: bool) {
        self.paused.send_replace(paused);
    }

    /// Moves the world to the present, as every request does.
    pub fn advance(&self) {
        let mut book = self.lock_book();
        self.move_on(&mut book, &mut self.lock_world());
    }

    fn move_on(&self, book: &mut Book, world: &mut World) {
        let now = self.clock.now();
        // Step by step, so that no weights are missed that held for a while between two requests.
        while let Some(next) = world.next_event().filter(|next| *next <= now) {
            world.advance_to(next);
            book.note_weights(world);
        }
        if now > world.now_ms() {
            world.advance_to(now);
        }
        book.note_weights(world);
    }

    async fn unpaused(&self) {
        // The sender lives in `self`, so that this cannot fail.
        let _ = self.paused.subscribe().wait_for(|paused| !paused).await;
    }

    fn lock_world(&self) -> MutexGuard<'_, World> {
        // A request that panicked must not take all others with it.
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where both locks are held, this one was taken first.
    fn lock_book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Api {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Api").finish_non_exhaustive()
    }
}

/// An injected refusal, as the service would word it; `None` where what comes is no answer at all.
fn refusal(request: &Request, class: ErrorClass) -> Option<Response<Bytes>> {
    let (service, query) = (request.service, request.protocol == wire::Protocol::Query);
    let error = match class {
        ErrorClass::Throttled => ApiError::throttled(),
        ErrorClass::Denied => ApiError::denied(service, &request.operation),
        ErrorClass::Credentials => {
            let code = if query { "ExpiredToken" } else { "ExpiredTokenException" };
            ApiError::sender(code, "The security token included in the request is expired").with_status(403)
        }
        ErrorClass::NotFound => ApiError::not_found("ResourceNotFoundException", "not found"),
        ErrorClass::Invalid => ApiError::validation(service, "the request is not valid"),
        ErrorClass::Unavailable => ApiError::unavailable(),
        ErrorClass::TimedOut => return None,
        ErrorClass::Malformed => {
            let mut page = Response::new(Bytes::from_static(b"<html>"));
            *page.status_mut() = StatusCode::OK;
            return Some(page);
        }
    };
    Some(wire::encode(request, Err::<Node, ApiError>(error)))
}

/// Who asks: the application id of its user agent (`AWS_SDK_UA_APP_ID`), which every SDK writes as `app/NAME`.
fn caller(headers: &HeaderMap) -> Caller {
    let agents = ["x-amz-user-agent", "user-agent"].map(|name| headers.get(name).and_then(|value| value.to_str().ok()));
    let mut words = agents.iter().flatten().flat_map(|agent| agent.split_whitespace());
    let name = words.find_map(|word| word.strip_prefix("app/")).filter(|name| !name.is_empty() && name.len() <= 64);
    Caller::new(name.unwrap_or("client"))
}
