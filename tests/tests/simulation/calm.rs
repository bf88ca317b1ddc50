//! Nothing goes wrong, or only what a release is there for.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bluegreen_core::drive::Driver;
use bluegreen_core::event::{Event, Look, Reporter};
use bluegreen_core::journal::Terminal;
use bluegreen_sandbox::executor::Sim;
use bluegreen_sandbox::scenario::{Scenario, canary_steps};

use super::{driver, one_operator, run, terminal};

#[test]
fn a_calm_release_is_promoted() {
    for routes in 1..=3 {
        let scenario = Scenario::shop().with_routes(routes);
        let mut sim = one_operator(&scenario, &scenario.plan());
        let report = run(&mut sim, "calm");
        eprintln!("{routes} routes: {:?} {} polls {:?} calls", report.elapsed, report.polls("a"), sim.trace().len());
        assert_eq!(terminal(&report, "a"), Some(Terminal::Promoted), "{:?}", report.operators);
    }
}

/// Keeps what was seen.
#[derive(Default)]
struct Looks(Mutex<Vec<Look>>);

impl Reporter for Looks {
    fn event(&self, event: &Event) {
        if let Event::Looked(look) = event {
            self.0.lock().unwrap().push((**look).clone());
        }
    }
}

/// An observed share belongs to the weights beside which it is shown.
#[test]
fn no_share_is_shown_from_before_the_weights_changed() {
    let mut scenario = Scenario::shop().with_routes(1);
    scenario.steps = canary_steps(&[100, 500], Duration::from_secs(300));
    let plan = scenario.plan();
    let mut sim = Sim::new(scenario.world(), scenario.seed);
    let looks = Arc::new(Looks::default());
    let driver = Driver { reporter: looks.clone(), ..driver(&sim, "a") };
    let planned = plan.clone();
    sim.spawn("a", async move { driver.start(&planned).await });
    assert_eq!(terminal(&run(&mut sim, "looks"), "a"), Some(Terminal::Promoted));
    let looks = looks.0.lock().unwrap();
    let seen: Vec<(u32, u32)> =
        looks.iter().filter_map(|look| Some((u32::from(look.set.tenths()) * 1_000, look.observed?))).collect();
    assert!(seen.iter().any(|(set, _)| *set == 500_000), "the share is seen at all: {seen:?}");
    for (set, observed) in seen {
        assert!(set.abs_diff(observed) <= 20_000, "{observed} was shown beside {set}");
    }
}
