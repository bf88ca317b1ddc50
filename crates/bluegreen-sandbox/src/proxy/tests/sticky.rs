//! Clients that stay where they were.

use std::time::Duration;

use super::kit::{Backend, Client, Rig, bounded, forward, group, state};
use crate::proxy::{Group, TargetState};

const HOUR: Option<Duration> = Some(Duration::from_secs(3_600));

#[tokio::test]
async fn a_pinned_client_ignores_weights_zero_included() {
    bounded(async {
        let (blue, green) = (Backend::named("blue").await, Backend::named("green").await);
        let rig = Rig::new();
        let weights = |old, new| [("blue", old, blue.address), ("green", new, green.address)];
        let address = rig.split(&weights(0, 100), HOUR).await;
        let mut client = Client::new(address).await;
        let first = client.get("/").await;
        assert_eq!(first.text(), "green");
        let cookie = first.cookie("AWSALBTG").unwrap();
        let twin = first.cookie("AWSALBTGCORS").unwrap();
        rig.split(&weights(100, 0), HOUR).await;
        for pinned in [&cookie, &twin, &format!("{cookie}; {twin}")] {
            let answer = client.ask("GET", "/", &[("cookie", pinned)]).await;
            assert_eq!(answer.text(), "green", "weight 0 does not move it");
            assert!(answer.cookie("AWSALBTG").is_some_and(|again| again != cookie), "the time begins anew");
        }
        for unpinned in ["", "AWSALBTG=forged", "other=1"] {
            let answer = client.ask("GET", "/", &[("cookie", unpinned)]).await;
            assert_eq!(answer.text(), "blue", "weight 0 gets nobody new");
        }
    })
    .await;
}

#[tokio::test]
async fn a_group_that_left_the_rule_lets_its_clients_go() {
    bounded(async {
        let (blue, green) = (Backend::named("blue").await, Backend::named("green").await);
        let rig = Rig::new();
        let groups = || vec![group("blue", &[blue.address]), group("green", &[green.address])];
        let address = rig.install(vec![forward(&[("blue", 0), ("green", 1)], HOUR)], groups()).await;
        let mut client = Client::new(address).await;
        let cookie = client.get("/").await.cookie("AWSALBTG").unwrap();
        rig.install(vec![forward(&[("blue", 1)], HOUR)], groups()).await;
        let moved = client.ask("GET", "/", &[("cookie", &cookie)]).await;
        assert_eq!(moved.text(), "blue");
        let cookie = moved.cookie("AWSALBTG").unwrap();
        rig.install(vec![forward(&[("blue", 0), ("green", 1)], HOUR)], groups()).await;
        assert_eq!(client.ask("GET", "/", &[("cookie", &cookie)]).await.text(), "blue", "pinned anew");
        rig.install(vec![forward(&[("blue", 0), ("green", 1)], None)], groups()).await;
        let free = client.ask("GET", "/", &[("cookie", &cookie)]).await;
        assert_eq!((free.text().as_str(), free.cookie("AWSALBTG")), ("green", None), "no stickiness, no cookie");
    })
    .await;
}

#[tokio::test]
async fn a_pinned_group_without_targets_is_503() {
    bounded(async {
        let (blue, green) = (Backend::named("blue").await, Backend::named("green").await);
        let rig = Rig::new();
        let rules = |old, new| vec![forward(&[("blue", old), ("green", new)], HOUR)];
        let groups = vec![group("blue", &[blue.address]), group("green", &[green.address])];
        let address = rig.install(rules(0, 1), groups).await;
        let mut client = Client::new(address).await;
        let cookie = client.get("/").await.cookie("AWSALBTG").unwrap();
        rig.install(rules(1, 0), vec![group("blue", &[blue.address]), group("green", &[])]).await;
        assert_eq!(client.ask("GET", "/", &[("cookie", &cookie)]).await.status, 503);
        assert_eq!(client.get("/").await.text(), "blue");
    })
    .await;
}

#[tokio::test]
async fn a_client_stays_with_its_target_for_as_long_as_that_may_be_chosen() {
    bounded(async {
        let mut backends = Vec::new();
        for name in ["one", "two", "three"] {
            backends.push(Backend::named(name).await);
        }
        let addresses: Vec<_> = backends.iter().map(|backend| backend.address).collect();
        let sticky = |states: &[TargetState]| vec![Group { sticky: HOUR, ..state(group("blue", &addresses), states) }];
        let rig = Rig::new();
        let rules = || vec![forward(&[("blue", 1)], HOUR)];
        let address = rig.install(rules(), sticky(&[])).await;
        let mut client = Client::new(address).await;
        let first = client.get("/").await;
        let cookies = format!("{}; {}", first.cookie("AWSALBTG").unwrap(), first.cookie("AWSALB").unwrap());
        for _ in 0..6 {
            let again = client.ask("GET", "/", &[("cookie", &cookies)]).await;
            assert_eq!(again.text(), first.text());
        }
        let mut others = std::collections::BTreeSet::new();
        for _ in 0..6 {
            others.insert(client.get("/").await.text());
        }
        assert_eq!(others.len(), 3, "without the cookie each has its turn");
        let own = ["one", "two", "three"].iter().position(|name| **name == first.text()).unwrap();
        for gone in [TargetState::Draining, TargetState::Unhealthy] {
            let mut states = [TargetState::Healthy; 3];
            states[own] = gone;
            rig.install(rules(), sticky(&states)).await;
            let moved = client.ask("GET", "/", &[("cookie", &cookies)]).await;
            assert_ne!(moved.text(), first.text(), "{gone:?}");
            assert!(moved.cookie("AWSALB").is_some());
        }
    })
    .await;
}
