//! One file for each verb: arguments in, one call of the library, an exit code out.

mod adopt;
mod appspec;
mod completions;
mod connect;
mod consent;
mod demo;
mod deploy;
mod experiment;
mod explain;
mod following;
mod hook;
mod judge;
mod man;
mod migrate;
mod operate;
mod order;
mod pipeline;
mod plan;
mod planning;
mod replay;
pub(crate) mod report;
mod respec;
mod resume;
mod retry;
mod runs;
mod sandbox;
mod schema;
mod session;
mod simulate;
mod spec;
mod status;
mod undo;
mod verify;

use clap::Parser;

use crate::args::{Cli, Command};
use crate::error::Failure;
use crate::exit::Exit;
use crate::out;
use session::Session;

/// The whole program. A panic is an unexpected failure like any other.
pub(crate) fn main() -> Exit {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            return if error.use_stderr() { Exit::Usage } else { Exit::Done };
        }
    };
    match std::panic::catch_unwind(|| run(cli)) {
        Ok(Ok(exit)) => exit,
        Ok(Err(failure)) => {
            out::say_raw(&failure.render());
            failure.exit()
        }
        Err(_) => Exit::Unexpected,
    }
}

fn run(cli: Cli) -> Result<Exit, Failure> {
    let session = Session::new(cli.globals);
    match cli.command {
        Command::Verify(args) => verify::run(&session, &args),
        Command::Plan(args) => plan::run(&session, &args),
        Command::Deploy(args) => deploy::run(&session, &args),
        Command::Status(args) => status::run(&session, &args),
        Command::Promote(args) => order::promote(&session, &args),
        Command::Pause(args) => order::pause(&session, &args),
        Command::Abort(args) => order::abort(&session, &args),
        Command::Resume(args) => resume::run(&session, &args),
        Command::Retry(args) => retry::run(&session, &args),
        Command::Undo(args) => undo::run(&session, &args),
        Command::Explain(args) => explain::run(&session, &args),
        Command::Replay(args) => replay::run(&session, &args),
        Command::Report(args) => report::run(&session, &args),
        Command::Appspec(args) => appspec::run(&session, &args.command),
        Command::Experiment(args) => experiment::run(&session, &args.command),
        Command::Pipeline(args) => pipeline::run(&session, &args.command),
        Command::Hook(args) => hook::run(&session, &args),
        Command::Migrate(args) => migrate::run(&session, &args),
        Command::Demo(args) => demo::run(&session, &args),
        Command::Sandbox(args) => sandbox::run(&session, &args),
        Command::Simulate(args) => simulate::run(&session, &args),
        Command::Judge(args) => judge::run(&session, &args),
        Command::Schema { of } => schema::run(of),
        Command::Completions { shell } => completions::run(shell),
        Command::Man { dir } => man::run(dir.as_deref()),
    }
}
