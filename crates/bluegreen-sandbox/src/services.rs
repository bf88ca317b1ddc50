//! The services: plain functions from a tree to a tree, over the world.

use std::hash::Hash;

use serde_json::Value;

use crate::wire::{ApiError, Input, Node, Protocol, Request, Service};
use crate::world::{Ms, ReadKind, State, World, Writer};

mod cloudwatch;
mod codedeploy;
mod ecs;
mod elbv2;
mod page;
mod sts;
mod tagging;

pub(crate) use ecs::described_service;

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The application id in its user agent, or `client`.
    pub name: String,
}

impl Caller {
    /// A caller of that name.
    pub fn new(name: impl Into<String>) -> Caller {
        Caller { name: name.into() }
    }

    /// The caller as what it writes remembers it.
    pub fn writer(&self) -> Writer {
        Writer::Operator(self.name.clone())
    }
}

/// One call as a service sees it.
#[derive(Debug)]
pub struct Context<'a> {
    /// AWS. Mutations go here, and so do the checks that they make: a write knows the newest state.
    pub world: &'a mut World,
    /// Who asks.
    pub caller: &'a Caller,
    /// The number of the call; draws for it are made with that.
    pub index: u64,
    /// Reads are answered from this many milliseconds ago, instead of what the world's lags say.
    pub stale: Option<Ms>,
    /// Metric data is answered in part.
    pub partial: bool,
}

impl<'a> Context<'a> {
    /// A call without a fault.
    pub fn new(world: &'a mut World, caller: &'a Caller, index: u64) -> Context<'a> {
        Context { world, caller, index, stale: None, partial: false }
    }

    /// What a read of this kind sees, and when that was. `what` names the thing that is read: reads of different things
    /// in one call may have different ages.
    pub fn read<W: Hash>(&self, kind: ReadKind, what: &W) -> (&State, Ms) {
        let lag = self.stale.unwrap_or_else(|| self.world.lag(kind, &(&self.caller.name, self.index, what)));
        self.world.state_before(lag)
    }
}

/// One call from within, with `input` under AWS's member names: what any client would get.
///
/// # Errors
///
/// AWS's refusal.
pub fn call(
    world: &mut World,
    caller: &str,
    service: Service,
    operation: &str,
    input: Value,
) -> Result<Value, ApiError> {
    let request = Request {
        service,
        operation: operation.to_owned(),
        input: Input::new(service, Protocol::Json11, Node::from_json(input)),
        protocol: Protocol::Json11,
        request_id: caller.to_owned(),
        query_mode: false,
    };
    serve(&mut Context::new(world, &Caller::new(caller), 1), &request).map(|answer| answer.to_json())
}

/// The answer to a request.
pub fn serve(context: &mut Context<'_>, request: &Request) -> Result<Node, ApiError> {
    match request.service {
        Service::CloudWatch => cloudwatch::serve(context, request),
        Service::CodeDeploy => codedeploy::serve(context, request),
        Service::Ecs => ecs::serve(context, request),
        Service::Elbv2 => elbv2::serve(context, request),
        Service::Sts => sts::serve(context, request),
        Service::Tagging => tagging::serve(context, request),
    }
}
