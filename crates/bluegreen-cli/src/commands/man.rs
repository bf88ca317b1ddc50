//! `bluegreen man`

use std::path::Path;

use clap::CommandFactory;

use crate::args::Cli;
use crate::error::Failure;
use crate::exit::Exit;
use crate::out;

pub(super) fn run(dir: Option<&Path>) -> Result<Exit, Failure> {
    if let Some(dir) = dir {
        write_pages(dir)?;
    } else {
        let mut page = Vec::new();
        clap_mangen::Man::new(Cli::command())
            .render(&mut page)
            .map_err(|error| Failure::caused(Exit::Unexpected, "the manual page cannot be made", error))?;
        out::raw(&page);
    }
    Ok(Exit::Done)
}

fn write_pages(dir: &Path) -> Result<(), Failure> {
    let failed = |error: std::io::Error| {
        let what = format!("the manual pages cannot be written to {}", dir.display());
        Failure::caused(Exit::Unexpected, what, error)
    };
    std::fs::create_dir_all(dir).map_err(failed)?;
    clap_mangen::generate_to(Cli::command(), dir).map_err(failed)
}
