//! Which of a spec's environments is meant, and whose variables are therefore needed.

use super::Substituted;
use super::shape::list;
use super::suggest::nearest;
use crate::diagnostic::{Diagnostic, codes, printable};
use crate::document::{self, Node, NodeKind, Variables};

/// The name of the environment to use; `None` where the spec has none that could be used.
pub(super) fn choose(root: &Node, asked: Option<&str>) -> Result<Option<String>, Diagnostic> {
    let Some((key, environments)) = root.entry("environments") else { return Ok(None) };
    let names: Vec<&str> =
        environments.entries().unwrap_or_default().iter().filter_map(|(key, _)| key.text()).collect();
    let all = || list(names.iter().map(|name| format!("`{}`", printable(name))), "and");
    match (asked, names.as_slice()) {
        (_, []) => Ok(None),
        (Some(asked), _) if names.contains(&asked) => Ok(Some(asked.to_owned())),
        (None, [only]) => Ok(Some((*only).to_owned())),
        (None, _) => {
            let message = format!("several environments, and none was chosen: the spec has {}", all());
            let help = format!("choose one, such as --environment {}", printable(names[0]));
            Err(Diagnostic::error(codes::ENVIRONMENT, message).at(key.place).help(help))
        }
        (Some(asked), _) => {
            let message = format!("there is no environment `{}`: the spec has {}", printable(asked), all());
            let help = match nearest(asked, names.iter().copied()) {
                Some(near) => format!("did you mean --environment {}?", printable(near)),
                None => format!("choose another, such as --environment {}, or add it here", printable(names[0])),
            };
            Err(Diagnostic::error(codes::ENVIRONMENT, message).at(key.place).help(help))
        }
    }
}

/// Replaces variables everywhere; only those outside of the environments that were not chosen must have a value.
pub(super) fn substitute(root: &mut Node, chosen: Option<&str>, variables: Variables<'_>) -> Substituted {
    let (mut findings, mut unresolved) = (Vec::new(), Vec::new());
    let mut replace = |node: &mut Node, needed: bool| {
        let found = document::substitute(node, variables);
        unresolved.extend(found.iter().filter_map(|finding| finding.place).map(|place| place.span));
        if needed {
            findings.extend(found);
        }
    };
    let NodeKind::Mapping(entries) = &mut root.kind else {
        replace(root, true);
        return Substituted { findings, unresolved };
    };
    for (key, value) in entries {
        match &mut value.kind {
            NodeKind::Mapping(environments) if key.text() == Some("environments") => {
                for (name, environment) in environments {
                    replace(environment, name.text() == chosen);
                }
            }
            _ => replace(value, true),
        }
    }
    Substituted { findings, unresolved }
}
