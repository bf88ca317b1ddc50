//! What was asked, and what became of the weights.

use std::collections::{BTreeMap, VecDeque};

use bluegreen_core::model::{Action, Forward};
use jiff::Timestamp;
use serde::Serialize;

use crate::faults::{Fault, Faults};
use crate::world::{World, Writer};

/// So many entries are kept of each log; the numbers go on.
const KEPT: usize = 10_000;

/// One request of AWS. Its parameters are not kept: task definitions have secrets in them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Logged {
    /// Its number over all clients, from 0.
    pub index: u64,
    /// When it arrived, by the world's clock.
    pub time: Timestamp,
    /// The service as command lines call it; empty where the request could not be read.
    pub service: String,
    /// The operation; empty where the request could not be read.
    pub operation: String,
    /// Who asked: the application id of the user agent, or `client`.
    pub client: String,
    /// Whether the operation changes something.
    pub mutating: bool,
    /// The status of the answer; none before it, or where there was none.
    pub status: Option<u16>,
    /// What went wrong on purpose, as in a fault plan.
    #[serde(serialize_with = "as_text", skip_serializing_if = "Option::is_none")]
    pub fault: Option<Fault>,
}

/// A route's weights from one moment on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WeightsChange {
    /// The rule's ARN; a default action goes under its listener's.
    pub arn: String,
    /// The weight of each target group by ARN; a group without one counts 1, as in AWS. Empty where nothing is forwarded.
    pub weights: BTreeMap<String, u32>,
    /// For how many seconds clients are pinned to a group; none where they are not.
    pub stickiness: Option<u32>,
    /// Who wrote it: a client's name, `third-party`, or `nobody` for what has been so from the beginning.
    pub by: String,
    /// When, by the world's clock.
    pub at: Timestamp,
    /// The number of the request at which it was seen; none before the first one.
    pub request: Option<u64>,
}

/// Faults and logs: all that there is about requests.
pub(super) struct Book {
    pub(super) faults: Faults,
    next: u64,
    requests: VecDeque<Logged>,
    weights: VecDeque<WeightsChange>,
    /// The latest weights and stickiness of each route.
    latest: BTreeMap<String, (BTreeMap<String, u32>, Option<u32>)>,
}

impl Book {
    pub(super) fn new(faults: Faults) -> Book {
        let (requests, weights, latest) = (VecDeque::new(), VecDeque::new(), BTreeMap::new());
        Book { faults, next: 0, requests, weights, latest }
    }

    pub(super) fn next_index(&mut self) -> u64 {
        self.next += 1;
        self.next - 1
    }

    pub(super) fn arrived(&mut self, request: Logged) {
        push(&mut self.requests, request);
    }

    /// A request that could not be read.
    pub(super) fn unreadable(&mut self, time: Timestamp, client: &str, status: u16) {
        let index = self.next_index();
        let (service, operation) = (String::new(), String::new());
        let (client, status) = (client.to_owned(), Some(status));
        self.arrived(Logged { index, time, service, operation, client, mutating: false, status, fault: None });
    }

    pub(super) fn ended(&mut self, index: u64, status: Option<u16>) {
        if let Some(request) = self.requests.iter_mut().rev().find(|request| request.index == index) {
            request.status = status;
        }
    }

    pub(super) fn requests(&self) -> Vec<Logged> {
        self.requests.iter().cloned().collect()
    }

    pub(super) fn weights(&self) -> Vec<WeightsChange> {
        self.weights.iter().cloned().collect()
    }

    /// Forgets both logs; the numbers go on, and the present weights are the first entries again.
    pub(super) fn forget(&mut self, world: &World) {
        self.requests.clear();
        self.weights.clear();
        self.latest.clear();
        self.note_weights(world);
    }

    /// Appends each route whose weights or stickiness are not what they were.
    pub(super) fn note_weights(&mut self, world: &World) {
        for (id, route) in &world.state().routes {
            let now = Action::forward_of(&route.actions).map_or_else(Default::default, told);
            if self.latest.get(id.arn()) == Some(&now) {
                continue;
            }
            let by = match &route.writer {
                Writer::Nobody => "nobody",
                Writer::Operator(name) => name,
                Writer::ThirdParty => "third-party",
            };
            let change = WeightsChange {
                arn: id.arn().to_owned(),
                weights: now.0.clone(),
                stickiness: now.1,
                by: by.to_owned(),
                at: world.timestamp(route.written_at),
                request: self.next.checked_sub(1),
            };
            push(&mut self.weights, change);
            self.latest.insert(id.arn().to_owned(), now);
        }
    }
}

fn told(forward: &Forward) -> (BTreeMap<String, u32>, Option<u32>) {
    let weight = |group: &bluegreen_core::model::ForwardGroup| group.weight.map_or(1, |weight| u32::from(weight.get()));
    let weights = forward.groups.iter().map(|group| (group.arn.to_string(), weight(group))).collect();
    let pinned = forward.stickiness.as_ref().filter(|stickiness| stickiness.enabled);
    (weights, pinned.map(|stickiness| stickiness.duration_seconds.unwrap_or_default()))
}

fn push<T>(log: &mut VecDeque<T>, entry: T) {
    if log.len() == KEPT {
        log.pop_front();
    }
    log.push_back(entry);
}

#[expect(clippy::ref_option, reason = "serde hands over a reference to the member")]
fn as_text<S: serde::Serializer>(fault: &Option<Fault>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&fault.map_or_else(String::new, |fault| fault.to_string()))
}
