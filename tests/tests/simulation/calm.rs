//! Nothing goes wrong, or only what a release is there for.

use bluegreen_core::journal::Terminal;
use bluegreen_sandbox::scenario::Scenario;

use super::{one_operator, run, terminal};

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
