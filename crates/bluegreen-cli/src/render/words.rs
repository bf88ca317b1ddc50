//! A run's view in words, for people.

use bluegreen_core::model::{Color, Timestamp, duration};
use bluegreen_core::observe::{AlarmState, TargetHealth};
use bluegreen_core::view::{AlarmView, FleetView, RunView, words::share_ppm};

/// The three weights of the canary: set by the plan, configured on the routes, observed in requests.
pub(crate) fn weights(view: &RunView) -> String {
    format!("set {}  configured {}  observed {}", view.set, configured(view), observed(view))
}

/// One share where all routes agree, else one for each.
fn configured(view: &RunView) -> String {
    let shares: Vec<Option<u32>> = view.routes.iter().map(|route| route.configured_ppm).collect();
    let word = |share: &Option<u32>| share.map_or_else(|| "?".to_owned(), share_ppm);
    match shares.split_first() {
        None => "?".to_owned(),
        Some((first, rest)) if rest.iter().all(|share| share == first) => word(first),
        Some(_) => shares.iter().map(word).collect::<Vec<_>>().join("/"),
    }
}

fn observed(view: &RunView) -> String {
    view.observed.map_or_else(|| "?".to_owned(), share_ppm)
}

/// One fleet: `stable  web:7  4/4 tasks, 4 healthy`.
pub(crate) fn fleet(view: &RunView, color: Color) -> String {
    let fleet = view.fleets.get(color);
    format!("{}  {}", fleet.role, revision_and_tasks(fleet))
}

/// The control fleet with its share, where there is one: `web:7  4/4 tasks, 4 healthy, 10% of traffic`.
pub(crate) fn control(view: &RunView) -> Option<String> {
    let control = view.control.as_ref()?;
    Some(format!("{}, {} of traffic", revision_and_tasks(&control.fleet), control.set))
}

fn revision_and_tasks(fleet: &FleetView) -> String {
    let tasks = match fleet.running {
        Some(running) => format!("{running}/{} tasks", fleet.desired),
        None => format!("{} tasks asked for", fleet.desired),
    };
    let health = fleet.health.as_ref().map(|found| format!(", {}", health(found))).unwrap_or_default();
    format!("{}  {tasks}{health}", fleet.task_definition)
}

/// Healthy targets always, the others where there are any.
fn health(health: &TargetHealth) -> String {
    let others = [
        (health.unhealthy, "unhealthy"),
        (health.initial, "starting"),
        (health.draining, "draining"),
        (health.unused, "unused"),
        (health.unavailable, "unknown"),
    ];
    let mut text = format!("{} healthy", health.healthy);
    for (count, word) in others {
        if count > 0 {
            text.push_str(&format!(", {count} {word}"));
        }
    }
    text
}

/// An alarm's state in a word; red is loud.
fn alarm(alarm: &AlarmView) -> &str {
    match &alarm.state {
        Some(AlarmState::Ok) => "ok",
        Some(AlarmState::Alarm) => "ALARM",
        Some(AlarmState::InsufficientData) => "no data",
        Some(AlarmState::Unknown(state)) => state,
        None => "?",
    }
}

/// All alarms in a few words: the green ones are counted, the others named.
pub(crate) fn alarms(view: &RunView) -> String {
    let is_green = |alarm: &&AlarmView| alarm.state == Some(AlarmState::Ok);
    let green = view.alarms.iter().filter(is_green).count();
    let mut parts = Vec::new();
    if green > 0 {
        parts.push(format!("{green} ok"));
    }
    let others = view.alarms.iter().filter(|one| !is_green(one));
    parts.extend(others.map(|one| format!("{} {}", one.name, alarm(one))));
    if parts.is_empty() { "none".to_owned() } else { parts.join(", ") }
}

/// What was seen and said so far, part by part: only what is new is a line.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// The weights as last seen, and as last said.
    weights: (String, String),
    /// Blue, green, control, alarms.
    parts: [String; 4],
}

