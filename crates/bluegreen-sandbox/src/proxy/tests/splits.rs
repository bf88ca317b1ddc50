//! Shares of real requests.

use std::collections::BTreeMap;

use super::kit::{Backend, Client, Rig, bounded, group, rule};
use crate::proxy::{Action, Condition};

/// Requests of one split. `tests/bench/proxy.sh --check` sends more than 100,000 for each.
const REQUESTS: u32 = 8_000;
const CLIENTS: u32 = 16;

/// Half the width of the interval in which a fair coin's count lies with a chance of 99.9 %.
fn margin(requests: u32, share: f64) -> f64 {
    3.2905 * (f64::from(requests) * share * (1.0 - share)).sqrt() + 0.5
}

#[tokio::test]
async fn shares_of_real_requests_are_those_of_the_weights() {
    bounded(async {
        let (blue, green) = (Backend::named("blue").await, Backend::named("green").await);
        let rig = Rig::new();
        for (old, new) in [(90, 10), (99, 1), (50, 50), (100, 0), (997, 3)] {
            let address = rig.split(&[("blue", old, blue.address), ("green", new, green.address)], None).await;
            let clients = (0..CLIENTS).map(|_| async {
                let mut client = Client::new(address).await;
                let mut counts = BTreeMap::<String, u32>::new();
                for _ in 0..REQUESTS / CLIENTS / 50 {
                    for (name, count) in client.volley(50).await {
                        *counts.entry(name).or_default() += u32::try_from(count).unwrap();
                    }
                }
                counts
            });
            let counts = futures::future::join_all(clients).await;
            let of = |name| counts.iter().filter_map(|counts| counts.get(name)).sum::<u32>();
            let (blue, green) = (of("blue"), of("green"));
            assert_eq!(blue + green, REQUESTS);
            let share = f64::from(new) / f64::from(old + new);
            let apart = (f64::from(green) - f64::from(REQUESTS) * share).abs();
            assert!(apart <= margin(REQUESTS, share), "{old}/{new}: {blue} and {green}");
            if new == 0 {
                assert_eq!(green, 0, "a group at weight 0 gets nothing");
            }
            let noted = rig.notes.by_group();
            assert_eq!(noted.get("green").copied().unwrap_or_default(), green as usize);
            assert_eq!(noted.values().sum::<usize>(), REQUESTS as usize, "one sample a request: {noted:?}");
            rig.notes.take();
        }
    })
    .await;
}

#[tokio::test]
async fn the_first_rule_that_holds_answers() {
    bounded(async {
        let (blue, green) = (Backend::named("blue").await, Backend::named("green").await);
        let rig = Rig::new();
        let to = |name: &str| Action::Forward { groups: vec![(name.to_owned(), 1)], sticky: None };
        let path = |pattern: &str| Condition::PathPattern(vec![pattern.to_owned()]);
        let method = |method: &str| Condition::Method(vec![method.to_owned()]);
        let fixed = Action::Fixed { status: 418, content_type: "text/plain".to_owned(), body: "short".to_owned() };
        let rules = vec![
            rule("both", vec![path("/both*"), method("PUT")], to("green")),
            rule("one", vec![path("/both*")], fixed),
            rule("away", vec![path("/away")], Action::Redirect(crate::proxy::Redirect::default())),
            rule("default", vec![], to("blue")),
        ];
        let address = rig.install(rules, vec![group("blue", &[blue.address]), group("green", &[green.address])]).await;
        let mut client = Client::new(address).await;
        assert_eq!(client.ask("PUT", "/both/1", &[]).await.text(), "green");
        assert_eq!(rig.notes.last().rule.as_deref(), Some("both"));
        let answer = client.get("/both/1").await;
        assert_eq!((answer.status, answer.text().as_str()), (418, "short"));
        assert_eq!(answer.header("content-type"), Some("text/plain"));
        let answer = client.get("/away?a=b").await;
        assert_eq!(answer.status, 302);
        let location = format!("http://shop.example:{}/away?a=b", address.port());
        assert_eq!(answer.header("location"), Some(location.as_str()));
        assert_eq!(client.get("/").await.text(), "blue");
        assert_eq!(rig.notes.last().rule.as_deref(), Some("default"));
    })
    .await;
}

#[tokio::test]
async fn weights_that_are_all_zero_forward_nothing_but_a_lone_group_needs_none() {
    bounded(async {
        let blue = Backend::named("blue").await;
        let rig = Rig::new();
        let address = rig.split(&[("blue", 0, blue.address), ("green", 0, blue.address)], None).await;
        let mut client = Client::new(address).await;
        assert_eq!(client.get("/").await.status, 503);
        assert_eq!((rig.notes.last().group, rig.notes.last().rule.as_deref()), (None, Some("rule")));
        rig.split(&[("blue", 0, blue.address)], None).await;
        assert_eq!(client.get("/").await.text(), "blue");
    })
    .await;
}
