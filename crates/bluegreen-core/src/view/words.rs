//! How things are called in front of people: short, without ARNs, without terminal controls.

use std::time::Duration;

use crate::model::{Action, ActionKind, ByColor, Color, Forward, ForwardGroup, RouteId, Step, TargetGroupArn};
use crate::{model::duration, text};

/// Longer texts from outside are cut.
const TEXT_MAX: usize = 400;

/// A route by the tail of its ARN: `rule 9683b2d02a6cabee`, or `listener f2f7dc8efc522ab2` for its default action.
pub fn route(id: &RouteId) -> String {
    let tail = id.arn().rsplit('/').next().unwrap_or_default();
    match id {
        RouteId::Rule(_) => format!("rule {tail}"),
        RouteId::DefaultAction(_) => format!("listener {tail}"),
    }
}

/// The weights of a route's forward: `blue 90 · green 10`, or `blue only`. Groups outside the pair go by name.
pub fn weights(actions: &[Action], groups: &ByColor<TargetGroupArn>) -> String {
    match Action::forward_of(actions) {
        Some(forward) => forward_weights(forward, groups),
        None => match actions.last().map(|action| &action.kind) {
            Some(ActionKind::Other { name, .. }) => format!("{name}, no forward"),
            _ => "no action".to_owned(),
        },
    }
}

fn forward_weights(forward: &Forward, groups: &ByColor<TargetGroupArn>) -> String {
    let color = |group: &ForwardGroup| groups.iter().find(|(_, arn)| **arn == group.arn).map(|(color, _)| color);
    let name = |group: &ForwardGroup| match color(group) {
        Some(color) => color.to_string(),
        None => group.arn.name().to_owned(),
    };
    if let [alone] = forward.groups.as_slice() {
        return format!("{} only", name(alone));
    }
    let mut members: Vec<&ForwardGroup> = forward.groups.iter().collect();
    let rank = |group: &&ForwardGroup| match color(group) {
        Some(Color::Blue) => 0,
        Some(Color::Green) => 1,
        None => 2,
    };
    members.sort_by_key(rank);
    let member = |group: &ForwardGroup| match group.weight {
        Some(weight) => format!("{} {}", name(group), weight.get()),
        None => name(group),
    };
    members.into_iter().map(member).collect::<Vec<_>>().join(" · ")
}

/// All actions of a route in one line: `authenticate-oidc, blue 90 · green 10, sticky 1m`.
pub fn actions(actions: &[Action], groups: &ByColor<TargetGroupArn>) -> String {
    let one = |action: &Action| match &action.kind {
        ActionKind::Other { name, .. } => name.clone(),
        ActionKind::Forward(forward) => match forward.sticky_seconds() {
            Some(seconds) => {
                let window = duration::format(Duration::from_secs(seconds.into()));
                format!("{}, sticky {window}", forward_weights(forward, groups))
            }
            None => forward_weights(forward, groups),
        },
    };
    actions.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// Both sides of a route that is not as we left it: `expected blue 90 · green 10, found blue 50 · green 50`.
///
/// Where the weights agree, what else differs is shown.
pub fn both_sides(expected: &[Action], found: &[Action], groups: &ByColor<TargetGroupArn>) -> String {
    let pairs = [
        (weights(expected, groups), weights(found, groups)),
        (self::actions(expected, groups), self::actions(found, groups)),
    ];
    match pairs.into_iter().find(|(left, right)| left != right) {
        Some((left, right)) => format!("expected {left}, found {right}"),
        None => format!(
            "{} as expected, but the settings of {} differ",
            weights(found, groups),
            differing(expected, found).unwrap_or("an action")
        ),
    }
}

fn differing<'a>(expected: &[Action], found: &'a [Action]) -> Option<&'a str> {
    let (_, action) = expected.iter().zip(found).find(|(left, right)| left != right)?;
    Some(match &action.kind {
        ActionKind::Other { name, .. } => name,
        ActionKind::Forward(_) => "the forward",
    })
}

/// A step of the plan: `setWeight 10%`, `hold 5m`, `await promote`.
pub fn step(step: &Step) -> String {
    match step {
        Step::SetWeight(share) => format!("setWeight {share}"),
        Step::SetCanaryScale(share) => format!("setCanaryScale {share}"),
        Step::Hold(hold) => format!("hold {}", duration::format(*hold)),
        Step::Analysis(hold) => format!("analysis {}", duration::format(*hold)),
        Step::AwaitPromote => "await promote".to_owned(),
        Step::Bake(hold) => format!("bake {}", duration::format(*hold)),
    }
}

/// A share in parts of a million as a percentage with at most one decimal: `9.8%`. Little is never shown as none.
pub fn share_ppm(ppm: u32) -> String {
    let tenths = (ppm + 500) / 1000;
    match (tenths / 10, tenths % 10) {
        (0, 0) if ppm > 0 => "<0.1%".to_owned(),
        (whole, 0) => format!("{whole}%"),
        (whole, tenth) => format!("{whole}.{tenth}%"),
    }
}

/// A length of time in its two largest units: `350ms`, `45s`, `5m12s`, `2h5m`, `3d4h`.
pub fn brief(length: Duration) -> String {
    let seconds = length.as_secs();
    let rounded = match seconds {
        0 => Duration::from_millis(u64::from(length.subsec_millis())),
        1..3600 => Duration::from_secs(seconds),
        3600..86_400 => Duration::from_secs(seconds / 60 * 60),
        _ => Duration::from_secs(seconds / 3600 * 3600),
    };
    duration::format(rounded)
}

