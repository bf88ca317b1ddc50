//! The world behind the ports.
//!
//! Every call yields twice: before it is made, and after its effect, before its answer arrives. A process that is killed
//! at the first has not called; one that is killed at the second has, and will never know.

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use bluegreen_core::model::{Hook, Timestamp};
use bluegreen_core::ports::{CallError, Caller, Clock, ErrorClass, HookEnd, Hooks, Identity, Outcome, Ports};

use crate::faults::{Asked, Fault};
use crate::stage::{Inner, Shared, pause};
use crate::trace::{Answer, Call, Detail};
use crate::world::{Ms, ReadKind, Refusal, State, World};

mod aws;
mod releases;
mod task_sets;

/// The world as one operator reaches it.
pub(crate) struct Front {
    shared: Shared,
    operator: String,
}

/// A call on its way.
struct Begun {
    index: u64,
    sent_at: Timestamp,
    operation: &'static str,
    argument: String,
    mutating: bool,
    fault: Option<Fault>,
}

impl Front {
    pub(crate) fn ports(shared: &Shared, operator: &str) -> Ports {
        let front = Arc::new(Front { shared: shared.clone(), operator: operator.to_owned() });
        Ports {
            clock: front.clone(),
            router: front.clone(),
            fleet: front.clone(),
            alarms: front.clone(),
            metrics: front.clone(),
            hooks: front.clone(),
            releases: front.clone(),
            identity: front,
        }
    }

    /// The first yield, then the call's number and its fault.
    async fn begin(&self, operation: &'static str, argument: String, mutating: bool) -> Begun {
        pause().await;
        let begun = self.shared.lock().begin(&self.operator, operation, argument, mutating);
        if let Some(Fault::Slow(ms)) = begun.fault {
            self.wait(ms / 2).await;
        }
        begun
    }

    /// The second yield.
    async fn end(&self, fault: Option<Fault>) {
        if let Some(Fault::Slow(ms)) = fault {
            self.wait(ms - ms / 2).await;
        }
        pause().await;
    }

    async fn wait(&self, ms: Ms) {
        let until = self.shared.lock().world.now_ms() + ms;
        self.shared.sleep_until(until).await;
    }

