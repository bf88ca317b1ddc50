//! `bluegreen pipeline`

mod codebuild;
mod inputs;
mod outlet;

use super::session::Session;
use crate::args::PipelineCommand;
use crate::error::Failure;
use crate::exit::Exit;

pub(super) fn run(session: &Session, command: &PipelineCommand) -> Result<Exit, Failure> {
    match command {
        PipelineCommand::Codebuild(args) => codebuild::run(session, args),
    }
}
