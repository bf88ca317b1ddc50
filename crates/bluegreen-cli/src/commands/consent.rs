//! Asking a person before something is changed; without one, only `--yes` lets it happen.

use std::io::{IsTerminal, Write};

use crate::error::Failure;
use crate::exit::Exit;

/// Without a terminal nobody can be asked: said before anything is read. `what` is to be started.
pub(super) fn check_early(yes: bool, what: &str) -> Result<(), Failure> {
    if yes || (std::io::stdin().is_terminal() && std::io::stderr().is_terminal()) {
        return Ok(());
    }
    Err(Failure::usage(format!("there is no terminal to ask at whether to {what}"))
        .help("pass --yes to do it without a question"))
}

/// Asks; anything but a yes refuses.
pub(super) fn ask(yes: bool, question: &str) -> Result<(), Failure> {
    if yes {
        return Ok(());
    }
    let mut stderr = anstream::stderr();
    let _ = write!(stderr, "{question} [y/N] ");
    let _ = stderr.flush();
    let mut answer = String::new();
    let read = std::io::stdin().read_line(&mut answer);
    if read.is_ok() && matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes") {
        return Ok(());
    }
    Err(Failure::new(Exit::Refused, "not confirmed; nothing was changed"))
}
