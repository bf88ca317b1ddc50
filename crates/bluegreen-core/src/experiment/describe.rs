//! An experiment in words, at 80 columns: what a person reads before saying yes, and how it stands.

use std::fmt::Write;

use jiff::Timestamp;
use serde_json::Value;

use super::plan::named;
use super::{Assessment, Ending, GoalEvidence, GoalVerdict, GuardrailEvidence, Plan, Power, Standing, State};
use crate::model::duration;
use crate::plan::{short_actions, wrapped};
use crate::spec::experiment::{Assignment, Unit};

/// The plan as text, ending with a newline.
pub fn describe(plan: &Plan, power: &[Power]) -> String {
    let (site, design) = (&plan.site, &plan.design);
    let mut text = format!("Experiment {} ({})\n", site.service, plan.id);
    let place = format!("{}: {}, account {}", site.environment, site.region, site.account);
    let _ = writeln!(text, "  where      {place}");
    let unit = match &design.unit {
        Unit::Request => "requests".to_owned(),
        Unit::User(custom) => format!("users, by {}", custom.name),
    };
    let _ = writeln!(text, "  unit       {unit}");
    let (expiry, minimum) = (duration::format(design.expiry), duration::format(design.minimum));
    let _ = writeln!(text, "  ends       after {expiry} at the latest; goals are decided after {minimum}");
    text += "\nVariants\n";
    let shares = design.shares();
    for (index, (variant, group)) in design.variants.iter().zip(&plan.groups).enumerate() {
        let share = shares.as_ref().map(|shares| format!("{:.1} %, ", 100.0 * shares[index])).unwrap_or_default();
        let role = if index == 0 { " (control)" } else { "" };
        text += &wrapped(&format!("{}{role}: {share}{}", variant.name, group.name()), 2);
    }
    text += "\nRules\n";
    text += &rules(plan);
    text += "\nDuration\n";
    for power in power {
        text += &wrapped(&duration_line(power, plan), 2);
    }
    if !design.is_sticky() || matches!(design.assignment, Assignment::Cohorts(_)) {
        let why = match design.assignment {
            Assignment::Cohorts(_) => "nobody is drawn: a difference may come from who is in the cohort",
            Assignment::Split { .. } => "clients change variants with every request",
        };
        text += &wrapped(&format!("note: {why}"), 2);
    }
    text
}

/// What stands on the listener before and after, in the order in which it is asked.
fn rules(plan: &Plan) -> String {
    let mut text = String::new();
    let base = plan.before.iter().find(|route| route.id == plan.base);
    for rule in &plan.rules {
        text += &wrapped(&format!("+ rule {}: {}", rule.priority, conditions(&rule.conditions)), 2);
        text += &wrapped(&format!("-> {}", short_actions(&rule.actions)), 6);
    }
    if let Some(base) = base {
        text += &wrapped(&format!("  {}: {} (stays)", named(base), conditions(&base.conditions)), 2);
        text += &wrapped(&format!("-> {}", short_actions(&base.actions)), 6);
    }
    text
}

/// Conditions as people write them: `path-pattern /a/*, http-header X-Beta 1`.
fn conditions(conditions: &Value) -> String {
    let one = |condition: &Value| {
        let field = condition["Field"].as_str().unwrap_or_default();
        let config = condition.as_object().into_iter().flatten().find(|(name, _)| name.ends_with("Config"));
        let config = config.map(|(_, config)| config);
        let get = |name: &str| config.and_then(|config| config.get(name));
        let texts = |name: &str| -> Vec<String> {
            let text = |item: &Value| match (item.as_str(), &item["Key"], &item["Value"]) {
                (Some(text), _, _) => text.to_owned(),
                (None, key, value) => {
                    let key = key.as_str().map(|key| format!("{key}=")).unwrap_or_default();
                    format!("{key}{}", value.as_str().unwrap_or_default())
                }
            };
            get(name).and_then(Value::as_array).map(|items| items.iter().map(text).collect()).unwrap_or_default()
        };
        let header = get("HttpHeaderName").and_then(Value::as_str).map(|name| format!(" {name}")).unwrap_or_default();
        let values: Vec<String> = texts("Values").into_iter().chain(texts("RegexValues")).collect();
        format!("{field}{header} {}", values.join(" | "))
    };
    let all: Vec<String> = conditions.as_array().into_iter().flatten().map(one).collect();
    if all.is_empty() { "everything".to_owned() } else { all.join(", ") }
}

