//! A split proxy by itself, for benchmarks: groups of targets, their weights, and more weights on standard input.
//!
//! ```console
//! proxy 127.0.0.1:9001,127.0.0.1:9002=90 127.0.0.1:9003,127.0.0.1:9004=10
//! ```
//!
//! Prints where it listens. Every line of as many weights (`50 50`) replaces the table and is answered with `ok`; with
//! `drain=1` on it, the second target of every group drains from then on. It ends with standard input.
#![expect(clippy::print_stdout, reason = "a program for the command line")]

use std::error::Error;
use std::io::BufRead;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bluegreen_sandbox::proxy::{Action, Group, Listener, Observer, Proxy, Rule, Sample, Table, Target, TargetState};

/// Counts what a metric would need.
#[derive(Default)]
struct Counts {
    requests: AtomicU64,
    errors: AtomicU64,
    microseconds: AtomicU64,
}

impl Observer for Counts {
    fn observed(&self, sample: &Sample<'_>) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.errors.fetch_add(u64::from(sample.status >= 500), Ordering::Relaxed);
        let took = u64::try_from(sample.latency.as_micros()).unwrap_or(u64::MAX);
        self.microseconds.fetch_add(took, Ordering::Relaxed);
    }
}

fn table(targets: &[Vec<SocketAddr>], weights: &[u16], draining: Option<usize>) -> Table {
    let target = |(index, address): (usize, &SocketAddr)| {
        let target = Target::healthy(address.to_string(), *address);
        let state = if draining == Some(index) { TargetState::Draining } else { target.state };
        Target { state, ..target }
    };
    let groups: Vec<Group> = targets
        .iter()
        .enumerate()
        .map(|(index, addresses)| {
            Group::new(format!("group-{index}"), addresses.iter().enumerate().map(target).collect())
        })
        .collect();
    let weighted = groups.iter().zip(weights).map(|(group, weight)| (group.id.clone(), *weight)).collect();
    let action = Action::Forward { groups: weighted, sticky: None };
    let rule = Rule { id: "default".to_owned(), conditions: Vec::new(), action };
    Table { listeners: vec![Listener::new("front", 0, vec![rule])], groups }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut targets = Vec::new();
    let mut weights = Vec::new();
    for argument in std::env::args().skip(1) {
        let (addresses, weight) = argument.split_once('=').ok_or("expected ADDRESS[,ADDRESS…]=WEIGHT …")?;
        targets.push(addresses.split(',').map(str::parse).collect::<Result<Vec<SocketAddr>, _>>()?);
        weights.push(weight.parse::<u16>()?);
    }
    let counts = Arc::new(Counts::default());
    let proxy = Proxy::new(counts.clone())?;
    let bound = proxy.install(table(&targets, &weights, None)).await?;
    println!("{}", bound[0].address);
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let (weights, draining) = line.split_once("drain=").map_or((line.as_str(), None), |(w, d)| (w, Some(d)));
        let weights = weights.split_whitespace().map(str::parse).collect::<Result<Vec<u16>, _>>()?;
        let draining = draining.map(|index| index.trim().parse::<usize>()).transpose()?;
        proxy.install(table(&targets, &weights, draining)).await?;
        println!("ok");
    }
    proxy.shutdown(Duration::from_secs(1)).await;
    let (requests, errors) = (counts.requests.load(Ordering::Relaxed), counts.errors.load(Ordering::Relaxed));
    println!("{requests} requests, {errors} answered with 5xx");
    Ok(())
}
