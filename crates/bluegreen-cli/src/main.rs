//! The command-line tool `bluegreen`.

mod args;
mod commands;
mod env;
mod error;
mod exit;
mod look;
mod out;
mod render;

#[cfg(test)]
#[path = "../tests/cli/support/journal.rs"]
#[allow(dead_code, reason = "the tests of the binary use all of it")]
mod sample;

fn main() -> std::process::ExitCode {
    commands::main().into()
}