fn duration_line(power: &Power, plan: &Plan) -> String {
    let (goal, detect) = (&power.goal, percent(power.detect));
    let (Some((before, units)), Some(minutes)) = (power.before, power.minutes) else {
        return format!(
            "{goal}: not known, since the last day has too few minutes of it; `status` tells what has been found"
        );
    };
    let until = plan.design.expiry.as_secs_f64() / 60.0;
    let fits = match power.smallest {
        Some(smallest) if minutes > until => {
            format!("it ends before; a change of {} is found until then", percent(smallest))
        }
        _ => "it will be".to_owned(),
    };
    let rate = format!("{} now, {units:.0} units a minute", number(before));
    format!("{goal} ({rate}): a change of {detect} is found within {} with probability 0.8: {fits}", long(minutes))
}

/// How an experiment stands, as text, ending with a newline.
pub fn describe_standing(state: &State, assessment: &Assessment, standing: &Standing, now: Timestamp) -> String {
    let plan = &state.plan;
    let mut text = format!("Experiment {} ({})\n", plan.site.service, plan.id);
    text += &wrapped(&format!("state      {}", standing_words(state, standing, now)), 2);
    let units = assessment.units.iter().fold(0.0, |sum, units| sum + units);
    let what = if matches!(plan.design.unit, Unit::Request) { "requests" } else { "users" };
    text += &wrapped(&format!("counted    {units:.0} {what} in {} minutes", assessment.minutes), 2);
    text += "\nVariants\n";
    for (variant, count) in plan.design.variants.iter().zip(&assessment.units) {
        let share = if units > 0.0 { format!(", {:.2} %", 100.0 * count / units) } else { String::new() };
        text += &wrapped(&format!("{:<18} {count:.0} {what}{share}", variant.name), 2);
    }
    if let Some(split) = &assessment.split {
        let planned: Vec<String> = split.planned.iter().map(|share| format!("{:.2} %", 100.0 * share)).collect();
        let verdict = match (split.alarm, split.decides) {
            (true, true) => "BROKEN: nothing below can be believed",
            (true, false) => "warning: the requests are not split so (clients stay where they are)",
            (false, _) => "as planned",
        };
        text += &wrapped(&format!("{:<18} {}: {verdict}", "planned", planned.join(" / ")), 2);
        text += &wrapped(&format!("{:<18} evidence against it: {} of 1000", "", e_value(split.log_e)), 2);
    }
    if !assessment.guardrails.is_empty() {
        text += "\nGuardrails\n";
        text.extend(assessment.guardrails.iter().map(guardrail_line));
    }
    text += "\nGoals\n";
    text.extend(assessment.goals.iter().map(goal_line));
    if let Some(changed) = state.ended.as_ref().filter(|changed| !changed.is_empty()) {
        text += "\nOther routes, changed by somebody else meanwhile\n";
        text.extend(changed.iter().map(|what| wrapped(what, 2)));
    }
    text
}

fn standing_words(state: &State, standing: &Standing, now: Timestamp) -> String {
    let left = |until: Option<Timestamp>| {
        let minutes = until.map_or(0.0, |until| until.duration_since(now).as_secs_f64() / 60.0);
        long(minutes.max(0.0))
    };
    match standing {
        Standing::Running => match (&state.ending, state.live_since) {
            (Some((ending, _)), _) => format!("ending: {ending}. The next look removes its rules"),
            (None, None) => "being set up: the next look goes on".to_owned(),
            (None, Some(_)) => format!("running; it ends by itself in {}", left(state.expires_at())),
        },
        Standing::Invalid(why) => format!("INVALID: {why}. Find out why, stop it, and start anew"),
        Standing::Blind(error) => format!("running; the metrics gave no answer, so nothing new is known: {error}"),
        Standing::Drifted(what) => {
            format!(
                "HELD: somebody else changed its rules: {}. Put that back, or end it with `bluegreen experiment stop --accept-drift`",
                what.join("; ")
            )
        }
        Standing::Ended(ending) => {
            let word = if matches!(ending, Ending::Guardrail { .. }) { "ENDED" } else { "ended" };
            format!("{word}: {ending}. Its rules are gone")
        }
    }
}