    /// A read: `look` sees the state from which this answer comes, and the time to which it belongs.
    async fn look<T: Debug + Send>(
        &self,
        (operation, argument): (&'static str, String),
        kind: ReadKind,
        look: impl FnOnce(&World, &State, Ms) -> Result<(T, Detail), Refusal> + Send,
    ) -> Result<T, CallError> {
        let begun = self.begin(operation, argument, false).await;
        let fault = begun.fault;
        let answer = {
            let mut inner = self.shared.lock();
            let seen = match fault {
                Some(Fault::Refused(class)) => Err((class, words(class).to_owned())),
                Some(Fault::Lost { .. } | Fault::Hung { .. }) => {
                    Err((ErrorClass::TimedOut, words(ErrorClass::TimedOut).to_owned()))
                }
                Some(Fault::Partial) if operation == "cloudwatch:GetMetricData" => {
                    Err((ErrorClass::Unavailable, "PartialData: only a part of the metric was read".to_owned()))
                }
                Some(Fault::Stale(_) | Fault::Slow(_) | Fault::Partial) | None => {
                    let lag = match fault {
                        Some(Fault::Stale(ms)) => ms,
                        _ => inner.world.lag(kind, &(&self.operator, begun.index)),
                    };
                    let (state, at) = inner.world.state_before(lag);
                    look(&inner.world, state, at)
                }
            };
            inner.answered(&self.operator, begun, seen)
        };
        self.end(fault).await;
        answer
    }

    /// A mutation: `effect` changes the world or refuses.
    async fn mutate<T: Debug + Send>(
        &self,
        (operation, argument): (&'static str, String),
        effect: impl FnOnce(&mut World) -> Result<(T, Detail), Refusal> + Send,
    ) -> Outcome<T> {
        let begun = self.begin(operation, argument, true).await;
        let fault = begun.fault;
        let outcome = {
            let mut inner = self.shared.lock();
            match fault {
                Some(Fault::Refused(class)) => {
                    inner.changed(&self.operator, begun, Err((class, words(class).to_owned())), false)
                }
                Some(Fault::Lost { applied: false } | Fault::Hung { applied: false }) => {
                    inner.changed(&self.operator, begun, Err((ErrorClass::TimedOut, String::new())), true)
                }
                lost => {
                    let done = effect(&mut inner.world);
                    let lost = matches!(lost, Some(Fault::Lost { .. } | Fault::Hung { .. }));
                    inner.changed(&self.operator, begun, done, lost)
                }
            }
        };
        self.end(fault).await;
        outcome
    }
}

impl Inner {
    fn begin(&mut self, operator: &str, operation: &'static str, argument: String, mutating: bool) -> Begun {
        let index = self.next_call();
        let now = self.world.now_ms();
        let fault = self.faults.choose(&Asked { index, operator, operation, mutating, now });
        Begun { index, sent_at: self.world.now(), operation, argument, mutating, fault }
    }

    fn answered<T: Debug>(
        &mut self,
        operator: &str,
        begun: Begun,
        seen: Result<(T, Detail), Refusal>,
    ) -> Result<T, CallError> {
        let (answer, detail) = match seen {
            Ok((value, detail)) => (Ok(value), detail),
            Err((class, message)) => (Err(error(begun.operation, class, message)), Detail::None),
        };
        let told = match &answer {
            Ok(_) => Answer::Ok,
            Err(error) => Answer::Failed(error.class),
        };
        self.note(operator, begun, told, false, detail, &answer);
        answer
    }

    fn changed<T: Debug>(
        &mut self,
        operator: &str,
        begun: Begun,
        done: Result<(T, Detail), Refusal>,
        lost: bool,
    ) -> Outcome<T> {
        let operation = begun.operation;
        let timeout = || error(operation, ErrorClass::TimedOut, words(ErrorClass::TimedOut).to_owned());
        let (outcome, applied, detail) = match done {
            Ok((_, detail)) if lost => (Outcome::Unknown(timeout()), true, detail),
            Ok((value, detail)) => (Outcome::Applied(value), true, detail),
            Err(_) if lost => (Outcome::Unknown(timeout()), false, Detail::None),
            Err((class, message)) => (Outcome::NotApplied(error(operation, class, message)), false, Detail::None),
        };
        let told = match &outcome {
            Outcome::Applied(_) => Answer::Ok,
            Outcome::NotApplied(error) => Answer::Failed(error.class),
            Outcome::Unknown(error) => Answer::Unknown(error.class),
        };
        self.note(operator, begun, told, applied, detail, &outcome);
        outcome
    }

    fn note<A: Debug>(
        &mut self,
        operator: &str,
        begun: Begun,
        told: Answer,
        applied: bool,
        detail: Detail,
        answer: &A,
    ) {
        let on_the_way = match begun.fault {
            Some(Fault::Slow(ms)) => ms - ms / 2,
            _ => 0,
        };
        let call = Call {
            index: begun.index,
            operator: operator.to_owned(),
            operation: begun.operation,
            argument: begun.argument,
            sent_at: begun.sent_at,
            at: self.world.now(),
            answered_at: self.world.timestamp(self.world.now_ms() + on_the_way),
            mutating: begun.mutating,
            applied,
            answer: told,
            detail,
        };
        self.push_call(call, answer);
    }
}

fn error(operation: &str, class: ErrorClass, message: String) -> CallError {
    CallError { operation: operation.to_owned(), class, message }
}

/// AWS's words for a class of failure.
fn words(class: ErrorClass) -> &'static str {
    match class {
        ErrorClass::Throttled => "ThrottlingException: Rate exceeded",
        ErrorClass::Denied => "AccessDeniedException: not authorized to perform this operation",
        ErrorClass::Credentials => "ExpiredTokenException: the security token included in the request is expired",
        ErrorClass::NotFound => "ResourceNotFoundException: not found",
        ErrorClass::Invalid => "ValidationException: the request is not valid",
        ErrorClass::Unavailable => "InternalFailure: the service is unavailable",
        ErrorClass::TimedOut => "no answer within 10 s",
        ErrorClass::Malformed => "the answer is not what the service's model says",
    }
}

#[async_trait]
impl Clock for Front {
    fn now(&self) -> Timestamp {
        self.shared.lock().world.now()
    }

    async fn sleep_until(&self, deadline: Timestamp) {
        let deadline = self.shared.lock().world.ms(deadline);
        self.shared.sleep_until(deadline).await;
    }
}

#[async_trait]
impl Hooks for Front {
    async fn run(&self, hook: &Hook, _values: &[(&'static str, String)]) -> HookEnd {
        let begun = self.begin("hook:Run", hook.argv.join(" "), false).await;
        let takes = self.shared.lock().hooks.takes;
        self.wait(takes).await;
        let end = {
            let mut inner = self.shared.lock();
            let script = &mut inner.hooks;
            let end = script.ends.get(script.ran).or(script.ends.last()).cloned().unwrap_or(HookEnd::Passed);
            script.ran += 1;
            inner.note(&self.operator, begun, Answer::Ok, false, Detail::None, &end);
            end
        };
        pause().await;
        end
    }
}

#[async_trait]
impl Identity for Front {
    async fn caller(&self) -> Result<Caller, CallError> {
        let name = self.operator.clone();
        self.look(("sts:GetCallerIdentity", String::new()), ReadKind::Routes, move |world, _, _| {
            let (account, region) = (world.config.account.clone(), world.config.region.clone());
            let arn = format!("arn:aws:sts::{account}:assumed-role/release/{name}");
            Ok((Caller { account, region, arn }, Detail::None))
        })
        .await
    }
}
