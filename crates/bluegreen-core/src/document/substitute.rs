//! `${VAR}` in scalar values, after parsing: a value can hold anything and still stays one scalar.

use super::{Limits, Node, NodeKind, Scalar};
use crate::diagnostic::{Diagnostic, codes, printable};

/// Where the values of variables come from: usually the process environment, read at the program's edge.
pub type Variables<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Replaces variables in every scalar value below `node`; keys are left alone. Returns what could not be replaced.
///
/// `${NAME}` must be set; `${NAME:-default}` and `${NAME:?message}` treat an empty value as unset; `$${` stands for
/// a literal `${`. A scalar with a variable in it counts as quoted from then on.
pub fn substitute(node: &mut Node, variables: Variables<'_>) -> Vec<Diagnostic> {
    let mut work = Work { variables, left: Limits::default().bytes, diagnostics: Vec::new() };
    work.node(node);
    work.diagnostics
}

struct Work<'a> {
    variables: Variables<'a>,
    /// The bytes that values may still add.
    left: usize,
    diagnostics: Vec<Diagnostic>,
}

/// One part of a scalar's text.
#[derive(Debug, PartialEq)]
enum Part<'a> {
    Text(&'a str),
    Variable { name: &'a str, otherwise: Otherwise<'a> },
}

/// What an unset variable does.
#[derive(Debug, PartialEq)]
enum Otherwise<'a> {
    Fail,
    Default(&'a str),
    Message(&'a str),
}

impl Work<'_> {
    fn node(&mut self, node: &mut Node) {
        match &mut node.kind {
            NodeKind::Sequence(items) => items.iter_mut().for_each(|item| self.node(item)),
            NodeKind::Mapping(entries) => entries.iter_mut().for_each(|(_, value)| self.node(value)),
            NodeKind::Scalar(scalar) if scalar.text.contains("${") => {
                let findings = self.scalar(scalar);
                self.diagnostics.extend(findings.into_iter().map(|finding| finding.at(node.place)));
            }
            NodeKind::Scalar(_) => {}
        }
    }

    fn scalar(&mut self, scalar: &mut Scalar) -> Vec<Diagnostic> {
        let parts = match split(&scalar.text) {
            Ok(parts) => parts,
            Err(diagnostic) => return vec![diagnostic],
        };
        let variable = parts.iter().any(|part| matches!(part, Part::Variable { .. }));
        let (mut text, mut findings) = (String::new(), Vec::new());
        for part in parts {
            match part {
                Part::Text(literal) => text.push_str(literal),
                Part::Variable { name, otherwise } => match self.value(name, &otherwise) {
                    Ok(value) => text.push_str(&value),
                    Err(diagnostic) => findings.push(diagnostic),
                },
            }
        }
        if variable {
            scalar.written = Some(std::mem::take(&mut scalar.text));
            scalar.quoted = true;
        }
        scalar.text = text;
        findings
    }

    fn value(&mut self, name: &str, otherwise: &Otherwise<'_>) -> Result<String, Diagnostic> {
        let found = (self.variables)(name);
        let value = match (found, otherwise) {
            (Some(value), Otherwise::Fail) => value,
            (Some(value), _) if !value.is_empty() => value,
            (_, Otherwise::Default(text)) => (*text).to_owned(),
            (found, Otherwise::Message(text)) => {
                let state = if found.is_some() { "empty" } else { "not set" };
                let message = format!("the variable `{name}` is {state}");
                let reason = printable(text.trim());
                let help = if reason.is_empty() { format!("set it: export {name}=…") } else { reason };
                return Err(Diagnostic::error(codes::VARIABLE_UNSET, message).help(help));
            }
            (_, Otherwise::Fail) => {
                let message = format!("the variable `{name}` is not set");
                let help = format!(
                    "set it (export {name}=…), give it a default (`${{{name}:-value}}`), or write `$${{` for a literal `${{`"
                );
                return Err(Diagnostic::error(codes::VARIABLE_UNSET, message).help(help));
            }
        };
        self.charge(name, &value)?;
        Ok(value)
    }

    fn charge(&mut self, name: &str, value: &str) -> Result<(), Diagnostic> {
        if let Some(left) = self.left.checked_sub(value.len()) {
            self.left = left;
            return Ok(());
        }
        let message = format!("the value of `{name}` makes the file larger than {} bytes", Limits::default().bytes);
        Err(Diagnostic::error(codes::VARIABLE_TOO_LONG, message).help(format!("check what `{name}` holds")))
    }
}

/// Cuts a text into literals and variables.
fn split(text: &str) -> Result<Vec<Part<'_>>, Diagnostic> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        if rest[..at].ends_with('$') {
            // `$${`: the first dollar sign only protects the second.
            parts.push(Part::Text(&rest[..at - 1]));
            parts.push(Part::Text("${"));
            rest = &rest[at + 2..];
            continue;
        }
        parts.push(Part::Text(&rest[..at]));
        let inside = &rest[at + 2..];
        let end = inside.find('}').ok_or_else(|| malformed("a `${` is not closed by `}`"))?;
        parts.push(variable(&inside[..end])?);
        rest = &inside[end + 1..];
    }
    parts.push(Part::Text(rest));
    Ok(parts)
}

fn variable(inside: &str) -> Result<Part<'_>, Diagnostic> {
    let end = inside.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(inside.len());
    let (name, tail) = inside.split_at(end);
    if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
        return Err(malformed("after `${` comes a name of letters, digits and `_`"));
    }
    let otherwise = if tail.is_empty() {
        Otherwise::Fail
    } else if let Some(default) = tail.strip_prefix(":-") {
        Otherwise::Default(default)
    } else if let Some(message) = tail.strip_prefix(":?") {
        Otherwise::Message(message)
    } else {
        return Err(malformed("after the variable's name comes `}`, `:-default}` or `:?message}`"));
    };
    if tail.contains("${") {
        return Err(malformed("a variable stands inside another one, which is not supported"));
    }
    Ok(Part::Variable { name, otherwise })
}

fn malformed(message: &str) -> Diagnostic {
    let help = "write `${NAME}`, `${NAME:-default}` or `${NAME:?message}`, or `$${` for a literal `${`";
    Diagnostic::error(codes::VARIABLE_SYNTAX, message).help(help)
}