impl Seen {
    /// A short line for each part that changed.
    pub(crate) fn news(&mut self, view: &RunView) -> Vec<String> {
        let mut lines = Vec::new();
        let now = weights(view);
        // Records tell of every weight that was set and read back. News is what requests show, and a difference that
        // is still there at the next look.
        let differs = configured(view) != view.set.to_string() && self.weights.0 == now;
        if (view.observed.is_some() || differs) && self.weights.1 != now {
            lines.push(format!("weights {now}"));
            self.weights.1.clone_from(&now);
        }
        self.weights.0 = now;
        let fleet = |color: Color| format!("{color} {}", fleet(view, color));
        let control = control(view).map(|control| format!("control {control}")).unwrap_or_default();
        let parts = [fleet(Color::Blue), fleet(Color::Green), control, format!("alarms {}", alarms(view))];
        lines.extend(parts.iter().zip(&self.parts).filter(|(new, old)| new != old).map(|(new, _)| new.clone()));
        self.parts = parts;
        lines.iter().map(|line| line.replace("  ", " ")).collect()
    }
}

/// How long from one time to another, in whole seconds, begun ones counted: `3m12s`.
pub(crate) fn between(from: Timestamp, to: Timestamp) -> String {
    let millis = u64::try_from(to.duration_since(from).as_millis()).unwrap_or(0);
    duration::format(std::time::Duration::from_secs(millis.div_ceil(1000)))
}

/// When a wait ends by itself: a hold, or a limit farther away than the next look.
pub(crate) fn wait_end(view: &RunView) -> Option<Timestamp> {
    let wait = view.wait.as_ref()?;
    let poll = i128::try_from(view.plan().timing.poll.as_millis()).unwrap_or(i128::MAX);
    let limit = |at: &Timestamp| at.duration_since(view.updated_at).as_millis() > poll.saturating_mul(2);
    wait.ends.or(wait.look_at.filter(limit))
}

/// How wide a line for a person may be.
const WIDTH: usize = 80;

/// A line broken at words to fit, with what follows indented. Words that are longer than a line stay whole.
pub(crate) fn wrap(text: &str, indent: usize) -> String {
    wrap_at(text, indent, WIDTH)
}

/// The same for another width than a terminal's.
pub(crate) fn wrap_at(text: &str, indent: usize, limit: usize) -> String {
    let mut lines = String::with_capacity(text.len());
    // Spaces at the beginning are a column of their own, and stay.
    let words = text.trim_start();
    let mut width = text.len() - words.len();
    lines.push_str(&text[..width]);
    for (index, word) in units(words).into_iter().enumerate() {
        let length = anstream::adapter::strip_str(&word).to_string().chars().count();
        if index > 0 && width + 1 + length > limit && width > indent {
            lines.push('\n');
            lines.push_str(&" ".repeat(indent));
            width = indent;
        } else if index > 0 {
            lines.push(' ');
            width += 1;
        }
        lines.push_str(&word);
        width += length;
    }
    lines
}

/// The words of a text. What stands in backticks is one of them: a command is copied whole.
fn units(text: &str) -> Vec<String> {
    let mut units: Vec<String> = Vec::new();
    let mut rest = text;
    while !rest.is_empty() || units.is_empty() {
        let mut end = rest.find(' ').unwrap_or(rest.len());
        if rest[..end].matches('`').count() % 2 == 1
            && let Some(close) = rest[end..].find('`').map(|close| end + close)
        {
            end = rest[close..].find(' ').map_or(rest.len(), |space| close + space);
        }
        units.push(rest[..end].to_owned());
        rest = rest.get(end + 1..).unwrap_or_default();
    }
    units
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_are_broken_at_words() {
        let text = format!("  +5m  {} {}", "a".repeat(70), "b".repeat(90));
        let wrapped = wrap(&text, 7);
        let lines: Vec<&str> = wrapped.lines().collect();
        assert_eq!(lines, [format!("  +5m  {}", "a".repeat(70)), format!("       {}", "b".repeat(90))]);
        assert_eq!(wrap("short", 4), "short");
    }

    #[test]
    fn commands_stay_whole() {
        let text = format!("{} choose with `--port 8080`, or go", "a".repeat(65));
        let wrapped = wrap(&text, 2);
        assert_eq!(wrapped.lines().last(), Some("  `--port 8080`, or go"));
        assert_eq!(units("one `two three"), ["one", "`two", "three"]);
        assert_eq!(units("a  b"), ["a", "", "b"]);
        assert_eq!(units(""), [""]);
    }

    #[test]
    fn what_is_left_never_goes_below_nothing() {
        let now: Timestamp = "2026-11-23T06:00:00Z".parse().unwrap();
        let then: Timestamp = "2026-11-23T06:03:12Z".parse().unwrap();
        assert_eq!(between(now, then), "3m12s");
        assert_eq!(between(then, now), "0s");
    }
}