/// `count` of `what`, which is given in the singular: `1 task`, `4 tasks`.
pub fn count(count: u32, what: &str) -> String {
    match count {
        1 => format!("1 {what}"),
        _ => format!("{count} {what}s"),
    }
}

/// Text from outside on one line: no terminal controls, ARNs by their tails, not too long.
pub fn clean(text: &str) -> String {
    text::line(&shorten(text), TEXT_MAX)
}

/// `text` with every ARN in it cut to what tells it apart: a target group's name, `family:revision`, a rule's tail.
pub fn shorten(text: &str) -> String {
    let mut short = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("arn:") {
        let (before, arn) = rest.split_at(at);
        let inside_word = before.chars().next_back().is_some_and(char::is_alphanumeric);
        let end = arn.find(|c: char| c.is_whitespace() || "\"'`,;()[]{}<>".contains(c)).unwrap_or(arn.len());
        // A sentence's own full stop or colon is not part of the name.
        let arn = arn[..end].trim_end_matches(['.', ':']);
        short.push_str(before);
        match resource(arn).filter(|_| !inside_word) {
            Some(resource) => short.push_str(resource),
            None => short.push_str(arn),
        }
        rest = &rest[at + arn.len()..];
    }
    short + rest
}

fn resource(arn: &str) -> Option<&str> {
    let mut parts = arn.splitn(6, ':').skip(5);
    let resource = parts.next().filter(|resource| !resource.is_empty())?;
    if let Some(group) = resource.strip_prefix("targetgroup/") {
        return group.split('/').next();
    }
    match resource.strip_prefix("alarm:") {
        Some(alarm) => Some(alarm),
        None => resource.rsplit('/').next().filter(|tail| !tail.is_empty()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::testing::{self, group, plan, rule};

    #[test]
    fn weights_go_by_colour_and_strangers_by_name() {
        let groups = plan().groups;
        let show = |pairs: &[(&str, u32)]| weights(&testing::actions(pairs, None), &groups);
        assert_eq!(show(&[("front-green", 10), ("front-blue", 90)]), "blue 90 · green 10");
        assert_eq!(show(&[("front-blue", 1)]), "blue only");
        assert_eq!(show(&[("other", 5), ("front-blue", 1)]), "blue 1 · other 5");
        let fixed = ActionKind::Other { name: "fixed-response".into(), config: serde_json::Map::new() };
        assert_eq!(weights(&[Action { order: None, kind: fixed }], &groups), "fixed-response, no forward");
        assert_eq!(weights(&[], &groups), "no action");
        let sticky = testing::actions(&[("front-blue", 90), ("front-green", 10)], Some(90));
        assert_eq!(actions(&sticky, &groups), "authenticate-oidc, blue 90 · green 10, sticky 1m30s");
    }

    #[test]
    fn both_sides_show_what_differs() {
        let groups = plan().groups;
        let split = |green: u32, sticky| testing::actions(&[("front-blue", 90), ("front-green", green)], sticky);
        assert_eq!(
            both_sides(&split(10, None), &split(30, None), &groups),
            "expected blue 90 · green 10, found blue 90 · green 30"
        );
        assert_eq!(
            both_sides(&split(10, Some(60)), &split(10, Some(300)), &groups),
            "expected authenticate-oidc, blue 90 · green 10, sticky 1m, found authenticate-oidc, blue 90 · green 10, \
             sticky 5m"
        );
        let mut other = split(10, Some(60));
        if let ActionKind::Other { config, .. } = &mut other[0].kind {
            config.insert("Issuer".into(), "https://evil.example".into());
        }
        assert_eq!(
            both_sides(&split(10, Some(60)), &other, &groups),
            "blue 90 · green 10 as expected, but the settings of authenticate-oidc differ"
        );
    }

    #[test]
    fn arns_shrink_to_what_tells_them_apart() {
        let text = format!("{} and {}: bad.", rule(), group("front-blue"));
        assert_eq!(shorten(&text), "rule 9683b2d02a6cabee and front-blue: bad.");
        assert_eq!(shorten("(arn:aws:ecs:eu-west-3:111122223333:task-definition/web:7)"), "(web:7)");
        assert_eq!(shorten("arn:aws:cloudwatch:eu-west-3:111122223333:alarm:a/b is red"), "a/b is red");
        assert_eq!(
            shorten("arn:aws:ecs is no name, nor is arn: or Warn: this"),
            "arn:aws:ecs is no name, nor is arn: or Warn: this"
        );
        assert_eq!(shorten("user arn:aws:sts::111122223333:assumed-role/ci/me may not"), "user me may not");
        assert_eq!(clean("red\u{1b}[31m\nand more"), "red and more");
        assert!(clean(&"x".repeat(1000)).chars().count() <= TEXT_MAX + 1);
    }

    #[test]
    fn numbers_are_short() {
        assert_eq!([0, 400, 98_000, 97_960, 1_000_000].map(share_ppm), ["0%", "<0.1%", "9.8%", "9.8%", "100%"]);
        let brief = |millis| super::brief(Duration::from_millis(millis));
        assert_eq!([0, 350, 45_900, 312_000].map(brief), ["0s", "350ms", "45s", "5m12s"]);
        assert_eq!([7_530_000, 273_600_000].map(brief), ["2h5m", "3d4h"]);
        assert_eq!((count(1, "task"), count(0, "task")), ("1 task".to_owned(), "0 tasks".to_owned()));
    }
}
