//! `bluegreen completions`

use clap::CommandFactory;
use clap_complete::Shell;

use crate::args::Cli;
use crate::error::Failure;
use crate::exit::Exit;
use crate::out;

pub(super) fn run(shell: Shell) -> Result<Exit, Failure> {
    // The generator panics when its writer fails, and the reader may be gone: into memory first.
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "bluegreen", &mut script);
    out::raw(&script);
    Ok(Exit::Done)
}
