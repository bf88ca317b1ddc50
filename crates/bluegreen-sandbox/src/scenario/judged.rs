//! Releases that are judged by counts.

use std::time::Duration;

use bluegreen_core::analysis::{Judge, Metric, Source, Tally};
use bluegreen_core::model::{Percent, Step};
use bluegreen_core::plan::{Analysis, OnInconclusive, OnNoAnswer};

use super::{NEW_REVISION, Scenario};
use crate::world::{Profile, RequestModel, World};

/// What is judged, and how the versions answer.
#[derive(Clone, Debug)]
pub struct Judged {
    /// The plan's analysis.
    pub analysis: Analysis,
    /// The share of 5xx among the old version's answers, 0 to 1.
    pub old_errors: f64,
    /// The same for the new version.
    pub new_errors: f64,
    /// Requests a second, over both versions.
    pub rps: u64,
}

impl Scenario {
    /// The same on one route with 100 requests a second, judged by errors alone: 20 % for five minutes of analysis, 100 %
    /// for a minute; against the control fleet, where there is one by then. The old version fails 0.5 % of its requests, the new one `new_errors`.
    pub fn judged(mut self, new_errors: f64) -> Scenario {
        let twenty = Percent::from_tenths(200).unwrap_or(Percent::FULL);
        self.routes = 1;
        self.steps = vec![
            Step::SetWeight(twenty),
            Step::Analysis(Duration::from_secs(300)),
            Step::SetWeight(Percent::FULL),
            Step::Bake(Duration::from_secs(60)),
        ];
        self.timing.poll = Duration::from_secs(20);
        self.timing.freshness = Duration::from_secs(30);
        let (balancer, groups) = (self.load_balancer(), self.groups());
        let source = Source {
            metric: "errors".to_owned(),
            canary: Tally::errors(&balancer, &groups.green),
            stable: Tally::errors(&balancer, &groups.blue),
            control: self.control.map(|_| Tally::errors(&balancer, &self.control_group())),
        };
        let analysis = Analysis {
            judge: Judge {
                metrics: vec![Metric::named("errors")],
                warm_up: Duration::from_secs(60),
                harmless: Some(0.02),
                ..Judge::default()
            },
            sources: vec![source],
            lag: Duration::from_secs(60),
            inconclusive: OnInconclusive::Hold,
            inconclusive_limit: 1,
            no_answer: OnNoAnswer::Rollback,
            no_answer_for: Duration::from_secs(300),
        };
        self.judged = Some(Judged { analysis, old_errors: 0.005, new_errors, rps: 100 });
        self
    }

    pub(super) fn furnish_requests(&self, world: &mut World) {
        let Some(judged) = &self.judged else { return };
        world.config.requests = RequestModel::Drawn;
        world.config.requests_per_second = judged.rps;
        world.set_profile(self.old_revision().short(), Profile::failing(judged.old_errors));
        world.set_profile(NEW_REVISION, Profile::failing(judged.new_errors));
    }
}
