//! The control fleet: a service and a target group of its own, both or neither.

use super::same;
use crate::diagnostic::{Diagnostic, codes};
use crate::document::Node;
use crate::spec::read::at;

const SERVICES: [&str; 2] = ["fleet", "services"];
const GROUPS: [&str; 2] = ["traffic", "targetGroups"];

pub(super) fn check(root: &Node, meant: &[&str]) -> Vec<Diagnostic> {
    let (services, groups) = (at(root, &SERVICES), at(root, &GROUPS));
    let mut findings = Vec::new();
    findings.extend(own(services, "ECS service"));
    findings.extend(own(groups, "target group"));
    // What was nearly written has been reported.
    if !meant.contains(&"control") {
        findings.extend(halved(services, groups, GROUPS));
        findings.extend(halved(groups, services, SERVICES));
    }
    findings
}

fn control(pair: Option<&Node>) -> Option<&Node> {
    pair?.get("control").filter(|node| !node.is_null())
}

/// The control fleet shares nothing with the pair.
fn own(pair: Option<&Node>, kind: &str) -> Option<Diagnostic> {
    let control = control(pair)?;
    let taken = ["blue", "green"].into_iter().find(|color| {
        let other = pair.and_then(|pair| pair.get(color)).and_then(Node::text);
        other.zip(control.text()).is_some_and(|(other, own)| same(other, own))
    })?;
    let message = format!("control and {taken} are the same {kind}");
    let help = format!("name a third {kind}: the old version's new tasks are compared with the canary's there");
    Some(Diagnostic::error(codes::SAME_FLEET, message).at(control.place).help(help))
}

/// One of the two without the other: nobody could tell what was meant.
fn halved(here: Option<&Node>, there: Option<&Node>, path: [&str; 2]) -> Option<Diagnostic> {
    let node = control(here).filter(|_| control(there).is_none())?;
    let other = path.join(".");
    let message = format!("there is a `control` here and none under `{other}`");
    let help = format!(
        "add `control: NAME` under `{other}`, or remove it here: a control fleet is a service with a target group"
    );
    Some(Diagnostic::error(codes::CONTROL_HALVED, message).at(node.place).help(help))
}
