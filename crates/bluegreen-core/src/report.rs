//! A run as one document: what was released, how it went, and what is not known, from the journal alone.
//!
//! Plain data for whoever shows it. Nothing here asks AWS, reads a clock or knows of pages. Every text from outside is
//! cleaned of terminal controls and cut; values of variables and arguments of hooks never come in.

mod alarms;
mod analysis;
mod measures;
mod parts;
mod routes;
mod trace;

#[cfg(test)]
mod tests;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use alarms::{AlarmReport, AlarmSpan};
pub use analysis::{AnalysisReport, JudgedMetric, JudgedPoint};
pub use measures::Measure;
pub use parts::{About, Change, FleetReport, ImageReport, OutcomeReport, Shift, StepReport, Unknown};
pub use routes::{RouteEnd, RouteReport};
pub use trace::{Mark, MarkKind, Point, RouteSeries, Span, Trace};

use crate::event::Look;
use crate::journal::{FoldError, Record, RunState};
use crate::model::{ByColor, Color, RunId};
use crate::plan::Site;
use crate::view::{ExplainLine, RunView};

/// The version of the report's JSON form.
pub const REPORT_VERSION: u32 = 1;

/// All that is known of a run.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// [`REPORT_VERSION`].
    pub version: u32,
    /// The run's id.
    pub run: RunId,
    /// Account, region, cluster, service and environment.
    pub site: Site,
    /// The plan's hash, whole.
    pub plan_hash: String,
    /// When the plan was made.
    pub planned_at: Timestamp,
    /// When the run began.
    pub started_at: Timestamp,
    /// The time of the last record.
    pub updated_at: Timestamp,
    /// How it ended, or where it stands.
    pub outcome: OutcomeReport,
    /// Who worked on it, in order.
    pub operators: Vec<Shift>,
    /// What was released.
    pub change: Change,
    /// The two fleets, before and after.
    pub fleets: ByColor<FleetReport>,
    /// The control fleet, where the plan had one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub control: Option<FleetReport>,
    /// The fleet that served the old version.
    pub stable: Color,
    /// The fleet that got the new one.
    pub canary: Color,
    /// Weights, phases and events over time.
    pub trace: Trace,
    /// The plan's steps with what became of each.
    pub steps: Vec<StepReport>,
    /// The alarms that gated the run.
    pub alarms: Vec<AlarmReport>,
    /// What was counted and judged, where anything was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub analysis: Option<AnalysisReport>,
    /// Every route before and after.
    pub routes: Vec<RouteReport>,
    /// How long what mattered took.
    pub measures: Vec<Measure>,
    /// Every record that says something, with its reason.
    pub history: Vec<ExplainLine>,
    /// What nobody can tell from here.
    pub unknown: Vec<Unknown>,
    /// How many records it was made from.
    pub records: usize,
    /// How many stored looks it was made from.
    pub looks: usize,
    /// Requests by version, where a caller has counted them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub traffic: Vec<TrafficPoint>,
}

/// What one version answered within one second.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TrafficPoint {
    /// When the second begins. A second without a point had no requests.
    pub at: Timestamp,
    /// The version that answered; `blue` and `green` are drawn in their colours.
    pub version: String,
    /// How many requests it answered in that second, failed ones included.
    pub requests: u64,
    /// How many of them failed.
    pub errors: u64,
}

impl Report {
    /// The report of a whole journal. `looks` are those that were stored beside it, oldest first, or none.
    pub fn from_records(records: &[Record], looks: &[Look]) -> Result<Report, FoldError> {
        let state = RunState::fold(records)?;
        let view = RunView::from_records(records)?;
        let trace = trace::trace(records, looks)?;
        let alarms = alarms::alarms(records, &state, looks);
        let measures = measures::measures(records, &state, &trace, &alarms);
        let plan = &state.plan;
        Ok(Report {
            version: REPORT_VERSION,
            run: plan.run.clone(),
            site: parts::site(&plan.site),
            plan_hash: view.plan_hash.clone(),
            planned_at: plan.created_at,
            started_at: state.started_at,
            updated_at: state.last_at,
            outcome: parts::outcome(&view),
            operators: parts::operators(records),
            change: parts::change(&view),
            fleets: ByColor { blue: parts::fleet(&view, Color::Blue), green: parts::fleet(&view, Color::Green) },
            control: parts::control(&view),
            stable: plan.stable(),
            canary: plan.canary(),
            steps: parts::steps(&view, records),
            analysis: analysis::analysis(records, &state),
            routes: routes::routes(&state),
            unknown: parts::unknown(&state, looks, &alarms),
            history: parts::history(records),
            records: records.len(),
            looks: looks.len(),
            traffic: Vec::new(),
            trace,
            alarms,
            measures,
        })
    }

    /// The same with what was counted of the traffic itself, in any order.
    pub fn with_traffic(mut self, mut points: Vec<TrafficPoint>) -> Report {
        for point in &mut points {
            point.version = crate::view::words::clean(&point.version);
        }
        points.sort_by(|a, b| (a.at, &a.version).cmp(&(b.at, &b.version)));
        if !points.is_empty() {
            self.unknown.retain(|unknown| unknown.about != About::Requests);
        }
        self.traffic = points;
        self
    }
}
