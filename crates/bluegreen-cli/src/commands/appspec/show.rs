//! `bluegreen appspec show`

use bluegreen_core::appspec;
use bluegreen_core::diagnostic::Report;

use super::{print, read, render};
use crate::args::ShowArgs;
use crate::commands::session::Session;
use crate::error::Failure;
use crate::exit::Exit;
use crate::out;

pub(super) fn run(session: &Session, args: &ShowArgs) -> Result<Exit, Failure> {
    let name = args.file.display().to_string();
    let text = read(&args.file)?;
    let document = appspec::parse(&name, &text)?;
    let mut notes = Vec::new();
    if !document.warnings.is_empty() {
        out::say_raw(&Report::new(name.as_str(), text.as_str(), document.warnings).render());
    }
    if let Some(placeholder) = document.spec.unresolved() {
        notes.push(format!("{placeholder} has to be filled in before CodeDeploy can take the document"));
    }
    notes.push(format!("the bytes of {name} themselves have sha256 {}", appspec::sha256(&text)));
    print(session, &render(&document.spec, args.format), &notes)
}