fn guardrail_line(guardrail: &GuardrailEvidence) -> String {
    let GuardrailEvidence { metric, variant, log_e, needed, failed, variant_counts, control_counts } = guardrail;
    let rate =
        |(bad, all): (f64, f64)| if all > 0.0 { format!("{:.3} %", 100.0 * bad / all) } else { "no data".to_owned() };
    let verdict = if *failed { "WORSE" } else { "holds" };
    let (ours, control) = (rate(*variant_counts), rate(*control_counts));
    let evidence = format!("evidence that it is worse: {} of {}", e_value(*log_e), e_value(*needed));
    let head = wrapped(&format!("{metric}, {variant}: {verdict}"), 2);
    head + &wrapped(&format!("{ours}, control {control}; {evidence}"), 4)
}

fn goal_line(goal: &GoalEvidence) -> String {
    let verdict = match goal.verdict {
        GoalVerdict::Early => "too early to say",
        GoalVerdict::Invalid => "invalid",
        GoalVerdict::Better => "BETTER",
        GoalVerdict::Worse => "WORSE",
        GoalVerdict::Equivalent => "equivalent",
        GoalVerdict::Inconclusive => "not enough evidence",
    };
    let value = |value: Option<f64>| value.map_or("no data".to_owned(), number);
    let change = match goal.change {
        Some((estimate, low, high)) if low.is_finite() && high.is_finite() => {
            let level = 100.0 * (1.0 - goal.alpha);
            format!("change {} ({} to {}, {level:.1} % at all times)", signed(estimate), signed(low), signed(high))
        }
        Some((estimate, ..)) => format!("change {} (no interval yet)", signed(estimate)),
        None => String::new(),
    };
    let (metric, variant) = (&goal.metric, &goal.variant);
    let head = wrapped(&format!("{metric}, {variant}: {verdict}"), 2);
    let values = wrapped(&format!("{}, control {}", value(goal.value), value(goal.control)), 4);
    head + &values + &if change.is_empty() { change } else { wrapped(&change, 4) }
}

fn percent(share: f64) -> String {
    format!("{} %", (share * 1000.0).round() / 10.0)
}

fn signed(share: f64) -> String {
    format!("{:+.1} %", 100.0 * share)
}

/// Four digits that count.
fn number(value: f64) -> String {
    match value.abs() {
        large if large >= 1000.0 => format!("{value:.0}"),
        small if small < 0.1 => format!("{value:.5}"),
        _ => format!("{value:.3}"),
    }
}

fn e_value(log_e: f64) -> String {
    let e = log_e.exp();
    match e < 1e6 {
        true if e < 10.0 => format!("{e:.1}"),
        true => format!("{e:.0}"),
        false => format!("10^{:.0}", log_e / std::f64::consts::LN_10),
    }
}

/// Minutes in the two largest units that are not zero.
fn long(minutes: f64) -> String {
    const UNITS: [(f64, &str); 3] = [(1440.0, "d"), (60.0, "h"), (1.0, "m")];
    if !minutes.is_finite() || minutes > 527_040.0 {
        return "more than a year".to_owned();
    }
    let mut rest = minutes.ceil();
    let mut parts = Vec::new();
    for (size, unit) in UNITS {
        let count = (rest / size).floor();
        rest -= count * size;
        if count > 0.0 {
            parts.push(format!("{count:.0}{unit}"));
        }
    }
    if parts.is_empty() { "0m".to_owned() } else { parts[..parts.len().min(2)].join("") }
}

#[cfg(test)]
mod tests;
