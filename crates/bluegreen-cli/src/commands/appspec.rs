//! `bluegreen appspec`: one file for each of its verbs, and what they share.

mod build;
mod deploy;
mod new;
mod patch;
mod show;
mod validate;

use std::io::Read;
use std::path::Path;

use bluegreen_core::appspec::{self, AppSpec, Event, Hook};
use serde::Serialize;

use super::session::Session;
use crate::args::{AppspecCommand, DocumentFormat};
use crate::error::Failure;
use crate::exit::Exit;
use crate::out;

pub(super) fn run(session: &Session, command: &AppspecCommand) -> Result<Exit, Failure> {
    match command {
        AppspecCommand::New(args) => new::run(session, args),
        AppspecCommand::Build(args) => build::run(session, args),
        AppspecCommand::Patch(args) => patch::run(session, args),
        AppspecCommand::Validate(args) => validate::run(session, args),
        AppspecCommand::Show(args) => show::run(session, args),
        AppspecCommand::Deploy(args) => deploy::run(session, args),
    }
}

/// The text of a file, or of stdin for `-`.
fn read(file: &Path) -> Result<String, Failure> {
    if file.as_os_str() != "-" {
        return super::spec::read_text(file);
    }
    let mut text = String::new();
    std::io::stdin()
        .read_to_string(&mut text)
        .map_err(|error| Failure::caused(Exit::Usage, "stdin cannot be read", error))?;
    Ok(text)
}

fn render(spec: &AppSpec, format: DocumentFormat) -> String {
    match format {
        DocumentFormat::Yaml => appspec::render_yaml(spec),
        DocumentFormat::Json => appspec::render_json(spec),
    }
}

/// A document as programs get it.
#[derive(Serialize)]
struct Answer<'a> {
    v: u32,
    #[serde(rename = "type")]
    kind: &'static str,
    content: &'a str,
    /// Of exactly the bytes of `content`.
    sha256: String,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    notes: &'a [String],
}

/// Writes a document: its bytes alone to stdout, so that a redirection has the hash that is shown.
fn print(session: &Session, content: &str, notes: &[String]) -> Result<Exit, Failure> {
    let sha256 = appspec::sha256(content);
    if session.json() {
        out::json(&Answer { v: 1, kind: "appspec", content, sha256, notes })?;
        return Ok(Exit::Done);
    }
    out::raw(content.as_bytes());
    for note in notes {
        out::say(format_args!("note: {note}"));
    }
    out::say(format_args!("sha256 {sha256}"));
    Ok(Exit::Done)
}

/// Hooks by name, in any case.
fn hooks(given: &[(String, String)], events: &[Event]) -> Result<Vec<Hook>, Failure> {
    let one = |(name, function): &(String, String)| {
        let event = events.iter().find(|event| event.name().eq_ignore_ascii_case(name)).copied().ok_or_else(|| {
            let known: Vec<&str> = events.iter().map(|event| event.name()).collect();
            Failure::usage(format!("--hook {name}: there is no such hook")).help(format!("one of {}", known.join(", ")))
        })?;
        Ok(Hook { event, function: function.clone() })
    };
    let mut hooks: Vec<Hook> = given.iter().map(one).collect::<Result<_, Failure>>()?;
    hooks.sort_by_key(|hook| hook.event);
    if let Some(twice) = hooks.windows(2).find(|pair| pair[0].event == pair[1].event) {
        return Err(Failure::usage(format!("--hook {} was given twice", twice[0].event)));
    }
    Ok(hooks)
}

/// A document that was put together from options is read back: whatever a file may not say, options may not either.
fn checked(spec: &AppSpec) -> Result<(), Failure> {
    appspec::parse("the new document", &appspec::render_yaml(spec))?;
    Ok(())
}
