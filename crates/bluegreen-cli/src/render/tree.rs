//! A run at one moment, as a tree: what `status` prints.

use bluegreen_core::model::{Color, Timestamp};
use bluegreen_core::view::{AnalysisView, GoalView, RunView, StepState, StepView, words::brief};

use super::words::{alarms, between, control, fleet, weights, wrap};

/// The whole tree at 80 columns, ending with a line break.
///
/// `last_look` is when an operator last wrote down what it saw, whether that still holds or not.
pub(crate) fn tree(view: &RunView, now: Timestamp, last_look: Option<Timestamp>) -> String {
    let site = &view.site;
    let mut text = format!("{}\n", view.run);
    let mut line = |name: &str, content: &str| {
        text.push_str(&wrap(&format!("  {name:<9} {content}"), 12));
        text.push('\n');
    };
    line("service", &format!("{} in {} ({}, {})", site.service, site.environment, site.cluster, site.region));
    line("state", &state(view, now));
    if let GoalView::Restore { cause, .. } = &view.goal {
        line("because", cause);
    }
    if let Some(ending) = &view.outcome {
        line("outcome", &ending.why);
    }
    line("release", &format!("{} over {}", view.release, view.fleets.get(view.stable).task_definition));
    line("operator", &operator(view));
    match (view.looked_at, last_look) {
        (Some(at), _) => {
            line("seen", &format!("{} ago", between(at, now)));
            line("weights", &weights(view));
        }
        (None, Some(at)) => line("seen", &format!("last {} ago: how things are now is not known", between(at, now))),
        (None, None) => {}
    }
    for route in &view.routes {
        line("route", &format!("{}  {}", route.name, route.written));
    }
    for color in Color::ALL {
        line(&color.to_string(), &fleet(view, color));
    }
    if let Some(control) = control(view) {
        line("control", &control);
    }
    let seen = view.alarms.iter().any(|alarm| alarm.state.is_some());
    let names = || view.alarms.iter().map(|alarm| alarm.name.as_str()).collect::<Vec<_>>().join(", ");
    line("alarms", &if seen || view.alarms.is_empty() { alarms(view) } else { names() });
    for (index, judged) in view.analysis.iter().flat_map(AnalysisView::lines).enumerate() {
        line(if index == 0 { "judge" } else { "" }, &judged);
    }
    if let Some(gate) = &view.gate {
        line("gate", &format!("closed for {}: {}", between(gate.since, now), gate.why));
    }
    let waits = view.gate.is_none() && view.operator_alive != Some(false);
    if let Some(wait) = view.wait.as_ref().filter(|_| waits) {
        let left = wait.ends.map(|ends| format!("{} left: ", between(now, ends))).unwrap_or_default();
        line("waiting", &format!("{left}{}", wait.why));
    }
    for drift in &view.drift {
        line("drift", &format!("{}: {}", drift.route, drift.both));
    }
    if let Some(failure) = &view.failure {
        line("failure", failure);
    }
    for (index, step) in view.steps.iter().enumerate() {
        line(if index == 0 { "steps" } else { "" }, &step_line(step, now));
    }
    if !view.next.is_empty() {
        text.push_str("next\n");
    }
    for next in &view.next {
        text.push_str(&format!("  {}\n      {}\n", next.command, next.does));
    }
    text
}

fn state(view: &RunView, now: Timestamp) -> String {
    match &view.outcome {
        Some(_) => format!("{} after {}", view.headline, brief(view.age(now))),
        None => format!("{}, for {}", view.headline, between(view.phase_since, now)),
    }
}

fn operator(view: &RunView) -> String {
    let alive = match (view.operator_alive, &view.outcome) {
        (_, Some(_)) | (None, _) => "",
        (Some(true), None) => ", at work",
        (Some(false), None) => ", gone",
    };
    format!("{}{alive}", view.operator)
}

fn step_line(step: &StepView, now: Timestamp) -> String {
    let mark = match step.state {
        StepState::Done => "✓",
        StepState::Current => "▸",
        StepState::Pending => "·",
        StepState::Stopped => "✗",
        StepState::Skipped => "-",
    };
    let tail = match (step.state, step.ends, &step.why) {
        (StepState::Current, Some(ends), _) if ends > now => format!("  {} left", between(now, ends)),
        // That a hold ended by itself goes without saying.
        (StepState::Done, _, Some(why)) if !why.ends_with("is over") => format!("  {why}"),
        _ => String::new(),
    };
    format!("{mark} {:>2} {}{tail}", step.number, step.label)
}
