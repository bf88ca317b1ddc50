//! Which target of a group is chosen.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::watch;
use tokio::time::Instant;

use super::kit::{Backend, Client, Rig, bounded, forward, group, heard, state};
use crate::proxy::{Algorithm, Group, TargetState};

use TargetState::{Draining, Healthy, Initial, Unhealthy};

async fn three() -> Vec<Backend> {
    let mut backends = Vec::new();
    for name in ["one", "two", "three"] {
        backends.push(Backend::named(name).await);
    }
    backends
}

/// Who answers how many of this many requests to a group.
async fn tally(rig: &Rig, group: Group, requests: usize) -> BTreeMap<String, usize> {
    let name = group.id.clone();
    let address = rig.install(vec![forward(&[(&name, 1)], None)], vec![group]).await;
    Client::new(address).await.volley(requests).await
}

fn counts(pairs: &[(&str, usize)]) -> BTreeMap<String, usize> {
    pairs.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
}

#[tokio::test]
async fn healthy_targets_take_turns_and_the_others_get_nothing() {
    bounded(async {
        let backends = three().await;
        let addresses: Vec<_> = backends.iter().map(|backend| backend.address).collect();
        let rig = Rig::new();
        for (states, expected) in [
            ([Healthy, Healthy, Healthy], counts(&[("one", 10), ("two", 10), ("three", 10)])),
            ([Healthy, Unhealthy, Healthy], counts(&[("one", 15), ("three", 15)])),
            ([Draining, Initial, Healthy], counts(&[("three", 30)])),
        ] {
            assert_eq!(tally(&rig, state(group("g", &addresses), &states), 30).await, expected, "{states:?}");
            assert!(rig.notes.take().iter().all(|seen| !seen.fail_open));
        }
    })
    .await;
}

#[tokio::test]
async fn a_group_without_a_healthy_target_fails_open() {
    bounded(async {
        let backends = three().await;
        let addresses: Vec<_> = backends.iter().map(|backend| backend.address).collect();
        let rig = Rig::new();
        for (states, expected) in [
            ([Unhealthy, Unhealthy, Unhealthy], counts(&[("one", 10), ("two", 10), ("three", 10)])),
            ([Initial, Unhealthy, Draining], counts(&[("one", 15), ("two", 15)])),
            ([Draining, Initial, Draining], counts(&[("two", 30)])),
        ] {
            assert_eq!(tally(&rig, state(group("g", &addresses), &states), 30).await, expected, "{states:?}");
            assert!(rig.notes.take().iter().all(|seen| seen.fail_open));
        }
    })
    .await;
}

#[tokio::test]
async fn a_target_that_warms_up_is_spared() {
    bounded(async {
        let backends = three().await;
        let rig = Rig::new();
        let mut slow = group("g", &[backends[0].address, backends[1].address]);
        slow.slow_start = Duration::from_nanos(1);
        // Not begun yet: it stays cold for the whole test.
        slow.targets[1].since = Instant::now() + Duration::from_secs(3_600);
        assert_eq!(tally(&rig, slow.clone(), 30).await, counts(&[("one", 30)]));
        slow.targets[0].since = slow.targets[1].since;
        assert_eq!(tally(&rig, slow.clone(), 30).await.len(), 2, "nobody is warm: nobody can be spared");
        slow.targets[0].since = Instant::now();
        slow.algorithm = Algorithm::LeastOutstandingRequests;
        assert_eq!(tally(&rig, slow.clone(), 30).await.len(), 2, "slow start is for round robin");
        slow.algorithm = Algorithm::RoundRobin;
        slow.slow_start = Duration::ZERO;
        assert_eq!(tally(&rig, slow, 30).await, counts(&[("one", 15), ("two", 15)]));
    })
    .await;
}

#[tokio::test]
async fn the_least_busy_target_is_chosen() {
    bounded(async {
        let (go, gone) = watch::channel(false);
        let busy = Backend::talking(Arc::default(), move |mut stream| {
            let mut gone = gone.clone();
            async move {
                while heard(&mut stream).await {
                    gone.wait_for(|gone| *gone).await.unwrap();
                    let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\nx-from: busy\r\n\r\nbusy";
                    stream.write_all(answer).await.unwrap();
                }
            }
        })
        .await;
        let idle = Backend::named("idle").await;
        let rig = Rig::new();
        let least =
            Group { algorithm: Algorithm::LeastOutstandingRequests, ..group("g", &[busy.address, idle.address]) };
        let address = rig.install(vec![forward(&[("g", 1)], None)], vec![least]).await;
        let mut stuck = Client::new(address).await;
        stuck.write(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
        while busy.connections.load(std::sync::atomic::Ordering::Relaxed) == 0 {
            tokio::task::yield_now().await;
        }
        let mut client = Client::new(address).await;
        assert_eq!(client.volley(20).await, counts(&[("idle", 20)]));
        go.send_replace(true);
        assert_eq!(stuck.answer(false).await.text(), "busy");
        assert_eq!(client.volley(20).await, counts(&[("busy", 10), ("idle", 10)]), "equals take turns");
    })
    .await;
}

#[tokio::test]
async fn chance_reaches_everybody() {
    bounded(async {
        let backends = three().await;
        let addresses: Vec<_> = backends.iter().map(|backend| backend.address).collect();
        let random = Group { algorithm: Algorithm::WeightedRandom, ..group("g", &addresses) };
        assert_eq!(tally(&Rig::new(), random, 200).await.len(), 3);
    })
    .await;
}

#[tokio::test]
async fn a_draining_target_finishes_what_it_has() {
    bounded(async {
        let (go, gone) = watch::channel(false);
        let slow = Backend::talking(Arc::default(), move |mut stream| {
            let mut gone = gone.clone();
            async move {
                heard(&mut stream).await;
                stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\nlong").await.unwrap();
                gone.wait_for(|gone| *gone).await.unwrap();
                stream.write_all(b"tail").await.unwrap();
                // Kept connections are let go once the target drains.
                assert!(matches!(stream.read(&mut [0]).await, Ok(0) | Err(_)));
            }
        })
        .await;
        let rig = Rig::new();
        let rules = || vec![forward(&[("g", 1)], None)];
        let address = rig.install(rules(), vec![group("g", &[slow.address])]).await;
        let mut client = Client::new(address).await;
        client.write(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
        assert_eq!(client.head().await.status, 200);
        rig.install(rules(), vec![state(group("g", &[slow.address]), &[Draining])]).await;
        go.send_replace(true);
        assert_eq!(client.exactly(8).await, b"longtail");
        assert_eq!(client.get("/").await.status, 503);
    })
    .await;
}
