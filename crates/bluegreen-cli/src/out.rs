//! Writing: data to stdout, everything else to stderr. A reader that went away never stops a run.

use std::fmt::Display;
use std::io::{IsTerminal, Write};

use serde::Serialize;

use crate::error::Failure;
use crate::exit::Exit;
use crate::render::words::wrap;

/// Writes one line of data. A closed pipe is the reader's right, not an error.
pub(crate) fn data(text: impl Display) {
    let _ = writeln!(anstream::stdout().lock(), "{text}");
}

/// Writes data exactly as it is, without a line break of its own.
pub(crate) fn raw(bytes: &[u8]) {
    let mut stdout = std::io::stdout().lock();
    let _ = stdout.write_all(bytes).and_then(|()| stdout.flush());
}

/// Writes one document as one line of JSON.
pub(crate) fn json(value: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string(value)
        .map_err(|error| Failure::caused(Exit::Unexpected, "the answer cannot be written as JSON", error))?;
    data(text);
    Ok(())
}

/// Writes one line for a person.
pub(crate) fn say(text: impl Display) {
    let _ = writeln!(anstream::stderr().lock(), "{text}");
}

/// Writes a text that brings its own line breaks for a person; at a terminal, long lines are broken at words.
pub(crate) fn say_raw(text: &str) {
    let mut stderr = anstream::stderr().lock();
    if !stderr_is_terminal() {
        let _ = write!(stderr, "{text}");
        return;
    }
    for line in text.lines() {
        let indent = line.len() - line.trim_start().len();
        let _ = writeln!(stderr, "{}", wrap(line, indent + 2));
    }
}

/// Whether a person reads stderr: only then is anything drawn or asked.
pub(crate) fn stderr_is_terminal() -> bool {
    let dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb" || term.is_empty());
    std::io::stderr().is_terminal() && !dumb
}

/// Whether stderr takes colours: `NO_COLOR`, `CLICOLOR_FORCE` and the kind of terminal, asked in one place.
pub(crate) fn stderr_has_colors() -> bool {
    anstream::AutoStream::choice(&std::io::stderr()) != anstream::ColorChoice::Never
}
