//! The functions that run between the steps.

use super::super::{Event, Hook};
use super::Platform;
use super::arn;
use super::fields::{Reader, listed};
use crate::diagnostic::{Diagnostic, codes};
use crate::document::Node;
use crate::taskdef::closest;

/// Events of ECS and Lambda deployments that run nothing of the user's.
const UNSCRIPTED: [&str; 5] = ["Start", "Install", "AllowTestTraffic", "AllowTraffic", "End"];

/// Events that exist for servers only.
const SERVERS: [&str; 7] = [
    "ApplicationStop",
    "DownloadBundle",
    "ApplicationStart",
    "ValidateService",
    "BeforeBlockTraffic",
    "BlockTraffic",
    "AfterBlockTraffic",
];

impl Reader {
    /// Reads the list; what is known of the resource tells which names there are.
    pub(super) fn hooks(&mut self, hooks: &Node, platform: Option<Platform>) -> Vec<Hook> {
        if hooks.is_null() {
            return Vec::new(); // a heading whose entries are commented out
        }
        let Some(items) = hooks.items() else {
            let help = "write a list, one entry for each function: `- BeforeAllowTraffic: FUNCTION`";
            let message = format!("`Hooks` is a list, and here {}", hooks.describe());
            self.add(Diagnostic::error(codes::APPSPEC_TYPE, message).at(super::first_key(hooks)).help(help));
            return Vec::new();
        };
        let mut found: Vec<(Hook, &Node)> = Vec::new();
        for item in items {
            let entries = item.entries().unwrap_or_default();
            if entries.len() != 1 {
                let (message, help) = if entries.is_empty() {
                    (
                        format!("an entry of `Hooks` is an event with its function, and here {}", item.describe()),
                        "write `- EVENT: FUNCTION`",
                    )
                } else {
                    (format!("one entry of `Hooks` has {} events", entries.len()), "begin each event with its own `- `")
                };
                self.add(Diagnostic::error(codes::APPSPEC_HOOK, message).at(super::first_key(item)).help(help));
            }
            for (key, value) in entries {
                self.hook(key, value, platform, &mut found);
            }
        }
        self.hook_order(&found);
        found.into_iter().map(|(hook, _)| hook).collect()
    }

    fn hook<'n>(&mut self, key: &'n Node, value: &Node, platform: Option<Platform>, found: &mut Vec<(Hook, &'n Node)>) {
        let event = self.event(key, platform);
        let function = self.hook_function(key, value);
        let Some(event) = event else { return };
        if found.iter().any(|(hook, _)| hook.event == event) {
            let message = format!("`{event}` stands twice: each event runs one function, once");
            let help = "let one function do both, or use another event";
            return self.add(Diagnostic::error(codes::APPSPEC_HOOK, message).at(key.place).help(help));
        }
        // A hook without a sound function is kept for the order's sake; the document is refused anyway.
        found.push((Hook { event, function: function.unwrap_or_default() }, key));
    }

    fn event(&mut self, key: &Node, platform: Option<Platform>) -> Option<Event> {
        let text = key.text().unwrap_or_default();
        let shown = key.scalar().map(crate::document::Scalar::shown).unwrap_or_default();
        let events = platform.map_or(Event::ECS, Platform::events);
        let names: Vec<&str> = events.iter().map(|event| event.name()).collect();
        let known_as = |names: &[&'static str]| names.iter().copied().find(|name| name.eq_ignore_ascii_case(text));
        if let Some(event) = Event::ECS.iter().find(|event| event.name().eq_ignore_ascii_case(text)) {
            if events.contains(event) {
                return Some(*event);
            }
            let message = format!("`{event}` does not happen when a Lambda function is deployed");
            self.add(
                Diagnostic::error(codes::APPSPEC_HOOK, message)
                    .at(key.place)
                    .help(format!("a function has {}", listed(&names))),
            );
            return None;
        }
        let (message, help) = if let Some(name) = known_as(&UNSCRIPTED) {
            let beside = match name {
                "AllowTestTraffic" => "use `AfterAllowTestTraffic`",
                "Install" => "use `BeforeInstall` or `AfterInstall`",
                "Start" => "use `BeforeInstall`",
                _ => "use `BeforeAllowTraffic` or `AfterAllowTraffic`",
            };
            (format!("`{name}` is CodeDeploy's own step and runs no function"), beside.to_owned())
        } else if let Some(name) = known_as(&SERVERS) {
            (
                format!("`{name}` exists for EC2 and on-premises servers only"),
                format!("here there are {}", listed(&names)),
            )
        } else {
            let help = closest(text, names.iter().copied())
                .map_or_else(|| format!("the events are {}", listed(&names)), |near| format!("did you mean `{near}`?"));
            (format!("`{shown}` is no event of a deployment"), help)
        };
        self.add(Diagnostic::error(codes::APPSPEC_HOOK, message).at(key.place).help(help));
        None
    }

    fn hook_function(&mut self, key: &Node, value: &Node) -> Option<String> {
        let event = key.scalar().map(crate::document::Scalar::shown).unwrap_or_default();
        if let Some(items) = value.items() {
            let script = items.iter().any(|item| item.get_ignoring_case("location").is_some());
            let (message, help) = if script {
                (
                    format!(
                        "`{event}` runs scripts here, as it does on servers; for ECS and Lambda it runs a Lambda function"
                    ),
                    "write the function's name or ARN in place of the list",
                )
            } else {
                (
                    format!("`{event}` has a list of {}: each event runs one function", items.len()),
                    "write one function's name or ARN, and let it call the others",
                )
            };
            self.add(Diagnostic::error(codes::APPSPEC_HOOK_VALUE, message).at(value.place).help(help));
            return None;
        }
        let text = self.text(value, &event)?;
        if let Err((code, message, help)) = arn::function(text) {
            self.add(Diagnostic::error(code, message).at(value.place).help(help));
            return None;
        }
        Some(text.to_owned())
    }

    fn hook_order(&mut self, found: &[(Hook, &Node)]) {
        for pair in found.windows(2) {
            let ((before, _), (after, key)) = (&pair[0], &pair[1]);
            if after.event < before.event {
                let message = format!("`{}` stands behind `{}` but runs before it", after.event, before.event);
                let help = "the order here changes nothing; write the events in the order in which they happen";
                self.add(Diagnostic::warning(codes::APPSPEC_HOOK_ORDER, message).at(key.place).help(help));
            }
        }
    }
}
