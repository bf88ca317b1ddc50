//! The command-line tool `bluegreen`.

mod args;
mod commands;
mod env;
mod error;
mod exit;
mod out;
mod render;

fn main() -> std::process::ExitCode {
    commands::main().into()
}
