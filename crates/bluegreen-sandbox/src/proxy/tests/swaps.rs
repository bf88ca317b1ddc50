//! Tables that are replaced while requests flow.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::kit::{Backend, Client, Rig, bounded, forward, group, heard, state};
use crate::proxy::{Listener, Proxy, Table, TargetState, Unobserved};

#[tokio::test]
async fn a_hundred_tables_under_load_cost_no_request() {
    bounded(async {
        let mut backends = Vec::new();
        for name in ["blue", "blue", "green", "green"] {
            backends.push(Backend::named(name).await);
        }
        let at = |index: usize| backends[index].address;
        let rig = Rig::new();
        let table = |step: u16| {
            // One target of each group drains in turn and comes back.
            let states = match step % 3 {
                0 => [TargetState::Healthy, TargetState::Healthy],
                1 => [TargetState::Draining, TargetState::Healthy],
                _ => [TargetState::Healthy, TargetState::Draining],
            };
            let groups =
                vec![state(group("blue", &[at(0), at(1)]), &states), state(group("green", &[at(2), at(3)]), &states)];
            (vec![forward(&[("blue", 100 - step % 101), ("green", step % 101)], None)], groups)
        };
        let (rules, groups) = table(0);
        let address = rig.install(rules, groups).await;
        let stop = Arc::new(AtomicBool::new(false));
        let clients: Vec<_> = (0..8)
            .map(|_| {
                let stop = stop.clone();
                tokio::spawn(async move {
                    let mut client = Client::new(address).await;
                    let mut answered = 0;
                    while !stop.load(Ordering::Relaxed) {
                        answered += client.volley(5).await.values().sum::<usize>();
                    }
                    answered
                })
            })
            .collect();
        let mut probe = Client::new(address).await;
        for step in 1..=100 {
            let (rules, groups) = table(step);
            assert_eq!(rig.install(rules, groups).await, address, "the port stays");
            // The table holds from the next request on.
            probe.volley(10).await;
        }
        stop.store(true, Ordering::Relaxed);
        let answered: usize = futures::future::try_join_all(clients).await.unwrap().into_iter().sum();
        let noted = rig.notes.by_group();
        assert_eq!(noted.keys().collect::<Vec<_>>(), ["blue", "green"], "nothing answered by the proxy");
        assert_eq!(noted.values().sum::<usize>(), answered + 100 * 10);
    })
    .await;
}

#[tokio::test]
async fn a_new_table_holds_from_the_next_request_on() {
    bounded(async {
        let (blue, green) = (Backend::named("blue").await, Backend::named("green").await);
        let rig = Rig::new();
        let address = rig.split(&[("blue", 1, blue.address), ("green", 0, green.address)], None).await;
        let mut client = Client::new(address).await;
        for (old, new, expected) in [(0, 1, "green"), (1, 0, "blue"), (0, 1, "green")] {
            rig.split(&[("blue", old, blue.address), ("green", new, green.address)], None).await;
            for _ in 0..5 {
                assert_eq!(client.get("/").await.text(), expected);
            }
        }
        assert_eq!(blue.connections.load(Ordering::Relaxed), 1, "connections to targets outlive tables");
    })
    .await;
}

#[tokio::test]
async fn listeners_come_and_go() {
    bounded(async {
        let blue = Backend::named("blue").await;
        let rig = Rig::new();
        let listener = |id: &str, port| Listener::new(id, port, vec![forward(&[("blue", 1)], None)]);
        let groups = || vec![group("blue", &[blue.address])];
        let one = rig.proxy.install(Table { listeners: vec![listener("a", 80)], groups: groups() }).await.unwrap();
        assert!(one[0].address.ip().is_loopback() && one[0].address.port() != 80, "a low port is never taken");
        let taken = one[0].address.port();
        let both = Table { listeners: vec![listener("b", taken), listener("a", 80)], groups: groups() };
        let two = rig.proxy.install(both).await.unwrap();
        assert_eq!(two[1], one[0], "a listener keeps its socket");
        assert_ne!(two[0].address.port(), taken, "a port that is taken is asked for in vain");
        let mut client = Client::new(one[0].address).await;
        assert_eq!(client.get("/").await.text(), "blue");
        let left = Table { listeners: vec![listener("b", taken)], groups: groups() };
        assert_eq!(rig.proxy.install(left).await.unwrap(), [two[0].clone()]);
        assert!(client.closed().await, "a connection at rest ends with its listener");
        let mut client = Client::new(two[0].address).await;
        assert_eq!(client.get("/").await.text(), "blue");
        let free = super::kit::nowhere().await.port();
        let asked = Table { listeners: vec![listener("c", free)], groups: groups() };
        assert_eq!(rig.proxy.install(asked).await.unwrap()[0].address.port(), free, "a free port is taken");
    })
    .await;
}

#[tokio::test]
async fn a_shutdown_waits_for_what_is_under_way() {
    bounded(async {
        let (go, gone) = tokio::sync::watch::channel(false);
        let slow = Backend::talking(Arc::default(), move |mut stream| {
            let mut gone = gone.clone();
            async move {
                use tokio::io::AsyncWriteExt;
                heard(&mut stream).await;
                gone.wait_for(|gone| *gone).await.unwrap();
                stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nlate").await.unwrap();
            }
        })
        .await;
        let rig = Rig::new();
        let address = rig.split(&[("slow", 1, slow.address)], None).await;
        let mut client = Client::new(address).await;
        client.write(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
        while slow.connections.load(Ordering::Relaxed) == 0 {
            tokio::task::yield_now().await;
        }
        let ending = tokio::spawn(rig.proxy.shutdown(Duration::from_secs(30)));
        // Nobody else is let in.
        while tokio::net::TcpStream::connect(address).await.is_ok() {
            tokio::task::yield_now().await;
        }
        assert!(!ending.is_finished());
        go.send_replace(true);
        assert_eq!(client.answer(false).await.text(), "late");
        ending.await.unwrap();
        assert!(client.closed().await);
    })
    .await;
}

#[tokio::test]
async fn a_shutdown_cuts_off_who_does_not_end() {
    bounded(async {
        let silent = Backend::talking(Arc::default(), |stream| async move {
            let _kept = stream;
            std::future::pending::<()>().await;
        })
        .await;
        let rig = Rig::new();
        let address = rig.split(&[("silent", 1, silent.address)], None).await;
        let mut client = Client::new(address).await;
        client.write(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
        while silent.connections.load(Ordering::Relaxed) == 0 {
            tokio::task::yield_now().await;
        }
        rig.proxy.shutdown(Duration::ZERO).await;
        assert!(client.closed().await);
        assert_eq!(rig.notes.last().status, 460);
    })
    .await;
}

#[tokio::test]
async fn dropping_a_proxy_frees_its_ports() {
    bounded(async {
        let proxy = Proxy::with_workers(Arc::new(Unobserved), 1).unwrap();
        let table = Table { listeners: vec![Listener::new("a", 0, Vec::new())], groups: Vec::new() };
        let address = proxy.install(table).await.unwrap()[0].address;
        let mut client = Client::new(address).await;
        assert_eq!(client.get("/").await.status, 503, "no rule at all");
        drop(proxy);
        assert!(client.closed().await);
        while tokio::net::TcpStream::connect(address).await.is_ok() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}
