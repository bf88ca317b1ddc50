//! The capabilities as a page of the reference.

use std::fmt::Write;

use super::{Capability, EngineKind, percent};

/// One row of the table: a title, and what an engine says to it.
type Row = (&'static str, fn(&Capability) -> String);

const ROWS: [Row; 19] = [
    ("the service", |can| can.service.to_owned()),
    ("shares", |can| can.shapes.to_string()),
    ("finest share", |can| percent(can.shapes.finest())),
    ("holds", |can| can.holds.to_string()),
    ("our gates between steps", |can| yes(can.gates_between_steps)),
    ("`pause: {}` waits for `promote`", |can| can.waits.to_string()),
    ("`setCanaryScale`, `capacity: matchWeight`", |can| yes(can.own_scale)),
    ("`after: keepWarm`", |can| yes(can.keeps_old)),
    ("bake", |can| can.bake.to_string()),
    ("routes that move together", |can| can.routes.to_string()),
    ("rollback moves sticky clients", |can| yes(can.evicts_sticky)),
    ("versions that share the traffic", |can| can.variants.to_owned()),
    ("a control fleet (`fleet.services.control`)", |can| yes(can.control_fleet)),
    ("`hooks.preTraffic` runs", |can| can.local_hooks.to_string()),
    ("Lambda hooks", |can| can.lambda_hooks.to_owned()),
    ("way back", |can| can.rollback.to_owned()),
    ("with this program gone for good", |can| can.alone.to_owned()),
    ("an alarm that is red at the start (ours: refused)", |can| can.red_at_start.to_owned()),
    ("network load balancers", |can| can.network_balancer.to_owned()),
];

fn yes(can: bool) -> String {
    if can { "yes" } else { "no" }.to_owned()
}

/// The page of the reference that tells what each engine can do, as Markdown.
pub fn engines_markdown() -> String {
    let mut page = "# What each engine can do\n\n\
        One spec drives them all: `engine:` chooses, and `engine: auto` takes the one that fits what the service is. What\n\
        an engine cannot do is refused when the plan is made, with the nearest plan that it can carry out and the engine\n\
        that can carry out yours. This page is made from the data that the planner reads: shares, holds, gates, waits, scale,\n\
        bake, stickiness, control fleets and hooks are refused or warned of by it; the other rows describe.\n\n"
        .to_owned();
    let title = |kind: EngineKind| match kind {
        EngineKind::Alb => "`alb`, two services".to_owned(),
        EngineKind::TaskSets => "`alb`, task sets".to_owned(),
        other => format!("`{other}`"),
    };
    let _ = writeln!(page, "| | {} |", EngineKind::ALL.map(title).join(" | "));
    page += "|---|---|---|---|---|\n";
    for (name, cell) in ROWS {
        let _ = writeln!(page, "| {name} | {} |", EngineKind::ALL.map(|kind| cell(kind.can())).join(" | "));
    }
    page + "\nOn every engine the alarms are read by us: red goes back, and no answer lets nothing of ours go forward. The\n\
            weights are read back from every route, the baseline is captured before the first write and compared after a\n\
            rollback, and a run that was killed resumes.\n"
}
